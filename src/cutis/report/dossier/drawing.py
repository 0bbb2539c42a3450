"""Every figure of a dossier, from its evidence alone."""

from __future__ import annotations

from collections.abc import Sequence

from cutis.report import words
from cutis.report.audited.select import (
    BESIDE_ALEXNET,
    WORLDS,
    Key,
    amount,
    attack_words,
    before,
    change_style,
    everyone,
    harm,
    keys,
    kind_words,
    metric_words,
    middles,
    norm_words,
    primary,
    score_words,
    series,
    shift_words,
    suite_words,
    suites,
    tones,
)
from cutis.report.dossier.curves import tone_curve
from cutis.report.dossier.panels import Panel, panels
from cutis.report.figures import DotRow, all_figures, dot_rows, safe_name
from cutis.report.svg import Figure
from cutis.schema.dossier import AttackRow, CounterfactualRow, DossierEvidence, RefusalRow, ShiftRow
from cutis.schema.evidence import Evidence
from cutis.schema.tone import is_tone

_DRAWN_MEASURES = 4  # of each suite, by severity; all are in the tables
_SHORT = 10  # signs of an amount that a small panel has room for
NO_CHANGE = (0.0, "no change")


def draw(dossier: DossierEvidence) -> dict[str, Figure]:
    """By name: those of the clean evidence, and those of the dossier that it has the numbers for."""
    made: list[Figure | None] = [coverage_by_tone(dossier.clean), costs(dossier.shifts), beside_alexnet(dossier.shifts)]
    for suite in suites(dossier.shifts):
        of_suite = keys(r for r in dossier.shifts if r.suite == suite)[:_DRAWN_MEASURES]
        made += [by_severity(dossier.shifts, suite, key) for key in of_suite]
    made += [strangeness(dossier, "auroc"), strangeness(dossier, "fpr95")]
    made += [tone_curve(dossier.counterfactual), flips(dossier.counterfactual)]
    made += [by_class(dossier.counterfactual, world) for world in WORLDS]
    made += attack_curves(dossier.attacks)
    made += [refused_by_group(dossier.refusals), refused_for(dossier.refusals)]
    return all_figures(dossier.clean) | {f.name: f for f in made if f is not None}


def coverage_by_tone(evidence: Evidence) -> Figure | None:
    """Coverage of the answer sets in groups of skin tone, beside that of all."""
    rows: list[DotRow] = [
        (words.upper(words.attribute(m.attribute)), m.group or "", m)
        for m in evidence.measured
        if m.metric == "coverage" and m.class_code is None and m.attribute is not None and is_tone(m.attribute)
    ]
    if not rows:
        return None
    label = f"Coverage of the answer sets by skin tone: {len(rows)} groups"
    return dot_rows("coverage-by-tone", label, rows, "percent", evidence.find("coverage"))


def costs(shifts: Sequence[ShiftRow]) -> Figure | None:
    """What every shift costs in the first measure, at the middle severity; in each suite the dearest first."""
    key = primary(shifts)
    if key is None:
        return None
    rows: list[DotRow] = []
    for suite in suites(shifts):
        found = middles([r for r in shifts if r.suite == suite], key)
        found.sort(key=harm, reverse=True)
        rows += [(suite_words(suite), shift_words(r.shift), r.change) for r in found]
    label = f"Change in {metric_words(key).lower()} at severity 3 of each of {len(rows)} changes to the image"
    return dot_rows("shift-costs", label, rows, change_style(key[0]), mark=NO_CHANGE)


def by_severity(shifts: Sequence[ShiftRow], suite: str, key: Key) -> Figure:
    """One panel a shift: the measure at each severity, the dashed line unchanged."""
    style, change = words.metric(key[0]).style, change_style(key[0])
    shown = []
    for name, rows in series(shifts, suite, key).items():
        last = rows[-1]
        named = amount(last)
        at = f"at {named if 0 < len(named) <= _SHORT else last.severity}"
        value = last.change.value
        lost = "not estimable" if value is None else f"{words.number(value, change, 0)} {at}"
        clean = next((c for c in map(before, rows) if c is not None), None)
        points = [(str(r.severity), r.estimate) for r in rows]
        shown.append(Panel(words.upper(shift_words(name)), lost, points, clean))
    named = "-".join(filter(None, ("shift", suite, *key)))
    label = f"{metric_words(key)} under {len(shown)} changes to the image, by severity: " + "; ".join(
        f"{p.title} {p.subtitle}" for p in shown
    )
    return panels(safe_name(named), label, shown, style, "Severity; dashed: the same images unchanged")


