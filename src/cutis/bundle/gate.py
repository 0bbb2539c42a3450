"""The gate before an answer: is the picture good enough, and of skin? Fitted on validation, asked in predict."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from cutis.bundle.card import Gate, GateThreshold
from cutis.errors import CutisError, nearest
from cutis.image.assess import Assessment, defaults
from cutis.image.quality import MEASURES
from cutis.image.working import SIDE, Working

MOST_REFUSED = 0.02  # of validation images, which are taken to be good
VIEW = SIDE  # pixels that the longer side of a picture should have, to be judged


def shipped() -> dict[str, float]:
    """The measures that can refuse an image, in the order of their reasons, with their own thresholds."""
    return {name: score.threshold for name, score in defaults().scores.items() if score.code}


def graded(pixels: np.ndarray, thresholds: Mapping[str, float]) -> Assessment:
    """These measures only, of a uint8 (height, width, 3) picture; artefacts refuse nothing and are not looked for."""
    view = Working(pixels)
    return Assessment({n: MEASURES[n](view, limit) for n, limit in thresholds.items()}, {}, view)


def values(pixels: np.ndarray) -> np.ndarray:
    """float64: the value of each measure of `shipped`."""
    return np.array([score.value for score in graded(pixels, shipped()).scores.values()])


def thresholds(gate: Gate) -> dict[str, float]:
    """By measure, in the order of their reasons. Raises CutisError for a measure that this Cutis doesn't have."""
    strange = next((name for name in gate.thresholds if name not in MEASURES), None)
    if strange is not None:
        raise CutisError(f'the bundle\'s gate asks for "{strange}": {nearest(strange, MEASURES)}. Upgrade Cutis.')
    return {name: gate.thresholds[name].value for name in MEASURES if name in gate.thresholds}


def fit_gate(found: np.ndarray) -> Gate:
    """Thresholds that refuse at most 2 % of these images in all. found: (n, measures) by `values`; n >= 1.

    They are the shipped ones if those do; else each is lowered until its measure alone refuses no more than k images,
    for the largest k that is small enough for all together.
    """
    own = np.array(list(shipped().values()))
    limits, ordered = own, np.sort(found, axis=0)
    for k in range(int(MOST_REFUSED * len(found)), -1, -1):
        if _refused(found, limits) <= MOST_REFUSED:
            break
        limits = np.minimum(own, ordered[k])
    return Gate(
        thresholds={
            name: GateThreshold(value=float(limit), source="shipped" if limit == was else "validation")
            for (name, was), limit in zip(shipped().items(), limits, strict=True)
        },
        images=len(found),
        refused=_refused(found, limits),
    )


def _refused(found: np.ndarray, limits: np.ndarray) -> float:
    return float((found < limits).any(axis=1).mean())
