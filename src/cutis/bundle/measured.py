"""measured.json: what was measured of a bundle, beside it and outside of its digest, which stays the same.

The file is bound to what answers (network, preprocessing, calibration, sets, refusals), not to the whole card: a
certificate added later changes no fp32 answer. It names the digests that card.md may have, as a card that shows new
numbers isn't the one that was frozen any more.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

from pydantic import BaseModel, ConfigDict, ValidationError

from cutis.errors import CutisError
from cutis.files import canonical_json, read_json, sha256_text
from cutis.schema.performance import Performance

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
    if kept.digest != own_digest(content):
        raise CutisError(f"{file}: changed since it was written (its digest differs). {_REMEDY}")
    if kept.answers != answers_digest(read_json(path / "bundle.json")):
        raise CutisError(f"{file}: was measured of another bundle. {_REMEDY}")
    return kept


def own_digest(content: dict[str, Any]) -> str:
    """SHA-256 of all but the digest itself."""
    return sha256_text(canonical_json({k: v for k, v in content.items() if k != "digest"}))
