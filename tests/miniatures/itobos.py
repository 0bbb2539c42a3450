"""iToBoS as on Kaggle: _train/_train with images and YOLO labels, _test/_test with images only, and a table."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from miniatures.pictures import photo, table

TABLE = LABEL = ID = None
EXPECTED = {"images": 4, "lesions": 0, "patients": 0, "classes": []}


def make(folder: Path, rng: np.random.Generator) -> None:
    for part, names in (("train", ("t1", "t2", "t3")), ("test", ("u1",))):
        for name in names:
            photo(folder / f"_{part}" / f"_{part}" / "images" / f"{name}.png", rng, 40, 20)
    labels = folder / "_train" / "_train" / "labels"
    table(labels / "t1.txt", "0 0.5 0.5 0.2 0.4", "0 0.1 0.25 0.1 0.1")
    table(labels / "t2.txt", "")
    table(labels / "t3.txt", "0 0.9 0.9 0.2 0.2")
    table(folder / "metadata.csv", "image_id,age_group,sun_damage_score", "t1,50-59,2", "u1,30-39,0")
