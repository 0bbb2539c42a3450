"""The published ways to get one individual typology angle (ITA) from a picture, each as its authors define it.

ITA = arctan((L* - 50) / b*) in degrees (Chardon et al. 1991). The ways differ in which pixels they take, how they bring
many pixels to one L* and b* (mean, mean within one standard deviation, median, mode) and in the arctangent:
  * atan2(L* - 50, b*) has no hole at b* = 0. Plain atan((L* - 50) / b*) is the same while b* > 0, but where a pixel is
    bluish it swaps light and dark: (L* 60, b* -5) is 117 degrees by the one and -63 by the other.
Every estimate has an interval from a bootstrap over blocks of pixels, as neighbouring pixels aren't independent. It
says how far shading and texture move the number; what it can't know is the camera and the light.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache, partial
from typing import Literal

import cv2
import numpy as np
from numpy.typing import ArrayLike

from cutis.image import colour
from cutis.image.tone.reasons import TONE_REASONS
from cutis.image.tone.skin_pixels import Photo, black_hat, by_colour

Centre = Literal["mean", "within", "median", "median within", "mode"]
Where = Literal["skin", "not lesion", "whole", "skin-coloured"]

BLOCKS = 8  # blocks a side for the bootstrap
MOST = 8192  # pixels that an average is taken over
SQUARE = 256  # pixels: the size at which Bevan & Atapour-Abarghouei place their patches
_CELLS = BLOCKS * BLOCKS
_STEP, _LOW = 0.5, -128.0  # L* and b*: bins of the histograms that medians are resampled from
_BIN = 2.0  # degrees: bins of the mode
# Rows and columns of the top left of Bevan's eight 20 x 20 patches.
_BEVAN = ((230, 115), (5, 115), (115, 5), (115, 230), (216, 216), (216, 20), (20, 20), (20, 216))


@dataclass(frozen=True)
class Measured:
    """What an estimator found: ita in degrees, draws of the bootstrap, the CIELAB colour (3,) it stands for, and of how
    many pixels (of more than `MOST` every so many are looked at). ita is None where it refuses, with the reason."""

    ita: float | None
    draws: np.ndarray | None = None
    lab: np.ndarray | None = None
    n_pixels: int = 0
    reason: str = ""


@dataclass(frozen=True)
class Taken:
    """L*, a*, b* (float32) and block of the pixels looked at, and of how many they stand for."""

    light: np.ndarray
    red: np.ndarray
    yellow: np.ndarray
    blocks: np.ndarray
    n: int


Measure = Callable[[Photo, np.random.Generator, int], Measured]


@dataclass(frozen=True)
class Estimator:
    """One way to an ITA. idea: what it does, in words. source: who published it. thresholds: the set its authors cut
    by."""

    name: str
    idea: str
    source: str
    thresholds: str
    measure: Measure


def angle(lightness: ArrayLike, yellow: ArrayLike, *, plain: bool = False) -> np.ndarray:
    """ITA in degrees of L* and b*; plain: by atan of the ratio, else by atan2. NaN for plain at L* = 50, b* = 0."""
    above, b = np.asarray(lightness, float) - 50, np.asarray(yellow, float)
    if not plain:
        return np.asarray(colour.ita(np.stack([above + 50, np.zeros_like(above), b], -1)))
    with np.errstate(divide="ignore", invalid="ignore"):
        return np.asarray(np.degrees(np.arctan(above / b)))


# ---- estimators that take a set of pixels


def _of_pixels(
    photo: Photo, rng: np.random.Generator, resamples: int, *, where: Where, centre: Centre, plain: bool
) -> Measured:
    if where == "not lesion" and photo.lesion is None:
        return Measured(None, reason=TONE_REASONS.say("needs_mask"))
    taken = pixels(photo, where)
    n = taken.n
    if where == "skin" and (why := photo.too_little):
        return Measured(None, n_pixels=n, reason=why)
    if len(taken.light) == 0:
        nothing = {"not lesion": "lesion_everywhere", "whole": "all_black"}
        return Measured(None, reason=TONE_REASONS.say(nothing.get(where, "no_skin_colour")))
    # Methods that take the same pixels share the draws, so that what they differ by isn't chance.
    key = f"{where} drawn {resamples}"
    if key not in photo.taken:
        photo.taken[key] = _draws(rng, taken.blocks, resamples)
    weights = photo.taken[key]
    if centre == "mode":
        return _mode(taken, weights, plain)
    resampled = _medians if centre.startswith("median") else _means
    # The first row of the weights is every block once: the estimate itself.
    light, yellow = (
        resampled(*(_within(v, taken.blocks, resampled) if centre.endswith("within") else (v, taken.blocks)), weights)
        for v in (taken.light, taken.yellow)
    )
    red = resampled(taken.red, taken.blocks, weights[:1])
    angles = angle(light, yellow, plain=plain)
    if not np.isfinite(angles[0]):
        return Measured(None, n_pixels=n, reason=TONE_REASONS.say("no_angle"))
    return Measured(float(angles[0]), angles[1:], np.array([light[0], red[0], yellow[0]]), n)


def pixels(photo: Photo, where: Where) -> Taken:
    """The chosen pixels of a photo; several estimators take the same."""
    if where not in photo.taken:
        if where == "skin":
            places = np.flatnonzero(photo.skin)
        elif where == "not lesion":
            assert photo.lesion is not None
            places = np.flatnonzero(~photo.lesion)
        else:
            places = np.arange(photo.lab.shape[0] * photo.lab.shape[1])
        at = thin(places)
        n, every = len(places), len(places) / max(len(at), 1)
        if where == "skin-coloured":
            at = at[by_colour(photo.rgb.reshape(-1, 1, 3)[at])[:, 0]]
        elif where == "whole":
            at = at[photo.planes[0][at] > 0]
        if where in ("skin-coloured", "whole"):
            n = round(len(at) * every)
        light, red, yellow = (plane[at] for plane in photo.planes)
        photo.taken[where] = Taken(light, red, yellow, _block_of(photo.shape)[at], n)
    found: Taken = photo.taken[where]
    return found


@lru_cache(maxsize=16)
def _block_of(shape: tuple[int, int]) -> np.ndarray:
    """The block of each pixel, (h * w,), 0.._CELLS - 1."""
    rows, columns = (np.arange(side) * BLOCKS // side for side in shape)
    blocks = (rows[:, None] * BLOCKS + columns).ravel()
    blocks.setflags(write=False)
    return blocks


def thin(at: np.ndarray) -> np.ndarray:
    """At most `MOST` of the places (n,), evenly; neighbouring pixels say the same, and fewer are faster."""
    # An odd step doesn't fall on the same columns of an even width.
    step = -(-len(at) // MOST)
    return at[:: step + (step + 1) % 2] if step > 1 else at


def _within(values: np.ndarray, blocks: np.ndarray, middle: Callable[..., np.ndarray]) -> tuple[np.ndarray, np.ndarray]:
    """Values within one standard deviation of their middle, and their blocks."""
    mean, spread = (float(v[0, 0]) for v in cv2.meanStdDev(values))
    centre = mean if middle is _means else float(middle(values, blocks, np.ones((1, _CELLS)))[0])
    # A picture of one colour has no spread, and rounding mustn't empty it.
    at = np.flatnonzero(np.abs(values - np.float32(centre)) <= spread + 1e-3)
    return values[at], blocks[at]


def _mode(taken: Taken, weights: np.ndarray, plain: bool) -> Measured:
    angles = angle(taken.light, taken.yellow, plain=plain)
    n_bins = round(360 / _BIN)
    at = np.clip(((np.nan_to_num(angles) + 180) / _BIN).astype(np.int64), 0, n_bins - 1)
    # The bins that hold something and their neighbours; all of them where the circle closes.
    first, last = int(at.min()) - 1, int(at.max()) + 1
    if first < 0 or last >= n_bins:
        first, last = 0, n_bins - 1
    width = last - first + 1
    table = np.bincount(taken.blocks * width + at - first, minlength=_CELLS * width).reshape(_CELLS, width)
    seen = weights @ table.astype(float)
    # A histogram's peak jumps between bins; three bins wide it is smoothed.
    peak = first + (seen + np.roll(seen, 1, 1) + np.roll(seen, -1, 1)).argmax(1)
    found = -180 + _BIN * (peak + 0.5)
    near = np.flatnonzero(np.abs(at - peak[0]) <= 1)
    lab = np.array([float(v[near].mean()) for v in (taken.light, taken.red, taken.yellow)])
    return Measured(float(found[0]), found[1:], lab, taken.n)


def _draws(rng: np.random.Generator, blocks: np.ndarray, resamples: int) -> np.ndarray:
    """(1 + resamples, all blocks): first every block once, then how often each was drawn, from those with pixels."""
    used = np.flatnonzero(np.bincount(blocks, minlength=_CELLS))
    drawn = used[rng.integers(0, len(used), (resamples, len(used)))] + np.arange(resamples)[:, None] * _CELLS
    counts = np.bincount(drawn.ravel(), minlength=resamples * _CELLS).reshape(resamples, _CELLS)
    return np.vstack([np.ones(_CELLS), counts])


def _means(values: np.ndarray, blocks: np.ndarray, weights: np.ndarray) -> np.ndarray:
    """(draws,) means; NaN for a draw without pixels."""
    sums, counts = (np.bincount(blocks, w, _CELLS) for w in (values, None))
    below = weights @ counts
    return np.asarray(np.divide(weights @ sums, below, out=np.full(len(weights), np.nan), where=below > 0))


def _medians(values: np.ndarray, blocks: np.ndarray, weights: np.ndarray) -> np.ndarray:
    """(draws,) medians from histograms of `_STEP`, interpolated within a bin; NaN for a draw without pixels."""
    at = ((values - _LOW) / _STEP).astype(np.int64)
    first = int(at.min())
    n_bins = int(at.max()) - first + 1
    table = np.bincount(blocks * n_bins + at - first, minlength=_CELLS * n_bins).reshape(_CELLS, n_bins)
    below = np.cumsum(weights @ table.astype(float), axis=1)
    half = below[:, -1] / 2
    rows = np.arange(len(weights))
    place = np.minimum((below < half[:, None]).sum(1), n_bins - 1)
    before = np.where(place > 0, below[rows, np.maximum(place - 1, 0)], 0.0)
    inside = below[rows, place] - before
    share = np.divide(half - before, inside, out=np.full(len(weights), np.nan), where=inside > 0)
    return np.asarray(_LOW + (first + place + share) * _STEP)


# ---- estimators that take patches


def _bevan(photo: Photo, rng: np.random.Generator, resamples: int, *, plain: bool) -> Measured:
    """The lightest of eight patches around the border of the squared picture, hair painted over."""
    if "bevan" not in photo.taken:
        rgb = _square(photo.original)
        grey = cv2.cvtColor(rgb, cv2.COLOR_RGB2GRAY)
        hair = (black_hat(grey) > 10).astype(np.uint8)
        patches = np.stack([_patch(rgb, hair, row, column) for row, column in _BEVAN])
        photo.taken["bevan"] = colour.lab(patches.reshape(8, -1, 3)).mean(1, dtype=float)
    means = photo.taken["bevan"]
    angles = angle(means[:, 0], means[:, 2], plain=plain)
    if not np.isfinite(angles).any():
        return Measured(None, reason=TONE_REASONS.say("no_angle"))
    best = int(np.nanargmax(angles))
    draws = np.nanmax(angles[rng.integers(0, 8, (resamples, 8))], axis=1)
    return Measured(float(angles[best]), draws, means[best], 400)


def _square(image: np.ndarray) -> np.ndarray:
    """The middle square of a picture at 256 x 256 (Lanczos, as in their code)."""
    from PIL import Image

    height, width = image.shape[:2]
    side = min(height, width)
    top, left = (height - side) // 2, (width - side) // 2
    square = image[top : top + side, left : left + side]
    if side == SQUARE:
        return np.ascontiguousarray(square)
    resized = Image.fromarray(square).resize((SQUARE, SQUARE), Image.Resampling.LANCZOS)
    return np.asarray(resized)


def _patch(rgb: np.ndarray, hair: np.ndarray, row: int, column: int) -> np.ndarray:
    """A 20 x 20 patch, hair in it painted over from its surroundings (Telea); only the patch is painted, for speed."""
    if hair[row : row + 20, column : column + 20].any():
        top, left = max(0, row - 12), max(0, column - 12)
        around = np.s_[top : row + 32, left : column + 32]
        painted = cv2.inpaint(
            np.ascontiguousarray(rgb[around]), np.ascontiguousarray(hair[around]), 1, cv2.INPAINT_TELEA
        )
        return painted[row - top : row - top + 20, column - left : column - left + 20]
    return rgb[row : row + 20, column : column + 20]


def _corbin(photo: Photo, rng: np.random.Generator, resamples: int) -> Measured:
    """The median angle of the outermost 8 x 8 patches, after 4 % of the width is cut off on all sides."""
    side = 8
    height, width = photo.shape
    cut = int(np.ceil(width * 0.04 / side)) * side
    rows, columns = (height - 2 * cut) // side, (width - 2 * cut) // side
    if rows < 2 or columns < 2:
        return Measured(None, reason=TONE_REASONS.say("small"))
    lab = photo.lab[cut : cut + rows * side, cut : cut + columns * side]
    edges = (lab[:side], lab[-side:], lab[side:-side, :side].swapaxes(0, 1), lab[side:-side, -side:].swapaxes(0, 1))
    patches = np.concatenate([e.reshape(side, -1, side, 3).swapaxes(0, 1).reshape(-1, side * side, 3) for e in edges])
    light, yellow = patches[..., 0], patches[..., 2]
    lit = light > 0
    angles = angle(_trimmed(light, lit), _trimmed(yellow, np.ones_like(lit)))
    known = np.isfinite(angles)
    if not known.any():
        return Measured(None, reason=TONE_REASONS.say("all_black"))
    angles = angles[known]
    draws = np.sort(angles[rng.integers(0, len(angles), (resamples, len(angles)))].T, axis=0)
    draws = (draws[(len(angles) - 1) // 2] + draws[len(angles) // 2]) / 2  # their medians
    colours = patches[known].reshape(-1, 3)
    return Measured(float(np.median(angles)), draws, colours.mean(axis=0), len(colours))


def _trimmed(values: np.ndarray, known: np.ndarray) -> np.ndarray:
    """(patches,) means within one standard deviation of each patch's known values; NaN where it has none."""
    count = known.sum(1)
    some = np.maximum(count, 1)
    mean = (values * known).sum(1) / some
    spread = np.sqrt((((values - mean[:, None]) ** 2) * known).sum(1) / some)
    # Rounding mustn't drop the values of a patch of one colour.
    inside = known & (np.abs(values - mean[:, None]) <= spread[:, None] + 1e-4)
    kept = inside.sum(1)
    return np.where(count > 0, (values * inside).sum(1) / np.maximum(kept, 1), np.nan)


