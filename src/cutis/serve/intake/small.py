"""What is made small of a kept picture: for lists, for a closer look beside a case, to be compared with others.

Read in a process that may die, as an upload is: what was taken once may cost more the next time.
"""

from __future__ import annotations

import cv2
import numpy as np

from cutis.image import hashing
from cutis.image.decode import decode, decode_grey

NAME = "the picture"
WIDTH, HEIGHT = 192, 144
LONGER = 1024  # pixels of a confirmed image, at most


def thumbnail(data: bytes) -> bytes:
    """JPEG of a picture's middle, WIDTH by HEIGHT. Raises BadImage."""
    pixels = decode(data, NAME, least=2 * HEIGHT)
    height, width = pixels.shape[:2]
    scale = max(WIDTH / width, HEIGHT / height)
    size = (max(WIDTH, round(width * scale)), max(HEIGHT, round(height * scale)))
    small = cv2.resize(pixels, size, interpolation=cv2.INTER_AREA if scale < 1 else cv2.INTER_CUBIC)
    left, top = (size[0] - WIDTH) // 2, (size[1] - HEIGHT) // 2
    return _jpeg(small[top : top + HEIGHT, left : left + WIDTH], 82)


def shrunk(data: bytes) -> bytes:
    """JPEG of a whole picture, its longer side LONGER pixels at most. Raises BadImage."""
    pixels = decode(data, NAME, least=LONGER)
    scale = min(1.0, LONGER / max(pixels.shape[:2]))
    size = (max(1, round(pixels.shape[1] * scale)), max(1, round(pixels.shape[0] * scale)))
    return _jpeg(cv2.resize(pixels, size, interpolation=cv2.INTER_AREA), 90)


def near_hash(data: bytes) -> np.ndarray:
    """uint64 (8,): perceptual hashes of a picture as it is, and of its flips and quarter turns. Raises BadImage."""
    return np.asarray(hashing.phash_orientations(squeezed(decode_grey(data, NAME, least=hashing.SIZE))[None])[0])


def squeezed(grey: np.ndarray) -> np.ndarray:
    """uint8, as `cutis.image.hashing` takes it."""
    return np.asarray(cv2.resize(grey, (hashing.SIZE, hashing.SIZE), interpolation=cv2.INTER_AREA))


def _jpeg(pixels: np.ndarray, quality: int) -> bytes:
    coded = cv2.imencode(".jpg", cv2.cvtColor(pixels, cv2.COLOR_RGB2BGR), [cv2.IMWRITE_JPEG_QUALITY, quality])[1]
    return coded.tobytes()
