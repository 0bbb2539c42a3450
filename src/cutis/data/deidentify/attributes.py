"""What becomes of each attribute of a DICOM dataset: PS3.15's basic profile, and beyond it nothing that may be a name.

The profile's table (`profile`) says what goes. What it doesn't list it lets stay, so a name would in a maker's, a
label's or a code's place. So, where the table is silent:
  text (LO, SH, UC, UR, AE, LT, ST, UT, PN) and dates   a dummy of their kind: valid whether or not they must be there
  CS                  stays if its words are DICOM's own (its dictionary's, or of `plain_words.toml`), else a dummy
  codes               stay if they are in DICOM's lists, with the meaning that stands there; else a dummy code
  Manufacturer        stays if it is a maker of cameras that is known
  IS, DS              stay if they are numbers; binary numbers if there are no more than belong there
  bulk data (OB, OW)  goes, but for pixels, palettes, lookup tables and the bare numbers of a colour profile
  what the standard doesn't know, or another representation than the standard's: goes
"""

from __future__ import annotations

import re
import uuid
from collections import Counter
from collections.abc import Callable
from functools import cache
from typing import TYPE_CHECKING, Any

from cutis.data.deidentify import profile
from cutis.data.deidentify.colour_profile import bare_profile
from cutis.data.deidentify.words import plain_words
from cutis.data.dicom.sites import SCHEME, own_meaning
from cutis.data.dicom.uids import LABEL_MAP
from cutis.data.pseudonym import pseudonym

if TYPE_CHECKING:
    from pydicom import Dataset

_ICC, _TRACKING, _MAKER, _CHARACTERS = 0x00282000, 0x00620020, 0x00080070, 0x00080005
_UNITS = (0x00281054, 0x00283004)  # RescaleType, ModalityLUTType: long strings with terms of their own
_CONTEXT = 0x00400555  # AcquisitionContextSequence: must be there, and may be empty (type 2)
_NOT_OF_DATASETS = (0x0000, 0x0002)  # groups of commands and of the meta header
_TEXT = {"AE", "LO", "LT", "PN", "SH", "ST", "UC", "UR", "UT", "DA", "DT", "TM", "AS"}
_NUMBERS = {"AT", "FD", "FL", "SL", "SS", "SV", "UL", "US", "UV"}
_SPELLED = re.compile(rb"[A-Za-z]{5}")  # numbers seldom do, and where they do they may be a name
_TABLES = ("PaletteColorLookupTableData", "LUTData")
_CODE = ("CodeValue", "LongCodeValue", "URNCodeValue", "CodingSchemeDesignator", "CodeMeaning")
_CODED = {0x00080100, 0x00080119, 0x00080120, 0x00080102, 0x00080104}  # the tags of _CODE
_YOUNG = {LABEL_MAP}  # the standard's UIDs that are younger than pydicom's list


def bare(tags: Dataset, key: bytes, removed: Counter[str]) -> None:
    """Apply the rules to a dataset in place, and to the items of the sequences that stay; count what went, by kind."""
    _bare_code(tags, removed)
    for tag in list(tags.keys()):
        kind = _fate(tags, tag, key, removed)
        if kind:
            if tag in tags:
                del tags[tag]
            removed[kind] += 1


def _fate(tags: Dataset, tag: Any, key: bytes, removed: Counter[str]) -> str:
    """Change an attribute as it must be; the kind of what it is if it must go, else ""."""
    from pydicom.datadict import dictionary_has_tag, dictionary_VR

    if kind := "private" if tag.is_private else profile.is_graphic(tag):
        return kind
    if not dictionary_has_tag(tag) or tag.group in _NOT_OF_DATASETS:
        return "unknown attribute"
    form = dictionary_VR(tag)
    raw = tags.get_item(tag)
    written, bare_value = raw.VR, raw.value
    try:
        element = tags[tag]
        held = element.value
    except Exception:  # pydicom, on values that are none of their kind: it can't be said what they say
        return "unreadable attribute"
    if "SQ" in (form, element.VR):
        return _sequence(tags, tag, key, removed) if form == element.VR else "unreadable attribute"
    action = profile.actions().get(tag, "")
    if action == "X":
        return "attribute"
    if action in ("Z", "D") and form != "UI":
        removed["attribute"] += bool(held)
        _put(tags, tag, form, profile.DUMMIES.get(form) if action == "D" else None)
        return ""
    if written not in (None, "UN") and written not in form:  # "US or SS": one of them
        if form in profile.DUMMIES and form in _TEXT | {"CS", "DS", "IS"}:
            _put(tags, tag, form, profile.DUMMIES[form])
        return "" if form in _TEXT | {"CS", "DS", "IS"} else "unreadable attribute"
    if form == "UI":
        removed["UID"] += _other_uids(element, key)
        return ""
    if tag in _CODED and any(word in tags for word in _CODE[:3]):
        return ""  # of `_bare_code`
    if tag == _TRACKING:
        _put(tags, tag, form, pseudonym(key, "lesion", str(held).strip()) if held else "")
        return ""
    if isinstance(bare_value, bytes) and element.VR in _NUMBERS and _SPELLED.search(bare_value):
        return "unreadable attribute"
    return _value(tags, tag, form, element, removed)


