"""Is it skin at all?"""

from __future__ import annotations

import cv2
import numpy as np

from cutis.image.quality.score import Score
from cutis.image.working import Working

THRESHOLD = -1.8
# Feature -> weight.
WEIGHTS = {
    "mean L*": 6.847, "mean a*": 6.932, "mean b*": 8.33, "spread L*": 9.281, "spread a*": -2.89,
    "spread b*": -0.793, "hue like skin": 4.379, "near grey": -5.476, "black": -7.577, "edges": -0.194,
    "spread of edges": -2.602, "fine to coarse": 3.688, "mean a* squared": -5.628, "mean b* squared": -5.354,
    "mean L* squared": -3.239, "edges squared": -9.64, "fine to coarse squared": -2.981,
}  # fmt: skip
BIAS = 0.273
_BLACK = 31  # of 255: L* 12
FEATURES = tuple(WEIGHTS)
_WEIGHTS = np.array(list(WEIGHTS.values()))


def skin_features(image: np.ndarray | Working) -> np.ndarray:
    """float64 (len(FEATURES),): colour of the field of view in CIELAB, and how much edge there is; about 0..1 each.

    hue like skin: share of pixels with chroma >= 5 whose hue angle is in -45..80 degrees; near grey: chroma < 5;
    black: L* < 12. edges, spread of edges: mean and deviation over blocks of the log of the coarse edges' strength
    (`Working.haar`); fine to coarse: log of the ratio of fine ones to them.
    """
    view = Working.of(image)
    step = max(1, min(view.lab.shape[:2]) // 32)
    inside = np.ascontiguousarray(view.small_field[::step, ::step])
    lab = np.ascontiguousarray(view.lab[::step, ::step])
    mean, spread = (v.ravel() for v in cv2.meanStdDev(lab, mask=inside))
    pixels = lab[inside > 0]
    if not len(pixels):
        return np.zeros(len(FEATURES))
    a, b = pixels[:, 1].astype(np.int32) - 128, pixels[:, 2].astype(np.int32) - 128
    coloured = a * a + b * b >= 25
    like = coloured & (b > -a) & (b < 5.7 * a)  # tan(80 degrees)
    n = len(pixels)
    fine, _, coarse = view.haar
    l0, a0, b0 = mean[0] / 255, (mean[1] - 128) / 50, (mean[2] - 128) / 50
    logs = np.log(0.1 + coarse)
    edges = logs.mean() / 3
    falls = np.log((0.1 + fine.mean()) / (0.1 + coarse.mean()))
    return np.array(
        [
            l0, a0, b0, spread[0] / 63.75, spread[1] / 10, spread[2] / 10, np.count_nonzero(like) / n,
            1 - np.count_nonzero(coloured) / n, np.count_nonzero(pixels[:, 0] < _BLACK) / n, edges, logs.std(), falls,
            a0 * a0, b0 * b0, l0 * l0, edges * edges, falls * falls,
        ],
        dtype=np.float64,
    )  # fmt: skip


def skin(image: np.ndarray | Working, threshold: float = THRESHOLD) -> Score:
    """Log odds that the picture shows skin, from 17 numbers about its colour and texture.

    Logistic regression by benchmarks/quality_thresholds.py --fit on 2,000 HAM10000 and 500 ISIC 2017 images and 600
    phantoms of six tones, against blood cells, nuclei, chest X-rays and made-up pictures. Threshold: 0.2 % of those
    real skin images are below, and no phantom of any tone. It knows the other kinds it was shown, and grey pictures of
    any kind; of crops of two warm-coloured photographs of something else, five in six pass.
    """
    view = Working.of(image)
    value = float(skin_features(view) @ _WEIGHTS + BIAS)
    advice = "No skin is seen: take the photograph close to bare skin, with nothing between."
    return Score(value, threshold, "no skin seen", advice)
