"""dicom: images/<image_id>.dcm, and where there are masks or results segmentations/ and reports/ beside them.

Dermoscopic images are Dermoscopic Photography Images, all others VL Photographic Images (PS3.3 A.32.4, A.32.11). A
baseline JPEG's bytes are kept as they are; other files are written as uncompressed RGB. UIDs are hashes of what they
name, so the same dataset gives the same files.

What of a row is held, and where: `cutis.data.dicom.header`. Not held: labels (target, diagnoses, concepts, boxes,
captions), the card, licences, the source's split, other own columns; images that are no photographs.
"""

from __future__ import annotations

import io
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl

from cutis.data.dataset import Dataset
from cutis.data.dicom import header, report, segment
from cutis.data.dicom.quiet import quiet
from cutis.data.dicom.uids import DERMOSCOPIC, IMPLEMENTATION, IMPLEMENTATION_NAME, PHOTOGRAPHIC, uid
from cutis.data.export_files import licensed_rows, missing
from cutis.data.json_rows import to_json
from cutis.errors import CutisError
from cutis.extras import require
from cutis.files import canonical_json, sha256_text
from cutis.image import jpeg
from cutis.image.decode import decode, read_bytes
from cutis.progress import Progress
from cutis.schema.predictions import Predictions

# ISIC's image types that are no visible-light photographs of skin, by how they begin.
_NOT_PHOTOGRAPHS = ("RCM", "histopathology")


def write(dataset: Dataset, folder: Path, progress: Progress[Any], results: Path | None = None) -> list[str]:
    """Write every image, its mask and its result; returns what isn't held. results: a predictions file.

    Raises CutisError.
    """
    require("dicom")
    quiet()
    everything = licensed_rows(dataset)
    kind = pl.col("image_type").fill_null("")
    photographs = ~pl.any_horizontal(kind.str.starts_with(start) for start in _NOT_PHOTOGRAPHS)
    table = everything.filter((pl.col("status") == "ok") & photographs)
    if not len(table):
        raise CutisError(f"{dataset.path}: no photographs to write as DICOM (rows with status ok).")
    predictions = Predictions.load(results) if results is not None else None
    answers = report.by_image(predictions, set(everything["image_id"]), dataset) if predictions is not None else {}
    rows = table.rows(named=True)
    series = _series(dataset, rows)
    numbers: dict[str, int] = {}
    (folder / "images").mkdir()
    for row in progress(rows, len(rows), "export"):
        study, of = series[row["image_id"]]
        numbers[of] = numbers.get(of, 0) + 1
        name = f"{row['image_id']}.dcm"
        if not (dataset.path / row["file"]).is_file():
            raise missing(dataset, row["file"])
        data = read_bytes(dataset.path / row["file"])
        image = image_object(row, data, study, of, numbers[of])
        _save(image, folder / "images" / name)
        if row["mask"]:
            made = segment.write(image, row, dataset.path / row["mask"], dataset)
            _save(made, folder / "segmentations" / name)
        if row["image_id"] in answers:
            assert predictions is not None
            assert results is not None
            answer = answers[row["image_id"]]
            made = report.write(image, row, answer, predictions.info, segment.written(results))
            _save(made, folder / "reports" / name)
    return _notes(everything, table, predictions, dataset)


