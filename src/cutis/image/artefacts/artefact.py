"""What a detector of something on the skin, or on the lens, says."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True, slots=True, eq=False)
class Artefact:
    """One thing looked for in one image. Higher is more of it; `present` is score >= threshold.

    mask: uint8 at working size (`Working.enlarge` brings it to the image's), 255 where it was found.
    """

    score: float
    threshold: float
    mask: np.ndarray

    @property
    def present(self) -> bool:
        return self.score >= self.threshold
