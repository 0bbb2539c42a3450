"""A remark: what a reader must know before trusting a number, with a code that programs branch on."""

from __future__ import annotations

from typing import Literal

from pydantic import BaseModel, ConfigDict

# unread: cells of an attribute that could not be read. turned: a score of the benign class, read as 1 minus it.
# below-chance: worse than a coin, or than any constant answer. at-chance: not shown to be better than that.
# chance-unknown: too few images to say. coverage-...: of the answer sets, beside what they were made for.
Code = Literal[
    "unread",
    "turned",
    "below-chance",
    "at-chance",
    "chance-unknown",
    "coverage-below-target",
    "coverage-above-target",
    "coverage-unknown",
]
CHANCE: tuple[Code, ...] = ("below-chance", "at-chance", "chance-unknown")  # the gravest first
COVERAGE: tuple[Code, ...] = ("coverage-below-target", "coverage-above-target", "coverage-unknown")
WARNINGS: frozenset[Code] = frozenset({*CHANCE, "coverage-below-target"})


class Remark(BaseModel):
    """code; words: one sentence or more, for people. metric, class_code: of the number that it is about, if any."""

    model_config = ConfigDict(frozen=True)
    code: Code
    words: str
    metric: str = ""
    class_code: str | None = None

    @property
    def warns(self) -> bool:
        """Whether it takes from what the numbers seem to say."""
        return self.code in WARNINGS
