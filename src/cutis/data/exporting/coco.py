"""coco: images/ and instances.json: boxes and masks as annotations, classes as categories.

Every image record also holds its row under "cutis", and "info" the card, which COCO's readers pass over; `cutis import
--as coco` reads both back. Not held: rows' status.
"""

from __future__ import annotations

from collections import Counter
from pathlib import Path
from typing import Any

import numpy as np

from cutis.data import rle
from cutis.data.dataset import Dataset
from cutis.data.export_files import copy_files, licensed_rows, missing, without_image
from cutis.data.json_rows import card_to_json, to_json
from cutis.files import write_json
from cutis.image.mask import KINDS, read_mask
from cutis.progress import Progress
from cutis.schema.licence import LICENCES

UNNAMED = "lesion"  # the category of a box or mask without a label


def write(dataset: Dataset, folder: Path, progress: Progress[Any]) -> list[str]:
    table = licensed_rows(dataset)
    rows = table.rows(named=True)
    labels = {b["label"] for row in rows for b in row.get("boxes") or ()}
    masked = {row["target"] for row in rows if row["mask"]}
    others = sorted({label or UNNAMED for label in labels | masked} - set(dataset.codes))
    categories = [
        {"id": n, "name": c.code, "cutis": c.model_dump(mode="json")} for n, c in enumerate(dataset.card.classes, 1)
    ]
    categories += [{"id": n, "name": name} for n, name in enumerate(others, len(categories) + 1)]
    number = {c["name"]: c["id"] for c in categories}
    licences = sorted({row["copyright_license"] for row in rows if row["copyright_license"]})
    images: list[dict[str, Any]] = []
    annotations: list[dict[str, Any]] = []
    kinds: Counter[str] = Counter()
    for n, row in enumerate(rows, 1):
        record = {"id": n, "file_name": row["file"] or "", "width": row["width"], "height": row["height"]}
        if row["copyright_license"]:
            record["license"] = licences.index(row["copyright_license"]) + 1
        images.append(record | {"cutis": to_json(row)})
        shapes: list[tuple[str, list[float], float, Any]] = []
        for box in row.get("boxes") or ():
            sides = [box[k] for k in ("x", "y", "width", "height")]
            shapes.append((box["label"] or UNNAMED, sides, sides[2] * sides[3], []))
        if row["mask"]:
            if not (dataset.path / row["mask"]).is_file():
                raise missing(dataset, row["mask"])
            read = read_mask(dataset.path / row["mask"])
            kinds[read.kind] += 1
            mask = read.pixels
            code = {"size": list(mask.shape), "counts": rle.encode(mask)}
            shapes.append((row["target"] or UNNAMED, _around(mask), int(mask.sum()), code))
        for label, sides, area, segmentation in shapes:
            annotations.append(
                {
                    "id": len(annotations) + 1,
                    "image_id": n,
                    "category_id": number[label],
                    "bbox": sides,
                    "area": area,
                    "segmentation": segmentation,
                    "iscrowd": 0,
                }
            )
    write_json(
        folder / "instances.json",
        {
            "info": {"description": dataset.card.title or dataset.card.name, "cutis": card_to_json(dataset.card)},
            "licenses": [{"id": n, "name": i, "url": LICENCES[i].url} for n, i in enumerate(licences, 1)],
            "categories": categories,
            "images": images,
            "annotations": annotations,
        },
    )
    copy_files(dataset, table, folder, ("file",), progress)
    return [
        *(f"{kinds[kind]} masks {words}" for kind, words in KINDS.items() if kinds[kind]),
        *without_image(table),
    ]


def _around(mask: np.ndarray) -> list[float]:
    """The box (x, y, width, height) around a mask; all 0 if it is empty."""
    ys, xs = np.flatnonzero(mask.any(1)), np.flatnonzero(mask.any(0))
    if not len(ys):
        return [0.0, 0.0, 0.0, 0.0]
    return [float(v) for v in (xs[0], ys[0], xs[-1] - xs[0] + 1, ys[-1] - ys[0] + 1)]
