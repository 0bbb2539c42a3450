"""An interval needs 10 units of everything that bounds it: each class in a mean, both sides of a question."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import polars as pl
import pytest
from evaluate_world import predictions

from cutis.evaluate.compare import compare
from cutis.evaluate.measure import measure
from cutis.evaluate.ranking import rank_by_robustness
from cutis.evaluate.resampled import Resampling
from cutis.schema.evidence import Evidence, Measured
from cutis.schema.predictions import Predictions

RARE = 6


def world(counts: dict[str, int], seed: int = 0, per_lesion: int = 1, **columns: Sequence[object]) -> Predictions:
    """So many lesions of each class, each of `per_lesion` images, answered better than chance."""
    rng = np.random.default_rng(seed)
    codes = list(counts)
    lesions = [k for k, n in enumerate(counts.values()) for _ in range(n)]
    target = np.repeat(lesions, per_lesion)
    p = rng.random((len(target), len(codes))) + 0.8 * (np.arange(len(codes)) == target[:, None])
    p /= p.sum(1, keepdims=True)
    lesion = [f"l{i}" for i in np.repeat(np.arange(len(lesions)), per_lesion)]
    points = {"sensitivity 0.95": {"threshold": 0.3}}
    return predictions(p, [codes[k] for k in target], codes, lesion=lesion, points=points, **columns)


def get(found: Evidence, metric: str, code: str | None = None) -> Measured:
    m = found.find(metric, code)
    assert m is not None, metric
    return m


BOUNDED = [
    ("balanced_accuracy", None),
    ("macro_auroc", None),
    ("auroc", "mel"),
    ("auroc", "malignant"),
    ("average_precision", "mel"),
    ("sensitivity", "mel"),
    ("specificity_at_sensitivity_0.90", "malignant"),
    ("sensitivity_at_point_sensitivity 0.95", "malignant"),
    ("nnb_at_point_sensitivity 0.95", "malignant"),
    ("net_benefit_at_0.10", "malignant"),
    ("isic2018:balanced_accuracy", None),
    ("isic2018:macro_auc", None),
    ("isic2018:macro_sensitivity", None),
    ("isic2018:macro_dice", None),
    ("isic2018:auc", "mel"),
    ("isic2018:sensitivity", "mel"),
]
FREE = [
    ("accuracy", None),
    ("brier", None),
    ("ece", None),
    ("specificity", "mel"),
    ("specificity_at_point_sensitivity 0.95", "malignant"),
    ("auroc", "nv"),
]


@pytest.mark.parametrize("per_lesion", [1, 3])
def test_six_lesions_of_a_class_give_values_without_intervals(per_lesion: int) -> None:
    """Images don't count: 18 of 6 lesions are 6."""
    found = measure(
        world({"nv": 30, "mel": RARE, "bkl": 30}, per_lesion=per_lesion), resamples=200, protocol="isic2018"
    )
    for metric, code in BOUNDED:
        m = get(found, metric, code)
        assert m.value is not None, (metric, code)
        assert (m.low, m.high, m.status) == (None, None, "ok"), (metric, code)
        assert f"only {RARE} lesions " in m.reason, (metric, code, m.reason)
        assert "for an interval you need 4 more" in m.reason, (metric, code, m.reason)
    for metric, code in FREE:
        assert get(found, metric, code).low is not None, (metric, code)


def test_ten_of_each_have_all_intervals() -> None:
    found = measure(world({"nv": 30, "mel": 10, "bkl": 30}), resamples=200, protocol="isic2018")
    for metric, code in [*BOUNDED, *FREE]:
        m = get(found, metric, code)
        assert m.low is not None, (metric, code, m.reason)


def test_the_other_side_counts_as_much() -> None:
    """Six benign of 36: AUROC rests on them, sensitivity doesn't."""
    found = measure(world({"nv": RARE, "mel": 30}), resamples=200)
    auroc = get(found, "auroc", "malignant")
    assert auroc.low is None
    assert auroc.reason == "only 6 lesions that are not malignant; for an interval you need 4 more"
    assert get(found, "sensitivity", "mel").low is not None


def test_delongs_interval_needs_as_many() -> None:
    p = np.random.default_rng(0).dirichlet([2, 2], 40)
    table = predictions(p, ["nv"] * 34 + ["mel"] * RARE, ["nv", "mel"], lesion=[None] * 40)
    auroc = get(measure(table, resamples=40), "auroc", "malignant")
    assert auroc.value is not None
    assert auroc.low is None
    assert "only 6 images that are malignant" in auroc.reason


def test_groups_and_differences_need_as_many() -> None:
    counts = {"nv": 40, "mel": 20}
    clinic = ["a" if k % 4 else "b" for k in range(60)]  # b: 10 nevi, 5 melanomas
    one, two = (world(counts, seed, source=clinic) for seed in (0, 1))
    found = measure(one, by=["source"], resamples=60)
    b = found.find("balanced_accuracy", None, "source", "b")
    assert b is not None
    assert b.value is not None
    assert b.low is None
    assert "only 5 lesions of class mel; for an interval you need 5 more" in b.reason
    compared = compare(one, two, by=["source"], resamples=60)
    for metric, code in (("balanced_accuracy", None), ("auroc", "malignant"), ("macro_auroc", None)):
        whole, group = compared.find(metric, code), compared.find(metric, code, "source", "b")
        assert whole is not None
        assert whole.low is not None, (metric, whole.reason)
        assert group is not None
        assert group.value is not None
        assert group.low is None, metric
        assert "for an interval you need 5 more" in group.reason


def test_labels_of_several_need_as_many() -> None:
    rng = np.random.default_rng(0)
    n = 40
    labels = [["x"] * (i % 2) + ["y"] * (i < RARE) for i in range(n)]
    table = predictions(rng.random((n, 2)), [None] * n, ["x", "y"], labels=labels)
    info = table.info.model_copy(update={"task": "multi-label"})
    found = measure(Predictions(table.table.with_columns(predicted=pl.lit(None, pl.String)), info), resamples=200)
    for metric in ("macro_auroc", "macro_average_precision"):
        m = get(found, metric)
        assert m.low is None
        assert m.reason == "only 6 lesions with y; for an interval you need 4 more"
    assert get(found, "auroc", "x").low is not None


def test_rankings_of_models_need_as_many() -> None:
    target = ["nv"] * 30 + ["mel"] * RARE
    answers = {name: (["nv"] * 36, ["nv"] * 30 + ["mel"] * 6) for name in "ab"}
    for groups in (None, [f"l{i}" for i in range(36)]):
        resampling = Resampling(resamples=40, groups=groups, unit="lesion")
        clean = rank_by_robustness(answers, target, resampling=resampling)[0].clean
        assert clean.value == 0.5
        assert clean.low is None
        assert clean.reason == "only 6 lesions of class mel; for an interval you need 4 more"
