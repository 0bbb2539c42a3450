"""Where torchmetrics has the same metric, the same value; with ties, absent classes and declared classes."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import polars as pl
import pytest
from evaluate_world import predictions, random_world

from cutis.evaluate.agreement import cohen_kappa
from cutis.evaluate.measure import measure
from cutis.evaluate.segmentation import MaskSettings, score_pair
from cutis.schema.evidence import Evidence

torch = pytest.importorskip("torch")
tm = pytest.importorskip("torchmetrics.functional.classification")
pytestmark = pytest.mark.slow  # importing both takes longer than all of it


def value(found: Evidence, metric: str, code: str | None = None) -> float:
    m = found.find(metric, code)
    assert m is not None, metric
    assert m.value is not None, m.reason
    return m.value


@pytest.mark.parametrize("seed", range(3))
@pytest.mark.parametrize("codes", [("nv", "mel"), ("nv", "mel", "bkl"), ("nv", "mel", "bkl", "bcc", "df")])
def test_one_class_per_image(seed: int, codes: tuple[str, ...]) -> None:
    world = random_world(seed, codes=codes)  # its probabilities tie often
    k = len(codes)
    found = measure(world, by=[], resamples=40)
    p, y = torch.tensor(world.probabilities()), torch.tensor([codes.index(t) for t in world.table["target"]])
    said = torch.tensor([codes.index(t) for t in world.table["predicted"]])
    assert value(found, "accuracy") == pytest.approx(float(tm.multiclass_accuracy(said, y, k, average="micro")))
    assert value(found, "balanced_accuracy") == pytest.approx(float(tm.multiclass_accuracy(said, y, k)))
    assert value(found, "macro_auroc") == pytest.approx(float(tm.multiclass_auroc(p, y, k)), abs=1e-6)
    recall, specificity = (f(said, y, k, average=None) for f in (tm.multiclass_recall, tm.multiclass_specificity))
    auroc, ap = (f(p, y, k, average=None) for f in (tm.multiclass_auroc, tm.multiclass_average_precision))
    for i, code in enumerate(codes):
        assert value(found, "sensitivity", code) == pytest.approx(float(recall[i]))
        assert value(found, "specificity", code) == pytest.approx(float(specificity[i]))
        assert value(found, "auroc", code) == pytest.approx(float(auroc[i]), abs=1e-6)
        assert value(found, "average_precision", code) == pytest.approx(float(ap[i]), abs=1e-6)
    assert found.confusion == tm.multiclass_confusion_matrix(said, y, k).tolist()


def test_calibration_and_places_of_scores_without_ties() -> None:
    rng = np.random.default_rng(0)
    codes = ["nv", "mel", "bkl", "bcc", "df", "vasc"]
    p, target = rng.dirichlet([1] * 6, 500), rng.integers(0, 6, 500)
    found = measure(predictions(p, [codes[t] for t in target], codes), resamples=40)
    tp, ty = torch.tensor(p), torch.tensor(target)
    assert value(found, "ece") == pytest.approx(float(tm.multiclass_calibration_error(tp, ty, 6, n_bins=15)), abs=1e-6)
    for top in (2, 3, 5):
        theirs = float(tm.multiclass_accuracy(tp, ty, 6, average="micro", top_k=top))
        assert value(found, f"top_{top}_accuracy") == pytest.approx(theirs)


def test_an_absent_class_is_left_out_as_theirs_is() -> None:
    """torchmetrics gives 0 for a class without images: the mean is of the others."""
    world = random_world(4, codes=("nv", "mel", "bkl"))
    world = replace(world, table=world.table.filter(pl.col("target") != "bkl"))
    found = measure(world, by=[], resamples=40)
    y = torch.tensor([("nv", "mel", "bkl").index(t) for t in world.table["target"]])
    said = torch.tensor([("nv", "mel", "bkl").index(t) for t in world.table["predicted"]])
    each = tm.multiclass_recall(said, y, 3, average=None)
    assert value(found, "balanced_accuracy") == pytest.approx(float(each[:2].mean()))
    assert found.find("sensitivity", "bkl").value is None  # type: ignore[union-attr]


@pytest.mark.parametrize("weights", ["none", "linear", "quadratic"])
@pytest.mark.parametrize("seed", range(3))
def test_kappa_of_declared_classes(weights: str, seed: int) -> None:
    """Grades 0 to 5, of which nobody gives 2 and 4."""
    rng = np.random.default_rng(seed)
    one, two = rng.choice([0, 1, 3, 5], (2, 80))
    how = None if weights == "none" else weights
    theirs = float(tm.multiclass_cohen_kappa(torch.tensor(one), torch.tensor(two), 6, weights=how))
    for categories in (range(6), None):  # whole numbers are as far apart as they are, declared or not
        ours = cohen_kappa(one, two, weights=weights, categories=categories)  # type: ignore[arg-type]
        assert ours.value == pytest.approx(theirs, abs=1e-6)


def test_several_labels() -> None:
    rng = np.random.default_rng(1)
    p, y = rng.random((300, 4)), rng.random((300, 4)) < [0.5, 0.2, 0.1, 0.3]
    codes = list("wxyz")
    table = predictions(p, [None] * 300, codes, labels=[[c for c, t in zip(codes, row, strict=True) if t] for row in y])
    table = replace(
        table,
        table=table.table.with_columns(predicted=pl.lit(None, pl.String)),
        info=table.info.model_copy(update={"task": "multi-label"}),
    )
    found = measure(table, by=[], resamples=40)
    tp, ty = torch.tensor(p), torch.tensor(y.astype(int))
    assert value(found, "exact_match") == pytest.approx(float(tm.multilabel_exact_match(tp, ty, 4)))
    assert value(found, "label_accuracy") == pytest.approx(1 - float(tm.multilabel_hamming_distance(tp, ty, 4)))
    assert value(found, "macro_auroc") == pytest.approx(float(tm.multilabel_auroc(tp, ty, 4)), abs=1e-6)
    theirs = float(tm.multilabel_average_precision(tp, ty, 4))
    assert value(found, "macro_average_precision") == pytest.approx(theirs, abs=1e-6)


@pytest.mark.parametrize("seed", range(3))
def test_overlaps_of_masks(seed: int) -> None:
    one, two = (np.random.default_rng(seed).random((2, 40, 50)) > 0.6).astype(np.uint8)
    found = score_pair(one, two, MaskSettings())
    p, y = torch.tensor(one).flatten(), torch.tensor(two).flatten().int()
    for name, theirs in (
        ("jaccard", tm.binary_jaccard_index),
        ("dice", tm.binary_f1_score),
        ("sensitivity", tm.binary_recall),
        ("specificity", tm.binary_specificity),
        ("ppv", tm.binary_precision),
    ):
        assert found[name] == pytest.approx(float(theirs(p, y))), name
