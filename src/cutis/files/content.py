"""What a file holds: JSON and digests."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path
from typing import Any

from cutis.errors import CutisError


def canonical_json(value: Any) -> str:
    return json.dumps(value, indent=2, sort_keys=True, ensure_ascii=False, allow_nan=False) + "\n"


def read_json(path: Path | str) -> Any:
    """Read a JSON file; raises CutisError if it is missing or not JSON."""
    path = Path(path)
    try:
        return json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise CutisError(f"{path}: no such file.") from None
    except (ValueError, RecursionError) as error:  # also endless nesting, and numbers of thousands of digits
        raise CutisError(f"{path}: not valid JSON ({error}); it may be damaged. Make it again.") from None


def sha256_file(path: Path | str) -> str:
    with Path(path).open("rb") as f:
        return hashlib.file_digest(f, "sha256").hexdigest()


def sha256_text(text: str) -> str:
    return hashlib.sha256(text.encode("utf-8")).hexdigest()
