from __future__ import annotations

from pathlib import Path

import polars as pl

from cutis.bundle.load import read_card
from cutis.papers import metrics
from cutis.papers.claim import Claim, Made, Trial
from cutis.papers.trial import predicted

COSTS = "mel>*=10,bcc>*=5,akiec>*=5,*>mel=2"
COST = metrics.mean_of("cost", "mean cost of a test image", "lower", "cost")


def priced(bundle: Path, made: Made) -> pl.DataFrame:
    """Predictions of the test images, and what each answer costs."""
    from cutis.train.objectives.cost_sensitive import cost_matrix

    table, codes = predicted(bundle, made), [c.code for c in read_card(bundle).classes]
    matrix = cost_matrix(COSTS, codes).numpy()
    truth, answer = ([codes.index(code) for code in table[column]] for column in ("target", "predicted"))
    return table.with_columns(cost=pl.Series(matrix[truth, answer].astype(float)))


CLAIM = Claim(
    id="cost-sensitive",
    title="Cost-sensitive learning",
    citation='Galdran et al., "Cost-sensitive regularization for diabetic retinopathy grading from eye fundus images", '
    "MICCAI 2020, arXiv:2010.00291.",
    claim="A term for the expected cost of an answer makes the errors that matter rarer.",
    idea="Missing a melanoma costs more than seeing one too many, so a matrix says what each error costs, and what the "
    "network's answer costs on average is added to its loss.",
    equation="l + strength sum over k of C[y, k] p_k",
    differences="Our costs are made up (10 for a missed melanoma, 5 for a missed carcinoma, 2 for a melanoma too many, "
    "else 1), theirs grow with the distance of grades. Neither arm adjusts logits for the classes' frequency: the "
    "paper doesn't, and that is another opinion of what errors cost.",
    where="train/objectives/cost_sensitive.py",
    use='cutis train DATA --out RUN --method cost-sensitive --set "costs=mel>*=10,*>mel=2"',
    notes={
        "phantom": "A cheaper mix of errors, 1.42 instead of 1.55; balanced accuracy pays 0.02 for it, with "
        "an interval below zero.",
        "ham10000": "The cost of an answer falls by a quarter, from 1.36 to 1.00, and balanced accuracy is no "
        "lower. Both arms learn without adjustment for rare classes; the costs do some of what "
        "that would.",
    },
    trials=tuple(
        Trial(
            world,
            COST,
            method={"method": "cost-sensitive", "method_settings": {"costs": COSTS, "tau": 0.0}},
            baseline={"method_settings": {"tau": 0.0}},
            beside=(metrics.BALANCED_ACCURACY,),
            examine=priced,
        )
        for world in ("phantom", "ham10000")
    ),
)
