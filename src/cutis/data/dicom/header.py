"""Header tags <-> manifest columns: one table for both ways.

| column | tag |
|---|---|
| patient_id | PatientID (0010,0020) |
| lesion_id | TrackingID (0062,0020), with a TrackingUID |
| case_id | AdmissionID (0038,0010) |
| image_id | ImageComments (0020,4000) |
| source | InstitutionName (0008,0080) |
| sex, age_approx | PatientSex (0010,0040), PatientAge (0010,1010) |
| anatom_site_1..5, anatom_site_special | AnatomicRegionSequence (0008,2218), see `cutis.data.dicom.sites` |
| laterality | ImageLaterality (0020,0062) |
| image_type | SOPClassUID; SeriesDescription (0008,103E) |
| dermoscopic_type | ContactMethod (0016,1003) and LightSourcePolarization (0016,1001) |
| fitzpatrick_skin_type | AcquisitionContextSequence (0040,0555): context group 4401 |
| monk_skin_tone | AcquisitionContextSequence: a number in Cutis's own scheme |
| acquisition_day | LongitudinalTemporalOffsetFromEvent (0012,0052); else days since the patient's first date |
| `OWN` | as named there |

Ids of other programs' files become keyed pseudonyms. A file that Cutis wrote is known by its SOPInstanceUID, which is a
hash of the ids that it holds: its ids are taken as they are. A file whose PatientID somebody has put right since is no
longer such a file.

Sources: PS3.3 C.7.1.1, C.7.2.2, C.7.3.1, C.7.6.1, C.8.12.13 (dermoscopic image); PS3.16 CID 4401.
"""

from __future__ import annotations

import re
from datetime import date
from typing import Any

from cutis.data.dicom.sites import SCHEME, code, region_of, site_of
from cutis.data.dicom.uids import DERMOSCOPIC, uid
from cutis.data.pseudonym import pseudonym
from cutis.errors import CutisError, nearest
from cutis.schema.vocabulary import FITZPATRICK

# Tag -> own column of the manifest.
OWN = {
    "Modality": "modality",
    "Manufacturer": "manufacturer",
    "ManufacturerModelName": "manufacturer_model",
    "BodyPartExamined": "body_part_examined",
    "BurnedInAnnotation": "burned_in_annotation",
    "RecognizableVisualFeatures": "recognizable_visual_features",
    "ImmersionMedia": "immersion_media",
}
UNKNOWN = "unknown"  # where a text must be said and isn't known
# What these tags may hold, where the standard says (PS3.3 C.7.6.1, C.8.12.13).
TERMS = {
    "BurnedInAnnotation": ("YES", "NO"),
    "RecognizableVisualFeatures": ("YES", "NO"),
    "ImmersionMedia": ("ULTRASOUND_GEL", "ALCOHOL", "WATER", "MINERAL_OIL", "PLASTIC_CAP"),
}
# (contact, polarization) -> the ISIC Archive's dermoscopic_type.
DERMOSCOPIC_TYPES = {
    ("CONTACT", "POLARIZED"): "contact polarized",
    ("CONTACT", "NON_POLARIZED"): "contact non-polarized",
    ("NON_CONTACT", "POLARIZED"): "non-contact polarized",
}
SEXES = {"M": "male", "F": "female"}
SIDES = {"L": "left", "R": "right", "B": "both", "U": "unpaired"}
_IDS = {
    "image_id": "ImageComments",
    "lesion_id": "TrackingID",
    "patient_id": "PatientID",
    "case_id": "AdmissionID",
    "source": "InstitutionName",
}
_DATES = ("AcquisitionDateTime", "AcquisitionDate", "ContentDate", "StudyDate")
# Everything that a header is read for.
WANTED = [
    *("SOPClassUID", "SOPInstanceUID", "StudyInstanceUID", "SeriesInstanceUID", "IssuerOfPatientID", "ImageType"),
    *("Rows", "Columns", "NumberOfFrames", "SamplesPerPixel", "TotalPixelMatrixRows", "TotalPixelMatrixColumns"),
    *("PatientAge", "PatientSex", "ContactMethod", "LightSourcePolarization", "SeriesDescription"),
    *("AnatomicRegionSequence", "ImageLaterality", "Laterality", "AcquisitionContextSequence"),
    *("ReferencedSeriesSequence", "LongitudinalTemporalOffsetFromEvent", *_DATES, *_IDS.values(), *OWN),
]
_DAY = "_day"  # the ordinal of the date of a row, until `days` makes it an offset
_SKIN_TYPE = ("SCT", "443635002", "Fitzpatrick classification of skin type")
_MONK = (SCHEME, "monk_skin_tone", "Monk skin tone, 1 to 10")
_SKIN_TYPES = {f"C{74569 + n}": kind for n, kind in enumerate(FITZPATRICK)}  # NCI Thesaurus: C74569..C74574


