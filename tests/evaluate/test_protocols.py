"""Challenges' scores against the scorer itself (where installed), scikit-learn, and numpy written from the rules."""

from __future__ import annotations

from dataclasses import replace
from itertools import pairwise

import numpy as np
import polars as pl
import pytest
from evaluate_world import predictions, random_world
from sklearn.metrics import average_precision_score, balanced_accuracy_score, roc_auc_score

from cutis.errors import CutisError
from cutis.evaluate.discrimination import AREAS, RankBlock
from cutis.evaluate.measure import measure
from cutis.evaluate.protocols import PROTOCOLS, find_protocol
from cutis.evaluate.protocols.isic2024 import in_top
from cutis.schema.evidence import Evidence


def value(found: Evidence, metric: str, code: str | None = None) -> float:
    m = found.find(metric, code)
    assert m is not None, metric
    assert m.value is not None, m.reason
    return m.value


def pauc(case: np.ndarray, score: np.ndarray, w: np.ndarray | None = None) -> float:
    """ISIC 2024, by turning the question round: needs the McClish correction of scikit-learn undone."""
    limit = 0.2
    s = roc_auc_score(~case, -score, max_fpr=limit, sample_weight=w)
    return 0.5 * limit**2 + (limit - 0.5 * limit**2) / 0.5 * (s - 0.5)


def naive_sens_80(case: np.ndarray, score: np.ndarray) -> float:
    """The area under the ROC curve to the right of where it reaches 0.8, point by point."""
    points = [(0.0, 0.0)]
    points += [((score[~case] >= t).mean(), (score[case] >= t).mean()) for t in sorted(set(score.tolist()))[::-1]]
    area, started = 0.0, False
    for (x0, y0), (x1, y1) in pairwise(points):
        if not started and y1 >= 0.8 - 1e-12:
            x0, y0, started = (x0 + (x1 - x0) * (0.8 - y0) / (y1 - y0), 0.8, True)
        if started:
            area += (x1 - x0) * (y0 + y1) / 2
    return area


@pytest.mark.parametrize("digits", [1, 12])
@pytest.mark.parametrize("seed", range(3))
def test_areas_equal_independent_ones_with_weights_and_ties(seed: int, digits: int) -> None:
    rng = np.random.default_rng(seed)
    n, units = 120, 50
    unit = rng.integers(0, units, n)
    case = rng.random(n) < [0.1, 0.4, 0.8][seed]
    score = np.round(rng.normal(size=n) + case, digits)
    block = RankBlock(score, case, unit, units, "mel", areas=AREAS)
    weights = rng.poisson(1, (units, 10)).astype(float)
    got = block.compute(weights)
    for r in range(10):
        w = weights[unit, r]
        assert got[1, r] == pytest.approx(average_precision_score(case, score, sample_weight=w), abs=1e-12)
        assert got[3, r] == pytest.approx(pauc(case, score, w), abs=1e-12)
        rows = np.repeat(np.arange(n), w.astype(int))
        assert got[2, r] == pytest.approx(naive_sens_80(case[rows], score[rows]), abs=1e-12)


def test_perfect_is_1_by_one_area_and_a_fifth_by_the_other_and_chance_is_a_fiftieth() -> None:
    case = np.arange(40) < 20
    block = RankBlock(-np.arange(40.0), case, np.arange(40), 40, "mel", areas=AREAS)
    assert block.compute(np.ones((40, 1)))[:, 0] == pytest.approx([1, 1, 1, 0.2])
    coin = RankBlock(np.zeros(40), case, np.arange(40), 40, "mel", areas=AREAS).compute(np.ones((40, 1)))[:, 0]
    assert coin == pytest.approx([0.5, 0.5, 0.18, 0.02])  # 0.8 to 1 under the diagonal: (0.8 + 1) / 2 * 0.2


