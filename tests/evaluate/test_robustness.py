"""Balanced error under change, against AlexNet's: worked by hand, and against scikit-learn."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import polars as pl
import pytest
from sklearn.metrics import balanced_accuracy_score

from cutis.errors import CutisError
from cutis.evaluate.robustness import ALEXNET, Baseline, relative_errors, robustness
from cutis.schema.classes import ClassInfo
from cutis.schema.predictions import Predictions, PredictionsInfo

CODES = ("mel", "nv", "bkl")


def predictions(rows: list[tuple[str, str, int, str, str]], lesion: bool = True) -> Predictions:
    """rows: original id, corruption, severity, target, predicted."""
    n = len(rows)
    table = pl.DataFrame(
        {
            "image_id": [f"{o}__{c}_{s}" for o, c, s, _, _ in rows],
            "lesion_id": [o if lesion else None for o, *_ in rows],
            "patient_id": [None] * n,
            "source": ["here"] * n,
            "target": [r[3] for r in rows],
            "predicted": [r[4] for r in rows],
            **{f"p_{c}": [0.8 if r[4] == c else 0.1 for r in rows] for c in CODES},
            "set": [[r[4]] for r in rows],
            "ood": [0.0] * n,
            "status": ["ok"] * n,
            "reason": [None] * n,
            "corruption": [r[1] for r in rows],
            "severity": [r[2] for r in rows],
        },
        schema_overrides={"lesion_id": pl.String, "patient_id": pl.String, "reason": pl.String},
    )
    return Predictions(table, PredictionsInfo(classes=tuple(ClassInfo(code=c, name=c) for c in CODES)))


def world(names: tuple[str, ...], n: int = 60, worse: float = 0.1, seed: int = 0) -> Predictions:
    """n lesions of three classes; each severity makes a further share of the answers wrong."""
    rng = np.random.default_rng(seed)
    rows = []
    for i in range(n):
        target = CODES[i % 3]
        for name in names:
            luck = rng.random()
            for severity in [0] if name == "none" else range(1, 6):
                wrong = luck < 0.1 + worse * severity
                answer = CODES[(i + 1) % 3] if wrong else target
                rows.append((f"L{i}", name, severity, target, answer))
    return predictions(rows)


@pytest.fixture(scope="module")
def shifted() -> Predictions:
    return world(("none", "pixelate", "hair"))


def test_alexnet_itself_scores_one_and_one() -> None:
    names = list(ALEXNET.errors)
    errors = np.array([ALEXNET.errors[n] for n in names])
    be, rbe = relative_errors(errors, np.array(ALEXNET.clean), names, ALEXNET)
    assert np.array_equal(be, np.ones(15))
    assert np.array_equal(rbe, np.ones(15))
    assert (be.mean(), rbe.mean()) == (1.0, 1.0)


def test_alexnets_constants_are_the_published_ones() -> None:
    """references.md, B3: five digits each, and their mean."""
    rounded = {
        "pixelate": 0.51051, "jpeg_compression": 0.47716, "gaussian_noise": 0.77016, "speckle_noise": 0.76888,
        "impulse_noise": 0.79956, "shot_noise": 0.83916, "defocus_blur": 0.70083, "motion_blur": 0.62664,
        "zoom_blur": 0.52777, "brightness_up": 0.44740, "brightness_down": 0.57730, "contrast_up": 0.43042,
        "contrast_down": 0.53982, "black_corner": 0.75915, "characters": 0.44619,
    }  # fmt: skip
    assert {n: round(v, 5) for n, v in ALEXNET.errors.items()} == rounded
    assert np.mean(list(ALEXNET.errors.values())) == pytest.approx(0.6147, abs=5e-5)
    assert ALEXNET.errors["contrast_up"] - ALEXNET.clean == pytest.approx(0.032, abs=5e-4)


def test_errors_are_scikit_learns(shifted: Predictions) -> None:
    found = robustness(shifted, resamples=40)
    table = shifted.table

    def error(name: str, severity: int) -> float:
        cell = table.filter(corruption=name, severity=severity)
        return float(1 - balanced_accuracy_score(cell["target"].to_list(), cell["predicted"].to_list()))

    clean = error("none", 0)
    assert found.clean.value == pytest.approx(clean)
    cells = {(s.corruption, s.severity): s for s in found.shifts}
    assert len(cells) == 2 * 6
    for name in ("pixelate", "hair"):
        errors = [error(name, s) for s in range(1, 6)]
        for s, expected in enumerate(errors, 1):
            assert cells[name, s].error.value == pytest.approx(expected)
            assert cells[name, s].change.value == pytest.approx(expected - clean)
            assert cells[name, s].error.n == 60
        assert cells[name, None].error.value == pytest.approx(np.mean(errors))
    mine = np.mean([error("pixelate", s) for s in range(1, 6)])
    a = ALEXNET.errors["pixelate"]
    assert [x.corruption for x in found.against] == ["pixelate", None]  # hair isn't AlexNet's
    for one in found.against:
        assert one.be.value == pytest.approx(mine / a)
        assert one.rbe.value == pytest.approx((mine - clean) / (a - ALEXNET.clean))
    assert any("1 of 15 corruptions" in note for note in found.notes)


def test_a_change_is_paired_by_lesion(shifted: Predictions) -> None:
    """Answers that change together: the change is exact although both errors are uncertain."""
    rows = shifted.table.filter(severity=0)
    copied = pl.concat(
        [
            rows,
            *(
                rows.with_columns(
                    image_id=pl.col("image_id") + f"c{s}", corruption=pl.lit("zoom_blur"),
                    severity=pl.lit(s, rows["severity"].dtype),
                )
                for s in range(1, 6)
            ),
        ]
    )  # fmt: skip
    found = robustness(replace(shifted, table=copied), resamples=100)
    assert found.clean.low is not None
    assert found.clean.high > found.clean.low
    for one in found.shifts:
        assert one.change.value == pytest.approx(0)
        assert one.change.low is None or one.change.high - one.change.low < 1e-9
    assert found.against[-1].rbe.value == pytest.approx(0)


def test_intervals_hold_their_values_and_follow_the_seed(shifted: Predictions) -> None:
    one, two, other = (robustness(shifted, resamples=100, seed=s) for s in (1, 1, 2))
    assert one == two
    assert one.clean.low != other.clean.low
    for s in one.shifts:
        assert s.error.low <= s.error.value <= s.error.high
    assert one.shifts[0].error.unit == "lesion"
    assert one.shifts[0].error.n_units == 60


def test_a_perfect_model_is_measured_too() -> None:
    """MedMNIST-C's own evaluator stops at a clean error of 0."""
    made = world(("none", "pixelate"))
    found = robustness(replace(made, table=made.table.with_columns(predicted=pl.col("target"))), resamples=40)
    assert found.clean.value == 0
    assert found.against[0].be.value == 0
    assert found.against[0].rbe.value == pytest.approx(0)


