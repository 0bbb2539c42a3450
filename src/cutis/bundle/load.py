"""Opening a bundle: nothing in it is trusted before its digest matches, and nothing in it is a pickle."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from cutis.bundle.card import FORMAT, BundleCard
from cutis.bundle.measured import MEASURED, read_measured
from cutis.bundle.ood import SCORES
from cutis.bundle.ood.statistics import Statistics
from cutis.bundle.predict import Bundle
from cutis.bundle.runtime import PRECISIONS, Runtime
from cutis.errors import CutisError, nearest
from cutis.files import canonical_json, read_json, sha256_file, sha256_text

MODEL, WEIGHTS, OOD, PAGE = "model.onnx", "weights.safetensors", "ood.safetensors", "card.md"
_REMEDY = "Copy the bundle again from where it was made, or freeze it again."


def load_bundle(
    path: Path | str, *, runtime: str | None = None, precision: str = "fp32", threads: int | None = None
) -> Bundle:
    """Read and verify a bundle folder; no torch is needed.

    runtime: "openvino", "onnxruntime", or None: OpenVINO on x86, else ONNX Runtime. precision: "fp32", or one the
    bundle holds a certificate for (`cutis.bundle.certify`). threads: CPU threads of inference; None is all cores.

    Raises CutisError if a byte of any file differs from what was frozen, a file is missing or was added, the bundle is
    of a newer format, the precision is not certified, or the runtime is not installed.
    """
    path = Path(path)
    card = read_card(path)
    kept = read_measured(path)
    verify_files(path, card, pages=kept.pages if kept else ())
    if precision not in PRECISIONS:
        raise CutisError(f'precision "{precision}": {nearest(precision, PRECISIONS)}')
    if precision != card.precision and precision not in card.reduced:
        raise CutisError(
            f"{path}: not certified for {precision}. Measure it first: "
            f"cutis certify {path} DATASET --precision {precision}"
        )
    model = (path / MODEL).read_bytes()
    if hashlib.sha256(model).hexdigest() != card.files[MODEL]:  # what runs is what was verified
        raise CutisError(f"{path / MODEL}: changed while it was read. {_REMEDY}")
    run = Runtime(model, name=runtime, precision=precision, threads=threads)
    return Bundle(path, card, run, _known(path, card), kept.measured if kept else ())


def read_card(path: Path) -> BundleCard:
    """bundle.json, verified against its own digest."""
    if not (path / "bundle.json").is_file():
        raise CutisError(f"{path}: not a bundle (no bundle.json). Make one with: cutis train DATASET --out RUN")
    content = read_json(path / "bundle.json")
    if not isinstance(content, dict):
        raise CutisError(f"{path}/bundle.json: not a bundle's card. {_REMEDY}")
    if isinstance(content.get("format"), int) and content["format"] > FORMAT:
        raise CutisError(
            f"{path}: format {content['format']} is newer than this Cutis reads ({FORMAT}). Upgrade Cutis."
        )
    if (path / "bundle.json").read_text(encoding="utf-8") != canonical_json(content) or content.get(
        "digest"
    ) != content_digest(content):
        raise CutisError(f"{path}/bundle.json: changed since it was frozen (its digest differs). {_REMEDY}")
    if isinstance(content.get("format"), int) and content["format"] < FORMAT:
        raise CutisError(f"{path}: format {content['format']}, of an earlier Cutis; {FORMAT} is read. Freeze it again.")
    try:
        card = BundleCard.model_validate(content)
    except ValidationError as error:
        first = error.errors()[0]
        raise CutisError(f"{path}/bundle.json: {'.'.join(map(str, first['loc']))}: {first['msg']}.") from None
    if MODEL not in card.files:
        raise CutisError(f"{path}/bundle.json: names no {MODEL}. {_REMEDY}")
    return card


def content_digest(content: dict[str, Any]) -> str:
    """SHA-256 of the card's canonical JSON without its `digest`."""
    return sha256_text(canonical_json({k: v for k, v in content.items() if k != "digest"}))


def verify_files(path: Path, card: BundleCard, pages: Sequence[str] | None = ()) -> None:
    """Raise CutisError unless the folder holds exactly the card's files, each with its digest, and measured.json.

    pages: what else card.md's digest may be, as `measured.Kept` has it; None is anything.
    """
    for name, expected in sorted(card.files.items()):
        if Path(name).name != name:
            raise CutisError(f'{path}/bundle.json: names "{name}", which is not a plain file name. {_REMEDY}')
        if not (path / name).is_file():
            raise CutisError(f"{path}/{name}: missing. {_REMEDY}")
        if name == PAGE and pages is None:
            continue
        found = sha256_file(path / name)
        if found != expected and not (name == PAGE and found in (pages or ())):
            raise CutisError(f"{path}/{name}: changed since it was frozen (its SHA-256 differs). {_REMEDY}")
    extra = sorted(
        {p.name for p in path.iterdir() if not p.name.startswith(".")} - {*card.files, "bundle.json", MEASURED}
    )
    if extra:
        raise CutisError(f"{path}/{extra[0]}: not part of this bundle. Move it out of the folder.")


def _known(path: Path, card: BundleCard) -> Statistics:
    known = Statistics.load(path / OOD) if OOD in card.files else Statistics()
    if card.ood and (lacking := known.lacks(SCORES[card.ood.method].needs)):
        raise CutisError(f"{path / OOD}: lacks {lacking[0]}, by which {card.ood.method} refuses. {_REMEDY}")
    return known
