"""Melanin and haemoglobin of a skin photograph, and the same photograph on lighter or darker skin.

Light that comes back from skin has passed its pigments, so in optical density (-ln of linear light) pigments add up:
    density = melanin * m + haemoglobin * h + shading * (1, 1, 1),
with m and h each pigment's colour (Tsumura, Haneishi & Miyake, JOSA A 16:2169, 1999; shading as a third, grey
direction: Tsumura et al., ACM Trans. Graph. 22:770, 2003). Three unknowns and three channels: the split is exact and
reversible.

Axes are for sRGB's primaries, unit vectors:
  * "fixed": m is the direction of the published Monk Skin Tone colours 1 to 8 in density (their first principal
    component: 99 % of the variance), the way skin really darkens in an sRGB picture; h as in "tsumura". For changing
    tone: the two lie 9 degrees apart, so the maps are noisy.
  * "tsumura": the vectors of Chiba University's published separation code, further apart. For looking at maps: its m
    has little green, so that large changes of tone turn skin olive.
  * "estimated": from the picture itself, as in the 1999 paper: two principal components, then the two most independent
    directions in their plane. Where they are no pigments (a negative or nearly equal axis) "fixed" is taken, and said
    so.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import cache, cached_property
from typing import Literal

import cv2
import numpy as np

from cutis.errors import CutisError, nearest
from cutis.image import colour
from cutis.image.tone.estimate import estimate_tones
from cutis.image.tone.monk import monk_rgb
from cutis.image.tone.skin_pixels import Photo, check_image

Axes = Literal["fixed", "tsumura", "estimated"]
Lesion = Literal["scale", "keep"]

_TSUMURA_MELANIN = np.array([0.4143, 0.3570, 0.8372])
_TSUMURA_HAEMOGLOBIN = np.array([0.2988, 0.6838, 0.6657])
_FLOOR = 0.4 / 255 / 12.92  # linear light that is taken for level 0; it rounds back to 0
_LUMINANCE = np.array([0.2126, 0.7152, 0.0722], np.float32)
BLACKEST = 0.01  # luminance of the blackest pigment: there more melanin changes nothing
_REACH = (-6.0, 8.0)  # melanin, in densities, that a target is looked for in
_SAMPLE = 4000  # skin pixels the target is solved on

MOST_ROUND_TRIP = 6.0  # grey levels, mean
MOST_OUT_OF_GAMUT = 0.05  # share of pixels
MOST_MISSED = 2.0  # degrees between the tone asked for and the tone measured


@dataclass(frozen=True)
class Pigments:
    """melanin, haemoglobin, shading: float32 (h, w) densities. axes: (3, 3), their colours as rows. name: of the axes
    that were used; reason: why not those asked for, or ""."""

    melanin: np.ndarray
    haemoglobin: np.ndarray
    shading: np.ndarray
    axes: np.ndarray
    name: Axes
    reason: str = ""

    def recompose(self) -> np.ndarray:
        """uint8 (h, w, 3) sRGB of these pigments; of unchanged ones, the picture they were split from."""
        parts = np.stack([self.melanin, self.haemoglobin, self.shading], -1)
        return colour.to_uint8(np.exp(-(parts @ self.axes.astype(np.float32))))

    def with_melanin(self, more: float | np.ndarray) -> Pigments:
        """The same with `more` melanin added, a number or (h, w)."""
        return replace(self, melanin=(self.melanin + more).astype(np.float32))


@dataclass(frozen=True)
class Trust:
    """How far a change of tone can be believed.

    measured, target, achieved: ITA in degrees before, asked for and after. round_trip: mean difference in grey levels
    between the picture and itself after the change and back. out_of_gamut: share of pixels that the change pushed
    beyond white or into black, so that what they showed is lost. status "refused" comes with its reason.
    """

    measured: float | None
    target: float
    achieved: float | None = None
    round_trip: float | None = None
    out_of_gamut: float | None = None
    status: Literal["ok", "refused"] = "ok"
    reason: str = ""


@dataclass(frozen=True)
class Retoned:
    """image: uint8 like the one given, or None where `trust` refuses."""

    image: np.ndarray | None
    trust: Trust


def decompose(image: np.ndarray, mask: np.ndarray | None = None, axes: Axes = "fixed") -> Pigments:
    """Melanin, haemoglobin and shading maps of uint8 (h, w, 3) sRGB.

    mask: (h, w), the lesion; only "estimated" axes look at it, for where the skin is. Raises CutisError for an unknown
    `axes`, other than uint8 RGB, and a mask of another size.
    """
    check_image(image, mask)
    names = ("fixed", "tsumura", "estimated")
    if axes not in names:
        raise CutisError(f'pigment axes "{axes}": {nearest(axes, names)}')
    used, reason = axes, ""
    matrix = _fixed(axes) if axes != "estimated" else None
    if matrix is None:
        matrix, reason = _estimated(Photo(image, mask))
        if reason:
            used, matrix = "fixed", _fixed("fixed")
    assert matrix is not None
    parts = _density(image) @ np.linalg.inv(matrix).astype(np.float32)
    melanin, haemoglobin, shading = (np.ascontiguousarray(parts[..., i]) for i in range(3))
    return Pigments(melanin, haemoglobin, shading, matrix, used, reason)


def retone(
    image: np.ndarray,
    target_ita: float,
    mask: np.ndarray | None = None,
    *,
    axes: Axes = "fixed",
    lesion: Lesion = "scale",
) -> Retoned:
    """The photograph as if the skin had this ITA (degrees), by more or less melanin; refused where it can't be trusted.

    lesion: what becomes of the lesion and of all that is darker than skin.
      "scale": its contrast shrinks as skin nears the blackest pigment (`BLACKEST`): a pixel whose density is a share x
        of the way from skin to there gets 1 - x of skin's melanin. Hair and dark corners stay as they are.
      "keep": every pixel gets the same melanin, so the contrast in density (the ratio of lights) stays.
    Glare, white paper and blue ink lie on the skin and don't change. Raises CutisError as `decompose` does, for an
    unknown `lesion`, and for a target outside -90..90.
    """
    if not -90 <= target_ita <= 90:
        raise CutisError(f"target ITA {target_ita:g}; expected degrees in -90..90, such as 55 (light) or -40 (dark).")
    if lesion not in ("scale", "keep"):
        raise CutisError(f'lesion "{lesion}": {nearest(lesion, ("scale", "keep"))}')
    pigments = decompose(image, mask, axes)
    before = _Skin.of(Photo(image, mask), lesion)
    if isinstance(before, str):
        return Retoned(None, Trust(None, target_ita, status="refused", reason=before))
    direction = pigments.axes[0].astype(np.float32)
    made = _towards(image, before, direction, target_ita)
    if made is None:
        low, high = (before.ita_at(direction, k) for k in reversed(_REACH))
        why = f"melanin alone reaches {low:.0f} to {high:.0f} degrees here"
        return Retoned(None, Trust(before.ita, target_ita, status="refused", reason=why))
    changed, lost = made
    trust = Trust(before.ita, target_ita, out_of_gamut=lost)
    after = _Skin.of(Photo(changed, mask), lesion)
    if isinstance(after, str):
        return Retoned(None, replace(trust, status="refused", reason=f"after the change: {after}"))
    back = _towards(changed, after, direction, before.ita)
    error = None if back is None else float(cv2.absdiff(back[0], image).mean())
    trust = replace(trust, achieved=after.ita, round_trip=error)
    if why := _doubt(trust):
        return Retoned(None, replace(trust, status="refused", reason=why))
    return Retoned(changed, trust)


def _doubt(trust: Trust) -> str:
    assert trust.achieved is not None
    assert trust.out_of_gamut is not None
    if trust.out_of_gamut > MOST_OUT_OF_GAMUT:
        return f"{100 * trust.out_of_gamut:.0f} % of the pixels leave what a picture can show"
    if abs(trust.achieved - trust.target) > MOST_MISSED:
        return f"the result measures {trust.achieved:.0f} degrees"
    if trust.round_trip is None or trust.round_trip > MOST_ROUND_TRIP:
        error = "not possible" if trust.round_trip is None else f"{trust.round_trip:.1f} grey levels off"
        return f"the way back is {error}"
    return ""


# ---- the change of melanin


@dataclass(frozen=True)
class _Skin:
    """A picture's skin: its ITA, a sample of its densities (n, 3), its luminance density, and what is brighter than
    it."""

    ita: float
    sample: np.ndarray
    dark: float
    bright: float
    lesion: Lesion

    @classmethod
    def of(cls, photo: Photo, lesion: Lesion) -> _Skin | str:
        """The skin, or why there is none to measure."""
        tone = estimate_tones(photo, methods=["cutis"], resamples=1)["cutis"]
        if tone.ita is None:
            return tone.reason
        pixels = photo.rgb[photo.skin]
        sample = _density(np.ascontiguousarray(pixels[:: max(1, len(pixels) // _SAMPLE)])[None])[0]
        dark = float(np.median(_darkness(np.exp(-sample))))
        if lesion == "scale" and dark > -np.log(BLACKEST) - 0.3:
            return "the skin is as dark as the blackest pigment already"
        # Linear light of the darkest channel: skin stays below this, glare and paper don't.
        bright = min(float(np.quantile(np.exp(-sample).min(1), 0.995)), 0.85)
        return cls(tone.ita, sample, dark, bright, lesion)

    def share(self, light: np.ndarray, density: np.ndarray) -> np.ndarray:
        """(...) how much of the skin's melanin each pixel gets, 0..1; light: linear RGB (..., 3), density: its -ln."""
        weight = 1 - _step(light.min(-1), self.bright, 1.0)
        # Ink is bluer than any skin: its blue density lies below its red one.
        weight *= _step(density[..., 2] - density[..., 0], -0.35, -0.05)
        if self.lesion == "scale":
            depth = (_darkness(light) - self.dark) / (-np.log(BLACKEST) - self.dark)
            weight *= 1 - np.clip(depth, 0, 1)
        return weight

    @cached_property
    def sample_share(self) -> np.ndarray:
        """(n, 1) `share` of the sample."""
        return self.share(np.exp(-self.sample), self.sample)[:, None]

    def ita_at(self, direction: np.ndarray, melanin: float) -> float:
        moved = self.sample + melanin * self.sample_share * direction
        seen = colour.to_uint8(np.exp(-moved))[None]
        lab = colour.lab(seen)[0]
        return float(colour.ita(np.median(lab, axis=0)))


