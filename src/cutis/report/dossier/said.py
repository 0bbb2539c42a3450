"""What the clinician's page says. Every sentence with a number is made from the evidence; without one, none is made."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from cutis.report import words
from cutis.report.dossier.select import (
    WORLDS,
    before,
    change_style,
    direction,
    everyone,
    is_tone,
    kind_words,
    known,
    metric_words,
    middles,
    more_is_worse,
    own_score,
    primary,
    score_words,
    shift_words,
    strength,
    tone_groups,
    tones,
    unit_of,
    worst,
)
from cutis.report.fairness import SIGNIFICANT
from cutis.schema.dossier import CounterfactualRow, DossierEvidence, OodRow, ShiftRow
from cutis.schema.estimate import Estimate
from cutis.schema.evidence import Disparity, Evidence, Fairness, Measured

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
_WORST = ("worst_balanced_accuracy", "worst_accuracy")
_FEW = 30  # below so many images a class or group is called small


def in_short(d: DossierEvidence) -> list[str]:
    """The strongest and weakest points found, a line each."""
    made = [_other_bundle(d), _classes(d.clean), _groups(d.clean), worst_shift(d), _most_flips(d), _most_accepted(d)]
    return [s for s in made if s]


def _other_bundle(d: DossierEvidence) -> str:
    described, asked = str(d.bundle.get("digest") or ""), d.clean.info.bundle
    if not described or not asked or described == asked:
        return ""
    return (
        f"The predictions were made by another bundle ({words.short(asked)}) than the one described here "
        f"({words.short(described)}): what is said of its training may not hold."
    )


def _classes(e: Evidence) -> str:
    """Which class it finds most often, and least."""
    found = [(c, m) for c in e.info.classes if (m := known(e, "sensitivity", c.code)) is not None]
    if len(found) < 2:
        return ""
    found.sort(key=lambda pair: pair[1].value or 0.0)
    (low, least), (high, most) = found[0], found[-1]
    return (
        f"It finds {words.of_100(most)} images of {_name(high.name)}{_small(most)}, but only {words.of_100(least)} of "
        f"{_name(low.name)}{_small(least)}."
    )


def _name(name: str) -> str:
    return name if name[1:2].isupper() else name[:1].lower() + name[1:]


def _small(m: Measured | Estimate) -> str:
    return f" ({m.n:,} {words.plural('image', m.n)} only)" if m.n < _FEW else ""


def _groups(e: Evidence) -> str:
    """The attribute whose worst group is furthest behind, those first whose groups differ beyond chance."""
    found = [(f, lowest, gap) for f in e.fairness if (lowest := _lowest(f)) is not None and (gap := _gap(f, lowest))]
    if not found:
        return ""
    f, lowest, gap = max(found, key=lambda at: (_differing(at[0], at[1])[0] > 0, at[2].value or 0.0))
    of, name = lowest.metric.removeprefix("worst_"), words.attribute(f.attribute)
    told = f"{words.metric(of).label.lower()} {words.estimate_text(lowest, 'percent')} in {lowest.worst}"
    why = f" ({lowest.reason})" if lowest.reason else ""
    if not _differing(f, lowest)[0]:
        return (
            f"No two groups that could be compared differ beyond chance; the widest spread is by {name}: {told}{why}."
        )
    return f"It does not do equally well for everyone: by {name}, {told}, {_points(gap)} behind the best group{why}."


def _lowest(f: Fairness) -> Disparity | None:
    """The worst group's balanced accuracy; its accuracy, where only that is over all classes."""
    found = [m for m in f.measured if m.metric in _WORST and m.class_code is None and m.value is not None]
    found.sort(key=lambda m: (" classes" in m.reason, _WORST.index(m.metric)))
    return next(iter(found), None)


def _gap(f: Fairness, lowest: Disparity) -> Disparity | None:
    name = lowest.metric.replace("worst_", "gap_")
    return next((m for m in f.measured if m.metric == name and m.class_code is None and m.value is not None), None)


def _differing(f: Fairness, lowest: Disparity) -> tuple[int, int]:
    """How many pairs of groups differ beyond chance, of how many."""
    of = lowest.metric.removeprefix("worst_")
    tests = [t for t in f.tests if t.metric == of and t.class_code is None]
    return sum(t.p_holm is not None and t.p_holm < SIGNIFICANT for t in tests), len(tests)


def _points(gap: Measured) -> str:
    within = words.interval(gap, "percent")
    return f"{100 * (gap.value or 0):.1f} points" + (f" ({within})" if within else "")


def worst_shift(d: DossierEvidence) -> str:
    key = primary(d.shifts)
    row = None if key is None else worst(middles(d.shifts, key))
    if key is None or row is None:
        return ""
    if direction(row.change) * (-1 if more_is_worse(row.metric) else 1) >= 0:
        return f"No change to the image that was tried makes {metric_words(key).lower()} worse beyond chance."
    return f"It is disturbed most by {shift_words(row.shift)}: {_changed(row)}."


