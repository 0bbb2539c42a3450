"""Sites of the body: the ISIC Archive's five levels <-> DICOM's anatomic region, coded in SNOMED CT.

Codes are of DICOM's context groups 4029 (Dermatology Anatomic Site) and, for regions that it lacks, 4031 (Common
Anatomic Region). A site finer than what is coded is its nearest coded ancestor (or the skin), and its full path is a
modifier in Cutis's own scheme, so nothing is lost and a program that doesn't know it still has the region.
"""

from __future__ import annotations

from functools import cache
from typing import Any

from cutis.errors import CutisError
from cutis.schema.sites import SPECIAL_SITES
from cutis.schema.vocabulary import SITE_COLUMNS, site_levels

SCHEME = "99CUTIS"
SKIN = ("SCT", "39937001", "Skin")
# Path in the ISIC vocabulary -> (scheme, code, meaning).
CODES: dict[str, tuple[str, str, str]] = {
    "Head and neck": ("SCT", "774007", "Head and Neck"),
    "Head and neck:Head": ("SCT", "70762009", "Skin of head"),
    "Head and neck:Head:Scalp": ("SCT", "43067004", "Skin of scalp"),
    "Head and neck:Head:Scalp:Parietal scalp": ("SCT", "21672008", "Skin of parietal region"),
    "Head and neck:Head:Scalp:Occipital scalp": ("SCT", "79951008", "Skin of occipital region"),
    "Head and neck:Head:Scalp:Vertex of scalp": ("SCT", "61719002", "Skin of vertex of scalp"),
    "Head and neck:Head:Ear": ("SCT", "1902009", "Skin of ear"),
    "Head and neck:Head:Ear:Pinna:Helix of pinna": ("SCT", "79313003", "Skin of helix of ear"),
    "Head and neck:Head:Ear:External auditory canal": ("SCT", "86409001", "Skin of external auditory canal"),
    "Head and neck:Head:Face": ("SCT", "73897004", "Skin of face"),
    "Head and neck:Head:Face:Forehead": ("SCT", "68698007", "Skin of forehead"),
    "Head and neck:Head:Face:Orbital region": ("SCT", "362916000", "Skin of eye region"),
    "Head and neck:Head:Face:Orbital region:Sclera": ("SCT", "18619003", "Sclera"),
    "Head and neck:Head:Face:Orbital region:Cornea": ("SCT", "28726007", "Cornea"),
    "Head and neck:Head:Face:Orbital region:Iris": ("SCT", "41296002", "Iris"),
    "Head and neck:Head:Face:Cheek": ("SCT", "36141000", "Skin of cheek"),
    "Head and neck:Head:Face:Nose": ("SCT", "113179006", "Skin of nose"),
    "Head and neck:Head:Face:Nose:Tip of nose": ("SCT", "79283007", "Skin of tip of nose"),
    "Head and neck:Head:Face:Nose:Ala nasi": ("SCT", "68598004", "Skin of ala nasi"),
    "Head and neck:Head:Face:Nose:Lateral side wall of nose": ("SCT", "314395006", "Skin of side of nose"),
    "Head and neck:Head:Face:Oral region:Perioral region": ("SCT", "110488009", "Skin of perioral region of face"),
    "Head and neck:Head:Face:Oral region:Lip": ("SCT", "88089004", "Skin of lip"),
    "Head and neck:Head:Face:Oral region:Upper lip": ("SCT", "16251004", "Skin of upper lip"),
    "Head and neck:Head:Face:Oral region:Lower lip": ("SCT", "66934001", "Skin of lower lip"),
    "Head and neck:Head:Face:Oral region:Nasolabial fold": ("SCT", "37108007", "Skin of nasolabial fold"),
    "Head and neck:Head:Face:Mouth:Oral mucosa": ("SCT", "113277000", "Oral mucosa"),
    "Head and neck:Head:Face:Mouth:Floor of mouth": ("SCT", "36152006", "Mucosa of floor of mouth"),
    "Head and neck:Head:Face:Mouth:Tongue": ("SCT", "8001006", "Mucosa of tongue"),
    "Head and neck:Head:Face:Chin": ("SCT", "23747009", "Skin of chin"),
    "Head and neck:Neck": ("SCT", "43081002", "Skin of neck"),
    "Head and neck:Neck:Front of neck": ("SCT", "11584001", "Skin of anterior portion of neck"),
    "Head and neck:Neck:Side of neck": ("SCT", "5272005", "Skin of lateral portion of neck"),
    "Head and neck:Neck:Nape of neck": ("SCT", "4658004", "Skin of nuchal region"),
    "Head and neck:Neck:Supraclavicular region": ("SCT", "76072005", "Skin of supraclavicular region of neck"),
    "Trunk": ("SCT", "22943007", "Trunk"),
    "Trunk:Anterior trunk": ("SCT", "181491009", "Skin of anterior trunk"),
    "Trunk:Anterior trunk:Anterior chest": ("SCT", "244106003", "Skin of anterior surface of thorax"),
    "Trunk:Anterior trunk:Anterior chest:Upper anterior chest:Infraclavicular region": (
        *("SCT", "66288003", "Skin of infraclavicular region"),
    ),
    "Trunk:Anterior trunk:Anterior chest:Breast:Areola": ("SCT", "72005009", "Skin of areola"),
    "Trunk:Anterior trunk:Anterior chest:Breast:Nipple": ("SCT", "54468004", "Skin of nipple"),
    "Trunk:Anterior trunk:Anterior abdomen": ("SCT", "75093004", "Skin of abdomen"),
    "Trunk:Anterior trunk:Anterior abdomen:Periumbilical region:Umbilicus": ("SCT", "315003", "Skin of umbilicus"),
    "Trunk:Anterior trunk:Anterior abdomen:Lower anterior abdomen:Hypogastric region": (
        *("SCT", "367578008", "Skin of hypogastric region"),
    ),
    "Trunk:Anterior trunk:Anterior abdomen:Lower anterior abdomen:Inguinal region": (
        *("SCT", "39687006", "Skin of inguinal region"),
    ),
    "Trunk:Lateral trunk:Axilla": ("SCT", "76261009", "Skin of axilla"),
    "Trunk:Posterior trunk": ("SCT", "66643007", "Skin of back"),
    "Trunk:Posterior trunk:Mid back": ("DCM", "130323", "Skin of mid back"),
    "Trunk:Posterior trunk:Lower back": ("SCT", "113182001", "Skin of lower back"),
    "Upper extremity": ("SCT", "371311000", "Skin of upper extremity"),
    "Upper extremity:Shoulder": ("SCT", "16982005", "Shoulder"),
    "Upper extremity:Upper arm": ("SCT", "40983000", "Upper arm"),
    "Upper extremity:Upper arm:Anterior upper arm": ("SCT", "45981001", "Skin of anterior surface of upper arm"),
    "Upper extremity:Upper arm:Posterior upper arm": ("SCT", "72939005", "Skin of posterior surface of upper arm"),
    "Upper extremity:Elbow:Antecubital fossa": ("SCT", "17957002", "Skin of antecubital fossa"),
    "Upper extremity:Forearm": ("SCT", "14975008", "Forearm"),
    "Upper extremity:Forearm:Dorsal forearm": ("SCT", "41550009", "Skin of posterior surface of forearm"),
    "Upper extremity:Forearm:Volar forearm": ("SCT", "70559009", "Skin of anterior surface of forearm"),
    "Upper extremity:Wrist:Dorsal wrist": ("SCT", "52876008", "Skin of dorsal area of wrist"),
    "Upper extremity:Wrist:Volar wrist": ("SCT", "24527008", "Skin of palmar area of wrist"),
    "Upper extremity:Hand": ("SCT", "33712006", "Skin of hand"),
    "Upper extremity:Hand:Palm of hand": ("SCT", "70887009", "Skin of palm of hand"),
    "Upper extremity:Hand:Palm of hand:Hypothenar eminence": ("SCT", "89784008", "Skin of hypothenar region of palm"),
    "Upper extremity:Hand:Palm of hand:Thenar eminence": ("SCT", "26795005", "Skin of thenar region of palm"),
    "Upper extremity:Hand:Fingers and thumb": ("SCT", "244169007", "Skin of digit of hand"),
    "Lower extremity": ("SCT", "371304004", "Skin of lower extremity"),
    "Lower extremity:Buttock": ("SCT", "22180002", "Skin of buttock"),
    "Lower extremity:Buttock:Gluteal fold": ("SCT", "63029009", "Skin of gluteal fold"),
    "Lower extremity:Thigh": ("SCT", "68367000", "Thigh"),
    "Lower extremity:Thigh:Anterior thigh": ("SCT", "61248009", "Skin of anterior surface of thigh"),
    "Lower extremity:Thigh:Posterior thigh": ("SCT", "4578000", "Skin of posterior surface of thigh"),
    "Lower extremity:Thigh:Medial thigh": ("SCT", "73958006", "Skin of medial surface of thigh"),
    "Lower extremity:Knee": ("SCT", "72696002", "Knee"),
    "Lower extremity:Knee:Popliteal fossa": ("SCT", "84507004", "Skin of popliteal fossa"),
    "Lower extremity:Lower leg": ("SCT", "30021000", "Lower leg"),
    "Lower extremity:Lower leg:Shin": ("SCT", "25763004", "Skin of anterior surface of lower leg"),
    "Lower extremity:Lower leg:Calf": ("SCT", "47224004", "Skin of posterior surface of lower leg"),
    "Lower extremity:Ankle:Medial ankle": ("SCT", "181563003", "Skin of medial aspect of ankle"),
    "Lower extremity:Ankle:Lateral ankle": ("SCT", "181564009", "Skin of lateral aspect of ankle"),
    "Lower extremity:Foot": ("SCT", "60496002", "Skin of foot"),
    "Lower extremity:Foot:Sole of foot:Plantar surface of forefoot": ("DCM", "130317", "Skin of sole of forefoot"),
    "Lower extremity:Foot:Sole of foot:Lateral plantar region": (
        *("SCT", "35739000", "Skin of lateral border of sole of foot"),
    ),
    "Lower extremity:Foot:Sole of foot:Medial surface of sole of foot": (
        *("SCT", "52953006", "Skin of medial border of sole of foot"),
    ),
    "Lower extremity:Foot:Sole of foot:Heel": ("SCT", "84607009", "Skin of heel"),
    "Lower extremity:Foot:Toes": ("SCT", "52034004", "Skin of toe"),
    "Anogenital region:Perianal region:Anus": ("SCT", "59112000", "Skin of anus"),
    "Anogenital region:Perianal region:Perineum": ("SCT", "48014002", "Skin of perineum"),
    "Anogenital region:Genital region": ("SCT", "60944009", "Skin of external genitalia"),
    "Anogenital region:Genital region:Vulva:Labium majus": ("SCT", "128252004", "Skin of labium majus"),
    "Anogenital region:Genital region:Vulva:Labium minus": ("SCT", "128253009", "Skin of labium minus"),
    "Anogenital region:Genital region:Vulva:Clitoris": ("SCT", "29353003", "Skin of clitoris"),
    "Anogenital region:Genital region:Vulva:Vulval vestibule": ("SCT", "23213005", "Vulval vestibule"),
    "Anogenital region:Genital region:Vagina:Vaginal introitus": ("SCT", "18857001", "Vaginal introitus"),
    "Anogenital region:Genital region:Penis": ("SCT", "35900000", "Skin of penis"),
    "Anogenital region:Genital region:Penis:Glans penis": ("SCT", "7991003", "Skin of glans penis"),
    "Anogenital region:Genital region:Scrotum": ("SCT", "81992007", "Skin of scrotum"),
}
_PATH, _SPECIAL = "anatom_site:", "anatom_site_special:"


