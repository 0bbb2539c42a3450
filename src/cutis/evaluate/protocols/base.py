"""What a protocol is, and the pieces that several share."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import partial

import numpy as np
import polars as pl

from cutis.evaluate.arrays import Bools, Floats
from cutis.evaluate.classification import scarcest
from cutis.evaluate.discrimination import RankBlock
from cutis.evaluate.malignancy import is_two_way, two_way
from cutis.evaluate.means import MeanBlock, Measurable
from cutis.evaluate.quantities import Quantity, SumBlock, ratio
from cutis.evaluate.sample import Sample


@dataclass(frozen=True)
class ChallengeScore:
    """One challenge's scores.

    source: the challenge and its scorer, in words. main: the metric that ranks entries. codes: the classes that it
    scores, () where any will do. block: the scores of a sample; raises CutisError where the classes don't allow them.
    """

    name: str
    source: str
    main: str
    codes: tuple[str, ...]
    block: Callable[[Sample], Measurable]

    def notes(self, sample: Sample) -> list[str]:
        """What a reader must know before setting the score beside a leaderboard's."""
        found = [f"Scored by the rules of {self.source}; {self.name}:{self.main} is what ranks entries."]
        held = {c.code.casefold() for c in sample.classes}
        if self.codes and held != {c.casefold() for c in self.codes}:
            found.append(
                f"{self.name} scores the classes {', '.join(self.codes)}; this file has "
                f"{', '.join(c.code for c in sample.classes)}, so its scores follow the rules but don't compare with "
                "the leaderboard's."
            )
        if (sample.ids == WITHDRAWN).any():
            found.append(f"{WITHDRAWN} weighs nothing in its scores: the challenge withdrew the image.")
        return found


WITHDRAWN = "ISIC_0035068"


def undecided_is_wrong(sample: Sample) -> Bools:
    """(n,) whether the true class alone has the largest score: a tie for the maximum is "undecided", and wrong.

    Source: isic-challenge-scoring, metrics.py. argmax would take the first of those that tie.
    """
    if not len(sample):
        return np.zeros(0, bool)
    top = sample.p.max(1, keepdims=True)
    own = sample.p[np.arange(len(sample)), sample.target]
    right: Bools = (own == top[:, 0]) & ((sample.p == top).sum(1) == 1)
    return right


def row_weights(sample: Sample) -> Floats:
    """(n,) the challenge's weight of each image: column score_weight, else 1.

    As in the scorer, ISIC_0035068 weighs nothing, whatever its weight: the image was withdrawn from the test set of
    ISIC 2018 (isic-challenge-scoring, load_csv.py).
    """
    there = (sample.ids != WITHDRAWN).cast(pl.Float64).to_numpy()
    return there if sample.weight is None else there * sample.weight


def binary_score(sample: Sample, names: Sequence[str]) -> tuple[Floats, Bools, Bools] | None:
    """(score, case, rows) of the one question that a two-way challenge asks, or None if the classes don't hold it.

    Malignant against benign if the classes say which they are, else the class called one of `names` against the rest.
    """
    if is_two_way(sample.classes) and sample.labels is None:
        question = two_way(sample)
        return question.score, question.case, question.rows
    for k, c in enumerate(sample.classes):
        if {c.code.casefold(), c.name.casefold()} & set(names):
            return sample.p[:, k], sample.case(k), np.ones(len(sample), bool)
    return None


def overall(
    sample: Sample,
    metric: str,
    *,
    remark: str = "",
    scarce: tuple[str, int] | None = None,
    weight: Floats | None = None,
) -> Quantity:
    """A quantity that rests on every row that weighs anything. scarce: as in `Quantity`."""
    rows = np.ones(len(sample), bool) if weight is None else weight > 0
    units = sample.units_in(rows)
    return Quantity(metric=metric, n=int(rows.sum()), n_units=units, needs=(("", units),), remark=remark, scarce=scarce)


def renamed(block: RankBlock, prefix: str, names: dict[str, str]) -> RankBlock:
    """The block with its metrics called as the challenge calls them."""
    block.quantities = [replace(q, metric=prefix + names[q.metric]) for q in block.quantities]
    return block


AREA_NAMES = {"auroc": "auc", "auc_above_sensitivity_0.80": "auc_sens_80", "average_precision": "ap"}
RATES = ("accuracy", "sensitivity", "specificity", "dice", "ppv", "npv")


