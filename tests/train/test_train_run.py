"""`cutis.train` as a user calls it: budgets, resuming after a kill, refusals."""

from __future__ import annotations

import json
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

QUICK = {"size": 32, "batch_size": 32, "flips": False, "precision": "32-true"}


def weights(out: Path) -> dict[str, np.ndarray]:
    return load_file(out / "bundle" / "weights.safetensors")


def test_epochs_make_a_bundle_that_predicts(skin: Dataset, out: Path):
    bundle = cutis.train(skin, out, epochs=2, ood="energy", **QUICK)
    card = read_json(bundle / "bundle.json")
    assert card["trained"]["epochs"] == 2
    assert card["ood"]["method"] == "energy"
    assert card["trained"]["config"]["size"] == 32
    assert [json.loads(line)["step"] for line in (out / "log.jsonl").read_text().splitlines()]
    table = cutis.load_bundle(bundle).predict(skin, part="test").table
    assert table["status"].is_in(["ok", "refused"]).all()


def test_same_seed_same_weights_and_another_seed_others(skin: Dataset, tmp_path: Path):
    for name, seed in (("a", 3), ("b", 3), ("c", 4)):
        cutis.train(skin, tmp_path / name, epochs=1, seed=seed, **QUICK)
    a, b, c = (weights(tmp_path / name) for name in "abc")
    assert all(np.array_equal(a[k], b[k]) for k in a)
    assert any(not np.array_equal(a[k], c[k]) for k in a)


SCRIPT = """
import sys, cutis
cutis.train(sys.argv[1], sys.argv[2], resume=sys.argv[3] == "resume",
            **({} if sys.argv[3] == "resume" else dict(epochs=40, size=32, batch_size=32, flips=False,
               precision="32-true", dropout=0.2, checkpoint_seconds=0.1)))
"""


def start(skin: Dataset, out: Path, how: str) -> subprocess.Popen[bytes]:
    return subprocess.Popen([sys.executable, "-c", SCRIPT, str(skin.path), str(out), how])


@pytest.mark.slow  # several trainings in processes of their own
def test_kill_9_then_resume_gives_the_same_weights_bit_for_bit(skin: Dataset, tmp_path: Path):
    assert start(skin, tmp_path / "whole", "begin").wait() == 0
    process = start(skin, tmp_path / "killed", "begin")
    kills, deadline = 0, time.monotonic() + 200
    while process.poll() is None and time.monotonic() < deadline:
        if kills < 1 and (tmp_path / "killed" / "checkpoint.pt").exists():
            time.sleep(0.4)
            os.kill(process.pid, signal.SIGKILL)
            process.wait()
            kills += 1
            state = torch.load(tmp_path / "killed" / "checkpoint.pt", weights_only=True)
            assert not state["standing"]["done"]  # it was killed on the way
            process = start(skin, tmp_path / "killed", "resume")
        time.sleep(0.02)
    assert process.returncode == 0
    assert kills == 1
    whole, killed = weights(tmp_path / "whole"), weights(tmp_path / "killed")
    assert whole.keys() == killed.keys()
    assert all(np.array_equal(whole[k], killed[k]) for k in whole)
    steps = [json.loads(line)["step"] for line in (tmp_path / "killed" / "log.jsonl").read_text().splitlines()]
    assert len(steps) == 40
    assert steps == sorted(set(steps))  # nothing twice
    assert not list((tmp_path / "killed").glob(".cutis-*"))


@pytest.mark.slow
def test_minutes_end_on_time_with_freezing(skin: Dataset, out: Path):
    cutis.train(skin, out, epochs=1, **QUICK)  # fills the cache and warms the imports
    started = time.monotonic()
    cutis.train(skin, out.with_name("timed"), minutes=0.5, **QUICK)
    assert time.monotonic() - started < 60  # half a minute asked; generous, for a busy machine
    card = read_json(out.with_name("timed") / "bundle" / "bundle.json")
    assert card["trained"]["seconds"] < 30


def test_patience_stops_early_and_keeps_the_best(skin: Dataset, out: Path):
    cutis.train(skin, out, epochs=40, patience=2, learning_rate=0.02, warmup_steps=0, **QUICK)
    history = [json.loads(line) for line in (out / "log.jsonl").read_text().splitlines()]
    best = min(range(len(history)), key=lambda i: history[i]["log_loss"])
    assert len(history) < 40
    assert len(history) - 1 - best == 2


