"""Answer sets: do they hold the truth as often as promised, and how much do they leave open."""

from __future__ import annotations

import numpy as np

from cutis.evaluate.quantities import Quantity, SumBlock, ratio


def add_sets(block: SumBlock, *, by_class: bool) -> None:
    """Coverage (overall and, if by_class, given the true class), mean size and share of empty sets.

    Over the rows that have a set. Where some lesion has several images, also coverage_per_lesion: each lesion counts
    once, by the share of its images that are covered. Lesions photographed often may be the harder ones, or the easier,
    and then the two differ. Coverage given the class shows what an overall
    coverage hides: a rare class that the sets miss (Vovk, ACML 2012).
    """
    sample = block.sample
    what = "with an answer set"
    block.add_share("coverage", sample.covered, sample.has_set, what=what)
    _add_per_lesion(block, what)
    block.add_mean("set_size", sample.set_size, sample.has_set)
    block.add_share("empty_sets", sample.set_size == 0, sample.has_set, what=what)
    if by_class:
        for k, info in enumerate(sample.classes):
            case = sample.has_set & (sample.target == k)
            block.add_share("coverage", sample.covered, case, class_code=info.code, what=f"of class {info.code} {what}")


def _add_per_lesion(block: SumBlock, what: str) -> None:
    sample = block.sample
    if sample.lesion is None:
        return
    images = np.bincount(sample.lesion[sample.has_set], minlength=1)
    if images.max() < 2:
        return
    share = np.zeros(len(sample))
    share[sample.has_set] = 1 / images[sample.lesion[sample.has_set]]
    units = sample.units_in(sample.has_set)
    quantity = Quantity(
        metric="coverage_per_lesion",
        n=int(sample.has_set.sum()),
        n_units=units,
        needs=((what, units),),
        share=True,
    )
    block.add(quantity, [np.where(sample.covered, share, 0.0), share], ratio)
