"""Derm7pt: release_v0 with meta/meta.csv, three files of row numbers, and images/ in folders by case."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from miniatures.pictures import photo, table

TABLE, LABEL, ID = "release_v0/meta/meta.csv", "diagnosis", "case_num"
EXPECTED = {"images": 8, "lesions": 4, "patients": 0, "classes": ["bcc", "mel", "misc", "nv"]}
HEADER = (
    "case_num,diagnosis,seven_point_score,pigment_network,streaks,pigmentation,regression_structures,"
    "dots_and_globules,blue_whitish_veil,vascular_structures,level_of_diagnostic_difficulty,elevation,location,sex,"
    "management,clinic,derm,case_id,notes"
)


def make(folder: Path, rng: np.random.Generator) -> None:
    meta = folder / "release_v0" / "meta"
    for name in ("NAA/Aal01", "NAA/Aal02", "FAL/Fal01", "FBL/a"):
        photo(folder / "release_v0" / "images" / f"{name}1.jpg", rng)
        photo(folder / "release_v0" / "images" / f"{name}2.jpg", rng)
    table(
        folder / TABLE,
        HEADER,
        "1,clark nevus,0,typical,absent,absent,absent,regular,absent,absent,low,palpable,back,female,excision,"
        "NAA/Aal011.jpg,NAA/Aal012.jpg,,",
        "2,melanoma (less than 0.76 mm),5,atypical,irregular,diffuse irregular,absent,irregular,absent,dotted,medium,"
        "flat,lower limbs,male,excision,NAA/Aal021.jpg,NAA/Aal022.jpg,,a note",
        "3,basal cell carcinoma,0,absent,absent,absent,absent,absent,absent,arborizing,low,nodular,head neck,female,"
        "excision,FAL/Fal011.jpg,FAL/Fal012.jpg,,",
        "4,melanosis,0,absent,absent,absent,absent,absent,absent,absent,low,flat,genital areas,female,follow up,"
        "FBL/a1.jpg,FBL/a2.jpg,,",
    )
    for part, indexes in (("train", "0 2"), ("valid", "1"), ("test", "3")):
        table(meta / f"{part}_indexes.csv", "indexes", *indexes.split())
