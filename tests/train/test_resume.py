"""A run that was stopped, wherever, and goes on: the same weights, and nothing hidden left."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors.numpy import load_file

import cutis
from cutis.data.dataset import Dataset
from cutis.errors import CutisError
from cutis.files import read_json
from cutis.files.lock import hold
from cutis.train import checkpoint
from cutis.train.config import TrainConfig
from cutis.train.loop import Trainer

QUICK = {"size": 32, "batch_size": 32, "dropout": 0.2, "epochs": 3, "checkpoint_seconds": 0.0}


def weights(out: Path) -> dict[str, np.ndarray]:
    return load_file(out / "bundle" / "weights.safetensors")


def same(a: Path, b: Path) -> bool:
    one, other = weights(a), weights(b)
    return one.keys() == other.keys() and all(np.array_equal(one[k], other[k]) for k in one)


@pytest.mark.parametrize("more", [{}, {"patience": 1}, {"precision": "bf16-mixed"}], ids=["plain", "patience", "bf16"])
def test_stopped_twice_it_gives_the_same_weights(skin: Dataset, tmp_path: Path, light, stop, more: dict):
    """At no checkpoint yet, and in the middle."""
    cutis.train(skin, tmp_path / "whole", **QUICK, **more)
    for n, after in enumerate((0, 2, None)):
        stop(after=after)
        if after is None:
            cutis.train(skin, tmp_path / "run", resume=True)
        else:
            with pytest.raises(KeyboardInterrupt):
                cutis.train(skin, tmp_path / "run", resume=n > 0, **({} if n else QUICK | more))
    assert same(tmp_path / "whole", tmp_path / "run")
    assert [p.name for p in (tmp_path / "run").iterdir() if p.name.startswith(".")] == []
    assert (tmp_path / "run" / "log.jsonl").read_text().count("\n") == len(light[-1]["history"])


def test_threads_are_kept_with_a_run(skin: Dataset, tmp_path: Path, light, stop):
    """Sums over another number of threads have other last bits."""
    before = torch.get_num_threads()
    try:
        torch.set_num_threads(1)
        cutis.train(skin, tmp_path / "whole", **QUICK)
        stop(after=4)
        with pytest.raises(KeyboardInterrupt):
            cutis.train(skin, tmp_path / "run", **QUICK)
        stop(after=None)
        torch.set_num_threads(2)
        cutis.train(skin, tmp_path / "run", resume=True)
        assert torch.get_num_threads() == 2
    finally:
        torch.set_num_threads(before)
    assert read_json(tmp_path / "run" / "config.json")["threads"] == 1
    assert same(tmp_path / "whole", tmp_path / "run")


def test_what_a_killed_freeze_left_is_swept(skin: Dataset, tmp_path: Path, light, stop):
    """It was a folder, and `--resume` tried to unlink it as if it were a file."""
    stop(after=2)
    with pytest.raises(KeyboardInterrupt):
        cutis.train(skin, tmp_path / "run", **QUICK)
    left = tmp_path / "run" / ".cutis-bundle-abcd1234"
    left.mkdir()
    (left / "model.onnx").write_bytes(b"half")
    (tmp_path / "run" / ".cutis-abcd1234.pt").write_bytes(b"half a checkpoint")
    stop(after=None)
    cutis.train(skin, tmp_path / "run", resume=True)
    assert sorted(p.name for p in (tmp_path / "run").iterdir()) == [
        "bundle", "checkpoint.pt", "config.json", "log.jsonl",
    ]  # fmt: skip


def test_killed_before_its_settings_were_written_it_starts_anew(skin: Dataset, tmp_path: Path, light):
    run = tmp_path / "run"
    run.mkdir()
    (run / ".cutis-abcd1234.json").write_text("{")
    with pytest.raises(CutisError, match=r"nothing to resume .* Start it without --resume"):
        cutis.train(skin, run, resume=True)
    cutis.train(skin, run, **QUICK)
    assert not list(run.glob(".cutis*"))


def test_two_do_not_train_in_one_folder(skin: Dataset, tmp_path: Path, light, stop, monkeypatch: pytest.MonkeyPatch):
    stop(after=2)
    with pytest.raises(KeyboardInterrupt):
        cutis.train(skin, tmp_path / "run", **QUICK)
    stop(after=None)
    (tmp_path / "run" / ".cutis.lock").write_text("cutis train (process 7)")
    handle = hold(tmp_path / "run" / ".cutis.lock")
    if handle is None:
        pytest.skip("no locks on this disk")
    try:
        with pytest.raises(CutisError, match=r"cutis train \(process 7\) is writing here"):
            cutis.train(skin, tmp_path / "run", resume=True)
    finally:
        os.close(handle)
    cutis.train(skin, tmp_path / "run", resume=True)


def test_a_full_disk_is_one_line_and_keeps_the_checkpoint(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    """/dev/full answers every write as a full disk does; torch makes a RuntimeError of it."""
    from contextlib import contextmanager

    if not Path("/dev/full").exists():
        pytest.skip("no /dev/full here")
    checkpoint.save(tmp_path / "checkpoint.pt", {"step": torch.ones(3)})

    @contextmanager
    def full(path: Path):
        yield Path("/dev/full")

    monkeypatch.setattr(checkpoint, "atomic_file", full)
    with pytest.raises(
        CutisError, match=r"the disk is full .* kept. Free some space and go on with --resume"
    ) as caught:
        checkpoint.save(tmp_path / "checkpoint.pt", {"step": torch.zeros(1_000_000)})
    assert "\n" not in str(caught.value)
    assert checkpoint.load(tmp_path / "checkpoint.pt")["step"].tolist() == [1, 1, 1]


def test_weights_it_started_from_are_needed_only_until_the_first_checkpoint(
    skin: Dataset, tmp_path: Path, light, stop, monkeypatch: pytest.MonkeyPatch
):
    """And their path on this machine is in no file of the run or its bundle."""
    cutis.train(skin, tmp_path / "first", **QUICK)
    file = tmp_path / "first" / "bundle" / "weights.safetensors"
    stop(after=2)
    with pytest.raises(KeyboardInterrupt):
        cutis.train(skin, tmp_path / "run", weights=str(file), **QUICK)
    saved = (tmp_path / "run" / "config.json").read_text()
    assert read_json(tmp_path / "run" / "config.json")["config"]["weights"] == "../first/bundle/weights.safetensors"
    assert str(tmp_path) not in saved
    with pytest.raises(CutisError, match="leave it out to resume"):
        cutis.train(skin, tmp_path / "run", resume=True, weights=str(tmp_path / "first" / "checkpoint.pt"))
    monkeypatch.chdir(tmp_path)
    stop(after=2)
    with pytest.raises(KeyboardInterrupt):
        cutis.train(skin, tmp_path / "run", resume=True, weights="first/bundle/weights.safetensors")
    file.rename(tmp_path / "gone")
    stop(after=None)
    cutis.train(skin, tmp_path / "run", resume=True)
    assert light[-1]["trained"]["config"]["weights"] == "weights.safetensors"


def test_what_training_says_travels_with_the_bundle(skin: Dataset, tmp_path: Path, light):
    """The best weights' own scores, not the last ones'; and that this is no better than chance."""
    cutis.train(skin, tmp_path / "run", **(QUICK | {"epochs": 6, "patience": 2, "learning_rate": 0.05}))
    told = light[-1]
    history, scored = told["history"], told["trained"]["validation"]
    best = min(history, key=lambda row: row["log_loss"])
    assert (scored["step"], scored["log_loss"]) == (best["step"], pytest.approx(best["log_loss"]))
    assert {"units", "unit", "chance", "p_chance", "above_chance"} <= set(scored)
    assert [limit.code for limit in told["limits"]] == ([] if scored["above_chance"] else ["at-chance"])


def test_a_short_run_warms_up_in_a_tenth_of_it(skin: Dataset, tmp_path: Path):
    trainer = Trainer.__new__(Trainer)
    trainer.config = TrainConfig(epochs=1, warmup_steps=100)
    of = {total: [trainer._warm(step, (step + 1) / total) for step in range(total)] for total in (5, 40, 1_000, 5_000)}
    assert of[5] == [1.0] * 5
    assert of[40] == pytest.approx([0.25, 0.5, 0.75, *[1.0] * 37])
    long_ago = [min(1.0, (step + 1) / 100) for step in range(5_000)]
    assert of[1_000] == pytest.approx(long_ago[:1_000])
    assert of[5_000] == long_ago  # to the bit
    trainer.config = trainer.config.model_copy(update={"warmup_steps": 0})
    assert trainer._warm(0, 0.001) == 1.0


KILLED = """
import sys, cutis
cutis.train(sys.argv[1], sys.argv[2], resume=sys.argv[3] == "resume",
            **({} if sys.argv[3] == "resume" else dict(epochs=1, size=32, batch_size=32, flips=False)))