def _towards(image: np.ndarray, skin: _Skin, direction: np.ndarray, target: float) -> tuple[np.ndarray, float] | None:
    """(the picture with its skin at `target`, share of pixels lost), or None if no melanin gets it there."""
    melanin = _solve(skin, direction, target)
    if melanin is None:
        return None
    density = _density(image)
    light = np.exp(-density)
    moved = density + melanin * skin.share(light, density)[..., None] * direction
    now = np.exp(-moved)
    shown = colour.to_uint8(now)
    burnt = ((now > 1.02) & (light <= 0.99)).any(-1)
    crushed = (shown.max(-1) < 10) & (image.max(-1) >= 10)
    return shown, float((burnt | crushed).mean())


def _solve(skin: _Skin, direction: np.ndarray, target: float) -> float | None:
    """Melanin (density along `direction`) that brings the skin's ITA to `target`; 0 where it is there."""
    if abs(target - skin.ita) < 0.05:
        return 0.0
    # From where it is, step towards the target until it is passed, then halve.
    step = 0.25 if target < skin.ita else -0.25
    near, far = 0.0, step
    while (skin.ita_at(direction, far) - target) * step > 0:
        near, far = far, far + step
        if not _REACH[0] <= far <= _REACH[1]:
            return None
    for _ in range(14):
        middle = (near + far) / 2
        if (skin.ita_at(direction, middle) - target) * step > 0:
            near = middle
        else:
            far = middle
    return (near + far) / 2


