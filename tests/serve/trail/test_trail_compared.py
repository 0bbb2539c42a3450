"""Whatever is changed beside the trail, by who owns the database and the disk, is found and named in a line."""

from __future__ import annotations

import re
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from driving import in_process
from sqlalchemy import text

from cutis.serve import trail
from cutis.serve.store.engine import Store
from serve.trail.conftest import Worked

READING = "(SELECT min(id) FROM readings WHERE case_id = '{first}' AND kind = 'signed')"
PHOTO = "(SELECT id FROM photographs WHERE case_id = '{first}' AND place = 0)"
ACCOUNT = "(SELECT id FROM accounts WHERE name = '%s')"
B = ACCOUNT % "reader-b"
LATER = "'2031-01-01 00:00:00.000000+00:00'"  # as SQLite has a time, and as PostgreSQL reads one
AT = {"sqlite": "'2031-01-01 00:00:00.000000'", "postgresql": LATER}

# What is done -> the lines that say it; N is any number.
TAMPERING: dict[str, tuple[list[str], list[str]]] = {
    "a signature changes hands": (
        [f"UPDATE readings SET account_id = {B} WHERE id = {READING}"],
        ["reading N of case {first} was changed since entry N: reader"],
    ),
    "and two change hands with each other": (
        [
            f"UPDATE readings SET account_id = CASE WHEN account_id = {B} THEN {ACCOUNT % 'reader-a'} ELSE {B} END "
            "WHERE case_id = '{second}' AND kind = 'blind'"
        ],
        ["reading N of case {second} was changed since entry N: reader"] * 2,
    ),
    "two accounts change names": (
        [
            f"UPDATE accounts SET name = 'x' WHERE id = {B}",
            "UPDATE accounts SET name = 'reader-b' WHERE name = 'reader-a'",
            "UPDATE accounts SET name = 'reader-a' WHERE name = 'x'",
        ],
        [
            'account "reader-a" was changed since entry N: created_at',
            'account "reader-a" was changed since entry N: password',
            'account "reader-b" was changed since entry N: created_at',
            'account "reader-b" was changed since entry N: password',
            "case {first} was changed since entry N: opened_by",
            "case {second} was changed since entry N: opened_by",
            "case {third} was changed since entry N: opened_by",
            *["reading N of case {first} was changed since entry N: reader"] * 2,
            *["reading N of case {second} was changed since entry N: reader"] * 3,
        ],
    ),
    "a reading's time": (
        [f"UPDATE readings SET created_at = {{at}} WHERE id = {READING}"],
        ["reading N of case {first} was changed since entry N: created_at"],
    ),
    "a reading's kind": (
        [f"UPDATE readings SET kind = 'blind' WHERE id = {READING}"],
        ["reading N of case {first} was changed since entry N: kind"],
    ),
    "what was read": (
        [f"UPDATE readings SET diagnosis = 'mel', confidence = NULL, override = '' WHERE id = {READING}"],
        ["reading N of case {first} was changed since entry N: diagnosis, confidence, override"],
    ),
    "a reading is moved to another case": (
        ["UPDATE readings SET case_id = '{third}' WHERE id = " + READING],
        [
            "reading N of case {first}, in entry N, was removed",
            "reading N of case {third} is not in the trail",
        ],
    ),
    "a reading is put there": (
        [
            "INSERT INTO readings (id, case_id, account_id, kind, created_at, diagnosis, management, override, "
            f"checklists) VALUES (99, '{{third}}', {B}, 'signed', {{at}}, 'nv', '', '', '{{{{}}}}')"
        ],
        ["reading 99 of case {third} is not in the trail"],
    ),
    "a reading is removed": (
        [f"DELETE FROM readings WHERE id = {READING}"],
        ["reading N of case {first}, in entry N, was removed"],
    ),
    "the model's answer": (
        [f"UPDATE answers SET predicted = 'other', answer_set = '[\"mel\"]' WHERE photograph_id = {PHOTO}"],
        ["the answer to photograph P of case {first} was changed since entry N: set, predicted"],
    ),
    "its probabilities": (
        [f"UPDATE answers SET probabilities = '{{{{\"nv\": 1.0}}}}' WHERE photograph_id = {PHOTO}"],
        ["the answer to photograph P of case {first} was changed since entry N: probabilities"],
    ),
    "its bundle and time": (
        [f"UPDATE answers SET bundle = 'other', created_at = {{at}} WHERE photograph_id = {PHOTO}"],
        ["the answer to photograph P of case {first} was changed since entry N: created_at, bundle"],
    ),
    "an answer is removed": (
        [f"DELETE FROM answers WHERE photograph_id = {PHOTO}"],
        ["the answer to photograph P of case {first}, in entry N, was removed"],
    ),
    "an answer is put over another": (
        [
            "INSERT INTO answers (id, photograph_id, bundle, created_at, status, predicted) "
            f"VALUES (99, {PHOTO}, 'b', {{at}}, 'ok', 'mel')"
        ],
        ["an answer to photograph P of case {first} is not in the trail"],
    ),
    "a case's note": (
        ["UPDATE cases SET note = note || '.' WHERE id = '{first}'"],
        ["case {first} was changed since entry N: note"],
    ),
    "a case's history": (
        ["UPDATE cases SET age = 20 WHERE id = '{first}'"],
        ["case {first} was changed since entry N: history"],
    ),
    "another patient": (
        ["UPDATE cases SET patient = 'p' WHERE id = '{second}'"],
        ["case {second} was changed since entry N: history"],
    ),
    "a case's state": (
        ["UPDATE cases SET state = 'signed' WHERE id = '{third}'"],
        ['case {third} is "signed"; by the readings in the trail it is "waiting"'],
    ),
    "a signed case waits again": (
        ["UPDATE cases SET state = 'waiting' WHERE id = '{first}'"],
        ['case {first} is "waiting"; by the readings in the trail it is "signed"'],
    ),
    "a case's team, urgency and time": (
        ["UPDATE cases SET team = 'other', priority = 0, history_reasons = '[\"x\"]', received_at = {at} "
         "WHERE id = '{second}'"],
        ["case {second} was changed since entry N: team, received_at, priority, history_reasons"],
    ),
    "who opened a case": (
        [f"UPDATE cases SET opened_by = {B} WHERE id = '{{first}}'"],
        ["case {first} was changed since entry N: opened_by"],
    ),
    "a case is removed with all that it has": (
        [
            "DELETE FROM answers WHERE photograph_id IN (SELECT id FROM photographs WHERE case_id = '{third}')",
            "DELETE FROM photographs WHERE case_id = '{third}'",
            "DELETE FROM cases WHERE id = '{third}'",
        ],
        ["case {third}, opened by entry N, was removed"],
    ),
    "a signed case is removed": (
        [
            "DELETE FROM readings WHERE case_id = '{first}'",
            "DELETE FROM answers WHERE photograph_id IN (SELECT id FROM photographs WHERE case_id = '{first}')",
            "DELETE FROM photographs WHERE case_id = '{first}'",
            "DELETE FROM cases WHERE id = '{first}'",
        ],
        [
            "case {first}, opened by entry N, was removed",
            *["reading N of case {first}, in entry N, was removed"] * 2,
        ],
    ),
    "a case is put there": (
        [
            "INSERT INTO cases (id, team, opened_by, received_at, symptoms, note, state, priority, reasons) "
            f"VALUES ('mine', 'clinic', {B}, {{at}}, '{{{{}}}}', '', 'waiting', 0, '[]')"
        ],
        ["case mine is not in the trail"],
    ),
    "two cases change places": (
        [
            "UPDATE photographs SET case_id = CASE case_id WHEN '{second}' THEN '{third}' ELSE '{second}' END "
            "WHERE case_id IN ('{second}', '{third}')"
        ],
        [
            "photograph P of case {second} is not in the trail",
            "an answer to photograph P of case {second} is not in the trail",
            "photograph P of case {second}, in entry N, was removed",
            "photograph P of case {third} is not in the trail",
            "an answer to photograph P of case {third} is not in the trail",
            "photograph P of case {third}, in entry N, was removed",
        ],
    ),
    "a photograph's digest": (
        [f"UPDATE photographs SET digest = '{'0' * 64}' WHERE id = {PHOTO}"],
        ["photograph P of case {first} was changed since entry N: digest"],
    ),
    "two photographs change pictures": (
        [
            "CREATE TEMPORARY TABLE was AS SELECT place, digest FROM photographs WHERE case_id = '{first}'",
            "UPDATE photographs SET digest = (SELECT was.digest FROM was WHERE was.place <> photographs.place) "
            "WHERE case_id = '{first}'",
        ],
        ["photograph P of case {first} was changed since entry N: digest"] * 2,
    ),
    "what was measured of it": (
        [f"UPDATE photographs SET mm_per_pixel = 0.5, kind = 'overview' WHERE id = {PHOTO}"],
        ["photograph P of case {first} was changed since entry N: kind, measured"],
    ),
    "the DICOM file beside it": (
        ["UPDATE photographs SET dicom = '{{}}' WHERE case_id = '{third}'"],
        ["photograph P of case {third} was changed since entry N: measured"],
    ),
    "a photograph is removed": (
        [f"DELETE FROM answers WHERE photograph_id = {PHOTO}", f"DELETE FROM photographs WHERE id = {PHOTO}"],
        [
            "photograph P of case {first} was changed since entry N: place",
            "photograph P of case {first}, in entry N, was removed",
        ],
    ),
    "a new administrator": (
        [
            "INSERT INTO accounts (id, name, password, role, team, created_at, disabled, failures) "
            "VALUES (99, 'mallory', 'x', 'admin', 'clinic', {at}, false, 0)"
        ],
        ['account "mallory" (admin) is not in the trail'],
    ),
    "a reader becomes one": (
        ["UPDATE accounts SET role = 'admin', team = 'other' WHERE name = 'reader-a'"],
        [
            'account "reader-a" was changed since entry N: role',
            'account "reader-a" was changed since entry N: team',
        ],
    ),
    "nobody's account gets a password": (
        ["UPDATE accounts SET password = 'x' WHERE name = 'local'"],
        ['account "local", which is nobody\'s, has a password or the role admin'],
    ),
    "and a role": (
        ["UPDATE accounts SET role = 'admin' WHERE name = 'watch folder'"],
        ['account "watch folder", which is nobody\'s, has a password or the role admin'],
    ),
    "another password": (
        ["UPDATE accounts SET password = 'x' WHERE name = 'boss'"],
        ['account "boss" was changed since entry N: password'],
    ),
    "an account is switched off": (
        ["UPDATE accounts SET disabled = true WHERE name = 'boss'"],
        ['account "boss" was changed since entry N: disabled'],
    ),
    "an entry's words": (
        ["UPDATE trail SET actor = 'reader-b' WHERE action = 'reading.signed' AND subject = '{first}'"],
        ["entry N: was changed (reading.signed by reader-b at T); its digest is of other values"],
    ),
    "an entry is removed with its reading": (
        [
            "DELETE FROM trail WHERE action = 'reading.signed' AND subject = '{first}'",
            f"DELETE FROM readings WHERE id = {READING}",
        ],
        ["entry N: follows entry N, so entry N is missing"],
    ),
    "two entries change places": (
        [
            "UPDATE trail SET sequence = -sequence WHERE sequence IN (5, 6)",
            "UPDATE trail SET sequence = 11 + sequence WHERE sequence IN (-5, -6)",
        ],
        ["entry N: does not seal entry N as it is now"],
    ),
    "an entry's time": (
        ["UPDATE trail SET at = '2020-01-01T00:00:00.000000+00:00' WHERE sequence = 3"],
        ["entry N: was changed (account.added by command line at T); its digest is of other values"],
    ),
}  # fmt: skip


