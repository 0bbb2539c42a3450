"""MILK10k's training part: metadata an image, ground truth a lesion, supplement an image, a folder a lesion."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

from miniatures.pictures import photo, table

TABLE, LABEL, ID = "MILK10k_Training_Metadata.csv", None, "isic_id"
HEADER = (
    "lesion_id,image_type,isic_id,attribution,copyright_license,image_manipulation,age_approx,sex,skin_tone_class,site,"
    "MONET_ulceration_crust,MONET_hair,MONET_vasculature_vessels,MONET_erythema,MONET_pigmented,"
    "MONET_gel_water_drop_fluid_dermoscopy_liquid,MONET_skin_markings_pen_ink_purple_pen"
)
ROWS = (
    "IL_0000652,clinical: close-up,ISIC_8149219,MILK study team,CC-BY-NC,altered,70.0,male,1,head_neck_face,"
    "0.1667,0.1636,0.0023,0.1243,0.7195,0.2204,0.2376",
    "IL_0000652,dermoscopic,ISIC_4671410,MILK study team,CC-BY-NC,instrument only,70.0,male,1,head_neck_face,"
    "0.6599,0.1565,0.0164,0.0324,0.847,0.1381,0.1488",
    "IL_0003176,clinical: close-up,ISIC_3904045,MILK study team,CC-BY-NC,instrument only,,female,5,,"
    "0.1,0.2,0.3,0.4,0.5,0.6,",
    "IL_0003176,dermoscopic,ISIC_5371928,MILK study team,CC-BY-NC,instrument only,,female,5,,"
    "0.1,0.2,0.3,0.4,0.5,0.6,0.7",
)
EXPECTED: dict[str, Any] = {
    "images": 4,
    "lesions": 2,
    "patients": 0,
    "classes": {"akiec": 2, "bcc": 2},
    "cells": {
        "ISIC_8149219": {
            "case_id": "IL_0000652",
            "image_type": "clinical: close-up",
            "anatom_site_1": "Head and neck",
            "skin_tone_class": 1,
            "fitzpatrick_skin_type": None,
            "diagnosis_3": "Basal cell carcinoma",
        },
        "ISIC_3904045": {
            "target": "akiec",
            "diagnosis_1": "Malignant",
            "diagnosis_4": "Squamous cell carcinoma in situ, Bowens disease",
            "age_approx": None,
        },
    },
}


def make(folder: Path, rng: np.random.Generator) -> None:
    table(folder / TABLE, HEADER, *ROWS)
    table(
        folder / "MILK10k_Training_GroundTruth.csv",
        "lesion_id,AKIEC,BCC,BEN_OTH,BKL,DF,INF,MAL_OTH,MEL,NV,SCCKA,VASC",
        "IL_0000652,0.0,1.0,0.0,0.0,0.0,0.0,0.0,0.0,0.0,0.0,0.0",
        "IL_0003176,1.0,0.0,0.0,0.0,0.0,0.0,0.0,0.0,0.0,0.0,0.0",
    )
    bowen = '"Squamous cell carcinoma in situ, Bowens disease"'
    table(
        folder / "MILK10k_Training_Supplement.csv",
        "isic_id,diagnosis_full,diagnosis_confirm_type,invasion_thickness_interval",
        "ISIC_8149219,Basal cell carcinoma,histopathology,",
        "ISIC_4671410,Basal cell carcinoma,histopathology,",
        f"ISIC_3904045,{bowen},histopathology,",
        f"ISIC_5371928,{bowen},histopathology,",
    )
    for row in ROWS:
        lesion, _, image = row.split(",")[:3]
        photo(folder / "MILK10k_Training_Input" / lesion / f"{image}.jpg", rng)
