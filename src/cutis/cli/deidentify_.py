from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING

from cutis.cli import say

if TYPE_CHECKING:
    from cutis.data.deidentify import Outcome, Report

SHOWN = 10  # names of files of one kind


def deidentify_(
    folder: Path | None = None,
    out: Path | None = None,
    *,
    key_file: Path | None = None,
    new_key: Path | None = None,
    keep: list[str] | None = None,
) -> int:
    """Keep the pixels of a folder's images and DICOM files, and remove what says whose they are; exit 1 if some can't.

    Parameters
    ----------
    folder
        Folder of images, DICOM files and CSV tables, at any depth.
    out
        Folder to make; must not exist.
    key_file
        Key of the pseudonyms: the same key gives the same ones. By default this machine's own.
    new_key
        Make a key file here, readable by you only, and use it.
    keep
        Column of a CSV table that you know to be harmless; may be repeated.
    """
    from cutis.data.deidentify import deidentify, read_key
    from cutis.data.deidentify import new_key as make_key
    from cutis.errors import CutisError
    from cutis.progress import track

    if new_key is not None and key_file is not None:
        raise CutisError("--new-key and --key-file: give one of them.")
    if folder is None and new_key is None:
        raise CutisError("no folder to de-identify: cutis deidentify FOLDER OUT")
    if folder is not None and out is None:
        raise CutisError(f"no folder to write to: cutis deidentify {folder} OUT")
    if new_key is not None:
        make_key(new_key)
        say(f"{new_key}: a new key. Whoever has it can tell who a pseudonym is; without it nobody can link more data.")
    if folder is None or out is None:
        return 0
    report = deidentify(folder, out, read_key(key_file or new_key), keep=keep or (), progress=track)
    for line in _lines(report, folder, out):
        say(line)
    return 0 if report.complete else 1


def _lines(report: Report, folder: Path, out: Path) -> Iterable[str]:
    good = report.of("ok")
    changed = [o for o in good if o.pixels == "re-encoded"]
    yield f"{out}: {len(good):,} pictures clean, {len(good) - len(changed):,} with equal pixels"
    if changed:
        mean, most = max(o.mean_error or 0 for o in changed), max(o.max_error or 0 for o in changed)
        yield f"{len(changed):,} JPEGs coded again: at most {mean:.2f} of 255 away on average, {most} in one pixel"
    if report.removed:
        yield "removed: " + ", ".join(f"{n:,} {what}" for what, n in report.removed.most_common())
    for table in report.tables:
        name = table.source.relative_to(folder)
        yield f"{name}: {table.reason}" if table.reason else f"{name}: tables/{table.name}.csv, {table.rows:,} rows"
        for column, why in table.dropped.items():
            yield f'  column "{column}" left out: {why}'
        for column, words in table.strange.items():
            if column not in table.dropped:
                said = ", ".join(f'"{word[:40]}"' for word, _ in words.most_common(3))
                yield f'  column "{column}": {words.total():,} cells left out, as none of its words ({said})'
        if table.dropped or table.strange:
            yield "  what you know to be harmless stays with --keep COLUMN"
    if report.with_text:
        yield f"{len(report.with_text):,} pictures may show text: look at them before you share them"
        yield from _some(f"  {o.file}" for o in report.with_text)
    if refused := report.of("refused"):
        yield f"{len(refused):,} refused; they are rows of deidentified.csv, under their pseudonyms"
        yield from _some(f"  {o.source.relative_to(folder)}: {o.reason}" for o in _by_source(refused))
    if others := report.of("left out"):
        yield f"{len(others):,} files left out, being no picture and no CSV table"
        yield from _some(
            f"  {o.source.relative_to(folder)}{f': {o.reason}' if o.container else ''}" for o in _by_source(others)
        )


def _by_source(outcomes: list[Outcome]) -> list[Outcome]:
    return sorted(outcomes, key=lambda o: o.source)


def _some(lines: Iterable[str]) -> Iterable[str]:
    every = list(lines)
    return [*every[:SHOWN], *([f"  ... and {len(every) - SHOWN:,} more"] if len(every) > SHOWN else [])]
