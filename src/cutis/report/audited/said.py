"""What the clinician's page says. Every sentence with a number is made from the evidence; without one, none is made."""

from __future__ import annotations

from collections.abc import Sequence

from cutis.report import words
from cutis.report.audited.by_group import by_tone, too_small, unequal
from cutis.report.audited.disturbs import worst_shift
from cutis.report.audited.select import (
    WORLDS,
    everyone,
    kind_words,
    known,
    own_score,
    score_words,
    tones,
)
from cutis.schema.dossier import CounterfactualRow, DossierEvidence, NotDoneCode, OodRow
from cutis.schema.estimate import Estimate, apart, side
from cutis.schema.evidence import Evidence, Measured
from cutis.schema.tone import is_tone

_FEW = 30  # below so many images a class or group is called small


def in_short(d: DossierEvidence) -> list[str]:
    """The strongest and weakest points found, a line each."""
    made = [_other_bundle(d), _classes(d.clean), unequal(d.clean), worst_shift(d), _most_flips(d), _most_accepted(d)]
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
    best = f"{words.of_100(most)} images of {_name(high.name)}{_small(most)}"
    last = f"{words.of_100(least)} of {_name(low.name)}{_small(least)}"
    distinct = apart(least, most)
    if distinct is None:
        return f"It found {best} and {last}: too few images to say whether it finds one more often than the other."
    if not distinct:
        return f"It finds {best} and {last}; the intervals overlap, so which class it finds least is not shown."
    return f"It finds {best}, but only {last}."


def _name(name: str) -> str:
    return name if name[1:2].isupper() else name[:1].lower() + name[1:]


def _small(m: Measured | Estimate) -> str:
    return f" ({m.n:,} {words.plural('image', m.n)} only)" if m.n < _FEW else ""


def _most_flips(d: DossierEvidence) -> str:
    found = [r for r in everyone(d.counterfactual) if r.flips.value is not None]
    if not found:
        return ""
    row = max(found, key=lambda r: r.flips.value or 0.0)
    few = "" if row.flips.low is not None else f"; {words.too_few(row.flips)}"
    return f"Of the changes made to one and the same lesion, “{row.change}” turned most answers: {_flipped(row)}{few}."


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
    """Whom it learned from, whom it was measured on, and how well each group of skin tone fares."""
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
    said += by_tone(e)
    return said + [too_small(f) for f in e.fairness if not is_tone(f.attribute) and f.left_out]


def refuses(d: DossierEvidence) -> list[str]:
    """How often it declines, for what, for whom most; and how often its sets hold the truth."""
    return [*declines(d), *filter(None, (covered(d),))]


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
        least = min((r for r in groups if r.column == most.column), key=lambda r: r.share.value or 0.0)
        who = f"{words.attribute(most.column)} {most.group}: {words.of_100(most.share)}{_small(most.share)}"
        distinct = apart(most.share, least.share)
        if distinct:
            said.append(f"It declines most often for {who}.")
        else:
            why = "too few images to say" if distinct is None else "that groups differ in it is not shown"
            said.append(f"It declined most often for {who}; {why}.")
    return said


def covered(d: DossierEvidence) -> str:
    """How often the sets hold the truth, what they were made for and on what, and whether they keep it here."""
    e = d.clean
    found, meant = known(e, "coverage"), e.info.coverage
    if found is None:
        return ""
    said = f"Its set of answers holds the true diagnosis for {words.of_100(found)} images"
    each = known(e, "coverage_per_lesion")
    if each is not None:
        said += f"; counting each lesion once, for {words.of_100(each)}"
    if meant is None:
        return f"{said}."
    return f"{said}. {words.made_for(e, found.estimate)}"


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
    where = side(m, 0.0)
    if where == "unknown":
        seen = f"{words.number(m.value, 'points')} points"
        return f"the probability of malignancy changed by {seen} on average, {words.too_few(m)}"
    verb = {"below": "falls", "holds": "shows no sure change", "above": "rises"}[where]
    return f"the probability of malignancy {verb} on average, {words.estimate_text(m, 'points')} points"


def unknown(d: DossierEvidence) -> list[str]:
    """What this dossier can't say."""
    e = d.clean
    said = [f"{words.upper(n.part)} was not done: {n.why.rstrip('.')}." for n in d.not_done]
    said += [f"{words.upper(name)}: not part of this dossier." for name in _lacking(d)]
    small = [
        f"{c.code} ({m.n:,})"
        for c in e.info.classes
        if (m := e.find("sensitivity", c.code)) is not None and (m.low is None or m.n < _FEW)
    ]
    if small:
        said.append(f"Of some classes there are too few images to say much: {', '.join(small)}.")
    said += list(dict.fromkeys((*e.info.limits, *(str(s) for s in d.bundle.get("limits") or ()))))
    return said


def _lacking(d: DossierEvidence) -> list[str]:
    """Parts without a row that `not_done` doesn't explain."""
    told = {n.code for n in d.not_done}
    parts: Sequence[tuple[str, Sequence[object], NotDoneCode]] = (
        ("changes to the image (blur, light, hair...)", d.shifts, "shifts"),
        ("images it was never taught", d.ood, "unknown"),
        ("the same lesion under changed skin or artefacts", d.counterfactual, "counterfactual"),
        ("attacks", d.attacks, "attacks"),
        ("refusals by group", d.refusals, "refusals"),
    )
    return [name for name, rows, code in parts if not rows and code not in told]
