"""Melanin and haemoglobin: exact splits, known mixtures found again, tones reached, and refusals."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cutis.errors import CutisError
from cutis.image import colour
from cutis.image.decode import decode
from cutis.image.pigments import BLACKEST, decompose, retone
from cutis.image.tone import estimate_tone
from cutis.image.tone.monk import monk_rgb


def scene(seed: int = 0, size: int = 128) -> tuple[np.ndarray, np.ndarray]:
    """A light skin with a brown spot, and the spot's mask."""
    rng = np.random.default_rng(seed)
    y, x = np.mgrid[:size, :size]
    depth = 1.3 * np.exp(-(((np.hypot(y - size / 2, x - size / 2)) / (size / 6)) ** 4))
    density = np.array([0.35, 0.75, 0.95]) + depth[..., None] * [0.43, 0.59, 0.68]
    density = density + rng.normal(0, 0.01, (size, size, 1))
    return colour.to_uint8(np.exp(-density)), (depth > 0.3).astype(np.uint8)


@settings(max_examples=15, deadline=None)
@given(st.integers(0, 2**32 - 1), st.sampled_from(["fixed", "tsumura", "estimated"]))
def test_splitting_and_joining_is_the_identity(seed: int, axes: str):
    image = np.random.default_rng(seed).integers(0, 256, (24, 24, 3), dtype=np.uint8)
    back = decompose(image, axes=axes).recompose()
    assert np.abs(back.astype(int) - image).max() <= 1


@pytest.mark.parametrize("axes", ["fixed", "tsumura"])
def test_a_known_mixture_is_found_again(axes: str):
    rng = np.random.default_rng(0)
    parts = rng.uniform([0.1, 0.1, 0.1], [0.8, 0.8, 0.4], (40, 40, 3))
    made = decompose(np.zeros((1, 1, 3), np.uint8), axes=axes)
    image = colour.to_uint8(np.exp(-parts @ made.axes))
    found = decompose(image, axes=axes)
    for true, map_ in zip(np.moveaxis(parts, -1, 0), (found.melanin, found.haemoglobin, found.shading), strict=True):
        assert np.corrcoef(true.ravel(), map_.ravel())[0, 1] > (0.99 if axes == "tsumura" else 0.95)


def test_the_tone_axis_is_monks():
    """99 % of the variance of MST 1..8 in density lies along it."""
    density = -np.log(colour.srgb_to_linear(monk_rgb()[:8] / 255))
    density -= density.mean(0)
    axis = decompose(np.zeros((1, 1, 3), np.uint8)).axes[0]
    assert np.linalg.norm(axis) == pytest.approx(1)
    assert ((density @ axis) ** 2).sum() / (density**2).sum() > 0.99


def test_estimated_axes_find_the_pigments_of_a_picture():
    rng = np.random.default_rng(3)
    melanin, blood = np.array([0.30, 0.45, 0.84]), np.array([0.20, 0.80, 0.56])
    melanin, blood = melanin / np.linalg.norm(melanin), blood / np.linalg.norm(blood)
    size = 128
    # Independent and far from normal, as spots and vessels are.
    spots = np.kron(rng.exponential(0.35, (32, 32)), np.ones((4, 4)))
    vessels = np.kron(rng.exponential(0.15, (32, 32)), np.ones((4, 4)))
    density = np.array([0.2, 0.3, 0.4]) + spots[..., None] * melanin + vessels[..., None] * blood
    image = colour.to_uint8(np.exp(-density))
    import cv2

    found = decompose(cv2.resize(image, (size * 2, size * 2), interpolation=cv2.INTER_CUBIC), axes="estimated")
    assert found.name in ("estimated", "fixed")
    if found.name == "estimated":
        assert found.axes[0] @ melanin > 0.97
        assert found.axes[1] @ blood > 0.97
    else:
        assert found.reason


def test_one_colour_has_no_axes_to_estimate():
    found = decompose(np.full((64, 64, 3), 150, np.uint8), axes="estimated")
    assert found.name == "fixed"
    assert "one colour direction" in found.reason


def test_more_melanin_is_darker():
    image, _ = scene()
    split = decompose(image)
    assert split.with_melanin(0.5).recompose().astype(int).sum() < image.astype(int).sum()
    assert (split.with_melanin(0.0).recompose() == split.recompose()).all()


