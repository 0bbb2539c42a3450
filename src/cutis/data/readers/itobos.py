"""iToBoS: tiles of skin from 3D total-body photography, with lesion boxes in YOLO's text files.

Source: Saha et al., "The iToBoS dataset: skin region images extracted from 3D total body photographs for lesion
detection", Scientific Data 12 (2025), doi:10.1038/s41597-025-05483-x.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from pathlib import Path

from cutis.data import values
from cutis.data.dataset import DatasetCard
from cutis.data.files_in import Blob, Tree, image_files, size_of
from cutis.data.readers.base import UNTESTED, Facts, Found, Options, Reader, Record
from cutis.data.readers.own_columns import own_columns
from cutis.data.readers.release import present
from cutis.errors import CutisError
from cutis.image.decode import BadImage, probe
from cutis.tables import read_table, read_text

CARD = DatasetCard(
    name="itobos",
    title="iToBoS: skin regions of total-body photographs with lesion boxes",
    source="The iToBoS dataset. Scientific Data 12 (2025), doi:10.1038/s41597-025-05483-x",
    licence="CC-BY-4.0",
    attribution="iToBoS consortium; doi:10.1038/s41597-025-05483-x",
    modality="3D total-body photography tiles",
    classes=(),
)
_HEAD = 2**16  # bytes of an image file that hold its size
_IDS = ("image_id", "image", "image_name", "file_name", "filename", "id")  # of the metadata table, if there is one


def _parts(src: Path) -> Iterator[tuple[str, Path]]:
    """("train" or "test", the folder that holds images/ and labels/): train/, _train/_train/ and the like."""
    for part in ("train", "test"):
        for place in (part, f"{part}/{part}", f"_{part}", f"_{part}/_{part}"):
            if (src / place / "images").is_dir():
                yield part, src / place
                break


def recognises(src: Path) -> bool:
    return src.is_dir() and any((folder / "labels").is_dir() for _, folder in _parts(src))


def boxes(text: str, width: int, height: int, where: str) -> list[dict[str, float | str]]:
    """YOLO's lines (class, centre x and y, width, height; shares of the image) as pixels from the top left."""
    found: list[dict[str, float | str]] = []
    for number, line in enumerate((t for t in text.splitlines() if t.strip()), 1):
        try:
            _, x, y, w, h = (float(cell) for cell in line.split())
        except ValueError:
            raise CutisError(f'{where}: row {number}: "{line[:60]}": expected a class and four numbers.') from None
        if not all(math.isfinite(v) and 0 <= v <= 1 for v in (x, y, w, h)):
            raise CutisError(f'{where}: row {number}: "{line[:60]}": a box is given in shares of the image, 0 to 1.')
        box = {"x": (x - w / 2) * width, "y": (y - h / 2) * height, "width": w * width, "height": h * height}
        found.append({**box, "label": "lesion"})
    return found


def _size(path: Path) -> tuple[int, int] | None:
    """(width, height) from the file's head; None if it can't be read, which the import will say of the image."""
    if not path.is_file():
        return None
    with path.open("rb") as f:
        head = f.read(_HEAD)
    try:
        header = probe(head, path.name)
    except BadImage:
        return None
    return header.width, header.height


def _metadata(src: Path) -> dict[str, dict[str, str]]:
    """image -> the columns of the metadata tables that lie in `src` or a folder of it."""
    found: dict[str, dict[str, str]] = {}
    for path in sorted((*src.glob("*metadata*.csv"), *src.glob("*/*metadata*.csv"))):
        columns, rows = read_table(path)
        key = next((c for c in columns if c.casefold() in _IDS), None)
        if key:
            found |= {Path(row[key]).stem: {c: v for c, v in row.items() if c != key} for row in rows}
    return found


def read(src: Path, options: Options) -> Found:
    if options.label or options.columns or options.images:
        raise CutisError("reader itobos takes boxes from labels/; drop --label, --column and --images.")
    metadata, records = _metadata(src), []
    for part, folder in _parts(src):
        for path in image_files(folder / "images"):
            more = metadata.get(path.stem, {})
            labels = folder / "labels" / f"{path.stem}.txt"
            size = _size(path) if labels.is_file() else None
            row = {
                **own_columns(more, ("patient_id", "sex")),
                "image_id": path.stem,
                "patient_id": values.known(more.get("patient_id")),
                "source": "iToBoS",
                "target": None,
                "source_split": part,
                "sex": more.get("sex"),
                "boxes": boxes(read_text(labels), *size, where=str(labels)) if size else None,
                "image_type": "TBP tile: close-up",
                "copyright_license": CARD.licence,
                "attribution": CARD.attribution,
            }
            records.append(Record(row, Blob(path.relative_to(src).as_posix(), size_of(path), path=path)))
    if not records:
        raise CutisError(f"{src}: no images; iToBoS is {READER.layout}.")
    return Found(present(CARD, (), _FACTS, records), records, Tree(src))


_FACTS = Facts(
    images=16_954,
    labels="lesion boxes (one class)",
    identity="none",
    access="open",
    address="https://doi.org/10.6084/m9.figshare.28452545",
    quirks=(
        UNTESTED,
        "an empty label file means no lesion; an image without one has unknown boxes (the public test part)",
        "100 participants gave about 170 tiles each, and file names don't say which: without the participant's id a "
        "split of the train part leaks",
        "faces, tattoos and jewellery were painted over before release",
        "the box file's class is always 0, a lesion; no diagnosis",
    ),
)
READER = Reader(
    name="itobos",
    layout="iToBoS: train/images with train/labels (YOLO), test/images; or _train/_train/... as on Kaggle",
    recognises=recognises,
    read=read,
    card=CARD,
    facts=_FACTS,
)
