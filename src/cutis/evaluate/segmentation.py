"""How well predicted masks cover the true ones: scores of each pair, and their means over images with intervals.

Every number is a mean over images (macro), never over pooled pixels. Where a ratio has nothing below its line, as the
ISIC 2018 scorer has it: two empty masks agree, so Dice, Jaccard, thresholded Jaccard, boundary IoU and NSD are 1;
sensitivity is 1 if nothing is lesion, specificity is 1 if everything is, PPV is 1 if nothing was predicted. With one
empty mask Dice, Jaccard, boundary IoU and NSD are 0, and there is no distance: such an image fails (its Jaccard is 0),
is left out of the mean distances, which say so, and is counted in `one_mask_empty`.

Metric names: jaccard, thresholded_jaccard, dice, sensitivity, specificity, ppv, boundary_iou, nsd, hd95_max, hd95_mean,
average_surface_distance (see `surface`), failure_rate (share of images with a Jaccard index below the threshold) and
one_mask_empty (share of images).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from cutis.errors import CutisError
from cutis.evaluate.arrays import Floats, Ints
from cutis.evaluate.numbers import as_measured, values_of
from cutis.evaluate.quantities import Quantity, RowMeans
from cutis.evaluate.surface import Mask, Spacing, boundary_iou, surface_distances
from cutis.schema.evidence import Measured

OVERLAPS = ("jaccard", "thresholded_jaccard", "dice", "sensitivity", "specificity", "ppv", "boundary_iou", "nsd")
DISTANCES = ("hd95_max", "hd95_mean", "average_surface_distance")
SHARES = ("failure_rate", "one_mask_empty")
SCORES = (*OVERLAPS, *DISTANCES, *SHARES)  # what an image is given, by name
FAILURE = 0.65  # the ISIC 2018 challenge's least useful Jaccard index


@dataclass(frozen=True)
class MaskSettings:
    """What the scores of masks depend on.

    spacing: mm between rows and between columns; None measures in pixels. tau: the distance that NSD allows, in the
    same unit. threshold: Jaccard index below which an image fails and TJ is 0. dilation: rim of boundary IoU, as a
    share of the picture's diagonal. Raises CutisError for values that can't be.
    """

    spacing: Spacing | None = None
    tau: float = 2.0
    threshold: float = FAILURE
    dilation: float = 0.02

    def __post_init__(self) -> None:
        if self.spacing is not None and not all(np.isfinite(s) and s > 0 for s in self.spacing):
            raise CutisError(f"spacing is {self.spacing}; expected two lengths above 0, mm a row and mm a column.")
        if not (np.isfinite(self.tau) and self.tau >= 0):
            raise CutisError(f"tau is {self.tau}; expected a distance from 0, in {self.unit}.")
        if not 0 <= self.threshold <= 1:
            raise CutisError(f"threshold is {self.threshold}; expected a Jaccard index in 0..1, such as {FAILURE}.")
        if not 0 < self.dilation <= 1:
            raise CutisError(f"dilation is {self.dilation}; expected a share of the diagonal in 0..1, such as 0.02.")

    @property
    def unit(self) -> str:
        """Of distances: "px" or "mm"."""
        return "px" if self.spacing is None else "mm"


@dataclass(frozen=True)
class Overlap:
    """Pixels of a pair of masks: in both, in the predicted one only, in the true one only, in neither."""

    tp: int
    fp: int
    fn: int
    tn: int

    @property
    def jaccard(self) -> float:
        return _share(self.tp, self.tp + self.fp + self.fn)

    @property
    def dice(self) -> float:
        return _share(2 * self.tp, 2 * self.tp + self.fp + self.fn)

    @property
    def sensitivity(self) -> float:
        return _share(self.tp, self.tp + self.fn)

    @property
    def specificity(self) -> float:
        return _share(self.tn, self.tn + self.fp)

    @property
    def ppv(self) -> float:
        return _share(self.tp, self.tp + self.fp)


def _share(part: int, whole: int) -> float:
    """part / whole, and 1 where there is nothing to be right or wrong about."""
    return part / whole if whole else 1.0


def binary(pixels: NDArray[Any], name: str = "mask") -> tuple[Mask, str]:
    """A mask as 0 and 1, and what is odd about its values: "", "0/1", "grey" or "dim".

    pixels: 2-D bool, or uint8, which is lesion above 128 (ISIC 2018), but above 0 where nothing exceeds 1 ("0/1").
    "grey": other values than 0 and 255 are in it. "dim": it is not black, yet nothing exceeds 128, so it is empty.
    Raises CutisError for other shapes and types.
    """
    pixels = np.asarray(pixels)
    if pixels.ndim != 2 or pixels.dtype not in (np.bool_, np.uint8) or not pixels.size:
        raise CutisError(
            f"{name}: {pixels.dtype} of shape {pixels.shape}; expected a mask of two dimensions, bool or uint8. "
            "Threshold probabilities first: mask = p > 0.5."
        )
    pixels = np.ascontiguousarray(pixels)
    if pixels.dtype == np.bool_:
        return pixels.view(np.uint8), ""
    most = int(pixels.max())
    if most <= 1:
        return pixels, "0/1" if most else ""
    if most <= 128:
        return np.zeros_like(pixels), "dim"
    mask = (pixels > 128).view(np.uint8)
    clean = most == 255 and np.array_equal(pixels, mask * np.uint8(255))
    return mask, "" if clean else "grey"


def overlap(predicted: Mask, truth: Mask) -> Overlap:
    """Count the pixels of two masks of 0 and 1 of one shape."""
    p, t, both = (cv2.countNonZero(m) for m in (predicted, truth, cv2.bitwise_and(predicted, truth)))
    return Overlap(tp=both, fp=p - both, fn=t - both, tn=truth.size - p - t + both)


def thresholded(jaccard: float, threshold: float = FAILURE) -> float:
    """TJ, the ISIC 2018 challenge's score of an image: its Jaccard index, or 0 below the threshold."""
    return jaccard if jaccard >= threshold else 0.0


