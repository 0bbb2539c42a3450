"""DICOM pixels of every coding that the tests know, each with what it must look like: (tags, expected uint8 RGB).

What is expected is worked out here by the standard's formulas, not by any decoder.
"""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from dicom_world import tags_of
from PIL import Image

Case = tuple[Any, np.ndarray]
ROWS, COLUMNS = 37, 45  # odd, so that lengths are: pixel data is padded to an even one


def ycc(pixels: np.ndarray) -> np.ndarray:
    """Full-range BT.601 (PS3.3 C.7.6.3.1.2), by its matrix."""
    m = np.array([[0.299, 0.587, 0.114], [-0.168736, -0.331264, 0.5], [0.5, -0.418688, -0.081312]])
    return np.rint(pixels @ m.T + [0, 128, 128]).clip(0, 255).astype(np.uint8)


def padded(data: bytes) -> bytes:
    return data + bytes(len(data) % 2)


def greys(bits: int, allocated: int, *, signed: bool = False) -> np.ndarray:
    """A ramp over the whole range of `bits`."""
    ramp = np.rint(np.linspace(0, 2**bits - 1, ROWS * COLUMNS)).reshape(ROWS, COLUMNS)
    return (ramp - signed * 2 ** (bits - 1)).astype(np.dtype(f"{'i' if signed else 'u'}{allocated // 8}"))


def shown(values: np.ndarray) -> np.ndarray:
    """0..1 as grey RGB."""
    return np.rint(np.clip(values, 0, 1) * 255).astype(np.uint8)[..., None].repeat(3, 2)


def stretched(values: np.ndarray) -> np.ndarray:
    low, high = float(values.min()), float(values.max())
    return shown((values.astype(float) - low) / (high - low))


def palette(table: np.ndarray, bits: int, first: int = 0, *, count: int | None = None) -> dict[str, object]:
    """The tables of (entries, 3), as bytes where they are uint8, else as words. bits: what the descriptor says."""
    found: dict[str, object] = {}
    for n, colour in enumerate(("Red", "Green", "Blue")):
        found[f"{colour}PaletteColorLookupTableDescriptor"] = [(count or len(table)) % 2**16, first, bits]
        found[f"{colour}PaletteColorLookupTableData"] = padded(np.ascontiguousarray(table[:, n]).tobytes())
    return found


def segmented(codes: list[int], bits: int, count: int) -> dict[str, object]:
    """One segmented table for all three colours."""
    data = padded(np.array(codes, np.uint8 if bits == 8 else np.uint16).tobytes())
    found: dict[str, object] = {}
    for colour in ("Red", "Green", "Blue"):
        found[f"{colour}PaletteColorLookupTableDescriptor"] = [count, 0, bits]
        found[f"Segmented{colour}PaletteColorLookupTableData"] = data
    return found


def colours(photo: np.ndarray) -> dict[str, Case]:
    """Three samples per pixel; `photo` is uint8 of ROWS x COLUMNS."""
    planes = padded(np.ascontiguousarray(photo.transpose(2, 0, 1)).tobytes())
    y = ycc(photo)
    yplanes = padded(np.ascontiguousarray(y.transpose(2, 0, 1)).tobytes())
    frames = np.stack([255 - photo, photo, photo[::-1]])
    cases = {
        "rgb": (tags_of(photo), photo),
        "rgb planar": (tags_of(photo, PlanarConfiguration=1, PixelData=planes), photo),
        "ybr_full": (tags_of(y, "YBR_FULL"), photo),
        "ybr_full planar": (tags_of(y, "YBR_FULL", PlanarConfiguration=1, PixelData=yplanes), photo),
        "rgb frames": (tags_of(frames, RepresentativeFrameNumber=2), photo),
        "rgb 8 in 16, upper byte": (tags_of(photo.astype(np.uint16) << 8, BitsStored=8, HighBit=15), photo),
    }
    for bits, allocated in ((5, 8), (8, 16), (10, 16), (12, 16), (16, 16), (20, 32), (32, 32)):
        deep = np.rint(photo / 255 * (2**bits - 1)).astype(np.dtype(f"u{allocated // 8}"))
        seen = np.rint(deep / (2**bits - 1) * 255).astype(np.uint8)
        cases[f"rgb {bits} in {allocated}"] = tags_of(deep, BitsStored=bits, HighBit=bits - 1), seen
    even = photo[:, : COLUMNS - 1].copy()
    even[:, 1::2] = even[:, ::2]  # Y1 Y2 Cb Cr for each pair of pixels: pairs of one colour come back whole
    z = ycc(even)
    packed = np.stack([z[:, ::2, 0], z[:, 1::2, 0], z[:, ::2, 1], z[:, ::2, 2]], -1).tobytes()
    cases["ybr_full_422"] = tags_of(z, "YBR_FULL_422", PixelData=padded(packed)), even
    return cases


