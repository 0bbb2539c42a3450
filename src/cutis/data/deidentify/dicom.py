"""One DICOM file without identity, by PS3.15's basic profile (see `profile`), its stored pixels as they were.

Beyond the profile:
  * attributes that the standard doesn't know, and names, dates, times and long text that the table doesn't list, go;
  * every UID that isn't one of the standard's own is replaced, in whatever attribute;
  * PatientID and PatientName are the patient's pseudonym; the preamble is zeros;
  * compressed frames lose their comments, colour profiles their words, uncompressed pixels what lies behind them.
Not done: what is burned into the pixels stays, and is flagged.
"""

from __future__ import annotations

import uuid
from collections import Counter
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from cutis.data.deidentify import profile
from cutis.data.deidentify.codestream import bare_frame
from cutis.data.deidentify.colour_profile import bare_profile
from cutis.data.dicom import part10
from cutis.data.dicom.pixels import rgb
from cutis.data.dicom.stored import check
from cutis.data.pseudonym import pseudonym
from cutis.image.decode import BadImage

if TYPE_CHECKING:
    from pydicom import Dataset

_STANDARD = "1.2.840.10008."
_ICC = 0x00282000
_NOT_OF_DATASETS = (0x0000, 0x0002)  # groups of commands and of the meta header


@dataclass(frozen=True)
class CleanDicom:
    """`tags`: the dataset to write; pixels: as they are shown, uint8 RGB; removed: what went, by kind."""

    tags: Any
    pixels: np.ndarray
    removed: Counter[str]

    def write(self, path: Path) -> None:
        self.tags.save_as(path, enforce_file_format=True)

    def say_burned_in(self) -> None:
        """Record that text was found in the pixels (PS3.3 C.7.6.1, BurnedInAnnotation)."""
        self.tags.BurnedInAnnotation = "YES"


def clean_dicom(data: bytes, name: str, key: bytes) -> CleanDicom:
    """Raises BadImage for a file that is damaged, has no picture that can be read, or shows a slide's label."""
    try:
        tags = part10.read(data, name)
        if "PixelData" not in tags:
            raise BadImage(name, "a DICOM object without a picture; reports and documents are not taken along")
        if {"LABEL", "OVERVIEW"} & {str(word).upper() for word in tags.get("ImageType") or ()}:
            raise BadImage(name, "a slide's label or overview, which are made to tell whose it is")
        pixels = shown(data, name)
        check(tags, name)  # also cuts off what lies behind the pixels
        removed = _apply(tags, key)
    except BadImage:
        raise
    except Exception as error:  # pydicom raises many kinds of error on damaged files, with the values in their words
        raise BadImage(name, f"not a readable DICOM file [{type(error).__name__}]") from None
    return CleanDicom(tags, pixels, removed)


def shown(data: bytes, name: str) -> np.ndarray:
    """The pixels of a DICOM file's bytes as they are shown, uint8 RGB. Raises BadImage."""
    return rgb(part10.read(data, name), name)


def new_uid(key: bytes, uid: str) -> str:
    """The UID that always stands for `uid`: under 2.25, from 122 bits of a keyed hash (PS3.5 annex B.2)."""
    digits = pseudonym(key, "uid", uid, "high") + pseudonym(key, "uid", uid, "low")
    return f"2.25.{uuid.UUID(hex=digits, version=5).int}"


def _apply(tags: Any, key: bytes) -> Counter[str]:
    from pydicom.dataset import FileMetaDataset
    from pydicom.sequence import Sequence

    removed: Counter[str] = Counter()
    syntax = tags.file_meta.TransferSyntaxUID
    who = [str(tags.get(word) or "").strip() for word in ("IssuerOfPatientID", "PatientID")]
    patient = pseudonym(key, "patient", *filter(None, who)) if who[1] else ""
    if syntax.is_encapsulated and "PixelData" in tags:
        removed["comment in a frame"] += _bare_pixels(tags)
    _walk(tags, key, removed)
    tags.PatientID = tags.PatientName = patient
    tags.PatientIdentityRemoved = "YES"
    tags.DeidentificationMethod = list(profile.METHOD)
    tags.DeidentificationMethodCodeSequence = Sequence([_code()])
    tags.LongitudinalTemporalInformationModified = "REMOVED"
    tags.preamble = bytes(128)
    tags.file_meta = FileMetaDataset()
    tags.file_meta.TransferSyntaxUID = syntax
    return +removed


def _code() -> Dataset:
    from pydicom import Dataset

    item = Dataset()
    item.CodeValue, item.CodingSchemeDesignator, item.CodeMeaning = profile.CODE
    return item


def _walk(tags: Dataset, key: bytes, removed: Counter[str]) -> None:
    """Apply the profile to a dataset and to the items of the sequences that stay."""
    from pydicom.datadict import dictionary_has_tag, dictionary_VR

    actions = profile.actions()
    for tag in list(tags.keys()):
        if kind := "private" if tag.is_private else profile.is_graphic(tag):
            del tags[tag]
            removed[kind] += 1
            continue
        if not dictionary_has_tag(tag) or tag.group in _NOT_OF_DATASETS:
            del tags[tag]
            removed["unknown attribute"] += 1
            continue
        form = dictionary_VR(tag)
        action = actions.get(tag, "X" if form in profile.PERSONAL else "")
        element: Any = tags.get_item(tag)
        if action == "X":
            del tags[tag]
            removed["attribute"] += 1
        elif action in ("Z", "D") and form != "UI":
            dummy = profile.DUMMIES.get(form) if action == "D" else None
            removed["attribute"] += bool(element.value)
            del tags[tag]
            tags.add_new(tag, form, [] if form == "SQ" else dummy)
        elif tag == _ICC and (bare := bare_profile(bytes(tags[tag].value or b""))):
            tags[tag].value = bare
            removed["words of a colour profile"] += 1
        elif form == "UI" or element.VR == "UI":
            removed["UID"] += _other_uids(tags[tag], key)
        elif form == "SQ" or element.VR == "SQ":
            for item in tags[tag].value:
                _walk(item, key, removed)


def _other_uids(element: Any, key: bytes) -> int:
    """Replace every UID of an element that is not the standard's own; how many were."""
    several = element.VM > 1
    old = [str(uid) for uid in (element.value if several else [element.value or ""])]
    new = [uid if not uid or uid.startswith(_STANDARD) else new_uid(key, uid) for uid in old]
    element.value = new if several else new[0]
    return sum(a != b for a, b in zip(old, new, strict=True))


def _bare_pixels(tags: Dataset) -> int:
    """Strip the compressed frames; how many held something else."""
    from pydicom.encaps import encapsulate, generate_frames

    frames = list(generate_frames(tags.PixelData, number_of_frames=int(tags.get("NumberOfFrames") or 1)))
    bare = [bare_frame(frame) for frame in frames]
    changed = sum(a.rstrip(b"\0") != b.rstrip(b"\0") for a, b in zip(frames, bare, strict=True))
    if changed:
        tags.PixelData = encapsulate(bare)
        tags["PixelData"].is_undefined_length = True
        for table in ("ExtendedOffsetTable", "ExtendedOffsetTableLengths"):
            if table in tags:
                del tags[table]
    return changed
