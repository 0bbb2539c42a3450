"""Derm7pt: meta.csv with train/valid/test_indexes.csv; a clinical and a dermoscopic photograph a case.

Source: Kawahara et al., "Seven-point checklist and skin lesion classification using multitask multimodal neural nets",
IEEE JBHI 23, 538 (2019). Column and value names: the authors' derm7pt package.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path, PurePosixPath

import polars as pl

from cutis.data import values
from cutis.data.dataset import DatasetCard
from cutis.data.readers.base import UNTESTED, Facts
from cutis.data.readers.release import Photo, Release, coded
from cutis.errors import CutisError, nearest
from cutis.schema.classes import ClassInfo
from cutis.tables import Row, Rows, read_table

CARD = DatasetCard(
    name="derm7pt",
    title="Derm7pt: seven-point checklist, dermoscopic and clinical photographs",
    source="Kawahara J., Daneshvar S., Argenziano G., Hamarneh G. IEEE JBHI 23, 538 (2019), "
    "doi:10.1109/JBHI.2018.2824327",
    licence="CC-BY-NC-SA-4.0",
    attribution="Derm7pt, Kawahara et al. and the Interactive Atlas of Dermoscopy; doi:10.1109/JBHI.2018.2824327",
    modality="dermoscopy and clinical photographs",
    classes=(
        values.ISIC_2018["bcc"],
        values.ISIC_2018["mel"],
        ClassInfo(
            code="misc",
            name="Miscellaneous",
            note="Dermatofibroma, lentigo, melanosis, vascular lesion and unnamed others: no level is true for all.",
        ),
        values.ISIC_2018["nv"],
        values.SEBORRHEIC_KERATOSIS,
    ),
)
# The release's diagnosis -> (class of the paper's five, name in the vocabulary). Reed and Spitz nevus are two nodes, so
# the path stops at Nevus; a melanoma whose thickness is given is invasive.
DIAGNOSES: dict[str, tuple[str, str | None]] = {
    "basal cell carcinoma": ("bcc", "Basal cell carcinoma"),
    "nevus": ("nv", "Nevus"),
    "blue nevus": ("nv", "Blue nevus"),
    "clark nevus": ("nv", "Nevus, Clark"),
    "combined nevus": ("nv", "Nevus, Combined"),
    "congenital nevus": ("nv", "Nevus, Congenital"),
    "dermal nevus": ("nv", "Nevus, NOS, Dermal"),
    "recurrent nevus": ("nv", "Nevus, Recurrent or persistent"),
    "reed or spitz nevus": ("nv", "Nevus"),
    "melanoma": ("mel", "melanoma"),
    "melanoma (in situ)": ("mel", "Melanoma in situ"),
    "melanoma (less than 0.76 mm)": ("mel", "Melanoma Invasive"),
    "melanoma (0.76 to 1.5 mm)": ("mel", "Melanoma Invasive"),
    "melanoma (more than 1.5 mm)": ("mel", "Melanoma Invasive"),
    "melanoma metastasis": ("mel", "Melanoma metastasis"),
    "seborrheic keratosis": ("sk", "Seborrheic keratosis"),
    "dermatofibroma": ("misc", "Dermatofibroma"),
    "lentigo": ("misc", "Lentigo NOS"),
    "melanosis": ("misc", "Flat melanotic pigmentations - not melanocytic nevus"),
    "miscellaneous": ("misc", None),
    "vascular lesion": ("misc", "vascular lesion"),
}
# The seven criteria and what each may be, besides "absent".
CRITERIA: dict[str, tuple[str, ...]] = {
    "pigment_network": ("typical", "atypical"),
    "streaks": ("regular", "irregular"),
    "pigmentation": ("diffuse regular", "localized regular", "diffuse irregular", "localized irregular"),
    "regression_structures": ("blue areas", "white areas", "combinations"),
    "dots_and_globules": ("regular", "irregular"),
    "blue_whitish_veil": ("present",),
    "vascular_structures": (
        *("arborizing", "comma", "hairpin", "within regression", "wreath"),
        *("dotted", "linear irregular"),
    ),
}
_SITES = {"lower limbs": "lower extremity", "upper limbs": "upper extremity", "head neck": "head/neck"}
_PART = "(part)"  # a column made here


def _parse(table: Path) -> tuple[list[str], Rows]:
    """meta.csv, and the part that train_indexes.csv and its siblings give each row (they count rows from 0)."""
    columns, rows = read_table(table)
    parts: dict[int, str] = {}
    for part in ("train", "valid", "test"):
        path = table.with_name(f"{part}_indexes.csv")
        if not path.is_file():
            continue
        names, indexes = read_table(path)
        if "indexes" not in names:
            raise CutisError(f"{path}: no column indexes: {nearest('indexes', names)}")
        for number, row in enumerate(indexes, 1):
            index = row["indexes"]
            if not index.isdecimal() or int(index) >= len(rows):
                raise CutisError(f'{path}: row {number}: "{index}" is no row of {table.name} (0 to {len(rows) - 1}).')
            if parts.setdefault(int(index), part) != part:
                raise CutisError(f"{path}: row {number}: {index} is in {parts[int(index)]}_indexes.csv too.")
    column = pl.Series(_PART, [parts.get(at, "") for at in range(len(rows))], pl.String)
    return columns, Rows(rows.frame.with_columns(column), rows.notes, rows.commas)


def concepts(row: Row, where: str) -> list[dict[str, str | float]]:
    """Every value of every criterion as a concept, 1 or 0; a criterion that isn't known gives none."""
    found: list[dict[str, str | float]] = []
    for criterion, kinds in CRITERIA.items():
        kind = coded(row[criterion], {k: k for k in ("absent", *kinds)}, criterion, where)
        if kind is not None:
            found += [{"concept": f"{criterion}: {k}", "value": float(k == kind)} for k in kinds]
    return found


