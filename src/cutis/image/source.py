"""A picture's bytes: from a regular file only, bounded, read and inflated; and the errors that say what is wrong.

What isn't a file (a pipe, a device, a socket, a folder called photo.jpg) is refused before it is opened, as reading it
could wait for ever or never end.
"""

from __future__ import annotations

import os
import stat
import zlib
from pathlib import Path

from cutis.errors import CutisError

MAX_BYTES = 512 * 2**20
_NOT_FILES = (
    (stat.S_ISDIR, "is a directory"),
    (stat.S_ISFIFO, "a pipe, not a file"),
    (stat.S_ISCHR, "a device, not a file"),
    (stat.S_ISBLK, "a device, not a file"),
    (stat.S_ISSOCK, "a socket, not a file"),
)


class BadImage(CutisError):
    """A file that can't be read as an image. `reason` is one short line without the file's name."""

    def __init__(self, name: str, reason: str) -> None:
        super().__init__(f"{name}: {reason}")
        self.reason = reason


class UnknownFormat(BadImage):
    """A file of no format that is read: no image at all, or HEIC."""


class LabelMap(BadImage):
    """A mask of several labels, of which none was asked for."""


class Unsupported(ValueError):
    """What a decoder would guess at; the message is a reason for `BadImage`."""


class SeveralLabels(Unsupported):
    """A reason for `LabelMap`."""


def read_bytes(path: Path | str) -> bytes:
    """A file's bytes, or BadImage if it is missing, not a regular file, or larger than MAX_BYTES."""
    path = Path(path)
    try:
        _regular(path.stat(), path)  # before it is opened, which alone may have effects
        # A pipe that took the file's place meanwhile is not waited for.
        flags = os.O_RDONLY | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_BINARY", 0)
        with os.fdopen(os.open(path, flags), "rb") as file:
            return file.read(_regular(os.fstat(file.fileno()), path))
    except OSError as error:
        raise BadImage(str(path), (error.strerror or "cannot be read").lower()) from None


def _regular(found: os.stat_result, path: Path) -> int:
    """The size of a regular file."""
    if not stat.S_ISREG(found.st_mode):
        words = next((words for is_it, words in _NOT_FILES if is_it(found.st_mode)), "not a file")
        raise BadImage(str(path), words)
    if found.st_size > MAX_BYTES:
        raise BadImage(
            str(path), f"the file is {found.st_size / 1e6:.0f} MB; at most {MAX_BYTES / 1e6:.0f} MB are read"
        )
    return found.st_size


def inflated(
    data: bytes, most: int, name: str, *, wbits: int = zlib.MAX_WBITS, over: str = "more than {:.0f} MB once inflated"
) -> bytes:
    """`data` inflated, never to more than `most` bytes, whatever it claims; raises BadImage for more, or for damage.

    wbits: as `zlib.decompressobj` has it; -15 is a bare deflate stream (DICOM's), 15 one of zlib (PNG's). over: the
    reason for more, of so many million bytes.
    """
    inflate = zlib.decompressobj(wbits)
    try:
        out = inflate.decompress(data, most + 1)
    except zlib.error:
        raise BadImage(name, "damaged: it can't be inflated") from None
    if len(out) > most:
        raise BadImage(name, over.format(most / 1e6))
    if not inflate.eof:
        raise BadImage(name, "truncated: it ends before it is whole")
    return out
