"""ISIC 2024 (SLICE-3D): partial AUC above a sensitivity of 0.80; malignancies among a patient's top 15."""

from __future__ import annotations

import numpy as np

from cutis.evaluate.arrays import Bools, Floats, Ints
from cutis.evaluate.means import MeanBlock
from cutis.evaluate.protocols.base import ChallengeScore, binary_score
from cutis.evaluate.protocols.isic2020 import NAMES, two_way_rank
from cutis.evaluate.quantities import Quantity, SumBlock, ratio
from cutis.evaluate.sample import Sample

TOP = 15
_PREFIX = "isic2024:"


def _block(sample: Sample) -> MeanBlock:
    """pauc (0..0.2, above TPR 0.80; the draft's 0.88 is superseded), auc, and the two of `add_retrieval`."""
    ranks = two_way_rank(sample, "isic2024", {"pauc_above_tpr_0.80": "pauc"})
    retrieval = SumBlock(sample)
    question = binary_score(sample, NAMES)
    if question is not None and sample.patient is not None:
        add_retrieval(retrieval, *question)
    return MeanBlock([ranks, *([retrieval] if retrieval.quantities else [])], [], sample.n_units)


def add_retrieval(block: SumBlock, score: Floats, case: Bools, rows: Bools) -> None:
    """Of the malignancies of patients who have one, how many are among their patient's 15 highest scores.

    top15_sensitivity: share of malignancies. top15_by_patient: mean over patients of their share, which is what the
    prize was ranked by. Where scores tie for the last places, each takes its chance of one (the scorer takes the first
    in the file). Source: ISIC-Research/Challenge-2024-Metrics, SecondaryMetric-TopNSensitivity.py.
    """
    sample = block.sample
    assert sample.patient is not None
    asked = rows & (sample.patient >= 0)
    found = np.zeros(len(sample))
    found[asked] = in_top(score[asked], sample.patient[asked], TOP)
    sick = asked & case
    patients = np.maximum(sample.patient, 0)
    of_patient = np.bincount(patients[sick], minlength=int(patients.max(initial=0)) + 1)[patients]
    share = np.divide(1.0, of_patient, out=np.zeros(len(sample)), where=sick & (of_patient > 0))
    units = sample.units_in(sick)
    for name, weight in ((f"top{TOP}_sensitivity", sick.astype(np.float64)), (f"top{TOP}_by_patient", share)):
        quantity = Quantity(
            metric=_PREFIX + name,
            n=int(sick.sum()),
            n_units=units,
            needs=(("with a malignancy of a known patient", units),),
            undefined="no malignancy of a known patient",
        )
        block.add(quantity, [weight * found, weight], ratio)


def in_top(score: Floats, group: Ints, top: int) -> Floats:
    """(n,) chance of being among the `top` highest scores of one's group; below 1 and above 0 only where scores tie."""
    order = np.lexsort((-score, group))
    g, s = group[order], score[order]
    start = np.append(True, g[1:] != g[:-1])
    place = np.arange(len(g)) - np.maximum.accumulate(np.where(start, np.arange(len(g)), 0))
    tie = np.append(True, start[1:] | (s[1:] != s[:-1]))
    run = np.cumsum(tie) - 1
    first = place[tie][run]
    length = np.bincount(run, minlength=1)[run]
    chance = np.empty(len(score))
    chance[order] = np.clip((top - first) / length, 0.0, 1.0)
    return chance


PROTOCOL = ChallengeScore(
    name="isic2024",
    source="ISIC 2024 (Kurtansky et al., SLICE-3D, Scientific Data 11, 2024; ISIC-Research/Challenge-2024-Metrics)",
    main="pauc",
    codes=(),
    block=_block,
)
