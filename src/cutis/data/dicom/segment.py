"""Masks <-> Segmentation objects (PS3.3 A.51): one segment, the lesion; one frame, the image's."""

from __future__ import annotations

import io
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np

from cutis import __version__
from cutis.data.dataset import Dataset
from cutis.data.dicom import part10, stored
from cutis.data.dicom.header import lesion_uid
from cutis.data.dicom.uids import IMPLEMENTATION, IMPLEMENTATION_NAME, uid
from cutis.data.export_files import missing
from cutis.files import sha256_file
from cutis.image.decode import MAX_PIXELS, BadImage
from cutis.image.mask import read_mask

_MOST_FRAMES = 10  # times as many pixels in a mask's frames as a picture may have


def write(image: Any, row: dict[str, Any], mask: Path, dataset: Dataset) -> Any:
    """The Segmentation of `image` (its pydicom Dataset): the lesion is what `cutis.image.mask` reads in the mask file.

    Raises CutisError if the mask is missing, damaged or not of the image's size.
    """
    if not mask.is_file():
        raise missing(dataset, row["mask"])
    pixels = read_mask(mask).pixels
    height, width = pixels.shape
    if (height, width) != (image.Rows, image.Columns):
        raise BadImage(str(mask), f"{width} x {height} for an image of {image.Columns} x {image.Rows}")
    return of_pixels(image, row, pixels, sha256_file(mask), written(mask))


def of_pixels(image: Any, row: dict[str, Any], pixels: np.ndarray, digest: str, when: datetime) -> Any:
    """The Segmentation of a lesion that a person has drawn: boolean (rows, columns). digest: of what it was drawn in;
    when: the date it gets."""
    from highdicom.seg import Segmentation, SegmentDescription
    from pydicom.sr.codedict import codes

    lesion = {"tracking_id": row["lesion_id"], "tracking_uid": lesion_uid(row)} if row["lesion_id"] else {}
    made = Segmentation(
        source_images=[image],
        pixel_array=pixels[None],
        segmentation_type="BINARY",
        segment_descriptions=[
            SegmentDescription(
                segment_number=1,
                segment_label="lesion",
                segmented_property_category=codes.SCT.MorphologicallyAbnormalStructure,
                segmented_property_type=codes.SCT.Lesion,
                algorithm_type="MANUAL",
                **lesion,
            )
        ],
        series_instance_uid=uid("segmentations", image.SeriesInstanceUID),
        series_number=2,
        sop_instance_uid=uid("segmentation", image.SOPInstanceUID, digest),
        instance_number=int(image.get("InstanceNumber") or 1),
        manufacturer="Cutis",
        manufacturer_model_name="cutis export",
        software_versions=__version__,
        device_serial_number="none",
        omit_empty_frames=False,
        content_label="LESION",
    )
    made.PatientOrientation = ""  # type 2C (PS3.3 C.7.6.1)
    made.LossyImageCompression = image.get("LossyImageCompression") or "00"  # type 1 here, and copied from the image
    # highdicom copies a photograph's PixelSpacing without the SliceThickness that must stand beside it (C.7.6.16.2.1),
    # and reads no such file. A photograph has none; its scale stays in the image that is referred to.
    shared = made.SharedFunctionalGroupsSequence[0]
    if "PixelMeasuresSequence" in shared and "SliceThickness" not in shared.PixelMeasuresSequence[0]:
        del shared.PixelMeasuresSequence
    # highdicom draws this one at random.
    for item in (*made.DimensionOrganizationSequence, *made.DimensionIndexSequence):
        item.DimensionOrganizationUID = uid("dimensions", made.SOPInstanceUID)
    return stamp(made, when)


def written(source: Path) -> datetime:
    """When a file was written: what is made from it is dated so, and the same files give the same bytes."""
    return datetime.fromtimestamp(int(source.stat().st_mtime), UTC)


def stamp(made: Any, when: datetime) -> Any:
    """Date an object."""
    when = when.astimezone(UTC)
    for day, time in (("ContentDate", "ContentTime"), ("InstanceCreationDate", "InstanceCreationTime")):
        setattr(made, day, when.strftime("%Y%m%d"))
        setattr(made, time, when.strftime("%H%M%S"))
    made.TimezoneOffsetFromUTC = "+0000"
    for program in made.get("ContributingEquipmentSequence") or ():
        program.ContributionDateTime = when.strftime("%Y%m%d%H%M%S")
    made.file_meta.ImplementationClassUID = IMPLEMENTATION
    made.file_meta.ImplementationVersionName = IMPLEMENTATION_NAME
    return made


def image_of(tags: Any) -> str | None:
    """The SOPInstanceUID of the one image that a Segmentation's header says it is of; None if of several."""
    found = {
        str(instance.get("ReferencedSOPInstanceUID"))
        for series in tags.get("ReferencedSeriesSequence") or ()
        for instance in series.get("ReferencedInstanceSequence") or ()
    }
    return found.pop() if len(found) == 1 else None


def mask_png(path: Path) -> bytes:
    """The PNG, 0 and 255, of everything that any segment of a Segmentation file covers. Raises BadImage."""
    from PIL import Image

    tags = part10.read(path, path.name)
    said = stored.check(tags, path.name)
    if said.frames * said.rows * said.columns > _MOST_FRAMES * MAX_PIXELS:
        raise BadImage(path.name, f"{said.frames} frames of {said.columns} x {said.rows} pixels; that is too many")
    whole = np.zeros((said.rows, said.columns), bool)
    for index in range(said.frames):
        found = stored.values(tags, path.name, index)
        whole |= (found.pixels > 0) if found.pixels.ndim == 2 else (found.pixels > 0).any(-1)
    out = io.BytesIO()
    Image.fromarray(255 * whole.astype(np.uint8)).save(out, "PNG")
    return out.getvalue()
