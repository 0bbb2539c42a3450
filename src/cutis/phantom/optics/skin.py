"""What each layer of skin absorbs and scatters at every wavelength; coefficients in 1/cm, thicknesses in micrometres.

Sources, by name:
  * Melanin: Donner & Jensen 2006, "A spectral BSSRDF for shading human skin", for eu- and pheomelanin; the first is
    Jacques' melanosome interior, 6.6e11 nm^-3.33 (Jacques, "Skin optics", omlc.org/news/jan98/skinoptics.html). Their
    ratio, 74 to 26 whatever the skin's colour: Del Bino et al. 2015, doi:10.1111/pcmr.12410.
  * Blood: 150 g/l of haemoglobin of 64,500 g/mol (Prahl, see `spectra`), packed in vessels, which hide blood from light
    where it absorbs most: van Veen, Verkruysse & Sterenborg 2002, doi:10.1364/OL.27.000246.
  * Baseline (skin without pigment or blood): Jacques, "Skin optics", eq. from R. Huang's rat skin.
  * Reduced scattering, Mie + Rayleigh, of epidermis and dermis: Jacques 2013, doi:10.1088/0031-9155/58/11/R37, table 1,
    the rows after Salomatina et al. 2006.
Bilirubin is left out: at 12 mg/l of plasma and 2 % blood it adds under 0.06/cm at 450 nm, where bare skin has 1.2.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache, wraps
from typing import Any

import numpy as np
from numpy.typing import NDArray

from cutis.phantom.optics.spectra import DEOXYHAEMOGLOBIN, NM, OXYHAEMOGLOBIN

Spectra = NDArray[Any]  # (..., 61)

MELANIN_MOST = 0.6  # volume fraction of melanosomes in the epidermis
BLOOD_MOST = 0.3  # volume fraction of blood in the dermis


@dataclass(frozen=True, slots=True)
class Anatomy:
    """What stays the same over a picture. Thicknesses in micrometres.

    horny: the epidermis' upper part, which scatters but holds no melanin, so that even black skin has a faint veil.
    living: the part below with all the melanin. Dermal pigment (the `deep` parameter) lies under `cover` of clear
    dermis, `deposit` thick, and at deep = 1 holds the volume fraction `deposit_melanin` of melanosomes. The dermis goes
    on without end below it. vessel: radius of the mean blood vessel. eumelanin: its share of melanin. refraction: the
    index of all layers.
    """

    horny: float = 20.0
    living: float = 40.0
    cover: float = 100.0
    deposit: float = 400.0
    deposit_melanin: float = 0.3
    vessel: float = 10.0
    eumelanin: float = 0.74
    refraction: float = 1.4


USUAL = Anatomy()


def _kept[**P](spectra: Callable[P, Spectra]) -> Callable[P, Spectra]:
    """The last 64 spectra a function made, read-only."""

    @wraps(spectra)
    def made(*args: P.args, **kwargs: P.kwargs) -> Spectra:
        values = spectra(*args, **kwargs)
        values.flags.writeable = False
        return values

    kept: Any = lru_cache(maxsize=64)(made)
    return kept  # type: ignore[no-any-return]


@_kept
def melanin_absorption(eumelanin: float = USUAL.eumelanin) -> Spectra:
    """Inside of a melanosome, (61,)."""
    return eumelanin * 6.6e11 * NM**-3.33 + (1 - eumelanin) * 2.9e15 * NM**-4.75


@_kept
def blood_absorption(oxygenation: float, vessel: float = USUAL.vessel) -> Spectra:
    """Whole blood as light in the dermis meets it, (61,); oxygenation 0..1, vessel radius in micrometres."""
    molar = oxygenation * OXYHAEMOGLOBIN + (1 - oxygenation) * DEOXYHAEMOGLOBIN
    whole = np.log(10) * molar * 150 / 64500
    depth = 2 * whole * vessel * 1e-4
    return np.asarray(whole * -np.expm1(-depth) / depth)


@_kept
def baseline_absorption() -> Spectra:
    """Skin without melanin or blood, (61,)."""
    return 0.244 + 85.3 * np.exp(-(NM - 154) / 66.2)


@_kept
def epidermis_scattering() -> Spectra:
    """Reduced scattering, (61,)."""
    return _scattering(66.7, 0.29, 0.689)


@_kept
def dermis_scattering() -> Spectra:
    """Reduced scattering, (61,)."""
    return _scattering(43.6, 0.41, 0.562)


def _scattering(at_500: float, rayleigh: float, mie_power: float) -> Spectra:
    x = NM / 500
    return at_500 * (rayleigh * x**-4 + (1 - rayleigh) * x**-mie_power)
