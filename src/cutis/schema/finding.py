"""A finding: one doubt about a dataset, in a form that a page, a table and an exit code can be made of."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import asdict, dataclass
from typing import Literal

import polars as pl

Severity = Literal["leak", "error", "warning", "note"]
SEVERITIES: tuple[Severity, ...] = ("leak", "error", "warning", "note")


@dataclass(frozen=True, slots=True)
class Finding:
    """One doubt.

    check: the check's name ("lesion in two parts"). severity: "leak" (independence is broken), "error" (can't be
    true), "warning" (look at it), "note". message: what, in one line. image_id, other_id: the images it is about, if
    any; dataset, other_dataset: where they lie. score: the check's own number (distance, probability), if it has one.
    """

    check: str
    severity: Severity
    message: str
    dataset: str = ""
    image_id: str | None = None
    other_dataset: str | None = None
    other_id: str | None = None
    score: float | None = None


SCHEMA: dict[str, pl.DataType] = {
    "check": pl.String(),
    "severity": pl.String(),
    "message": pl.String(),
    "dataset": pl.String(),
    "image_id": pl.String(),
    "other_dataset": pl.String(),
    "other_id": pl.String(),
    "score": pl.Float64(),
}


def findings_table(findings: Iterable[Finding]) -> pl.DataFrame:
    """The findings as a table, the gravest first (order is kept among equals)."""
    rank = {name: i for i, name in enumerate(SEVERITIES)}
    return pl.DataFrame([asdict(f) for f in sorted(findings, key=lambda f: rank[f.severity])], schema=SCHEMA)
