"""Fitzpatrick17k: its table, and images named by their md5 hash."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

from miniatures.pictures import photo, table

TABLE, LABEL, ID = "fitzpatrick17k.csv", "label", "md5hash"
HEADER = (
    "md5hash,fitzpatrick_scale,fitzpatrick_centaur,label,nine_partition_label,three_partition_label,qc,url,url_alphanum"
)
_ATLAS = "http://atlasdermatologico.com.br/img?imageId="
ROWS = (
    f"{'5e' * 16},3,3,drug induced pigmentary changes,inflammatory,non-neoplastic,,"
    "https://www.dermaamin.com/site/a.jpg,a",
    f"{'fa' * 16},1,-1,basal cell carcinoma,malignant epidermal,malignant,1 Diagnostic,{_ATLAS}1,b",
    f"{'0b' * 16},-1,2,superficial spreading melanoma ssm,malignant melanoma,malignant,3 Wrongly labelled,{_ATLAS}2,c",
    f"{'c3' * 16},6,5,psoriasis,inflammatory,non-neoplastic,,,",
)
EXPECTED: dict[str, Any] = {
    "images": 4,
    "lesions": 0,
    "patients": 0,
    "classes": {
        "basal_cell_carcinoma": 1,
        "drug_induced_pigmentary_changes": 1,
        "psoriasis": 1,
        "superficial_spreading_melanoma_ssm": 1,
    },
    "cells": {
        "5e" * 16: {"fitzpatrick_skin_type": "III", "source": "dermaamin.com", "diagnosis_1": None},
        "fa" * 16: {"fitzpatrick_centaur": None, "diagnosis_3": "Basal cell carcinoma", "qc": "1 Diagnostic"},
        "0b" * 16: {"fitzpatrick_skin_type": None, "fitzpatrick_centaur": "II", "diagnosis_1": "Malignant"},
        "c3" * 16: {"source": "fitzpatrick17k", "nine_partition_label": "inflammatory"},
    },
}


def make(folder: Path, rng: np.random.Generator) -> None:
    table(folder / TABLE, HEADER, *ROWS)
    for row in ROWS:
        photo(folder / "images" / f"{row.split(',')[0]}.jpg", rng)
