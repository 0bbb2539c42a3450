"""What a file says, however it is packed: for tests that nothing of this machine is in what a command writes."""

from __future__ import annotations

import gzip
import io
import tarfile
import zipfile
import zlib
from collections.abc import Iterator
from pathlib import Path

import polars as pl
import pyarrow.parquet as pq


def unpacked(data: bytes) -> Iterator[bytes]:
    """The bytes, and what is packed in them: Parquet's cells and metadata, members of archives, PNG's chunks."""
    yield data
    if data[:4] == b"PAR1":
        yield repr(pq.read_schema(io.BytesIO(data)).metadata).encode()
        table = pl.read_parquet(io.BytesIO(data))
        yield "\n".join(map(str, table.columns)).encode()
        yield "\n".join(map(repr, table.rows())).encode()
    elif data[:4] == b"PK\x03\x04":
        with zipfile.ZipFile(io.BytesIO(data)) as archive:
            for name in archive.namelist():
                yield from unpacked(archive.read(name))
    elif data[:2] == b"\x1f\x8b":
        yield from unpacked(gzip.decompress(data))
    elif data[257:262] == b"ustar":
        with tarfile.open(fileobj=io.BytesIO(data)) as archive:
            for member in archive.getmembers():
                file = archive.extractfile(member)
                if file is not None:
                    yield from unpacked(file.read())
    elif data[:8] == b"\x89PNG\r\n\x1a\n":
        at = 8
        while at + 8 <= len(data):
            size, kind = int.from_bytes(data[at : at + 4], "big"), data[at + 4 : at + 8]
            if kind in (b"zTXt", b"iTXt"):
                packed = data[at + 8 : at + 8 + size].partition(b"\0")[2].lstrip(b"\0")
                yield zlib.decompressobj().decompress(packed) if packed[:1] == b"\x78" else packed
            at += 12 + size


def naming(folder: Path, *words: str) -> list[str]:
    """Files in `folder`, in depth, that say any of the words, each with the word: "run/config.json says Secret"."""
    found = []
    for path in sorted(folder.rglob("*")):
        if path.is_file():
            for part in unpacked(path.read_bytes()):
                said = [w for w in words if w.encode() in part or w.encode("unicode_escape") in part]
                found += [f"{path.relative_to(folder)} says {w}" for w in said]
    return found


def places(folder: Path) -> list[str]:
    """What would name a place of this machine: the folder that a test works in, the home folder and the repository."""
    return [folder.name, f"{Path.home()}/", str(Path(__file__).resolve().parents[2])]
