from __future__ import annotations

from pathlib import Path
from typing import Annotated

from cyclopts import Parameter

from cutis.cli import on_interrupt, say


def download_(
    name: str,
    dest: Path,
    *,
    only: list[str] | None = None,
    from_: Annotated[str | None, Parameter(name="--from")] = None,
) -> None:
    """Fetch a public dataset that is openly downloadable, resumed and checked.

    Run it again to go on after an interruption: what has arrived is kept as NAME.partial.

    Parameters
    ----------
    name
        Name of the release (cutis datasets lists them).
    dest
        Folder for its files.
    only
        Pattern of file names ("*_64.npz", "*.csv"); may be repeated.
    from_
        Address of a mirror that holds the files under their names.
    """
    from cutis.data.download import download, files_of
    from cutis.data.readers import READERS
    from cutis.files import only_writer
    from cutis.progress import meter

    files = files_of(name, only or (), from_)

    def to_go_on() -> str:
        words = f"interrupted; what has arrived is kept in {dest}. To go on, give the same command again."
        return words if dest.is_dir() and any(dest.iterdir()) else ""

    with on_interrupt(to_go_on), only_writer(dest, "cutis download", wait=0, beside=True), meter("download") as report:
        download(name, dest, only=only or (), base=from_, report=report)
    for file in files:
        size = (dest / file.name).stat().st_size
        check = f"{file.checksum.split(':')[0].upper()} as published" if file.checksum else "no published checksum"
        say(f"{dest / file.name}: {size / 1e6:,.1f} MB, {check}")
    reader = READERS.get(name)
    if reader is not None and reader.card is not None:
        say(f"licence: {reader.card.licence}; {reader.card.attribution}")
    say(f"next: cutis import {dest} data/{name} --as {name}" if reader else f"next: cutis import {dest} data/{name}")
