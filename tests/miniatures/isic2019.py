"""ISIC 2019: columns of 0 and 1 with UNK and metadata, for a training and a test part."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

from miniatures.pictures import photo, table

TABLE, LABEL, ID = "ISIC_2019_Training_GroundTruth.csv", "MEL", "image"
HEADER = "image,MEL,NV,BCC,AK,BKL,DF,VASC,SCC,UNK"
TRAIN = (
    "ISIC_0000000,0.0,1.0,0.0,0.0,0.0,0.0,0.0,0.0,0.0",
    "ISIC_0000002_downsampled,1.0,0.0,0.0,0.0,0.0,0.0,0.0,0.0,0.0",
    "ISIC_0053453,0.0,0.0,0.0,1.0,0.0,0.0,0.0,0.0,0.0",
    "ISIC_0053454,0.0,0.0,0.0,0.0,0.0,0.0,0.0,1.0,0.0",
)
TEST = (
    "ISIC_0034321,0.0,0.0,1.0,0.0,0.0,0.0,0.0,0.0,0.0",
    "ISIC_0034322,0.0,0.0,0.0,0.0,0.0,0.0,0.0,0.0,1.0",
)
EXPECTED: dict[str, Any] = {
    "images": 6,
    "lesions": 2,
    "patients": 0,
    "classes": {"ak": 1, "bcc": 1, "mel": 1, "nv": 1, "scc": 1},
    "cells": {
        "ISIC_0000000": {"age_approx": 55, "anatom_site_1": "Trunk", "lesion_id": None, "source": "isic2019"},
        "ISIC_0000002_downsampled": {"isic_id": "ISIC_0000002", "source": "MSK", "source_split": "train"},
        "ISIC_0053453": {"diagnosis_1": "Indeterminate", "source": "BCN20000"},
        "ISIC_0053454": {"diagnosis_2": "Malignant epidermal proliferations", "diagnosis_3": None},
        "ISIC_0034322": {"target": None, "diagnosis_1": None, "source_split": "test", "age_approx": 70},
    },
}


def make(folder: Path, rng: np.random.Generator) -> None:
    table(folder / TABLE, HEADER, *TRAIN)
    table(folder / "ISIC_2019_Test_GroundTruth.csv", HEADER, *TEST)
    table(
        folder / "ISIC_2019_Training_Metadata.csv",
        "image,age_approx,anatom_site_general,lesion_id,sex",
        "ISIC_0000000,55.0,anterior torso,,female",
        "ISIC_0000002_downsampled,60.0,upper extremity,MSK4_0011155,female",
        "ISIC_0053453,,head/neck,BCN_0001728,",
        "ISIC_0053454,75.0,lateral torso,BCN_0001728,male",
    )
    table(
        folder / "ISIC_2019_Test_Metadata.csv",
        "image,age_approx,anatom_site_general,sex",
        "ISIC_0034321,30.0,palms/soles,male",
        "ISIC_0034322,70.0,oral/genital,female",
    )
    for part, rows in (("Training", TRAIN), ("Test", TEST)):
        for row in rows:
            photo(folder / f"ISIC_2019_{part}_Input" / f"{row.split(',')[0]}.jpg", rng)
