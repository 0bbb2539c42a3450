"""What was measured of a bundle on pictures that it hadn't learned from: the numbers that its card and pages show."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Self

from pydantic import BaseModel, ConfigDict

from cutis.schema.chance import HELD
from cutis.schema.evidence import Evidence, Measured
from cutis.schema.remark import CHANCE, COVERAGE, Remark

NEVER = "Never measured on pictures that it hadn't learned from: how well it does isn't known."
# Metric and class -> words, whether it is a percentage.
_SHOWN: dict[tuple[str, str | None], tuple[str, bool]] = {
    ("balanced_accuracy", None): ("balanced accuracy", True),
    ("auroc", "malignant"): ("AUROC of malignant", False),
    ("macro_auroc", None): ("macro AUROC", False),
    ("coverage", None): ("coverage of the answer sets", True),
    ("coverage_per_lesion", None): ("coverage, each lesion once", True),
    ("refused", None): ("refused", True),
}


class Performance(BaseModel):
    """One measurement.

    dataset, dataset_digest, part: of what. own: whether it is a part of the dataset that the bundle learned from, kept
    apart. measured: when, ISO 8601, UTC. unit: what was resampled; n images of n_units. level: of the intervals.
    target: coverage that the sets were made for, None without sets. image_types: of the images, by ISIC's name, where
    recorded. precision: of the computation. remarks: what must be known of the numbers, by code.
    """

    model_config = ConfigDict(frozen=True)
    dataset: str
    dataset_digest: str
    part: str
    own: bool
    measured: str
    cutis: str
    predictions_sha256: str
    precision: str = "fp32"
    unit: str
    n: int
    n_units: int
    level: float
    target: float | None = None
    numbers: tuple[Measured, ...]
    image_types: dict[str, int] = {}
    remarks: tuple[Remark, ...] = ()

    @classmethod
    def of(cls, evidence: Evidence, *, own: bool) -> Self:
        """Of the evidence on a bundle's predictions."""
        info = evidence.info
        found = [evidence.find(*key) for key in _SHOWN]
        types = {
            m.group: m.n
            for m in evidence.measured
            if (m.metric, m.class_code, m.attribute) == ("accuracy", None, "image_type") and m.group and m.n
        }
        return cls(
            dataset=info.dataset,
            dataset_digest=info.dataset_digest,
            part=info.part,
            own=own,
            measured=evidence.created,
            cutis=evidence.cutis,
            predictions_sha256=evidence.predictions_sha256,
            precision=info.precision,
            unit=evidence.unit,
            n=max((m.n for m in found if m is not None), default=0),
            n_units=evidence.counts.units,
            level=evidence.level,
            target=info.coverage,
            numbers=tuple(m for m in found if m is not None),
            image_types=types,
            remarks=tuple(
                r
                for r in evidence.remarks
                if r.code in COVERAGE or (r.code in CHANCE and (r.metric, r.class_code) in HELD)
            ),
        )

    def find(self, metric: str, class_code: str | None = None) -> Measured | None:
        return next((m for m in self.numbers if (m.metric, m.class_code) == (metric, class_code)), None)

    @property
    def where(self) -> str:
        """ "HAM10000, test part"."""
        part = f", {self.part} part" if self.part not in ("", "all") else ""
        return f"{self.dataset}{part}"

    def rows(self) -> list[tuple[str, str]]:
        """(what, its estimate) of each number, in words."""
        return [(words, _estimate(m, percent) + self._aim(m)) for m in self.numbers for words, percent in (_shown(m),)]

    def _aim(self, m: Measured) -> str:
        promised = m.metric == "coverage" and self.target is not None
        return f", made for {100 * (self.target or 0):g}\N{NO-BREAK SPACE}%" if promised else ""

    def words(self) -> str:
        """All of it in one line: where, on how many, when, the numbers."""
        units = f" of {self.n_units:,} {self.unit}s" if self.unit != "image" else ""
        numbers = ", ".join(f"{name} {shown}" for name, shown in self.rows())
        how = "" if self.precision == "fp32" else f", computed in {self.precision}"
        return f"{self.where}, {self.n:,} images{units}, {self.measured[:10]}{how}: {numbers}"


def ordered(found: Iterable[Performance]) -> list[Performance]:
    """Its own dataset's first, then by dataset and part."""
    return sorted(found, key=lambda p: (not p.own, p.dataset, p.part, p.precision))


def _shown(m: Measured) -> tuple[str, bool]:
    return _SHOWN[m.metric, m.class_code]


def _estimate(m: Measured, percent: bool) -> str:
    if m.value is None:
        return f"not estimable ({m.reason})"
    times, digits, sign = (100, 1, "\N{NO-BREAK SPACE}%") if percent else (1, 2, "")
    ends = (
        "no interval" if m.low is None or m.high is None else f"{times * m.low:.{digits}f}–{times * m.high:.{digits}f}"
    )
    return f"{times * m.value:.{digits}f}{sign} ({ends})"
