"""An ISIC Archive download with the columns of 2025; `make_old` writes the same images with the older ones."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

from miniatures.pictures import photo, table

TABLE, LABEL, ID = "metadata.csv", "diagnosis_1", "isic_id"
HEADER = (
    "isic_id,attribution,copyright_license,acquisition_day,age_approx,anatom_site_1,anatom_site_2,anatom_site_special,"
    "clin_size_long_diam_mm,concomitant_biopsy,diagnosis_1,diagnosis_2,diagnosis_3,diagnosis_4,diagnosis_confirm_type,"
    "family_hx_mm,fitzpatrick_skin_type,image_manipulation,image_type,lesion_id,melanocytic,patient_id,sex"
)
_MELANOMA = "Malignant,Malignant melanocytic proliferations (Melanoma)"
ROWS = (
    "ISIC_0000001,Anonymous,CC-0,,55,Trunk,Anterior trunk,,3.1,True,Benign,Benign melanocytic proliferations,Nevus,,"
    "histopathology,False,II,instrument only,dermoscopic,IL_0000001,True,IP_0000001,female",
    f"ISIC_0000002,Hospital Clinic de Barcelona,CC-BY-NC,10,85,,,acral palms or soles,,True,{_MELANOMA},"
    "Melanoma Invasive,,histopathology,,,instrument only,dermoscopic,IL_0000002,True,IP_0000001,female",
    'ISIC_0000003,"Department X, Clinic Y",CC-BY,,30,Head and neck,,,,False,Indeterminate,'
    "Indeterminate epidermal proliferations,Solar or actinic keratosis,,single image expert consensus,,,altered,"
    "clinical: close-up,IL_0000003,False,IP_0000002,male",
    "ISIC_0000004,Anonymous,CC-0,,,,,,,,Benign,,,,,,,instrument only,dermoscopic,,,,",
    "ISIC_0000005,Anonymous,CC-0,,,,,,,,,,,,,,,instrument only,dermoscopic,IL_0000001,,IP_0000001,",
)
OLD_HEADER = (
    "isic_id,attribution,copyright_license,age_approx,anatom_site_general,benign_malignant,diagnosis,"
    "diagnosis_confirm_type,fitzpatrick_skin_type,image_type,lesion_id,patient_id,sex"
)
OLD_ROWS = (
    "ISIC_0000001,Anonymous,CC-0,55,anterior torso,benign,nevus,histopathology,II,dermoscopic,IL_0000001,"
    "IP_0000001,female",
    "ISIC_0000002,Hospital Clinic de Barcelona,CC-BY-NC,85,palms/soles,malignant,melanoma,histopathology,,"
    "dermoscopic,IL_0000002,IP_0000001,female",
    'ISIC_0000003,"Department X, Clinic Y",CC-BY,30,head/neck,indeterminate,actinic keratosis,'
    "single image expert consensus,,clinical: close-up,IL_0000003,IP_0000002,male",
    "ISIC_0000004,Anonymous,CC-0,,,benign,,,,dermoscopic,,,",
    "ISIC_0000005,Anonymous,CC-0,,,,,,,dermoscopic,IL_0000001,IP_0000001,",
)
EXPECTED: dict[str, Any] = {
    "images": 5,
    "lesions": 3,
    "patients": 2,
    "classes": {"benign": 2, "indeterminate": 1, "malignant": 1},
    "cells": {
        "ISIC_0000001": {"diagnosis_3": "Nevus", "anatom_site_2": "Anterior trunk", "copyright_license": "CC0-1.0"},
        "ISIC_0000002": {"diagnosis_3": "Melanoma Invasive", "anatom_site_special": "acral palms or soles"},
        "ISIC_0000003": {"copyright_license": "CC-BY-4.0", "attribution": "Department X, Clinic Y"},
        "ISIC_0000004": {"diagnosis_1": "Benign", "diagnosis_2": None, "sex": None, "concomitant_biopsy": None},
        "ISIC_0000005": {"target": None, "diagnosis_1": None, "lesion_id": "IL_0000001"},
    },
}


def _images(folder: Path, rng: np.random.Generator) -> None:
    for row in ROWS:
        photo(folder / f"{row.split(',')[0]}.jpg", rng)


def make(folder: Path, rng: np.random.Generator) -> None:
    table(folder / TABLE, HEADER, *ROWS)
    (folder / "attribution.txt").write_text("Anonymous\nHospital Clinic de Barcelona\n", encoding="utf-8")
    _images(folder, rng)


def make_old(folder: Path, rng: np.random.Generator) -> None:
    table(folder / TABLE, OLD_HEADER, *OLD_ROWS)
    _images(folder, rng)
