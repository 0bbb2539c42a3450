"""Corruptions of the picture alone, against their definitions written out another way."""

from __future__ import annotations

import io
import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image, ImageEnhance
from scipy import ndimage, stats

from cutis.errors import CutisError
from cutis.image.colour import lab, linear_rgb_to_xyz, planckian_xy, srgb_to_linear, xy_to_xyz
from cutis.image.corruptions import (
    CORRUPTIONS,
    SEVERITIES,
    SUITES,
    blur,
    changed_share,
    digital,
    distance,
    generator,
    light,
    marks,
    noise,
)
from cutis.image.corruptions.registry import growing, of_suite

# As the paper's package has them (references.md, B3): name -> the five severities.
PUBLISHED = {
    "pixelate": (0.7, 0.5, 0.4, 0.3, 0.25),
    "jpeg_compression": (30, 20, 15, 10, 7),
    "gaussian_noise": (0.04, 0.08, 0.12, 0.18, 0.26),
    "speckle_noise": (0.05, 0.15, 0.2, 0.35, 0.45),
    "impulse_noise": (0.01, 0.03, 0.06, 0.09, 0.17),
    "shot_noise": (60, 25, 18, 10, 5),
    "defocus_blur": ((4, 0.1), (5, 0.2), (6, 0.3), (7, 0.4), (8, 0.5)),
    "motion_blur": ((10, 5), (15, 5), (15, 8), (15, 12), (20, 15)),
    "zoom_blur": (1.11, 1.16, 1.21, 1.26, 1.31),
    "brightness_up": (1.1, 1.2, 1.3, 1.4, 1.5),
    "brightness_down": (0.9, 0.8, 0.7, 0.6, 0.5),
    "contrast_up": (1.1, 1.2, 1.3, 1.4, 1.6),
    "contrast_down": (0.8, 0.7, 0.6, 0.5, 0.4),
    "black_corner": (1.1, 1.05, 1.0, 0.9, 0.95),
    "characters": ((1, 6, 0.14), (2, 7, 0.15), (3, 8, 0.16), (4, 9, 0.17), (6, 10, 0.18)),
}


@pytest.fixture(scope="module")
def photo() -> np.ndarray:
    """64 x 64, smooth in places, sharp in others, with white and black."""
    rng = np.random.default_rng(0)
    y, x = np.mgrid[0:64, 0:64]
    base = np.stack([120 + x, 90 + y, 60 + (x + y) / 2], -1).astype(float)
    base[20:40, 20:40] -= 80
    base[48:, 48:] = rng.integers(0, 256, (16, 16, 3))
    base[:8, :8], base[:8, -8:] = 255, 0
    return base.clip(0, 255).astype(np.uint8)


def applied(name: str, image: np.ndarray, severity: int, seed: int = 0) -> np.ndarray:
    return CORRUPTIONS[name].apply(image, severity, generator(seed, "x", name))


def test_medmnistc_has_the_published_values() -> None:
    assert {name: CORRUPTIONS[name].values for name in of_suite("medmnistc")} == PUBLISHED
    assert SUITES["medmnistc"] == tuple(PUBLISHED)


@pytest.mark.parametrize("severity", SEVERITIES)
def test_brightness_contrast_and_jpeg_are_pillows(photo: np.ndarray, severity: int) -> None:
    picture = Image.fromarray(photo)
    for way in ("up", "down"):
        for kind, made in (("brightness", ImageEnhance.Brightness), ("contrast", ImageEnhance.Contrast)):
            name = f"{kind}_{way}"
            expected = np.asarray(made(picture).enhance(PUBLISHED[name][severity - 1]))
            assert np.array_equal(applied(name, photo, severity), expected), name
    out = io.BytesIO()
    picture.save(out, "JPEG", quality=PUBLISHED["jpeg_compression"][severity - 1])
    assert np.array_equal(applied("jpeg_compression", photo, severity), np.asarray(Image.open(out)))


