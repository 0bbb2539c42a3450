"""Lattices: what is made coarse and enlarged lies where it would lie if it were made pixel by pixel."""

from __future__ import annotations

import numpy as np
import pytest

from cutis.phantom.parts import Camera, Lesion
from cutis.phantom.view import Ground, View

CAMERA = Camera(field=14.0, angle=0.7, look_x=3.0, look_y=-2.0)


@pytest.mark.parametrize("box", [None, (5, 9, 90, 70), (64, 3, 71, 4)])
@pytest.mark.parametrize("step", [2, 4, 16])
def test_what_changes_evenly_is_enlarged_exactly(step: int, box: tuple[int, int, int, int] | None) -> None:
    view = View(CAMERA, 101, box=box)
    for coarse, exact in zip(view.places(step), (view.x, view.y), strict=True):
        assert view.enlarge(coarse, step).shape == view.shape
        assert view.enlarge(coarse, step) == pytest.approx(exact, abs=1e-4)
        halfway = view.enlarge(view.enlarge(coarse, step, step // 2), step // 2)
        assert halfway == pytest.approx(exact, abs=1e-4)


@pytest.mark.parametrize("period", [0.3, 1.0, 4.0])
def test_noise_made_coarse_is_the_noise_made_fine(period: float) -> None:
    """The same skin in a picture of three times the pixels, of which every third looks where ours do."""
    small, large = (View(CAMERA, size).noise(np.random.default_rng(1), period) for size in (96, 288))
    assert np.corrcoef(small.ravel(), large[1::3, 1::3].ravel())[0, 1] > 0.97
    assert small.std() == pytest.approx(0.8, abs=0.35)


def test_a_window_shows_the_same_noise_as_the_whole() -> None:
    whole = View(CAMERA, 128).noise(np.random.default_rng(2), 1.0)
    part = View(CAMERA, 128, box=(30, 50, 101, 90))
    assert np.abs(part.noise(np.random.default_rng(2), 1.0) - whole[part.part]).mean() < 0.02


def test_noises_are_the_sum_of_their_shares() -> None:
    view = View(CAMERA, 64)
    rng, again = np.random.default_rng(3), np.random.default_rng(3)
    one, two = view.noises(rng, [(3.0, (0.5, -1.0)), (0.4, (0.25, 0.0))])
    large, small = view.noise(again, 3.0), view.noise(again, 0.4)
    assert one == pytest.approx(0.5 * large + 0.25 * small, abs=1e-5)
    assert two == pytest.approx(-large, abs=1e-6)


def test_the_window_of_a_lesion_doesnt_depend_on_its_structures_and_is_empty_beyond_the_picture() -> None:
    lesion = Lesion(diagnosis="nv", radius=3.0, left=3.0, top=-2.0, bumps=(0.0, 0.1), phases=(0.0, 1.0))
    left, top, right, bottom = Ground(CAMERA, 128, lesion).box
    across = 2 * 3.0 * 128 / 14
    assert across < right - left < 1.5 * across
    assert across < bottom - top < 1.5 * across
    far = Ground(CAMERA, 128, Lesion(diagnosis="nv", radius=3.0, left=100.0))
    assert min(far.shape) <= 0
