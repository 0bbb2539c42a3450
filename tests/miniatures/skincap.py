"""SkinCAP: skincap_v240623.csv beside skincap/, with some of SkinCon's columns."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from miniatures.pictures import photo, table

TABLE, LABEL, ID = "skincap_v240623.csv", "Papule", "skincap_file_path"
EXPECTED = {"images": 3, "lesions": 0, "patients": 0, "classes": ["melanocytic_nevi", "psoriasis"]}


def make(folder: Path, rng: np.random.Generator) -> None:
    for number in (1, 2, 3):
        photo(folder / "skincap" / f"{number}.png", rng)
    table(
        folder / TABLE,
        "id,skincap_file_path,ori_file_path,disease,caption_zh,caption_zh_polish,caption_zh_polish_en,remark,source,"
        "skin_tone,malignant,fitzpatrick_scale,Papule,Plaque,Dome-shaped,Do not consider this image",
        '1,1.png,abc.jpg,psoriasis,a,b,"Plaques with scale, on the elbow.",,fitzpatrick17k,,,-1,0,1,0,0',
        "2,2.png,000002.png,melanocytic-nevi,a,b,A brown papule.,,ddi,34,False,,1,0,1,0",
        "3,3.png,def.jpg,psoriasis,a,b,Erythema.,,fitzpatrick17k,,,5,,,,1",
    )
