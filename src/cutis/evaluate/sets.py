"""Answer sets: do they hold the truth as often as promised, and how much do they leave open."""

from __future__ import annotations

from cutis.evaluate.quantities import SumBlock


def add_sets(block: SumBlock, *, by_class: bool) -> None:
    """Coverage (overall and, if by_class, given the true class), mean size and share of empty sets.

    Over the rows that have a set. Coverage given the class shows what an overall
    coverage hides: a rare class that the sets miss (Vovk, ACML 2012).
    """
    sample = block.sample
    what = "with an answer set"
    block.add_share("coverage", sample.covered, sample.has_set, what=what)
    block.add_mean("set_size", sample.set_size, sample.has_set)
    block.add_share("empty_sets", sample.set_size == 0, sample.has_set, what=what)
    if by_class:
        for k, info in enumerate(sample.classes):
            case = sample.has_set & (sample.target == k)
            block.add_share("coverage", sample.covered, case, class_code=info.code, what=f"of class {info.code} {what}")
