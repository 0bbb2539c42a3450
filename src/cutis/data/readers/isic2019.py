"""ISIC 2019: eight diagnoses and "unknown" as columns of 0 and 1 with a metadata table, or joined with one diagnosis.

Source: Tschandl et al. 2018 (HAM10000), Codella et al. 2017 (MSK), Combalia et al. 2019 (BCN20000, arXiv:1908.02288).
The lesion id says where an image comes from. Some ids end in "_downsampled", as published: `isic_id` is the id without.
"""

from __future__ import annotations

from collections.abc import Iterator

from cutis.data import values
from cutis.data.dataset import DatasetCard
from cutis.data.readers.base import Facts
from cutis.data.readers.release import Join, Photo, Release, coded
from cutis.schema.classes import ClassInfo
from cutis.tables import Row

_2018 = values.ISIC_2018
CLASSES = (
    _2018["mel"],
    _2018["nv"],
    _2018["bcc"],
    ClassInfo(
        code="ak",
        name="Actinic keratosis",
        diagnosis="Indeterminate:Indeterminate epidermal proliferations:Solar or actinic keratosis",
    ),
    _2018["bkl"],
    _2018["df"],
    _2018["vasc"],
    ClassInfo(
        code="scc",
        name="Squamous cell carcinoma",
        diagnosis="Malignant:Malignant epidermal proliferations",
        malignant=True,
        note="Invasive, in situ or not said: only the second level of the vocabulary is true for all.",
    ),
)
CODES = {c.code.upper(): c.code for c in CLASSES}
_FROM = {"HAM": "HAM10000", "BCN": "BCN20000", "MSK": "MSK"}  # by the lesion id's first letters
CARD = DatasetCard(
    name="isic2019",
    title="ISIC 2019: dermoscopic image classification",
    source="ISIC 2019 challenge; doi:10.1038/sdata.2018.161, arXiv:1710.05006, arXiv:1908.02288",
    licence="CC-BY-NC-4.0",
    attribution="ISIC 2019 challenge: HAM10000 (Medical University of Vienna, doi:10.1038/sdata.2018.161), "
    "BCN20000 (Hospital Clinic de Barcelona, arXiv:1908.02288), MSK (arXiv:1710.05006)",
    modality="dermoscopy",
    classes=CLASSES,
)


def _photos(row: Row, where: str) -> Iterator[Photo]:
    if "diagnosis" in row:
        target = coded(row["diagnosis"], CODES, "diagnosis", where)
    else:
        target = CODES.get(values.one_hot(row, (*CODES, "UNK"), where) or "")  # UNK: none of the eight, so none here
    lesion = values.known(row.get("lesion_id"))
    found = {
        "image_id": row["image"] or None,
        "isic_id": row["image"].removesuffix("_downsampled") or None,
        "lesion_id": lesion,
        **values.of_class(target, CLASSES),
        "anatom_site": row.get("anatom_site_general"),
        "age_approx": row.get("age_approx"),
        "sex": row.get("sex"),
        "image_type": "dermoscopic",
    }
    if lesion and lesion[:3] in _FROM:
        found["source"] = _FROM[lesion[:3]]
    yield Photo(found, stem=row["image"])


READER = Release(
    name="isic2019",
    layout="ISIC 2019: ISIC_2019_*_GroundTruth.csv and ISIC_2019_*_Metadata.csv beside image folders or zips",
    card=CARD,
    facts=Facts(
        images=33_569,
        labels="8 diagnoses; 9 in the test part, the ninth being none of them",
        identity="lesion",
        access="open",
        address="https://challenge.isic-archive.com/data/#2019",
        quirks=(
            "25,331 training images, HAM10000 and BCN20000 among them: never train on one and test on another",
            "23,247 training images have a lesion id (11,847 lesions); the others may repeat lesions",
            'ids that end in "_downsampled" are images of ISIC 2017; isic_id holds the id without it',
            "UNK in the test part is an image of none of the eight classes: it has no target",
        ),
    ),
    tables=("isic2019*.csv",),
    parts={"ISIC_2019_Training_GroundTruth.csv": "train", "ISIC_2019_Test_GroundTruth.csv": "test"},
    needs=("image", *(f"{column}|diagnosis" for column in CODES)),
    photos=_photos,
    used=("image", "diagnosis", *CODES, "UNK", "lesion_id", "anatom_site_general", "age_approx", "sex"),
    joins=(
        Join(("ISIC_2019_*_Metadata.csv",), ("image", "image"), ("age_approx", "anatom_site_general"), optional=True),
    ),
).reader()
