"""A remark: what a reader must know before trusting a number, with a code that programs branch on."""

from __future__ import annotations

from typing import Literal

from pydantic import BaseModel, ConfigDict

# unread: cells of an attribute that could not be read. turned: a score of the benign class, read as 1 minus it.
# below-chance: worse than a coin, or than any constant answer. at-chance: not shown to be better than that.
Code = Literal["unread", "turned", "below-chance", "at-chance"]


class Remark(BaseModel):
    """code; words: one sentence or more, for people. metric, class_code: of the number that it is about, if any."""

    model_config = ConfigDict(frozen=True)
    code: Code
    words: str
    metric: str = ""
    class_code: str | None = None
