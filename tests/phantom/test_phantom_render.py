"""Photographs: the same bytes again, and a truth that is true."""

from __future__ import annotations

from dataclasses import replace
from itertools import pairwise

import cv2
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cutis.errors import CutisError
from cutis.image.colour import ita, lab
from cutis.phantom.classes import CODES, GENERIC
from cutis.phantom.optics.table import TONES, skin_ita
from cutis.phantom.parts import Camera, Skin
from cutis.phantom.patients import plain, rephotograph, sample
from cutis.phantom.render import render
from cutis.phantom.scene import Scene
from cutis.phantom.sheet import contact_sheet
from cutis.phantom.vocabulary import STRUCTURES


def clear(scene: Scene) -> Scene:
    """The scene in even light, sharp, without noise or anything on the skin."""
    bare = replace(scene, artefacts=())
    calm = {"noise": 0.0, "blur": 0.0, "aperture": 2.0, "vignette": 0.0, "slope": 0.0, "glare": 0.0, "bubbles": 0}
    return bare.replace(**calm, warmth=0.0, gain=1.0)


def test_same_scene_same_bytes_whatever_the_threads() -> None:
    scene = sample(np.random.default_rng(1), "mel")
    first = render(scene, 96)
    threads = cv2.getNumThreads()
    try:
        cv2.setNumThreads(1)
        again = render(Scene.from_dict(scene.to_dict()), 96)
    finally:
        cv2.setNumThreads(threads)
    assert first[0].tobytes() == again[0].tobytes()
    assert first[1].masks.keys() == again[1].masks.keys()
    assert all(np.array_equal(first[1].masks[k], again[1].masks[k]) for k in first[1].masks)


@pytest.mark.parametrize("change", [{"lesion_seed": 1}, {"skin_seed": 1}, {"angle": 1.0}, {"pigment": 0.5}])
def test_what_a_scene_says_shows(change: dict[str, float]) -> None:
    scene = sample(np.random.default_rng(2), "nv", 0.05).replace(skin_seed=0, lesion_seed=0, angle=0.5)
    assert not np.array_equal(render(scene, 64)[0], render(scene.replace(**change), 64)[0])


@settings(max_examples=12, deadline=None)
@given(st.integers(0, 2**32), st.sampled_from([*CODES, GENERIC]))
def test_every_scene_renders_and_truth_is_whole(seed: int, diagnosis: str) -> None:
    scene = sample(np.random.default_rng(seed), diagnosis)
    image, truth = render(scene, 96)
    assert image.shape == (96, 96, 3)
    assert image.dtype == np.uint8
    assert all(m.shape == (96, 96) and m.dtype == bool for m in truth.masks.values())
    structures = [k for k in truth.masks if k in STRUCTURES]
    assert set(truth.concepts) == set(structures)  # present <=> its mask isn't empty
    assert all(truth.masks[k].any() and not (truth.masks[k] & ~truth.mask).any() for k in structures)
    assert truth.ita == pytest.approx(skin_ita(scene.skin.melanin, scene.skin.blood))


@pytest.mark.parametrize("diagnosis", CODES)
def test_mask_is_where_the_lesion_changed_the_image(diagnosis: str) -> None:
    """The independent reference is the difference from the same skin without the lesion."""
    rng = np.random.default_rng(3)
    worst = 1.0
    for melanin in (TONES["I"], TONES["IV"]):
        scene = clear(sample(rng, diagnosis, melanin))
        # A pale, soft or mottled lesion has a border that 8-bit pixels can't show.
        scene = scene.replace(pigment=0.3, edges=(0.05,) * 8, mottle=0.0, lopsided=0.0)
        scene = replace(scene, lesions=(replace(scene.lesions[0], structures=()),))
        image, truth = render(scene, 192)
        bare, none = render(scene.without("lesion"), 192)
        assert not none.mask.any()
        changed = np.abs(image.astype(int) - bare).max(2) > 2
        worst = min(worst, (changed & truth.mask).sum() / (changed | truth.mask).sum())
    assert worst >= 0.97  # 0.99 in linear light, tests/phantom/test_lesion_outline.py; here with 8 bits