def values_of(tags: Any, key: bytes) -> dict[str, Any]:
    """Manifest values of a header read with `WANTED`; `days` must follow. Age and sex are left as they are written."""

    def text(tag: str) -> str:
        return str(tags.get(tag) or "").strip()

    ours = is_ours(tags)
    patient, study = text("PatientID"), text("StudyInstanceUID")
    if ours:
        ids: dict[str, Any] = {column: text(tag) or None for column, tag in _IDS.items()}
    else:
        ids = {
            "image_id": pseudonym(key, "image", text("SOPInstanceUID")),
            "patient_id": pseudonym(key, "patient", text("IssuerOfPatientID"), patient) if patient else None,
            "case_id": pseudonym(key, "study", study) if study else None,
            "source": "DICOM",
        }
        lesion = text("TrackingID")
        if lesion:
            ids["lesion_id"] = pseudonym(key, "lesion", text("IssuerOfPatientID"), patient, lesion)
    found: dict[str, Any] = {
        **ids,
        "target": None,
        "age_approx": text("PatientAge") or None,
        "sex": text("PatientSex") or None,
        **site_of(tags),
        "image_type": "dermoscopic" if text("SOPClassUID") == DERMOSCOPIC else None,
        "dermoscopic_type": DERMOSCOPIC_TYPES.get((text("ContactMethod"), text("LightSourcePolarization"))),
        "laterality": SIDES.get(text("ImageLaterality") or text("Laterality")),
        **_skin(tags),
        **{column: text(tag) if text(tag).casefold() not in ("", UNKNOWN) else None for tag, column in OWN.items()},
        _DAY: _day(tags),
    }
    if ours and found["image_type"] is None:
        found["image_type"] = text("SeriesDescription") or None
    offset = tags.get("LongitudinalTemporalOffsetFromEvent")
    if offset is not None:
        found["acquisition_day"] = int(offset)
    return found


def is_ours(tags: Any) -> bool:
    """Whether the ids of this object are as `cutis export` wrote them: its UID is their hash."""
    ids = [str(tags.get(tag) or "").strip() for tag in _IDS.values()]
    return bool(ids[0]) and str(tags.get("SOPInstanceUID") or "") == image_uid(str(tags.get("SeriesInstanceUID")), *ids)


def image_uid(series: str, *ids: str) -> str:
    return uid("image", series, *ids)


def days(rows: list[dict[str, Any]]) -> None:
    """Give each row of `values_of` its acquisition_day: days since the first date of its patient, where not yet known.

    Without a patient there's nothing to count from.
    """
    first: dict[str, int] = {}
    for row in rows:
        if row.get(_DAY) is not None and row["patient_id"]:
            first[row["patient_id"]] = min(row[_DAY], first.get(row["patient_id"], row[_DAY]))
    for row in rows:
        day = row.pop(_DAY, None)
        if day is not None and row["patient_id"]:
            row.setdefault("acquisition_day", day - first[row["patient_id"]])


