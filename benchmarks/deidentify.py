"""Identity planted in 300 files of every container, `cutis deidentify`, and what exiftool still finds.

    python benchmarks/deidentify.py [--keep FOLDER]

Every planted value holds a mark of its own (tests/data/planted_identity.py). A mark counts as seen if it stands in the
file's bytes or in what exiftool reads from it, which inflates compressed text; all must be seen before, none after.
After, exiftool may find no EXIF, GPS, XMP, IPTC, Photoshop, maker note, comment or trailing data either. Pixels: the
source and the result decoded and compared (DICOM: the shown pixels). Pictures are HAM10000's sample, 200 x 150.

Burned-in text: the share flagged of 500 images of HAM10000 as they are, and of 60 with a line of text drawn on them.
"""

from __future__ import annotations

import argparse
import json
import shutil
import subprocess
import sys
import tempfile
import time
import zipfile
from collections import Counter
from pathlib import Path

import cv2
import numpy as np

from common import ROOT, SHARED, record, stamp, table
from cutis.data.deidentify import Report, deidentify
from cutis.data.deidentify.burned_text import letters_in
from cutis.image.decode import decode

sys.path.insert(0, str(ROOT / "tests" / "data"))
import planted_identity as planted

# Groups of exiftool that may not be there after, by how their names begin.
FORBIDDEN = ("IFD", "ExifIFD", "GPS", "XMP", "IPTC", "Photoshop", "MakerNotes", "InteropIFD", "Trailer", "JFXX", "MPF")
SHARES = {"jpg": 80, "png": 60, "tif": 40, "webp": 40, "gif": 10, "bmp": 10, "jp2": 10, "avif": 10, "dcm": 40}


def pictures() -> list[np.ndarray]:
    return [decode(p.read_bytes(), p.name) for p in sorted((SHARED / "ham10000" / "sample").rglob("*.jpg"))]


def made(kind: str, n: int, pixels: np.ndarray, marks: planted.Marks) -> bytes:
    """File `n` of a kind; its number decides what else is asked of it."""
    if kind == "dcm":
        return planted.dicom(pixels, marks, compressed=n % 2 == 1)
    if kind in ("jpg", "png"):
        options: dict[str, object] = {"orientation": (1, 1, 1, 6, 3)[n % 5], "profile": n % 4 == 0}
        if kind == "jpg":
            options |= {"progressive": n % 3 == 0}
        return planted.CONTAINERS[kind](pixels, marks, **options)
    if kind == "tif":
        return planted.tiff(pixels, marks, **({"compression": "tiff_lzw"} if n % 2 else {}))
    if kind == "webp":
        return planted.webp(pixels, marks, lossless=n % 2 == 0, orientation=(1, 8)[n % 4 == 3])
    return planted.CONTAINERS[kind](pixels, marks)


