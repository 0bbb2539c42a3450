"""What is said of a case, in the workbench's language: pure functions from stored facts to words."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from cutis.bundle.predict import Bundle
from cutis.image import colour
from cutis.schema.sites import paths, site_names
from cutis.schema.vocabulary import MAX_AGE
from cutis.serve.cases import AnswerView, PhotographView
from cutis.serve.clinical.refusal import refusals, tone_reason
from cutis.serve.clinical.triage import REASONS, SOON
from cutis.serve.promises import Promise, promise
from cutis.serve.words import Words

LIGHTEST, DARKEST = 80.0, -60.0  # degrees of ITA at the ends of the drawn strip
TONE_CUTS = (55.0, 41.0, 28.0, 10.0, -30.0)
_CLASSES = "chardon1991"


def person(words: Words, age: int | None, sex: str | None, case_id: str) -> str:
    """ "62 years, female"; the case's id where neither is known."""
    said = []
    if age is not None:
        said.append(words.t("age.from_85") if age >= MAX_AGE else words.t("age.years", n=age))
    if sex:
        said.append(words.t(f"sex.{sex}"))
    return ", ".join(said) or words.t("case.title", id=case_id[:6])


def regions(words: Words) -> list[tuple[str, str]]:
    """The vocabulary's first level of sites: as it is kept, and what it is called."""
    return [(path, words.site(path)) for path in paths() if ":" not in path]


def sites(words: Words) -> tuple[str, ...]:
    """The names of all sites, for a field that completes what is typed. Names of other languages are taken too."""
    return site_names(words.language)


def reasons(words: Words, codes: Sequence[str]) -> list[dict[str, Any]]:
    """Why a case stands where it does. care: of those that make it urgent or soon."""
    return [{"words": words.t(f"reason.{code}"), "care": REASONS.get(code, 0) >= SOON} for code in codes]


def answer(words: Words, said: AnswerView, bundle: Bundle | None, kind: str) -> dict[str, Any]:
    """One bundle's answer to one photograph of that kind, ready for the template.

    status, set (name, malignant), covers (sentences), basis and doubts (`cutis.serve.promises`), why (title, advice) of
    a refusal, bars (name, width, percent, inside), most probable first; none of a refused picture, whose probabilities
    are no answer.
    """
    classes = {c.code: c for c in bundle.classes} if bundle else {}
    p = said.probabilities or {}
    inside = said.answer_set if said.answer_set is not None else [max(p, key=lambda c: p[c])] if p else []

    # an answer without a list promises nothing, whatever the bundle's lists do
    card = bundle.card if bundle is not None and said.answer_set is not None else None
    promised = promise(words, card, bundle.measured if bundle else (), kind)

    def name(code: str) -> str:
        return words.class_name(classes[code].name) if code in classes else code

    return {
        "status": said.status,
        "set": [{"name": name(c), "malignant": c in classes and classes[c].malignant is True} for c in inside],
        "covers": _covers(words, promised, len(inside), len(p)),
        "basis": promised.basis,
        "doubts": promised.doubts,
        "why": refusals(said.status, said.reason, words),
        "bars": [
            {
                "name": name(code),
                "width": f"{100 * share:.2f}",
                "percent": words.percent(share),
                "inside": code in inside,
            }
            for code, share in sorted(p.items(), key=lambda item: -item[1])
        ]
        if said.status == "ok"
        else [],
    }


def _covers(words: Words, promised: Promise, n: int, of: int) -> str:
    more = "one" if n == 1 else "all" if n == of else "most" if 2 * n > of else "many"
    return " ".join((*promised.said, words.t(f"answer.{more}", n=n)))


def quality(words: Words, found: Mapping[str, Any]) -> list[dict[str, Any]]:
    """What of a picture's quality a reader must know: faults with advice, then what is seen in it."""
    lines: list[dict[str, Any]] = []
    for fault in found.get("reasons", ()):
        lines += [
            {"words": r.title, "advice": r.advice, "care": True} for r in refusals("refused", fault["code"], words)
        ]
    cast = found.get("measures", {}).get("colour_cast")
    if cast and not cast["ok"]:
        lines.append({"words": words.t("quality.coloured_light"), "advice": "", "care": False})
    seen = [words.t(f"quality.artefact.{name}") for name, a in found.get("artefacts", {}).items() if a["present"]]
    if seen:
        lines.append({"words": f"{words.t('quality.artefacts')}: {', '.join(seen)}", "advice": "", "care": False})
    if found.get("letters"):
        lines.append({"words": words.t("quality.letters"), "advice": "", "care": True})
    return lines


def tone(words: Words, found: Mapping[str, Any]) -> dict[str, Any] | None:
    """The estimate in words, its colour, and where it lies on a strip from light (0) to dark (100)."""
    if not found:
        return None
    if found.get("status") != "ok":
        return {"words": words.t("tone.refused", reason=tone_reason(words, found)), "more": "", "strip": None}
    ita, low, high = found["ita"], found["low"], found["high"]
    category = found.get("category", {}).get(_CLASSES, "").replace(" ", "_")
    said = [words.t("tone.ita", **{k: words.number(found[v], 0) for k, v in _ITA.items()})]
    if found.get("monk"):
        said.append(words.t("tone.monk", value=found["monk"]))
    more = [words.t("tone.estimated")]
    if sum(low < cut <= high for cut in TONE_CUTS) > 1:
        more.insert(0, words.t("tone.unsure"))
    if why := tone_reason(words, found):
        more.append(f"{why[:1].upper()}{why[1:]}.")
    return {
        "title": words.t(f"tone.class.{category}") if words.has(f"tone.class.{category}") else "",
        "words": ", ".join(said),
        "more": " ".join(more),
        "colour": swatch(found["lab"]) if found.get("lab") else None,
        "strip": {
            "at": along(ita),
            "from": along(high),
            "width": round(along(low) - along(high), 1),
            "cuts": [along(cut) for cut in TONE_CUTS],
        },
    }


_ITA = {"value": "ita", "low": "low", "high": "high"}


def along(ita: float) -> float:
    return round(100 * (LIGHTEST - min(max(ita, DARKEST), LIGHTEST)) / (LIGHTEST - DARKEST), 1)


def swatch(lab: Sequence[float]) -> str:
    """CIELAB as #rrggbb."""
    r, g, b = colour.to_uint8(colour.lab_to_linear_rgb(np.array(lab, float)))
    return f"#{r:02x}{g:02x}{b:02x}"


def label(words: Words, photograph: PhotographView) -> str:
    return words.t(f"kind.{photograph.kind}").capitalize()
