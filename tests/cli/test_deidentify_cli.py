"""`cutis deidentify`, driven as a user drives it."""

from __future__ import annotations

from pathlib import Path

import pytest
from driving import in_process as cutis


@pytest.fixture
def photos(tmp_path: Path, picture, encoded) -> Path:
    folder = tmp_path / "photos"
    folder.mkdir()
    for n in range(3):
        (folder / f"Jane{n}.jpg").write_bytes(encoded(picture(seed=n), "JPEG", comment=b"Jane"))
    (folder / "table.csv").write_text(
        "image_id,patient_id,notes,dx\n" + "".join(f"Jane{n},7,hm,nv\n" for n in range(3))
    )
    return folder


def test_a_key_a_folder_and_an_import(photos: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]):
    key, out = tmp_path / "k", tmp_path / "out"
    code, said, err = cutis(capsys, "deidentify", "--new-key", key)
    assert (code, err) == (0, "")
    assert "a new key" in said
    code, said, err = cutis(capsys, "deidentify", photos, out, "--key-file", key)
    assert (code, err) == (0, "")
    assert "3 pictures clean, 3 with equal pixels" in said
    assert "removed: 3 comment" in said
    assert 'column "notes" left out' in said
    table = next((out / "tables").iterdir())
    code, said, err = cutis(capsys, "import", table, tmp_path / "data", "--images", out / "images")
    assert (code, err) == (0, "")
    assert "3 images, 0 lesions, 1 patients" in said


def test_a_bad_file_is_exit_1_and_named_only_here(photos: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]):
    (photos / "Jane_x.png").write_text("<svg/>")
    (photos / "letter.txt").write_text("Dear Jane")
    code, said, err = cutis(capsys, "deidentify", photos, tmp_path / "out", "--new-key", tmp_path / "k")
    assert (code, err) == (1, "")
    assert "Jane_x.png: not an image" in said
    assert "1 files left out" in said
    assert "Jane" not in (tmp_path / "out" / "deidentified.csv").read_text()


def test_bad_requests_are_one_line(photos: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]):
    loose = tmp_path / "loose"
    loose.write_bytes(bytes(32))
    loose.chmod(0o644)
    out = tmp_path / "out"
    for arguments, words in (
        (["deidentify"], "no folder to de-identify"),
        (["deidentify", photos], "no folder to write to"),
        (["deidentify", photos, out, "--key-file", tmp_path / "absent"], "cutis deidentify --new-key"),
        (["deidentify", photos, out, "--key-file", loose], "chmod 600"),
        (["deidentify", photos, out, "--key-file", loose, "--new-key", loose], "give one of them"),
        (["deidentify", "--new-key", loose], "exists already"),
    ):
        code, _, err = cutis(capsys, *arguments)
        assert code == 2
        assert words in err
        assert err.count("\n") == 1
    assert not out.exists()
