"""A DICOM upload: what is taken, its clean file, and what of its header a case and the results beside it need."""

from __future__ import annotations

import io
from collections import Counter
from dataclasses import dataclass
from typing import Any

import numpy as np

from cutis.data.deidentify.burned_text import letters_in
from cutis.data.deidentify.dicom import clean_dicom, shown
from cutis.data.deidentify.picture import CleanPicture, clean_picture
from cutis.data.dicom import header
from cutis.data.dicom.pixels import frame_index, passthrough, rgb
from cutis.data.dicom.quiet import quiet
from cutis.data.dicom.uids import LABEL_MAP, SEGMENTATION, WHOLE_SLIDE
from cutis.data.pseudonym import pseudonym
from cutis.data.readers.dicom import NO_PHOTOGRAPH
from cutis.extras import require
from cutis.image.decode import BadImage, UnknownFormat
from cutis.schema.values import read_value
from cutis.schema.vocabulary import SITE_COLUMNS

_NO_PHOTOGRAPH = {*NO_PHOTOGRAPH, SEGMENTATION, LABEL_MAP, WHOLE_SLIDE}
# Pixels, profiles, tables: of no use to a result beside the picture.
_BULK = {"OB", "OD", "OF", "OL", "OV", "OW", "UN"}
_MOST_DAYS = 40_000  # a long life
_SQUARE = 0.01  # by how much a pixel's height may differ from its width


@dataclass(frozen=True)
class Cleaned:
    """`file`: the DICOM file by PS3.15's basic profile. picture: what it shows, as JPEG or PNG. removed: by kind.

    letters: burned into the pixels. facts: plain data, de-identified: `header` (DICOM JSON model, PS3.18 F, without
    pixels), `transfer_syntax`, `frame` (shown, from 1), `case` (patient and lesion as keyed pseudonyms, visit_day, age,
    sex, site, kind), and the UIDs `study`, `series`, `instance`, `sop_class`.
    """

    file: bytes
    picture: CleanPicture
    removed: Counter[str]
    letters: int
    mm_per_pixel: float | None
    facts: dict[str, Any]


@dataclass(frozen=True)
class Named:
    """UIDs as the sender knows them, for the answer to it; never stored. "" where the file doesn't say."""

    sop_class: str = ""
    instance: str = ""
    study: str = ""


def is_dicom(data: bytes) -> bool:
    return data[128:132] == b"DICM"


def named(data: bytes) -> Named:
    """The UIDs that a DICOM file names itself by, as far as it can be read."""
    from pydicom import dcmread

    quiet()
    try:
        tags = dcmread(
            io.BytesIO(data),
            stop_before_pixels=True,
            specific_tags=["SOPClassUID", "SOPInstanceUID", "StudyInstanceUID"],
        )
        said = [str(tags.get(t) or "")[:64] for t in ("SOPClassUID", "SOPInstanceUID", "StudyInstanceUID")]
    except Exception:  # whatever pydicom raises on a damaged file: it has no name then
        return Named()
    return Named(*(uid if uid.replace(".", "").isdigit() else "" for uid in said))


def opened(data: bytes, name: str) -> Any:
    """The pydicom Dataset of a photograph. Raises UnknownFormat for another kind of object, BadImage for a damaged
    one."""
    require("dicom")
    from pydicom import dcmread

    quiet()
    try:
        tags = dcmread(io.BytesIO(data))
        kind = str(tags.get("SOPClassUID") or "")
        has_pixels = "PixelData" in tags
        int(tags.get("Rows") or 0), int(tags.get("Columns") or 0)
    except MemoryError:
        raise
    except Exception as error:  # pydicom raises many kinds of error on damaged files, with values in their words
        raise BadImage(name, f"not a readable DICOM file [{type(error).__name__}]") from None
    if kind in _NO_PHOTOGRAPH or not has_pixels:
        raise UnknownFormat(name, "a DICOM object that holds no photograph")
    return tags


