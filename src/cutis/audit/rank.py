"""Bundles that are equally accurate, ranked by what an attack or a shift takes from them."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import polars as pl

from cutis.audit.attack import EPSILONS, as_taken, attack_sizes, attacked, drawn
from cutis.audit.shifts import shifted, squares
from cutis.audit.suites import CORRUPTIONS, check_severities
from cutis.bundle.load import load_bundle
from cutis.bundle.predict import Bundle
from cutis.bundle.rebuild import rebuild
from cutis.data.dataset import Dataset
from cutis.errors import CutisError, nearest
from cutis.evaluate.bootstrap import check_resampling
from cutis.evaluate.ranking import Ranked, rank_by_robustness
from cutis.evaluate.resampled import Resampling
from cutis.extras import require
from cutis.image.corruptions.base import Corruption
from cutis.progress import Progress, silent
from cutis.schema.identity import unit_name

if TYPE_CHECKING:
    from cutis.models.attacks import Attack

IMAGES = 300
SEVERITY = 3


@dataclass(frozen=True)
class Asked:
    """A bundle, and what it is asked about: rows of the dataset in `folder`."""

    bundle: Bundle
    folder: Path
    rows: pl.DataFrame
    rng: np.random.Generator
    progress: Progress[Any]


Said = tuple[list[str], list[str]]  # classes answered clean, and changed
Change = Callable[[Asked], Said]


@dataclass(frozen=True)
class Ranking:
    """ranked: by rank, then the unranked. under: what was done, such as "hair, severity 3". images: how many were asked
    about. notes: what a reader must know."""

    ranked: list[Ranked]
    under: str
    images: int
    notes: tuple[str, ...]

    def table(self) -> pl.DataFrame:
        """A row a bundle and number: bundle, rank, under, metric and the estimate's fields."""
        return pl.DataFrame(
            [
                {"bundle": r.name, "rank": r.rank, "under": self.under, "metric": metric, **estimate.to_dict()}
                for r in self.ranked
                for metric, estimate in (
                    ("balanced_accuracy_clean", r.clean),
                    ("balanced_accuracy_changed", r.changed),
                    ("balanced_accuracy_lost", r.lost),
                    ("balanced_accuracy_behind", r.behind),
                    ("balanced_accuracy_lost_more", r.more),
                )
            ],
            infer_schema_length=None,
        )


def rank_bundles(
    bundles: Sequence[Path | str],
    dataset: Dataset | Path | str,
    *,
    under: str = "pgd",
    amount: float | None = None,
    part: str | None = None,
    images: int = IMAGES,
    margin: float = 0.02,
    resamples: int = 1000,
    seed: int = 0,
    progress: Progress[Any] = silent,
) -> Ranking:
    """See `evaluate/ranking.py`, and Paschali et al., MICCAI 2018. All bundles answer for the same images.

    under: an attack of `cutis.models.attacks.ATTACKS`, each against the bundle it is sought for; or a corruption of
    `cutis.audit.suites.CORRUPTIONS`. amount: an attack's size, of images in 0..1 (its norm's smallest usual one if not
    given), or a severity, 1..5 (3). part: of the dataset, as in `Bundle.predict`. images: at most so many. margin: of
    balanced accuracy, behind the best, within which bundles count as equal. Intervals are paired, by patient or lesion.
    Raises CutisError for fewer than two bundles, bundles of different classes, or a change that can't be.
    """
    check_resampling(resamples, seed, 0.95)
    names = [str(b) for b in bundles]
    if len(set(names)) < max(2, len(names)):
        raise CutisError(f"rank: {', '.join(names) or 'no bundle'}: expected two or more bundles, each named once.")
    opened = [load_bundle(b) for b in bundles]
    data = dataset if isinstance(dataset, Dataset) else Dataset.load(dataset)
    for name, one in zip(names, opened, strict=True):
        if set(one.codes) != set(opened[0].codes):
            raise CutisError(
                f"{name}: its classes are {', '.join(one.codes)}, those of {names[0]} {', '.join(opened[0].codes)}; "
                "only bundles of the same classes can be ranked."
            )
    told, change = _change(under, amount)
    answers: dict[str, tuple[Sequence[Any], Sequence[Any]]] = {}
    notes: list[str] = []
    for name, one in zip(names, opened, strict=True):
        rng = np.random.default_rng(seed)
        rows, source = drawn(one, data, part, images, rng)
        answers[name] = change(Asked(one, source.images, rows, rng, progress))
        notes += [f"{name}: {limit}" for limit in source.limits]
    held = Resampling(resamples, seed, groups=rows["unit"].to_list(), unit=unit_name(data.manifest))
    ranked = rank_by_robustness(answers, rows["target"].to_list(), margin=margin, resampling=held)
    return Ranking(ranked, told, len(rows), tuple(notes))


def _change(under: str, amount: float | None) -> tuple[str, Change]:
    """What is done, in words and as a function."""
    if under in CORRUPTIONS:
        return _shift(CORRUPTIONS[under], SEVERITY if amount is None else amount)
    require("train")
    from cutis.models.attacks import ATTACKS

    if under not in ATTACKS:
        raise CutisError(f'under "{under}": {nearest(under, [*ATTACKS, *CORRUPTIONS])}')
    return _attack(ATTACKS[under], amount)


def _attack(attack: Attack, size: float | None) -> tuple[str, Change]:
    sizes = attack_sizes(attack, {attack.norm: (EPSILONS[attack.norm][0] if size is None else size,)})

    def run(asked: Asked) -> Said:
        bundle, told = asked.bundle, asked.bundle.codes
        target = np.array([told.index(code) for code in asked.rows["target"]])
        pixels = as_taken(bundle, asked.rows, asked.folder)
        answers = attacked(bundle, rebuild(bundle), pixels, target, [(attack, sizes)], asked.rng, asked.progress)
        clean, changed = next(answers)
        return [told[k] for k in clean], [told[k] for k in changed]

    return f"{attack.name}, {sizes[-1]:.2g} of images in 0..1", run


def _shift(corruption: Corruption, severity: float) -> tuple[str, Change]:
    check_severities([severity])

    def run(asked: Asked) -> Said:
        ids, pictures = asked.rows["image_id"].to_list(), squares(asked.rows, asked.folder)

        def said(change: Corruption | None) -> list[str]:
            table = shifted(
                asked.bundle, ids, pictures, change, seed=0, severities=[int(severity)], progress=asked.progress
            )
            p = table.select(f"p_{code}" for code in asked.bundle.codes).to_numpy()
            return [asked.bundle.codes[k] for k in p.argmax(1)]

        return said(None), said(corruption)

    return f"{corruption.name}, severity {severity:g}", run
