"""DICOM in and out, driven as a user drives it."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

import pytest
from driving import typed

pytest.importorskip("highdicom")


def cutis(*arguments: object, cwd: Path) -> subprocess.CompletedProcess[str]:
    return typed(*arguments, cwd=cwd, env=os.environ | {"CUTIS_PSEUDONYM_KEY": "a key for tests only"})


def test_there_and_back(class_folders: Path) -> None:
    here = class_folders.parent
    assert cutis("import", "photos", "data", cwd=here).returncode == 0
    done = cutis("export", "data", "out", "--to", "dicom", cwd=here)
    assert done.returncode == 0, done.stderr
    assert "16 rows as dicom" in done.stdout
    assert "note: labels, the card, rows' licences and own columns are not held" in done.stdout
    assert not done.stderr
    assert len(list((here / "out" / "images").glob("*.dcm"))) == 16
    done = cutis("import", "out", "back", "--as", "dicom", cwd=here)
    assert done.returncode == 0, done.stderr
    assert "16 images" in done.stdout
    assert "note: 16 files were written by Cutis" in done.stdout
    for path in (here / "data" / "images").iterdir():
        assert (here / "back" / "images" / path.name).read_bytes() == path.read_bytes()


def test_what_is_refused(class_folders: Path) -> None:
    here = class_folders.parent
    assert cutis("import", "photos", "data", cwd=here).returncode == 0
    for arguments, words in (
        (("--to", "csv", "--results", "p.parquet"), "--results p.parquet: only --to dicom holds results."),
        (("--to", "dicom", "--results", "p.parquet"), "p.parquet: no such predictions file."),
    ):
        done = cutis("export", "data", "out", *arguments, cwd=here)
        assert done.returncode == 2
        assert words in done.stderr
        assert len(done.stderr.splitlines()) == 1
        assert not (here / "out").exists()
