"""Cells of a source's table -> manifest values: unknown is null, and what can't be true names its row."""

from __future__ import annotations

import re
import unicodedata

from cutis.errors import CutisError, nearest
from cutis.schema.classes import ClassInfo
from cutis.schema.vocabulary import (
    DIAGNOSIS_COLUMNS,
    FITZPATRICK,
    MAX_AGE,
    SEXES,
    SITE_COLUMNS,
    SPECIAL_SITES,
    diagnosis_levels,
    is_malignant,
    site_levels,
)

_UNKNOWN = {"", "unknown", "unk", "na", "n/a", "nan", "none", "null", "not specified"}
_SEXES = {"m": "male", "f": "female"}


def known(cell: str | None) -> str | None:
    """The cell, or None if it says that nothing is known."""
    return None if cell is None or cell.strip().casefold() in _UNKNOWN else cell.strip()


def age(cell: str | None, where: str) -> int | None:
    """Whole years; "85+" and above are 85, as in the ISIC Archive. Raises CutisError for what is no age."""
    text = known(cell)
    if text is None:
        return None
    try:
        years = float(text.removesuffix("+"))
    except ValueError:
        years = -1.0
    if not 0 <= years <= 130:
        raise CutisError(f'{where}: age "{cell}" is not a number of years in 0..130. Leave the cell empty if unknown.')
    return min(int(years), MAX_AGE)


def sex(cell: str | None, where: str) -> str | None:
    text = known(cell)
    if text is None:
        return None
    value = _SEXES.get(text.casefold(), text.casefold())
    if value not in SEXES:
        raise CutisError(f'{where}: sex "{cell}": {nearest(value, SEXES)}. Leave the cell empty if unknown.')
    return value


def skin_type(cell: str | None, where: str) -> str | None:
    """Fitzpatrick type I..VI, from a Roman or an Arabic number."""
    text = known(cell)
    if text is None:
        return None
    roman = text.upper()
    if re.fullmatch(r"[1-6](\.0*)?", text):
        roman = FITZPATRICK[int(text[0]) - 1]
    if roman not in FITZPATRICK:
        raise CutisError(f'{where}: fitzpatrick_skin_type "{cell}": {nearest(roman, FITZPATRICK)}')
    return roman


def site(cell: str | None, where: str) -> dict[str, str | None]:
    """anatom_site_1..5, and anatom_site_special for names that span regions."""
    text = known(cell)
    try:
        levels = site_levels(text)
    except CutisError as error:
        raise CutisError(f"{where}: {error}") from None
    special = SPECIAL_SITES.get((text or "").casefold())
    return dict(zip(SITE_COLUMNS, levels, strict=True)) | {"anatom_site_special": special}


def diagnosis(cell: str | None) -> dict[str, str | None]:
    """diagnosis_1..5; "_" counts as a space. Raises CutisError for a name the vocabulary doesn't know."""
    return dict(zip(DIAGNOSIS_COLUMNS, diagnosis_levels((known(cell) or "").replace("_", " ")), strict=True))


def slug(name: str) -> str:
    """A class code from a name: lower case letters, digits and "_". "Melanoma in situ" -> "melanoma_in_situ"."""
    plain = unicodedata.normalize("NFKD", name.casefold())
    plain = "".join(c for c in plain if not unicodedata.combining(c))
    return re.sub(r"\W+", "_", plain).strip("_")


# HAM10000 / ISIC 2018 task 3: the codes that most of the field's files use.
ISIC_2018 = {
    c.code: c
    for c in (
        ClassInfo(
            code="akiec",
            name="Actinic keratosis / intraepithelial carcinoma",
            malignant=True,
            note="Merges actinic keratosis (Indeterminate in the ISIC vocabulary) and Bowen's disease (Malignant); "
            "counted as malignant here, as is usual for this dataset.",
        ),
        ClassInfo(
            code="bcc",
            name="Basal cell carcinoma",
            diagnosis="Malignant:Malignant adnexal epithelial proliferations - Follicular:Basal cell carcinoma",
            malignant=True,
        ),
        ClassInfo(
            code="bkl",
            name="Benign keratosis-like lesion",
            diagnosis="Benign",
            malignant=False,
            note="Seborrhoeic keratosis, solar lentigo and lichen planus-like keratosis: three branches of the "
            "vocabulary, so only its first level is true for all.",
        ),
        ClassInfo(
            code="df",
            name="Dermatofibroma",
            diagnosis="Benign:Benign soft tissue proliferations - Fibro-histiocytic:Dermatofibroma",
            malignant=False,
        ),
        ClassInfo(
            code="mel",
            name="Melanoma",
            diagnosis="Malignant:Malignant melanocytic proliferations (Melanoma)",
            malignant=True,
        ),
        ClassInfo(
            code="nv",
            name="Melanocytic nevus",
            diagnosis="Benign:Benign melanocytic proliferations:Nevus",
            malignant=False,
        ),
        ClassInfo(
            code="vasc",
            name="Vascular lesion",
            diagnosis="Benign:Benign soft tissue proliferations - Vascular",
            malignant=False,
        ),
    )
}


def class_info(label: str) -> ClassInfo:
    """A class called `label` in its source: ISIC 2018's if it is one of their codes, with its place in the vocabulary
    if it is a name there, else just a name."""
    code = slug(label)
    if not code:
        raise CutisError(f'class "{label}" has no letter or digit to make a code of. Rename it.')
    if code in ISIC_2018:
        return ISIC_2018[code]
    try:
        levels = diagnosis_levels(label.replace("_", " "))
    except CutisError:
        return ClassInfo(code=code, name=label)
    return ClassInfo(
        code=code,
        name=label.replace("_", " "),
        diagnosis=":".join(v for v in levels if v) or None,
        malignant=is_malignant(levels),
    )