def test_a_tie_for_the_maximum_is_undecided() -> None:
    """Four images, argmax right on all; two tie: recall of nv 1/2, of mel 1/2."""
    p = [[0.5, 0.5, 0.0], [0.6, 0.4, 0.0], [0.0, 0.4, 0.6], [0.0, 0.5, 0.5]] * 3
    world = predictions(p, ["nv", "nv", "mel", "mel"] * 3, ["nv", "bkl", "mel"])
    world = replace(world, table=world.table.with_columns(predicted=pl.col("target")))
    found = measure(world, resamples=40, protocol="isic2018")
    assert value(found, "balanced_accuracy") == 1.0
    assert value(found, "isic2018:balanced_accuracy") == 0.5
    reason = found.find("isic2018:balanced_accuracy").reason  # type: ignore[union-attr]
    assert "over 2 of 3 categories (none of bkl here)" in reason
    assert "6 images have no single largest score" in reason
    assert any("scores the classes MEL, NV" in note for note in found.notes)


def test_challenge_scores_by_hand_and_its_freebies() -> None:
    """Ten nevi, two called melanoma above 0.5; no melanoma: sensitivity is counted as 1, its PPV is 0."""
    p = [[0.9, 0.1]] * 8 + [[0.4, 0.6]] * 2
    found = measure(predictions(p, ["nv"] * 10, ["nv", "mel"]), resamples=40, protocol="isic2019")
    assert value(found, "isic2019:sensitivity", "mel") == 1.0
    assert "nothing to divide by" in found.find("isic2019:sensitivity", "mel").reason  # type: ignore[union-attr]
    assert value(found, "isic2019:ppv", "mel") == 0.0
    assert value(found, "isic2019:specificity", "mel") == pytest.approx(0.8)
    assert value(found, "isic2019:macro_sensitivity") == pytest.approx((0.8 + 1) / 2)
    assert value(found, "isic2019:dice", "nv") == pytest.approx(16 / 18)
    assert found.find("isic2019:auc", "mel").value is None  # type: ignore[union-attr]


@pytest.mark.filterwarnings("ignore")  # of the scorer, which newer versions of pandas warn about
@pytest.mark.parametrize("codes", [("NV", "MEL", "BKL"), ("NV", "MEL")])
def test_equals_the_challenges_own_scorer(codes: tuple[str, ...]) -> None:
    pd = pytest.importorskip("pandas")
    scorer = pytest.importorskip("isic_challenge_scoring.classification", reason="the ISIC scorer is not installed")
    world = random_world(3, n=200, units=80, codes=codes)
    rng = np.random.default_rng(0)
    weight = rng.choice([0.0, 0.5, 1.0], 200)
    world = replace(world, table=world.table.with_columns(score_weight=pl.Series(weight)))
    found = measure(world, resamples=40, protocol="isic2018")
    ids = world.table["image_id"].to_list()
    p = pd.DataFrame(world.probabilities(), index=ids, columns=list(codes))
    truth = pd.DataFrame({c: (world.table["target"] == c).to_numpy().astype(float) for c in codes}, index=ids)
    weights = pd.DataFrame({"score_weight": weight, "validation_weight": 1.0}, index=ids)
    score = scorer.ClassificationScore(truth, p, weights, scorer.ClassificationMetric.BALANCED_ACCURACY)
    assert value(found, "isic2018:balanced_accuracy") == pytest.approx(score.overall, abs=1e-12)
    for name, expected in score.macro_average.items():
        assert value(found, f"isic2018:macro_{name}") == pytest.approx(expected, abs=1e-12)
    for code in codes:
        for name, expected in score.per_category.loc[code].items():
            assert value(found, f"isic2018:{name}", code) == pytest.approx(expected, abs=1e-12)


def test_isic2017_is_the_mean_of_two_questions() -> None:
    world = random_world(1, codes=("nv", "mel", "sk"))
    found = measure(world, resamples=40, protocol="isic2017")
    target, p = world.table["target"].to_numpy(), world.probabilities()
    each = [roc_auc_score(target == c, p[:, k]) for k, c in ((1, "mel"), (2, "sk"))]
    assert value(found, "isic2017:macro_auc") == pytest.approx(np.mean(each))
    with pytest.raises(CutisError, match="isic2017 asks for seborrheic_keratosis"):
        measure(random_world(1), resamples=40, protocol="isic2017")


