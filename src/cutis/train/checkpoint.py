"""Where a run stands, written so that a kill at any moment leaves either the last checkpoint or the new one."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import torch

from cutis.errors import CutisError
from cutis.files import atomic_file
from cutis.files.disk import FULL, full


def save(path: Path, state: dict[str, Any]) -> None:
    """Raises CutisError for a full disk; what was saved before stays."""
    with atomic_file(path) as partial:
        try:
            with partial.open("wb") as file:  # given a path, torch hides what the system said
                torch.save(state, file)
        except (OSError, RuntimeError) as error:
            cause = error.__context__ if isinstance(error, RuntimeError) else error
            if not isinstance(cause, OSError) or cause.errno not in FULL:
                raise
            raise CutisError(
                f"{full(path)}; what was saved of this run before is kept. Free some space and go on with --resume."
            ) from None


def load(path: Path) -> dict[str, Any]:
    """Tensors and plain values only (`weights_only`): a checkpoint from elsewhere can run no code."""
    try:
        state: dict[str, Any] = torch.load(path, map_location="cpu", weights_only=True)
    except Exception as error:
        raise CutisError(
            f"{path}: not a usable checkpoint ({str(error).splitlines()[0][:80]}). Remove it to start this run anew."
        ) from None
    return state
