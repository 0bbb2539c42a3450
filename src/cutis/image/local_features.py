"""Local features of a small grey image: what survives crop, rotation, rescaling, recompression and change of light.

SIFT (Lowe, IJCV 2004, doi:10.1023/B:VISI.0000029664.99615.94; its patent ended in 2020) in OpenCV's implementation, on
an image of which the contrast has been evened out. Descriptors are RootSIFT (Arandjelovic & Zisserman, CVPR 2012).
A flip of the image permutes a descriptor's entries, so mirrored copies are found without describing images twice.
"""

from __future__ import annotations

import threading
from dataclasses import dataclass

import numpy as np

SHORT = 64  # pixels of the shorter side of the images that are described
MOST = 20  # features kept an image, the strongest
LENGTH = 128
_CONTRAST = 0.015  # SIFT's threshold; skin is smooth, so below the usual 0.04
_SCALE = 255.0  # descriptors are stored as round(value * _SCALE) in uint8; RootSIFT values lie in 0..1
_DARK, _BRIGHT = 24, 250  # grey levels at or beyond which a border counts as filled in, or as the dermoscope's rim
_REACH = 4.0  # pixels, of what lies beside a filled corner
_local = threading.local()


@dataclass(frozen=True)
class Features:
    """points: float32 (k, 4) x, y, size and angle (degrees, y down), in pixels. vectors: uint8 (k, 128)."""

    points: np.ndarray
    vectors: np.ndarray


NO_FEATURES = Features(np.zeros((0, 4), np.float32), np.zeros((0, LENGTH), np.uint8))


def describe(grey: np.ndarray, most: int = MOST) -> Features:
    """Up to `most` features of a uint8 (height, width) image, the strongest first; none on a flat image.

    Black or white that touches the border (the corners of a turned image, a letterbox, a dermoscope's rim) has none.
    """
    import cv2

    content = content_mask(grey)
    inside = grey[content > 0]
    if len(inside) < 64:
        return NO_FEATURES
    spread = float(inside.std())
    if spread < 1:
        return NO_FEATURES
    even = (grey.astype(np.float32) - float(inside.mean())) * (40 / (spread + 3)) + 128
    filled = content == 0
    if filled.any():
        even[filled] = extended(even, content)[filled]  # an edge there would lend its looks to features nearby
        content = cv2.erode(content, np.ones((7, 7), np.uint8), borderValue=255)
    points, vectors = _sift(most).detectAndCompute(even.clip(0, 255).astype(np.uint8), content)
    if vectors is None:
        return NO_FEATURES
    order = sorted(range(len(points)), key=lambda i: (-points[i].response, points[i].pt, points[i].angle))[:most]
    where = np.array([(*points[i].pt, points[i].size, points[i].angle) for i in order], np.float32)
    chosen = vectors[order]
    rooted = np.sqrt(chosen / np.maximum(chosen.sum(1, keepdims=True), 1e-9))
    return Features(where, np.round(rooted * _SCALE).astype(np.uint8))


def content_mask(grey: np.ndarray) -> np.ndarray:
    """uint8 (height, width): 255 where the image is, 0 where black or white is that reaches the border."""
    import cv2

    filled = ((grey <= _DARK) | (grey >= _BRIGHT)).astype(np.uint8)
    border = np.concatenate([filled[0], filled[-1], filled[:, 0], filled[:, -1]])
    if not border.any():
        return np.full(grey.shape, 255, np.uint8)
    _, labels = cv2.connectedComponents(filled)
    touching = np.unique(np.concatenate([labels[0], labels[-1], labels[:, 0], labels[:, -1]])[border > 0])
    return np.where(np.isin(labels, touching), 0, 255).astype(np.uint8)


def extended(image: np.ndarray, content: np.ndarray) -> np.ndarray:
    """float32: where a (height, width) image has no content, a smooth continuation of it; 128 far from any."""
    import cv2

    weight = (content > 0).astype(np.float32)
    near = cv2.GaussianBlur(weight, (0, 0), _REACH) + 1e-3
    return cv2.GaussianBlur((image - 128) * weight, (0, 0), _REACH) / near + 128


def mirrored(vectors: np.ndarray) -> np.ndarray:
    """(k, 128) descriptors as they would be if the image were flipped left to right."""
    return vectors[:, _MIRROR]


# Entries are ordered (row of 4, column of 4, direction of 8) in the feature's own frame. A flip turns the feature's
# second axis round, so rows are reversed and directions negated.
_MIRROR = np.arange(LENGTH).reshape(4, 4, 8)[::-1][:, :, -np.arange(8) % 8].ravel()


def _sift(most: int):  # type: ignore[no-untyped-def]
    import cv2

    made = getattr(_local, "sift", {})
    if most not in made:  # one a thread: OpenCV doesn't promise that one object may be shared
        made = {most: cv2.SIFT.create(nfeatures=most, nOctaveLayers=3, contrastThreshold=_CONTRAST)}
        _local.sift = made
    return made[most]
