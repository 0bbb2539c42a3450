"""Plain skin: uneven pigment and blood, furrows or ridges, follicles, freckles, fine vessels.

What covers all of the skin is centred on the amounts that `Skin` states, by their square roots, in which ITA is nearly
linear: so the plain skin's tone stays what the optics say. Freckles and vessels come on top and are in the truth.
"""

from __future__ import annotations

import cv2
import numpy as np

from cutis.phantom.layers import Layers
from cutis.phantom.parts import Skin
from cutis.phantom.skin import sheets
from cutis.phantom.view import Field, View

_FOLLICLE = {"body": 1.2, "face": 0.62, "scalp": 0.85}  # mm between follicles; palms and soles have none
_FAINT = 0.12  # cover below this is dropped, so that "touched" and "in the mask" are the same pixels


def draw_skin(view: View, skin: Skin, layers: Layers) -> None:
    """Write plain skin into `layers` (melanin, blood, relief), and the masks "freckles" and "telangiectasia".

    Structure is anchored to the skin and depends on `skin.skin_seed`; each part has a generator of its own, so that
    more of one changes nothing of the others.
    """
    pigment, flush = _mottle(view, skin, _generator(skin, 0))
    planes = pigment, flush, layers.relief
    if skin.site == "acral":
        _ridges(view, skin, _generator(skin, 1), *planes)
    else:
        if skin.texture > 0:
            _furrows(view, skin, _generator(skin, 1), *planes)
        if skin.pores > 0:
            _follicles(view, skin, _generator(skin, 2), *planes)
    _write(layers.melanin, skin.melanin, pigment)
    _write(layers.blood, skin.blood, flush)
    if skin.freckles > 0:
        _freckles(view, skin, _generator(skin, 3), layers)
    if skin.telangiectasia > 0:
        _telangiectasia(view, skin, _generator(skin, 4), layers)


def _generator(skin: Skin, part: int) -> np.random.Generator:
    return np.random.default_rng((skin.skin_seed, part))


def _write(plane: Field, amount: float, logarithm: Field) -> None:
    """Fill `plane` with `amount`, varied: this is the logarithm of its square root but for a constant.

    The root's mean is that of the even amount.
    """
    root: Field = cv2.exp(logarithm)
    cv2.multiply(root, root, plane, amount / cv2.mean(root)[0] ** 2)


def _mottle(view: View, skin: Skin, rng: np.random.Generator) -> tuple[Field, Field]:
    """How melanin and blood vary from place to place; uneven pigment where the sun has done harm.

    Logarithms of the amounts' square roots, as all that is added to them below.
    """
    sun = skin.sun_damage
    mix = [
        (6.0, (0.06 + 0.08 * sun, -0.06)),
        (3.5, (0.0, 0.16)),
        (1.5, (0.03 + 0.07 * sun, 0.0)),
        (0.8, (0.0, 0.06 + 0.075 * sun)),
        (0.3, (0.0225, 0.04)),
    ]
    pigment, flush = view.noises(rng, [(period, _faded(view, period, weights)) for period, weights in mix])
    return pigment, flush


def _faded(view: View, period: float, weights: tuple[float, ...]) -> tuple[float, ...]:
    """Weights of a noise, less where pixels are too large to show it."""
    fade = min(1.0, period / view.mm / 2.5) ** 2
    return tuple(fade * weight for weight in weights)


def _uneven(view: View, rng: np.random.Generator, period: float, mean: float, vary: float, most: float) -> Field:
    """A factor that changes smoothly from place to place, 0.1..`most`."""
    step = view.coarse(period)
    return view.enlarge((np.float32(mean) + np.float32(vary) * view.noise(rng, period, step)).clip(0.1, most), step)


def _furrows(view: View, skin: Skin, rng: np.random.Generator, pigment: Field, flush: Field, relief: Field) -> None:
    """Fine polygons, 0.3-0.6 mm, longer along the lines of tension: paler, with less pigment, and lower."""
    cell, stretch = rng.uniform(0.38, 0.55), rng.uniform(1.0, 1.6)
    depth = sheets.furrows().lay(view, rng, cell, stretch)
    uneven = _uneven(view, rng, 4.0, 0.8, 0.5, 1.4)
    depth = cv2.multiply(depth, uneven, scale=skin.texture / 255, dtype=cv2.CV_32F)
    _add(depth, (pigment, -0.075), (flush, -0.085), (relief, -0.045 - 0.03 * skin.sun_damage))


def _ridges(view: View, skin: Skin, rng: np.random.Generator, pigment: Field, flush: Field, relief: Field) -> None:
    """Palms and soles: parallel ridges every 0.5 mm, darker furrows between them, a pale row of sweat pores on each."""
    amount = np.float32((0.3 + 0.7 * skin.texture) / 255)
    laid = sheets.ridges().lay(view, rng, rng.uniform(0.45, 0.58))
    groove, pores = (plane * amount for plane in cv2.split(laid))
    _add(groove, (pigment, 0.11), (flush, -0.075), (relief, -0.07))
    _add(pores, (pigment, -0.175), (flush, -0.25), (relief, -0.015))


def _follicles(view: View, skin: Skin, rng: np.random.Generator, pigment: Field, flush: Field, relief: Field) -> None:
    """Follicle openings: dark points on the body; on face and scalp pale holes in the pigment, the pseudonetwork."""
    body, opening = skin.site == "body", sheets.follicles().lay(view, rng, _FOLLICLE[skin.site])
    uneven = _uneven(view, rng, 2.5, 0.75, 0.6, 1.3)
    opening = cv2.multiply(opening, uneven, scale=skin.pores / 255, dtype=cv2.CV_32F)
    _add(opening, (pigment, 0.175 if body else -0.375), (flush, -0.175), (relief, -0.03 if body else -0.05))


def _add(pattern: Field, *planes: tuple[Field, float]) -> None:
    """Add to each plane, in place, a number times the pattern."""
    for plane, times in planes:
        cv2.scaleAdd(pattern, times, plane, plane)


def _freckles(view: View, skin: Skin, rng: np.random.Generator, layers: Layers) -> None:
    """Light brown spots of 1-4 mm with frayed borders; more and darker ones the more freckles there are."""
    shape = view.noises(rng, [(1.9, (1.0,)), (0.7, (0.4,)), (0.25, _faded(view, 0.25, (0.25,)))])[0]
    cover = ((shape - np.float32(1.45 - 0.85 * skin.freckles)) * np.float32(1 / 0.9)).clip(0, 1)
    cover *= cover * (3 - 2 * cover)
    cover = cv2.threshold(cover, _FAINT, 0, cv2.THRESH_TOZERO)[1]
    layers.melanin += cover * np.float32((0.012 + 0.35 * skin.melanin) * (0.6 + 0.6 * skin.freckles))
    layers.mark("freckles", view.part, cover > 0)


def _telangiectasia(view: View, skin: Skin, rng: np.random.Generator, layers: Layers) -> None:
    """Fine red vessels, 0.04-0.1 mm wide, in patches."""
    vessels = sheets.capillaries().lay(view, rng, 18.0)
    step = view.coarse(5.0)
    here = (view.noise(rng, 5.0, step) + np.float32(2.4 * skin.telangiectasia - 1.1)).clip(0, 0.6)
    cover = cv2.multiply(vessels, view.enlarge(here, step), scale=1 / 255 / 0.6, dtype=cv2.CV_32F)
    cover = cv2.threshold(cover, _FAINT, 0, cv2.THRESH_TOZERO)[1]
    layers.blood += np.float32(0.08) * cover
    layers.mark("telangiectasia", view.part, cover > 0)
