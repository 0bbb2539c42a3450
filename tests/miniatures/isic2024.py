"""ISIC 2024 (SLICE-3D) with all 55 columns of train-metadata.csv and tiny tiles."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

from miniatures.pictures import photo, table

TABLE, LABEL, ID = "train-metadata.csv", "target", "isic_id"
_FIRST = "isic_id,target,patient_id,age_approx,sex,anatom_site_general,clin_size_long_diam_mm,image_type,tbp_tile_type"
MEASURED = (
    *("A", "Aext", "B", "Bext", "C", "Cext", "H", "Hext", "L", "Lext", "areaMM2", "area_perim_ratio", "color_std_mean"),
    *("deltaA", "deltaB", "deltaL", "deltaLB", "deltaLBnorm", "eccentricity", "location", "location_simple"),
    *("minorAxisMM", "nevi_confidence", "norm_border", "norm_color", "perimeterMM", "radial_color_std_max", "stdL"),
    *("stdLExt", "symm_2axis", "symm_2axis_angle", "x", "y", "z"),
)
_LAST = (
    "attribution,copyright_license,lesion_id,iddx_full,iddx_1,iddx_2,iddx_3,iddx_4,iddx_5,mel_mitotic_index,"
    "mel_thick_mm,tbp_lv_dnn_lesion_confidence"
)
HEADER = ",".join((_FIRST, *(f"tbp_lv_{name}" for name in MEASURED), _LAST))
_BCC = "Malignant,Malignant adnexal epithelial proliferations - Follicular,Basal cell carcinoma"
ROWS = (  # first columns, last columns
    (
        "ISIC_0015670,0,IP_1235828,60.0,male,lower extremity,3.04,TBP tile: close-up,3D: white",
        "Memorial Sloan Kettering Cancer Center,CC-BY,,Benign,Benign,,,,,,,97.517282",
    ),
    (
        "ISIC_0015845,0,IP_8170065,60.0,male,head/neck,1.1,TBP tile: close-up,3D: white",
        "Memorial Sloan Kettering Cancer Center,CC-BY,IL_6727506,Benign,Benign,,,,,,,3.141455",
    ),
    (
        "ISIC_8569576,1,IP_3537591,,,,1.39,TBP tile: close-up,3D: XP",
        f'FNQH Cairns,CC-BY-NC,IL_8910080,"{_BCC.replace(",", "::")}::Basal cell carcinoma, Superficial",'
        f'{_BCC},"Basal cell carcinoma, Superficial",,,,44.66249',
    ),
    (
        "ISIC_0000777,0,IP_3537591,85.0,female,posterior torso,4.0,TBP tile: close-up,3D: XP",
        "ACEMID MIA,CC-0,IL_1,Indeterminate::Indeterminate melanocytic proliferations::Atypical melanocytic neoplasm,"
        "Indeterminate,Indeterminate melanocytic proliferations,Atypical melanocytic neoplasm,,,,,99.0",
    ),
)
EXPECTED: dict[str, Any] = {
    "images": 4,
    "lesions": 3,
    "patients": 3,
    "classes": {"malignant": 1, "not_malignant": 3},
    "cells": {
        "ISIC_0015670": {"diagnosis_1": "Benign", "diagnosis_2": None, "copyright_license": "CC-BY-4.0"},
        "ISIC_8569576": {"diagnosis_4": "Basal cell carcinoma, Superficial", "sex": None, "age_approx": None},
        "ISIC_0000777": {"diagnosis_1": "Indeterminate", "target": "not_malignant", "tbp_tile_type": "3D: XP"},
    },
}


def make(folder: Path, rng: np.random.Generator) -> None:
    lines = []
    for first, last in ROWS:
        numbers = [f"{v:.5f}" for v in rng.normal(20, 5, len(MEASURED))]
        numbers[MEASURED.index("location")], numbers[MEASURED.index("location_simple")] = (
            "Torso Back Top Third",
            "Torso",
        )
        lines.append(",".join((first, *numbers, last)))
    table(folder / TABLE, HEADER, *lines)
    for first, _ in ROWS:
        photo(folder / "train-image" / "image" / f"{first.split(',')[0]}.jpg", rng, 31, 31)