def code(scheme: str, value: str, meaning: str) -> Any:
    """An item of a code sequence (PS3.3 8.8); a value of more than 16 characters is a LongCodeValue."""
    from pydicom.dataset import Dataset

    item = Dataset()
    setattr(item, "CodeValue" if len(value) <= 16 else "LongCodeValue", value)
    item.CodingSchemeDesignator = scheme
    item.CodeMeaning = meaning[:64]
    return item


def own_meaning(scheme: str, value: str) -> str:
    """What a code of Cutis's own scheme means, if it names a site; else ""."""
    if scheme != SCHEME:
        return ""
    if value.startswith(_SPECIAL) and value.removeprefix(_SPECIAL) in SPECIAL_SITES.values():
        return value.removeprefix(_SPECIAL)
    path = value.removeprefix(_PATH)
    return path.rpartition(":")[2] if value.startswith(_PATH) and any(_levels(path).values()) else ""


def region_of(row: dict[str, Any]) -> Any | None:
    """The AnatomicRegionSequence item of a manifest row's site; None if its site is unknown."""
    levels = [row.get(c) for c in SITE_COLUMNS]
    path = ":".join(level for level in levels if level)
    special = row.get("anatom_site_special")
    if not path and not special:
        return None
    known = path
    while known and known not in CODES:
        known = known.rpartition(":")[0]
    region = code(*CODES.get(known, SKIN))
    more = [code(SCHEME, _PATH + path, path.rpartition(":")[2])] if known != path else []
    more += [code(SCHEME, _SPECIAL + special, special)] if special else []
    if more:
        region.AnatomicRegionModifierSequence = more
    return region