def _density(image: np.ndarray) -> np.ndarray:
    """float32 -ln of linear light of uint8 (h, w, 3)."""
    return cv2.LUT(np.ascontiguousarray(image), _density_table()).reshape(image.shape)


@cache
def _density_table() -> np.ndarray:
    return -np.log(np.maximum(colour.srgb_to_linear(np.arange(256) / 255), _FLOOR)).astype(np.float32)


def _darkness(light: np.ndarray) -> np.ndarray:
    """-ln of luminance."""
    return -np.log(np.maximum(light @ _LUMINANCE, 1e-6))


def _step(x: np.ndarray, low: float, high: float) -> np.ndarray:
    """0 below `low`, 1 above `high`, smooth between."""
    t = np.clip((x - low) / (high - low), 0, 1)
    return np.asarray(t * t * (3 - 2 * t))


# ---- the axes


def _fixed(name: Axes) -> np.ndarray:
    melanin = _monk_direction() if name == "fixed" else _TSUMURA_MELANIN
    return np.stack([v / np.linalg.norm(v) for v in (melanin, _TSUMURA_HAEMOGLOBIN, np.ones(3))])


@cache
def _monk_direction() -> np.ndarray:
    density = -np.log(colour.srgb_to_linear(monk_rgb()[:8] / 255))
    first = np.linalg.svd(density - density.mean(0))[2][0]
    return np.asarray(first * np.sign(first.sum()))


