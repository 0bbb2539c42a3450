"""From a DICOM object's pixels to uint8 RGB: what is read, and what is refused with a reason.

* Colours: RGB, YBR_FULL, YBR_FULL_422, YBR_ICT, YBR_RCT and PALETTE COLOR, planar or not; more than 8 bits are
  scaled to 8. Grey: see `cutis.data.dicom.grey`. A colour profile (ICC) that isn't sRGB is converted.
* Of several frames the one that the file calls representative (0028,6010), else the first.
* A baseline JPEG is taken for what its own markers say its colours are, as every decoder of JPEG does: headers that
  claim otherwise are common. Its EXIF doesn't turn it: rows and columns of the header are as coded.
* Uncompressed YBR_FULL_422 has two bytes a pixel. With three it is RGB: so are files that declare it and hold what a
  JPEG decoder gave (OHIF/Viewers issue 2934, seen with ISIC 2020).
* Pixels are shown as stored; DICOM has no turning of photographs.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from cutis.data.clean import strip_jpeg
from cutis.data.dicom.grey import grey_to_rgb, is_plain
from cutis.data.dicom.quiet import quiet
from cutis.image import decode, jpeg
from cutis.image.decode import MAX_PIXELS, BadImage

PHOTOMETRIC = (
    *("RGB", "YBR_FULL", "YBR_FULL_422", "YBR_ICT", "YBR_RCT", "PALETTE COLOR", "MONOCHROME1", "MONOCHROME2"),
)


def frame_index(tags: Any) -> int:
    """The frame that stands for all, from 0: the representative one (0028,6010) if it names one, else the first."""
    frames = int(tags.get("NumberOfFrames") or 1)
    chosen = int(tags.get("RepresentativeFrameNumber") or 1)
    return chosen - 1 if 1 <= chosen <= frames else 0


def check(tags: Any, name: str) -> None:
    """Raise BadImage unless the object has pixels of a kind that is read, as many as its header says."""
    coding = tags.file_meta.get("TransferSyntaxUID") if hasattr(tags, "file_meta") else None
    if "PixelData" not in tags:
        raise BadImage(name, "no PixelData: the file is a header only")
    if not coding:
        raise BadImage(name, "no transfer syntax in its header: how its pixels are coded is unknown")
    if not coding.is_transfer_syntax or coding.is_private:
        raise BadImage(name, f'transfer syntax "{str(coding)[:64]}" is not one of DICOM\'s')
    rows, columns = int(tags.get("Rows") or 0), int(tags.get("Columns") or 0)
    if rows < 1 or columns < 1:
        raise BadImage(name, f"its header says {columns} x {rows} pixels")
    if rows * columns > MAX_PIXELS:
        raise BadImage(name, f"{columns} x {rows} pixels; at most {MAX_PIXELS / 1e6:.0f} million")
    kind = tags.get("PhotometricInterpretation")
    if kind not in PHOTOMETRIC:
        raise BadImage(name, f'photometric interpretation "{kind}" is not read; {", ".join(PHOTOMETRIC)} are')
    if coding.is_encapsulated:
        _check_codec(coding, name)
        return
    samples, bits = int(tags.SamplesPerPixel), int(tags.BitsAllocated)
    frames = int(tags.get("NumberOfFrames") or 1)
    stored = len(tags.PixelData)
    if kind == "YBR_FULL_422":
        if stored >= rows * columns * 3 * frames:
            tags.PhotometricInterpretation = "RGB"
        else:
            samples = 2
    expected = (rows * columns * samples * bits * frames + 7) // 8
    if stored < expected:
        raise BadImage(name, f"truncated: {stored} bytes of pixels where its header says {expected}")
    if stored > expected + 1:  # more than padding; pydicom would take it for more frames
        tags.PixelData = tags.PixelData[:expected]


def _check_codec(coding: Any, name: str) -> None:
    from pydicom.pixels.decoders.base import get_decoder

    try:
        available = get_decoder(coding).is_available
    except NotImplementedError:
        raise BadImage(name, f"compressed as {coding.name}, which is not read") from None
    if not available:
        remedy = "pip install 'cutis[dicom]'"
        raise BadImage(name, f"compressed as {coding.name}, for which no codec is installed: {remedy}")


def rgb(tags: Any, name: str, index: int | None = None) -> np.ndarray:
    """uint8 (height, width, 3), sRGB, of frame `index` (None: see `frame_index`).

    tags: a pydicom Dataset with its pixels; what it says of them may be put right in place. Raises BadImage.
    """
    quiet()
    try:
        check(tags, name)
        at = frame_index(tags) if index is None else index
        coded = _jpeg_frame(tags, name, at)
        if coded is not None and int(tags.SamplesPerPixel) == 3:
            pixels, embedded = decode.decode(coded, name), jpeg.read_frame(coded).icc
            _same_size(pixels, tags, name)
        else:
            pixels, embedded = _decoded(tags, at), b""
        profile = _profile(tags)
        return decode.to_srgb_array(pixels, profile) if profile and not embedded else pixels
    except BadImage:
        raise
    except Exception as error:  # pydicom and its decoders raise many kinds of error on damaged files
        raise _undecodable(name, error) from None


def stored(tags: Any, name: str, index: int) -> np.ndarray:
    """Frame `index` (height, width) as its grey values are stored. Raises BadImage."""
    from pydicom.pixels.utils import pixel_array

    try:
        return pixel_array(tags, index=index)
    except Exception as error:  # as in `rgb`
        raise _undecodable(name, error) from None


def passthrough(tags: Any, name: str) -> bytes | None:
    """The file's JPEG, bit for bit but for its metadata, where nothing is lost by taking it as it is; else None.

    That is: one frame of baseline JPEG in colours that the JPEG states itself (or grey that is shown as stored) and no
    colour profile beside it but sRGB. Raises BadImage.
    """
    quiet()
    try:
        check(tags, name)
        coded = _jpeg_frame(tags, name, 0)
        if coded is None or int(tags.get("NumberOfFrames") or 1) > 1:
            return None
        frame = jpeg.read_frame(coded)
        grey = frame.components == 1 and int(tags.SamplesPerPixel) == 1 and is_plain(tags)
        colour = frame.components == 3 and int(tags.SamplesPerPixel) == 3
        if frame.bits != 8 or not (grey or colour) or (colour and _profile(tags) and not frame.icc):
            return None
        if (frame.height, frame.width) != (int(tags.Rows), int(tags.Columns)):
            raise BadImage(name, _sizes(frame.width, frame.height, tags))
        return coded
    except BadImage:
        raise
    except Exception as error:  # as in `rgb`
        raise _undecodable(name, error) from None


def _undecodable(name: str, error: Exception) -> BadImage:
    brief = " ".join((str(error) or type(error).__name__).split())[:160]
    return BadImage(name, f"its pixels can't be decoded ({brief})")


def _jpeg_frame(tags: Any, name: str, index: int) -> bytes | None:
    """Frame `index` as a JPEG without metadata, if it is an 8-bit JPEG whose colours its own markers state."""
    from pydicom.encaps import get_frame
    from pydicom.uid import JPEGBaseline8Bit

    if tags.file_meta.TransferSyntaxUID != JPEGBaseline8Bit:
        return None
    data = get_frame(tags.PixelData, index, number_of_frames=int(tags.get("NumberOfFrames") or 1))
    try:
        stated = any(
            (marker == 0xE0 and data.startswith(b"JFIF\x00", start + 4))
            or (marker == 0xEE and data.startswith(b"Adobe", start + 4))
            for marker, start, _ in jpeg.header_segments(data)
        )
    except jpeg.NotJpeg as error:
        raise BadImage(name, str(error)) from None
    if not stated and tags.PhotometricInterpretation == "RGB":
        return None  # nothing in the JPEG contradicts the header: no colour transform
    return strip_jpeg(data, name)


def _decoded(tags: Any, index: int) -> np.ndarray:
    from pydicom.pixels.processing import apply_color_lut
    from pydicom.pixels.utils import pixel_array

    frame = pixel_array(tags, index=index)
    if tags.PhotometricInterpretation == "PALETTE COLOR":
        coloured = apply_color_lut(frame, tags)[..., :3]
        # Tables of 16 bits hold 8-bit colours in their upper byte as often as not; either way that byte is the colour.
        return np.ascontiguousarray(coloured >> 8 * (coloured.dtype.itemsize - 1)).astype(np.uint8)
    if int(tags.SamplesPerPixel) == 1:
        return grey_to_rgb(frame, tags)
    bits = int(tags.BitsStored)
    if bits == 8:
        return np.ascontiguousarray(frame).astype(np.uint8)
    most = 2**bits - 1
    scaled: np.ndarray = (frame.astype(np.uint32) * 255 + most // 2) // most
    return scaled.astype(np.uint8)


def _same_size(pixels: np.ndarray, tags: Any, name: str) -> None:
    if pixels.shape[:2] != (int(tags.Rows), int(tags.Columns)):
        raise BadImage(name, _sizes(pixels.shape[1], pixels.shape[0], tags))


def _sizes(width: int, height: int, tags: Any) -> str:
    return f"its JPEG has {width} x {height} pixels, its header says {tags.Columns} x {tags.Rows}"


def _profile(tags: Any) -> bytes:
    """The colour profile beside the pixels, if it is one and not sRGB."""
    held = tags
    if not tags.get("ICCProfile") and tags.get("OpticalPathSequence"):
        held = tags.OpticalPathSequence[0]
    profile = held.get("ICCProfile")
    if not profile or int(tags.SamplesPerPixel) != 3:
        return b""
    return bytes(profile) if decode.srgb_transform(bytes(profile), "RGB") is not None else b""
