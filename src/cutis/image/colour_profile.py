"""Colours of a picture to sRGB: what its profile computes decides, never what the profile is called.

A profile is run over a grid of colours. If none comes out further than `TOLERANCE` from where it went in, it is sRGB;
else every pixel is converted (littleCMS, relative colorimetric). What can't be read, or isn't one for such pixels, is
refused. Colours that a file states without a profile (PNG's gAMA and cHRM, coding-independent code points, EXIF's
Adobe RGB) become a profile here.

Source: ICC.1:2022 (8.2, 10.18: matrix, curves); IEC 61966-2-1 (sRGB); PNG third edition 11.3.2, 12.1 (cICP, gAMA,
cHRM); ITU-T H.273 (code points); Adobe RGB (1998) 4.3; Lindbloom (Bradford's adaptation).
"""

from __future__ import annotations

import io
import struct
from collections.abc import Iterator, Sequence
from functools import lru_cache
from typing import Any

import numpy as np

from cutis.image.source import Unsupported

TOLERANCE = 2  # levels of 255: published sRGB profiles, some of them tables of a few points, differ by that
BAND = 1_000_000  # pixels that are converted at a time
MOST_BYTES = 4 * 2**20  # of a profile
_CLASSES = ("mntr", "scnr", "prtr", "spac")  # of devices and colour spaces, not links, names and effects
SRGB = ((0.64, 0.33), (0.30, 0.60), (0.15, 0.06))
DISPLAY_P3 = ((0.68, 0.32), (0.265, 0.69), (0.15, 0.06))
ADOBE_RGB = ((0.64, 0.33), (0.21, 0.71), (0.15, 0.06))
D65 = (0.3127, 0.3290)
ADOBE_GAMMA = 563 / 256
_D50 = np.array([0.9642, 1.0, 0.8249])
_BRADFORD = np.array([[0.8951, 0.2664, -0.1614], [-0.7502, 1.7135, 0.0367], [0.0389, -0.0685, 1.0296]])
Points = Sequence[tuple[float, float]]


def to_srgb_array(pixels: np.ndarray, profile: bytes) -> np.ndarray:
    """uint8 (h, w, 3) RGB, or (h, w) grey, in the colours of an ICC profile -> uint8 (h, w, 3) sRGB.

    The array itself where it is RGB and the profile is sRGB. Raises Unsupported as `srgb_transform` does.
    """
    from PIL import Image, ImageCms

    grey = pixels.ndim == 2
    if grey and _space(profile) == "RGB":  # a grey is a colour of its profile, its three values alike
        return to_srgb_array(np.repeat(pixels[..., None], 3, axis=2), profile)
    if grey:
        levels: np.ndarray = _greys(profile)[pixels]
        return levels
    transform = srgb_transform(profile, "RGB")
    if transform is None:
        return pixels
    made = np.empty((*pixels.shape[:2], 3), np.uint8)
    for rows in bands(*pixels.shape[:2]):
        made[rows] = ImageCms.applyTransform(Image.fromarray(np.ascontiguousarray(pixels[rows])), transform)
    return made


