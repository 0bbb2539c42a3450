"""Checklists: worked by hand from the papers' rules, and over whole truth tables."""

from __future__ import annotations

import itertools
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cutis.phantom.lesion.asymmetry import asymmetry, axes
from cutis.phantom.lesion.checklists import (
    colours,
    components,
    menzies_colours,
    scores,
    seven_point,
    total_dermoscopy_score,
)
from cutis.phantom.parts import Lesion, Skin, Structure
from cutis.phantom.vocabulary import STRUCTURES

FAIR = Skin(melanin=0.02)
PLAIN = Lesion(diagnosis="nv", radius=3.0, pigment=0.05, mottle=0.0)  # round, light brown, soft: the least of all


def there(kind: str, irregularity: float = 0.0, **more) -> Structure:
    return Structure(kind=kind, strength=more.pop("strength", 0.7), irregularity=irregularity, **more)


def with_(*structures: Structure, **changes) -> Lesion:
    return replace(PLAIN, structures=structures, **changes)


# ---- Total dermoscopy score


@pytest.mark.parametrize(
    ("a", "b", "c", "d", "expected"),
    [
        (0, 0, 1, 1, 1.0),  # the least
        (2, 8, 6, 5, 8.9),  # the most
        (1, 4, 3, 3, 4.7),  # the last benign
        (1, 5, 3, 3, 4.8),  # the first suspicious: 4.75 itself can't be reached
        (2, 3, 3, 2, 5.4),  # the last suspicious
        (2, 4, 3, 2, 5.5),  # the first highly suspicious
        (2, 5, 4, 4, 7.1),  # a 1.5 for structure, as some programs have it, would give 11.1
    ],
)
def test_total_dermoscopy_score(a: int, b: int, c: int, d: int, expected: float) -> None:
    assert total_dermoscopy_score(a, b, c, d) == expected


def test_the_plainest_lesion_has_the_least_of_everything() -> None:
    assert scores(PLAIN, FAIR) == {
        "seven_point": 0, "tds": 1.0, "abcd_a": 0, "abcd_b": 0, "abcd_c": 1, "abcd_d": 1, "menzies": 0,
        "three_point": 0,
    }  # fmt: skip


def test_a_melanoma_worked_by_hand() -> None:
    lesion = with_(
        there("pigment_network", 0.8, extent=1.0),
        there("globules", 0.7, extent=1.0),
        there("blue_whitish_veil", extent=0.5),
        there("regression", 0.2, extent=0.3),
        edges=(0.1, 0.1, 0.1, 0.5, 0.5, 0.5, 0.5, 0.5),
    )
    # A 2 (irregular globules), B 3, C: light brown 0.07, dark brown (globules 0.07 + 0.7 (0.07 + 0.7 * 0.05)), white,
    # blue-grey = 4, D: network, globules, structureless veil = 3; 2.6 + 0.3 + 2 + 1.5
    assert scores(lesion, FAIR) == {
        "seven_point": 2 + 2 + 1 + 1, "tds": 6.4, "abcd_a": 2, "abcd_b": 3, "abcd_c": 4, "abcd_d": 3, "menzies": 1,
        "three_point": 3,
    }  # fmt: skip


# ---- Seven-point checklist

SEVEN = {
    "network": (2, there("pigment_network", 0.5)),
    "veil": (2, there("blue_whitish_veil")),
    "vessels": (2, there("irregular_vessels")),
    "streaks": (1, there("streaks", 0.5)),
    "dots": (1, there("dots", 0.5)),
    "blotch": (1, there("blotch", 0.5)),
    "regression": (1, there("regression")),
}


def test_seven_points_whole_truth_table() -> None:
    for present in itertools.product((False, True), repeat=7):
        chosen = [SEVEN[name] for name, here in zip(SEVEN, present, strict=True) if here]
        assert seven_point(with_(*(s for _, s in chosen))) == sum(points for points, _ in chosen)


def test_criteria_count_once() -> None:
    both = with_(there("irregular_vessels"), there("dotted_vessels"), there("dots", 0.9), there("globules", 0.9))
    assert seven_point(both) == 3


@pytest.mark.parametrize(
    "structure",
    [
        there("pigment_network", 0.49), there("streaks", 0.2), there("globules"), there("blotch"),
        there("arborising_vessels", 0.9), there("milia_like_cysts", 0.9), there("blue_whitish_veil", strength=0.0),
    ],
)  # fmt: skip
def test_typical_or_other_or_absent_structures_score_nothing(structure: Structure) -> None:
    assert seven_point(with_(structure)) == 0


def test_a_regular_blotch_off_the_centre_is_irregular_pigmentation() -> None:
    assert seven_point(with_(there("blotch", x=0.3, y=0.3))) == 1
    assert seven_point(with_(there("blotch", x=0.2, y=0.2))) == 0


# ---- Asymmetry


