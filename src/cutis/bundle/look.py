"""What a bundle must see of a picture, and what its gate says of it: plain values, so that another process may look."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from cutis.bundle.card import BundleCard
from cutis.bundle.gate import VIEW, graded, thresholds
from cutis.image.decode import Picture, read_square, read_square_and_view


@dataclass(frozen=True)
class Look:
    """size: pixels on a side of the network's input. constancy: see `Preprocessing`. limits: a threshold a measure of
    the gate, by name, in the order of their reasons; none if the bundle has no gate.
    """

    size: int
    constancy: str
    limits: dict[str, float]

    @classmethod
    def of(cls, card: BundleCard, *, gate: bool = True) -> Look:
        """gate: whether a picture may be refused for its quality, if the bundle has a gate."""
        how = card.preprocessing
        return cls(how.size, how.constancy, thresholds(card.gate) if gate and card.gate else {})

    def see(self, data: bytes, name: str = "image") -> tuple[np.ndarray, list[str]]:
        """(square uint8 (size, size, 3), faults) of a file's bytes, as `Bundle.predict` has them of the same file.

        faults: "code: advice" of each thing that the gate refuses. Raises BadImage.
        """
        if not self.limits:
            return read_square(data, self.size, name, constancy=self.constancy), []
        square, picture = read_square_and_view(data, self.size, VIEW, name, constancy=self.constancy)
        return square, self.faults(picture)

    def see_pixels(self, pixels: np.ndarray) -> tuple[np.ndarray, list[str]]:
        """The same, of an upright uint8 (height, width, 3) RGB picture in memory."""
        return Picture.whole(pixels).square(self.size, constancy=self.constancy), self.faults(pixels)

    def faults(self, pixels: np.ndarray) -> list[str]:
        """What the gate says of an upright uint8 (height, width, 3) RGB picture, of any size."""
        return [f"{r.code}: {r.advice}" for r in graded(pixels, self.limits).reasons()] if self.limits else []
