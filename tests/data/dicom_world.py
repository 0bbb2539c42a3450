"""DICOM files for tests: any pixels with any header."""

from __future__ import annotations

from pathlib import Path

import numpy as np

PHOTOGRAPHIC = "1.2.840.10008.5.1.4.1.1.77.1.4"


def tags_of(pixels: np.ndarray | None, kind: str = "RGB", number: int = 1, syntax: str = "1.2.840.10008.1.2.1", **more):
    """A pydicom Dataset of `pixels`: (h, w) or (h, w, 3), or (frames, h, w, 3); `more` are tags by keyword.

    PixelData among `more` takes the place of the array's bytes.
    """
    from pydicom.dataset import Dataset, FileMetaDataset

    tags = Dataset()
    tags.SOPClassUID, tags.SOPInstanceUID = PHOTOGRAPHIC, f"1.2.3.{number}"
    tags.PatientID, tags.StudyInstanceUID, tags.SeriesInstanceUID = "7", "1.2.4", "1.2.5"
    tags.file_meta = FileMetaDataset()
    tags.file_meta.TransferSyntaxUID = syntax
    tags.file_meta.MediaStorageSOPClassUID = tags.SOPClassUID
    tags.file_meta.MediaStorageSOPInstanceUID = tags.SOPInstanceUID
    if pixels is not None:
        colour = pixels.shape[-1] == 3
        tags.Rows, tags.Columns = pixels.shape[-3:-1] if colour else pixels.shape[-2:]
        tags.SamplesPerPixel = 3 if colour else 1
        if colour:
            tags.PlanarConfiguration = 0
        if pixels.ndim == (4 if colour else 3):
            tags.NumberOfFrames = len(pixels)
        tags.PhotometricInterpretation = kind
        tags.BitsAllocated = tags.BitsStored = 8 * pixels.dtype.itemsize
        tags.HighBit = tags.BitsStored - 1
        tags.PixelRepresentation = int(pixels.dtype.kind == "i")
        raw = pixels.tobytes()
        tags.PixelData = raw + b"\0" * (len(raw) % 2)
    for name, value in more.items():
        setattr(tags, name, value)
    if "PixelData" in tags:
        tags["PixelData"].VR = "OB" if tags.BitsAllocated == 8 else "OW"
        tags["PixelData"].is_undefined_length = syntax.startswith(("1.2.840.10008.1.2.4.", "1.2.840.10008.1.2.5"))
    return tags


def save(tags, path: Path) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    tags.preamble = bytes(128)
    known = tags.file_meta.TransferSyntaxUID.is_transfer_syntax
    tags.save_as(path, enforce_file_format=True, **({} if known else {"implicit_vr": False, "little_endian": True}))
    return path


def lut_tags(table: np.ndarray, bits: int) -> dict[str, object]:
    """The three palette tables of `table`, (entries, 3)."""
    found: dict[str, object] = {}
    for n, colour in enumerate(("Red", "Green", "Blue")):
        found[f"{colour}PaletteColorLookupTableDescriptor"] = [len(table), 0, bits]
        kept = table[:, n].astype(np.uint8 if bits == 8 else np.uint16)
        found[f"{colour}PaletteColorLookupTableData"] = kept.tobytes()
    return found