def _estimator(
    name: str, idea: str, source: str, thresholds: str, where: Where, centre: Centre, *, plain: bool
) -> Estimator:
    measure = partial(_of_pixels, where=where, centre=centre, plain=plain)
    return Estimator(name, idea, source, thresholds, measure)


_ALL = (
    _estimator(
        "cutis",
        "median of skin pixels (mask and margin, else the border), without hair, glare, rim and ink; refuses",
        "this project",
        "chardon1991", "skin", "median", plain=False,
    ),
    _estimator(
        "chardon1991",
        "mean of the same skin pixels, as a colorimeter held on bare skin would give",
        "Chardon, Cretois & Hourseau, Int J Cosmet Sci 13:191, 1991",
        "chardon1991", "skin", "mean", plain=True,
    ),
    _estimator(
        "kinyanjui2019",
        "mean within one standard deviation of all that isn't lesion",
        "Kinyanjui et al., arXiv 1910.13268, 2019; MICCAI 2020 (pixels M; their segmentation isn't published)",
        "kinyanjui2019", "not lesion", "within", plain=True,
    ),
    _estimator(
        "groh2021",
        "mean within one standard deviation of the whole picture, lesion and all",
        "Groh et al., CVPR ISIC workshop 2021 (V: their notebook)",
        "groh2021", "whole", "within", plain=False,
    ),
    _estimator(
        "groh2022",
        "the same of skin-coloured pixels; the colour rule can't see dark skin",
        "Groh et al., CVPR ISIC workshop 2021 and CSCW 2022 (V: their notebook)",
        "groh2021", "skin-coloured", "within", plain=False,
    ),
    Estimator(
        "bevan2022",
        "the lightest of eight patches at the border of the squared picture, hair painted over; plain atan",
        "Bevan & Atapour-Abarghouei, DART 2022 (V: their code)",
        "kinyanjui_fst", partial(_bevan, plain=True),
    ),
    Estimator(
        "bevan2022_atan2",
        "the same with atan2, as Kalb et al. corrected it",
        "Kalb et al., FAIMI 2023 (V: their notebook)",
        "kinyanjui_fst", partial(_bevan, plain=False),
    ),
    Estimator(
        "corbin2023",
        "median of the angles of 8 x 8 patches along the border",
        "Corbin & Marques, Multimed Tools Appl 2023, structured patches (V: derm_ita)",
        "kinyanjui_fst", _corbin,
    ),
    _estimator(
        "bencevic2025",
        "median within one standard deviation of all that isn't lesion",
        "Bencevic et al., arXiv 2504.04494, 2025 (V2)",
        "kinyanjui_fst", "not lesion", "median within", plain=True,
    ),
    _estimator(
        "merler2019",
        "mode of the angles of single pixels that aren't lesion (theirs are of parts of a face)",
        "Merler et al., Diversity in Faces, arXiv 1901.10436, 2019 (V2)",
        "chardon1991", "not lesion", "mode", plain=True,
    ),
)  # fmt: skip
METHODS: dict[str, Estimator] = {e.name: e for e in _ALL}
