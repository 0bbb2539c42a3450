"""Artefacts as photographs have them: how often, and how they look."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from cutis.phantom.parts import Artefact, Skin

# How often each is in a dermoscopic photograph, roughly as in HAM10000 and the ISIC archive. In order of laying.
RATES = {"ink": 0.03, "colour_patch": 0.02, "sticker": 0.01, "hair": 0.4, "ruler": 0.08}

# sRGB of hairs: from black to blond, red and white. Dark skin has dark hair, or white.
_HAIRS = ((18, 15, 15), (38, 26, 20), (66, 42, 28), (104, 70, 44), (150, 115, 74), (118, 58, 30), (176, 170, 162))
_FAIR = (0.16, 0.26, 0.24, 0.14, 0.08, 0.05, 0.07)
_DARK = (0.72, 0.18, 0.03, 0.0, 0.0, 0.0, 0.07)
_INKS = ((74, 40, 128), (58, 52, 140), (88, 36, 110), (40, 60, 130), (30, 32, 60))
_PATCHES = (
    (32, 76, 136),
    (28, 104, 68),
    (182, 148, 36),
    (170, 96, 32),
    (142, 32, 38),
    (74, 136, 156),
    (120, 88, 128),
)
_PAPERS = ((202, 200, 196), (194, 192, 178), (206, 196, 130), (178, 192, 202))


def sample_artefacts(rng: np.random.Generator, skin: Skin, rates: Mapping[str, float] = RATES) -> tuple[Artefact, ...]:
    """Draw what lies on `skin`; rates: kind -> probability. Palms and soles have no hair.

    As many random values are drawn whatever comes of it.
    """
    made = []
    for kind in RATES:
        chance, one = rng.random(), sample_artefact(rng, kind, skin)
        if chance < rates.get(kind, 0.0) and not (kind == "hair" and skin.site == "acral"):
            made.append(one)
    return tuple(made)


def sample_artefact(rng: np.random.Generator, kind: str, skin: Skin) -> Artefact:
    """Draw one artefact of `kind` (of `ARTEFACTS`) for `skin`."""
    chance, angle, seed = rng.random(8), float(rng.uniform(0, 2 * np.pi)), int(rng.integers(2**32))
    if kind == "hair":
        return _hair(chance, angle, seed, skin)
    if kind == "ruler":
        return _ruler(chance, seed, skin)
    x, y = _beside(chance[0], 0.24 + 0.2 * chance[1])
    if kind == "ink":
        colour = _pick(_INKS, chance[2])
        size, count = 0.6 + 0.9 * chance[3], 1 + int(5 * chance[4] ** 1.5)
        return Artefact(
            kind=kind, x=x, y=y, angle=angle, size=size, count=count, colour=colour, seed=seed,
            strength=0.5 + 0.5 * chance[5],
        )  # fmt: skip
    if kind == "colour_patch":
        x, y = _beside(chance[0], 0.5 + 0.12 * chance[1])
        colour = _pick(_PATCHES, chance[2])
        return Artefact(
            kind=kind, x=x, y=y, angle=angle, size=6 + 7 * chance[3], colour=colour, seed=seed, strength=0.97
        )
    x, y = _beside(chance[0], 0.44 + 0.1 * chance[1])
    turn = float(np.rint(angle / (np.pi / 2)) * np.pi / 2 + 0.3 * (chance[4] - 0.5))
    return Artefact(
        kind="sticker", x=x, y=y, angle=turn, size=4 + 5 * chance[3], colour=_pick(_PAPERS, chance[2]), seed=seed
    )


def _hair(chance: np.ndarray, angle: float, seed: int, skin: Skin) -> Artefact:
    """From a few vellus hairs, thin and pale, to a hairy back; scalp hair is dense."""
    shares = np.array(_DARK if skin.melanin > 0.15 else _FAIR).cumsum()
    colour = _HAIRS[min(int(np.searchsorted(shares, chance[0] * shares[-1])), len(_HAIRS) - 1)]
    thick = 0.03 + 0.09 * chance[1] ** 1.3
    many = 2 + 10 ** (1.65 * chance[2]) * (1.6 if skin.site == "scalp" else 0.7 if skin.site == "face" else 1.0)
    curl = chance[3] ** 2 * (0.9 if skin.melanin > 0.3 else 0.5)
    strength = 0.75 + 0.25 * chance[4]
    return Artefact(
        kind="hair", strength=float(strength), angle=angle, size=float(thick), count=int(many), curl=float(curl),
        colour=colour, seed=seed,
    )  # fmt: skip


def _ruler(chance: np.ndarray, seed: int, skin: Skin) -> Artefact:
    """Along an edge of the picture, ticks pointing in; white ticks on some dark skin."""
    side = int(4 * chance[0])
    angle = side * np.pi / 2
    away = 0.40 + 0.09 * chance[1]
    x, y = away * -np.sin(angle), away * np.cos(angle)  # left of the direction is the picture's middle
    slip = 0.2 * (chance[2] - 0.5)
    white = skin.melanin > 0.25 and chance[3] < 0.4
    return Artefact(
        kind="ruler",
        strength=float(0.65 + 0.35 * chance[4]),
        x=float(x + slip * np.cos(angle)),
        y=float(y + slip * np.sin(angle)),
        angle=float(angle + 0.12 * (chance[5] - 0.5)),
        size=float(0.06 + 0.05 * chance[6]),
        count=int(8 + 16 * chance[7]),
        colour=(228, 228, 224) if white else (24, 24, 28),
        seed=seed,
    )


def _beside(turn: float, away: float) -> tuple[float, float]:
    """A place `away` image widths from the picture's centre."""
    return float(away * np.cos(2 * np.pi * turn)), float(away * np.sin(2 * np.pi * turn))


def _pick(colours: tuple[tuple[int, int, int], ...], chance: float) -> tuple[int, int, int]:
    return colours[int(len(colours) * chance)]
