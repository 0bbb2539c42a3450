"""What the clinician's page says of changes to the image: what disturbs the model, what doesn't, what can't be told."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from cutis.report import words
from cutis.report.audited.by_group import lowest
from cutis.report.audited.select import (
    before,
    change_style,
    effect,
    harm,
    metric_words,
    middles,
    more_is_worse,
    own_score,
    primary,
    score_words,
    shift_words,
    strength,
    unit_of,
    worst,
)
from cutis.schema.dossier import DossierEvidence, ShiftRow
from cutis.schema.estimate import side

# What a clinician asks about, the signs of a shift's name that belong to it, and whether its absence is worth a line.
_TOPICS: tuple[tuple[str, tuple[str, ...], bool], ...] = (
    ("Hair", ("hair",), True),
    ("A ruler", ("ruler",), True),
    ("Ink or writing", ("ink", "pen", "marker", "character"), True),
    ("Gel bubbles", ("bubble", "gel"), False),
    ("Blur", ("blur", "defocus", "motion"), True),
    ("Light and colour", ("bright", "contrast", "temperature", "kelvin", "white", "colour"), True),
    ("Dark corners", ("corner", "vignette"), False),
    ("Compression", ("jpeg", "compress", "messag", "pixel"), True),
    ("Camera noise", ("noise", "gaussian", "speckle", "impulse", "shot"), False),
    ("Zoom and turn", ("zoom", "rotat", "turn"), False),
    ("Sharpening", ("sharpen",), False),
    ("Without polarised light", ("unpolar", "polar"), False),
)


def worst_shift(d: DossierEvidence) -> str:
    """What disturbs the model most, of what is shown to; or that nothing is shown to, and how much may be hidden; and
    of how many changes nothing can be said."""
    key = primary(d.shifts)
    rows = [] if key is None else middles(d.shifts, key)
    if key is None or not rows:
        return ""
    name = metric_words(key)
    name = name if name[1:2].isupper() else name.lower()
    untold = [r for r in rows if effect(r) == "unknown"]
    told = [r for r in rows if effect(r) != "unknown"]
    harmful = worst(r for r in told if effect(r) == "worse")
    seen = worst(untold)
    largest = ""
    if seen is not None and harm(seen) > 0:
        largest = f" The largest loss seen is by {shift_words(seen.shift)}: {_changed(seen)}."
    if not told:
        return f"There are too few images to say whether any change that was tried makes {name} worse.{largest}"
    if harmful is not None:
        of = "Of the changes that can be told, it" if untold else "It"
        said = f"{of} is disturbed most by {shift_words(harmful.shift)}: {_changed(harmful)}."
    else:
        said = f"No change to the image that was tried is shown to make {name} worse{_hidden(told)}."
    more = f" Of {len(untold)} more there are too few images to say." if untold else ""
    return said + more + largest


def _hidden(rows: Sequence[ShiftRow]) -> str:
    """How large a loss the intervals leave room for; "" for none."""

    def loss(row: ShiftRow) -> float:
        end = row.change.high if more_is_worse(row.metric) else row.change.low
        assert end is not None
        return end if more_is_worse(row.metric) else -end

    row = max(rows, key=loss)
    style = change_style(row.metric)
    if loss(row) <= 0:
        return ""
    shown = words.number(loss(row), style).lstrip("+")
    return f"; a loss of up to {shown}{unit_of(style)} (by {shift_words(row.shift)}) is not ruled out"


def _changed(row: ShiftRow) -> str:
    """ "at severity 3 (4 px), balanced accuracy falls from 71.2 % to 55.0 %: −16.2 (−19.0 to −13.1) points"."""
    style, change = words.metric(row.metric).style, change_style(row.metric)
    name = metric_words((row.metric, row.class_code))
    name = name if name[1:2].isupper() else name[:1].lower() + name[1:]
    was = before(row)
    if was is None or row.estimate.value is None or row.change.value is None:
        return f"at {strength(row)}, {name}: {words.estimate_text(row.change, change)}"
    where = side(row.change, 0.0)
    verb = {"below": "falls", "above": "rises"}.get(where, "goes")
    numbers = f"from {words.number(was, style)} to {words.number(row.estimate.value, style)}"
    if where == "unknown":
        told = f"{words.number(row.change.value, change)}{unit_of(change)}, {words.too_few(row.change)}"
    else:
        chance = " (no difference shown)" if where == "holds" else ""
        told = f"{words.estimate_text(row.change, change)}{unit_of(change)}{chance}"
    return f"at {strength(row)}, {name} {verb} {numbers}: {told}"


def topics(d: DossierEvidence) -> list[tuple[str, str]]:
    """(what a clinician asks about, what it does to the answers): the worst shift of each topic at middle severity."""
    key = primary(d.shifts)
    if key is None:
        untried = ", ".join(topic.lower() for topic, _, always in _TOPICS if always)
        return [(words.upper(untried), "Not tested."), ("Another camera or clinic", _elsewhere(d))]
    found = middles(d.shifts, key)
    said = []
    for topic, signs, always in _TOPICS:
        own = [r for r in found if _about(r.shift, signs)]
        row = worst(own)
        if row is not None:
            said.append((topic, f"{words.upper(shift_words(row.shift))}: {_changed(row)}."))
        elif own:
            said.append((topic, f"Not estimable: {own[0].change.reason}."))
        elif always:
            said.append((topic, "Not tested."))
    return [*said, ("Another camera or clinic", _elsewhere(d))]


def _about(shift: str, signs: Iterable[str]) -> bool:
    """Whether a part of the shift's name starts with one of the signs ("ink" is not about "blinking")."""
    parts = shift.lower().replace("-", "_").replace(" ", "_").split("_")
    return any(part.startswith(sign) for part in parts for sign in signs)


def _elsewhere(d: DossierEvidence) -> str:
    said = []
    sources = next((f for f in d.clean.fairness if f.attribute == "source"), None)
    low = None if sources is None else lowest(sources)
    if sources is not None and low is not None:
        name = words.metric(low.metric.removeprefix("worst_")).label.lower()
        said.append(
            f"Of {len(sources.compared)} sources, {low.worst} has the lowest {name}: "
            f"{words.estimate_text(low, 'percent')}."
        )
    said += [
        f"{words.label(r.against)} is told from its own images with an AUROC of "
        f"{words.estimate_text(r.auroc, 'decimal')} ({score_words(r.score)})."
        for r in own_score(d)
        if r.kind == "other source"
    ]
    return " ".join(said) or "Not tested: no images of another source were measured."
