"""A folder of class folders: photos/nevus/*.jpg, photos/melanoma/*.jpg (deeper folders belong to their class).

If the first level is train/, val/ and test/, the classes lie below it and those names become the source's split.
Nothing is known of lesions or patients: each image counts as its own, and every report will say so.
"""

from __future__ import annotations

from collections import Counter
from pathlib import Path, PurePosixPath

from cutis.data.dataset import DatasetCard
from cutis.data.files_in import Blob, Tree, image_files, is_image_name, visible_files
from cutis.data.readers import values
from cutis.data.readers.base import Found, Options, Reader, Record
from cutis.data.readers.labels import UNLABELLED, classes_of, clean_label
from cutis.errors import CutisError

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
    found: list[tuple[Path, str, str | None]] = []
    others = 0
    for folder, part in _class_folders(src):
        for path in visible_files(folder):
            if is_image_name(path.name):
                found.append((path, clean_label(folder.name), part))
            else:
                others += 1
    labels = Counter(label for _, label, _ in found)
    if not labels:
        loose = sum(1 for _ in image_files(src))
        raise CutisError(
            f"{src}: no class folders with images{f', but {loose} loose images' if loose else ''}. "
            "Put each class's images in a folder named after it, or import a CSV with --as csv."
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
        records.append(
            Record(values=row | values.diagnosis(info.diagnosis), image=Blob(relative, path.stat().st_size, path=path))
        )
    loose = sum(1 for p in src.iterdir() if p.is_file() and is_image_name(p.name))
    notes = [
        *told,
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
