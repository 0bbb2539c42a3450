"""One file de-identified: nothing planted is left, and the pixels are what they were."""

from __future__ import annotations

import hashlib
import io
import json
import shutil
import subprocess
import zlib
from pathlib import Path

import numpy as np
import planted_identity as planted
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image, ImageCms

from cutis.data.deidentify.burned_text import letters_in
from cutis.data.deidentify.colour_profile import bare_profile
from cutis.data.deidentify.picture import clean_picture
from cutis.image.decode import BadImage, decode, probe


def png_chunks(data: bytes) -> list[bytes]:
    at, kinds = 8, []
    while at < len(data):
        kinds.append(data[at + 4 : at + 8])
        at += 12 + int.from_bytes(data[at : at + 4])
    return kinds


def jpeg_markers(data: bytes) -> list[int]:
    """Markers up to the first scan."""
    at, markers = 2, []
    while True:
        markers.append(data[at + 1])
        if markers[-1] == 0xDA:
            return markers
        at += 2 + int.from_bytes(data[at + 2 : at + 4])


@pytest.mark.parametrize("kind", planted.CONTAINERS)
def test_nothing_planted_is_left(kind, picture):
    marks = planted.Marks()
    data = planted.CONTAINERS[kind](picture(), marks)
    assert planted.left(data, marks.made)  # the search finds what is there
    clean = clean_picture(data, "x")
    assert planted.left(clean.data, marks.made) == []
    assert clean.max_error == 0
    assert np.array_equal(decode(clean.data, "x"), clean.pixels)
    if kind == "png":
        assert png_chunks(clean.data) == [b"IHDR", b"IDAT", b"IEND"]
    elif clean.extension == ".png":
        assert set(png_chunks(clean.data)) == {b"IHDR", b"IDAT", b"IEND"}
    else:
        assert not {0xE1, 0xE2, 0xED, 0xFE} & set(jpeg_markers(clean.data))
        assert clean.data.endswith(b"\xff\xd9")


def test_exiftool_finds_nothing(picture, tmp_path: Path):
    if shutil.which("exiftool") is None:
        pytest.skip("exiftool (Debian: libimage-exiftool-perl) is not here")
    for kind, plant in planted.CONTAINERS.items():
        data = plant(picture(), planted.Marks())
        (tmp_path / f"before.{kind}").write_bytes(data)
        clean = clean_picture(data, "x")
        (tmp_path / f"after.{kind}{clean.extension}").write_bytes(clean.data)
    command = ["exiftool", "-j", "-a", "-u", "-U", "-G1", "-s", "-ee", str(tmp_path)]
    read = subprocess.run(command, capture_output=True, text=True, check=True)
    rows = {Path(row["SourceFile"]).name: row for row in json.loads(read.stdout)}
    for kind in planted.CONTAINERS:
        before = json.dumps(rows[f"before.{kind}"])
        assert "Jane" in before or kind in ("bmp", "jp2")  # it doesn't read those two's comments
        after = next(row for name, row in rows.items() if name.startswith(f"after.{kind}."))
        assert "Jane" not in json.dumps(after)
        groups = {tag.partition(":")[0] for tag in after}
        assert groups <= {"SourceFile", "ExifTool", "System", "File", "JFIF", "PNG", "Composite"}


def test_an_upright_jpeg_keeps_its_coded_pixels(picture, encoded):
    plain = encoded(picture(), "JPEG", quality=90, progressive=True)
    scan = plain.index(b"\xff\xda")
    marks = planted.Marks()
    clean = clean_picture(planted.jpeg(picture(), marks, quality=90, progressive=True), "x")
    assert clean.extension == ".jpg"
    assert clean.removed["comment"] == 2
    assert plain[scan:] in clean.data
    assert {"EXIF", "GPS", "maker note", "XMP", "IPTC", "thumbnail", "trailing bytes"} <= set(clean.removed)


@pytest.mark.parametrize("orientation", range(2, 9))
def test_a_turned_jpeg_is_upright_and_its_error_is_stated(orientation, picture):
    data = planted.jpeg(picture(), planted.Marks(), orientation=orientation)
    clean = clean_picture(data, "x")
    assert probe(clean.data, "x").orientation == 1
    away = np.abs(decode(clean.data, "x").astype(int) - decode(data, "x"))
    assert (clean.mean_error, clean.max_error) == (pytest.approx(away.mean()), away.max())
    assert 0 < clean.mean_error < 2
    assert clean.note == "turned upright"