@pytest.mark.parametrize(
    ("lesion", "expected"),
    [
        (PLAIN, 0),
        (with_(bumps=(0.2,), phases=(1.0,)), 0),  # nearly a disc, off its nominal centre
        (with_(bumps=(0.0, 0.25), phases=(0.0, 0.0)), 0),  # an ellipse
        (with_(bumps=(0.0, 0.25), phases=(0.0, 0.3)), 0),  # turned, not by whole axes
        (with_(bumps=(0.0, 0.0, 0.3), phases=(0.0,) * 3), 1),  # a trefoil: mirrored by its stem, not across
        (with_(bumps=(0.0, 0.2, 0.2, 0.2), phases=(0.0, 1.0, 2.5, 0.3)), 2),
        (with_(lopsided=0.2), 0),
        (with_(lopsided=1.0, lopsided_angle=0.7), 1),  # dark on one side
        (with_(there("blotch", extent=0.3)), 0),
        (with_(there("blotch", x=0.5, extent=0.35)), 1),
        (with_(there("regression", x=0.5, extent=0.4), lopsided=1.0, lopsided_angle=np.pi / 2), 2),
        (with_(there("pigment_network", x=0.5, extent=0.5)), 1),
        (with_(there("globules", 0.5)), 2),
        (with_(there("globules", 0.5, strength=0.0)), 0),
    ],
)
def test_asymmetric_axes(lesion: Lesion, expected: int) -> None:
    assert scores(lesion, FAIR)["abcd_a"] == expected


def test_axes_are_placed_where_they_are_fewest() -> None:
    one = np.zeros(24, bool)
    one[:12] = True  # every pair of perpendicular axes has one
    assert axes(one) == 1
    one[5] = False
    assert axes(one) == 0
    assert axes(np.ones(24, bool)) == 2


def test_asymmetry_knows_which_axis() -> None:
    off = asymmetry(with_(lopsided=1.0))  # dark to the right: the axis at angle 0 mirrors it, the upright one doesn't
    assert not off.colour[0]
    assert off.colour[12]
    assert not off.outline.any()
    assert not off.structure.any()


@settings(max_examples=30, deadline=None)
@given(turn=st.integers(0, 47), bumps=st.tuples(*[st.floats(-0.1, 0.1)] * 4), lopsided=st.floats(0, 1))
def test_turning_the_lesion_does_not_change_its_score(turn: int, bumps: tuple, lopsided: float) -> None:
    angle = turn * np.pi / 12
    first = with_(bumps=bumps, phases=(0.1, 0.2, 0.3, 0.4), lopsided=lopsided)
    turned = replace(first, phases=tuple(p - (k + 1) * angle for k, p in enumerate(first.phases)), lopsided_angle=angle)
    assert scores(first, FAIR)["abcd_a"] == scores(turned, FAIR)["abcd_a"]


# ---- Border, colours, structural components


def test_abrupt_sectors_are_counted() -> None:
    lesion = with_(edges=(0.3, 0.31, 0.0, 0.8, 0.1, 0.5, 0.2, 1.0))
    assert scores(lesion, FAIR)["abcd_b"] == 4


@pytest.mark.parametrize(
    ("lesion", "expected"),
    [
        (PLAIN, {"light brown"}),
        (with_(pigment=0.0), {"light brown"}),  # one at least
        (with_(pigment=0.15), {"dark brown"}),
        (with_(pigment=0.3), {"black"}),
        (with_(pigment=0.08, lopsided=1.0), {"light brown", "dark brown"}),
        (with_(there("blotch", strength=1.0), pigment=0.1), {"dark brown", "black"}),
        (with_(there("blotch", strength=0.0), pigment=0.1), {"dark brown"}),
        (with_(redness=0.04), {"light brown", "red"}),
        (with_(redness=0.039), {"light brown"}),
        (with_(there("lacunae"), pigment=0.0), {"red"}),
        (with_(depth=0.3), {"light brown", "blue-grey"}),
        (with_(depth=0.3, pigment=0.2), {"dark brown"}),  # hidden under melanin
        (with_(there("blue_whitish_veil")), {"light brown", "blue-grey"}),
        (with_(there("regression")), {"light brown", "white"}),
        (with_(there("regression", 0.5)), {"light brown", "white", "blue-grey"}),
        (with_(there("central_white_patch")), {"light brown", "white"}),
    ],
)
def test_colours(lesion: Lesion, expected: set[str]) -> None:
    assert colours(lesion, FAIR) == expected


def test_the_same_brown_is_darker_on_darker_skin() -> None:
    assert colours(PLAIN, Skin(melanin=0.2)) == {"dark brown"}
    assert colours(PLAIN, Skin(melanin=0.3)) == {"black"}


def test_menzies_has_no_white_and_two_blues() -> None:
    lesion = with_(there("regression", 0.9), there("blue_whitish_veil"))
    assert colours(lesion, FAIR) == {"light brown", "white", "blue-grey"}
    assert menzies_colours(lesion, FAIR) == {"light brown", "blue", "grey"}


