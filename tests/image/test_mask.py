"""The one reader of masks: every encoding of two values gives the same mask, and what would be a guess is refused."""

from __future__ import annotations

import io
from collections.abc import Callable

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from cutis.image.mask import KINDS, MASK_EXTENSIONS, fitted, mask_of, read_mask
from cutis.image.source import BadImage, LabelMap, SeveralLabels, Unsupported

M = np.zeros((24, 32), np.uint8)
M[6:16, 8:20] = 255
ON = M > 0
Make = Callable[[], bytes]


def file(image: Image.Image | np.ndarray, form: str = "PNG", **options: object) -> bytes:
    out = io.BytesIO()
    (image if isinstance(image, Image.Image) else Image.fromarray(image)).save(out, form, **options)
    return out.getvalue()


def palette(*colours: int, form: str = "PNG", indices: np.ndarray = M // 255, **options: object) -> bytes:
    image = Image.frombytes("P", indices.shape[::-1], indices.tobytes())
    image.putpalette(list(colours))
    return file(image, form, **options)


def npy(array: np.ndarray) -> bytes:
    out = io.BytesIO()
    np.save(out, array)
    return out.getvalue()


def two(low: float, high: float, dtype: type) -> np.ndarray:
    return np.where(ON, high, low).astype(dtype)


RED = np.dstack([M, 0 * M, 0 * M])
# name -> (file, kind). Every one of them is the same mask.
SAME: dict[str, tuple[Make, str]] = {
    "8 bits": (lambda: file(M), ""),
    "1 bit": (lambda: file(ON), ""),
    "0 and 1": (lambda: file(M // 255), "0/1"),
    "0 and 2": (lambda: file(M // 255 * 2), "two values"),
    "0 and 38": (lambda: file(two(0, 38, np.uint8)), "two values"),
    "0 and 254": (lambda: file(two(0, 254, np.uint8)), "two values"),
    "16 bits, 65535": (lambda: file(two(0, 65535, np.uint16)), ""),
    "16 bits, 1": (lambda: file(two(0, 1, np.uint16)), "0/1"),
    "16 bits, 255": (lambda: file(two(0, 255, np.uint16)), ""),
    "16 bits, 4095": (lambda: file(two(0, 4095, np.uint16), "TIFF"), "two values"),
    "16 bits, white is zero": (lambda: white_is_zero(), ""),
    "32 bits": (lambda: file(Image.fromarray(two(0, 1, np.int32)), "TIFF"), "0/1"),
    "float 0 and 1": (lambda: file(two(0, 1, np.float32), "TIFF"), "0/1"),
    "float 0 and 255": (lambda: file(two(0, 255, np.float32), "TIFF"), ""),
    "float probabilities": (lambda: file(two(0.1, 0.8, np.float32), "TIFF"), "probabilities"),
    "8-bit probabilities": (lambda: file(two(40, 200, np.uint8)), "grey"),
    "tiff, 1 bit": (lambda: file(Image.fromarray(ON), "TIFF", compression="group4"), ""),
    "bmp": (lambda: file(M, "BMP"), ""),
    "gif": (lambda: file(M, "GIF"), ""),
    "webp": (lambda: file(np.dstack([M] * 3), "WEBP", lossless=True), ""),
    "jpeg": (lambda: file(M, "JPEG", quality=60), "grey"),
    "jpeg in colour": (lambda: file(np.dstack([M] * 3), "JPEG", quality=60), "grey"),
    "jpeg, red": (lambda: file(RED, "JPEG", quality=90, subsampling=0), "colours"),
    "rgb": (lambda: file(np.dstack([M] * 3)), ""),
    "red on black": (lambda: file(RED), "colours"),
    "white on blue": (lambda: file(np.dstack([M, M, 0 * M + 255])), "colours"),
    "opaque": (lambda: file(np.dstack([M, M, M, 0 * M + 255])), ""),
    "alpha is the mask": (lambda: file(np.dstack([0 * M + 255] * 3 + [M])), "alpha"),
    "alpha is the mask, black": (lambda: file(np.dstack([0 * M] * 3 + [M])), "alpha"),
    "alpha and colour alike": (lambda: file(np.dstack([M] * 4)), ""),
    "red, transparent around": (lambda: file(np.dstack([M, 0 * M, 0 * M, M])), "colours"),
    "grey and alpha": (lambda: file(Image.merge("LA", [Image.fromarray(M), Image.new("L", (32, 24), 255)])), ""),
    "palette, black and white": (lambda: palette(0, 0, 0, 255, 255, 255), ""),
    "palette, white first": (lambda: palette(255, 255, 255, 0, 0, 0, indices=1 - M // 255), ""),
    "palette, VOC's red": (lambda: palette(0, 0, 0, 128, 0, 0), "colours"),
    "palette, dark blue": (lambda: palette(0, 0, 0, 20, 20, 60), "colours"),
    "palette, GIF": (lambda: palette(0, 0, 0, 128, 0, 0, form="GIF"), "colours"),
    "npy, bool": (lambda: npy(ON), ""),
    "npy, 0 and 1": (lambda: npy(ON.astype(np.int64)), "0/1"),
    "npy, float": (lambda: npy(ON.astype(np.float16)), "0/1"),
    "npy, a channel more": (lambda: npy(ON[None].astype(np.float32)), "0/1"),
    "npy, Fortran": (lambda: npy(np.asfortranarray(ON)), ""),
}


def white_is_zero() -> bytes:
    """Uncompressed little-endian TIFF of 16 bits in which 0 is white."""
    data = file(two(65535, 0, np.uint16), "TIFF")
    entry = b"\x06\x01\x03\x00\x01\x00\x00\x00"  # PhotometricInterpretation, SHORT, one
    at = data.index(entry) + len(entry)
    return data[:at] + b"\0" + data[at + 1 :]


@pytest.mark.parametrize("name", SAME)
def test_every_encoding_is_the_same_mask(name: str):
    make, kind = SAME[name]
    found = read_mask(make(), "m")
    assert np.array_equal(found.pixels, ON)
    assert found.kind == kind
    assert found.pixels.dtype == np.bool_
    assert not found.on_border
    assert kind == "" or kind in KINDS


REFUSED: dict[str, tuple[Make, str]] = {
    "a label map": (lambda: file(labels(), "PNG"), r"3 values \(0, 1, 2\): a label map"),
    "a label map of 16 bits": (lambda: file(labels().astype(np.uint16)), "a label map"),
    "a label map with void": (lambda: file(np.where(labels() == 2, 255, labels())), r"\(0, 1, 255\): a label map"),
    "a palette of labels": (lambda: palette(0, 0, 0, 128, 0, 0, 0, 128, 0, indices=labels()), "a palette of 3 colours"),
    "labels 1 and 2": (lambda: file(M // 255 + 1), "two values, 1 and 2, on one side"),
    "two bright greys": (lambda: file(two(200, 255, np.uint8)), "two values, 200 and 255"),
    "one label": (lambda: file(np.full((5, 5), 3, np.uint8)), "one value, 3"),
    "one colour": (lambda: file(Image.new("RGB", (5, 5), (200, 0, 0))), "one colour"),
    "equally bright": (lambda: file(equally_bright()), "equally bright"),
    "a photograph": (lambda: file(photograph()), "many colours"),
    "a photograph, JPEG": (lambda: file(photograph(), "JPEG"), "many colours"),
    "a dim JPEG": (lambda: file(two(0, 90, np.uint8), "JPEG"), "greys from 0 to"),
    "colour against alpha": (lambda: file(np.dstack([M] * 3 + [255 - M])), "say different things"),
    "CMYK": (lambda: file(Image.new("CMYK", (9, 9)), "JPEG"), "CMYK"),
    "not a number": (lambda: npy(np.full((4, 4), np.nan)), "not a number"),
    "logits": (lambda: npy(two(-3, 4.5, np.float32)), "numbers from -3 to 4.5"),
    "negative": (lambda: npy(two(-1, 1, np.int16)), "none below 0"),
    "a stack": (lambda: npy(np.zeros((4, 5, 6), np.uint8)), "two dimensions"),
    "text": (lambda: npy(np.array([["a", "b"]])), "two dimensions of numbers"),
    "a pickle": (lambda: npy(np.array([[{}]], dtype=object)), "no numbers"),
    "npy cut off": (lambda: npy(ON)[:-5], "not a readable .npy"),
    "a huge npy": (lambda: huge_npy(), "at most 100 million"),
    "no picture": (lambda: b"hello", "not an image"),
    "nothing": (lambda: b"", "empty"),
}


def labels() -> np.ndarray:
    made = M // 255
    made[20:, 20:] = 2
    return made


def equally_bright() -> np.ndarray:
    return np.where(ON[..., None], (97, 0, 0), (0, 0, 254)).astype(np.uint8)


def photograph() -> np.ndarray:
    return np.random.default_rng(0).integers(0, 256, (24, 32, 3), dtype=np.uint8)


def huge_npy() -> bytes:
    out = io.BytesIO()
    header = {"descr": "|u1", "fortran_order": False, "shape": (10**6, 10**6)}
    np.lib.format.write_array_header_2_0(out, header)
    return out.getvalue()


@pytest.mark.parametrize("name", REFUSED)
def test_what_would_be_a_guess_is_refused(name: str):
    make, words = REFUSED[name]
    with pytest.raises(BadImage, match=words) as error:
        read_mask(make(), "m")
    assert "\n" not in str(error.value)
    assert isinstance(error.value, LabelMap) == ("label map" in words or "palette of 3" in words)


def test_a_label_asked_for():
    for make in (lambda: file(labels()), lambda: palette(*range(9), indices=labels()), lambda: npy(labels() * 1.0)):
        found = read_mask(make(), "m", label=2)
        assert np.array_equal(found.pixels, labels() == 2)
        assert found.kind == "label"
    assert not read_mask(file(M), "m", label=2).pixels.any()
    with pytest.raises(BadImage, match="colours, where a label map has numbers"):
        read_mask(file(RED), "m", label=1)


@pytest.mark.parametrize(
    ("values", "kind"),
    [
        (np.zeros((4, 4), np.uint8), ""),
        (np.zeros((4, 4), np.float32), ""),
        (np.full((4, 4), 100, np.uint8), "dim"),
        (np.arange(0, 128, 2, dtype=np.uint8).reshape(8, 8), "dim"),
        (np.full((4, 4), 0.3), "dim"),
    ],
)
def test_empty_masks_count_as_given(values: np.ndarray, kind: str):
    found = mask_of(values)
    assert (found.pixels.any(), found.kind) == (False, kind)


def test_full_masks():
    for values in (np.full((4, 4), 255, np.uint8), np.full((4, 4), 1, np.uint8), np.full((4, 4), 65535, np.uint16)):
        found = mask_of(values)
        assert found.pixels.all()
        assert found.on_border
    assert mask_of(np.full((4, 4), 200, np.uint8)).kind == "grey"


def test_an_inverted_mask_covers_the_border():
    for make in (lambda: file(255 - M), lambda: palette(255, 255, 255, 0, 0, 0)):
        found = read_mask(make(), "m")
        assert np.array_equal(found.pixels, ~ON)
        assert found.on_border


@settings(max_examples=60, deadline=None)
@given(quality=st.integers(5, 100), seed=st.integers(0, 2**31), colour=st.booleans())
def test_jpeg_noise_stays_on_its_side_of_128(quality: int, seed: int, colour: bool):
    """Squares on JPEG's blocks, so that the coding has no edge within a block to blur: each pixel comes back."""
    mask = np.kron(np.random.default_rng(seed).random((5, 6)) < 0.5, np.ones((16, 16), bool))
    values = mask * np.uint8(255)
    found = read_mask(file(np.dstack([values] * 3) if colour else values, "JPEG", quality=quality), "m")
    assert np.array_equal(found.pixels, mask)


@settings(max_examples=60, deadline=None)
@given(
    values=st.tuples(st.integers(0, 255), st.integers(0, 255)).filter(lambda v: v[0] != v[1]),
    dtype=st.sampled_from([np.uint8, np.uint16, np.int32, float]),
)
def test_two_values_are_understood_or_refused_never_turned_over(values: tuple[int, int], dtype: type):
    low, high = sorted(values)
    try:
        found = mask_of(two(low, high, dtype))
    except Unsupported:
        assert low > 0
    else:
        assert np.array_equal(found.pixels, ON)


def test_it_is_turned_as_pictures_are():
    exif = Image.Exif()
    exif[0x0112] = 6
    for form, options in (("PNG", {}), ("JPEG", {"quality": 100}), ("TIFF", {})):
        found = read_mask(file(M, form, exif=exif, **options), "m")
        assert np.array_equal(found.pixels, np.rot90(ON, -1))


def test_sizes():
    mask = read_mask(file(M), "m")
    assert fitted(mask, 32, 24) is mask
    assert np.array_equal(fitted(mask, 64, 48).pixels, np.kron(ON, np.ones((2, 2), bool)))
    assert np.array_equal(fitted(read_mask(file(np.kron(M, np.ones((2, 2), np.uint8))), "m"), 32, 24).pixels, ON)
    assert fitted(mask, 33, 25).pixels.shape == (25, 33)  # proportions to a pixel, as a rounded half has
    with pytest.raises(Unsupported, match="turned by 90 degrees"):
        fitted(mask, 24, 32)
    for width, height in ((32, 32), (64, 24), (16, 24), (40, 24)):
        with pytest.raises(Unsupported, match="other proportions"):
            fitted(mask, width, height)


def test_label_maps_of_arrays():
    with pytest.raises(SeveralLabels):
        mask_of(labels())
    assert {mask_of(labels() * (labels() == k)).value for k in (1, 2)} == {1, 2}
    assert mask_of(M).value is None
    assert ".npy" in MASK_EXTENSIONS
