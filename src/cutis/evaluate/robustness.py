"""How much worse a model gets on changed images: balanced error under each corruption, alone and against AlexNet's.

Balanced error is 1 - the mean recall of the classes that are there. With e_c its mean over a corruption's five
severities, and A a baseline's: BE_c = e_c / A_c and rBE_c = (e_c - e_clean) / (A_c - A_clean), and BE and rBE are their
means over the corruptions (MedMNIST-C, Di Salvo et al., arXiv 2406.17536; mCE and relative mCE of Hendrycks &
Dietterich, arXiv 1903.12261, with balanced errors). 1 is as good as the baseline, less is better. rBE can be below 0,
where a change helps, and rests on small differences: contrast_up's A_c - A_clean is 0.032, so look at each corruption.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import polars as pl

from cutis.errors import CutisError
from cutis.evaluate.arrays import Bools, Floats, Ints
from cutis.evaluate.bootstrap import check_resampling
from cutis.evaluate.numbers import as_measured, values_of
from cutis.evaluate.quantities import Quantity
from cutis.evaluate.sample import renumber
from cutis.schema.estimate import Estimate
from cutis.schema.identity import group_ids, unit_name
from cutis.schema.predictions import Predictions, check_predictions

_SEVERITIES = 5


@dataclass(frozen=True)
class Baseline:
    """A reference model's balanced errors: on clean images, and each corruption's mean over five severities."""

    name: str
    clean: float
    errors: Mapping[str, float]


# utils/baselines.py of medmnistc 0.1.0 (Apache-2.0): AlexNet trained by its authors on DermaMNIST at 224 px.
ALEXNET = Baseline(
    "AlexNet on DermaMNIST (MedMNIST-C)",
    0.3985775597242611,
    {
        "pixelate": 0.5105118313063095,
        "jpeg_compression": 0.47716296678659287,
        "gaussian_noise": 0.770161396521756,
        "speckle_noise": 0.7688784860204994,
        "impulse_noise": 0.7995552265467947,
        "shot_noise": 0.8391552104792783,
        "defocus_blur": 0.7008318467374395,
        "motion_blur": 0.6266414682428412,
        "zoom_blur": 0.5277668583085878,
        "brightness_up": 0.4473990148869178,
        "brightness_down": 0.5772968080812169,
        "contrast_up": 0.430415384126964,
        "contrast_down": 0.5398210493891896,
        "black_corner": 0.7591457853547467,
        "characters": 0.4461917314736283,
    },
)


@dataclass(frozen=True)
class ShiftError:
    """Balanced error under one corruption at one severity (None: their mean), and how much above the clean one."""

    corruption: str
    severity: int | None
    error: Estimate
    change: Estimate


@dataclass(frozen=True)
class Against:
    """BE_c and rBE_c of one corruption; of corruption None, their means over all that have them."""

    corruption: str | None
    be: Estimate
    rbe: Estimate


@dataclass(frozen=True)
class Robustness:
    """What `robustness` finds. against: empty where no corruption is one of the baseline's at all five severities."""

    clean: Estimate
    shifts: tuple[ShiftError, ...]
    against: tuple[Against, ...]
    baseline: str
    notes: tuple[str, ...]


def relative_errors(errors: Floats, clean: Floats, names: list[str], baseline: Baseline) -> tuple[Floats, Floats]:
    """BE_c and rBE_c, (corruptions, ...) each, of mean errors (corruptions, ...) and the clean error (...).

    Raises KeyError for a name that the baseline doesn't have.
    """
    theirs = np.array([baseline.errors[n] for n in names]).reshape(-1, *[1] * (errors.ndim - 1))
    return errors / theirs, (errors - clean) / (theirs - baseline.clean)


