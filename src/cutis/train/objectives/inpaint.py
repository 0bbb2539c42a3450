"""Paint over hair, rulers and ink before learning: the plain baseline against shortcuts.

Lee et al., "DullRazor", Comput. Biol. Med. 27, 1997, for hair; what is found is filled in from its surroundings
(Telea, J. Graphics Tools 9, 2004). Idea: what can't be seen can't be learned.

    x' = fill(x, mask of what the detectors find in x)

What we do differently: rulers and ink too, by our detectors (`cutis.image.artefacts`); and only in training. The bundle
sees photographs as they are: a network that never saw a ruler is asked about pictures with one.
"""

from __future__ import annotations

import numpy as np

from cutis.data.threads import ordered
from cutis.errors import CutisError, nearest
from cutis.image.artefacts.removal import REMOVABLE, remove
from cutis.train.objectives.concepts import concept_names
from cutis.train.objectives.parts import Part


class Inpaint(Part):
    """artefacts: of hair, ruler and ink, joined by commas. Keeps a copy of each image that was changed, in memory."""

    name = "inpaint"

    def __init__(self, artefacts: str = "hair,ruler,ink") -> None:
        super().__init__()
        self.kinds = concept_names(artefacts, "method inpaint: setting artefacts")
        for kind in self.kinds:
            if kind not in REMOVABLE:
                raise CutisError(f'method inpaint: setting artefacts: "{kind}": {nearest(kind, REMOVABLE)}')
        self._made: dict[int, np.ndarray | None] = {}

    def show(self, pixels: list[np.ndarray], rows: np.ndarray, rng: np.random.Generator) -> list[np.ndarray]:
        new = [k for k, row in enumerate(rows.tolist()) if row not in self._made]
        for k, made in zip(new, ordered(lambda k: remove(pixels[k], self.kinds), new), strict=True):
            self._made[int(rows[k])] = None if made is pixels[k] else made
        shown = [self._made[row] for row in rows.tolist()]
        return [own if other is None else other for own, other in zip(pixels, shown, strict=True)]
