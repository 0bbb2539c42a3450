"""webdataset: shards images-000000.tar... of <id>.jpg (or .png), <id>.mask.png and <id>.json; card.json beside them.

The same dataset gives the same bytes: rows by image_id, no times, owners or modes of this machine. A shard is closed
before it would grow over its bound (one sample larger than that has a shard of its own). Not held: rows' status.
"""

from __future__ import annotations

import io
import tarfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from cutis.data.dataset import Dataset
from cutis.data.export_files import licensed_rows, missing, without_image
from cutis.data.json_rows import card_to_json, to_json
from cutis.files import canonical_json, write_json
from cutis.image.source import read_bytes
from cutis.progress import Progress

SHARD_BYTES = 256 * 2**20
_BLOCK = tarfile.BLOCKSIZE


def write(dataset: Dataset, folder: Path, progress: Progress[Any], shard_bytes: int = SHARD_BYTES) -> list[str]:
    table = licensed_rows(dataset)
    rows = table.rows(named=True)
    shard: tarfile.TarFile | None = None
    shards = filled = 0
    try:
        for row in progress(rows, len(rows), "export"):
            members = list(_members(dataset, row))
            size = sum(3 * _BLOCK + -(-len(data) // _BLOCK) * _BLOCK for _, data in members)
            if shard is None or filled + size + tarfile.RECORDSIZE > shard_bytes:
                if shard is not None:
                    shard.close()
                shard = tarfile.open(folder / f"images-{shards:06d}.tar", "w", format=tarfile.PAX_FORMAT)  # noqa: SIM115
                shards, filled = shards + 1, 0
            filled += size
            for name, data in members:
                info = tarfile.TarInfo(name)
                info.size, info.mode = len(data), 0o644
                shard.addfile(info, io.BytesIO(data))
    finally:
        if shard is not None:
            shard.close()
    write_json(folder / "card.json", card_to_json(dataset.card))
    return without_image(table)


def _members(dataset: Dataset, row: dict[str, Any]) -> Iterator[tuple[str, bytes]]:
    """(name in the tar, bytes) of a row. WebDataset splits a name at its first dot, so a key has none."""
    key = row["image_id"].replace("%", "%25").replace(".", "%2E")
    for file, ending in ((row["file"], ""), (row["mask"], ".mask")):
        if file is not None:
            if not (dataset.path / file).is_file():
                raise missing(dataset, file)
            yield f"{key}{ending}{Path(file).suffix}", read_bytes(dataset.path / file)
    yield f"{key}.json", canonical_json(to_json(row)).encode()
