"""A folder of pictures, DICOM files and tables to one without identity, and a log that holds none either.

    OUT/images/<pseudonym>.jpg|.png   OUT/dicom/<pseudonym>.dcm   OUT/tables/<pseudonym>.csv
    OUT/deidentified.csv   a row a file of the source, under its pseudonym
    OUT/deidentified.json  what was removed in all; of each table the columns that were kept, with how many of their
                           cells, and why others were dropped

A pseudonym is keyed by the file's path under the folder. Rows stand in the order of pseudonyms, so that not even the
order of names is left. What is neither picture, DICOM nor table is left out, as are hidden files.
"""

from __future__ import annotations

import re
import warnings
from collections import Counter
from collections.abc import Collection, Sequence
from contextlib import closing
from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import Path, PurePosixPath
from typing import Any

import numpy as np
import polars as pl

from cutis.data.deidentify import tables
from cutis.data.deidentify.burned_text import letters_in
from cutis.data.deidentify.dicom import NoPicture, clean_dicom, shown
from cutis.data.deidentify.picture import clean_picture
from cutis.data.dicom.part10 import is_dicom, is_dicom_name
from cutis.data.files_in import is_image_name, visible_entries
from cutis.data.pseudonym import pseudonym
from cutis.data.threads import ordered
from cutis.errors import CutisError
from cutis.extras import require
from cutis.files import atomic_folder, disk_errors, refuse_existing, write_csv, write_json
from cutis.image.decode import BadImage, read_bytes
from cutis.progress import Progress, silent

LOG = "deidentified.csv"
SUMMARY = "deidentified.json"
OK, REFUSED, LEFT_OUT = "ok", "refused", "left out"


@dataclass(frozen=True)
class Outcome:
    """What became of one file. `source` is for the person at the terminal and is never written.

    status: ok; refused (a picture that can't be read or must not go out); left out (no picture). pixels: "equal" or
    "re-encoded", and then by how many levels of 255 on average and at most. letters: burned-in letters found.
    """

    source: Path
    name: str
    folder: str
    status: str
    reason: str = ""
    container: str = ""
    file: str = ""
    width: int | None = None
    height: int | None = None
    pixels: str = ""
    mean_error: float | None = None
    max_error: int | None = None
    removed: Counter[str] = field(default_factory=Counter)
    letters: int | None = None


@dataclass(frozen=True)
class TableOutcome:
    """What became of a table: the columns kept, and those dropped, with why.

    cells: of each kept column, how many stayed and how many went as none of its words; strange: what those said, for
    the person at the terminal: never written, as `source`. gone: why -> cells of the dropped columns.
    """

    source: Path
    name: str
    rows: int
    kept: tuple[str, ...]
    dropped: dict[str, str]
    reason: str = ""
    cells: dict[str, tuple[int, int]] = field(default_factory=dict)
    strange: dict[str, Counter[str]] = field(default_factory=dict)
    gone: Counter[str] = field(default_factory=Counter)


@dataclass(frozen=True)
class Report:
    """What `deidentify` did."""

    files: tuple[Outcome, ...]
    tables: tuple[TableOutcome, ...]

    def of(self, status: str) -> list[Outcome]:
        return [o for o in self.files if o.status == status]

    @property
    def removed(self) -> Counter[str]:
        return sum((o.removed for o in self.files), Counter())

    @property
    def with_text(self) -> list[Outcome]:
        return [o for o in self.files if o.letters]

    @property
    def complete(self) -> bool:
        """Whether every picture and every table could be taken along."""
        return not self.of(REFUSED) and not any(t.reason for t in self.tables)


