"""A ruler: a few plain ticks in a row, or many faint ones along a side of the picture."""

from __future__ import annotations

from functools import lru_cache

import cv2
import numpy as np

from cutis.image.artefacts.artefact import Artefact
from cutis.image.ticks import ENOUGH
from cutis.image.working import Working

THRESHOLD = 1.0
_NEAR = 0.25  # of the strips, from either side: where a scale may lie
_BAND = 8  # pixels across the strips in which a fine scale is sought
_PERIODS = (3.0, 12.0)  # pixels from tick to tick of a fine scale
_LOUD = 0.2  # power, in grey levels squared, below which a strip is taken for flat: JPEG's blocks are regular too
PEAK = 0.6  # share of a strip's power in one frequency that makes it a scale


def ruler(image: np.ndarray | Working, threshold: float = THRESHOLD) -> Artefact:
    """The larger of: ticks in one even row / 3; the power share of one frequency along a strip at a side / PEAK.

    Threshold: 1 by definition. PEAK: the largest share in 60 HAM10000 images without a scale was 0.55; scales drawn on
    them, of 3.5 to 9 pixels a tick and down to 15 grey levels, had more than 0.6 in all but two of 55.
    """
    view = Working.of(image)
    row, mask = view.ticks
    share, strip = _fine_scale(view)
    if share >= PEAK:
        mask = cv2.bitwise_or(mask, strip)
    return Artefact(max(row / ENOUGH, share / PEAK), threshold, mask)


def _fine_scale(view: Working) -> tuple[float, np.ndarray]:
    """The greatest share of power that one frequency has along any strip near a side, and a mask of that strip."""
    best, place = 0.0, (0, 0)
    for axis in (0, 1):
        length, across = view.shape if axis == 0 else view.shape[::-1]
        strips = across // _BAND
        if length < 6 * _PERIODS[1] or strips < 2:
            continue
        chosen = _strips_near_sides(strips)
        middles = chosen * _BAND + _BAND // 2
        if axis == 0:
            wave = cv2.blur(view.grey, (_BAND, 1))[:, middles].astype(np.float32)
        else:
            wave = np.ascontiguousarray(cv2.blur(view.grey, (1, _BAND))[middles].T, np.float32)
        wave -= cv2.blur(wave, (1, 2 * int(_PERIODS[1]) + 1))
        window, weight, low, high = _spectrum(length)
        power = np.abs(np.fft.rfft(wave * window, axis=0)[low:high]) ** 2 * weight
        peak = power[:-2] + power[1:-1] + power[2:]
        share = peak.max(0) / np.maximum(power.sum(0), _LOUD * length**2)
        k = int(np.argmax(share))
        if share[k] > best:
            best, place = float(share[k]), (axis, int(chosen[k]) * _BAND)
    mask = np.zeros(view.shape, np.uint8)
    (mask if place[0] == 0 else mask.T)[:, place[1] : place[1] + _BAND] = 255
    return best, mask


@lru_cache(maxsize=8)
def _strips_near_sides(strips: int) -> np.ndarray:
    near = max(1, int(_NEAR * strips))
    return np.concatenate([np.arange(min(near, strips - near)), np.arange(strips - near, strips)])


@lru_cache(maxsize=8)
def _spectrum(length: int) -> tuple[np.ndarray, np.ndarray, int, int]:
    """Window, weight of each frequency's power, and the first and last frequency, for strips of `length` pixels.

    The weight is the frequency's fourth power: a picture's own power falls with it, and would peak at the low end.
    """
    low, high = int(length / _PERIODS[1]), int(length / _PERIODS[0]) + 1
    frequency = np.arange(low, high, dtype=np.float32)[:, None] / length * _PERIODS[1]
    return np.hanning(length)[:, None].astype(np.float32), frequency**4, low, high
