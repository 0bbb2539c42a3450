"""Skin's colour at the price of a lookup: linear sRGB by melanin, blood and deep melanin, and the way back from ITA.

The table is an atlas, one sheet of (blood, melanin) for each amount of deep melanin. Its axes run with a root of the
amount, where colour changes evenly, and OpenCV interpolates. Against the optics themselves it is off by less than half
an 8-bit sRGB level (tests hold it).
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache, lru_cache

import cv2
import numpy as np
from numpy.typing import ArrayLike, NDArray

from cutis.errors import CutisError, nearest
from cutis.image.colour import ita, linear_rgb_to_lab
from cutis.phantom.optics.reflectance import dermis, horny_layer, living_epidermis, over, reflectance, surface
from cutis.phantom.optics.skin import BLOOD_MOST, MELANIN_MOST
from cutis.phantom.optics.spectra import ILLUMINANTS, colour_matrix, linear_rgb


@dataclass(frozen=True, slots=True)
class _Axis:
    """Where the table's nodes are: at most * (0..1 evenly) ** power; the power is 2 or 3."""

    count: int
    most: float
    power: int

    def nodes(self) -> NDArray[np.float64]:
        return self.most * np.linspace(0, 1, self.count) ** self.power

    def place(self, plane: ArrayLike) -> NDArray[np.float32]:
        """Position of each value, clipped to the range, among the nodes: 0..count - 1."""
        places = np.clip(np.asarray(plane, np.float32), 0, self.most)
        places *= np.float32((self.count - 1) ** self.power / self.most)
        return np.asarray(np.sqrt(places, out=places) if self.power == 2 else np.cbrt(places, out=places))


_MELANIN, _BLOOD, _DEEP = _Axis(96, MELANIN_MOST, 2), _Axis(48, BLOOD_MOST, 2), _Axis(28, 1.0, 3)

# ITA in degrees of plain skin that stands for each of Fitzpatrick's types. Design input, no measurement of anyone:
# Fitzpatrick's types are about sunburn, and ITA differs widely inside each.
TONE_ITA = {"I": 58.0, "II": 47.0, "III": 35.0, "IV": 19.0, "V": -12.0, "VI": -48.0}


class SkinTable:
    """Colours of skin of one oxygenation under one light. Get it from `skin_table`, which keeps it."""

    def __init__(self, oxygenation: float, illuminant: str) -> None:
        self.oxygenation, self.illuminant = oxygenation, illuminant
        blood = _BLOOD.nodes()
        reflected, transmitted = (x.astype(np.float32) for x in living_epidermis(_MELANIN.nodes()))
        veil, clear = (x.astype(np.float32) for x in horny_layer())
        matrix = colour_matrix(illuminant).astype(np.float32)
        sheets = []
        for deep in _DEEP.nodes():
            below = dermis(blood, deep, oxygenation).astype(np.float32)[:, None]
            sheets.append(surface(over(veil, clear, over(reflected, transmitted, below))) @ matrix)
        # a fourth channel is spare: OpenCV looks up four at a time
        self._atlas = cv2.cvtColor(np.concatenate(sheets).clip(0, 1).astype(np.float32), cv2.COLOR_RGB2RGBA)

    def linear_rgb(self, melanin: ArrayLike, blood: ArrayLike, deep: ArrayLike = 0.0) -> NDArray[np.float32]:
        """Linear sRGB 0..1, (H, W, 3) float32, of planes (H, W); a plane may be one number.

        melanin: volume fraction of melanosomes in the epidermis, 0..0.6 (about 0.01 in very fair skin). blood: volume
        fraction of blood in the dermis, 0..0.3 (0.002..0.07 is usual). deep: melanin in the dermis, 0..1 of a blue
        naevus' full amount. Each is clipped to its range. The surface's own mirror reflection is not in it.
        """
        m, b, d = np.broadcast_arrays(*(np.asarray(plane, np.float32) for plane in (melanin, blood, deep)))
        if m.ndim != 2:
            raise CutisError(f"optics: melanin, blood and deep must be planes (H, W), not of shape {m.shape}.")
        x, y = _MELANIN.place(m), _BLOOD.place(b)
        left, top, width, height = cv2.boundingRect((d > 0).view(np.uint8))
        part = slice(top, top + height), slice(left, left + width)
        if width:
            sheet = _DEEP.place(d[part])
            under = np.minimum(np.floor(sheet), _DEEP.count - 2)
            share = sheet - under
            y[part] += under * np.float32(_BLOOD.count)
        light = self._look(x, y)
        if width:
            high = self._look(x[part], y[part] + np.float32(_BLOOD.count))
            cv2.blendLinear(light[part], high, 1 - share, share, light[part])
        return np.asarray(cv2.cvtColor(light, cv2.COLOR_RGBA2RGB), np.float32)

    def _look(self, x: NDArray[np.float32], y: NDArray[np.float32]) -> NDArray[np.float32]:
        """(H, W, 4) float32."""
        return np.asarray(cv2.remap(self._atlas, x, y, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE))


def skin_table(oxygenation: float = 0.7, illuminant: str = "D65") -> SkinTable:
    """The table for blood of an oxygenation (0..1, taken to the nearest 0.05) under an illuminant; built once.

    Raises CutisError for an oxygenation outside 0..1 or an unknown illuminant.
    """
    if not 0 <= oxygenation <= 1:
        raise CutisError(f"optics: oxygenation {oxygenation:g} is not in 0..1.")
    if illuminant not in ILLUMINANTS:
        raise CutisError(f'optics: there is no illuminant "{illuminant}"; {nearest(illuminant, ILLUMINANTS)}.')
    return _table(round(oxygenation * 20) / 20, illuminant)


@cache
def _table(oxygenation: float, illuminant: str) -> SkinTable:
    return SkinTable(oxygenation, illuminant)


def skin_ita(melanin: float, blood: float = 0.02, oxygenation: float = 0.7, illuminant: str = "D65") -> float:
    """ITA in degrees of even skin without deep pigment, from the optics themselves."""
    light = linear_rgb(reflectance(melanin, blood, 0.0, oxygenation), illuminant)
    return float(ita(linear_rgb_to_lab(light)))


def melanin_for_ita(degrees: float, blood: float = 0.02, oxygenation: float = 0.7, illuminant: str = "D65") -> float:
    """Epidermal melanin, 0..0.6, of even skin that has this ITA: the inverse of `skin_ita`, to 0.01 degrees.

    Raises CutisError, with the range that can be had, if no melanin gives it.
    """
    melanin, angles = _ita_curve(float(blood), float(oxygenation), illuminant)
    darkest, fairest = -angles[-1], -angles[0]
    if not darkest <= degrees <= fairest:
        raise CutisError(
            f"optics: no skin with {blood:g} blood has an ITA of {degrees:g} degrees; "
            f"give {darkest:.0f}..{fairest:.0f}."
        )
    return float(np.interp(-degrees, angles, melanin))


@lru_cache(maxsize=256)
def _ita_curve(blood: float, oxygenation: float, illuminant: str) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Melanin, and minus the ITA it gives, both rising."""
    melanin = _Axis(500, MELANIN_MOST, 2).nodes()
    light = linear_rgb(reflectance(melanin, blood, 0.0, oxygenation), illuminant)
    return melanin, -ita(linear_rgb_to_lab(light))


# The melanin that gives it at 2 % blood.
TONES: dict[str, float] = {tone: melanin_for_ita(degrees) for tone, degrees in TONE_ITA.items()}