def test_outside_the_lesion_is_the_same_skin() -> None:
    scene = clear(sample(np.random.default_rng(4), "nv", 0.03))
    image, truth = render(scene, 128)
    far = cv2.dilate(truth.mask.astype(np.uint8), np.ones((15, 15), np.uint8)) == 0
    assert far.any()
    bare = render(scene.without("lesion"), 128)[0].astype(int)
    # Where a picture holds any deep pigment, the optics' table is read between two sheets: a rounding away.
    assert np.abs(image[far] - bare[far]).max() <= 1
    assert np.mean(image[far] != bare[far]) < 0.01


def test_tone_darkens_the_skin_and_leaves_the_mask() -> None:
    rng = np.random.default_rng(5)
    for diagnosis in CODES:
        scene = clear(sample(rng, diagnosis))
        shots = [render(scene.replace(melanin=melanin), 96) for melanin in TONES.values()]
        grey = [cv2.cvtColor(image, cv2.COLOR_RGB2GRAY)[~truth.mask].mean() for image, truth in shots]
        assert all(lighter > darker + 3 for lighter, darker in pairwise(grey)), grey
        assert all(np.array_equal(truth.mask, shots[0][1].mask) for _, truth in shots)


@pytest.mark.parametrize("tone", list(TONES))
def test_ita_of_the_picture_is_the_optics(tone: str) -> None:
    skin = Skin(melanin=TONES[tone], texture=0.4, skin_seed=3)
    image, truth = render(Scene(skin=skin, lesions=(), camera=Camera(noise=0.0)), 128)
    measured = float(np.median(ita(lab(image))))
    assert measured == pytest.approx(truth.ita, abs=1.0)


def test_every_size_shows_the_same_lesion() -> None:
    scene = clear(sample(np.random.default_rng(7), "mel", 0.06))
    large = render(scene, 256)
    for size in (32, 63, 128):
        image, truth = render(scene, size)
        assert image.shape == (size, size, 3)
        assert abs(truth.mask.mean() - large[1].mask.mean()) < 0.02
        near = cv2.resize(large[0], (size, size), interpolation=cv2.INTER_AREA).astype(float)
        assert np.abs(image - near).mean() < 6
    with pytest.raises(CutisError, match="size 8"):
        render(scene, 8)


def test_two_photographs_share_a_lesion() -> None:
    rng = np.random.default_rng(8)
    scene = sample(rng, "nv")
    turned = rephotograph(scene, rng).replace(field=scene.camera.field, look_x=0.0, look_y=0.0)
    scene = scene.replace(look_x=0.0, look_y=0.0)
    a, b = render(scene, 160)[1].mask, render(turned, 160)[1].mask
    assert abs(int(a.sum()) - int(b.sum())) < 0.05 * a.sum()
    assert not np.array_equal(a, b)


def test_plain_skin_has_no_lesion() -> None:
    image, truth = render(plain(np.random.default_rng(9)), 64)
    assert image.shape == (64, 64, 3)
    assert not truth.mask.any()
    assert (truth.boxes, truth.concepts, truth.scores) == ([], {}, {})


def test_contact_sheet() -> None:
    sheet = contact_sheet(np.random.default_rng(0), 48, ["nv", "mel"], ["I", "VI"])
    again = contact_sheet(np.random.default_rng(0), 48, ["nv", "mel"], ["I", "VI"])
    assert sheet.dtype == np.uint8
    assert np.array_equal(sheet, again)
    assert sheet.shape[0] > 2 * 48
    assert sheet.shape[1] > 2 * 48
    with pytest.raises(CutisError, match='class "nevus"'):
        contact_sheet(np.random.default_rng(0), 48, ["nevus"])
    with pytest.raises(CutisError, match="at least one"):
        contact_sheet(np.random.default_rng(0), 48, [])
