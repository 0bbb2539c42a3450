"""The 29 named features: what each says of pictures whose answer is known."""

from __future__ import annotations

import cv2
import numpy as np
import pytest

from cutis.errors import CutisError
from cutis.image.appearance import NAMES, appearance

SIDE = 96


def disc(axes: tuple[int, int] = (24, 24), lesion: float = 90, skin: float = 200) -> tuple[np.ndarray, np.ndarray]:
    mask = np.zeros((SIDE, SIDE), np.uint8)
    cv2.ellipse(mask, (SIDE // 2, SIDE // 2), axes, 0, 0, 360, 1, -1)
    grey = np.where(mask > 0, lesion, skin)
    return np.repeat(grey[..., None], 3, 2).astype(np.uint8), mask > 0


def named(image: np.ndarray, mask: np.ndarray) -> dict[str, float]:
    found = appearance(image, mask)
    assert found is not None
    return dict(zip(NAMES, found.tolist(), strict=True))


def test_a_grey_disc_by_hand():
    found = named(*disc())
    assert len(NAMES) == len(set(NAMES)) == 29
    assert found["deviation L of lesion"] == pytest.approx(0, abs=1e-3)
    assert found["mean a of skin"] == pytest.approx(0, abs=0.01)
    assert found["colour difference of lesion and skin"] == pytest.approx(
        found["mean L of skin"] - found["mean L of lesion"], abs=0.01
    )
    assert found["size"] ** 2 == pytest.approx(np.pi * 24**2 / SIDE**2, rel=0.06)
    assert found["elongation"] == pytest.approx(1, abs=0.03)
    assert found["roundness"] == pytest.approx(1, abs=0.15)  # pixels' corners lengthen the outline
    assert found["solidity"] > 0.97


def test_shape_follows_the_mask_and_texture_the_picture():
    long = named(*disc((36, 12)))
    assert long["elongation"] == pytest.approx(1 / 3, abs=0.05)
    assert long["roundness"] < named(*disc())["roundness"]
    image, mask = disc()
    noise = np.random.default_rng(0).normal(0, 12, image.shape[:2])[..., None] * mask[..., None]
    rough = named((image + noise).clip(0, 255).astype(np.uint8), mask)
    for scale in ("0.8", "1.6", "3.2"):
        assert rough[f"gradient at {scale} px of lesion"] > named(image, mask)[f"gradient at {scale} px of lesion"]


def test_too_little_lesion_or_skin_has_no_features():
    image, mask = disc()
    assert appearance(image, np.zeros_like(mask)) is None
    assert appearance(image, np.ones_like(mask)) is None
    speckle = np.zeros_like(mask)
    speckle[::6, ::6] = True  # 3 % of the picture, but no piece of it has an area
    assert appearance(image, speckle) is None
    with pytest.raises(CutisError, match=r"mask is \(95, 96\)"):
        appearance(image, mask[1:])
