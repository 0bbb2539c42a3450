"""ICC profiles written by hand, and what they should give: apart from the package's own code."""

from __future__ import annotations

import struct
from collections.abc import Callable

import numpy as np

# Primaries in XYZ of D50 (columns), as published profiles have them.
SRGB = np.array([[0.4361, 0.3851, 0.1431], [0.2225, 0.7169, 0.0606], [0.0139, 0.0971, 0.7141]])
ADOBE = np.array([[0.6097, 0.2053, 0.1492], [0.3111, 0.6257, 0.0632], [0.0195, 0.0609, 0.7446]])
P3 = np.array([[0.5151, 0.2920, 0.1571], [0.2412, 0.6922, 0.0666], [-0.0011, 0.0419, 0.7841]])
Curve = Callable[[np.ndarray], np.ndarray]


def srgb_curve(v: np.ndarray) -> np.ndarray:
    return np.where(v <= 0.04045, v / 12.92, ((v + 0.055) / 1.055) ** 2.4)


def encode_srgb(v: np.ndarray) -> np.ndarray:
    v = v.clip(0, 1)
    return np.where(v <= 0.0031308, 12.92 * v, 1.055 * v ** (1 / 2.4) - 0.055)


def power(gamma: float) -> Curve:
    return lambda v: v**gamma


def expected(pixels: np.ndarray, curve: Curve, matrix: np.ndarray = SRGB) -> np.ndarray:
    """uint8 RGB of a profile -> float sRGB in levels of 255."""
    linear = curve(pixels / 255) @ (np.linalg.inv(SRGB) @ matrix).T
    return 255 * encode_srgb(linear)


def profile(
    name: str, curve: Curve, matrix: np.ndarray | None = SRGB, *, kind: bytes = b"mntr", points: int = 1024
) -> bytes:
    """An ICC v2 profile called `name`; of grey, if there is no matrix."""
    description = b"desc" + bytes(4) + struct.pack(">I", len(name) + 1) + name.encode() + b"\0" + bytes(8 + 3 + 67)
    table = np.rint(65535 * curve(np.linspace(0, 1, points))).astype(int)
    curves = b"curv" + bytes(4) + struct.pack(f">I{points}H", points, *table)
    tags = {b"desc": description, b"cprt": b"text" + bytes(4) + b"none\0", b"wtpt": _xyz(0.9642, 1, 0.8249)}
    if matrix is None:
        tags[b"kTRC"] = curves
    else:
        tags |= {n: _xyz(*matrix[:, k]) for k, n in enumerate((b"rXYZ", b"gXYZ", b"bXYZ"))}
        tags |= dict.fromkeys((b"rTRC", b"gTRC", b"bTRC"), curves)
    index, body = struct.pack(">I", len(tags)), b""
    start = 132 + 12 * len(tags)
    for tag, value in tags.items():
        index += struct.pack(">4sII", tag, start + len(body), len(value))
        body += value + bytes(-len(value) % 4)
    space = b"GRAY" if matrix is None else b"RGB "
    head = struct.pack(">I4sI", start + len(body), b"none", 0x02100000) + kind + space + b"XYZ "
    head += struct.pack(">6H", 2020, 1, 1, 0, 0, 0) + b"acsp" + bytes(28) + struct.pack(">3i", 63190, 65536, 54061)
    return head + bytes(48) + index + body


def _xyz(*values: float) -> bytes:
    return b"XYZ " + bytes(4) + struct.pack(">3i", *(round(v * 65536) for v in values))
