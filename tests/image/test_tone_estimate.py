"""Skin tone: the field's constants, each estimator against a plain recomputation, and refusals."""

from __future__ import annotations

import cv2
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cutis.errors import CutisError
from cutis.image import colour
from cutis.image.tone import (
    METHODS,
    THRESHOLDS,
    Photo,
    contrast,
    estimate_tone,
    estimate_tones,
    nearest_monk,
    thresholds,
)
from cutis.image.tone.contrast import coco_ratio, wcag_ratio
from cutis.image.tone.ita import _BEVAN, angle
from cutis.image.tone.monk import monk_lab, monk_rgb
from cutis.image.tone.skin_pixels import by_colour

SKIN = (205, 160, 140)
MOLE = (95, 60, 45)


def skin(size: int = 256, tone: tuple[int, int, int] = SKIN, noise: float = 2.0, seed: int = 0) -> np.ndarray:
    rng = np.random.default_rng(seed)
    return np.rint(np.array(tone) + rng.normal(0, noise, (size, size, 3))).clip(0, 255).astype(np.uint8)


def with_mole(image: np.ndarray, share: float = 0.25) -> tuple[np.ndarray, np.ndarray]:
    """The picture with a round dark spot in its middle, and the spot's mask."""
    height, width = image.shape[:2]
    y, x = np.mgrid[:height, :width]
    mask = np.hypot(y - height / 2, x - width / 2) < share * min(height, width)
    image = image.copy()
    image[mask] = MOLE
    return image, mask.astype(np.uint8) * 255


def plain_ita(rgb: np.ndarray) -> float:
    """ITA of one colour, 0..255, by the formulas of CIELAB."""
    lab = colour.linear_rgb_to_lab(colour.srgb_to_linear(np.asarray(rgb, float) / 255))
    return float(np.degrees(np.arctan2(lab[0] - 50, lab[2])))


# ---- constants of the field


def test_ita_of_the_monk_scale():
    """references.md, tier 1, number 2."""
    expected = [83.0, 80.2, 71.7, 64.7, 50.3, 10.9, -20.1, -55.4, -78.3, -84.3]
    lab = monk_lab()
    assert np.abs(angle(lab[:, 0], lab[:, 2]) - expected).max() <= 0.1
    assert nearest_monk(lab)[0].tolist() == list(range(1, 11))
    assert nearest_monk(lab[3] + [1, 0, 0])[0] == 4


def test_atan_and_atan2_part_where_skin_is_bluish():
    assert angle(60, 5) == pytest.approx(angle(60, 5, plain=True))
    assert angle(60, -5) == pytest.approx(116.565, abs=1e-3)
    assert angle(60, -5, plain=True) == pytest.approx(-63.435, abs=1e-3)
    assert angle(60, 0, plain=True) == 90.0
    assert np.isnan(angle(50, 0, plain=True))


@given(st.floats(0, 100), st.floats(0.01, 60))
def test_atan_and_atan2_are_one_for_yellowish_skin(lightness: float, yellow: float):
    assert angle(lightness, yellow) == pytest.approx(float(angle(lightness, yellow, plain=True)))


@pytest.mark.parametrize(
    ("name", "ita", "label"),
    [
        ("chardon1991", 55, "light"), ("chardon1991", 55.1, "very light"), ("chardon1991", 10, "brown"),
        ("chardon1991", -30, "dark"), ("kinyanjui_fst", 19, "5"), ("kinyanjui_fst", 10, "6"),
        ("kinyanjui2019", 34.5, "intermediate 1"), ("kinyanjui2019", 48.1, "light 2"), ("groh2021", 40, "2"),
        ("groh_notebook", 45, "1"), ("groh_notebook", 28, "3"), ("groh_notebook", -20, "6"),
        ("krishnapriya2021", 50, "1"), ("krishnapriya2021", -50, "5"), ("krishnapriya2021", -50.1, "6"),
    ],
)  # fmt: skip
def test_classes_at_their_cuts(name: str, ita: float, label: str):
    assert thresholds(name).label(ita) == label