def deidentify(
    folder: Path | str, out: Path | str, key: bytes, *, keep: Collection[str] = (), progress: Progress[Any] = silent
) -> Report:
    """Make `out` from `folder`; see the module for what is in it.

    key: of the pseudonyms (`cutis.data.deidentify.key.read_key`). keep: table columns known to be harmless.
    A picture or table that can't be read is a row with a reason. Raises CutisError if `folder` holds none, if `out`
    exists or lies inside `folder`, or for a name in `keep` that no table has; then nothing is written.
    """
    folder, out = Path(folder), Path(out)
    if not folder.is_dir():
        raise CutisError(f"{folder}: no such folder to de-identify.")
    refuse_existing(out)
    if out.resolve().is_relative_to(folder.resolve()):
        raise CutisError(f"{out}: lies inside {folder}, so that a second run would take it for data. Choose another.")
    try:
        paths = [path for path in visible_entries(folder) if path.is_file() or _says_picture(path.name)]
    except OSError as error:
        raise CutisError(f"{error.filename}: this folder can't be read ({(error.strerror or '').lower()}).") from None
    tabular = [path for path in paths if path.suffix.casefold() in tables.SUFFIXES]
    others = [path for path in paths if path.suffix.casefold() not in tables.SUFFIXES]
    if not paths:
        raise CutisError(f"{folder}: no files in it. Name the folder that holds the images.")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # the decoders' warnings quote what they find
        read, unread = _read_tables(tabular, folder, key, keep)
        with atomic_folder(out) as partial_out:
            work = ordered(partial(_one, folder, partial_out, key), others)
            with closing(work):
                done = list(progress(work, len(others), "de-identify"))
            if not any(o.status != LEFT_OUT for o in done) and not tabular:
                raise CutisError(f"{folder}: no picture, DICOM file or CSV table among its {len(paths)} files.")
            written = _write_tables(read, folder, partial_out, key, done)
            report = Report(
                tuple(sorted(done, key=lambda o: o.name)), tuple(sorted((*written, *unread), key=lambda t: t.name))
            )
            write_csv(partial_out / LOG, _log(report))
            write_json(partial_out / SUMMARY, _summary(report))
    return report


def _relative(path: Path, folder: Path) -> PurePosixPath:
    return PurePosixPath(path.relative_to(folder).as_posix())


def _says_picture(name: str) -> bool:
    return is_image_name(name) or is_dicom_name(name)


def _one(folder: Path, out: Path, key: bytes, path: Path) -> Outcome:
    """Clean one file and write it. A bad one is an answer, not an error."""
    relative = _relative(path, folder)
    parent = "" if len(relative.parts) == 1 else pseudonym(key, "folder", str(relative.parent))
    blank = Outcome(path, pseudonym(key, "image", str(relative)), parent, OK)
    dicom = False
    try:
        data = read_bytes(path)
        dicom = is_dicom(data)
        return _dicom(blank, data, out, key) if dicom else _picture(blank, data, out)
    except NoPicture as error:
        return replace(blank, status=LEFT_OUT, reason=error.reason, container="DICOM")
    except BadImage as error:
        expected = dicom or _says_picture(path.name)
        # Between brackets and quotation marks decoders put what they found.
        words = re.sub(r' ?(\(.*|"[^"]*")', "", error.reason)
        reason = words if expected else "no picture, DICOM file or CSV table"
        return replace(
            blank, status=REFUSED if expected else LEFT_OUT, reason=reason, container="DICOM" if dicom else ""
        )


def _picture(blank: Outcome, data: bytes, out: Path) -> Outcome:
    clean = clean_picture(data, blank.source.name)
    file = f"images/{blank.name}{clean.extension}"
    _write(out / file, clean.data)
    height, width = clean.pixels.shape[:2]
    return replace(
        blank,
        reason=clean.note,
        container=clean.container,
        file=file,
        width=width,
        height=height,
        pixels="re-encoded" if clean.max_error else "equal",
        mean_error=round(clean.mean_error, 4),
        max_error=clean.max_error,
        removed=clean.removed,
        letters=letters_in(clean.pixels),
    )


