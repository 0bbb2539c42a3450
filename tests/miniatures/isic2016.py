"""ISIC 2016: a training table without a header line, a test table of numbers, folders of images and of masks."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

from miniatures.pictures import mask, photo, table

TABLE, LABEL, ID = "ISBI2016_ISIC_Part3_Training_GroundTruth.csv", None, "image"
TRAIN = ("ISIC_0000000,benign", "ISIC_0000002,malignant", "ISIC_0000004,benign")
TEST = ("ISIC_0000003,0.0", "ISIC_0000009,1.0")
EXPECTED: dict[str, Any] = {
    "images": 5,
    "lesions": 0,
    "patients": 0,
    "classes": {"benign": 3, "malignant": 2},
    "cells": {
        "ISIC_0000000": {"diagnosis_1": "Benign", "diagnosis_2": None, "source_split": "train"},
        "ISIC_0000002": {"diagnosis_1": "Malignant", "mask": "masks/ISIC_0000002.png"},
        "ISIC_0000009": {"target": "malignant", "source_split": "test", "mask": None},
    },
}


def make(folder: Path, rng: np.random.Generator) -> None:
    table(folder / TABLE, *TRAIN)
    table(folder / "ISBI2016_ISIC_Part3_Test_GroundTruth.csv", *TEST)
    for part, rows in (("Training", TRAIN), ("Test", TEST)):
        for row in rows:
            name = row.split(",")[0]
            photo(folder / f"ISBI2016_ISIC_Part3_{part}_Data" / f"{name}.jpg", rng)
            if part == "Training":
                mask(folder / "ISBI2016_ISIC_Part1_Training_GroundTruth" / f"{name}_Segmentation.png")
