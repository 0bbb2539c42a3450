"""Whoever owns the database writes into it what no workbench does: the check says where, in one line, and goes on."""

from __future__ import annotations

import os
import sqlite3
from pathlib import Path

import pytest
from driving import in_process

from serve.trail.conftest import Worked

FIRST = "WHERE id = '{first}'"
FORGED = {
    "a time that is none": (f"UPDATE cases SET received_at = 'garbage' {FIRST}", "case {first} holds a value"),
    "a reading's time": ("UPDATE readings SET created_at = 'x' WHERE case_id = '{first}'", "case {first} holds"),
    "no JSON": (f"UPDATE cases SET symptoms = '{{{{bad' {FIRST}", "case {first} holds a value"),
    "endless nesting": (f"UPDATE cases SET symptoms = '{'[' * 100_000}' {FIRST}", "case {first} holds a value"),
    "a number of 5,000 digits": (f"UPDATE cases SET symptoms = '{'9' * 5000}' {FIRST}", "case {first} holds a value"),
    "NaN": (f"UPDATE cases SET symptoms = '{{{{\"itch\": NaN}}}}' {FIRST}", "case {first} holds a value"),
    "infinity": ("UPDATE photographs SET mm_per_pixel = 9e999 WHERE case_id = '{first}'", "case {first} holds"),
    "bytes": (f"UPDATE cases SET note = X'ff' {FIRST}", "case {first} holds a value"),
    "an account's time": ("UPDATE accounts SET created_at = 'x'", "the accounts hold a value"),
    "a list for a header": ("UPDATE photographs SET dicom = '[1]' WHERE case_id = '{first}'", "was changed since"),
    "a digest that is a path": (
        "UPDATE photographs SET digest = '../../etc/passwd' WHERE case_id = '{first}'", "its file's digest is none"),
    "bytes in an entry": ("UPDATE trail SET content = X'ff' WHERE sequence = 3", "entry 3: was changed; its content"),
    "bytes for an entry's time": ("UPDATE trail SET at = X'ff' WHERE sequence = 3", "entry 3: was changed; its at"),
    "text that is none": ("UPDATE trail SET actor = CAST(X'ff' AS TEXT) WHERE sequence = 3", "it can't be read"),
    "no table": ("DROP TABLE answers", "it can't be read"),
}  # fmt: skip


@pytest.mark.parametrize("how", FORGED)
def test_a_value_that_no_workbench_writes(copy: Worked, how: str, capsys: pytest.CaptureFixture[str]) -> None:
    statement, words = (text.format(**vars(copy)) for text in FORGED[how])
    with sqlite3.connect(copy.folder / "cutis.db") as database:
        triggers = database.execute("SELECT name, sql FROM sqlite_master WHERE type = 'trigger'").fetchall()
        for name, _ in triggers:
            database.execute(f"DROP TRIGGER {name}")
        database.execute(statement)
        for _, sql in triggers:
            database.execute(sql)
    database.close()
    code, said, failed = in_process(capsys, "audit-log", "verify", "--folder", copy.folder)
    assert code == (2 if "can't be read" in words else 1)
    assert words in said + failed
    if "holds a value" in words:
        assert "of 2 cases" in said or "of 3 cases" in said  # the others were compared
        assert "belong to no case" not in said


@pytest.mark.parametrize("what", ["pipe", "device"])
@pytest.mark.timeout(60)
def test_a_picture_that_is_no_file(copy: Worked, what: str, capsys: pytest.CaptureFixture[str]) -> None:
    picture: Path = next(path for path in (copy.folder / "pictures").glob("??/*") if len(path.name) == 62)
    picture.unlink()
    if what == "pipe":
        os.mkfifo(picture)
    else:
        picture.symlink_to("/dev/zero")
    code, said, _ = in_process(capsys, "audit-log", "verify", "--folder", copy.folder)
    assert code == 1
    assert "can't be read (it is no file)" in said