def test_fewer_severities_have_no_be_and_say_so(shifted: Predictions) -> None:
    part = replace(shifted, table=shifted.table.filter(pl.col("severity").is_in([0, 1, 5])))
    found = robustness(part, resamples=40)
    assert found.against == ()
    assert "No BE of pixelate" in found.notes[0]
    assert {s.severity for s in found.shifts} == {1, 5, None}


def test_an_absent_class_is_left_out_and_named(shifted: Predictions) -> None:
    found = robustness(replace(shifted, table=shifted.table.filter(pl.col("target") != "bkl")), resamples=40)
    assert "over 2 of 3 classes (none of bkl here)" in found.clean.reason


def test_another_baseline(shifted: Predictions) -> None:
    found = robustness(shifted, baseline=Baseline("mine", 0.2, {"hair": 0.5}), resamples=40)
    assert [x.corruption for x in found.against] == ["hair", None]
    assert found.baseline == "mine"


def test_what_cannot_be_measured_is_refused(shifted: Predictions) -> None:
    table = shifted.table
    for bad, words in (
        (table.drop("severity"), "no column severity. Predict a dataset made by: cutis corrupt"),
        (table.filter(pl.col("severity") > 0), "no clean image"),
        (table.with_columns(severity=pl.lit("strong")), "whole numbers 0 to 5"),
        (table.with_columns(severity=pl.col("severity") + 1), "severity 6 is not 0"),
        (table.with_columns(corruption=pl.lit(None, pl.String)), "has a severity but no corruption"),
    ):
        with pytest.raises(CutisError, match=words):
            robustness(replace(shifted, table=bad), resamples=40)
