"""Colour constancy: divide out the colour of the light, estimated from the picture or read off a grey card.

All work in linear light and scale each channel (von Kries in sRGB's primaries), so that what the estimate is of becomes
neutral; the three gains are scaled together so that the mean of the channels' estimates, the brightness, stays. They
assume that a scene is grey on average or at its lightest. Skin isn't: a close-up corrected so loses some of its own
colour, and skin tones come nearer to each other. Only a card in the picture tells light from skin.
"""

from __future__ import annotations

from collections.abc import Callable

import cv2
import numpy as np

from cutis.errors import CutisError
from cutis.image.colour import linear_to_srgb, srgb_to_linear

POWER = 6  # Finlayson & Trezzi, Color Imaging Conference 2004: the best Minkowski norm on their images
_MOST = 8.0  # largest gain of one channel against another: beyond it the light had none of that colour to bring back
_TO_LIGHT = srgb_to_linear(np.arange(256) / 255)


def grey_world(image: np.ndarray) -> np.ndarray:
    """The mean is grey: Buchsbaum, J. Franklin Inst. 310, 1980. uint8 (height, width, 3) sRGB in and out."""
    return _corrected(image, _norm(image, 1))


def shades_of_grey(image: np.ndarray, power: float = POWER) -> np.ndarray:
    """The Minkowski mean (mean of light ** power) ** (1 / power) is grey: Finlayson & Trezzi 2004.

    power 1 is grey-world, infinite is max-RGB. uint8 (height, width, 3) sRGB in and out. Raises CutisError for a power
    below 1.
    """
    if not power >= 1:
        raise CutisError(f"shades of grey: power {power} is not 1 or more (6 is usual).")
    return _corrected(image, _norm(image, power))


def max_rgb(image: np.ndarray) -> np.ndarray:
    """The brightest of each channel are of one white patch: Land & McCann, J. Opt. Soc. Am. 61, 1971.

    uint8 (height, width, 3) sRGB in and out. A single burnt-out pixel leaves the image as it is.
    """
    return _corrected(image, _norm(image, np.inf))


def grey_card(image: np.ndarray, card: np.ndarray) -> np.ndarray:
    """The card's pixels are grey: uint8 (height, width, 3) sRGB in and out; card: bool (height, width), where it lies.

    The card's brightness stays. Raises CutisError if the mask doesn't fit, marks nothing, or marks mostly pixels that
    are burnt out or black, whose colour says nothing.
    """
    _check(image)
    if card.shape != image.shape[:2] or not np.any(card):
        raise CutisError(f"grey card: expected a mask of {image.shape[:2]} with the card marked, got {card.shape}.")
    pixels = image[np.asarray(card, bool)]
    telling = pixels[(pixels.max(1) < 250) & (pixels.min(1) > 5)]
    if len(telling) < 0.5 * len(pixels):
        raise CutisError("grey card: most of it is burnt out or black; mark an evenly lit part of the card.")
    return _corrected(image, _TO_LIGHT[telling].mean(0))


# Those that need nothing but the image, by the name that a preprocessing setting uses.
CONSTANCY: dict[str, Callable[[np.ndarray], np.ndarray]] = {
    "grey-world": grey_world,
    "shades-of-grey": shades_of_grey,
    "max-rgb": max_rgb,
}


def _check(image: np.ndarray) -> None:
    if image.dtype != np.uint8 or image.ndim != 3 or image.shape[2] != 3 or 0 in image.shape:
        raise CutisError(f"colour constancy: expected uint8 (height, width, 3) RGB, got {image.dtype} {image.shape}.")


def _norm(image: np.ndarray, power: float) -> np.ndarray:
    """(3,): the Minkowski mean of each channel's light."""
    _check(image)
    found = np.zeros(3)
    for c in range(3):
        counts = cv2.calcHist([image], [c], None, [256], [0, 256]).ravel()
        if np.isinf(power):
            found[c] = _TO_LIGHT[counts > 0].max()
        else:
            found[c] = ((counts * _TO_LIGHT**power).sum() / counts.sum()) ** (1 / power)
    return found


def _corrected(image: np.ndarray, light: np.ndarray) -> np.ndarray:
    """`image` with each channel's light divided by `light` and multiplied by its mean; black stays black."""
    if not light.max() > 0:
        return image.copy()
    gains = light.mean() / np.maximum(light, light.max() / _MOST)
    table = np.clip(linear_to_srgb(np.clip(_TO_LIGHT[:, None] * gains, 0, 1)) * 255, 0, 255)
    return np.asarray(cv2.LUT(image, np.rint(table).astype(np.uint8)[None]), np.uint8)
