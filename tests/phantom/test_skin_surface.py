"""Plain skin: its tone is what the optics say, its patterns have nature's sizes, its truth is what was drawn."""

from __future__ import annotations

from dataclasses import replace

import cv2
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cutis.image.colour import ita, lab
from cutis.phantom.layers import Layers
from cutis.phantom.optics.table import melanin_for_ita
from cutis.phantom.parts import Camera, Skin
from cutis.phantom.render import render
from cutis.phantom.scene import Scene
from cutis.phantom.skin.sampling import sample_skin
from cutis.phantom.skin.surface import draw_skin
from cutis.phantom.view import View
from cutis.phantom.vocabulary import SITES

EVEN = Camera(field=14.0, noise=0.0)  # even light, no noise


def plain(skin: Skin, camera: Camera = EVEN) -> Scene:
    return Scene(skin=skin, lesions=(), camera=camera)


def drawn(skin: Skin, size: int = 96, camera: Camera = EVEN) -> Layers:
    layers = Layers.plain(size, skin.melanin, skin.blood)
    draw_skin(View(camera, size), skin, layers)
    return layers


@pytest.mark.parametrize("site", SITES)
@pytest.mark.parametrize("wanted", [56.0, 35.0, 10.0, -20.0, -46.0])
def test_measured_tone_is_the_optics_tone(site: str, wanted: float) -> None:
    for seed, marks in ((1, 0.0), (3, 0.5)):
        skin = Skin(
            melanin=melanin_for_ita(wanted), site=site, texture=0.9, pores=0.8, sun_damage=0.6, freckles=marks,
            telangiectasia=marks, skin_seed=seed,
        )  # fmt: skip
        image, truth = render(plain(skin), 160)
        assert truth.ita == pytest.approx(wanted, abs=0.01)
        bare = ~np.any(list(truth.masks.values()), axis=0)
        assert float(ita(lab(image)[bare].mean(0))) == pytest.approx(wanted, abs=1.0 if marks else 0.4)


@pytest.mark.parametrize("kind", ["freckles", "telangiectasia"])
@pytest.mark.parametrize("melanin", [0.02, 0.3])
def test_masks_are_where_the_picture_changed(kind: str, melanin: float) -> None:
    skin = Skin(melanin=melanin, skin_seed=4)
    without, none = render(plain(skin), 160)
    assert kind not in none.masks
    before = 0.0
    for amount in (0.3, 0.6, 0.9):
        image, truth = render(plain(replace(skin, **{kind: amount})), 160)
        mask, seen = truth.masks[kind], (image != without).any(2)
        assert (mask & seen).sum() >= 0.99 * (mask | seen).sum()
        assert mask.mean() > before
        before = mask.mean()
        plane = "melanin" if kind == "freckles" else "blood"
        assert np.array_equal(
            mask, getattr(drawn(replace(skin, **{kind: amount}), 160), plane) > getattr(drawn(skin, 160), plane)
        )


@settings(max_examples=25, deadline=None)
@given(
    st.floats(0, 0.6), st.floats(0, 0.3), st.sampled_from(SITES), st.floats(0, 1), st.floats(0, 1), st.floats(0, 1),
    st.integers(0, 2**32 - 1),
)  # fmt: skip
def test_amounts_keep_the_mean_of_their_roots(
    melanin: float, blood: float, site: str, texture: float, pores: float, sun: float, seed: int
) -> None:
    skin = Skin(melanin=melanin, blood=blood, site=site, texture=texture, pores=pores, sun_damage=sun, skin_seed=seed)
    layers = drawn(skin, 48)
    for plane, amount in ((layers.melanin, melanin), (layers.blood, blood)):
        assert np.isfinite(plane).all()
        assert (plane >= 0).all()
        assert np.sqrt(plane).mean() ** 2 == pytest.approx(amount, rel=1e-3, abs=1e-9)
    assert not layers.masks


