"""Plain words for metrics, attributes and numbers; what is unknown reads "not provided"."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from cutis.report.metric_words import further
from cutis.schema.estimate import Estimate, Side
from cutis.schema.evidence import Evidence, Measured
from cutis.schema.remarks import beside_chance
from cutis.schema.tone import method

NOT_PROVIDED = "not provided"


@dataclass(frozen=True)
class Metric:
    """How a metric is named and printed: `style` is "percent", "decimal", "mean" or "count"; of a difference it is
    "points" (of 100) or "signed"."""

    label: str
    style: str
    meaning: str


_METRICS = {
    "accuracy": Metric("Accuracy", "percent", "images whose first answer is right"),
    "balanced_accuracy": Metric(
        "Balanced accuracy", "percent", "mean of the classes' sensitivities, so that rare ones count as much"
    ),
    "auroc": Metric("AUROC", "decimal", "how often a case is ranked above a non-case; 0.5 is a coin toss"),
    "macro_auroc": Metric("Macro AUROC", "decimal", "mean of the classes' one-against-rest AUROCs"),
    "sensitivity": Metric("Sensitivity", "percent", "images of the class that are called so (recall)"),
    "specificity": Metric("Specificity", "percent", "images of other classes that are not called so"),
    "brier": Metric(
        "Brier score", "decimal", "squared error of the probabilities, summed over classes: 0 is perfect, 2 the worst"
    ),
    "ece": Metric("Calibration error (ECE)", "decimal", "mean gap between confidence and accuracy; 0 is perfect"),
    "ece_adaptive": Metric("ECE, bins of equal mass", "decimal", "the same, with as many images in each bin"),
    "ece_classwise": Metric("ECE, mean over classes", "decimal", "the same for the probability of every class"),
    "brier_reliability": Metric("Brier: reliability", "decimal", "what miscalibration costs; 0 is perfect"),
    "brier_resolution": Metric("Brier: resolution", "decimal", "what telling cases apart gains; more is better"),
    "brier_uncertainty": Metric("Brier: uncertainty", "decimal", "the score of one who knows the class shares alone"),
    "aurc": Metric("AURC", "decimal", "mean error over all shares of images kept, the surest first"),
    "e_aurc": Metric("Excess AURC", "decimal", "how far that is from keeping all right answers first"),
    "coverage": Metric("Coverage of the sets", "percent", "images whose true class is in the answer set"),
    "coverage_per_lesion": Metric(
        "Coverage, each lesion once", "percent", "the same, a lesion counted by the share of its images"
    ),
    "set_size": Metric("Mean set size", "mean", "classes in an answer set"),
    "empty_sets": Metric("Empty sets", "percent", "images for which no class reached the threshold"),
    "refused": Metric("Refused", "percent", "images that the model declined to answer"),
    "false_positive_rate": Metric("False positive rate", "percent", "images of other classes that are called so"),
    "nar": Metric("NAR", "decimal", "range of the groups' accuracies over their mean; 0 is even"),
    "pqd": Metric("PQD", "decimal", "smallest over largest of the groups' accuracies; 1 is even"),
    "dpm": Metric("DPM", "decimal", "the same for how often a class is answered, mean over classes; 1 is even"),
    "eom": Metric("EOM", "decimal", "the same for sensitivity, mean over classes; 1 is even"),
    "eod": Metric("EOD", "decimal", "largest gap in a class's sensitivity, mean over classes; 0 is even"),
    "eod_light_dark": Metric("EOD, light against dark skin", "decimal", "the same for two groups of skin types"),
    "equalized_odds": Metric(
        "Equalized odds difference", "decimal", "larger gap, in sensitivity or false positive rate; 0 is even"
    ),
    "accuracy_kept": Metric("Accuracy among kept", "percent", "accuracy on the images it did not refuse"),
}
_SIGNED = ("points", "signed")
_ATTRIBUTES = {
    "sex": "sex",
    "age_band": "age",
    "anatom_site_1": "body site",
    "fitzpatrick_skin_type": "Fitzpatrick skin type",
    "image_type": "image type",
    "diagnosis_confirm_type": "how the diagnosis was confirmed",
    "source": "source",
}


def metric(name: str) -> Metric:
    """Words for a metric's name; a name not known here is printed as it is, with three decimals."""
    if name in _METRICS:
        return _METRICS[name]
    found = further(name)
    if found is not None:
        return Metric(*found)
    of_groups = re.fullmatch(r"(gap|worst|es_sd|es)_(.+)", name)
    if of_groups:
        return _between_groups(*of_groups.groups())
    at = re.fullmatch(r"(sensitivity|specificity)_at_(sensitivity|specificity)_(0?\.\d+)", name)
    if at:
        this, other, level = at.groups()
        shown = f"{this.capitalize()} at {other} {float(level):.2f}"
        return Metric(shown, "percent", "threshold read off these same data, so a little optimistic")
    kept = re.fullmatch(r"risk_at_coverage_(0?\.\d+)", name)
    if kept:
        share = f"{float(kept[1]):.0%}"
        return Metric(
            f"Error on the surest {share}", "percent", f"error when the least sure {1 - float(kept[1]):.0%} go"
        )
    point = re.fullmatch(r"(sensitivity|specificity)_at_point_(.+)", name)
    if point:
        this, called = point.groups()
        kind = "malignant images flagged" if this == "sensitivity" else "benign images left alone"
        return Metric(f"{this.capitalize()} at “{label(called)}”", "percent", f"{kind}, at a threshold set beforehand")
    return Metric(name.replace("_", " ").capitalize(), "decimal", "")


