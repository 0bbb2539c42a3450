"""Tabulated spectra, 400-700 nm by 5: haemoglobin, the CIE 1931 observer, illuminants; and from spectrum to colour.

Sources:
  * Haemoglobin: molar extinction, cm-1/(mol/l), compiled by S. Prahl from W. B. Gratzer and N. Kollias, Oregon Medical
    Laser Center, 1998 (omlc.org/spectra/hemoglobin/summary.html), five digits; odd multiples of 5 nm are the mean of
    the two neighbours in that 2-nm table.
  * Observer: CIE 1931 2-degree (ISO/CIE 11664-1). Daylight: CIE 15:2018's S0, S1, S2 (10 nm, linear between).
  * A: Planck's law, ISO 11664-2. LED: CIE 15:2018's LED-B4, a blue LED with a phosphor at 5109 K, as in dermoscopes.
"""

from __future__ import annotations

from functools import cache
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from cutis.errors import CutisError, nearest
from cutis.image.colour import adaptation, daylight_xy, xyz_to_linear_rgb


def _row(text: str) -> NDArray[np.float64]:
    row = np.array(text.split(), np.float64)
    row.flags.writeable = False
    return row


NM = np.arange(400.0, 701.0, 5.0)  # (61,) wavelengths
NM.flags.writeable = False

OXYHAEMOGLOBIN = _row("""
    266230 331460 466840 523080 480360 351130 246070 149080 102580 78884 62816 51524 44480 38440 33209 29482 26629
    24925 23684 22154 20933 20182 20035 20715 24202 30883 39957 48338 53236 50982 43016 35646 32613 35205 44496
    54424 50104 30620 14401 6681.2 3200 1958.6 1506 1166.4 942 740.8 610 495.6 442 397.8 368 340.4 319.6 305.6 294
    283.8 277.6 273.6 276 280.6 290
""")
DEOXYHAEMOGLOBIN = _row("""
    223300 261960 303960 353220 407560 471520 528600 549600 413280 259970 103290 33434 23389 18702 16156 14921 14550
    15378 16684 18648 20862 23289 25774 28682 31590 35171 39036 42840 46592 50488 53412 54530 53788 49700 45072
    40904 37020 33592 28324 21187 14677 12040 9443.6 7553.4 6509.6 5763.4 5148.8 4666.6 4345.2 4026.7 3750.1 3481.4
    3226.6 3010.8 2795.1 2591 2407.9 2224.9 2052 1923.3 1794.3
""")

_X = _row("""
    0.01431 0.02319 0.04351 0.07763 0.13438 0.21477 0.2839 0.3285 0.34828 0.34806 0.3362 0.3187 0.2908 0.2511 0.19536
    0.1421 0.09564 0.05795 0.03201 0.0147 0.0049 0.0024 0.0093 0.0291 0.06327 0.1096 0.1655 0.22575 0.2904 0.3597
    0.43345 0.51205 0.5945 0.6784 0.7621 0.8425 0.9163 0.9786 1.0263 1.0567 1.0622 1.0456 1.0026 0.9384 0.85445 0.7514
    0.6424 0.5419 0.4479 0.3608 0.2835 0.2187 0.1649 0.1212 0.0874 0.0636 0.04677 0.0329 0.0227 0.01584 0.0113592
""")
_Y = _row("""
    0.000396 0.00064 0.00121 0.00218 0.004 0.0073 0.0116 0.01684 0.023 0.0298 0.038 0.048 0.06 0.0739 0.09098 0.1126
    0.13902 0.1693 0.20802 0.2586 0.323 0.4073 0.503 0.6082 0.71 0.7932 0.862 0.91485 0.954 0.9803 0.99495 1 0.995
    0.9786 0.952 0.9154 0.87 0.8163 0.757 0.6949 0.631 0.5668 0.503 0.4412 0.381 0.321 0.265 0.217 0.175 0.1382 0.107
    0.0816 0.061 0.04458 0.032 0.0232 0.017 0.01192 0.00821 0.005723 0.004102
""")
_Z = _row("""
    0.06785 0.1102 0.2074 0.3713 0.6456 1.03905 1.3856 1.62296 1.74706 1.7826 1.77211 1.7441 1.6692 1.5281 1.28764
    1.0419 0.81295 0.6162 0.46518 0.3533 0.272 0.2123 0.1582 0.1117 0.07825 0.05725 0.04216 0.02984 0.0203 0.0134
    0.00875 0.00575 0.0039 0.00275 0.0021 0.0018 0.00165 0.0014 0.0011 0.001 0.0008 0.0006 0.00034 0.00024 0.00019
    0.0001 5e-05 3e-05 2e-05 1e-05 0 0 0 0 0 0 0 0 0 0 0
""")
OBSERVER = np.stack([_X, _Y, _Z], axis=1)  # (61, 3)

