"""What starting costs, over a bare `python -c pass`: `import cutis` (target 0.1 s) and `cutis --help` (0.5 s).

    python benchmarks/startup.py [--runs 15]

Whole processes, in turn; medians. The last line is the bare interpreter's time over that of `import cutis`.
"""

from __future__ import annotations

import argparse
import statistics
import subprocess
import sys
import time

from common import record, stamp, table

COMMANDS = {
    "python -c pass": ["-c", "pass"],
    "import cutis": ["-c", "import cutis"],
    "cutis --help": ["-m", "cutis", "--help"],
}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--runs", type=int, default=15)
    given = parser.parse_args()
    taken: dict[str, list[float]] = {name: [] for name in COMMANDS}
    for run in range(given.runs + 1):
        for name, arguments in COMMANDS.items():
            started = time.perf_counter()
            subprocess.run([sys.executable, *arguments], check=True, stdout=subprocess.DEVNULL)
            if run:  # the first warms the disk cache
                taken[name].append(time.perf_counter() - started)
    median = {name: statistics.median(times) for name, times in taken.items()}
    bare = median["python -c pass"]
    rows = [
        {"command": name, "median_s": round(m, 3), "over_bare_s": round(m - bare, 3), "runs": given.runs}
        for name, m in median.items()
    ]
    print(table(rows, list(rows[0])))
    record("startup", [row | stamp("cyclopts") for row in rows])
    print(f"startup ratio={bare / median['import cutis']:.2f}")


if __name__ == "__main__":
    main()