def test_threshold_sets_are_well_formed():
    for found in THRESHOLDS.values():
        assert len(found.labels) == len(found.cuts) + 1
        assert list(found.cuts) == sorted(found.cuts, reverse=True)
        assert found.source
    with pytest.raises(CutisError, match='did you mean "groh2021"'):
        thresholds("groh202")
    with pytest.raises(CutisError, match="not a number"):
        thresholds("groh2021").rank(float("nan"))


# ---- each estimator against a plain recomputation


def lab_of(image: np.ndarray) -> np.ndarray:
    return colour.linear_rgb_to_lab(colour.srgb_to_linear(image / 255))


def within(values: np.ndarray) -> np.ndarray:
    return values[np.abs(values - values.mean()) <= values.std()]


@pytest.fixture(scope="module")
def scene() -> tuple[np.ndarray, np.ndarray]:
    y, x = np.mgrid[:256, :256]
    shade = (1 - 0.25 * np.hypot(y - 128, x - 100) / 180)[..., None]
    image, mask = with_mole(skin(noise=4))
    return np.rint(image * shade).astype(np.uint8), mask


def test_means_within_a_deviation(scene: tuple[np.ndarray, np.ndarray]):
    image, mask = scene
    lab = lab_of(image)
    found = estimate_tones(image, mask)
    outside = lab[mask == 0]
    assert found["kinyanjui2019"].ita == pytest.approx(
        np.degrees(np.arctan((within(outside[:, 0]).mean() - 50) / within(outside[:, 2]).mean())), abs=0.3
    )
    whole = lab.reshape(-1, 3)
    assert found["groh2021"].ita == pytest.approx(
        np.degrees(np.arctan2(within(whole[:, 0]).mean() - 50, within(whole[:, 2]).mean())), abs=0.3
    )
    coloured = lab[by_colour(image)]
    assert found["groh2022"].ita == pytest.approx(
        np.degrees(np.arctan2(within(coloured[:, 0]).mean() - 50, within(coloured[:, 2]).mean())), abs=0.3
    )
    assert not by_colour(image)[mask > 0].any()


def test_bevan_takes_the_lightest_of_eight_patches(scene: tuple[np.ndarray, np.ndarray]):
    image, mask = scene
    grey = cv2.cvtColor(image, cv2.COLOR_RGB2GRAY)
    cross = cv2.getStructuringElement(cv2.MORPH_CROSS, (17, 17))
    hair = (cv2.morphologyEx(grey, cv2.MORPH_BLACKHAT, cross) > 10).astype(np.uint8)
    painted = lab_of(cv2.inpaint(image, hair, 1, cv2.INPAINT_TELEA))
    angles = []
    for row, column in _BEVAN:
        mean = painted[row : row + 20, column : column + 20].reshape(-1, 3).mean(0)
        angles.append(np.degrees(np.arctan((mean[0] - 50) / mean[2])))
    found = estimate_tone(image, mask, "bevan2022")
    assert found.ita == pytest.approx(max(angles), abs=0.3)  # only the patches are painted, not the whole picture
    assert found.ita == estimate_tone(image, mask, "bevan2022_atan2").ita
    assert found.high == found.ita  # no resample of patches is lighter than the lightest


def test_corbin_is_the_median_of_border_patches(scene: tuple[np.ndarray, np.ndarray]):
    image, mask = scene
    lab = lab_of(image)[16:240, 16:240]
    angles = []
    for i in range(28):
        for j in range(28):
            if i in (0, 27) or j in (0, 27):
                patch = lab[8 * i : 8 * i + 8, 8 * j : 8 * j + 8].reshape(-1, 3)
                angles.append(np.degrees(np.arctan2(within(patch[:, 0]).mean() - 50, within(patch[:, 2]).mean())))
    assert estimate_tone(image, mask, "corbin2023").ita == pytest.approx(np.median(angles), abs=0.1)


