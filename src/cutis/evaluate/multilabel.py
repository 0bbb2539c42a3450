"""Tables in which each class is its own yes or no: an image may show several findings, or none of them."""

from __future__ import annotations

import numpy as np

from cutis.evaluate.discrimination import FIXED, RankBlock
from cutis.evaluate.means import MeanBlock, Measurable
from cutis.evaluate.quantities import Quantity, SumBlock
from cutis.evaluate.sample import Sample

YES = 0.5  # a label is answered "yes" from this probability


def multilabel_blocks(sample: Sample, *, whole: bool) -> list[Measurable]:
    """exact_match (all labels right), label_accuracy (1 - Hamming loss), macro_auroc, macro_average_precision, refused;
    and for the whole table each label's sensitivity, specificity, auroc, average_precision and rates at fixed ones.

    Labels are answered by "p >= 0.5". A label that no image has, or that all have, can't be ranked and is left out of
    the means, which the remark counts. Sources: Tsoumakas, Katakis & Vlahavas, Data Mining and Knowledge Discovery
    Handbook, 2010, section 4.1.
    """
    assert sample.labels is not None
    labels, called = sample.labels, sample.p >= YES
    every = np.ones(len(sample), bool)
    sums = SumBlock(sample)
    sums.add_share("exact_match", (labels == called).all(1), every)
    sums.add_mean("label_accuracy", (labels == called).mean(1), every)
    sums.add_share("refused", sample.refused, every)
    ranks = []
    for k, info in enumerate(sample.classes):
        case = labels[:, k]
        if whole:
            sums.add_share("sensitivity", called[:, k], case, class_code=info.code, what=f"with {info.code}")
            sums.add_share("specificity", ~called[:, k], ~case, class_code=info.code, what=f"without {info.code}")
        fixed = FIXED if whole else ()
        ranks.append(
            RankBlock(sample.p[:, k], case, sample.unit, sample.n_units, info.code, fixed, ("average_precision",))
        )
    own = [*sums.quantities, *(q for rank in ranks for q in rank.quantities)]
    lost = [c.code for k, c in enumerate(sample.classes) if labels[:, k].all() or not labels[:, k].any()]
    counts = [
        (f"{which} {c.code}", sample.units_in(rows))
        for k, c in enumerate(sample.classes)
        if c.code not in lost
        for which, rows in (("with", labels[:, k]), ("without", ~labels[:, k]))
    ]
    remark = f"over {len(ranks) - len(lost)} of {len(ranks)} labels ({', '.join(lost)} can't be ranked here)"
    means = [
        (
            Quantity(
                metric=f"macro_{name}",
                n=len(sample),
                n_units=sample.n_units,
                needs=(("", sample.n_units),),
                remark=remark if lost else "",
                scarce=min(counts, key=lambda count: count[1], default=None),
                undefined="no label is both present and absent here",
            ),
            [i for i, q in enumerate(own) if q.metric == name],
        )
        for name in ("auroc", "average_precision")
    ]
    return [MeanBlock([sums, *ranks], means, sample.n_units)]
