"""Pictures that are small as files and dear to decode, each valid or nearly so: for tests of limits."""

from __future__ import annotations

import struct
import zlib


def jpeg_of_scans(width: int, height: int, scans: int) -> bytes:
    """A valid grey progressive JPEG of mid grey in `scans` scans, up to 883: one of DC, then of one AC coefficient
    each, bit by bit. No coefficient is ever set: a scan is a handful of bytes, and is gone over whole all the same."""
    blocks = -(-width // 8) * -(-height // 8)

    def segment(marker: int, body: bytes) -> bytes:
        return bytes((0xFF, marker)) + (len(body) + 2).to_bytes(2) + body

    def scan(start: int, end: int, high: int, low: int, coded: bytes) -> bytes:
        return segment(0xDA, bytes((1, 1, 0, start, end, high << 4 | low))) + coded

    # 15 codes of four bits: in an AC scan symbol 16 * n ends 2^n blocks or more, with n more bits.
    table = bytes((0, 0, 0, 15, *[0] * 12)) + bytes(16 * n for n in range(15))
    bits, left = "", blocks
    while left:
        n = min(14, left.bit_length() - 1)
        run = min(left, 2 ** (n + 1) - 1)
        bits += f"{n:04b}" + (f"{run - 2**n:0{n}b}" if n else "")
        left -= run
    bits += "1" * (-len(bits) % 8)
    coded = int(bits, 2).to_bytes(len(bits) // 8).replace(b"\xff", b"\xff\x00")
    zeros = bytes(-(-blocks // 8))  # DC: a difference of 0 is one bit here
    out = [
        b"\xff\xd8",
        segment(0xDB, b"\0" + b"\1" * 64),
        segment(0xC2, bytes((8,)) + height.to_bytes(2) + width.to_bytes(2) + b"\1\1\x11\0"),
        segment(0xC4, b"\0" + bytes((1, *[0] * 15)) + b"\0"),
        segment(0xC4, b"\x10" + table),
        scan(0, 0, 0, 0, zeros),
    ]
    steps = [(k, high, high - 1 if high else 13) for k in range(1, 64) for high in (0, *range(13, 0, -1))]
    out += [scan(k, k, high, low, coded) for k, high, low in steps[: scans - 1]]
    return b"".join(out) + b"\xff\xd9"


def png_chunk(kind: bytes, body: bytes) -> bytes:
    return struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))


def png(width: int, height: int, bits: int = 8, colour: int = 2, before: bytes = b"", raw: bytes = b"") -> bytes:
    """A PNG of any header, with chunks `before` its pixels and `raw` deflated as its pixels."""
    header = struct.pack(">IIBBBBB", width, height, bits, colour, 0, 0, 0)
    body = png_chunk(b"IHDR", header) + before + png_chunk(b"IDAT", zlib.compress(raw)) + png_chunk(b"IEND", b"")
    return b"\x89PNG\r\n\x1a\n" + body
