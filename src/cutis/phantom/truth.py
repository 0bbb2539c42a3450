"""What a phantom picture shows, known because it was drawn."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray


@dataclass(frozen=True, slots=True)
class Truth:
    """Exact truth of one picture.

    masks: kind -> (H, W) bool: every structure and artefact that is in the picture, and nothing else; "lesion" is
    inside any lesion's outline, seen or hidden under an artefact. boxes: (left, top, right, bottom) in pixels and
    diagnosis of each lesion in the picture. concepts: strength 0..1 of each structure of the first lesion. scores: the
    checklists' points for it (`lesion.checklists`). ita: individual typology angle of the plain skin (D65), degrees.
    """

    masks: dict[str, NDArray[np.bool_]]
    boxes: list[tuple[int, int, int, int, str]]
    concepts: dict[str, float]
    scores: dict[str, float]
    ita: float

    @property
    def mask(self) -> NDArray[np.bool_]:
        """(H, W) bool: inside a lesion."""
        return self.masks["lesion"]
