"""HAM10000 as the Dataverse gives it: metadata without suffix, two image folders, masks in a folder."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

from miniatures.pictures import mask, photo, table

TABLE, LABEL, ID = "HAM10000_metadata", "dx", "image_id"
ROWS = (
    "HAM_0000118,ISIC_0027419,bkl,histo,80.0,male,scalp,vidir_modern",
    "HAM_0000118,ISIC_0025030,bkl,histo,80.0,male,scalp,vidir_modern",
    "HAM_0002730,ISIC_0026769,nv,follow_up,,unknown,unknown,vidir_molemax",
    "HAM_0001466,ISIC_0031633,akiec,confocal,75.0,female,lower extremity,rosendahl",
    "HAM_0002761,ISIC_0027850,mel,consensus,85.0,female,acral,vienna_dias",
)
EXPECTED: dict[str, Any] = {
    "images": 5,
    "lesions": 4,
    "patients": 0,
    "classes": {"akiec": 1, "bkl": 2, "mel": 1, "nv": 1},
    "cells": {
        "ISIC_0027419": {
            "anatom_site_3": "Scalp",
            "age_approx": 80,
            "source": "vidir_modern",
            "diagnosis_confirm_type": "histopathology",
            "diagnosis_1": "Benign",
        },
        "ISIC_0026769": {"age_approx": None, "sex": None, "anatom_site_1": None},
        "ISIC_0031633": {"diagnosis_1": None},
        "ISIC_0027850": {"anatom_site_special": "acral NOS", "anatom_site_1": None},
    },
}


def make(folder: Path, rng: np.random.Generator) -> None:
    table(folder / TABLE, "lesion_id,image_id,dx,dx_type,age,sex,localization,dataset", *ROWS)
    for number, row in enumerate(ROWS):
        name = row.split(",")[1]
        photo(folder / f"HAM10000_images_part_{1 + number % 2}" / f"{name}.jpg", rng)
        mask(folder / "HAM10000_segmentations_lesion_tschandl" / f"{name}_segmentation.png")