def site_of(tags: Any) -> dict[str, str | None]:
    """anatom_site_1..5 and anatom_site_special of an object: of its coded region, else of its BodyPartExamined."""
    for region in tags.get("AnatomicRegionSequence") or ():
        value = str(region.get("CodeValue") or "")
        path = _paths().get((str(region.get("CodingSchemeDesignator") or ""), value), "")
        special = None
        for modifier in region.get("AnatomicRegionModifierSequence") or ():
            said = str(modifier.get("LongCodeValue") or modifier.get("CodeValue") or "")
            if modifier.get("CodingSchemeDesignator") != SCHEME:
                continue
            if said.startswith(_PATH):
                path = said.removeprefix(_PATH)
            elif said.startswith(_SPECIAL):
                special = said.removeprefix(_SPECIAL)
        found = _levels(path or _meaning(value))
        if special or any(found.values()):
            return found | {"anatom_site_special": special or found["anatom_site_special"]}
    return _levels(str(tags.get("BodyPartExamined") or ""))


def _levels(name: str) -> dict[str, str | None]:
    """The columns of a site's name; all None for a name that the vocabulary lacks: DICOM has words of its own."""
    try:
        levels = dict(zip(SITE_COLUMNS, site_levels(name.strip()), strict=True))
    except CutisError:
        levels = dict.fromkeys(SITE_COLUMNS)
    return levels | {"anatom_site_special": SPECIAL_SITES.get(name.strip().casefold())}


@cache
def _paths() -> dict[tuple[str, str], str]:
    return {(scheme, value): path for path, (scheme, value, _) in CODES.items()}


@cache
def _meanings() -> dict[str, str]:
    """SNOMED CT code -> its name in DICOM's context groups: what a file calls a code is not trusted."""
    from pydicom.sr._concepts_dict import concepts

    listed: Any = concepts["SCT"].values()
    return {value: meaning for of in listed for value, (meaning, groups) in of.items() if groups}


def _meaning(value: str) -> str:
    return _meanings().get(value, "").removeprefix("Skin of ")