def test_a_turned_png_loses_nothing(picture):
    data = planted.png(picture(), planted.Marks(), orientation=6)
    clean = clean_picture(data, "x")
    assert clean.max_error == 0
    assert np.array_equal(decode(clean.data, "x"), np.rot90(picture(), -1))


@pytest.mark.parametrize("mode", ["1", "L", "LA", "P", "RGBA", "I;16"])
def test_png_of_every_mode_keeps_its_pixels(mode, picture, encoded):
    grey = picture()[..., 0]
    deep, colour = Image.fromarray(grey.astype(np.uint16) * 200), Image.fromarray(picture())
    image = deep if mode == "I;16" else colour.convert(mode)
    data = encoded(image, "PNG")
    clean = clean_picture(data, "x")
    with Image.open(io.BytesIO(clean.data)) as again:
        assert again.mode == image.mode
        assert np.array_equal(np.asarray(again), np.asarray(image))


@settings(max_examples=40, deadline=None)
@given(st.integers(1, 20), st.integers(1, 20), st.sampled_from(["jpg", "png", "webp"]), st.integers(0, 9))
def test_small_pictures_of_any_size(width, height, kind, seed):
    pixels = np.random.default_rng(seed).integers(0, 256, (height, width, 3), dtype=np.uint8)
    marks = planted.Marks()
    clean = clean_picture(planted.CONTAINERS[kind](pixels, marks), "x")
    assert planted.left(clean.data, marks.made) == []
    assert clean.pixels.shape == (height, width, 3)
    assert clean.max_error == 0


def wide_gamut() -> bytes:
    """sRGB's numbers with red moved, so that its colours do change."""
    profile = bytearray(ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes())
    at = int.from_bytes(profile[profile.index(b"rXYZ", 128) + 4 :][:4])
    profile[at + 8 : at + 12] = (0x9000).to_bytes(4)
    return bytes(profile).replace("sRGB built-in".encode("utf-16-be"), "Jane's screen".encode("utf-16-be"))


@pytest.mark.parametrize("kind", ["JPEG", "PNG"])
def test_a_colour_profile_keeps_its_numbers_and_loses_its_words(kind, picture, encoded):
    data = encoded(picture(), kind, icc_profile=wide_gamut())
    plain = encoded(picture(), kind)
    assert not np.array_equal(decode(data, "x"), decode(plain, "x"))  # the profile matters
    clean = clean_picture(data, "x")
    assert clean.max_error == 0
    assert np.array_equal(decode(clean.data, "x"), decode(data, "x"))
    assert planted.left(clean.data, ["Jane"]) == []
    assert clean.removed["colour profile"] == 1


def test_a_bare_profile_is_valid_and_says_nothing():
    bare = bare_profile(wide_gamut())
    assert bare is not None
    assert int.from_bytes(bare[:4]) == len(bare)
    opened = ImageCms.ImageCmsProfile(io.BytesIO(bare))
    assert ImageCms.getProfileDescription(opened).strip() == "RGB"
    assert opened.profile.red_primary is not None
    assert bare[24:36] == b"\x07\xd0\0\x01\0\x01" + bytes(6)
    assert bare_profile(b"") is None
    assert bare_profile(wide_gamut()[:300]) is None


def test_two_exif_blocks_and_60_megabytes_of_segments(picture, encoded):
    data = encoded(picture(), "JPEG", quality=90)
    marks = planted.Marks()
    two = b"".join(planted.segment(0xE1, b"Exif\0\0" + planted.exif(marks)) for _ in range(2))
    huge = planted.segment(0xE9, b"x" * 65533) * 920
    clean = clean_picture(data[:2] + two + huge + data[2:], "x")
    assert clean.removed["EXIF"] == 2
    assert clean.removed["other segment"] == 920
    assert len(clean.data) == len(data)
    assert planted.left(clean.data, marks.made) == []