def beside_alexnet(shifts: Sequence[ShiftRow]) -> Figure | None:
    """BE and rBE of each corruption."""
    rows: list[DotRow] = [
        (words.metric(metric).label, shift_words(r.shift), r.estimate)
        for metric in BESIDE_ALEXNET
        for r in shifts
        if r.metric == metric
    ]
    if not rows:
        return None
    label = "Error under corruptions beside AlexNet's: " + "; ".join(
        f"{name} {words.estimate_text(m, 'mean')}" for _, name, m in rows if m is not None
    )
    return dot_rows("corruption-error", label, rows, "mean", mark=(1.0, "AlexNet"))


def strangeness(dossier: DossierEvidence, metric: str) -> Figure | None:
    """AUROC or FPR95 of every score, against each kind of strange image."""
    against = dict.fromkeys((r.against, r.kind) for r in dossier.ood)
    rows: list[DotRow] = [
        (f"{words.label(name)} ({kind_words(kind)})", score_words(r.score), r.auroc if metric == "auroc" else r.fpr95)
        for name, kind in against
        for r in dossier.ood
        if (r.against, r.kind) == (name, kind)
    ]
    if not rows:
        return None
    style, mark = ("decimal", (0.5, "a coin toss")) if metric == "auroc" else ("percent", None)
    label = f"{metric.upper()} of {len(rows)} pairs of a score and a kind of strange image"
    return dot_rows(f"strange-{metric}", label, rows, style, mark=mark)


def flips(rows: Sequence[CounterfactualRow]) -> Figure | None:
    """Share of answers that change with each thing added or taken away, over all classes; tone has its own curve."""
    others: list[DotRow] = [
        (words.upper(WORLDS[r.world]), r.change, r.flips) for r in everyone(rows) if r.unit != "ITA"
    ]
    if not others:
        return None
    label = "Answers that change: " + "; ".join(
        f"{heading}, {name} {words.estimate_text(m, 'percent')}" for heading, name, m in others if m is not None
    )
    return dot_rows("flips", label, others, "percent")


def by_class(rows: Sequence[CounterfactualRow], world: str) -> Figure | None:
    """Share of answers that change, by class: for the lightest and darkest tone, and each other change."""
    own = [r for r in rows if r.world == world]
    toned = [r.change for r in tones(own)]
    wanted = [r for r in own if r.group != "all" and (r.unit != "ITA" or r.change in (toned[0], toned[-1]))]
    shown: list[DotRow] = [
        (words.upper(change), r.group, r.flips)
        for change in dict.fromkeys(r.change for r in wanted)
        for r in wanted
        if r.change == change
    ]
    if not shown:
        return None
    label = f"Answers that change, by class, {WORLDS[world]}: {len(shown)} pairs of a class and a change"
    return dot_rows(f"flips-by-class-{world}", label, shown, "percent")


def attack_curves(attacks: Sequence[AttackRow]) -> list[Figure]:
    """For each measure, one panel an attack: the measure against the attack's size."""
    made = []
    for key in dict.fromkeys((a.metric, a.class_code) for a in attacks):
        own = [a for a in attacks if (a.metric, a.class_code) == key]
        steps = all(abs(255 * a.epsilon - round(255 * a.epsilon)) < 0.01 for a in own)
        shown = []
        for attack, norm in dict.fromkeys((a.attack, a.norm) for a in own):
            rows = sorted((a for a in own if (a.attack, a.norm) == (attack, norm)), key=lambda a: a.epsilon)
            clean = next((a.estimate.value for a in rows if a.epsilon == 0), None)
            points = [(f"{255 * a.epsilon:.0f}" if steps else f"{a.epsilon:.3g}", a.estimate) for a in rows]
            shown.append(Panel(attack_words(attack), norm_words(norm), points, clean))
        below = f"Size of the attack{', in 255ths of the pixels’ range' if steps else ''}; dashed: no attack"
        label = f"{metric_words(key)} under attack: " + "; ".join(
            f"{p.title} {at}: {words.estimate_text(m, words.metric(key[0]).style)}" for p in shown for at, m in p.points
        )
        named = safe_name("-".join(filter(None, ("attacks", *key))))
        made.append(panels(named, label, shown, words.metric(key[0]).style, below))
    return made


def refused_by_group(refusals: Sequence[RefusalRow]) -> Figure | None:
    """Share refused in each group, for any reason."""
    rows: list[DotRow] = [
        (words.upper(words.attribute(r.column)), r.group, r.share) for r in refusals if r.column and r.reason == "any"
    ]
    whole = next((r.share for r in refusals if not r.column and r.reason == "any"), None)
    if not rows:
        return None
    return dot_rows("refused-by-group", f"Refused images in {len(rows)} groups", rows, "percent", whole)


def refused_for(refusals: Sequence[RefusalRow]) -> Figure | None:
    """Share of all images refused, by reason."""
    rows: list[DotRow] = [("All images", r.reason, r.share) for r in refusals if not r.column]
    if not rows:
        return None
    said = "; ".join(f"{name} {words.estimate_text(m, 'percent')}" for _, name, m in rows if m is not None)
    return dot_rows("refused-for", f"Refused images by reason: {said}", rows, "percent")