def image_object(row: dict[str, Any], data: bytes, study: str, series: str, number: int) -> Any:
    """The pydicom Dataset of one image: a manifest row and its image file's bytes."""
    from pydicom.dataset import Dataset as Tags
    from pydicom.dataset import FileMetaDataset
    from pydicom.encaps import encapsulate
    from pydicom.uid import UID, ExplicitVRLittleEndian, JPEGBaseline8Bit

    dermoscopic = row["image_type"] == "dermoscopic"
    tags = Tags()
    tags.SpecificCharacterSet = "ISO_IR 192"
    tags.SOPClassUID = UID(DERMOSCOPIC if dermoscopic else PHOTOGRAPHIC)
    tags.StudyInstanceUID = study
    tags.StudyDate = tags.StudyTime = tags.StudyID = tags.AccessionNumber = tags.ReferringPhysicianName = ""
    tags.Modality = "DMS" if dermoscopic else "XC"
    tags.SeriesNumber = 1
    tags.SeriesDescription = row["image_type"] or ""
    tags.Manufacturer = ""
    tags.Laterality = ""
    tags.ImageType = ["ORIGINAL", "PRIMARY"]
    tags.InstanceNumber = number
    tags.PatientOrientation = ""
    if dermoscopic:
        _dermoscopic(tags, row)
    header.fill(tags, row, series)
    tags.file_meta = FileMetaDataset()
    tags.file_meta.MediaStorageSOPClassUID = tags.SOPClassUID
    tags.file_meta.MediaStorageSOPInstanceUID = tags.SOPInstanceUID
    tags.file_meta.ImplementationClassUID = UID(IMPLEMENTATION)
    tags.file_meta.ImplementationVersionName = IMPLEMENTATION_NAME
    frame = _baseline(data)
    if frame is not None:
        tags.file_meta.TransferSyntaxUID = JPEGBaseline8Bit
        _pixel_tags(tags, frame.height, frame.width, frame.components, _colours(data, frame))
        tags.PixelData = encapsulate([data])
        tags["PixelData"].is_undefined_length = True
    else:
        pixels = decode(data, row["file"])
        tags.file_meta.TransferSyntaxUID = ExplicitVRLittleEndian
        _pixel_tags(tags, pixels.shape[0], pixels.shape[1], 3, "RGB")
        raw = np.ascontiguousarray(pixels).tobytes()
        tags.PixelData = raw + b"\0" * (len(raw) % 2)
    tags["PixelData"].VR = "OB"
    if data.startswith(jpeg.SOI):
        tags.LossyImageCompression = "01"
        tags.LossyImageCompressionRatio = f"{tags.Rows * tags.Columns * tags.SamplesPerPixel / len(data):.2f}"
        tags.LossyImageCompressionMethod = "ISO_10918_1"
    else:
        tags.LossyImageCompression = ""
    if tags.SamplesPerPixel == 3:
        embedded = frame.icc if frame is not None else b""
        tags.ICCProfile = embedded or srgb_profile()
        if not embedded:
            tags.ColorSpace = "SRGB"
    return tags


def _dermoscopic(tags: Any, row: dict[str, Any]) -> None:
    """The Dermoscopic Image Module (PS3.3 C.8.12.13) and what its IOD asks for besides.

    What is unknown is empty where that is allowed, else "unknown"; whether the picture shows whose it is must be said,
    and unless the manifest knows better it may.
    """
    tags.FrameOfReferenceUID = uid("frame of reference", row["image_id"], row["sha256"])  # each image has its own
    tags.PositionReferenceIndicator = ""
    tags.Manufacturer = tags.ManufacturerModelName = header.UNKNOWN
    tags.DeviceSerialNumber = tags.SoftwareVersions = header.UNKNOWN
    types = {name: pair for pair, name in header.DERMOSCOPIC_TYPES.items()}
    contact, light = types.get(row.get("dermoscopic_type") or "", ("", ""))
    tags.RecognizableVisualFeatures = "YES"
    tags.LightSourcePolarization, tags.ContactMethod = light, contact
    tags.EmitterColorTemperature = tags.OpticalMagnificationFactor = None
    if contact == "CONTACT":
        tags.ImmersionMedia = ""


def _pixel_tags(tags: Any, rows: int, columns: int, samples: int, photometric: str) -> None:
    tags.SamplesPerPixel, tags.PhotometricInterpretation = samples, photometric
    tags.Rows, tags.Columns = rows, columns
    if samples == 3:
        tags.PlanarConfiguration = 0
    tags.BitsAllocated = tags.BitsStored = 8
    tags.HighBit, tags.PixelRepresentation = 7, 0