def bands(height: int, width: int) -> Iterator[slice]:
    """Rows of a picture, in slices of about `BAND` pixels."""
    step = max(1, BAND // max(1, width))
    for top in range(0, height, step):
        yield slice(top, min(height, top + step))


@lru_cache(maxsize=32)
def srgb_transform(profile: bytes, mode: str) -> Any:
    """A littleCMS transform to sRGB of pixels of `mode` ("L", "RGB" or "CMYK"), or None where they are sRGB already.

    Raises Unsupported for a profile that can't be read, or is none for such pixels.
    """
    from PIL import Image, ImageCms

    wanted = {"L": "GRAY"}.get(mode, mode)
    if (space := _space(profile)) != wanted:
        raise Unsupported(f"its colour profile is one for {space or 'other'} pixels, not for {wanted}; {_REMEDY}")
    try:
        transform = ImageCms.buildTransform(
            ImageCms.ImageCmsProfile(io.BytesIO(profile)),
            ImageCms.createProfile("sRGB"),
            mode,
            "RGB",
            ImageCms.Intent.RELATIVE_COLORIMETRIC,
            # Optimised, littleCMS keeps so few points of a grey curve that it is off by ten levels in the dark.
            ImageCms.Flags.NOOPTIMIZE if mode == "L" else ImageCms.Flags.NONE,
        )
    except (ImageCms.PyCMSError, OSError, ValueError) as error:
        raise Unsupported(f"its colour profile can't be used ({str(error)[:80]}); {_REMEDY}") from None
    if mode == "CMYK":
        return transform
    grid = _grid(mode)
    away = np.asarray(ImageCms.applyTransform(Image.fromarray(grid), transform)).astype(np.int16)
    return transform if np.abs(away - grid.reshape(*grid.shape[:2], -1)).max() > TOLERANCE else None


_REMEDY = "save it again as sRGB"


@lru_cache(maxsize=32)
def _space(profile: bytes) -> str:
    """The colour space that a profile is for: "RGB", "GRAY", "CMYK". Raises Unsupported."""
    from PIL import ImageCms

    if len(profile) > MOST_BYTES:
        raise Unsupported(f"its colour profile is larger than {MOST_BYTES // 2**20} MB; {_REMEDY}")
    try:
        read = ImageCms.ImageCmsProfile(io.BytesIO(profile)).profile
    except (ImageCms.PyCMSError, OSError, ValueError):
        raise Unsupported(f"its colour profile is damaged; {_REMEDY}") from None
    if read.device_class not in _CLASSES:
        raise Unsupported(f'its colour profile is of class "{read.device_class}", not of a device; {_REMEDY}')
    return str(read.xcolor_space).strip()


@lru_cache(maxsize=32)
def _greys(profile: bytes) -> np.ndarray:
    """uint8 (256, 3): each level of a grey profile in sRGB."""
    from PIL import Image, ImageCms

    ramp = _grid("L")
    transform = srgb_transform(profile, "L")
    if transform is None:
        return np.repeat(ramp[0, :, None], 3, axis=1)
    made: np.ndarray = np.asarray(ImageCms.applyTransform(Image.fromarray(ramp), transform))[0]
    return made


@lru_cache(maxsize=2)
def _grid(mode: str) -> np.ndarray:
    """Colours that tell profiles apart: every level of each channel and of grey, and a lattice."""
    ramp = np.arange(256, dtype=np.uint8)
    if mode == "L":
        return ramp[None]
    none = np.zeros_like(ramp)
    ramps = [
        np.stack(channels, -1) for channels in ((ramp,) * 3, (ramp, none, none), (none, ramp, none), (none, none, ramp))
    ]
    levels = np.linspace(0, 255, 9).round().astype(np.uint8)
    lattice = np.stack(np.meshgrid(levels, levels, levels), -1).reshape(-1, 3)
    return np.concatenate([*ramps, lattice])[None]


def rgb_profile(primaries: Points, white: tuple[float, float] = D65, gamma: float | None = None) -> bytes:
    """An ICC profile of three primaries and a white point (CIE x, y) and one curve: a power, or sRGB's (None).

    Raises Unsupported for points that span no colours.
    """
    points = np.array([(x, y, 1 - x - y) for x, y in (*primaries, white)])
    if not (np.isfinite(points).all() and (points[:, 1] > 1e-4).all()):
        raise Unsupported("the primaries that it states are no colours; " + _REMEDY)
    xyz = (points / points[:, 1:2]).T
    try:
        scaled = xyz[:, :3] * np.linalg.solve(xyz[:, :3], xyz[:, 3])
        cones = _BRADFORD @ xyz[:, 3]
        adapted = np.linalg.inv(_BRADFORD) @ np.diag(_BRADFORD @ _D50 / cones) @ _BRADFORD @ scaled
    except np.linalg.LinAlgError:
        raise Unsupported("the primaries that it states are no colours; " + _REMEDY) from None
    if not (np.abs(adapted) < 30).all():  # nothing that a curve of an ICC profile could hold
        raise Unsupported("the primaries that it states are no colours; " + _REMEDY)
    if gamma is None:
        curve = _fixed(b"para" + bytes(4) + struct.pack(">HH", 3, 0), 2.4, 1 / 1.055, 0.055 / 1.055, 1 / 12.92, 0.04045)
    else:
        curve = _fixed(b"para" + bytes(4) + bytes(4), gamma)
    words = "RGB".encode("utf-16-be")
    text = b"mluc" + bytes(4) + struct.pack(">II2s2sII", 1, 12, b"en", b"US", len(words), 28) + words + bytes(2)
    tags = {b"desc": text, b"cprt": text, b"wtpt": _fixed(b"XYZ " + bytes(4), *_D50)}
    tags |= {name: _fixed(b"XYZ " + bytes(4), *adapted[:, k]) for k, name in enumerate((b"rXYZ", b"gXYZ", b"bXYZ"))}
    tags |= dict.fromkeys((b"rTRC", b"gTRC", b"bTRC"), curve)
    table, body, start = struct.pack(">I", len(tags)), b"", 128 + 4 + 12 * len(tags)
    for name, value in tags.items():
        table += struct.pack(">4sII", name, start + len(body), len(value))
        body += value + bytes(-len(value) % 4)
    head = struct.pack(">I4sI", start + len(body), bytes(4), 0x04300000) + b"mntrRGB XYZ "
    head += struct.pack(">6H", 2000, 1, 1, 0, 0, 0) + b"acsp" + bytes(28) + _fixed(b"", *_D50) + bytes(48)
    return head + table + body


def _fixed(kind: bytes, *numbers: float) -> bytes:
    """A tag of s15Fixed16 numbers."""
    return kind + struct.pack(f">{len(numbers)}i", *(round(v * 65536) for v in numbers))


@lru_cache(maxsize=1)
def adobe_rgb() -> bytes:
    return rgb_profile(ADOBE_RGB, gamma=ADOBE_GAMMA)


def coded_colours(primaries: int, transfer: int) -> bytes:
    """The profile of code points of ITU-T H.273, b"" for sRGB's; raises Unsupported for what isn't read.

    BT.709's curve (1, 6) is taken for sRGB's, as every program that shows stills takes it.
    """
    if primaries in (1, 2) and transfer in (1, 2, 6, 13):
        return b""
    if primaries == 12 and transfer == 13:
        return rgb_profile(DISPLAY_P3)
    raise Unsupported(
        f"colours of code points {primaries} and {transfer} (H.273), such as HDR, are not read; {_REMEDY}"
    )
