"""DDI, Diverse Dermatology Images: ddi_metadata.csv beside the images.

Source: Daneshjou et al., "Disparities in dermatology AI performance on a diverse, curated clinical image set", Science
Advances 8, eabq6147 (2022).
"""

from __future__ import annotations

from collections.abc import Iterator

from cutis.data import values
from cutis.data.dataset import DatasetCard
from cutis.data.readers.base import UNTESTED, Facts
from cutis.data.readers.release import Photo, Release, coded, stem
from cutis.errors import CutisError
from cutis.schema.classes import ClassInfo
from cutis.schema.vocabulary import is_malignant
from cutis.tables import Row

CARD = DatasetCard(
    name="ddi",
    title="DDI: Diverse Dermatology Images",
    source="Daneshjou R. et al. Science Advances 8, eabq6147 (2022), doi:10.1126/sciadv.abq6147",
    licence="research-only",
    attribution="Diverse Dermatology Images (DDI), Stanford AIMI; doi:10.1126/sciadv.abq6147",
    modality="clinical photographs",
    classes=(
        ClassInfo(
            code="benign",
            name="Benign or inflammatory",
            diagnosis="Benign",
            malignant=False,
            note="Only the first level of the vocabulary is true for all: tumours and inflammatory diseases together.",
        ),
        ClassInfo(
            code="malignant",
            name="Malignant",
            diagnosis="Malignant",
            malignant=True,
            note="Carcinomas, melanomas, lymphomas, metastases: only the first level is true for all.",
        ),
    ),
)
MALIGNANT = {"True": "malignant", "False": "benign", "1": "malignant", "0": "benign"}
# Two Fitzpatrick types a group. Some copies of the table write 1, 2, 3 or 1, 3, 5: a 3 is one group there and another
# here, so those are refused, without a guess at what is meant.
TONES = {"12": "I-II", "34": "III-IV", "56": "V-VI"}


def tone_group(cell: str, where: str) -> str | None:
    """ "I-II", "III-IV" or "V-VI", None if unknown. Raises CutisError."""
    text = values.known(cell)
    if text is None:
        return None
    group = TONES.get(text.removesuffix(".0"))
    if group is None:
        raise CutisError(f'{where}: skin_tone "{cell}": valid: {", ".join(TONES)} (two Fitzpatrick types each).')
    return group


def _diagnosis(disease: str, malignant: bool | None) -> dict[str, str | None]:
    """The vocabulary's place of a disease ("melanoma-in-situ"), where it knows the name and agrees on malignancy."""
    try:
        levels = values.diagnosis(disease.replace("-", " "))
    except CutisError:
        levels = {}
    if levels and is_malignant(tuple(levels.values())) in (malignant, None):  # type: ignore[arg-type]
        return levels
    return values.diagnosis({True: "Malignant", False: "Benign", None: None}[malignant])


def _photos(row: Row, where: str) -> Iterator[Photo]:
    target = coded(row["malignant"], MALIGNANT, "malignant", where)
    yield Photo(
        {
            "image_id": stem(row["DDI_file"]),
            "target": target,
            **_diagnosis(row["disease"], None if target is None else target == "malignant"),
            "diagnosis_confirm_type": "histopathology",
            "skin_tone_group": tone_group(row["skin_tone"], where),
        },
        file=row["DDI_file"],
    )


READER = Release(
    name="ddi",
    layout="DDI: ddi_metadata.csv beside the images",
    card=CARD,
    facts=Facts(
        images=656,
        labels="malignant or not; 78 diseases",
        identity="none",
        access="account",
        address="https://ddi-dataset.github.io",
        quirks=(
            UNTESTED,
            "skin tone is a group of two Fitzpatrick types (12, 34, 56): it is in skin_tone_group, and "
            "fitzpatrick_skin_type stays unknown",
            "several images may show one patient, and the release doesn't say which",
        ),
    ),
    tables=("ddi_metadata.csv",),
    needs=("DDI_file", "skin_tone", "malignant", "disease"),
    photos=_photos,
    used=("", "DDI_file", "skin_tone", "malignant"),
).reader()