def _photos(row: Row, where: str) -> Iterator[Photo]:
    diagnosis = coded(row["diagnosis"], {name: name for name in DIAGNOSES}, "diagnosis", where)
    target, node = DIAGNOSES[diagnosis] if diagnosis else (None, None)
    shared = {
        "case_id": row["case_num"] or None,
        "lesion_id": row["case_num"] or None,
        "target": target,
        "source_split": row[_PART] or None,
        **values.diagnosis(node),
        "atlas_diagnosis": diagnosis,
        "atlas_case_id": row.get("case_id"),
        "anatom_site": _SITES.get(row["location"].casefold(), row["location"]),
        "sex": row["sex"],
        "concepts": concepts(row, where),
    }
    for column, kind in (("clinic", "clinical: close-up"), ("derm", "dermoscopic")):
        file = row[column]
        if file:
            image_id = "-".join(PurePosixPath(file).with_suffix("").parts)
            yield Photo({**shared, "image_id": image_id, "image_type": kind}, file=f"images/{file}")


READER = Release(
    name="derm7pt",
    layout="Derm7pt: meta/meta.csv with train/valid/test_indexes.csv, beside images/",
    card=CARD,
    facts=Facts(
        images=2_022,
        labels="5 groups of 20 diagnoses; 7-point checklist",
        identity="lesion",
        access="form",
        address="https://derm.cs.sfu.ca",
        quirks=(
            UNTESTED,
            "a case is a clinical and a dermoscopic photograph of one lesion: split by lesion",
            "the checklist was read on the dermoscopic photograph; both photographs of a case carry it",
            "misc groups what is neither nevus, melanoma, basal cell carcinoma nor seborrheic keratosis",
        ),
    ),
    tables=("meta.csv", "meta/meta.csv", "*/meta/meta.csv"),
    needs=("case_num", "diagnosis", "clinic", "derm", "location", "sex", *CRITERIA),
    photos=_photos,
    used=("case_num", "case_id", "diagnosis", "clinic", "derm", "sex", _PART, *CRITERIA),
    parse=_parse,
).reader()
