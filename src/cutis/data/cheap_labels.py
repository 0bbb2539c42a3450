"""A few cheap labels of an artefact, by anyone, spread to all images by a detector learned from them.

Cheplygina et al., "Augmenting chest X-ray datasets with non-expert annotations" (NEATX), arXiv:2309.02244. Idea:
seeing a tube, a ruler or a pen mark takes no expert; a detector learned from such labels says for every image whether
it is there, and that column is what an audit groups by and a mechanism unlearns.

    p = sigmoid(w . z(x) + b),  z the features scaled to deviation 1, w with a ridge chosen by cross-validation

What we do differently: a logistic regression on features that are there already (a bundle's, by `cutis.bundle.embed`,
or colours), not a network of its own: hundreds of labels are enough for it, and it takes a second. It is judged on
images of patients or lesions that it didn't learn from, against the labels that it was given, and against an expert's
where there are some.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import polars as pl

from cutis.errors import CutisError

FOLDS = 5
FEWEST = 10  # labels of each kind
PRESENT, ABSENT = "yes", "no"


@dataclass(frozen=True)
class Spread:
    """table: image_id, p (probability that it is there), value ("yes", "no"), of every image with features.

    auroc, kappa: of predictions across folds against the labels given; chance is 0.5 and 0. threshold: on p, at which
    the detector says yes as often as the labels do. expert_auroc, expert_kappa: against an expert's labels, of images
    that nobody else labelled; None without them.
    """

    table: pl.DataFrame
    auroc: float
    kappa: float
    threshold: float
    labels: int
    expert_auroc: float | None = None
    expert_kappa: float | None = None


def spread_labels(
    labels: Mapping[str, bool],
    image_ids: list[str],
    features: np.ndarray,
    groups: np.ndarray,
    *,
    expert: Mapping[str, bool] | None = None,
) -> Spread:
    """A detector from cheap labels, and what it says of every image.

    labels: image_id -> whether it is there. features: (n, d) of `image_ids`. groups: (n,) patient or lesion of each,
    kept together in a fold. Raises CutisError for fewer than 10 labels of a kind, or of fewer than 5 patients or
    lesions.
    """
    from sklearn.metrics import cohen_kappa_score, roc_auc_score
    from sklearn.model_selection import StratifiedGroupKFold, cross_val_predict

    place = {image: k for k, image in enumerate(image_ids)}
    known = [image for image in labels if image in place]
    rows = np.array([place[image] for image in known], dtype=np.int64)
    y = np.array([labels[image] for image in known], dtype=bool)
    for value, words in ((True, "with"), (False, "without")):
        if (y == value).sum() < FEWEST:
            raise CutisError(
                f"cheap labels: {(y == value).sum()} of the dataset's images are labelled {words} it; {FEWEST} or more "
                "are needed."
            )
        if len(np.unique(groups[rows][y == value])) < FOLDS:
            raise CutisError(f"cheap labels: those {words} it are of fewer than {FOLDS} patients or lesions.")
    folds = StratifiedGroupKFold(FOLDS, shuffle=True, random_state=0)
    p = cross_val_predict(_detector(), features[rows], y, groups=groups[rows], cv=folds, method="predict_proba")[:, 1]
    threshold = float(np.quantile(p, 1 - y.mean()))
    made = _detector().fit(features[rows], y)
    every = made.predict_proba(features)[:, 1]
    table = pl.DataFrame({"image_id": image_ids, "p": every}).with_columns(
        value=pl.when(pl.col("p") >= threshold).then(pl.lit(PRESENT)).otherwise(pl.lit(ABSENT))
    )
    judged: dict[str, float | None] = {"expert_auroc": None, "expert_kappa": None}
    fresh = [image for image in expert or {} if image in place and image not in labels]
    if expert and len({expert[image] for image in fresh}) == 2:
        truth = np.array([expert[image] for image in fresh])
        said = every[[place[image] for image in fresh]]
        judged = {
            "expert_auroc": float(roc_auc_score(truth, said)),
            "expert_kappa": float(cohen_kappa_score(truth, said >= threshold)),
        }
    return Spread(
        table,
        float(roc_auc_score(y, p)),
        float(cohen_kappa_score(y, p >= threshold)),
        threshold,
        len(known),
        **judged,
    )


def _detector() -> Any:
    """Scaling and logistic regression; the ridge was chosen once, for hundreds of labels and features."""
    from sklearn.linear_model import LogisticRegression
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import StandardScaler

    return make_pipeline(StandardScaler(), LogisticRegression(C=0.05, max_iter=1000))