def test_local_weights_are_loaded_by_name_and_shape(skin: Dataset, tmp_path: Path):
    cutis.train(skin, tmp_path / "a", epochs=1, **QUICK)
    file = tmp_path / "a" / "bundle" / "weights.safetensors"
    settings = QUICK | {"learning_rate": 1e-12, "weight_decay": 0.0}
    cutis.train(skin, tmp_path / "b", epochs=1, weights=str(file), **settings)
    a, b = weights(tmp_path / "a"), weights(tmp_path / "b")
    assert np.allclose(a["head.weight"], b["head.weight"], atol=1e-6)


@pytest.mark.parametrize(
    ("settings", "words"),
    [
        ({"backbone": "resnet81"}, 'did you mean "resnet'),
        ({"backbone": "compact_resnet_s", "pretrained": True}, "no pretrained weights"),
        ({"method": "focl"}, 'did you mean "focal"'),
        ({"size": 8}, "setting size = 8"),
        ({"sise": 64}, 'did you mean "size"'),
        ({"ood": "energi"}, "setting ood = energi: input should be 'knn', 'msp'"),
        ({"minutes": 1}, "either minutes or epochs"),
        ({"learning_rate": 1e9, "warmup_steps": 0}, "the loss is"),
    ],
)
def test_bad_settings_are_one_line(skin: Dataset, out: Path, settings: dict, words: str):
    with pytest.raises(CutisError, match=words) as caught:
        cutis.train(skin, out, **(QUICK | {"epochs": 3} | settings))
    assert "\n" not in str(caught.value)


def test_weights_that_are_no_weights(skin: Dataset, tmp_path: Path):
    (tmp_path / "w.safetensors").write_bytes(b"not weights")
    with pytest.raises(CutisError, match="not a safetensors file"):
        cutis.train(skin, tmp_path / "a", epochs=1, weights=str(tmp_path / "w.safetensors"), **QUICK)
    with pytest.raises(CutisError, match="no such file"):
        cutis.train(skin, tmp_path / "b", epochs=1, weights=str(tmp_path / "none"), **QUICK)


def test_out_that_exists_and_resume_of_nothing(skin: Dataset, out: Path):
    out.mkdir()
    (out / "thesis.txt").write_text("mine")
    with pytest.raises(CutisError, match="exists already"):
        cutis.train(skin, out, epochs=1, **QUICK)
    assert [p.name for p in out.iterdir()] == ["thesis.txt"]
    with pytest.raises(CutisError, match="nothing to resume"):
        cutis.train(skin, out, resume=True)


def test_resume_with_other_settings_or_data_is_refused(skin: Dataset, out: Path):
    cutis.train(skin, out, epochs=1, **QUICK)
    with pytest.raises(CutisError, match="started with seed 0, not 1"):
        cutis.train(skin, out, resume=True, seed=1)
    config = out / "config.json"
    config.write_text(config.read_text().replace('"dataset_digest": "', '"dataset_digest": "0'))
    with pytest.raises(CutisError, match="another dataset digest"):
        cutis.train(skin, out, resume=True)


def test_no_split_says_how_to_make_one(skin: Dataset, tmp_path: Path):
    from cutis.phantom.dataset import make_dataset

    fresh = make_dataset(tmp_path / "fresh", 24, size=32, seed=1)
    with pytest.raises(CutisError, match="not split yet"):
        cutis.train(fresh, tmp_path / "a", epochs=1, **QUICK)


def test_one_class_and_a_class_without_training_images(skin: Dataset):
    from dataclasses import replace

    import polars as pl

    from cutis.data.split import load_split
    from cutis.train.assemble import training_table

    parts = load_split(skin)
    one = replace(skin, manifest=skin.manifest.with_columns(pl.lit("nv").alias("target")))
    with pytest.raises(CutisError, match="only one class"):
        training_table(one, parts)
    rare = pl.when(pl.col("image_id").is_in(parts.ids("train")) & (pl.col("target") == "mel"))
    moved = replace(skin, manifest=skin.manifest.with_columns(target=rare.then(pl.lit("nv")).otherwise("target")))
    with pytest.raises(CutisError, match="class mel has no training image"):
        training_table(moved, parts)
