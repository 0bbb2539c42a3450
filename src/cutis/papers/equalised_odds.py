"""A threshold a group, so that both error rates are the same in all groups: fairness after training.

Hardt, Price & Srebro, "Equality of opportunity in supervised learning", NeurIPS 2016, arXiv:1610.02413, section 4,
through fairlearn's ThresholdOptimizer. Idea: each group's score is cut at its own thresholds, and between two of them
by chance, where the groups' ROC curves meet; among these the point with the best balanced accuracy is taken.

What we do differently: nothing but that it is about malignant or not. It must be told the group when it is used, it
answers partly by a throw of dice, and it is fitted on validation images: it is a baseline here, no part of a bundle.
"""

from __future__ import annotations

from importlib.util import find_spec
from typing import Any

import numpy as np
import polars as pl
from sklearn.base import BaseEstimator

from cutis.errors import CutisError

MALIGNANT, BENIGN = "malignant", "benign"


def equalised_odds(fit: pl.DataFrame, table: pl.DataFrame, column: str, *, seed: int = 0) -> pl.DataFrame:
    """`table` with `target` and `predicted` as "malignant" or "benign", cut by group; rows of unknown group are left
    out.

    fit, table: p_malignant (0..1), malignant (bool) and `column`, as `cutis.papers.trial.predicted` gives them. seed:
    of the dice. Raises CutisError for one group only, a group of `table` that `fit` lacks, or without both kinds in
    it.
    """
    if not find_spec("fairlearn"):
        raise CutisError("thresholds by group need fairlearn, which is not installed: pip install fairlearn")
    from fairlearn.postprocessing import ThresholdOptimizer

    fit, table = (_known(t, column) for t in (fit, table))
    kinds = fit.group_by(column).agg(pl.col("malignant").n_unique()).sort(column)
    if len(kinds) < 2:
        raise CutisError(f"equalised odds: column {column}: one group only among the images to fit on.")
    for group, n in kinds.iter_rows():
        if n < 2:
            raise CutisError(f'equalised odds: column {column}: "{group}" lacks malignant or benign images to fit on.')
    strange = sorted(set(table[column]) - set(kinds[column]))
    if strange:
        raise CutisError(f'equalised odds: column {column}: nothing was fitted for "{strange[0]}".')
    cut: Any = ThresholdOptimizer(
        estimator=_AsGiven(),
        constraints="equalized_odds",
        objective="balanced_accuracy_score",
        prefit=True,
        predict_method="predict_proba",
    )
    cut.fit(_scores(fit), fit["malignant"].to_numpy().astype(int), sensitive_features=fit[column].to_numpy())
    said = cut.predict(_scores(table), sensitive_features=table[column].to_numpy(), random_state=seed)
    return _answered(table, np.asarray(said).astype(bool))


def one_threshold(fit: pl.DataFrame, table: pl.DataFrame, column: str) -> pl.DataFrame:
    """The same with one threshold for all, which has the best balanced accuracy on `fit`: what it is compared with."""
    fit, table = (_known(t, column) for t in (fit, table))
    p, sick = fit["p_malignant"].to_numpy(), fit["malignant"].to_numpy()
    cuts = np.unique(p)
    balanced = [((p >= c)[sick].mean() + (p < c)[~sick].mean()) / 2 for c in cuts]
    return _answered(table, table["p_malignant"].to_numpy() >= cuts[int(np.argmax(balanced))])


class _AsGiven(BaseEstimator):  # type: ignore[misc]
    """An estimator whose scores are its input. fairlearn asks a fitted one for `predict_proba`."""

    classes_ = np.array([0, 1])

    def fit(self, x: np.ndarray, y: np.ndarray) -> _AsGiven:
        return self

    def __sklearn_is_fitted__(self) -> bool:
        return True

    def predict_proba(self, x: np.ndarray) -> np.ndarray:
        return np.asarray(x)


def _scores(table: pl.DataFrame) -> np.ndarray:
    p = table["p_malignant"].to_numpy()
    return np.stack([1 - p, p], axis=1)


def _known(table: pl.DataFrame, column: str) -> pl.DataFrame:
    return table.with_columns(pl.col(column).cast(pl.String)).drop_nulls([column, "p_malignant", "malignant"])


def _answered(table: pl.DataFrame, said: np.ndarray) -> pl.DataFrame:
    word = pl.when(pl.col("malignant")).then(pl.lit(MALIGNANT)).otherwise(pl.lit(BENIGN))
    return table.with_columns(target=word, predicted=pl.Series(np.where(said, MALIGNANT, BENIGN).tolist()))
