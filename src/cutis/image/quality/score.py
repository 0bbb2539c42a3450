"""What a measure of quality says."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True, slots=True, eq=False)
class Score:
    """One measure of one image. Higher is better, in every measure; `ok` is value >= threshold.

    code: the reason for refusing an image that is not ok, e.g. "too blurred"; empty for a measure that only advises.
    advice: to the person with the camera. mask: uint8 at working size (`Working.enlarge` brings it to the image's),
    255 where the fault is, or None where it has no place.
    """

    value: float
    threshold: float
    code: str
    advice: str
    mask: np.ndarray | None = None

    @property
    def ok(self) -> bool:
        return self.value >= self.threshold
