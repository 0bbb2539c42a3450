"""A dossier's tables: as files for machines, and as pivots for the auditor's page."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import asdict, fields
from pathlib import Path
from typing import Any

import polars as pl

from cutis.files import write_csv, write_parquet
from cutis.report import words
from cutis.report.audited.select import (
    WORLDS,
    Key,
    amount,
    attack_words,
    change_style,
    keys,
    kind_words,
    metric_words,
    norm_words,
    score_words,
    shift_words,
    suite_words,
    suites,
)
from cutis.report.table import Pivot, estimate_cell
from cutis.schema.dossier import (
    AttackRow,
    CounterfactualRow,
    DistanceRow,
    DossierEvidence,
    NotDone,
    OodRow,
    RefusalRow,
    Row,
    ShiftRow,
)
from cutis.schema.estimate import Estimate
from cutis.schema.evidence import Disparity, GroupTest

_ROWS: dict[str, type[Row]] = {
    "shifts": ShiftRow,
    "ood": OodRow,
    "counterfactual": CounterfactualRow,
    "attacks": AttackRow,
    "refusals": RefusalRow,
    "distances": DistanceRow,
    "not_done": NotDone,
}
NAMES = ("measured", "group_tests", *_ROWS)


def tables(d: DossierEvidence) -> dict[str, pl.DataFrame]:
    """Every table by name. An Estimate called `change` is the columns change_value, change_low... ; an empty table has
    its columns all the same."""
    measured = [*d.clean.measured, *(m for f in d.clean.fairness for m in f.measured)]
    tests = [{"attribute": f.attribute, **t.model_dump()} for f in d.clean.fairness for t in f.tests]
    made = {
        "measured": _frame(_columns(Disparity), (m.model_dump() for m in measured)),
        "group_tests": _frame({"attribute": pl.String()} | _columns(GroupTest), tests),
    }
    for name, row in _ROWS.items():
        made[name] = _frame(_columns(row), map(_flat, getattr(d, name)))
    return made


def save_tables(found: dict[str, pl.DataFrame], folder: Path) -> None:
    """Write folder/<name>.parquet and folder/<name>.csv."""
    folder.mkdir(parents=True)
    for name, table in found.items():
        write_parquet(folder / f"{name}.parquet", table)
        write_csv(folder / f"{name}.csv", table)


def _frame(columns: dict[str, pl.DataType], rows: Iterable[dict[str, Any]]) -> pl.DataFrame:
    return pl.DataFrame([{c: r.get(c) for c in columns} for r in rows], schema=columns)


def _columns(model: Any) -> dict[str, pl.DataType]:
    """Names and types of a model's fields, an Estimate's own in the place of one."""
    found: dict[str, pl.DataType] = {}
    for name, field in model.model_fields.items():
        if field.annotation is Estimate:
            found |= {f"{name}_{f.name}": _type(f.type) for f in fields(Estimate)}
        else:
            found[name] = _type(field.annotation)
    return found


def _type(annotation: Any) -> pl.DataType:
    shown = annotation.__name__ if isinstance(annotation, type) else str(annotation)
    return pl.Float64() if "float" in shown else pl.Int64() if "int" in shown.split(" | ") else pl.String()


def _flat(row: Row) -> dict[str, Any]:
    flat: dict[str, Any] = {}
    for name in type(row).model_fields:
        value = getattr(row, name)
        flat |= {f"{name}_{k}": v for k, v in asdict(value).items()} if isinstance(value, Estimate) else {name: value}
    return flat


class _Table:
    """Gathers a pivot's cells and their footnotes."""

    def __init__(self, columns: Sequence[str]) -> None:
        self.columns, self.rows, self.reasons = list(columns), list[tuple[str, str, list[str]]](), dict[str, str]()

    def add(self, name: str, n: int, found: Iterable[tuple[Estimate | None, str]], *more: str) -> None:
        cells = ["not measured" if m is None else estimate_cell(m, style, self.reasons) for m, style in found]
        self.rows.append((name, f"{n:,}", [*cells, *more]))

    @property
    def pivot(self) -> Pivot:
        return Pivot(self.columns, self.rows, [(letter, why) for why, letter in self.reasons.items()])


