"""A folder of class folders: photos/nevus/*.jpg, photos/melanoma/*.jpg (deeper folders belong to their class).

If the first level is train/, val/ and test/, the classes lie below it and those names become the source's split.
Nothing is known of lesions or patients: each image counts as its own, and every report will say so.
"""

from __future__ import annotations

from collections import Counter
from pathlib import Path, PurePosixPath

from cutis.data import values
from cutis.data.dataset import DatasetCard
from cutis.data.files_in import (
    Blob,
    Tree,
    folded_name,
    image_files,
    image_of_mask,
    is_image_name,
    size_of,
    visible_entries,
)
from cutis.data.labels import UNLABELLED, classes_of, clean_label
from cutis.data.readers.base import Found, Options, Reader, Record
from cutis.errors import CutisError

_Found = tuple[Path, str, str | None]  # file, label, the part of the source's split
_MASKS = {"mask", "masks", "segmentation", "segmentations"}
SPLIT_FOLDERS = {"train", "training", "val", "valid", "validation", "test", "testing"}


def _folders(src: Path) -> list[Path]:
    return [p for p in sorted(src.iterdir()) if p.is_dir() and not p.name.startswith((".", "__MACOSX"))]


def _class_folders(src: Path) -> list[tuple[Path, str | None]]:
    """(class folder, source split or None)."""
    top = _folders(src)
    if len(top) > 1 and all(p.name.casefold() in SPLIT_FOLDERS for p in top):
        return [(folder, part.name) for part in top for folder in _folders(part)]
    return [(folder, None) for folder in top]


def recognises(src: Path) -> bool:
    return src.is_dir() and any(next(image_files(folder), None) for folder, _ in _class_folders(src))


def read(src: Path, options: Options) -> Found:
    if options.label or options.columns or options.images:
        raise CutisError("reader folder takes classes from folder names; --label, --column and --images are for CSVs.")
    found: list[_Found] = []
    others = 0
    for folder, part in _class_folders(src):
        for path in visible_entries(folder):
            if is_image_name(path.name):
                found.append((path, clean_label(folder.name), part))
            else:
                others += path.is_file()
    found, masks, told_of_masks = _without_masks(found)
    labels = Counter(label for _, label, _ in found)
    if not labels:
        loose = sum(1 for _ in image_files(src))
        raise CutisError(
            f"{src}: no class folders with images{f', but {loose} loose images' if loose else ''}. "
            "Put each class's images in a folder named after it, or import a CSV with --as csv."
        )
    named = next((label for label in labels if label.casefold() in _MASKS), None)
    if named is not None:
        raise CutisError(
            f'{src}: folder "{named}" holds masks, by its name, and is no class. Import a CSV with columns image_id, '
            "target and mask; or rename the folder if it is a class."
        )
    classes, told = classes_of(labels, str(src), options.same_labels, "images")
    if len({c.code for c in classes.values()}) == 1:
        raise CutisError(
            f'{src}: one class only ("{next(iter(labels))}"); a model needs two or more to tell apart. '
            "Add a folder for another class."
        )
    ids = _image_ids([path.relative_to(src).as_posix() for path, _, _ in found])
    records = []
    for (path, label, part), image_id in zip(found, ids, strict=True):
        relative = path.relative_to(src).as_posix()
        info = classes[label]
        row = {"image_id": image_id, "source": src.resolve().name, "target": info.code, "source_split": part}
        mask = masks.get(path)
        drawn = None if mask is None else Blob(mask.relative_to(src).as_posix(), size_of(mask), path=mask)
        blob = Blob(relative, size_of(path), path=path)
        records.append(Record(values=row | values.diagnosis(info.diagnosis), image=blob, mask=drawn))
    loose = sum(1 for p in src.iterdir() if p.is_file() and is_image_name(p.name))
    notes = [
        *told,
        *told_of_masks,
        *(f'folder "{label}" is a class' for label in labels if label.casefold() in {*UNLABELLED, "none"}),
        *([f"{others} files that are not images were left out"] if others else []),
        *([f"{loose} images outside the class folders were left out"] if loose else []),
    ]
    card = DatasetCard(
        name=values.slug(src.resolve().name) or "images",
        title=f"Images of {src.resolve().name}",
        classes=tuple({c.code: c for c in classes.values()}.values()),
        notes=tuple(notes),
    )
    return Found(card, records, Tree(src))


def _without_masks(found: list[_Found]) -> tuple[list[_Found], dict[Path, Path], list[str]]:
    """(the images; image -> the one file beside it that is called its mask; notes)."""
    images: dict[tuple[Path, str], list[Path]] = {}
    for path, _, _ in found:
        images.setdefault((path.parent, folded_name(path.stem)), []).append(path)
    masks: dict[tuple[Path, str], list[Path]] = {}
    for path, _, _ in found:
        of = image_of_mask(path.stem)
        if of is not None and (path.parent, folded_name(of)) in images:
            masks.setdefault((path.parent, folded_name(of)), []).append(path)
    taken = {images[of][0]: paths[0] for of, paths in masks.items() if len(images[of]) == len(paths) == 1}
    used = set(taken.values())
    left = [path for paths in masks.values() for path in paths if path not in used]
    notes = [f"{len(taken)} files are masks of the image beside them, by their names"] if taken else []
    if left:
        notes.append(
            f"{len(left)} files are called masks, and it isn't said of which image alone: left out ({left[0].name})"
        )
    lost = {path for paths in masks.values() for path in paths}
    return [one for one in found if one[0] not in lost], taken, notes


def _image_ids(relative: list[str]) -> list[str]:
    """The file's name without extension if that is unique, else its path joined by "-", and the extension if needed."""

    def joined(path: str) -> str:
        return "-".join(PurePosixPath(path).with_suffix("").parts)

    stems = Counter(PurePosixPath(path).stem.casefold() for path in relative)
    paths = Counter(joined(path).casefold() for path in relative)
    return [
        PurePosixPath(path).stem
        if stems[PurePosixPath(path).stem.casefold()] == 1
        else joined(path)
        if paths[joined(path).casefold()] == 1
        else joined(path) + PurePosixPath(path).suffix.replace(".", "-")
        for path in relative
    ]


READER = Reader("folder", "a folder of class folders", recognises, read, free_labels=True)
