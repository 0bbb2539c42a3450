"""A folder de-identified: names, tables, log, keys, and everything that can be wrong with it."""

from __future__ import annotations

import csv
import json
import os
from pathlib import Path

import numpy as np
import planted_identity as planted
import polars as pl
import pytest

from cutis.data.deidentify import deidentify, new_key, read_key
from cutis.data.deidentify.columns import clamped_age, column_of
from cutis.data.pseudonym import pseudonym
from cutis.errors import CutisError
from cutis.image.decode import decode

KEY = b"a key of thirty-two bytes, fixed"
TABLE = """image_id,file,Patient ID,patient_name,birth_date,visit_date,biopsy,age,sex,dx,notes,phone,mm,visits
Jane_1,Mueller/Jane_1.jpg,P17,Jane Mueller,1931-02-03,2024-03-05,05.03.2024 10:11,92,f,mel,ask Dr. Jane,4433221,4.5,2
Jane_2,Mueller/Jane_2.png,P17,Jane Mueller,1931-02-03,2024-04-01,17.04.2024,92,female,nv,,4433221,3.25,1
Jane_3,scans/Jane_3.dcm,P9,Jane Meier,1990-05-06,2021-01-10,11.01.2021,30,male,nv,none,1234567,,11
,,,,,,,,,,,,,
"""


@pytest.fixture
def clinic(tmp_path: Path, picture) -> Path:
    """A JPEG, a PNG, a DICOM file, a table, a letter, and three bad files."""
    pytest.importorskip("pydicom")
    root = tmp_path / "Clinic"
    for name in ("Mueller", "scans"):
        (root / name).mkdir(parents=True)
    marks = planted.Marks()
    (root / "Mueller" / "Jane_1.jpg").write_bytes(planted.jpeg(picture(), marks, orientation=6))
    (root / "Mueller" / "Jane_2.png").write_bytes(planted.png(picture(seed=1), marks))
    (root / "scans" / "Jane_3.dcm").write_bytes(planted.dicom(picture(seed=2), marks))
    (root / "Jane.svg.png").write_text("<svg>Jane</svg>")
    (root / "Jane_cut.jpg").write_bytes(planted.jpeg(picture(), planted.Marks())[:-2500])
    (root / "Jane_bad.dcm").write_bytes(bytes(128) + b"DICMJane")
    (root / "Jane_letter.txt").write_text("Dear Jane")
    (root / "Jane.csv").write_text(TABLE)
    return root


def everything_in(folder: Path) -> bytes:
    """Names and bytes of all its files."""
    files = (path for path in sorted(folder.rglob("*")) if path.is_file())
    return b"".join(str(path.relative_to(folder)).encode() + path.read_bytes() for path in files)


def test_a_clinics_folder(clinic: Path, tmp_path: Path):
    out = tmp_path / "out"
    report = deidentify(clinic, out, KEY)
    assert not report.complete
    assert {o.source.name: o.status for o in report.files} == {
        "Jane_1.jpg": "ok", "Jane_2.png": "ok", "Jane_3.dcm": "ok", "Jane.svg.png": "refused",
        "Jane_cut.jpg": "refused", "Jane_bad.dcm": "refused", "Jane_letter.txt": "left out",
    }  # fmt: skip
    data = everything_in(out)
    for word in (b"Jane", b"Mueller", b"Meier", b"Clinic", b"scans", b"1931", b"4433221", b"P17", b"2024-0"):
        assert word not in data, word
    assert {p.name for p in out.iterdir()} == {"images", "dicom", "tables", "deidentified.csv", "deidentified.json"}
    with (out / "deidentified.csv").open() as f:
        log = list(csv.DictReader(f))
    assert [row["pseudonym"] for row in log] == sorted(row["pseudonym"] for row in log)
    by = {row["pseudonym"]: row for row in log}
    first = by[pseudonym(KEY, "image", "Mueller/Jane_1.jpg")]
    assert (first["pixels"], first["width"], first["height"]) == ("re-encoded", "45", "60")
    assert 0 < float(first["mean_error"]) < 2
    assert "GPS 1" in first["removed"]
    second = by[pseudonym(KEY, "image", "Mueller/Jane_2.png")]
    assert second["folder"] == first["folder"] != ""
    assert (second["pixels"], second["max_error"]) == ("equal", "0")
    assert np.array_equal(
        decode((out / second["file"]).read_bytes(), "x"), decode((clinic / "Mueller/Jane_2.png").read_bytes(), "x")
    )
    assert all(row["reason"] for row in log if row["status"] != "ok")
    summary = json.loads((out / "deidentified.json").read_text())
    assert summary["files"] == {"ok": 3, "refused": 3, "left out": 1}
    assert summary["removed"]["GPS"] >= 2


