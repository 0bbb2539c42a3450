"""Plain skin as people have it."""

from __future__ import annotations

import numpy as np

from cutis.phantom.optics.table import melanin_for_ita
from cutis.phantom.parts import Skin
from cutis.phantom.vocabulary import SITES

_SITE_SHARES = (0.84, 0.09, 0.03, 0.04)
_ITA = (58.0, -50.0)  # where melanin isn't given: evenly between, in whole degrees, whose melanin is kept


def sample_skin(rng: np.random.Generator, melanin: float | None = None) -> Skin:
    """Draw skin; melanin: epidermal fraction, drawn evenly in ITA, 58..-50 degrees, where not given.

    Freckles are for fair skin (they thin out up to melanin 0.15); damage by sun shows more there too. As many
    random values are drawn whatever comes of it.
    """
    chance = rng.random(12)
    if melanin is None:
        melanin = melanin_for_ita(round(_ITA[0] + (_ITA[1] - _ITA[0]) * float(chance[0])))
    fair = float(np.clip(1 - melanin / 0.15, 0, 1))
    site = SITES[int(np.searchsorted(np.cumsum(_SITE_SHARES), chance[1] * sum(_SITE_SHARES)))]
    face = site == "face"
    sun = float(chance[2] ** 2 * (0.3 + 0.7 * fair)) if chance[3] < (0.7 if face else 0.35) else 0.0
    freckled = chance[4] < 0.12 + 0.35 * fair
    red = chance[5] < (0.4 if face else 0.06) + 0.25 * sun
    return Skin(
        melanin=float(melanin),
        blood=float(0.02 * np.exp(0.4 * (2 * chance[6:9].sum() - 3)) * (1.3 if face else 1.0)),
        oxygenation=float(np.round(0.55 + 0.3 * chance[9], 2)),
        site=site,
        texture=float(0.2 + 0.7 * chance[10]),
        freckles=float(0.15 + 0.6 * chance[11] ** 1.5) if freckled else 0.0,
        sun_damage=sun,
        pores=float((0.35 if site in ("face", "scalp") else 0.1) + 0.5 * chance[7]),
        telangiectasia=float(0.15 + 0.6 * chance[8] ** 2) if red else 0.0,
        skin_seed=int(rng.integers(2**32)),
    )