def score_pair(predicted: Mask, truth: Mask, settings: MaskSettings) -> dict[str, float]:
    """Every metric of one image, by name; distances are NaN where a mask is empty.

    predicted, truth: as `binary` gives them. Raises CutisError if their shapes differ.
    """
    if predicted.shape != truth.shape:
        raise CutisError(
            f"predicted mask of {size_words(predicted)}, true mask of {size_words(truth)} pixels. Scale the predicted "
            "one to the true one's size (nearest neighbour)."
        )
    pixels = overlap(predicted, truth)
    empty = [pixels.tp + pixels.fp == 0, pixels.tp + pixels.fn == 0]
    scores = {
        "jaccard": pixels.jaccard,
        "thresholded_jaccard": thresholded(pixels.jaccard, settings.threshold),
        "dice": pixels.dice,
        "sensitivity": pixels.sensitivity,
        "specificity": pixels.specificity,
        "ppv": pixels.ppv,
        "boundary_iou": boundary_iou(predicted, truth, settings.dilation),
        "nsd": 1.0 if all(empty) else 0.0,
        **dict.fromkeys(DISTANCES, np.nan),
        "failure_rate": float(pixels.jaccard < settings.threshold),
        "one_mask_empty": float(any(empty) and not all(empty)),
    }
    found = None if any(empty) else surface_distances(predicted, truth, settings.spacing)
    if found is not None:
        scores["nsd"] = found.nsd(settings.tau)
        scores["hd95_max"], scores["hd95_mean"] = found.hd95()
        scores["average_surface_distance"] = found.average()
    return scores


def size_words(mask: NDArray[Any]) -> str:
    """ "512 x 384": width and height."""
    return f"{mask.shape[1]} x {mask.shape[0]}"


def measure_masks(
    scores: Mapping[str, Floats],
    ids: Sequence[str],
    unit: Ints,
    unit_name: str,
    *,
    attribute: str | None = None,
    group: str | None = None,
    resamples: int = 1000,
    seed: int = 0,
    level: float = 0.95,
) -> list[Measured]:
    """Means of `score_pair`'s results over images, with cluster-bootstrap intervals (see `bootstrap`).

    scores: name -> (n,) values. ids: (n,) of the images. unit: (n,) numbers 0..units-1; images of one unit are drawn
    together. attribute, group: whose rows these are, if not all.
    """
    n_units = int(unit.max()) + 1 if len(unit) else 0
    block = RowMeans(unit, n_units)
    quantities = []
    for name in SCORES:
        values = np.asarray(scores[name], np.float64)
        known = np.isfinite(values)
        units = len(np.unique(unit[known]))
        quantities.append(
            Quantity(
                metric=name,
                n=int(known.sum()),
                n_units=units,
                needs=(("with a lesion in both masks" if name in DISTANCES else "", units),),
                remark="" if known.all() else _left_out(len(values), int((~known).sum()), scores),
                share=name in SHARES,
            )
        )
        block.add(values)
    point, draws = values_of([block], len(quantities), ids, n_units, resamples, seed)
    return [as_measured(q, point[i, 0], draws[i], unit_name, level, attribute, group) for i, q in enumerate(quantities)]


def _left_out(n: int, gone: int, scores: Mapping[str, Floats]) -> str:
    one = int(np.sum(scores["one_mask_empty"]))
    parts = [
        f"{count} with {what}"
        for count, what in ((one, "one empty mask, which are failures"), (gone - one, "two empty masks"))
        if count
    ]
    failed = int(np.sum(np.isnan(scores[DISTANCES[0]]) & (np.asarray(scores["jaccard"]) < 1)))
    share = f" ({100 * failed / n:.1f} % fail, and are not in this mean)" if failed else ""
    return f"over {n - gone} of {n} images{share}: there is no distance in {' and '.join(parts)}"
