"""PH2: the text table with its bars and its legend, and a folder an image with the lesion's mask."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from miniatures.pictures import mask, photo, table

TABLE, LABEL, ID = "PH2_dataset.txt", "Clinical Diagnosis", "Name"
EXPECTED = {"images": 3, "lesions": 0, "patients": 0, "classes": ["atypical_nevus", "common_nevus", "mel"]}


def make(folder: Path, rng: np.random.Generator) -> None:
    for name in ("IMD002", "IMD003", "IMD400"):
        case = folder / "PH2 Dataset images" / name
        photo(case / f"{name}_Dermoscopic_Image" / f"{name}.bmp", rng)
        mask(case / f"{name}_lesion" / f"{name}_lesion.bmp")
    table(
        folder / TABLE,
        "||   Name || Histological Diagnosis || Clinical Diagnosis || Asymmetry | Pigment Network | Dots/Globules | "
        "Streaks | Regression Areas | Blue-Whitish Veil ||           Colors ||",
        "|| IMD002 ||                        ||                  0 ||         0 |               T |             A |  "
        "     A |                A |                 A ||                4 ||",
        "|| IMD003 ||                        ||                  1 ||         1 |              AT |             T |  "
        "     P |                A |                 A ||             3  4 ||",
        "|| IMD400 ||               Melanoma ||                  2 ||         2 |              AT |            AT |  "
        "     P |                P |                 P ||          1  4  5 ||",
        "",
        "Legends",
        "",
        "Clinical Diagnosis: 0 - Common Nevus; 1 - Atypical Nevus; 2 - Melanoma.",
    )
