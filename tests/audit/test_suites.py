"""The whole registry: it grows with severity, is seeded, and says what is near to a wrong name."""

from __future__ import annotations

import numpy as np
import pytest

from cutis.audit.suites import CORRUPTIONS, SUITES, check_severities, find_corruptions
from cutis.errors import CutisError
from cutis.image.corruptions import SEVERITIES, distance, generator
from cutis.phantom.corruptions import CORRUPTIONS as DRAWN
from cutis.phantom.dataset import BALANCES, Plan, photographs
from cutis.phantom.lesion.recipes import RECIPES
from cutis.phantom.render import render
from cutis.phantom.tones import tones

# MedMNIST-C's own that don't grow with severity; the variants of these names with _monotone do.
NOT_GROWING = {"black_corner", "motion_blur", "characters"}


@pytest.fixture(scope="module")
def photos() -> list[np.ndarray]:
    """Four phantom photographs, 112 px."""
    scenes = photographs(3, Plan(BALANCES["life"], tones("uniform"), RECIPES))
    return [render(next(scenes)[0], 112)[0] for _ in range(4)]


@pytest.mark.parametrize("name", [n for n in CORRUPTIONS if n not in NOT_GROWING])
def test_distance_grows_with_severity(photos: list[np.ndarray], name: str) -> None:
    """Mean CIELAB difference from the unchanged image, over the photographs."""
    one = CORRUPTIONS[name]
    far = [
        np.mean([distance(p, one.apply(p, s, generator(0, str(i), name))) for i, p in enumerate(photos)])
        for s in SEVERITIES
    ]
    assert (np.diff([0, *far]) > 0).all(), far


def test_the_suites_hold_what_grows() -> None:
    assert not NOT_GROWING & set(SUITES["dermoscopy"])
    assert {f"{n}_monotone" for n in NOT_GROWING} <= set(SUITES["dermoscopy"])
    assert len(SUITES["medmnistc"]) == 15
    assert set(SUITES["dermoscopy"]) == set(CORRUPTIONS) - NOT_GROWING
    assert {"hair", "ruler", "ink", "gel_bubbles", "vignette", "defocus", "messaging"} <= set(SUITES["skin"])


@pytest.mark.parametrize("name", list(DRAWN))
def test_what_is_drawn_stays_as_more_is_drawn(photos: list[np.ndarray], name: str) -> None:
    photo = photos[0]
    few, more = (DRAWN[name].apply(photo, s, generator(5, "a", name)) for s in (2, 4))
    touched, further = ((image != photo).any(-1) for image in (few, more))
    assert touched.any()
    assert (touched & ~further).sum() <= 0.02 * touched.sum()  # a later stroke may undo a level of an earlier one
    assert np.array_equal(few, DRAWN[name].apply(photo, 2, generator(5, "a", name)))
    assert not np.array_equal(few, DRAWN[name].apply(photo, 2, generator(6, "a", name)))


@pytest.mark.parametrize("shape", [(1, 1), (8, 8), (5, 30), (90, 40)])
@pytest.mark.parametrize("name", list(DRAWN))
def test_drawn_on_any_shape(name: str, shape: tuple[int, int]) -> None:
    image = np.full((*shape, 3), (200, 150, 130), np.uint8)
    for severity in (1, 5):
        made = DRAWN[name].apply(image, severity, generator(0, "x", name))
        assert made.shape == image.shape
        assert made.dtype == np.uint8


def test_none_of_it_is_the_picture_itself(photos: list[np.ndarray]) -> None:
    """A value of nothing draws nothing."""
    for name in DRAWN:
        assert np.array_equal(DRAWN[name].apply_at(photos[0], 0, np.random.default_rng(0)), photos[0])


def test_wrong_names_are_told_the_nearest() -> None:
    with pytest.raises(CutisError, match='suite "dermascopy": did you mean "dermoscopy"'):
        find_corruptions("dermascopy")
    with pytest.raises(CutisError, match='not in suite skin: did you mean "hair"'):
        find_corruptions("skin", ["hairs"])
    with pytest.raises(CutisError, match="not in suite dermoscopy: it is in suite medmnistc"):
        find_corruptions("dermoscopy", ["black_corner"])
    assert [c.name for c in find_corruptions("skin", ["zoom", "hair"])] == ["hair", "zoom"]
    with pytest.raises(CutisError, match="severity 7"):
        check_severities([1, 7])
    with pytest.raises(CutisError, match="no severity"):
        check_severities([])
    assert check_severities([3, 1, 3]) == (1, 3)
