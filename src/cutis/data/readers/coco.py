"""COCO instances: boxes, masks (polygons or run lengths) and categories; and what Cutis itself writes as COCO.

An image whose annotations are all of one category has that class; one of several has them as labels. All segmentations
of an image together are its mask. Several files in one folder (instances_train, instances_val; train/ and valid/ of
Roboflow) are read as parts of one dataset.
"""

from __future__ import annotations

import io
import json
import math
from collections import Counter, defaultdict
from collections.abc import Collection, Iterator, Mapping
from functools import partial
from pathlib import Path, PurePosixPath
from typing import Any

import numpy as np

from cutis.data import rle, values
from cutis.data.files_in import Blob, Tree
from cutis.data.json_rows import card_from_json, from_json
from cutis.data.labels import classes_of, clean_label
from cutis.data.polygon import filled
from cutis.data.readers.base import Found, Options, Reader, Record
from cutis.errors import CutisError
from cutis.image.decode import BadImage
from cutis.schema.classes import ClassInfo

_ANY = ("result.json", "annotations.json", "coco.json")  # Label Studio's, and others': looked into, if they are COCO
NAMES = ("instances.json", "_annotations.coco.json", "annotations/instances*.json", *_ANY)
_PARTS = "*/_annotations.coco.json"  # Roboflow's: train/, valid/ and test/ each with its own
_LISTS = ("images", "annotations", "categories")
_MAX_SIDE = 30_000


def _files(src: Path) -> list[tuple[Path, str | None]]:
    """(file, the part of the source's split that it is). Parts belong together: all of them are read."""
    if src.is_file():
        return [(src, None)] if src.suffix.casefold() == ".json" else []
    for name in NAMES:
        found = [p for p in sorted(src.glob(name)) if p.is_file() and (p.name not in _ANY or _is_coco(p))]
        if len(found) == 1:
            return [(found[0], None)]
        if found:
            return [(p, p.stem.removeprefix("instances").strip("_- ") or None) for p in found]
    return [(p, p.parent.name) for p in sorted(src.glob(_PARTS)) if not p.parent.name.startswith(".")]


def _is_coco(file: Path) -> bool:
    """Whether a file of any program's name is COCO."""
    try:
        content = json.loads(file.read_text(encoding="utf-8-sig"))
    except (OSError, ValueError):
        return False
    return isinstance(content, dict) and all(key in content for key in _LISTS)


def recognises(src: Path) -> bool:
    return bool(_files(src))


def read(src: Path, options: Options) -> Found:
    if options.label or options.columns:
        raise CutisError("reader coco takes classes from the categories; --label and --column are for CSVs.")
    files = _files(src)
    if not files:
        raise CutisError(f"{src}: no COCO file ({', '.join(NAMES)}). Name the JSON file itself as the source.")
    contents = [_content(file) for file, _ in files]
    names = [_names(file, content) for (file, _), content in zip(files, contents, strict=True)]
    used = Counter(
        clean_label(named[a["category_id"]])
        for (file, _), content, named in zip(files, contents, names, strict=True)
        for a in _checked(file, content, named)
    )
    classes, notes = classes_of(used, str(src), options.same_labels, "annotations")
    tree = Tree(options.images or (src if src.is_dir() else files[0][0].parent))
    records: list[Record] = []
    try:
        if not options.table_only:
            tree.reserve(
                place
                for (_, part), content in zip(files, contents, strict=True)
                for image in content["images"]
                for place in _places(str(image.get("file_name")), part)
            )
        for (file, part), content, named in zip(files, contents, names, strict=True):
            of = {key: classes[label] for key, name in named.items() if (label := clean_label(name)) in classes}
            records += _records(file, part, content, of, tree, options)
    except CutisError:
        tree.close()
        raise
    file = files[0][0]
    missing = [r for r in records if r.image is None]
    if missing and not options.table_only and (not options.allow_missing or len(missing) == len(records)):
        near = tree.nearest(missing[0].reason.removeprefix('image "').removesuffix('" is missing'))
        tree.close()
        raise CutisError(
            f"{file}: {missing[0].reason} ({len(missing)} of {len(records)} are missing in {tree.root}; {near}). Name "
            "the folder with --images, or keep such rows as errors with --allow-missing."
        )
    targets = {r.values["target"] for r in records if r.values.get("target")}
    info: Any = contents[0].get("info")
    own = info.get("cutis") if isinstance(info, dict) else None
    card = card_from_json(own, values.slug(src.resolve().stem) or "images", targets, str(file))
    if own is None:
        written = {c.code: c for c in classes.values()}
        card = card.model_copy(
            update={
                "title": f"Images listed in {file.name}",
                "classes": tuple(written.get(c.code, c) for c in card.classes),
                "notes": (*card.notes, *notes),
            }
        )
    return Found(card, records, tree)


def _names(file: Path, content: dict[str, list[dict[str, Any]]]) -> dict[Any, str]:
    """Category id -> name. Raises CutisError for a category without one, and for an id that names two."""
    names: dict[Any, str] = {}
    for i, category in enumerate(content["categories"], 1):
        if not isinstance(category.get("name"), str) or "id" not in category:
            raise CutisError(f"{file}: category {i} has no id or name.")
        if names.setdefault(category["id"], category["name"]) != category["name"]:
            raise CutisError(
                f'{file}: category {category["id"]} is both "{names[category["id"]]}" and "{category["name"]}".'
            )
    return names


