"""Each measure of quality against pictures made so that the answer is known, and one fault at a time."""

from __future__ import annotations

import cv2
import numpy as np
import pytest

from cutis.errors import CutisError
from cutis.image.quality import (
    MEASURES,
    colour_cast,
    framing,
    glare,
    gradient,
    headroom,
    light,
    resolution,
    skin,
    wavelet,
)
from cutis.image.working import SIDE, Working
from cutis.phantom import sample
from cutis.phantom.optics.table import TONES
from cutis.phantom.vocabulary import ARTEFACTS


@pytest.fixture(scope="module")
def photographs() -> list[np.ndarray]:
    """A phantom of each tone, with nothing on the skin."""
    rng = np.random.default_rng(3)
    return [
        sample(rng, "nv", m).without(*ARTEFACTS).replace(glare=0.0, gain=1.0).render(160)[0] for m in TONES.values()
    ]


def plain(value: int | tuple[int, int, int], height: int = 150, width: int = 200) -> np.ndarray:
    return np.full((height, width, 3), value, np.uint8)


@pytest.mark.parametrize("measure", [gradient, wavelet])
def test_more_blur_scores_lower(measure, photographs):
    for image in photographs:
        scores = [measure(image).value] + [measure(cv2.GaussianBlur(image, (0, 0), s)).value for s in (1, 2, 4)]
        assert scores == sorted(scores, reverse=True)
        assert scores[0] > 1.15 * scores[1]


def test_the_gradient_is_the_second_difference_of_the_blurriest_direction():
    rng = np.random.default_rng(0)
    grey = rng.integers(0, 256, (SIDE, SIDE), dtype=np.uint8)
    image = np.repeat(grey[..., None], 3, axis=2)
    wide = np.pad(grey.astype(float), 1, mode="reflect")
    middle = 2 * wide[1:-1, 1:-1]
    across = wide[1:-1, :-2] + wide[1:-1, 2:] - middle
    down = wide[:-2, 1:-1] + wide[2:, 1:-1] - middle
    falling = wide[:-2, :-2] + wide[2:, 2:] - middle
    rising = wide[:-2, 2:] + wide[2:, :-2] - middle
    expected = min(np.sqrt((d * d).mean()) for d in (across, down, falling, rising))
    assert gradient(image).value == pytest.approx(expected, rel=1e-6)


def test_a_moved_camera_is_seen_whichever_way_it_moved(photographs):
    streak = np.eye(13, dtype=np.float32) / 13
    for kernel in (streak, streak[::-1], np.full((1, 13), 1 / 13, np.float32), np.full((13, 1), 1 / 13, np.float32)):
        for image in photographs:
            assert gradient(cv2.filter2D(image, -1, kernel)).value < 0.75 * gradient(image).value