def _changed(row: ShiftRow) -> str:
    """ "at severity 3 (4 px), balanced accuracy falls from 71.2 % to 55.0 %: −16.2 points (−19.0 to −13.1)"."""
    style, change = words.metric(row.metric).style, change_style(row.metric)
    name = metric_words((row.metric, row.class_code))
    name = name if name[1:2].isupper() else name[:1].lower() + name[1:]
    was = before(row)
    if was is None or row.estimate.value is None:
        return f"at {strength(row)}, {name}: {words.estimate_text(row.change, change)}"
    verb = {-1: "falls", 0: "goes", 1: "rises"}[direction(row.change)]
    chance = " (no difference shown)" if direction(row.change) == 0 else ""
    return (
        f"at {strength(row)}, {name} {verb} from {words.number(was, style)} to "
        f"{words.number(row.estimate.value, style)}: {words.estimate_text(row.change, change)}{unit_of(change)}{chance}"
    )


def _most_flips(d: DossierEvidence) -> str:
    found = [r for r in everyone(d.counterfactual) if r.flips.value is not None]
    if not found:
        return ""
    row = max(found, key=lambda r: r.flips.value or 0.0)
    return f"Of the changes made to one and the same lesion, “{row.change}” turns most answers: {_flipped(row)}."


def _flipped(row: CounterfactualRow) -> str:
    return f"{words.of_100(row.flips)} {WORLDS[row.world]} get another first answer"


def _most_accepted(d: DossierEvidence) -> str:
    rows = [r for r in own_score(d) if r.fpr95.value is not None]
    if not rows:
        return ""
    row = max(rows, key=lambda r: r.fpr95.value or 0.0)
    return _let_through(row, f" of {words.label(row.against)} ({kind_words(row.kind)})")


def _let_through(r: OodRow, of: str = " of these") -> str:
    """FPR95 in words, by which side counts as found."""
    score = score_words(r.score)
    if r.positive == "known":
        return f"Set to accept 95 of 100 images like its own, {score} also accepts {words.of_100(r.fpr95)}{of}."
    return f"Set to catch 95 of 100{of}, {score} also refuses {words.of_100(r.fpr95)} of its own kind."


def for_whom(d: DossierEvidence) -> list[str]:
    """Whom it learned from, whom it was measured on, and how well each group fares."""
    e, trained = d.clean, str(d.bundle.get("dataset") or "")
    said = []
    if trained and e.info.dataset:
        same = d.bundle.get("dataset_digest") == e.info.dataset_digest and e.info.dataset_digest
        said.append(
            f"It learned from {trained} and was measured on other images of the same dataset: how it does on another "
            "clinic's images is not known from this."
            if same
            else f"It learned from {trained} and was measured on {e.info.dataset}, which is another dataset or version."
        )
    groups = tone_groups(e)
    if groups:
        said += [_by_tone(e, attribute, [g for a, g in groups if a == attribute]) for attribute in dict(groups)]
    else:
        said.append(
            "Skin tone is not among the attributes measured: nothing is known of how well it does on dark skin."
        )
    return said + [_too_small(f) for f in e.fairness if not is_tone(f.attribute) and f.left_out]


def _by_tone(e: Evidence, attribute: str, groups: Sequence[str]) -> str:
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


def groups(e: Evidence) -> list[tuple[str, str]]:
    """(attribute, its worst group and whether groups differ) of each attribute that was compared."""
    said = []
    for f in e.fairness:
        lowest = _lowest(f)
        if lowest is None:
            continue
        differ, n = _differing(f, lowest)
        parts = [
            f"Lowest in {lowest.worst}: {words.metric(lowest.metric.removeprefix('worst_')).label.lower()} "
            + words.estimate_text(lowest, "percent"),
            f"{differ} of {n} {'pair' if n == 1 else 'pairs'} of groups differ beyond chance" if n else "",
            lowest.reason,
        ]
        said.append((words.upper(words.attribute(f.attribute)), " ".join(words.sentence(t) for t in parts if t)))
    return said


def _too_small(f: Fairness) -> str:
    left = "; ".join(s.rstrip(".") for s in f.left_out)
    return f"Groups too small to compare by {words.attribute(f.attribute)}: {left}."


def refuses(d: DossierEvidence) -> list[str]:
    """How often it declines, for what, for whom most; and how often its sets hold the truth."""
    e = d.clean
    return [*declines(d), *filter(None, (_covered(e),))]


def declines(d: DossierEvidence) -> list[str]:
    e, said = d.clean, []
    share = known(e, "refused")
    if share is not None:
        said.append(f"It declines to answer {words.of_100(share)} of the images measured here.")
    kept, every = known(e, "accuracy_kept"), known(e, "accuracy")
    if kept is not None and every is not None and share is not None and share.value:
        said.append(
            f"Its first answer is right for {words.of_100(kept)} of those it does answer, and {words.of_100(every)} of "
            "all."
        )
    reasons = [r for r in d.refusals if not r.column and r.reason != "any" and r.share.value]
    if reasons:
        reasons.sort(key=lambda r: -(r.share.value or 0.0))
        said.append(
            "Why: " + "; ".join(f"{r.reason}, {words.estimate_text(r.share, 'percent')}" for r in reasons) + "."
        )
    groups = [r for r in d.refusals if r.column and r.reason == "any" and r.share.value is not None]
    if len(groups) > 1:
        most = max(groups, key=lambda r: r.share.value or 0.0)
        said.append(
            f"It declines most often for {words.attribute(most.column)} {most.group}: {words.of_100(most.share)}"
            f"{_small(most.share)}."
        )
    return said


