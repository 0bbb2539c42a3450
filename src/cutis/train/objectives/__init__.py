"""Objectives by name. To add one: a file beside these, and a line here."""

from __future__ import annotations

from collections.abc import Callable

from cutis.errors import CutisError, nearest
from cutis.train.objectives.base import Objective
from cutis.train.objectives.cross_entropy import CrossEntropy
from cutis.train.objectives.focal import Focal

OBJECTIVES: dict[str, Callable[..., Objective]] = {
    "cross-entropy": CrossEntropy,
    "focal": Focal,
}


def objective(name: str, **settings: float) -> Objective:
    """The objective called `name`, with its settings. Raises CutisError for an unknown name or setting."""
    if name not in OBJECTIVES:
        raise CutisError(f'method "{name}" is not known: {nearest(name, OBJECTIVES)}')
    try:
        return OBJECTIVES[name](**settings)
    except TypeError:
        raise CutisError(f"method {name} has no setting among: {', '.join(settings)}.") from None
