"""Photographs: the same bytes again, and a truth that is true."""

from __future__ import annotations

from itertools import pairwise

import cv2
import numpy as np
import pytest

from cutis.errors import CutisError
from cutis.phantom.render import render
from cutis.phantom.scene import CODES, TONES, Scene, rephotograph, sample
from cutis.phantom.sheet import contact_sheet


def clear(scene: Scene) -> Scene:
    """The scene without what hides or blurs the skin."""
    return scene.replace(hairs=0, noise=0.0, blur=0.0, aperture=2.0, vignette=0.0)


def test_same_scene_same_bytes_whatever_the_threads() -> None:
    scene = sample(np.random.default_rng(1), "mel", "II").replace(hairs=9, milia=4, vessels=2, nests=2, veil=0.5)
    first = render(scene, 96)
    threads = cv2.getNumThreads()
    try:
        cv2.setNumThreads(1)
        again = render(Scene.from_dict(scene.to_dict()), 96)
    finally:
        cv2.setNumThreads(threads)
    assert first[0].tobytes() == again[0].tobytes()
    assert np.array_equal(first[1].mask, again[1].mask)
    assert np.array_equal(first[1].hair, again[1].hair)


@pytest.mark.parametrize("change", [{"seed": 1}, {"photo_seed": 1}, {"angle": 1.0}, {"melanin": 2.0}, {"hairs": 30}])
def test_what_a_scene_says_shows(change: dict[str, float]) -> None:
    scene = sample(np.random.default_rng(2), "nv", "III").replace(seed=0, photo_seed=0, angle=0.5, hairs=0)
    assert not np.array_equal(render(scene, 64)[0], render(scene.replace(**change), 64)[0])


@pytest.mark.parametrize("diagnosis", CODES)
def test_mask_is_where_the_lesion_changed_the_image(diagnosis: str) -> None:
    """The independent reference is the difference from the same skin without the lesion."""
    rng = np.random.default_rng(3)
    for tone in TONES:
        # Depths are set to what is visible everywhere: a pale lesion has a mask that pixels alone can't show.
        scene = clear(sample(rng, diagnosis, tone)).replace(melanin=1.2, edge=0.1, vessels=0, milia=0, mottle=0.1)
        image, truth = render(scene)
        bare, none = render(scene.replace(radius=0.0))
        assert not none.mask.any()
        changed = np.abs(image.astype(float) - bare).max(2)
        seen = changed > 0.4 * np.median(changed[truth.mask])
        seen = cv2.morphologyEx(seen.astype(np.uint8), cv2.MORPH_CLOSE, np.ones((7, 7), np.uint8)) > 0  # network holes
        assert (seen & truth.mask).sum() / (seen | truth.mask).sum() > 0.85, (diagnosis, tone)


def test_outside_the_lesion_is_the_same_skin() -> None:
    scene = clear(sample(np.random.default_rng(4), "nv", "I"))
    image, truth = render(scene)
    far = cv2.dilate(truth.mask.astype(np.uint8), np.ones((41, 41), np.uint8)) == 0
    assert far.any()
    assert np.array_equal(image[far], render(scene.replace(radius=0.0))[0][far])


def test_tone_darkens_the_skin_and_leaves_the_mask() -> None:
    rng = np.random.default_rng(5)
    for diagnosis in CODES:
        scene = sample(rng, diagnosis)
        shots = [render(scene.replace(tone=tone)) for tone in TONES]
        grey = [cv2.cvtColor(image, cv2.COLOR_RGB2GRAY)[~truth.mask & ~truth.hair].mean() for image, truth in shots]
        assert all(lighter > darker + 3 for lighter, darker in pairwise(grey)), grey
        assert all(np.array_equal(truth.mask, shots[0][1].mask) for _, truth in shots)


def test_hair_mask_is_where_the_hairs_are() -> None:
    bald = clear(sample(np.random.default_rng(6), "bcc", "I"))
    hairy = bald.replace(hairs=12, hair_width=0.02, hair_colour=(10, 8, 6))
    image, truth = render(hairy)
    darker = render(bald)[0].astype(float).mean(2) - image.mean(2)
    assert truth.hair.mean() > 0.01
    assert darker[truth.hair].mean() > 5 * darker[~truth.hair].mean()
    assert not render(bald)[1].hair.any()


def test_every_size_shows_the_same_lesion() -> None:
    scene = clear(sample(np.random.default_rng(7), "mel", "III"))
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
    scene = sample(rng, "nv").replace(zoom=1.0)
    turned = rephotograph(scene, rng).replace(zoom=1.0, x=scene.x, y=scene.y)
    a, b = render(scene)[1].mask, render(turned)[1].mask
    assert abs(int(a.sum()) - int(b.sum())) < 0.05 * a.sum()
    assert not np.array_equal(a, b)


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
