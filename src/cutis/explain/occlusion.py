"""Occlusion sensitivity: what an answer rests on, asked of the model from outside.

The picture is asked about again and again, each time with another place covered by the colour of the skin around the
lesion; where covering lowers the log-odds of a class, the model used that place for it. It shows what the model used,
not what is ill, and it doesn't see what two places say only together.
Source: Zeiler & Fergus, "Visualizing and Understanding Convolutional Networks", ECCV 2014, section 4.2; here with
patches whose edges are soft, as a hard edge is a sign of its own.
"""

from __future__ import annotations

from functools import cache

import numpy as np

STEPS = 12  # patches a side; each is four steps wide, two at half its depth
_LEAST = 1e-9  # probability, below which log-odds are not told apart


def covered(square: np.ndarray) -> np.ndarray:
    """uint8 (STEPS^2, size, size, 3): `square`, uint8 (size, size, 3) RGB, with one place after the other covered."""
    masks = _patches(len(square))[..., None]
    found: np.ndarray = np.rint(square * (1 - masks) + skin_colour(square) * masks).astype(np.uint8)
    return found


def sensitivity(whole: float, parts: np.ndarray, size: int) -> np.ndarray:
    """float32 (size, size): by how much the log-odds of a class fall where the picture is covered; negative: they rise.

    whole: the class's probability for the picture itself. parts: (STEPS^2,), for each of `covered`. A pixel has the
    mean over the patches that cover it, weighted by how much they do.
    """
    masks = _patches(size)
    fall = (_log_odds(np.array(whole)) - _log_odds(np.asarray(parts, np.float64))).astype(np.float32)
    found: np.ndarray = np.tensordot(fall, masks, 1) / masks.sum(0)
    return found


def skin_colour(square: np.ndarray) -> np.ndarray:
    """float32 (3,): the median colour of the lighter half of the picture's rim, which a lesion seldom is."""
    edge = max(1, len(square) // 8)
    inner = np.zeros(square.shape[:2], bool)
    inner[edge:-edge, edge:-edge] = True
    rim = square[~inner].astype(np.float32)
    light = rim.sum(1)
    found: np.ndarray = np.median(rim[light >= np.median(light)], axis=0)
    return found


@cache
def _patches(size: int) -> np.ndarray:
    """float32 (STEPS^2, size, size) in 0..1: raised cosines, side by side in rows."""
    step = size / STEPS
    centres = (np.arange(STEPS) + 0.5) * step
    away = np.abs(np.arange(size) + 0.5 - centres[:, None]) / (2 * step)
    profile = np.where(away < 1, np.cos(np.pi / 2 * np.minimum(away, 1)) ** 2, 0).astype(np.float32)
    masks: np.ndarray = (profile[:, None, :, None] * profile[None, :, None, :]).reshape(STEPS**2, size, size)
    masks.setflags(write=False)
    return masks


def _log_odds(p: np.ndarray) -> np.ndarray:
    p = np.clip(p, _LEAST, 1 - _LEAST)
    found: np.ndarray = np.log(p) - np.log1p(-p)
    return found