def test_medians(scene: tuple[np.ndarray, np.ndarray]):
    image, mask = scene
    photo = Photo(image, mask)
    lab = lab_of(image)
    median = np.median(lab[photo.skin], axis=0)
    assert estimate_tone(image, mask).ita == pytest.approx(float(colour.ita(median)), abs=0.3)
    mean = lab[photo.skin].mean(axis=0)
    assert estimate_tone(image, mask, "chardon1991").ita == pytest.approx(float(colour.ita(mean)), abs=0.3)
    outside = lab[mask == 0]
    kept = [v[np.abs(v - np.median(v)) <= v.std()] for v in (outside[:, 0], outside[:, 2])]
    expected = np.degrees(np.arctan2(np.median(kept[0]) - 50, np.median(kept[1])))
    assert estimate_tone(image, mask, "bencevic2025").ita == pytest.approx(expected, abs=0.3)


@settings(max_examples=12, deadline=None)
@given(st.integers(4, 8), st.integers(0, 1000))
def test_flat_skin_of_any_tone_is_read_alike_by_all(tone: int, seed: int):
    colour_of = tuple(int(v) for v in monk_rgb()[tone - 1])
    image, mask = with_mole(skin(128, colour_of, noise=0.7, seed=seed), 0.2)
    truth = plain_ita(np.array(colour_of))
    for name, found in estimate_tones(image, mask).items():
        if name == "groh2022" and tone > 6:
            continue  # its colour rule takes the brightest pixels of such skin, or none
        assert found.ita == pytest.approx(truth, abs=4 if name == "groh2021" else 2.5), name
        assert found.low <= found.ita <= found.high
        if name == "cutis":
            assert found.monk == tone
            assert found.category["chardon1991"] == thresholds("chardon1991").label(truth)


def test_the_colour_rule_is_blind_to_dark_skin():
    light, dark = (tuple(int(v) for v in monk_rgb()[i]) for i in (4, 8))
    assert by_colour(skin(64, light)).mean() > 0.9
    assert by_colour(skin(64, dark)).mean() < 0.01


# ---- what is not skin


def test_hair_glare_ink_and_rim_do_not_move_the_tone():
    clean, mask = with_mole(skin())
    truth = estimate_tone(clean, mask)
    image = clean.copy()
    rng = np.random.default_rng(1)
    for _ in range(25):
        a, b = rng.integers(0, 256, (2, 2))
        cv2.line(image, tuple(map(int, a)), tuple(map(int, b)), (40, 30, 25), 2)
    cv2.circle(image, (40, 220), 12, (255, 255, 255), -1)
    cv2.rectangle(image, (190, 10), (230, 60), (70, 60, 160), -1)
    y, x = np.mgrid[:256, :256]
    image[np.hypot(y - 128, x - 128) > 160] = 5
    found = estimate_tone(image, mask)
    assert found.ita == pytest.approx(truth.ita, abs=1.0)
    assert found.n_pixels < truth.n_pixels
    naive = estimate_tone(image, mask, "kinyanjui2019")
    photo = Photo(image, mask)
    assert photo.ink[20:50, 200:220].all()
    assert photo.glare[220, 40]
    assert photo.rim[2, 2]
    assert naive.n_pixels > found.n_pixels


def test_without_a_mask_the_border_is_taken_and_said():
    image, mask = with_mole(skin())
    found = estimate_tone(image)
    assert found.ita == pytest.approx(estimate_tone(image, mask).ita, abs=1)
    assert "no lesion mask" in found.reason
    assert estimate_tone(image, None, "kinyanjui2019").reason == "needs a lesion mask"


def hairy() -> np.ndarray:
    image = skin()
    rng = np.random.default_rng(0)
    for _ in range(500):
        a, b = rng.integers(-50, 306, (2, 2))
        cv2.line(image, tuple(map(int, a)), tuple(map(int, b)), (35, 28, 22), 2)
    return image


