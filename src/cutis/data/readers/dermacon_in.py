"""DermaCon-IN: Skin_Metadata.csv (or .tab) with train_split and test_split, images in DATASET_0 and DATASET_1.

Source: Madarkar et al., "DermaCon-IN: a multi-concept annotated dermatological image dataset of Indian skin disorders
for clinical AI research", NeurIPS Datasets and Benchmarks (2025), arXiv:2506.06099.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import polars as pl

from cutis.data import values
from cutis.data.dataset import DatasetCard
from cutis.data.labels import class_code
from cutis.data.readers.base import UNTESTED, Facts
from cutis.data.readers.release import Photo, Release, stem
from cutis.errors import CutisError, nearest
from cutis.schema.classes import ClassInfo
from cutis.tables import Row, Rows, read_table

CARD = DatasetCard(
    name="dermacon-in",
    title="DermaCon-IN: Indian skin disorders with concepts",
    source="Madarkar S.S. et al. NeurIPS Datasets and Benchmarks (2025), arXiv:2506.06099, doi:10.7910/DVN/W7OUZM",
    licence="CC-BY-NC-SA-4.0",
    attribution="DermaCon-IN, Madarkar et al.; doi:10.7910/DVN/W7OUZM",
    modality="clinical photographs",
    classes=(),
)
_INFLAMMATORY = "Benign:Inflammatory or infectious diseases"
_ENDS = (".csv", ".tab", ".tsv")
_PART = "(part)"  # a column made here


def _parse(table: Path) -> tuple[list[str], Rows]:
    """The metadata, and which of train_split and test_split names an image, where these lie beside or above it."""
    columns, rows = read_table(table)
    parts: dict[str, str] = {}
    for part in ("train", "test"):
        places = (folder / f"{part}_split{end}" for folder in (table.parent, table.parent.parent) for end in _ENDS)
        path = next((p for p in places if p.is_file()), None)
        if path is None:
            continue
        names, listed = read_table(path)
        if "Image_name" not in names:
            raise CutisError(f"{path}: no column Image_name: {nearest('Image_name', names)}")
        for number, row in enumerate(listed, 1):
            if parts.setdefault(row["Image_name"], part) != part:
                raise CutisError(f'{path}: row {number}: image "{row["Image_name"]}" is in the train split too.')
    column = pl.Series(_PART, [parts.get(row.get("Image_name", ""), "") for row in rows], pl.String)
    return columns, Rows(rows.frame.with_columns(column), rows.notes, rows.commas)


def _class(main: str) -> ClassInfo:
    """A main class; only the infectious and the inflammatory have a place in the vocabulary that is true for all."""
    benign = main.casefold().startswith(("infectious", "inflammatory"))
    return ClassInfo(
        code=class_code(main),
        name=main,
        diagnosis=_INFLAMMATORY if benign else None,
        malignant=False if benign else None,
    )


def _photos(row: Row, where: str) -> Iterator[Photo]:
    main = values.known(row["Main_class"])
    named = _class(main) if main else None
    described = [d.strip() for d in row.get("Descriptors", "").split(",") if values.known(d)]
    yield Photo(
        {
            "image_id": stem(row["Image_name"]),
            "patient_id": values.known(row["Subject_ID"]),
            "source_split": row[_PART] or None,
            **values.diagnosis(named.diagnosis if named else None),
            "age_approx": row.get("Age"),
            "sex": row.get("Sex"),
            "fitzpatrick_skin_type": row["Fitzpatrick"],
            "monk_skin_tone": row.get("Monk_skin_tone"),
            "concepts": [{"concept": d, "value": 1.0} for d in described] or None,
            "anatom_site": row.get("Body_part"),
        },
        file=row["Image_name"],
        named=named,
    )


READER = Release(
    name="dermacon_in",
    layout="DermaCon-IN: METADATA/Skin_Metadata.csv and DATASET/ (zips: unpack, or name them with --images)",
    card=CARD,
    facts=Facts(
        images=5_450,
        labels="8 main classes; 245 diagnoses; 47 descriptors",
        identity="patient",
        access="open",
        address="https://doi.org/10.7910/DVN/W7OUZM",
        quirks=(
            UNTESTED,
            "the class is Main_class; Sub_class and Disease_label travel along",
            "descriptors are listed where present; one that isn't listed is not known to be absent",
            "the three hospitals are not told apart in the release",
        ),
    ),
    tables=tuple(f"{folder}Skin_Metadata{end}" for folder in ("METADATA/", "", "*/METADATA/") for end in _ENDS),
    needs=("Image_name", "Subject_ID", "Fitzpatrick", "Main_class", "Disease_label"),
    photos=_photos,
    used=("Image_name", "Subject_ID", _PART, "Sex", "Fitzpatrick", "Monk_skin_tone", "Descriptors"),
    parse=_parse,
).reader()