def _estimated(photo: Photo) -> tuple[np.ndarray | None, str]:
    """Axes from skin and lesion pixels without hair, glare, rim and ink; or why not."""
    clear = ~(photo.hair | photo.glare | photo.rim | photo.ink)
    pixels = photo.rgb[clear]
    if len(pixels) < 400:
        return None, "too few clear pixels to estimate pigment axes"
    density = _density(pixels[None])[0].astype(np.float64)
    density -= density.mean(0)
    _, spread, directions = np.linalg.svd(np.cov(density.T))
    if spread[1] <= 1e-6:
        return None, "the picture has one colour direction only"
    plane = directions[:2]
    white = density @ plane.T / np.sqrt(spread[:2])
    angles = np.radians(np.arange(0, 90, 1.0))
    turned = np.stack([np.cos(angles), np.sin(angles)])
    # The most independent pair of directions is that of the largest summed |excess kurtosis| (FastICA's contrast in two
    # dimensions, where a search over one angle is exact).
    one, other = white @ turned, white @ np.stack([-turned[1], turned[0]])
    contrast = np.abs((one**4).mean(0) - 3) + np.abs((other**4).mean(0) - 3)
    best = int(contrast.argmax())
    rotation = np.array([turned[:, best], [-turned[1, best], turned[0, best]]])
    mixing = rotation @ (np.sqrt(spread[:2])[:, None] * plane)
    mixing /= np.linalg.norm(mixing, axis=1, keepdims=True)
    mixing *= np.sign(mixing.sum(1, keepdims=True))
    # Haemoglobin absorbs green most, melanin blue: the one with more blue for its green is melanin.
    melanin, haemoglobin = sorted(mixing, key=lambda v: v[2] - v[1], reverse=True)
    if min(melanin.min(), haemoglobin.min()) < -0.05:
        return None, "an estimated axis is negative, so it is no pigment"
    matrix = np.stack([melanin, haemoglobin, np.ones(3) / np.sqrt(3)])
    if abs(np.linalg.det(matrix)) < 0.02:
        return None, "the estimated axes nearly coincide"
    return matrix, ""
