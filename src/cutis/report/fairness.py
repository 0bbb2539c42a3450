"""How far apart groups are, as the page shows it: a line an attribute, and all of it folded away."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from cutis.report import words
from cutis.report.table import Pivot, cell
from cutis.schema.evidence import Disparity, Evidence, Fairness, GroupTest

SIGNIFICANT = 0.05
_SHOWN = 6  # differing pairs that are named


@dataclass(frozen=True)
class Detail:
    """All of one attribute: every measure, who was left out, and which pairs of groups differ."""

    table: Pivot
    left_out: list[str]
    pairs: str
    differing: list[str]


def overview(evidence: Evidence) -> list[tuple[str, str]]:
    """(attribute, its worst group and a few measures in words) of each attribute that was compared."""
    return [(words.upper(words.attribute(f.attribute)), _summary(f)) for f in evidence.fairness]


def _summary(f: Fairness) -> str:
    found = {m.metric: m for m in f.measured if m.class_code is None}
    of = "balanced_accuracy" if "worst_balanced_accuracy" in found else "accuracy"
    worst = found.get(f"worst_{of}")
    shown = [found[name] for name in (f"gap_{of}", "eod", "pqd") if name in found]
    known = [m for m in shown if m.value is not None]
    said = []
    if worst is not None:
        label = words.metric(of).label.lower()
        said.append(f"Worst group: {worst.worst}, {label} {words.estimate_text(worst, words.metric(of).style)}")
    if known:
        said.append(", ".join(f"{words.metric(m.metric).label} {words.estimate_text(m, 'decimal')}" for m in known))
    # One reason is said once, for all that it concerns.
    why: dict[tuple[bool, str], list[str]] = {}
    for m in shown:
        if m.reason:
            why.setdefault((m.value is None, m.reason), []).append(words.metric(m.metric).label)
    for (lacking, reason), labels in why.items():
        said.append(f"{', '.join(labels)}{' not estimable' if lacking else ''}: {reason}")
    said += filter(None, (pairs_text([t for t in f.tests if t.metric == of]),))
    return " ".join(words.sentence(part) for part in said)


def differing(tests: Sequence[GroupTest]) -> int:
    """How many pairs of groups are shown to differ."""
    return sum(t.p_holm is not None and t.p_holm < SIGNIFICANT for t in tests)


def pairs_text(tests: Sequence[GroupTest]) -> str:
    """ "1 of 3 pairs of groups differ beyond chance"; pairs that have no test are told apart; "" without a pair."""
    if not tests:
        return ""
    known = [t for t in tests if t.p_holm is not None]
    untold = len(tests) - len(known)
    if not known:
        return f"too few images to say whether {_pairs(untold)} of groups {'differs' if untold == 1 else 'differ'}"
    told = f"{differing(known)} of {_pairs(len(known))} of groups differ beyond chance"
    return told + (f"; of {untold:,} more there are too few images to say" if untold else "")


def _pairs(n: int) -> str:
    return f"{n:,} {'pair' if n == 1 else 'pairs'}"


def details(evidence: Evidence) -> dict[str, Detail]:
    """By attribute."""
    return {f.attribute: _detail(f) for f in evidence.fairness}


def _detail(f: Fairness) -> Detail:
    reasons: dict[str, str] = {}
    rows = [(_name(m), f"{m.n:,}", [cell(m, reasons), m.worst or "", m.best or ""]) for m in f.measured]
    table = Pivot(["Value", "Worst group", "Best group"], rows, [(letter, why) for why, letter in reasons.items()])
    known = [t for t in f.tests if t.p_holm is not None]
    differ = sorted((t for t in known if (t.p_holm or 0) < SIGNIFICANT), key=lambda t: t.p or 0)
    pairs = ""
    if known:
        pairs = (
            f"{len(differ)} of {len(known)} tests of a pair of groups show a difference beyond chance (p under "
            f"{SIGNIFICANT:g} after Holm's adjustment for the pairs of a measure)."
        )
    if len(known) < len(f.tests):
        pairs += f" Of {len(f.tests) - len(known)} more there are too few images to say."
    more = [f"and {len(differ) - _SHOWN} more, in evidence.json"] if len(differ) > _SHOWN else []
    return Detail(table, f.left_out, pairs.strip(), [_pair(t) for t in differ[:_SHOWN]] + more)


def _name(m: Disparity) -> str:
    return words.metric(m.metric).label + (f", {m.class_code}" if m.class_code else "")


def _pair(t: GroupTest) -> str:
    label = words.metric(t.metric).label + (f", {t.class_code}" if t.class_code else "")
    within = f" ({t.low:+.3f} to {t.high:+.3f})" if t.low is not None and t.high is not None else ""
    p = f"{t.p_holm:.3f}" if (t.p_holm or 0) >= 0.0005 else "under 0.001"
    return f"{label}: {t.group} minus {t.other} is {t.difference:+.3f}{within}; adjusted p {p}"
