"""Lamp, lens, gel and sensor: each number does what it says, and its mask is where it did it."""

from __future__ import annotations

from dataclasses import replace
from itertools import pairwise

import cv2
import numpy as np
import pytest

from cutis.image.colour import srgb_to_linear, to_uint8
from cutis.phantom.layers import Layers
from cutis.phantom.parts import Artefact, Camera, Lesion, Skin
from cutis.phantom.photograph import RATES, photograph, sample_camera
from cutis.phantom.render import render
from cutis.phantom.scene import Scene
from cutis.phantom.view import View

EVEN = Camera(field=14.0, noise=0.0)
SIZE = 128


def shoot(
    camera: Camera, light: np.ndarray | float = 0.3, relief: np.ndarray | None = None
) -> tuple[np.ndarray, Layers]:
    """Picture of even light, or of this light; and what became of the layers."""
    layers = Layers.plain(SIZE, 0.05, 0.02)
    if relief is not None:
        layers.relief[:] = relief
    planes = np.broadcast_to(np.asarray(light, np.float32), (SIZE, SIZE, 3)).copy()
    return photograph(View(camera, SIZE), camera, planes, layers), layers


def overlap(one: np.ndarray, other: np.ndarray) -> float:
    return (one & other).sum() / max(1, (one | other).sum())


def skin_light() -> np.ndarray:
    """Light of skin with hairs' sharp edges."""
    shown = Scene(skin=Skin(melanin=0.05), lesions=(), camera=EVEN, artefacts=(Artefact(kind="hair", count=30),))
    return srgb_to_linear(render(shown, SIZE)[0].astype(np.float32) / 255)


def test_development_is_srgb() -> None:
    light = np.linspace(-0.2, 1.3, SIZE * SIZE * 3, dtype=np.float32).reshape(SIZE, SIZE, 3)
    assert np.abs(shoot(EVEN, light)[0].astype(int) - to_uint8(light)).max() <= 1
    assert shoot(EVEN, 0.2140)[0].mean() == pytest.approx(127.5, abs=0.5)


@pytest.mark.parametrize("noise", [0.5, 2.0, 8.0])
def test_noise_has_its_deviation_and_no_mean(noise: float) -> None:
    image = shoot(replace(EVEN, noise=noise), srgb_to_linear(127.5 / 255))[0].astype(float)
    assert image.std() == pytest.approx(np.sqrt(noise**2 + 1 / 12), rel=0.03)
    assert image.mean() == pytest.approx(127.5, abs=0.1)


def test_more_blur_is_less_edge() -> None:
    light = skin_light()
    edges = [
        np.abs(np.diff(shoot(replace(EVEN, blur=blur), light)[0].astype(float), axis=0)).mean()
        for blur in (0, 0.1, 0.3)
    ]
    assert all(sharp > 1.3 * soft for sharp, soft in pairwise(edges)), edges
    assert np.array_equal(shoot(replace(EVEN, blur=0.01), light)[0], shoot(EVEN, light)[0])  # far below a pixel


def test_vignette_darkens_corners_and_leaves_the_middle() -> None:
    shots = [shoot(replace(EVEN, vignette=v))[0].astype(int) for v in (0, 0.2, 0.5, 1.0)]
    assert all(a[0, 0, 0] > b[0, 0, 0] + 5 for a, b in pairwise(shots))
    assert all(abs(a[64, 64, 0] - shots[0][64, 64, 0]) <= 1 for a in shots)


def test_light_that_slopes_gain_and_casts() -> None:
    uneven = shoot(replace(EVEN, slope=0.5, slope_angle=0.0))[0].astype(int)
    assert uneven[64, -1, 0] > uneven[64, 64, 0] + 10 > uneven[64, 0, 0] + 20
    means = [shoot(replace(EVEN, gain=gain))[0].mean() for gain in (0.5, 1.0, 1.5)]
    assert means[0] < means[1] < means[2]
    light = srgb_to_linear(shoot(replace(EVEN, gain=1.5), 0.2)[0].astype(np.float32) / 255)
    assert light.mean() == pytest.approx(0.3, abs=0.005)
    warm, cool = (shoot(replace(EVEN, warmth=w))[0].mean((0, 1)) for w in (0.2, -0.2))
    assert warm[0] > warm[1] > warm[2]
    assert cool[0] < cool[1] < cool[2]
    magenta = shoot(replace(EVEN, tint=0.2, vignette=0.1))[0].mean((0, 1))
    assert magenta[0] == magenta[2] > magenta[1] + 5


def test_dark_corner_is_where_less_than_half_the_light_passes() -> None:
    full = srgb_to_linear(shoot(EVEN)[0].astype(np.float32) / 255)
    before = 0.0
    for aperture in (1.3, 1.1, 0.95, 0.6):
        image, layers = shoot(replace(EVEN, aperture=aperture))
        mask = layers.masks["dark_corner"]
        halved = (srgb_to_linear(image.astype(np.float32) / 255) < 0.5 * full).all(2)
        assert overlap(mask, halved) >= 0.99
        assert mask.mean() > before
        assert image[0, 0].max() < 40
        before = mask.mean()
    assert not shoot(EVEN)[1].masks