def category_scores(sample: Sample, prefix: str, chosen: Sequence[int]) -> MeanBlock:
    """The scorer's numbers of each category, one against the rest, and their means over categories (macro_...).

    accuracy, sensitivity, specificity, dice, ppv, npv of "score > 0.5"; auc, auc_sens_80, ap. Where a rate has nothing
    to divide by, the scorer counts it as 1, and so is done here, with a remark. chosen: class numbers.
    Source: isic-challenge-scoring, classification.py and metrics.py.
    """
    weight = row_weights(sample)
    sums = SumBlock(sample)
    ranks = []
    for k in chosen:
        code, case, called = sample.classes[k].code, sample.case(k), sample.p[:, k] > 0.5
        tp, fp, tn, fn = (
            weight * (a & b) for a, b in ((case, called), (~case, called), (~case, ~called), (case, ~called))
        )
        for rate, (above, below, what) in zip(
            RATES,
            (
                (tp + tn, tp + tn + fp + fn, ""),
                (tp, tp + fn, f"of class {code}"),
                (tn, tn + fp, f"of classes other than {code}"),
                (2 * tp, 2 * tp + fp + fn, f"that are or are called {code}"),
                (tp, tp + fp, f"called {code}"),
                (tn, tn + fn, f"not called {code}"),
            ),
            strict=True,
        ):
            free = "" if below.any() else "nothing to divide by, which the scorer counts as 1"
            rests = (what, sample.units_in(below > 0))
            quantity = overall(sample, prefix + rate, remark=free, scarce=rests, weight=weight)
            sums.add(replace(quantity, class_code=code), [above, below], ratio_or_one)
        rank = RankBlock(
            sample.p[:, k], case, sample.unit, sample.n_units, code, areas=tuple(AREA_NAMES)[1:], weight=weight
        )
        ranks.append(renamed(rank, prefix, AREA_NAMES))
    own = [*sums.quantities, *(q for rank in ranks for q in rank.quantities)]
    lost = [sample.classes[k].code for k in chosen if not weight[sample.case(k)].any()]
    remark = (
        f"over {len(chosen) - len(lost)} of {len(chosen)} categories (none of {', '.join(lost)} here)" if lost else ""
    )
    means = []
    for name in (*RATES, *AREA_NAMES.values()):
        rows = [i for i, q in enumerate(own) if q.metric == prefix + name]
        said = remark if name in AREA_NAMES.values() else ""
        thinnest = _scarcest([own[i] for i in rows if own[i].class_code not in lost])
        means.append((overall(sample, f"{prefix}macro_{name}", remark=said, scarce=thinnest, weight=weight), rows))
    return MeanBlock([sums, *ranks], means, sample.n_units)


def _scarcest(quantities: Sequence[Quantity]) -> tuple[str, int] | None:
    """What the thinnest of some quantities rests on."""
    counts = [c for q in quantities for c in (*q.needs, *([q.scarce] if q.scarce is not None else []))]
    return min(counts, key=lambda count: count[1], default=None)


def ratio_or_one(sums: Floats) -> Floats:
    """(2, r) sums -> (r,) ratios, 1 where there is nothing to divide by."""
    value: Floats = np.divide(sums[0], sums[1], out=np.ones(sums.shape[1]), where=sums[1] > 0)
    return value


def balanced_accuracy(sample: Sample, prefix: str) -> SumBlock:
    """Balanced multi-class accuracy: the mean of the categories' recalls, with ties as `undecided_is_wrong`.

    Categories without images are left out of the mean, which a remark says.
    """
    weight, right = row_weights(sample), undecided_is_wrong(sample)
    block = SumBlock(sample)
    present = [k for k in range(len(sample.classes)) if weight[sample.case(k)].any()]
    lost = [c.code for k, c in enumerate(sample.classes) if k not in present]
    columns = []
    for k in present:
        columns += [weight * (sample.case(k) & right), weight * sample.case(k)]
    said = f"over {len(present)} of {len(sample.classes)} categories (none of {', '.join(lost)} here)" if lost else ""
    tied = int(((sample.p == sample.p.max(1, keepdims=True)).sum(1) > 1).sum()) if len(sample) else 0
    if tied:
        said += ("; " if said else "") + f"{tied} images have no single largest score, and count as wrong"
    block.add(
        overall(sample, f"{prefix}balanced_accuracy", remark=said, scarce=scarcest(sample, weight), weight=weight),
        columns,
        partial(_mean_recall, n=len(present)),
    )
    return block


def _mean_recall(sums: Floats, n: int) -> Floats:
    if not n:
        return np.full(sums.shape[1], np.nan)
    recalls: Floats = np.mean([ratio(sums[2 * i : 2 * i + 2]) for i in range(n)], axis=0)
    return recalls
