"""What a model's list promises, on what that rests, and whether it was ever measured: one place for pages and reports.

A promise holds on pictures like those that the sets were calibrated on. Nobody knows whether a picture that comes in
is like them, and every sentence here says so.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from cutis.bundle.card import BundleCard
from cutis.schema.estimate import side
from cutis.schema.evidence import Measured
from cutis.schema.performance import Performance
from cutis.schema.remark import CHANCE
from cutis.serve.words import Words

MOST = 3  # measurements that are told beside an answer; all are on the page about the model
# ISIC's image types -> kinds of pictures here.
_KINDS = {"dermoscopic": "dermoscopy", "clinical: close-up": "close-up", "clinical: overview": "overview"}
_AGAINST = ("balanced_accuracy", "auroc", "macro_auroc")  # of both areas one is held against chance


@dataclass(frozen=True)
class Promise:
    """said: what the list was made for, and what was measured; to be shown with every list. basis: on what that rests,
    and what isn't known of this picture. doubts: of the model as a whole, to be shown as warnings."""

    said: list[str]
    basis: list[str]
    doubts: list[str]

    @property
    def whole(self) -> str:
        return " ".join((*self.doubts, *self.said, *self.basis))


def promise(words: Words, card: BundleCard | None, measured: Sequence[Performance], kind: str | None = None) -> Promise:
    """Of the lists of a bundle. card: None if it isn't served any more. kind: of the picture that it answered."""
    if card is None or card.conformal is None:
        return Promise([words.t("answer.no_coverage")], [], doubts(words, measured))
    said = [words.coverage(card.conformal.coverage), *told(words, measured)]
    return Promise(said, [calibrated(words, card), *alike(words, card, measured, kind)], doubts(words, measured))


def calibrated(words: Words, card: BundleCard) -> str:
    """On what the sets were calibrated; "" without sets."""
    rule = card.conformal
    if rule is None:
        return ""
    if not card.calibrated_on:
        return words.t("answer.calibrated_unknown")
    unit = words.t(f"unit.{rule.unit}")
    return words.t("answer.calibrated_on", n=rule.n_units, unit=unit, dataset=card.calibrated_on)


def told(words: Words, measured: Sequence[Performance]) -> list[str]:
    """A sentence for each measurement of how often lists held the answer, the bundle's own data first, then the worst;
    or that it was never measured."""
    found = [p for p in measured if p.find("coverage") is not None]
    if not found:
        return [words.t("answer.never_measured")]
    found.sort(key=lambda p: (not p.own, _value(p)))
    return [coverage(words, p) for p in found[:MOST]]


def coverage(words: Words, p: Performance) -> str:
    """How often lists held the answer where it was measured, and whether that is less than they were made for."""
    m = p.find("coverage")
    where = place(words, p)
    if m is None or m.value is None:
        return words.t("measured.untold", where=where)
    share = words.number(100 * m.value, 0)
    if m.low is None or m.high is None:
        return words.t("measured.bare", where=where, share=share)
    low, high = (words.number(100 * end, 0) for end in (m.low, m.high))
    said = words.t("measured.kept", where=where, share=share, low=low, high=high)
    short = p.target is not None and side(m, p.target) == "below"
    return f"{said} {words.t('measured.broken')}" if short else said


def place(words: Words, p: Performance) -> str:
    """ "HAM10000 (test part)"."""
    part = words.t(f"measured.part.{p.part}") if words.has(f"measured.part.{p.part}") else ""
    return f"{p.dataset} ({part})" if part else p.dataset


def alike(words: Words, card: BundleCard, measured: Sequence[Performance], kind: str | None) -> list[str]:
    """What is known of whether a picture is like those: next to nothing."""
    seen = {_KINDS.get(name, "") for p in measured for name in p.image_types}
    lines = []
    if kind is not None and seen and "" not in seen and kind not in seen:
        kinds = ", ".join(words.t(f"kind.{one}") for one in sorted(seen))
        lines.append(words.t("answer.other_kind", kinds=kinds, kind=words.t(f"kind.{kind}")))
    lines.append(words.t("answer.alike_unknown"))
    lines.append(words.t("answer.strange_within" if card.ood else "answer.strange_untold"))
    return lines


def rows(words: Words, p: Performance) -> list[tuple[str, str]]:
    """(what, value) of one measurement, for a table."""
    units = words.t("measured.of_units", n=p.n, units=p.n_units, unit=words.t(f"unit.{p.unit}"))
    return [
        (words.t("measured.pictures"), words.number(p.n) if p.unit == "image" else units),
        *((words.t(f"measured.metric.{m.metric}"), estimate(words, m)) for m in p.numbers),
        (words.t("measured.when"), p.measured[:10]),
    ]


def performance(words: Words, p: Performance) -> str:
    """The same in one line, with what must be known of it."""
    told = "; ".join(f"{what}: {value}" for what, value in rows(words, p))
    return " ".join((f"{words.t('measured.title')}: {place(words, p)}. {told}.", *doubts(words, [p])))


def estimate(words: Words, m: Measured) -> str:
    """A number with its interval, or that there are too few pictures for it."""
    if m.value is None:
        return words.t("measured.not_estimable")
    share = m.metric not in ("auroc", "macro_auroc")

    def shown(value: float) -> str:
        return words.percent(value) if share else words.number(value, 2)

    if m.low is None or m.high is None:
        return words.t("measured.no_interval", value=shown(m.value))
    return words.t("measured.interval", value=shown(m.value), low=shown(m.low), high=shown(m.high))


def doubts(words: Words, measured: Sequence[Performance]) -> list[str]:
    """Where the model was no better than chance, by the gravest code of each measurement; that there were too few
    pictures to say only where not one number was above it."""
    found = []
    for p in measured:
        codes = [r.code for r in p.remarks if r.code in CHANCE]
        held = {"area" if m.metric != "balanced_accuracy" else m.metric for m in p.numbers if m.metric in _AGAINST}
        if set(codes) == {"chance-unknown"} and len(codes) < len(held):
            continue
        gravest = next((code for code in CHANCE if code in codes), None)
        if gravest is not None:
            found.append(words.t(f"measured.remark.{gravest.replace('-', '_')}", where=place(words, p)))
    return found


def _value(p: Performance) -> float:
    m = p.find("coverage")
    return 1.0 if m is None or m.value is None else m.value
