"""DERM12345: dermoscopic images in a tree of 5 superclasses, 15 main classes and 40 subclasses.

Source: Yilmaz et al., "DERM12345: A Large, Multisource Dermatoscopic Skin Lesion Dataset with 40 Subclasses",
Scientific Data 11, 1302 (2024), doi:10.1038/s41597-024-04104-3.
Train and test tables beside folders or zips of class folders.
"""

from __future__ import annotations

from collections.abc import Iterator

from cutis.data import values
from cutis.data.dataset import DatasetCard
from cutis.data.readers.base import UNTESTED, Facts
from cutis.data.readers.release import Photo, Release, coded
from cutis.schema.classes import ClassInfo
from cutis.tables import Row

_NEVUS = "Benign:Benign melanocytic proliferations:Nevus"
_CLARK = f"{_NEVUS}:Nevus, Atypical, Dysplastic, or Clark"
_MELANOMA = "Malignant:Malignant melanocytic proliferations (Melanoma)"
_KERATINOCYTIC = "Benign:Benign epidermal proliferations"
_CARCINOMA = "Malignant:Malignant epidermal proliferations"
_VASCULAR = "Benign:Benign soft tissue proliferations - Vascular"
# superclass -> main class -> code -> (subclass, its place in the ISIC vocabulary as deep as it can be trusted)
TAXONOMY: dict[str, dict[str, dict[str, tuple[str, str | None]]]] = {
    "Melanocytic Benign": {
        "Banal Compound": {
            "acb": ("Acral", f"{_NEVUS}:Nevus, Acral"),
            "ccb": ("Congenital", f"{_NEVUS}:Nevus, Congenital"),
            "mcb": ("Miescher", _NEVUS),
            "cb": ("Banal Compound Nevus", f"{_NEVUS}:Nevus, NOS, Compound"),
        },
        "Banal Dermal": {
            "bdb": ("Blue", f"{_NEVUS}:Blue nevus"),
            "db": ("Banal Dermal Nevus", f"{_NEVUS}:Nevus, NOS, Dermal"),
        },
        "Banal Junctional": {
            "ajb": ("Acral", f"{_NEVUS}:Nevus, Acral"),
            "cjb": ("Congenital", f"{_NEVUS}:Nevus, Congenital"),
            "jb": ("Banal Junctional Nevus", f"{_NEVUS}:Nevus, NOS, Junctional"),
        },
        "Dysplastic Compound": {
            "acd": ("Acral", _CLARK),
            "ccd": ("Congenital", _CLARK),
            "cd": ("Dysplastic Compound Nevus", _CLARK),
        },
        "Dysplastic Junctional": {
            "ajd": ("Acral", _CLARK),
            "srjd": ("Spitz/Reed", _NEVUS),
            "jd": ("Dysplastic Junctional Nevus", _CLARK),
        },
        "Dysplastic Recurrent": {"rd": ("Dysplastic Recurrent Nevus", _NEVUS)},
        "Lentigo": {
            "isl": (
                "Ink Spot Lentigo",
                "Benign:Flat melanotic pigmentations - not melanocytic nevus:Ink-spot lentigo",
            ),
            "ls": ("Lentigo Simplex", "Benign:Benign melanocytic proliferations:Lentigo simplex"),
            "sl": ("Solar Lentigo", f"{_KERATINOCYTIC}:Solar lentigo"),
        },
    },
    "Melanocytic Malignant": {
        "Melanoma": {
            "anm": ("Acral Nodular", _MELANOMA),
            "alm": ("Acral Lentiginious", _MELANOMA),
            "lm": ("Lentigo Maligna", f"{_MELANOMA}:Melanoma in situ:Melanoma in situ, Lentigo maligna type"),
            "lmm": ("Lentigo Maligna Melanoma", f"{_MELANOMA}:Melanoma Invasive"),
            "mel": ("Melanoma", _MELANOMA),
        },
    },
    "Nonmelanocytic Benign": {
        "Keratinocytic": {
            "sk": ("Seborrheic Keratosis", f"{_KERATINOCYTIC}:Seborrheic keratosis"),
            "lk": ("Lichenoid Keratosis", f"{_KERATINOCYTIC}:Lichen planus like keratosis"),
        },
        "Fibro-histiocytic": {
            "df": ("Dermatofibroma", "Benign:Benign soft tissue proliferations - Fibro-histiocytic:Dermatofibroma"),
        },
        "Vascular": {
            "angk": ("Angiokeratoma", f"{_VASCULAR}:Angiokeratoma"),
            "ha": ("Hemangioma", f"{_VASCULAR}:Hemangioma"),
            "la": ("Lymphangioma", f"{_VASCULAR}:Lymphangioma"),
            "pg": ("Pyogenic Granuloma", f"{_VASCULAR}:Pyogenic granuloma"),
            "sa": ("Spider Angioma", f"{_VASCULAR}:Vascular spider"),
        },
    },
    "Nonmelanocytic Indeterminate": {
        "Keratinocytic": {
            "ak": (
                "Actinic Keratosis",
                "Indeterminate:Indeterminate epidermal proliferations:Solar or actinic keratosis",
            ),
        },
    },
    "Nonmelanocytic Malignant": {
        "Keratinocytic": {
            "bcc": ("Basal Cell Carcinoma", values.ISIC_2018["bcc"].diagnosis),
            "bd": (
                "Bowen's Disease",
                f"{_CARCINOMA}:Squamous cell carcinoma in situ:Squamous cell carcinoma in situ, Bowens disease",
            ),
            "ch": ("Cutaneous Horn", None),
            "mpd": (
                "Mammary Paget Disease",
                "Malignant:Malignant adnexal epithelial proliferations - Apocrine or Eccrine:Paget disease:"
                "Paget disease, Mammary",
            ),
            "scc": ("Squamous Cell Carcinoma", _CARCINOMA),
        },
        "Fibro-histiocytic": {
            "dfsp": (
                "Dermatofibrosarcoma Protuberans",
                "Malignant:Malignant soft tissue proliferations - Fibro-histiocytic:Dermatofibrosarcoma protuberans",
            ),
        },
        "Vascular": {
            "ks": ("Kaposi Sarcoma", "Malignant:Malignant soft tissue proliferations - Vascular:Kaposi sarcoma"),
        },
    },
}
_MALIGNANT = {"Benign": False, "Malignant": True}
_NOTES = {"ch": "A horn may lie on a benign, a premalignant or a malignant lesion; the dataset counts it as malignant."}
# code -> (superclass, main class)
PLACE = {
    code: (above, main)
    for above, mains in TAXONOMY.items()
    for main, subclasses in mains.items()
    for code in subclasses
}


