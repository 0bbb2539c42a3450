"""Readers of source layouts, by name. A next dataset is one file with a `READER`, and a line here."""

from __future__ import annotations

from cutis.data.readers import (
    bcn20000,
    coco,
    csv_folder,
    ddi,
    derm7pt,
    derm12345,
    dermacon_in,
    dicom,
    fitzpatrick17k,
    folder,
    ham10000,
    isic2016,
    isic2017,
    isic2018,
    isic2019,
    isic2020,
    isic2024,
    isic_archive,
    itobos,
    medmnist,
    milk10k,
    msld2,
    pad_ufes_20,
    panderm,
    ph2,
    scin,
    skin3d,
    skincap,
    webdataset,
)
from cutis.data.readers.base import Found, Options, Reader, Record

# In the order in which "auto" asks them: the most particular first.
READERS: dict[str, Reader] = {
    "ham10000": ham10000.READER,
    "isic2016": isic2016.READER,
    "isic2017": isic2017.READER,
    "isic2018": isic2018.READER,
    "isic2019": isic2019.READER,
    "isic2020": isic2020.READER,
    "isic2024": isic2024.READER,
    "isic_archive": isic_archive.READER,
    "bcn20000": bcn20000.READER,
    "pad_ufes_20": pad_ufes_20.READER,
    "fitzpatrick17k": fitzpatrick17k.READER,
    "milk10k": milk10k.READER,
    "derm12345": derm12345.READER,
    "skin3d": skin3d.READER,
    "skincap": skincap.READER,
    "ddi": ddi.READER,
    "scin": scin.READER,
    "derm7pt": derm7pt.READER,
    "dermacon_in": dermacon_in.READER,
    "ph2": ph2.READER,
    "msld2": msld2.READER,
    "itobos": itobos.READER,
    "medmnist": medmnist.READER,
    "panderm": panderm.READER,
    "dicom": dicom.READER,
    "coco": coco.READER,
    "webdataset": webdataset.READER,
    "csv": csv_folder.READER,
    "folder": folder.READER,
}

__all__ = ["READERS", "Found", "Options", "Reader", "Record", "releases"]


def releases() -> dict[str, Reader]:
    """The readers of public releases (those with a card), by name, in alphabetical order."""
    return {name: READERS[name] for name in sorted(READERS) if READERS[name].card is not None}
