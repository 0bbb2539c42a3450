"""Which pixels are bare skin: not lesion, hair, glare, dark rim or ink.

A `Photo` is one image at working size with everything that the estimators share, each part computed when first asked
for. Where the skin is can be said in three ways: by a lesion mask (with a margin, as the border of a lesion is drawn
inside its halo), by the border of the picture (dermoscopy centres the lesion), or by a colour rule.
"""

from __future__ import annotations

from functools import cached_property
from typing import Any

import cv2
import numpy as np

from cutis.errors import CutisError
from cutis.image import colour
from cutis.image.tone.reasons import TONE_REASONS

WORK = 256  # pixels: the longer side that is worked on
MARGIN = 0.03  # of the longer side: skin nearer to the lesion than this isn't used
BORDER = 0.15  # of the shorter side: the ring that is taken for skin where there is no mask
BLACK = 8.0  # L*: what is darker isn't skin; the darkest tone of the Monk scale has 15
SMOOTH = 6.0  # L*: skin varies less than this over five pixels; hair, scale and rulers vary more
FEWEST = 400  # pixels of 256 x 256 that an estimate needs
LEAST = 0.2  # and share of what isn't lesion: what is left of a pelt is no sample of skin


def check_image(image: np.ndarray, mask: np.ndarray | None = None) -> None:
    """Raise CutisError unless `image` is uint8 (h, w, 3) and `mask` is None or (h, w)."""
    if image.ndim != 3 or image.shape[2] != 3 or image.dtype != np.uint8 or 0 in image.shape:
        raise CutisError(f"an image of shape {image.shape} and type {image.dtype}; expected uint8 (height, width, 3).")
    if mask is not None and mask.shape != image.shape[:2]:
        raise CutisError(
            f"a mask of {' x '.join(map(str, mask.shape))} for an image of {image.shape[0]} x {image.shape[1]} "
            "(height x width); they must be of one size. Resize the mask, or find the right one."
        )


# ITU-R BT.601 YCbCr in 16..235 and 16..240, of RGB 0..255.
_YCBCR = np.array(
    [
        [65.481 / 255, 128.553 / 255, 24.966 / 255, 16],
        [-37.797 / 255, -74.203 / 255, 112 / 255, 128],
        [112 / 255, -93.786 / 255, -18.214 / 255, 128],
    ],
    np.float32,
)


