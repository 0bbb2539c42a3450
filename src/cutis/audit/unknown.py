"""Images a bundle was never taught, against those it was tested on: does any score tell them, are they refused."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, get_args

import numpy as np
import polars as pl

from cutis.bundle.predict import Bundle
from cutis.bundle.sources import Source, gather
from cutis.data.dataset import Dataset
from cutis.errors import CutisError, nearest
from cutis.evaluate.ood import detection
from cutis.progress import Progress, silent
from cutis.schema.dossier import OodKind, OodRow
from cutis.schema.identity import group_ids, unit_name

KINDS: tuple[str, ...] = get_args(OodKind)
LEAST = 5  # images of a strange set


@dataclass(frozen=True)
class Strange:
    """A set of images to be told from the known. kind: one of KINDS. path: a dataset or a folder of images."""

    kind: OodKind
    path: Path

    @property
    def name(self) -> str:
        return self.path.name


def parse_strange(text: str) -> Strange:
    """ "other modality=FOLDER" -> Strange. Raises CutisError for an unknown kind or a folder that isn't there."""
    kind, sign, path = text.partition("=")
    kind = kind.strip().replace("-", " ")
    if not sign or kind not in KINDS:
        problem = nearest(kind, KINDS) if sign else f"expected KIND=FOLDER, where KIND is {', '.join(KINDS)}"
        raise CutisError(f'--against "{text}": {problem}')
    if not Path(path).is_dir():
        raise CutisError(f'--against "{text}": no such folder: {path}')
    return Strange(kind, Path(path))  # type: ignore[arg-type]


def ood_rows(
    bundle: Bundle,
    dataset: Dataset,
    strange: Sequence[Strange],
    *,
    part: str | None = None,
    images: int = 500,
    resamples: int = 1000,
    seed: int = 0,
    progress: Progress[Any] = silent,
) -> list[OodRow]:
    """For each score that the bundle has and each strange set, how well it tells that set from the dataset's part.

    images: at most so many of each strange set, drawn by `seed`. The strange side is positive (what is to be found).
    Raises CutisError for a strange set of fewer than LEAST images that can be read.
    """
    known = bundle.scores(dataset, part=part, progress=progress).drop_nulls()
    units = pl.DataFrame({"image_id": dataset.manifest["image_id"], "unit": group_ids(dataset.manifest)})
    known = known.join(units, on="image_id", how="left")
    names = [c for c in known.columns if c not in ("image_id", "unit")]
    unit = unit_name(dataset.manifest)
    made = []
    for one in strange:
        files = _drawn(gather(_source(one.path), None, bundle.card), images, seed)
        scores = bundle.scores(files, progress=progress).drop_nulls()
        if len(scores) < LEAST:
            raise CutisError(f"{one.path}: {len(scores)} images could be read; at least {LEAST} are needed.")
        for name in names:
            found = detection(
                known[name].to_numpy(),
                scores[name].to_numpy(),
                rng=np.random.default_rng(seed),
                known_units=known["unit"].to_numpy(),
                unit=unit,
                resamples=resamples,
            )
            made.append(
                OodRow(
                    score=name,
                    against=one.name,
                    kind=one.kind,
                    positive="strange",
                    n_in=len(known),
                    n_out=len(scores),
                    auroc=found["auroc"],
                    aupr=found["aupr_strange"],
                    fpr95=found["fpr95_strange"],
                )
            )
    return made


def _source(path: Path) -> Dataset | Path:
    return Dataset.load(path) if (path / "dataset.json").is_file() else path


def _drawn(source: Source, images: int, seed: int) -> list[Path]:
    paths = source.paths()
    return [paths[i] for i in np.sort(np.random.default_rng(seed).permutation(len(paths))[:images])]
