"""PAD-UFES-20 with the spelling of its own table, and PNG images in three folders."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

from miniatures.pictures import photo, table

TABLE, LABEL, ID = "metadata.csv", "diagnostic", "img_id"
HEADER = (
    "patient_id,lesion_id,smoke,drink,background_father,background_mother,age,pesticide,gender,skin_cancer_history,"
    "cancer_history,has_piped_water,has_sewage_system,fitspatrick,region,diameter_1,diameter_2,diagnostic,itch,grew,"
    "hurt,changed,bleed,elevation,img_id,biopsed"
)
ROWS = (
    "PAT_1516,1765,,,,,8,,,,,,,,ARM,,,NEV,False,False,False,False,False,False,PAT_1516_1765_530.png,False",
    "PAT_46,881,False,False,POMERANIA,POMERANIA,55,False,FEMALE,True,True,True,True,3.0,NECK,6.0,5.0,BCC,True,True,"
    "False,True,True,True,PAT_46_881_939.png,True",
    "PAT_46,881,False,False,POMERANIA,POMERANIA,55,False,FEMALE,True,True,True,True,3.0,NECK,6.0,5.0,BCC,True,True,"
    "False,True,True,True,PAT_46_881_140.png,True",
    "PAT_684,881,True,False,UNK,GERMANY,78,True,MALE,False,False,True,True,1.0,FACE,7.0,4.0,ACK,True,UNK,False,UNK,"
    "False,False,PAT_684_881_588.png,False",
)
EXPECTED: dict[str, Any] = {
    "images": 4,
    "lesions": 3,
    "patients": 3,
    "classes": {"ack": 1, "bcc": 2, "nev": 1},
    "cells": {
        "PAT_1516_1765_530": {"smoke": None, "itch": False, "sex": None, "fitzpatrick_skin_type": None},
        "PAT_46_881_939": {
            "lesion_id": "PAT_46_881",
            "fitzpatrick_skin_type": "III",
            "diagnosis_confirm_type": "histopathology",
            "anatom_site_2": "Neck",
            "changed": True,
            "diameter_1": 6.0,
        },
        "PAT_684_881_588": {"lesion_id": "PAT_684_881", "grew": None, "background_father": None, "biopsed": False},
    },
}


def make(folder: Path, rng: np.random.Generator) -> None:
    table(folder / TABLE, HEADER, *ROWS)
    for number, row in enumerate(ROWS):
        photo(folder / f"imgs_part_{1 + number % 3}" / row.split(",")[-2], rng)
