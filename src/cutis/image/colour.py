"""Colour science that every room shares: sRGB, XYZ, CIELAB, skin tone's angle, colour difference, white points.

Arrays are (..., 3), float32 in gives float32 out, all else is float64. sRGB and linear light run 0..1, XYZ has Y = 1
for white, CIELAB is for the 2-degree observer and, unless another white is given, D65.

Sources: IEC 61966-2-1 (sRGB's curve and primaries); CIE 15:2018 (CIELAB, daylight); Sharma, Wu & Dalal 2005,
doi:10.1002/col.20070 (CIEDE2000); Chardon, Cretois & Hourseau 1991, doi:10.1111/j.1467-2494.1991.tb00561.x (ITA); Kang
et al. 2002, J. Korean Phys. Soc. 41:865 (the black body's white); Lam 1985 (Bradford's cone responses).
"""

from __future__ import annotations

import math
from functools import cache
from typing import Any

import cv2
import numpy as np
from numpy.typing import ArrayLike, NDArray

from cutis.errors import CutisError

Floats = NDArray[Any]  # float32 or float64

_PRIMARIES = ((0.64, 0.33), (0.30, 0.60), (0.15, 0.06))  # IEC 61966-2-1, xy of R, G, B
_D65_XY = (0.3127, 0.3290)
_CONES = np.array([[0.8951, 0.2664, -0.1614], [-0.7502, 1.7135, 0.0367], [0.0389, -0.0685, 1.0296]])  # Bradford
_KNEE = 6 / 29  # CIELAB: below this cube root the curve is a line


def xy_to_xyz(xy: tuple[float, float]) -> NDArray[np.float64]:
    """XYZ, (3,), of chromaticity (x, y) at Y = 1."""
    x, y = xy
    return np.array([x / y, 1.0, (1 - x - y) / y])


def _primaries() -> NDArray[np.float64]:
    columns = np.stack([xy_to_xyz(xy) for xy in _PRIMARIES], axis=1)
    return columns * np.linalg.solve(columns, xy_to_xyz(_D65_XY))


D65 = xy_to_xyz(_D65_XY)  # XYZ of the white that sRGB and CIELAB are for here
_TO_XYZ = _primaries()
_FROM_XYZ = np.linalg.inv(_TO_XYZ)


def srgb_to_linear(srgb: ArrayLike) -> Floats:
    """Light, 0..1, of sRGB values 0..1, any shape."""
    s = _floats(srgb)
    return np.where(s <= 0.04045, s / 12.92, ((np.maximum(s, 0.04045) + 0.055) / 1.055) ** 2.4).astype(s.dtype)


def linear_to_srgb(light: ArrayLike) -> Floats:
    """sRGB values of light, any shape; what is outside 0..1 stays outside."""
    x = _floats(light)
    return np.where(x <= 0.0031308, x * 12.92, 1.055 * np.maximum(x, 0.0031308) ** (1 / 2.4) - 0.055).astype(x.dtype)


def to_uint8(light: ArrayLike) -> NDArray[np.uint8]:
    """Linear RGB as an 8-bit sRGB image, clipped to what it can show."""
    return np.rint(np.clip(linear_to_srgb(light), 0, 1) * 255).astype(np.uint8)


def linear_rgb_to_xyz(rgb: ArrayLike) -> Floats:
    """XYZ of linear sRGB, (..., 3); RGB (1, 1, 1) is D65."""
    x = _floats(rgb)
    return np.asarray(x @ _TO_XYZ.T.astype(x.dtype))


def xyz_to_linear_rgb(xyz: ArrayLike) -> Floats:
    """Linear sRGB of XYZ, (..., 3); colours outside the gamut come out below 0 or above 1."""
    x = _floats(xyz)
    return np.asarray(x @ _FROM_XYZ.T.astype(x.dtype))


def xyz_to_lab(xyz: ArrayLike, white: ArrayLike = D65) -> Floats:
    """CIELAB, (..., 3) with L* 0..100, of XYZ seen under `white` (XYZ)."""
    x = _floats(xyz)
    t = x / np.asarray(white, x.dtype)
    f = np.where(t > _KNEE**3, np.cbrt(t), t / (3 * _KNEE**2) + 4 / 29)
    fx, fy, fz = f[..., 0], f[..., 1], f[..., 2]
    return np.stack([116 * fy - 16, 500 * (fx - fy), 200 * (fy - fz)], -1).astype(x.dtype)