class Photo:
    """An image and its lesion mask at working size, with what the estimators share.

    rgb: uint8 (h, w, 3), sRGB, the longer side at most `WORK`. lesion: bool (h, w), or None where no mask is known.
    original: the image as given. Raises CutisError for other than uint8 RGB and for a mask of another size.
    """

    def __init__(self, image: np.ndarray, mask: np.ndarray | None = None) -> None:
        check_image(image, mask)
        self.original = image
        self.taken: dict[str, Any] = {}  # by estimators: see `cutis.image.tone.ita.pixels`
        longer = max(image.shape[:2])
        self.rgb, self.lesion = image, None if mask is None else mask > 0
        if longer > WORK:
            width, height = (max(1, round(side * WORK / longer)) for side in image.shape[1::-1])
            self.rgb = cv2.resize(image, (width, height), interpolation=cv2.INTER_AREA)
            if self.lesion is not None:
                # A pixel that the lesion covers in part counts as lesion: skin must be sure to be skin.
                covered = cv2.resize(self.lesion.astype(np.float32), (width, height), interpolation=cv2.INTER_AREA)
                self.lesion = covered > 0

    @property
    def shape(self) -> tuple[int, int]:
        height, width = self.rgb.shape[:2]
        return height, width

    @cached_property
    def lab(self) -> np.ndarray:
        """float32 (h, w, 3) CIELAB, D65."""
        return colour.lab(self.rgb)

    @cached_property
    def planes(self) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """L*, a*, b*, float32 (h * w,) each."""
        light, red, yellow = (plane.ravel() for plane in cv2.split(self.lab))
        return light, red, yellow

    @property
    def light(self) -> np.ndarray:
        """float32 (h, w) L*."""
        return self.planes[0].reshape(self.shape)

    @cached_property
    def grey(self) -> np.ndarray:
        return cv2.cvtColor(self.rgb, cv2.COLOR_RGB2GRAY)

    @cached_property
    def hair(self) -> np.ndarray:
        """bool (h, w): thin dark lines (a black top-hat with a cross), and whatever is too rough to be skin."""
        lines = black_hat(self.grey) > 14
        light = self.light
        mean = cv2.blur(light, (5, 5))
        variance = cv2.blur(light * light, (5, 5)) - mean * mean
        return np.asarray(_grow(lines, 1) | (variance > SMOOTH**2))

    @cached_property
    def glare(self) -> np.ndarray:
        """bool (h, w): two channels at their end, so that the colour is lost; and a pixel around."""
        r, g, b = cv2.split(self.rgb)
        second = cv2.max(cv2.min(r, g), cv2.min(cv2.max(r, g), b))
        return _grow(second >= 253, 1)

    @cached_property
    def rim(self) -> np.ndarray:
        """bool (h, w): black, or far darker than the middle and joined to the picture's edge: a dark corner, a rim."""
        light = self.light
        height, width = self.shape
        middle = light[height // 4 : height - height // 4, width // 4 : width - width // 4]
        dark = light < max(BLACK, 0.5 * float(np.median(middle)))
        black = light < BLACK
        edge = np.concatenate([dark[0], dark[-1], dark[:, 0], dark[:, -1]])
        if not edge.any():
            return black
        _, parts = cv2.connectedComponents(dark.astype(np.uint8), connectivity=4)
        joined = np.zeros(int(parts.max()) + 1, bool)
        joined[np.concatenate([parts[0], parts[-1], parts[:, 0], parts[:, -1]])] = True
        joined[0] = False
        return _grow(joined[parts], 3) | black

    @cached_property
    def ink(self) -> np.ndarray:
        """bool (h, w): blue, violet or green, which skin isn't."""
        a, b = (plane.reshape(self.shape) for plane in self.planes[1:])
        return _grow((b < -10) | (a < -8), 1)

    @cached_property
    def outside(self) -> np.ndarray:
        """bool (h, w): where skin may be: beyond the lesion and a margin; without a mask, the border of the picture."""
        if self.lesion is None:
            return ring(self.shape)
        return ~_grow(self.lesion, max(1, round(MARGIN * max(self.shape))))

    @cached_property
    def skin(self) -> np.ndarray:
        """bool (h, w): `outside`, without hair, glare, rim and ink."""
        return np.asarray(self.outside & ~(self.hair | self.glare | self.rim | self.ink))

    @cached_property
    def too_little(self) -> str:
        """Why `skin` isn't enough for an estimate, or ""."""
        whole = self.rgb.shape[0] * self.rgb.shape[1]
        fewest = min(FEWEST, 0.25 * whole) if whole >= 64 else np.inf
        found, outside = np.count_nonzero(self.skin), np.count_nonzero(self.outside)
        if outside < fewest and self.lesion is not None and self.lesion.any():
            return TONE_REASONS.say("all_lesion", pixels=outside)
        if found < LEAST * outside:
            shares = {
                "hair": self.hair,
                "glare": self.glare,
                "black": self.rim,
                "ink": self.ink,
            }
            name, most = max(shares.items(), key=lambda item: int((item[1] & self.outside).sum()))
            share = (most & self.outside).sum() / outside
            return TONE_REASONS.say(name, share=100 * share)
        if found < fewest:
            return TONE_REASONS.say("few_pixels", found=found, whole=whole)
        hair = self.hair & self.outside
        if hair.sum() > 0.2 * outside:
            # Hair is darker than the skin between. Where what is left is nearly black and much of what was taken for
            # hair is far lighter, it is the other way round: skin shows through a pelt.
            left = float(np.median(self.light[self.skin]))
            if left < 25 and float(np.quantile(self.light[hair], 0.9)) > left + 20:
                return TONE_REASONS.say("pelt", light=left)
        return ""


def ring(shape: tuple[int, int], share: float = BORDER) -> np.ndarray:
    """bool (h, w): the border of a picture, `share` of its shorter side wide."""
    width = max(1, round(share * min(shape)))
    inside = np.ones(shape, bool)
    inside[width:-width, width:-width] = False
    return inside


def black_hat(grey: np.ndarray) -> np.ndarray:
    """uint8 (h, w): by how much a pixel is darker than its closing with a cross of 17 x 17, two lines, pixels."""
    # the greatest under a cross is the greater of those under its two lines, for which OpenCV has a faster way
    across, down = np.ones((1, 17), np.uint8), np.ones((17, 1), np.uint8)
    widest = cv2.max(cv2.dilate(grey, across), cv2.dilate(grey, down))
    closed = cv2.min(cv2.erode(widest, across), cv2.erode(widest, down))
    return np.asarray(cv2.subtract(closed, grey))


def by_colour(rgb: np.ndarray) -> np.ndarray:
    """bool (h, w): skin by the colour rule of Kolkur et al. (ICCASP 2016), which Groh et al. used.

    It asks for R >= 95 and Y >= 80, so it can't see dark skin: an estimate from it is blind where it matters most.
    """
    r, g, b = cv2.split(rgb)
    y, cb, cr = cv2.split(cv2.transform(rgb.astype(np.float32), _YCBCR))
    found = (
        (r >= 95) & (g >= 40) & (b >= 20) & (r > b) & (cv2.subtract(r, g) >= 15)
        & (y >= 80) & (cb >= 85) & (cr >= 135)
        & (cr < 1.5862 * cb + 20) & (cr > 0.3448 * cb + 76.2069) & (cr > -4.5652 * cb + 234.5652)
        & (cr < -1.15 * cb + 301.75) & (cr < -2.2857 * cb + 432.85)
    )  # fmt: skip
    return np.asarray(found)


def _grow(found: np.ndarray, by: int) -> np.ndarray:
    if not found.any():
        return found
    kernel = cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (2 * by + 1, 2 * by + 1))
    return np.asarray(cv2.dilate(found.astype(np.uint8), kernel) > 0)
