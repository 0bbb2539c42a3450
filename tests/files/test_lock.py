"""One writer at a time: waiting, refusing by name, and no lock that outlives its process."""

from __future__ import annotations

import subprocess
import sys
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import polars as pl
import pytest

from cutis.data.columns import add_columns
from cutis.data.dataset import Dataset, DatasetCard
from cutis.data.duplicates import PAIRS, read_duplicates, write_duplicates
from cutis.data.split import split
from cutis.errors import CutisError
from cutis.files import only_writer
from cutis.papers.results import read, record
from cutis.schema.classes import ClassInfo

HOLDING = (
    "import sys, time; from cutis.files import only_writer\n"
    "with only_writer(sys.argv[1], 'cutis columns'):\n    print('in', flush=True); time.sleep(60)\n"
)


def made(folder: Path, n: int = 40) -> Dataset:
    folder.mkdir(parents=True)
    rows = {"image_id": [f"i{k:02}" for k in range(n)], "target": ["a", "b"] * (n // 2)}
    table = pl.DataFrame(rows).with_columns(status=pl.lit("ok"), file=pl.lit("images/x.jpg"))
    card = DatasetCard(name=folder.name, classes=tuple(ClassInfo(code=c, name=c) for c in "ab"))
    return Dataset(folder, card, table).save_into(folder)


def test_four_at_once_are_four_columns(tmp_path):
    data = made(tmp_path / "data")  # all four start from what is on the disk now

    def add(n: int) -> None:
        add_columns(data, pl.DataFrame({"image_id": ["i00"], f"dev{n}": [f"a{n}"]}))

    with ThreadPoolExecutor(4) as pool:
        list(pool.map(add, range(4)))
    assert Dataset.load(data.path).manifest.select(f"dev{n}" for n in range(4)).row(0) == ("a0", "a1", "a2", "a3")
    assert [p.name for p in data.path.iterdir() if p.name.startswith(".")] == []


def test_decisions_and_results_of_others_stay(tmp_path):
    data = [made(tmp_path / name, 4) for name in "abcd"]

    def look(k: int) -> None:
        row = ("a", "i00", "bcd"[k], "i01", "near", 0.5)
        write_duplicates([data[0], data[k + 1]], pl.DataFrame([row], schema=PAIRS, orient="row"))
        record(tmp_path / "results.csv", {"id": f"claim{k}", "world": "w", "verdict": "holds"})

    with ThreadPoolExecutor(3) as pool:
        list(pool.map(look, range(3)))
    assert sorted(read_duplicates(data[0])["other_dataset"]) == ["b", "c", "d"]
    assert [r["id"] for r in read(tmp_path / "results.csv", ("id", "world", "verdict"))] == [
        "claim0",
        "claim1",
        "claim2",
    ]


def test_of_two_splits_one_is_refused(tmp_path):
    data, refused = made(tmp_path / "data"), []

    def once(seed: int) -> None:
        try:
            split(data, seed=seed)
        except CutisError as error:
            refused.append(str(error))

    with ThreadPoolExecutor(2) as pool:
        list(pool.map(once, range(2)))
    assert [("is split already" in words) for words in refused] == [True]


def test_a_split_of_what_changed_meanwhile_is_refused(tmp_path):
    data = made(tmp_path / "data")
    Dataset(data.path, data.card, data.manifest.with_columns(target=pl.lit("a"))).save_into(data.path)
    with pytest.raises(CutisError, match="changed since it was read"):
        split(data)


def test_waiting_is_bounded_and_names_the_other(tmp_path, capsys):
    with subprocess.Popen([sys.executable, "-c", HOLDING, str(tmp_path)], stdout=subprocess.PIPE, text=True) as other:
        assert other.stdout is not None
        assert other.stdout.readline() == "in\n"
        with (
            pytest.raises(CutisError, match=rf"cutis columns \(process {other.pid}\) is writing here; nothing was"),
            only_writer(tmp_path, "me", wait=1.2),
        ):
            pass
        assert f"waiting for cutis columns (process {other.pid})" in capsys.readouterr().err
        other.kill()  # and its lock goes with it
        other.wait()
        with only_writer(tmp_path, "me", wait=0):
            assert (tmp_path / ".cutis.lock").read_text().startswith("me (process ")
    assert list(tmp_path.iterdir()) == []


def test_those_who_wait_come_one_after_another(tmp_path):
    inside, most, lock = 0, 0, threading.Lock()

    def work(_: int) -> None:
        nonlocal inside, most
        with only_writer(tmp_path / "file.csv", "work"):
            with lock:
                inside += 1
                most = max(most, inside)
            time.sleep(0.01)
            with lock:
                inside -= 1

    with ThreadPoolExecutor(5) as pool:
        list(pool.map(work, range(10)))
    assert most == 1
    assert list(tmp_path.iterdir()) == []


@pytest.mark.slow
def test_four_commands_at_once(tmp_path):
    """As users do it: every one succeeds, and none undoes another's."""
    data = made(tmp_path / "data")
    running = []
    for n in range(4):
        (tmp_path / f"c{n}.csv").write_text(f"image_id,dev{n}\ni00,a{n}\n")
        command = [sys.executable, "-m", "cutis", "columns", str(data.path), str(tmp_path / f"c{n}.csv")]
        running.append(subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE))
    assert [(p.communicate(timeout=120), p.returncode)[1] for p in running] == [0] * 4
    assert Dataset.load(data.path).manifest.select(f"dev{n}" for n in range(4)).row(0) == ("a0", "a1", "a2", "a3")
