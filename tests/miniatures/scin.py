"""SCIN: two CSVs and images/, cases of one to three photographs, one image under two cases, one case unlabelled."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from miniatures.pictures import photo, table

TABLE, LABEL, ID = "dataset/scin_cases.csv", None, "case_id"
EXPECTED = {"images": 6, "lesions": 0, "patients": 0, "classes": ["eczema", "tinea"]}


def make(folder: Path, rng: np.random.Generator) -> None:
    for number in (11, 12, 13, 21, 31):
        photo(folder / "dataset" / "images" / f"-{number}.png", rng)
    table(
        folder / TABLE,
        "case_id,source,release,year,age_group,sex_at_birth,fitzpatrick_skin_type,textures_FLAT,"
        "image_1_path,image_2_path,image_3_path,image_1_shot_type,image_2_shot_type,image_3_shot_type",
        "-101,SCIN,1.0.0,2023,AGE_30_TO_39,FEMALE,FST4,YES,"
        "dataset/images/-11.png,dataset/images/-12.png,dataset/images/-13.png,CLOSE_UP,AT_AN_ANGLE,AT_DISTANCE",
        "202,SCIN,1.0.0,2023,AGE_18_TO_29,OTHER_OR_UNSPECIFIED,NONE_SELECTED,,dataset/images/-21.png,,,CLOSE_UP,,",
        "303,SCIN,1.0.0,2023,,MALE,,,dataset/images/-31.png,dataset/images/-21.png,,CLOSE_UP,CLOSE_UP,",
    )
    table(
        folder / "dataset" / "scin_labels.csv",
        "case_id,dermatologist_gradable_for_skin_condition_1,dermatologist_skin_condition_on_label_name,"
        "weighted_skin_condition_label,dermatologist_fitzpatrick_skin_type_label_1,monk_skin_tone_label_india,"
        "monk_skin_tone_label_us",
        "-101,DEFAULT_YES_IMAGE_QUALITY_SUFFICIENT,\"['Eczema', 'Tinea']\","
        "\"{'Eczema': 0.69, 'Tinea': 0.11}\",FST3,4.0,5.0",
        "202,DEFAULT_YES_IMAGE_QUALITY_SUFFICIENT,['Tinea'],{'Tinea': 1.0},FST2,3.0,",
        "303,NO_IMAGE_QUALITY_INSUFFICIENT,[],{},,,",
    )
