"""Colours by what a profile computes, never by what it is called; what isn't read is refused."""

from __future__ import annotations

import io
import struct

import numpy as np
import pytest
from costly import png, png_chunk
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image, ImageCms
from profiles import ADOBE, P3, SRGB, encode_srgb, expected, power, profile, srgb_curve

from cutis.data.deidentify.picture import clean_picture
from cutis.image.colour_profile import DISPLAY_P3, TOLERANCE, rgb_profile, srgb_transform, to_srgb_array
from cutis.image.decode import BadImage, decode
from cutis.image.source import Unsupported

LINEAR = profile("linear sRGB", power(1.0))
KINDS = {
    "sRGB, linear": (power(1.0), SRGB),
    "sRGB gamma 1.8": (power(1.8), SRGB),
    "sRGB IEC61966-2.1 (P3)": (srgb_curve, P3),
    "Adobe RGB (1998)": (power(563 / 256), ADOBE),
    "nothing": (power(2.6), ADOBE),
}
LEVELS = np.stack(np.meshgrid(*[np.array([0, 8, 40, 100, 160, 220, 255], np.uint8)] * 3), -1).reshape(7, 49, 3)


def away(got: np.ndarray, wanted: np.ndarray) -> float:
    """The largest difference in levels of 255."""
    return float(np.abs(got.astype(float) - wanted).max())


def bare(pixels: np.ndarray, icc: bytes, form: str = "PNG") -> bytes:
    out = io.BytesIO()
    options = {"PNG": {}, "TIFF": {}, "WEBP": {"lossless": True}, "JPEG": {"quality": 100, "subsampling": 0}}[form]
    Image.fromarray(pixels).save(out, form, icc_profile=icc, **options)
    return out.getvalue()


@pytest.mark.parametrize("name", KINDS)
@pytest.mark.parametrize("form", ["PNG", "TIFF", "WEBP", "JPEG"])
def test_the_curves_decide_not_the_name(name: str, form: str):
    curve, matrix = KINDS[name]
    pixels = LEVELS if form != "JPEG" else np.kron(LEVELS, np.ones((8, 8, 1), np.uint8))
    got = decode(bare(pixels, profile(name, curve, matrix), form), "x")
    wanted = expected(pixels, curve, matrix)
    assert away(got, wanted) <= (2.5 if form != "JPEG" else 24)  # a linear curve is steep in the dark
    assert np.abs(got - wanted).mean() < 1.2
    assert away(got, pixels) > 15


@pytest.mark.parametrize("name", ["made for a printer", "sRGB", ""])
@pytest.mark.parametrize("points", [26, 1024, 4096])
def test_srgb_is_left_alone_by_any_name_and_with_few_points(name: str, points: int):
    assert srgb_transform(profile(name, srgb_curve, points=points), "RGB") is None
    pixels = LEVELS.copy()
    assert to_srgb_array(pixels, profile(name, srgb_curve)) is pixels
    assert srgb_transform(ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes(), "RGB") is None


@pytest.mark.parametrize("form", ["PNG", "TIFF", "JPEG"])
def test_grey_profiles(form: str):
    grey = np.kron(np.arange(0, 256, 5, dtype=np.uint8)[None], np.ones((8, 8), np.uint8))
    for name, curve in (("Gray", power(1.0)), ("sRGB dot gain", power(1.75))):
        got = decode(bare(grey, profile(name, curve, None), form), "x")
        wanted = 255 * encode_srgb(curve(grey / 255))
        assert away(got, wanted[..., None]) <= (1.5 if form != "JPEG" else 4)
        assert (got[..., 0] == got[..., 2]).all()
    same = decode(bare(grey, profile("other", srgb_curve, None), form), "x")
    assert away(same[..., 0], grey) <= (TOLERANCE if form != "JPEG" else 3)
    # A grey picture that kept the RGB profile it had: greys of that profile.
    kept = decode(bare(grey, profile("sRGB", power(1.0)), form), "x")
    assert away(kept, 255 * encode_srgb(grey[..., None] / 255)) <= (1.5 if form != "JPEG" else 13)


@pytest.mark.parametrize(
    ("pixels", "icc", "words"),
    [
        (LEVELS, profile("grey", power(2.2), None), "for GRAY pixels, not for RGB"),
        (LEVELS, LINEAR[:200], "profile is damaged"),
        (LEVELS, b"not a profile at all", "profile is damaged"),
        (LEVELS, profile("link", power(2.2), kind=b"link"), "of a device"),
        (Image.new("CMYK", (8, 8)), LINEAR, "for RGB pixels, not for CMYK"),
    ],
)
def test_what_is_no_profile_for_the_pixels_is_refused(pixels: np.ndarray | Image.Image, icc: bytes, words: str):
    out = io.BytesIO()
    image = pixels if isinstance(pixels, Image.Image) else Image.fromarray(pixels)
    image.save(out, "TIFF", icc_profile=icc)
    with pytest.raises(BadImage, match=words):
        decode(out.getvalue(), "x")