def differences(session: Any) -> list[str]:
    verdict = trail.verify(trail.links(session))
    return [verdict.broken] if verdict.broken else trail.compare(session).differences


def general(line: str, worked: Worked) -> str:
    """Without the numbers and ids that differ from run to run."""
    for case, name in ((worked.first, "{first}"), (worked.second, "{second}"), (worked.third, "{third}")):
        line = line.replace(case, name)
    line = re.sub(r"photograph [\w-]{16}\b-?", "photograph P", line)
    line = re.sub(r" at \d{4}-\S+\)", " at T)", line)
    return re.sub(r"(entry|reading) (?!99)\d+", r"\1 N", line)


@pytest.mark.parametrize("how", TAMPERING)
def test_each_tampering_is_named(tampered: Callable[..., Any], worked: Worked, how: str) -> None:
    statements, expected = TAMPERING[how]
    with tampered() as session:
        at = AT[session.get_bind().dialect.name]
    with tampered(*(s.replace("{at}", at) for s in statements)) as session:
        assert sorted(general(line, worked) for line in differences(session)) == sorted(expected)


def test_what_was_not_tampered_with_is_whole(tampered: Callable[..., Any]) -> None:
    with tampered() as session:
        assert trail.verify(trail.links(session)).broken is None
        found = trail.compare(session)
        assert found == trail.Compared(cases=3, photographs=4, answers=4, readings=5, accounts=5)


