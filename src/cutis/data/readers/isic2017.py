"""ISIC 2017: melanoma, seborrheic keratosis or nevus, with lesion masks and dermoscopic attributes.

Source: Codella et al., "Skin Lesion Analysis Toward Melanoma Detection: A Challenge at ISBI 2017", arXiv:1710.05006.
Two layouts: the challenge's own (two 0/1 columns; superpixel attributes as JSON in part 2), and one metadata.csv with a
diagnosis column, `group_id` for near-duplicates and `attr_*` columns.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

from cutis.data import values
from cutis.data.dataset import DatasetCard
from cutis.data.files_in import Tree
from cutis.data.readers.base import Facts
from cutis.data.readers.release import Join, Photo, Release, coded
from cutis.errors import CutisError
from cutis.image.decode import BadImage
from cutis.tables import Row

CARD = DatasetCard(
    name="isic2017",
    title="ISIC 2017: skin lesion analysis towards melanoma detection",
    source="Codella N. et al., arXiv:1710.05006 (2017)",
    licence="CC0-1.0",
    attribution="ISIC 2017 challenge, International Skin Imaging Collaboration; arXiv:1710.05006",
    modality="dermoscopy",
    classes=(
        values.ISIC_2018["mel"],
        values.ISIC_2018["nv"],
        values.SEBORRHEIC_KERATOSIS,
    ),
)
_CODES = {"melanoma": "mel", "nevus": "nv", "seborrheic_keratosis": "sk", "seborrheic keratosis": "sk"}
CONCEPTS = ("globules", "milia_like_cyst", "negative_network", "pigment_network", "streaks")
_PART_2 = tuple(f"ISIC-2017_{part}_Part2_GroundTruth" for part in ("Training", "Validation", "Test_v2"))


def _photos(row: Row, where: str) -> Iterator[Photo]:
    if "diagnosis" in row:
        target = coded(row["diagnosis"], _CODES, "diagnosis", where)
    else:
        marked = values.one_hot(row, ("melanoma", "seborrheic_keratosis"), where)
        target = _CODES[marked] if marked else "nv"
    concepts = [
        {"concept": name, "value": float(seen)}
        for name in CONCEPTS
        if (seen := values.truth(row.get(f"attr_{name}"), f"attr_{name}", where)) is not None
    ]
    found = {
        "image_id": row["image_id"] or None,
        **values.of_class(target, CARD.classes),
        "anatom_site": row.get("site"),
        "age_approx": row.get("age", row.get("age_approximate")),
        "sex": row.get("sex"),
        "image_type": "dermoscopic",
        "concepts": concepts or None,
    }
    if split := values.known(row.get("split")):
        found["source_split"] = split
    yield Photo(found, file=row.get("file", ""), stem=row["image_id"], mask=row.get("mask", ""))


def _attributes(photo: Photo, tree: Tree) -> dict[str, Any]:
    """Part 2 marks each superpixel 0 or 1 for each attribute: the image has what one of its superpixels has."""
    blob = next((b for folder in _PART_2 if (b := tree.find(f"{folder}/{photo.stem}_features.json"))), None)
    if blob is None:
        return {}
    try:
        marks = json.loads(blob.read())
        return {"concepts": [{"concept": name, "value": float(max(marks[name]))} for name in sorted(marks)]}
    except (BadImage, ValueError, TypeError, LookupError):
        raise CutisError(
            f'{blob.name}: expected attributes with a 0 or 1 for each superpixel, as {{"streaks": [0, 1, 0]}}.'
        ) from None


READER = Release(
    name="isic2017",
    layout="ISIC 2017 part 3: ISIC-2017_*_Part3_GroundTruth.csv beside its folders or zips; or one metadata.csv",
    card=CARD,
    facts=Facts(
        images=2_750,
        labels="3 diagnoses; lesion masks; dermoscopic attributes",
        identity="none",
        access="open",
        address="https://challenge.isic-archive.com/data/#2017",
        quirks=(
            "2,000 training, 150 validation and 600 test images; many are in ISIC 2016, 2018 and 2019 too",
            "no patient or lesion ids; a column group_id, where there is one, joins near-duplicates",
            "where neither melanoma nor seborrheic keratosis is marked the image is a nevus",
        ),
    ),
    tables=("metadata.csv",),
    parts={
        "ISIC-2017_Training_Part3_GroundTruth.csv": "train",
        "ISIC-2017_Validation_Part3_GroundTruth.csv": "val",
        "ISIC-2017_Test_v2_Part3_GroundTruth.csv": "test",
    },
    needs=("image_id", "melanoma|diagnosis", "seborrheic_keratosis|group_id"),
    photos=_photos,
    used=(
        *("image_id", "melanoma", "seborrheic_keratosis", "diagnosis", "file", "mask", "split"),
        *("age", "age_approximate", "sex", "site", *(f"attr_{name}" for name in CONCEPTS)),
    ),
    joins=(
        Join(("ISIC-2017_*_Data_metadata.csv",), ("image_id", "image_id"), ("age_approximate", "sex"), optional=True),
    ),
    beside=_attributes,
).reader()
