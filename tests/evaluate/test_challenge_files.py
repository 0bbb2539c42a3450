"""Challenge files through the whole reading, against numbers of isic-challenge-scoring (at cf264bc, 2025) kept here."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import polars as pl
import pytest
from evaluate_world import random_world

from cutis.errors import CutisError
from cutis.evaluate.measure import measure
from cutis.evaluate.reading import read_predictions

CODES = ["MEL", "NV", "BKL"]
Files = tuple[Path, Path]


def write(
    folder: Path, seed: int, *, digits: int = 0, weights: bool = False, key: str = "image", withdrawn: bool = False
) -> Files:
    """A submission and its truth, 16 images of each class; `withdrawn`: one is the image that ISIC 2018 took out."""
    r, n = np.random.default_rng(seed), 48
    y = np.arange(n) % 3
    p = r.random((n, 3)) + 0.7 * (np.arange(3) == y[:, None])
    p = p / p.sum(1, keepdims=True)
    p = np.round(p, digits) if digits else p
    ids = [f"ISIC_{1 + i:07d}" for i in range(n - 1)] + ["ISIC_0035068" if withdrawn else f"ISIC_{n:07d}"]
    truth = {key: ids, **{c: (y == k).astype(float) for k, c in enumerate(CODES)}}
    if weights:
        truth |= {"score_weight": np.array([1.0, 0.5, 2.0, 0.0])[r.integers(0, 4, n)], "validation_weight": [1.0] * n}
    scores = {key: ids, **{c: p[:, k] for k, c in enumerate(CODES)}}
    pl.DataFrame(scores).write_csv(folder / "p.csv")
    pl.DataFrame(truth).write_csv(folder / "t.csv")
    return folder / "p.csv", folder / "t.csv"


# What the scorer gives: its overall score, and means over categories.
SCORED = {
    "plain": (
        {"seed": 1},
        (0.9583333333333334, 0.888888888889, 0.666666666667, 0.792677735206, 0.990885416667, 0.98462086589),
    ),
    # Rows of one digit sum to 0.9 or 1.1: the scorer takes them as they are, ties and all.
    "rounded": (
        {"seed": 2, "digits": 1},
        (0.8541666666666666, 0.861111111111, 0.583333333333, 0.72397134766, 0.974934895833, 0.931173687424),
    ),
    "weights": (
        {"seed": 3, "weights": True},
        (0.9435626102292769, 0.847222222222, 0.545855379189, 0.704766459429, 0.986688265841, 0.97857464314),
    ),
    "withdrawn": (
        {"seed": 4, "digits": 2, "weights": True, "withdrawn": True},
        (0.9466666666666667, 0.940298507463, 0.82303030303, 0.901635401635, 0.989764309764, 0.985348629149),
    ),
    "withdrawn, without weights": (
        {"seed": 5, "withdrawn": True},
        (0.9583333333333334, 0.900709219858, 0.702777777778, 0.824175824176, 0.994623655914, 0.992357336957),
    ),
    "lesions": (
        {"seed": 6, "weights": True, "key": "lesion_id"},
        (0.8891954022988505, 0.869198312236, 0.605057471264, 0.749946374946, 0.95546189868, 0.940430684987),
    ),
}
NAMES = ("balanced_accuracy", "macro_accuracy", "macro_sensitivity", "macro_dice", "macro_auc", "macro_ap")


@pytest.mark.parametrize("case", SCORED)
def test_equals_the_scorer(tmp_path: Path, case: str) -> None:
    how, expected = SCORED[case]
    scores, truth = write(tmp_path, **how)  # type: ignore[arg-type]
    found = measure(scores, truth=truth, protocol="isic2018", by=[], resamples=40)
    got = [found.find(f"isic2018:{name}") for name in NAMES]
    assert [m and m.value for m in got] == pytest.approx(expected, abs=1e-9)
    said = "ISIC_0035068 weighs nothing in its scores: the challenge withdrew the image."
    assert (said in found.notes) is ("withdrawn" in case)
    assert any("told apart by lesion_id" in note for note in found.notes) is (case == "lesions")
    assert found.unit == ("lesion" if case == "lesions" else "image")


def column(name: str, values: list[object]) -> Callable[[Path], None]:
    def change(path: Path) -> None:
        table = pl.read_csv(path, glob=False)
        cells = [values[i] if i < len(values) else 1 for i in range(len(table))]
        table.with_columns(pl.Series(name, [str(c) for c in cells])).write_csv(path)

    return change


@pytest.mark.parametrize("name", ["score_weight", "validation_weight"])
@pytest.mark.parametrize("cell", ["-1", "NaN", "inf", "abc", "", "1,5,0"])
@pytest.mark.parametrize("file", [0, 1])
def test_a_weight_that_is_none_is_an_error_with_its_row(tmp_path: Path, name: str, cell: str, file: int) -> None:
    files = write(tmp_path, 1)
    column(name, [1, 1, cell])(files[file])
    shown = f'is "{cell}"' if cell else "is empty"
    with pytest.raises(CutisError, match=f"row 3: {name} {shown}; expected a number from 0") as caught:
        measure(files[0], truth=files[1], protocol="isic2018", resamples=40)
    assert str(files[file]) in str(caught.value)


def test_decimal_commas_weigh_and_no_weight_leaves_the_row_out_of_the_interval_too(tmp_path: Path) -> None:
    files = write(tmp_path, 1)
    column("score_weight", ["1,5", "0.5"])(files[1])
    made = read_predictions(files[0], truth=files[1], stand_alone=True)
    assert made.table["score_weight"].to_list()[:3] == [1.5, 0.5, 1.0]
    column("score_weight", [0 if k % 3 == 0 and k > 9 else 1 for k in range(48)])(files[1])
    found = measure(files[0], truth=files[1], protocol="isic2018", by=[], resamples=40)
    balanced = found.find("isic2018:balanced_accuracy")
    assert balanced is not None
    assert balanced.low is None
    assert "only 4 images of class MEL; for an interval you need 6 more" in balanced.reason
    assert balanced.n == 36


def test_no_image_weighs_anything(tmp_path: Path) -> None:
    files = write(tmp_path, 1)
    column("score_weight", [0] * 48)(files[1])
    found = measure(files[0], truth=files[1], protocol="isic2018", by=[], resamples=40)
    assert found.find("isic2018:balanced_accuracy").value is None  # type: ignore[union-attr]


@pytest.mark.parametrize("weight", [-1.0, float("nan"), float("inf"), None])
def test_weights_of_a_table_of_our_own_are_checked_too(weight: float | None) -> None:
    world = random_world(1, n=60, units=40)
    weights = pl.Series([1.0] * 59 + [weight], dtype=pl.Float64)
    world = replace(world, table=world.table.with_columns(score_weight=weights))
    with pytest.raises(CutisError, match=r'image "i00059": score_weight is .*; expected a number from 0'):
        measure(world, protocol="isic2018", resamples=40)


@pytest.mark.parametrize("weights", [[1.0, 0.5, 2.0, 0.0], [0.0, 7.0, 1e-3, 1e6]])
def test_no_score_leaves_its_range(weights: list[float]) -> None:
    world = random_world(2, n=200, units=80)
    world = replace(world, table=world.table.with_columns(score_weight=pl.Series((weights * 50)[:200])))
    found = measure(world, protocol="isic2018", by=[], resamples=40)
    for m in found.measured:
        if m.metric.startswith("isic2018:") and m.value is not None:
            assert -1e-9 <= m.value <= 1 + 1e-9, m
            assert m.low is None or m.low <= m.value + 1e-9
