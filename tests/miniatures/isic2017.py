"""ISIC 2017 as the challenge gives it: two columns of 0 and 1, metadata, masks, superpixels and their attributes."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np

from miniatures.pictures import mask, photo, table

TABLE, LABEL, ID = "ISIC-2017_Training_Part3_GroundTruth.csv", None, "image_id"
TRAIN = ("ISIC_0000000,0.0,0.0", "ISIC_0000002,1.0,0.0", "ISIC_0000003,0.0,1.0", "ISIC_0000004,0.0,0.0")
VAL = ("ISIC_0001769,0.0,0.0",)
EXPECTED: dict[str, Any] = {
    "images": 5,
    "lesions": 0,
    "patients": 0,
    "classes": {"mel": 1, "nv": 3, "sk": 1},
    "cells": {
        "ISIC_0000000": {
            "age_approx": 55,
            "sex": "female",
            "source_split": "train",
            "mask": "masks/ISIC_0000000.png",
            "concepts": [{"concept": "pigment_network", "value": 1.0}, {"concept": "streaks", "value": 0.0}],
        },
        "ISIC_0000002": {"age_approx": None, "sex": None, "concepts": None, "diagnosis_3": None},
        "ISIC_0001769": {"source_split": "val"},
    },
}


def make(folder: Path, rng: np.random.Generator) -> None:
    for part, rows in (("Training", TRAIN), ("Validation", VAL)):
        table(folder / f"ISIC-2017_{part}_Part3_GroundTruth.csv", "image_id,melanoma,seborrheic_keratosis", *rows)
        data = folder / f"ISIC-2017_{part}_Data"
        metadata = [
            f"{row.split(',')[0]},{'unknown,unknown' if number == 1 else '55,female'}"
            for number, row in enumerate(rows)
        ]
        table(data / f"{data.name}_metadata.csv", "image_id,age_approximate,sex", *metadata)
        table(folder / f"{data.name}_metadata.csv", "image_id,age_approximate,sex", *metadata)
        for row in rows:
            name = row.split(",")[0]
            photo(data / f"{name}.jpg", rng)
            photo(data / f"{name}_superpixels.png", rng)
            mask(folder / f"ISIC-2017_{part}_Part1_GroundTruth" / f"{name}_segmentation.png")
    features = folder / "ISIC-2017_Training_Part2_GroundTruth"
    features.mkdir()
    (features / "ISIC_0000000_features.json").write_text(
        json.dumps({"pigment_network": [0, 1, 0], "streaks": [0, 0, 0]})
    )
