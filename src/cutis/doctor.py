"""Checks of the installation, the machine and a dataset, each with its fix."""

from __future__ import annotations

import os
import platform
import shutil
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import polars as pl

from cutis.errors import CutisError
from cutis.extras import EXTRAS, missing
from cutis.files import sha256_file


@dataclass(frozen=True)
class Finding:
    """One check: what was looked at, how it stands, and what to do about it."""

    status: Literal["PASS", "WARN", "FAIL"]
    name: str
    words: str
    fix: str = ""


def check_install() -> list[Finding]:
    """Python, the extras, memory, disk and the processor's short number formats."""
    found = [Finding("PASS", "python", f"{platform.python_version()} on {platform.machine()}, {os.cpu_count()} cores")]
    for extra, (use, _) in EXTRAS.items():
        absent = missing(extra)
        if absent:
            words = f"cannot {use}: {', '.join(absent)} not installed"
            found.append(Finding("WARN", f"extra {extra}", words, f"pip install 'cutis[{extra}]'"))
        else:
            found.append(Finding("PASS", f"extra {extra}", f"can {use}"))
    if not missing("train"):
        found.append(_accelerator())
    memory = _memory()
    if memory is not None:
        low = memory < 4e9
        fix = "close other programs, or train with a smaller --batch-size" if low else ""
        found.append(Finding("WARN" if low else "PASS", "memory", f"{memory / 1e9:.1f} GB free", fix))
    free = shutil.disk_usage(Path.cwd()).free
    low = free < 5e9
    fix = "free some space, or work in another folder" if low else ""
    found.append(Finding("WARN" if low else "PASS", "disk", f"{free / 1e9:.1f} GB free here", fix))
    return found


def check_dataset(path: Path) -> list[Finding]:
    """Whether a dataset is whole: readable, every image there and unchanged, labelled, split without leaks."""
    from cutis.data.dataset import Dataset
    from cutis.data.split import load_split

    try:
        data = Dataset.load(path)
    except CutisError as error:
        return [Finding("FAIL", "dataset", str(error))]
    usable = data.usable()
    found = [Finding("PASS", "dataset", f"{data.card.name}: {len(data.manifest):,} images, {data.licence.answer}")]
    lost = [f for f in usable["file"] if not (path / f).is_file()]
    if lost:
        found.append(Finding("FAIL", "images", f"{len(lost):,} missing, first {lost[0]}", "import the dataset again"))
    else:
        files = usable.select("file", "sha256").rows()
        changed = [f for f, digest in files if digest and sha256_file(path / f) != digest]
        words = f"{len(changed):,} changed since import, first {changed[0]}" if changed else "all there, digests match"
        found.append(Finding("FAIL" if changed else "PASS", "images", words, "import again" if changed else ""))
    broken = len(data.manifest) - len(usable)
    if broken:
        found.append(Finding("WARN", "unreadable", f"{broken:,} images could not be read", f"see: cutis info {path}"))
    counts = dict(usable.drop_nulls("target")["target"].value_counts().iter_rows())
    rare = [f"{c} ({counts.get(c, 0)})" for c in data.codes if counts.get(c, 0) < 30]
    if rare:
        fix = "collect more, or merge classes; their numbers will have wide intervals"
        found.append(Finding("WARN", "classes", f"fewer than 30 images: {', '.join(rare)}", fix))
    known = usable.select(pl.col("patient_id").is_not_null() | pl.col("lesion_id").is_not_null()).to_series()
    if not known.all():
        words = f"{int((~known).sum()):,} images name neither patient nor lesion"
        found.append(Finding("WARN", "identity", words, "two photographs of one lesion may end up in train and test"))
    try:
        proof = load_split(data).proof
        found.append(Finding("PASS", "split", proof.summary()))
    except CutisError as error:
        found.append(Finding("WARN", "split", str(error)))
    return found


def _accelerator() -> Finding:
    import torch

    if torch.cuda.is_available():
        return Finding("PASS", "accelerator", torch.cuda.get_device_name(0))
    short = _cpu_flags() & {"amx_bf16", "avx512_bf16"}
    words = f"CPU, with {' and '.join(sorted(short))}: bfloat16 is fast" if short else "CPU, float32 only"
    return Finding("PASS", "accelerator", words)


def _cpu_flags() -> set[str]:
    info = Path("/proc/cpuinfo")
    if not info.is_file():
        return set()
    for line in info.read_text(encoding="utf-8", errors="replace").splitlines():
        if line.startswith("flags"):
            return set(line.split())
    return set()


def _memory() -> float | None:
    """Free memory in bytes, where the system tells."""
    if sys.platform != "linux":
        return None
    for line in Path("/proc/meminfo").read_text(encoding="utf-8").splitlines():
        if line.startswith("MemAvailable"):
            return float(line.split()[1]) * 1024
    return None
