"""Vascular structures: red under fair skin, fading under dark skin, of the shapes that name them."""

from __future__ import annotations

import cv2
import numpy as np
import pytest
from lit import CAMERA, light, luminance, planes, structure

VESSELS = ["arborising_vessels", "irregular_vessels", "glomerular_vessels", "dotted_vessels"]


def redder(kind: str, melanin: float, **changes) -> float:
    """How much the ratio of red to green grows where the structure is."""
    made = planes(structure(kind, strength=1.0, **changes), melanin=melanin, size=224)
    mask = made.masks[kind]
    here, bare = light(made)[mask], light(planes(melanin=melanin, size=224))[mask]
    return float(np.median((here[:, 0] / here[:, 1]) / (bare[:, 0] / bare[:, 1])))


def parts(mask: np.ndarray) -> np.ndarray:
    """(n, 5): left, top, width, height, area of connected parts."""
    return cv2.connectedComponentsWithStats(mask.astype(np.uint8))[2][1:]


@pytest.mark.parametrize("kind", [*VESSELS, "lacunae", "strawberry_pattern"])
def test_blood_is_red(kind: str) -> None:
    assert redder(kind, 0.02) > 1.1


@pytest.mark.parametrize("kind", VESSELS)
def test_vessels_fade_under_dark_skin(kind: str) -> None:
    """Their difference in luminance to what is around shrinks."""

    def contrast(melanin: float) -> float:
        made = planes(structure(kind, strength=1.0), melanin=melanin, size=224)
        mask = made.masks[kind]
        bare = luminance(light(planes(melanin=melanin, size=224)))[mask]
        return float(np.median(bare - luminance(light(made))[mask]))

    fair, brown, dark = (contrast(m) for m in (0.02, 0.12, 0.35))
    assert fair > brown > dark
    assert dark < 0.35 * fair


def test_lakes_are_as_large_as_stated_and_well_outlined() -> None:
    made = planes(structure("lacunae", strength=1.0, count=5, size=0.9, extent=0.75), size=400)
    areas = parts(made.masks["lacunae"])[:, cv2.CC_STAT_AREA]
    assert 3 <= len(areas) <= 5
    assert 2 * np.sqrt(np.median(areas) / np.pi) * CAMERA.field / 400 == pytest.approx(0.9, rel=0.3)


def test_irregular_lakes_are_purple_to_black() -> None:
    even, uneven = (
        light(planes(structure("lacunae", strength=1.0, irregularity=i, count=40), size=224)) for i in (0.0, 1.0)
    )
    masks = [planes(structure("lacunae", irregularity=i, count=40), size=224).masks["lacunae"] for i in (0.0, 1.0)]
    assert luminance(uneven)[masks[1]].mean() < 0.8 * luminance(even)[masks[0]].mean()
    assert np.percentile(luminance(uneven)[masks[1]], 2) < 0.6 * np.percentile(luminance(even)[masks[0]], 2)


def test_follicles_are_pale_and_as_far_apart_as_stated() -> None:
    """In a triangular lattice of follicles L apart there is one in each L^2 sqrt(3) / 2."""
    made = planes(structure("strawberry_pattern", strength=1.0, size=0.8, extent=1.3), size=400)
    blood = made.blood - planes(size=400).blood
    inner = blood[130:270, 130:270]
    holes = cv2.connectedComponents((cv2.GaussianBlur(inner, (0, 0), 2) < 0.3 * inner.max()).astype(np.uint8))[0] - 1
    expected = (140 * CAMERA.field / 400) ** 2 / (0.8**2 * 3**0.5 / 2)
    assert 0.5 * expected < holes < 1.6 * expected
    lit = luminance(light(made))[130:270, 130:270]
    assert lit[inner < 0.2 * inner.max()].mean() > 1.1 * lit[inner > 0.7 * inner.max()].mean()


def test_trees_branch_and_get_finer() -> None:
    made = planes(structure("arborising_vessels", strength=1.0, count=2, size=0.14), size=480)
    mask = made.masks["arborising_vessels"].astype(np.uint8)
    thick = 2 * cv2.distanceTransform(mask, cv2.DIST_L2, 5) * CAMERA.field / 480
    assert 0.08 < thick.max() < 0.3
    areas = parts(mask)[:, cv2.CC_STAT_AREA]
    assert areas.max() > 0.3 * areas.sum()  # a tree hangs together
    wide = cv2.morphologyEx(mask, cv2.MORPH_OPEN, np.ones((5, 5), np.uint8))
    assert 0.05 < wide.sum() / mask.sum() < 0.9  # stems and twigs


@pytest.mark.parametrize(("kind", "size", "count"), [("dotted_vessels", 0.12, 20), ("glomerular_vessels", 0.4, 9)])
def test_points_and_coils_are_as_many_as_stated(kind: str, size: float, count: int) -> None:
    made = planes(structure(kind, strength=1.0, size=size, count=count), size=480)
    grown = cv2.morphologyEx(made.masks[kind].astype(np.uint8), cv2.MORPH_CLOSE, np.ones((7, 7), np.uint8))
    assert 0.6 * count <= len(parts(grown)) <= count + 1


def test_regular_points_are_spread_evenly_and_irregular_ones_gather() -> None:
    def crowding(irregularity: float) -> float:
        """Share of a grid's cells without a vessel."""
        empty = []
        for seed in range(5):
            one = structure("dotted_vessels", count=60, irregularity=irregularity, seed=seed, extent=0.8)
            mask = planes(one, size=240).masks["dotted_vessels"][70:170, 70:170]
            empty.append((mask.reshape(5, 20, 5, 20).sum(axis=(1, 3)) == 0).mean())
        return float(np.mean(empty))

    assert crowding(1.0) > crowding(0.0) + 0.08


def test_irregular_vessels_are_long_and_thin() -> None:
    made = planes(structure("irregular_vessels", strength=1.0, count=8, size=0.07, irregularity=0.3), size=480)
    mask = made.masks["irregular_vessels"].astype(np.uint8)
    thick = 2 * cv2.distanceTransform(mask, cv2.DIST_L2, 5).max() * CAMERA.field / 480
    longest = parts(mask)[:, [cv2.CC_STAT_WIDTH, cv2.CC_STAT_HEIGHT]].max() * CAMERA.field / 480
    assert thick < 0.2
    assert longest > 4 * thick
