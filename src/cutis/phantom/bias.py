"""Planted correlations: how often something is in the picture, by class, skin type or site, as a value.

`ruler:mel=0.9,nv=0.1` puts a ruler into 90 % of the melanomas' pictures and 10 % of the naevi's; others stay as drawn.
It stands for confounders that real collections have (rulers: Narla et al., J Invest Dermatol 138, 2018; ink: Winkler
et al., JAMA Dermatol 155, 2019), with a strength that is known.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from cutis.errors import CutisError
from cutis.phantom.artefacts import sample_artefact
from cutis.phantom.classes import CODES
from cutis.phantom.optics.table import melanin_for_ita
from cutis.phantom.scene import Scene, check_codes
from cutis.phantom.vocabulary import ARTEFACTS
from cutis.schema.vocabulary import FITZPATRICK

DARK = (5.0, -45.0)  # ITA of "dark_skin"
LIGHT = (57.0, 20.0)
# Besides artefacts: what else can be planted.
OTHERS = {
    "dark_corner": "a round field of view",
    "bubbles": "gel bubbles",
    "warm_device": "a warm colour cast and strong vignette, as of one device",
    "dark_skin": f"a patient of ITA {DARK[1]:g}..{DARK[0]:g} instead of {LIGHT[1]:g}..{LIGHT[0]:g}",
}
SITES = ("trunk", "extremities", "head", "acral")


@dataclass(frozen=True, slots=True)
class Bias:
    """`thing` is there with probability shares[key], for pictures of that class code, skin type or site."""

    thing: str
    shares: dict[str, float]

    def share(self, *keys: str) -> float | None:
        """The probability for a picture with these keys, the first named one; None leaves it as drawn."""
        return next((self.shares[k] for k in keys if k in self.shares), None)

    def words(self) -> str:
        said = ", ".join(f"{key} {share:.0%}" for key, share in self.shares.items())
        return f"Planted: {self.thing.replace('_', ' ')} in {said}."


def read_bias(text: str) -> Bias:
    """`thing:key=share,key=share`. Raises CutisError for an unknown thing or key, or a share that isn't in 0..1."""
    thing, colon, rest = text.partition(":")
    example = "expected THING:KEY=SHARE,..., such as ruler:mel=0.9,nv=0.1"
    if not colon or not rest:
        raise CutisError(f'phantom: bias "{text}"; {example}.')
    check_codes([thing], [*ARTEFACTS, *OTHERS], "bias")
    shares: dict[str, float] = {}
    for part in rest.split(","):
        key, equals, number = (piece.strip() for piece in part.partition("="))
        check_codes([key], [*CODES, *FITZPATRICK, *SITES], f"bias of {thing} by")
        try:
            share = float(number)
        except ValueError:
            raise CutisError(f'phantom: bias "{text}": "{part}"; {example}.') from None
        if not equals or not 0 <= share <= 1:
            raise CutisError(f"phantom: bias {thing}: {key}={number} is not a share in 0..1.")
        shares[key] = share
    return Bias(thing, shares)


def planted_melanin(bias: Bias, share: float, rng: np.random.Generator) -> float:
    """A patient's melanin under a bias of dark skin."""
    ends = DARK if rng.random() < share else LIGHT
    return melanin_for_ita(float(rng.uniform(min(ends), max(ends))))


def plant(scene: Scene, bias: Bias, share: float, rng: np.random.Generator) -> Scene:
    """The scene with `bias.thing` with that probability, and surely without it otherwise. Not for dark skin, a
    patient's.
    """
    there = bool(rng.random() < share)
    if bias.thing in ARTEFACTS:
        if any(a.kind == bias.thing for a in scene.artefacts) == there:
            return scene
        bare = scene.without(bias.thing)
        return bare.add(sample_artefact(rng, bias.thing, scene.skin)) if there else bare
    camera = scene.camera
    if bias.thing == "dark_corner":
        camera = replace(camera, aperture=float(rng.uniform(0.95, 1.2)) if there else 2.0)
    elif bias.thing == "bubbles":
        camera = replace(camera, bubbles=int(rng.integers(4, 16)) if there else 0)
    else:
        look = float(rng.uniform(0.06, 0.12)), float(rng.uniform(0.4, 0.6))
        cool = float(rng.uniform(-0.06, 0.0)), float(rng.uniform(0.0, 0.15))
        warmth, vignette = look if there else cool
        camera = replace(camera, warmth=warmth, vignette=vignette)
    return replace(scene, camera=camera)