"""


@pytest.mark.long
def test_real_kills_while_freezing(skin: Dataset, tmp_path: Path):
    """SIGKILL at twelve moments of a freeze, each followed by a resume: the last one's bundle loads, and nothing hidden
    is left."""
    run = tmp_path / "run"

    def start(how: str) -> subprocess.Popen[bytes]:
        return subprocess.Popen([sys.executable, "-c", KILLED, str(skin.path), str(run), how])

    process = start("begin")
    kills = 0
    for moment in np.linspace(0.0, 3.0, 12):
        deadline = time.monotonic() + 120
        while process.poll() is None and not list(run.glob(".cutis-bundle-*")) and time.monotonic() < deadline:
            time.sleep(0.02)
        if process.poll() is not None:
            break
        time.sleep(moment)
        os.kill(process.pid, signal.SIGKILL)
        process.wait()
        kills += 1
        process = start("resume")
    assert process.wait() == 0
    assert kills > 5
    cutis.load_bundle(run / "bundle")
    assert sorted(p.name for p in run.iterdir()) == ["bundle", "checkpoint.pt", "config.json", "log.jsonl"]


@pytest.mark.long
def test_a_disk_that_is_really_full(skin: Dataset, tmp_path: Path):
    """The whole command on a disk of 12 MB: a checkpoint has 20."""
    disk = tmp_path / "disk"
    disk.mkdir()
    if subprocess.run(["mount", "-t", "tmpfs", "-o", "size=12m", "tmpfs", disk], capture_output=True).returncode:
        pytest.skip("no disk can be mounted here")
    try:
        command = [sys.executable, "-m", "cutis", "train", skin.path, "--out", disk / "run", "--epochs", "1"]
        done = subprocess.run([*command, "--size", "32"], capture_output=True, text=True, timeout=240)
        assert done.returncode == 2
        assert "the disk is full" in done.stderr
        assert "Traceback" not in done.stderr
        assert done.stderr.count("\n") == 1
        assert not list((disk / "run").glob(".cutis*"))
    finally:
        subprocess.run(["umount", disk], check=False)
