"""Colour constancy against the definition, on lights that are known; Display P3 photographs become sRGB."""

from __future__ import annotations

import cv2
import numpy as np
import pytest
from PIL import ImageCms

from cutis.errors import CutisError
from cutis.image.colour import linear_to_srgb, srgb_to_linear
from cutis.image.constancy import CONSTANCY, grey_card, grey_world, max_rgb, shades_of_grey
from cutis.image.decode import decode


@pytest.fixture(scope="module")
def scene() -> np.ndarray:
    """Smooth colours, grey on average, with a white patch, far from black and burnt out."""
    rng = np.random.default_rng(0)
    cells = rng.uniform(0.08, 0.35, (6, 8, 3))
    cells += cells.mean() - cells.mean((0, 1))
    light = np.clip(cv2.resize(cells, (80, 60)), 0, 1)
    light[:8, :8] = 0.6
    return np.rint(linear_to_srgb(light) * 255).astype(np.uint8)


def lit(image: np.ndarray, gains: tuple[float, float, float]) -> np.ndarray:
    return np.rint(linear_to_srgb(np.clip(srgb_to_linear(image / 255) * gains, 0, 1)) * 255).astype(np.uint8)


def norm(image: np.ndarray, power: float) -> np.ndarray:
    light = srgb_to_linear(image.reshape(-1, 3) / 255)
    return light.max(0) if np.isinf(power) else (light**power).mean(0) ** (1 / power)


@pytest.mark.parametrize(("function", "power"), [(grey_world, 1), (shades_of_grey, 6), (max_rgb, np.inf)])
def test_the_norm_comes_out_neutral_and_as_bright_as_before(function, power, scene):
    image = lit(scene, (1.0, 0.8, 0.5))
    after = norm(function(image), power)
    assert after == pytest.approx(after.mean(), rel=0.02)
    assert after.mean() == pytest.approx(norm(image, power).mean(), rel=0.02)


@pytest.mark.parametrize("name", list(CONSTANCY))
def test_the_light_is_divided_out(name, scene):
    """Whatever the light, nearly the same picture, up to brightness."""
    first = CONSTANCY[name](scene)
    for gains in ((1.0, 0.8, 0.5), (0.6, 0.8, 1.0)):
        again = CONSTANCY[name](lit(scene, gains))
        a, b = (srgb_to_linear(p / 255) for p in (first, again))
        shares = [p / p.sum(2, keepdims=True) for p in (a, b)]
        assert np.abs(shares[0] - shares[1]).mean() < 0.01


def test_a_neutral_picture_stays():
    grey = np.repeat(np.random.default_rng(0).integers(0, 256, (20, 30, 1), dtype=np.uint8), 3, axis=2)
    for function in CONSTANCY.values():
        assert np.abs(function(grey).astype(int) - grey).max() <= 1


@pytest.mark.parametrize("value", [0, 128, 255])
def test_plain_and_tiny_images(value):
    for shape in ((1, 1, 3), (2, 500, 3)):
        image = np.full(shape, value, np.uint8)
        for function in CONSTANCY.values():
            assert np.abs(function(image).astype(int) - value).max() <= 1
    black_blue = np.zeros((4, 4, 3), np.uint8)
    black_blue[..., 0] = 200
    for function in CONSTANCY.values():
        assert function(black_blue)[..., 2].max() == 0  # no blue came in, none is made up


def test_a_grey_card_becomes_grey_and_the_rest_follows(scene):
    image, card = scene.copy(), np.zeros(scene.shape[:2], bool)
    image[40:50, 60:75] = 117
    card[40:50, 60:75] = True
    seen = lit(image, (1.0, 0.7, 0.45))
    mended = grey_card(seen, card)
    patch = mended[card].astype(int)
    assert np.ptp(patch.mean(0)) <= 2
    ratio = srgb_to_linear(mended / 255).mean((0, 1)) / srgb_to_linear(image / 255).mean((0, 1))
    assert ratio == pytest.approx(ratio.mean(), rel=0.03)


def test_a_useless_card_is_refused(scene):
    with pytest.raises(CutisError, match="grey card: expected a mask"):
        grey_card(scene, np.zeros(scene.shape[:2], bool))
    with pytest.raises(CutisError, match="grey card: expected a mask"):
        grey_card(scene, np.ones((2, 2), bool))
    burnt = scene.copy()
    burnt[:10, :10] = 255
    card = np.zeros(scene.shape[:2], bool)
    card[:10, :10] = True
    with pytest.raises(CutisError, match="burnt out"):
        grey_card(burnt, card)


def test_bad_input_is_refused(scene):
    with pytest.raises(CutisError, match=r"power 0\.5 is not 1 or more"):
        shades_of_grey(scene, 0.5)
    for function in CONSTANCY.values():
        with pytest.raises(CutisError, match="expected uint8"):
            function(scene.astype(np.float32))


def display_p3() -> bytes:
    """An ICC profile of Display P3: sRGB's curve with P3's primaries, adapted to D50 (ICC's own registry values)."""
    profile = bytearray(ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes())
    places = {bytes(profile[132 + 12 * i : 136 + 12 * i]): 132 + 12 * i for i in range(profile[131])}
    columns = {
        b"rXYZ": (0.51512, 0.24120, -0.00105),
        b"gXYZ": (0.29198, 0.69225, 0.04189),
        b"bXYZ": (0.15710, 0.06657, 0.78407),
    }
    for tag, values in columns.items():
        at = int.from_bytes(profile[places[tag] + 4 : places[tag] + 8])
        for i, value in enumerate(values):
            profile[at + 8 + 4 * i : at + 12 + 4 * i] = round(value * 65536).to_bytes(4, signed=True)
    return bytes(profile).replace("sRGB".encode("utf-16-be"), " P3 ".encode("utf-16-be")).replace(b"sRGB", b" P3 ")


@pytest.mark.parametrize("form", ["JPEG", "PNG"])
def test_a_display_p3_photograph_becomes_srgb(form, encoded):
    """Against the matrices of the two standards (SMPTE EG 432-1 primaries, D65), for skin colours in both gamuts."""
    stored = np.array([[233, 190, 170], [205, 150, 120], [140, 90, 70], [70, 45, 38], [128, 128, 128]], np.uint8)
    image = np.repeat(np.repeat(stored[None], 16, axis=0), 16, axis=1)
    to_srgb = np.array([[1.2249, -0.2249, 0.0], [-0.0420, 1.0420, 0.0], [-0.0197, -0.0786, 1.0983]])
    expected = linear_to_srgb(np.clip(srgb_to_linear(stored / 255) @ to_srgb.T, 0, 1)) * 255
    got = decode(
        encoded(image, form, icc_profile=display_p3(), **({"quality": 98, "subsampling": 0} if form == "JPEG" else {})),
        "x",
    )
    middles = got[8, 8::16].astype(float)
    assert np.abs(middles - expected).max() <= (3 if form == "JPEG" else 2)
    assert np.abs(expected[0] - stored[0]).max() > 5  # and it matters