def test_pixelate_is_box_averages(photo: np.ndarray) -> None:
    means = photo.reshape(32, 2, 32, 2, 3).astype(float).mean((1, 3))
    expected = np.repeat(np.repeat(means, 2, 0), 2, 1)
    assert np.abs(applied("pixelate", photo, 2) - expected).max() <= 1  # rows and columns are rounded each


@pytest.mark.parametrize("severity", SEVERITIES)
def test_zoom_blur_is_the_mean_of_scipys_zooms_to_the_bit(photo: np.ndarray, severity: int) -> None:
    starts = {1: 0.01, 2: 0.01, 3: 0.02, 4: 0.02, 5: 0.03}
    factors = np.arange(1, PUBLISHED["zoom_blur"][severity - 1], starts[severity])
    still = (photo / 255.0).astype(np.float32)
    total = np.zeros_like(still)
    for factor in factors:
        kept = math.ceil(64 / factor)
        top = (64 - kept) // 2
        larger = ndimage.zoom(still[top : top + kept, top : top + kept], (factor, factor, 1), order=1)
        trim = (len(larger) - 64) // 2
        total += larger[trim : trim + 64, trim : trim + 64]
    expected = (np.clip((still + total) / (len(factors) + 1), 0, 1) * 255).astype(np.uint8)
    assert np.array_equal(applied("zoom_blur", photo, severity), expected)


def test_zoom_blur_of_a_picture_that_is_not_square_is_its_parts(photo: np.ndarray) -> None:
    """Wider than high: constant rows stay constant along them."""
    rows = np.repeat(photo[:32, :1], 90, axis=1)
    made = blur.zoom_blur(rows, np.arange(1, 1.11, 0.01))
    assert made.shape == rows.shape
    assert (np.ptp(made, axis=1) <= 1).all()


def test_defocus_blur_is_a_convolution_with_a_disc() -> None:
    photo = np.random.default_rng(1).integers(0, 256, (64, 64, 3), np.uint8)  # so that few means are whole levels
    line = np.arange(-8, 9)
    disc = (line[:, None] ** 2 + line**2 <= 25).astype(float)
    bell = np.exp(-(np.array([-1, 0, 1]) ** 2) / (2 * 0.2**2))
    kernel = ndimage.convolve(disc / disc.sum(), np.outer(bell, bell) / bell.sum() ** 2, mode="constant")
    expected = np.stack([ndimage.correlate(photo[..., c].astype(float), kernel, mode="mirror") for c in range(3)], -1)
    made = applied("defocus_blur", photo, 2)
    assert np.abs(made - np.floor(expected)).max() <= 1
    assert (made == np.floor(expected)).mean() > 0.99


@pytest.mark.parametrize("angle", [-45.0, -13.3, 0.0, 7.5, 30.0, 45.0])
def test_motion_blur_is_half_a_bell_along_a_line(photo: np.ndarray, angle: float) -> None:
    radius, sigma = 10, 5
    weights = np.array([math.exp(-(i * i) / (2 * sigma**2)) for i in range(2 * radius + 1)])
    weights /= weights.sum()
    rows, columns = np.mgrid[0:64, 0:64]
    total = np.zeros(photo.shape)
    for i, weight in enumerate(weights):
        x = columns + math.ceil(i * math.cos(math.radians(angle)) - 0.5)
        y = rows + math.ceil(i * math.sin(math.radians(angle)) - 0.5)
        total += weight * photo[y.clip(0, 63), x.clip(0, 63)]
    expected = np.floor(np.floor(257 * total + 0.5) / 257)
    made = blur.motion_blur(photo, radius, sigma, angle)
    assert np.abs(made - expected).max() <= 1
    assert (made == expected).mean() > 0.999


