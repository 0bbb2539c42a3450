"""A folder of DICOM files, as a picture archive exports it.

Photographs, dermoscopy, secondary captures and any other picture of one frame or more; of a whole slide the thumbnail
or the lowest level; masks from Segmentations of a picture that lies in the folder. Structured reports and other
objects are left out by name.

What goes into the manifest is a list of tags (`cutis.data.dicom.header`); names and numbers are never read, and of
dates only how many days lie between a patient's images. Patient, study, lesion and image are keyed pseudonyms
(`cutis.data.pseudonym`), but for files that `cutis export --to dicom` wrote. Pixels are written anew without any header
(`cutis.data.dicom.pixels`); a JPEG that can be kept is kept bit for bit. That is not yet de-identification by PS3.15:
what is burned into the pixels stays, and `burned_in_annotation` says only what the file says.
"""

from __future__ import annotations

import io
from collections import Counter
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl

from cutis.data.dataset import DatasetCard
from cutis.data.dicom import header, segment, whole_slide
from cutis.data.dicom.pixels import passthrough, rgb
from cutis.data.dicom.quiet import quiet
from cutis.data.dicom.uids import LABEL_MAP, SEGMENTATION, WHOLE_SLIDE
from cutis.data.files_in import Blob, Tree, visible_files
from cutis.data.pseudonym import load_key, pseudonym
from cutis.data.readers import values
from cutis.data.readers.base import Found, Options, Reader, Record
from cutis.errors import CutisError
from cutis.extras import require
from cutis.image.decode import BadImage
from cutis.schema.spelling import canonical, doubts

# Objects with pixels that are no photograph: parametric maps, surfaces, confocal microscopy.
NO_PHOTOGRAPH = {f"1.2.840.10008.5.1.4.1.1.{end}" for end in ("66.8", "30", "77.1.8", "77.1.9", "66.5")}


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


@dataclass(frozen=True)
class _File:
    """A DICOM file whose header was read: its path, its name in the folder, its tags, its manifest values."""

    path: Path
    name: str
    tags: Any
    row: dict[str, Any]

    @property
    def sop_class(self) -> Any:
        from pydicom.uid import UID

        return UID(str(self.tags.get("SOPClassUID") or ""))

    @property
    def kind(self) -> str:
        """Its SOP class in words; pydicom 3 doesn't know the youngest of them."""
        return "Label Map Segmentation Storage" if self.sop_class == LABEL_MAP else self.sop_class.name


@dataclass
class _Sorted:
    """The folder's files by what they are; `damaged` as rows, `left_out` counted by name."""

    pictures: list[_File]
    slides: list[_File]
    segmentations: list[_File]
    damaged: list[Record]
    left_out: Counter[str]


def _sort(src: Path, key: bytes) -> _Sorted:
    from pydicom import dcmread

    quiet()
    found = _Sorted([], [], [], [], Counter())
    for path in [src] if src.is_file() else visible_files(src):
        if not _is_dicom(path):
            found.left_out["not DICOM"] += 1
            continue
        name = path.relative_to(src).as_posix() if src.is_dir() else path.name
        try:
            tags = dcmread(path, stop_before_pixels=True, specific_tags=header.WANTED)
            if not tags.get("SOPInstanceUID"):
                raise KeyError
            file = _File(path, name, tags, header.values_of(tags, key))
            file.row["frames"] = int(tags.get("NumberOfFrames") or 1)
            sop_class = file.sop_class
            is_picture = int(tags.get("Rows") or 0) > 0 and int(tags.get("SamplesPerPixel") or 0) in (1, 3)
        except Exception as error:  # pydicom raises many kinds of error on damaged headers; their words may hold values
            why = "no SOPInstanceUID" if isinstance(error, KeyError) else type(error).__name__
            row = {"image_id": pseudonym(key, "file", name), "source": "DICOM", "target": None}
            found.damaged.append(Record(row, None, f"its header is damaged ({why})"))
            continue
        if sop_class in (SEGMENTATION, LABEL_MAP):
            found.segmentations.append(file)
        elif sop_class == WHOLE_SLIDE:
            found.slides.append(file)
        elif is_picture and sop_class not in NO_PHOTOGRAPH:
            found.pictures.append(file)
        else:
            found.left_out[file.kind or "no SOP class"] += 1
    return found


