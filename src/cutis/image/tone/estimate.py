"""One image's skin tone by any of the published ways, with an interval, or a refusal with its reason.

A tone measured here is a property of a photograph, not of a person: it moves with camera and light. It is never written
into `fitzpatrick_skin_type`, which is a person's answer to how their skin burns.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Literal

import numpy as np

from cutis.errors import CutisError, nearest
from cutis.image import colour
from cutis.image.tone.illuminant import cast
from cutis.image.tone.ita import METHODS, Estimator, Measured
from cutis.image.tone.monk import nearest_monk
from cutis.image.tone.reasons import TONE_REASONS
from cutis.image.tone.skin_pixels import Photo
from cutis.image.tone.thresholds import THRESHOLDS

RESAMPLES = 100
DEFAULT = "cutis"
NO_MASK = TONE_REASONS.say("no_mask")


@dataclass(frozen=True)
class ToneEstimate:
    """A skin tone and how it was got.

    ita: degrees, about -60 (dark) to 85 (light). low, high: 95 % interval from resampled blocks of pixels. hue: CIELAB
    hue angle in degrees, 0..360. lab: CIELAB that the angle is of. monk: nearest of the Monk scale's 1..10. category:
    class by each threshold set. n_pixels: at working size. status: "ok" or "refused", then all of these are None and
    `reason` says why; an estimate that is given may also have a `reason`, which a reader must know.
    """

    method: str
    ita: float | None = None
    low: float | None = None
    high: float | None = None
    hue: float | None = None
    lab: tuple[float, float, float] | None = None
    monk: int | None = None
    category: Mapping[str, str] = field(default_factory=dict)
    n_pixels: int = 0
    status: Literal["ok", "refused"] = "ok"
    reason: str = ""


def estimate_tone(
    image: np.ndarray,
    mask: np.ndarray | None = None,
    method: str = DEFAULT,
    *,
    rng: np.random.Generator | None = None,
    resamples: int = RESAMPLES,
) -> ToneEstimate:
    """Skin tone of uint8 (h, w, 3) sRGB by one of `METHODS`. mask: (h, w), above 0 where the lesion is.

    rng: for the interval; None is a fresh generator of seed 0. Raises CutisError for an unknown method, an image that
    is not uint8 RGB, and a mask of another size. What can't be measured is no error but status "refused".
    """
    return estimate_tones(image, mask, [method], rng=rng, resamples=resamples)[method]


def estimate_tones(
    image: np.ndarray | Photo,
    mask: np.ndarray | None = None,
    methods: Sequence[str] | None = None,
    *,
    rng: np.random.Generator | None = None,
    resamples: int = RESAMPLES,
) -> dict[str, ToneEstimate]:
    """`estimate_tone` by several methods (None: all), which share what they can. A `Photo` brings its own mask."""
    chosen = [_method(name) for name in (METHODS if methods is None else methods)]
    photo = image if isinstance(image, Photo) else Photo(image, mask)
    rng = np.random.default_rng(0) if rng is None else rng
    measured = {e.name: e.measure(photo, rng, resamples) for e in chosen}
    colours = [found.lab for found in measured.values() if found.lab is not None]
    monk = iter(nearest_monk(np.stack(colours))[0].tolist() if colours else [])
    return {
        name: _estimate(name, found, photo, next(monk) if found.lab is not None else None)
        for name, found in measured.items()
    }


def _method(name: str) -> Estimator:
    if name not in METHODS:
        raise CutisError(f'tone method "{name}": {nearest(name, METHODS)}')
    return METHODS[name]


def _estimate(name: str, found: Measured, photo: Photo, monk: int | None) -> ToneEstimate:
    if found.ita is None or found.lab is None or found.draws is None:
        return ToneEstimate(name, n_pixels=found.n_pixels, status="refused", reason=found.reason)
    # The published ways take a picture as it is; only ours asks whether its light is fit to measure skin.
    if name == DEFAULT and (why := cast(found.lab)):
        return ToneEstimate(name, n_pixels=found.n_pixels, status="refused", reason=why)
    draws = found.draws[np.isfinite(found.draws)]
    low, high = _ends(np.sort(draws)) if len(draws) else (found.ita, found.ita)
    lightness, a, b = found.lab.tolist()
    return ToneEstimate(
        method=name,
        ita=found.ita,
        low=min(low, found.ita),
        high=max(high, found.ita),
        hue=float(colour.hue_angle(found.lab)),
        lab=(lightness, a, b),
        monk=monk,
        category={t.name: t.label(found.ita) for t in THRESHOLDS.values()},
        n_pixels=found.n_pixels,
        reason=NO_MASK if name == DEFAULT and photo.lesion is None else "",
    )


def _ends(ordered: np.ndarray) -> tuple[float, float]:
    """The 2.5th and 97.5th percentile of sorted values, interpolated (np.quantile, at a tenth of its time)."""
    places = np.arange(len(ordered))
    low, high = np.interp([0.025 * places[-1], 0.975 * places[-1]], places, ordered).tolist()
    return low, high
