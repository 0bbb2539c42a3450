"""Numbers of many groups of rows from the same draws of units, as comparing groups needs: a unit may be in several.

Values are exact. An AUROC's draws are its first-order part: the weighted means of both of DeLong's components, less
the AUROC, within 0..1 (the Hajek projection of a U-statistic, van der Vaart, "Asymptotic Statistics", 1998, chapter
12). What is left out is smaller than the spread by a factor of the order of 1 / sqrt(n), and ranking every group again
in each resample would cost as much as everything else that is measured.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from hashlib import sha256

import numpy as np

from cutis.evaluate.arrays import Bools, Floats, Ints
from cutis.evaluate.calibration import add_calibration
from cutis.evaluate.classification import add_accuracy, add_class_rates
from cutis.evaluate.delong import components
from cutis.evaluate.discrimination import MALIGNANT
from cutis.evaluate.malignancy import add_operating_points, two_way
from cutis.evaluate.numbers import values_of
from cutis.evaluate.quantities import Quantity, SumBlock, ratio
from cutis.evaluate.sample import Sample
from cutis.evaluate.sets import add_sets

CALLED = "called"  # share of rows answered with the class
_MOST_HELD = 1_000_000_000  # bytes of sums; with more, groups are computed in several rounds of the same draws


class Cells:
    """A block over the whole sample's units; `add` groups of rows, `draw` once, then read `values`."""

    def __init__(self, sample: Sample, points: Mapping[str, float], resamples: int, seed: int) -> None:
        self._sample, self._points, self._resamples, self._seed = sample, points, resamples, seed
        self._held: list[tuple[Ints, SumBlock]] = []
        self._row: dict[tuple[int, str, str | None], int] = {}
        self._rows = 0
        self._parts: dict[tuple[bytes, tuple[int, ...], bool], int] = {}
        self._drawn: list[Floats] = []
        self._values = np.zeros((0, 1))

    def add(self, rows: Bools, ranked: Sequence[int], malignant: bool) -> int:
        """A number for these rows. ranked: classes whose AUROC is wanted; malignant: the two-way numbers too."""
        key = (sha256(rows.tobytes()).digest(), tuple(ranked), malignant)
        if key in self._parts:
            return self._parts[key]
        part = self._parts[key] = len(self._parts)
        sample = self._sample.subset(rows)
        members = np.empty(sample.n_units, np.int64)  # a unit's number here -> its number in the whole sample
        members[sample.unit] = self._sample.unit[rows]

        sums = SumBlock(sample)
        everyone = np.ones(len(sample), bool)
        add_accuracy(sums)
        add_class_rates(sums)
        add_calibration(sums)
        if sample.has_set.any():
            add_sets(sums, by_class=False)
        for k, info in enumerate(sample.classes):
            sums.add_share(CALLED, sample.predicted == k, everyone, class_code=info.code)
        for k in ranked:
            _add_auroc(sums, sample.p[:, k], sample.target == k, everyone, sample.classes[k].code)
        if malignant:
            question = two_way(sample)
            add_operating_points(sums, question, self._points)
            _add_auroc(sums, question.score, question.case, question.rows, MALIGNANT)
        self._held.append((members, sums))
        for q in sums.quantities:
            # A class may itself be called "malignant": its AUROC and the two-way one are then the same question.
            self._row[part, q.metric, q.class_code] = self._rows
            self._rows += 1
        if sum(members.nbytes + block.nbytes for members, block in self._held) > _MOST_HELD:
            self._draw_held()
        return part

    def compute(self, weights: Floats) -> Floats:
        # None of a small group's units may be drawn: its numbers are then NaN, and the resample is left out.
        with np.errstate(divide="ignore", invalid="ignore"):
            return np.concatenate([block.compute(weights[members]) for members, block in self._held])

    def draw(self) -> None:
        """Compute everything; the draws are those of the whole table's own numbers."""
        if self._held:
            self._draw_held()
        if self._drawn:
            self._values = np.vstack(self._drawn)

    def _draw_held(self) -> None:
        """Compute what is held, and let go of it; all parts have the same draws, as they depend on seed and ids."""
        s, metrics = self._sample, sum(len(block.quantities) for _, block in self._held)
        self._drawn.append(np.hstack(values_of([self], metrics, s.ids, s.n_units, self._resamples, self._seed)))
        self._held.clear()

    def values(self, parts: Sequence[int], metric: str, code: str | None = None) -> Floats:
        """(parts, 1 + resamples): the point first, then the draws."""
        return self._values[[self._row[part, metric, code] for part in parts]]


def _add_auroc(sums: SumBlock, score: Floats, case: Bools, among: Bools, code: str) -> None:
    """AUROC of the rows in `among`; NaN without a case or a non-case."""
    sick, well = among & case, among & ~case
    quantity = Quantity(metric="auroc", class_code=code, n=int(among.sum()), n_units=sums.sample.units_in(among))
    above, below = np.zeros(len(score)), np.zeros(len(score))
    value = float("nan")
    if sick.any() and well.any():
        above[sick], below[well] = components(score[among], case[among])
        value = float(above[sick].mean())
    sums.add(quantity, [above, sick, below, well], lambda s: np.clip(ratio(s[:2]) + ratio(s[2:]) - value, 0, 1))
