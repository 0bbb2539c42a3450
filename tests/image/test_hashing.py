"""Perceptual hashes against a plain cosine transform, and what they must and must not tell apart."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image
from scipy.fft import dctn

from cutis.errors import CutisError
from cutis.image import hashing
from cutis.image.decode import decode, decode_grey


def noise(n: int, seed: int = 0) -> np.ndarray:
    """Smooth random pictures (n, 32, 32)."""
    rng = np.random.default_rng(seed)
    return np.stack([np.kron(rng.uniform(0, 255, (8, 8)), np.ones((4, 4))) for _ in range(n)])


def test_phash_is_the_signs_of_a_cosine_transform():
    images = noise(20)
    for image, found in zip(images, hashing.phash(images), strict=True):
        low = dctn(image, type=2)[:8, :8]
        # scipy's transform is ours up to a factor that is the same for every coefficient.
        bits = (low > np.median(low.ravel()[1:])).ravel()
        assert int(found) == int("".join("1" if b else "0" for b in bits), 2)


def test_the_eight_orientations_cost_one_transform_and_are_exact():
    images = noise(10, 1)
    fast = hashing.phash_orientations(images)
    for k in range(8):
        turned = np.stack([hashing.oriented(image, k) for image in images])
        assert hashing.distance(fast[:, k], hashing.phash(turned)).max() <= 2  # ties at the median may fall either way
    assert (fast[:, 0] == hashing.phash(images)).all()
    shapes = {hashing.oriented(np.arange(6).reshape(2, 3), k).tobytes() for k in range(8)}
    assert len(shapes) == 8


def test_light_and_noise_hardly_change_a_hash_and_other_images_do():
    images = noise(30, 2)
    hashes = hashing.phash(images)
    rng = np.random.default_rng(3)
    changed = images * 0.7 + 40 + rng.normal(0, 3, images.shape)
    assert hashing.distance(hashes, hashing.phash(changed)).max() <= 6
    apart = hashing.distance(hashes[:, None], hashes[None])[~np.eye(30, dtype=bool)]
    assert apart.min() > 10


def test_dhash_by_hand():
    falling = np.tile(np.arange(9, 0, -1), (8, 1))[None]
    assert int(hashing.dhash(falling)[0]) == 2**64 - 1
    assert int(hashing.dhash(falling[:, :, ::-1])[0]) == 0
    one = np.zeros((1, 8, 9))
    one[0, 7, 7] = 1  # brighter than its right neighbour, the last bit
    assert int(hashing.dhash(one)[0]) == 1


@settings(max_examples=50, deadline=None)
@given(st.lists(st.integers(0, 2**64 - 1), min_size=2, max_size=8))
def test_signs_and_distance_agree(values):
    hashes = np.array(values, np.uint64)
    signs = hashing.signs(hashes)
    by_signs = (64 - signs @ signs.T) / 2
    assert (hashing.distance(hashes[:, None], hashes[None]) == by_signs).all()
    assert hashing.distance(hashes[0], hashes[1]) == (values[0] ^ values[1]).bit_count()


@pytest.mark.parametrize(
    ("form", "options", "off"),
    [("JPEG", {"quality": 90}, 1), ("JPEG", {"quality": 90, "exif": b"turned"}, 1), ("PNG", {}, 0)],
)
def test_grey_is_the_luma_of_the_decoded_image(form, options, off, picture, encoded):
    if "exif" in options:
        exif = Image.Exif()
        exif[0x0112] = 6
        options = {**options, "exif": exif}
    data = encoded(picture(300, 220), form, **options)
    for least in (None, 32):
        grey, whole = decode_grey(data, "x", least=least), decode(data, "x", least=least)
        assert grey.shape == whole.shape[:2]
        assert np.abs(whole @ [0.299, 0.587, 0.114] - grey).mean() <= off + 0.5


def test_wrong_shapes_are_refused():
    with pytest.raises(CutisError, match=r"expected \(n, 32, 32\)"):
        hashing.phash(np.zeros((32, 32)))
    with pytest.raises(CutisError, match=r"expected \(n, 8, 9\)"):
        hashing.dhash(np.zeros((1, 9, 8)))
