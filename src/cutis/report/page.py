"""The page: evidence and figures in, one HTML text out. What to say is decided here; how it looks, in templates/."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from cutis.report import fairness, tones, words
from cutis.report.figures import forest_metrics
from cutis.report.headline import chosen
from cutis.report.parts import by_class, part, parts
from cutis.report.split_proof import proof
from cutis.report.svg import Figure, clean, template
from cutis.report.table import by_group
from cutis.schema.estimate import Estimate, side
from cutis.schema.evidence import Evidence, Measured
from cutis.schema.remarks import Remark, against, against_chance, chance
from cutis.schema.safety import safety

if TYPE_CHECKING:
    from jinja2 import Environment

_CALIBRATION = (
    *("brier", "brier_reliability", "brier_resolution", "brier_uncertainty"),
    *("ece", "ece_adaptive", "ece_classwise"),
)
_SETS = (
    *("coverage", "coverage_per_lesion", "set_size", "empty_sets", "refused", "accuracy_kept"),
    *("aurc", "e_aurc", "risk_at_coverage_0.80", "risk_at_coverage_0.90"),
)


def environment() -> Environment:
    """Templates of `report/templates`: everything escaped, control signs replaced, nothing undefined let through."""
    from jinja2 import Environment, FunctionLoader, StrictUndefined
    from markupsafe import Markup

    made = Environment(
        loader=FunctionLoader(template),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        finalize=lambda v: v if isinstance(v, Markup) else clean(v),
    )
    made.globals["safety"] = safety()
    return made


def render(evidence: Evidence, figures: Mapping[str, Figure], thumbs: Mapping[int, str]) -> str:
    """The whole page as HTML. figures: by name, as `all_figures` makes them; thumbs: mistake index -> file name."""
    return environment().get_template("page.html.j2").render(context(evidence, figures, thumbs))


def drawn(figures: Mapping[str, Figure]) -> dict[str, dict[str, Any]]:
    """The figures as the templates want them, by name."""
    from markupsafe import Markup

    return {name: {"svg": Markup(f.inline), "width": f.width} for name, f in figures.items()}


def context(evidence: Evidence, figures: Mapping[str, Figure], thumbs: Mapping[int, str]) -> dict[str, Any]:
    """What page.html.j2 is filled with."""
    from markupsafe import Markup

    malignant, caution = _malignant(evidence)
    return {
        "e": evidence,
        "w": words,
        "figures": drawn(figures),
        "style": Markup(template("figures.css") + template("page.css")),
        "title": _title(evidence),
        "subject": _subject(evidence),
        "warnings": [{"kind": _kind(r), "words": r.words} for r in evidence.remarks if r.warns],
        "of_sets": [r.words for r in evidence.remarks if r.about == "coverage" and not r.warns],
        "tones": tones.notes(evidence),
        "headline": [_big(evidence, *item) for item in chosen(evidence)],
        "malignant": malignant,
        "caution": caution,
        "methods": words.methods(evidence),
        "counts": _counts(evidence),
        "classes": _classes(evidence),
        "proof": proof(evidence.info.split, evidence.info.part),
        "overall": _overall(evidence),
        "parts": parts(evidence),
        "leaning": _leaning(evidence),
        "by_class": by_class(evidence),
        "by_group": by_group(evidence),
        "fairness": fairness.overview(evidence),
        "fairness_details": fairness.details(evidence),
        "forests": [_forest_caption(m, c) for m, c in forest_metrics(evidence)],
        "forest_figures": [name for name in figures if name.startswith("subgroups-")],
        "thumbs": thumbs,
        "held_in": _held_in(evidence),
        "operating_points": _operating_points(evidence),
        "licence": _licence(evidence),
        "trained": _record(evidence.info.trained),
        "provenance": _provenance(evidence),
    }


def _kind(remark: Remark) -> str:
    """As `split_proof.ProofText.kind`."""
    return "unknown" if remark.code == "chance unknown" else "broken"


def _title(evidence: Evidence) -> str:
    data = evidence.info.dataset or "an unnamed dataset"
    part = f", {evidence.info.part} part" if evidence.info.part else ""
    return f"How well this model reads {data}{part}"


def _subject(evidence: Evidence) -> list[tuple[str, str]]:
    info, counts = evidence.info, evidence.counts
    backbone = info.trained.get("backbone")
    model = " ".join(filter(None, (str(backbone or ""), words.short(info.bundle)))) or words.NOT_PROVIDED
    images = f"{counts.labelled:,} labelled {words.plural('image', counts.labelled)}"
    if evidence.unit != "image":
        images += f" of {counts.units:,} {words.plural(evidence.unit, counts.units)}"
    return [
        ("Model", model),
        ("Measured on", images),
        ("When", words.day(evidence.created)),
        ("Licence", _licence(evidence)["answer"]),
    ]


def _big(evidence: Evidence, label: str, name: str, estimate: Estimate) -> dict[str, Any]:
    """One of the three numbers: as figures, and as a sentence in natural frequencies."""
    style = words.metric(name).style
    digits = 0 if style == "percent" else 2 if name != "ece" else 3
    if estimate.value is None:
        told = {"label": label, "value": "Not estimable", "interval": "", "words": f"Why: {estimate.reason}."}
        return told | {"missing": True}
    within = words.interval(estimate, style, digits)
    k, share = len(evidence.info.classes), words.of_100(estimate)
    said = {
        "macro_average_precision": "Mean over the labels of the area under precision and recall; for a label, chance "
        "is its share of the images.",
        "exact_match": f"Every label is right for {share} images.",
        "balanced_accuracy": f"Counting each of the {k} classes alike, the first answer is right for {share} images.",
        "auroc": "Shown one malignant and one benign image, it ranks the malignant one higher in "
        f"{share.replace(' of 100', ' of 100 pairs')}.",
        "macro_auroc": "Shown one image of a class and one of another, it ranks them the right way round in "
        f"{share.replace(' of 100', ' of 100 pairs')}, averaged over the classes.",
        "coverage": f"The answer set holds the true class for {share} images. " + words.made_for(evidence, estimate),
        "ece": f"Its confidence is off by {100 * estimate.value:.1f} points of 100 on average.",
    }[name]
    return {
        "label": label,
        "value": words.number(estimate.value, style, digits),
        "interval": f"{within}" if within else "no interval",
        "missing": False,
        "words": said.strip() + _chance(evidence, name) + (f" ({estimate.reason}.)" if estimate.reason else ""),
    }


_BESIDE_CHANCE = {
    "above": "Guessing gets {guess}.",
    "holds": "No better than chance, as far as these images tell: guessing gets {guess}.",
    "below": "Worse than chance: guessing gets {guess}.",
    "unknown": "Too few images to say whether that is better than chance, {guess}.",
}


def _chance(evidence: Evidence, name: str) -> str:
    """How a headline number stands beside chance, as a sentence; "" for one that isn't held against it."""
    m = next((m for m in against_chance(evidence) if m.metric == name), None)
    if m is None:
        return ""
    level = chance(evidence, m)
    if level == 1:
        return " All images are of one class, so it says nothing beside chance."
    of = "100" if name == "balanced_accuracy" else "100 pairs"
    return " " + _BESIDE_CHANCE[against(evidence, m)].format(guess=f"{100 * level:.0f} of {of}")


