"""ISIC 2016 (ISBI 2016), part 3: benign or malignant, with lesion masks of part 1.

Source: Gutman et al., "Skin Lesion Analysis toward Melanoma Detection: A Challenge at ISBI 2016", arXiv:1605.01397.
The training table has no header line and says benign/malignant; the test table says 0.0/1.0.
"""

from __future__ import annotations

from collections.abc import Iterator

from cutis.data import values
from cutis.data.dataset import DatasetCard
from cutis.data.readers.base import UNTESTED, Facts
from cutis.data.readers.release import Photo, Release, coded
from cutis.schema.classes import ClassInfo
from cutis.tables import Row

CARD = DatasetCard(
    name="isic2016",
    title="ISIC 2016: skin lesion analysis toward melanoma detection",
    source="Gutman D. et al., arXiv:1605.01397 (2016)",
    licence="CC0-1.0",
    attribution="ISIC 2016 challenge, International Skin Imaging Collaboration; arXiv:1605.01397",
    modality="dermoscopy",
    classes=(
        ClassInfo(code="benign", name="Benign", diagnosis="Benign", malignant=False),
        ClassInfo(code="malignant", name="Malignant", diagnosis="Malignant", malignant=True),
    ),
)
_CODES = {"benign": "benign", "malignant": "malignant", "0.0": "benign", "1.0": "malignant", "0": "benign"}
_CODES["1"] = "malignant"


def _photos(row: Row, where: str) -> Iterator[Photo]:
    target = coded(row["label"], _CODES, "label", where)
    yield Photo(
        {"image_id": row["image"] or None, **values.of_class(target, CARD.classes), "image_type": "dermoscopic"},
        stem=row["image"],
    )


READER = Release(
    name="isic2016",
    layout="ISIC 2016 part 3: ISBI2016_ISIC_Part3_*_GroundTruth.csv beside its image folders or zips",
    card=CARD,
    facts=Facts(
        images=1_279,
        labels="benign or malignant; lesion masks",
        identity="none",
        access="open",
        address="https://challenge.isic-archive.com/data/#2016",
        quirks=(
            UNTESTED,
            "900 training and 379 test images; many are in ISIC 2017, 2019 and 2020 too",
            "no patient or lesion ids",
        ),
    ),
    tables=("ISBI2016_ISIC_Part3B_Training_GroundTruth.csv",),
    parts={
        "ISBI2016_ISIC_Part3_Training_GroundTruth.csv": "train",
        "ISBI2016_ISIC_Part3_Test_GroundTruth.csv": "test",
    },
    header=("image", "label"),
    needs=("image", "label"),
    photos=_photos,
    used=("image", "label"),
).reader()
