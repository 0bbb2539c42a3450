"""What the cells of a known column may say: its vocabulary. A cell that says anything else may be anybody's name.

Also the words that a column's own name may be made of, as a header may be a name, too.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from functools import cache

from cutis.data.readers.ham10000 import CONFIRMED
from cutis.errors import CutisError
from cutis.schema import vocabulary
from cutis.schema.licence import licence

_SEXES = {"m", "f", "w", "male", "female", "man", "woman"}
_SPLITS = {"train", "training", "val", "valid", "validation", "test", "testing", "holdout", "all"}
_TRUTHS = {"true", "false", "yes", "no", "y", "n", "t", "f", "0", "1", "0.0", "1.0"}
# Labels beside diagnoses: what a class may be called where it is none.
_SAID = (
    "benign malignant indeterminate other others none normal healthy control positive negative lesion no_lesion "
    "nevus naevus melanoma non_melanoma not_melanoma suspicious cancer skin_cancer inflammatory infection"
)
_LABELS = frozenset(_SAID.split())
_NUMBER = re.compile(r"[-+]?([0-9]+\.?[0-9]*|\.[0-9]+)([eE][-+]?[0-9]{1,2})?")
_MEASURE = re.compile(r"[0-9]{1,3}(\.[0-9]+)?( ?(mm|cm|um))?")

# Words of headers: what is asked of an image, a lesion or a person, and in what it is measured.
_ASKED = (
    "a acquisition age ai and angle any area arm asymmetry at avg axis background baseline benign biopsied biopsy "
    "bleed bleeding bmi body border both breslow brightness bx by cancer case cell center centre changed class clin "
    "clinical cm code col color colour column concept confidence confirm consensus contact contrast control core "
    "count cropped cut date days deg depth derm dermoscopic dermoscopy device diagnosis diam diameter diff "
    "dimension distance drink dx ear elevation end entry error eyes family feature features female file filter "
    "final finding first fitspatrick fitzpatrick flag flash fold follow followup for frame frames fst general "
    "gender ground group grew grade has hair hand head height high history hurt hx id image images immersion in "
    "index is isic ita itch items label labels laterality left length lens lesion level light local localization "
    "location long low main male malignancy malignant manipulation margin mask max mean measure median mel "
    "melanocytic melanoma metadata method min mitotic mm model monk months moles mst multi n neck nevi nevus new nm "
    "non normal num of old on or order origin original outcome overall page pain part partition path pathology "
    "patient patients per percent personal pesticide ph2 photo photograph pixel pixels pred predicted prob "
    "probability px quality range rate rater ratio raw reader reading region report resolution result reviewer "
    "right risk row sample scale scanner scc score sd section sequence series set severity sex shape side site size "
    "skin slide smoke source special specimen split start state status std step study sub subject sum sun symmetry "
    "symptom target tbp test texture thick thickness tile time tone top total train treated true type types ulcer "
    "unit units up used val valid value values version view visit visits volume weeks weight whole width x xp y "
    "years z zoom"
)
_HEADERS = frozenset(_ASKED.split())


def fits(meaning: str, cell: str) -> bool:
    """Whether a cell of a column of this meaning is a word (or number) of its vocabulary; a stripped, known one."""
    return VOCABULARIES[meaning](cell)


def is_plain_header(name: str) -> bool:
    """Whether a column's name is made of words that headers are made of, and so of nobody's name."""
    if not re.fullmatch(r"[A-Za-z][A-Za-z0-9 _.%()-]{0,60}", name):
        return False
    parts = re.split(r"[^a-z0-9]+", re.sub(r"(?<=[a-z])(?=[A-Z])", "_", name).lower())
    return all(part in _HEADERS or re.fullmatch(r"[0-9]{0,3}", part) for part in parts)


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


def _in(kind: str) -> Callable[[str], bool]:
    levels = vocabulary.diagnosis_levels if kind == "diagnosis" else vocabulary.site_levels

    def is_word(cell: str) -> bool:
        try:
            levels(cell.replace("_", " "))
        except CutisError:
            return False
        return True

    return is_word


def _is_diagnosis(cell: str) -> bool:
    return _in("diagnosis")(cell) or _plain(cell) in _classes()


def _is_label(cell: str) -> bool:
    return _is_diagnosis(cell) or _plain(cell) in _LABELS or is_number(cell)


def _is_site(cell: str) -> bool:
    return _in("anatom_site")(cell) or _in_enum("AnatomSiteSpecialEnum")(cell)


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


def _is_skin_type(cell: str) -> bool:
    return cell.upper() in vocabulary.FITZPATRICK or re.fullmatch(r"[1-6](\.0*)?", cell) is not None


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
    "sex": lambda cell: cell.casefold() in _SEXES,
    "fitzpatrick_skin_type": _is_skin_type,
    "monk_skin_tone": lambda cell: re.fullmatch(r"([1-9]|10)(\.0*)?", cell) is not None,
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
