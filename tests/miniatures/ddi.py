"""DDI as Stanford AIMI ships it: the images and ddi_metadata.csv in one folder, with pandas' index column."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from miniatures.pictures import photo, table

TABLE, LABEL, ID = "ddi_metadata.csv", "malignant", "DDI_file"
EXPECTED = {"images": 4, "lesions": 0, "patients": 0, "classes": ["benign", "malignant"]}


def make(folder: Path, rng: np.random.Generator) -> None:
    for number in range(1, 5):
        photo(folder / f"{number:06d}.png", rng)
    table(
        folder / TABLE,
        ",DDI_ID,DDI_file,skin_tone,malignant,disease",
        "0,1,000001.png,56,True,melanoma-in-situ",
        "1,2,000002.png,12,False,eczema-spongiotic-dermatitis",
        "2,3,000003.png,34,False,melanocytic-nevi",
        "3,4,000004.png,12,True,basal-cell-carcinoma",
    )
