"""Reflectance spectrum of layered skin: two fluxes of light (Kubelka-Munk), up and down, through each layer.

In the dermis, where light runs every way, 2 mu_a and 3/4 mu_s' turn the radiative coefficients into the two-flux ones
(Gate 1974, doi:10.1364/AO.13.000236; exact where absorption is weak). The epidermis is too thin for that: light crosses
it nearly straight, on a shorter way, and its forward scattering turns little of it back. There 1.5 mu_a and 1/4 mu_s'
fit photons followed one by one through 60 micrometres (Monte Carlo, g = 0.85; tests do it again).

Layers are put together from below (Kubelka 1954). At the surface light enters through one Fresnel boundary and, coming
back, is partly thrown down again (Saunderson 1942). What mirrors off the surface itself is not in it: a cross-polarised
dermoscope removes it, else the renderer adds glare.
"""

from __future__ import annotations

from functools import cache
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from cutis.phantom.optics.skin import (
    USUAL,
    Anatomy,
    baseline_absorption,
    blood_absorption,
    dermis_scattering,
    epidermis_scattering,
    melanin_absorption,
)

Spectra = NDArray[Any]  # (..., 61)

# (path, back) of `layer`: light that runs every way, light that runs nearly straight, and in the cover between the two
_DIFFUSE, _STRAIGHT, _BETWEEN = (2.0, 0.75), (1.5, 0.25), (1.75, 0.5)


def reflectance(
    melanin: ArrayLike,
    blood: ArrayLike,
    deep: ArrayLike = 0.0,
    oxygenation: float = 0.7,
    anatomy: Anatomy = USUAL,
) -> NDArray[np.float64]:
    """Diffuse reflectance 0..1 at 400, 405 .. 700 nm, (..., 61), of skin; the parameters broadcast, and aren't clipped.

    melanin: volume fraction of melanosomes in the epidermis. blood: volume fraction of blood in the dermis, of that
    oxygenation (0..1). deep: dermal melanin, 0..1 of a blue naevus' full amount.
    """
    below = over(*living_epidermis(melanin, anatomy), dermis(blood, deep, oxygenation, anatomy))
    return surface(over(*horny_layer(anatomy), below), anatomy.refraction)


@cache
def horny_layer(anatomy: Anatomy = USUAL) -> tuple[Spectra, Spectra]:
    """Reflectance and transmittance of the horny layer, each (61,)."""
    return layer(baseline_absorption(), epidermis_scattering(), anatomy.horny, *_STRAIGHT)


def living_epidermis(melanin: ArrayLike, anatomy: Anatomy = USUAL) -> tuple[Spectra, Spectra]:
    """Reflectance and transmittance of the living epidermis with all the melanin, each (..., 61).

    melanin is a share of the whole epidermis, horny layer included.
    """
    share = np.asarray(melanin, np.float64)[..., None] * (anatomy.horny + anatomy.living) / anatomy.living
    absorption = baseline_absorption() + share * melanin_absorption(anatomy.eumelanin)
    return layer(absorption, epidermis_scattering(), anatomy.living, *_STRAIGHT)


def dermis(
    blood: ArrayLike, deep: ArrayLike = 0.0, oxygenation: float = 0.7, anatomy: Anatomy = USUAL
) -> NDArray[np.float64]:
    """Reflectance of the dermis, (..., 61), under no epidermis: clear cover, deposit of melanin, dermis without end."""
    share, pigment = np.asarray(blood, np.float64)[..., None], np.asarray(deep, np.float64)[..., None]
    clear = (1 - share) * baseline_absorption() + share * blood_absorption(oxygenation, anatomy.vessel)
    dark = clear + pigment * anatomy.deposit_melanin * melanin_absorption(anatomy.eumelanin)
    scattering = dermis_scattering()
    below = over(*layer(dark, scattering, anatomy.deposit), endless(clear, scattering))
    return over(*layer(clear, scattering, anatomy.cover, *_BETWEEN), below)


def layer(
    absorption: Spectra, scattering: Spectra, thickness: float, path: float = _DIFFUSE[0], back: float = _DIFFUSE[1]
) -> tuple[Spectra, Spectra]:
    """Kubelka-Munk reflectance and transmittance of a layer; coefficients in 1/cm, thickness in micrometres.

    path: mean way through the layer over its thickness. back: share of the reduced scattering that turns light back.
    """
    a, b, s = _fluxes(absorption, scattering, path, back)
    once = np.exp(-b * s * thickness * 1e-4)
    whole = a * (1 - once**2) + b * (1 + once**2)
    return (1 - once**2) / whole, 2 * b * once / whole


def endless(absorption: Spectra, scattering: Spectra) -> NDArray[np.float64]:
    """Kubelka-Munk reflectance of a layer so thick that nothing comes through."""
    a, b, _ = _fluxes(absorption, scattering, *_DIFFUSE)
    return np.asarray(1 / (a + b))


def over(reflected: Spectra, transmitted: Spectra, below: Spectra) -> NDArray[np.float64]:
    """Reflectance of a layer on a ground that reflects `below`, with all the passes between them."""
    return np.asarray(reflected + transmitted**2 * below / (1 - reflected * below))


def surface(below: Spectra, refraction: float = USUAL.refraction) -> NDArray[np.float64]:
    """What leaves through the surface into air; `below` is the reflectance inside, without the surface."""
    inside = internal_reflection(refraction)
    enters = 1 - ((refraction - 1) / (refraction + 1)) ** 2
    return np.asarray(enters * (1 - inside) * below / (1 - inside * below))


@cache
def internal_reflection(refraction: float) -> float:
    """Share of diffuse light inside that the surface throws back (Fresnel, unpolarised, averaged over directions)."""
    cosine = (np.arange(4000) + 0.5) / 4000
    sine = refraction * np.sqrt(1 - cosine**2)  # of the angle outside
    out = np.sqrt(np.clip(1 - sine**2, 0, None))
    s = (refraction * cosine - out) / (refraction * cosine + out)
    p = (cosine - refraction * out) / (cosine + refraction * out)
    fresnel = np.where(sine >= 1, 1.0, (s**2 + p**2) / 2)
    return float((2 * cosine * fresnel).mean())


def _fluxes(absorption: Spectra, scattering: Spectra, path: float, back: float) -> tuple[Spectra, Spectra, Spectra]:
    s = back * scattering
    a = 1 + path * absorption / s
    return a, np.sqrt(a**2 - 1), s
