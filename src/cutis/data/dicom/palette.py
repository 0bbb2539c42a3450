"""PALETTE COLOR: stored numbers -> colours by the file's three tables, plain or segmented.

Sources: PS3.3 C.7.6.3.1.5 (descriptor), C.7.6.3.1.6 (data), C.7.9.2 (segments).

A descriptor says 8 or 16 bits, and files differ in how they hold what it says:
  * tables whose length fits bytes hold bytes;
  * words that all stay below 256 hold 8-bit colours in their lower byte, whatever the descriptor says (a palette of 16
    bits without a colour above 255 would be black);
  * other words are 16-bit colours: the upper byte is shown.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from cutis.image.decode import BadImage

_COLOURS = ("Red", "Green", "Blue")
_DISCRETE, _LINEAR, _INDIRECT = 0, 1, 2
_MOST = 2**16  # entries


def coloured(indices: np.ndarray, tags: Any, name: str) -> np.ndarray:
    """uint8 (height, width, 3) of stored numbers. Raises BadImage for tables that are missing or don't fit."""
    tables = [_table(tags, colour, name) for colour in _COLOURS]
    wide = any(int(entries.max()) > 255 for entries, _ in tables)
    shown = np.empty((*indices.shape, 3), np.uint8)
    for n, (entries, first) in enumerate(tables):
        narrow = (entries >> 8 if wide else entries).astype(np.uint8)
        # Below the first number the first colour is shown, beyond the last the last.
        shown[..., n] = narrow[np.clip(indices.astype(np.int64) - first, 0, len(narrow) - 1)]
    return shown


def _table(tags: Any, colour: str, name: str) -> tuple[np.ndarray, int]:
    """(entries as whole numbers, the stored number of the first)."""
    descriptor = tags.get(f"{colour}PaletteColorLookupTableDescriptor")
    try:
        count, first, bits = (int(v) for v in descriptor)
    except (TypeError, ValueError):
        raise BadImage(name, f"PALETTE COLOR without a {colour.lower()} table") from None
    count = count % _MOST or _MOST  # 0 is 65536, and pydicom may have read either number as signed
    if first < 0 and int(tags.get("PixelRepresentation") or 0) == 0:
        first %= _MOST
    if bits not in (8, 16):
        raise BadImage(name, f"a palette of {bits} bits; 8 and 16 are read")
    order = "<" if tags.file_meta.TransferSyntaxUID.is_little_endian else ">"
    data = tags.get(f"{colour}PaletteColorLookupTableData")
    if data:
        return _plain(_bytes(data, order), count, order, name), first
    data = tags.get(f"Segmented{colour}PaletteColorLookupTableData")
    if data:
        return _expanded(_bytes(data, order), bits, count, order, name), first
    raise BadImage(name, f"PALETTE COLOR without a {colour.lower()} table")


def _bytes(data: Any, order: str) -> bytes:
    """A table's bytes; some files hold it as numbers (value representation US)."""
    return data if isinstance(data, bytes) else np.atleast_1d(np.asarray(data)).astype(f"{order}u2").tobytes()


def _plain(data: bytes, count: int, order: str, name: str) -> np.ndarray:
    if len(data) == 2 * count:
        return np.frombuffer(data, f"{order}u2").astype(np.uint16)
    if len(data) in (count, count + count % 2):
        return _in_order(data, order)[:count].astype(np.uint16)
    raise BadImage(name, f"a palette of {len(data)} bytes for {count} colours")


def _in_order(data: bytes, order: str) -> np.ndarray:
    """Bytes that lie in words: in files of the other order each pair is exchanged."""
    held = np.frombuffer(data + bytes(len(data) % 2), np.uint8)
    return held if order == "<" else held.reshape(-1, 2)[:, ::-1].reshape(-1)


def _expanded(data: bytes, bits: int, count: int, order: str, name: str) -> np.ndarray:
    """Segments -> `count` entries."""
    if bits == 16:
        codes = np.frombuffer(data[: len(data) // 2 * 2], f"{order}u2").astype(np.int64)
    else:
        codes = _in_order(data, order).astype(np.int64)
    entries: list[int] = []
    try:
        _expand(codes, 0, len(codes), entries, bits, count)
    except IndexError:
        raise BadImage(name, "damaged: a segmented palette that points beyond its end") from None
    if len(entries) != count:
        raise BadImage(name, f"a segmented palette of {len(entries)} colours where its descriptor says {count}")
    return np.array(entries, np.uint16)


def _expand(
    codes: np.ndarray, at: int, segments: int, entries: list[int], bits: int, count: int, *, nested: bool = False
) -> None:
    """Append what `segments` segments from `at` on hold, until `count` entries are there or the codes end.

    nested: they are what an indirect one points to, which can't be another of its kind.
    """
    for _ in range(segments):
        if len(entries) >= count or at + 1 >= len(codes):
            return
        kind, length = int(codes[at]), int(codes[at + 1])
        at += 2
        if kind == _DISCRETE:
            if at + length > len(codes):
                raise IndexError
            entries += codes[at : at + length].tolist()
            at += length
        elif kind == _LINEAR:
            start, end = entries[-1], int(codes[at])
            entries += np.rint(start + (end - start) * np.arange(1, length + 1) / length).astype(int).tolist()
            at += 1
        elif kind == _INDIRECT and not nested:
            words = 2 if bits == 16 else 4
            place = sum(int(codes[at + n]) << (bits * n) for n in range(words))  # in bytes, the lowest word first
            _expand(codes, place * 8 // bits, length, entries, bits, count, nested=True)
            at += words
        else:
            raise IndexError