@pytest.mark.parametrize(
    ("image", "mask", "words"),
    [
        (skin(), np.full((256, 256), 255, np.uint8), "all lesion"),
        (hairy(), np.zeros((256, 256), np.uint8), "all hair"),
        (np.zeros((200, 200, 3), np.uint8), None, "all black"),
        (np.full((200, 200, 3), 255, np.uint8), None, "all glare"),
        (np.full((1, 1, 3), 180, np.uint8), None, "too few skin pixels: 0 of 1|too few skin pixels: 1 of 1"),
        (skin(tone=(150, 150, 150), noise=1), None, "cast: skin is grey"),
        (skin(tone=(190, 150, 165)), None, "cast: skin's hue is"),
        (skin(tone=(120, 140, 230)), None, "blue cast"),
    ],
    ids=["lesion", "hair", "black", "white", "1x1", "grey", "pink", "blue"],
)
def test_refusals_say_why(image: np.ndarray, mask: np.ndarray | None, words: str):
    found = estimate_tone(image, mask)
    assert found.status == "refused"
    assert found.ita is found.low is found.monk is found.hue is None
    assert found.category == {}
    assert any(w in found.reason for w in words.split("|")), found.reason
    for other in estimate_tones(image, mask).values():  # the published ways answer or refuse, but never fail
        assert (other.ita is None) == (other.status == "refused") == bool(other.ita is None and other.reason)


def test_bad_input_is_one_line():
    image = skin(64)
    for given_image, mask, method, words in (
        (image, np.zeros((64, 63), np.uint8), "cutis", "mask of 64 x 63 for an image of 64 x 64"),
        (image.astype(float), None, "cutis", "expected uint8"),
        (image[..., 0], None, "cutis", "expected uint8"),
        (image, None, "beven2022", 'did you mean "bevan2022"'),
    ):
        with pytest.raises(CutisError, match=words):
            estimate_tone(given_image, mask, method)


def test_same_generator_same_interval_and_no_image_is_changed():
    image, mask = with_mole(skin())
    before = image.copy()
    one, other = (estimate_tones(image, mask, rng=np.random.default_rng(5)) for _ in range(2))
    assert one == other
    assert (image == before).all()
    assert set(one) == set(METHODS)


def test_the_interval_grows_with_shading():
    flat, mask = with_mole(skin())
    shaded = np.rint(flat * np.linspace(1, 0.7, 256)[None, :, None]).astype(np.uint8)
    widths = [t.high - t.low for t in (estimate_tone(flat, mask), estimate_tone(shaded, mask))]
    assert widths[0] < 1 < widths[1]


# ---- contrast


def test_ddi_coco_scores():
    """Mean RGB of lesion and skin, and their score, of six rows of the table that DDI-CoCo published."""
    for lesion, bare, score in (
        ((119, 94, 73), (206, 150, 139), 1.572711779775086),
        ((134, 67, 52), (162, 132, 103), 1.604049888495682),
        ((185, 100, 87), (224, 166, 130), 1.4511712133437631),
        ((82, 80, 80), (80, 62, 49), 1.200120559209255),
        ((41, 30, 22), (141, 101, 61), 2.6817191256094),
        ((202, 161, 153), (184, 133, 94), 1.1828117115195531),
    ):
        assert coco_ratio(np.array(lesion), np.array(bare)) == pytest.approx(score, abs=5e-4)
    assert wcag_ratio(np.zeros(3), np.full(3, 255)) == pytest.approx(21)
    # The hand-worked example of WCAG's own formula: grey 119 on white, 4.48.
    assert wcag_ratio(np.full(3, 119), np.full(3, 255)) == pytest.approx(4.48, abs=0.005)


def test_contrast_of_a_spot():
    image, mask = with_mole(skin(noise=0))
    found = contrast(image, mask)
    lesion, bare = lab_of(np.array([[MOLE, SKIN]]))[0]
    assert found.ciede2000 == pytest.approx(float(colour.delta_e_2000(lesion, bare)), abs=0.6)
    assert found.delta_e == pytest.approx(float(np.linalg.norm(lesion - bare)), abs=0.6)
    assert found.lightness < 0
    assert found.coco == pytest.approx(coco_ratio(np.array(MOLE), np.array(SKIN)), abs=0.01)
    assert contrast(image, np.full_like(mask, 255)).reason.startswith("all lesion")
    assert contrast(image, np.zeros_like(mask)).reason == "too few lesion pixels: 0"