def test_the_table(clinic: Path, tmp_path: Path):
    report = deidentify(clinic, tmp_path / "out", KEY)
    (table,) = report.tables
    frame = pl.read_csv(tmp_path / "out" / "tables" / f"{table.name}.csv", infer_schema=False)
    assert set(table.dropped) == {"patient_name", "birth_date", "notes", "phone"}
    image = pseudonym(KEY, "image", "Mueller/Jane_1.jpg")
    assert frame["image_id"][0] == frame["file"][0] == image
    assert (tmp_path / "out" / "images" / f"{image}.jpg").is_file()
    assert frame["Patient ID"].to_list()[:2] == [pseudonym(KEY, "patient", "P17")] * 2
    assert frame["visit_date_days"].to_list() == ["0", "27", "0"]
    assert frame["biopsy_days"].to_list() == ["0", "43", "1"]  # from the patient's first date in any column
    assert frame["age"].to_list() == ["85", "85", "30"]
    assert frame["dx"].to_list() == ["mel", "nv", "nv"]
    assert frame["mm"].to_list() == ["4.5", "3.25", None]
    assert frame["visits"].to_list() == ["2", "1", "11"]
    kept = deidentify(clinic, tmp_path / "more", KEY, keep=["notes"]).tables[0]
    assert "notes" in kept.kept
    with pytest.raises(CutisError, match='did you mean "notes"'):
        deidentify(clinic, tmp_path / "other", KEY, keep=["note"])
    assert not (tmp_path / "other").exists()


def test_a_patient_has_one_pseudonym_in_tables_and_dicom(clinic: Path, tmp_path: Path):
    import pydicom

    who = str(pydicom.dcmread(clinic / "scans" / "Jane_3.dcm").PatientID)
    (clinic / "Jane.csv").write_text(f"image_id,patient_id\nJane_3,{who}\n")
    out = tmp_path / "out"
    report = deidentify(clinic, out, KEY)
    frame = pl.read_csv(out / "tables" / f"{report.tables[0].name}.csv")
    tags = pydicom.dcmread(out / "dicom" / f"{frame['image_id'][0]}.dcm")
    assert tags.PatientID == frame["patient_id"][0]


def test_the_same_key_gives_the_same_bytes_and_another_other_names(clinic: Path, tmp_path: Path):
    for name, key in (("a", KEY), ("b", KEY), ("c", KEY[::-1])):
        deidentify(clinic, tmp_path / name, key)
    assert everything_in(tmp_path / "a") == everything_in(tmp_path / "b")
    names = [{p.stem for p in (tmp_path / n / "images").iterdir()} for n in "ac"]
    assert not names[0] & names[1]


@pytest.mark.parametrize(
    ("name", "cells", "action"),
    [
        ("isic_id", ["a"], "pseudonym"),
        ("MRN", ["12345"], "pseudonym"),
        ("PatientID", ["12345"], "pseudonym"),
        ("scanner_id", ["x"], "pseudonym"),
        ("dob", ["1.2.1961"], "drop"),
        ("taken", ["2024-03-05T10:11:12", ""], "days"),
        ("taken", ["20240305", "20231231"], "days"),
        ("taken", ["03/05/2024", "04/05/2024"], "drop"),  # March or May?
        ("taken", ["13/05/2024", "04/05/2024"], "days"),
        ("exam_date", ["spring", "2024"], "drop"),
        ("age_at_visit", ["45", "90+"], "age"),
        ("age", ["middle"], "age"),
        ("sex", ["f", "m"], "words"),
        ("diagnosis", ["nevus", "melanoma, seen 3.4.2021"], "words"),
        ("localization", ["back", "unknown"], "words"),
        ("operator", ["Dr. Jane", "Dr. Jane"], "drop"),
        ("score", ["0.25", "-3e-2", ""], "numbers"),
        ("flag", ["True", "False"], "numbers"),
        ("ward", ["1024", "3"], "drop"),
        ("zip_code", ["123"], "drop"),
        ("latitude", ["47.37"], "drop"),
        ("12.5", ["13.5"], "drop"),  # a table without a header
        ("Jane 1961", ["3"], "drop"),
        ("Jane", ["3"], "drop"),
        ("lesion size (mm)", ["3"], "numbers"),
        ("comment", ["", ""], "drop"),
    ],
)
def test_columns(name: str, cells: list[str], action: str):
    assert column_of(name, cells).action == action


