"""A folder of DICOM files, as a picture archive exports it.

What goes into the manifest is a list of harmless tags; names, dates, numbers and free text are never read. Patient,
study and image are keyed pseudonyms (`cutis.data.pseudonym`), and pixels are written anew without any header. That is
not yet de-identification by PS3.15: what is burned into the pixels stays, and `burned_in_annotation` says only what the
file says.

Vocabulary: PS3.3 C.8.12.13 (dermoscopic image) and PS3.6; windowing: PS3.3 C.11.2.
"""

from __future__ import annotations

import io
import re
from collections import Counter
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from cutis.data.dataset import DatasetCard
from cutis.data.files_in import Blob, Tree, visible_files
from cutis.data.pseudonym import load_key, pseudonym
from cutis.data.readers import values
from cutis.data.readers.base import Found, Options, Reader, Record
from cutis.errors import CutisError
from cutis.extras import require
from cutis.image.decode import MAX_PIXELS, BadImage

DERMOSCOPIC = "1.2.840.10008.5.1.4.1.1.77.1.7"
# Objects with pixels that are no photograph: segmentations, label and parametric maps, whole slides.
NO_PHOTOGRAPH = {
    f"1.2.840.10008.5.1.4.1.1.{end}" for end in ("66.4", "66.7", "66.8", "30", "77.1.6", "77.1.8", "77.1.9", "66.5")
}
_IDENTITY = ("PatientID", "IssuerOfPatientID", "StudyInstanceUID", "SOPInstanceUID")
_PICTURE = ("Rows", "Columns", "NumberOfFrames", "SamplesPerPixel", "SOPClassUID", "PatientAge", "PatientSex")
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
_CONTACT = ("ContactMethod", "LightSourcePolarization")
# (contact, polarization) -> the ISIC Archive's dermoscopic_type.
DERMOSCOPIC_TYPES = {
    ("CONTACT", "POLARIZED"): "contact polarized",
    ("CONTACT", "NON_POLARIZED"): "contact non-polarized",
    ("NON_CONTACT", "POLARIZED"): "non-contact polarized",
}


def _is_dicom(path: Path) -> bool:
    try:
        with path.open("rb") as f:
            return f.read(132)[128:] == b"DICM"
    except OSError:
        return False


def recognises(src: Path) -> bool:
    if src.is_file():
        return _is_dicom(src)
    return any(_is_dicom(path) for path, _ in zip(visible_files(src), range(20), strict=False))


def _age(text: str) -> int | None:
    """ "045Y" is 45, "018M" 1, "003D" 0; anything else is unknown (PS3.5, value representation AS)."""
    found = re.fullmatch(r"(\d{3})([DWMY])", text.strip())
    if not found:
        return None
    years = int(found[1]) / {"Y": 1, "M": 12, "W": 52.18, "D": 365.25}[found[2]]
    return values.age(str(int(years)), "PatientAge") if years <= 130 else None


def _values(tags: Any, key: bytes) -> dict[str, Any]:
    def text(tag: str) -> str:
        return str(tags.get(tag) or "").strip()

    patient, study = text("PatientID"), text("StudyInstanceUID")
    contact = (text("ContactMethod"), text("LightSourcePolarization"))
    dermoscopic = text("SOPClassUID") == DERMOSCOPIC
    return {
        "image_id": pseudonym(key, "image", text("SOPInstanceUID")),
        "patient_id": pseudonym(key, "patient", text("IssuerOfPatientID"), patient) if patient else None,
        "case_id": pseudonym(key, "study", study) if study else None,
        "source": "DICOM",
        "target": None,
        "age_approx": _age(text("PatientAge")),
        "sex": {"M": "male", "F": "female"}.get(text("PatientSex")),
        **values.site_if_known(text("BodyPartExamined")),
        "image_type": "dermoscopic" if dermoscopic else None,
        "dermoscopic_type": DERMOSCOPIC_TYPES.get(contact),
        **{column: text(tag) or None for tag, column in OWN.items()},
    }