def _value(tags: Dataset, tag: Any, form: str, element: Any, removed: Counter[str]) -> str:
    """As `_fate`, where the table is silent."""
    if form in _TEXT:
        stays = (tag == _MAKER and _is_maker(str(element.value))) or (tag in _UNITS and _is_term(element.value))
        if element.value and not stays:
            removed["text"] += 1
            _put(tags, tag, form, profile.DUMMIES[form])
        return ""
    said = list(element.value) if element.VM > 1 else [element.value]
    if form == "CS":
        fits: Callable[[Any], bool] = _is_characters if tag == _CHARACTERS else _is_term
    elif form in ("DS", "IS"):
        fits = _is_number
    elif element.VR in _NUMBERS:
        return "" if _are_as_many(tag, said) else "unreadable attribute"
    else:
        return _bulk(element)
    if all(value in (None, "") or fits(value) for value in said):
        return ""
    removed["text"] += 1
    if tag == _CHARACTERS:
        return "attribute"
    kept = [value if value in (None, "") or fits(value) else profile.DUMMIES[form] for value in said]
    _put(tags, tag, form, kept if len(kept) > 1 else kept[0])
    return ""


def _bulk(element: Any) -> str:
    if element.tag == _ICC and element.value:
        colours = bare_profile(bytes(element.value))
        if colours is None:
            return "colour profile"
        element.value = colours
        return ""
    return "" if element.keyword == "PixelData" or element.keyword.endswith(_TABLES) else "bulk data"


def _sequence(tags: Dataset, tag: Any, key: bytes, removed: Counter[str]) -> str:
    """What may be left out is: an empty sequence is valid only where one must be there."""
    from pydicom.sequence import Sequence

    choices = profile.choices().get(tag, "").split("/")
    if choices[-1] in ("", "U"):
        for item in tags[tag].value or ():
            bare(item, key, removed)
        return ""
    if "X" in choices and tag != _CONTEXT:
        return "attribute"
    removed["attribute"] += bool(tags[tag].value)
    tags[tag].value = Sequence([])
    return ""


def _put(tags: Dataset, tag: Any, form: str, value: Any) -> None:
    if tag in tags:
        del tags[tag]
    tags.add_new(tag, form, value)


def _other_uids(element: Any, key: bytes) -> int:
    """Replace every UID of an element that is not one of the standard's own; how many were."""
    from pydicom._uid_dict import UID_dictionary

    several = element.VM > 1
    old = [str(uid) for uid in (element.value if several else [element.value or ""])]
    new = [uid if not uid or uid in UID_dictionary or uid in _YOUNG else new_uid(key, uid) for uid in old]
    element.value = new if several else new[0]
    return sum(a != b for a, b in zip(old, new, strict=True))


def new_uid(key: bytes, uid: str) -> str:
    """The UID that always stands for `uid`: under 2.25, from 122 bits of a keyed hash (PS3.5 annex B.2)."""
    digits = pseudonym(key, "uid", uid, "high") + pseudonym(key, "uid", uid, "low")
    return f"2.25.{uuid.UUID(hex=digits, version=5).int}"


def _bare_code(item: Dataset, removed: Counter[str]) -> None:
    """Give a code of DICOM's lists the meaning that it has there; put a dummy in the place of any other."""
    word = next((w for w in _CODE[:3] if w in item), None)
    if word is None:
        return
    try:
        value, scheme = str(item[word].value or ""), str(item.get("CodingSchemeDesignator") or "")
        said = str(item.get("CodeMeaning") or "")
    except Exception:  # pydicom, on values that are none
        value = scheme = said = ""
    meanings = _meanings().get((scheme, value), ()) or ((m,) if (m := own_meaning(scheme, value)) else ())
    for old in _CODE:
        if old in item:
            del item[old]
    if not meanings:
        removed["code"] += 1
        item.CodeValue, item.CodingSchemeDesignator, item.CodeMeaning = "NONE", SCHEME, "NONE"
        return
    setattr(item, word, value)
    item.CodingSchemeDesignator = scheme
    item.CodeMeaning = said if said in meanings else meanings[0][:64]


@cache
def _meanings() -> dict[tuple[str, str], tuple[str, ...]]:
    """(scheme, code) -> what it means in DICOM's context groups; those of SNOMED RT by their successors."""
    from pydicom.sr._concepts_dict import concepts
    from pydicom.sr._snomed_dict import mapping

    found: dict[tuple[str, str], tuple[str, ...]] = {}
    listed: Any = concepts
    for scheme, words in listed.items():
        for codes in words.values():
            for value, (meaning, _) in codes.items():
                found[scheme, value] = (*found.get((scheme, value), ()), meaning)
    older: Any = mapping["SRT"]
    for old, new in older.items():
        if ("SCT", new) in found:
            found["SRT", old] = found["SCT", new]
    return found


@cache
def _words() -> frozenset[str]:
    from pydicom._dicom_dict import DicomDictionary

    names = (name for _, _, name, _, _ in DicomDictionary.values())
    return frozenset(w for name in names for w in re.findall(r"[A-Z0-9]+", name.upper())) | plain_words("terms")


def _is_term(value: Any) -> bool:
    words = re.split(r"[_ ]+", str(value).strip())
    return all(len(w) <= 2 or (w.isascii() and w.isdigit() and len(w) <= 5) or w in _words() for w in words)


def _is_characters(value: Any) -> bool:
    from pydicom.charset import python_encoding

    return str(value).strip() in python_encoding


def _is_number(value: Any) -> bool:
    return re.fullmatch(r"[-+0-9.eE ]{1,16}", str(value)) is not None


def _is_maker(name: str) -> bool:
    words = re.findall(r"[a-z0-9]+", name.casefold())
    return name.isascii() and bool(words) and all(word in plain_words("makers") for word in words)


def _are_as_many(tag: Any, said: list[Any]) -> bool:
    """Whether an attribute has no more numbers than it may have."""
    from pydicom.datadict import dictionary_VM

    most = dictionary_VM(tag).rpartition("-")[2]
    return "n" in most or len(said) <= int(most)
