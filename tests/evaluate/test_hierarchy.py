"""The tree of diagnoses, and the answer as a list, worked by hand."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import polars as pl
import pytest
from evaluate_world import predictions
from hypothesis import given
from hypothesis import strategies as st

from cutis.evaluate.class_names import differentials, finder
from cutis.evaluate.differential import ranks
from cutis.evaluate.hierarchy import class_paths, tree_distances
from cutis.evaluate.measure import measure
from cutis.schema.classes import ClassInfo
from cutis.schema.evidence import Evidence
from cutis.schema.predictions import Predictions

PATHS = {
    "nv": "Benign:Benign melanocytic proliferations:Nevus",
    "df": "Benign:Benign soft tissue proliferations - Fibro-histiocytic:Dermatofibroma",
    "mel": "Malignant:Malignant melanocytic proliferations (Melanoma)",
    "akiec": None,
}


def with_paths(world: Predictions) -> Predictions:
    classes = tuple(c.model_copy(update={"diagnosis": PATHS[c.code]}) for c in world.info.classes)
    return replace(world, info=world.info.model_copy(update={"classes": classes}))


def value(found: Evidence, metric: str) -> float | None:
    m = found.find(metric)
    assert m is not None, metric
    return m.value


def test_levels_and_distances_by_hand() -> None:
    """Truth and answer, five times each: nv nv, nv df, nv mel, mel mel, akiec nv, mel akiec."""
    pairs = [("nv", "nv"), ("nv", "df"), ("nv", "mel"), ("mel", "mel"), ("akiec", "nv"), ("mel", "akiec")] * 5
    codes = ["nv", "df", "mel", "akiec"]
    p = np.full((30, 4), 0.25)
    world = with_paths(predictions(p, [t for t, _ in pairs], codes, predicted=[a for _, a in pairs]))
    found = measure(world, by=[], resamples=60)
    # Level 1: of the 25 with a node, nv nv, nv df and mel mel agree. mel called akiec, which has no node, doesn't.
    assert value(found, "accuracy_level_1") == pytest.approx(15 / 25)
    assert value(found, "accuracy_level_2") == pytest.approx(10 / 25)
    # Level 3: only the 15 nevi reach it.
    m = found.find("accuracy_level_3")
    assert m is not None
    assert (m.value, m.n) == (pytest.approx(1 / 3), 15)
    assert found.find("accuracy_level_4") is None
    # Steps: 0, nv to df 2 + 2, nv to mel 3 + 2, 0; both others have no place.
    tree = found.find("tree_distance")
    assert tree is not None
    assert (tree.value, tree.n) == (pytest.approx((0 + 4 + 5 + 0) / 4), 20)
    assert "without akiec" in tree.reason


def test_no_paths_no_tree() -> None:
    found = measure(predictions(np.full((20, 2), 0.5), ["nv", "mel"] * 10, ["nv", "mel"]), resamples=40)
    assert found.find("tree_distance") is None
    assert found.find("accuracy_level_1") is None


@given(st.lists(st.lists(st.sampled_from("ab"), min_size=1, max_size=5), min_size=3, max_size=3))
def test_tree_distance_is_a_metric(paths: list[list[str]]) -> None:
    d = tree_distances([tuple(p) for p in paths])
    assert (np.diag(d) == 0).all()
    assert (d == d.T).all()
    assert d[0, 2] <= d[0, 1] + d[1, 2]
    assert d.max() <= 10


def test_class_paths() -> None:
    assert class_paths((ClassInfo(code="x", name="X"), ClassInfo(code="y", name="Y", diagnosis="A:B"))) == [
        (),
        ("A", "B"),
    ]


def test_ranks_never_favour_the_model() -> None:
    assert ranks(np.array([[0.5, 0.3, 0.2], [0.4, 0.4, 0.2], [1 / 3, 1 / 3, 1 / 3]])).tolist() == [
        [1, 2, 3],
        [2, 2, 3],
        [3, 3, 3],
    ]


def test_top_k_by_hand() -> None:
    p = np.array([[0.5, 0.3, 0.1, 0.1]] * 20)
    target = ["nv"] * 5 + ["df"] * 10 + ["mel"] * 5  # ranks 1, 2 and, as it ties, 4
    found = measure(predictions(p, target, ["nv", "df", "mel", "akiec"]), by=[], resamples=60)
    assert value(found, "top_2_accuracy") == pytest.approx(0.75)
    assert value(found, "top_3_accuracy") == pytest.approx(0.75)
    assert found.find("top_5_accuracy") is None
    assert value(found, "reciprocal_rank") == pytest.approx((5 + 10 / 2 + 5 / 4) / 20)


def test_differential_by_hand() -> None:
    """The model's order is nv, df, mel. Readers: nv 0.6 and mel 0.4; or psoriasis 0.7 and df 0.3; or none."""
    p = np.array([[0.5, 0.3, 0.2]] * 30)
    one = [{"diagnosis": "Melanocytic nevus", "weight": 0.6}, {"diagnosis": "melanoma", "weight": 0.4}]
    two = [{"diagnosis": "psoriasis", "weight": 1.4}, {"diagnosis": "DF", "weight": 0.6}]
    world = predictions(p, ["nv"] * 30, ["nv", "df", "mel"], differential=[one, two, None] * 10)
    found = measure(with_paths(world), by=[], resamples=60)
    m = found.find("differential_recall_1")
    assert m is not None
    assert (m.value, m.n) == (pytest.approx((0.6 + 0) / 2), 20)
    assert value(found, "differential_recall_3") == pytest.approx((1.0 + 0.3) / 2)
    # One: nv first in both (1), then {nv, df} and {nv, mel} share one of two: (1 + 1/2) / 2. Two: nv isn't df: 0.
    assert value(found, "differential_overlap_3") == pytest.approx((0.75 + 0) / 2)
    # The readers' first is nv, which the model has first; psoriasis, which it can't answer.
    assert value(found, "differential_reciprocal_rank") == pytest.approx((1 + 0) / 2)


def test_labels_find_their_class_but_benign_is_no_home_for_everything() -> None:
    classes = [
        ClassInfo(code="mel", name="Melanoma", diagnosis="Malignant:Malignant melanocytic proliferations (Melanoma)"),
        ClassInfo(code="bkl", name="Benign keratosis-like lesion", diagnosis="Benign"),
    ]
    find = finder(classes)
    assert [find(x) for x in ("MEL", "melanoma", "Melanoma in situ", "Benign keratosis-like lesion")] == [0, 0, 0, 1]
    assert find("Nevus") is None
    assert find("nonsense") is None
    table = pl.DataFrame({"differential": [[{"diagnosis": "mel", "weight": 0.0}], None]})
    assert np.isnan(differentials(table, classes)).all()
