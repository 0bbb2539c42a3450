from __future__ import annotations

import numpy as np
import polars as pl

from cutis.evaluate.arrays import Floats
from cutis.evaluate.resampled import Statistic
from cutis.papers import metrics
from cutis.papers.claim import Claim, Metric, Trial
from cutis.papers.looks import near_others


def _index(table: pl.DataFrame) -> Statistic:
    so, both = table["so"].to_numpy(), (table["so"] + table["os"]).to_numpy()

    def value(weights: Floats) -> Floats:
        with np.errstate(invalid="ignore"):
            found: Floats = (so @ weights) / (both @ weights)
        return found

    return value


INDEX = Metric("robustness_index", "Robustness Index (SO / (SO + OS))", "higher", _index)
SAME = metrics.mean_of("so", "neighbours of the same diagnosis elsewhere")

CLAIM = Claim(
    id="robustness-index",
    title="Robustness Index",
    citation='de Jong et al., "Current pathology foundation models are unrobust to medical center differences", '
    "arXiv:2501.18055; the index as in Komen et al. (PathoROB), arXiv:2507.17845.",
    claim="Features are ordered by where a picture was made as much as by what it shows; the index says how much, and "
    "methods against it raise it.",
    idea="Among each picture's nearest neighbours in feature space, those of its diagnosis from elsewhere are counted "
    "against those of another diagnosis from the same place. Measured before and after a method, it says whether "
    "features changed or only answers.",
    equation="RI = SO / (SO + OS); SO: same diagnosis, other place; OS: other diagnosis, same place; over k neighbours",
    differences="The place is a coloured patch (phantom) or the dark corners that a device leaves (HAM10000), and the "
    "method in between is gradient reversal of that column; the paper compares foundation models between clinics.",
    where="evaluate/distance/robustness_index.py",
    use="cutis audit BUNDLE DATA --out DOSSIER --against other-source=OTHER (its distances hold the index)",
    notes={
        "phantom-patch": "Unlearning lifts the index from 0.10 to 0.36: features are still ordered by the patch "
        "more than by the diagnosis. How many neighbours are counted changes with it, as that is "
        "the number that tells diagnosis best.",
        "ham10000": "Nothing moves; dark corners and diagnosis are no better told apart. Probably the corner "
        "isn't what a picture's neighbours share, but the device and clinic behind it, whose "
        "colours stay.",
    },
    trials=(
        Trial(
            "phantom-patch",
            INDEX,
            method={"method": "lntl", "method_settings": {"column": "patch"}},
            beside=(SAME,),
            examine=near_others("patch"),
        ),
        Trial(
            "ham10000",
            INDEX,
            method={"method": "lntl", "method_settings": {"column": "dark_corner"}},
            beside=(SAME,),
            examine=near_others("dark_corner"),
        ),
    ),
)
