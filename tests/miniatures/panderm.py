"""A CSV as PanDerm's evaluation code takes it, with numbered labels."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from miniatures.pictures import photo, table

TABLE, LABEL, ID = "pad.csv", "split", "image"
EXPECTED = {"images": 4, "lesions": 0, "patients": 0, "classes": ["0", "1"]}


def make(folder: Path, rng: np.random.Generator) -> None:
    for number in range(4):
        photo(folder / "images" / f"p{number}.png", rng)
    table(
        folder / TABLE,
        "image,label,split,binary_label",
        "images/p0.png,0,train,0",
        "images/p1.png,1,train,1",
        "images/p2.png,0,val,0",
        "images/p3.png,1,test,1",
    )
