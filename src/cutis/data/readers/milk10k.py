"""MILK10k: each lesion as a clinical close-up and a dermoscopic image, with concept scores by the model MONET.

Source: Tschandl et al., "MILK10k: A Hierarchical Multimodal Imaging-Learning Toolkit for Diagnosing Pigmented and
Nonpigmented Skin Cancer and its Simulators", Journal of Investigative Dermatology (2025); data: doi:10.34970/648456.
Two layouts: the challenge's three tables (metadata an image, ground truth a lesion, supplement an image), or joined.
"""

from __future__ import annotations

from collections.abc import Iterator

from cutis.data import values
from cutis.data.dataset import DatasetCard
from cutis.data.readers.base import Facts
from cutis.data.readers.release import Join, Photo, Release, coded
from cutis.errors import CutisError
from cutis.schema.classes import ClassInfo
from cutis.tables import Row

CARD = DatasetCard(
    name="milk10k",
    title="MILK10k: paired clinical and dermoscopic images",
    source="Tschandl P. et al. Journal of Investigative Dermatology (2025); doi:10.34970/648456",
    licence="CC-BY-NC-4.0",
    attribution="MILK10k, MILK study team; doi:10.34970/648456",
    modality="dermoscopy and clinical photographs",
    classes=(
        values.ISIC_2018["akiec"],
        values.ISIC_2018["bcc"],
        ClassInfo(code="ben_oth", name="Other benign proliferation", diagnosis="Benign", malignant=False),
        ClassInfo(
            code="bkl",
            name="Benign keratinocytic lesion",
            diagnosis="Benign",
            malignant=False,
            note="Holds ink-spot lentigo beside keratoses: only the first level of the vocabulary is true for all.",
        ),
        values.ISIC_2018["df"],
        ClassInfo(
            code="inf",
            name="Inflammatory or infectious condition",
            diagnosis="Benign",
            malignant=False,
            note="Holds porokeratosis, an epidermal proliferation in the vocabulary.",
        ),
        ClassInfo(code="mal_oth", name="Other malignant proliferation", diagnosis="Malignant", malignant=True),
        values.ISIC_2018["mel"],
        values.ISIC_2018["nv"],
        ClassInfo(
            code="sccka",
            name="Squamous cell carcinoma or keratoacanthoma",
            diagnosis="Malignant:Malignant epidermal proliferations",
            malignant=True,
        ),
        values.ISIC_2018["vasc"],
    ),
)
_CODES = {c.code.upper(): c.code for c in CARD.classes}
MONET = (
    *("ulceration_crust", "hair", "vasculature_vessels", "erythema", "pigmented"),
    *("gel_water_drop_fluid_dermoscopy_liquid", "skin_markings_pen_ink_purple_pen"),
)


def _target(row: Row, where: str) -> str | None:
    if "diagnosis" in row:
        return coded(row["diagnosis"], _CODES, "diagnosis", where)
    if not all(column in row for column in _CODES):
        raise CutisError(
            f"{where}: no column diagnosis, and no ground truth ({', '.join(_CODES)}) beside the table. "
            "Put MILK10k_Training_GroundTruth.csv beside it."
        )
    marked = values.one_hot(row, _CODES, where)
    return _CODES[marked] if marked else None


def _photos(row: Row, where: str) -> Iterator[Photo]:
    found = values.of_class(_target(row, where), CARD.classes)
    if full := values.known(row.get("diagnosis_full")):
        try:
            found |= values.diagnosis(full)
        except CutisError as error:
            raise CutisError(f"{where}: {error}") from None
    scores = [
        {"concept": name, "value": score}
        for name in MONET
        if (score := values.number(row.get(f"MONET_{name}"), f"MONET_{name}", where)) is not None
    ]
    yield Photo(
        {
            "image_id": row["isic_id"] or None,
            "lesion_id": values.known(row["lesion_id"]),
            "case_id": values.known(row["lesion_id"]),
            **found,
            "diagnosis_confirm_type": values.known(row.get("diagnosis_confirm_type")),
            "anatom_site": row["site"],
            "age_approx": row["age_approx"],
            "sex": row["sex"],
            "image_type": values.known(row["image_type"]),
            "image_manipulation": values.known(row.get("image_manipulation")),
            "concepts": scores or None,
        },
        stem=row["isic_id"],
    )


READER = Release(
    name="milk10k",
    layout="MILK10k: MILK10k_Training_Metadata.csv and ..._GroundTruth.csv beside MILK10k_Training_Input/",
    card=CARD,
    facts=Facts(
        images=10_480,
        labels="11 classes; diagnosis in the ISIC vocabulary; 7 concept scores by MONET",
        identity="lesion",
        access="open",
        address="https://doi.org/10.34970/648456",
        quirks=(
            "5,240 lesions, each with a clinical close-up and a dermoscopic image: two rows of one case",
            "skin_tone_class is 0 (dark) to 5 (light), of the image: it is not the Fitzpatrick type",
            "concept scores are a model's, not a reader's",
            "nearly half of the lesions are basal cell carcinomas; no patient ids",
            "akiec merges actinic keratosis (indeterminate) and Bowen's disease (malignant); diagnosis_1 parts them",
        ),
    ),
    tables=("MILK10k_Training_Metadata.csv", "milk10k*metadata*.csv"),
    needs=("isic_id", "lesion_id", "image_type", "skin_tone_class", "site", "age_approx", "sex"),
    photos=_photos,
    used=(
        *("isic_id", "lesion_id", "image_type", "site", "age_approx", "sex", "image_manipulation", "diagnosis"),
        *("diagnosis_confirm_type", *_CODES, *(f"MONET_{name}" for name in MONET)),
    ),
    joins=(
        Join(("MILK10k_Training_GroundTruth.csv",), ("lesion_id", "lesion_id"), tuple(_CODES), optional=True),
        Join(("MILK10k_Training_Supplement.csv",), ("isic_id", "isic_id"), ("diagnosis_full",), optional=True),
    ),
).reader()
