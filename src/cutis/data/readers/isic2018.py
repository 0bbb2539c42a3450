"""ISIC 2018 task 3: seven diagnoses as columns of 0 and 1, or as one diagnosis column.

Source: Codella et al., "Skin Lesion Analysis Toward Melanoma Detection 2018", arXiv:1902.03368. The training images are
HAM10000's; ISIC2018_Task3_Training_LesionGroupings.csv beside it says which images show one lesion.
"""

from __future__ import annotations

from collections.abc import Iterator

from cutis.data import values
from cutis.data.dataset import DatasetCard
from cutis.data.readers.base import Facts
from cutis.data.readers.release import Join, Photo, Release, coded
from cutis.tables import Row

CODES = {"MEL": "mel", "NV": "nv", "BCC": "bcc", "AKIEC": "akiec", "BKL": "bkl", "DF": "df", "VASC": "vasc"}
CARD = DatasetCard(
    name="isic2018",
    title="ISIC 2018 task 3: lesion diagnosis",
    source="Codella N. et al., arXiv:1902.03368 (2018); Tschandl P. et al., doi:10.1038/sdata.2018.161",
    licence="CC-BY-NC-4.0",
    attribution="ISIC 2018 challenge; HAM10000, Medical University of Vienna, doi:10.1038/sdata.2018.161",
    modality="dermoscopy",
    classes=tuple(values.ISIC_2018.values()),
)


def _photos(row: Row, where: str) -> Iterator[Photo]:
    if "diagnosis" in row:
        target = coded(row["diagnosis"], CODES, "diagnosis", where)
    else:
        marked = values.one_hot(row, CODES, where)
        target = CODES[marked] if marked else None
    yield Photo(
        {
            "image_id": row["image"] or None,
            "lesion_id": values.known(row.get("lesion_id")),
            **values.of_class(target, CARD.classes),
            "diagnosis_confirm_type": values.known(row.get("diagnosis_confirm_type")),
            "image_type": "dermoscopic",
        },
        stem=row["image"],
    )


READER = Release(
    name="isic2018",
    layout="ISIC 2018 task 3: ISIC2018_Task3_*_GroundTruth.csv beside its folders or zips",
    card=CARD,
    facts=Facts(
        images=11_720,
        labels="7 diagnoses",
        identity="lesion",
        access="open",
        address="https://challenge.isic-archive.com/data/#2018",
        quirks=(
            "10,015 training (they are HAM10000), 193 validation and 1,512 test images",
            "lesion ids only with LesionGroupings.csv, and only of the training images",
            "akiec merges actinic keratosis (indeterminate) and Bowen's disease (malignant)",
        ),
    ),
    tables=("isic2018*.csv",),
    parts={
        "ISIC2018_Task3_Training_GroundTruth.csv": "train",
        "ISIC2018_Task3_Validation_GroundTruth.csv": "val",
        "ISIC2018_Task3_Test_GroundTruth.csv": "test",
    },
    needs=("image", *(f"{column}|diagnosis" for column in CODES)),
    photos=_photos,
    used=("image", "diagnosis", *CODES, "lesion_id", "diagnosis_confirm_type"),
    joins=(Join(("ISIC2018_Task3_*LesionGroupings.csv",), ("image", "image"), ("lesion_id",), optional=True),),
).reader()