def _image(path: Path, sop_class: str) -> bytes:
    """The picture's file: the JPEG in it if it can be kept, else a PNG. Raises BadImage."""
    from PIL import Image
    from pydicom import dcmread

    try:
        tags = dcmread(path)
    except Exception as error:  # as in `_sort`; the header was readable a moment ago, so the file is cut after it
        brief = " ".join((str(error) or type(error).__name__).split())[:120]
        raise BadImage(path.name, f"truncated or damaged ({brief})") from None
    if sop_class == WHOLE_SLIDE:
        pixels = whole_slide.overview(tags, path.name)
    else:
        kept = passthrough(tags, path.name)
        if kept is not None:
            return kept
        pixels = rgb(tags, path.name)
    out = io.BytesIO()
    Image.fromarray(np.ascontiguousarray(pixels)).save(out, "PNG", compress_level=1)
    return out.getvalue()


def read(src: Path, options: Options) -> Found:
    if options.label or options.columns or options.images:
        raise CutisError("reader dicom takes what the files say; drop --label, --column and --images.")
    require("dicom")
    key = load_key()
    files = _sort(src, key)
    levels = whole_slide.choose([f.tags for f in files.slides])
    if len(levels) < len(files.slides):
        files.left_out["labels, overviews and higher levels of whole slides"] += len(files.slides) - len(levels)
    wanted = sorted([*files.pictures, *(files.slides[n] for n in levels)], key=lambda f: f.path)
    records: list[Record] = []
    of_object: dict[str, int] = {}
    for file in wanted:
        file.row["sop_class"] = file.kind
        first = of_object.setdefault(str(file.tags.SOPInstanceUID), len(records))
        if first != len(records):
            raise CutisError(f"{file.path}: the same SOPInstanceUID as {wanted[first].name}. Remove the copy.")
        made = Blob(file.name, file.path.stat().st_size, make=partial(_image, file.path, str(file.sop_class)))
        records.append(Record(file.row, made))
    header.days([r.values for r in records])
    for file in files.segmentations:
        at = of_object.get(segment.image_of(file.tags) or "")
        if at is None or records[at].mask is not None or not _same_raster(file, wanted[at]):
            files.left_out[file.kind] += 1
            continue
        mask = Blob(file.name, file.path.stat().st_size, make=partial(segment.mask_png, file.path))
        records[at] = replace(records[at], mask=mask)
    if not records:
        said = _counted(files.left_out + Counter({"damaged headers": len(files.damaged)} if files.damaged else {}))
        raise CutisError(f"{src}: no DICOM file with a picture in it ({said or 'no files'}).")
    several = sum(r.values["frames"] > 1 for r in records if "Whole Slide" not in r.values["sop_class"])
    burned = sum(r.values["burned_in_annotation"] != "NO" for r in records)
    ours = sum(header.is_ours(f.tags) for f in wanted)
    card = DatasetCard(
        name=values.slug(src.resolve().stem) or "dicom",
        title="Images of DICOM files",
        modality=", ".join(sorted({r.values["modality"] for r in records if r.values["modality"]})),
        classes=(),
        notes=(
            "patient_id, case_id, lesion_id and image_id are keyed pseudonyms of the files' ids; names and numbers "
            "were not read, and of dates only the days since a patient's first image",
            *_doubtful(wanted),
            *([f"{ours} files were written by Cutis: their ids were taken as they are"] if ours else []),
            *([f"{burned} images may have text burned into their pixels: look before sharing"] if burned else []),
            *([f"{several} files have several frames: the representative or first was kept"] if several else []),
            *([f"left out: {_counted(files.left_out)}"] if files.left_out else []),
        ),
    )
    return Found(card, [*records, *files.damaged], Tree(src if src.is_dir() else src.parent))


def _same_raster(mask: _File, picture: _File) -> bool:
    """Whether a Segmentation's frames are of the picture's size; a slide's tiles are not the picture."""
    sizes = [(f.tags.get("Rows"), f.tags.get("Columns")) for f in (mask, picture)]
    return sizes[0] == sizes[1] and picture.sop_class != WHOLE_SLIDE


def _counted(left_out: Counter[str]) -> str:
    return ", ".join(f"{n} {what}" for what, n in sorted(left_out.items()))


def _doubtful(files: list[_File]) -> list[str]:
    """What must be asked while the files' own patient ids are at hand: no one can tell it by the pseudonyms."""
    people = {
        "image_id": [str(f.row["patient_id"]) for f in files],  # to name them by
        "patient_id": [canonical(str(f.tags.get("PatientID") or "")) or None for f in files],
    }
    found = doubts(pl.DataFrame(people, schema=dict.fromkeys(people, pl.String)), ["patient_id"])
    if not found:
        return []
    first = " and ".join(f'"{name}"' for name in found[0].images)
    return [
        f"{len(found):,} patients may have several pseudonyms (the first: {first}), as their numbers differ only in "
        "case, leading zeros, blanks or punctuation: cutis split can't keep them together. If they are one, correct "
        "the files and import again"
    ]


READER = Reader(name="dicom", layout="a folder of DICOM files", recognises=recognises, read=read, takes_file=True)
