"""`train`: from a dataset and a split to a frozen bundle."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from cutis.data.dataset import Dataset
from cutis.data.split import Split, load_split
from cutis.data.split import split as make_split
from cutis.errors import CutisError, nearest
from cutis.extras import require
from cutis.files import read_json, write_json
from cutis.train.config import TrainConfig


def train(dataset: Dataset | Path | str, out: Path | str, *, resume: bool = False, **settings: Any) -> Path:
    """Train on a dataset's split and freeze the result; returns the bundle's path, `out`/bundle.

    settings: fields of `TrainConfig` (backbone, size, minutes, epochs, seed...); without `minutes` or `epochs`, 15
    minutes. resume: go on with the run in `out`, with the settings saved there. `out` also holds config.json,
    checkpoint.pt and log.jsonl. Without a split, the source's own is adopted if it is leak-free.

    Raises CutisError for a bad setting, a dataset that can't be trained on (one class, no training image of a class),
    licences that don't allow the `use` that is set, an `out` that exists (without resume), or a full disk.
    """
    started = time.monotonic()
    require("train")
    data = dataset if isinstance(dataset, Dataset) else Dataset.load(dataset)
    out = Path(out)
    parts = find_split(data)
    if resume:
        config = _resumed(out, settings, data, parts)
        if (out / "bundle").exists():
            return out / "bundle"
    else:
        config = make_config(settings)
        if out.exists() and (not out.is_dir() or any(out.iterdir())):
            raise CutisError(f"{out} exists already. Go on with it by --resume, or choose another --out.")

    from cutis.train.assemble import assemble, freeze_run, work  # torch is imported here

    pieces = assemble(data, parts, config)
    if not resume:
        out.mkdir(parents=True, exist_ok=True)
        write_json(out / "config.json", {"config": pieces.config.model_dump(), **_identity(data, parts)})
    trainer = work(pieces, out, started)
    return freeze_run(pieces, trainer, data, parts, out / "bundle")


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
