"""The Robustness Index on graphs drawn by hand, against loops, and where biology or centre alone decides."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.metrics import balanced_accuracy_score
from sklearn.neighbors import KNeighborsClassifier

from cutis.errors import CutisError
from cutis.evaluate.distance import balanced, robustness_index
from cutis.evaluate.resampled import Resampling

FEW = Resampling(resamples=60)


def at(degrees: list[float]) -> np.ndarray:
    """Points of a circle: their neighbours are told by the angle alone."""
    angle = np.radians(degrees)
    return np.stack([np.cos(angle), np.sin(angle)], 1)


def test_a_graph_by_hand():
    """Eight images on a circle; the nearest other of each is in its pair: (0, 1), (2, 3), (4, 5), (6, 7).

    Pairs: same biology, other centre (SO); other, same (OS); other, same (OS); same, same (SS, which does not count).
    So two images say SO and four say OS: 2 / 6. The older form: (SS + SO) / (SS + OS) = (2 + 2) / (2 + 4).
    """
    rows = at([0, 1, 90, 91, 180, 181, 270, 271])
    biology = ["mel", "mel", "mel", "nv", "nv", "mel", "nv", "nv"]
    centre = ["x", "y", "x", "x", "y", "y", "x", "x"]
    found = robustness_index(rows, biology, centre, ks=[1], resampling=FEW)
    assert found.k == 1
    assert found.index.value == pytest.approx(2 / 6)
    assert found.older.value == pytest.approx(4 / 6)
    assert found.accuracy == pytest.approx((2 / 4 + 2 / 4) / 2)
    assert found.index.n == 8
    assert "for an interval you need 2 more" in found.index.reason


def test_length_does_not_count():
    rows = at([0, 10, 90, 100, 180, 200, 300, 310])
    biology, centre = list("abababab"), list("xxyyxxyy")
    scaled = rows * np.arange(1, 9)[:, None]
    one, other = (robustness_index(r, biology, centre, ks=[1, 3]) for r in (rows, scaled))
    assert one.curve == other.curve


def world(seed: int, by: str, n: int = 120) -> tuple[np.ndarray, list[str], list[str]]:
    rng = np.random.default_rng(seed)
    kind, place = rng.integers(0, 2, n), rng.integers(0, 2, n)
    rows = rng.normal(0, 0.3, (n, 5))
    rows[:, 0] += 4 * (kind if by == "biology" else place) + 1
    rows[:, 1] += 4 * (1 - (kind if by == "biology" else place))
    return rows, [f"b{k}" for k in kind], [f"c{p}" for p in place]


def test_one_where_biology_decides_and_zero_where_the_centre_does():
    for by, value in (("biology", 1.0), ("centre", 0.0)):
        found = robustness_index(*world(1, by), ks=[5], resampling=FEW)
        assert found.index.value == value
        assert found.chance == pytest.approx(0.5, abs=0.05)
    older = robustness_index(*world(1, "biology"), ks=[5]).older
    assert older.value > 1


@settings(max_examples=4, deadline=None)
@given(seed=st.integers(0, 10**6))
def test_equals_loops_and_sklearns_vote(seed):
    rng = np.random.default_rng(seed)
    n = 40
    rows = rng.normal(size=(n, 4))
    biology = [f"b{i}" for i in rng.integers(0, 3, n)]
    centre = [f"c{i}" for i in rng.integers(0, 2, n)]
    found = robustness_index(rows, biology, centre, ks=[1, 3, 7], resampling=FEW)
    unit = rows / np.linalg.norm(rows, axis=1, keepdims=True)
    best = (-1.0, 0, 0.0)
    for k in (1, 3, 7):
        so = os = 0
        said = []
        for i in range(n):
            others = np.delete(np.arange(n), i)
            near = others[np.argsort(np.linalg.norm(unit[others] - unit[i], axis=1))[:k]]
            so += sum(biology[j] == biology[i] and centre[j] != centre[i] for j in near)
            os += sum(biology[j] != biology[i] and centre[j] == centre[i] for j in near)
            vote = KNeighborsClassifier(k).fit(unit[others], np.array(biology)[others])
            said.append(vote.predict(unit[i : i + 1])[0])
        accuracy = balanced_accuracy_score(biology, said)
        assert found.curve[k] == pytest.approx((so / (so + os), accuracy))
        if accuracy > best[0] + 1e-12:
            best = (accuracy, k, so / (so + os))
    assert (found.accuracy, found.k, found.index.value) == pytest.approx(best)
    assert found.index.low <= found.index.value <= found.index.high


def test_images_of_one_patient_are_no_neighbours():
    """Each image has a near copy of its own patient: counted, they would make SS of everything."""
    rows, biology, centre = world(2, "biology", 60)
    twice = np.concatenate([rows, rows + 1e-6])
    groups = [f"p{i}" for i in range(60)] * 2
    found = robustness_index(twice, biology * 2, centre * 2, ks=[1], resampling=Resampling(60, groups=groups))
    assert found.index.n_units == 60
    assert found.index.n == 120
    plain = robustness_index(twice, biology * 2, centre * 2, ks=[1])
    assert plain.index.value is None
    assert "no neighbour is" in plain.index.reason
    assert found.index.value == 1


def test_balanced_draws_equal_cells_of_what_all_centres_have():
    biology = ["mel"] * 10 + ["nv"] * 30 + ["df"] * 5 + [None]
    centre = ["x"] * 4 + ["y"] * 6 + ["x"] * 10 + ["y"] * 20 + ["x"] * 5 + ["y"]
    chosen = balanced(biology, centre, np.random.default_rng(0))
    cells = [(biology[i], centre[i]) for i in chosen]
    assert {cell: cells.count(cell) for cell in cells} == dict.fromkeys(
        [("mel", "x"), ("mel", "y"), ("nv", "x"), ("nv", "y")], 4
    )
    assert (np.diff(chosen) > 0).all()
    with pytest.raises(CutisError, match="1 biologies are in all 2 centres"):
        balanced(["a", "a", "b"], ["x", "y", "x"], np.random.default_rng(0))


def test_bad_input_is_one_line():
    rows, biology, centre = world(3, "biology", 20)
    zero = rows.copy()
    zero[3] = 0
    cases = {
        "row 4 is all 0": lambda: robustness_index(zero, biology, centre),
        'every row has centre "here"': lambda: robustness_index(rows, biology, ["here"] * 20),
        "row 1 has no biology": lambda: robustness_index(rows, [None, *biology[1:]], centre),
        "19 values of biology for 20 rows": lambda: robustness_index(rows, biology[1:], centre),
        "no k of 40 is in 1..19": lambda: robustness_index(rows, biology, centre, ks=[40]),
    }
    for words, call in cases.items():
        with pytest.raises(CutisError, match=words) as caught:
            call()
        assert "\n" not in str(caught.value)
