"""Plain words for the metrics of usefulness, lists of answers, the tree of diagnoses, several labels and challenges."""

from __future__ import annotations

import re

Words = tuple[str, str, str]  # label, style, meaning

_FIXED: dict[str, Words] = {
    "average_precision": (
        "Average precision",
        "decimal",
        "area under precision and recall; the share of cases is chance",
    ),
    "macro_average_precision": ("Macro average precision", "decimal", "mean of the labels' average precisions"),
    "reciprocal_rank": (
        "Mean reciprocal rank",
        "decimal",
        "1 where the true class comes first, 1/2 where it is second, and so on",
    ),
    "tree_distance": ("Distance on the ISIC tree", "mean", "mean steps from the answer to the truth; 0 is right"),
    "differential_reciprocal_rank": (
        "Reciprocal rank of the readers' first diagnosis",
        "decimal",
        "1 where the model has it first too",
    ),
    "balanced_error": ("Balanced error", "percent", "1 minus balanced accuracy"),
    "balanced_error_change": ("Rise in balanced error", "percent", "changed minus unchanged images"),
    "be": (
        "Error beside AlexNet's (BE)",
        "mean",
        "balanced error over the severities; AlexNet trained on DermaMNIST: 1",
    ),
    "rbe": ("Rise in error beside AlexNet's (rBE)", "mean", "what the corruption adds to the error; AlexNet's rise: 1"),
    "prevalence": ("Share of malignant images here", "percent", "predictive values hold where it is the same"),
    "exact_match": ("All labels right", "percent", "images whose every label is right"),
    "label_accuracy": ("Label accuracy", "percent", "labels that are right"),
}
_VALUES: dict[str, Words] = {
    "ppv": ("Positive predictive value", "percent", "flagged images that are malignant"),
    "npv": ("Negative predictive value", "percent", "images left alone that are benign"),
    "accuracy": ("Accuracy", "percent", "images called right"),
    "nnb": ("Number needed to biopsy", "mean", "flagged images for each malignant one among them"),
}
_SCORES = {
    "auc": ("AUC", "decimal"),
    "class_auc": ("AUC", "decimal"),
    "auc_sens_80": ("AUC above sensitivity 0.80 (perfect: 1)", "decimal"),
    "pauc": ("pAUC above TPR 0.80 (perfect: 0.2)", "decimal"),
    "ap": ("average precision", "decimal"),
    "acc": ("accuracy", "percent"),
    "dice": ("Dice", "percent"),
    "ppv": ("PPV", "percent"),
    "npv": ("NPV", "percent"),
    "top15_sensitivity": ("malignancies among their patient's top 15", "percent"),
    "top15_by_patient": ("malignancies among the top 15, mean over patients", "percent"),
}


def further(name: str) -> Words | None:
    """Label, style and meaning of a metric of these kinds; None for another."""
    if name in _FIXED:
        return _FIXED[name]
    protocol = re.fullmatch(r"([a-z0-9]+):(macro_)?(.+)", name)
    if protocol:
        challenge, macro, score = protocol.groups()
        shown, style = _SCORES.get(score, (score.replace("_", " "), "percent"))
        return f"{_challenge(challenge)} {'mean ' if macro else ''}{shown}", style, "by the challenge's own rules"
    value = re.fullmatch(r"(ppv|npv|nnb|accuracy)(?:_at_prevalence_([\d.e-]+))?_at_point_(.+)", name)
    if value:
        kind, prevalence, point = value.groups()
        label, style, meaning = _VALUES[kind]
        where = f", if {100 * float(prevalence):g}\N{NO-BREAK SPACE}% were malignant" if prevalence else ""
        return f"{label} at “{point.replace('_', ' ')}”{where}", style, meaning
    benefit = re.fullmatch(r"net_benefit_at_(0\.\d+)", name)
    if benefit:
        return f"Net benefit at a threshold of {100 * float(benefit[1]):.0f}\N{NO-BREAK SPACE}%", "decimal", ""
    top = re.fullmatch(r"top_(\d+)_accuracy", name)
    if top:
        return f"Top {top[1]} accuracy", "percent", f"images whose true class is among the {top[1]} likeliest answers"
    level = re.fullmatch(r"accuracy_level_(\d)", name)
    if level:
        meaning = f"images whose answer agrees with the truth down to level {level[1]} of the ISIC tree"
        return f"Accuracy at level {level[1]}", "percent", meaning
    of = re.fullmatch(r"differential_(recall|overlap)_(\d)", name)
    if of and of[1] == "recall":
        meaning = "weight of the readers' differential that they hold"
        return f"Differential in the top {of[2]}", "percent", meaning
    if of:
        return (
            f"Overlap with the differential, {of[2]} deep",
            "decimal",
            "average overlap of the two lists; 1 is the same",
        )
    return None


def _challenge(name: str) -> str:
    return "MedMNIST" if name == "medmnist" else name.upper().replace("ISIC", "ISIC ")
