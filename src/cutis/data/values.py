"""Cells of a source's table -> manifest values: unknown is null, and what can't be true names its row.

Ages, sexes, skin types, tones and sites are left as the source writes them: the importer reads them (`schema.values`).
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable, Mapping

from cutis import tables
from cutis.errors import CutisError, nearest
from cutis.schema.classes import ClassInfo
from cutis.schema.values import known as known
from cutis.schema.vocabulary import DIAGNOSIS_COLUMNS, diagnosis_levels


def diagnosis(cell: str | None) -> dict[str, str | None]:
    """diagnosis_1..5; "_" counts as a space. Raises CutisError for a name the vocabulary doesn't know."""
    return dict(zip(DIAGNOSIS_COLUMNS, diagnosis_levels((known(cell) or "").replace("_", " ")), strict=True))


def is_isic_id(cell: str) -> bool:
    """Whether a cell is an image id of the ISIC Archive (ISIC_0000000)."""
    return re.fullmatch(r"ISIC_\d{7}", cell) is not None


def number(cell: str | None, column: str, where: str) -> float | None:
    """A decimal number, None if unknown. Raises CutisError for what is none."""
    text = known(cell)
    if text is None:
        return None
    found = tables.number(text)
    if found is None:
        raise CutisError(f'{where}: {column} "{cell}" is not a number. Leave the cell empty if unknown.')
    return found


_TRUTHS = {"true": True, "false": False, "1": True, "0": False, "1.0": True, "0.0": False, "yes": True, "no": False}


def truth(cell: str | None, column: str, where: str) -> bool | None:
    """True, False or None (not known). Raises CutisError for anything else."""
    text = known(cell)
    if text is None:
        return None
    if text.casefold() not in _TRUTHS:
        raise CutisError(
            f'{where}: {column} "{cell}": {nearest(text, ("True", "False"))}. Leave the cell empty if unknown.'
        )
    return _TRUTHS[text.casefold()]


def one_hot(row: Mapping[str, str], columns: Iterable[str], where: str) -> str | None:
    """The one of `columns` that holds a 1 where the others hold 0; None if none does. Raises CutisError for several."""
    marked = [c for c in columns if truth(row.get(c), c, where)]
    if len(marked) > 1:
        raise CutisError(f"{where}: both {marked[0]} and {marked[1]} are 1; an image has one class.")
    return marked[0] if marked else None


def of_class(code: str | None, classes: Iterable[ClassInfo]) -> dict[str, str | None]:
    """target and diagnosis_1..5 of a class code: as deep in the vocabulary as the class itself can be trusted."""
    path = next((c.diagnosis for c in classes if c.code == code), None)
    return {"target": code, **diagnosis(path)}


def slug(name: str) -> str:
    """A dataset's name from a file's: lower case letters, digits and "_". "My data (2)" -> "my_data_2"."""
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
            diagnosis="Benign:Benign epidermal proliferations",
            malignant=False,
            note="Seborrhoeic keratosis, solar lentigo and lichen planus-like keratosis: only the first two levels of "
            "the vocabulary are true for all.",
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

# Beside the ISIC 2018 codes: ISIC 2017 and Derm7pt tell it from the other benign keratoses.
SEBORRHEIC_KERATOSIS = ClassInfo(
    code="sk",
    name="Seborrheic keratosis",
    diagnosis="Benign:Benign epidermal proliferations:Seborrheic keratosis",
    malignant=False,
)
