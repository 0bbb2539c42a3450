"""The three numbers that matter, chosen the same way for the page and for the command line."""

from __future__ import annotations

from cutis.schema.estimate import Estimate
from cutis.schema.evidence import Evidence


def headline(evidence: Evidence) -> list[tuple[str, Estimate]]:
    """Exactly three (label, Estimate): balanced accuracy; AUROC of malignant against benign, or macro AUROC if the
    classes have no such grouping; coverage of the answer sets, or the calibration error if there are no sets. Where an
    image may have several labels: macro AUROC, macro average precision, and how often all labels are right.

    A number that was not measured at all comes as `Estimate.missing`.
    """
    return [(label, estimate) for label, _, estimate in chosen(evidence)]


def chosen(evidence: Evidence) -> list[tuple[str, str, Estimate]]:
    """As `headline`, with the metric's name between label and estimate."""
    if evidence.info.task == "multi-label":
        several = (
            ("Macro AUROC", "macro_auroc"),
            ("Macro average precision", "macro_average_precision"),
            ("All labels right", "exact_match"),
        )
        return [(label, name, _estimate(evidence, name, None)) for label, name in several]
    second: tuple[str, str, str | None] = ("Malignant or benign (AUROC)", "auroc", "malignant")
    if evidence.find("auroc", "malignant") is None:
        second = ("Macro AUROC", "macro_auroc", None)
    third: tuple[str, str, str | None] = ("Coverage of the answer sets", "coverage", None)
    if evidence.find("coverage") is None:
        third = ("Calibration error (ECE)", "ece", None)
    return [
        (label, name, _estimate(evidence, name, code))
        for label, name, code in (("Balanced accuracy", "balanced_accuracy", None), second, third)
    ]


def _estimate(evidence: Evidence, name: str, code: str | None) -> Estimate:
    found = evidence.find(name, code)
    if found is not None:
        return found.estimate
    counts = evidence.counts
    return Estimate.missing("it was not measured", n=counts.labelled, n_units=counts.units, unit=evidence.unit)
