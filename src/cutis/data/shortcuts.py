"""Shortcuts: whether something that isn't the skin gives the diagnosis away (file size, clinic, how it was confirmed).

A classifier that knows one attribute only, and of it only how often each class goes with each value, is
cross-validated over patients or lesions. If it ranks classes well, a network can too, without looking at the lesion:
Winkler et al., JAMA Dermatol. 155, 2019 (surgical markings); Bissoto et al., CVPR-W 2020 (what is left when the
lesion is masked out).
"""

from __future__ import annotations

import numpy as np
import polars as pl

from cutis.data.dataset import Dataset
from cutis.schema.finding import Finding
from cutis.schema.identity import group_ids

CHECK = "shortcut"
FOLDS = 5
TELLING = 0.7  # AUROC from which it is a warning
_MOST_VALUES = 200


def shortcuts(dataset: Dataset, *, seed: int = 0) -> list[Finding]:
    """One finding for each attribute with two values or more: the AUROC by which it alone predicts the class.

    The score is the mean over classes (of five groups or more) of the one-against-rest AUROC, 0.5 is chance; from 0.7
    on it is a warning. Where fewer than two classes have five groups: one note, not estimable.
    """
    name = dataset.card.name
    table = dataset.manifest.with_columns(group=pl.Series(group_ids(dataset.manifest)))
    table = table.filter((pl.col("status") != "error") & pl.col("target").is_not_null())
    enough = table.group_by("target").agg(pl.col("group").n_unique()).filter(pl.col("group") >= FOLDS)["target"]
    table = table.filter(pl.col("target").is_in(enough.to_list()))
    if len(enough) < 2:
        why = f"not estimable: fewer than two classes have {FOLDS} patients or lesions"
        return [Finding(CHECK, "note", why, name)]
    folds = _folds(table["group"].to_numpy(), seed)
    y = table["target"].rank("dense").to_numpy().astype(np.int64) - 1
    size = pl.concat_str(pl.col("width", "height").cast(pl.String), separator=" x ")
    attributes = {
        "image size": size,
        "source": pl.col("source"),
        "how the diagnosis was confirmed": pl.col("diagnosis_confirm_type"),
        "image type": pl.col("image_type"),
        "licence": pl.col("copyright_license"),
    }
    found = []
    for words, expression in attributes.items():
        values = table.select(expression.fill_null("unknown").alias("v"))["v"]
        if not 2 <= values.n_unique() <= max(_MOST_VALUES, len(table) // 20):
            continue
        auroc = _auroc(values.rank("dense").to_numpy().astype(np.int64) - 1, y, folds)
        if auroc is not None:
            said = f"{words} alone predicts the class with AUROC {auroc:.2f} (0.5 is chance)"
            found.append(Finding(CHECK, "warning" if auroc >= TELLING else "note", said, name, score=auroc))
    return found


def _folds(groups: np.ndarray, seed: int) -> np.ndarray:
    """A fold for each row, whole groups together."""
    numbers, inverse = np.unique(groups, return_inverse=True)
    dealt = np.random.default_rng(seed).permutation(len(numbers)) % FOLDS
    return dealt[inverse]


def _auroc(value: np.ndarray, y: np.ndarray, folds: np.ndarray) -> float | None:
    """Mean one-against-rest AUROC of the class frequencies by value, learned on the other folds.

    Averaged over folds, as frequencies of different folds don't share a scale. None if no fold holds two classes.
    """
    from sklearn.metrics import roc_auc_score

    k, kinds = int(y.max()) + 1, int(value.max()) + 1
    found = []
    for fold in range(FOLDS):
        test = folds == fold
        seen = np.zeros((kinds, k))
        np.add.at(seen, (value[~test], y[~test]), 1)
        prior = np.bincount(y[~test], minlength=k) / max((~test).sum(), 1)
        p = (seen + 5 * prior) / (seen.sum(1, keepdims=True) + 5)  # a value never seen says what all say
        for c in range(k):
            here = y[test] == c
            if here.any() and not here.all():
                found.append((c, roc_auc_score(here, p[value[test], c])))
    of_class = [np.mean([a for c, a in found if c == k_]) for k_ in sorted({c for c, _ in found})]
    return float(np.mean(of_class)) if of_class else None
