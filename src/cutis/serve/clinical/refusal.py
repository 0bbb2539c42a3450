"""Why a model doesn't answer, in the workbench's words: a bundle's reasons are codes with English advice."""

from __future__ import annotations

from dataclasses import dataclass

from cutis.serve.words import Words


@dataclass(frozen=True)
class Refusal:
    """One reason. code: a key of `refusal.code`, or "error". title: what is wrong. advice: what helps. said: the
    bundle's own words after the code, with its numbers, or ""."""

    code: str
    title: str
    advice: str
    said: str


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
        )
        for key, code, said in parts
    ]
