"""Why a model doesn't answer, or a skin tone isn't estimated, in the workbench's words: by code, with the numbers."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from cutis.bundle.reasons import REFUSALS
from cutis.image.tone.reasons import TONE_REASONS
from cutis.serve.words import Words


@dataclass(frozen=True)
class Refusal:
    """One reason. code: a key of `refusal.code`, or "error". title: what is wrong. advice: what helps. numbers: of the
    model's, a sentence, or "". said: the bundle's own words after the code."""

    code: str
    title: str
    advice: str
    said: str
    numbers: str = ""

    @property
    def whole(self) -> str:
        return " ".join(filter(None, (self.title, self.numbers, self.advice)))


def refusals(status: str, reason: str | None, words: Words) -> list[Refusal]:
    """The reasons of an answer, in their order; none if its status is "ok".

    reason: of a row of predictions, "code: advice; code: advice" (`cutis.bundle.predict`). A code that the workbench
    has no words for, and all of an "error", is told as the bundle says it.
    """
    if status == "ok":
        return []
    if status == "error":
        return [Refusal("error", words.t("refusal.error"), words.t("refusal.advice.other"), reason or "")]
    known = words.under("refusal.code")
    parts: list[tuple[str, str, str]] = []  # key, code as it came, what follows it
    for part in (reason or "").split("; "):
        code, _, said = part.partition(": ")
        # One code goes on after its key, with the coverage.
        key = next((key for key in known if code.replace(" ", "_").startswith(key)), None)
        if key is None and parts:  # the rest of an advice that has a semicolon in it
            key, code, before = parts.pop()
            said = f"{before}; {part}"
        parts.append((key or "other", code, said))
    return [
        Refusal(
            key,
            words.t(f"refusal.code.{key}") if key != "other" or not code else code,
            words.t(f"refusal.advice.{key}") if key != "other" or not said else said,
            said,
            _numbers(f"{code}: {said}", words),
        )
        for key, code, said in parts
    ]


def _numbers(reason: str, words: Words) -> str:
    """The numbers of a bundle's own reasons in a sentence; "" of any other."""
    read = REFUSALS.read(reason)
    if read is None:
        return ""
    shown = {name: words.percent(v) if name == "coverage" else words.number(v, 3) for name, v in read.values.items()}
    return words.t(f"refusal.numbers.{read.code}", **shown)


def tone_reason(words: Words, found: Mapping[str, Any]) -> str:
    """Why there is no tone, or what must be known of it, in the language of `words`; as it was written where it isn't
    one of the reasons known here."""
    text = str(found.get("reason") or "")
    read = TONE_REASONS.read(text)
    if read is None:
        return text
    shown = {name: words.number(v, 0 if v == int(v) else 1) for name, v in read.values.items()}
    return words.t(f"tone.reason.{read.code}", **shown)
