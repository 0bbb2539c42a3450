"""Images a second from HAM10000's zips to a Cutis dataset, and whether memory grows with the number of images.

    python benchmarks/import.py [--copies 1 2 4]

Each run is a process of its own: import of the 8,199 images of ../shared/data/ham10000, and of tables that name each of
them two and four times (under other ids, the same zip). The floor is a plain loop that reads the members of the zip and
writes them to files, with nothing decoded, checked or cleaned. The last line is the floor's time over ours.
"""

from __future__ import annotations

import argparse
import csv
import subprocess
import sys
import tempfile
import time
import zipfile
from pathlib import Path

from common import SHARED, record, stamp, table

CODE = (
    "import resource, sys, time, cutis\n"
    "began = time.perf_counter()\n"
    "data = cutis.import_dataset(sys.argv[1], sys.argv[2], reader='ham10000', images=sys.argv[3])\n"
    "print(data.card.counts['ok'], time.perf_counter() - began,"
    " resource.getrusage(resource.RUSAGE_SELF).ru_maxrss)"
)


def repeated_table(folder: Path, copies: int) -> Path:
    """A release whose metadata.csv names every image `copies` times."""
    folder.mkdir()
    with (SHARED / "ham10000" / "metadata.csv").open(newline="") as f:
        rows = list(csv.DictReader(f))
    with (folder / "metadata.csv").open("w", newline="") as f:
        writer = csv.DictWriter(f, fieldnames=list(rows[0]), lineterminator="\n")
        writer.writeheader()
        for copy in range(copies):
            writer.writerows({**row, "image_id": f"{row['image_id']}_{copy}"} for row in rows)
    return folder


def plain_copy(folder: Path) -> float:
    """Seconds to unpack the zip's images, and nothing else."""
    folder.mkdir()
    began = time.perf_counter()
    with zipfile.ZipFile(SHARED / "ham10000" / "images.zip") as archive:
        for name in archive.namelist():
            if not name.endswith("/"):
                (folder / Path(name).name).write_bytes(archive.read(name))
    return time.perf_counter() - began


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--copies", type=int, nargs="+", default=[1, 2, 4])
    given = parser.parse_args()
    rows = []
    with tempfile.TemporaryDirectory() as temporary:
        work = Path(temporary)
        floor = plain_copy(work / "plain")
        for copies in given.copies:
            src = repeated_table(work / f"src{copies}", copies)
            done = subprocess.run(
                [sys.executable, "-c", CODE, src, work / f"data{copies}", SHARED / "ham10000"],
                capture_output=True,
                text=True,
                check=True,
            )
            images, seconds, kilobytes = done.stdout.split()
            rows.append(
                {
                    "images": int(images),
                    "seconds": round(float(seconds), 2),
                    "images_per_s": round(int(images) / float(seconds)),
                    "peak_memory_gb": round(int(kilobytes) * 1024 / 1e9, 3),
                    "plain_copy_images_per_s": round(8199 / floor),
                }
            )
    print(table(rows, list(rows[0])))
    record("import", [row | stamp("polars", "pillow", "simplejpeg") for row in rows])
    print(f"import ratio={rows[0]['images_per_s'] / rows[0]['plain_copy_images_per_s']:.2f}")


if __name__ == "__main__":
    main()