def lab_to_xyz(lab: ArrayLike, white: ArrayLike = D65) -> Floats:
    """The inverse of `xyz_to_lab`."""
    v = _floats(lab)
    fy = (v[..., 0] + 16) / 116
    f = np.stack([fy + v[..., 1] / 500, fy, fy - v[..., 2] / 200], -1)
    t = np.where(f > _KNEE, f**3, 3 * _KNEE**2 * (f - 4 / 29))
    return np.asarray(t * np.asarray(white, v.dtype), v.dtype)


def linear_rgb_to_lab(rgb: ArrayLike) -> Floats:
    """CIELAB under D65 of linear sRGB, (..., 3)."""
    return xyz_to_lab(linear_rgb_to_xyz(rgb))


def lab_to_linear_rgb(lab: ArrayLike) -> Floats:
    """Linear sRGB, perhaps out of gamut, of CIELAB under D65."""
    return xyz_to_linear_rgb(lab_to_xyz(lab))


def lab(image: NDArray[np.uint8]) -> NDArray[np.float32]:
    """CIELAB under D65, (H, W, 3) float32, of an 8-bit sRGB image (H, W, 3).

    The fast path: a table undoes sRGB's curve and OpenCV does the rest on floats. It differs from the formulas by at
    most 0.001 in L*, a*, b* (tests hold it). OpenCV's own conversion rounds 8-bit images to whole L*, a*, b*, which
    moves ITA by several degrees, and is off by up to 0.45 on floats. Raises CutisError for any other kind of array.
    """
    if image.dtype != np.uint8 or image.ndim != 3 or image.shape[2] != 3:
        raise CutisError(f"colour: expected an 8-bit RGB image (H, W, 3), got {image.dtype} {image.shape}.")
    if image.size == 0:
        return np.zeros(image.shape, np.float32)
    # to XYZ as a share of white, so that the three share one curve
    shares = cv2.transform(cv2.LUT(np.ascontiguousarray(image), _linear_table()), _TO_SHARES)
    roots = cv2.pow(shares, 1 / 3)
    dark = shares <= _KNEE**3
    if dark.any():
        roots[dark] = shares[dark] / (3 * _KNEE**2) + 4 / 29
    return np.asarray(cv2.transform(roots, _ROOTS_TO_LAB), np.float32)


_TO_SHARES = (_TO_XYZ / D65[:, None]).astype(np.float32)
_ROOTS_TO_LAB = np.array([[0, 116, 0, -16], [500, -500, 0, 0], [0, 200, -200, 0]], np.float32)


@cache
def _linear_table() -> NDArray[np.float32]:
    return srgb_to_linear(np.arange(256) / 255).astype(np.float32)


def ita(lab: ArrayLike) -> Floats:
    """Individual typology angle in degrees, (...), of CIELAB (..., 3): arctan((L* - 50) / b*), Chardon et al. 1991.

    Very light skin is above 55, dark skin below -30. This is arctan2: it runs -180..180 and has no hole at b* = 0. The
    plain arctan that much published code uses agrees while b* > 0; where b* < 0 (bluish skin, a blue cast, a lesion) it
    flips the sign: L* 60, b* -5 is 117 degrees here, bluer than any skin, and -63 there, "dark skin". Average L* and b*
    over skin pixels first and take one angle: a mean of angles is another number.
    """
    v = _floats(lab)
    return np.asarray(np.degrees(np.arctan2(v[..., 0] - 50, v[..., 2])), v.dtype)


def hue_angle(lab: ArrayLike) -> Floats:
    """h_ab in degrees, 0..360, of CIELAB (..., 3): 0 is red, 90 yellow; about 40..75 for skin."""
    v = _floats(lab)
    return np.asarray(np.degrees(np.arctan2(v[..., 2], v[..., 1])) % 360, v.dtype)


