"""Opening a bundle: nothing in it is trusted before its digest matches and it is what its card says, and nothing in it
is a pickle. A bundle may come from anywhere: whatever is wrong with it is one line."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from cutis.bundle.card import FORMAT, BundleCard
from cutis.bundle.gate import thresholds
from cutis.bundle.measured import MEASURED, read_measured
from cutis.bundle.ood import SCORES
from cutis.bundle.ood.statistics import Statistics
from cutis.bundle.predict import Bundle
from cutis.bundle.runtime import PRECISIONS, Runtime
from cutis.errors import CutisError, nearest
from cutis.files import canonical_json, sha256_file, sha256_text

MODEL, WEIGHTS, OOD, PAGE = "model.onnx", "weights.safetensors", "ood.safetensors", "card.md"
_REMEDY = "Copy the bundle again from where it was made, or freeze it again."
# Bytes of what is read whole: a card has some 10,000, ONNX can't hold more than 2 GiB, statistics are of 20,000 images.
_MOST = {"bundle.json": 16 << 20, MODEL: 2 << 30, OOD: 1 << 30}


def load_bundle(
    path: Path | str, *, runtime: str | None = None, precision: str = "fp32", threads: int | None = None
) -> Bundle:
    """Read and verify a bundle folder; no torch is needed.

    runtime: "openvino", "onnxruntime", or None: OpenVINO on x86, else ONNX Runtime. precision: "fp32", or one the
    bundle holds a certificate for (`cutis.bundle.certify`). threads: CPU threads of inference; None is all cores.

    Raises CutisError if a byte of any file differs from what was frozen, a file is missing or was added, the bundle is
    of a newer format, a value of its card is no such value, its network keeps numbers in another file or isn't the one
    that the card describes, the precision is not certified, or the runtime is not installed.
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
    if card.gate:
        try:
            thresholds(card.gate)
        except CutisError as error:  # a measure that is not known here
            raise CutisError(f"{path}: {error}") from None
    content = _verified(path, MODEL, card)
    model = Runtime(content, name=runtime, precision=precision, threads=threads, where=path / MODEL)
    _check_network(path, card, model)
    return Bundle(path, card, model, _known(path, card, model.graph.features), kept.measured if kept else ())


def read_card(path: Path) -> BundleCard:
    """bundle.json, verified against its own digest."""
    where = f"{path}/bundle.json"
    if not (path / "bundle.json").is_file():
        raise CutisError(f"{path}: not a bundle (no bundle.json). Make one with: cutis train DATASET --out RUN")
    try:
        text = _bytes(path / "bundle.json").decode("utf-8")
        content = json.loads(text)
    except (ValueError, RecursionError) as error:
        words = "nested too deeply" if isinstance(error, RecursionError) else " ".join(str(error).split())[:120]
        raise CutisError(f"{where}: not valid JSON ({words}); it may be damaged. {_REMEDY}") from None
    if not isinstance(content, dict):
        raise CutisError(f"{where}: not a bundle's card. {_REMEDY}")
    version = content.get("format")
    if type(version) is not int:  # a boolean is one too
        raise CutisError(f"{where}: names no format, a number such as {FORMAT}. {_REMEDY}")
    if version > FORMAT:
        newer = f"format {str(version)[:20]} is newer than this Cutis reads ({FORMAT})"
        raise CutisError(f"{path}: {newer}. Upgrade Cutis.")
    try:
        sealed = text == canonical_json(content) and content.get("digest") == content_digest(content)
    except (ValueError, RecursionError):  # NaN, half a surrogate pair, nesting
        sealed = False
    if not sealed:
        raise CutisError(f"{where}: changed since it was frozen (its digest differs). {_REMEDY}")
    if version < FORMAT:
        raise CutisError(f"{path}: format {version}, of an earlier Cutis; {FORMAT} is read. Freeze it again.")
    try:
        card = BundleCard.model_validate_json(text, strict=True)
    except ValidationError as error:
        first = error.errors()[0]
        place = ".".join(map(str, first["loc"]))
        words = " ".join(first["msg"].removeprefix("Value error, ").split())
        raise CutisError(f"{where}: {place[:80] + ': ' if place else ''}{words[:200]}. {_REMEDY}") from None
    if MODEL not in card.files:
        raise CutisError(f"{where}: names no {MODEL}. {_REMEDY}")
    return card


def content_digest(content: dict[str, Any]) -> str:
    """SHA-256 of the card's canonical JSON without its `digest`."""
    return sha256_text(canonical_json({k: v for k, v in content.items() if k != "digest"}))


def verify_files(path: Path, card: BundleCard, pages: Sequence[str] | None = ()) -> None:
    """Raise CutisError unless the folder holds exactly the card's files, each with its digest, and measured.json.

    pages: what else card.md's digest may be, as `measured.Kept` has it; None is anything.
    """
    for name, expected in sorted(card.files.items()):
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


def _bytes(file: Path) -> bytes:
    size, most = file.stat().st_size, _MOST[file.name]
    if size > most:
        raise CutisError(f"{file}: {size / 1e6:,.0f} MB; at most {most / 1e6:,.0f} MB is read of such a file.")
    return file.read_bytes()


def _verified(path: Path, name: str, card: BundleCard) -> bytes:
    """What runs is what was verified."""
    content = _bytes(path / name)
    if hashlib.sha256(content).hexdigest() != card.files[name]:
        raise CutisError(f"{path / name}: changed while it was read. {_REMEDY}")
    return content


def _check_network(path: Path, card: BundleCard, model: Runtime) -> None:
    """Raise CutisError unless the network is the one that the card describes."""
    graph = model.graph
    for what, has, says in (
        ("pixels on a side", graph.size, card.preprocessing.size),
        ("classes", graph.classes, len(card.classes)),
    ):
        if has != says:
            raise CutisError(f"{path}: its network has {has} {what} and its card {says}. {_REMEDY}")


def _known(path: Path, card: BundleCard, features: int) -> Statistics:
    if OOD not in card.files:
        known = Statistics()
    else:
        known = Statistics.read(_verified(path, OOD, card), str(path / OOD))
        if why := known.unfit(len(card.classes), features):
            raise CutisError(f"{path / OOD}: {why}. {_REMEDY}")
    if card.ood and (lacking := known.lacks(SCORES[card.ood.method].needs)):
        raise CutisError(f"{path / OOD}: lacks {lacking[0]}, by which {card.ood.method} refuses. {_REMEDY}")
    if card.ood and card.ood.method == "knn" and len(known.given("features")) < card.ood.k:
        raise CutisError(f"{path / OOD}: holds fewer images than the {card.ood.k} that knn looks at. {_REMEDY}")
    return known