def test_ages_are_clamped():
    assert [clamped_age(a) for a in ("84", "85", "85+", "103", "30.7", "unknown", "")] == [
        "84", "85", "85", "85", "30", "", "",
    ]  # fmt: skip


def test_dates_without_a_patient_are_dropped(tmp_path: Path, picture, encoded):
    (tmp_path / "in").mkdir()
    (tmp_path / "in" / "a.png").write_bytes(encoded(picture(), "PNG"))
    (tmp_path / "in" / "t.csv").write_text("image_id,taken\na,2024-03-05\n")
    (tmp_path / "in" / "ragged.csv").write_text("a,b\nJane\n")
    report = deidentify(tmp_path / "in", tmp_path / "out", KEY)
    assert not report.complete
    tables = {t.source.name: t for t in report.tables}
    assert "no patient column" in tables["t.csv"].dropped["taken"]
    assert "cells" in tables["ragged.csv"].reason
    assert b"Jane" not in everything_in(tmp_path / "out")


def test_two_images_of_one_name_are_not_mixed_up(tmp_path: Path, picture, encoded):
    for folder in ("p1", "p2"):
        (tmp_path / "in" / folder).mkdir(parents=True)
        (tmp_path / "in" / folder / "a.png").write_bytes(encoded(picture(), "PNG"))
    (tmp_path / "in" / "t.csv").write_text("image_id,file\na,p2/a.png\n")
    report = deidentify(tmp_path / "in", tmp_path / "out", KEY)
    frame = pl.read_csv(tmp_path / "out" / "tables" / f"{report.tables[0].name}.csv")
    assert frame["file"][0] == pseudonym(KEY, "image", "p2/a.png")
    assert frame["image_id"][0] not in {o.name for o in report.files}


def test_an_unreadable_file_is_a_row(clinic: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    opened = os.open

    def denied(path: Path, *given: int, **named: object) -> int:
        if Path(path).name == "Jane_2.png":
            raise PermissionError(13, "Permission denied", str(path))
        return opened(path, *given, **named)

    monkeypatch.setattr(os, "open", denied)
    report = deidentify(clinic, tmp_path / "out", KEY)
    (row,) = [o for o in report.files if o.source.name == "Jane_2.png"]
    assert (row.status, row.reason) == ("refused", "permission denied")


def test_what_cannot_be_done_leaves_nothing(clinic: Path, tmp_path: Path):
    (tmp_path / "full").mkdir()
    (tmp_path / "full" / "x").touch()
    (tmp_path / "empty").mkdir()
    (tmp_path / "letters").mkdir()
    (tmp_path / "letters" / "a.txt").write_text("Jane")
    for folder, out, words in (
        (clinic, tmp_path / "full", "exists already"),
        (clinic, clinic / "out", "lies inside"),
        (tmp_path / "absent", tmp_path / "out", "no such folder"),
        (tmp_path / "empty", tmp_path / "out", "no files in it"),
        (tmp_path / "letters", tmp_path / "out", "no picture, DICOM file or CSV table"),
    ):
        with pytest.raises(CutisError, match=words):
            deidentify(folder, out, KEY)
    assert {p.name for p in tmp_path.iterdir()} == {"Clinic", "full", "empty", "letters"}


def test_an_interrupted_run_leaves_nothing(clinic: Path, tmp_path: Path):
    def stopped(items, total, label):
        yield next(iter(items))
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        deidentify(clinic, tmp_path / "out", KEY, progress=stopped)
    assert {p.name for p in tmp_path.iterdir()} == {"Clinic"}


def test_keys(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    path = tmp_path / "keys" / "k"
    with pytest.raises(CutisError, match=f"Make one: cutis deidentify --new-key {path}"):
        read_key(path)
    new_key(path)
    assert path.stat().st_mode & 0o777 == 0o600
    assert len(read_key(path)) == 32
    with pytest.raises(CutisError, match="exists already"):
        new_key(path)
    for mode in (0o644, 0o640, 0o602):
        path.chmod(mode)
        with pytest.raises(CutisError, match=f"mode {mode:o}"):
            read_key(path)
    path.chmod(0o600)
    path.write_bytes(b"short")
    with pytest.raises(CutisError, match="5 bytes"):
        read_key(path)
    with pytest.raises(CutisError, match="a folder"):
        read_key(tmp_path)
    monkeypatch.delenv("CUTIS_PSEUDONYM_KEY", raising=False)
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "config"))
    own = read_key(None)
    assert read_key(None) == own
    (tmp_path / "config" / "cutis" / "pseudonym.key").chmod(0o644)
    with pytest.raises(CutisError, match="mode 644"):
        read_key(None)
