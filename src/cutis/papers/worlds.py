"""Where claims are put to the test: phantoms with a bias that is known because it was planted, and real photographs.

Every world has what a method may learn from (columns of its manifest), a test part without the bias, and where a bias
was planted an oracle: as many training images without it. Column `bias` says of an image whether its class and its
nuisance go together as the bias has them ("with") or not ("against"). A world in which the baseline shows no gap, or
the oracle doesn't close it, can show nothing: `cutis papers worlds` looks.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import polars as pl

from cutis.data.columns import add_columns
from cutis.data.dataset import Dataset
from cutis.data.split import split
from cutis.errors import CutisError
from cutis.files import atomic_folder
from cutis.papers.claim import Made
from cutis.papers.derived import link_pictures
from cutis.phantom.dataset import make_dataset

DARK_BELOW = 12.5  # degrees ITA, between the phantom's "dark_skin" and its light one
HAM_LESIONS = 2500  # of 7,470: what trains in a minute or so on one core


@dataclass(frozen=True)
class World:
    """words: what it is. make: (folder, scale, source) puts into the folder `train`, split, and where they aren't its
    own test part, `test` and `oracle`. scale: share of its images. real: of the photographs in `source`.
    """

    name: str
    words: str
    make: Callable[[Path, float, Path | None], None]
    real: bool = False


def opened(world: World, folder: Path, scale: float, source: Path | None) -> Made:
    """The world in `folder`, made there unless it was before. Raises CutisError for a real world without its data."""
    if not folder.is_dir():
        with atomic_folder(folder) as partial:
            world.make(partial, scale, source)
    train = Dataset.load(folder / "train")
    if not (folder / "test").is_dir():
        return Made(train, train, "test", None, SETTINGS, folder)
    return Made(train, Dataset.load(folder / "test"), None, Dataset.load(folder / "oracle"), SETTINGS, folder)


SETTINGS: dict[str, Any] = {"size": 64, "epochs": 10, "batch_size": 64, "warmup_steps": 30, "precision": "32-true"}


def _planted(
    folder: Path, scale: float, *, bias: str, even: str, images: int, columns: Callable[[pl.DataFrame], pl.DataFrame]
) -> None:
    """Melanomas and naevi: trained under `bias`, tested and taught to the oracle under `even`."""

    def drawn(name: str, n: int, planted: str, seed: int) -> Dataset:
        made = make_dataset(
            folder / name, round(n * scale), size=80, seed=seed, classes=["mel", "nv"], balance="equal", bias=[planted]
        )
        return add_columns(made, columns(made.manifest))

    for each in (drawn("train", images, bias, 1), drawn("oracle", images, even, 1)):
        split(each, test=0.02, val=0.1, seed=0)
    drawn("test", images // 2, even, 2)


def _with(
    folder: Path, scale: float, source: Path | None, *, shows: str, column: str, among: str, share: float
) -> None:
    """An artefact in `share` of the training pictures of class `among`, and in 1 - share of the other's."""
    other = {"mel": "nv", "nv": "mel"}[among]

    def columns(manifest: pl.DataFrame) -> pl.DataFrame:
        there = pl.col(f"shows_{shows}")
        agrees = there == (pl.col("target") == among)
        return manifest.select(
            "image_id",
            pl.when(there).then(pl.lit(column)).otherwise(pl.lit("none")).alias(column),
            pl.when(agrees).then(pl.lit("with")).otherwise(pl.lit("against")).alias("bias"),
        )

    plan = {"bias": f"{shows}:{among}={share},{other}={1 - share:.2g}", "even": f"{shows}:{among}=0.5,{other}=0.5"}
    _planted(folder, scale, **plan, images=2400, columns=columns)


def _tone(folder: Path, scale: float, source: Path | None) -> None:
    def columns(manifest: pl.DataFrame) -> pl.DataFrame:
        dark = pl.col("phantom_ita") < DARK_BELOW
        agrees = dark == (pl.col("target") == "nv")
        return manifest.select(
            "image_id",
            pl.when(dark).then(pl.lit("dark")).otherwise(pl.lit("light")).alias("tone"),
            pl.when(agrees).then(pl.lit("with")).otherwise(pl.lit("against")).alias("bias"),
        )

    plan = {"bias": "dark_skin:mel=0.03,nv=0.5", "even": "dark_skin:mel=0.5,nv=0.5"}
    _planted(folder, scale, **plan, images=2400, columns=columns)


def _plain(folder: Path, scale: float, source: Path | None) -> None:
    made = make_dataset(folder / "train", round(4000 * scale), size=80, seed=1, balance="ham10000")
    split(made, test=0.35, val=0.08, seed=0)


def _ham(folder: Path, scale: float, source: Path | None) -> None:
    if source is None or not (source / "dataset.json").is_file():
        raise CutisError(
            f"--data {source or 'not given'}: the real world needs HAM10000 as a dataset folder. Make one with: "
            "cutis import SOURCE data/ham10000 --as ham10000"
        )
    from cutis.papers.nuisances import nuisances

    real = Dataset.load(source)
    lesions = real.usable()["lesion_id"].unique().drop_nulls().sort()
    chosen = lesions.sample(min(len(lesions), round(HAM_LESIONS * scale)), seed=0, shuffle=True)
    rows = real.usable().filter(pl.col("lesion_id").is_in(chosen.implode()))
    train = folder / "train"
    train.mkdir()
    link_pictures(real, train)
    part = Dataset(train, real.card, rows).save_into(train)
    split(add_columns(part, nuisances(part)), test=0.35, val=0.08, seed=0)


WORLDS: dict[str, World] = {
    w.name: w
    for w in (
        World("phantom", "Seven classes in HAM10000's shares, no bias planted.", _plain),
        World(
            "phantom-patch",
            "Melanomas and naevi; a coloured patch in 90 % of the naevi's training pictures and 10 % of the "
            "melanomas', in half of each when tested.",
            partial(_with, shows="colour_patch", column="patch", among="nv", share=0.9),
        ),
        World(
            "phantom-hair",
            "Melanomas and naevi; hair in 99 % of the melanomas' training pictures and 1 % of the naevi's, in half of "
            "each when tested.",
            partial(_with, shows="hair", column="hair", among="mel", share=0.99),
        ),
        World(
            "phantom-tone",
            "Melanomas and naevi; 3 % of the melanomas but half of the naevi are on dark skin in training, half of "
            "each when tested.",
            _tone,
        ),
        World("ham10000", f"{HAM_LESIONS:,} lesions of HAM10000, split by lesion.", _ham, real=True),
    )
}
