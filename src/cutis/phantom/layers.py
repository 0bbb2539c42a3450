"""What light meets, plane by plane: skin and lesions write into it, the optics turn it into colour."""

from __future__ import annotations

from dataclasses import dataclass, field

import cv2
import numpy as np
from numpy.typing import NDArray

from cutis.phantom.view import Field


@dataclass(slots=True)
class Layers:
    """All planes (H, W) float32, of the whole picture; parts are changed in place, through `View.part`.

    melanin: volume fraction in the epidermis. blood: in the dermis. deep: dermal melanin, 0..1. relief: height, mm.
    covers: what lies on top and scatters by itself (keratin, cysts, scar, scale, crust), painted in order: (part,
    opacity 0..1, linear RGB reflectance). masks: truth, kind -> (H, W) bool.
    """

    melanin: Field
    blood: Field
    deep: Field
    relief: Field
    covers: list[tuple[tuple[slice, slice], Field, tuple[float, float, float]]] = field(default_factory=list)
    masks: dict[str, NDArray[np.bool_]] = field(default_factory=dict)

    @classmethod
    def plain(cls, size: int, melanin: float, blood: float) -> Layers:
        shape = (size, size)
        zero = np.zeros(shape, np.float32)
        return cls(np.full(shape, melanin, np.float32), np.full(shape, blood, np.float32), zero, zero.copy())

    def cover(self, part: tuple[slice, slice], opacity: Field, rgb: tuple[float, float, float]) -> None:
        """Lay a material of linear reflectance `rgb` over `part`, as opaque as `opacity`, (h, w) 0..1."""
        self.covers.append((part, opacity.clip(0, 1), rgb))

    def mark(self, kind: str, part: tuple[slice, slice], mask: NDArray[np.bool_]) -> None:
        """Add to the truth: `kind` is where `mask`, (h, w) bool, is set in `part`."""
        if kind not in self.masks:
            self.masks[kind] = np.zeros(self.melanin.shape, bool)
        self.masks[kind][part] |= mask

    def paint(self, light: Field) -> Field:
        """Skin's (H, W, 3) light with all covers laid on it, in place."""
        for part, opacity, rgb in self.covers:
            lay(light[part], opacity, rgb)
        return light


def lay(light: Field, opacity: Field, rgb: tuple[float, float, float]) -> None:
    """Mix (h, w, 3) light, in place, with an even colour `rgb`, as far as `opacity`, (h, w) 0..1, says."""
    left, top, width, height = cv2.boundingRect((opacity > 0).view(np.uint8))
    if not width:
        return
    where = slice(top, top + height), slice(left, left + width)
    under, much = light[where], opacity[where]
    # NumPy is slow over a last axis of three
    change = cv2.subtract(even(rgb, height, width), under)
    under += cv2.multiply(change, cv2.merge([much, much, much]))


def even(rgb: tuple[float, float, float], height: int, width: int) -> Field:
    """(height, width, 3) float32 of one colour."""
    point = np.array([[rgb]], np.float32)
    return cv2.copyMakeBorder(point, 0, height - 1, 0, width - 1, cv2.BORDER_CONSTANT, value=rgb)