def _malignant(evidence: Evidence) -> tuple[list[str], str]:
    """What it would mean in use: sentences on malignant lesions caught and benign ones left alone, and a caution."""
    said = []
    for name in evidence.info.operating_points:
        caught = evidence.find(f"sensitivity_at_point_{name}", "malignant")
        alone = evidence.find(f"specificity_at_point_{name}", "malignant")
        if caught is not None and alone is not None and caught.value is not None and alone.value is not None:
            said.append(
                f"At the model's operating point “{words.label(name)}” it flags {words.of_100(caught)} malignant "
                f"images, and rightly leaves {words.of_100(alone)} benign ones alone."
            )
    if said:
        return said, "These thresholds were set beforehand, not on the images measured here."
    caught = evidence.find("sensitivity_at_specificity_0.90", "malignant")
    alone = evidence.find("specificity_at_sensitivity_0.90", "malignant")
    if caught is not None and caught.value is not None:
        said.append(f"Leaving 90 of 100 benign images alone, it flags {words.of_100(caught)} malignant ones.")
    if alone is not None and alone.value is not None:
        said.append(f"Flagging 90 of 100 malignant images, it leaves {words.of_100(alone)} benign ones alone.")
    return said, "Both thresholds were read off these same images: in use, expect a little less."


def _counts(evidence: Evidence) -> list[tuple[str, str]]:
    c = evidence.counts
    return [
        ("Images in the file", f"{c.rows:,}"),
        ("With a known diagnosis", f"{c.labelled:,}"),
        ("Answered", f"{c.ok:,}"),
        ("Refused", f"{c.refused:,}"),
        ("Could not be read", f"{c.error:,}"),
        (f"Independent units ({words.plural(evidence.unit)})", f"{c.units:,}"),
    ]


