"""How far labels can be trusted: how they were confirmed, how sure readers were, and which ones don't fit their image.

Suspected label errors are found by confident learning (Northcutt, Jiang & Chuang, "Confident Learning: Estimating
Uncertainty in Dataset Labels", JAIR 70, 2021) through cleanlab: from out-of-fold probabilities, the confident joint of
given and likely labels says how many labels of each class are wrong, and those with the largest margin for the other
class are named ("prune by noise rate"). No patient or lesion is in two folds, else a lesion's second photograph would
vouch for a wrong label of the first.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import polars as pl

from cutis.data.colour_features import read_features
from cutis.data.dataset import Dataset
from cutis.errors import CutisError, nearest
from cutis.extras import missing
from cutis.progress import Progress, silent
from cutis.schema.classes import ClassInfo
from cutis.schema.finding import Finding
from cutis.schema.identity import group_ids
from cutis.schema.predictions import Predictions
from cutis.schema.vocabulary import diagnosis_levels

CHECK = "label doubt"
FOLDS = 5
# A doubt is strong where the given label has less than the one and another class more than the other. Of 5 % of labels
# flipped at random in HAM10000, the strong doubts held two thirds, and were a flip in every second case.
_STRONG_GIVEN, _STRONG_OTHER = 0.05, 0.5
PATHOLOGY = "histopathology"
_UNKNOWN = "unknown"


def confirmation(manifest: pl.DataFrame) -> pl.DataFrame:
    """How the labels of each class were confirmed: target, confirmed_by ("unknown" where it isn't said), images, share.

    share is of the class's images, 0..1. Sorted by class, the commonest first. Unlabelled images are left out.
    """
    table = manifest.filter(pl.col("target").is_not_null()).select(
        "target", confirmed_by=pl.col("diagnosis_confirm_type").fill_null(_UNKNOWN)
    )
    counts = table.group_by("target", "confirmed_by").agg(images=pl.len())
    share = pl.col("images") / pl.col("images").sum().over("target")
    return counts.with_columns(share=share).sort("target", "images", "confirmed_by", descending=[False, True, False])


@dataclass(frozen=True)
class SoftTargets:
    """What readers thought, as probabilities.

    p: (n, classes) float64; known rows sum to one, the others are NaN. known: (n,) bool. kept: (n,) share of the
    readers' weight that fell on one of the classes, before it was scaled up to one; NaN where not known.
    """

    p: np.ndarray
    known: np.ndarray
    kept: np.ndarray


def soft_targets(manifest: pl.DataFrame, classes: Sequence[ClassInfo]) -> SoftTargets:
    """Soft targets from `differential` (weighted diagnoses) where a row has one, else one-hot from `target`.

    A diagnosis belongs to the class whose code or name it is, else to the class highest up its path in the ISIC
    hierarchy. Weight on diagnoses of no class is dropped and the rest scaled to one; `kept` says how much was left, so
    that rows below a share of your choosing can be left out. A row with no weight on any class and no target is not
    known: never a uniform guess.

    An `Objective` may take `p` in place of labels: cross entropy against it is -sum(p log q), which is at its least
    where the model is as unsure as the readers were, and equals the usual loss on one-hot rows. Rows that aren't known
    must not enter the mean.

    Raises CutisError for a target that is none of `classes`.
    """
    codes = [c.code for c in classes]
    place = {code: k for k, code in enumerate(codes)}
    p = np.full((len(manifest), len(classes)), np.nan)
    kept = np.full(len(manifest), np.nan)
    index = _Diagnoses(classes)
    differentials = manifest["differential"].to_list() if "differential" in manifest.columns else [None] * len(manifest)
    for i, (target, readers) in enumerate(zip(manifest["target"].to_list(), differentials, strict=True)):
        weights = np.zeros(len(classes))
        for entry in readers or ():
            k = index.find(entry["diagnosis"])
            if k is not None and entry["weight"] is not None:
                weights[k] += entry["weight"]
        if weights.sum() > 0:
            total = sum(e["weight"] or 0.0 for e in readers)
            p[i], kept[i] = weights / weights.sum(), min(weights.sum() / total, 1.0)
        elif target is not None:
            if target not in place:
                raise CutisError(f'row {i + 1}: target "{target}": {nearest(target, codes)}')
            p[i], kept[i] = np.eye(len(classes))[place[target]], 1.0
    return SoftTargets(p, ~np.isnan(kept), kept)


class _Diagnoses:
    """Which class a diagnosis in a differential belongs to."""

    def __init__(self, classes: Sequence[ClassInfo]) -> None:
        self._names = {name.casefold(): k for k, c in reversed([*enumerate(classes)]) for name in (c.name, c.code)}
        paths = sorted(((c.diagnosis, k) for k, c in enumerate(classes) if c.diagnosis), key=lambda x: x[0].count(":"))
        self._paths = [(tuple(path.split(":")), k) for path, k in paths]
        self._found: dict[str, int | None] = {}

    def find(self, diagnosis: str) -> int | None:
        if diagnosis not in self._found:
            self._found[diagnosis] = self._look(diagnosis)
        return self._found[diagnosis]

    def _look(self, diagnosis: str) -> int | None:
        if (k := self._names.get(diagnosis.casefold())) is not None:
            return k
        try:
            levels = diagnosis_levels(diagnosis)
        except CutisError:
            return None
        return next((k for path, k in self._paths if levels[: len(path)] == path), None)


def out_of_fold(
    features: np.ndarray, labels: np.ndarray, groups: np.ndarray, *, folds: int = FOLDS, seed: int = 0
) -> np.ndarray:
    """(n, classes) probabilities of a linear classifier that never saw the row's group.

    features: (n, d). labels: (n,) class numbers 0..k-1. groups: (n,). A class absent from a fold's training part has
    probability 0 there. The classifier is linear discriminant analysis with a tenth of shrinkage: closed form, seconds
    for ten thousand images where logistic regression takes minutes, and here no less accurate.
    """
    from sklearn.discriminant_analysis import LinearDiscriminantAnalysis
    from sklearn.model_selection import StratifiedGroupKFold
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import StandardScaler

    p = np.zeros((len(labels), int(labels.max()) + 1))
    dealt = StratifiedGroupKFold(folds, shuffle=True, random_state=seed).split(features, labels, groups)
    for train, test in dealt:
        model = make_pipeline(StandardScaler(), LinearDiscriminantAnalysis(solver="lsqr", shrinkage=0.1))
        model.fit(features[train], labels[train])
        p[np.ix_(test, model.classes_)] = model.predict_proba(features[test])
    return p


def label_issues(labels: np.ndarray, p: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """(row numbers of suspected label errors, the most doubtful first; (n,) quality of every label).

    labels: (n,) class numbers. p: (n, classes) out-of-fold probabilities. Quality is the probability of the given
    label (self-confidence), 0..1. Every class must hold a row.
    """
    from cleanlab.filter import find_label_issues
    from cleanlab.rank import get_label_quality_scores

    quality = get_label_quality_scores(labels, p, method="self_confidence")
    doubtful = find_label_issues(labels, p, filter_by="prune_by_noise_rate", n_jobs=1)
    doubtful &= p.argmax(1) != labels  # what the rows' own likeliest class confirms is no suspect
    rows = np.flatnonzero(doubtful)
    return rows[np.argsort(quality[rows], kind="stable")], quality


def label_doubts(
    dataset: Dataset,
    *,
    predictions: Predictions | None = None,
    folds: int = FOLDS,
    seed: int = 0,
    progress: Progress[Any] = silent,
) -> list[Finding]:
    """Suspected label errors of `dataset`, the most doubtful first; the score is the label's quality.

    A strong doubt is a "warning", the others are "note": of a weak classifier's doubts most are its own mistakes.

    predictions: of a better model, for these images; they must be out of sample (cross-validated, or by a model
    trained on other people), or the model repeats the errors that it learned. Without them, colours and a thumbnail
    are judged (`colour_features`) by cross-validation over groups.

    Where doubts can't be raised, one "note" says why: images absent, too few groups in all classes but one, a
    classifier that is no better than chance (its doubts would be noise), cleanlab not installed.
    Raises CutisError for predictions of other classes or none of these images.
    """
    name = dataset.card.name

    def cannot(why: str) -> list[Finding]:
        return [Finding(CHECK, "note", f"not estimable: {why}", name)]

    if missing("labels"):
        return cannot("cleanlab is not installed: pip install 'cutis[labels]'")
    numbered = dataset.manifest.with_columns(group=pl.Series(group_ids(dataset.manifest)))
    rows = numbered.filter((pl.col("status") == "ok") & pl.col("target").is_not_null())
    if rows.is_empty():
        return cannot("no labelled image is here")
    if predictions is not None:
        rows, p = _given(rows, predictions, dataset)
        codes, how = predictions.codes, "by the predictions given"
        rows = rows.sort("image_id")
        labels = _numbers(rows, codes)
        held = np.unique(labels)
        labels, p, codes = np.searchsorted(held, labels), p[:, held], [codes[k] for k in held]
        p = p / np.maximum(p.sum(1, keepdims=True), 1e-12)
    else:
        enough = rows.group_by("target").agg(pl.col("group").n_unique()).filter(pl.col("group") >= folds)
        codes = [c for c in dataset.codes if c in set(enough["target"])]
        if len(codes) < 2:
            return cannot(f"fewer than two classes have {folds} groups or more to cross-validate over")
        rows = rows.filter(pl.col("target").is_in(codes)).sort("image_id")
        features, read = read_features([dataset.path / f for f in rows["file"]], progress)
        rows, features = rows.filter(pl.Series(read)), features[read]
        labels = _numbers(rows, codes)
        if len(np.unique(labels)) < len(codes):
            return cannot("no image of a class can be read")
        p, how = out_of_fold(features, labels, rows["group"].to_numpy(), folds=folds, seed=seed), "by its colours"
    if len(codes) < 2:
        return cannot("only one class is labelled")
    recall, margin = _recall(labels, p)
    if recall <= 1 / len(codes) + margin:
        return cannot(f"what is judged {how} finds {100 * recall:.0f} % of each class, no better than chance")
    doubtful, quality = label_issues(labels, p)
    likely = p.argmax(1)
    ids = rows["image_id"].to_list()
    return [
        Finding(
            CHECK,
            "warning" if p[i, labels[i]] < _STRONG_GIVEN and p[i, likely[i]] > _STRONG_OTHER else "note",
            f'labelled "{codes[labels[i]]}", looks like "{codes[likely[i]]}" {how} '
            f"({p[i, likely[i]]:.2f} against {p[i, labels[i]]:.2f})",
            name,
            ids[i],
            score=float(quality[i]),
        )
        for i in doubtful.tolist()
    ]


def _numbers(rows: pl.DataFrame, codes: Sequence[str]) -> np.ndarray:
    return rows["target"].replace_strict(list(codes), list(range(len(codes))), return_dtype=pl.Int64).to_numpy()


def _given(rows: pl.DataFrame, predictions: Predictions, dataset: Dataset) -> tuple[pl.DataFrame, np.ndarray]:
    """The rows that `predictions` answer, and their probabilities, both sorted by image_id."""
    stray = set(rows["target"]) - set(predictions.codes)
    if stray:
        raise CutisError(
            f'the predictions know no class "{min(stray)}" of {dataset.path}: {nearest(min(stray), predictions.codes)}'
        )
    answered = predictions.answered
    columns = {f"p_{c}": f"__{k}" for k, c in enumerate(answered.codes)}
    table = rows.join(answered.table.select("image_id", *columns).rename(columns), on="image_id").sort("image_id")
    if table.is_empty():
        raise CutisError(f"the predictions hold none of the labelled images of {dataset.path}.")
    return table.select(rows.columns), table.select(columns.values()).to_numpy()


def _recall(labels: np.ndarray, p: np.ndarray) -> tuple[float, float]:
    """Balanced accuracy, and two of its standard errors (of a mean of independent shares)."""
    hit = p.argmax(1) == labels
    n = np.bincount(labels)
    share = np.bincount(labels, hit) / n
    return float(share.mean()), 2 * float(np.sqrt((share * (1 - share) / n).sum())) / len(n)