def _name(main: str, subclass: str) -> str:
    """ "Acral" is a subclass of four main classes."""
    return subclass if main.split()[0] in subclass or main in ("Melanoma", "Vascular") else f"{subclass} ({main})"


CARD = DatasetCard(
    name="derm12345",
    title="DERM12345: dermoscopic images in 40 subclasses",
    source="Yilmaz A. et al. Scientific Data 11, 1302 (2024), doi:10.1038/s41597-024-04104-3",
    attribution="DERM12345; doi:10.7910/DVN/DAXZ7P",
    modality="dermoscopy",
    classes=tuple(
        ClassInfo(
            code=code,
            name=_name(main, subclass),
            diagnosis=path,
            malignant=_MALIGNANT.get(above.split()[-1]),
            note=_NOTES.get(code, ""),
        )
        for above, mains in TAXONOMY.items()
        for main, subclasses in mains.items()
        for code, (subclass, path) in subclasses.items()
    ),
)
_CODES = {code: code for code in PLACE}


def _photos(row: Row, where: str) -> Iterator[Photo]:
    target = coded(row["label"], _CODES, "label", where)
    above, main = PLACE[target] if target else (None, None)
    yield Photo(
        {
            "image_id": row["image_id"] or None,
            "lesion_id": values.known(row.get("lesion_id")),
            "patient_id": values.known(row.get("patient_id")),
            **values.of_class(target, CARD.classes),
            "superclass": above,
            "main_class": main,
            "image_type": "dermoscopic",
        },
        stem=row["image_id"],
    )


READER = Release(
    name="derm12345",
    layout="DERM12345: derm12345_metadata_train.csv and ..._test.csv beside folders or zips of images",
    card=CARD,
    facts=Facts(
        images=12_345,
        labels="40 subclasses in 15 main classes and 5 superclasses",
        identity="patient",
        access="open",
        address="https://doi.org/10.7910/DVN/DAXZ7P",
        quirks=(
            UNTESTED,
            "the licence was not verified: say it with --licence once you have read it",
            "subclasses bear names that others share (Acral is four): the code is the class",
            "ch (cutaneous horn) has no place of its own in the ISIC vocabulary",
        ),
    ),
    tables=("derm12345*metadata*.csv",),
    parts={"derm12345_metadata_train.csv": "train", "derm12345_metadata_test.csv": "test"},
    needs=("image_id", "label"),
    photos=_photos,
    used=("image_id", "label", "lesion_id", "patient_id"),
).reader()