@pytest.mark.parametrize(
    ("statement", "words"),
    [
        ({"sqlite": "DROP TRIGGER trail_no_delete",
          "postgresql": "DROP TRIGGER trail_only_added_to ON trail"}, "was removed"),
        ({"sqlite": "DROP TRIGGER readings_no_update",
          "postgresql": "ALTER TABLE readings DISABLE TRIGGER readings_only_added_to"}, "was "),
        ({"sqlite": "CREATE TRIGGER mine AFTER INSERT ON answers BEGIN UPDATE answers SET predicted = 'nv'; END",
          "postgresql": "CREATE TRIGGER mine AFTER INSERT ON answers EXECUTE FUNCTION cutis_only_added_to()"},
         "the trigger mine is none of the workbench's"),
        ({"postgresql": "CREATE OR REPLACE FUNCTION cutis_only_added_to() RETURNS trigger LANGUAGE plpgsql AS "
          "'BEGIN RETURN NULL; END'"}, "was changed or switched off"),
    ],
)  # fmt: skip
def test_triggers_are_looked_at(tampered: Callable[..., Any], statement: dict[str, str], words: str) -> None:
    with tampered() as session:
        done = statement.get(session.get_bind().dialect.name)
        if done is None:
            pytest.skip("SQLite's triggers have no function of their own")
        session.execute(text(done))
        found = differences(session)
        assert found
        assert all(words in line for line in found)