def _dicom(blank: Outcome, data: bytes, out: Path, key: bytes) -> Outcome:
    require("dicom")
    clean = clean_dicom(data, blank.source.name, key)
    file = f"dicom/{blank.name}.dcm"
    path = out / file
    path.parent.mkdir(exist_ok=True)
    try:
        clean.write(path)
        letters = letters_in(clean.pixels)
        if letters:
            clean.say_burned_in()
            clean.write(path)
        if not np.array_equal(clean.pixels, shown(path.read_bytes(), blank.name)):
            raise BadImage(blank.name, "its pixels need what the profile removes")
    except BadImage:
        path.unlink()
        raise
    except OSError:
        raise
    except Exception as error:  # pydicom, on values that it can't write again
        path.unlink(missing_ok=True)
        raise BadImage(blank.name, f"its attributes can't be written again [{type(error).__name__}]") from None
    height, width = clean.pixels.shape[:2]
    return replace(
        blank,
        container="DICOM",
        file=file,
        width=width,
        height=height,
        pixels="equal",
        mean_error=0.0,
        max_error=0,
        removed=clean.removed,
        letters=letters,
    )


def _write(path: Path, data: bytes) -> None:
    with disk_errors(path):
        path.parent.mkdir(exist_ok=True)
        path.write_bytes(data)


def _read_tables(
    paths: Sequence[Path], folder: Path, key: bytes, keep: Collection[str]
) -> tuple[list[tables.Table], list[TableOutcome]]:
    read, unread = [], []
    for path in paths:
        try:
            read.append(tables.read(path, keep))
        except CutisError as error:
            name = pseudonym(key, "table", str(_relative(path, folder)))
            unread.append(TableOutcome(path, name, 0, (), {}, str(error).removeprefix(f"{path}: ")))
    tables.check_kept(read, keep)
    return read, unread


def _write_tables(
    read: Sequence[tables.Table], folder: Path, out: Path, key: bytes, done: Sequence[Outcome]
) -> list[TableOutcome]:
    firsts = tables.first_days(read, key)
    images = tables.image_names({_relative(o.source, folder): o.name for o in done if o.status != LEFT_OUT})
    written = []
    for table in read:
        name = pseudonym(key, "table", str(_relative(table.path, folder)))
        made = tables.clean(table, key, images, firsts)
        if made.frame.width:
            (out / "tables").mkdir(exist_ok=True)
            write_csv(out / "tables" / f"{name}.csv", made.frame)
        reason = "" if made.frame.width else "no column of it is known to be harmless"
        kept = tuple(made.frame.columns)
        written.append(
            TableOutcome(
                table.path, name, len(table.frame), kept, made.dropped, reason, made.cells, made.strange, made.gone
            )
        )
    return written


def _log(report: Report) -> pl.DataFrame:
    columns = {
        "pseudonym": ("name", pl.String), "folder": ("folder", pl.String), "status": ("status", pl.String),
        "reason": ("reason", pl.String), "container": ("container", pl.String), "file": ("file", pl.String),
        "width": ("width", pl.Int32), "height": ("height", pl.Int32), "pixels": ("pixels", pl.String),
        "mean_error": ("mean_error", pl.Float64), "max_error": ("max_error", pl.Int32),
        "burned_in_letters": ("letters", pl.Int32),
    }  # fmt: skip
    made = {
        column: pl.Series([getattr(o, name) for o in report.files], dtype=kind())
        for column, (name, kind) in columns.items()
    }
    removed = ["; ".join(f"{what} {n}" for what, n in sorted(o.removed.items())) for o in report.files]
    return pl.DataFrame(made | {"removed": pl.Series(removed, dtype=pl.String())})


def _summary(report: Report) -> dict[str, Any]:
    """Counts. Dropped columns are only counted, by why: a header may be a name."""
    good = report.of(OK)
    return {
        "files": dict(Counter(o.status for o in report.files)),
        "containers": dict(Counter(o.container for o in good)),
        "pixels": dict(Counter(o.pixels for o in good)),
        "removed": dict(report.removed),
        "pictures_with_text": len(report.with_text),
        "tables": [
            {
                "pseudonym": t.name,
                "rows": t.rows,
                "kept": {name: {"cells": kept, "cells_dropped": lost} for name, (kept, lost) in t.cells.items()},
                "dropped": {
                    why: {"columns": n, "cells": t.gone[why]} for why, n in Counter(t.dropped.values()).items()
                },
                "status": REFUSED if t.reason else OK,
            }
            for t in report.tables
        ],
    }