def shift_tables(shifts: Sequence[ShiftRow]) -> list[tuple[str, Pivot]]:
    """(suite, a row a shift and severity, two columns a measure: itself and its change)."""
    made = []
    for suite in suites(shifts):
        own = [r for r in shifts if r.suite == suite and r.severity is not None]
        measures: list[Key] = keys(own)
        cells = {(r.shift, r.severity, r.metric, r.class_code): r for r in own}
        table = _Table([c for k in measures for c in (metric_words(k), "change")])
        for shift, severity in dict.fromkeys((r.shift, r.severity) for r in own):
            found = [cells.get((shift, severity, *k)) for k in measures]
            first = next(r for r in found if r is not None)
            table.add(
                ", ".join(filter(None, (f"{shift_words(shift)} {severity}", amount(first)))),
                min(r.estimate.n for r in found if r is not None),
                [
                    pair
                    for k, r in zip(measures, found, strict=True)
                    for pair in (
                        (r.estimate if r else None, words.metric(k[0]).style),
                        (r.change if r else None, change_style(k[0])),
                    )
                ],
            )
        if table.rows:
            made.append((suite_words(suite), table.pivot))
    return made


def summary_table(shifts: Sequence[ShiftRow]) -> Pivot | None:
    """What is measured over all severities (BE, rBE...): a row a suite and shift, a column a measure."""
    own = [r for r in shifts if r.severity is None]
    measures = list(dict.fromkeys((r.metric, r.class_code) for r in own))
    cells = {(r.suite, r.shift, r.metric, r.class_code): r for r in own}
    table = _Table([metric_words(k) for k in measures])
    for suite, shift in dict.fromkeys((r.suite, r.shift) for r in own):
        found = [cells.get((suite, shift, *k)) for k in measures]
        n = min(r.estimate.n for r in found if r is not None)
        styles = [words.metric(k[0]).style for k in measures]
        estimates = [r.estimate if r else None for r in found]
        table.add(f"{suite_words(suite)}: {shift_words(shift)}", n, zip(estimates, styles, strict=True))
    return table.pivot if table.rows else None


def ood_table(rows: Sequence[OodRow]) -> Pivot:
    table = _Table(["AUROC", "AUPR", "FPR95", "Known and strange images", "Found means"])
    for r in rows:
        name = f"{score_words(r.score)} against {words.label(r.against)} ({kind_words(r.kind)})"
        found = [(r.auroc, "decimal"), (r.aupr, "decimal"), (r.fpr95, "percent")]
        table.add(name, r.n_in + r.n_out, found, f"{r.n_in:,} and {r.n_out:,}", r.positive)
    return table.pivot


def counterfactual_table(rows: Sequence[CounterfactualRow]) -> Pivot:
    table = _Table(["Change in p(malignant), points", "Size of the change, %", "Answers that change", "Not trusted"])
    for r in rows:
        name = f"{WORLDS[r.world]}, {r.change}: {r.group}"
        found = [(r.shift, "points"), (r.distance, "percent"), (r.flips, "percent")]
        table.add(name, r.n, found, f"{r.outside_trust:,}")
    return table.pivot


def attack_table(rows: Sequence[AttackRow]) -> Pivot:
    measures = list(dict.fromkeys((r.metric, r.class_code) for r in rows))
    cells = {(r.attack, r.norm, r.epsilon, r.metric, r.class_code): r for r in rows}
    table = _Table([metric_words(k) for k in measures])
    for attack, norm, epsilon in dict.fromkeys((r.attack, r.norm, r.epsilon) for r in rows):
        found = [cells.get((attack, norm, epsilon, *k)) for k in measures]
        styles = [words.metric(k[0]).style for k in measures]
        name = f"{attack_words(attack)}, {norm_words(norm)}, {epsilon:.4g} ({255 * epsilon:.3g} of 255)"
        estimates = [r.estimate if r else None for r in found]
        table.add(name, min(r.estimate.n for r in found if r), zip(estimates, styles, strict=True))
    return table.pivot


def refusal_table(rows: Sequence[RefusalRow]) -> Pivot:
    """A row a group, a column a reason."""
    reasons = list(dict.fromkeys(r.reason for r in rows))
    cells = {(r.column, r.group, r.reason): r for r in rows}
    table = _Table(["for any reason" if reason == "any" else reason for reason in reasons])
    for column, group in dict.fromkeys((r.column, r.group) for r in rows):
        found = [cells.get((column, group, reason)) for reason in reasons]
        name = f"{words.upper(words.attribute(column))}: {group}" if column else "All images"
        n = max(r.n for r in found if r is not None)
        table.add(name, n, [(r.share if r else None, "percent") for r in found])
    return table.pivot