def pixels(path: Path) -> np.ndarray:
    """uint8 (height, width, 3) of the first frame: colours to RGB, grey through its window or its own range.

    Raises BadImage for what is damaged, too large, or compressed in a way that nothing here decodes.
    """
    from pydicom import dcmread
    from pydicom.pixels.decoders.base import get_decoder
    from pydicom.pixels.processing import apply_color_lut, apply_modality_lut, apply_voi_lut
    from pydicom.pixels.utils import pixel_array as decode

    try:
        tags = dcmread(path)
        coding = tags.file_meta.TransferSyntaxUID
        if coding.is_compressed and not get_decoder(coding).is_available:
            raise BadImage(path.name, f"compressed as {coding.name}, which nothing that is installed decodes")
        if int(tags.Rows) * int(tags.Columns) > MAX_PIXELS:
            raise BadImage(path.name, f"{tags.Columns} x {tags.Rows} pixels; at most {MAX_PIXELS / 1e6:.0f} million")
        frame = decode(tags, index=0)
        kind = tags.PhotometricInterpretation
        if kind == "PALETTE COLOR":
            frame = apply_color_lut(frame, tags)
            bits = 8 * frame.dtype.itemsize
        elif int(tags.SamplesPerPixel) == 3:
            bits = int(tags.BitsStored)
        else:
            return _grey(apply_voi_lut(apply_modality_lut(frame, tags), tags), kind)
    except BadImage:
        raise
    except Exception as error:  # pydicom and its decoders raise many kinds of error on damaged files
        brief = (str(error) or type(error).__name__).splitlines()[0]
        raise BadImage(path.name, f"its pixels can't be decoded ({brief})") from None
    return np.ascontiguousarray(frame >> (bits - 8) if bits > 8 else frame).astype(np.uint8)


def _grey(frame: np.ndarray, kind: str) -> np.ndarray:
    """Grey values stretched over 0..255; MONOCHROME1 is white at its lowest."""
    low, high = float(frame.min()), float(frame.max())
    grey = np.rint((frame.astype(np.float64) - low) * (255 / (high - low) if high > low else 0)).astype(np.uint8)
    return np.repeat((255 - grey if kind == "MONOCHROME1" else grey)[..., None], 3, axis=2)


def _png(path: Path) -> bytes:
    from PIL import Image

    out = io.BytesIO()
    Image.fromarray(pixels(path)).save(out, "PNG", compress_level=1)
    return out.getvalue()


def read(src: Path, options: Options) -> Found:
    if options.label or options.columns or options.images:
        raise CutisError("reader dicom takes what the files say; drop --label, --column and --images.")
    require("dicom")
    from pydicom import dcmread
    from pydicom.errors import InvalidDicomError
    from pydicom.uid import UID

    key = load_key()
    records: list[Record] = []
    seen: dict[str, str] = {}
    left_out: Counter[str] = Counter()
    wanted = [*_IDENTITY, *_PICTURE, *OWN, *_CONTACT]
    for path in [src] if src.is_file() else visible_files(src):
        if not _is_dicom(path):
            left_out["not DICOM"] += 1
            continue
        try:
            tags = dcmread(path, stop_before_pixels=True, specific_tags=wanted)
            sop_class = UID(str(tags.get("SOPClassUID") or ""))
            has_pixels = int(tags.get("Rows") or 0) > 0 and int(tags.get("SamplesPerPixel") or 0) in (1, 3)
            found = _values(tags, key)
        except (InvalidDicomError, OSError, ValueError, AttributeError, TypeError, KeyError, EOFError):
            left_out["damaged headers"] += 1
            continue
        if not has_pixels or sop_class in NO_PHOTOGRAPH:
            left_out[sop_class.name or "no SOP class"] += 1
            continue
        found["sop_class"] = sop_class.name
        found["frames"] = int(tags.get("NumberOfFrames") or 1)
        name = path.relative_to(src).as_posix() if src.is_dir() else path.name
        twin = seen.setdefault(found["image_id"], name)
        if twin != name:
            raise CutisError(f"{path}: the same SOPInstanceUID as {twin}. Remove the copy.")
        records.append(Record(found, Blob(name, path.stat().st_size, make=partial(_png, path))))
    if not records:
        raise CutisError(f"{src}: no DICOM file with a picture in it ({_counted(left_out) or 'no files'}).")
    several = sum(r.values["frames"] > 1 for r in records)
    burned = sum(r.values["burned_in_annotation"] != "NO" for r in records)
    card = DatasetCard(
        name=values.slug(src.resolve().stem) or "dicom",
        title="Images of DICOM files",
        modality=", ".join(sorted({r.values["modality"] for r in records if r.values["modality"]})),
        classes=(),
        notes=(
            "patient_id, case_id and image_id are keyed pseudonyms of the patient's, study's and image's ids; names, "
            "dates and numbers were not read",
            *([f"{burned} images may have text burned into their pixels: look before sharing"] if burned else []),
            *([f"{several} files have several frames: the first was kept"] if several else []),
            *([f"left out: {_counted(left_out)}"] if left_out else []),
        ),
    )
    return Found(card, records, Tree(src if src.is_dir() else src.parent))


def _counted(left_out: Counter[str]) -> str:
    return ", ".join(f"{n} {what}" for what, n in sorted(left_out.items()))


READER = Reader(name="dicom", layout="a folder of DICOM files", recognises=recognises, read=read, takes_file=True)