def grey_cases() -> dict[str, Case]:
    cases: dict[str, Case] = {}
    for signed in (False, True):
        for bits, allocated in ((4, 8), (7, 8), (8, 8), (8, 16), (10, 16), (12, 16), (16, 16), (32, 32)):
            values = greys(bits, allocated, signed=signed)
            for kind in ("MONOCHROME2", "MONOCHROME1"):
                seen = stretched(values)
                name = f"{kind} {bits} in {allocated}{' signed' if signed else ''}"
                made = tags_of(values, kind, BitsStored=bits, HighBit=bits - 1)
                cases[name] = made, seen if kind == "MONOCHROME2" else 255 - seen
    twelve = greys(12, 16)
    wide = {"BitsStored": 12, "HighBit": 11}
    for name, values, more in (
        ("12 bits at the top of 16", twelve << 4, {"HighBit": 15}),
        ("12 bits at the top of 16, others used", (twelve << 4) | 5, {"HighBit": 15}),
        ("12 bits, others used", twelve | 0xA000, {}),
    ):
        cases[name] = tags_of(values.astype(np.uint16), "MONOCHROME2", **(wide | more)), stretched(twelve)
    x = twelve.astype(float)
    window = {"WindowCenter": "2000", "WindowWidth": "1500"}
    cases["window"] = tags_of(twelve, "MONOCHROME2", **wide, **window), shown((x - 1999.5) / 1499 + 0.5)
    cases["two windows"] = (
        tags_of(twelve, "MONOCHROME2", **wide, WindowCenter=["2000", "9"], WindowWidth=["1500", "9"]),
        shown((x - 1999.5) / 1499 + 0.5),
    )
    scale = {"RescaleSlope": "2", "RescaleIntercept": "-1024"}
    cases["rescale and window"] = (
        tags_of(twelve, "MONOCHROME2", **wide, **scale, WindowCenter="3000", WindowWidth="2500"),
        shown((2 * x - 1024 - 2999.5) / 2499 + 0.5),
    )
    eight = greys(8, 8)
    as_it_is = {"RescaleSlope": "1", "RescaleIntercept": "0"}
    low = eight // 4  # would be stretched if the rescale were taken for one
    cases["rescale by 1 and 0"] = tags_of(low, "MONOCHROME2", **as_it_is), low[..., None].repeat(3, 2)
    bit = (np.random.default_rng(0).random((ROWS, COLUMNS)) < 0.4).astype(np.uint8)
    for name, one in (("1 bit", bit), ("1 bit, all set", np.ones_like(bit))):
        packed = padded(np.packbits(one.ravel(), bitorder="little").tobytes())
        made = tags_of(one, "MONOCHROME2", BitsAllocated=1, BitsStored=1, HighBit=0, PixelData=packed)
        cases[name] = made, 255 * one[..., None].repeat(3, 2)
    return cases


def palettes(photo: np.ndarray) -> dict[str, Case]:
    index = photo[..., 0]
    table = np.random.default_rng(0).integers(0, 256, (256, 3))
    words, kind = table.astype(np.uint16), "PALETTE COLOR"
    seen = table[index].astype(np.uint8)
    wide = {"BitsStored": 16, "HighBit": 15}

    def made(indices: np.ndarray, **more: object) -> Any:
        return tags_of(indices, kind, **more)

    ramp = np.rint(np.linspace(0, 255, 256)).astype(int).tolist()
    half = ramp[:128]
    deep = [257 * v for v in half[:125]]
    up = [[0, 1, v, 1, 255, m] for v, m in ((0, 255), (0, 65535))]
    grey = np.array(ramp, np.uint8)[index][..., None].repeat(3, 2)
    twice = np.array(half + half, np.uint8)[index][..., None].repeat(3, 2)
    clipped = table[:100][np.clip(index.astype(int) - 60, 0, 99)].astype(np.uint8)
    odd = table[:201][np.clip(index, 0, 200)].astype(np.uint8)
    return {
        "palette of bytes": (made(index, **palette(table.astype(np.uint8), 8)), seen),
        "palette of an odd number of bytes": (made(index, **palette(table[:201].astype(np.uint8), 8)), odd),
        "palette of 8 bits in words": (made(index, **palette(words, 8)), seen),
        "palette of 8 bits in words, upper byte": (made(index, **palette(words << 8, 8)), seen),
        "palette of 16 bits, lower byte": (made(index, **palette(words, 16)), seen),
        "palette of 16 bits, upper byte": (made(index, **palette(words << 8, 16)), seen),
        "palette of 16 bits": (made(index, **palette(words * 257, 16)), seen),
        "palette from 60 to 159": (made(index, **palette((words * 257)[:100], 16, 60)), clipped),
        "palette of 65536": (
            made(index.astype(np.uint16) << 8, **wide, **palette(np.repeat(words * 257, 256, 0), 16)),
            seen,
        ),
        "palette of signed numbers": (
            made(index.astype(np.int16) - 128, **wide, **palette(words * 257, 16, -128)),
            seen,
        ),
        "segments, 8 bits": (made(index, **segmented(up[0], 8, 256)), grey),
        "segments, 16 bits": (made(index, **segmented(up[1], 16, 256)), grey),
        "segments, by number": (
            made(index, **segmented([0, 200, *ramp[:200], 0, 56, *ramp[200:]], 8, 256)),
            grey,
        ),
        "segments, twice, 8 bits": (
            made(index, **segmented([0, 128, *half, 2, 1, 0, 0, 0, 0], 8, 256)),
            twice,
        ),
        "segments, twice, 16 bits": (
            made(index, **segmented([0, 3, 9, 9, 9, 0, 125, *deep, 2, 1, 10, 0, 0, 3, 0, 0, 0], 16, 256)),
            np.array([0] * 3 + half[:125] + half[:125] + [0] * 3, np.uint8)[index][..., None].repeat(3, 2),
        ),
    }  # fmt: skip


def dcmtk(path: Path, folder: Path, *options: str) -> np.ndarray:
    """The first frame as DCMTK renders it, 8 bits."""
    program = shutil.which("dcmj2pnm")
    if program is None:
        pytest.skip("dcmj2pnm (Debian's dcmtk) is not installed")
    out = folder / "frame.ppm"
    out.unlink(missing_ok=True)
    done = subprocess.run([program, "+on", *options, path, out], check=False, capture_output=True, text=True)
    assert out.is_file(), done.stderr
    return np.asarray(Image.open(out).convert("RGB"))
