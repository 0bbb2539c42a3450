"""Skin3D: a table of boxes by several annotators, a table of scans, a texture in the folder of each scan."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

from miniatures.pictures import photo, table

TABLE, LABEL, ID = "skin3d_lesion_boxes.csv", None, "scan_id"
BOXES = (
    "000,main,,5,2,4,3",
    "000,main,,12,5,3,3",
    "001,main,A2,1,1,4,4",
    "001,A1,A1,1,2,4,4",
    "001,A3,A3,8,8,2,2",
    "002,main,A2,3,3,5,5",
)
SCANS = (
    "000-001,000-f-run,0,f,run,test,True",
    "000-001,001-f-u,1,f,u,test,True",
    "002-003,002-m-a,2,m,a,train,True",
    "002-003,003-m-u,3,m,u,train,False",
)
EXPECTED: dict[str, Any] = {
    "images": 3,
    "lesions": 0,
    "patients": 2,
    "classes": {},
    "cells": {
        "000-f-run": {
            "patient_id": "000-001",
            "sex": "female",
            "source_split": "test",
            "boxes": [
                {"x": 5.0, "y": 2.0, "width": 4.0, "height": 3.0, "label": "lesion"},
                {"x": 12.0, "y": 5.0, "width": 3.0, "height": 3.0, "label": "lesion"},
            ],
        },
        "002-m-a": {"sex": "male", "pose": "a"},
    },
}


def make(folder: Path, rng: np.random.Generator) -> None:
    table(folder / TABLE, "scan_id,set,annotator,x,y,w,h", *BOXES)
    table(folder / "skin3d_scans.csv", "subject_id,scan_name,scan_id,sex,pose,partition,selected", *SCANS)
    for scan in ("000-f-run", "001-f-u", "002-m-a"):
        photo(folder / scan / "model_highres_0_normalized.png", rng)
