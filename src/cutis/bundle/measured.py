"""measured.json: what was measured of a bundle, beside it and outside of its digest, which stays the same.

The file is bound to what answers (network, preprocessing, calibration, sets, refusals), not to the whole card: a
certificate added later changes no fp32 answer. It names the digests that card.md may have, as a card that shows new
numbers isn't the one that was frozen any more.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from pydantic import BaseModel, ConfigDict, ValidationError

from cutis.errors import CutisError
from cutis.files import atomic_file, canonical_json, read_json, sha256_file, sha256_text, write_json
from cutis.schema.evidence import Evidence
from cutis.schema.performance import Performance, ordered

MEASURED = "measured.json"
FORMAT = 1
_ANSWERS = ("classes", "preprocessing", "flips", "calibrator", "conformal", "ood", "gate", "operating_points")
_ANSWERING = ("model.onnx", "ood.safetensors")
_REMEDY = "Remove it, and measure again: cutis evaluate PREDS --out REPORT --card BUNDLE"


class Kept(BaseModel):
    """The file. answers: see `answers_digest`. pages: SHA-256 that card.md may have: as it is now, and as it was before
    (a kill between two files leaves that one). digest: of all else."""

    model_config = ConfigDict(frozen=True)
    format: int = FORMAT
    answers: str
    pages: tuple[str, ...]
    measured: tuple[Performance, ...]
    digest: str = ""


def answers_digest(content: dict[str, Any]) -> str:
    """SHA-256 of what of bundle.json decides an answer. content: the file as JSON has it."""
    files = content.get("files") or {}
    decides = {name: content.get(name) for name in _ANSWERS} | {"files": {n: files.get(n) for n in _ANSWERING}}
    return sha256_text(canonical_json(decides))


def read_measured(path: Path) -> Kept | None:
    """measured.json of the bundle folder `path`; None if there is none.

    Raises CutisError if it was changed, or is of another bundle or a newer Cutis.
    """
    file = path / MEASURED
    if not file.is_file():
        return None
    content: Any = read_json(file)
    if isinstance(content, dict) and isinstance(content.get("format"), int) and content["format"] > FORMAT:
        raise CutisError(
            f"{file}: format {content['format']} is newer than this Cutis reads ({FORMAT}). Upgrade Cutis."
        )
    try:
        kept = Kept.model_validate(content)
    except ValidationError as error:
        first = error.errors(include_url=False)[0]
        raise CutisError(f"{file}: {'.'.join(map(str, first['loc']))}: {first['msg']}. {_REMEDY}") from None
    if kept.digest != _digest(content):
        raise CutisError(f"{file}: changed since it was written (its digest differs). {_REMEDY}")
    if kept.answers != answers_digest(read_json(path / "bundle.json")):
        raise CutisError(f"{file}: was measured of another bundle. {_REMEDY}")
    return kept


def record(bundle: Path | str, evidence: Evidence) -> Performance:
    """Keep what `evidence` measured of `bundle` beside it, renew its card.md, and return what is kept.

    What was measured before on the same part of the same data, in the same precision, is replaced. Raises CutisError,
    and changes nothing, for what `checked` refuses and for a folder that is no whole bundle.
    """
    from cutis.bundle.load import PAGE, read_card, verify_files
    from cutis.bundle.model_card import model_card

    path = Path(bundle)
    made = checked(path, evidence)
    with _alone(path):
        try:
            kept = read_measured(path)
        except CutisError:  # damaged, or of another bundle: what can't be read can't be kept
            kept = None
        card = read_card(path)
        verify_files(path, card, pages=None)  # card.md is about to be renewed
        old = [p for p in (kept.measured if kept else ()) if _same(p) != _same(made)]
        every = tuple(ordered([*old, made]))
        page = model_card(card, every)
        before = sha256_file(path / PAGE) if (path / PAGE).is_file() else ""
        content = {
            "format": FORMAT,
            "answers": answers_digest(read_json(path / "bundle.json")),
            "pages": list(dict.fromkeys(filter(None, (sha256_text(page), before)))),
            "measured": [p.model_dump(mode="json") for p in every],
        }
        write_json(path / MEASURED, {**content, "digest": _digest(content)})
        with atomic_file(path / PAGE) as partial:
            partial.write_text(page, encoding="utf-8")
    return made


def checked(bundle: Path | str, evidence: Evidence) -> Performance:
    """What `record` would keep. Raises CutisError for evidence that is not of this bundle, on unnamed data, or on
    images that the bundle learned from or was calibrated on."""
    from cutis.bundle.load import read_card

    card, info = read_card(Path(bundle)), evidence.info
    if info.bundle != card.digest:
        whose = f"another bundle ({info.bundle[:12]})" if info.bundle else "another system"
        raise CutisError(
            f"{bundle}: these predictions are of {whose}, not of this one ({card.digest[:12]}); its card was left as "
            "it is. Predict with it, then evaluate that."
        )
    if not info.dataset_digest:
        raise CutisError(
            f"{bundle}: these predictions name no dataset, so a card can't say what was measured on. Predict a dataset "
            "(cutis import makes one of a folder)."
        )
    own = info.dataset_digest == card.dataset_digest
    if own and (info.part != "test" or info.split.get("digest") != card.split.get("digest")):
        part = f"the {info.part} part" if info.part not in ("", "all") else "all"
        raise CutisError(
            f"{bundle}: these predictions are of {part} of {info.dataset}, which the bundle learned from or was "
            "calibrated on; a card shows what was measured on images that it never saw. Predict the test part, or "
            "other data."
        )
    return Performance.of(evidence, own=own)


def _same(p: Performance) -> tuple[str, str, str]:
    return p.dataset_digest, p.part, p.precision


def _digest(content: dict[str, Any]) -> str:
    return sha256_text(canonical_json({k: v for k, v in content.items() if k != "digest"}))


@contextmanager
def _alone(path: Path) -> Iterator[None]:
    """One writer at a time, by a lock on bundle.json that the system releases if the process dies."""
    try:
        import fcntl
    except ImportError:  # Windows
        yield
        return
    with (path / "bundle.json").open("rb") as handle:
        fcntl.flock(handle, fcntl.LOCK_EX)
        yield