_S0 = _row("""
    94.8 104.8 105.9 96.8 113.9 125.6 125.5 121.3 121.3 113.5 113.1 110.8 106.5 108.8 105.3 104.4 100 96 95.1 89.1 90.5
    90.3 88.4 84 85.1 81.9 82.6 84.9 81.3 71.9 74.3
""")
_S1 = _row("""
    43.4 46.3 43.9 37.1 36.7 35.9 32.6 27.9 24.3 20.1 16.2 13.2 8.6 6.1 4.2 1.9 0 -1.6 -3.5 -3.5 -5.8 -7.2 -8.6 -9.5
    -10.9 -10.7 -12 -14 -13.6 -12 -13.3
""")
_S2 = _row("""
    -1.1 -0.5 -0.7 -1.2 -2.6 -2.9 -2.8 -2.6 -2.6 -1.8 -1.5 -1.3 -1.2 -1 -0.5 -0.3 0 0.2 0.5 2.1 3.2 4.1 4.7 5.1 6.7 7.3
    8.6 9.8 10.2 8.3 9.6
""")
_LED_B4 = _row("""
    0.03 0.08 0.21 0.54 1.31 2.75 5.04 8.31 13.37 20.61 25.91 24.12 17.47 11.9 8.62 6.34 4.89 4.25 4.19 4.7 5.77 7.27
    8.94 10.6 12.11 13.36 14.3 15.02 15.54 15.9 16.15 16.33 16.42 16.44 16.36 16.2 15.98 15.7 15.36 14.93 14.44 13.86
    13.24 12.57 11.84 11.12 10.38 9.65 8.91 8.19 7.51 6.86 6.21 5.6 5.05 4.54 4.05 3.62 3.23 2.87 2.53
""")

ILLUMINANTS = ("D65", "D50", "A", "LED")


@cache
def illuminant(name: str) -> NDArray[np.float64]:
    """Relative power of a light, (61,): D65, D50, A (an incandescent lamp) or LED (a dermoscope's).

    Raises CutisError for another name.
    """
    if name == "LED":
        return _LED_B4
    if name == "A":
        power = NM**-5.0 / np.expm1(1.435e7 / (2848 * NM))  # ISO 11664-2 writes it with this constant and 2848 K
    elif name in ("D65", "D50"):
        # A D's nominal 6500 or 5000 K is on the scale of before 1968: times 1.4388 / 1.4380
        power = daylight({"D65": 6500.0, "D50": 5000.0}[name] * 1.4388 / 1.4380)
    else:
        raise CutisError(f'optics: there is no illuminant "{name}"; {nearest(name, ILLUMINANTS)}.')
    power.flags.writeable = False
    return power


def daylight(kelvin: float) -> NDArray[np.float64]:
    """Relative power of CIE daylight of a colour temperature in 4000..25000 K, (61,); 100 at 560 nm."""
    x, y = daylight_xy(kelvin)
    scale = 0.0241 + 0.2562 * x - 0.7341 * y
    m1 = round((-1.3515 - 1.7703 * x + 5.9114 * y) / scale, 3)
    m2 = round((0.0300 - 31.4424 * x + 30.0717 * y) / scale, 3)
    return np.asarray(np.interp(NM, NM[::2], _S0 + m1 * _S1 + m2 * _S2))


@cache
def colour_matrix(light: str) -> NDArray[np.float64]:
    """(61, 3): `reflectance @ colour_matrix(light)` is linear sRGB.

    The camera's white balance is taken as right: a white tile is (1, 1, 1) under every light (Bradford's adaptation to
    D65), so the light changes colours only through the shape of its spectrum.
    """
    weights = OBSERVER * illuminant(light)[:, None]
    weights = weights / weights[:, 1].sum()
    matrix = xyz_to_linear_rgb(weights @ adaptation(weights.sum(0)).T)
    matrix.flags.writeable = False
    return matrix


def linear_rgb(reflectance: ArrayLike, light: str = "D65") -> NDArray[Any]:
    """Linear sRGB, (..., 3), of reflectance spectra (..., 61) under an illuminant."""
    return np.asarray(np.asarray(reflectance) @ colour_matrix(light))
