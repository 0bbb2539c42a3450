"""The estimates as tables: measured.csv, and the pivots that the page shows."""

from __future__ import annotations

import csv
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from cutis.files import atomic_folder, refuse_existing
from cutis.report import words
from cutis.schema.comparison import Comparison, Paired
from cutis.schema.estimate import Estimate
from cutis.schema.evidence import Disparity, Evidence, Measured


def write_measured(evidence: Evidence, path: Path) -> None:
    """Every estimate, one a row, as CSV; what is unknown is an empty cell. Disparities have an attribute, no group."""
    _write([*evidence.measured, *(m for f in evidence.fairness for m in f.measured)], Disparity, path)


def write_comparison(comparison: Comparison, out: Path) -> None:
    """Write the folder `out`: compare.json, and compare.csv, a row a number. Raises CutisError if `out` exists."""
    refuse_existing(out)
    with atomic_folder(out) as folder:
        comparison.save(folder / "compare.json")
        _write([*comparison.measured, *comparison.fairness], Paired, folder / "compare.csv")


def _write(rows: Iterable[Measured], row: type[Measured], path: Path) -> None:
    with path.open("w", newline="", encoding="utf-8") as f:
        writer = csv.DictWriter(f, list(row.model_fields), lineterminator="\n")
        writer.writeheader()
        writer.writerows(m.model_dump() for m in rows)


@dataclass
class Pivot:
    """A table of estimates: one row a class or group, one column a metric; reasons are footnotes with letters."""

    columns: list[str]
    rows: list[tuple[str, str, list[str]]]  # name, n, cells
    footnotes: list[tuple[str, str]] = field(default_factory=list)  # letter, reason


def pivot(found: Iterable[tuple[str, Measured]], size: Callable[[list[int]], int]) -> Pivot:
    """Pivot (row name, estimate) pairs. Rows and columns keep their order of first appearance.

    size: which of a row's counts of images stands for it (its metrics may rest on different ones).
    """
    found = list(found)
    names = list(dict.fromkeys(name for name, _ in found))
    keys = list(dict.fromkeys((m.metric, _code(m)) for _, m in found))
    cells = {(name, m.metric, _code(m)): m for name, m in found}
    reasons: dict[str, str] = {}
    rows = []
    for name in names:
        own = [cells.get((name, *key)) for key in keys]
        n = f"{size([m.n for m in own if m is not None]):,}"
        rows.append((name, n, [cell(m, reasons) for m in own]))
    columns = [words.metric(m).label + (f", {code}" if code else "") for m, code in keys]
    return Pivot(columns, rows, [(letter, reason) for reason, letter in reasons.items()])


def _code(m: Measured) -> str | None:
    """The class as part of the column's name: only where the row is a group."""
    return m.class_code if m.attribute is not None else None


def cell(m: Measured | None, reasons: dict[str, str]) -> str:
    """An estimate as text; what must be known of it becomes a footnote, whose letter is added to `reasons`."""
    if m is None:
        return "not measured"
    return estimate_cell(m, words.metric(m.metric).style, reasons)


def estimate_cell(m: Estimate | Measured, style: str, reasons: dict[str, str]) -> str:
    """As `cell`, for an estimate printed in `style`."""
    shown = "not estimable" if m.value is None else words.estimate_text(m, style)
    if m.value is not None and not m.reason:
        return shown
    letter = reasons.setdefault(m.reason or "no reason given", letters(len(reasons)))
    return f"{shown} [{letter}]"


def letters(k: int) -> str:
    """a, b, ... z, aa, ab, ... for footnote k."""
    return (letters(k // 26 - 1) if k >= 26 else "") + "abcdefghijklmnopqrstuvwxyz"[k % 26]


def by_group(evidence: Evidence) -> list[tuple[str, Pivot]]:
    """(attribute, one row a group) for each attribute."""
    names: Sequence[str] = list(dict.fromkeys(m.attribute for m in evidence.measured if m.attribute is not None))
    return [
        (name, pivot([(m.group or "", m) for m in evidence.measured if m.attribute == name], max)) for name in names
    ]