def _baseline(data: bytes) -> jpeg.Frame | None:
    """The header of an upright 8-bit baseline JPEG, grey or of three colours; None for anything else."""
    if not data.startswith(jpeg.SOI):
        return None
    frame = jpeg.read_frame(data)
    baseline = any(marker == 0xC0 for marker, _, _ in jpeg.header_segments(data))
    return frame if baseline and frame.bits == 8 and frame.components in (1, 3) and frame.orientation == 1 else None


def _colours(data: bytes, frame: jpeg.Frame) -> str:
    """The photometric interpretation of a baseline JPEG's coded components (PS3.5 8.2.1)."""
    if frame.components == 1:
        return "MONOCHROME2"
    for marker, start, end in jpeg.header_segments(data):
        if marker == 0xEE and data.startswith(b"Adobe", start + 4) and end - start >= 16:
            if data[start + 15] == 0:
                return "RGB"
        elif marker == 0xC0:
            factors = {data[start + 11 + 3 * n] for n in range(3)}
    return "YBR_FULL" if len(factors) == 1 else "YBR_FULL_422"


def srgb_profile() -> bytes:
    """An sRGB profile, the same bytes every time; of class "scnr" as PS3.3 C.11.15 wants for images."""
    from PIL import ImageCms

    profile = bytearray(ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes())
    profile[12:16] = b"scnr"  # ICC.1:2022, 7.2: profile class; at 24 its date, at 84 its id
    profile[24:36] = b"\x07\xd0\x00\x01\x00\x01" + bytes(6)
    profile[84:100] = bytes(16)
    return bytes(profile)


def _series(dataset: Dataset, rows: list[dict[str, Any]]) -> dict[str, tuple[str, str]]:
    """image_id -> (study, series): a study is a case, else a patient's, else a lesion's, else the image's own.

    A series' UID is a hash of all that its rows say: a row that is corrected later gets new UIDs, as it must.
    """
    members: dict[tuple[str, str], list[dict[str, Any]]] = {}
    for row in rows:
        unit = next(f"{c}:{row[c]}" for c in ("case_id", "patient_id", "lesion_id", "image_id") if row.get(c))
        members.setdefault((unit, row["image_type"] or ""), []).append(row)
    found = {}
    for (unit, kind), of in members.items():
        said = sha256_text("".join(canonical_json(to_json(row)) for row in of))
        study = uid("study", dataset.card.digest, unit)
        for row in of:
            found[row["image_id"]] = study, uid("series", dataset.card.digest, unit, kind, said)
    return found


def encoded(tags: Any, name: str) -> bytes:
    """An object as a file of PS3.10. name: for the message. Raises CutisError for values that can't be written."""
    tags.preamble = bytes(128)
    out = io.BytesIO()
    try:
        tags.save_as(out, enforce_file_format=True)
    except (ValueError, TypeError, AttributeError, UnicodeError) as error:
        brief = " ".join(str(error).split())[:200]
        raise CutisError(f"{name}: its values can't be written as DICOM ({brief}).") from None
    return out.getvalue()


def _save(tags: Any, path: Path) -> None:
    path.parent.mkdir(exist_ok=True)
    path.write_bytes(encoded(tags, path.stem))


def _notes(everything: pl.DataFrame, table: pl.DataFrame, results: Predictions | None, data: Dataset) -> list[str]:
    unread = int((everything["status"] != "ok").sum())
    others = len(everything) - unread - len(table)
    notes = ["labels, the card, rows' licences and own columns are not held: keep the dataset, or export --to csv too"]
    if unread:
        notes.append(f"{unread} rows have no image: left out")
    if others:
        notes.append(f"{others} images that are no photographs (RCM, histopathology) are left out")
    if results is not None:
        lacking = int((~table["image_id"].is_in(results.table["image_id"].to_list())).sum())
        if lacking:
            notes.append(f"{lacking} images have no result in the predictions file, so no report")
        if results.info.dataset_digest and results.info.dataset_digest != data.card.digest:
            notes.append("the predictions were made on another version of this dataset (its digest differs)")
    return notes