@pytest.mark.parametrize(
    ("structures", "expected"),
    [
        ((), {"structureless"}),
        ((there("pigment_network"),), {"network"}),
        ((there("negative_network"),), {"network"}),
        ((there("pigment_network", extent=0.7),), {"network", "structureless"}),
        ((there("pigment_network"), there("blotch", extent=0.31)), {"network"}),
        ((there("pigment_network"), there("blotch", extent=0.32)), {"network", "structureless"}),
        ((there("dots"), there("streaks")), {"dots", "streaks"}),
        ((there("dots", count=2),), {"structureless"}),
        ((there("globules", count=1), there("pigment_network")), {"network"}),
        ((there("globules", count=2),), {"globules", "structureless"}),
    ],
)
def test_structural_components(structures: tuple[Structure, ...], expected: set[str]) -> None:
    assert components(with_(*structures)) == expected


def test_all_five_components_and_six_colours_reach_the_top() -> None:
    lesion = with_(
        *(there(k, 0.9, strength=1.0) for k in ("pigment_network", "streaks", "dots", "globules")),
        there("blotch", 0.9, strength=1.0), there("regression", 0.9, strength=1.0),
        redness=0.1, pigment=0.06, lopsided=1.0, edges=(0.1,) * 8,
    )  # fmt: skip
    assert scores(lesion, FAIR)["tds"] == 8.9


# ---- Three-point checklist and Menzies' method


@pytest.mark.parametrize(
    ("lesion", "expected"),
    [
        (with_(there("pigment_network", 0.6)), 1),
        (with_(there("pigment_network", 0.6), lopsided=1.0), 2),
        (with_(there("pigment_network", 0.6), there("regression"), lopsided=1.0), 3),
        (with_(there("blue_whitish_veil"), there("regression")), 1),  # blue-white structures count once
        (with_(bumps=(0.0, 0.2, 0.2, 0.2), phases=(0.0, 1.0, 2.5, 0.3)), 0),  # the outline alone isn't asked for
    ],
)
def test_three_points(lesion: Lesion, expected: int) -> None:
    assert scores(lesion, FAIR)["three_point"] == expected


UNEVEN = {"lopsided": 1.0, "pigment": 0.08}  # asymmetric, two browns: neither negative feature


@pytest.mark.parametrize(
    ("lesion", "expected"),
    [
        (with_(**UNEVEN), 0),  # no positive feature
        (with_(there("blue_whitish_veil"), **UNEVEN), 1),
        (with_(there("streaks", 0.1), **UNEVEN), 1),  # radial streaming
        (with_(there("streaks", 0.9), **UNEVEN), 1),  # pseudopods
        (with_(there("regression"), **UNEVEN), 1),
        (with_(there("dots", count=2), **UNEVEN), 0),
        (with_(there("dots", count=3), **UNEVEN), 1),
        (with_(there("pigment_network", 0.4), **UNEVEN), 0),
        (with_(there("pigment_network", 0.6), **UNEVEN), 1),
        (with_(there("globules", 0.2, strength=1.0), lopsided=1.0, pigment=0.15), 0),  # black, but all over
        (
            with_(there("globules", x=0.6, extent=0.3, strength=1.0), lopsided=1.0, pigment=0.15),
            1,
        ),  # black, at the border
        (with_(there("globules", x=0.6, extent=0.1, strength=1.0), lopsided=1.0, pigment=0.15), 0),  # not as far out
        (with_(there("blue_whitish_veil"), pigment=0.08), 0),  # symmetric
        (with_(there("streaks", 0.9, strength=0.2)), 0),  # a single colour
    ],
)
def test_menzies(lesion: Lesion, expected: int) -> None:
    assert scores(lesion, FAIR)["menzies"] == expected


# ---- Everything


@settings(max_examples=60, deadline=None)
@given(
    kinds=st.lists(
        st.tuples(st.sampled_from(sorted(STRUCTURES)), st.floats(0, 1), st.floats(-0.6, 0.6), st.floats(0, 1.2)),
        max_size=6,
    ),
    pigment=st.floats(0, 0.6),
    redness=st.floats(0, 0.3),
    depth=st.floats(0, 1),
    lopsided=st.floats(0, 1),
    melanin=st.floats(0, 0.6),
)
def test_scores_stay_in_their_ranges(
    kinds: list[tuple], pigment: float, redness: float, depth: float, lopsided: float, melanin: float
) -> None:
    structures = [Structure(kind=k, strength=0.5, irregularity=i, x=x, extent=e) for k, i, x, e in kinds]
    lesion = with_(*structures, pigment=pigment, redness=redness, depth=depth, lopsided=lopsided)
    points = scores(lesion, Skin(melanin=melanin))
    limits = {
        "seven_point": (0, 10), "tds": (1, 8.9), "abcd_a": (0, 2), "abcd_b": (0, 8), "abcd_c": (1, 6), "abcd_d": (1, 5),
        "menzies": (0, 1), "three_point": (0, 3),
    }  # fmt: skip
    assert points.keys() == limits.keys()
    assert all(low <= points[name] <= high for name, (low, high) in limits.items())
    weighted = 1.3 * points["abcd_a"] + 0.1 * points["abcd_b"] + 0.5 * points["abcd_c"] + 0.5 * points["abcd_d"]
    assert points["tds"] == pytest.approx(weighted)
