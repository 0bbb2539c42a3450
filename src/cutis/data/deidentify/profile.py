"""DICOM PS3.15 (2024b), annex E: the Basic Application Level Confidentiality Profile, without options.

`ps3_15_e1_1.csv` is the column "Basic Prof." of Table E.1-1: tag, keyword, action. Its rows for whole groups (private
attributes, curves 50xx, overlays 60xx) are here, in `is_graphic` and pydicom's `is_private`.

X remove; Z empty; D a dummy value; U another UID. Where the table leaves the choice to the object's definition (X/Z,
X/D, Z/D, X/Z/D), the last one named is taken: it is valid for every object, and holds no identity either. A sequence is
rather removed, as an empty one is valid for fewer.
"""

from __future__ import annotations

import csv
from functools import cache
from importlib.resources import files

CODE = ("113100", "DCM", "Basic Application Confidentiality Profile")  # PS3.16, CID 7050
METHOD = ("PS3.15 2024b E.2 basic profile; UIDs by keyed hash", "cutis deidentify")
# Value representation -> a dummy that is valid for it (PS3.5, 6.2). A sequence is emptied instead.
DUMMIES: dict[str, object] = {
    "AE": "NONE", "AS": "000Y", "CS": "NONE", "DA": "19000101", "DS": "0", "DT": "19000101000000", "IS": "0",
    "LO": "NONE", "LT": "NONE", "OB": b"\0\0", "PN": "NONE", "SH": "NONE", "ST": "NONE", "TM": "000000", "UC": "NONE",
    "UR": "http://localhost", "UT": "NONE",
}  # fmt: skip


@cache
def choices() -> dict[int, str]:
    """Tag -> what the table lets be done: "X", "X/Z/D"..."""
    text = files("cutis.data.deidentify").joinpath("ps3_15_e1_1.csv").read_text(encoding="ascii")
    return {int(row["tag"], 16): row["action"] for row in csv.DictReader(text.splitlines())}


@cache
def actions() -> dict[int, str]:
    """Tag -> X, Z, D or U; for an attribute that is no sequence."""
    return {tag: action.rsplit("/", 1)[-1] for tag, action in choices().items()}


def is_graphic(tag: int) -> str:
    """ "overlay" or "curve" for a tag of their groups, else ""."""
    return {0x50: "curve", 0x60: "overlay"}.get(tag >> 24, "")
