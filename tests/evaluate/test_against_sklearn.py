"""Points and weighted values against scikit-learn and against naive loops."""

from __future__ import annotations

import math
import warnings
from pathlib import Path

import numpy as np
import polars as pl
import pytest
from evaluate_world import predictions, random_world
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.metrics import accuracy_score, balanced_accuracy_score, confusion_matrix, roc_auc_score
from sklearn.metrics import roc_curve as sklearn_roc

from cutis.evaluate.bootstrap import generator, multiplicities
from cutis.evaluate.calibration import bin_numbers
from cutis.evaluate.discrimination import RankBlock, roc_curve
from cutis.evaluate.measure import measure


def naive_ece(p: np.ndarray, correct: np.ndarray) -> float:
    """15 bins, row by row, straight from the definition."""
    bins: dict[int, list[tuple[float, bool]]] = {}
    for row, right in zip(p, correct, strict=True):
        confidence = max(row)
        number = next((b for b in range(14) if b / 15 <= confidence < (b + 1) / 15), 14)
        bins.setdefault(number, []).append((confidence, right))
    total = 0.0
    for rows in bins.values():
        confidence = sum(c for c, _ in rows) / len(rows)
        accuracy = sum(r for _, r in rows) / len(rows)
        total += len(rows) / len(p) * abs(accuracy - confidence)
    return total


@pytest.mark.parametrize("seed", range(4))
@pytest.mark.parametrize("codes", [("nv", "mel", "bkl"), ("nv", "mel"), ("nv", "mel", "bkl", "bcc", "akiec")])
def test_points_equal_sklearns(seed: int, codes: tuple[str, ...]) -> None:
    world = random_world(seed, codes=codes)
    found = measure(world, resamples=40)

    def value(metric: str, code: str | None = None) -> float:
        measured = found.find(metric, code)
        assert measured is not None
        assert measured.value is not None
        return measured.value

    target, predicted = world.table["target"].to_numpy(), world.table["predicted"].to_numpy()
    p = world.probabilities()
    onehot = target[:, None] == np.array(codes)
    assert value("accuracy") == pytest.approx(accuracy_score(target, predicted), abs=1e-12)
    assert value("balanced_accuracy") == pytest.approx(balanced_accuracy_score(target, predicted), abs=1e-12)
    assert value("macro_auroc") == pytest.approx(roc_auc_score(onehot, p, average="macro"), abs=1e-12)
    assert value("brier") == pytest.approx(((p - onehot) ** 2).sum(1).mean(), abs=1e-12)
    assert value("ece") == pytest.approx(naive_ece(p, target == predicted), abs=1e-12)
    kept = world.table["status"].to_numpy() == "ok"
    assert value("accuracy_kept") == pytest.approx(accuracy_score(target[kept], predicted[kept]), abs=1e-12)
    assert value("refused") == pytest.approx(1 - kept.mean(), abs=1e-12)
    held = [t in s for t, s in zip(target, world.table["set"].to_list(), strict=True)]
    assert value("coverage") == pytest.approx(np.mean(held), abs=1e-12)
    assert value("set_size") == pytest.approx(world.table["set"].list.len().mean(), abs=1e-12)
    assert value("empty_sets") == pytest.approx((world.table["set"].list.len() == 0).mean(), abs=1e-12)
    matrix = confusion_matrix(target, predicted, labels=list(codes))
    assert found.confusion == matrix.tolist()
    for k, code in enumerate(codes):
        assert value("auroc", code) == pytest.approx(roc_auc_score(onehot[:, k], p[:, k]), abs=1e-12)
        assert value("sensitivity", code) == pytest.approx(matrix[k, k] / matrix[k].sum(), abs=1e-12)
        others = np.delete(matrix, k, axis=0)
        assert value("specificity", code) == pytest.approx(np.delete(others, k, axis=1).sum() / others.sum(), abs=1e-12)
        assert value("coverage", code) == pytest.approx(np.mean(np.array(held)[target == code]), abs=1e-12)
    sick = np.array([c in ("mel", "bcc") for c in codes])
    rows = target != "akiec"
    case, score = np.isin(target, ["mel", "bcc"])[rows], p[:, sick].sum(1)[rows]
    assert value("auroc", "malignant") == pytest.approx(roc_auc_score(case, score), abs=1e-12)
    name = "at_point_sensitivity 0.95"
    assert value(f"sensitivity_{name}", "malignant") == pytest.approx((score[case] >= 0.3).mean(), abs=1e-12)
    assert value(f"specificity_{name}", "malignant") == pytest.approx((score[~case] < 0.3).mean(), abs=1e-12)


