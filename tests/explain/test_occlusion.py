"""Occlusion finds the place that a made-up model looks at, and no other; its layer shows as much as there is."""

from __future__ import annotations

import io

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from cutis.explain.layer import FULL, LONGER, layer
from cutis.explain.occlusion import STEPS, covered, sensitivity, skin_colour

SIZE = 96


def photograph(y: int = 30, x: int = 60) -> np.ndarray:
    """Skin with a dark round spot there."""
    rows, columns = np.mgrid[0:SIZE, 0:SIZE]
    spot = np.exp(-(((rows - y) / 9) ** 2 + ((columns - x) / 9) ** 2))[..., None]
    return (np.array([210, 160, 140]) * (1 - 0.8 * spot)).astype(np.uint8)


def dark_there(images: np.ndarray, y: int, x: int) -> np.ndarray:
    """p of a class that is the likelier the darker the picture is around one place."""
    z = (150 - images[:, y - 6 : y + 6, x - 6 : x + 6].mean((1, 2, 3))) / 20
    return 1 / (1 + np.exp(-z))


def centre(found: np.ndarray) -> tuple[float, float]:
    weights = np.maximum(found, 0)
    rows, columns = np.mgrid[0:SIZE, 0:SIZE]
    return float((rows * weights).sum() / weights.sum()), float((columns * weights).sum() / weights.sum())


@settings(max_examples=20, deadline=None)
@given(st.integers(20, 76), st.integers(20, 76))
def test_it_finds_what_the_answer_rests_on(y: int, x: int):
    picture = photograph(y, x)
    p = dark_there(np.concatenate([picture[None], covered(picture)]), y, x)
    found = sensitivity(float(p[0]), p[1:], SIZE)
    assert found.shape == (SIZE, SIZE)
    assert np.hypot(*(np.array(centre(found)) - (y, x))) < 4
    rows, columns = np.mgrid[0:SIZE, 0:SIZE]
    assert found[y, x] > 5 * np.abs(found[np.hypot(rows - y, columns - x) > 40]).max()


def test_a_model_that_looks_elsewhere_is_shown_to():
    """The lesion is dark and striking, but this model only asks about a corner."""
    picture = photograph(30, 60)
    picture[78:90, 6:18] = 40
    p = dark_there(np.concatenate([picture[None], covered(picture)]), 84, 12)
    found = sensitivity(float(p[0]), p[1:], SIZE)
    assert np.hypot(*(np.array(centre(found)) - (84, 12))) < 5
    assert abs(found[30, 60]) < 0.02 * found.max()


def test_a_model_that_looks_nowhere_has_an_empty_map():
    assert (sensitivity(0.7, np.full(STEPS**2, 0.7), SIZE) == 0).all()


def test_what_speaks_against_the_class_is_negative_and_certainty_is_finite():
    assert (sensitivity(0.5, np.full(STEPS**2, 0.9), SIZE) < 0).all()
    assert np.isfinite(sensitivity(1.0, np.zeros(STEPS**2), SIZE)).all()
    np.testing.assert_allclose(sensitivity(0.5, np.full(STEPS**2, 0.2), SIZE), np.log(4), rtol=1e-5)


@pytest.mark.parametrize("size", [24, 96, 224])
def test_each_place_is_covered_once_fully_and_softly(size: int):
    white = np.full((size, size, 3), 250, np.uint8)
    white[size // 8 : -size // 8, size // 8 : -size // 8] = 0  # the rim is the skin
    shots = covered(white)
    assert shots.shape == (STEPS**2, size, size, 3)
    assert shots.dtype == np.uint8
    assert (skin_colour(white) == 250).all()
    change = (shots != white).any(-1)
    assert change[:, size // 2, size // 2].sum() < STEPS**2 / 4
    inside = slice(size // 4, -size // 4)
    assert shots.max(0)[inside, inside].min() > 180
    assert white[inside, inside].max() == 0


def test_skin_is_taken_from_the_lighter_half_of_the_rim():
    picture = np.full((SIZE, SIZE, 3), (200, 150, 130), np.uint8)
    picture[:, : SIZE // 3] = (60, 40, 30)  # a lesion that is cut, or a dark surround
    assert skin_colour(picture).tolist() == [200, 150, 130]


def test_the_layer_has_the_pictures_aspect_and_an_absolute_scale():
    fall = np.zeros((SIZE, SIZE), np.float32)
    fall[:, SIZE // 2 :] = FULL / 2
    fall[: SIZE // 2] = -3.0
    image = Image.open(io.BytesIO(layer(fall, 600, 450)))
    assert (image.mode, image.size) == ("RGBA", (LONGER, 384))
    alpha = np.asarray(image)[..., 3]
    assert (alpha[10, :] == 0).all()
    assert (alpha[-10, :200] == 0).all()
    assert alpha[-10, -10] == 110
    assert np.asarray(Image.open(io.BytesIO(layer(fall + 9, 3, 900)))).shape == (LONGER, 2, 4)
    assert (np.asarray(Image.open(io.BytesIO(layer(0 * fall, 600, 450))))[..., 3] == 0).all()