def _between_groups(form: str, name: str) -> Metric:
    of = metric(name)
    shown = of.label if of.label[1:2].isupper() else of.label[:1].lower() + of.label[1:]
    if form == "gap":
        return Metric(f"Gap in {shown}", "decimal", "largest minus smallest group; 0 is even")
    if form == "worst":
        return Metric(f"Worst group's {shown}", of.style, "the group that fares worst")
    by = "standard deviation" if form == "es_sd" else "sum of gaps"
    return Metric(f"Equity-scaled {shown} ({by})", of.style, "what is left after dividing by the spread of the groups")


def attribute(name: str) -> str:
    """ "body site", "sex by age" for "sex*age_band"."""
    return " by ".join(_ATTRIBUTES.get(part) or _tone_seen(part) or label(part) for part in name.split("*"))


def _tone_seen(part: str) -> str:
    seen = method(part)
    return "" if not seen else f"skin tone as {'Cutis' if seen == 'cutis' else seen} sees it"


def upper(text: str) -> str:
    """`text` with its first letter as a capital."""
    return text[:1].upper() + text[1:]


def sentence(text: str) -> str:
    return upper(text).rstrip(".") + "."


def plural(unit: str, n: int = 2) -> str:
    return unit if n == 1 else " or ".join(f"{one}s" for one in unit.split(" or "))


def number(value: float, style: str, digits: int | None = None) -> str:
    """The value as printed: "56.3 %", "0.912", "1.84", "1,512".

    >>> number(0.5634, "percent"), number(0.5634, "percent", 0), number(1512, "count")
    ('56.3 %', '56 %', '1,512')
    """
    if style == "percent":
        return f"{100 * value:.{1 if digits is None else digits}f}\N{NO-BREAK SPACE}%"
    if style == "count":
        return f"{value:,.0f}"
    if style in _SIGNED:
        shown = f"{100 * value:+.{1 if digits is None else digits}f}" if style == "points" else f"{value:+.3f}"
        return (shown if shown.strip("+-0.") else shown[1:]).replace("-", "\N{MINUS SIGN}")
    return f"{value:.{(2 if style == 'mean' else 3) if digits is None else digits}f}"


def interval(estimate: Estimate | Measured, style: str, digits: int | None = None) -> str:
    """The interval as printed, "52.1–60.4", of a difference "−3.1 to +0.2"; "" if there is none."""
    if estimate.low is None or estimate.high is None:
        return ""
    low, high = (number(v, style, digits).removesuffix("\N{NO-BREAK SPACE}%") for v in (estimate.low, estimate.high))
    return f"{low} to {high}" if style in _SIGNED else f"{low}–{high}"


def estimate_text(estimate: Estimate | Measured, style: str, digits: int | None = None) -> str:
    """ "56.3 % (52.1–60.4)", or "not estimable: why"."""
    if estimate.value is None:
        return f"not estimable: {estimate.reason or 'no reason given'}"
    within = interval(estimate, style, digits)
    return number(estimate.value, style, digits) + (f" ({within})" if within else " (no interval)")


def of_100(estimate: Estimate | Measured) -> str:
    """A share in natural frequency: "88 of 100 (82–93)", or "88 of 100 (no interval)"."""
    if estimate.value is None:
        return estimate_text(estimate, "percent")
    return f"{100 * estimate.value:.0f} of 100 ({interval(estimate, 'percent', 0) or 'no interval'})"


def too_few(estimate: Estimate | Measured) -> str:
    """Why nothing can be said of a number that has no interval: "too few images to say; only 8 lesions..."."""
    return "too few images to say" + (f"; {estimate.reason.rstrip('.')}" if estimate.reason else "")


_KEPT: dict[Side, str] = {
    "below": "Here it doesn't.",
    "holds": "Here that is kept, as far as these images tell.",
    "above": "Here it holds it more often: the sets are larger than they need be.",
    "unknown": "Too few images to say whether it does here.",
}


def made_for(evidence: Evidence, covered: Estimate) -> str:
    """What the answer sets were made for, on whose images, and whether they keep it here; "" without a promise."""
    meant, on = evidence.info.coverage, evidence.info.calibrated_on
    if meant is None:
        return ""
    where = f"on the validation part of {on}" if on else "on validation images"
    return f"It was made to hold it for {100 * meant:g} of 100, {where}. {_KEPT[beside_chance(covered, meant)]}"


def day(iso: str) -> str:
    """ "22 November 2026" from an ISO 8601 time; the text itself if it isn't one."""
    try:
        when = datetime.fromisoformat(iso)
    except ValueError:
        return iso or NOT_PROVIDED
    return f"{when.day} {when:%B %Y}"


def short(digest: str) -> str:
    """The first 12 signs of a digest, without the algorithm's prefix."""
    return digest.rpartition(":")[2][:12]


def flatten(value: Any) -> str:
    """A value from a free-form record as one line of text."""
    if value is None or value == "" or value == {} or value == [] or value == ():
        return NOT_PROVIDED
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, int):
        return f"{value:,}"
    if isinstance(value, float):
        return f"{value:,.4g}"
    if isinstance(value, Mapping):
        return ", ".join(f"{label(k)} {flatten(v)}" for k, v in value.items())
    if isinstance(value, Sequence) and not isinstance(value, str):
        return ", ".join(flatten(v) for v in value)
    return str(value)


def label(key: object) -> str:
    return str(key).replace("_", " ")


def methods(evidence: Evidence) -> str:
    """One sentence on how the intervals were made."""
    if evidence.resamples < 1:
        return "No intervals were computed."
    return (
        f"Intervals are {100 * evidence.level:g}\N{NO-BREAK SPACE}% bootstrap intervals from {evidence.resamples:,} "
        f"resamples of {plural(evidence.unit)} (seed {evidence.seed})."
    )
