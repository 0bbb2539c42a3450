"""One frame's stored values, checked against what the file says of them before anything is decoded.

* The compressed frame decides over the header: its size and its number of samples must be the header's; its depth and
  its colours are its own, and so is its coding.
* Limits come first: pixels of a frame, bytes of its values, what an RLE frame unpacks to.
* Unused bits are dropped, wherever the header says that the used ones lie (PS3.5 8.1.1).
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise
from typing import Any

import numpy as np

from cutis.data.clean import strip_jpeg
from cutis.data.dicom import apart
from cutis.data.dicom.codestream import Coded, coded
from cutis.image import decode, jpeg
from cutis.image.decode import MAX_BYTES, MAX_PIXELS, BadImage

GREY = ("MONOCHROME1", "MONOCHROME2", "PALETTE COLOR")
COLOUR = ("RGB", "YBR_FULL", "YBR_FULL_422", "YBR_ICT", "YBR_RCT")
PHOTOMETRIC = (*COLOUR, *GREY)
# Coding -> what its decoder is called, whatever transfer syntax the file names, and the one plug-in that is used: where
# one fails pydicom would ask the next, of which GDCM may end the process (see `apart`).
_SYNTAXES = {"JPEG-LS": ("1.2.840.10008.1.2.4.81", "pyjpegls"), "JPEG 2000": ("1.2.840.10008.1.2.4.91", "pylibjpeg")}
_NUMBERS = (
    *("Rows", "Columns", "SamplesPerPixel", "BitsAllocated", "BitsStored", "HighBit", "PixelRepresentation"),
    "NumberOfFrames",
)
_SHORTEST = 16  # bytes of a frame of any coding
_RLE = "1.2.840.10008.1.2.5"


@dataclass(frozen=True)
class Values:
    """A frame as it is stored: (rows, columns) or (rows, columns, 3) of whole numbers. bits: that each may have.

    colours: "rgb" or "ybr" of three samples, "" of one. in_srgb: a profile in the frame itself is applied already.
    """

    pixels: np.ndarray
    bits: int
    colours: str
    in_srgb: bool = False


@dataclass(frozen=True)
class Layout:
    """What the header says of the pixels."""

    rows: int
    columns: int
    samples: int
    allocated: int
    bits: int
    high: int
    signed: bool
    frames: int
    kind: str


def layout(tags: Any, name: str) -> Layout:
    """Raise BadImage for a header that no picture can have, or that is not read."""
    whole = {tag: _whole(tags.get(tag)) for tag in _NUMBERS}
    whole["NumberOfFrames"] = whole["NumberOfFrames"] or 1
    rows, columns, samples = whole["Rows"], whole["Columns"], whole["SamplesPerPixel"]
    if rows < 1 or columns < 1:
        raise BadImage(name, f"its header says {columns} x {rows} pixels")
    if rows * columns > MAX_PIXELS:
        raise BadImage(name, f"{columns} x {rows} pixels; at most {MAX_PIXELS / 1e6:.0f} million")
    kind = str(tags.get("PhotometricInterpretation") or "")
    if kind not in PHOTOMETRIC:
        raise BadImage(name, f'photometric interpretation "{kind}" is not read; {", ".join(PHOTOMETRIC)} are')
    if samples != (1 if kind in GREY else 3):
        raise BadImage(name, f'its header says "{kind}" and {samples} samples per pixel, which can\'t both be')
    allocated, bits = whole["BitsAllocated"], whole["BitsStored"]
    high = bits - 1 if tags.get("HighBit") in (None, "") else whole["HighBit"]
    signed = whole["PixelRepresentation"] == 1
    if signed and samples == 3:
        raise BadImage(name, "its header says that its colours are signed numbers, which no colours are")
    if rows * columns * samples * max(1, allocated // 8) > MAX_BYTES:
        raise BadImage(
            name,
            f"{columns} x {rows} x {samples} values of {allocated} bits; at most {MAX_BYTES / 1e6:.0f} MB are read",
        )
    return Layout(rows, columns, samples, allocated, bits, high, signed, max(1, whole["NumberOfFrames"]), kind)


def _whole(value: Any) -> int:
    """0 for what is missing or no whole number."""
    try:
        return int(value or 0)
    except (TypeError, ValueError):
        return 0


def check(tags: Any, name: str) -> Layout:
    """Raise BadImage unless the object has pixels of a kind that is read, as many as its header says.

    What it says of uncompressed pixels is put right in place where their number tells better.
    """
    coding = tags.file_meta.get("TransferSyntaxUID") if hasattr(tags, "file_meta") else None
    if "PixelData" not in tags:
        raise BadImage(name, "no PixelData: the file is a header only")
    if not coding:
        raise BadImage(name, "no transfer syntax in its header: how its pixels are coded is unknown")
    if not coding.is_transfer_syntax or coding.is_private:
        raise BadImage(name, f'transfer syntax "{str(coding)[:64]}" is not one of DICOM\'s')
    said = layout(tags, name)
    if coding.is_encapsulated:
        _check_codec(coding, name)
        if coding == _RLE:
            _check_bits(said, name)
        return said
    _check_bits(said, name)
    if not coding.is_little_endian and said.allocated not in (8, 16):
        raise BadImage(name, f"{said.allocated} bits in big endian: programs differ in how they lie; 8 and 16 are read")
    samples, held = said.samples, len(tags.PixelData or b"")
    if said.kind == "YBR_FULL_422":
        if held >= said.rows * said.columns * 3 * said.frames:
            tags.PhotometricInterpretation = "RGB"
        elif said.columns % 2 or said.allocated != 8:
            raise BadImage(name, f"YBR_FULL_422 of {said.columns} columns of {said.allocated} bits, which can't be")
        else:
            samples = 2
    elif said.kind in ("YBR_ICT", "YBR_RCT"):
        raise BadImage(name, f"{said.kind} without a JPEG 2000 in it: what its colours are is unknown")
    expected = (said.rows * said.columns * samples * said.allocated * said.frames + 7) // 8
    if held < expected:
        raise BadImage(name, f"truncated: {held} bytes of pixels where its header says {expected}")
    if held > expected + expected % 2:  # more than padding; pydicom would take it for more frames
        tags.PixelData = tags.PixelData[: expected + expected % 2]
    return layout(tags, name)


def _check_bits(said: Layout, name: str) -> None:
    """Raise BadImage for bits that can't lie so; a JPEG of any kind says itself how many it has."""
    if said.allocated not in (1, 8, 16, 32) or not 1 <= said.bits <= said.allocated:
        raise BadImage(
            name, f"{said.bits} bits stored of {said.allocated} allocated; of 1, 8, 16 or 32 allocated ones are read"
        )
    if not said.bits - 1 <= said.high < said.allocated:
        raise BadImage(name, f"its header says that the highest of {said.bits} bits is bit {said.high}")