def test_motion_blurs_angle_is_drawn_from_minus_45_to_45(monkeypatch: pytest.MonkeyPatch, photo: np.ndarray) -> None:
    seen: list[float] = []
    monkeypatch.setattr(blur, "motion_blur", lambda image, r, s, angle: seen.append(angle) or image)
    for seed in range(200):
        applied("motion_blur", photo, 1, seed)
    assert stats.kstest(np.array(seen), stats.uniform(-45, 90).cdf).pvalue > 0.01


def test_black_corner_is_black_outside_the_circle_only(photo: np.ndarray) -> None:
    made = applied("black_corner", np.full((100, 140, 3), 200, np.uint8), 4)
    y, x = np.mgrid[0:100, 0:140]
    far = np.hypot(x - 70, y - 50)
    assert (made[far > 46] == 0).all()
    assert (made[far < 44] == 200).all()


def level_plane(level: int, n: int = 120) -> np.ndarray:
    return np.full((n, n, 3), level, np.uint8)


@pytest.mark.parametrize("level", [0, 3, 40, 128, 250, 255])
@pytest.mark.parametrize("photons", [60, 25, 18, 10, 5])
def test_shot_noise_has_poissons_distribution(level: int, photons: int) -> None:
    made = noise.shot(level_plane(level), photons, np.random.default_rng(level + photons))
    counts = np.arange(0, 4 * photons + 60)
    grey = (np.clip(counts / photons, 0, 1) * 255).astype(np.uint8)
    expected = np.bincount(grey, stats.poisson(level / 255 * photons).pmf(counts), 256) * made.size
    found = np.bincount(made.ravel(), minlength=256)
    often = expected >= 8
    assert found[expected == 0].sum() == 0
    if often.sum() < 2:
        assert found[often].sum() == made.size
        return
    rare = found[~often].sum(), expected[~often].sum()
    chi = ((found[often] - expected[often]) ** 2 / expected[often]).sum()
    if rare[1] > 0:
        chi += (rare[0] - rare[1]) ** 2 / rare[1]
    assert stats.chi2.sf(chi, often.sum()) > 1e-4


@pytest.mark.parametrize("name", ["gaussian_noise", "speckle_noise"])
@pytest.mark.parametrize("severity", [1, 5])
def test_normal_noise_has_its_distribution(name: str, severity: int) -> None:
    level, deviation = 128, PUBLISHED[name][severity - 1]
    made = applied(name, level_plane(level, 200), severity).ravel().astype(float)
    spread = deviation * (255 if name == "gaussian_noise" else level)
    # cut to whole levels: made = floor(normal), within 0..255
    edges = np.arange(0, 256)
    expected = stats.norm(level, spread).cdf(edges + 1)
    expected[-1] = 1
    found = np.cumsum(np.bincount(made.astype(int), minlength=256)) / len(made)
    assert np.abs(found - expected).max() < 1.95 / math.sqrt(len(made))  # Kolmogorov's 0.1 % point
    if name == "speckle_noise":
        assert not applied(name, level_plane(0), severity).any()  # where there is no light there is no noise


def test_impulse_noise_is_as_often_salt_as_pepper() -> None:
    made = applied("impulse_noise", level_plane(100, 300), 5)
    n = made.size
    for value in (0, 255):
        assert abs((made == value).sum() - 0.085 * n) < 4 * math.sqrt(0.085 * 0.915 * n)
    assert np.isin(made, (0, 100, 255)).all()


def test_characters_are_few_and_small() -> None:
    plain = level_plane(120, 224)
    shares = [(applied("characters", plain, 5, seed) != plain).any(-1).mean() for seed in range(12)]
    assert min(shares) > 0
    assert max(shares) < 0.05
    words = [marks.just_characters(plain, n, np.random.default_rng(1)) for n in (1, 2)]
    ink = [(w != plain).any(-1) for w in words]
    assert (ink[0] <= ink[1]).all()  # the first word stays


