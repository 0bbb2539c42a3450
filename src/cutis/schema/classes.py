"""A class that a model can answer, with its place in the vocabulary."""

from __future__ import annotations

from collections.abc import Sequence

from pydantic import BaseModel, ConfigDict


class ClassInfo(BaseModel):
    """One class: `code` names the columns (p_<code>), `name` is for people.

    diagnosis: ISIC path if one node is true for the whole class, else None (HAM10000's akiec).
    malignant: whether the class counts as malignant in two-way summaries; None leaves the class out of them.
    note: a choice the reader must know of ("akiec merges an indeterminate and a malignant node...").
    """

    model_config = ConfigDict(frozen=True)
    code: str
    name: str
    diagnosis: str | None = None
    malignant: bool | None = None
    note: str = ""


def codes(classes: Sequence[ClassInfo]) -> list[str]:
    return [c.code for c in classes]