def _checked(
    file: Path, content: dict[str, list[dict[str, Any]]], names: Mapping[Any, str]
) -> Iterator[dict[str, Any]]:
    """The annotations. Raises CutisError for one of an image or a category that isn't there."""
    known = {image.get("id") for image in content["images"]}
    for i, annotation in enumerate(content["annotations"], 1):
        where = f"{file}: annotation {i}"
        if annotation.get("image_id") not in known:
            raise CutisError(
                f"{where}: image_id {annotation.get('image_id')!r} is none of the images' ids{_like(known)}."
            )
        if annotation.get("category_id") not in names:
            raise CutisError(
                f"{where}: category_id {annotation.get('category_id')!r} is none of the categories' ids{_like(names)}."
            )
        yield annotation


def _like(ids: Collection[Any]) -> str:
    """Words for an error: how the ids are written."""
    return f", which are like {next(iter(ids))!r}" if ids else ""


def _records(
    file: Path,
    part: str | None,
    content: dict[str, list[dict[str, Any]]],
    classes: Mapping[Any, ClassInfo],
    tree: Tree,
    options: Options,
) -> list[Record]:
    """classes: by category id."""
    by_image: dict[Any, list[dict[str, Any]]] = defaultdict(list)
    for annotation in content["annotations"]:
        by_image[annotation["image_id"]].append(annotation)
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
            found = _values(name, annotations, classes, where)
        if part is not None:
            found.setdefault("source_split", part)
        blob = mask = None
        if name and not options.table_only:
            blob = tree.find_image(next((p for p in _places(name, part) if tree.find(p)), name))
        if not options.table_only:
            mask = _mask(image, annotations, where)
        sides = None if "cutis" in image else _sides(image)
        records.append(Record(found, blob, "" if blob else f'image "{name}" is missing', mask, sides))
    return records


def _places(name: str, part: str | None) -> list[str]:
    """Where an image of that name, in a part of that name, lies by custom."""
    return [f"{folder}{name}" for folder in ("", "images/", *((f"{part}/", f"images/{part}/") if part else ()))]


def _content(file: Path) -> dict[str, list[dict[str, Any]]]:
    try:
        content = json.loads(file.read_text(encoding="utf-8-sig"))
    except (OSError, UnicodeDecodeError, ValueError) as error:
        raise CutisError(f"{file}: not a readable JSON file ({error}).") from None
    if isinstance(content, list) and content and isinstance(content[0], dict) and "annotations" in content[0]:
        raise CutisError(f"{file}: Label Studio's own JSON. Export it from there as COCO, or as CSV.")
    for key in _LISTS:
        entries = content.get(key) if isinstance(content, dict) else None
        if not isinstance(entries, list) or not all(isinstance(e, dict) for e in entries):
            raise CutisError(f'{file}: no list "{key}"; expected COCO instances (images, annotations, categories).')
    if not content["images"]:
        raise CutisError(f'{file}: "images" is empty.')
    return content  # type: ignore[no-any-return]


def _values(
    name: str, annotations: list[dict[str, Any]], classes: Mapping[Any, ClassInfo], where: str
) -> dict[str, Any]:
    """Manifest values of an image that isn't Cutis' own. classes: by category id."""
    codes = sorted({c.code: c for a in annotations for c in [classes[a["category_id"]]]}.values(), key=lambda c: c.code)
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
        if (
            not isinstance(sides, list)
            or len(sides) != 4
            or not all(isinstance(v, int | float) and math.isfinite(v) for v in sides)
            or min(sides[2:]) < 0
        ):
            raise CutisError(f"{where}: bbox {sides!r} is not four numbers (x, y, width, height; the last two from 0).")
        label = classes[annotation["category_id"]].code
        boxes.append(dict(zip(("x", "y", "width", "height"), map(float, sides), strict=True)) | {"label": label})
    return found | ({"boxes": boxes} if boxes else {})


def _sides(image: dict[str, Any]) -> tuple[int, int] | None:
    """Width and height, as the file says them."""
    width, height = image.get("width"), image.get("height")
    if isinstance(width, int) and isinstance(height, int) and 0 < width <= _MAX_SIDE and 0 < height <= _MAX_SIDE:
        return width, height
    return None


def _mask(image: dict[str, Any], annotations: list[dict[str, Any]], where: str) -> Blob | None:
    shapes = [a["segmentation"] for a in annotations if a.get("segmentation")]
    if not shapes:
        return None
    sides = _sides(image)
    if sides is None:
        said = f"width {image.get('width')!r} and height {image.get('height')!r}"
        raise CutisError(f"{where}: a segmentation, but {said} are no size.")
    width, height = sides
    return Blob(f"{where} (mask)", width * height, make=partial(_drawn, shapes, height, width, f"{where} (mask)"))


def _drawn(shapes: list[Any], height: int, width: int, name: str) -> bytes:
    """PNG of all `shapes` together. Raises BadImage for one that is no shape."""
    from PIL import Image

    mask = np.zeros((height, width), bool)
    for shape in shapes:
        try:
            if isinstance(shape, dict):
                if list(shape["size"]) != [height, width]:
                    raise ValueError(f"run lengths of {shape['size']} for an image of {[height, width]}")
                counts = shape["counts"]
                mask |= rle.decode(rle.decompress(counts) if isinstance(counts, str) else counts, height, width)
                continue
            for polygon in shape:
                mask |= filled(polygon, height, width)
        except (KeyError, TypeError, ValueError) as error:
            raise BadImage(name, f"not a segmentation ({error})") from None
    out = io.BytesIO()
    Image.fromarray(mask.astype(np.uint8) * 255).save(out, "PNG")
    return out.getvalue()


READER = Reader(
    "coco", "COCO instances (instances.json beside images)", recognises, read, takes_file=True, free_labels=True
)
