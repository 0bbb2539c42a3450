"""The ISIC Archive as its own command line downloads it: images by id beside metadata.csv, with old or new columns.

Source: isic-archive.com; vocabulary: ImageMarkup/isic-metadata. Newer files give a diagnosis in five levels
(diagnosis_1..5) and so the site (anatom_site_1..5); older ones give flat names (diagnosis, benign_malignant,
anatom_site_general). Licence and attribution are each image's own.
"""

from __future__ import annotations

from collections.abc import Iterator

from cutis.data import values
from cutis.data.dataset import DatasetCard
from cutis.data.readers.base import UNTESTED, Facts
from cutis.data.readers.release import Photo, Release, coded
from cutis.errors import CutisError
from cutis.schema.classes import ClassInfo
from cutis.schema.licence import licence
from cutis.schema.vocabulary import DIAGNOSIS_COLUMNS, SITE_COLUMNS
from cutis.tables import Row

CARD = DatasetCard(
    name="isic_archive",
    title="ISIC Archive",
    source="International Skin Imaging Collaboration, isic-archive.com",
    modality="dermoscopy, clinical photographs, total-body tiles, confocal microscopy",
    classes=(
        ClassInfo(code="benign", name="Benign", diagnosis="Benign", malignant=False),
        ClassInfo(code="indeterminate", name="Indeterminate", diagnosis="Indeterminate"),
        ClassInfo(code="malignant", name="Malignant", diagnosis="Malignant", malignant=True),
    ),
)
# The older `benign_malignant` -> level 1 of today's vocabulary.
_LEVEL_1 = {
    "benign": "Benign",
    "malignant": "Malignant",
    "indeterminate": "Indeterminate",
    "indeterminate/benign": "Indeterminate",
    "indeterminate/malignant": "Indeterminate",
}
_TEXT = ("lesion_id", "patient_id", "diagnosis_confirm_type", "image_type", "image_manipulation", "attribution")


def _photos(row: Row, where: str) -> Iterator[Photo]:
    def path(columns: tuple[str, ...]) -> str:
        return ":".join(cell for c in columns if (cell := values.known(row.get(c))))

    try:
        found = values.diagnosis(path(DIAGNOSIS_COLUMNS) or row.get("diagnosis"))
        own_licence = licence(values.known(row["copyright_license"])).id
    except CutisError as error:
        raise CutisError(f"{where}: {error}") from None
    flat = coded(row.get("benign_malignant", ""), _LEVEL_1, "benign_malignant", where)
    found["diagnosis_1"] = found["diagnosis_1"] or flat
    yield Photo(
        {
            "image_id": row["isic_id"] or None,
            "target": (found["diagnosis_1"] or "").casefold() or None,
            **found,
            "anatom_site": path(SITE_COLUMNS) or row.get("anatom_site_general"),
            "anatom_site_special": values.known(row.get("anatom_site_special")),
            **{column: values.known(row.get(column)) for column in _TEXT},
            "age_approx": row.get("age_approx"),
            "sex": row.get("sex"),
            "fitzpatrick_skin_type": row.get("fitzpatrick_skin_type"),
            "copyright_license": own_licence if own_licence != "unknown" else None,
        },
        stem=row["isic_id"],
    )


READER = Release(
    name="isic_archive",
    layout="an ISIC Archive download: metadata.csv (isic_id, copyright_license, attribution...) beside images",
    card=CARD,
    facts=Facts(
        images=500_000,
        labels="418 diagnoses in a tree of five levels; the first level is the target",
        identity="patient and lesion",
        access="open",
        address="https://www.isic-archive.com",
        quirks=(
            UNTESTED,
            "it grows: half a million public images and more",
            "each image has its own licence and attribution",
            "patient and lesion ids are missing for many images",
            "spelling slips of the vocabulary (Cylindoma, Cartilagenous) are part of it",
        ),
    ),
    tables=("metadata.csv", "*metadata*.csv"),
    needs=("isic_id", "copyright_license", "attribution", "diagnosis_1|diagnosis|benign_malignant"),
    photos=_photos,
    used=(
        *("isic_id", "diagnosis", "benign_malignant", *DIAGNOSIS_COLUMNS, *SITE_COLUMNS, "anatom_site_general"),
        *("anatom_site_special", "age_approx", "sex", "fitzpatrick_skin_type", "copyright_license", *_TEXT),
    ),
).reader()
