"""Plain skin: uneven pigment and blood, furrows or ridges, follicles, freckles, fine vessels.

What covers all of the skin is centred on the amounts that `Skin` states, by their square roots, in which ITA is nearly
linear: so the plain skin's tone stays what the optics say. Freckles and vessels come on top and are in the truth.
"""

from __future__ import annotations

import cv2
import numpy as np

from cutis.phantom.layers import Layers
from cutis.phantom.scene import Skin
from cutis.phantom.skin import sheets
from cutis.phantom.view import Field, View

_FOLLICLE = {"body": 1.2, "face": 0.62, "scalp": 0.85}  # mm between follicles; palms and soles have none
_FAINT = 0.12  # cover below this is dropped, so that "touched" and "in the mask" are the same pixels


def draw_skin(view: View, skin: Skin, layers: Layers) -> None:
    """Write plain skin into `layers` (melanin, blood, relief), and the masks "freckles" and "telangiectasia".

    Structure is anchored to the skin and depends on `skin.skin_seed`; each part has a generator of its own, so that
    more of one changes nothing of the others.
    """
    seeds = np.random.default_rng(skin.skin_seed).integers(2**63, size=6)
    rngs = [np.random.default_rng(seed) for seed in seeds]
    pigment, flush = _mottle(view, skin, rngs[0])
    if skin.site == "acral":
        _ridges(view, skin, rngs[1], pigment, flush, layers.relief)
    else:
        _furrows(view, skin, rngs[1], pigment, flush, layers.relief)
        _follicles(view, skin, rngs[2], pigment, flush, layers.relief)
    layers.melanin *= _centred(pigment)
    layers.blood *= _centred(flush)
    if skin.freckles > 0:
        _freckles(view, skin, rngs[3], layers)
    if skin.telangiectasia > 0:
        _telangiectasia(view, skin, rngs[4], layers)


def _centred(logarithm: Field) -> Field:
    """A factor of which this is the logarithm but for a constant, and whose square root is 1 in the mean."""
    root: Field = cv2.exp(logarithm * np.float32(0.5))
    root *= np.float32(1 / cv2.mean(root)[0])
    return root * root


def _mottle(view: View, skin: Skin, rng: np.random.Generator) -> tuple[Field, Field]:
    """Logarithm of how melanin and blood vary from place to place; uneven pigment where the sun has done harm."""
    sun = skin.sun_damage
    wide, near, fine = _grain(view, rng, 6.0), _grain(view, rng, 1.5), _grain(view, rng, 0.3)
    pink, spots = _grain(view, rng, 3.5), _grain(view, rng, 0.8)
    pigment = (0.12 + 0.16 * sun) * wide + (0.06 + 0.14 * sun) * near + 0.045 * fine
    flush = 0.32 * pink - 0.12 * wide + (0.12 + 0.15 * sun) * spots + 0.08 * fine
    return pigment, flush


def _grain(view: View, rng: np.random.Generator, period: float) -> Field:
    """View.noise, fading out where pixels are too large to show it."""
    return view.noise(rng, period) * np.float32(min(1.0, period / view.mm / 2.5) ** 2)


def _furrows(view: View, skin: Skin, rng: np.random.Generator, pigment: Field, flush: Field, relief: Field) -> None:
    """Fine polygons, 0.3-0.6 mm, longer along the lines of tension: paler, with less pigment, and lower."""
    cell, stretch = rng.uniform(0.38, 0.55), rng.uniform(1.0, 1.6)
    depth = sheets.furrows().lay(view, rng, cell, stretch)
    depth *= (0.8 + 0.5 * view.noise(rng, 4.0)).clip(0.1, 1.4) * np.float32(skin.texture)
    pigment -= np.float32(0.15) * depth
    flush -= np.float32(0.17) * depth
    relief -= np.float32(0.045 + 0.03 * skin.sun_damage) * depth


def _ridges(view: View, skin: Skin, rng: np.random.Generator, pigment: Field, flush: Field, relief: Field) -> None:
    """Palms and soles: parallel ridges every 0.5 mm, darker furrows between them, a pale row of sweat pores on each."""
    planes = sheets.ridges().lay(view, rng, rng.uniform(0.45, 0.58))
    groove, pores = planes[..., 0], planes[..., 1]
    amount = np.float32(0.3 + 0.7 * skin.texture)
    pigment += amount * (np.float32(0.22) * groove - np.float32(0.35) * pores)
    flush -= amount * (np.float32(0.15) * groove + np.float32(0.5) * pores)
    relief -= amount * (np.float32(0.07) * groove + np.float32(0.015) * pores)


def _follicles(view: View, skin: Skin, rng: np.random.Generator, pigment: Field, flush: Field, relief: Field) -> None:
    """Follicle openings: dark points on the body; on face and scalp pale holes in the pigment, the pseudonetwork."""
    opening = sheets.follicles().lay(view, rng, _FOLLICLE[skin.site]) * np.float32(skin.pores)
    opening *= (0.75 + 0.6 * view.noise(rng, 2.5)).clip(0.1, 1.3)
    pigment += np.float32(0.35 if skin.site == "body" else -0.75) * opening
    flush -= np.float32(0.35) * opening
    relief -= np.float32(0.03 if skin.site == "body" else 0.05) * opening


def _freckles(view: View, skin: Skin, rng: np.random.Generator, layers: Layers) -> None:
    """Light brown spots of 1-4 mm with frayed borders; more and darker ones the more freckles there are."""
    shape = view.noise(rng, 1.9) + np.float32(0.4) * view.noise(rng, 0.7) + np.float32(0.25) * _grain(view, rng, 0.25)
    cover = ((shape - np.float32(1.45 - 0.85 * skin.freckles)) / np.float32(0.9)).clip(0, 1)
    cover *= cover * (3 - 2 * cover)
    cover = cv2.threshold(cover, _FAINT, 0, cv2.THRESH_TOZERO)[1]
    layers.melanin += cover * np.float32((0.012 + 0.35 * skin.melanin) * (0.6 + 0.6 * skin.freckles))
    layers.mark("freckles", view.part, cover > 0)


def _telangiectasia(view: View, skin: Skin, rng: np.random.Generator, layers: Layers) -> None:
    """Fine red vessels, 0.04-0.1 mm wide, in patches."""
    vessels = sheets.capillaries().lay(view, rng, 18.0)
    here = (view.noise(rng, 5.0) + np.float32(2.4 * skin.telangiectasia - 1.1)).clip(0, 0.6) / np.float32(0.6)
    cover = cv2.threshold(vessels * here, _FAINT, 0, cv2.THRESH_TOZERO)[1]
    layers.blood += np.float32(0.08) * cover
    layers.mark("telangiectasia", view.part, cover > 0)
