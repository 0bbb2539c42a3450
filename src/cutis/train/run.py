"""`train`: from a dataset and a split to a frozen bundle."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
from pydantic import ValidationError

from cutis.data.dataset import Dataset
from cutis.data.split import Split, load_split
from cutis.data.split import split as make_split
from cutis.errors import CutisError, nearest
from cutis.files import read_json, write_json
from cutis.progress import meter, track
from cutis.train.config import TrainConfig

FREEZE_SHARE, FREEZE_SECONDS = 0.15, 45.0  # kept back from `minutes` for freezing: at most this share, these seconds


def train(dataset: Dataset | Path | str, out: Path | str, *, resume: bool = False, **settings: Any) -> Path:
    """Train on a dataset's split and freeze the result; returns the bundle's path, `out`/bundle.

    settings: fields of `TrainConfig` (backbone, size, minutes, epochs, seed...); without `minutes` or `epochs`, 15
    minutes. resume: go on with the run in `out`, with the settings saved there. `out` also holds config.json,
    checkpoint.pt and log.jsonl. Without a split, the source's own is adopted if it is leak-free.

    Raises CutisError for a bad setting, a dataset that can't be trained on (one class, no training image of a class),
    an `out` that exists (without resume), or a full disk.
    """
    started = time.monotonic()
    data = dataset if isinstance(dataset, Dataset) else Dataset.load(dataset)
    out = Path(out)
    parts = find_split(data)
    config = _resumed(out, settings, data, parts) if resume else _begun(out, settings, data, parts)
    return _run(data, parts, out, config, started)


def find_split(data: Dataset) -> Split:
    """The dataset's split; else the source's own, checked for leaks. Raises CutisError if there is neither."""
    if (data.path / "splits" / "default.json").exists():
        return load_split(data)
    if data.manifest["source_split"].null_count() < len(data.manifest):
        return make_split(data, source=True)
    raise CutisError(f"{data.path}: not split yet. Run: cutis split {data.path} --test 0.2 --val 0.1 --seed 0")


def make_config(settings: dict[str, Any]) -> TrainConfig:
    """A TrainConfig, or a CutisError that names the setting at fault."""
    given = {k: v for k, v in settings.items() if v is not None}
    if "minutes" not in given and "epochs" not in given:
        given["minutes"] = 15
    try:
        return TrainConfig(**given)
    except ValidationError as error:
        first = error.errors()[0]
        name = ".".join(map(str, first["loc"]))
        if first["type"] == "extra_forbidden":
            raise CutisError(f"setting {name} is not known: {nearest(name, TrainConfig.model_fields)}") from None
        raise CutisError(f"setting {name} = {first['input']}: {first['msg'].lower()}.") from None


def _identity(data: Dataset, parts: Split) -> dict[str, str]:
    return {"dataset": data.card.name, "dataset_digest": data.card.digest, "split_digest": parts.proof.digest}


def _begun(out: Path, settings: dict[str, Any], data: Dataset, parts: Split) -> TrainConfig:
    config = make_config(settings)
    if out.exists() and any(out.iterdir()):
        raise CutisError(f"{out} exists already. Go on with it by --resume, or choose another --out.")
    if config.precision == "auto":
        config = config.model_copy(update={"precision": faster_precision()})
    out.mkdir(parents=True, exist_ok=True)
    write_json(out / "config.json", {"config": config.model_dump(), **_identity(data, parts)})
    return config


def _resumed(out: Path, settings: dict[str, Any], data: Dataset, parts: Split) -> TrainConfig:
    if not (out / "config.json").is_file():
        raise CutisError(f"{out}: nothing to resume (no config.json). Start it without --resume.")
    saved = read_json(out / "config.json")
    for name, value in _identity(data, parts).items():
        if saved.get(name) != value:
            raise CutisError(f"{out}: started on another {name.replace('_', ' ')}; it can't be resumed on this.")
    config = make_config(saved["config"])
    for name, value in settings.items():
        if value is not None and getattr(config, name, value) != value:
            raise CutisError(
                f"{out}: started with {name} {getattr(config, name)}, not {value}; leave it out to resume."
            )
    return config


def _run(data: Dataset, parts: Split, out: Path, config: TrainConfig, started: float) -> Path:
    import logging

    import torch
    from lightning.fabric import Fabric

    from cutis.bundle.freeze import freeze
    from cutis.data.cache import open_cache
    from cutis.models.network import build, load_weights, weights_licence
    from cutis.train.feed import Feed, Normalise
    from cutis.train.loop import Budget, Seconds, Steps, Trainer
    from cutis.train.objectives import objective as make_objective
    from cutis.train.objectives.base import TrainingData
    from cutis.train.validate import Validation

    bundle = out / "bundle"
    if bundle.exists():
        return bundle
    table, codes = training_table(data, parts)
    part = {name: table.filter(pl.col("part") == name) for name in ("train", "val")}
    number = {code: i for i, code in enumerate(codes)}

    def targets(rows: pl.DataFrame) -> np.ndarray:
        return rows["target"].replace_strict(number, return_dtype=pl.Int64).to_numpy()

    def pixels(name: str, size: int) -> np.ndarray:
        return open_cache(data, part[name]["image_id"].to_list(), size, progress=track).images

    images = pixels("train", config.cache_size)
    mean, std = pixel_statistics(images)
    training = TrainingData(part["train"], targets(part["train"]), codes, part["train"]["group"].to_numpy())

    logging.getLogger("lightning.fabric").setLevel(logging.WARNING)
    fabric = Fabric(accelerator=config.accelerator, devices=1, precision=config.precision)
    torch.manual_seed(config.seed)
    network = build(config.backbone, len(codes), dropout=config.dropout, pretrained=config.pretrained)
    if config.weights:
        load_weights(network, config.weights)
    objective = make_objective(config.method, **config.method_settings)
    missing = [c for c in objective.columns if c not in table.columns]
    if missing:
        raise CutisError(
            f"{data.path}: method {config.method} needs the manifest column {missing[0]}, which is not there."
        )
    objective.prepare(training, network)
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
    )
    validation = None
    if len(part["val"]):
        groups = part["val"]["group"].to_numpy()
        validation = Validation(pixels("val", config.size), targets(part["val"]), groups, normalise)
    elif config.patience is not None:
        raise CutisError(f"{data.path}: early stopping (--patience) needs a validation part; split with --val above 0.")

    trainer = Trainer(fabric, network, objective, feed, validation, config, out)
    if resume_from := trainer.file.exists():
        trainer.resume()
    budget: Budget
    if config.minutes is not None:
        whole = config.minutes * 60
        spent = 0.0 if resume_from else time.monotonic() - started
        budget = Seconds(max(1.0, whole - min(FREEZE_SECONDS, whole * FREEZE_SHARE) - spent))
    else:
        assert config.epochs is not None
        budget = Steps(config.epochs * feed.steps_per_epoch, feed.steps_per_epoch)
    with meter("training") as report:
        trainer.fit(budget, report)
    feed.close()

    standing = trainer.standing
    licence = weights_licence(config.backbone, config.pretrained)
    return freeze(
        trainer.teacher.cpu(),
        bundle,
        dataset=data,
        split=parts,
        classes=[c for c in data.card.classes if c.code in number],
        size=config.size,
        mean=mean,
        std=std,
        flips=config.flips,
        backbone=config.backbone,
        method=config.method,
        weights_licence={f"weights of {config.backbone}": licence} if licence else {},
        trained={
            "config": config.model_dump(),
            "images": len(part["train"]),
            "steps": standing.step,
            "epochs": round(standing.step / feed.steps_per_epoch, 2),
            "seconds": round(standing.seconds, 1),
            "validation": standing.history[-1] if standing.history else {},
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


def faster_precision() -> str:
    """Where a convolution runs at least 1.3 times as fast in bfloat16 as in float32: "bf16-mixed"; else "32-true"."""
    import torch
    from torch.nn import functional as F

    device = "cuda" if torch.cuda.is_available() else "cpu"
    if device == "cuda":
        return "bf16-mixed" if torch.cuda.is_bf16_supported() else "32-true"
    taken = {}
    for kind in (torch.float32, torch.bfloat16):
        x = torch.ones(32, 64, 24, 24, dtype=kind).to(memory_format=torch.channels_last)
        w = torch.ones(64, 64, 3, 3, dtype=kind).to(memory_format=torch.channels_last)
        times = []
        for _ in range(4):
            begun = time.perf_counter()
            F.conv2d(x, w, padding=1)
            times.append(time.perf_counter() - begun)
        taken[kind] = min(times[1:])
    return "bf16-mixed" if taken[torch.float32] > 1.3 * taken[torch.bfloat16] else "32-true"
