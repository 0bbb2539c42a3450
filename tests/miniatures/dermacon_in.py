"""DermaCon-IN as unpacked from Dataverse: METADATA/, and DATASET/DATASET_0 and DATASET_1."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from miniatures.pictures import photo, table

TABLE, LABEL, ID = "METADATA/Skin_Metadata.csv", None, "Image_name"
EXPECTED = {
    "images": 4,
    "lesions": 0,
    "patients": 3,
    "classes": ["infectious_disorders", "inflammatory_disorders", "neoplasms_and_tumors"],
}


def make(folder: Path, rng: np.random.Generator) -> None:
    for number in range(4):
        photo(folder / "DATASET" / f"DATASET_{number % 2}" / f"DATASET_{number % 2}" / f"IMG_{number}.jpg", rng)
    table(
        folder / TABLE,
        "Image_name,Subject_ID,Age,Sex,Fitzpatrick,Monk_skin_tone,Body_part,Descriptors,Gradability,Main_class,"
        "Sub_class,Disease_label",
        'IMG_0.jpg,S1,21-30,Male,FST 4,MST 5,"Face, Neck","Papule, Scale",Yes,Infectious Disorders,Fungal,Tinea faciei',
        "IMG_1.jpg,S1,21-30,Male,FST 4,MST 6,Back,Plaque,Yes,Infectious Disorders,Fungal,Tinea corporis",
        "IMG_2.jpg,S2,44,Female,FST 5,MST 7,Hand,,Yes,Inflammatory Disorders,Eczema,Hand eczema",
        "IMG_3.jpg,S3,N/A,Female,FST 6,N/A,Foot,Nodule,No,Neoplasms and tumors,Benign,Seborrheic keratosis",
    )
    table(folder / "METADATA" / "train_split.csv", "Image_name,Subject_ID", "IMG_0.jpg,S1", "IMG_1.jpg,S1")
    table(folder / "METADATA" / "test_split.csv", "Image_name,Subject_ID", "IMG_2.jpg,S2")
