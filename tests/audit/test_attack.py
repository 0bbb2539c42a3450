"""A bundle under attack: rows for the dossier, on the images and by the answers that the bundle itself gives."""

from __future__ import annotations

import numpy as np
import polars as pl
import pytest

from cutis.audit.attack import EPSILONS, accuracies, attack_bundle
from cutis.data.dataset import Dataset
from cutis.errors import CutisError
from cutis.schema.classes import ClassInfo

torch = pytest.importorskip("torch")

CLASSES = (ClassInfo(code="mel", name="Melanoma", malignant=True), ClassInfo(code="nv", name="Nevus", malignant=False))


@pytest.mark.slow
def test_rows_fall_from_the_bundles_own_accuracy(world):
    bundle, data = world
    rows = attack_bundle(
        bundle, data, rng=np.random.default_rng(0), attacks=("fgsm", "pgd", "deepfool"), resamples=60,
        epsilons={"inf": (0.01, 0.1), "2": (0.5, 10.0)},
    )  # fmt: skip
    told = bundle.predict(data, part="test", progress=False).table
    clean = (told["predicted"] == told["target"]).mean()
    assert clean > 0.8
    assert len(rows) == 3 * 3 * 2
    assert {r.metric for r in rows} == {"accuracy", "balanced_accuracy"}
    for name, norm in (("fgsm", "inf"), ("pgd", "inf"), ("deepfool", "2")):
        line = [r for r in rows if r.attack == name and r.metric == "accuracy"]
        values = [r.estimate.value for r in line]
        assert {r.norm for r in line} == {norm}
        assert line[0].epsilon == 0
        assert values[0] == pytest.approx(clean)
        assert values[0] > values[-1]
        assert values == sorted(values, reverse=True)
        assert line[0].estimate.n == len(told)
        assert line[0].estimate.n_units == told["lesion_id"].n_unique()
        assert line[0].estimate.unit == "lesion"


def test_the_same_seed_gives_the_same_rows_and_few_images_are_few(world):
    bundle, data = world
    one, again = (
        attack_bundle(bundle, data, rng=np.random.default_rng(3), attacks=["pgd"], images=6, resamples=40)
        for _ in range(2)
    )
    assert one == again
    assert {r.estimate.n for r in one} == {6}
    assert [r.epsilon for r in one[::2]] == [0.0, *EPSILONS["inf"]]


def test_bad_requests_are_one_line(world, tmp_path, monkeypatch):
    bundle, data = world
    stray = data.manifest.with_columns(pl.lit(None, pl.String).alias("target"))
    bare = Dataset(data.path, data.card, stray)
    cases = {
        'did you mean "pgd"': {"attacks": ["pg"]},
        "0 images": {"images": 0},
        "-1 is given": {"epsilons": {"inf": (-1,), "2": (1,)}},
        'norm "2": none are given': {"attacks": ["deepfool"], "epsilons": {"inf": (0.1,)}},
        "resamples is 3": {"resamples": 3},
        "has no image with a target": {"dataset": bare, "part": "all"},
        "no such|not a": {"dataset": tmp_path / "nothing"},
    }
    for words, other in cases.items():
        given = {"dataset": data, "rng": np.random.default_rng(0)} | other
        with pytest.raises(CutisError, match=words) as caught:
            attack_bundle(bundle, given.pop("dataset"), **given)
        assert "\n" not in str(caught.value)
    monkeypatch.setattr("cutis.bundle.rebuild.find_spec", lambda name: None)
    with pytest.raises(CutisError, match=r"torch, which is not installed: pip install 'cutis\[train\]'"):
        attack_bundle(bundle, data, rng=np.random.default_rng(0))


def test_accuracies_count_units_as_evaluate_does():
    target = np.array([0] * 20 + [1] * 10)
    said = np.array([0] * 15 + [1] * 5 + [1] * 10)
    ids = pl.Series([f"i{i}" for i in range(30)])
    found = accuracies(CLASSES, ids, target, said, np.arange(30) // 2, "lesion", resamples=200)
    assert found["accuracy"].value == pytest.approx(25 / 30)
    assert found["balanced_accuracy"].value == pytest.approx((15 / 20 + 1) / 2)
    assert found["accuracy"].n_units == 15
    perfect = accuracies(CLASSES, ids, target, target, np.arange(30), "image")["accuracy"]
    assert (perfect.value, perfect.high) == (1.0, 1.0)
    assert perfect.low == pytest.approx(0.025 ** (1 / 30))
