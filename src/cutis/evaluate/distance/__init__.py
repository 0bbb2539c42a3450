"""How far apart two sets of images are, and how hard one is, in numbers of their features. No deep learning here.

Each is a file with its equation, source and traps; what the numbers mean: docs/explanation/shift.md.
"""

from __future__ import annotations

from cutis.evaluate.distance.dimension import levina_bickel, two_nn
from cutis.evaluate.distance.frechet import frechet_distance, standardised
from cutis.evaluate.distance.kernel import Kid, kid
from cutis.evaluate.distance.robustness_index import RobustnessIndex, balanced, robustness_index
from cutis.evaluate.distance.sharpness import Sharpness, label_sharpness

__all__ = [
    "Kid",
    "RobustnessIndex",
    "Sharpness",
    "balanced",
    "frechet_distance",
    "kid",
    "label_sharpness",
    "levina_bickel",
    "robustness_index",
    "standardised",
    "two_nn",
]
