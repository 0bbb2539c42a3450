"""COCO instances: boxes, masks (polygons or run lengths) and categories; and what Cutis itself writes as COCO.

An image whose annotations are all of one category has that class; one of several has them as labels. All segmentations
of an image together are its mask.
"""

from __future__ import annotations

import io
import json
from collections import defaultdict
from functools import partial
from pathlib import Path, PurePosixPath
from typing import Any

import numpy as np

from cutis.data import rle
from cutis.data.files_in import Blob, Tree
from cutis.data.readers import values
from cutis.data.readers.base import Found, Options, Reader, Record
from cutis.data.readers.json_rows import card_from_json, from_json
from cutis.errors import CutisError
from cutis.image.decode import BadImage

NAMES = ("instances.json", "_annotations.coco.json", "annotations/instances*.json")
_MAX_SIDE = 30_000


def _file(src: Path) -> Path | None:
    if src.is_file():
        return src if src.suffix.casefold() == ".json" else None
    return next((p for name in NAMES for p in sorted(src.glob(name))), None)


def recognises(src: Path) -> bool:
    return _file(src) is not None


def read(src: Path, options: Options) -> Found:
    if options.label or options.columns:
        raise CutisError("reader coco takes classes from the categories; --label and --column are for CSVs.")
    file = _file(src)
    if file is None:
        raise CutisError(f"{src}: no COCO file ({', '.join(NAMES)}). Name the JSON file itself as the source.")
    content = _content(file)
    names = {}
    for i, category in enumerate(content["categories"], 1):
        if not isinstance(category.get("name"), str) or "id" not in category:
            raise CutisError(f"{file}: category {i} has no id or name.")
        names[category["id"]] = category["name"]
    by_image: dict[Any, list[dict[str, Any]]] = defaultdict(list)
    known = {image.get("id") for image in content["images"]}
    for i, annotation in enumerate(content["annotations"], 1):
        where = f"{file}: annotation {i}"
        if annotation.get("image_id") not in known:
            raise CutisError(f"{where}: image_id {annotation.get('image_id')} is none of the images'.")
        if annotation.get("category_id") not in names:
            raise CutisError(f"{where}: category_id {annotation.get('category_id')} is none of the categories'.")
        by_image[annotation["image_id"]].append(annotation)
    tree = Tree(options.images or (src if src.is_dir() else file.parent))
    records = []
    for i, image in enumerate(content["images"], 1):
        where = f"{file.name}: image {i}"
        name = image.get("file_name")
        if not isinstance(name, str):
            raise CutisError(f'{where}: no "file_name".')
        annotations = by_image[image.get("id")]
        if "cutis" in image:
            found = from_json(image["cutis"], where)
        else:
            found = _values(name, annotations, names, where)
        blob = None
        if name and not options.table_only:
            blob = tree.find(name) or tree.find(f"images/{name}") or tree.find_image(PurePosixPath(name).stem)
        mask = None if options.table_only else _mask(image, annotations, where)
        records.append(Record(found, blob, "" if blob else f'image "{name}" is missing', mask))
    missing = [r for r in records if r.image is None]
    if missing and not options.table_only and (not options.allow_missing or len(missing) == len(records)):
        tree.close()
        raise CutisError(
            f"{file}: {missing[0].reason} ({len(missing)} of {len(records)} are missing in {tree.root}). Name the "
            "folder with --images, or keep such rows as errors with --allow-missing."
        )
    targets = {r.values["target"] for r in records if r.values.get("target")}
    info: Any = content.get("info")
    own = info.get("cutis") if isinstance(info, dict) else None
    card = card_from_json(own, values.slug(src.resolve().stem) or "images", targets, str(file))
    if own is None:
        written = {values.class_info(name).code: values.class_info(name) for name in names.values()}
        card = card.model_copy(
            update={
                "title": f"Images listed in {file.name}",
                "classes": tuple(written.get(c.code, c) for c in card.classes),
            }
        )
    return Found(card, records, tree)


def _content(file: Path) -> dict[str, list[dict[str, Any]]]:
    try:
        content = json.loads(file.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError, ValueError) as error:
        raise CutisError(f"{file}: not a readable JSON file ({error}).") from None
    for key in ("images", "annotations", "categories"):
        entries = content.get(key) if isinstance(content, dict) else None
        if not isinstance(entries, list) or not all(isinstance(e, dict) for e in entries):
            raise CutisError(f'{file}: no list "{key}"; expected COCO instances (images, annotations, categories).')
    if not content["images"]:
        raise CutisError(f'{file}: "images" is empty.')
    return content  # type: ignore[no-any-return]


def _values(name: str, annotations: list[dict[str, Any]], names: dict[Any, str], where: str) -> dict[str, Any]:
    """Manifest values of an image that isn't Cutis' own."""
    labels = sorted({names[a["category_id"]] for a in annotations})
    codes = [values.class_info(label) for label in labels]
    found: dict[str, Any] = {"image_id": PurePosixPath(name.replace("\\", "/")).stem or None, "target": None}
    if len(codes) == 1:
        found |= {"target": codes[0].code, **values.diagnosis(codes[0].diagnosis)}
    elif codes:
        found["labels"] = [c.code for c in codes]
    boxes = []
    for annotation in annotations:
        sides = annotation.get("bbox")
        if sides is None:
            continue
        if not isinstance(sides, list) or len(sides) != 4 or not all(isinstance(v, int | float) for v in sides):
            raise CutisError(f"{where}: bbox {sides!r} is not four numbers (x, y, width, height).")
        label = values.class_info(names[annotation["category_id"]]).code
        boxes.append(dict(zip(("x", "y", "width", "height"), map(float, sides), strict=True)) | {"label": label})
    return found | ({"boxes": boxes} if boxes else {})


def _mask(image: dict[str, Any], annotations: list[dict[str, Any]], where: str) -> Blob | None:
    shapes = [a["segmentation"] for a in annotations if a.get("segmentation")]
    if not shapes:
        return None
    width, height = image.get("width"), image.get("height")
    if not (isinstance(width, int) and isinstance(height, int) and 0 < width <= _MAX_SIDE and 0 < height <= _MAX_SIDE):
        raise CutisError(f"{where}: a segmentation, but width {width!r} and height {height!r} are no size.")
    return Blob(f"{where} (mask)", width * height, make=partial(_drawn, shapes, height, width, f"{where} (mask)"))


def _drawn(shapes: list[Any], height: int, width: int, name: str) -> bytes:
    """PNG of all `shapes` together. Raises BadImage for one that is no shape."""
    from PIL import Image, ImageDraw

    mask = np.zeros((height, width), bool)
    for shape in shapes:
        try:
            if isinstance(shape, dict):
                if list(shape["size"]) != [height, width]:
                    raise ValueError(f"run lengths of {shape['size']} for an image of {[height, width]}")
                counts = shape["counts"]
                mask |= rle.decode(rle.decompress(counts) if isinstance(counts, str) else counts, height, width)
                continue
            drawn = Image.new("1", (width, height))
            for polygon in shape:
                ImageDraw.Draw(drawn).polygon([float(v) for v in polygon], fill=1)
            mask |= np.array(drawn)
        except (KeyError, TypeError, ValueError) as error:
            raise BadImage(name, f"not a segmentation ({error})") from None
    out = io.BytesIO()
    Image.fromarray(mask.astype(np.uint8) * 255).save(out, "PNG")
    return out.getvalue()


READER = Reader("coco", "COCO instances (instances.json beside images)", recognises, read, takes_file=True)
