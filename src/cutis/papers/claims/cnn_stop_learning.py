from __future__ import annotations

from pathlib import Path

import polars as pl

from cutis.bundle.load import read_card
from cutis.papers import metrics
from cutis.papers.claim import Claim, Made, Trial
from cutis.papers.trial import predicted

PASSES = metrics.mean_of("passes", "passes over the training images", "lower", "passes")
LONG = {"epochs": 20}  # long enough that there is something to save


def with_passes(bundle: Path, made: Made) -> pl.DataFrame:
    """Predictions of the test images, and how many passes over the training images the run made."""
    return predicted(bundle, made).with_columns(passes=pl.lit(float(read_card(bundle).trained["epochs"])))


CLAIM = Claim(
    id="cnn-stop-learning",
    title="Stopping by the data's variation in the layers",
    citation='Ahmad, Trahan & Islam, "When do convolutional neural networks stop learning?", arXiv:2403.02473.',
    claim="Training can stop, without validation images, when the standard deviations of the data in all layers no "
    "longer change: 44 % of the time is saved on MedMNIST at the same accuracy.",
    idea="While a layer learns, the spread of what it passes on moves; rounded to two decimals and equal over five "
    "epochs in every layer, it has come to rest.",
    equation="stop after epoch e if round(mean_t sigma(X_n^t), 2) is the same for e - 4 .. e, in every layer n",
    differences="Every layer's output counts, as it enters the next, where they chose five; under our cosine schedule "
    "the learning rate is not yet 0 where it stops. Holds means fewer passes; look at the accuracy beside it.",
    where="train/objectives/stop_learning.py",
    use="cutis train DATA --out RUN --epochs 100 --method stop-learning [--set decimals=2] [--set epochs=5]",
    notes={
        "phantom": "It never stopped in 20 passes. The layers are nearly at rest: over the last five epochs "
        "of the run looked at two of twelve still move, by one step of rounding, and all must "
        "rest at once, where the paper watches five. To one decimal it stops after 15 passes, "
        "with 0.02 [-0.05, 0.02] less accuracy.",
        "ham10000": "It never stopped in 20 passes, as in the phantom: in the run looked at four of twelve "
        "layers move by one step of rounding. To one decimal it stops after 15 passes, with 0.01 "
        "[-0.09, 0.06] less accuracy.",
    },
    trials=tuple(
        Trial(
            world,
            PASSES,
            method={**LONG, "method": "stop-learning"},
            baseline=LONG,
            beside=(metrics.BALANCED_ACCURACY,),
            examine=with_passes,
        )
        for world in ("phantom", "ham10000")
    ),
)
