"""MSLD v2.0, mpox and look-alikes: class folders, plain or in five folds, with the patient in the file's name.

Source: Ali et al., "A web-based mpox skin lesion detection system using state-of-the-art deep learning models
considering racial diversity", Biomedical Signal Processing and Control 98, 106742 (2024). Layout and file names:
the release's README.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

from cutis.data import values
from cutis.data.dataset import DatasetCard
from cutis.data.files_in import Blob, Tree, image_files, size_of
from cutis.data.readers.base import UNTESTED, Facts, Found, Options, Reader, Record
from cutis.data.readers.release import present
from cutis.errors import CutisError, nearest
from cutis.schema.classes import ClassInfo

_INFECTIOUS = "Benign:Inflammatory or infectious diseases"
CARD = DatasetCard(
    name="msld-v2",
    version="2.0",
    title="MSLD v2.0: mpox skin lesions and look-alikes",
    source="Ali S.N. et al. Biomedical Signal Processing and Control 98, 106742 (2024), doi:10.1016/j.bspc.2024.106742",
    licence="CC-BY-NC-4.0",
    attribution="Mpox Skin Lesion Dataset v2.0, mHealth Lab BUET; doi:10.1016/j.bspc.2024.106742",
    modality="clinical photographs",
    classes=(
        *(
            ClassInfo(code=code, name=name, diagnosis=_INFECTIOUS, malignant=False)
            for code, name in (
                ("chickenpox", "Chickenpox"),
                ("cowpox", "Cowpox"),
                ("hfmd", "Hand, foot and mouth disease"),
            )
        ),
        ClassInfo(
            code="healthy", name="Healthy skin", malignant=False, note="No diagnosis: no place in the vocabulary."
        ),
        *(
            ClassInfo(code=code, name=name, diagnosis=_INFECTIOUS, malignant=False)
            for code, name in (("measles", "Measles"), ("mpox", "Mpox"))
        ),
    ),
)
CLASSES = {c.code: c for c in CARD.classes}
# Folder, folded -> class.
FOLDERS = {code: code for code in CLASSES} | {"monkeypox": "mpox", "hand_foot_and_mouth_disease": "hfmd"}
PARTS = {"train": "train", "valid": "val", "validation": "val", "val": "val", "test": "test"}
_NAME = re.compile(r"(?P<patient>[A-Za-z]+_\d+)_\d+")  # HFMD_17_02: disease, patient, photograph


def _folders(folder: Path) -> list[Path]:
    return [p for p in sorted(folder.iterdir()) if p.is_dir() and not p.name.startswith(".")] if folder.is_dir() else []


def _folds(src: Path) -> dict[str, Path]:
    """fold1..fold5 -> its folder; augmented copies don't count."""
    for place in (src, src / "FOLDS", src / "Original Images", src / "Original Images" / "FOLDS"):
        found = {p.name.casefold(): p for p in _folders(place) if re.fullmatch(r"fold_?\d", p.name, re.IGNORECASE)}
        if found:
            return found
    return {}


def _class(folder: Path) -> str:
    code = FOLDERS.get(values.slug(folder.name))
    if code is None:
        raise CutisError(f'{folder}: class folder "{folder.name}": {nearest(folder.name, FOLDERS)}')
    return code


def recognises(src: Path) -> bool:
    folds = _folds(src) if src.is_dir() else {}
    if folds:
        parts = _folders(next(iter(folds.values())))
        return any(values.slug(c.name) in FOLDERS for part in parts for c in _folders(part))
    names = {values.slug(p.name) for p in _folders(src)}
    return len(names) > 2 and names <= set(FOLDERS) and bool(names & {"monkeypox", "mpox"})


def _images(src: Path) -> Iterator[tuple[Path, str, str, str]]:
    """(file, class, fold, part); fold and part are "" where the release is plain class folders."""
    folds = _folds(src)
    for fold, folder in folds.items():
        for part_folder in _folders(folder):
            part = PARTS.get(part_folder.name.casefold())
            if part is None:
                raise CutisError(f"{part_folder}: expected Train, Valid or Test: {nearest(part_folder.name, PARTS)}")
            for class_folder in _folders(part_folder):
                code = _class(class_folder)
                yield from ((path, code, fold, part) for path in image_files(class_folder))
    if not folds:
        for class_folder in _folders(src):
            code = _class(class_folder)
            yield from ((path, code, "", "") for path in image_files(class_folder))


def read(src: Path, options: Options) -> Found:
    if options.label or options.columns or options.images:
        raise CutisError("reader msld2 takes classes from folder names; drop --label, --column and --images.")
    rows: dict[str, Record] = {}
    for path, code, fold, part in _images(src):
        image_id = path.stem
        patient = _NAME.fullmatch(image_id)
        record = rows.setdefault(
            image_id,
            Record(
                {
                    "image_id": image_id,
                    "patient_id": patient["patient"] if patient else None,
                    "source": "MSLD v2.0",
                    "target": code,
                    "source_split": part or None,  # of the first fold
                    **values.diagnosis(CLASSES[code].diagnosis),
                    "copyright_license": CARD.licence,
                    "attribution": CARD.attribution,
                },
                Blob(path.relative_to(src).as_posix(), size_of(path), path=path),
            ),
        )
        if record.values["target"] != code:
            raise CutisError(
                f'{path}: image "{image_id}" is of class {code} here and {record.values["target"]} elsewhere.'
            )
        if record.values.get(fold, part) != part or (not fold and record.image and record.image.path != path):
            raise CutisError(f'{path}: image "{image_id}" is there twice in {fold or "the class folders"}.')
        if fold:
            record.values[fold] = part
    records = list(rows.values())
    if not records:
        raise CutisError(f"{src}: no images in class folders; MSLD v2.0 is {READER.layout}.")
    return Found(present(CARD, CARD.classes, _FACTS, records), records, Tree(src))


_FACTS = Facts(
    images=755,
    labels="6 classes",
    identity="patient",
    access="account",
    address="https://www.kaggle.com/datasets/joydippaul/mpox-skin-lesion-dataset-version-20-msld-v20",
    quirks=(
        UNTESTED,
        "patients are read from file names (MKP_17_02 is patient MKP_17): numbers start anew in every class",
        "fold1 to fold5 say the part in each of the release's folds; source_split is that of the first",
        "augmented copies are left out: they leak wherever they were split after augmentation",
        "photographs were collected from the web and checked by one dermatologist; no test confirms a label",
    ),
)
READER = Reader(
    name="msld2",
    layout="MSLD v2.0: six class folders, or Original Images/FOLDS/fold1 to fold5 with Train, Valid and Test",
    recognises=recognises,
    read=read,
    card=CARD,
    facts=_FACTS,
)
