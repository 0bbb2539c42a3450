"""ISIC 2024 (SLICE-3D): lesion tiles cut from total-body scans, as the challenge's train-metadata.csv and image folder.

Source: Kurtansky et al., "The SLICE-3D dataset: 400,000 skin lesion image crops extracted from 3D TBP for skin cancer
detection", Scientific Data 11, 884 (2024), doi:10.1038/s41597-024-03743-w.
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
from cutis.tables import Row

CARD = DatasetCard(
    name="isic2024",
    title="ISIC 2024: SLICE-3D, lesion crops from total-body photographs",
    source="Kurtansky N. et al. Scientific Data 11, 884 (2024), doi:10.1038/s41597-024-03743-w",
    licence="CC-BY-NC-4.0",
    attribution="SLICE-3D / ISIC 2024 challenge dataset, International Skin Imaging Collaboration, "
    "doi:10.34970/2024-slice-3d",
    modality="3D total-body photography tiles",
    classes=(
        ClassInfo(
            code="not_malignant",
            name="Benign or indeterminate",
            malignant=False,
            note="The challenge's target 0: benign and, for 114 images, indeterminate.",
        ),
        ClassInfo(code="malignant", name="Malignant", diagnosis="Malignant", malignant=True),
    ),
)
_CODES = {"0": "not_malignant", "1": "malignant"}


def _photos(row: Row, where: str) -> Iterator[Photo]:
    try:
        found = values.diagnosis(row["iddx_full"].replace("::", ":"))
        own_licence = licence(values.known(row.get("copyright_license")))
    except CutisError as error:
        raise CutisError(f"{where}: {error}") from None
    target = coded(row["target"], _CODES, "target", where)
    yield Photo(
        {
            "image_id": row["isic_id"] or None,
            "lesion_id": values.known(row.get("lesion_id")),
            "patient_id": values.known(row["patient_id"]),
            "target": target,
            **found,
            "anatom_site": row["anatom_site_general"],
            "age_approx": row["age_approx"],
            "sex": row["sex"],
            "image_type": values.known(row["image_type"]),
            "copyright_license": own_licence.id if own_licence.id != "unknown" else CARD.licence,
            "attribution": values.known(row.get("attribution")) or CARD.attribution,
        },
        stem=row["isic_id"],
    )


READER = Release(
    name="isic2024",
    layout="ISIC 2024 (SLICE-3D): train-metadata.csv beside train-image/image/*.jpg",
    card=CARD,
    facts=Facts(
        images=401_059,
        labels="malignant or not; diagnosis in five levels where biopsied; 34 measurements of each lesion",
        identity="patient and lesion",
        access="account",
        address="https://challenge2024.isic-archive.com",
        quirks=(
            UNTESTED,
            "393 malignant images (0.098 %) of 1,042 patients",
            "lesions that were not biopsied are labelled benign: a weak label, diagnosis_1 only",
            "tiles of 61 to 239 pixels a side; lesion ids for few images, patient ids for all",
            "images in train-image.hdf5 are not read: use the folder train-image",
            "each image has its own licence and attribution",
        ),
    ),
    tables=("train-metadata.csv", "*train-metadata.csv"),
    needs=(
        *("isic_id", "target", "patient_id", "age_approx", "sex", "anatom_site_general", "image_type", "iddx_full"),
        "tbp_tile_type",
    ),
    photos=_photos,
    used=(
        *("isic_id", "target", "patient_id", "lesion_id", "age_approx", "sex", "anatom_site_general", "image_type"),
        *("iddx_full", "iddx_1", "iddx_2", "iddx_3", "iddx_4", "iddx_5", "copyright_license", "attribution"),
    ),
).reader()
