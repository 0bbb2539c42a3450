"""Decoding processes for tests, and files of every format, plain and with identity planted in them."""

from __future__ import annotations

import asyncio
import importlib
import io
from collections.abc import Callable, Iterator
from pathlib import Path
from types import ModuleType

import numpy as np
import pytest
from PIL import Image

from cutis.bundle.look import Look
from cutis.image.quality import MEASURES
from cutis.serve.intake.intake import Intake
from cutis.serve.kinds import Refused, Taken
from cutis.serve.settings import Settings

LIMITS = {"resolution": 100.0, "skin": -1.8, "light": 28.0, "headroom": 0.95, "gradient": 1.03}
LOOKS = {
    "gated": Look(96, "none", {name: LIMITS[name] for name in MEASURES if name in LIMITS}),
    "plain": Look(64, "shades-of-grey", {}),
}


@pytest.fixture(scope="session")
def looks() -> dict[str, Look]:
    """Two bundles' looks: one with a gate, one without and with a colour constancy."""
    return LOOKS


def settings_of(**changes: object) -> Settings:
    kept = {"workers": 2, "max_bytes": 2_000_000, "max_pixels": 3_000_000, **changes}
    return Settings((), "sqlite://", Path("unused"), **kept)  # type: ignore[arg-type]


@pytest.fixture(scope="session")
def make_intake() -> Callable[..., Intake]:
    """make_intake(seconds=..., processor=..., per_megapixel=..., **settings): to be closed by the test."""

    def made(seconds: float = 30.0, **changes: float) -> Intake:
        times = {name: changes.pop(name) for name in ("processor", "per_megapixel") if name in changes}
        return Intake(settings_of(**changes), LOOKS, seconds=seconds, **times)

    return made


@pytest.fixture(scope="module")
def intake(make_intake: Callable[..., Intake]) -> Iterator[Intake]:
    """Two processes, 2 MB and 3 million pixels at most, shared by a file's tests."""
    made = make_intake()
    yield made
    made.close()


@pytest.fixture(scope="session")
def take() -> Callable[..., Taken | Refused]:
    """take(intake, data, keep): what became of it, or why not."""

    def taken(intake: Intake, data: bytes, keep: bool = True) -> Taken | Refused:
        try:
            return asyncio.run(intake.take(data, keep=keep))
        except Refused as refused:
            return refused

    return taken


@pytest.fixture(scope="session")
def planted() -> ModuleType:
    """tests/data/planted_identity.py"""
    return importlib.import_module("data.planted_identity")


@pytest.fixture(scope="session")
def dicom_world() -> ModuleType:
    """tests/data/dicom_world.py"""
    pytest.importorskip("pydicom")
    return importlib.import_module("data.dicom_world")


@pytest.fixture(scope="session")
def dicom_file(dicom_world: ModuleType) -> Callable[..., bytes]:
    """dicom_file(pixels, **tags): the bytes of a DICOM file, uncompressed unless the tags say otherwise."""

    def made(pixels: np.ndarray | None, **tags: object) -> bytes:
        out = io.BytesIO()
        dataset = dicom_world.tags_of(pixels, **tags)
        dataset.preamble = bytes(128)
        dataset.save_as(out, enforce_file_format=True)
        return out.getvalue()

    return made


@pytest.fixture(scope="session")
def every_format(
    picture: Callable[..., np.ndarray], encoded: Callable[..., bytes], dicom_file: Callable[..., bytes]
) -> dict[str, bytes]:
    """One good file of each container and coding that is read."""
    pixels = picture(120, 90)
    image = Image.fromarray(pixels)
    grey16 = Image.fromarray(pixels[..., 0].astype(np.uint16) * 257)
    return {
        "jpeg": encoded(pixels, quality=90),
        "progressive": encoded(pixels, quality=90, progressive=True),
        "grey jpeg": encoded(image.convert("L"), quality=90),
        "cmyk jpeg": encoded(image.convert("CMYK"), quality=90),
        "turned jpeg": encoded(pixels, quality=90, exif=_turned()),
        "png": encoded(pixels, "PNG"),
        "palette png": encoded(image.quantize(32), "PNG"),
        "16 bit png": encoded(grey16, "PNG"),
        "rgba png": encoded(image.convert("RGBA"), "PNG"),
        "tiff": encoded(pixels, "TIFF", compression="tiff_lzw"),
        "webp": encoded(pixels, "WEBP"),
        "gif": encoded(image.quantize(32), "GIF"),
        "bmp": encoded(pixels, "BMP"),
        "ppm": encoded(pixels, "PPM"),
        "jpeg2000": encoded(pixels, "JPEG2000"),
        "avif": encoded(pixels, "AVIF"),
        "dicom": dicom_file(pixels),
        "dicom grey": dicom_file(np.ascontiguousarray(pixels[..., 1]), kind="MONOCHROME2"),
    }


def _turned() -> bytes:
    exif = Image.Exif()
    exif[0x0112] = 6
    return exif.tobytes()
