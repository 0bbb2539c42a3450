"""Import leaves nothing in a file that says whose it is, and doesn't touch the pixels."""

from __future__ import annotations

import io

import numpy as np
import pytest
from PIL import Image

from cutis.data.clean import clean_image, clean_mask, strip_jpeg
from cutis.image.decode import BadImage, decode

SECRETS = (b"Canon", b"patient Miller", b"GPS-HERE", b"trailing motion photo", b"xmp:secret")


def tagged(pixels: np.ndarray, orientation: int = 1, **options: object) -> bytes:
    """A JPEG with EXIF (maker, GPS), a comment, an XMP segment and bytes after its end."""
    exif = Image.Exif()
    exif[0x010F] = "Canon"
    exif[0x0112] = orientation
    exif.get_ifd(0x8825)[29] = "GPS-HERE"
    out = io.BytesIO()
    Image.fromarray(pixels).save(out, "JPEG", exif=exif, comment=b"patient Miller", quality=90, **options)
    data = out.getvalue()
    xmp = b"http://ns.adobe.com/xap/1.0/\x00<x>xmp:secret</x>"
    segment = b"\xff\xe1" + (len(xmp) + 2).to_bytes(2, "big") + xmp
    return data[:2] + segment + data[2:] + b"trailing motion photo"


@pytest.mark.parametrize("options", [{}, {"progressive": True}, {"subsampling": 0}])
def test_an_upright_jpeg_loses_metadata_and_no_pixel(options, picture):
    data = tagged(picture(), **options)
    assert all(secret in data for secret in SECRETS)
    clean = clean_image(data, "x.jpg")
    assert not any(secret in clean.data for secret in SECRETS)
    assert clean.extension == ".jpg"
    assert np.array_equal(decode(clean.data, "x"), decode(data, "x"))
    assert strip_jpeg(clean.data, "x") is clean.data  # nothing left to remove


def test_a_bare_jpeg_is_copied_as_it_is(picture, encoded):
    for options in ({}, {"progressive": True}, {"optimize": True}):
        data = encoded(picture(), "JPEG", **options)
        assert clean_image(data, "x").data == data


def test_a_rotated_jpeg_is_turned_upright_and_loses_metadata(picture):
    data = tagged(picture(40, 24), orientation=6)
    clean = clean_image(data, "x.jpg")
    assert not any(secret in clean.data for secret in SECRETS)
    assert (clean.width, clean.height) == (24, 40)
    assert np.abs(decode(clean.data, "x").astype(int) - decode(data, "x")).mean() < 1.5


def test_what_pixels_need_is_kept(encoded, picture):
    cmyk = encoded(Image.new("CMYK", (16, 16), (0, 200, 200, 0)), "JPEG", comment=b"patient Miller")
    clean = clean_image(cmyk, "x")
    assert b"patient Miller" not in clean.data
    assert np.array_equal(decode(clean.data, "x"), decode(cmyk, "x"))
    from PIL import ImageCms

    profile = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
    assert profile in clean_image(encoded(picture(), "JPEG", icc_profile=profile), "x").data


def test_a_jfif_thumbnail_goes(picture, encoded):
    data = encoded(picture(), "JPEG")
    assert data[2:4] == b"\xff\xe0"
    thumbnail = bytes(range(12))
    with_thumbnail = data[:4] + (16 + 12).to_bytes(2, "big") + data[6:18] + b"\x02\x02" + thumbnail + data[20:]
    assert clean_image(with_thumbnail, "x").data == data


def test_png_text_and_exif_go(picture, encoded):
    from PIL.PngImagePlugin import PngInfo

    info = PngInfo()
    info.add_text("Author", "patient Miller")
    pixels = picture()
    clean = clean_image(encoded(pixels, "PNG", pnginfo=info), "x")
    assert b"Miller" not in clean.data
    assert clean.extension == ".png"
    assert np.array_equal(decode(clean.data, "x"), pixels)


def test_a_jpeg_cut_in_its_coded_data_is_refused(picture, encoded):
    data = encoded(np.random.default_rng(0).integers(0, 256, (64, 64, 3), dtype=np.uint8), "JPEG")
    for cut in (len(data) - 2, len(data) - 200, len(data) // 2):
        with pytest.raises(BadImage, match="truncated"):
            clean_image(data[:cut], "x")


def test_a_mask_becomes_black_and_white_of_its_pictures_size(encoded):
    grey = np.arange(0, 256, 4, dtype=np.uint8).reshape(8, 8)
    clean = clean_mask(encoded(grey, "PNG"), "m", 8, 8)
    assert clean.kind == "grey"
    assert np.array_equal(np.asarray(Image.open(io.BytesIO(clean.data))), 255 * (grey > 128))
    twice = clean_mask(encoded(grey, "PNG"), "m", 16, 16)
    assert twice.scaled
    assert np.array_equal(
        np.asarray(Image.open(io.BytesIO(twice.data))), 255 * np.kron(grey > 128, np.ones((2, 2), bool))
    )
    for bare in (Image.fromarray(grey > 30), Image.fromarray((grey > 30) * np.uint8(255))):
        data = encoded(bare, "PNG")
        assert clean_mask(data, "m", 8, 8).data == data
    with pytest.raises(BadImage, match="not an image"):
        clean_mask(b"not a mask", "m", 8, 8)
    with pytest.raises(BadImage, match="8 x 8 pixels for 8 x 12, of other proportions"):
        clean_mask(encoded(grey, "PNG"), "m", 8, 12)


def test_colours_that_exif_states_stay(picture, encoded):
    """A camera's Adobe RGB has no profile, only EXIF, which goes: a profile takes its place."""
    exif = Image.Exif()
    own = exif.get_ifd(0x8769)
    own[0xA001] = 0xFFFF
    own[0xA005] = {1: "R03"}
    data = encoded(picture(), "JPEG", exif=exif, quality=95)
    shown = decode(data, "x")
    assert np.abs(shown.astype(int) - decode(encoded(picture(), "JPEG", quality=95), "x")).max() > 10
    clean = clean_image(data, "x")
    assert b"Exif" not in clean.data
    assert np.array_equal(decode(clean.data, "x"), shown)
