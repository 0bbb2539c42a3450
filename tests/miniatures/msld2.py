"""MSLD v2.0: two of its five folds, every image once in each, and the augmented copies that don't count."""

from __future__ import annotations

import shutil
from pathlib import Path

import numpy as np

from miniatures.pictures import photo

TABLE = LABEL = ID = None
EXPECTED = {
    "images": 7,
    "lesions": 0,
    "patients": 6,
    "classes": ["chickenpox", "cowpox", "hfmd", "healthy", "measles", "mpox"],
}
NAMES = {
    "Chickenpox": ("CHP_01_01",),
    "Cowpox": ("CWP_01_01",),
    "HFMD": ("HFMD_03_01",),
    "Healthy": ("HEALTHY_02_01",),
    "Measles": ("MSL_01_01",),
    "Monkeypox": ("MKP_17_01", "MKP_17_02"),
}


def make(folder: Path, rng: np.random.Generator) -> None:
    folds = folder / "Original Images" / "FOLDS"
    for number, (label, names) in enumerate(NAMES.items()):
        for name in names:
            first = folds / "fold1" / ("Train", "Valid", "Test")[number % 3] / label / f"{name}.jpg"
            second = folds / "fold2" / ("Test", "Train", "Valid")[number % 3] / label / f"{name}.jpg"
            photo(first, rng)
            second.parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(first, second)
    photo(folder / "Augmented Images" / "FOLDS_AUG" / "fold1_AUG" / "Train" / "Cowpox" / "CWP_01_01_7.jpg", rng)