def test_a_text_bomb_is_never_inflated(picture, encoded, monkeypatch):
    bomb = zlib.compress(bytes(50_000_000), 9)
    for _ in range(2):  # 50 kB that stand for gigabytes, three deep
        bomb = zlib.compress(bomb, 9)
    data = encoded(picture(), "PNG")
    text = planted_chunk(b"zTXt", b"Author\0\0" + bomb)
    profile = planted_chunk(b"iCCP", b"x\0\0" + zlib.compress(bytes(9 << 20)))
    with_profile = data[:33] + text + profile + data[33:]
    data = data[:33] + text + data[33:]
    inflated = []
    make = zlib.decompressobj

    class Counted:
        def __init__(self, *given: int) -> None:
            self._inner = make(*given)

        def decompress(self, coded: bytes, most: int) -> bytes:
            assert bomb not in coded
            inflated.append(most)
            return self._inner.decompress(coded, most)

        def __getattr__(self, name: str):
            return getattr(self._inner, name)

    monkeypatch.setattr("cutis.data.deidentify.png_parts.zlib.decompressobj", Counted)
    clean = clean_picture(data, "x")
    assert clean.removed == {"text": 1}
    assert np.array_equal(clean.pixels, picture())
    with pytest.raises(BadImage, match="colour profile: more than 4 MB once inflated"):
        clean_picture(with_profile, "x")
    assert max(inflated) <= (4 << 20) + 1


def planted_chunk(kind: bytes, body: bytes) -> bytes:
    return len(body).to_bytes(4) + kind + body + zlib.crc32(kind + body).to_bytes(4)


def test_what_hides_behind_a_pngs_pixels_goes(picture, encoded):
    data = encoded(picture(), "PNG")
    at = data.index(b"IDAT") - 4
    raw = zlib.decompress(data[at + 8 : at + 8 + int.from_bytes(data[at : at + 4])])
    hidden = data[:at] + planted_chunk(b"IDAT", zlib.compress(raw + b"Jane")) + planted_chunk(b"IEND", b"")
    clean = clean_picture(hidden, "x")
    assert clean.removed == {"trailing bytes": 1}
    body = clean.data[clean.data.index(b"IDAT") + 4 :]
    assert zlib.decompressobj().decompress(body) == raw


def test_bad_files_have_their_reason(picture, encoded):
    jpeg, png = encoded(picture(), "JPEG"), encoded(picture(), "PNG")
    for data, words in (
        (b"", "empty"),
        (b'<svg xmlns="http://www.w3.org/2000/svg"/>', "not an image"),
        (jpeg[: len(jpeg) // 2], "truncated"),
        (jpeg[:8], "truncated"),
        (png[: len(png) // 2], "truncated"),
        (png[:20], "truncated"),
        (png[:40] + b"Jane" + png[44:], "damaged|truncated"),
        (b"\0\0\0\x18ftypheic" + bytes(20), "HEIC is not supported"),
    ):
        with pytest.raises(BadImage, match=words):
            clean_picture(data, "x")


def test_one_pixel_and_plain_colours(encoded):
    for shape, value in (((1, 1, 3), 7), ((40, 900, 3), 0), ((40, 900, 3), 255)):
        pixels = np.full(shape, value, np.uint8)
        clean = clean_picture(encoded(pixels, "PNG"), "x")
        assert np.array_equal(clean.pixels, pixels)
        assert letters_in(pixels) == 0


def test_text_is_flagged_and_skin_is_not(picture):
    import cv2

    skin = picture(600, 450)
    assert letters_in(skin) == 0
    for colour in ((255, 255, 255), (0, 0, 0), (255, 255, 0)):
        written = cv2.putText(skin.copy(), "DOE JANE 1961", (20, 400), cv2.FONT_HERSHEY_SIMPLEX, 0.7, colour, 2)
        assert letters_in(written) >= 6
    ruler = skin.copy()
    for x in range(50, 550, 10):
        ruler[300:312, x : x + 2] = 0
    assert letters_in(ruler) == 0


def test_the_same_file_gives_the_same_bytes(picture):
    data = planted.jpeg(picture(), planted.Marks(), orientation=6)
    digests = {hashlib.sha256(clean_picture(data, "x").data).hexdigest() for _ in range(2)}
    assert len(digests) == 1
