"""The pieces of a run, put together: cache, network, objective, feed, trainer; then the bundle."""

from __future__ import annotations

import logging
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import torch
from lightning.fabric import Fabric

from cutis.bundle.fit import MOST_TRAINING, Choice
from cutis.bundle.freeze import freeze
from cutis.bundle.limits import Limit
from cutis.data.cache import open_cache
from cutis.data.dataset import Dataset
from cutis.data.split import Split
from cutis.errors import CutisError
from cutis.files import without_paths
from cutis.models.network import Network, build, load_weights, weights_licence
from cutis.models.structures import structured
from cutis.progress import meter, track
from cutis.schema.licence import check_use, compose
from cutis.train.config import TrainConfig
from cutis.train.feed import Feed, Normalise
from cutis.train.loop import Budget, Seconds, Steps, Trainer
from cutis.train.objectives import objective as make_objective
from cutis.train.objectives.base import Objective, TrainingData
from cutis.train.objectives.grouping import check_columns, unseen_groups
from cutis.train.precision import Chosen, choose
from cutis.train.validate import Validation, score_units

# Kept back from `minutes` for freezing, which takes about as long on 2 cores: at most this share, these seconds and the
# time of the training images that are run again, of which so many are done in a second.
FREEZE_SHARE, FREEZE_SECONDS, FREEZE_RATE = 0.4, 40.0, 250.0


@dataclass(frozen=True)
class Pieces:
    """What a run is made of. config: with "auto" settled. precision: what it computes in, and why. codes: classes that
    occur, in the card's order. notes: what a reader of its bundle must know.
    """

    config: TrainConfig
    precision: Chosen
    codes: list[str]
    mean: tuple[float, ...]
    std: tuple[float, ...]
    fabric: Fabric
    network: Network
    objective: Objective
    feed: Feed
    validation: Validation | None
    notes: tuple[str, ...] = ()


def assemble(
    data: Dataset, parts: Split, config: TrainConfig, kept: Chosen | None = None, *, begun: bool = False
) -> Pieces:
    """Everything a run needs, checked; nothing is written but the cache. kept: the precision that a run which is
    resumed has. begun: it has a checkpoint, so that the weights it started from aren't needed. Raises CutisError."""
    if config.precision == "auto":
        computing = kept or choose(config.accelerator)
        config = config.model_copy(update={"precision": computing.precision})
    else:
        computing = kept or Chosen(config.precision, "as asked for")
    data.check_use(config.use)
    if licence := weights_licence(config.backbone, config.pretrained):
        check_use(compose({f"weights of {config.backbone}": licence}), config.use)
    table, codes = training_table(data, parts)
    part = {name: table.filter(pl.col("part") == name) for name in ("train", "val")}
    number = {code: i for i, code in enumerate(codes)}

    def targets(rows: pl.DataFrame) -> np.ndarray:
        return rows["target"].replace_strict(number, return_dtype=pl.Int64).to_numpy()

    def pixels(name: str, size: int) -> np.ndarray:
        ids = part[name]["image_id"].to_list()
        return open_cache(data, ids, size, constancy=config.constancy, progress=track).images

    objective = make_objective(config.method, **config.method_settings)
    check_columns(objective.columns, table.columns, f"{data.path}: method {config.method}", data=str(data.path))
    if config.patience is not None and not len(part["val"]):
        raise CutisError(f"{data.path}: early stopping (--patience) needs a validation part; split with --val above 0.")
    torch.manual_seed(config.seed)

    def plain() -> Network:
        made = build(config.backbone, len(codes), dropout=config.dropout, pretrained=config.pretrained)
        if config.weights and not begun:
            load_weights(made, config.weights)
        return made

    network = structured(config.structure, plain, **config.structure_settings)

    images = pixels("train", config.cache_size)
    mean, std = pixel_statistics(images)
    groups = part["train"]["group"].to_numpy()
    training = TrainingData(part["train"], targets(part["train"]), codes, groups, mean, std)
    objective.prepare(training, network)
    precision: Any = config.precision
    for talkative in ("lightning.fabric", "lightning.pytorch"):
        logging.getLogger(talkative).setLevel(logging.WARNING)
    fabric = Fabric(accelerator=config.accelerator, devices=1, precision=precision)
    normalise = Normalise(mean, std, fabric.device)
    feed = Feed(
        images,
        training,
        objective,
        normalise,
        size=config.size,
        batch_size=config.batch_size,
        augmentation=config.augmentation,
        seed=config.seed,
        suite=config.augment_suite,
    )
    validation = None
    if len(part["val"]):
        validation = Validation(pixels("val", config.size), targets(part["val"]), score_units(part["val"]), normalise)
    rest = table.filter(pl.col("part") != "train")
    notes = tuple(note for column in objective.columns for note in unseen_groups(column, part["train"], rest))
    return Pieces(config, computing, codes, mean, std, fabric, network, objective, feed, validation, notes)