def test_palms_have_ridges_half_a_millimetre_apart() -> None:
    """Reference: the strongest wave of the pigment's spectrum, where nothing but furrows and noise repeats."""
    size, field = 256, 14.0
    for seed in range(3):
        layers = drawn(Skin(melanin=0.2, site="acral", texture=1.0, skin_seed=seed), size, Camera(field=field))
        spectrum = np.abs(np.fft.fft2(np.log(layers.melanin))) ** 2
        across = np.fft.fftfreq(size, field / size)
        far = np.hypot(across[:, None], across)
        bins = np.arange(0.8, 4.0, 0.1)
        power = [spectrum[(far >= low) & (far < low + 0.1)].sum() for low in bins]
        assert 0.4 < 1 / (bins[int(np.argmax(power))] + 0.05) < 0.62


def test_texture_deepens_the_relief_and_nothing_else_moves() -> None:
    flat, deep = (drawn(Skin(melanin=0.1, pores=0.0, texture=t, skin_seed=5)).relief for t in (0.1, 0.9))
    assert deep.std() > 5 * flat.std()
    assert drawn(Skin(melanin=0.1, texture=0.0, pores=0.0)).relief.std() == 0


def test_one_part_leaves_the_others_alone() -> None:
    skin = Skin(melanin=0.05, skin_seed=6)
    without = render(plain(skin), 96)[0]
    image, truth = render(plain(replace(skin, freckles=0.6)), 96)
    assert np.array_equal(image[~truth.masks["freckles"]], without[~truth.masks["freckles"]])


@pytest.mark.parametrize("site", SITES)
def test_every_size_shows_the_same_skin(site: str) -> None:
    skin = Skin(melanin=0.08, site=site, freckles=0.4, telangiectasia=0.4, texture=0.8, skin_seed=7)
    large = render(plain(skin), 320)[0]
    for size in (64, 160):
        small = render(plain(skin), size)[0]
        near = cv2.resize(large, (size, size), interpolation=cv2.INTER_AREA)
        assert np.abs(small.astype(float) - near).mean() < 2.0
        assert np.corrcoef(small.ravel(), near.ravel())[0, 1] > 0.9


def test_skin_stays_where_it_is_when_the_camera_moves() -> None:
    skin, size = Skin(melanin=0.08, freckles=0.5, telangiectasia=0.5, skin_seed=8), 128
    step = EVEN.field / size
    here = render(plain(skin), size)[0].astype(float)
    there = render(plain(skin, replace(EVEN, look_x=20 * step, look_y=-10 * step)), size)[0].astype(float)
    assert np.abs(here[:-10, 20:] - there[10:, :-20]).mean() < 1.0
    far = render(plain(skin, replace(EVEN, look_x=5000.0)), size)[0]
    assert 1 < far.std() < 40


def test_the_same_skin_gives_the_same_bytes_and_another_doesnt() -> None:
    skin = Skin(melanin=0.1, freckles=0.3, telangiectasia=0.3, skin_seed=9)
    first = render(plain(skin), 64)[0]
    assert np.array_equal(first, render(plain(skin), 64)[0])
    assert not np.array_equal(first, render(plain(replace(skin, skin_seed=10)), 64)[0])


def test_sampled_skin() -> None:
    rng = np.random.default_rng(0)
    skins = [sample_skin(rng) for _ in range(600)]
    for skin in skins[:50]:
        plain(skin)  # every value is possible
    assert {skin.site for skin in skins} == set(SITES)
    fair, dark = ([s for s in skins if low <= s.melanin < high] for low, high in ((0, 0.08), (0.16, 1)))
    assert min(len(fair), len(dark)) > 100
    assert np.mean([s.freckles > 0 for s in fair]) > np.mean([s.freckles > 0 for s in dark]) + 0.1
    assert sample_skin(np.random.default_rng(1), 0.123).melanin == 0.123
    assert sample_skin(np.random.default_rng(1)) == sample_skin(np.random.default_rng(1))
