"""Which metrics a sample is measured by: fewer in a group than in the whole table."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

from cutis.evaluate.arrays import Bools, Floats, Ints
from cutis.evaluate.binned import BinnedBlock
from cutis.evaluate.calibration import add_adaptive_ece, add_calibration
from cutis.evaluate.classification import absent_classes, add_accuracy, add_balanced_accuracy, add_class_rates, scarcest
from cutis.evaluate.decision import DecisionBlock
from cutis.evaluate.delong import delong_interval
from cutis.evaluate.differential import add_differential, add_top_k
from cutis.evaluate.discrimination import FIXED, MALIGNANT, RankBlock
from cutis.evaluate.hierarchy import add_hierarchy
from cutis.evaluate.malignancy import add_operating_points, is_two_way, two_way
from cutis.evaluate.means import MeanBlock, Measurable
from cutis.evaluate.prevalence import add_predictive_values
from cutis.evaluate.quantities import Quantity, SumBlock
from cutis.evaluate.sample import Sample
from cutis.evaluate.selective import COVERAGES, SelectiveBlock
from cutis.evaluate.sets import add_sets


def class_blocks(
    sample: Sample,
    *,
    whole: bool,
    points: Mapping[str, float],
    sets: bool,
    prevalence: float | None,
    delong: float | None,
) -> list[Measurable]:
    """The metrics of a sample with one true class a row.

    points: thresholds on p(malignant). sets: whether the table has answer sets. prevalence: of malignancy, as stated.
    delong: level of DeLong's interval if the images are independent; None leaves AUROC to the bootstrap.
    """
    sums = SumBlock(sample)
    add_accuracy(sums)
    add_balanced_accuracy(sums)
    if sample.task == "multi-class":
        add_calibration(sums)
        if whole:
            add_adaptive_ece(sums)
    if sets:
        add_sets(sums, by_class=whole)
    if whole:
        add_class_rates(sums)
        add_top_k(sums)
        add_differential(sums)
        add_hierarchy(sums)
    fixed, areas = (FIXED, ("average_precision",)) if whole else ((), ())

    def rank(score: Floats, case: Bools, unit: Ints, code: str) -> RankBlock:
        block = RankBlock(score, case, unit, sample.n_units, code, fixed, areas)
        if delong is not None:
            block.quantities[0] = with_delong(block.quantities[0], score, case, delong)
        return block

    ranks = [rank(sample.p[:, k], sample.case(k), sample.unit, c.code) for k, c in enumerate(sample.classes)]
    blocks: list[Measurable] = [sums, macro_auroc(sample, ranks)]
    if sample.task == "multi-class":
        blocks.append(SelectiveBlock(sample, COVERAGES if whole else ()))
        if whole:
            blocks.append(BinnedBlock(sample))
    if is_two_way(sample.classes):
        question = two_way(sample)
        rows = question.rows
        blocks.append(rank(question.score[rows], question.case[rows], sample.unit[rows], MALIGNANT))
        if sample.task == "multi-class":
            add_operating_points(sums, question, points)
            if whole:
                add_predictive_values(sums, question, points, prevalence)
                blocks.append(DecisionBlock(sample, question, prevalence))
    return blocks


def macro_auroc(sample: Sample, ranks: list[RankBlock]) -> MeanBlock:
    """The classes' ranks, and the mean of the AUROCs of those that can be ranked, which a remark counts."""
    each = len(ranks[0].quantities) if ranks else 1
    present = [k for k in range(len(ranks)) if sample.case(k).any() and not sample.case(k).all()]
    quantity = Quantity(
        metric="macro_auroc",
        n=len(sample),
        n_units=sample.n_units,
        needs=(("", sample.n_units),),
        remark=absent_classes(sample, present),
        scarce=scarcest(sample),
    )
    return MeanBlock(ranks, [(quantity, [each * k for k in range(len(ranks))])], sample.n_units)


def with_delong(quantity: Quantity, score: Floats, case: Bools, level: float) -> Quantity:
    """The quantity with DeLong's interval, which its remark names; unchanged where there is none."""
    limits = delong_interval(score, case, level)
    if limits is None:
        return quantity
    return replace(quantity, limits=limits, remark="interval by DeLong's formula, as the images are independent")