def test_isic2020_and_2024_ask_whether_it_is_malignant() -> None:
    world = random_world(2)
    target, p = world.table["target"].to_numpy(), world.probabilities()
    found = measure(world, resamples=40, protocol="isic2020")
    assert value(found, "isic2020:auc", "malignant") == pytest.approx(roc_auc_score(target == "mel", p[:, 1]))
    found = measure(world, resamples=40, protocol="isic2024")
    assert value(found, "isic2024:pauc", "malignant") == pytest.approx(pauc(target == "mel", p[:, 1]))
    assert found.find("isic2024:top15_sensitivity") is None  # nobody says whose images they are
    with pytest.raises(CutisError, match="don't say which they are"):
        measure(random_world(1, codes=("nv", "bkl")), resamples=40, protocol="isic2020")


def test_top_15_of_a_patient_by_hand() -> None:
    """20 lesions each. Patient a: 2 malignant, ranked 1st and 16th. b: 1, ranked 15th. Others: none."""
    rows = []
    for patient, sick in (("a", {0, 15}), ("b", {14}), *((f"c{i}", set()) for i in range(8))):
        rows += [(patient, "mel" if k in sick else "nv", 0.9 - 0.01 * k) for k in range(20)]
    # five more patients with one malignancy at the top, so that there are enough units
    for i in range(5):
        rows += [(f"d{i}", "mel" if k == 0 else "nv", 0.9 - 0.01 * k) for k in range(20)]
    patient, target, score = zip(*rows, strict=True)
    p = np.column_stack([1 - np.array(score), score])
    world = predictions(p, list(target), ["nv", "mel"], patient=list(patient))
    found = measure(world, resamples=40, protocol="isic2024")
    assert value(found, "isic2024:top15_sensitivity") == pytest.approx(7 / 8)
    assert value(found, "isic2024:top15_by_patient") == pytest.approx(6.5 / 7)
    assert found.find("isic2024:top15_sensitivity").n_units == 7  # type: ignore[union-attr]


def test_ties_for_the_last_places_take_their_chance() -> None:
    score = np.array([3.0, 2, 2, 2, 1, 5])
    group = np.array([0, 0, 0, 0, 0, 1])
    assert in_top(score, group, 2) == pytest.approx([1, 1 / 3, 1 / 3, 1 / 3, 0, 1])
    assert in_top(score, group, 4) == pytest.approx([1, 1, 1, 1, 0, 1])


def test_medmnist_means_aucs_and_takes_the_first_of_a_tie() -> None:
    world = random_world(5)
    target, p = world.table["target"].to_numpy(), world.probabilities()
    found = measure(world, resamples=40, protocol="medmnist")
    onehot = target[:, None] == np.array(["nv", "mel", "bkl"])
    assert value(found, "medmnist:auc") == pytest.approx(roc_auc_score(onehot, p, average="macro"))
    assert value(found, "medmnist:acc") == pytest.approx((p.argmax(1) == onehot.argmax(1)).mean())


def test_untied_balanced_accuracy_is_sklearns_and_every_protocol_runs() -> None:
    rng = np.random.default_rng(0)
    p = rng.dirichlet([1, 1, 1], 120)
    target = rng.choice(["nv", "mel", "sk"], 120)
    world = predictions(p, target.tolist(), ["nv", "mel", "sk"], patient=[f"p{i // 4}" for i in range(120)])
    for name, protocol in PROTOCOLS.items():
        found = measure(world, by=[], resamples=40, protocol=name)
        assert any(m.metric == f"{name}:{protocol.main}" and m.low is not None for m in found.measured), name
        assert found.protocol == name
        if name in ("isic2018", "isic2019"):
            predicted = np.array(["nv", "mel", "sk"])[p.argmax(1)]
            expected = balanced_accuracy_score(target, predicted)
            assert value(found, f"{name}:balanced_accuracy") == pytest.approx(expected)


def test_unknown_protocol() -> None:
    with pytest.raises(CutisError, match='did you mean "isic2018"'):
        find_protocol("isic-2018")