@settings(max_examples=25, deadline=None)
@given(gamma=st.floats(1.0, 2.8), matrix=st.sampled_from([SRGB, ADOBE, P3]), seed=st.integers(0, 99))
def test_any_matrix_and_curve(gamma: float, matrix: np.ndarray, seed: int):
    pixels = np.random.default_rng(seed).integers(30, 256, (9, 9, 3), dtype=np.uint8)
    got = to_srgb_array(pixels, profile("sRGB", power(gamma), matrix, points=4096))
    assert np.abs(got - expected(pixels, power(gamma), matrix)).max() <= TOLERANCE + 1


@pytest.mark.parametrize("form", ["JPEG", "PNG"])
@pytest.mark.parametrize("name", ["sRGB, linear", "sRGB gamma 1.8", "Adobe RGB (1998)"])
def test_deidentify_keeps_the_colours(form: str, name: str, picture):
    curve, matrix = KINDS[name]
    data = bare(picture(40, 30), profile(name, curve, matrix), form)
    clean = clean_picture(data, "x")
    assert np.array_equal(decode(clean.data, "x"), decode(data, "x"))
    assert clean.max_error == 0
    assert b"sRGB" not in clean.data.replace(b"\x00sRGB", b"")
    assert decode(clean.data, "x").astype(int).mean() - picture(40, 30).mean() != pytest.approx(0, abs=0.3)


def chunks(*given_: tuple[bytes, bytes], pixels: np.ndarray = LEVELS) -> bytes:
    raw = b"".join(b"\0" + row.tobytes() for row in pixels)
    before = b"".join(png_chunk(kind, body) for kind, body in given_)
    return png(pixels.shape[1], pixels.shape[0], before=before, raw=raw)


def chrm(white: tuple[float, float], *points: tuple[float, float]) -> tuple[bytes, bytes]:
    return b"cHRM", struct.pack(">8I", *(round(v * 1e5) for point in (white, *points) for v in point))


D65 = (0.3127, 0.3290)
SRGB_POINTS = ((0.64, 0.33), (0.30, 0.60), (0.15, 0.06))
ADOBE_POINTS = ((0.64, 0.33), (0.21, 0.71), (0.15, 0.06))


@pytest.mark.parametrize(
    ("given_", "wanted"),
    [
        ([(b"gAMA", struct.pack(">I", 45455))], LEVELS),
        ([(b"gAMA", struct.pack(">I", 45455)), chrm(D65, *SRGB_POINTS)], LEVELS),
        ([(b"gAMA", struct.pack(">I", 100000))], expected(LEVELS, power(1.0))),
        ([(b"gAMA", struct.pack(">I", 55556))], expected(LEVELS, power(1.8))),
        ([(b"gAMA", struct.pack(">I", 100000)), (b"sRGB", b"\0")], LEVELS),
        ([(b"gAMA", struct.pack(">I", 100000)), (b"gAMA", struct.pack(">I", 45455))], expected(LEVELS, power(1.0))),
        ([chrm(D65, *ADOBE_POINTS)], expected(LEVELS, srgb_curve, ADOBE)),
        ([(b"cICP", bytes((1, 13, 0, 1))), (b"gAMA", struct.pack(">I", 100000))], LEVELS),
        ([(b"cICP", bytes((12, 13, 0, 1)))], expected(LEVELS, srgb_curve, P3)),
    ],
)
def test_colours_that_png_states_by_numbers(given_: list[tuple[bytes, bytes]], wanted: np.ndarray):
    data = chunks(*given_)
    assert away(decode(data, "x"), wanted) <= 2.5
    clean = clean_picture(data, "x")
    assert away(decode(clean.data, "x"), wanted) <= 2.5


@pytest.mark.parametrize(
    ("given_", "words"),
    [
        ([(b"cICP", bytes((9, 16, 0, 1)))], "code points 9 and 16"),
        ([(b"gAMA", struct.pack(">I", 5))], "a gamma"),
        ([chrm(D65, (0.3, 0.3), (0.3, 0.3), (0.3, 0.3))], "no colours"),
        ([chrm((0.3, 0.0), *SRGB_POINTS)], "no colours"),
    ],
)
def test_png_colours_that_are_not_read(given_: list[tuple[bytes, bytes]], words: str):
    with pytest.raises(BadImage, match=words):
        decode(chunks(*given_), "x")