def test_black_corners_fifth_level_is_milder_than_its_fourth_and_the_variant_is_not(photo: np.ndarray) -> None:
    theirs = [distance(photo, applied("black_corner", photo, s)) for s in SEVERITIES]
    ours = [distance(photo, applied("black_corner_monotone", photo, s)) for s in SEVERITIES]
    assert theirs[4] < theirs[3]
    assert sorted(ours) == ours
    assert growing().count("black_corner_monotone") == 1
    assert "black_corner" not in SUITES["dermoscopy"]


def test_colour_temperature_moves_a_grey_to_the_lamps_colour() -> None:
    grey = level_plane(120, 4)
    for kelvin in (3400, 5000, 9500):
        seen = light.colour_temperature(grey, kelvin)
        xyz = linear_rgb_to_xyz(srgb_to_linear(seen[0, 0] / 255))
        black_body, usual = (xy_to_xyz(planckian_xy(k)) for k in (kelvin, light.DAYLIGHT))
        d65 = linear_rgb_to_xyz(np.ones(3))
        # D65 is a little off the black body's locus: the change of white is the same, not the white itself
        assert xyz[0] / xyz[1] == pytest.approx(black_body[0] / usual[0] * d65[0], rel=0.03)
        assert xyz[2] / xyz[1] == pytest.approx(black_body[2] / usual[2] * d65[2], rel=0.06)
    assert np.abs(light.colour_temperature(grey, light.DAYLIGHT).astype(int) - grey).max() == 0


def test_white_balance_spreads_the_channels_by_the_stops() -> None:
    made = light.white_balance(level_plane(90, 2), 0.5, np.random.default_rng(3))
    gains = np.log2(srgb_to_linear(made[0, 0] / 255) / srgb_to_linear(90 / 255))
    assert np.ptp(gains) == pytest.approx(0.5, abs=0.03)
    assert gains.sum() == pytest.approx(0, abs=0.04)


def test_vignette_takes_the_share_from_the_corners_and_nothing_from_the_middle() -> None:
    made = light.vignette(level_plane(200, 101), 0.5)
    corner, middle = (srgb_to_linear(made[i, i] / 255) / srgb_to_linear(200 / 255) for i in (0, 50))
    assert corner == pytest.approx(0.5, abs=0.01)
    assert middle == pytest.approx(1, abs=0.001)


def test_dark_corner_leaves_the_share_of_its_circle() -> None:
    made = light.dark_corner(level_plane(200, 201), 0.8, np.random.default_rng(0))
    assert (made[..., 0] > 100).mean() == pytest.approx(math.pi * 0.8**2 / 4, abs=0.02)


def test_defocus_spreads_a_point_over_its_circle() -> None:
    point = np.zeros((224, 224, 3), np.uint8)
    point[112, 112] = 255
    made = blur.defocus(point, 3.0)[..., 0] > 4
    assert made.sum() == pytest.approx(math.pi * 9, rel=0.15)
    small = np.zeros((112, 112, 3), np.uint8)
    small[56, 56] = 255
    assert (blur.defocus(small, 3.0)[..., 0] > 10).sum() == pytest.approx(math.pi * 1.5**2, rel=0.35)


def test_rotation_and_zoom_move_what_they_say() -> None:
    photo = np.zeros((101, 101, 3), np.uint8)
    photo[50, 80] = 255
    rng = generator(0, "x", "rotation")
    turned = CORRUPTIONS["rotation"].apply_at(photo, 30, rng)
    y, x = np.unravel_index(turned[..., 0].argmax(), (101, 101))
    assert abs(math.degrees(math.atan2(y - 50, x - 50))) == pytest.approx(30, abs=2)
    nearer = CORRUPTIONS["zoom"].apply_at(photo, 1.5, rng)
    assert np.unravel_index(nearer[..., 0].argmax(), (101, 101)) == (50, 95)


