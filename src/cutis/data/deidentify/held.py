"""What a file held beside its pixels, by kind and without any of its words: for the log."""

from __future__ import annotations

import io
from collections import Counter

from PIL import ExifTags, Image

XMP = b"http://ns.adobe.com/x"  # xap/1.0/ and xmp/extension/
_TIFF = {700: "XMP", 33723: "IPTC", 34377: "IPTC", 34665: "EXIF", 34853: "GPS", 34675: "colour profile"}
# TIFF tags that say how the pixels lie: sizes, strips, tiles, compression, colours (TIFF 6.0; 330 and 347 are no text).
_TIFF_PIXELS = {
    254, 255, 256, 257, 258, 259, 262, 263, 264, 265, 266, 273, 274, 277, 278, 279, 280, 281, 282, 283, 284, 290, 291,
    292, 293, 296, 301, 317, 318, 319, 320, 322, 323, 324, 325, 338, 339, 340, 341, 347, 529, 530, 531, 532,
}  # fmt: skip
_INFO = {"xmp": "XMP", "comment": "comment", "icc_profile": "colour profile", "photoshop": "IPTC"}
_WEBP = {b"EXIF": "EXIF", b"XMP ": "XMP", b"ICCP": "colour profile"}
_WEBP_PIXELS = {b"VP8 ", b"VP8L", b"VP8X", b"ALPH", b"ANIM", b"ANMF"}


def in_exif(block: bytes) -> Counter[str]:
    """One EXIF block, and the GPS position, maker note and thumbnail in it."""
    found = Counter({"EXIF": 1})
    tags = Image.Exif()
    try:
        tags.load(block)
        found["GPS"] += bool(tags.get_ifd(ExifTags.IFD.GPSInfo))
        found["maker note"] += 0x927C in tags.get_ifd(ExifTags.IFD.Exif)
        found["thumbnail"] += bool(tags.get_ifd(ExifTags.IFD.IFD1))
    except Exception:  # a malformed block says no more than that it is there; Pillow raises many kinds of error
        pass
    return +found


def in_jpeg_segment(marker: int, body: bytes) -> Counter[str]:
    """An APPn or COM segment, or one that no JPEG decoder needs; its body without the length."""
    if marker == 0xE0 and body.startswith(b"JFIF\0"):
        return Counter({"thumbnail": 1}) if any(body[12:14]) else Counter()
    if marker == 0xE0 and body.startswith(b"JFXX\0"):
        return Counter({"thumbnail": 1})
    if marker == 0xE1 and body.startswith(b"Exif\0"):
        return in_exif(body)
    if marker == 0xE1 and body.startswith(XMP):
        return Counter({"XMP": 1})
    if marker == 0xED:
        return Counter({"IPTC": 1})
    if marker == 0xFE:
        return Counter({"comment": 1})
    return Counter({"other segment": 1})


def in_png_chunk(kind: bytes, body: bytes) -> Counter[str]:
    """An ancillary chunk of a PNG. Compressed text is not inflated."""
    if kind == b"eXIf":
        return in_exif(body)
    keyword = body[:80].partition(b"\0")[0].lower()
    if kind in (b"tEXt", b"zTXt", b"iTXt"):
        for word, name in ((b"xmp", "XMP"), (b"iptc", "IPTC"), (b"8bim", "IPTC"), (b"exif", "EXIF"), (b"app1", "EXIF")):
            if word in keyword:
                return Counter({name: 1})
        return Counter({"text": 1})
    return Counter({"colour profile" if kind == b"iCCP" else "other chunk": 1})


def in_other(data: bytes, kind: str) -> Counter[str]:
    """TIFF, WebP, GIF, BMP, JPEG 2000, AVIF, PPM: what Pillow and the chunk names tell."""
    if kind == "WEBP":
        return _in_webp(data)
    found: Counter[str] = Counter()
    try:
        with Image.open(io.BytesIO(data), formats=(kind,)) as image:
            if kind == "TIFF":
                tags = set(image.tag_v2)  # type: ignore[attr-defined]
                found += Counter(_TIFF.get(tag, "other tag") for tag in tags - _TIFF_PIXELS)
                found["maker note"] += 0x927C in image.getexif().get_ifd(ExifTags.IFD.Exif)
            else:
                found += Counter(name for key, name in _INFO.items() if image.info.get(key))
                found += in_exif(image.info["exif"]) if image.info.get("exif") else Counter()
    except Exception:  # it was decoded before: what can't be counted is gone all the same
        found["other"] += 1
    return +found


def _in_webp(data: bytes) -> Counter[str]:
    found: Counter[str] = Counter()
    at, end = 12, 8 + int.from_bytes(data[4:8], "little")
    while at + 8 <= min(end, len(data)):
        name, size = data[at : at + 4], int.from_bytes(data[at + 4 : at + 8], "little")
        if name == b"EXIF":
            found += in_exif(data[at + 8 : at + 8 + size])
        elif name not in _WEBP_PIXELS:
            found[_WEBP.get(name, "other chunk")] += 1
        at += 8 + size + size % 2
    found["trailing bytes"] += len(data) > end + end % 2
    return +found
