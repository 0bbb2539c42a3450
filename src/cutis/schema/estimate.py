"""`Estimate`: the only form in which Cutis reports a number."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any, Literal, Protocol

Status = Literal["ok", "not estimable"]
# Where an interval lies beside a value. "unknown" (there is no interval) is never "holds": nothing was shown.
Side = Literal["below", "holds", "above", "unknown"]


class HasInterval(Protocol):
    """An `Estimate`, or what has its ends."""

    @property
    def low(self) -> float | None: ...
    @property
    def high(self) -> float | None: ...


def side(m: HasInterval, at: float) -> Side:
    """Where the interval of `m` lies beside `at`. Every sentence that says "better", "worse" or "not shown" asks here.

    >>> e = Estimate(value=0.6, low=0.5, high=0.7, n=90, n_units=90, unit="lesion")
    >>> side(e, 0.4), side(e, 0.5), side(e, 0.8), side(Estimate.missing("few", n=3, n_units=3, unit="lesion"), 0.5)
    ('above', 'holds', 'below', 'unknown')
    """
    if m.low is None or m.high is None:
        return "unknown"
    return "above" if m.low > at else "below" if m.high < at else "holds"


def apart(a: HasInterval, b: HasInterval) -> bool | None:
    """Whether two intervals have no value in common; None if one of them is missing."""
    if a.low is None or a.high is None or b.low is None or b.high is None:
        return None
    return a.high < b.low or b.high < a.low


@dataclass(frozen=True, slots=True, kw_only=True)
class Estimate:
    """A measured number with its uncertainty, or the reason why there is none.

    value, low, high: the point estimate and its interval (95 % unless stated); None if not estimable. `low` and `high`
        may be None alone, with a `reason`, when the point can be computed but its interval cannot.
    n: rows it was computed on. n_units: independent units among them (patients, lesions...).
    unit: what was resampled for the interval: "patient", "lesion", "image" or "patient or lesion".
    status: "ok" or "not estimable". reason: why there is no value or no interval, or what a reader must know of an "ok"
        number ("over 5 of 7 classes"); else "".
    """

    value: float | None
    low: float | None
    high: float | None
    n: int
    n_units: int
    unit: str
    status: Status = "ok"
    reason: str = ""

    @classmethod
    def missing(cls, reason: str, *, n: int, n_units: int, unit: str) -> Estimate:
        """An estimate that could not be made, and why."""
        return cls(
            value=None, low=None, high=None, n=n, n_units=n_units, unit=unit, status="not estimable", reason=reason
        )

    def to_dict(self) -> dict[str, Any]:
        return asdict(self)

    def format(self, digits: int = 3) -> str:
        """ "0.712 (0.680-0.741)", or "not estimable: <reason>"."""
        if self.value is None:
            return f"not estimable: {self.reason}"
        if self.low is None or self.high is None:
            return f"{self.value:.{digits}f} (no interval: {self.reason})"
        return f"{self.value:.{digits}f} ({self.low:.{digits}f}-{self.high:.{digits}f})"
