"""Which rows of a dossier the pages speak of, and how they are named."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Literal

from cutis.report import words
from cutis.schema.dossier import CounterfactualRow, DossierEvidence, OodRow, ShiftRow
from cutis.schema.estimate import side
from cutis.schema.evidence import Evidence, Measured
from cutis.schema.tone import is_tone

Key = tuple[str, str | None]  # metric and class
Effect = Literal["worse", "better", "not shown", "unknown"]

# The measure that pages show first, where it was made.
_PREFERRED: tuple[Key, ...] = (
    ("balanced_accuracy", None),
    ("balanced_error", None),
    ("auroc", "malignant"),
    ("macro_auroc", None),
    ("accuracy", None),
)
_MORE_IS_WORSE = ("balanced_error", "ece", "brier", "aurc", "set_size", "refused")
MIDDLE = 3  # the severity of the first sentences
BESIDE_ALEXNET = ("be", "rbe")
_SUITES = {
    "medmnistc": "MedMNIST-C, dermoscopy",
    "monotone": "MedMNIST-C, made to rise evenly",
    "skin": "What skin photographs show",
}
_SCORES = {
    "msp": "MSP",
    "max_logit": "MaxLogit",
    "maxlogit": "MaxLogit",
    "energy": "Energy",
    "mahalanobis": "Mahalanobis",
    "relative_mahalanobis": "Relative Mahalanobis",
    "knn": "kNN",
    "vim": "ViM",
}
_KINDS = {
    "near": "a diagnosis it was never taught",
    "other modality": "images that are not of this kind",
    "not skin": "not skin",
    "other source": "skin images from elsewhere",
}
WORLDS = {"real": "photographs", "phantom": "drawn lesions"}


def shift_words(shift: str) -> str:
    return words.label(shift).replace("jpeg", "JPEG")


def suite_words(suite: str) -> str:
    return _SUITES.get(suite, words.label(suite))


def score_words(score: str) -> str:
    return _SCORES.get(score, words.label(score))


def attack_words(attack: str) -> str:
    return attack.upper() if len(attack) < 5 else words.upper(words.label(attack))


def norm_words(norm: str) -> str:
    return {"inf": "L\N{INFINITY}", "2": "L2"}.get(norm, norm)


def kind_words(kind: str) -> str:
    return _KINDS.get(kind, kind)


def metric_words(key: Key) -> str:
    return words.metric(key[0]).label + (f", {key[1]}" if key[1] else "")


def change_style(metric: str) -> str:
    return "points" if words.metric(metric).style == "percent" else "signed"


def unit_of(style: str) -> str:
    return " points" if style == "points" else ""


def strength(row: ShiftRow) -> str:
    """ "severity 3 (4 px)"."""
    return f"severity {row.severity}" + (f" ({amount(row)})" if row.value is not None else "")


def amount(row: ShiftRow) -> str:
    """ "4 pixels", "JPEG quality 7", from a unit that may say more ("pixels, radius"); "" if there is no value."""
    if row.value is None:
        return ""
    unit = row.unit.partition(",")[0].partition(" (")[0]
    named = len(unit) > 2 and unit[0].isupper()
    return " ".join(filter(None, (unit, f"{row.value:g}") if named else (f"{row.value:g}", unit)))


def keys(shifts: Iterable[ShiftRow]) -> list[Key]:
    """The measures made at each severity: the preferred first, then as they come."""
    found = list(dict.fromkeys((r.metric, r.class_code) for r in shifts if r.severity is not None))
    return sorted(found, key=lambda k: _PREFERRED.index(k) if k in _PREFERRED else len(_PREFERRED))


def primary(shifts: Sequence[ShiftRow]) -> Key | None:
    return next(iter(keys(shifts)), None)


def suites(shifts: Iterable[ShiftRow]) -> list[str]:
    return list(dict.fromkeys(r.suite for r in shifts))


def series(shifts: Iterable[ShiftRow], suite: str, key: Key) -> dict[str, list[ShiftRow]]:
    """By shift, the rows of one measure at severities 1 and up, mildest first."""
    found: dict[str, list[ShiftRow]] = {}
    for r in shifts:
        if r.suite == suite and (r.metric, r.class_code) == key and r.severity:
            found.setdefault(r.shift, []).append(r)
    return {name: sorted(rows, key=lambda r: r.severity or 0) for name, rows in found.items()}


def middle(rows: Sequence[ShiftRow]) -> ShiftRow:
    """The row of severity 3, or the one in the middle."""
    return next((r for r in rows if r.severity == MIDDLE), rows[len(rows) // 2])


def before(row: ShiftRow) -> float | None:
    """The measure on the same images, unchanged."""
    if row.estimate.value is None or row.change.value is None:
        return None
    return row.estimate.value - row.change.value


def middles(shifts: Sequence[ShiftRow], key: Key) -> list[ShiftRow]:
    """One row a shift, at the middle severity."""
    return [middle(rows) for suite in suites(shifts) for rows in series(shifts, suite, key).values()]


def more_is_worse(metric: str) -> bool:
    return metric.startswith(_MORE_IS_WORSE)


def harm(row: ShiftRow) -> float:
    """How much worse the measure is than on unchanged images; below 0 where it is better, or the change isn't known."""
    if row.change.value is None:
        return float("-inf")
    return row.change.value if more_is_worse(row.metric) else -row.change.value


def worst(rows: Iterable[ShiftRow]) -> ShiftRow | None:
    """The row that loses most; None if no change is known."""
    return max((r for r in rows if r.change.value is not None), key=harm, default=None)


def effect(row: ShiftRow) -> Effect:
    """What a change to the image is shown to do to the measure. "unknown", where there is no interval, is not "not
    shown": there are too few images to say."""
    where = side(row.change, 0.0)
    if where in ("unknown", "holds"):
        return "unknown" if where == "unknown" else "not shown"
    return "worse" if (where == "above") == more_is_worse(row.metric) else "better"


def tone_groups(evidence: Evidence) -> list[tuple[str, str]]:
    """(attribute, group) of the groups of skin tone that were measured, without the unknown."""
    found = dict.fromkeys(
        (m.attribute, m.group)
        for m in evidence.measured
        if m.attribute is not None and m.group is not None and m.group != "unknown" and is_tone(m.attribute)
    )
    return [(attribute, group) for attribute, group in found if attribute is not None and group is not None]


def known(evidence: Evidence, metric: str, class_code: str | None = None) -> Measured | None:
    found = evidence.find(metric, class_code)
    return found if found is not None and found.value is not None else None


def own_score(dossier: DossierEvidence) -> list[OodRow]:
    """The rows of the score that the bundle itself refuses by; of the first score if it has none or it wasn't tried."""
    method = (dossier.bundle.get("ood") or {}).get("method")
    names = [r.score for r in dossier.ood]
    chosen = method if method in names else next(iter(names), None)
    return [r for r in dossier.ood if r.score == chosen]


def everyone(rows: Iterable[CounterfactualRow]) -> list[CounterfactualRow]:
    return [r for r in rows if r.group == "all"]


def tones(rows: Iterable[CounterfactualRow]) -> list[CounterfactualRow]:
    """The rows whose change is of skin tone, by ITA, the lightest first."""
    return sorted((r for r in rows if r.unit == "ITA" and r.value is not None), key=lambda r: -(r.value or 0.0))
