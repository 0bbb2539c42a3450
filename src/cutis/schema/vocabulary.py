"""The ISIC Archive's vocabularies of diagnoses and anatomical sites, through `isic-metadata`.

Accepted: the full path ("Benign:...:Nevus"), its last word ("Nevus"), the Archive's older flat names
(`diagnosis`, `anatom_site_general`), and HAM10000's codes and localizations. Returned: always the five levels.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache

from cutis.errors import CutisError, nearest
from cutis.schema.sites import OLD_SITES, SPECIAL_SITES, find_site, paths, suggest_site

Levels = tuple[str | None, str | None, str | None, str | None, str | None]
UNKNOWN: Levels = (None, None, None, None, None)
DIAGNOSIS_COLUMNS = tuple(f"diagnosis_{i}" for i in range(1, 6))
SITE_COLUMNS = tuple(f"anatom_site_{i}" for i in range(1, 6))
SEXES = ("male", "female")
FITZPATRICK = ("I", "II", "III", "IV", "V", "VI")
MAX_AGE = 85  # the Archive clamps every age here, so that the very old are not identifiable

# Older names -> path. Where one old name covers several nodes, the path stops at the level that is still true.
_OLD_DIAGNOSES = {
    "nv": "Benign:Benign melanocytic proliferations:Nevus",
    "mel": "Malignant:Malignant melanocytic proliferations (Melanoma)",
    "melanoma": "Malignant:Malignant melanocytic proliferations (Melanoma)",
    "melanocytic nevus": "Benign:Benign melanocytic proliferations:Nevus",
    "bcc": "Malignant:Malignant adnexal epithelial proliferations - Follicular:Basal cell carcinoma",
    "bkl": "Benign:Benign epidermal proliferations",  # seborrhoeic, lichen planus-like keratosis, solar lentigo
    "benign keratosis-like lesion": "Benign:Benign epidermal proliferations",
    "pigmented benign keratosis": "Benign:Benign epidermal proliferations:Pigmented benign keratosis",
    "df": "Benign:Benign soft tissue proliferations - Fibro-histiocytic:Dermatofibroma",
    "vasc": "Benign:Benign soft tissue proliferations - Vascular",
    "vascular lesion": "Benign:Benign soft tissue proliferations - Vascular",
    "actinic keratosis": "Indeterminate:Indeterminate epidermal proliferations:Solar or actinic keratosis",
    "ak": "Indeterminate:Indeterminate epidermal proliferations:Solar or actinic keratosis",  # ak, scc: ISIC 2019
    "scc": "Malignant:Malignant epidermal proliferations:Squamous cell carcinoma, NOS",
    "squamous cell carcinoma": "Malignant:Malignant epidermal proliferations:Squamous cell carcinoma, NOS",
    "lentigo nos": "Benign:Flat melanotic pigmentations - not melanocytic nevus:Lentigo NOS",
    "atypical melanocytic proliferation": "Indeterminate:Indeterminate melanocytic proliferations",
    "cafe-au-lait macule": "Benign:Flat melanotic pigmentations - not melanocytic nevus:Cafe au lait macule or patch",
    "lichenoid keratosis": "Benign:Benign epidermal proliferations:Lichen planus like keratosis",
}
# akiec merges actinic keratosis (indeterminate) and Bowen's disease (malignant): no level of the tree is true for both.
NO_COMMON_PATH = frozenset({"akiec", "actinic keratosis / intraepithelial carcinoma"})


def _diagnoses() -> tuple[str, ...]:
    """Every node of the hierarchy of diagnoses, by its full path."""
    from isic_metadata.diagnosis_hierarchical import DiagnosisEnum

    return tuple(str(m) for m in DiagnosisEnum)


@cache
def _index() -> dict[str, str]:
    """Casefolded full path, last word, and old name -> path. A last word that ends several paths means the deepest."""
    nodes = sorted(_diagnoses(), key=lambda path: path.count(":"))
    index = {path.rsplit(":", 1)[-1].casefold(): path for path in nodes}
    index |= {old: path for old, path in _OLD_DIAGNOSES.items() if path in nodes}
    return index | {path.casefold(): path for path in nodes}


def diagnosis_levels(value: str | None) -> Levels:
    """Five levels of a diagnosis (path, last word, old name or HAM10000 code); all None for None and for "akiec".

    Raises CutisError, naming the nearest valid value, for a name the vocabulary doesn't know.
    """
    return _levels("diagnosis", value)


def site_levels(value: str | None) -> Levels:
    """Five levels of an anatomical site (path, last word, old name, synonym or German name); all None for None,
    "unknown" and names that span regions ("acral").

    Raises CutisError, naming the nearest valid value, for a name the vocabulary doesn't know.
    """
    return _levels("anatom_site", value)


def _levels(kind: str, value: str | None) -> Levels:
    folded = (value or "").strip().casefold()
    if folded in {"", "unknown"} or folded in NO_COMMON_PATH:
        return UNKNOWN
    path = _site(str(value)) if kind == "anatom_site" else _index().get(folded)
    if path == "":
        return UNKNOWN
    if path is None:
        near = _near_site(str(value)) if kind == "anatom_site" else nearest(str(value), names(kind))
        raise CutisError(f'{kind} "{value}" is not in the ISIC vocabulary: {near}')
    one, two, three, four, five = path.split(":") + [None] * (4 - path.count(":"))
    return one, two, three, four, five


def _site(value: str) -> str | None:
    """The path of a site by any of its names; "" of one that spans regions, None of what isn't known.

    Of those that span regions only the keys of `SPECIAL_SITES` count: by them the special name is kept beside.
    """
    if value.strip().casefold() in SPECIAL_SITES:
        return ""
    found = find_site(value)
    return None if found is None else found.path or None


def _near_site(value: str) -> str:
    """Words for an error: a site that was probably meant, else some of the names. What is only spelled alike and lies
    elsewhere on the body is never offered."""
    meant = suggest_site(value)
    meant = next((key for key, special in SPECIAL_SITES.items() if special == meant), meant)
    return f'did you mean "{meant}"?' if meant else nearest("", names("anatom_site"))


def names(kind: str) -> tuple[str, ...]:
    """Every accepted name of "diagnosis" or "anatom_site", as an error message would offer it."""
    old: Mapping[str, str] = _OLD_DIAGNOSES if kind == "diagnosis" else OLD_SITES
    ends = [path.rsplit(":", 1)[-1] for path in (_diagnoses() if kind == "diagnosis" else paths())]
    special = NO_COMMON_PATH if kind == "diagnosis" else SPECIAL_SITES
    return tuple(dict.fromkeys([*old, *special, *ends]))


def is_malignant(levels: Levels) -> bool | None:
    """True for "Malignant", False for "Benign", None for "Indeterminate" or unknown."""
    return {"Malignant": True, "Benign": False}.get(levels[0] or "")
