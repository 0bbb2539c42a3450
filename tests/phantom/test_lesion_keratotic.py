"""Keratotic structures: their colours on fair and dark skin, number and size of elements, shape."""

from __future__ import annotations

from dataclasses import replace

import cv2
import numpy as np
import pytest
from lit import CAMERA, LESION, light, luminance, planes, structure

FAIR, DARK = 0.02, 0.3


def both(kind: str, melanin: float, **changes) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """(with, without, mask): linear light (H, W, 3) with and without the structure."""
    made = planes(structure(kind, strength=1.0, **changes), melanin=melanin, size=224)
    return light(made), light(planes(melanin=melanin, size=224)), made.masks[kind]


def parts(mask: np.ndarray) -> np.ndarray:
    """Areas in pixels of a mask's connected parts."""
    return cv2.connectedComponentsWithStats(mask.astype(np.uint8))[2][1:, cv2.CC_STAT_AREA]


@pytest.mark.parametrize("melanin", [FAIR, DARK])
@pytest.mark.parametrize("kind", ["milia_like_cysts", "central_white_patch", "scale"])
def test_keratin_and_scar_are_brighter_than_the_lesion_on_any_skin(kind: str, melanin: float) -> None:
    made, bare, mask = both(kind, melanin)
    gain = (luminance(made) / luminance(bare))[mask]
    assert np.median(gain) > 1.15
    assert gain.min() > 0.95


def test_keratin_is_as_bright_on_dark_skin() -> None:
    """It scatters by itself, so that contrast grows with the skin's melanin."""
    fair, dark = (both("milia_like_cysts", m) for m in (FAIR, DARK))
    shine = [np.percentile(luminance(made)[mask], 95) for made, _, mask in (fair, dark)]
    assert shine[1] > 0.7 * shine[0]


@pytest.mark.parametrize("melanin", [FAIR, DARK])
def test_plugs_of_openings_are_darker_and_brown(melanin: float) -> None:
    made, bare, mask = both("comedo_like_openings", melanin)
    assert np.median((luminance(made) / luminance(bare))[mask]) < 0.85
    assert (made[mask][:, 0] > made[mask][:, 2]).all()


def test_nests_turn_blue_and_leaves_stay_browner() -> None:
    """Deep pigment reflects relatively more blue (Tyndall); epidermal pigment less."""

    def blueness(kind: str) -> float:
        made, bare, mask = both(kind, FAIR)
        return float(np.median((made[mask][:, 2] / made[mask][:, 0]) / (bare[mask][:, 2] / bare[mask][:, 0])))

    assert blueness("ovoid_nests") > 1.25
    assert blueness("ovoid_nests") > 1.3 * blueness("leaf_like_areas")


def test_an_ulcer_is_raw_with_darker_clots_and_orange_serum() -> None:
    made, bare, mask = both("ulceration", FAIR, extent=0.6)
    redness = made[mask][:, 0] / made[mask][:, 1]
    assert np.median(redness) > 1.4 * np.median(bare[mask][:, 0] / bare[mask][:, 1])
    assert (luminance(made)[mask] < 0.25 * np.median(luminance(bare)[mask])).mean() > 0.02  # clots
    stripped = planes(structure("ulceration", strength=1.0, extent=0.6), size=224)
    assert stripped.melanin[mask].mean() < 0.75 * planes(size=224).melanin[mask].mean()


@pytest.mark.parametrize(("kind", "size"), [("milia_like_cysts", 0.35), ("comedo_like_openings", 0.45)])
def test_elements_are_as_many_and_as_large_as_stated(kind: str, size: float) -> None:
    made = planes(structure(kind, strength=1.0, count=12, size=size, extent=0.7), size=480)
    areas = parts(made.masks[kind])
    assert 10 <= len(areas) <= 12  # some may touch
    across = 2 * np.sqrt(np.median(areas) / np.pi) * CAMERA.field / 480
    assert across == pytest.approx(size, rel=0.25)


def test_irregular_openings_are_more_unequal() -> None:
    def unevenness(irregularity: float) -> float:
        spreads = []
        for seed in range(4):
            one = structure("comedo_like_openings", count=14, irregularity=irregularity, extent=0.85, seed=seed)
            areas = parts(planes(one, size=320).masks["comedo_like_openings"])
            spreads.append(areas.std() / areas.mean())
        return float(np.mean(spreads))

    assert unevenness(1.0) > 1.3 * unevenness(0.0)


def test_clefts_are_as_far_apart_as_stated() -> None:
    """Finer folds have more of them: dark clefts crossed on the way over the lesion."""

    def crossings(size: float) -> int:
        layers = planes(structure("ridges", strength=1.0, size=size), size=320)
        dark = layers.melanin - planes(size=320).melanin > 0.08
        rows = dark[100:220:8, 80:240]
        return int((np.diff(rows.astype(np.int8), axis=1) == 1).sum())

    assert crossings(0.5) > 1.4 * crossings(1.2)


def test_a_patch_is_in_the_middle_and_as_wide_as_its_extent() -> None:
    mask = planes(structure("central_white_patch", extent=0.4)).masks["central_white_patch"]
    rows, columns = np.nonzero(mask)
    assert np.hypot(rows.mean() - 80, columns.mean() - 80) < 10
    equal = np.sqrt(mask.sum() / np.pi) * CAMERA.field / 160 / LESION.radius
    assert 0.25 < equal < 0.55


def test_leaves_lie_at_the_border_with_lobes() -> None:
    wide = replace(LESION, radius=4.2)
    one = structure("leaf_like_areas", count=3, size=1.3, extent=0.95)
    mask = planes(one, size=400, lesion=wide).masks["leaf_like_areas"]
    y, x = np.nonzero(mask)
    far = np.hypot(x - 199.5, y - 199.5) * CAMERA.field / 400 / wide.radius
    assert np.median(far) > 0.45
    contours, _ = cv2.findContours(mask.astype(np.uint8), cv2.RETR_EXTERNAL, cv2.CHAIN_APPROX_NONE)
    largest = max(contours, key=cv2.contourArea)
    assert cv2.contourArea(largest) / cv2.contourArea(cv2.convexHull(largest)) < 0.9  # bulges between clefts
