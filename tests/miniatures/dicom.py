"""A folder of DICOM files: three photographs of two patients, and a report without pixels."""

from __future__ import annotations

from pathlib import Path

import numpy as np

TABLE = LABEL = ID = None
EXPECTED = {"images": 3, "lesions": 0, "patients": 2, "classes": []}
DERMOSCOPIC, PHOTOGRAPH, REPORT = (f"1.2.840.10008.5.1.4.1.1.{end}" for end in ("77.1.7", "77.1.4", "88.34"))


def write(path: Path, number: int, kind: str, patient: str, pixels: np.ndarray | None) -> None:
    """One file, with a name and dates that must not get out."""
    from pydicom.dataset import FileDataset, FileMetaDataset
    from pydicom.uid import ExplicitVRLittleEndian

    meta = FileMetaDataset()
    meta.TransferSyntaxUID = ExplicitVRLittleEndian
    meta.MediaStorageSOPClassUID = kind
    meta.MediaStorageSOPInstanceUID = f"1.2.3.{number}"
    file = FileDataset(str(path), {}, file_meta=meta, preamble=b"\0" * 128)
    file.SOPClassUID, file.SOPInstanceUID = kind, f"1.2.3.{number}"
    file.PatientID, file.PatientName, file.PatientBirthDate = patient, "Secret^Ada", "19650102"
    file.StudyInstanceUID, file.StudyDate = f"1.2.4.{patient}", "20240203"
    file.PatientSex, file.PatientAge, file.Modality, file.BodyPartExamined = "F", "059Y", "XC", "BACK"
    if kind == DERMOSCOPIC:
        file.ContactMethod, file.LightSourcePolarization, file.BurnedInAnnotation = "CONTACT", "POLARIZED", "NO"
    if pixels is not None:
        file.Rows, file.Columns, file.SamplesPerPixel = *pixels.shape[:2], 3
        file.PhotometricInterpretation, file.PlanarConfiguration = "RGB", 0
        file.BitsAllocated = file.BitsStored = 8
        file.HighBit, file.PixelRepresentation = 7, 0
        file.PixelData = pixels.tobytes()
    path.parent.mkdir(parents=True, exist_ok=True)
    file.save_as(path, enforce_file_format=True)


def make(folder: Path, rng: np.random.Generator) -> None:
    for number, kind, patient in ((1, DERMOSCOPIC, "7"), (2, DERMOSCOPIC, "7"), (3, PHOTOGRAPH, "8")):
        write(folder / "export" / f"{number}.dcm", number, kind, patient, rng.integers(0, 256, (12, 16, 3), np.uint8))
    write(folder / "export" / "4.dcm", 4, REPORT, "8", None)
