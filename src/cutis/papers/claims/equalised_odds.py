from __future__ import annotations

from functools import partial
from pathlib import Path

import numpy as np
import polars as pl

from cutis.papers import metrics
from cutis.papers.claim import Claim, Made, Trial
from cutis.papers.equalised_odds import equalised_odds, one_threshold
from cutis.papers.trial import predicted


def _halves(bundle: Path, made: Made) -> tuple[pl.DataFrame, pl.DataFrame]:
    """Predictions of the test part, its units dealt into those that thresholds are fitted on and those asked about."""
    table = predicted(bundle, made)
    units = table["unit"].unique().sort()
    fitted = units.gather(np.flatnonzero(np.random.default_rng(0).random(len(units)) < 0.5).tolist())
    here = pl.col("unit").is_in(fitted.implode())
    return table.filter(here), table.filter(~here)


def _as_one(bundle: Path, made: Made, column: str) -> pl.DataFrame:
    return one_threshold(*_halves(bundle, made), column)


def _by_group(bundle: Path, made: Made, column: str) -> pl.DataFrame:
    return equalised_odds(*_halves(bundle, made), column)


CLAIM = Claim(
    id="equalised-odds",
    title="A threshold a group",
    citation='Hardt, Price & Srebro, "Equality of opportunity in supervised learning", NeurIPS 2016, '
    "arXiv:1610.02413; through fairlearn (MIT).",
    claim="Thresholds chosen by group make error rates the same in all groups, without training again.",
    idea="Each group's score is cut at its own thresholds, and between two of them by chance, where the groups' ROC "
    "curves meet.",
    equation="P(said malignant | y, g) is the same for all g, y in {malignant, benign}; among such points the best "
    "balanced accuracy",
    differences="About malignant or not. It must be told the group when it is used and throws dice, so it is no "
    "part of a bundle. Fitted on half of the test part's patients or lesions and measured on the other half; the "
    "baseline has one threshold, fitted likewise.",
    where="papers/equalised_odds.py",
    use="python -c 'from cutis.papers.equalised_odds import equalised_odds; help(equalised_odds)'",
    notes={
        "phantom-tone": "Both error rates are the same on light and dark skin afterwards, at a loss of 0.02 in "
        "balanced accuracy, if any. It must be told the group of each patient and answers partly "
        "by dice.",
        "ham10000": "Nearly: the worst tone gains 0.04, with an interval that just holds zero. Few melanomas "
        "are on the darker half to set a threshold by.",
    },
    trials=(
        Trial(
            "phantom-tone",
            metrics.gap(),
            method={},
            beside=(metrics.within("bias", "against"), metrics.BALANCED_ACCURACY),
            examine=partial(_as_one, column="tone"),
            after=partial(_by_group, column="tone"),
        ),
        Trial(
            "ham10000",
            metrics.worst("tone"),
            method={},
            beside=(metrics.BALANCED_ACCURACY,),
            examine=partial(_as_one, column="tone"),
            after=partial(_by_group, column="tone"),
        ),
    ),
)
