"""Where a run stands, written so that a kill at any moment leaves either the last checkpoint or the new one."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import torch

from cutis.errors import CutisError
from cutis.files import atomic_file


def save(path: Path, state: dict[str, Any]) -> None:
    with atomic_file(path) as partial:
        torch.save(state, partial)


def load(path: Path) -> dict[str, Any]:
    """Tensors and plain values only (`weights_only`): a checkpoint from elsewhere can run no code."""
    try:
        state: dict[str, Any] = torch.load(path, map_location="cpu", weights_only=True)
    except Exception as error:
        raise CutisError(
            f"{path}: not a usable checkpoint ({str(error).splitlines()[0][:80]}). Remove it to start this run anew."
        ) from None
    return state