@pytest.mark.parametrize("digits", [1, 2, 12])
@pytest.mark.parametrize("seed", range(5))
def test_weighted_ranking_equals_sklearns(seed: int, digits: int) -> None:
    rng = np.random.default_rng(seed)
    n, units = 160, 60
    unit = rng.integers(0, units, n)
    case = rng.random(n) < rng.choice([0.15, 0.5, 0.85])
    score = np.round(rng.normal(size=n) + case, digits)
    weights = rng.poisson(1, (units, 30)).astype(float)
    got = RankBlock(score, case, unit, units, "mel", (0.9, 0.95)).compute(weights)
    swapped = RankBlock(score, case, unit, units, "mel").compute(weights)
    for r in range(30):
        w = weights[unit, r]
        expected = roc_auc_score(case, score, sample_weight=w)
        assert got[0, r] == pytest.approx(expected, abs=1e-12)
        assert swapped[0, r] == pytest.approx(expected, abs=1e-12)
        fpr, tpr, _ = sklearn_roc(case, score, sample_weight=w, drop_intermediate=False)
        for i, level in enumerate((0.9, 0.95)):
            assert got[1 + i, r] == pytest.approx(tpr[fpr <= 1 - level + 1e-9].max(), abs=1e-12)
            assert got[3 + i, r] == pytest.approx(1 - fpr[tpr >= level - 1e-9].min(), abs=1e-12)


def test_resamples_equal_a_naive_loop() -> None:
    """The same multiplicities, by repeating rows: every interval comes out the same."""
    world = random_world(7, n=150, units=60)
    found = measure(world, resamples=60, seed=3)
    table = world.table.sort("image_id")
    _, first = np.unique(table["lesion_id"].to_numpy(), return_index=True)
    order = table["lesion_id"].to_numpy()[np.sort(first)].tolist()
    rows_of = {u: np.flatnonzero(table["lesion_id"].to_numpy() == u) for u in order}
    counts = np.concatenate(list(multiplicities(generator(3, table["image_id"].to_list()), len(order), 60)), axis=1)
    assert (counts.sum(0) == len(order)).all()
    naive: dict[str, list[float]] = {}
    target, predicted = table["target"].to_numpy(), table["predicted"].to_numpy()
    p = table.select("p_nv", "p_mel", "p_bkl").to_numpy()
    size = table["set"].list.len().to_numpy()
    for r in range(60):
        rows = np.concatenate([np.tile(rows_of[u], int(counts[i, r])) for i, u in enumerate(order)]).astype(int)
        t, q = target[rows], p[rows]
        onehot = t[:, None] == np.array(["nv", "mel", "bkl"])
        values = {
            "accuracy": (t == predicted[rows]).mean(),
            "balanced_accuracy": balanced_accuracy_score(t, predicted[rows]),
            "macro_auroc": roc_auc_score(onehot, q, average="macro"),
            "brier": ((q - onehot) ** 2).sum(1).mean(),
            "ece": naive_ece(q, t == predicted[rows]),
            "set_size": size[rows].mean(),
        }
        for metric, v in values.items():
            naive.setdefault(metric, []).append(float(v))
    for metric, values in naive.items():
        low, high = np.quantile(values, [0.025, 0.975])
        got = found.find(metric)
        assert got is not None
        if metric == "ece":
            low, high = min(low, got.value), max(high, got.value)  # type: ignore[type-var]
        assert got.low == pytest.approx(low, abs=1e-12)
        assert got.high == pytest.approx(high, abs=1e-12)


