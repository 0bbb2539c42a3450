"""HAM10000: the public release, and the layout with metadata.csv + images.zip + masks.zip (or unzipped).

Source: Tschandl, Rosendahl & Kittler, "The HAM10000 dataset, a large collection of multi-source dermatoscopic images of
common pigmented skin lesions", Scientific Data 5, 180161 (2018). Masks: Tschandl et al., Nature Medicine 26 (2020).
"""

from __future__ import annotations

from collections.abc import Iterator

from cutis.data import values
from cutis.data.dataset import DatasetCard
from cutis.data.readers.base import Facts
from cutis.data.readers.release import Photo, Release, coded
from cutis.tables import Row

CARD = DatasetCard(
    name="ham10000",
    title="HAM10000: dermoscopic images of common pigmented skin lesions",
    source="Tschandl P., Rosendahl C., Kittler H. Scientific Data 5, 180161 (2018), doi:10.1038/sdata.2018.161",
    licence="CC-BY-NC-4.0",
    attribution="HAM10000, ViDIR Group, Department of Dermatology, Medical University of Vienna; "
    "doi:10.1038/sdata.2018.161",
    modality="dermoscopy",
    classes=tuple(values.ISIC_2018.values()),
)
# How HAM10000 says that a diagnosis was confirmed -> the ISIC Archive's term.
CONFIRMED = {
    "histo": "histopathology",
    "follow_up": "serial imaging showing no change",
    "consensus": "single image expert consensus",
    "confocal": "confocal microscopy with consensus dermoscopy",
}


def _photos(row: Row, where: str) -> Iterator[Photo]:
    dx = "dx" if "dx" in row else "diagnosis"
    target = coded(row[dx], {code: code for code in values.ISIC_2018}, dx, where)
    confirmed = values.known(row["dx_type"])
    yield Photo(
        {
            "image_id": row["image_id"] or None,
            "lesion_id": values.known(row["lesion_id"]),
            "source": values.known(row.get("dataset")) or "HAM10000",
            "target": target,
            "source_split": values.known(row.get("split")),
            **values.diagnosis(target),
            "diagnosis_confirm_type": CONFIRMED.get(confirmed.casefold(), confirmed) if confirmed else None,
            "anatom_site": row.get("localization", row.get("site")),
            "age_approx": row["age"],
            "sex": row["sex"],
            "image_type": "dermoscopic",
        },
        file=row.get("file", ""),
        stem=row["image_id"],
        mask=row.get("mask", ""),
    )


READER = Release(
    name="ham10000",
    layout="HAM10000: its metadata CSV beside image folders or zips",
    card=CARD,
    facts=Facts(
        images=10_015,
        labels="7 diagnoses",
        identity="lesion",
        access="open",
        address="https://doi.org/10.7910/DVN/DBW86T",
        quirks=("akiec merges actinic keratosis (indeterminate) and Bowen's disease (malignant)",),
    ),
    tables=("metadata.csv", "HAM10000_metadata.csv", "HAM10000_metadata"),
    needs=("image_id", "lesion_id", "dx|diagnosis", "dx_type", "age", "sex", "localization|site"),
    photos=_photos,
    used=(
        *("image_id", "lesion_id", "dx", "diagnosis", "dx_type", "age", "sex"),
        *("localization", "site", "file", "mask", "split", "dataset"),
    ),
).reader()
