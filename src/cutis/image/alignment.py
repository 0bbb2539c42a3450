"""Are two pictures the same photograph? Lay one on the other and correlate what is left of fine detail.

An alignment is refined from a first guess by the enhanced correlation coefficient (Evangelidis & Psarakis, IEEE TPAMI
2008, doi:10.1109/TPAMI.2008.113). Two lesions look alike when blurred; hairs, globules and pores don't. So the score is
the correlation of the detail (the image less its blurred self, evened out so that the edge of a dark lesion doesn't
outweigh all the rest) where both pictures are. Measured on 500 copies and 500 look-alikes among real dermoscopy: at the
threshold that keeps 98 % of the copies, evening out lets 16 look-alikes pass instead of 64.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from cutis.image.local_features import content_mask, extended

_BLUR = 3.0  # pixels: what is coarser than this doesn't count
_EVEN, _QUIET = 4.0, 5.0  # pixels over which contrast is evened out; grey levels of detail that count as noise
_EDGE = 7  # pixels across: what is nearer than half of this to a filled corner doesn't count
_ENOUGH = 0.2  # score of the unrefined guess below which refining is not tried
_PLENTY = 0.75  # and above which it isn't needed
_ROUNDS = 12
LEAST_OVERLAP = 0.3  # share of the smaller picture that must lie in the other


@dataclass(frozen=True)
class Picture:
    """A small grey image made ready: detail and plain (float32), and content (uint8, 255 where the image is)."""

    plain: np.ndarray
    detail: np.ndarray
    content: np.ndarray


def picture(grey: np.ndarray) -> Picture:
    """From uint8 (height, width), sides of some 64 pixels."""
    import cv2

    content = content_mask(grey)
    plain = grey.astype(np.float32)
    if not content.all():
        plain[content == 0] = extended(plain, content)[content == 0]
        content = cv2.erode(content, np.ones((_EDGE, _EDGE), np.uint8), borderValue=255)
    return Picture(plain, detail_of(plain, 1), content)


def detail_of(plain: np.ndarray, scale: float) -> np.ndarray:
    """float32: what is finer than a blur, of even contrast. scale: of the picture against one of 64 pixels."""
    import cv2

    detail: np.ndarray = plain - cv2.GaussianBlur(plain, (0, 0), _BLUR * scale)
    detail /= np.sqrt(cv2.GaussianBlur(detail * detail, (0, 0), _EVEN * scale)) + _QUIET
    return detail


def score(one: Picture, other: Picture, guesses: np.ndarray) -> float:
    """Correlation, -1..1, of detail after alignment; 0 if the two don't overlap enough.

    guesses: (m, 2, 3), each from pixels (x, y) of `one` to pixels of `other`; the best is refined.
    """
    import cv2

    values = [_overlaid(one, other, guess) for guess in guesses]
    best = int(np.argmax(values))
    if not _ENOUGH <= values[best] < _PLENTY:
        return max(values[best], 0.0)
    try:
        _, found = cv2.findTransformECC(
            one.plain,
            other.plain,
            guesses[best].astype(np.float32),
            cv2.MOTION_AFFINE,
            (cv2.TERM_CRITERIA_EPS | cv2.TERM_CRITERIA_COUNT, _ROUNDS, 1e-3),
            other.content,
            3,
        )
    except cv2.error:  # it doesn't converge: the guess was wrong
        return values[best]
    return max(values[best], _overlaid(one, other, found))


def _overlaid(one: Picture, other: Picture, transform: np.ndarray) -> float:
    import cv2

    height, width = one.plain.shape
    area = abs(float(np.linalg.det(transform[:, :2])))
    if not 0.05 < area < 20:
        return 0.0
    flags = cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP
    laid = cv2.warpAffine(other.detail, transform, (width, height), flags=flags)
    there = cv2.warpAffine(other.content, transform, (width, height), flags=cv2.INTER_NEAREST | cv2.WARP_INVERSE_MAP)
    both = (there > 0) & (one.content > 0)
    n = int(both.sum())
    smaller = min((one.content > 0).sum(), (other.content > 0).sum() / area)
    if n < 200 or n < LEAST_OVERLAP * smaller:
        return 0.0
    a, b = one.detail[both], laid[both]
    a, b = a - a.mean(), b - b.mean()
    size = float(np.sqrt((a @ a) * (b @ b)))
    return float(a @ b) / size if size > 1e-6 * n else 0.0
