"""A full disk: one line, exit code 2, and everything as it was. On a disk of 1 MB, where one may be mounted."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

import polars as pl
import pytest
from driving import in_process

from cutis.cli import main
from cutis.data.dataset import Dataset
from cutis.data.split import load_split, split
from cutis.errors import CutisError
from cutis.files import atomic_file, disk_errors
from cutis.phantom.dataset import make_dataset
from cutis.schema.classes import ClassInfo
from cutis.schema.predictions import Predictions, PredictionsInfo

ROOM = 8 * 1024  # bytes left: for an empty file, not for a table


@pytest.fixture(scope="module")
def whole(tmp_path_factory) -> Path:
    folder = tmp_path_factory.mktemp("whole") / "data"
    split(make_dataset(folder, 24, size=24, seed=0, classes=["mel", "nv"], balance="equal"))
    return folder


def fill(disk: Path, room: int = ROOM) -> None:
    free = shutil.disk_usage(disk).free - room
    (disk / "filling").write_bytes(b"\0" * max(free, 0))


def held(folder: Path) -> dict[str, bytes]:
    return {str(p.relative_to(folder)): p.read_bytes() for p in sorted(folder.rglob("*")) if p.is_file()}


@pytest.mark.parametrize(
    "command",
    [
        "columns DATA TABLE",
        "split DATA --overwrite --seed 3",
        "import PHOTOS DISK/made --as folder",
        "merge DATA DISK/made",
        "export DATA DISK/made --to csv",
        "phantom --out DISK/made --n 4 --size 64",
        "evaluate ANSWERS --out DISK/report --resamples 40",
        "deidentify PHOTOS DISK/made",
        "corrupt DATA DISK/made --only hair",
    ],
)
def test_one_line_and_everything_as_it_was(command, whole, small_disk, tmp_path, class_folders, capsys):
    data = Path(shutil.copytree(whole, small_disk / "data"))
    made = Dataset.load(data)
    ids = made.manifest["image_id"]
    rng_text = pl.Series([os.urandom(400).hex() for _ in ids])
    pl.DataFrame({"image_id": ids, "more": rng_text}).write_csv(tmp_path / "table.csv")
    rows = made.manifest.select("image_id", "lesion_id", "patient_id", "source", "target", predicted="target")
    answers = rows.with_columns(
        p_mel=pl.lit(0.5), p_nv=pl.lit(0.5), set=pl.lit(None, pl.List(pl.String)), ood=0.5, status=pl.lit("ok"),
        reason=pl.lit(None, pl.String),
    )  # fmt: skip
    Predictions(answers, PredictionsInfo(classes=made.card.classes)).save(tmp_path / "answers.parquet")
    fill(small_disk)
    before = held(small_disk)
    places = {
        "DATA": data, "DISK": small_disk, "TABLE": tmp_path / "table.csv", "PHOTOS": class_folders,
        "ANSWERS": tmp_path / "answers.parquet",
    }  # fmt: skip
    words = [str(places.get(w, w)).replace("DISK", str(small_disk)) for w in command.split()]
    code, _, err = in_process(capsys, *words)
    assert code == 2, err
    assert err.count("\n") == 1
    assert "disk" in err
    assert "full" in err or "are free on the disk" in err
    assert held(small_disk) == before
    assert load_split(data).proof.groups > 0


def test_predictions(whole, small_disk):
    table = Dataset.load(whole).manifest.select("image_id", "lesion_id", "patient_id", "source", "target")
    table = pl.concat([table.with_columns(pl.col("image_id") + f"_{k}") for k in range(200)])
    table = table.with_columns(
        predicted="target", p_mel=pl.lit(0.5), p_nv=pl.lit(0.5), set=pl.lit(None, pl.List(pl.String)), ood=0.5,
        status=pl.lit("ok"), reason=pl.lit(None, pl.String),
    )  # fmt: skip
    fill(small_disk)
    info = PredictionsInfo(classes=(ClassInfo(code="mel", name="m"), ClassInfo(code="nv", name="n")))
    with pytest.raises(CutisError, match=r"p\.parquet: the disk is full \(0 MB free\); nothing was kept"):
        Predictions(table, info).save(small_disk / "p.parquet")
    assert [p.name for p in small_disk.iterdir()] == ["filling"]


@pytest.mark.parametrize("room", [0, 4096, 8192, 12288, 16384])
def test_the_split_that_was_there_stays(room, whole, small_disk):
    """However far a split with --overwrite came."""
    data = Path(shutil.copytree(whole, small_disk / "data"))
    before = load_split(data)
    fill(small_disk, room)
    try:
        made = split(data, seed=5, overwrite=True)
    except CutisError as error:
        told, made = str(error), before
        assert "the disk is full" in told
    now = load_split(data)
    assert now.table.equals(made.table)
    assert now.proof == made.proof
    assert [p.name for p in data.rglob(".*")] == []


@pytest.mark.parametrize(
    ("number", "words"),
    [
        (28, r"x: the disk is full \(.* MB free"),
        (122, r"x: the disk is full \(.* MB free"),
        (13, "x: no permission to write here"),
        (30, "x: no permission to write here"),
        (36, "too long for a name on this disk"),
        (20, "a file stands where a folder is needed"),
    ],
)
def test_what_the_system_says_in_one_line(number, words, tmp_path):
    with pytest.raises(CutisError, match=words), disk_errors(tmp_path / "x"):
        raise OSError(number, os.strerror(number))


def test_a_name_that_is_too_long(tmp_path):
    with pytest.raises(CutisError, match="too long for a name"), atomic_file(tmp_path / ("x" * 300)):
        pass


def test_anywhere_else_too(monkeypatch, capsys, tmp_path):
    """What no command has words for: still one line."""

    def full(_: list[str]) -> int:
        raise OSError(28, os.strerror(28), str(tmp_path / "there"))

    monkeypatch.setattr("cutis.cli._run", full)
    with pytest.raises(SystemExit) as stopped:
        main(["info", "x"])
    assert stopped.value.code == 2
    assert "there: the disk is full (" in (err := capsys.readouterr().err)
    assert err.count("\n") == 1


def test_a_source_that_may_not_be_read_is_not_blamed_on_the_destination(tmp_path):
    source = tmp_path / "elsewhere" / "photo.jpg"
    for at, words in (
        (source, "photo.jpg: no permission to read it"),
        (tmp_path / "out" / "x", "no permission to write"),
    ):
        with pytest.raises(CutisError, match=words), disk_errors(tmp_path / "out" / "data"):
            raise PermissionError(13, os.strerror(13), str(at))
