"""One decode path: every kind of file read right, every broken one refused with its reason."""

from __future__ import annotations

import io
import struct
import tracemalloc
import zipfile
import zlib
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest
from PIL import Image, ImageCms, ImageOps

from cutis.errors import CutisError
from cutis.image.decode import OVERSAMPLE, BadImage, decode, probe, read_square


def pillow(data: bytes) -> np.ndarray:
    return np.asarray(ImageOps.exif_transpose(Image.open(io.BytesIO(data))).convert("RGB"))


def huge_png(side: int) -> bytes:
    def chunk(kind: bytes, body: bytes) -> bytes:
        return struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))

    header = struct.pack(">IIBBBBB", side, side, 8, 2, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", zlib.compress(b"")) + chunk(b"IEND", b"")


@pytest.mark.parametrize("form", ["PNG", "TIFF", "BMP", "PPM"])
def test_lossless_formats_give_the_pixels(form, picture, encoded):
    pixels = picture(31, 22)
    data = encoded(pixels, form)
    assert np.array_equal(decode(data, "x"), pixels)
    header = probe(data, "x")
    assert (header.width, header.height, header.format, header.frames) == (31, 22, form, 1)


@pytest.mark.parametrize("options", [{}, {"progressive": True}, {"subsampling": 0}, {"quality": 60}])
def test_jpeg_agrees_with_pillow(options, picture, encoded):
    data = encoded(picture(61, 47), "JPEG", **options)
    assert np.abs(decode(data, "x").astype(int) - pillow(data)).max() <= 2


@pytest.mark.parametrize("orientation", range(1, 9))
@pytest.mark.parametrize("form", ["JPEG", "PNG", "TIFF", "WEBP"])
def test_orientation_is_applied(form, orientation, picture, encoded):
    exif = Image.Exif()
    exif[0x0112] = orientation
    data = encoded(picture(40, 24), form, exif=exif, **({"lossless": True} if form == "WEBP" else {}))
    expected = pillow(data)
    got = decode(data, "x")
    assert got.shape == expected.shape == ((24, 40, 3) if orientation < 5 else (40, 24, 3))
    assert np.abs(got.astype(int) - expected).mean() < 1
    assert (probe(data, "x").height, probe(data, "x").width) == got.shape[:2]


def test_modes(picture, encoded):
    pixels = picture(33, 21)
    image = Image.fromarray(pixels)
    grey = np.asarray(image.convert("L"))
    for got in (decode(encoded(grey, "PNG"), "x"), decode(encoded(grey, "TIFF"), "x")):
        assert np.array_equal(got, np.repeat(grey[..., None], 3, 2))
    assert np.abs(decode(encoded(grey, "JPEG", quality=100), "x").astype(int) - grey[..., None]).max() <= 3
    palette = image.quantize(16)
    assert np.array_equal(decode(encoded(palette, "PNG"), "x"), np.asarray(palette.convert("RGB")))
    bits = image.convert("1")
    assert np.array_equal(decode(encoded(bits, "PNG"), "x")[..., 0], np.asarray(bits) * np.uint8(255))


def test_sixteen_bits_are_scaled_not_clipped(encoded):
    wide = np.array([[0, 257, 32896, 65535]], np.uint16)
    for form in ("PNG", "TIFF"):
        assert decode(encoded(Image.fromarray(wide), form), "x")[0, :, 0].tolist() == [0, 1, 128, 255]


def test_transparency_is_laid_on_white(encoded):
    rgba = np.zeros((2, 3, 4), np.uint8)
    rgba[:, 0] = (10, 20, 30, 255)
    rgba[:, 1] = (10, 20, 30, 0)
    rgba[:, 2] = (0, 0, 0, 128)
    got = decode(encoded(rgba, "PNG"), "x")
    assert got[0, 0].tolist() == [10, 20, 30]
    assert got[0, 1].tolist() == [255, 255, 255]
    assert abs(int(got[0, 2, 0]) - 127) <= 1
    clear = Image.fromarray(np.zeros((4, 4), np.uint8)).convert("P")
    assert decode(encoded(clear, "PNG", transparency=0), "x").min() == 255


def test_cmyk_jpeg_is_read_as_colours_not_inverted(encoded):
    cmyk = Image.new("CMYK", (16, 16), (0, 200, 200, 0))
    red = decode(encoded(cmyk, "JPEG", quality=95), "x")[8, 8].astype(int)
    assert red[0] > 240
    assert max(red[1], red[2]) < 90
    assert probe(encoded(cmyk, "JPEG"), "x").mode == "CMYK"


def test_a_colour_profile_is_converted_to_srgb(picture, encoded):
    pixels = picture(24, 24)
    srgb = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
    assert np.array_equal(decode(encoded(pixels, "PNG", icc_profile=srgb), "x"), pixels)
    swapped = bytearray(srgb)  # a made-up profile: red and blue primaries exchanged, and not called sRGB
    table = {bytes(swapped[132 + 12 * i : 136 + 12 * i]): 132 + 12 * i for i in range(swapped[131])}
    red, blue = table[b"rXYZ"], table[b"bXYZ"]
    swapped[red + 4 : red + 12], swapped[blue + 4 : blue + 12] = (
        swapped[blue + 4 : blue + 12],
        swapped[red + 4 : red + 12],
    )
    profile = bytes(swapped).replace("sRGB".encode("utf-16-be"), "made".encode("utf-16-be")).replace(b"sRGB", b"made")
    for form, tolerance in (("PNG", 2), ("JPEG", 12)):
        got = decode(encoded(pixels, form, icc_profile=profile, quality=98), "x").astype(int)
        assert np.abs(got - pixels[..., ::-1]).max() <= tolerance


def test_first_frame_of_an_animation(picture, encoded):
    frames = [Image.fromarray(picture(20, 20, seed)).quantize(64) for seed in range(3)]
    data = encoded(frames[0], "GIF", save_all=True, append_images=frames[1:])
    assert probe(data, "x").frames == 3
    assert np.abs(decode(data, "x").astype(int) - np.asarray(frames[0].convert("RGB"))).max() <= 1


@pytest.mark.parametrize("read", [probe, decode])
def test_broken_files_are_refused_with_a_reason(read, picture, encoded):
    archive = io.BytesIO()
    with zipfile.ZipFile(archive, "w") as z:
        z.writestr("a.txt", "x")
    for data, reason in (
        (b"", "empty"),
        (b"hello, I am a text file called photo.jpg", "not an image"),
        (archive.getvalue(), "not an image"),
        (b"\xff\xd8\xff\xe0\x00\x10JFIF", "truncated"),
        (b"\xff\xd8\xff", "truncated"),
        (b"\x89PNG\r\n\x1a\n", "not a readable PNG"),
        (b"\x00\x00\x00\x18ftypheic" + bytes(40), "HEIC"),
        (bytes(128) + b"DICM" + bytes(20), "DICOM"),
    ):
        with pytest.raises(BadImage, match=reason) as caught:
            read(data, "photo one.jpg")
        assert str(caught.value).startswith("photo one.jpg: ")
        assert "\n" not in caught.value.reason
        assert isinstance(caught.value, CutisError)


@pytest.mark.parametrize("form", ["JPEG", "PNG", "TIFF", "WEBP", "GIF", "BMP"])
@pytest.mark.parametrize("share", [0.5, 0.9])
def test_truncated_images_are_errors_not_grey_rows(form, share, encoded):
    noise = np.random.default_rng(0).integers(0, 256, (64, 64, 3), dtype=np.uint8)
    data = encoded(noise, form)
    with pytest.raises(BadImage):
        decode(data[: int(len(data) * share)], "x")
    if form == "JPEG":
        with pytest.raises(BadImage, match="truncated"):
            decode(data[: int(len(data) * share)], "x", least=8)


def test_too_many_pixels_are_refused_before_decoding():
    data = huge_png(50_000)
    tracemalloc.start()
    with pytest.raises(BadImage, match="50000 x 50000 pixels; at most 100 million"):
        probe(data, "x")
    with pytest.raises(BadImage, match="50000 x 50000"):
        decode(data, "x")
    assert tracemalloc.get_traced_memory()[1] < 20e6
    tracemalloc.stop()
    with pytest.raises(BadImage, match="9800 x 9800 pixels"):
        decode(huge_png(9_800), "x", max_pixels=90_000_000)
    assert probe(huge_png(9_800), "x").width == 9_800  # above Pillow's own warning, below our limit: no warning


def test_jpeg_scaling_keeps_both_sides(picture, encoded):
    data = encoded(picture(640, 400), "JPEG")
    assert decode(data, "x", least=64).shape == (200, 320, 3)
    assert min(decode(data, "x", least=64).shape[:2]) >= OVERSAMPLE * 64
    assert decode(data, "x", least=300).shape == (400, 640, 3)
    assert decode(data, "x").shape == (400, 640, 3)


@pytest.mark.parametrize("size", [32, 64, 128])
def test_read_square_is_nearly_the_full_decode_resized(size, ham_sample):
    worst = 0.0
    for path in sorted((ham_sample / "images").iterdir())[:12]:
        image = Image.open(path).convert("RGB").resize((600, 450), Image.Resampling.BICUBIC)
        out = io.BytesIO()
        image.save(out, "JPEG", quality=92)
        full = np.asarray(Image.open(out).convert("RGB").resize((size, size), Image.Resampling.BILINEAR)).astype(int)
        got = read_square(out.getvalue(), size)
        assert got.shape == (size, size, 3)
        assert got.dtype == np.uint8
        worst = max(worst, float(np.abs(got - full).mean()))
    assert worst < 1


def test_read_square_from_a_path_with_odd_letters_and_threads(tmp_path, picture, encoded):
    path = tmp_path / "Häm — 画像 1.jpg"
    path.write_bytes(encoded(picture(200, 150), "JPEG"))
    expected = read_square(path, 32)
    with ThreadPoolExecutor(4) as pool:
        assert all(np.array_equal(r, expected) for r in pool.map(lambda _: read_square(path, 32), range(40)))
    with pytest.raises(BadImage, match="no such file"):
        read_square(tmp_path / "absent.jpg", 32)
    with pytest.raises(BadImage, match="directory"):
        read_square(tmp_path, 32)
