"""benchmarks/results/papers.csv: a line a trial, the latest run of each. Beside it papers_worlds.csv, of the worlds,
papers_beside.csv, what else a trial measured, and papers_overhead.csv, the benchmark's.
"""

from __future__ import annotations

import csv
import os
import platform
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path

from cutis import __version__
from cutis.errors import CutisError
from cutis.files import atomic_file, only_writer
from cutis.papers.trial import Effect, Mean, Outcome

_WHERE = ("budget", "machine", "cutis", "torch", "date")
FIELDS = (
    *("id", "world", "verdict", "metric", "better", "before", "after", "effect", "low", "high", "seeds", "units"),
    *("seconds_before", "seconds_after", "memory_mb", *_WHERE),
)
BESIDE_FIELDS = ("id", "world", "metric", "better", "before", "after", "effect", "low", "high", "seeds", *_WHERE)
WORLD_FIELDS = ("world", "arm", "gap", "low", "high", "seeds", *_WHERE)


def row_of(claim: str, world: str, better: str, outcome: Outcome, seeds: Sequence[int], budget: str) -> dict[str, str]:
    """A trial's line."""
    own = outcome.effects[0]
    values = (
        claim,
        world,
        outcome.verdict,
        own.metric,
        better,
        _number(own.before),
        _number(own.after),
        _number(own.value),
        _number(own.low),
        _number(own.high),
        str(len(seeds)),
        str(own.units),
        f"{outcome.seconds[0]:.1f}",
        f"{outcome.seconds[1]:.1f}",
        f"{outcome.memory:.0f}",
        *_where(budget),
    )
    return dict(zip(FIELDS, values, strict=True))


def beside_row(claim: str, world: str, better: str, seen: Effect, seeds: Sequence[int], budget: str) -> dict[str, str]:
    """The line of something that a trial measured beside its claim."""
    numbers = (seen.before, seen.after, seen.value, seen.low, seen.high)
    values = (claim, world, seen.metric, better, *map(_number, numbers), str(len(seeds)), *_where(budget))
    return dict(zip(BESIDE_FIELDS, values, strict=True))


def world_row(world: str, arm: str, found: Mean, budget: str) -> dict[str, str]:
    """A world's line: the gap of an arm, "baseline" or "oracle"."""
    seen = (_number(found.value), _number(found.low), _number(found.high), str(len(found.by_seed)))
    return dict(zip(WORLD_FIELDS, (world, arm, *seen, *_where(budget)), strict=True))


def _where(budget: str) -> tuple[str, ...]:
    cpus = f"{platform.machine()}, {os.cpu_count()} CPUs"
    return budget, cpus, __version__, version("torch"), datetime.now(UTC).date().isoformat()


def _number(value: float | None) -> str:
    return "" if value is None else f"{value:.4f}"


def interval(row: Mapping[str, str], told: Callable[[str], str] = str) -> str:
    """[low, high] of a line, each bound as `told` writes it; nothing where there is no interval."""
    return f" [{told(row['low'])}, {told(row['high'])}]" if row["low"] else ""


def worlds_file(results: Path) -> Path:
    """The file of worlds that belongs to a file of results."""
    return results.with_name(f"{results.stem}_worlds{results.suffix}")


def beside_file(results: Path) -> Path:
    """The file of what was measured beside the claims that belongs to a file of results."""
    return results.with_name(f"{results.stem}_beside{results.suffix}")


def read(path: Path, fields: Sequence[str] = FIELDS) -> list[dict[str, str]]:
    """The lines of a results file, none if it isn't there. Raises CutisError for a file of another kind."""
    if not path.is_file():
        return []
    with path.open(encoding="utf-8", newline="") as file:
        rows = csv.DictReader(file)
        if rows.fieldnames != list(fields):
            raise CutisError(f"{path}: not a file of results: expected the columns {', '.join(fields)}.")
        return list(rows)


def steps(results: Path) -> dict[str, float]:
    """Method -> time of its step over the plain step's, as `benchmarks/papers_overhead.py` recorded it."""
    path = results.with_name(f"{results.stem}_overhead{results.suffix}")
    if not path.is_file():
        return {}
    with path.open(encoding="utf-8", newline="") as file:
        return {row["method"]: float(row["overhead"]) for row in csv.DictReader(file)}


def record(path: Path, row: dict[str, str], keys: int = 2) -> None:
    """Put a line in, in place of an earlier one with the same first fields, so many as `keys`; ordered by these."""
    fields = list(row)
    key = fields[:keys]
    path.parent.mkdir(parents=True, exist_ok=True)
    with only_writer(path, "cutis papers"):
        kept = [r for r in read(path, fields) if any(r[k] != row[k] for k in key)]
        with atomic_file(path) as partial, partial.open("w", encoding="utf-8", newline="") as file:
            writer = csv.DictWriter(file, fields, lineterminator="\n")
            writer.writeheader()
            writer.writerows(sorted([*kept, row], key=lambda r: tuple(r[k] for k in key)))
