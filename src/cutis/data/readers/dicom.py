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

import hashlib
import io
from collections import Counter
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl

from cutis.data import values
from cutis.data.dataset import DatasetCard
from cutis.data.dicom import header, part10, segment, whole_slide
from cutis.data.dicom.pixels import passthrough, rgb
from cutis.data.dicom.uids import LABEL_MAP, SEGMENTATION, WHOLE_SLIDE, uid
from cutis.data.files_in import Blob, Tree, visible_entries, visible_files
from cutis.data.pseudonym import load_key, pseudonym
from cutis.data.readers.base import Found, Options, Reader, Record
from cutis.errors import CutisError
from cutis.extras import require
from cutis.files import sha256_file
from cutis.image.decode import BadImage, read_bytes
from cutis.schema.spelling import canonical, doubts

# Objects with pixels that are no photograph: parametric maps, surfaces, confocal microscopy.
NO_PHOTOGRAPH = {f"1.2.840.10008.5.1.4.1.1.{end}" for end in ("66.8", "30", "77.1.8", "77.1.9", "66.5")}


def recognises(src: Path) -> bool:
    if src.is_file():
        return part10.looks(src)
    return any(part10.looks(path) for path, _ in zip(visible_files(src), range(20), strict=False))


@dataclass(frozen=True)
class _File:
    """A DICOM file whose header was read: its path, its name in the folder, its tags, its manifest values."""

    path: Path
    name: str
    tags: Any
    row: dict[str, Any]

    @property
    def sop_class(self) -> Any:
        return part10.sop_class_of(self.tags)

    @property
    def kind(self) -> str:
        """Its SOP class in words; pydicom 3 doesn't know the youngest of them."""
        return "Label Map Segmentation Storage" if self.sop_class == LABEL_MAP else self.sop_class.name

    @property
    def is_picture(self) -> bool:
        """Whether its class is one of images, or it has none that is known and says how large a picture it holds."""
        if self.sop_class in NO_PHOTOGRAPH:
            return False
        return self.kind.endswith("Image Storage") or bool(self.tags.get("Rows"))


@dataclass
class _Sorted:
    """The folder's files by what they are; `damaged` as rows, `left_out` counted by name."""

    pictures: list[_File]
    slides: list[_File]
    segmentations: list[_File]
    damaged: list[Record]
    left_out: Counter[str]


def _sort(src: Path, key: bytes) -> _Sorted:
    found = _Sorted([], [], [], [], Counter())
    for path in [src] if src.is_file() else visible_entries(src):
        name = path.relative_to(src).as_posix() if src.is_dir() else path.name
        if not path.is_file():  # a pipe, a device, a link to nothing, as `read_bytes` says without opening it
            if part10.is_dicom_name(path.name):
                found.damaged.append(_bad(name, key, _why_no_file(path)))
            else:
                found.left_out["not a file"] += 1
            continue
        if not part10.looks(path):
            found.left_out["not DICOM"] += 1
            continue
        try:
            tags = part10.read(path, name, wanted=header.WANTED)
            if part10.sop_class_of(tags) == part10.DICOMDIR:
                found.left_out["DICOMDIR"] += 1
                continue
            _identify(tags, path)
            file = _File(path, name, tags, header.values_of(tags, key))
            file.row["frames"] = int(tags.get("NumberOfFrames") or 1)
            whole_slide.area(tags), segment.image_of(tags)  # asked again below, where there is no row for an error
        except BadImage as error:
            found.damaged.append(_bad(name, key, f"its header is damaged ({error.reason})"))
            continue
        except Exception as error:  # pydicom raises many kinds of error on damaged headers; their words may hold values
            found.damaged.append(_bad(name, key, f"its header is damaged ({type(error).__name__})"))
            continue
        if file.sop_class in (SEGMENTATION, LABEL_MAP):
            found.segmentations.append(file)
        elif file.sop_class == WHOLE_SLIDE:
            found.slides.append(file)
        elif file.is_picture:
            found.pictures.append(file)
        elif file.kind:
            found.left_out[file.kind] += 1
        else:
            found.damaged.append(_bad(name, key, "its header is damaged (it says neither what it is nor how large)"))
    return found


def _why_no_file(path: Path) -> str:
    try:
        read_bytes(path)
    except BadImage as error:
        return error.reason
    return "was no file when it was looked for"


