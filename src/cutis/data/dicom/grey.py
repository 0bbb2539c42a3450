"""Grey values of any depth -> 8 bits, as a display would show them.

The order is PS3.3's: modality (C.11.1), then VOI (C.11.2), then MONOCHROME1 (C.7.6.3.1.2). Where the file says nothing
of how to show it, 8 bits or fewer fill the range that they have, and anything else is stretched from its lowest to its
highest value.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

_BLOCK = 2**22  # pixels that are converted at once


def grey_to_rgb(frame: np.ndarray, tags: Any, bits: int) -> np.ndarray:
    """uint8 (height, width, 3) of stored grey values (height, width) of so many bits."""
    rows = max(1, _BLOCK // frame.shape[1])
    blocks = [slice(top, top + rows) for top in range(0, len(frame), rows)]
    display = _display(frame, tags, bits, blocks)
    grey = np.empty(frame.shape, np.uint8)
    for block in blocks:
        grey[block] = np.rint(np.clip(display(frame[block]), 0, 255))
    if tags.PhotometricInterpretation == "MONOCHROME1":
        np.subtract(255, grey, out=grey)
    return np.repeat(grey[..., None], 3, axis=2)


def _display(frame: np.ndarray, tags: Any, bits: int, blocks: list[slice]) -> Callable[[np.ndarray], np.ndarray]:
    """Stored values -> 0..255, before MONOCHROME1."""
    from pydicom.pixels.processing import apply_modality_lut, apply_voi

    window = _window(tags)
    if tags.get("VOILUTSequence"):
        depth = int(tags.VOILUTSequence[0].LUTDescriptor[2])
        return lambda part: apply_voi(apply_modality_lut(part, tags), tags).astype(np.float64) * (255 / (2**depth - 1))
    if window is not None:
        return lambda part: 255 * windowed(apply_modality_lut(part, tags), *window)
    if bits <= 8 and frame.dtype.kind == "u" and not _has_modality(tags):
        return lambda part: part * (255 / (2**bits - 1))
    low, high = np.inf, -np.inf
    for block in blocks:
        part = apply_modality_lut(frame[block], tags)
        low, high = min(low, float(part.min())), max(high, float(part.max()))
    scale = 255 / (high - low) if high > low else 0.0
    return lambda part: (apply_modality_lut(part, tags).astype(np.float64) - low) * scale


def is_plain(tags: Any) -> bool:
    """Whether 8-bit values of this image are shown as they are stored."""
    voi = any(tags.get(tag) not in (None, "") for tag in ("VOILUTSequence", "WindowCenter"))
    return tags.get("PhotometricInterpretation") == "MONOCHROME2" and not voi and not _has_modality(tags)


def _has_modality(tags: Any) -> bool:
    """Whether stored values mean others; a rescale by 1 and 0 says that they don't."""
    slope, intercept = tags.get("RescaleSlope"), tags.get("RescaleIntercept")
    same = (slope in (None, "") or float(slope) == 1) and (intercept in (None, "") or float(intercept) == 0)
    return bool(tags.get("ModalityLUTSequence")) or not same


def _window(tags: Any) -> tuple[float, float, str] | None:
    """(centre, width, function) of the first window; None if there is none that can be applied."""
    centre, width = tags.get("WindowCenter"), tags.get("WindowWidth")
    if centre in (None, "") or width in (None, ""):
        return None
    function = str(tags.get("VOILUTFunction") or "LINEAR")
    first = [float(v[0] if isinstance(v, list) or hasattr(v, "append") else v) for v in (centre, width)]
    if first[1] < (1 if function == "LINEAR" else 1e-9) or function not in ("LINEAR", "LINEAR_EXACT", "SIGMOID"):
        return None
    return first[0], first[1], function


def windowed(values: np.ndarray, centre: float, width: float, function: str) -> np.ndarray:
    """0..1 of `values` through a window (PS3.3 C.11.2.1.2.1 linear, C.11.2.1.3.1 sigmoid, .2 exact)."""
    x = np.asarray(values, np.float64)
    if function == "SIGMOID":
        return 1 / (1 + np.exp(-4 * (x - centre) / width))
    if function == "LINEAR_EXACT":
        return np.clip((x - centre) / width + 0.5, 0, 1)
    if width == 1:
        return (x > centre - 0.5).astype(np.float64)
    return np.clip((x - (centre - 0.5)) / (width - 1) + 0.5, 0, 1)