def robustness(
    predictions: Predictions | Path | str,
    *,
    baseline: Baseline = ALEXNET,
    resamples: int = 1000,
    seed: int = 0,
    level: float = 0.95,
) -> Robustness:
    """Balanced errors of a predictions file whose columns `corruption` and `severity` say how each image was changed.

    Clean images have severity 0. Intervals are percentile intervals of the cluster bootstrap: a drawn lesion or patient
    brings its clean and changed images together, so changes are paired. A class that no image of a cell has is left out
    of its mean, as the estimate's reason says. Raises CutisError for a file without these columns or without clean
    images, or that can't be audited.
    """
    check_resampling(resamples, seed, level)
    where = "predictions"
    if not isinstance(predictions, Predictions):
        where, predictions = str(predictions), Predictions.load(predictions)
    table = _table(check_predictions(predictions.table, predictions.info, where), where)
    known = unit_name(table)
    block = _Block(table, predictions.codes, renumber(group_ids(table)), baseline)
    point, draws = values_of(
        [block], len(block.quantities), table["image_id"].to_list(), block.n_units, resamples, seed
    )
    found = iter(
        as_measured(q, point[i, 0], draws[i], known, level, None, None).estimate for i, q in enumerate(block.quantities)
    )
    clean = next(found)
    shifts = [ShiftError(name, severity, next(found), next(found)) for name, severity in block.cells]
    shifts += [ShiftError(name, None, next(found), next(found)) for name in block.names]
    against = [Against(name, next(found), next(found)) for name in block.shared]
    if against:
        against.append(Against(None, next(found), next(found)))
    return Robustness(clean, tuple(shifts), tuple(against), baseline.name, block.notes)


def _table(table: pl.DataFrame, where: str) -> pl.DataFrame:
    """The answered rows that have a target, by image_id."""
    for column in ("corruption", "severity"):
        if column not in table.columns:
            raise CutisError(f"{where}: no column {column}. Predict a dataset made by: cutis corrupt DATASET OUT")
    try:
        table = table.with_columns(pl.col("corruption").cast(pl.String), pl.col("severity").cast(pl.Int64))
    except pl.exceptions.PolarsError:
        raise CutisError(f"{where}: column severity holds other than whole numbers 0 to 5.") from None
    table = table.filter((pl.col("status") != "error") & pl.col("target").is_not_null()).sort("image_id")
    bad = table.filter(~pl.col("severity").is_between(0, _SEVERITIES).fill_null(False))
    if len(bad):
        row = bad.row(0, named=True)
        raise CutisError(f'{where}: image "{row["image_id"]}": severity {row["severity"]} is not 0 (clean) to 5.')
    lost = table.filter((pl.col("severity") > 0) & pl.col("corruption").is_null())
    if len(lost):
        raise CutisError(f'{where}: image "{lost["image_id"][0]}" has a severity but no corruption.')
    if not (table["severity"] == 0).any():
        raise CutisError(f"{where}: no clean image (severity 0) to compare with. cutis corrupt writes them too.")
    return table