def _check_codec(coding: Any, name: str) -> None:
    from pydicom.pixels.decoders.base import get_decoder

    try:
        available = get_decoder(coding).is_available
    except NotImplementedError:
        raise BadImage(name, f"compressed as {coding.name}, which is not read") from None
    if not available:
        remedy = "pip install 'cutis[dicom]'"
        raise BadImage(name, f"compressed as {coding.name}, for which no codec is installed: {remedy}")


def compressed(tags: Any, said: Layout, name: str, index: int) -> tuple[bytes, Coded | None] | None:
    """(frame `index` as it is coded, what it says of itself); None where pixels aren't compressed. Raises BadImage.

    None for the second is RLE, which says nothing of itself.
    """
    from pydicom.encaps import get_frame

    if not tags.file_meta.TransferSyntaxUID.is_encapsulated:
        return None
    try:
        frame = get_frame(tags.PixelData, index, number_of_frames=said.frames, extended_offsets=_offsets(tags))
    except Exception as error:  # pydicom raises many kinds of error on damaged items
        raise undecodable(name, error) from None
    try:
        found = coded(frame)
    except jpeg.NotJpeg as error:
        raise BadImage(name, str(error)) from None
    if len(frame) < _SHORTEST:
        raise BadImage(name, "truncated: the file ends in its header")
    if found is None:
        if tags.file_meta.TransferSyntaxUID != _RLE:
            raise BadImage(name, "damaged: no JPEG marker where one was expected")
        return frame, None
    if (found.width, found.height) != (said.columns, said.rows):
        raise BadImage(
            name,
            f"its JPEG has {found.width} x {found.height} pixels, its header says {said.columns} x {said.rows}",
        )
    if found.components != said.samples:
        raise BadImage(
            name, f'its {found.kind} has {found.components} components, its header says "{said.kind}" ({said.samples})'
        )
    return frame, found


