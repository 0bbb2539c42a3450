"""What the cells of a known column may say: its vocabulary. A cell that says anything else may be anybody's name.

Also the words that a column's own name may be made of, as a header may be a name, too.
"""

from __future__ import annotations

import json
import re
import tomllib
from collections.abc import Callable
from functools import cache
from importlib.resources import files

from cutis.data.readers.ham10000 import CONFIRMED
from cutis.errors import CutisError
from cutis.schema import values, vocabulary
from cutis.schema.licence import licence

_SPLITS = {"train", "training", "val", "valid", "validation", "test", "testing", "holdout", "all"}
_TRUTHS = {"true", "false", "yes", "no", "y", "n", "t", "f", "0", "1", "0.0", "1.0"}
_NUMBER = re.compile(r"[-+]?([0-9]+\.?[0-9]*|\.[0-9]+)([eE][-+]?[0-9]{1,2})?")
_MEASURE = re.compile(r"[0-9]{1,3}(\.[0-9]+)?( ?(mm|cm|um))?")


@cache
def plain_words(of: str) -> frozenset[str]:
    """The words of `plain_words.toml`. of: "headers", "labels", "terms" or "makers"."""
    text = files("cutis.data.deidentify").joinpath("plain_words.toml").read_text(encoding="ascii")
    return frozenset(tomllib.loads(text)[of].split())


def fits(meaning: str, cell: str) -> bool:
    """Whether a cell of a column of this meaning is a word (or number) of its vocabulary; a stripped, known one."""
    return VOCABULARIES[meaning](cell)


def is_plain_header(name: str) -> bool:
    """Whether a column's name is made of words that headers are made of, and so of nobody's name."""
    if not re.fullmatch(r"[A-Za-z][A-Za-z0-9 _.%()-]{0,60}", name):
        return False
    parts = re.split(r"[^a-z0-9]+", re.sub(r"(?<=[a-z])(?=[A-Z])", "_", name).lower())
    return all(part in plain_words("headers") or re.fullmatch(r"[0-9]{0,3}", part) for part in parts)


def is_number(cell: str, most: float = 1000) -> bool:
    """Whether a cell is a number (or a truth) of a size that tells nobody."""
    return cell.lower() in ("true", "false") or (_NUMBER.fullmatch(cell) is not None and abs(float(cell)) < most)


def _plain(cell: str) -> str:
    """A word to compare; "" for one that holds more than letters, digits and what parts them."""
    return re.sub(r"[^a-z0-9]+", "_", cell.casefold()).strip("_") if cell.isascii() else ""


@cache
def _classes() -> frozenset[str]:
    """Codes and names of the classes of every public dataset that is known."""
    from cutis.data.readers import releases

    cards = [reader.card for reader in releases().values() if reader.card is not None]
    return frozenset(_plain(word) for card in cards for c in card.classes for word in (c.code, c.name))


def _is_diagnosis(cell: str) -> bool:
    try:
        vocabulary.diagnosis_levels(cell.replace("_", " "))
    except CutisError:
        return _plain(cell) in _classes()
    return True


def _is_label(cell: str) -> bool:
    return _is_diagnosis(cell) or _plain(cell) in plain_words("labels") or is_number(cell)


def _is_site(cell: str) -> bool:
    return values.site(cell) is not None or _in_enum("AnatomSiteSpecialEnum")(cell)


def _is_licence(cell: str) -> bool:
    try:
        licence(cell)
    except CutisError:
        return False
    return True


def _in_enum(name: str) -> Callable[[str], bool]:
    """Whether a cell is one of the ISIC Archive's words of a field."""

    def is_word(cell: str) -> bool:
        from isic_metadata import fields

        return cell.casefold() in {str(member).casefold() for member in getattr(fields, name)}

    return is_word


def _is_list_of_labels(cell: str) -> bool:
    try:
        held = json.loads(cell)
    except (ValueError, RecursionError):
        held = re.split(r"[;|]", cell)
    return isinstance(held, list) and all(isinstance(word, str) and _is_label(word.strip()) for word in held)


def _is_confirmation(cell: str) -> bool:
    return cell.casefold() in CONFIRMED or _in_enum("DiagnosisConfirmTypeEnum")(cell)


def _is_split(cell: str) -> bool:
    return cell.casefold() in _SPLITS or re.fullmatch(r"(fold[ _-]?)?[0-9]{1,2}", cell.casefold()) is not None


def _is_truth(cell: str) -> bool:
    return cell.casefold() in _TRUTHS


# Meaning of a column -> whether a cell is one of its words.
VOCABULARIES: dict[str, Callable[[str], bool]] = {
    "target": _is_label,
    "diagnosis": _is_label,
    **dict.fromkeys(vocabulary.DIAGNOSIS_COLUMNS, _is_diagnosis),
    "diagnosis_confirm_type": _is_confirmation,
    "anatom_site": _is_site,
    "anatom_site_special": _is_site,
    **dict.fromkeys(vocabulary.SITE_COLUMNS, _is_site),
    "sex": lambda cell: values.sex(cell) is not None,
    "fitzpatrick_skin_type": lambda cell: values.skin_type(cell) is not None,
    "monk_skin_tone": lambda cell: values.monk_tone(cell) is not None,
    "image_type": _in_enum("ImageTypeEnum"),
    "image_manipulation": _in_enum("ImageManipulationEnum"),
    "dermoscopic_type": _in_enum("DermoscopicTypeEnum"),
    "tbp_tile_type": _in_enum("TBPTileTypeEnum"),
    "mel_mitotic_index": _in_enum("MelMitoticIndexEnum"),
    "copyright_license": _is_licence,
    "source_split": _is_split,
    "labels": _is_list_of_labels,
    "labels_unknown": _is_list_of_labels,
    "laterality": lambda cell: cell.casefold() in {"left", "right", "both", "unpaired", "l", "r", "b", "u"},
    "acquisition_day": lambda cell: re.fullmatch(r"[0-9]{1,5}(\.0*)?", cell) is not None and float(cell) < 40_000,
    **dict.fromkeys(("width", "height", "pixels_x", "pixels_y"), lambda cell: is_number(cell, 100_000)),
    **dict.fromkeys(("clin_size_long_diam_mm", "mel_thick_mm"), lambda cell: _MEASURE.fullmatch(cell) is not None),
    **dict.fromkeys(
        ("melanocytic", "concomitant_biopsy", "family_hx_mm", "personal_hx_mm", "mel_ulcer", "benign_malignant"),
        lambda cell: _is_truth(cell) or _plain(cell) in ("benign", "malignant", "indeterminate"),
    ),
}
