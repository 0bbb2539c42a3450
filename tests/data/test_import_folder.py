"""The importer itself, on a folder of class folders: what is stored, what is refused, what is left behind."""

from __future__ import annotations

import hashlib
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

import cutis
from cutis.data.dataset import Dataset
from cutis.errors import CutisError
from cutis.image.decode import decode


def test_class_folders_become_a_dataset(class_folders, tmp_path):
    made = cutis.import_dataset(class_folders, tmp_path / "data")
    assert made.codes == ["melanoma", "nevus"]
    assert made.card.classes[0].malignant is True
    assert made.card.classes[1].diagnosis == "Benign:Benign melanocytic proliferations:Nevus"
    assert made.card.counts == {"images": 16, "ok": 16, "lesions": 0, "patients": 0}
    row = made.manifest.row(0, named=True)
    stored = (made.path / row["file"]).read_bytes()
    assert hashlib.sha256(stored).hexdigest() == row["sha256"]
    assert decode(stored, "x").shape[:2] == (row["height"], row["width"]) == (45, 60)
    assert row["diagnosis_1"] == "Malignant"
    assert Dataset.load(made.path).manifest.equals(made.manifest)


def test_the_same_source_gives_the_same_digest(class_folders, tmp_path):
    one = cutis.import_dataset(class_folders, tmp_path / "one")
    two = cutis.import_dataset(class_folders, tmp_path / "two")
    assert one.card.digest == two.card.digest
    assert (tmp_path / "one/manifest.parquet").read_bytes() == (tmp_path / "two/manifest.parquet").read_bytes()
    (class_folders / "nevus" / "nev0.jpg").unlink()
    assert cutis.import_dataset(class_folders, tmp_path / "three").card.digest != one.card.digest