def delta_e_2000(one: ArrayLike, other: ArrayLike) -> Floats:
    """CIEDE2000 colour difference, (...), of CIELAB colours (..., 3); about 1 is just seen. kL = kC = kH = 1."""
    a, b = np.broadcast_arrays(np.asarray(one, np.float64), np.asarray(other, np.float64))
    chroma = (np.hypot(a[..., 1], a[..., 2]) + np.hypot(b[..., 1], b[..., 2])) / 2
    stretch = 1 + 0.5 * (1 - np.sqrt(chroma**7 / (chroma**7 + 25.0**7)))
    c1, h1 = _polar(a, stretch)
    c2, h2 = _polar(b, stretch)
    grey = c1 * c2 == 0
    turn = np.where(grey, 0, (h2 - h1 + 180) % 360 - 180)
    turn = np.where((turn == -180) & (h2 > h1), 180, turn)  # exactly opposite hues: keep the sign of h2 - h1
    d_l, d_c = b[..., 0] - a[..., 0], c2 - c1
    d_h = 2 * np.sqrt(c1 * c2) * np.sin(np.radians(turn / 2))
    mean_l, mean_c = (a[..., 0] + b[..., 0]) / 2, (c1 + c2) / 2
    apart = np.abs(h1 - h2) > 180
    mean_h = np.where(apart, (h1 + h2 + np.where(h1 + h2 < 360, 360, -360)) / 2, (h1 + h2) / 2)
    mean_h = np.where(grey, h1 + h2, mean_h)
    t = (
        1
        - 0.17 * _cos(mean_h - 30)
        + 0.24 * _cos(2 * mean_h)
        + 0.32 * _cos(3 * mean_h + 6)
        - 0.20 * _cos(4 * mean_h - 63)
    )
    s_l = 1 + 0.015 * (mean_l - 50) ** 2 / np.sqrt(20 + (mean_l - 50) ** 2)
    s_c, s_h = 1 + 0.045 * mean_c, 1 + 0.015 * mean_c * t
    bend = 2 * np.sqrt(mean_c**7 / (mean_c**7 + 25.0**7))
    twist = -bend * np.sin(np.radians(60 * np.exp(-(((mean_h - 275) / 25) ** 2))))
    l, c, h = d_l / s_l, d_c / s_c, d_h / s_h  # noqa: E741
    return np.asarray(np.sqrt(l**2 + c**2 + h**2 + twist * c * h))


def _polar(lab: NDArray[np.float64], stretch: Floats) -> tuple[Floats, Floats]:
    a, b = lab[..., 1] * stretch, lab[..., 2]
    return np.hypot(a, b), np.degrees(np.arctan2(b, a)) % 360


def _cos(degrees: Floats) -> Floats:
    return np.asarray(np.cos(np.radians(degrees)))


def daylight_xy(kelvin: float) -> tuple[float, float]:
    """Chromaticity of CIE daylight of `kelvin` (correlated colour temperature, 4000..25000); CIE 15:2018, 4.1.2."""
    if not 4000 <= kelvin <= 25000:
        raise CutisError(
            f"colour: daylight of {kelvin:g} K is not defined; give 4000..25000 (planckian_xy goes lower)."
        )
    t = 1000 / kelvin
    if kelvin <= 7000:
        x = 0.244063 + 0.09911 * t + 2.9678 * t**2 - 4.6070 * t**3
    else:
        x = 0.237040 + 0.24748 * t + 1.9018 * t**2 - 2.0064 * t**3
    return x, -3.000 * x**2 + 2.870 * x - 0.275


def planckian_xy(kelvin: float) -> tuple[float, float]:
    """Chromaticity of a black body of `kelvin`, 1667..25000: a warm lamp's white (Kang et al. 2002, within 0.001)."""
    if not 1667 <= kelvin <= 25000:
        raise CutisError(f"colour: a black body's white is known for 1667..25000 K, not {kelvin:g}.")
    t = 1000 / kelvin
    if kelvin <= 4000:
        x = -0.2661239 * t**3 - 0.2343589 * t**2 + 0.8776956 * t + 0.179910
    else:
        x = -3.0258469 * t**3 + 2.1070379 * t**2 + 0.2226347 * t + 0.240390
    if kelvin <= 2222:
        y = -1.1063814 * x**3 - 1.34811020 * x**2 + 2.18555832 * x - 0.20219683
    elif kelvin <= 4000:
        y = -0.9549476 * x**3 - 1.37418593 * x**2 + 2.09137015 * x - 0.16748867
    else:
        y = 3.0817580 * x**3 - 5.87338670 * x**2 + 3.75112997 * x - 0.37001483
    return x, y


def adaptation(seen_under: ArrayLike, wanted_under: ArrayLike = D65) -> NDArray[np.float64]:
    """Bradford's (3, 3) matrix from XYZ seen under one white to XYZ of the same look under another (both XYZ).

    Apply it as `xyz @ matrix.T`.
    """
    before, after = _CONES @ np.asarray(seen_under, float), _CONES @ np.asarray(wanted_under, float)
    if not (math.isfinite(before.sum()) and (before > 0).all()):
        raise CutisError(f"colour: {np.asarray(seen_under).tolist()} is not the XYZ of a white.")
    return np.asarray(np.linalg.inv(_CONES) @ np.diag(after / before) @ _CONES)


def _floats(values: ArrayLike) -> Floats:
    array = np.asarray(values)
    return array if array.dtype == np.float32 else array.astype(np.float64, copy=False)