def _covered(e: Evidence) -> str:
    covered, meant = known(e, "coverage"), e.info.coverage
    if covered is None:
        return ""
    aim = f"; it was made to hold it for {100 * meant:g} of 100" if meant is not None else ""
    return f"Its set of answers holds the true diagnosis for {words.of_100(covered)} images{aim}."


def strange(d: DossierEvidence) -> list[tuple[str, str]]:
    """(strange images, how many of them pass), by the score that the bundle refuses by."""
    return [
        (
            f"{words.label(r.against)}, {r.n_out:,} {words.plural('image', r.n_out)}",
            f"{words.upper(kind_words(r.kind))}. "
            + (_let_through(r) if r.fpr95.value is not None else f"Not estimable: {r.fpr95.reason}."),
        )
        for r in own_score(d)
    ]


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
    lowest = None if sources is None else _lowest(sources)
    if sources is not None and lowest is not None:
        name = words.metric(lowest.metric.removeprefix("worst_")).label.lower()
        said.append(
            f"Of {len(sources.compared)} sources, {lowest.worst} fares worst: {name} "
            f"{words.estimate_text(lowest, 'percent')}."
        )
    said += [
        f"{words.label(r.against)} is told from its own images with an AUROC of "
        f"{words.estimate_text(r.auroc, 'decimal')} ({score_words(r.score)})."
        for r in own_score(d)
        if r.kind == "other source"
    ]
    return " ".join(said) or "Not tested: no images of another source were measured."


def same_lesion(d: DossierEvidence) -> list[tuple[str, str]]:
    """(what was changed, what it did) where only the skin's tone, or one thing on it, is changed."""
    said = []
    for world, shown in WORLDS.items():
        own = [r for r in everyone(d.counterfactual) if r.world == world]
        toned = tones(own)
        if toned:
            at = f"{toned[-1].value:g}".replace("-", "\N{MINUS SIGN}")
            said.append((f"Darkest skin tried (ITA {at}), {shown}", _did(toned[-1])))
        said += [(f"{words.upper(r.change)}, {shown}", _did(r)) for r in own if r.unit != "ITA"]
    return said


def _did(row: CounterfactualRow) -> str:
    flips = (
        f"{words.of_100(row.flips)} get another first answer"
        if row.flips.value is not None
        else f"the share of first answers that change is {words.estimate_text(row.flips, 'percent')}"
    )
    left = ""
    if row.outside_trust:
        what = f"{row.outside_trust:,} {words.plural('image', row.outside_trust)}"
        left = f" {what} left out: the change would have left the range in which it can be trusted."
    return f"{words.upper(_shifted(row.shift))}; {flips}.{left}"


def _shifted(m: Estimate) -> str:
    if m.value is None:
        return f"the change in the probability of malignancy is {words.estimate_text(m, 'points')}"
    verb = {-1: "falls", 0: "shows no sure change", 1: "rises"}[direction(m)]
    return f"the probability of malignancy {verb} on average, {words.estimate_text(m, 'points')} points"


def unknown(d: DossierEvidence) -> list[str]:
    """What this dossier can't say."""
    e = d.clean
    said = [f"{words.upper(n.part)} was not done: {n.why.rstrip('.')}." for n in d.not_done]
    said += [f"{words.upper(name)}: not part of this dossier." for name in _lacking(d)]
    small = [
        f"{c.code} ({m.n:,})"
        for c in e.info.classes
        if (m := e.find("sensitivity", c.code)) is not None and (m.value is None or m.n < _FEW)
    ]
    if small:
        said.append(f"Of some classes there are too few images to say much: {', '.join(small)}.")
    said += list(dict.fromkeys((*e.info.limits, *(str(s) for s in d.bundle.get("limits") or ()))))
    return said


def _lacking(d: DossierEvidence) -> list[str]:
    """Parts without a row that `not_done` doesn't explain."""
    told = " ".join(n.part.lower() for n in d.not_done)
    parts: Sequence[tuple[str, Sequence[object], tuple[str, ...]]] = (
        ("changes to the image (blur, light, hair...)", d.shifts, ("shift", "corrupt", "robust")),
        ("images it was never taught", d.ood, ("distribution", "ood", "strange")),
        ("the same lesion under changed skin or artefacts", d.counterfactual, ("counterfactual", "tone")),
        ("attacks", d.attacks, ("attack", "adversar")),
        ("refusals by group", d.refusals, ("refus",)),
    )
    return [name for name, rows, signs in parts if not rows and not any(sign in told for sign in signs)]