def test_bad_images_are_rows_with_a_reason(class_folders, tmp_path, picture, encoded):
    bad = class_folders / "nevus"
    whole = encoded(picture(200, 200), "JPEG")
    (bad / "zero byte.jpg").write_bytes(b"")
    (bad / "renamed.jpg").write_text("this is a text")
    (bad / "cut.jpg").write_bytes(whole[: len(whole) // 2])
    (bad / "Ünïcode 画像.jpg").write_bytes(whole)
    (bad / "anim.gif").write_bytes(
        encoded(Image.fromarray(picture()), "GIF", save_all=True, append_images=[Image.fromarray(picture(seed=3))])
    )
    (bad / "notes.txt").write_text("not an image")
    (bad / ".hidden.jpg").write_bytes(b"")
    (class_folders / "loose.jpg").write_bytes(whole)
    made = cutis.import_dataset(class_folders, tmp_path / "data dir ü", reader="folder")
    rows = {r["image_id"]: r for r in made.manifest.rows(named=True)}
    assert "the file is empty" in rows["zero byte"]["reason"]
    assert "not an image" in rows["renamed"]["reason"]
    assert "truncated" in rows["cut"]["reason"]
    assert all(rows[i]["status"] == "error" and rows[i]["file"] is None for i in ("zero byte", "renamed", "cut"))
    assert rows["Ünïcode 画像"]["status"] == "ok"
    assert rows["anim"]["file"] == "images/anim.png"
    assert ".hidden" not in rows
    notes = " ".join(made.card.notes)
    for words in ("3 of 21 images could not be read", "1 files that are not images", "1 images outside", "animations"):
        assert words in notes


def test_same_names_in_different_folders_get_different_ids(tmp_path, picture, encoded):
    root = tmp_path / "src"
    for relative in ("a/1.jpg", "b/1.jpg", "a/deep/2.jpg", "a/3.jpg", "a/3.png"):
        (root / relative).parent.mkdir(parents=True, exist_ok=True)
        form = "PNG" if relative.endswith("png") else "JPEG"
        (root / relative).write_bytes(encoded(picture(seed=len(relative)), form))
    made = cutis.import_dataset(root, tmp_path / "data")
    assert sorted(made.manifest["image_id"]) == ["2", "a-1", "a-3-jpg", "a-3-png", "b-1"]


def test_train_and_test_folders_are_the_sources_split(class_folders, tmp_path):
    root = tmp_path / "parts"
    root.mkdir()
    for part in ("train", "test"):
        (root / part).mkdir()
        for c in ("nevus", "melanoma"):
            (root / part / c).mkdir()
            name = f"{c[:3]}{1 if part == 'train' else 2}.jpg"
            (root / part / c / name).write_bytes((class_folders / c / name).read_bytes())
    made = cutis.import_dataset(root, tmp_path / "data")
    assert sorted(made.manifest.select("image_id", "target", "source_split").rows()) == [
        ("mel1", "melanoma", "train"),
        ("mel2", "melanoma", "test"),
        ("nev1", "nevus", "train"),
        ("nev2", "nevus", "test"),
    ]


def test_what_cannot_be_imported_is_refused(class_folders, tmp_path):
    dest = tmp_path / "data"
    with pytest.raises(CutisError, match="no such file or folder"):
        cutis.import_dataset(tmp_path / "absent", dest)
    with pytest.raises(CutisError, match='reader "foldr": did you mean "folder"'):
        cutis.import_dataset(class_folders, dest, reader="foldr")
    with pytest.raises(CutisError, match="no class folders with images"):
        cutis.import_dataset(class_folders / "nevus", dest, reader="folder")
    with pytest.raises(CutisError, match="no layout that is known"):
        cutis.import_dataset(class_folders / "nevus", dest)
    with pytest.raises(CutisError, match="--label, --column and --images are for CSVs"):
        cutis.import_dataset(class_folders, dest, reader="folder", label="dx")
    with pytest.raises(CutisError, match="takes a folder"):
        cutis.import_dataset(class_folders / "nevus" / "nev0.jpg", dest, reader="folder")
    with pytest.raises(CutisError, match='licence "CC-BY-NB" is not known'):
        cutis.import_dataset(class_folders, dest, licence="CC-BY-NB")
    for path in (class_folders / "melanoma").iterdir():
        path.unlink()
    with pytest.raises(CutisError, match='one class only \\("nevus"\\)'):
        cutis.import_dataset(class_folders, dest)
    assert not dest.exists()


def test_an_existing_output_is_left_alone(class_folders, tmp_path):
    (tmp_path / "data").mkdir()
    (tmp_path / "data" / "mine.txt").write_text("keep")
    with pytest.raises(CutisError, match="exists already; nothing was changed"):
        cutis.import_dataset(class_folders, tmp_path / "data")
    assert [p.name for p in (tmp_path / "data").iterdir()] == ["mine.txt"]


def test_all_broken_is_an_error_and_leaves_nothing(class_folders, tmp_path):
    for path in class_folders.rglob("*.jpg"):
        path.write_bytes(b"")
    with pytest.raises(CutisError, match="none of the 16 images can be read; the first: the file is empty"):
        cutis.import_dataset(class_folders, tmp_path / "data")
    assert sorted(p.name for p in tmp_path.iterdir()) == ["photos"]


@pytest.mark.parametrize("stop", [KeyboardInterrupt, SystemExit])
def test_an_interrupted_import_leaves_nothing(stop, class_folders, tmp_path):
    def interrupted(items, total, label):
        for n, item in enumerate(items):
            if n == 5:
                raise stop
            yield item

    with pytest.raises(stop):
        cutis.import_dataset(class_folders, tmp_path / "data", progress=interrupted)
    assert sorted(p.name for p in tmp_path.iterdir()) == ["photos"]


def test_a_full_disk_is_told_and_leaves_nothing(class_folders, small_disk, monkeypatch):
    with pytest.raises(CutisError, match="are needed and 1 MB are free"):
        cutis.import_dataset(class_folders, small_disk / "data")
    assert not any(small_disk.iterdir())
    # The estimate can be wrong (others write too): then the write itself fails, and says so.
    monkeypatch.setattr("cutis.data.importing._check_disk", lambda found, dest: None)
    noise = np.random.default_rng(0).integers(0, 256, (700, 700, 3), dtype=np.uint8)
    Image.fromarray(noise).save(class_folders / "nevus" / "big.png")
    with pytest.raises(CutisError, match="the disk is full"):
        cutis.import_dataset(class_folders, small_disk / "data")
    assert not any(small_disk.iterdir())


def test_own_name_and_licence(class_folders, tmp_path):
    made = cutis.import_dataset(
        class_folders, tmp_path / "data", name="clinic", licence="cc-by-nc", attribution="Clinic X"
    )
    assert (made.card.name, made.card.licence, made.card.attribution) == ("clinic", "CC-BY-NC-4.0", "Clinic X")
    assert made.licence.commercial is False
    assert str(Path("/")) not in made.card.source
