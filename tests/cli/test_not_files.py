"""Pipes, devices and links to nothing among the pictures: each a row with its reason, in every command."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

import numpy as np
import polars as pl
import pytest
from driving import in_process
from PIL import Image

from cutis.data.dataset import Dataset

pytestmark = [
    pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="this system has no named pipes"),
    pytest.mark.timeout(120),
]


def plant(folder: Path) -> None:
    os.mkfifo(folder / "pipe.jpg")
    (folder / "device.jpg").symlink_to("/dev/zero")
    (folder / "nowhere.jpg").symlink_to("/nowhere/at/all.jpg")


def test_import_and_deidentify(class_folders: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]):
    plant(class_folders / "nevus")
    code, said, _ = in_process(capsys, "import", class_folders, tmp_path / "data")
    assert code == 1
    assert "3 images could not be read" in said
    bad = Dataset.load(tmp_path / "data").manifest.filter(status="error").sort("image_id")
    assert bad["reason"].to_list() == ["a device, not a file", "no such file or directory", "a pipe, not a file"]
    code, said, _ = in_process(capsys, "deidentify", class_folders, tmp_path / "clean", "--new-key", tmp_path / "key")
    assert code == 1
    assert "16 pictures clean" in said
    assert "3 refused" in said


def test_among_dicom_files(tmp_path: Path, capsys: pytest.CaptureFixture[str]):
    world = pytest.importorskip("data.dicom_world")
    folder = tmp_path / "archive"
    folder.mkdir()
    world.save(world.tags_of(np.random.default_rng(0).integers(90, 200, (90, 120, 3), np.uint8)), folder / "a.dcm")
    os.mkfifo(folder / "pipe.dcm")
    os.mkfifo(folder / "IM0002")
    (folder / "device.DCM").symlink_to("/dev/zero")
    (folder / "nowhere.dcm").symlink_to("/nowhere/at/all.dcm")
    code, said, _ = in_process(capsys, "import", folder, tmp_path / "data", "--as", "dicom")
    assert code == 1
    assert "left out: 1 not a file" in said
    bad = Dataset.load(tmp_path / "data").manifest.filter(status="error")
    assert sorted(bad["reason"]) == ["a device, not a file", "a pipe, not a file", "no such file or directory"]
    code, said, _ = in_process(capsys, "deidentify", folder, tmp_path / "clean", "--new-key", tmp_path / "key")
    assert code == 1
    assert "1 pictures clean" in said
    assert "3 refused" in said


@pytest.mark.parametrize("name", ["pipe", "device"])
def test_a_source_that_is_no_file(name: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]):
    plant(tmp_path)
    code, _, said = in_process(capsys, "import", tmp_path / f"{name}.jpg", tmp_path / "data")
    assert code == 2
    assert "neither a file nor a folder" in said
    assert said.count("\n") == 1


def test_a_folder_removed_while_it_is_read(
    class_folders: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
):
    original = Path.iterdir

    def gone(self: Path):
        if self == class_folders / "nevus":
            shutil.rmtree(self, ignore_errors=True)
        return original(self)

    monkeypatch.setattr(Path, "iterdir", gone)
    code, _, said = in_process(capsys, "import", class_folders, tmp_path / "data", "--as", "folder")
    assert code == 2
    assert "nevus: was removed while the source was read" in said


def test_masks(tmp_path: Path, capsys: pytest.CaptureFixture[str]):
    mask = np.zeros((20, 30), np.uint8)
    mask[5:12, 5:20] = 255
    for side in ("predicted", "truth"):
        (tmp_path / side).mkdir()
        for k in range(12):
            Image.fromarray(mask).save(tmp_path / side / f"i{k:02}.png")
    for name in ("i00", "i01", "i02"):
        (tmp_path / "predicted" / f"{name}.png").unlink()
    os.mkfifo(tmp_path / "predicted" / "i00.png")
    (tmp_path / "predicted" / "i01.png").symlink_to("/dev/zero")
    (tmp_path / "predicted" / "i02.png").mkdir()
    arguments = (tmp_path / "predicted", tmp_path / "truth", "--out", tmp_path / "out", "--resamples", 40)
    code, said, _ = in_process(capsys, "evaluate-masks", *arguments)
    assert code == 1
    assert "dice                      0.750" in said
    rows = pl.read_csv(tmp_path / "out" / "images.csv").sort("image_id")
    wanted = ["a pipe, not a file", "a device, not a file", "is a directory"]
    assert rows["reason"].to_list()[:3] == [f"predicted mask: {reason}" for reason in wanted]


def test_what_replaced_a_datasets_files(class_folders: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]):
    in_process(capsys, "import", class_folders, tmp_path / "data")
    files = Dataset.load(tmp_path / "data").manifest["file"].to_list()
    (tmp_path / "data" / files[0]).unlink()
    os.mkfifo(tmp_path / "data" / files[0])
    code, _, _ = in_process(capsys, "tone", tmp_path / "data")
    assert code in (0, 1)
    assert pl.read_parquet(tmp_path / "data" / "tone.parquet")["reason"][0] == "a pipe, not a file"
    for to in ("coco", "csv", "webdataset", "dicom"):
        code, _, said = in_process(capsys, "export", tmp_path / "data", tmp_path / to, "--to", to)
        assert code == 2
        assert "is missing; the dataset is incomplete" in said
        assert not (tmp_path / to).exists()
    code, _, said = in_process(capsys, "corrupt", tmp_path / "data", tmp_path / "bad", "--size", 32)
    assert (code, said.count("\n")) == (2, 1)
    assert "a pipe, not a file" in said
