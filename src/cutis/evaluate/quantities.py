"""What a metric is made of: sums over rows, from which weighted units give the value, and who is counted."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from scipy.sparse import csr_array

from cutis.evaluate.arrays import Bools, Floats, Ints
from cutis.evaluate.sample import Sample
from cutis.evaluate.unit_sums import UnitSums


@dataclass(frozen=True, kw_only=True)
class Quantity:
    """One reported number: its name, the rows and units it rests on, and what stands in its way.

    needs: (what is counted, how many units there are of it); each must reach a minimum for a value, and a larger one
    for an interval. scarce: the same of what only the interval is bounded by: the class or the group of fewest units in
    a mean over them. remark: what a reader must know of the number even where it is fine. share: a share of rows, for
    which 0 and 1 have an exact limit. biased: its resamples lie on one side of it. undefined: why there is no value
    although the needs are met. limits: an interval by formula, which takes the place of the resamples' (None in it: the
    formula gives none).
    """

    metric: str
    class_code: str | None = None
    n: int
    n_units: int
    needs: tuple[tuple[str, int], ...] = ()
    remark: str = ""
    share: bool = False
    biased: bool = False
    scarce: tuple[str, int] | None = None
    undefined: str = "all rows are of one class; you need rows of at least two"
    limits: tuple[float, float] | None = None


Finish = Callable[[Floats], Floats]


def ratio(sums: Floats) -> Floats:
    """(2, r) sums of numerator and denominator -> (r,); NaN where the denominator is 0."""
    value: Floats = np.divide(sums[0], sums[1], out=np.full(sums.shape[1], np.nan), where=sums[1] > 0)
    return value


class SumBlock:
    """Metrics that are functions of weighted sums of row values, all computed by one matrix product."""

    def __init__(self, sample: Sample) -> None:
        self.sample = sample
        self.quantities: list[Quantity] = []
        self._sums = UnitSums(sample.unit, sample.n_units)
        self._finish: list[tuple[list[int], Finish]] = []

    def add(self, quantity: Quantity, columns: Sequence[Floats | Bools], finish: Finish) -> None:
        """A quantity whose value is finish((len(columns), r) weighted sums) -> (r,)."""
        self._finish.append(([self._sums.add(column) for column in columns], finish))
        self.quantities.append(quantity)

    @property
    def nbytes(self) -> int:
        return self._sums.nbytes

    def add_share(
        self, metric: str, event: Bools, among: Bools, *, class_code: str | None = None, what: str = ""
    ) -> None:
        """The share of rows in `among` that are in `event`; `what` names the units that it rests on."""
        units = self.sample.units_in(among)
        quantity = Quantity(
            metric=metric,
            class_code=class_code,
            n=int(among.sum()),
            n_units=units,
            needs=((what, units),),
            share=True,
        )
        self.add(quantity, [event & among, among], ratio)

    def add_mean(self, metric: str, values: Floats, among: Bools) -> None:
        """The mean of `values` over the rows in `among`."""
        units = self.sample.units_in(among)
        quantity = Quantity(metric=metric, n=int(among.sum()), n_units=units, needs=(("", units),))
        self.add(quantity, [np.where(among, values, 0.0), among], ratio)

    def compute(self, weights: Floats) -> Floats:
        sums = self._sums.weighted(weights)
        return np.stack([finish(sums[where]) for where, finish in self._finish])


class RowMeans:
    """Means over rows, each over the rows where it has a value (is not NaN); see `bootstrap.Block`."""

    def __init__(self, unit: Ints, n_units: int) -> None:
        self._sums = UnitSums(unit, n_units)
        self._places: list[list[int]] = []

    def add(self, values: Floats) -> None:
        known = np.isfinite(values)
        self._places.append([self._sums.add(np.where(known, values, 0.0)), self._sums.add(known)])

    def compute(self, weights: Floats) -> Floats:
        sums = self._sums.weighted(weights)
        return np.stack([ratio(sums[places]) for places in self._places])


def unit_matrix(unit: Ints, n_units: int) -> csr_array:
    """(units, rows) of ones: summing over it adds up each unit's rows."""
    return csr_array((np.ones(len(unit)), (unit, np.arange(len(unit)))), shape=(n_units, len(unit)))
