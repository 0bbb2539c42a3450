"""Perceptual hashes: 64 bits that stay nearly the same under recompression, rescaling and a change of light.

`phash`: the signs of the low frequencies of a 32 x 32 discrete cosine transform against their median (Zauner,
"Implementation and Benchmarking of Perceptual Image Hash Functions", 2010). `dhash`: the signs of the differences
between neighbours in a row. Flips and quarter turns only change signs and swap the axes of a cosine transform, so the
eight hashes of an image's eight orientations cost one transform (`phash_orientations`).

All work on many small grey images at once: arrays (n, height, width) of any real type; hashes are uint64 (n,).
"""

from __future__ import annotations

from functools import cache

import numpy as np

from cutis.errors import CutisError

SIZE = 32  # side of the images that `phash` takes
_KEPT = 8  # frequencies kept along each axis
# The orientations of a square, as (transpose first, then flip rows, then flip columns); the first is the identity.
ORIENTATIONS = tuple((t, y, x) for t in (False, True) for y in (False, True) for x in (False, True))


def phash(images: np.ndarray) -> np.ndarray:
    """uint64 (n,) hashes of (n, 32, 32) grey images. Raises CutisError for another shape."""
    return _bits(_spectrum(images))


def phash_orientations(images: np.ndarray) -> np.ndarray:
    """uint64 (n, 8): `phash` of each image in every one of `ORIENTATIONS`, in that order, from one transform each."""
    spectrum = _spectrum(images)
    odd = np.where(np.arange(_KEPT) % 2 == 1, -1.0, 1.0)  # a flip changes the sign of the odd frequencies
    found = []
    for transpose, flip_rows, flip_columns in ORIENTATIONS:
        turned = spectrum.transpose(0, 2, 1) if transpose else spectrum
        if flip_rows:
            turned = turned * odd[:, None]
        if flip_columns:
            turned = turned * odd
        found.append(_bits(turned))
    return np.stack(found, axis=1)


def dhash(images: np.ndarray) -> np.ndarray:
    """uint64 (n,) hashes of (n, 8, 9) grey images: a bit is set where a pixel is brighter than the next in its row."""
    images = np.asarray(images)
    if images.ndim != 3 or images.shape[1:] != (8, 9):
        raise CutisError(f"dhash: images of shape {images.shape}; expected (n, 8, 9).")
    return _packed(images[:, :, :-1] > images[:, :, 1:])


def distance(one: np.ndarray, other: np.ndarray) -> np.ndarray:
    """Number of bits, 0..64, in which hashes differ; shapes as numpy broadcasts them."""
    bits: np.ndarray = np.bitwise_count(np.bitwise_xor(one, other)).astype(np.int64)
    return bits


def oriented(image: np.ndarray, orientation: int) -> np.ndarray:
    """`image` (height, width, ...) in one of `ORIENTATIONS`."""
    transpose, flip_rows, flip_columns = ORIENTATIONS[orientation]
    if transpose:
        image = image.swapaxes(0, 1)
    if flip_rows:
        image = image[::-1]
    return image[:, ::-1] if flip_columns else image


def signs(hashes: np.ndarray) -> np.ndarray:
    """float32 (n, 64) of -1 and 1: the dot product of two rows over 64 is 1 - distance / 32."""
    octets = np.ascontiguousarray(hashes.astype(">u8")).view(np.uint8).reshape(len(hashes), 8)
    return np.unpackbits(octets, axis=1).astype(np.float32) * 2 - 1


@cache
def _cosines() -> np.ndarray:
    frequency, sample = np.arange(_KEPT)[:, None], np.arange(SIZE)[None, :]
    return np.cos(np.pi * frequency * (2 * sample + 1) / (2 * SIZE)).astype(np.float32)


def _spectrum(images: np.ndarray) -> np.ndarray:
    """float32 (n, 8, 8): the low frequencies of the two-dimensional cosine transform (type 2)."""
    images = np.asarray(images)
    if images.ndim != 3 or images.shape[1:] != (SIZE, SIZE):
        raise CutisError(f"phash: images of shape {images.shape}; expected (n, {SIZE}, {SIZE}).")
    low = _cosines()
    found: np.ndarray = low @ images.astype(np.float32) @ low.T
    return found


def _bits(spectrum: np.ndarray) -> np.ndarray:
    """Each coefficient against the median of all but the mean (which is far larger than any other)."""
    flat = spectrum.reshape(len(spectrum), -1)
    bits = flat > np.median(flat[:, 1:], axis=1, keepdims=True)
    # The mean's bit would be 1 in every image; the highest diagonal frequency says nothing more, so it stays as it is.
    return _packed(bits)


def _packed(bits: np.ndarray) -> np.ndarray:
    octets = np.packbits(bits.reshape(len(bits), 64), axis=1)
    return np.ascontiguousarray(octets).view(">u8").astype(np.uint64).ravel()
