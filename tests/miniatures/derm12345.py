"""DERM12345: a table a part, and folders of class folders."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

from miniatures.pictures import photo, table

TABLE, LABEL, ID = "derm12345_metadata_train.csv", "label", "image_id"
HEADER = "image_id,patient_id,label,super_class,malignancy,main_class_1,main_class_2,sub_class"
TRAIN = (
    "DERM_000001,P1,acb,melanocytic,benign,banal,compound,acral",
    "DERM_000002,P1,ajd,melanocytic,benign,dysplastic,junctional,acral",
    "DERM_000003,P2,ak,nonmelanocytic,indeterminate,keratinocytic,keratinocytic,actinic_keratosis",
)
TEST = ("DERM_000004,P3,ch,nonmelanocytic,malignant,keratinocytic,keratinocytic,cutaneous_horn",)
EXPECTED: dict[str, Any] = {
    "images": 4,
    "lesions": 0,
    "patients": 3,
    "classes": {"acb": 1, "ajd": 1, "ak": 1, "ch": 1},
    "cells": {
        "DERM_000001": {"diagnosis_4": "Nevus, Acral", "main_class": "Banal Compound", "source_split": "train"},
        "DERM_000003": {"diagnosis_1": "Indeterminate", "superclass": "Nonmelanocytic Indeterminate"},
        "DERM_000004": {"diagnosis_1": None, "source_split": "test"},
    },
}


def make(folder: Path, rng: np.random.Generator) -> None:
    for part, rows, place in (("train", TRAIN, "derm12345_train_part_1"), ("test", TEST, "derm12345_test")):
        table(folder / f"derm12345_metadata_{part}.csv", HEADER, *rows)
        for row in rows:
            image, _, label = row.split(",")[:3]
            photo(folder / place / label / f"{image}.jpg", rng)
