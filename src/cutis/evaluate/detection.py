"""How well boxes are found: COCO's average precision and the FROC curve, with intervals over images or patients.

Average precision is that of the COCO evaluation (Lin et al., ECCV 2014; cocodataset.org, "Detection Evaluation"): for
each class and each IoU threshold 0.50:0.05:0.95, predicted boxes are matched greedily, best score first, each to the
free true box it overlaps most; precision, made monotone, is read at recalls 0:0.01:1. Crowd boxes, and boxes outside
the range of areas that is asked about, are neither hits nor misses, and what matches them doesn't count.

FROC is the sensitivity for lesions at 1/8 ... 8 false positives an image, and the mean of the seven (Setio et al.,
Med. Image Anal. 42, 2017: the LUNA16 score). The sensitivity at a rate is that of the lowest threshold on the score
that stays within the rate; nothing is interpolated.

Matching is done once; a resample only weighs the images anew (see `bootstrap`).
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import polars as pl
from numpy.typing import ArrayLike

from cutis.errors import CutisError, nearest
from cutis.evaluate.arrays import Bools, Floats, Ints
from cutis.evaluate.bootstrap import check_resampling
from cutis.evaluate.numbers import as_measured, values_of
from cutis.evaluate.quantities import Quantity, unit_matrix
from cutis.evaluate.resampled import Resampling
from cutis.evaluate.sample import renumber
from cutis.schema.evidence import Measured

THRESHOLDS = np.linspace(0.5, 0.95, 10)
RECALLS = np.linspace(0.0, 1.0, 101)
AREAS = {"all": (0.0, 1e10), "small": (0.0, 32.0**2), "medium": (32.0**2, 96.0**2), "large": (96.0**2, 1e10)}  # px^2
FALSE_POSITIVES = (0.125, 0.25, 0.5, 1.0, 2.0, 4.0, 8.0)  # an image


@dataclass(frozen=True)
class Boxes:
    """The boxes of one image, true or predicted.

    box: (k, 4) left, top, width and height in pixels. label: (k,) names of what is in them. score: (k,) of predicted
    boxes, higher is surer. crowd: (k,) of true boxes that stand for several; None: there are none.
    """

    box: Floats
    label: Sequence[str]
    score: Floats | None = None
    crowd: Bools | None = None

    def of(self, label: str) -> Boxes:
        """Those with this label."""
        rows = np.array([name == label for name in self.label], np.bool_)
        return replace(
            self,
            box=self.box[rows],
            label=[label] * int(rows.sum()),
            score=None if self.score is None else self.score[rows],
            crowd=None if self.crowd is None else self.crowd[rows],
        )


def make_boxes(
    box: ArrayLike, label: Sequence[str], score: ArrayLike | None = None, crowd: ArrayLike | None = None
) -> Boxes:
    """`Boxes` of anything array-like. Raises CutisError for numbers that don't fit each other or can't be."""
    corners = np.asarray(box, np.float64).reshape(-1, 4) if np.size(box) else np.zeros((0, 4))
    if not np.isfinite(corners).all() or (corners[:, 2:] < 0).any():
        bad = int(np.flatnonzero(~np.isfinite(corners).all(1) | (corners[:, 2:] < 0).any(1))[0])
        raise CutisError(f"box {bad + 1} is {corners[bad].tolist()}; expected left, top, width, height, sizes from 0.")
    scores = None if score is None else np.asarray(score, np.float64)
    crowds = None if crowd is None else np.asarray(crowd, np.bool_)
    for what, given in (("labels", label), ("scores", scores), ("crowd flags", crowds)):
        if given is not None and len(given) != len(corners):
            raise CutisError(f"{len(corners)} boxes with {len(given)} {what}; expected one a box.")
    if scores is not None and not np.isfinite(scores).all():
        bad = int(np.flatnonzero(~np.isfinite(scores))[0])
        raise CutisError(f"score of box {bad + 1} is {scores[bad]}; expected a number.")
    return Boxes(corners, list(label), scores, crowds)


def true_boxes(manifest: pl.DataFrame) -> list[Boxes]:
    """Each row's boxes, from a manifest's column boxes; a row without any has none. Raises CutisError without it."""
    if "boxes" not in manifest.columns:
        raise CutisError("the manifest has no column boxes; import a dataset that has them.")
    rows: Iterable[Sequence[Mapping[str, Any]] | None] = manifest["boxes"].to_list()
    return [
        make_boxes([[b[k] for k in ("x", "y", "width", "height")] for b in row or ()], [b["label"] for b in row or ()])
        for row in rows
    ]


def iou(a: Floats, b: Floats, crowd: Bools | None = None) -> Floats:
    """(k, m) overlaps, 0..1, of boxes (k, 4) and (m, 4): intersection over union; over the area of `a` where `b` is a
    crowd. Boxes that only touch, or have no area, overlap by 0."""
    low = np.maximum(a[:, None, :2], b[None, :, :2])
    high = np.minimum((a[:, :2] + a[:, 2:])[:, None], (b[:, :2] + b[:, 2:])[None])
    inter = np.prod(np.maximum(high - low, 0.0), 2)
    of_a, of_b = np.prod(a[:, 2:], 1), np.prod(b[:, 2:], 1)
    union = of_a[:, None] + of_b[None] - inter
    if crowd is not None:
        union = np.where(crowd[None], of_a[:, None], union)
    shares: Floats = np.divide(inter, union, out=np.zeros_like(inter), where=inter > 0)
    return shares


def average_precision(
    truth: Sequence[Boxes],
    predicted: Sequence[Boxes],
    *,
    labels: Sequence[str] | None = None,
    resampling: Resampling | None = None,
    max_detections: int = 100,
) -> list[Measured]:
    """COCO's average precision: ap (mean over IoU thresholds), ap50, ap75, ap_small, ap_medium and ap_large.

    Over all labels that any true box has (the mean of theirs), and, where there are several, for each (class_code).
    truth, predicted: one `Boxes` an image, in the same order. labels: those that boxes may have, if not only those of
    the true ones. resampling: its `groups` say whose images are drawn together. max_detections: of a class in an image,
    the best-scored. Raises CutisError for lists that don't fit.
    """
    units, how = _check(truth, predicted, resampling)
    labels = _labels(truth, predicted, labels)
    blocks = [_PrecisionBlock(truth, predicted, label, units, max_detections) for label in labels]
    names = ("ap", "ap50", "ap75", "ap_small", "ap_medium", "ap_large")
    reported: list[Quantity] = []
    for k, name in enumerate(names):
        n, n_units = _boxes_and_units(truth, labels, units, tuple(AREAS)[max(0, k - 2)])
        quantity = _quantity(name, None, n, n_units)
        each = [_boxes_and_units(truth, [label], units, tuple(AREAS)[max(0, k - 2)])[1] for label in labels]
        counts = [(f"with a true box of {label}", m) for label, m in zip(labels, each, strict=True) if m]
        reported.append(replace(quantity, scarce=min(counts, key=lambda count: count[1], default=None)))
    for label in labels if len(labels) > 1 else ():
        reported += [_quantity(name, label, *_boxes_and_units(truth, [label], units, "all")) for name in names[:3]]
    if not labels:
        return [as_measured(q, np.nan, np.zeros(0), how.unit, how.level, None, None) for q in reported]
    point, draws = values_of(blocks, 6 * len(blocks), _ids(truth), int(units.max()) + 1, how.resamples, how.seed)

    def combined(values: Floats) -> Floats:
        by_class = values.reshape(len(labels), 6, -1)
        known = np.isfinite(by_class)
        total, count = np.where(known, by_class, 0.0).sum(0), known.sum(0)
        mean = np.divide(total, count, out=np.full(total.shape, np.nan), where=count > 0)
        return np.concatenate([mean, *(by_class[:, :3] if len(labels) > 1 else ())])

    return _reported(reported, combined(point), combined(draws), how)


def froc(
    truth: Sequence[Boxes],
    predicted: Sequence[Boxes],
    *,
    overlap: float = 0.5,
    distance: float | None = None,
    labels: Sequence[str] | None = None,
    resampling: Resampling | None = None,
) -> list[Measured]:
    """Sensitivity for lesions at 1/8 ... 8 false positives an image (sensitivity_at_1_fp...), and their mean
    (froc_score); of each label where there are several (class_code).

    A predicted box hits the true box it fits best, if its IoU with it is at least `overlap`, or, where `distance` is
    given, if their centres are at most so many pixels apart. A lesion is found at the highest score of its hits;
    further hits count for nothing, boxes that hit nothing are false positives. Boxes that hit a crowd don't count.
    truth, predicted, labels, resampling: as in `average_precision`. Raises CutisError.
    """
    if not 0 < overlap <= 1:
        raise CutisError(f"overlap is {overlap}; expected an IoU above 0, at most 1, such as 0.5.")
    if distance is not None and not distance >= 0:
        raise CutisError(f"distance is {distance}; expected pixels, from 0.")
    units, how = _check(truth, predicted, resampling)
    labels = _labels(truth, predicted, labels)
    blocks = [_FrocBlock(truth, predicted, label, units, overlap, distance) for label in labels]
    names = [*(f"sensitivity_at_{rate:g}_fp" for rate in FALSE_POSITIVES), "froc_score"]
    reported: list[Quantity] = []
    for label in labels or ("",):
        n, n_units = _boxes_and_units(truth, [label], units, "all")
        code = label if len(labels) > 1 else None
        reported += [_quantity(name, code, n, n_units, share=name != "froc_score") for name in names]
    if not labels:
        return [as_measured(q, np.nan, np.zeros(0), how.unit, how.level, None, None) for q in reported]
    point, draws = values_of(blocks, len(reported), _ids(truth), int(units.max()) + 1, how.resamples, how.seed)
    return _reported(reported, point, draws, how)


class _PrecisionBlock:
    """The six average precisions of one label; see `bootstrap.Block`."""

    def __init__(
        self, truth: Sequence[Boxes], predicted: Sequence[Boxes], label: str, units: Ints, max_detections: int
    ) -> None:
        n_units = int(units.max()) + 1
        pairs = [_by_score(t.of(label), p.of(label), max_detections) for t, p in zip(truth, predicted, strict=True)]
        score = np.concatenate([p.score for _, p in pairs if p.score is not None])
        order = np.argsort(-score, kind="stable")
        owner = np.repeat(units, [len(p.box) for _, p in pairs])[order]
        self.curves: list[list[_Curve]] = []  # one a range of areas, one an IoU threshold
        for low, high in AREAS.values():
            found = [match(t, p, low, high) for t, p in pairs]
            hits, counted = (np.concatenate([f[i] for f in found], 1)[:, order] for i in (0, 1))
            asked = np.bincount(units, [f[2] for f in found], n_units)
            self.curves.append(
                [_Curve(owner, h & c, ~h & c, asked, n_units) for h, c in zip(hits, counted, strict=True)]
            )

    def compute(self, weights: Floats) -> Floats:
        every = np.stack([c.average(weights) for c in self.curves[0]])
        mid = int(np.argmin(np.abs(THRESHOLDS - 0.75)))
        sizes = [np.stack([c.average(weights) for c in curves]).mean(0) for curves in self.curves[1:]]
        return np.stack([every.mean(0), every[0], every[mid], *sizes])


class _Curve:
    """A precision-recall curve whose images can be weighed. Only its steps up are kept: precision, once monotone, and
    recall change nowhere else."""

    def __init__(self, owner: Ints, hit: Bools, false: Bools, asked: Floats, n_units: int) -> None:
        places = np.flatnonzero(hit)
        self.hits = unit_matrix(owner[places], n_units).T
        # The false positives between a hit and the one before it; those after the last hit matter to nothing.
        step = np.searchsorted(places, np.flatnonzero(false))
        before_last = step < len(places)
        self.false = _counts(step[before_last], owner[false][before_last], (len(places), n_units))
        self.asked = asked

    def average(self, weights: Floats) -> Floats:
        """(r,) average precision for weights (units, r); NaN where no true box is asked for."""
        total = self.asked @ weights
        if not self.hits.shape[0]:
            return np.where(total > 0, 0.0, np.nan)
        hits, false = np.cumsum(self.hits @ weights, 0), np.cumsum(self.false @ weights, 0)
        precision = np.divide(hits, hits + false, out=np.zeros_like(hits), where=hits > 0)
        precision = np.maximum.accumulate(precision[::-1], 0)[::-1]
        recall = np.divide(hits, total, out=np.zeros_like(hits), where=total > 0)
        result = np.full(len(total), np.nan)
        for j in np.flatnonzero(total > 0):
            at = np.searchsorted(recall[:, j], RECALLS, side="left")
            at = at[at < len(hits)]
            result[j] = precision[at, j].sum() / len(RECALLS)
        return result


class _FrocBlock:
    """The seven sensitivities of one label, and their mean; see `bootstrap.Block`."""

    def __init__(
        self,
        truth: Sequence[Boxes],
        predicted: Sequence[Boxes],
        label: str,
        units: Ints,
        overlap: float,
        distance: float | None,
    ) -> None:
        n_units = int(units.max()) + 1
        best: list[Floats] = []
        false: list[Floats] = []
        for t, p in zip(truth, predicted, strict=True):
            found, wrong = lesion_scores(t.of(label), p.of(label), overlap, distance)
            best.append(found)
            false.append(wrong)
        owner = np.repeat(units, [len(b) for b in best])
        score = np.concatenate(best)
        found = np.isfinite(score)
        levels, place = np.unique(-score[found], return_inverse=True)  # thresholds at which a lesion is found
        self.hits = _counts(place, owner[found], (len(levels), n_units))
        wrong = np.concatenate(false)
        step = np.searchsorted(levels, -wrong)
        before_last = step < len(levels)
        by = np.repeat(units, [len(f) for f in false])
        self.false = _counts(step[before_last], by[before_last], (len(levels), n_units))
        self.lesions = np.bincount(owner, minlength=n_units).astype(np.float64)
        self.images = np.bincount(units, minlength=n_units).astype(np.float64)

    def compute(self, weights: Floats) -> Floats:
        lesions, images = self.lesions @ weights, self.images @ weights
        hits, false = np.cumsum(self.hits @ weights, 0), np.cumsum(self.false @ weights, 0)
        hits = np.vstack([np.zeros((1, weights.shape[1])), hits])
        columns = np.arange(weights.shape[1])
        found = np.stack([hits[(false <= rate * images).sum(0), columns] for rate in FALSE_POSITIVES])
        shares = np.divide(found, lesions, out=np.full_like(found, np.nan), where=lesions > 0)
        return np.vstack([shares, shares.mean(0)])


def match(truth: Boxes, predicted: Boxes, low: float, high: float) -> tuple[Bools, Bools, int]:
    """COCO's matching in one image and class: (hit, counted, true boxes asked for).

    hit, counted: (thresholds, k) of the predicted boxes, which must be in falling order of score; a box that isn't
    counted matched a crowd or a true box outside low..high px^2, or matched nothing and is itself outside.
    """
    area = np.prod(truth.box[:, 2:], 1)
    crowd = truth.crowd if truth.crowd is not None else np.zeros(len(area), np.bool_)
    ignored = crowd | (area < low) | (area > high)
    overlaps = iou(predicted.box, truth.box, crowd)
    own = np.prod(predicted.box[:, 2:], 1)
    outside = (own < low) | (own > high)
    k, levels = len(own), np.minimum(THRESHOLDS, 1 - 1e-10)
    hit = np.zeros((len(levels), k), np.bool_)
    counted = np.tile(~outside, (len(levels), 1))
    free = np.ones((len(levels), len(area)), np.bool_)
    every = np.arange(len(levels))
    for d in np.flatnonzero((overlaps >= levels[0]).any(1)):
        able = free & (overlaps[d] >= levels[:, None])
        # Boxes that count come before ignored ones, whatever the overlap; of equal overlaps the last is taken.
        rank = np.where(able, overlaps[d] + np.where(ignored, 0.0, 2.0), -1.0)
        chosen = len(area) - 1 - np.argmax(rank[:, ::-1], 1)
        matched = able[every, chosen]
        hit[matched, d] = True
        counted[matched, d] = ~ignored[chosen[matched]]
        taken = matched & ~crowd[chosen]
        free[taken, chosen[taken]] = False
    return hit, counted, int((~ignored).sum())


def lesion_scores(truth: Boxes, predicted: Boxes, overlap: float, distance: float | None) -> tuple[Floats, Floats]:
    """((lesions,) highest score of a hit, -inf if none; (false positives,) their scores) of one image and class."""
    assert predicted.score is not None
    crowd = truth.crowd if truth.crowd is not None else np.zeros(len(truth.box), np.bool_)
    best = np.full(len(truth.box), -np.inf)
    if not len(best):
        return best, predicted.score
    if distance is None:
        fit = iou(predicted.box, truth.box, crowd)
        near = fit >= overlap
    else:
        centres = [b.box[:, :2] + b.box[:, 2:] / 2 for b in (predicted, truth)]
        fit = -np.linalg.norm(centres[0][:, None] - centres[1][None], axis=2)
        near = -fit <= distance
    # The best fit among the lesions; a crowd is asked only where no lesion is hit.
    lesion = np.where(near & ~crowd, fit, -np.inf)
    hits = (near & ~crowd).any(1)
    np.maximum.at(best, lesion.argmax(1)[hits], predicted.score[hits])
    return best[~crowd], predicted.score[~hits & ~(near & crowd).any(1)]


def _check(
    truth: Sequence[Boxes], predicted: Sequence[Boxes], resampling: Resampling | None
) -> tuple[Ints, Resampling]:
    """The unit of each image, numbered from 0, and how to resample."""
    how = resampling or Resampling()
    check_resampling(how.resamples, how.seed, how.level)
    if len(truth) != len(predicted) or not len(truth):
        raise CutisError(f"{len(truth)} images of true boxes, {len(predicted)} of predicted; expected the same images.")
    bare = next((i for i, p in enumerate(predicted) if p.score is None), None)
    if bare is not None:
        raise CutisError(f"the predicted boxes of image {bare + 1} have no scores; detection metrics rank by them.")
    if how.groups is None:
        return np.arange(len(truth)), how
    if len(how.groups) != len(truth):
        raise CutisError(f"{len(how.groups)} groups for {len(truth)} images; expected one an image.")
    return renumber(np.unique([str(g) for g in how.groups], return_inverse=True)[1].astype(np.int64)), how


def _labels(truth: Sequence[Boxes], predicted: Sequence[Boxes], labels: Sequence[str] | None) -> list[str]:
    found = sorted({name for t in truth for name in t.label}) if labels is None else list(dict.fromkeys(labels))
    stray = next((name for boxes in (*truth, *predicted) for name in boxes.label if name not in found), None)
    if found and stray is not None:
        raise CutisError(f'box of label "{stray}", which no true box has: {nearest(stray, found)}; or list all labels.')
    return found


def _ids(truth: Sequence[Boxes]) -> list[str]:
    return [f"{i:09}" for i in range(len(truth))]


def _by_score(truth: Boxes, predicted: Boxes, most: int) -> tuple[Boxes, Boxes]:
    assert predicted.score is not None
    best = np.argsort(-predicted.score, kind="stable")[:most]
    return truth, replace(
        predicted, box=predicted.box[best], score=predicted.score[best], label=[predicted.label[i] for i in best]
    )


def _boxes_and_units(truth: Sequence[Boxes], labels: Sequence[str], units: Ints, size: str) -> tuple[int, int]:
    """How many true boxes of these labels and this range of areas there are, and units that have one."""
    low, high = AREAS[size]
    counts = np.zeros(len(truth), np.int64)
    for i, t in enumerate(truth):
        area = np.prod(t.box[:, 2:], 1)
        asked = np.array([name in labels for name in t.label], np.bool_) & (area >= low) & (area <= high)
        counts[i] = int((asked & ~t.crowd if t.crowd is not None else asked).sum())
    return int(counts.sum()), len(np.unique(units[counts > 0]))


def _quantity(name: str, label: str | None, n: int, n_units: int, *, share: bool = False) -> Quantity:
    size = name.removeprefix("ap_") if name.startswith("ap_") else ""
    what = f"with a {size} true box" if size else "with a true box" if label is None else f"with a true box of {label}"
    return Quantity(metric=name, class_code=label, n=n, n_units=n_units, needs=((what, n_units),), share=share)


def _reported(quantities: Sequence[Quantity], point: Floats, draws: Floats, how: Resampling) -> list[Measured]:
    return [as_measured(q, point[i, 0], draws[i], how.unit, how.level, None, None) for i, q in enumerate(quantities)]


def _counts(row: Ints, unit: Ints, shape: tuple[int, int]) -> Any:
    """Sparse (rows, units) numbers of things by the row and unit they belong to."""
    from scipy.sparse import coo_array

    return coo_array((np.ones(len(row)), (row, unit)), shape=shape).tocsr()
