"""What every benchmark needs: the machine in words, a CSV to add rows to, and where the real data lies."""

from __future__ import annotations

import csv
import importlib.metadata
import os
import platform
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parent.parent
RESULTS = ROOT / "benchmarks" / "results"
SHARED = ROOT.parent / "shared" / "data"


def machine() -> str:
    """Processor and cores, as in "Intel Xeon, 2 cores"."""
    name = platform.processor() or platform.machine()
    cpuinfo = Path("/proc/cpuinfo")
    if cpuinfo.is_file():
        for line in cpuinfo.read_text().splitlines():
            if line.startswith("model name"):
                name = line.split(":", 1)[1].strip()
                break
    return f"{name}, {os.cpu_count()} cores"


def stamp(*packages: str) -> dict[str, str]:
    """Machine, date and versions, for a row of results."""
    versions = " ".join(f"{p} {importlib.metadata.version(p)}" for p in ("cutis", *packages))
    return {"machine": machine(), "date": datetime.now(UTC).strftime("%Y-%m-%d"), "versions": versions}


def record(name: str, rows: list[dict[str, Any]], *, key: tuple[str, ...] = ()) -> list[dict[str, str]]:
    """Write rows to results/<name>.csv and return all that it now holds.

    With `key`, older rows stay unless a new row has the same values in these columns; without, they go.
    """
    path = RESULTS / f"{name}.csv"
    RESULTS.mkdir(parents=True, exist_ok=True)
    old: list[dict[str, Any]] = []
    fresh = [{k: str(v) for k, v in row.items()} for row in rows]
    if key and path.exists():
        replaced = {tuple(row[k] for k in key) for row in fresh}
        with path.open(newline="") as f:
            old = [row for row in csv.DictReader(f) if tuple(row[k] for k in key) not in replaced]
    everything = old + fresh
    if not everything:
        return []
    with path.open("w", newline="") as f:
        writer = csv.DictWriter(
            f, fieldnames=list(dict.fromkeys(k for row in everything for k in row)), lineterminator="\n"
        )
        writer.writeheader()
        writer.writerows(everything)
    return everything


def table(rows: list[dict[str, Any]], columns: list[str]) -> str:
    """Rows as an aligned text table."""
    cells = [columns, *([str(row.get(c, "")) for c in columns] for row in rows)]
    widths = [max(len(line[i]) for line in cells) for i in range(len(columns))]
    return "\n".join("  ".join(cell.ljust(w) for cell, w in zip(line, widths, strict=True)).rstrip() for line in cells)
