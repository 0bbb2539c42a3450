"""What leaves the machine names no path of it: every file that a command writes is unpacked and searched."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

import pytest
from driving import in_process
from written import naming, places

from cutis.bundle.load import load_bundle
from cutis.files import reference, resolved, without_paths
from cutis.schema.evidence import Evidence
from cutis.schema.predictions import Predictions


@pytest.fixture
def here(tmp_path: Path) -> Path:
    """A folder whose name no file may say; commands are given absolute paths below it."""
    folder = tmp_path / "Zwetschgenbaum Müller"
    folder.mkdir()
    return folder


def test_what_commands_write_says_nothing_of_where_it_was_made(
    here: Path, frozen: Path, dataset: Any, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.chdir("/")  # so that no path is inside the working folder
    data, photos = here / "data", here / "photos"
    photos.mkdir()
    for row in dataset.manifest.head(30).iter_rows(named=True):
        (photos / row["target"]).mkdir(exist_ok=True)
        shutil.copy(dataset.path / row["file"], photos / row["target"])
    (photos / "broken.jpg").write_bytes(b"")
    (here / "more.csv").write_text("image_id,device\n" + "".join(f"I{i:03},a\n" for i in range(30)))
    shutil.copytree(dataset.path, data)
    shutil.copytree(frozen, here / "bundle")
    made = here / "made"
    for command in (
        ["import", photos, made / "imported"],
        ["columns", made / "imported", here / "more.csv"],
        ["split", made / "imported", "--test", 0.3, "--val", 0.2],
        ["calibrate", here / "bundle", data, "--out", made / "calibrated", "--calibrator", "temperature"],
        ["predict", here / "bundle", data, "--out", made / "test.parquet"],
        ["predict", made / "calibrated", photos, "--out", made / "folder.parquet"],
        ["evaluate", made / "test.parquet", "--out", made / "report", "--resamples", 40],
        ["compare", made / "test.parquet", made / "test.parquet", "--out", made / "comparison", "--resamples", 40],
        ["lint", data],
        ["check", made / "imported", "--out", made / "checked"],
        ["export", made / "imported", made / "exported", "--to", "csv"],
        ["corrupt", made / "imported", "--out", made / "corrupted", "--suite", "skin"],
    ):
        code, _, said = in_process(capsys, *command)
        assert code in (0, 1), (command, said)
    assert (made / "report" / "evidence.json").is_file()
    assert naming(made, *places(here), here.name.split()[1]) == []
    assert naming(data, *places(here)) == []
    # And still the pictures are found, from a report too, also when all is moved together.
    assert (made / "report" / "thumbs").is_dir()
    assert Predictions.load(made / "test.parquet").info.images == str(data)
    assert Evidence.load(made / "report" / "evidence.json").info.images == str(data)
    here.rename(here.with_name("moved"))
    moved = here.with_name("moved")
    assert Predictions.load(moved / "made" / "test.parquet").info.images == str(moved / "data")


def test_the_way_to_a_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    home, disk = tmp_path / "home" / "alice", tmp_path / "srv"
    monkeypatch.setattr(Path, "home", lambda: home)
    monkeypatch.chdir("/")
    for target, beside, way in (
        (home / "data" / "ham", home / "out", "../data/ham"),
        (home / "data", home, "data"),
        (home, home, "."),
        (disk / "data", disk / "out" / "today", "../../data"),
        (tmp_path / "home" / "bob" / "x", home / "out", ""),  # the way leads above the home folder, and names bob
        (home / "data", disk / "out", ""),
        ("/etc/hostname", disk, ""),
    ):
        assert reference(target, beside) == way, (target, beside)
        if way:
            target.mkdir(parents=True, exist_ok=True)
            assert resolved(way, beside) == str(target)
    monkeypatch.chdir(disk)  # what lies in the working folder is named from there, as one would type it
    assert reference(disk / "data", home / "out") == "data"
    assert resolved("data", home / "out") == str(disk / "data")
    assert reference(home / "data", disk / "out") == ""
    assert resolved("", home) == ""
    assert resolved("/an/old/file's", home) == "/an/old/file's"


def test_absolute_paths_in_settings_lose_their_folders():
    given = {"weights": "/home/alice/w.safetensors", "seed": 3, "x": ["C:\\Users\\alice\\t", "runs/t", None, "a/b"]}
    assert without_paths(given) == {"weights": "w.safetensors", "seed": 3, "x": ["t", "runs/t", None, "a/b"]}


def test_settings_of_bundles_made_before_do_not_travel_on(frozen: Path, dataset: Any, tmp_path: Path):
    bundle = load_bundle(frozen)
    card = bundle.card.model_copy(update={"trained": {"config": {"weights": "/home/alice/w.safetensors"}}})
    object.__setattr__(bundle, "card", card)
    bundle.predict(dataset, progress=False).save(tmp_path / "p.parquet")
    assert naming(tmp_path, "alice") == []
