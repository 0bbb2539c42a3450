"""Is it sharp? By gradients, which a low contrast lowers too, and by wavelets, which see only how edges fall off."""

from __future__ import annotations

import cv2
import numpy as np

from cutis.image.quality.score import Score
from cutis.image.working import Working

GRADIENT = 1.03
WAVELET = 0.25
_BENDS = tuple(
    np.array(k, np.float32)
    for k in (
        [[0, 0, 0], [1, -2, 1], [0, 0, 0]],
        [[0, 1, 0], [0, -2, 0], [0, 1, 0]],
        [[1, 0, 0], [0, -2, 0], [0, 0, 1]],
        [[0, 0, 1], [0, -2, 0], [1, 0, 0]],
    )
)
_ROUNDING = 1.5  # grey levels of edge that are the 8 bits' own steps
_CODE = "too blurred"
_ADVICE = "Hold the phone steady, about a hand's width away, and tap on the spot so that the camera focuses on it."


def gradient(image: np.ndarray | Working, threshold: float = GRADIENT) -> Score:
    """Root mean square of the second derivative, in grey levels, along the blurriest of four directions.

    After the variance of the Laplacian (Pech-Pacheco et al., ICPR 2000), which is high as long as one direction is
    sharp: a moved camera blurs along its way only. Inside the field of view. Threshold: 0.2 % of 2,000 HAM10000 and 500
    ISIC 2017 images are below (benchmarks/quality_thresholds.py).
    """
    view = Working.of(image)
    field = None if not view.surround.any() else view.field
    sums = [cv2.norm(cv2.filter2D(view.grey, cv2.CV_16S, k), cv2.NORM_L2SQR, field) for k in _BENDS]
    n = view.grey.size if field is None else max(cv2.countNonZero(field), 1)
    return Score(float(np.sqrt(min(sums) / n)), threshold, _CODE, _ADVICE)


def wavelet(image: np.ndarray | Working, threshold: float = WAVELET) -> Score:
    """How much of the strongest edges is left at the finest scale, 0..1: 0.5 for a step between pixels, 0 where flat.

    Tong et al., ICME 2004: blur takes an edge's strength at the finest Haar level away first. They count edges that
    lost it; here, as skin has few sharp edges, the quarter of blocks with the strongest edges is averaged:
    finest / (finest + coarsest + 1.5). Threshold: as of `gradient` (0.276), less a
    margin: at 0.27 a tenth of the phantoms would be refused, whose cameras are slightly out of focus.
    """
    view = Working.of(image)
    fine, _, coarse = view.haar
    strongest = np.sort((coarse * (fine > 0)).ravel())
    cut = strongest[-(len(strongest) // 4 + 1)]
    here = (coarse >= max(cut, 0.5)) & (view.field[8::16, 8::16][: coarse.shape[0], : coarse.shape[1]] > 0)
    if not here.any():
        return Score(0.0, threshold, _CODE, _ADVICE)
    return Score(float(np.mean(fine[here] / (fine[here] + coarse[here] + _ROUNDING))), threshold, _CODE, _ADVICE)