def test_avif_code_points(encoded):
    pixels = np.full((16, 16, 3), (200, 120, 80), np.uint8)
    data = encoded(pixels, "AVIF", quality=100)
    at = data.index(b"nclx") + 4
    assert away(decode(data, "x").astype(int), pixels) <= 2
    wide = data[:at] + bytes((0, 12, 0, 13)) + data[at + 4 :]
    assert np.abs(decode(wide, "x") - expected(pixels, srgb_curve, P3)).max() <= 4
    with pytest.raises(BadImage, match="code points 9 and 16"):
        decode(data[:at] + bytes((0, 9, 0, 16)) + data[at + 4 :], "x")
    inside = encoded(pixels, "AVIF", quality=100, icc_profile=profile("sRGB", power(1.0)))
    assert np.abs(decode(inside, "x") - expected(pixels, power(1.0))).max() <= 4


def test_jpeg_2000_colours(encoded):
    pixels = np.full((16, 16, 3), (200, 120, 80), np.uint8)
    data = encoded(pixels, "JPEG2000")
    at = data.index(b"colr") + 10
    for enumerated in (14, 20, 21):
        with pytest.raises(BadImage, match=f"enumerated colours {enumerated}"):
            decode(data[:at] + bytes((enumerated,)) + data[at + 1 :], "x")
    luma = np.asarray(Image.fromarray(pixels).convert("YCbCr"))
    coded = encoded(luma, "JPEG2000", mct=0)
    said = coded[: coded.index(b"colr") + 10] + b"\x12" + coded[coded.index(b"colr") + 11 :]
    assert away(decode(said, "x").astype(int), pixels) <= 2
    icc = profile("sRGB", power(1.0))
    box = struct.pack(">I4sBBB", 11 + len(icc), b"colr", 2, 0, 0) + icc
    old = data.index(b"colr") - 4
    head = data.index(b"jp2h") - 4
    size = int.from_bytes(data[head : head + 4]) + len(box) - 15
    patched = data[:head] + size.to_bytes(4) + data[head + 4 : old] + box + data[old + 15 :]
    assert np.abs(decode(patched, "x") - expected(pixels, power(1.0))).max() <= 2
    with pytest.raises(BadImage, match="doesn't say which colours"):
        decode(encoded(luma, "JPEG2000", mct=0, no_jp2=True), "x")


def test_bmp_and_gif_profiles(encoded):
    pixels = np.full((8, 8, 3), (200, 120, 80), np.uint8)
    plain = encoded(pixels, "BMP")
    icc = profile("sRGB", power(1.0))
    body = plain[54:]
    for kind, extra, wanted in (
        (b"BGRs", b"", pixels),
        (b" niW", b"", pixels),
        (bytes(4), b"", pixels),
        (b"DEBM", icc, expected(pixels, power(1.0))),
    ):
        at = 124 + len(body)
        head = struct.pack("<I", 124) + plain[18:54] + bytes(16) + kind + bytes(36 + 12 + 4)
        head += struct.pack("<III", at if extra else 0, len(extra), 0)
        data = b"BM" + struct.pack("<IHHI", 138 + len(body) + len(extra), 0, 0, 138) + head + body + extra
        assert away(decode(data, "x"), wanted) <= 2
    with pytest.raises(BadImage, match="lies in another file"):
        decode(data.replace(b"DEBM", b"KNIL"), "x")
    gif = encoded(Image.fromarray(pixels).quantize(4), "GIF")
    start = 13 + 3 * 2 ** ((gif[10] & 7) + 1)
    pieces = b"".join(bytes((len(icc[k : k + 255]),)) + icc[k : k + 255] for k in range(0, len(icc), 255))
    tagged = gif[:start] + b"\x21\xff\x0bICCRGBG1012" + pieces + b"\0" + gif[start:]
    assert np.abs(decode(tagged, "x") - expected(pixels, power(1.0))).max() <= 2


def test_exif_of_a_camera_set_to_adobe_rgb(encoded):
    """DCF: interoperability R03 and an uncalibrated colour space are Adobe RGB; either alone says nothing."""
    pixels = np.full((16, 16, 3), (200, 120, 80), np.uint8)
    for space, index, matrix in ((0xFFFF, "R03", ADOBE), (1, "R03", None), (0xFFFF, "R98", None), (0xFFFF, None, None)):
        exif = Image.Exif()
        own = exif.get_ifd(0x8769)
        own[0xA001] = space
        if index:
            own[0xA005] = {1: index}
        got = decode(encoded(pixels, "JPEG", exif=exif, quality=100), "x")
        wanted = pixels if matrix is None else expected(pixels, power(563 / 256), matrix)
        assert away(got, wanted) <= 3


def test_a_built_profile_is_littlecms_own():
    built, own = rgb_profile(DISPLAY_P3), profile("P3", srgb_curve, P3, points=4096)
    pixels = LEVELS.copy()
    assert away(to_srgb_array(pixels, built), to_srgb_array(pixels, own)) <= 2
    assert srgb_transform(rgb_profile(SRGB_POINTS), "RGB") is None
    with pytest.raises(Unsupported, match="no colours"):
        rgb_profile(((0.3, 0.3), (0.4, 0.4), (0.5, 0.5)))
