"""ISIC 2020 (SIIM-ISIC): benign or malignant, with patients; the diagnosis of most is not known.

Source: Rotemberg et al., "A patient-centric dataset of images and metadata for identifying melanomas using clinical
context", Scientific Data 8, 34 (2021), doi:10.1038/s41597-021-00815-z.
A table of duplicate pairs beside it is read too.
"""

from __future__ import annotations

from collections.abc import Iterator

from cutis.data import values
from cutis.data.dataset import DatasetCard
from cutis.data.readers.base import Facts
from cutis.data.readers.release import Join, Photo, Release, coded
from cutis.errors import CutisError
from cutis.schema.classes import ClassInfo
from cutis.tables import Row

CARD = DatasetCard(
    name="isic2020",
    title="ISIC 2020: melanoma in its clinical context",
    source="Rotemberg V. et al. Scientific Data 8, 34 (2021), doi:10.1038/s41597-021-00815-z",
    licence="CC-BY-NC-4.0",
    attribution="The ISIC 2020 Challenge Dataset, doi:10.34970/2020-ds01, (c) by ISDIS, 2020",
    modality="dermoscopy",
    classes=(
        ClassInfo(
            code="benign",
            name="Benign",
            malignant=False,
            note="All that is no melanoma, one atypical melanocytic proliferation among them.",
        ),
        ClassInfo(
            code="malignant",
            name="Melanoma",
            diagnosis="Malignant:Malignant melanocytic proliferations (Melanoma)",
            malignant=True,
        ),
    ),
)
_CODES = {"benign": "benign", "malignant": "malignant"}


def _photos(row: Row, where: str) -> Iterator[Photo]:
    target = coded(row["benign_malignant"], _CODES, "benign_malignant", where)
    try:
        found = values.diagnosis(row["diagnosis"])
    except CutisError as error:
        raise CutisError(f"{where}: {error}") from None
    if found["diagnosis_1"] is None and target:  # an unknown diagnosis is still known to be benign or malignant
        found["diagnosis_1"] = target.capitalize()
    yield Photo(
        {
            "image_id": row["image_name"] or None,
            "lesion_id": values.known(row.get("lesion_id")),
            "patient_id": values.known(row["patient_id"]),
            "target": target,
            **found,
            "anatom_site": row["anatom_site_general_challenge"],
            "age_approx": row["age_approx"],
            "sex": row["sex"],
            "image_type": "dermoscopic",
            "duplicate_of": values.known(row.get("image_name_1")),
        },
        stem=row["image_name"],
    )


READER = Release(
    name="isic2020",
    layout="ISIC 2020: train.csv or ISIC_2020_Training_GroundTruth_v2.csv beside image folders or zips",
    card=CARD,
    facts=Facts(
        images=33_126,
        labels="benign or malignant; 9 diagnoses, 27,124 of them unknown",
        identity="patient and lesion",
        access="open",
        address="https://challenge2020.isic-archive.com",
        quirks=(
            "2,056 patients, 584 melanomas (1.8 %)",
            "425 published pairs of duplicates: column duplicate_of, where their table is beside this one",
            "lesion ids only in the second version of the table",
            "an unknown diagnosis is still known to be benign: diagnosis_1 says so, deeper levels are null",
        ),
    ),
    tables=(
        "ISIC_2020_Training_GroundTruth_v2.csv",
        "ISIC_2020_Training_GroundTruth.csv",
        "train.csv",
        "isic2020*.csv",
    ),
    needs=(
        *("image_name", "patient_id", "sex", "age_approx", "anatom_site_general_challenge"),
        *("diagnosis", "benign_malignant"),
    ),
    photos=_photos,
    used=(
        *("image_name", "lesion_id", "patient_id", "sex", "age_approx", "anatom_site_general_challenge"),
        *("diagnosis", "benign_malignant", "target", "image_name_1"),
    ),
    joins=(
        Join(
            ("ISIC_2020_Training_Duplicates.csv", "isic2020*duplicates.csv"),
            ("image_name_2", "image_name"),
            ("image_name_1",),
            optional=True,
        ),
    ),
).reader()