def work(pieces: Pieces, out: Path, started: float) -> Trainer:
    """Train, from the last checkpoint in `out` if there is one. started: `time.monotonic()` when the command began."""
    config = pieces.config
    trainer = Trainer(pieces.fabric, pieces.network, pieces.objective, pieces.feed, pieces.validation, config, out)
    resumed = trainer.resume()
    budget: Budget
    if config.minutes is not None:
        whole = config.minutes * 60
        spent = 0.0 if resumed else time.monotonic() - started
        freezing = FREEZE_SECONDS + min(len(pieces.feed.data.target), MOST_TRAINING) / FREEZE_RATE
        budget = Seconds(max(1.0, whole - min(freezing, whole * FREEZE_SHARE) - spent))
    else:
        assert config.epochs is not None
        budget = Steps(config.epochs * pieces.feed.steps_per_epoch, pieces.feed.steps_per_epoch)
    with meter("training") as report:
        trainer.fit(budget, report)
    pieces.feed.close()
    return trainer


def freeze_run(pieces: Pieces, trainer: Trainer, data: Dataset, parts: Split, bundle: Path) -> Path:
    """Freeze the moving average of the weights, with the evidence of its training."""
    config, standing = pieces.config, trainer.standing
    scored = trainer.scored()
    licence = weights_licence(config.backbone, config.pretrained)
    return freeze(
        trainer.teacher.cpu(),
        bundle,
        dataset=data,
        split=parts,
        classes=[c for c in data.card.classes if c.code in pieces.codes],
        size=config.size,
        constancy=config.constancy,
        mean=pieces.mean,
        std=pieces.std,
        flips=config.flips,
        choice=Choice(ood=config.ood),
        backbone=config.backbone,
        method=config.method,
        structure=config.structure,
        structure_settings=config.structure_settings,
        weights_licence={f"weights of {config.backbone}": licence} if licence else {},
        limits=[Limit("at-chance", words)] if (words := at_chance(scored)) else [],
        trained={
            "config": without_paths(config.model_dump()),
            "precision": pieces.precision._asdict(),
            "images": len(pieces.feed.data.target),
            "steps": standing.step,
            "epochs": round(standing.step / pieces.feed.steps_per_epoch, 2),
            "seconds": round(standing.seconds, 1),
            "validation": scored,
            **({"notes": " ".join(pieces.notes)} if pieces.notes else {}),
        },
    )


def training_table(data: Dataset, parts: Split) -> tuple[pl.DataFrame, list[str]]:
    """Usable, labelled rows by image_id, with `part` and `group`; and the codes that occur, in the card's order.

    Raises CutisError if fewer than two classes occur, or one that occurs has no training image.
    """
    table = data.usable().drop_nulls("target").join(parts.table, on="image_id", how="inner").sort("image_id")
    present = set(table["target"].unique().to_list())
    codes = [code for code in data.codes if code in present]
    if len(codes) < 2:
        raise CutisError(f"{data.path}: only one class ({', '.join(codes) or 'none'}); a classifier needs two or more.")
    trained = set(table.filter(pl.col("part") == "train")["target"].unique().to_list())
    untrained = [code for code in codes if code not in trained]
    if untrained:
        raise CutisError(f"{data.path}: class {untrained[0]} has no training image. Split again, or drop the class.")
    return table, codes


def pixel_statistics(images: np.ndarray, most: int = 512) -> tuple[tuple[float, ...], tuple[float, ...]]:
    """Mean and standard deviation of each channel, in 0..1, over at most `most` evenly spaced images."""
    chosen = images[:: max(1, len(images) // most)][:most].reshape(-1, 3).astype(np.float64) / 255
    return tuple(chosen.mean(0).round(6).tolist()), tuple(np.maximum(chosen.std(0), 0.01).round(6).tolist())


def at_chance(scored: dict[str, Any]) -> str:
    """What to say of a model that validation can't tell from chance, or ""."""
    if not scored or scored["above_chance"]:
        return ""
    accuracy, chance, units = scored["balanced_accuracy"], scored["chance"], f"{scored['units']:,} validation"
    if accuracy <= chance:
        return (
            f"No better than chance: balanced accuracy {accuracy:.3f} of {units} {scored['unit']}s, where answers that "
            f"know nothing have {chance:.3f}. It has learned nothing that can be seen; don't use its answers."
        )
    return (
        f"Not told from chance: balanced accuracy {accuracy:.3f} of {units} {scored['unit']}s, where answers that know "
        f"nothing have {chance:.3f} on average and do as well in {scored['p_chance']:.0%} of tries."
    )
