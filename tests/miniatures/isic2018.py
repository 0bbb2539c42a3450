"""ISIC 2018 task 3: columns of 0 and 1 in three parts, and which training images show one lesion."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

from miniatures.pictures import photo, table

TABLE, LABEL, ID = "ISIC2018_Task3_Training_GroundTruth.csv", "MEL", "image"
HEADER = "image,MEL,NV,BCC,AKIEC,BKL,DF,VASC"
TRAIN = (
    "ISIC_0024306,0.0,1.0,0.0,0.0,0.0,0.0,0.0",
    "ISIC_0024307,0.0,1.0,0.0,0.0,0.0,0.0,0.0",
    "ISIC_0024310,1.0,0.0,0.0,0.0,0.0,0.0,0.0",
    "ISIC_0024329,0.0,0.0,0.0,1.0,0.0,0.0,0.0",
)
TEST = ("ISIC_0034524,0.0,0.0,0.0,0.0,0.0,0.0,1.0",)
EXPECTED: dict[str, Any] = {
    "images": 5,
    "lesions": 3,
    "patients": 0,
    "classes": {"akiec": 1, "mel": 1, "nv": 2, "vasc": 1},
    "cells": {
        "ISIC_0024307": {"lesion_id": "HAM_0000550", "diagnosis_3": "Nevus", "source_split": "train"},
        "ISIC_0024310": {"diagnosis_confirm_type": "histopathology"},
        "ISIC_0024329": {"diagnosis_1": None},
        "ISIC_0034524": {"lesion_id": None, "source_split": "test"},
    },
}


def make(folder: Path, rng: np.random.Generator) -> None:
    table(folder / TABLE, HEADER, *TRAIN)
    table(folder / "ISIC2018_Task3_Test_GroundTruth.csv", HEADER, *TEST)
    table(
        folder / "ISIC2018_Task3_Training_LesionGroupings.csv",
        "image,lesion_id,diagnosis_confirm_type",
        "ISIC_0024306,HAM_0000550,serial imaging showing no change",
        "ISIC_0024307,HAM_0000550,serial imaging showing no change",
        "ISIC_0024310,HAM_0003577,histopathology",
        "ISIC_0024329,HAM_0000001,histopathology",
    )
    for part, rows in (("Training", TRAIN), ("Test", TEST)):
        for row in rows:
            photo(folder / f"ISIC2018_Task3_{part}_Input" / f"{row.split(',')[0]}.jpg", rng)