def fill(tags: Any, row: dict[str, Any], series: str) -> None:
    """Set on `tags` what of a manifest row DICOM holds, and the SOPInstanceUID. Raises CutisError for what can't be."""
    from pydicom.sequence import Sequence

    image = row["image_id"]
    ids = {column: _text(row.get(column), column, image) for column in _IDS}
    tags.SOPInstanceUID = image_uid(series, *ids.values())
    tags.SeriesInstanceUID = series
    tags.PatientName = tags.PatientBirthDate = ""
    tags.PatientID = ids["patient_id"]
    tags.ImageComments = image
    for column in ("case_id", "source"):
        if ids[column]:
            setattr(tags, _IDS[column], ids[column])
    if ids["lesion_id"]:
        tags.TrackingID = ids["lesion_id"]
        tags.TrackingUID = lesion_uid(row)
    tags.PatientSex = {word: letter for letter, word in SEXES.items()}.get(row.get("sex") or "", "")
    if row.get("age_approx") is not None:
        tags.PatientAge = f"{row['age_approx']:03d}Y"
    region = region_of(row)
    if region is not None:
        tags.AnatomicRegionSequence = Sequence([region])
    if row.get("laterality"):
        side = {word: letter for letter, word in SIDES.items()}.get(row["laterality"])
        if side is None:
            near = nearest(row["laterality"], SIDES.values())
            raise CutisError(f'image "{image}": laterality "{row["laterality"]}": {near}')
        tags.ImageLaterality = side
        del tags.Laterality
    tags.AcquisitionContextSequence = Sequence(_context(row))
    if row.get("acquisition_day") is not None:
        tags.LongitudinalTemporalOffsetFromEvent = _whole(row["acquisition_day"], "acquisition_day", image)
        tags.LongitudinalTemporalEventType = "ENROLLMENT"
        tags.ClinicalTrialTimePointID = ""
    for tag, column in OWN.items():
        value = _text(row.get(column), column, image)
        if value and tag != "Modality":
            if tag in TERMS and value not in TERMS[tag]:
                raise CutisError(f'image "{image}": {column} "{value}": {nearest(value, TERMS[tag])}')
            if tag == "BodyPartExamined" and not re.fullmatch(r"[A-Z0-9_ ]{1,16}", value):
                raise CutisError(f'image "{image}": {column} "{value}": expected up to 16 capitals, as in "BACK".')
            setattr(tags, tag, value)


def lesion_uid(row: dict[str, Any]) -> str:
    """The UID by which the objects of one lesion find each other."""
    return uid("lesion", row.get("source"), row.get("patient_id"), row.get("lesion_id"))


def _text(value: Any, column: str, image: str) -> str:
    """A value as DICOM's LO, 64 characters (PS3.5 6.2); "" for None. Lesion and image ids may be longer (UT, LT)."""
    text = "" if value is None else str(value)
    most = 1024 if column in ("image_id", "lesion_id") else 64
    if len(text) > most or text != text.strip() or re.search(r"[\\\x00-\x1f\x7f]", text):
        raise CutisError(
            f'image "{image}": {column} "{text[:70]}" can\'t be held by DICOM: at most {most} characters, no "\\", '
            "control characters, or spaces around it. Rename it."
        )
    return text


def _whole(value: Any, column: str, image: str) -> float:
    try:
        if float(value) == int(float(value)):
            return float(value)
    except (TypeError, ValueError, OverflowError):
        pass
    raise CutisError(f'image "{image}": {column} "{value}": expected a whole number of days.')


def _day(tags: Any) -> int | None:
    for tag in _DATES:
        found = re.match(r"(\d{4})(\d\d)(\d\d)", str(tags.get(tag) or ""))
        if found:
            try:
                return date(int(found[1]), int(found[2]), int(found[3])).toordinal()
            except ValueError:
                continue
    return None


def _context(row: dict[str, Any]) -> list[Any]:
    """Items of the acquisition context (PS3.3 C.7.6.14): skin type and tone, where known."""
    from pydicom.dataset import Dataset
    from pydicom.sequence import Sequence

    items = []
    if row.get("fitzpatrick_skin_type"):
        item = Dataset()
        item.ValueType = "CODE"
        item.ConceptNameCodeSequence = Sequence([code(*_SKIN_TYPE)])
        kind = row["fitzpatrick_skin_type"]
        value = next(v for v, k in _SKIN_TYPES.items() if k == kind)
        item.ConceptCodeSequence = Sequence([code("NCIt", value, f"Fitzpatrick Skin Type {kind}")])
        items.append(item)
    if row.get("monk_skin_tone") is not None:
        item = Dataset()
        item.ValueType = "NUMERIC"
        item.ConceptNameCodeSequence = Sequence([code(*_MONK)])
        item.NumericValue = str(row["monk_skin_tone"])
        item.MeasurementUnitsCodeSequence = Sequence([code("UCUM", "1", "no units")])
        items.append(item)
    return items


def _skin(tags: Any) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for item in tags.get("AcquisitionContextSequence") or ():
        for coded in item.get("ConceptCodeSequence") or ():
            if str(coded.get("CodeValue")) in _SKIN_TYPES:
                found["fitzpatrick_skin_type"] = _SKIN_TYPES[str(coded.CodeValue)]
        for name in item.get("ConceptNameCodeSequence") or ():
            tone = str(item.get("NumericValue") or "")
            named = name.get("CodeValue") == _MONK[1] and name.get("CodingSchemeDesignator") == SCHEME
            if named and tone in map(str, range(1, 11)):
                found["monk_skin_tone"] = int(tone)
    return found
