"""An image at working size, with what several measures of quality and artefacts need: each worked out once.

Everything here is seen at 256 pixels on the longer side, about what a model sees. What only shows at full size (a
slight blur of a 12-megapixel photograph) is not a fault here.
"""

from __future__ import annotations

from functools import cached_property
from typing import Self

import cv2
import numpy as np

from cutis.errors import CutisError
from cutis.image.lines import Lines, dark_lines, line_depth
from cutis.image.planes import at_least, at_most, from_centre, percentile
from cutis.image.ticks import row_of_ticks

SIDE = 256  # pixels, the longer side
LEAST = 16  # pixels, the shorter side of even the longest panorama
GUESS = 64  # pixels, the longer side at which a lesion is guessed
_DARK = 0.45  # of the median grey: what is darker and reaches a corner is not skin but surround
_RIM = 0.6  # of the half diagonal: nearer to the centre than this there is no surround
_LESION_CONTRAST = 6.0  # CIE76 difference between lesion and skin below which no lesion is claimed


class Working:
    """An image and its shared intermediates; arrays have its `shape`, rows x columns at working size.

    image: (height, width, 3) uint8 sRGB, any size. mask: (height, width) bool or 0/non-zero, where the lesion is; if
    not given, it is guessed. Raises CutisError for anything else.
    """

    def __init__(self, image: np.ndarray, mask: np.ndarray | None = None) -> None:
        if not isinstance(image, np.ndarray) or image.dtype != np.uint8 or image.ndim != 3 or image.shape[2] != 3:
            got = f"{image.dtype} {image.shape}" if isinstance(image, np.ndarray) else type(image).__name__
            raise CutisError(f"image: expected uint8 (height, width, 3) RGB, got {got}. Read files with decode.")
        if 0 in image.shape:
            raise CutisError(f"image: it has no pixels {image.shape}.")
        if mask is not None and mask.shape != image.shape[:2]:
            raise CutisError(f"mask: expected the image's {image.shape[:2]}, got {mask.shape}.")
        self.source_shape: tuple[int, int] = (image.shape[0], image.shape[1])
        self.given_mask = mask is not None
        scale = SIDE / max(self.source_shape)
        height, width = (max(LEAST, round(n * scale)) for n in self.source_shape)
        self.shape: tuple[int, int] = (height, width)
        if self.shape == self.source_shape:
            self.rgb = np.ascontiguousarray(image)
        else:
            how = cv2.INTER_AREA if scale < 1 else cv2.INTER_LINEAR
            self.rgb = cv2.resize(image, (width, height), interpolation=how)
        self._mask = mask

    @classmethod
    def of(cls, image: np.ndarray | Working) -> Self | Working:
        """`image` itself if it is one already."""
        return image if isinstance(image, Working) else cls(image)

    @cached_property
    def grey(self) -> np.ndarray:
        """uint8: luma (ITU-R BT.601)."""
        return np.asarray(cv2.cvtColor(self.rgb, cv2.COLOR_RGB2GRAY))

    @cached_property
    def red(self) -> np.ndarray:
        """uint8: the red channel, in which blood is nearly invisible and melanin weakest, but hair and ink are not."""
        return np.ascontiguousarray(self.rgb[..., 0])

    @cached_property
    def least(self) -> np.ndarray:
        """uint8: the smallest channel of each pixel; high only where it is near white."""
        r, g, b = cv2.split(self.rgb)
        return np.asarray(cv2.min(cv2.min(r, g), b))

    @cached_property
    def lab(self) -> np.ndarray:
        """uint8 (rows / 2, columns / 2, 3): CIELAB (D65) in OpenCV's 8 bits: L* * 2.55, a* + 128, b* + 128.

        Colour is asked at half the working size: it is as telling there, and four times as quick.
        """
        size = (self.shape[1] // 2, self.shape[0] // 2)
        return np.asarray(cv2.cvtColor(cv2.resize(self.rgb, size, interpolation=cv2.INTER_AREA), cv2.COLOR_RGB2LAB))

    @cached_property
    def lab_planes(self) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """L*, a* and b* of `lab`, apart."""
        light, a, b = cv2.split(self.lab)
        return np.asarray(light), np.asarray(a), np.asarray(b)

    @cached_property
    def surround(self) -> np.ndarray:
        """uint8, 255 where the dark surround of a round field of view is (the dark corners), else 0."""
        found = np.zeros(self.shape, np.uint8)
        limit = _DARK * percentile(self.grey, 0.5)
        corners = ((0, 0), (0, -1), (-1, 0), (-1, -1))
        patch = max(1, min(self.shape) // 64)
        inside = [(slice(None, patch) if y == 0 else slice(-patch, None)) for y, _ in corners]
        across = [(slice(None, patch) if x == 0 else slice(-patch, None)) for _, x in corners]
        dark_corners = [
            c for c, y, x in zip(corners, inside, across, strict=True) if float(self.grey[y, x].mean()) < limit
        ]
        if not dark_corners:
            return found
        dark = at_most(self.grey, limit)
        count, labels = cv2.connectedComponents(dark, connectivity=4, ltype=cv2.CV_16U)
        far = from_centre(self.shape)
        for label in {int(labels[c]) for c in dark_corners} - {0}:
            here = labels == label
            # A dark lesion cut by a corner reaches inwards; the surround of a round field doesn't.
            if count and float(np.quantile(far[here], 0.02)) >= _RIM:
                found[here] = 255
        return found

    @cached_property
    def field(self) -> np.ndarray:
        """uint8, 255 where the field of view is: all but the surround and the edge beside it."""
        if not self.surround.any():
            return np.full(self.shape, 255, np.uint8)
        return np.asarray(255 - cv2.dilate(self.surround, np.ones((9, 9), np.uint8)))

    @cached_property
    def small_field(self) -> np.ndarray:
        """`field` at the size of `lab`."""
        return self.shrink(self.field)

    @cached_property
    def _line_depth(self) -> tuple[np.ndarray, np.ndarray]:
        """How deep dark lines are in the red channel, and where: its field, without the shade beside the surround."""
        field = self.field
        if self.surround.any():
            field = cv2.erode(field, np.ones((29, 29), np.uint8), borderValue=255)
        return line_depth(self.red), field

    @cached_property
    def lines(self) -> Lines:
        """Dark thin lines in the red channel, faint ones too, 18 pixels long or more: hairs, but few vessels."""
        return dark_lines(*self._line_depth, faint=10, clear=20, shortest=18)

    @cached_property
    def bold_lines(self) -> Lines:
        """Only the dark parts of them: what crosses or touches faintly is apart."""
        return dark_lines(*self._line_depth, faint=20, clear=28, shortest=4)

    @cached_property
    def ticks(self) -> tuple[int, np.ndarray]:
        """How many ticks of a ruler stand in the longest row, and a mask of them: see `row_of_ticks`."""
        return row_of_ticks(self.bold_lines, self.shape)

    @cached_property
    def skin_colour(self) -> tuple[float, float, float]:
        """Median L* (0..100), a*, b* of the field of view, of what is not the lesion if enough is left."""
        field = cv2.subtract(self.small_field, self.shrink(self.lesion))
        if cv2.countNonZero(field) < 0.1 * field.size:
            field = self.small_field
        medians = [percentile(plane, 0.5, field) for plane in self.lab_planes]
        return medians[0] / 2.55, medians[1] - 128, medians[2] - 128

    @cached_property
    def haar(self) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Three float32 grids of 16-pixel blocks: the strongest edge at the Haar wavelet's three finest levels.

        Tong et al., ICME 2004, rule 1: edge strength sqrt(LH^2 + HL^2 + HH^2), its maximum over 8x8, 4x4, 2x2 windows.
        """
        rows, columns = self.shape[0] // 16 * 16, self.shape[1] // 16 * 16
        level: np.ndarray = self.grey[:rows, :columns].astype(np.float32)
        strongest = []
        for window in (8, 4, 2):
            total, down = (level[::2] + level[1::2]) / 4, (level[::2] - level[1::2]) / 4
            level, across = total[:, ::2] + total[:, 1::2], total[:, ::2] - total[:, 1::2]
            power = across * across
            # (left + right)^2 + (left - right)^2 of `down`, the other two details, is this:
            power += 2 * (down[:, ::2] ** 2 + down[:, 1::2] ** 2)
            h, w = power.shape
            rows_of_blocks = power.reshape(h // window, window, w).max(1)
            strongest.append(np.sqrt(rows_of_blocks.reshape(h // window, w // window, window).max(2)))
        return strongest[0], strongest[1], strongest[2]

    @cached_property
    def lesion(self) -> np.ndarray:
        """uint8, 255 where the lesion is: the mask given, or a guess (empty where nothing stands out)."""
        if self._mask is not None:
            return self.spread(np.where(self._mask != 0, 255, 0).astype(np.uint8))
        return self.spread(self._guess())

    def _guess(self) -> np.ndarray:
        """What differs most in colour from the skin at the edge of the field, nearest to the middle."""
        size = (max(8, self.shape[1] * GUESS // SIDE), max(8, self.shape[0] * GUESS // SIDE))
        lab = cv2.GaussianBlur(cv2.resize(self.lab, size, interpolation=cv2.INTER_AREA), (5, 5), 0)
        planes = [np.asarray(p) for p in cv2.split(lab)]
        field = cv2.resize(self.field, size, interpolation=cv2.INTER_NEAREST)
        nothing = np.zeros(field.shape, np.uint8)
        middle = from_centre(field.shape)
        rim = cv2.bitwise_and(field, at_least(middle, 0.6))
        # Of the rim the lighter half, as a lesion that is cut lies in it too.
        rim = cv2.bitwise_and(rim, at_least(planes[0], percentile(planes[0], 0.5, rim)))
        if not cv2.countNonZero(rim):
            return nothing
        light, a, b = (p.astype(np.float32) - percentile(p, 0.5, rim) for p in planes)
        far = np.sqrt((light / 2.55) ** 2 + a * a + b * b)
        levels = np.minimum(far * 3, 255).astype(np.uint8)
        seen = field > 0
        cut, _ = cv2.threshold(levels[seen], 0, 255, cv2.THRESH_BINARY + cv2.THRESH_OTSU)
        here = cv2.bitwise_and(at_least(levels, cut + 1), field)
        inside, beside = cv2.mean(far, here)[0], cv2.mean(far, cv2.subtract(field, here))[0]
        if inside - beside < _LESION_CONTRAST:
            return nothing
        here = cv2.morphologyEx(here, cv2.MORPH_OPEN, np.ones((3, 3), np.uint8))
        count, labels = cv2.connectedComponents(here, connectivity=4)
        if count < 2:
            return nothing
        weight = np.bincount(np.ravel(labels).astype(np.intp), (far * (1.2 - middle)).ravel(), count)
        return np.where(labels == 1 + int(np.argmax(weight[1:])), np.uint8(255), np.uint8(0))

    def shrink(self, mask: np.ndarray) -> np.ndarray:
        """A mask at working size -> uint8 at the size of `lab`."""
        return np.asarray(cv2.resize(mask, self.lab.shape[1::-1], interpolation=cv2.INTER_NEAREST))

    def spread(self, mask: np.ndarray) -> np.ndarray:
        """A uint8 mask of any size -> at working size."""
        return np.asarray(cv2.resize(mask, self.shape[::-1], interpolation=cv2.INTER_NEAREST))

    def enlarge(self, mask: np.ndarray) -> np.ndarray:
        """A mask at working size -> bool (height, width) of the image that came in."""
        wide = cv2.resize(np.asarray(mask != 0, np.uint8), self.source_shape[::-1], interpolation=cv2.INTER_NEAREST)
        return np.asarray(wide > 0)
