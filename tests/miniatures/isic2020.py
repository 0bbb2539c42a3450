"""ISIC 2020, second version of the table, with its list of duplicates."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

from miniatures.pictures import photo, table

TABLE, LABEL, ID = "ISIC_2020_Training_GroundTruth_v2.csv", "benign_malignant", "image_name"
HEADER = (
    "image_name,patient_id,lesion_id,sex,age_approx,anatom_site_general_challenge,diagnosis,benign_malignant,target"
)
ROWS = (
    "ISIC_2637011,IP_7279968,IL_7972535,male,45.0,head/neck,unknown,benign,0",
    "ISIC_0015719,IP_3075186,IL_4649854,female,45.0,upper extremity,unknown,benign,0",
    "ISIC_0149568,IP_0962375,IL_5000000,female,55.0,upper extremity,melanoma,malignant,1",
    "ISIC_0052212,IP_2842074,IL_4087864,,,lower extremity,nevus,benign,0",
    "ISIC_8521950,IP_3075186,IL_4649855,female,90.0,torso,cafe-au-lait macule,benign,0",
)
EXPECTED: dict[str, Any] = {
    "images": 5,
    "lesions": 5,
    "patients": 4,
    "classes": {"benign": 4, "malignant": 1},
    "cells": {
        "ISIC_2637011": {"target": "benign", "diagnosis_1": "Benign", "diagnosis_2": None, "duplicate_of": None},
        "ISIC_0149568": {"diagnosis_1": "Malignant"},
        "ISIC_0052212": {"diagnosis_3": "Nevus", "age_approx": None, "sex": None},
        "ISIC_8521950": {"age_approx": 85, "duplicate_of": "ISIC_0015719"},
    },
}


def make(folder: Path, rng: np.random.Generator) -> None:
    table(folder / TABLE, HEADER, *ROWS)
    table(folder / "ISIC_2020_Training_Duplicates.csv", "image_name_1,image_name_2", "ISIC_0015719,ISIC_8521950")
    for row in ROWS:
        photo(folder / "train" / f"{row.split(',')[0]}.jpg", rng)