def values(tags: Any, name: str, index: int) -> Values:
    """Frame `index` as it is stored. Raises BadImage, also where header and frame leave its colours open."""
    said = check(tags, name)
    held = compressed(tags, said, name, index)
    frame, found = held if held is not None else (b"", None)
    try:
        if found is not None and found.kind == "JPEG" and found.bits == 8:
            plain = strip_jpeg(frame if reads_itself(found, said) else _said_to_be_rgb(frame), name)
            pixels = decode.decode(plain, name)
            if found.components == 1:
                return Values(pixels[..., 0], 8, "")
            return Values(pixels, 8, "rgb", in_srgb=bool(jpeg.read_frame(plain).icc))
        coding = found.kind if found is not None else "RLE" if held is not None else ""
        colours = colours_of(said, found, coding, name) if said.samples == 3 else ""
        if found is not None:
            pixels = _decoded(said, found, frame)
            whole = found.bits == said.allocated > said.bits > 0  # whole words were coded, unused bits and all
            return Values(_used_bits(pixels, said) if whole else pixels, said.bits if whole else found.bits, colours)
        if held is not None:
            _check_rle(frame, said, name)
        return Values(_used_bits(_native(tags, index), said), said.bits, colours)
    except (BadImage, MemoryError):
        raise
    except Exception as error:  # pydicom and its decoders raise many kinds of error on damaged files
        raise undecodable(name, error) from None


def reads_itself(found: Coded, said: Layout) -> bool:
    """Whether a frame is a JPEG that any decoder reads: of 8 bits, its colours stated, by itself or as YBR."""
    stated = found.components == 1 or found.colours or said.kind != "RGB"
    return found.kind == "JPEG" and found.bits == 8 and bool(stated)


def colours_of(said: Layout, found: Coded | None, coding: str, name: str) -> str:
    """ "rgb" or "ybr": as the frame states, else as the header does where a frame of its coding may be so.

    coding: a kind of `Coded`, "RLE", or "" for uncompressed pixels.
    """
    if found is not None and found.colours:
        return found.colours
    if said.kind == "RGB":
        return "rgb"
    if said.kind == "YBR_FULL" or coding in ("", "JPEG"):
        return "ybr"
    if coding == "JPEG 2000" and said.kind in ("YBR_ICT", "YBR_RCT"):
        return "rgb"  # the header names a transform, the codestream has none: nothing is to be undone
    raise BadImage(name, f"{coding} with the header's {said.kind}, which can't be: what its colours are is unknown")


def undecodable(name: str, error: Exception) -> BadImage:
    brief = " ".join((str(error) or type(error).__name__).split())[:160]
    return BadImage(name, f"its pixels can't be decoded ({brief})")


def _offsets(tags: Any) -> tuple[bytes, bytes] | None:
    """The extended offset table, where it is whole."""
    starts, lengths = tags.get("ExtendedOffsetTable"), tags.get("ExtendedOffsetTableLengths")
    return (starts, lengths) if starts and lengths and len(starts) == len(lengths) else None


def _native(tags: Any, index: int) -> np.ndarray:
    """Uncompressed or RLE."""
    from pydicom.pixels.decoders.base import get_decoder

    decoder: Any = get_decoder(tags.file_meta.TransferSyntaxUID)
    pixels: np.ndarray = decoder.as_array(tags, index=index, raw=True, correct_unused_bits=False)[0]
    return pixels


