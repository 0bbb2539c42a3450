"""BCN20000: one table and one folder of images that are named by the hospital."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

from miniatures.pictures import photo, table

TABLE, LABEL, ID = "bcn_20k_train.csv", "diagnosis", "bcn_filename"
HEADER = "bcn_filename,age_approx,anatom_site_general,diagnosis,lesion_id,capture_date,sex,split"
ROWS = (
    "BCN_0000000001.jpg,55.0,anterior torso,MEL,BCN_0003884,2012-05-16,male,train",
    "BCN_0000000003.jpg,50.0,anterior torso,MEL,BCN_0000019,2015-07-09,female,train",
    "BCN_0000000004.jpg,85.0,head/neck,SCC,BCN_0003499,2015-11-23,male,train",
    "BCN_0000000006.jpg,,,AK,BCN_0003499,2015-06-16,,train",
)
EXPECTED: dict[str, Any] = {
    "images": 4,
    "lesions": 3,
    "patients": 0,
    "classes": {"ak": 1, "mel": 2, "scc": 1},
    "cells": {
        "BCN_0000000001": {"age_approx": 55, "anatom_site_1": "Trunk", "lesion_id": "BCN_0003884"},
        "BCN_0000000006": {"age_approx": None, "sex": None, "anatom_site_1": None, "diagnosis_1": "Indeterminate"},
    },
}


def make(folder: Path, rng: np.random.Generator) -> None:
    table(folder / TABLE, HEADER, *ROWS)
    for row in ROWS:
        photo(folder / "bcn_20k_train" / row.split(",")[0], rng)