def test_what_lies_in_the_dark_is_not_seen() -> None:
    hairy = Scene(
        skin=Skin(melanin=0.05), lesions=(), camera=replace(EVEN, aperture=0.7, bubbles=40),
        artefacts=(Artefact(kind="hair", count=80, size=0.1),),
    )  # fmt: skip
    masks = render(hairy, SIZE)[1].masks
    assert masks["hair"].any()
    assert masks["bubbles"].any()
    assert not ((masks["hair"] | masks["bubbles"]) & masks["dark_corner"]).any()


@pytest.mark.parametrize("polarised", [True, False])
def test_bubbles(polarised: bool) -> None:
    light, before = skin_light(), np.zeros((SIZE, SIZE), bool)
    bare = shoot(EVEN, light)[0].astype(int)
    for count in (3, 12, 40):
        image, layers = shoot(replace(EVEN, bubbles=count, polarised=polarised), light)
        mask = layers.masks["bubbles"]
        assert overlap(mask, (image != bare).any(2)) >= 0.99
        assert (before <= mask).all()
        assert mask.sum() > before.sum()
        before = mask


def test_glare_needs_unpolarised_light() -> None:
    bumps = np.random.default_rng(0).standard_normal((SIZE, SIZE)).astype(np.float32)
    relief = cv2.GaussianBlur(bumps, (0, 0), 2) * 0.05
    for modality in ("dermoscopic", "clinical"):
        dull = replace(EVEN, modality=modality, polarised=False, photo_seed=3)
        bare, none = shoot(dull, relief=relief)
        assert "glare" not in none.masks
        shares = []
        for glare in (0.2, 0.5, 1.0):
            image, layers = shoot(replace(dull, glare=glare), relief=relief)
            mask = layers.masks["glare"]
            assert overlap(mask, (image.astype(int) > bare).any(2)) >= 0.99
            shares.append(mask.mean())
        assert 0 < shares[0] < shares[1] < shares[2]
        assert "glare" not in shoot(replace(dull, glare=1.0, polarised=True), relief=relief)[1].masks


def test_relief_shows_in_light_from_one_side() -> None:
    relief = np.sin(np.arange(SIZE) / 4).astype(np.float32)[None] * 0.05 + np.zeros((SIZE, 1), np.float32)
    shades = {
        (modality, polarised): shoot(replace(EVEN, modality=modality, polarised=polarised), relief=relief)[0].std()
        for modality in ("dermoscopic", "clinical")
        for polarised in (True, False)
    }
    assert shades["dermoscopic", True] == 0
    assert 0 < shades["dermoscopic", False] < shades["clinical", False]
    across = shoot(replace(EVEN, modality="clinical", slope_angle=np.pi / 2), relief=relief)[0]
    assert across.std() < 0.1 * shades["clinical", True]  # a groove along the light has no shade
    lit = shoot(replace(EVEN, modality="clinical"), relief=np.abs(np.arange(SIZE) - 64.0) * -0.02)[0].astype(int)
    assert lit[64, 100, 0] > lit[64, 20, 0]  # a roof's side towards the lamp, on the right, is the bright one


def test_the_same_photograph_again() -> None:
    camera = replace(EVEN, noise=3.0, bubbles=9, glare=0.6, polarised=False, photo_seed=5)
    first = shoot(camera)[0]
    assert np.array_equal(first, shoot(camera)[0])
    assert not np.array_equal(first, shoot(replace(camera, photo_seed=6))[0])


def test_sampled_cameras() -> None:
    rng = np.random.default_rng(1)
    lesion = Lesion(diagnosis="nv", radius=9.0, left=30.0, top=-12.0)
    cameras = [sample_camera(rng, lesion if i % 2 else None) for i in range(1200)]
    for i, camera in enumerate(cameras):
        Scene(skin=Skin(melanin=0.1), lesions=(), camera=camera)  # every value is possible
        x, y = (30.0, -12.0) if i % 2 else (0.0, 0.0)
        assert max(abs(camera.look_x - x), abs(camera.look_y - y)) <= 0.11 * camera.field
        assert camera.field >= (1.7 * 9 if i % 2 else 8)
    for name, there in (
        ("bubbles", [c.bubbles > 0 for c in cameras]),
        ("dark_corner", [c.aperture < 1.45 for c in cameras]),
        ("vignette", [c.vignette > 0 for c in cameras]),
        ("unpolarised", [not c.polarised for c in cameras]),
        ("LED", [c.illuminant == "LED" for c in cameras]),
    ):
        rate = RATES[name]
        assert np.mean(there) == pytest.approx(rate, abs=4 * np.sqrt(rate * (1 - rate) / 1200))
    always = sample_camera(np.random.default_rng(2), None, {"dark_corner": 1.0, "bubbles": 0.0})
    assert always.aperture < 1.45
    assert always.bubbles == 0
    assert sample_camera(np.random.default_rng(3), None) == sample_camera(np.random.default_rng(3), None)
