"""What the clinician's page says of groups: who fares worst, whether that is shown, and what is known of dark skin."""

from __future__ import annotations

from collections.abc import Sequence

from cutis.report import tones, words
from cutis.report.audited.select import tone_groups
from cutis.report.fairness import differing, pairs_text
from cutis.schema.dossier import DossierEvidence
from cutis.schema.evidence import Disparity, Evidence, Fairness, GroupTest, Measured
from cutis.schema.tone import BANDS, judged

_WORST = ("worst_balanced_accuracy", "worst_accuracy")
_NO_TONE = "Skin tone is not among the attributes measured: nothing is known of how well it does on dark skin."
_NONE_SHOWN = "Of how well it does on dark skin nothing is known that could be said here."


def for_clinician(d: DossierEvidence) -> DossierEvidence:
    """The dossier without groups of skin tone that a clinician shouldn't be shown (`tones.why_not`)."""
    unfit = {name for name in tones.attributes(d.clean) if not tones.fit_for_clinician(d.clean, name)}
    if not unfit:
        return d
    clean = d.clean.model_copy(
        update={
            "measured": [m for m in d.clean.measured if m.attribute not in unfit],
            "fairness": [f for f in d.clean.fairness if f.attribute not in unfit],
            "without": [m for m in d.clean.without if m.attribute not in unfit],
        }
    )
    rows = tuple(r for r in d.refusals if r.column not in unfit)
    return d.model_copy(update={"clean": clean, "refusals": rows})


def unequal(e: Evidence) -> str:
    """The attribute whose worst group is furthest behind, those first whose groups are shown to differ."""
    found = [(f, low, gap) for f in e.fairness if (low := lowest(f)) is not None and (gap := _gap(f, low)) is not None]
    if not found:
        return ""
    f, low, gap = max(found, key=lambda at: (differing(tests(at[0], at[1])) > 0, at[2].value or 0.0))
    of, name = low.metric.removeprefix("worst_"), words.attribute(f.attribute)
    told = f"{words.metric(of).label.lower()} {words.estimate_text(low, 'percent')} in {low.worst}"
    why = f" ({low.reason})" if low.reason else ""
    if differing(tests(f, low)):
        return (
            f"It does not do equally well for everyone: by {name}, {told}, {_points(gap)} behind the best group{why}."
        )
    every = [t for f, low, _ in found for t in tests(f, low)]
    n, untold = len(every), sum(t.p_holm is None for t in every)
    seen = f"the widest spread that was seen is by {name}: {told}{why}."
    if untold == n:
        return f"Too few images to say whether it does equally well for everyone; {seen}"
    but = f" (of {untold:,} there are too few images to say)" if untold else ""
    return f"No two groups that could be compared are shown to differ{but}; {seen}"


def lowest(f: Fairness) -> Disparity | None:
    """The worst group's balanced accuracy; its accuracy, where only that is over all classes."""
    found = [m for m in f.measured if m.metric in _WORST and m.class_code is None and m.value is not None]
    found.sort(key=lambda m: (m.some, _WORST.index(m.metric)))
    return next(iter(found), None)


def tests(f: Fairness, low: Disparity) -> list[GroupTest]:
    """The tests of pairs of groups in what `low` is the worst of."""
    of = low.metric.removeprefix("worst_")
    return [t for t in f.tests if t.metric == of and t.class_code is None]


def _gap(f: Fairness, low: Disparity) -> Disparity | None:
    name = low.metric.replace("worst_", "gap_")
    return next((m for m in f.measured if m.metric == name and m.class_code is None and m.value is not None), None)


def _points(gap: Measured) -> str:
    return f"{100 * (gap.value or 0):.1f} points ({words.interval(gap, 'percent') or 'no interval'})"


def groups(e: Evidence) -> list[tuple[str, str]]:
    """(attribute, its worst group and whether groups differ) of each attribute that was compared."""
    said = []
    for f in e.fairness:
        low = lowest(f)
        if low is None:
            continue
        parts = [
            f"Lowest in {low.worst}: {words.metric(low.metric.removeprefix('worst_')).label.lower()} "
            + words.estimate_text(low, "percent"),
            pairs_text(tests(f, low)),
            low.reason,
        ]
        said.append((words.upper(words.attribute(f.attribute)), " ".join(words.sentence(t) for t in parts if t)))
    return said


def too_small(f: Fairness) -> str:
    left = "; ".join(s.rstrip(".") for s in f.left_out)
    return f"Groups too small to compare by {words.attribute(f.attribute)}: {left}."


def by_tone(e: Evidence) -> list[str]:
    """How well each group of skin tone fares, and who is in none; what isn't shown here is named with its reason.

    e: all the evidence, not what `for_clinician` leaves of it.
    """
    names = tones.attributes(e)
    if not names:
        return [_NO_TONE]
    said = []
    fit = [name for name in names if tones.fit_for_clinician(e, name)]
    for name in fit:
        own = [group for attribute, group in tone_groups(e) if attribute == name]
        said += [text for text in (_each(e, name, own), tones.without(e, name)) if text]
        said += [BANDS] if judged(name) == "estimate" else []
    for name in names:
        if name not in fit:
            said.append(
                f"{words.upper(words.attribute(name))}: left to the auditor's page, as {tones.why_not(e, name)}."
            )
    return said if fit else [*said, _NONE_SHOWN]


def _each(e: Evidence, attribute: str, groups: Sequence[str]) -> str:
    """The measure that most groups have an interval of, in each group; and of whom nothing can be said."""
    tried = {
        name: {g: m for g in groups if (m := e.find(name, None, attribute, g)) is not None}
        for name in ("balanced_accuracy", "accuracy")
    }
    of = max(tried, key=lambda name: sum(m.low is not None for m in tried[name].values()))
    parts, silent = [], []
    for group, m in tried[of].items():
        n = f"{m.n:,} {words.plural('image', m.n)}"
        if m.value is None:
            silent.append(f"{group} ({n})")
        else:
            parts.append(f"{group}, {words.estimate_text(m, 'percent')} of {n}")
    name = words.attribute(attribute)
    told = f"By {name}, {words.metric(of).label.lower()}: {'; '.join(parts)}." if parts else ""
    nothing = f"Nothing can be said of {name} {', '.join(silent)}." if silent else ""
    return " ".join(filter(None, (told, nothing)))
