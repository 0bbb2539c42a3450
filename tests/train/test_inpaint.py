"""Artefacts painted over: what was drawn on a phantom is gone, and the rest of the picture stays."""

from __future__ import annotations

import numpy as np
import pytest

from cutis.errors import CutisError
from cutis.image.artefacts import ruler
from cutis.image.artefacts.removal import remove
from cutis.phantom.corruptions import CORRUPTIONS
from cutis.train.objectives import objective
from cutis.train.objectives.inpaint import Inpaint


@pytest.fixture(scope="module")
def bare() -> np.ndarray:
    rng = np.random.default_rng(0)
    image = np.full((256, 256, 3), (205, 160, 135), np.float32) + rng.normal(0, 2, (256, 256, 1))
    y, x = np.mgrid[:256, :256] - 128
    image[x**2 + y**2 < 45**2] *= 0.5
    return image.clip(0, 255).astype(np.uint8)


@pytest.fixture(scope="module")
def ruled(bare) -> np.ndarray:
    for seed in range(20):
        made = CORRUPTIONS["ruler"].apply(bare, 5, np.random.default_rng(seed))
        if ruler(made).present:
            return made
    raise AssertionError("no ruler that the detector sees was drawn")


def test_a_ruler_is_painted_over(bare, ruled):
    found = remove(ruled, ["ruler"])
    drawn = np.abs(ruled.astype(int) - bare).max(2) > 30
    before, after = (np.abs(x.astype(int) - bare)[drawn].mean() for x in (ruled, found))
    assert after < 0.6 * before
    assert ruler(found).score < ruler(ruled).score
    far = ~np.asarray(ruler(ruled).mask > 0)
    assert np.array_equal(found[100:150, 100:150], ruled[100:150, 100:150]) or far[100:150, 100:150].mean() < 1


def test_what_has_nothing_stays_the_same_array(bare):
    assert remove(bare, ["ruler", "hair"]) is bare
    with pytest.raises(CutisError, match='"hairs" can\'t be painted over: did you mean "hair"'):
        remove(bare, ["hairs"])


def test_every_view_shows_it_and_rows_are_done_once(bare, ruled, monkeypatch):
    made = objective("inpaint", artefacts="ruler")
    rng = np.random.default_rng(0)
    first = made.picture(0, [bare, ruled], np.array([4, 9]), rng)
    assert first[0] is bare
    assert not np.array_equal(first[1], ruled)
    monkeypatch.setattr("cutis.train.objectives.inpaint.remove", None)
    again = made.picture(0, [ruled, bare], np.array([9, 4]), rng)
    assert np.array_equal(again[0], first[1])
    with pytest.raises(CutisError, match="setting artefacts"):
        Inpaint("rulers")
