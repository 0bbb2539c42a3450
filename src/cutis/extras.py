"""The optional dependencies: which use needs which, and the error that says what to install."""

from __future__ import annotations

import platform
from importlib.util import find_spec

from cutis.errors import CutisError

X86 = platform.machine().lower() in {"x86_64", "amd64"}
# extra -> (what for, modules it brings)
EXTRAS: dict[str, tuple[str, tuple[str, ...]]] = {
    "predict": ("run bundles", ("onnxruntime", "safetensors", *(("openvino",) if X86 else ()))),
    "dicom": ("read and write DICOM files", ("pydicom", "highdicom")),
    "serve": (
        "serve the workbench",
        ("fastapi", "uvicorn", "sqlalchemy", "alembic", "argon2", "pg8000", "python_multipart"),
    ),
    "labels": ("look for label errors", ("cleanlab",)),
    "train": ("train", ("torch", "torchvision", "timm", "lightning", "onnx", "onnxscript")),
}


def missing(extra: str) -> list[str]:
    """Modules of `extra` that aren't installed."""
    return [name for name in EXTRAS[extra][1] if find_spec(name) is None]


def require(extra: str) -> None:
    """Raise CutisError, with the remedy, unless `extra` is installed."""
    absent = missing(extra)
    if absent:
        raise CutisError(f"to {EXTRAS[extra][0]}, install {', '.join(absent)}: pip install 'cutis[{extra}]'")
