"""How a file names another without saying where on this machine it lies: paths of people and projects stay here."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path, PurePosixPath, PureWindowsPath
from typing import Any


def reference(target: Path | str, beside: Path | str) -> str:
    """The way from the folder `beside` to `target`, as "../data/ham"; else from the working folder, if `target` is
    inside; else "".

    A way that leads up to the disk's root, or above the home folder, would name what it comes down through: there is
    none. It has forward slashes.
    """
    end = _whole(target)
    for start, up in ((_whole(beside), True), (Path.cwd(), False)):
        try:
            common = Path(os.path.commonpath([end, start]))
        except ValueError:  # on two drives
            continue
        tells = common == Path(common.anchor) or common in Path.home().parents
        if not tells and (up or common == start):
            return Path(os.path.relpath(end, start)).as_posix()
    return ""


def resolved(name: str, beside: Path | str) -> str:
    """The absolute path of what `reference` named in a file of the folder `beside`; "" stays, and so does an absolute
    path, as earlier versions wrote them."""
    if not name or Path(name).is_absolute():
        return name
    found = [_whole(start / name) for start in (Path(beside), Path.cwd())]
    return str(next((path for path in found if path.exists()), found[0]))


def without_paths(value: Any) -> Any:
    """The JSON value with every absolute path in it cut down to its last name."""
    if isinstance(value, Mapping):
        return {key: without_paths(inner) for key, inner in value.items()}
    if isinstance(value, list | tuple):
        return [without_paths(inner) for inner in value]
    if isinstance(value, str):
        for kind in (PurePosixPath, PureWindowsPath):
            if kind(value).is_absolute():
                return kind(value).name
    return value


def _whole(path: Path | str) -> Path:
    """Absolute, without "..", links as they are written."""
    return Path(os.path.normpath(Path(path).absolute()))
