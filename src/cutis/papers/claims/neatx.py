from __future__ import annotations

from functools import partial
from pathlib import Path

import numpy as np
import polars as pl

from cutis.bundle.embed import embed
from cutis.bundle.load import load_bundle
from cutis.data.cheap_labels import spread_labels
from cutis.data.dataset import Dataset
from cutis.papers import metrics
from cutis.papers.claim import Claim, Made, Trial
from cutis.schema.identity import group_ids

LABELS = 300  # cheap ones
WRONG = 0.15  # of them


def _features(bundle: Path, dataset: Dataset) -> tuple[pl.DataFrame, np.ndarray]:
    """Usable rows by image_id, and the bundle's features of them."""
    table = embed(load_bundle(bundle), dataset)
    rows = dataset.usable().sort("image_id")
    return rows, np.stack(table.sort("image_id")["vector"].to_list())


def _found(bundle: Path, made: Made, learn: bool) -> pl.DataFrame:
    """Of each test image, whether it is said rightly that it shows hair: by the detector, or always by no."""
    train, known = _features(bundle, made.train)
    test, asked = _features(bundle, made.test)
    rng = np.random.default_rng(0)
    chosen = rng.permutation(len(train))[:LABELS]
    truth = (train["hair"] == "hair").to_numpy()[chosen]
    said = np.where(rng.random(len(chosen)) < WRONG, ~truth, truth)
    ids = [*train["image_id"].gather(chosen.tolist()), *(f"test/{i}" for i in test["image_id"])]
    groups = np.concatenate([group_ids(train)[chosen], -1 - np.arange(len(test))])
    shown = np.zeros(len(test), bool)
    if learn:
        features = np.concatenate([known[chosen], asked])
        spread = spread_labels(dict(zip(ids, said.tolist(), strict=False)), ids, features, groups)
        shown = (spread.table["value"] == "yes").to_numpy()[len(chosen) :]
    return pl.DataFrame({"unit": group_ids(test), "right": shown == (test["hair"] == "hair").to_numpy()})


CLAIM = Claim(
    id="neatx",
    title="Cheap labels of shortcuts (NEATX)",
    citation='Cheplygina et al., "Augmenting chest X-ray datasets with non-expert annotations", arXiv:2309.02244.',
    claim="A detector of a shortcut learned from non-experts' labels generalises to the experts' labels.",
    idea="Seeing a tube, a ruler or a pen mark takes no expert. A detector spreads a few cheap labels to all "
    "images, and that column can be audited and unlearned.",
    equation="p = sigmoid(w . z(x) + b), z a bundle's features; then cutis train --method lntl --set column=...",
    differences="A logistic regression on features that are there already, not a network of its own. Cheap labels "
    "are the truth with 15 in 100 turned over; the baseline says no to all. Photographs have no expert's labels of "
    "artefacts, so there is no real world here.",
    where="data/cheap_labels.py",
    use="python -c 'from cutis.data.cheap_labels import spread_labels; help(spread_labels)'",
    notes={
        "phantom-hair": "Better than chance and little more (0.56 of pictures right, 0.51 by always saying no): "
        "its 300 labels come from a world in which hair nearly is the diagnosis, so what it "
        "learns is half the lesion.",
    },
    trials=(
        Trial(
            "phantom-hair",
            metrics.mean_of("right", "share of test images of which it is said rightly whether they show hair"),
            method={},
            examine=partial(_found, learn=False),
            after=partial(_found, learn=True),
        ),
    ),
)