def _said_to_be_rgb(frame: bytes) -> bytes:
    """A JPEG with Adobe's word that its samples are RGB in the place of whatever it says: they come as they are."""
    kept, end = [jpeg.SOI, b"\xff\xee\x00\x0eAdobe\x00\x64\x00\x00\x00\x00\x00"], 0
    for marker, start, end in jpeg.header_segments(frame):
        if not 0xE0 <= marker <= 0xEF:
            kept.append(frame[start:end])
    return b"".join([*kept, frame[end:]])


def _decoded(said: Layout, found: Coded, frame: bytes) -> np.ndarray:
    """A frame of another coding than the JPEG that every decoder reads, by what its own header says."""
    if found.bits > 16 and found.components == 3:
        raise NotImplementedError(f"colours of {found.bits} bits")
    if found.kind == "JPEG":
        raise NotImplementedError(f"a lossy JPEG of {found.bits} bits, which no codec that is installed reads")
    if found.kind == "JPEG lossless":
        return _lossless(said, found, frame)
    from pydicom.encaps import encapsulate
    from pydicom.pixels.decoders.base import get_decoder
    from pydicom.uid import UID

    several = found.components == 3
    syntax, plugin = _SYNTAXES[found.kind]
    decoder: Any = get_decoder(UID(syntax))
    pixels: np.ndarray = decoder.as_array(
        encapsulate([frame]),
        index=0,
        raw=True,
        decoding_plugin=plugin,
        rows=found.height,
        columns=found.width,
        samples_per_pixel=found.components,
        photometric_interpretation="RGB" if several else "MONOCHROME2",
        bits_allocated=8 if found.bits <= 8 else 16 if found.bits <= 16 else 32,
        bits_stored=found.bits,
        pixel_representation=int(said.signed),
        number_of_frames=1,
        pixel_keyword="PixelData",
        **({"planar_configuration": 0} if several else {}),
    )[0]
    return pixels


def _lossless(said: Layout, found: Coded, frame: bytes) -> np.ndarray:
    """By libjpeg-turbo where it can."""
    if found.bits == 8:
        import simplejpeg

        several = found.components == 3
        pixels = simplejpeg.decode_jpeg(_said_to_be_rgb(frame) if several else frame, "RGB" if several else "GRAY")
        whole: np.ndarray = pixels if several else pixels[..., 0]
        return whole.view(np.int8) if said.signed else whole
    deep = apart.decoded(frame, found.height, found.width, found.components, found.bits)
    if not said.signed:
        return deep
    unused = 16 - found.bits
    spread: np.ndarray = np.right_shift(np.left_shift(deep.view(np.int16), unused), unused)
    return spread


def _used_bits(pixels: np.ndarray, said: Layout) -> np.ndarray:
    """Only the bits from `high` down are the value's; the sign is the highest of them."""
    if said.bits == said.allocated:
        return pixels
    left, right = said.allocated - 1 - said.high, said.allocated - said.bits
    used: np.ndarray = np.right_shift(np.left_shift(pixels, left), right)
    return used


def _check_rle(frame: bytes, said: Layout, name: str) -> None:
    """Raise BadImage for a segment that unpacks to more than its plane has (PS3.5 annex G): it would fill memory."""
    count = int.from_bytes(frame[:4], "little")
    if count != said.samples * -(-said.allocated // 8):
        return  # which the decoder refuses itself
    starts = [int.from_bytes(frame[4 + 4 * n : 8 + 4 * n], "little") for n in range(count)] + [len(frame)]
    most = said.rows * said.columns + 2 * 128  # and what some writers pad
    for start, end in pairwise(starts):
        if run_end(frame, start, min(end, len(frame)), most)[1] > most:
            raise BadImage(name, "damaged: an RLE segment unpacks to more than its plane has")


def run_end(frame: bytes, start: int, end: int, most: int) -> tuple[int, int]:
    """(where the runs of an RLE segment end, what they unpack to): at `end`, or where that is `most` bytes or more."""
    at, size = start, 0
    while at < end and size < most:
        run = frame[at]
        size += run + 1 if run < 128 else 257 - run if run > 128 else 0
        at += run + 2 if run < 128 else 2 if run > 128 else 1
    return min(at, end), size