class _Block:
    """Errors of all cells from weighted units; `quantities` in the order in which `robustness` takes them."""

    def __init__(self, table: pl.DataFrame, codes: list[str], unit: Ints, baseline: Baseline) -> None:
        changed = table.filter(pl.col("severity") > 0)
        self.baseline = baseline
        self.names: list[str] = changed["corruption"].unique(maintain_order=True).sort().to_list()
        self.cells: list[tuple[str, int]] = sorted(changed.select("corruption", "severity").unique().rows())
        self.n_units = int(unit.max()) + 1
        number = {cell: i + 1 for i, cell in enumerate(self.cells)}
        severity = table["severity"].to_list()
        cell = np.array(
            [number[c, s] if s else 0 for c, s in zip(table["corruption"].to_list(), severity, strict=True)]
        )
        code = {c: k for k, c in enumerate(codes)}
        target = np.array([code[t] for t in table["target"].to_list()])
        correct = (table["target"] == table["predicted"]).fill_null(False).to_numpy()
        shape = (len(self.cells) + 1, len(codes), self.n_units)
        place = (cell * len(codes) + target) * self.n_units + unit
        self._cases = np.bincount(place, minlength=int(np.prod(shape))).reshape(shape).astype(np.float64)
        self._hits = np.bincount(place[correct], minlength=int(np.prod(shape))).reshape(shape).astype(np.float64)
        self._present = self._cases.any(2)
        self._of: dict[str, list[int]] = {n: [number[c] for c in self.cells if c[0] == n] for n in self.names}
        whole = [n for n in self.names if n in baseline.errors and len(self._of[n]) == _SEVERITIES]
        self.shared = whole
        self.notes = self._remarks(codes)
        self.quantities = self._named(codes)

    def compute(self, weights: Floats) -> Floats:
        kinds = self._cases.shape[:2]
        cases, hits = (
            (part.reshape(-1, self.n_units) @ weights).reshape(*kinds, -1) for part in (self._cases, self._hits)
        )
        recall = np.full_like(cases, np.nan)
        np.divide(hits, cases, out=recall, where=cases > 0)
        recall[~self._present] = 0  # a class that is nowhere in the cell; one that wasn't drawn stays undefined
        with np.errstate(invalid="ignore"):
            error = 1 - recall.sum(1) / self._present.sum(1)[:, None]
        clean = error[0]
        means = np.stack([error[self._of[n]].mean(0) for n in self.names]) if self.names else np.zeros((0, len(clean)))
        rows = [clean]
        for value in (*error[1:], *means):
            rows += [value, value - clean]
        if self.shared:
            mine = means[[self.names.index(n) for n in self.shared]]
            be, rbe = relative_errors(mine, clean, self.shared, self.baseline)
            for pair in (*zip(be, rbe, strict=True), (be.mean(0), rbe.mean(0))):
                rows += pair
        return np.stack(rows)

    def _named(self, codes: list[str]) -> list[Quantity]:
        """A quantity for each row of `compute`."""

        def quantity(metric: str, cells: list[int]) -> Quantity:
            of_unit: Bools = self._cases[cells].any((0, 1))
            units = int(of_unit.sum())
            lacking = [c for k, c in enumerate(codes) if not self._present[cells, k].all()]
            return Quantity(
                metric=metric,
                n=int(self._cases[[c for c in cells if c] or cells].sum()),  # the clean are the same images
                n_units=units,
                needs=(("", units),),
                remark=f"over {len(codes) - len(lacking)} of {len(codes)} classes (none of {', '.join(lacking)} here)"
                if lacking
                else "",
                scarce=self._scarcest(cells, codes),
            )

        made = [quantity("balanced_error", [0])]
        for cells in [[i + 1] for i in range(len(self.cells))] + [self._of[n] for n in self.names]:
            made += [quantity("balanced_error", cells), quantity("balanced_error_change", [0, *cells])]
        for name in self.shared:
            made += [quantity("be", self._of[name]), quantity("rbe", [0, *self._of[name]])]
        if self.shared:
            every = [i for name in self.shared for i in self._of[name]]
            made += [quantity("be", every), quantity("rbe", [0, *every])]
        return made

    def _scarcest(self, cells: list[int], codes: list[str]) -> tuple[str, int] | None:
        """Of each cell and class that has any, the fewest units: a mean over cells is bounded by its worst."""
        counts = self._cases[cells].astype(bool).sum(2)  # (cells, classes) units
        found = [(f"of class {c}", int(n)) for row in counts for c, n in zip(codes, row, strict=True) if n]
        return min(found, key=lambda count: count[1], default=None)

    def _remarks(self, codes: list[str]) -> tuple[str, ...]:
        notes = []
        sizes = self._cases.sum((1, 2))
        odd = [f"{name} {severity}" for (name, severity), n in zip(self.cells, sizes[1:], strict=True) if n != sizes[0]]
        if odd:
            notes.append(f"Not all changes were made to all {int(sizes[0]):,} clean images (first: {odd[0]}).")
        known = [n for n in self.names if n in self.baseline.errors]
        part = [n for n in known if n not in self.shared]
        if part:
            notes.append(f"No BE of {', '.join(part)}: the baseline's is a mean over all five severities.")
        if self.shared and len(self.shared) < len(self.baseline.errors):
            notes.append(f"BE and rBE are means over {len(self.shared)} of {len(self.baseline.errors)} corruptions.")
        return tuple(notes)