@given(st.lists(st.floats(0, 1), min_size=1, max_size=40))
def test_bins_agree_with_the_definition(confidences: list[float]) -> None:
    for confidence, number in zip(confidences, bin_numbers(np.array(confidences)), strict=True):
        assert number / 15 <= confidence
        assert confidence < (number + 1) / 15 or number == 14


def test_edges_of_the_bins() -> None:
    edges = np.arange(16) / 15
    assert bin_numbers(edges).tolist() == [*range(15), 14]
    assert bin_numbers(np.array([0.0, 1.0])).tolist() == [0, 14]


@settings(max_examples=60, deadline=None)
@given(st.integers(0, 2**32), st.integers(2, 3000), st.sampled_from([1, 2, 6]))
def test_curve_runs_from_corner_to_corner_under_200_points_and_keeps_its_area(seed: int, n: int, digits: int) -> None:
    rng = np.random.default_rng(seed)
    case = rng.random(n) < 0.3
    case[:2] = [True, False]
    score = np.round(rng.normal(size=n) + case, digits)
    curve = roc_curve(score, case, "mel")
    assert curve is not None
    fpr, tpr = np.array(curve.fpr), np.array(curve.tpr)
    assert (fpr[0], tpr[0], fpr[-1], tpr[-1]) == (0, 0, 1, 1)
    assert len(fpr) <= 200
    assert (np.diff(fpr) >= 0).all()
    assert (np.diff(tpr) >= 0).all()
    area = np.trapezoid(tpr, fpr)
    assert area == pytest.approx(roc_auc_score(case, score), abs=0.004)
    # Each point is a true one.
    x, y, _ = sklearn_roc(case, score, drop_intermediate=False)
    truth = {(round(a, 9), round(b, 9)) for a, b in zip(x, y, strict=True)}
    assert {(round(a, 9), round(b, 9)) for a, b in zip(fpr, tpr, strict=True)} <= truth


def test_published_scores_on_real_images(shared_data: Path) -> None:
    """AUROC and accuracy of four networks on 9,584 ISIC images, per split, as computed elsewhere to six digits."""
    tables = shared_data / "tables"
    scores = pl.read_csv(tables / "melanoma_model_predictions_10k.csv", infer_schema_length=None)
    reference = pl.read_csv(tables / "melanoma_model_predictions_reference.csv")
    for model in ("pred_best", "pred_759"):
        p = scores[model].to_numpy()
        world = predictions(
            np.stack([1 - p, p], axis=1),
            ["mel" if t else "nv" for t in scores["true_class"]],
            ["nv", "mel"],
            ids=scores["id"].to_list(),
            part=scores["split"].fill_null("unknown"),
        )
        found = measure(world, by=["part"], resamples=40, unit="image")
        for row in reference.filter(pl.col("model") == model).iter_rows(named=True):
            auroc = found.find("auroc", "malignant", "part", row["split"])
            accuracy = found.find("accuracy", None, "part", row["split"])
            assert auroc is not None
            assert accuracy is not None
            assert auroc.n == row["n"]
            assert auroc.value == pytest.approx(row["auroc"], abs=1e-6)
            assert accuracy.value == pytest.approx(row["accuracy_at_0.5"], abs=1e-6)


def test_constant_probabilities_are_a_coin_toss() -> None:
    world = predictions(np.full((40, 2), 0.5), ["nv", "mel"] * 20, ["nv", "mel"])
    found = measure(world, resamples=100)
    got = found.find("auroc", "mel")
    assert got is not None
    assert got.value == 0.5
    assert got.low is None
    assert "resamples give the same value" in got.reason
    # No threshold separates anything: calling nobody sick is the only way to a specificity of 0.9.
    assert found.find("sensitivity_at_specificity_0.90", "mel").value == 0.0  # type: ignore[union-attr]
    assert math.isclose(found.find("ece").value, 0.0, abs_tol=1e-12)  # type: ignore[union-attr,arg-type]
    assert found.find("macro_auroc").value == 0.5  # type: ignore[union-attr]


def test_no_warning_escapes_on_degenerate_tables() -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        measure(predictions([[1.0, 0.0]], ["nv"], ["nv", "mel"]), resamples=40)