def test_a_trigger_made_anew_that_does_nothing(copy: Worked) -> None:
    """Under the same name, which a list of names would not tell."""
    store = Store.open(copy.url)
    with store.engine.begin() as connection:
        connection.execute(text("DROP TRIGGER trail_no_update"))
        connection.execute(text("CREATE TRIGGER trail_no_update BEFORE UPDATE ON trail BEGIN SELECT 1; END"))
    with store.snapshot() as session:
        [line] = differences(session)
    store.close()
    assert line == "the trigger trail_no_update, which refuses changes, was changed or switched off"


# The pictures' files, and the command.


def files(worked: Worked) -> list[Path]:
    return sorted(path for path in (worked.folder / "pictures").glob("??/*") if len(path.name) == 62)


def test_the_command_says_what_it_looked_at(worked: Worked, capsys: pytest.CaptureFixture[str]) -> None:
    code, said, _ = in_process(capsys, "audit-log", "verify", "--folder", worked.folder)
    assert code == 0, said
    assert "as the trail tells: 3 cases, 4 photographs, 4 answers, 5 readings and 5 accounts; 5 files" in said
    assert "without --since it can't be seen" in said
    code, said, _ = in_process(capsys, "audit-log", "verify", "--folder", worked.folder, "--no-pictures")
    assert code == 0
    assert "the pictures' files not looked at" in said


@pytest.mark.parametrize("what", ["changed", "exchanged", "removed", "not to be read"])
def test_pictures_on_the_disk(copy: Worked, what: str, capsys: pytest.CaptureFixture[str]) -> None:
    found = files(copy)
    assert len(found) == 5  # four photographs, one with its DICOM file
    first, second = found[:2]
    stat = first.stat()
    if what == "changed":
        first.write_bytes(first.read_bytes()[:-1] + b"\0")
    elif what == "exchanged":
        one, other = first.read_bytes(), second.read_bytes()
        first.write_bytes(other)
        second.write_bytes(one)
    elif what == "removed":
        first.unlink()
    else:
        first.unlink()
        first.mkdir()
    if first.is_file():
        import os

        os.utime(first, ns=(stat.st_atime_ns, stat.st_mtime_ns))
    code, said, _ = in_process(capsys, "audit-log", "verify", "--folder", copy.folder)
    lines = [line for line in said.splitlines() if line.startswith("DIFFERS: ")]
    assert code == 1
    assert len(lines) == (2 if what == "exchanged" else 1)
    words = {"changed": "was changed or exchanged", "exchanged": "was changed or exchanged", "removed": "was removed"}
    assert words.get(what, "can't be read") in lines[0]
    assert first.parent.name + first.name in said
    assert "BROKEN" in said
    assert in_process(capsys, "audit-log", "verify", "--folder", copy.folder, "--no-pictures")[0] == 0


