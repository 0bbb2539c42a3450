"""`cutis lint` of two generated manifests of a million rows: seconds and peak memory of the command.

    python benchmarks/lint.py [--rows 1000000]

One row in a hundred of the second is also in the first, by id, by bytes or by lesion; the second has a source's
split that some patients cross. What lint counts is compared with what was planted. Target: under 20 s and 4 GB.
"""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np
import polars as pl

from common import record, stamp, table
from cutis.data.lint import total
from cutis.schema.finding import Finding


def manifest(rows: int, first: int, seed: int) -> pl.DataFrame:
    """Image ids from `first` on; two images a lesion, eight a patient; 64 hex digits an image."""
    rng = np.random.default_rng(seed)
    number = np.arange(first, first + rows)
    digits = rng.integers(0, 2**63, (rows, 4), dtype=np.int64)
    return pl.DataFrame({"n": number}).select(
        image_id=pl.format("IMG_{}", pl.col("n").cast(pl.String).str.zfill(9)),
        lesion_id=pl.format("L{}", pl.col("n") // 2),
        patient_id=pl.format("P{}", pl.col("n") // 8),
        source=pl.lit("made up"),
        source_split=pl.Series(np.where((number // 8) % 5 == 0, "test", "train")),
        sha256=pl.Series(["".join(f"{d:016x}" for d in row) for row in digits.tolist()]),
        file=pl.format("images/{}.jpg", pl.col("n")),
        status=pl.lit("ok"),
        target=pl.lit("nv"),
    )


def planted(rows: int) -> tuple[pl.DataFrame, pl.DataFrame, dict[str, int]]:
    """Two manifests, and how many of each kind of leak they hold."""
    share = rows // 300
    one, other = manifest(rows, 0, 1), manifest(rows, 10 * rows, 2)
    n = pl.int_range(pl.len())
    head = one.head(rows).with_columns(n=n)
    # The first rows have the other's image id, the next its bytes, the next its lesion id.
    for column, start in (("image_id", 0), ("sha256", share), ("lesion_id", 2 * share)):
        here = (n >= start) & (n < start + share)
        taken = head[column] if column != "lesion_id" else head["lesion_id"]
        other = other.with_columns(pl.when(here).then(taken).otherwise(pl.col(column)).alias(column))
    lesions = other["lesion_id"].slice(2 * share, share).n_unique()
    crossing = share // 8
    moved = (n % 8 == 1) & (n < crossing * 8)
    other = other.with_columns(
        source_split=pl.when(moved).then(pl.lit("val")).otherwise("source_split"),
    )
    return one, other, {
        "same image id": share, "same image bytes": share, "same lesion id": lesions, "patient in two parts": crossing,
    }  # fmt: skip


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rows", type=int, default=1_000_000)
    given = parser.parse_args()
    with tempfile.TemporaryDirectory() as temporary:
        folder = Path(temporary)
        one, other, expected = planted(given.rows)
        one.write_parquet(folder / "one.parquet")
        other.write_parquet(folder / "other.parquet")
        del one, other
        command = [sys.executable, "-m", "cutis", "lint", "other.parquet", "--against", "one.parquet"]
        started = time.monotonic()
        process = subprocess.Popen(
            [*command, "--out", "findings.parquet"], cwd=folder, stdout=subprocess.PIPE, text=True
        )
        assert process.stdout is not None
        said = process.stdout.read()
        _, status, usage = os.wait4(process.pid, 0)
        seconds = time.monotonic() - started
        assert os.waitstatus_to_exitcode(status) == 1, said
        findings = [Finding(**row) for row in pl.read_parquet(folder / "findings.parquet").iter_rows(named=True)]
    counted = {check: group.count for (severity, check, *_), group in total(findings).items() if severity == "leak"}
    wrong = {check: (counted.get(check), n) for check, n in expected.items() if counted.get(check) != n}
    assert not wrong, wrong
    row = {
        "rows_each": given.rows,
        "seconds": round(seconds, 2),
        "cpu_seconds": round(usage.ru_utime + usage.ru_stime, 2),
        "peak_gb": round(usage.ru_maxrss / 1e6, 2),
        **{check.replace(" ", "_"): n for check, n in expected.items()},
    }
    print(table([row], list(row)))
    record("lint", [row | stamp("polars")], key=("rows_each",))
    print(f"lint seconds={seconds:.1f} gb={usage.ru_maxrss / 1e6:.2f}")


if __name__ == "__main__":
    main()