def test_sharpening_leaves_flat_skin_and_steepens_an_edge() -> None:
    edge = level_plane(100, 60)
    edge[:, 30:] = 150
    made = digital.sharpen(edge, 1.0)
    assert made[:, 30:].max() > 150
    assert made[:, :30].min() < 100
    assert (made[:, :15] == 100).all()


def test_unpolarised_desaturates_and_lifts_the_dark(photo: np.ndarray) -> None:
    dark = np.full((96, 96, 3), (90, 40, 30), np.uint8)
    made = light.unpolarised(dark, 0.1, np.random.default_rng(0))
    before, after = lab(dark).mean((0, 1)), lab(made).mean((0, 1))
    assert after[0] > before[0] + 3
    assert np.hypot(*after[1:]) < np.hypot(*before[1:])


@pytest.mark.parametrize("name", list(CORRUPTIONS))
def test_same_seed_same_bytes_and_the_image_is_left_alone(photo: np.ndarray, name: str) -> None:
    before = photo.copy()
    one, two = (applied(name, photo, 3, seed=4) for _ in range(2))
    assert one.dtype == np.uint8
    assert one.shape == photo.shape
    assert np.array_equal(one, two)
    assert np.array_equal(photo, before)
    one[:] = 0  # the result is the caller's
    assert np.array_equal(photo, before)


@settings(max_examples=5, deadline=None)
@given(height=st.integers(1, 20), width=st.integers(1, 20), severity=st.integers(1, 5), seed=st.integers(0, 9))
def test_images_of_any_size(height: int, width: int, severity: int, seed: int) -> None:
    image = np.random.default_rng(seed).integers(0, 256, (height, width, 3), np.uint8)
    for name in CORRUPTIONS:
        assert applied(name, image, severity, seed).shape == image.shape, name


def test_what_is_no_image_or_no_severity_is_refused(photo: np.ndarray) -> None:
    vignette, rng = CORRUPTIONS["vignette"], np.random.default_rng(0)
    with pytest.raises(CutisError, match="severity 6 is not one of"):
        vignette.apply(photo, 6, rng)
    with pytest.raises(CutisError, match=r"1\.5 is not in 0\.\.1 of the light lost"):
        vignette.apply_at(photo, 1.5, rng)
    with pytest.raises(CutisError, match="1 numbers given; expected 2"):
        CORRUPTIONS["messaging"].apply_at(photo, 40, rng)
    with pytest.raises(CutisError, match="expected uint8"):
        vignette.apply(photo / 255, 1, rng)
    with pytest.raises(CutisError, match="no pixels"):
        vignette.apply(photo[:0], 1, rng)
    with pytest.raises(CutisError, match="different shapes"):
        distance(photo, photo[:10])


def test_apply_at_a_severitys_value_is_that_severity(photo: np.ndarray) -> None:
    for name in ("defocus", "messaging", "gaussian_noise"):
        one = CORRUPTIONS[name]
        at = one.apply_at(photo, one.values[2], generator(1, "x", name))
        assert np.array_equal(at, applied(name, photo, 3, seed=1))
    assert CORRUPTIONS["messaging"].value(1) == 75


def test_changed_share_counts_what_is_seen() -> None:
    before = level_plane(100, 10)
    after = before.copy()
    after[:3] = 101  # not seen
    after[3:5] = 140
    assert changed_share(before, after) == pytest.approx(0.2)
    assert distance(before, before) == 0


def test_against_the_package_itself(photo: np.ndarray) -> None:
    """Where medmnistc is installed: to the bit. benchmarks/corrupt.py does it on 500 photographs."""
    registry = pytest.importorskip("medmnistc.corruptions.registry")
    for name in ("pixelate", "jpeg_compression", "defocus_blur", "zoom_blur", "brightness_up", "contrast_down"):
        for severity in SEVERITIES:
            theirs = registry.CORRUPTIONS_DS["dermamnist"][name].apply(Image.fromarray(photo), severity - 1)
            assert np.array_equal(applied(name, photo, severity), theirs), name
