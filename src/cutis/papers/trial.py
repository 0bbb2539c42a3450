"""One trial: both arms trained on the same seeds and budget, looked at in the same way, and the paired effect."""

from __future__ import annotations

import hashlib
import json
import math
import resource
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import numpy as np
import polars as pl
from scipy.stats import t as student

from cutis.bundle.load import load_bundle, read_card
from cutis.data.dataset import Dataset
from cutis.errors import CutisError
from cutis.evaluate.arrays import Floats, Ints
from cutis.evaluate.bootstrap import multiplicities
from cutis.files import only_writer
from cutis.papers.claim import Made, Metric, Trial
from cutis.schema.identity import group_ids
from cutis.train.run import find_split, train

Verdict = Literal["holds", "not shown", "contradicted"]
RESAMPLES = 400
LEVEL = 0.95


@dataclass(frozen=True)
class Mean:
    """Over seeds. low, high: None with one seed, or where resampling says nothing. by_seed: each seed's value."""

    value: float
    low: float | None
    high: float | None
    by_seed: tuple[float, ...]


@dataclass(frozen=True)
class Effect(Mean):
    """Method less baseline. before, after: the arms' means. units: in the test part."""

    metric: str
    before: float
    after: float
    units: int

    def verdict(self, better: str) -> Verdict:
        """By which side of 0 the interval lies on."""
        if self.low is None or self.high is None or self.low <= 0 <= self.high:
            return "not shown"
        return "holds" if (self.low > 0) == (better == "higher") else "contradicted"


@dataclass(frozen=True)
class Outcome:
    """effects: the claim's own first. seconds: of a training, (baseline, method). memory: peak of the process, MB."""

    effects: tuple[Effect, ...]
    verdict: Verdict
    seconds: tuple[float, float]
    memory: float


def run_trial(trial: Trial, made: Made, seeds: Sequence[int], budget: Mapping[str, Any]) -> Outcome:
    """Train and look. budget: fields of TrainConfig that overrule the world's (minutes, accelerator...). Runs are kept
    in the world's folder by their settings, so that trials share their baselines. Raises CutisError."""
    if not seeds:
        raise CutisError("seeds: expected one or more.")
    tables: list[list[pl.DataFrame]] = [[], []]
    seconds: list[list[float]] = [[], []]
    look = trial.examine or predicted
    for seed in seeds:
        for arm, settings in enumerate((trial.baseline, trial.method)):
            data, settings = made.train, {**settings, **budget}
            if arm == 1 and trial.change:
                settings, data = trial.change(made, settings, seed)
            bundle = trained(made, data, settings, seed)
            tables[arm].append((trial.after or look)(bundle, made) if arm == 1 else look(bundle, made))
            seconds[arm].append(float(read_card(bundle).trained.get("seconds", 0.0)))
    effects = tuple(effect(metric, *tables) for metric in (trial.metric, *trial.beside))
    return Outcome(
        effects,
        effects[0].verdict(trial.metric.better),
        (float(np.mean(seconds[0])), float(np.mean(seconds[1]))),
        resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024,
    )


def trained(made: Made, data: Dataset, settings: Mapping[str, Any], seed: int) -> Path:
    """The bundle of one run, trained unless it is there already."""
    config = {**made.settings, **settings, "seed": seed}
    if config.get("minutes") is not None:
        config.pop("epochs", None)
    parts = find_split(data).proof.digest
    told = json.dumps([config, data.card.digest, parts], sort_keys=True, default=str)
    out = made.folder / "runs" / hashlib.sha256(told.encode()).hexdigest()[:16]
    out.parent.mkdir(exist_ok=True)
    with only_writer(out, "cutis papers", wait=math.inf, beside=True):  # another trial may be training this very run
        if not (out / "bundle" / "bundle.json").is_file():
            train(data, out, resume=(out / "config.json").is_file(), **config)
    return out / "bundle"


def predicted(bundle: Path, made: Made) -> pl.DataFrame:
    """The bundle's predictions of the test images, with the manifest's other columns, `unit` (patient or lesion),
    `malignant` and p_malignant."""
    opened = load_bundle(bundle)
    table = opened.predict(made.test, part=made.part, gate=False, progress=False).answered.table
    rest = [c for c in made.test.manifest.columns if c not in table.columns or c == "image_id"]
    table = table.join(made.test.manifest.select(rest), on="image_id", how="left", maintain_order="left")
    bad = [c.code for c in opened.classes if c.malignant]
    return table.with_columns(
        pl.Series("unit", group_ids(table)),
        pl.col("target").is_in(bad).alias("malignant"),
        (pl.sum_horizontal(*(f"p_{code}" for code in bad)) if bad else pl.lit(None)).alias("p_malignant"),
    )


def effect(metric: Metric, before: Sequence[pl.DataFrame], after: Sequence[pl.DataFrame]) -> Effect:
    """The mean paired difference of the arms' tables, one a seed. Raises CutisError if their rows aren't the same."""
    units, one, two = _units((*before, *after), metric.name), _of(metric, before), _of(metric, after)

    def differences(weights: Floats) -> Floats:
        return two(weights) - one(weights)

    found = mean_of_seeds(differences, units)
    whole = np.ones((len(units), 1))
    return Effect(
        found.value,
        found.low,
        found.high,
        found.by_seed,
        metric.name,
        float(one(whole).mean()),
        float(two(whole).mean()),
        int(units.max()) + 1,
    )


def level(metric: Metric, tables: Sequence[pl.DataFrame]) -> Mean:
    """The metric itself, of one arm's tables."""
    return mean_of_seeds(_of(metric, tables), _units(tables, metric.name))


def mean_of_seeds(values: Callable[[Floats], Floats], units: Ints) -> Mean:
    """values: weights of rows (n, r) -> (seeds, r). The mean over seeds, with Student's interval: its variance is that
    between seeds over their number, plus that over resamples of the units, which are the same for all seeds. The
    sum's degrees of freedom are Satterthwaite's (Biometrics Bulletin 2, 1946, equation 17): with the seeds' own, n - 1,
    a few seeds would make all of the interval wide, also what many units tell.
    """
    by_seed = values(np.ones((len(units), 1)))[:, 0]
    n, count = len(by_seed), int(units.max()) + 1
    low = high = None
    if n > 1 and count > 1 and np.isfinite(by_seed).all():
        rng = np.random.default_rng(0)
        draws = np.concatenate([values(w[units]).mean(0) for w in multiplicities(rng, count, RESAMPLES)])
        seeds, rows = float(by_seed.var(ddof=1)) / n, float(np.nanvar(draws, ddof=1))
        half = 0.0
        if seeds + rows > 0:
            freedom = (seeds + rows) ** 2 / (seeds**2 / (n - 1) + rows**2 / (count - 1))
            half = float(student.ppf((1 + LEVEL) / 2, freedom)) * (seeds + rows) ** 0.5
        low, high = float(by_seed.mean()) - half, float(by_seed.mean()) + half
    return Mean(float(by_seed.mean()), low, high, tuple(float(v) for v in by_seed))


def _of(metric: Metric, tables: Sequence[pl.DataFrame]) -> Callable[[Floats], Floats]:
    every = [metric.statistic(table) for table in tables]
    return lambda weights: np.stack([one(weights) for one in every])


def _units(tables: Sequence[pl.DataFrame], name: str) -> Ints:
    first = tables[0]["unit"]
    if not all(table["unit"].equals(first) for table in tables):
        raise CutisError(f"{name}: the runs were not looked at on the same rows, so nothing is paired.")
    units: Ints = np.unique(first.to_numpy(), return_inverse=True)[1]
    return units