def _identify(tags: Any, path: Path) -> None:
    """Fill in an instance UID that only the file's header says; where nothing says one it is made of the content."""
    if not tags.get("SOPInstanceUID"):
        meta = getattr(tags, "file_meta", None) or {}
        tags.SOPInstanceUID = str(meta.get("MediaStorageSOPInstanceUID") or "") or uid("file", sha256_file(path))


def _bad(name: str, key: bytes, reason: str) -> Record:
    """A row of a file that gives no image. It is called by its place in the folder, which no other file has."""
    return Record({"image_id": pseudonym(key, "file", name), "source": "DICOM", "target": None}, None, reason)


def _without_copies(files: list[_File], key: bytes) -> tuple[list[_File], list[Record]]:
    """(one file for each SOPInstanceUID, rows of the others with their reason).

    A copy has the same pixels and gives the same row. Where two files of one UID differ, neither is taken: which of
    them is right can't be told. Nor are two instances that Cutis wrote of one image_id, as of a row corrected since.
    """
    same: dict[str, list[_File]] = {}
    for file in files:
        same.setdefault(str(file.tags.SOPInstanceUID), []).append(file)
    kept, rows = [], []
    for of in same.values():
        if len(of) > 1 and len({_content(file) for file in of}) > 1:
            reason = f"its SOPInstanceUID is that of {len(of)} files with different content; keep the right one"
            rows += [_bad(file.name, key, reason) for file in of]
            continue
        kept.append(of[0])
        rows += [_bad(f.name, key, f"a copy of the image {of[0].row['image_id']}") for f in of[1:]]
    called = Counter(file.row["image_id"].casefold() for file in kept)
    alone = [file for file in kept if called[file.row["image_id"].casefold()] == 1]
    several = [file for file in kept if called[file.row["image_id"].casefold()] > 1]
    rows += [_bad(f.name, key, "its image_id is that of other instances, too; keep the right one") for f in several]
    return alone, rows


def _content(file: _File) -> str:
    """A digest of the pixels and of what the row says; of the whole file where it can't be read."""
    try:
        tags = part10.read(file.path, file.name)
        pixels = hashlib.sha256(tags.PixelData).hexdigest()
    except (BadImage, AttributeError, TypeError):
        return sha256_file(file.path)
    said = [str(tags.get(tag)) for tag in ("Rows", "Columns", "PhotometricInterpretation", "BitsStored")]
    return repr((pixels, said, sorted(file.row.items(), key=lambda item: item[0])))


def _image(path: Path, sop_class: str) -> bytes:
    """The picture's file: the JPEG in it if it can be kept, else a PNG. Raises BadImage."""
    from PIL import Image

    try:
        tags = part10.read(path, path.name)
        if sop_class == WHOLE_SLIDE:
            pixels = whole_slide.overview(tags, path.name)
        elif kept := passthrough(tags, path.name):
            return kept
        else:
            pixels = rgb(tags, path.name)
    except BadImage:
        raise
    except MemoryError:
        raise BadImage(path.name, "takes more memory to read than there is") from None
    except Exception as error:  # pydicom raises many kinds of error on damaged files: one must not end an import
        raise BadImage(path.name, f"damaged [{type(error).__name__}]") from None
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
    chosen = sorted([*files.pictures, *(files.slides[n] for n in levels)], key=lambda f: f.path)
    wanted, copies = _without_copies(chosen, key)
    records: list[Record] = []
    of_object: dict[str, int] = {}
    for at, file in enumerate(wanted):
        file.row["sop_class"] = file.kind
        of_object[str(file.tags.SOPInstanceUID)] = at
        made = Blob(file.name, file.path.stat().st_size, make=partial(_image, file.path, str(file.sop_class)))
        records.append(Record(file.row, made))
    header.days([r.values for r in records])
    for file in files.segmentations:
        found = of_object.get(segment.image_of(file.tags) or "")
        if found is None or not _same_raster(file, wanted[found]):
            files.left_out[file.kind] += 1
        elif records[found].mask is not None:
            files.left_out["further Segmentations of one picture"] += 1
        else:
            mask = Blob(file.name, file.path.stat().st_size, make=partial(segment.mask_png, file.path))
            records[found] = replace(records[found], mask=mask)
    files.damaged += copies
    if not records:
        said = _counted(
            files.left_out + Counter({"damaged or in dispute": len(files.damaged)} if files.damaged else {})
        )
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
            *([f"{len(copies)} files are copies, or in dispute about their identity: see rows"] if copies else []),
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
