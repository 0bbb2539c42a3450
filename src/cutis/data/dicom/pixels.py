"""From a DICOM object's pixels to uint8 RGB: what is read, and what is refused with a reason.

* Colours: RGB, YBR_FULL, YBR_FULL_422, YBR_ICT, YBR_RCT and PALETTE COLOR (`cutis.data.dicom.palette`), planar or not;
  more than 8 bits are scaled to 8. Grey: see `cutis.data.dicom.grey`. A colour profile (ICC) that isn't sRGB is
  converted.
* Of several frames the one that the file calls representative (0028,6010), else the first.
* A compressed frame is taken for what it says itself (`cutis.data.dicom.codestream`): headers that claim otherwise are
  common. A JPEG's EXIF doesn't turn it: rows and columns of the header are as coded.
* Uncompressed YBR_FULL_422 has two bytes per pixel. With three it is RGB: so are files that declare it and hold what a
  JPEG decoder gave (OHIF/Viewers issue 2934, seen with ISIC 2020).
* Where header and frame leave open what the colours are, the file is refused: no colour is guessed.
* Pixels are shown as stored; DICOM has no turning of photographs.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from cutis.data.clean import strip_jpeg
from cutis.data.dicom import stored
from cutis.data.dicom.grey import grey_to_rgb, is_plain
from cutis.data.dicom.palette import coloured
from cutis.data.dicom.quiet import quiet
from cutis.image import decode, jpeg
from cutis.image.decode import BadImage

_BLOCK = 2**22  # pixels that are converted at once: what a step takes beside the picture stays small


def frame_index(tags: Any) -> int:
    """The frame that stands for all, from 0: the representative one (0028,6010) if it names one, else the first."""
    frames = int(tags.get("NumberOfFrames") or 1)
    chosen = int(tags.get("RepresentativeFrameNumber") or 1)
    return chosen - 1 if 1 <= chosen <= frames else 0


def rgb(tags: Any, name: str, index: int | None = None) -> np.ndarray:
    """uint8 (height, width, 3), sRGB, of frame `index` (None: see `frame_index`).

    tags: a pydicom Dataset with its pixels; what it says of them may be put right in place. Raises BadImage.
    """
    quiet()
    try:
        found = stored.values(tags, name, frame_index(tags) if index is None else index)
        pixels = _shown(found, tags, name)
        profile = _profile(tags)
        return decode.to_srgb_array(pixels, profile) if profile and not found.in_srgb else pixels
    except (BadImage, MemoryError):
        raise
    except decode.Unsupported as error:
        raise BadImage(name, str(error)) from None
    except Exception as error:  # pydicom raises many kinds of error on damaged files
        raise stored.undecodable(name, error) from None


def passthrough(tags: Any, name: str) -> bytes | None:
    """The file's JPEG, bit for bit but for its metadata, where nothing is lost by taking it as it is; else None.

    That is: one frame of JPEG in colours that the JPEG states itself (or grey that is shown as stored) and no colour
    profile beside it but sRGB. Raises BadImage.
    """
    quiet()
    try:
        said = stored.check(tags, name)
        held = stored.compressed(tags, said, name, 0)
        if held is None or held[1] is None or said.frames > 1 or not stored.reads_itself(held[1], said):
            return None
        coded = strip_jpeg(held[0], name)
        if (held[1].components == 1 and not is_plain(tags)) or (_profile(tags) and not jpeg.read_frame(coded).icc):
            return None
        return coded
    except (BadImage, MemoryError):
        raise
    except Exception as error:  # as in `rgb`
        raise stored.undecodable(name, error) from None


def _shown(found: stored.Values, tags: Any, name: str) -> np.ndarray:
    """Stored values as they are shown, uint8 (height, width, 3), before any profile."""
    if found.pixels.ndim == 2:
        if tags.PhotometricInterpretation == "PALETTE COLOR":
            return coloured(found.pixels, tags, name)
        return grey_to_rgb(found.pixels, tags, found.bits)
    if found.bits == 8 and found.colours == "rgb":
        return np.ascontiguousarray(found.pixels).astype(np.uint8, copy=False)
    shown = np.empty(found.pixels.shape, np.uint8)
    rows = max(1, _BLOCK // found.pixels.shape[1])
    for top in range(0, len(shown), rows):
        part = found.pixels[top : top + rows]
        shown[top : top + rows] = (_from_ybr if found.colours == "ybr" else _scaled)(part, found.bits)
    return shown


def _scaled(values: np.ndarray, bits: int) -> np.ndarray:
    """0 .. 2**bits - 1 -> 0 .. 255, rounded."""
    most = 2**bits - 1
    scaled: np.ndarray = (values.astype(np.uint64) * 255 + most // 2) // most
    return scaled.astype(np.uint8)


def _from_ybr(values: np.ndarray, bits: int) -> np.ndarray:
    """Full-range YCbCr of any depth -> uint8 RGB (PS3.3 C.7.6.3.1.2; ITU-R BT.601)."""
    luma, blue, red = (values[..., n].astype(np.float64) for n in range(3))
    blue, red = blue - 2 ** (bits - 1), red - 2 ** (bits - 1)
    mixed = np.stack([luma + 1.402 * red, luma - 0.344136 * blue - 0.714136 * red, luma + 1.772 * blue], -1)
    shown: np.ndarray = np.rint(np.clip(mixed * (255 / (2**bits - 1)), 0, 255))
    return shown.astype(np.uint8)


def _profile(tags: Any) -> bytes:
    """The colour profile beside the pixels, if it is one and not sRGB."""
    held = tags
    if not tags.get("ICCProfile") and tags.get("OpticalPathSequence"):
        held = tags.OpticalPathSequence[0]
    profile = held.get("ICCProfile")
    if not profile or int(tags.SamplesPerPixel) != 3:
        return b""
    return bytes(profile) if decode.srgb_transform(bytes(profile), "RGB") is not None else b""
