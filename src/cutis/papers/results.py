"""benchmarks/results/papers.csv: one line a trial, the latest run of each."""

from __future__ import annotations

import csv
import os
import platform
from collections.abc import Sequence
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path

from cutis import __version__
from cutis.errors import CutisError
from cutis.files import atomic_file
from cutis.papers.trial import Outcome

FIELDS = (
    *("id", "world", "verdict", "metric", "better", "before", "after", "effect", "low", "high", "seeds", "units"),
    *("beside", "seconds_before", "seconds_after", "memory_mb", "budget", "machine", "cutis", "torch", "date"),
)


def row_of(claim: str, world: str, better: str, outcome: Outcome, seeds: Sequence[int], budget: str) -> dict[str, str]:
    """A trial's line."""
    own, *others = outcome.effects

    def number(value: float | None) -> str:
        return "" if value is None else f"{value:.4f}"

    beside = "; ".join(f"{e.metric} {e.before:.3f} -> {e.after:.3f} ({e.value:+.3f})" for e in others)
    values = (
        claim,
        world,
        outcome.verdict,
        own.metric,
        better,
        number(own.before),
        number(own.after),
        number(own.value),
        number(own.low),
        number(own.high),
        str(len(seeds)),
        str(own.units),
        beside,
        f"{outcome.seconds[0]:.1f}",
        f"{outcome.seconds[1]:.1f}",
        f"{outcome.memory:.0f}",
        budget,
        f"{platform.machine()}, {os.cpu_count()} CPUs",
        __version__,
        version("torch"),
        datetime.now(UTC).date().isoformat(),
    )
    return dict(zip(FIELDS, values, strict=True))


def read(path: Path) -> list[dict[str, str]]:
    """The lines of a results file, none if it isn't there. Raises CutisError for a file of another kind."""
    if not path.is_file():
        return []
    with path.open(encoding="utf-8", newline="") as file:
        rows = csv.DictReader(file)
        if rows.fieldnames != list(FIELDS):
            raise CutisError(f"{path}: not a file of results: expected the columns {', '.join(FIELDS)}.")
        return list(rows)


def record(path: Path, row: dict[str, str]) -> None:
    """Put a line in, in place of an earlier one of the same trial; ordered by id and world."""
    kept = [r for r in read(path) if (r["id"], r["world"]) != (row["id"], row["world"])]
    path.parent.mkdir(parents=True, exist_ok=True)
    with atomic_file(path) as partial, partial.open("w", encoding="utf-8", newline="") as file:
        writer = csv.DictWriter(file, FIELDS, lineterminator="\n")
        writer.writeheader()
        writer.writerows(sorted([*kept, row], key=lambda r: (r["id"], r["world"])))
