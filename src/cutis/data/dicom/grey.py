"""Grey values of any depth -> 8 bits, as a display would show them.

The order is PS3.3's: modality (C.11.1), then VOI (C.11.2), then MONOCHROME1 (C.7.6.3.1.2). Where the file says nothing
of how to show it, 8 bits stay as they are and anything else is stretched from its lowest to its highest value.
"""

from __future__ import annotations

from typing import Any

import numpy as np


def grey_to_rgb(frame: np.ndarray, tags: Any) -> np.ndarray:
    """uint8 (height, width, 3) of stored grey values (height, width)."""
    from pydicom.pixels.processing import apply_modality_lut, apply_voi

    values = apply_modality_lut(frame, tags)
    window = _window(tags)
    if tags.get("VOILUTSequence"):
        bits = int(tags.VOILUTSequence[0].LUTDescriptor[2])
        grey = apply_voi(values, tags).astype(np.float64) * (255 / (2**bits - 1))
    elif window is not None:
        grey = 255 * windowed(values, *window)
    elif frame.dtype == np.uint8 and values is frame and int(tags.BitsStored) == 8:
        grey = values
    else:
        low, high = float(values.min()), float(values.max())
        grey = (values.astype(np.float64) - low) * (255 / (high - low) if high > low else 0)
    shown = np.rint(np.clip(grey, 0, 255)).astype(np.uint8)
    return np.repeat((255 - shown if tags.PhotometricInterpretation == "MONOCHROME1" else shown)[..., None], 3, axis=2)


def is_plain(tags: Any) -> bool:
    """Whether 8-bit values of this image are shown as they are stored."""
    shown_otherwise = ("ModalityLUTSequence", "VOILUTSequence", "WindowCenter", "RescaleSlope", "RescaleIntercept")
    return (
        tags.get("PhotometricInterpretation") == "MONOCHROME2"
        and int(tags.get("BitsStored") or 0) == 8
        and not any(tags.get(tag) not in (None, "") for tag in shown_otherwise)
    )


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
