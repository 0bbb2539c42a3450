"""What a corruption is: a named change of an image in five severities, drawn from a generator.

`generator` seeds by image and name, not by severity: so the hairs of severity 2 are among those of severity 3, and
noise keeps its pattern as it grows. How strong a change is, is told by `distance`.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from hashlib import sha256

import cv2
import numpy as np
from numpy.typing import NDArray

from cutis.errors import CutisError
from cutis.image.colour import lab

Image = NDArray[np.uint8]  # (height, width, 3) sRGB
Value = float | tuple[float, ...]
SEVERITIES = (1, 2, 3, 4, 5)
_SEEN = 2.3  # CIE76 difference that is just seen: Mahy, Van Eycken & Oosterlinck, Color Res. Appl. 19, 1994


@dataclass(frozen=True)
class Corruption:
    """A change of an image in five severities.

    suite: where it is defined: "medmnistc" (exactly MedMNIST-C's), "monotone" (MedMNIST-C's, where theirs doesn't grow
    with severity) or "skin". words: what it is. unit: of `values`, or of their first numbers where each is several.
    values: one a severity. low, high: what that first number may be. draw: (image, value, rng) -> image.
    """

    name: str
    suite: str
    words: str
    unit: str
    values: tuple[Value, Value, Value, Value, Value]
    low: float
    high: float
    draw: Callable[[Image, Value, np.random.Generator], Image]

    def value(self, severity: int) -> float:
        """The value of a severity in `unit`."""
        return first(self._of(severity))

    def apply(self, image: Image, severity: int, rng: np.random.Generator) -> Image:
        """A changed copy of `image`, uint8 (height, width, 3), at `severity` 1..5.

        Raises CutisError for another severity or another kind of array.
        """
        return self._drawn(image, self._of(severity), rng)

    def apply_at(self, image: Image, value: Value, rng: np.random.Generator) -> Image:
        """The same at any `value` in `unit`: a number, or as many as each of `values` has.

        Raises CutisError for a value that can't be.
        """
        many, few = (len(v) if isinstance(v, tuple) else 1 for v in (self.values[0], value))
        if many != few:
            raise CutisError(f"{self.name}: {few} numbers given; expected {many}, such as {self.values[0]}.")
        if not self.low <= first(value) <= self.high:
            raise CutisError(f"{self.name}: {first(value):g} is not in {self.low:g}..{self.high:g} {self.unit}.")
        return self._drawn(image, value, rng)

    def _of(self, severity: int) -> Value:
        if severity not in SEVERITIES:
            raise CutisError(f"{self.name}: severity {severity} is not one of 1, 2, 3, 4, 5.")
        return self.values[severity - 1]

    def _drawn(self, image: Image, value: Value, rng: np.random.Generator) -> Image:
        check_image(image)
        return self.draw(np.ascontiguousarray(image), value, rng)


def first(value: Value) -> float:
    return value[0] if isinstance(value, tuple) else value


def several(value: Value) -> tuple[float, ...]:
    return value if isinstance(value, tuple) else (value,)


def generator(seed: int, image_id: str, name: str) -> np.random.Generator:
    """The stream of one corruption on one image: the same for all its severities, whatever else is drawn."""
    digest = sha256(f"{name}\n{image_id}".encode()).digest()
    return np.random.default_rng([seed, *np.frombuffer(digest, "<u4").tolist()])


def check_image(image: Image) -> None:
    """Raise CutisError unless it is uint8 (height, width, 3) with at least one pixel."""
    if not isinstance(image, np.ndarray) or image.dtype != np.uint8 or image.ndim != 3 or image.shape[2] != 3:
        got = f"{image.dtype} {image.shape}" if isinstance(image, np.ndarray) else type(image).__name__
        raise CutisError(f"corruption: expected uint8 (height, width, 3) RGB, got {got}. Read files with decode.")
    if image.size == 0:
        raise CutisError(f"corruption: the image has no pixels {image.shape}.")


def distance(image: Image, changed: Image) -> float:
    """Mean over the pixels of the CIELAB difference (CIE76, D65): the distance that grows with severity."""
    return float(_differences(image, changed).mean())


def changed_share(image: Image, changed: Image, least: float = _SEEN) -> float:
    """Share of pixels whose colour differs by `least` or more (CIE76): what hair, ink or bubbles cover."""
    return float((_differences(image, changed) >= least).mean())


def _differences(image: Image, changed: Image) -> NDArray[np.float32]:
    check_image(image)
    check_image(changed)
    if image.shape != changed.shape:
        raise CutisError(f"corruption: the images are of different shapes, {image.shape} and {changed.shape}.")
    apart = cv2.subtract(lab(image), lab(changed))
    return np.asarray(np.sqrt(np.einsum("ijk,ijk->ij", apart, apart)), np.float32)
