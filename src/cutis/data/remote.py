"""Where the openly downloadable releases lie. A release is an entry here: its files and what is published on them.

Addresses are the publishers' own: Harvard Dataverse, the ISIC Challenge's storage, Zenodo, Mendeley Data. The ISIC
Challenge publishes no checksums. MedMNIST's are those of its own code; of the corrected DermaMNIST, Zenodo's.
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class RemoteFile:
    """One file. name: as it is stored. size: bytes, if published. checksum: "md5:..." or "sha256:...", or ""."""

    name: str
    url: str
    size: int | None = None
    checksum: str = ""


def _challenge(year: int, *names: str) -> tuple[RemoteFile, ...]:
    return tuple(RemoteFile(name, f"https://isic-challenge-data.s3.amazonaws.com/{year}/{name}") for name in names)


def _zenodo(record: int, name: str, md5: str, size: int | None = None) -> RemoteFile:
    return RemoteFile(name, f"https://zenodo.org/records/{record}/files/{name}?download=1", size, f"md5:{md5}")


def _dataverse(number: str, name: str) -> RemoteFile:
    return RemoteFile(name, f"https://dataverse.harvard.edu/api/access/datafile/{number}")


# By the name of the reader that imports them.
REMOTE: dict[str, tuple[RemoteFile, ...]] = {
    "ham10000": (
        _dataverse("4338392?format=original", "HAM10000_metadata.csv"),
        _dataverse("3172585", "HAM10000_images_part_1.zip"),
        _dataverse("3172584", "HAM10000_images_part_2.zip"),
        _dataverse("3838943", "HAM10000_segmentations_lesion_tschandl.zip"),
    ),
    "isic2016": _challenge(
        2016,
        "ISBI2016_ISIC_Part3_Training_GroundTruth.csv",
        "ISBI2016_ISIC_Part3_Test_GroundTruth.csv",
        "ISBI2016_ISIC_Part3_Training_Data.zip",
        "ISBI2016_ISIC_Part3_Test_Data.zip",
        "ISBI2016_ISIC_Part1_Training_GroundTruth.zip",
        "ISBI2016_ISIC_Part1_Test_GroundTruth.zip",
    ),
    "isic2017": _challenge(
        2017,
        "ISIC-2017_Training_Part3_GroundTruth.csv",
        "ISIC-2017_Validation_Part3_GroundTruth.csv",
        "ISIC-2017_Test_v2_Part3_GroundTruth.csv",
        "ISIC-2017_Training_Data.zip",
        "ISIC-2017_Validation_Data.zip",
        "ISIC-2017_Test_v2_Data.zip",
        "ISIC-2017_Training_Part1_GroundTruth.zip",
        "ISIC-2017_Validation_Part1_GroundTruth.zip",
        "ISIC-2017_Test_v2_Part1_GroundTruth.zip",
        "ISIC-2017_Training_Part2_GroundTruth.zip",
        "ISIC-2017_Validation_Part2_GroundTruth.zip",
        "ISIC-2017_Test_v2_Part2_GroundTruth.zip",
    ),
    "isic2018": _challenge(
        2018,
        "ISIC2018_Task3_Training_LesionGroupings.csv",
        "ISIC2018_Task3_Training_GroundTruth.zip",
        "ISIC2018_Task3_Validation_GroundTruth.zip",
        "ISIC2018_Task3_Test_GroundTruth.zip",
        "ISIC2018_Task3_Training_Input.zip",
        "ISIC2018_Task3_Validation_Input.zip",
        "ISIC2018_Task3_Test_Input.zip",
    ),
    "isic2019": _challenge(
        2019,
        "ISIC_2019_Training_GroundTruth.csv",
        "ISIC_2019_Training_Metadata.csv",
        "ISIC_2019_Test_GroundTruth.csv",
        "ISIC_2019_Test_Metadata.csv",
        "ISIC_2019_Training_Input.zip",
        "ISIC_2019_Test_Input.zip",
    ),
    "isic2020": _challenge(
        2020,
        "ISIC_2020_Training_GroundTruth_v2.csv",
        "ISIC_2020_Training_Duplicates.csv",
        "ISIC_2020_Test_Metadata.csv",
        "ISIC_2020_Training_JPEG.zip",
        "ISIC_2020_Test_JPEG.zip",
    ),
    "isic2024": _challenge(
        2024,
        "ISIC_2024_Training_GroundTruth.csv",
        "ISIC_2024_Training_Supplement.csv",
        "ISIC_2024_Training_Input.zip",
    ),
    "pad_ufes_20": (
        RemoteFile(
            "PAD-UFES-20.zip",
            "https://prod-dcd-datasets-cache-zipfiles.s3.eu-west-1.amazonaws.com/zr7vgbcyr2-1.zip",
        ),
    ),
    "medmnist": (
        _zenodo(10519652, "dermamnist.npz", "0744692d530f8e62ec473284d019b0c7"),
        _zenodo(10519652, "dermamnist_64.npz", "b70a2f5635c6199aeaa28c31d7202e1f"),
        _zenodo(10519652, "dermamnist_128.npz", "2defd784463fa5243564e855ed717de1"),
        _zenodo(10519652, "dermamnist_224.npz", "8974907d8e169bef5f5b96bc506ae45d"),
        _zenodo(12739457, "dermamnist_corrected_28.npz", "96e2862980877d45d9cacb5c25de6950"),
        _zenodo(12739457, "dermamnist_corrected_224.npz", "84920fb70c83b234c295b6f0d4ae2bc0", 1_131_258_316),
        _zenodo(12739457, "dermamnist_extended_28.npz", "ecacbf37d9cc79340226bd19bd4c7463"),
    ),
}