@pytest.mark.parametrize("lesion", ["scale", "keep"])
@pytest.mark.parametrize("target", [65, 30, 0, -35])
def test_the_target_is_reached(target: float, lesion: str):
    image, mask = scene()
    made = retone(image, target, mask, lesion=lesion)
    assert made.trust.status == "ok", made.trust
    assert made.trust.achieved == pytest.approx(target, abs=2)
    assert estimate_tone(made.image, mask).ita == pytest.approx(target, abs=2)
    assert made.trust.round_trip < 6
    assert made.image.shape == image.shape
    assert made.image.dtype == np.uint8


def test_its_own_tone_changes_nothing():
    image, mask = scene()
    own = estimate_tone(image, mask).ita
    made = retone(image, own, mask)
    assert np.abs(made.image.astype(int) - image).max() <= 1
    assert made.trust.round_trip <= 1
    assert made.trust.out_of_gamut == 0


def test_what_becomes_of_the_lesion():
    image, mask = scene()

    def apart(picture: np.ndarray) -> float:
        """Density of the spot over that of skin."""
        split = -np.log(colour.srgb_to_linear(picture / 255) @ [0.2126, 0.7152, 0.0722])
        return float(np.median(split[60:68, 60:68]) - np.median(split[:16]))

    keep, scale = (retone(image, -30, mask, lesion=how).image for how in ("keep", "scale"))
    assert apart(keep) == pytest.approx(apart(image), abs=0.15)
    assert 0 < apart(scale) < 0.75 * apart(image)


def test_black_white_and_ink_stay():
    image, mask = scene()
    image[2:12, 2:12] = 255
    image[2:12, 100:110] = 3
    image[110:120, 2:12] = (50, 60, 160)
    made = retone(image, -30, mask).image
    for corner in (np.s_[4:10, 4:10], np.s_[4:10, 102:108], np.s_[112:118, 4:10]):
        assert np.abs(made[corner].astype(int) - image[corner]).max() <= 2
    assert 0 < BLACKEST < 0.05


def test_order_of_tones_is_order_of_lightness():
    image, mask = scene()
    light = [retone(image, t, mask).image[:16].mean() for t in (60, 40, 20, 0, -20, -40)]
    assert light == sorted(light, reverse=True)


@pytest.mark.parametrize(
    ("image", "mask", "words"),
    [
        (scene()[0], np.ones((128, 128), np.uint8), "all lesion"),
        (np.zeros((128, 128, 3), np.uint8), None, "black"),
        (np.full((128, 128, 3), 255, np.uint8), None, "glare"),
        (np.full((1, 1, 3), 150, np.uint8), None, "too few"),
        (np.full((128, 128, 3), (190, 150, 165), np.uint8), None, "cast"),
    ],
    ids=["lesion", "black", "white", "1x1", "cast"],
)
def test_refusals(image: np.ndarray, mask: np.ndarray | None, words: str):
    made = retone(image, 0, mask)
    assert made.image is None
    assert made.trust.status == "refused"
    assert words in made.trust.reason


def test_beyond_what_a_picture_can_show():
    """Bright, uneven skin made lighter burns out: refused, with the number."""
    x = np.mgrid[:128, :128][1]
    shade = 0.55 + 0.45 * x / 127
    image = np.rint(np.array([248, 215, 190]) * shade[..., None]).astype(np.uint8)
    made = retone(image, 85, None)
    assert made.trust.status == "refused"
    assert made.image is None


def test_bad_input_is_one_line():
    image, mask = scene()
    for call, words in (
        (lambda: decompose(image, axes="tsumara"), 'did you mean "tsumura"'),
        (lambda: retone(image, 0, mask[:-1]), "must be of one size"),
        (lambda: retone(image, 120, mask), "expected degrees"),
        (lambda: retone(image, 0, mask, lesion="kep"), 'did you mean "keep"'),
        (lambda: retone(image.astype(float), 0, mask), "expected uint8"),
    ):
        with pytest.raises(CutisError, match=words):
            call()


def test_real_photographs(shared_data: Path):
    folder = shared_data / "isic2017"
    for name in ("ISIC_0000451", "ISIC_0002287"):
        image = decode((folder / "images" / f"{name}.jpg").read_bytes(), name)
        mask = decode((folder / "masks" / f"{name}.png").read_bytes(), name)[..., 0]
        made = retone(image, -20, mask)
        assert made.trust.status == "ok"
        assert made.trust.achieved == pytest.approx(-20, abs=2)
        assert made.trust.round_trip < 4
