"""Fixtures shared by all rooms: the real data (skipped, saying so, where it is absent) and small generated images."""

from __future__ import annotations

import importlib
import io
import shutil
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import pytest
from PIL import Image

SHARED = Path(__file__).resolve().parents[1].parent / "shared" / "data"


@pytest.fixture(scope="session")
def shared_data() -> Path:
    """The folder of real data beside the repository."""
    if not SHARED.is_dir():
        pytest.skip("the real data (../shared/data) is not here")
    return SHARED


@pytest.fixture(scope="session")
def ham_sample(shared_data: Path) -> Path:
    """140 real dermoscopy images of seven classes, with masks, in HAM10000's layout."""
    return shared_data / "ham10000" / "sample"


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A disk of one megabyte, or a skip where none may be mounted (Linux, as root)."""
    disk = tmp_path / "small"
    disk.mkdir()
    try:
        subprocess.run(["mount", "-t", "tmpfs", "-o", "size=1m", "tmpfs", disk], check=True, capture_output=True)
    except (OSError, subprocess.CalledProcessError):
        pytest.skip("mounting a small tmpfs is not allowed here")
    try:
        yield disk
    finally:
        subprocess.run(["umount", "-l", disk], check=True)


BROWSERS = ("chromium", "chromium-browser", "google-chrome", "chrome")


@pytest.fixture(scope="module")
def browser() -> Iterator[Any]:
    """A real Chromium, or a skip that says there is none.

    A module's, not the session's: while it is open its event loop runs, and no test beside it could run one.
    """
    playwright = pytest.importorskip("playwright.sync_api", reason="playwright is not installed")
    path = next(filter(None, map(shutil.which, BROWSERS)), None)
    if path is None:
        pytest.skip("no Chromium is installed (Debian: apt-get install chromium)")
    with playwright.sync_playwright() as play:
        opened = play.chromium.launch(
            executable_path=path, args=["--no-sandbox", "--disable-gpu", "--disable-background-networking"]
        )
        yield opened
        opened.close()


def skin_like(width: int = 60, height: int = 45, seed: int = 0) -> np.ndarray:
    """A smooth uint8 RGB picture with a dark blob, different at every corner so that flips show."""
    y, x = np.mgrid[0:height, 0:width].astype(float)
    rng = np.random.default_rng(seed)
    base = np.stack([200 - 60 * x / width, 150 + 50 * y / height, 120 + 40 * (x + y) / (width + height)], -1)
    cx, cy = width * rng.uniform(0.3, 0.5), height * rng.uniform(0.3, 0.5)
    blob = np.exp(-(((x - cx) / (width / 6)) ** 2 + ((y - cy) / (height / 6)) ** 2))
    return (base - 90 * blob[..., None]).clip(0, 255).astype(np.uint8)


def encode(pixels: np.ndarray | Image.Image, form: str = "JPEG", **options: object) -> bytes:
    """An image file's bytes, by Pillow."""
    out = io.BytesIO()
    image = pixels if isinstance(pixels, Image.Image) else Image.fromarray(pixels)
    image.save(out, form, **options)
    return out.getvalue()


@pytest.fixture(scope="session")
def picture() -> Callable[..., np.ndarray]:
    """`skin_like`: picture(width, height, seed) -> uint8 RGB."""
    return skin_like


@pytest.fixture(scope="session")
def encoded() -> Callable[..., bytes]:
    """`encode`: encoded(pixels, format, **options) -> bytes."""
    return encode


@pytest.fixture(scope="session")
def miniature() -> Callable[[str], ModuleType]:
    """miniature(reader name) -> tests/miniatures/<reader name>.py: `make(folder, rng)` writes that release's layout."""
    return lambda name: importlib.import_module(f"miniatures.{name}")


@pytest.fixture
def class_folders(tmp_path: Path) -> Path:
    """photos/nevus and photos/melanoma with eight small JPEGs each."""
    root = tmp_path / "photos"
    for c, name in enumerate(("melanoma", "nevus")):
        (root / name).mkdir(parents=True)
        for i in range(8):
            (root / name / f"{name[:3]}{i}.jpg").write_bytes(encode(skin_like(seed=10 * c + i), quality=90))
    return root
