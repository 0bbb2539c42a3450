"""Download: the files of an openly downloadable release into a folder that `cutis import` reads."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from fnmatch import fnmatch
from pathlib import Path

from cutis.data.fetch import Line, check_disk, check_scheme, fault, fetch
from cutis.data.readers import READERS
from cutis.data.remote import REMOTE, RemoteFile
from cutis.errors import CutisError, nearest


def files_of(name: str, only: Sequence[str] = (), base: str | None = None) -> list[RemoteFile]:
    """The files of release `name`: those whose names match a pattern of `only`, or all; `base`: a mirror's address.

    Raises CutisError for a release that isn't openly downloadable, saying how to get it.
    """
    if name not in REMOTE:
        reader = READERS.get(name)
        if reader is None or reader.facts is None:
            raise CutisError(f'no release "{name}" can be downloaded: {nearest(name, REMOTE)}')
        how = {
            "open": "it is open, but no address of its files is known here",
            "account": "it asks for a free account",
            "form": "it is sent on request",
        }[reader.facts.access]
        raise CutisError(
            f"{name} can't be downloaded by a program: {how}. Get it at {reader.facts.address}, then: cutis import "
            f"FOLDER DEST --as {name}"
        )
    files = list(REMOTE[name])
    if only:
        chosen = [f for f in files if any(fnmatch(f.name, pattern) for pattern in only)]
        stray = next((p for p in only if not any(fnmatch(f.name, p) for f in files)), None)
        if stray is not None:
            raise CutisError(f'--only "{stray}": {name} has no such file: {nearest(stray, [f.name for f in files])}')
        files = chosen
    if base is not None:
        check_scheme(base)
        files = [replace(f, url=f"{base.rstrip('/')}/{f.name}") for f in files]
    return files


def download(
    name: str,
    dest: Path | str,
    *,
    only: Sequence[str] = (),
    base: str | None = None,
    line: Line | None = None,
    report: Callable[[float, str], object] = lambda share, words: None,
) -> list[Path]:
    """Get the files of release `name` (see `cutis.data.remote`) into the folder `dest`; returns their paths.

    only: patterns of file names. base: fetch BASE/<file name> instead of the publisher's addresses. report: called with
    the share done (0..1) and a few words. A file that is there already is checked, not fetched again; what has arrived
    of one is gone on with. Raises CutisError: see `files_of` and `fetch`; also for a file there that is another one.
    """
    dest = Path(dest)
    files = files_of(name, only, base)
    wanted = []
    for file in files:
        path = dest / file.name
        if not path.exists():
            wanted.append(file)
        elif wrong := fault(file, path):
            raise CutisError(f"{path}: {wrong}. Remove it or choose another folder.")
    dest.mkdir(parents=True, exist_ok=True)
    partial = sum(p.stat().st_size for p in dest.glob("*.partial"))
    check_disk(dest / "files", sum(f.size or 0 for f in wanted) - partial)
    line = line or Line()
    for number, file in enumerate(wanted):

        def told(done: int, total: int | None, number: int = number, name: str = file.name) -> None:
            of = f" of {total / 1e6:,.1f}" if total else ""
            report((number + (done / total if total else 0)) / len(wanted), f"{name}: {done / 1e6:,.1f}{of} MB")

        fetch(file, dest / file.name, replace(line, report=told))
    return [dest / file.name for file in files]