def test_haar_levels_of_a_step():
    view = Working(plain(0, SIDE, SIDE))
    view.rgb[:, SIDE // 2 + 1 :] = 200  # between two pixels of one Haar cell: seen at the finest level
    fine, middle, coarse = view.haar
    assert fine.max() == pytest.approx(100)
    assert middle.max() == pytest.approx(50)
    assert coarse.max() == pytest.approx(25)


def test_light_is_lightness_of_the_light_part():
    for grey, lightness in ((0, 0.0), (119, 50.0), (255, 100.0)):  # L* of sRGB greys
        assert light(plain(grey)).value == pytest.approx(lightness, abs=0.8)
    halved = plain(30)
    halved[:40] = 200
    assert light(halved).value > 75


def test_darker_is_never_lighter_and_dark_skin_in_good_light_passes(photographs):
    for image in photographs:
        scores = [light((image * g).astype(np.uint8)).value for g in (1, 0.7, 0.4, 0.2)]
        assert scores == sorted(scores, reverse=True)
        assert light(image).ok
        assert not light((image * 0.15).astype(np.uint8)).ok


def test_headroom_is_the_share_not_burnt_out():
    image = plain(120, SIDE, SIDE)
    image[:64] = 255
    assert headroom(image).value == pytest.approx(0.75)
    assert np.count_nonzero(headroom(image).mask) == 64 * SIDE
    assert not headroom(image).ok
    assert headroom(plain(120)).ok


def test_resolution_is_the_shorter_side():
    assert resolution(plain(9, 120, 3000)).value == 120
    assert resolution(plain(9, 120, 3000)).ok
    assert not resolution(plain(9, 99, 3000)).ok


def test_a_cast_scores_lower(photographs):
    for image in photographs:
        tinted = [np.clip(image * np.array([1 - k, 1 + k / 2, 1 + k]), 0, 255).astype(np.uint8) for k in (0.3, 0.6)]
        assert colour_cast(tinted[1]).value < colour_cast(tinted[0]).value
        assert colour_cast(image).code == ""
    assert not colour_cast(plain((60, 90, 200))).ok


def test_framing_with_a_mask():
    image, mask = plain((200, 150, 130)), np.zeros((150, 200), bool)
    mask[50:100, 60:140] = True
    assert framing(Working(image, mask)).value == 1
    mask[:, :] = False
    mask[50:100, :40] = True  # touches the left side; its centre is 0.2 of the width in
    score = framing(Working(image, mask))
    assert score.value == pytest.approx(0.2, abs=0.01)
    assert score.mask[:, 0].any()
    assert not score.mask[:, -1].any()
    mask[:] = True  # fills the frame evenly: close, not cut
    assert framing(Working(image, mask)).value > 0.98
    mask[:] = False  # no lesion known
    assert framing(Working(image, mask)).value == 1


def test_a_lesion_is_guessed_where_it_is():
    overlaps = []
    for seed in range(6):
        image, truth = sample(np.random.default_rng(seed), "mel", TONES["II"]).without(*ARTEFACTS).render(160)
        guess = Working(image).enlarge(Working(image).lesion)
        overlaps.append((guess & truth.mask).sum() / (guess | truth.mask).sum())
    assert np.median(overlaps) > 0.6


def test_glare_is_found_where_it_is():
    image = plain((190, 140, 120), SIDE, SIDE)
    assert glare(image).value == 1
    cv2.circle(image, (80, 90), 50, (255, 252, 250), -1)
    score = glare(image)
    assert score.value == pytest.approx(1 - np.pi * 50**2 / SIDE**2, abs=0.01)
    assert not score.ok
    assert score.mask[90, 80]
    assert not score.mask[200, 200]


def test_skin_of_every_tone_is_skin_and_other_things_are_not(photographs):
    assert all(skin(image).ok for image in photographs)
    rng = np.random.default_rng(0)
    page = plain(245)
    for y in range(12, 150, 14):
        cv2.putText(page, "not a photograph of skin at all", (4, y), cv2.FONT_HERSHEY_SIMPLEX, 0.35, (20, 20, 20), 1)
    grass = np.clip(np.array([60, 140, 50]) + rng.normal(0, 25, (150, 200, 1)), 0, 255).astype(np.uint8)
    sky = plain((90, 140, 230))
    noise = rng.integers(0, 256, (150, 200, 3), dtype=np.uint8)
    for image in (page, grass, sky, noise, plain(0), plain(128), plain(255)):
        assert not skin(image).ok


@pytest.mark.parametrize("name", list(MEASURES))
def test_every_measure_advises_and_obeys_its_threshold(name, photographs):
    score = MEASURES[name](photographs[2])
    assert np.isfinite(score.value)
    assert len(score.advice.split()) >= 6
    assert not MEASURES[name](photographs[2], score.value + 1).ok
    assert MEASURES[name](photographs[2], score.value).ok
    if score.mask is not None:
        assert score.mask.shape == Working(photographs[2]).shape
        assert set(np.unique(score.mask)) <= {0, 255}


@pytest.mark.parametrize(
    "bad",
    [
        np.zeros((4, 4), np.uint8),
        np.zeros((4, 4, 4), np.uint8),
        np.zeros((4, 4, 3), np.float32),
        np.zeros((0, 4, 3), np.uint8),
    ],
    ids=["grey", "four channels", "float", "empty"],
)
def test_what_is_not_an_image_is_refused(bad):
    with pytest.raises(CutisError, match="image: "):
        Working(bad)


def test_a_mask_of_another_size_is_refused(photographs):
    with pytest.raises(CutisError, match="mask: expected"):
        Working(photographs[0], np.zeros((3, 3), bool))