def picture(tags: Any, name: str) -> tuple[np.ndarray, bytes]:
    """(pixels as shown, uint8 RGB; the JPEG that they are stored as, b"" if they aren't)."""
    return rgb(tags, name), passthrough(tags, name) or b""


def clean(data: bytes, tags: Any, name: str, key: bytes) -> Cleaned:
    """De-identify. tags: of `opened`. Raises BadImage."""
    cleaned = clean_dicom(data, name, key)
    if letters := letters_in(cleaned.pixels):
        cleaned.say_burned_in()
    try:
        case = _case(tags, str(cleaned.tags.PatientID), key)
        out = io.BytesIO()
        cleaned.tags.save_as(out, enforce_file_format=True)
        file = out.getvalue()
        if not np.array_equal(cleaned.pixels, shown(file, name)):
            raise BadImage(name, "its pixels need what the profile removes")
        facts = _facts(cleaned.tags, case)
    except (BadImage, MemoryError):
        raise
    except Exception as error:  # pydicom, on values that it can't write again
        raise BadImage(name, f"its attributes can't be written again [{type(error).__name__}]") from None
    return Cleaned(file, _picture(cleaned, file, name), cleaned.removed, letters, _spacing(tags), facts)


def _picture(cleaned: Any, file: bytes, name: str) -> CleanPicture:
    """The JPEG in the file where it can be kept as it is, else a PNG of its pixels."""
    from PIL import Image
    from pydicom import dcmread

    if kept := passthrough(dcmread(io.BytesIO(file)), name):
        return clean_picture(kept, name)
    out = io.BytesIO()
    Image.fromarray(np.ascontiguousarray(cleaned.pixels)).save(out, "PNG", compress_level=1)
    return CleanPicture(out.getvalue(), ".png", "DICOM", cleaned.pixels, Counter(), 0.0, 0, "")


def _case(tags: Any, patient: str, key: bytes) -> dict[str, Any]:
    """What the header says of the case. patient: pseudonym; that of a lesion is made as for one that is typed in."""
    said = header.values_of(tags, key)
    site = ":".join(said[c] for c in SITE_COLUMNS if said.get(c))
    day, lesion = said.get("acquisition_day"), str(tags.get("TrackingID") or "").strip()
    return {
        "patient": patient or None,
        "lesion": pseudonym(key, "lesion", patient, lesion) if patient and lesion else None,
        "visit_day": day if day is not None and 0 <= day <= _MOST_DAYS else None,
        "age": read_value("age_approx", said["age_approx"]),
        "sex": read_value("sex", said["sex"]),
        "site": site or said.get("anatom_site_special"),
        "kind": "dermoscopy" if said.get("image_type") == "dermoscopic" else "close-up",
    }


def _facts(tags: Any, case: dict[str, Any]) -> dict[str, Any]:
    from pydicom import Dataset

    def text(tag: str) -> str:
        return str(tags.get(tag) or "")

    kept = Dataset({e.tag: e for e in tags if e.VR not in _BULK and e.keyword != "IconImageSequence"})
    return {
        "header": kept.to_json_dict(suppress_invalid_tags=True),
        "transfer_syntax": str(tags.file_meta.TransferSyntaxUID),
        "frame": frame_index(tags) + 1,
        "case": case,
        "study": text("StudyInstanceUID"),
        "series": text("SeriesInstanceUID"),
        "instance": text("SOPInstanceUID"),
        "sop_class": text("SOPClassUID"),
    }


def _spacing(tags: Any) -> float | None:
    """Millimetres from pixel to pixel, where the file says it and the pixels are square (PS3.3 10.7.1.3)."""
    try:
        rows, columns = (float(v) for v in tags.get("PixelSpacing") or ())
    except (TypeError, ValueError):
        return None
    square = 0 < rows < 10 and 0 < columns < 10 and abs(rows - columns) <= _SQUARE * max(rows, columns)
    return (rows + columns) / 2 if square else None