def read_by_exiftool(folder: Path) -> dict[str, dict[str, object]]:
    """File name -> what exiftool reads of it, "Group:Tag" -> value."""
    command = ["exiftool", "-j", "-a", "-u", "-U", "-G1", "-s", "-ee", "-r", str(folder)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    return {Path(row["SourceFile"]).name: row for row in json.loads(done.stdout)}


def seen(data: bytes, tags: dict[str, object], marks: list[str]) -> list[str]:
    text = json.dumps(tags)
    raw = set(planted.left(data, marks))
    return [mark for mark in marks if mark in raw or mark in text]


def forbidden(tags: dict[str, object]) -> list[str]:
    groups = [(tag.partition(":")[0], tag) for tag in tags if ":" in tag]
    return [tag for group, tag in groups if group.startswith(FORBIDDEN) or tag.endswith((":Comment", ":TrailingData"))]


def plant(folder: Path) -> dict[str, list[str]]:
    """File name -> its marks."""
    folder.mkdir()
    shown, start, by_file = pictures(), 0, {}
    for kind, share in SHARES.items():
        for n in range(share):
            marks = planted.Marks(start)
            name = f"Mueller_{kind}_{n:03d}.{kind}"
            (folder / name).write_bytes(made(kind, n, shown[start % len(shown)], marks))
            by_file[name] = marks.made
            start += len(marks.made)
    return by_file


def rows_of(report: Report, by_file: dict[str, list[str]], source: Path, out: Path) -> list[dict[str, object]]:
    before, after = read_by_exiftool(source), read_by_exiftool(out)
    log = b"".join(path.read_bytes() for path in (out / "deidentified.csv", out / "deidentified.json"))
    counts: dict[str, Counter[str]] = {}
    for outcome in report.files:
        kind = outcome.source.suffix[1:]
        count, marks = counts.setdefault(kind, Counter()), by_file[outcome.source.name]
        count["files"] += 1
        count["ok"] += outcome.status == "ok"
        count["planted"] += len(marks)
        count["seen_before"] += len(seen(outcome.source.read_bytes(), before[outcome.source.name], marks))
        count["tags_before"] += len(forbidden(before[outcome.source.name]))
        path = out / outcome.file
        count["left"] += len(seen(path.read_bytes(), after[path.name], marks)) + len(planted.left(log, marks))
        count["tags_left"] += len(forbidden(after[path.name]))
        count["pixels_equal"] += outcome.pixels == "equal"
        count["max_error"] = max(count["max_error"], outcome.max_error or 0)
        if forbidden(after[path.name]):
            print(outcome.source.name, forbidden(after[path.name]))
    means = {kind: max((o.mean_error or 0) for o in report.files if o.source.suffix[1:] == kind) for kind in counts}
    return [
        {"what": kind, **{k: counts[kind][k] for k in (
            "files", "ok", "planted", "seen_before", "left", "tags_before", "tags_left", "pixels_equal", "max_error",
        )}, "largest_mean_error": f"{means[kind]:.3f}"}
        for kind in SHARES
    ]  # fmt: skip


def burned_text(images: int = 500, drawn: int = 60) -> list[dict[str, object]]:
    with zipfile.ZipFile(SHARED / "ham10000" / "images.zip") as archive:
        names = sorted(n for n in archive.namelist() if n.endswith(".jpg"))
        order = np.random.default_rng(0).permutation(len(names))
        shown = [decode(archive.read(names[i]), names[i]) for i in order[: images + drawn]]
    began = time.process_time()
    flagged = sum(letters_in(pixels) > 0 for pixels in shown[:images])
    each = (time.process_time() - began) / images
    found, rng = 0, np.random.default_rng(0)
    for n, pixels in enumerate(shown[images:]):
        large = cv2.resize(pixels, (600, 450))
        size, colour = float(rng.uniform(0.4, 0.9)), ((255, 255, 255), (0, 0, 0), (255, 255, 0))[n % 3]
        place = (10, int(rng.integers(30, 420)))
        cv2.putText(
            large, "MUELLER 03.02.1961", place, cv2.FONT_HERSHEY_SIMPLEX, size, colour, 1 + (size > 0.6), cv2.LINE_AA
        )
        coded = cv2.imencode(".jpg", large, [cv2.IMWRITE_JPEG_QUALITY, 85])[1]
        found += letters_in(cv2.imdecode(coded, cv2.IMREAD_COLOR)) > 0
    return [
        {"what": "burned-in text, none there", "files": images, "flagged": flagged, "ms_each": f"{1000 * each:.1f}"},
        {"what": "burned-in text, drawn", "files": drawn, "flagged": found},
    ]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--keep", type=Path, help="leave the planted and the clean folder here")
    given = parser.parse_args()
    if shutil.which("exiftool") is None:
        sys.exit("exiftool is not installed (Debian: libimage-exiftool-perl)")
    with tempfile.TemporaryDirectory() as scratch:
        at = given.keep or Path(scratch)
        at.mkdir(exist_ok=True)
        by_file = plant(at / "planted")
        began = time.perf_counter()
        report = deidentify(at / "planted", at / "clean", b"benchmark key, 24 bytes.")
        seconds = time.perf_counter() - began
        rows = rows_of(report, by_file, at / "planted", at / "clean")
    rows += burned_text()
    marks = stamp("pillow", "pydicom")
    everything = record("deidentify", [{**row, **marks} for row in rows])
    print(table(everything, [c for c in everything[0] if c not in marks] + ["flagged", "ms_each"]))
    planted_in_all = sum(int(row["planted"]) for row in rows if "planted" in row)  # type: ignore[call-overload]
    left = sum(int(row["left"]) + int(row["tags_left"]) for row in rows if "left" in row)  # type: ignore[call-overload]
    print(f"{planted_in_all} planted values in {len(by_file)} files, {left} left; {len(by_file) / seconds:.0f} files/s")


if __name__ == "__main__":
    main()
