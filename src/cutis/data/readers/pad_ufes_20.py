"""PAD-UFES-20: smartphone photographs of lesions with the patient's history.

Source: Pacheco et al., "PAD-UFES-20: A skin lesion dataset composed of patient data and clinical images collected from
smartphones", Data in Brief 32, 106221 (2020), doi:10.1016/j.dib.2020.106221. The published table spells "fitspatrick";
copies with "fitzpatrick" are read too. True, False and UNK stay three values: true, false and null.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import PurePosixPath

from cutis.data import values
from cutis.data.dataset import DatasetCard
from cutis.data.readers.base import Facts
from cutis.data.readers.release import Photo, Release, coded
from cutis.schema.classes import ClassInfo
from cutis.tables import Row

CARD = DatasetCard(
    name="pad_ufes_20",
    title="PAD-UFES-20: smartphone images of skin lesions with clinical data",
    source="Pacheco A. et al. Data in Brief 32, 106221 (2020), doi:10.1016/j.dib.2020.106221",
    licence="CC-BY-4.0",
    attribution="PAD-UFES-20, Federal University of Espirito Santo; doi:10.17632/zr7vgbcyr2.1",
    modality="clinical photographs (smartphone)",
    classes=(
        ClassInfo(
            code="ack",
            name="Actinic keratosis",
            diagnosis="Indeterminate:Indeterminate epidermal proliferations:Solar or actinic keratosis",
        ),
        values.ISIC_2018["bcc"],
        values.ISIC_2018["mel"],
        ClassInfo(
            code="nev", name="Nevus", diagnosis="Benign:Benign melanocytic proliferations:Nevus", malignant=False
        ),
        ClassInfo(
            code="scc",
            name="Squamous cell carcinoma",
            diagnosis="Malignant:Malignant epidermal proliferations",
            malignant=True,
            note="Holds Bowen's disease (in situ) too: only the second level of the vocabulary is true for all.",
        ),
        ClassInfo(
            code="sek",
            name="Seborrheic keratosis",
            diagnosis="Benign:Benign epidermal proliferations:Seborrheic keratosis",
            malignant=False,
        ),
    ),
)
_CODES = {c.code.upper(): c.code for c in CARD.classes}
HISTORY = (
    *("smoke", "drink", "pesticide", "skin_cancer_history", "cancer_history", "has_piped_water", "has_sewage_system"),
    *("itch", "grew", "hurt", "changed", "bleed", "elevation", "biopsed"),
)
_BACKGROUND = ("background_father", "background_mother")


def _photos(row: Row, where: str) -> Iterator[Photo]:
    name = PurePosixPath(row["img_id"]).stem
    patient, lesion = values.known(row["patient_id"]), values.known(row["lesion_id"])
    history = {column: values.truth(row.get(column), column, where) for column in HISTORY}
    yield Photo(
        {
            "image_id": name or None,
            "lesion_id": f"{patient}_{lesion}" if patient and lesion else None,
            "patient_id": patient,
            **values.of_class(coded(row["diagnostic"], _CODES, "diagnostic", where), CARD.classes),
            "diagnosis_confirm_type": "histopathology" if history["biopsed"] else None,
            "anatom_site": row["region"],
            "age_approx": row["age"],
            "sex": row["gender"],
            "fitzpatrick_skin_type": row.get("fitspatrick", row.get("fitzpatrick")),
            "image_type": "clinical: close-up",
            **history,
            **{column: values.known(row.get(column)) for column in _BACKGROUND},
        },
        stem=name,
    )


READER = Release(
    name="pad_ufes_20",
    layout="PAD-UFES-20: metadata.csv beside imgs_part_1..3, folders or zips",
    card=CARD,
    facts=Facts(
        images=2_298,
        labels="6 diagnoses; symptoms and history; Fitzpatrick type of 1,494",
        identity="patient and lesion",
        access="open",
        address="https://data.mendeley.com/datasets/zr7vgbcyr2/1",
        quirks=(
            "250 of the 1,641 published lesion ids are used for two patients each: with the patient's id before them "
            "there are 1,891 lesions",
            "1,342 of 2,298 labels are from a biopsy; all malignant ones, few benign ones: biopsed tells the class",
            "history, sex and Fitzpatrick type are missing together for 804 rows",
            "few dark skins: types V and VI are 11 images",
        ),
    ),
    tables=("metadata.csv", "pad_ufes_20*.csv"),
    needs=(
        *("img_id", "patient_id", "lesion_id", "diagnostic", "fitspatrick|fitzpatrick", "region", "age", "gender"),
        "biopsed",
    ),
    photos=_photos,
    used=(
        *("img_id", "patient_id", "diagnostic", "fitspatrick", "fitzpatrick", "region", "age", "gender"),
        *(*HISTORY, *_BACKGROUND),
    ),
).reader()
