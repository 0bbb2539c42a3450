"""What an audit has measured so far, kept beside where the dossier will be, so that it can be taken up again."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import polars as pl
from pydantic import BaseModel

from cutis.files import read_json, write_json, write_parquet
from cutis.schema.dossier import Row

MARK = "identity.json"


class Steps:
    """A hidden folder beside `out` with one file a finished step.

    identity: all that decides the numbers (digests of bundle and dataset, settings, versions). What was kept for
    another identity is thrown away. `resumed`: the steps that were there.
    """

    def __init__(self, out: Path, identity: dict[str, Any]) -> None:
        self.folder = _folder(out)
        mark = self.folder / MARK
        if self.folder.is_dir() and not (mark.is_file() and read_json(mark) == identity):
            shutil.rmtree(self.folder)
        self.folder.mkdir(parents=True, exist_ok=True)
        if not mark.is_file():
            write_json(mark, identity)
        self.resumed = sorted(p.stem for p in self.folder.iterdir() if p != mark and not p.name.startswith("."))

    def table(self, name: str, make: Callable[[], pl.DataFrame]) -> pl.DataFrame:
        """The step's table, made now if it isn't kept."""
        path = self.folder / f"{name}.parquet"
        if path.is_file():
            return pl.read_parquet(path)
        made = make()
        write_parquet(path, made)
        return made

    def rows[T: Row](self, name: str, kind: type[T], make: Callable[[], Sequence[T]]) -> tuple[T, ...]:
        """The step's rows, made now if they aren't kept."""
        return tuple(self.model(name, _many(kind), lambda: _many(kind)(rows=list(make()))).rows)

    def model[M: BaseModel](self, name: str, kind: type[M], make: Callable[[], M]) -> M:
        path = self.folder / f"{name}.json"
        if path.is_file():
            return kind.model_validate(read_json(path))
        made = make()
        write_json(path, made.model_dump(mode="json"))
        return made

    def done(self) -> None:
        """Remove the folder: the dossier is written."""
        shutil.rmtree(self.folder)


def has_kept(out: Path) -> bool:
    """Whether steps of an audit that wasn't finished are kept beside `out`."""
    return any(p.suffix in (".parquet", ".json") and p.name != MARK for p in _folder(out).glob("[!.]*"))


def _folder(out: Path) -> Path:
    return out.with_name(f".cutis-{out.name}.audit")  # ends as nothing does that is swept away (cutis.files.aside)


class _Rows[T: Row](BaseModel):
    rows: list[T]


def _many[T: Row](kind: type[T]) -> type[_Rows[T]]:
    return _Rows[kind]  # type: ignore[valid-type]
