"""`train`: from a dataset and a split to a frozen bundle."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Any

from cutis.data.dataset import Dataset
from cutis.data.split import Split, load_split
from cutis.data.split import split as make_split
from cutis.errors import CutisError
from cutis.extras import require
from cutis.files import only_writer
from cutis.train.config import make_config
from cutis.train.kept import CHECKPOINT, Kept, read_run, same_setting, write_run


def train(dataset: Dataset | Path | str, out: Path | str, *, resume: bool = False, **settings: Any) -> Path:
    """Train on a dataset's split and freeze the result; returns the bundle's path, `out`/bundle.

    settings: fields of `TrainConfig` (backbone, size, minutes, epochs, seed...); without `minutes` or `epochs`, 15
    minutes. resume: go on with the run in `out`, with the settings saved there; with `epochs` the weights are then the
    same, bit for bit, as if it had not been interrupted. `out` also holds config.json, checkpoint.pt and log.jsonl.
    Without a split, the source's own is adopted if it is leak-free.

    Raises CutisError for a bad setting, a dataset that can't be trained on (one class, no training image of a class),
    licences that don't allow the `use` that is set, an `out` that exists (without resume) or that another process is
    training in, or a full disk.
    """
    started = time.monotonic()
    require("train")
    data = dataset if isinstance(dataset, Dataset) else Dataset.load(dataset)
    out = Path(out)
    parts = find_split(data)
    kept: Kept | None = None
    if resume:
        kept = _resumed(out, settings, data, parts)
        if (out / "bundle").exists():
            return out / "bundle"
    else:
        config = make_config(settings)
        _refuse_taken(out)

    from cutis.train.assemble import assemble, freeze_run, work  # torch is imported here
    from cutis.train.precision import Chosen
    from cutis.train.threads import threads_of

    chosen = Chosen(**kept.precision) if kept and kept.precision else None
    begun = kept is not None and (out / CHECKPOINT).is_file()
    pieces = assemble(data, parts, kept.config if kept else config, chosen, begun=begun)
    out.mkdir(parents=True, exist_ok=True)
    with only_writer(out, "cutis train", wait=1), threads_of(pieces.config, kept.threads if kept else None) as threads:
        if not kept:
            _refuse_taken(out)
            write_run(out, Kept(pieces.config, pieces.precision._asdict(), threads), _identity(data, parts))
        trainer = work(pieces, out, started)
        return freeze_run(pieces, trainer, data, parts, out / "bundle")


def _refuse_taken(out: Path) -> None:
    """Raise CutisError unless `out` is free, or holds nothing but what a killed run wrote aside."""
    if out.exists() and (not out.is_dir() or any(not p.name.startswith(".cutis") for p in out.iterdir())):
        raise CutisError(f"{out} exists already. Go on with it by --resume, or choose another --out.")


def find_split(data: Dataset) -> Split:
    """The dataset's split; else the source's own, checked for leaks. Raises CutisError if there is neither."""
    if (data.path / "splits" / "default.json").exists():
        return load_split(data)
    if data.manifest["source_split"].null_count() < len(data.manifest):
        return make_split(data, source=True)
    raise CutisError(f"{data.path}: not split yet. Run: cutis split {data.path} --test 0.2 --val 0.1 --seed 0")


def _identity(data: Dataset, parts: Split) -> dict[str, str]:
    return {"dataset": data.card.name, "dataset_digest": data.card.digest, "split_digest": parts.proof.digest}


def _resumed(out: Path, settings: dict[str, Any], data: Dataset, parts: Split) -> Kept:
    saved, kept = read_run(out)
    for name, value in _identity(data, parts).items():
        if saved.get(name) != value:
            raise CutisError(f"{out}: started on another {name.replace('_', ' ')}; it can't be resumed on this.")
    for name, value in settings.items():
        if value is not None and not same_setting(getattr(kept.config, name, value), value):
            raise CutisError(
                f"{out}: started with {name} {getattr(kept.config, name)}, not {value}; leave it out to resume."
            )
    return kept
