"""One DICOM file without identity, by PS3.15's basic profile (see `profile`), its stored pixels as they were.

Beyond the profile (see `attributes`):
  * nothing that could be a name stays in what the profile's table doesn't list;
  * every UID that isn't one of the standard's own is replaced, in whatever attribute;
  * PatientID and PatientName are the patient's pseudonym, TrackingID the lesion's; the preamble is zeros;
  * compressed frames lose their comments, colour profiles their words, uncompressed pixels what lies behind them.
Not done: what is burned into the pixels stays, and is flagged.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from cutis.data.deidentify import attributes, profile
from cutis.data.deidentify.codestream import bare_frame
from cutis.data.dicom import part10
from cutis.data.dicom.pixels import rgb
from cutis.data.dicom.stored import check
from cutis.data.pseudonym import pseudonym
from cutis.image.decode import BadImage

if TYPE_CHECKING:
    from pydicom import Dataset


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


class NoPicture(BadImage):
    """A DICOM object that is no picture: a report, a document, a presentation state. Not taken along."""


def clean_dicom(data: bytes, name: str, key: bytes) -> CleanDicom:
    """The file without identity.

    Raises NoPicture for a report, a document or another object that never had a picture, BadImage for a file that is
    damaged, lacks its picture, or shows a slide's label.
    """
    from pydicom._uid_dict import UID_dictionary

    try:
        tags = part10.read(data, name)
        kind = part10.sop_class_of(tags)
        if kind == part10.DICOMDIR:
            raise NoPicture(name, "a DICOMDIR")
        if kind and "PixelData" not in tags and not kind.name.endswith("Image Storage"):
            what = kind.name if kind in UID_dictionary else "of a class that is not known"
            raise NoPicture(name, f"a DICOM object without a picture: {what}")
        if "PixelData" not in tags:
            raise BadImage(name, "a DICOM file that is cut off, or an image without its pixels")
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


def _apply(tags: Any, key: bytes) -> Counter[str]:
    from pydicom.dataset import FileMetaDataset
    from pydicom.sequence import Sequence

    removed: Counter[str] = Counter()
    syntax = tags.file_meta.TransferSyntaxUID
    who = [str(tags.get(word) or "").strip() for word in ("IssuerOfPatientID", "PatientID")]
    patient = pseudonym(key, "patient", *filter(None, who)) if who[1] else ""
    _bare_pixels(tags, removed)
    attributes.bare(tags, key, removed)
    if "SpecificCharacterSet" in tags:
        tags.SpecificCharacterSet = "ISO_IR 192"
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


def _bare_pixels(tags: Dataset, removed: Counter[str]) -> None:
    """Strip the compressed frames, and lay them out anew: between and behind them there may be anything."""
    from pydicom.encaps import encapsulate, generate_frames

    if not tags.file_meta.TransferSyntaxUID.is_encapsulated:
        return
    count = int(tags.get("NumberOfFrames") or 1)
    frames = list(islice(generate_frames(tags.PixelData, number_of_frames=count), count))
    bare = [bare_frame(frame, int(tags.Rows) * int(tags.Columns)) for frame in frames]
    changed = sum(a.rstrip(b"\0") != b.rstrip(b"\0") for a, b in zip(frames, bare, strict=True))
    removed["comment in a frame"] += changed
    tags.PixelData = encapsulate(bare)
    tags["PixelData"].is_undefined_length = True
    for table in ("ExtendedOffsetTable", "ExtendedOffsetTableLengths"):
        if table in tags:
            del tags[table]
