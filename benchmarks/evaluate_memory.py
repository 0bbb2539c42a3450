"""Peak memory and time of `cutis evaluate` on millions of rows (issue's bound: ten million in 8 GB).

    python benchmarks/evaluate_memory.py [--rows 10000000] [--resamples 40] [--predictions FILE]

The predictions are those of bootstrap.py, of `--rows` rows; making ten million takes minutes, so a file made before can
be given. Resamples cost time, not memory. The last line is 8 GB over the peak: `evaluate_memory ratio=X.XX`, 1 or more
meets it.
"""

from __future__ import annotations

import argparse
import tempfile
from pathlib import Path

import pyarrow.parquet as pq

from bootstrap import synthetic, whole_command
from common import record, stamp, table

BOUND = 8.0  # GB


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rows", type=int, default=10_000_000)
    parser.add_argument("--resamples", type=int, default=40)
    parser.add_argument("--predictions", type=Path)
    given = parser.parse_args()
    with tempfile.TemporaryDirectory() as temporary:
        file = given.predictions or synthetic(given.rows).save(Path(temporary) / "predictions.parquet")
        rows = pq.read_metadata(file).num_rows
        seconds, peak = whole_command(file, Path(temporary), "--resamples", str(given.resamples))
    row = {"rows": rows, "resamples": given.resamples, "seconds": round(seconds), "peak_gb": round(peak, 2)}
    print(table([row], list(row)))
    record("evaluate_memory", [row | stamp("numpy", "polars", "scipy")], key=("rows", "resamples"))
    print(f"evaluate_memory ratio={BOUND / peak:.2f}")


if __name__ == "__main__":
    main()
