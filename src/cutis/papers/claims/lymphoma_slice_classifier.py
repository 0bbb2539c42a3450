from __future__ import annotations

from pathlib import Path

import polars as pl

from cutis.data.dataset import Dataset
from cutis.errors import CutisError
from cutis.papers import metrics
from cutis.papers.claim import Claim, Made, Settings, Trial
from cutis.papers.derived import derived, with_parts
from cutis.papers.trial import predicted

ALONE = pl.coalesce("lesion_id", "image_id")  # a picture without a known lesion is one of its own


def leaky(made: Made, settings: Settings, seed: int) -> tuple[Settings, Dataset]:
    """Of each test lesion one picture stays; its others are learned from, in place of as many training pictures."""
    rows = with_parts(made.train).sort("image_id").with_columns(lesion=ALONE)
    again = (pl.col("part") == "test") & (pl.int_range(pl.len()).over("part", "lesion") > 0)
    moved = rows.filter(again)
    if not len(moved):
        raise CutisError(f"{made.train.path}: no test lesion has a second picture, so nothing can leak.")
    train = rows.filter(pl.col("part") == "train")
    replaced = train.sample(min(len(moved), len(train) // 2), seed=0)["image_id"]
    rows = rows.with_columns(part=pl.when(again).then(pl.lit("train")).otherwise("part"))
    rows = rows.filter(~pl.col("image_id").is_in(replaced.implode())).drop("lesion")
    return settings, derived(made, "leaky", rows, close=("image",))


def one_a_lesion(bundle: Path, made: Made) -> pl.DataFrame:
    """Predictions of the first test picture of each lesion; `leaked` says whether another is learned from."""
    table = predicted(bundle, made).sort("image_id").with_columns(lesion=ALONE)
    several = pl.when(pl.len().over("lesion") > 1).then(pl.lit("yes")).otherwise(pl.lit("no"))
    return table.with_columns(several.alias("leaked")).unique("lesion", keep="first", maintain_order=True)


CLAIM = Claim(
    id="lymphoma-slice-classifier",
    title="Optimism of image-level splits",
    citation='Ahamed et al., "A slice classification neural network for automated classification of axial PET/CT '
    'slices from a multi-centric lymphoma dataset", SPIE Medical Imaging 2023, arXiv:2403.07105.',
    claim="A split by slice instead of by patient makes the same network look better than it is.",
    idea="Pictures of one patient resemble each other, so if some are learned from, others are recognised, not "
    "diagnosed. The difference between both splits on the same test pictures is the optimism.",
    equation="optimism = a(test | its patients' other pictures learned) - a(test | not), with as many images learned",
    differences="Photographs of one lesion take the place of slices of one body; the test pictures are the same in "
    "both arms, one a lesion, and so is the number of training pictures. Holds means that the optimism is "
    "there.",
    where="data/split.py",
    use="cutis split DATA --close image (never for a result; the proof then counts what crosses)",
    notes={
        "phantom": "An optimism of 0.05, with an interval that just begins above zero: ten passes learn few "
        "pictures by heart, so there is little to recognise.",
        "ham10000": "No optimism seen: a lesion of which another photograph was learned from is told no "
        "better. Ten passes at 64 pixels learn few pictures by heart; a larger network for longer "
        "was not tried.",
    },
    trials=tuple(
        Trial(
            world,
            metrics.within("leaked", "yes"),
            method={},
            beside=(metrics.BALANCED_ACCURACY,),
            examine=one_a_lesion,
            change=leaky,
        )
        for world in ("phantom", "ham10000")
    ),
)
