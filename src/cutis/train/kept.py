"""config.json of a run's folder: what it was started with, and what was decided then and must stay so."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from cutis.errors import CutisError
from cutis.files import read_json, reference, resolved, write_json
from cutis.train.config import TrainConfig, make_config

CHECKPOINT = "checkpoint.pt"
PATHS = ("teacher",)  # settings of methods that are paths


@dataclass(frozen=True)
class Kept:
    """precision: `cutis.train.precision.Chosen` as a dict, {} in runs of earlier versions. threads: that torch computed
    with, None there."""

    config: TrainConfig
    precision: dict[str, Any] = field(default_factory=dict)
    threads: int | None = None


def write_run(out: Path, kept: Kept, identity: dict[str, str]) -> None:
    """identity: of the dataset and its split. Files of this machine are named by the way from `out`."""
    config = _mapped(kept.config.model_dump(), lambda path: reference(path, out) or Path(path).name)
    write_json(
        out / "config.json", {"config": config, "precision": kept.precision, "threads": kept.threads, **identity}
    )


def read_run(out: Path) -> tuple[dict[str, Any], Kept]:
    """The file's content, and what it says. Raises CutisError if there is none, or it isn't one."""
    if not (out / "config.json").is_file():
        raise CutisError(f"{out}: nothing to resume (no config.json). Start it without --resume.")
    saved = read_json(out / "config.json")
    try:
        config = make_config(_mapped(saved["config"], lambda path: resolved(path, out)))
        return saved, Kept(config, saved.get("precision", {}), saved.get("threads"))
    except (TypeError, KeyError, AttributeError):
        raise CutisError(f"{out}/config.json: not a run's settings. Start it anew in another folder.") from None


def same_setting(kept: Any, given: Any) -> bool:
    """Whether a setting of the run is what is now given; a path is one however it is written."""
    if isinstance(kept, dict) and isinstance(given, dict):
        return kept.keys() == given.keys() and all(same_setting(kept[k], given[k]) for k in kept)
    if isinstance(kept, str) and isinstance(given, str) and kept != given:
        return Path(kept).absolute() == Path(given).absolute() and Path(given).exists()
    return bool(kept == given)


def _mapped(config: dict[str, Any], change: Any) -> dict[str, Any]:
    """The settings with those that are paths changed."""
    method = {k: change(v) if k.rpartition(".")[2] in PATHS else v for k, v in config["method_settings"].items()}
    weights = config["weights"] and change(config["weights"])
    return {**config, "method_settings": method, "weights": weights}