def _classes(evidence: Evidence) -> list[dict[str, str]]:
    counts = evidence.confusion
    kind = {True: "malignant", False: "benign", None: "neither"}
    return [
        {
            "code": c.code,
            "name": c.name,
            "kind": kind[c.malignant],
            "path": (c.diagnosis or "").replace(":", " › ") or words.NOT_PROVIDED,
            "note": c.note,
            "n": f"{sum(counts[i]):,}" if i < len(counts) else words.NOT_PROVIDED,
        }
        for i, c in enumerate(evidence.info.classes)
    ]


def _overall(evidence: Evidence) -> dict[str, list[Measured]]:
    """The whole table's estimates, by the section that shows them."""
    own = [m for m in evidence.measured if m.class_code is None and m.attribute is None and not part(m)]
    own.sort(key=lambda m: m.metric in _SETS and _SETS.index(m.metric))
    return {
        "answers": [m for m in own if m.metric not in (*_CALIBRATION, *_SETS)],
        "calibration": [m for m in own if m.metric in _CALIBRATION],
        "sets": [m for m in own if m.metric in _SETS],
    }


def _leaning(evidence: Evidence) -> str:
    """Whether it claims more or less than it gets right, over all images."""
    bins = [b for b in evidence.reliability if b.n and b.confidence is not None and b.accuracy is not None]
    n = sum(b.n for b in bins)
    if not n:
        return ""
    sure = sum(b.n * (b.confidence or 0.0) for b in bins) / n
    right = sum(b.n * (b.accuracy or 0.0) for b in bins) / n
    shown = [words.number(v, "percent", 0) for v in (sure, right)]
    told = f"On average it is {shown[0]} sure and right in {shown[1]}:"
    accuracy = evidence.find("accuracy")
    where = "unknown" if accuracy is None else side(accuracy, sure)
    if where == "unknown":
        return f"{told} too few images to say whether it is overconfident."
    if where == "holds":
        return f"{told} with so many images, that doesn't show it to be over- or underconfident overall."
    return f"{told} overall it is {'underconfident' if where == 'above' else 'overconfident'}."


def _held_in(evidence: Evidence) -> int | None:
    """In how many of the mistakes the answer set held the truth; None if there are no sets."""
    shown = evidence.mistakes
    return sum(m.target in m.answer_set for m in shown) if any(m.answer_set for m in shown) else None


def _forest_caption(metric: str, class_code: str | None) -> str:
    return words.metric(metric).label + (f", {class_code}" if class_code else "")


def _operating_points(evidence: Evidence) -> list[tuple[str, str]]:
    """The bundle's own thresholds, and what they gave where they were set."""
    return [(words.label(name), words.flatten(point)) for name, point in evidence.info.operating_points.items()]


def _licence(evidence: Evidence) -> dict[str, Any]:
    found = evidence.info.licence
    parts, credit = found.get("parts"), found.get("attribution")
    return {
        "answer": words.upper(str(found.get("answer") or "")) or words.NOT_PROVIDED,
        "parts": _record(parts) if isinstance(parts, Mapping) else [],
        "attribution": [str(a) for a in credit] if isinstance(credit, Sequence) and not isinstance(credit, str) else [],
    }


def _record(values: Mapping[str, Any]) -> list[tuple[str, str]]:
    return [(words.label(k), words.flatten(v)) for k, v in values.items()]


def _provenance(evidence: Evidence) -> list[tuple[str, str]]:
    info = evidence.info
    coverage, ood = info.coverage, info.ood_threshold
    return [
        ("Predictions file", evidence.predictions_file.replace("\\", "/").rpartition("/")[2]),
        ("Predictions SHA-256", evidence.predictions_sha256),
        ("Bundle digest", info.bundle),
        ("Dataset", info.dataset),
        ("Dataset digest", info.dataset_digest),
        ("Part", info.part),
        ("Sets calibrated to", "" if coverage is None else f"{100 * coverage:g}\N{NO-BREAK SPACE}% coverage"),
        ("Refusal threshold (strangeness score)", "" if ood is None else f"{ood:.4g}"),
        (
            "Intervals",
            f"{100 * evidence.level:g}\N{NO-BREAK SPACE}%, {evidence.resamples:,} resamples by {evidence.unit}",
        ),
        ("Seed", str(evidence.seed)),
        ("Measured at", evidence.created),
        ("Cutis", evidence.cutis),
        ("Evidence format", str(evidence.format)),
    ]
