"""Whether probabilities mean what they say: Brier score, expected calibration error, reliability bins."""

from __future__ import annotations

import numpy as np

from cutis.evaluate.arrays import Floats, Ints
from cutis.evaluate.quantities import Quantity, SumBlock
from cutis.evaluate.sample import Sample
from cutis.schema.evidence import ReliabilityBin

BINS = 15


def add_calibration(block: SumBlock) -> None:
    """Brier score and expected calibration error.

    Brier: mean over rows of sum_c (p_c - y_c)^2, 0..2 (Brier, Monthly Weather Review 78, 1950).
    ECE: sum_b (n_b / n) |accuracy_b - confidence_b| over 15 bins of the largest probability (Guo et al., ICML 2017,
    equation 3); equal to sum_b |sum of (correct - confidence) in b| / n, which is how it is computed.
    """
    sample = block.sample
    p_target = sample.p[np.arange(len(sample)), sample.target]
    block.add_mean("brier", np.einsum("nk,nk->n", sample.p, sample.p) - 2 * p_target + 1, np.ones(len(sample), bool))

    bins = bin_numbers(sample.confidence)
    gap = sample.correct - sample.confidence
    columns = [np.where(bins == b, gap, 0.0) for b in np.unique(bins)]
    quantity = Quantity(metric="ece", n=len(sample), n_units=sample.n_units, needs=(("", sample.n_units),), biased=True)
    block.add(quantity, [*columns, np.ones(len(sample), bool)], _mean_gap)


def add_adaptive_ece(block: SumBlock) -> None:
    """ECE over 15 bins of equal mass instead of equal width (Nixon et al., CVPR workshops 2019, section 3.2).

    The edges are the sample's own quantiles of the largest probability, the same for all resamples.
    """
    sample = block.sample
    edges = np.quantile(sample.confidence, np.arange(1, BINS) / BINS) if len(sample) else np.zeros(0)
    bins = np.searchsorted(edges, sample.confidence, side="right")
    gap = sample.correct - sample.confidence
    quantity = Quantity(
        metric="ece_adaptive", n=len(sample), n_units=sample.n_units, needs=(("", sample.n_units),), biased=True
    )
    columns = [np.where(bins == b, gap, 0.0) for b in np.unique(bins)]
    block.add(quantity, [*columns, np.ones(len(sample), bool)], _mean_gap)


def _mean_gap(sums: Floats) -> Floats:
    gaps: Floats = np.abs(sums[:-1]).sum(0) / sums[-1]
    return gaps


def bin_numbers(confidence: Floats) -> Ints:
    """Number 0..14 of the equal-width bin [b/15, (b+1)/15) of each number; exactly 1.0 is in the last. Any shape."""
    edges = np.arange(BINS + 1) / BINS
    return np.clip(np.searchsorted(edges, confidence, side="right") - 1, 0, BINS - 1).astype(np.int64)


def reliability(sample: Sample) -> list[ReliabilityBin]:
    """The 15 bins with their mean confidence and accuracy; None where a bin is empty."""
    bins = bin_numbers(sample.confidence)
    found = []
    for b in range(BINS):
        rows = bins == b
        n = int(rows.sum())
        found.append(
            ReliabilityBin(
                low=b / BINS,
                high=(b + 1) / BINS,
                confidence=float(sample.confidence[rows].mean()) if n else None,
                accuracy=float(sample.correct[rows].mean()) if n else None,
                n=n,
            )
        )
    return found
