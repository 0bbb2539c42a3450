"""Checks of the installation, the machine and a dataset, each with its fix."""

from __future__ import annotations

import os
import platform
import shutil
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Literal

import polars as pl

from cutis.errors import CutisError
from cutis.extras import EXTRAS, missing
from cutis.files import sha256_file

if TYPE_CHECKING:
    from cutis.data.dataset import Dataset


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


def check_dataset(path: Path, *, pixels: bool = True) -> list[Finding]:
    """Whether a dataset is whole: readable, as its card says, every image there, labelled, split without leaks.

    pixels: also compare every image file with the digest that was recorded of it.
    """
    from cutis.data.dataset import Dataset
    from cutis.data.split import load_split

    try:
        data = Dataset.load(path)
    except CutisError as error:
        return [Finding("FAIL", "dataset", str(error))]
    usable = data.usable()
    found = [Finding("PASS", "dataset", f"{data.card.name}: {len(data.manifest):,} images, {data.licence.answer}")]
    found.append(Finding("PASS", "labels, ids", f"as recorded (content digest {data.card.digest[:12]})"))
    lost = [f for f in usable["file"] if not (path / f).is_file()]
    if lost:
        found.append(Finding("FAIL", "images", f"{len(lost):,} missing, first {lost[0]}", "import the dataset again"))
    elif not pixels:
        found.append(Finding("PASS", "images", "all there; their digests were not compared, as asked"))
    else:
        files = usable.select("file", "sha256").rows()
        changed = [f for f, digest in files if digest and sha256_file(path / f) != digest]
        words = f"{len(changed):,} changed since import, first {changed[0]}" if changed else "all there, digests match"
        fix = f"put them back, or import again; if it was meant: cutis doctor {path} --accept-changes"
        found.append(Finding("FAIL" if changed else "PASS", "images", words, fix if changed else ""))
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
    splits = sorted(p.stem for p in (path / "splits").glob("[!.]*.json"))
    said = {data.card.same_ids}
    for name in splits or ["default"]:
        label = "split" if name == "default" else f"split {name}"
        try:
            proof = load_split(data, name).proof
            said.add(proof.same_ids or "ask")
            found.append(Finding("PASS", label, proof.summary()))
        except CutisError as error:
            found.append(Finding("FAIL" if splits else "WARN", label, str(error)))
    return found if {"keep", "fold"} & said else found + _identity(data)


def _identity(data: Dataset) -> list[Finding]:
    """What nobody has answered about ids that may be one."""
    from cutis.schema.spelling import doubt_words, doubts

    spelled = doubt_words(doubts(data.manifest))
    fix = "say whether they are one: --same-ids fold (cutis import) or keep (cutis split)"
    return [Finding("WARN", "identity", words, fix) for words in spelled]


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
