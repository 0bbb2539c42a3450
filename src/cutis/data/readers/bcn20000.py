"""BCN20000: dermoscopy "in the wild" (nails, mucosa, lesions without pigment): bcn_20k_train.csv and its image folder.

Source: Hernandez-Perez et al., "BCN20000: Dermoscopic Lesions in the Wild", Scientific Data 11, 641 (2024),
doi:10.1038/s41597-024-03387-w; first as arXiv:1908.02288.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import PurePosixPath

from cutis.data import values
from cutis.data.dataset import DatasetCard
from cutis.data.readers.base import UNTESTED, Facts
from cutis.data.readers.isic2019 import CLASSES, CODES
from cutis.data.readers.release import Photo, Release, coded
from cutis.tables import Row

CARD = DatasetCard(
    name="bcn20000",
    title="BCN20000: dermoscopic lesions in the wild",
    source="Hernandez-Perez C. et al. Scientific Data 11, 641 (2024), doi:10.1038/s41597-024-03387-w",
    licence="CC-BY-NC-4.0",
    attribution="BCN20000, Department of Dermatology, Hospital Clinic de Barcelona; doi:10.1038/s41597-024-03387-w",
    modality="dermoscopy",
    classes=CLASSES,
)


def _photos(row: Row, where: str) -> Iterator[Photo]:
    name = PurePosixPath(row["bcn_filename"]).stem
    found = {
        "image_id": name or None,
        "lesion_id": values.known(row["lesion_id"]),
        **values.of_class(coded(row["diagnosis"], CODES, "diagnosis", where), CLASSES),
        "anatom_site": row["anatom_site_general"],
        "age_approx": row["age_approx"],
        "sex": row["sex"],
        "image_type": "dermoscopic",
        "source_split": values.known(row.get("split")),
    }
    yield Photo(found, stem=name)


READER = Release(
    name="bcn20000",
    layout="BCN20000: bcn_20k_train.csv beside bcn_20k_train/ or its zip",
    card=CARD,
    facts=Facts(
        images=18_946,
        labels="8 diagnoses, those of ISIC 2019",
        identity="lesion",
        access="open",
        address="https://doi.org/10.6084/m9.figshare.24140028",
        quirks=(
            UNTESTED,
            "12,413 images of its lesions are training images of ISIC 2019, under other image ids",
            "a lesion has up to 31 images; there are no patient ids",
            "the test images come without diagnosis and are not read",
        ),
    ),
    tables=("bcn_20k_train.csv", "*bcn*20k*train*.csv"),
    needs=("bcn_filename", "diagnosis", "lesion_id", "age_approx", "anatom_site_general", "sex"),
    photos=_photos,
    used=("bcn_filename", "diagnosis", "lesion_id", "age_approx", "anatom_site_general", "sex", "split"),
).reader()
