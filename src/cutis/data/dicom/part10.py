"""A DICOM file's bytes -> its dataset: the one way in, bounded before anything is unpacked.

Read: files as PS3.10 has them; files without the preamble of 128 bytes, without "DICM", or without any meta header, as
many programs and old archives write them (known by their first elements, then); deflated files, up to `MAX_BYTES`
unpacked. Not read: what only its name calls DICOM.
"""

from __future__ import annotations

import io
import re
import struct
import zlib
from pathlib import Path
from typing import Any

from cutis.data.dicom.quiet import quiet
from cutis.image.decode import MAX_BYTES, BadImage, read_bytes
from cutis.image.source import inflated

DICOMDIR = "1.2.840.10008.1.3.10"  # Media Storage Directory: names the files beside it, holds no picture
HEAD = 4096  # bytes of a file by which it is known
_SUFFIXES = (".dcm", ".dicom", ".ima")
_DEFLATED, _EXPLICIT = b"1.2.840.10008.1.2.1.99", b"1.2.840.10008.1.2.1\0\0\0"
_LONG = {b"OB", b"OD", b"OF", b"OL", b"OV", b"OW", b"SQ", b"SV", b"UC", b"UN", b"UR", b"UT", b"UV"}  # PS3.5 7.1.2
_LEAST = 3  # elements by which a file without a header is known


def is_dicom(head: bytes) -> bool:
    """Whether a file that begins so is DICOM, with a preamble or without; `HEAD` bytes are enough."""
    head = head[:HEAD]
    return head[128:132] == b"DICM" or head[:4] == b"DICM" or _is_bare(head)


def is_dicom_name(name: str) -> bool:
    """Whether a file is DICOM by its name; most that are have none that says so."""
    return name.casefold().endswith(_SUFFIXES)


def looks(path: Path) -> bool:
    """As `is_dicom`, of a file; False for one that can't be read."""
    try:
        with path.open("rb") as f:
            return is_dicom(f.read(HEAD))
    except OSError:
        return False


def read(source: bytes | Path, name: str, *, wanted: list[str] | None = None) -> Any:
    """The pydicom Dataset of a file's bytes, or of the file at a path.

    wanted: the keywords to read, without pixels; None: everything. A transfer syntax that the file doesn't state is
    filled in where its first element tells. Raises BadImage for what is no DICOM file, is cut off or damaged, or
    unpacks to more than `MAX_BYTES`.
    """
    quiet()
    if isinstance(source, bytes) or wanted is None:
        return _read(io.BytesIO(source if isinstance(source, bytes) else read_bytes(source)), name, wanted)
    try:
        with source.open("rb") as file:  # a header alone: of a large file only its beginning is read
            return _read(file, name, wanted)
    except OSError as error:
        raise BadImage(name, (error.strerror or "cannot be read").lower()) from None


def _read(file: Any, name: str, wanted: list[str] | None) -> Any:
    from pydicom import dcmread
    from pydicom.uid import DeflatedExplicitVRLittleEndian

    head = file.read(HEAD)
    file.seek(0)
    if not is_dicom(head):
        raise BadImage(name, "no DICOM file: neither its mark nor its first elements are there")
    if head.startswith(b"DICM"):
        file = io.BytesIO(bytes(128) + file.read())
        head = bytes(128) + head
    deflated = _meta_end(head) if _DEFLATED in head else 0
    if deflated:
        file = _unpacked(file, deflated, name)
    try:
        tags = dcmread(file, force=True, stop_before_pixels=wanted is not None, specific_tags=wanted)
        if deflated:
            tags.file_meta.TransferSyntaxUID = DeflatedExplicitVRLittleEndian
        elif "TransferSyntaxUID" not in tags.file_meta:
            _assume_syntax(tags)
    except MemoryError:
        raise
    except Exception as error:  # pydicom raises many kinds of error on damaged files, with values in their words
        raise BadImage(name, f"truncated or damaged [{type(error).__name__}]") from None
    return tags


def sop_class_of(tags: Any) -> Any:
    """The UID of what an object is, of its header or of the file's; "" if neither says it."""
    from pydicom.uid import UID

    meta = getattr(tags, "file_meta", None) or {}
    return UID(str(tags.get("SOPClassUID") or meta.get("MediaStorageSOPClassUID") or ""))


def _assume_syntax(tags: Any) -> None:
    """How the elements were read is how the pixels lie, unless they are compressed: then nothing tells."""
    from pydicom.uid import ExplicitVRBigEndian, ExplicitVRLittleEndian, ImplicitVRLittleEndian

    implicit, little = tags.original_encoding
    if "PixelData" in tags and tags["PixelData"].is_undefined_length:
        return
    kinds = {(True, True): ImplicitVRLittleEndian, (False, True): ExplicitVRLittleEndian}
    tags.file_meta.TransferSyntaxUID = kinds.get((implicit, little), ExplicitVRBigEndian)


def _meta_end(head: bytes) -> int:
    """Where the dataset of a file begins that says it is deflated; 0 for one that says no such thing."""
    at = 132 if head[128:132] == b"DICM" else 0
    deflated = False
    while head[at : at + 2] == b"\x02\x00" and at + 8 <= len(head):
        element, kind = head[at + 2 : at + 4], head[at + 4 : at + 6]
        start, size = (at + 12, head[at + 8 : at + 12]) if kind in _LONG else (at + 8, head[at + 6 : at + 8])
        end = start + int.from_bytes(size, "little")
        if element == b"\x10\x00":
            deflated = head[start:end].rstrip(b"\0 ") == _DEFLATED
        at = end
    return at if deflated else 0


def _unpacked(file: Any, start: int, name: str) -> io.BytesIO:
    """The file as it would be undeflated (PS3.5 A.5). Raises BadImage."""
    over = "inflates to more than {:.0f} MB, which is the most that is read"
    meta = file.read(start)
    plain = inflated(file.read(), MAX_BYTES, name, wbits=-zlib.MAX_WBITS, over=over)
    return io.BytesIO(meta.replace(_DEFLATED, _EXPLICIT) + plain)


def _is_bare(head: bytes) -> bool:
    """Whether a file without preamble begins as one: elements of group 2 or 8, known by their order and lengths."""
    if head[:2] not in (b"\x02\x00", b"\x08\x00", b"\x00\x08"):
        return False
    little = head[1] == 0
    explicit = re.fullmatch(rb"[A-Z]{2}", head[4:6]) is not None
    if not (little or explicit):
        return False
    order = "<" if little else ">"
    at, before, seen = 0, (0, -1), 0
    while at + 12 <= len(head):
        group, element = struct.unpack_from(f"{order}HH", head, at)
        kind = head[at + 4 : at + 6]
        if group > 2 and before[0] == 2:
            break  # behind the meta header the dataset may be coded in another way
        if group > 0x0028 and before > (0, 0):
            break
        if explicit and kind not in _LONG:
            (size,) = struct.unpack_from(f"{order}H", head, at + 6)
            start = at + 8
        else:
            start = at + (12 if explicit else 8)
            (size,) = struct.unpack_from(f"{order}I", head, start - 4)
        if (group, element) <= before or (explicit and not kind.isalpha()):
            return False
        if size == 0xFFFFFFFF or size > 2**20:  # a sequence, or not what it seems
            break
        at, before, seen = start + size, (group, element), seen + 1
        if size % 2:
            return False
    return seen >= _LEAST