def test_a_folder_of_pictures_that_is_not_there(copy: Worked, capsys: pytest.CaptureFixture[str]) -> None:
    shutil.rmtree(copy.folder / "pictures")
    code, _, said = in_process(capsys, "audit-log", "verify", "--folder", copy.folder)
    assert code == 2
    assert "no such folder of pictures" in said


def test_the_command_names_every_difference(copy: Worked, capsys: pytest.CaptureFixture[str]) -> None:
    store = Store.open(copy.url)
    with store.engine.begin() as connection:
        connection.execute(text("DROP TRIGGER readings_no_update"))
        connection.execute(text("UPDATE readings SET account_id = 2"))
        connection.execute(text("UPDATE cases SET note = 'x'"))
    store.close()
    code, said, _ = in_process(capsys, "audit-log", "verify", "--folder", copy.folder)
    assert code == 1
    assert said.count("DIFFERS: ") == 1 + 3 + 2  # the trigger, three notes, two readings of account 3
    assert "6 differences from the trail" in said


def test_what_an_earlier_version_did_not_note_is_counted(copy: Worked, capsys: pytest.CaptureFixture[str]) -> None:
    """A store of version 0.1, whose entries held less; what they held is compared, and times within bounds."""
    store = Store.open(copy.url)
    _as_first(store)
    code, said, _ = in_process(capsys, "audit-log", "verify", "--folder", copy.folder)
    assert code == 0, said
    assert "not compared: what 12 entries of an earlier version did not note yet" in said
    with store.engine.begin() as connection:
        connection.execute(text("DROP TRIGGER readings_no_update"))
        connection.execute(text("UPDATE readings SET account_id = 3 WHERE id = 1"))
        connection.execute(text("UPDATE readings SET created_at = '2020-01-01 00:00:00.000000' WHERE id = 2"))
        connection.execute(text("UPDATE cases SET received_at = '2020-01-01 00:00:00.000000', priority = 99"))
    with store.snapshot() as session:
        found = trail.compare(session).differences
    store.close()
    assert [general(line, copy) for line in found if line.startswith("reading")] == [
        "reading N of case {first} was changed since entry N: reader",
        "reading N of case {first} was changed since entry N: created_at",
    ]
    assert sum("was changed since entry" in line and "priority, received_at" in line for line in found) == 3


def _as_first(store: Store) -> None:
    """The trail written again as version 0.1 wrote it."""
    import json
    from dataclasses import asdict, replace

    fewer = {
        "case.opened": ("pictures", "priority", "reasons", "salt"),
        "account.added": ("role", "team"),
    }
    later = ("created_at", "password_seal", "probabilities")
    previous = "0" * 64
    with store.reading() as session:
        chain = list(trail.links(session))
    with store.engine.begin() as connection:
        for table in ("trail_no_update", "trail_no_delete"):
            connection.execute(text(f"DROP TRIGGER {table}"))
        for link in chain:
            content = json.loads(link.content)
            kept = {n: v for n, v in content.items() if n in fewer.get(link.action, content) and n not in later}
            for picture in kept.get("pictures", ()) if link.action == "case.opened" else ():
                del picture["measured"]
            plain = json.dumps(kept, sort_keys=True, separators=(",", ":"))
            made = replace(link, content=plain, previous=previous)
            made = replace(made, digest=made.sealed())
            previous = made.digest
            connection.execute(
                text(
                    "UPDATE trail SET content = :content, previous = :previous, digest = :digest WHERE sequence = "
                    ":sequence"
                ),
                {n: v for n, v in asdict(made).items() if n in ("content", "previous", "digest", "sequence")},
            )
        for change in ("UPDATE", "DELETE"):
            connection.execute(
                text(f"CREATE TRIGGER trail_no_{change.lower()} BEFORE {change} ON trail "
                     "BEGIN SELECT RAISE(ABORT, 'trail: rows are only ever added'); END")
            )  # fmt: skip
