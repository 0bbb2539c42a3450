"""What a model may be going by: images clustered by what its answers rest on, for a person to look at and name.

After Yan et al., "Towards Trustable Skin Cancer Diagnosis via Rewriting Model's Decision", CVPR 2023,
arXiv:2303.00885, and Lapuschkin et al., "Unmasking Clever Hans predictors", Nat. Commun. 10, 2019 (spectral relevance
analysis): an answer's behaviour is what each feature adds to it, and answers that rest on a ruler lie together.

    behaviour  b_j = f_j (W_yj - mean over classes of W_cj), of length one, y the answer
    clusters: spectral, on each image's nearest neighbours; as many as the largest gap between eigenvalues says

What we do differently: behaviour is in the features, not in heat maps, so that a ruler at any side of the picture is
the same thing. Interactive use:

    found = discover(load_bundle("run/bundle"), data)
    found.suspects[2].exemplars                      # look at these pictures: all have rulers
    data = mark(data, "ruler", found.suspects[2].exemplars, found.suspects[0].exemplars)
    train(data, "run2", method="rewriting", method_settings={"rule": "not ruler"},
          weights="run/bundle/weights.safetensors")
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import polars as pl

from cutis.bundle.load import WEIGHTS
from cutis.bundle.predict import Bundle
from cutis.bundle.stream import BATCH, stream
from cutis.data.columns import add_columns
from cutis.data.dataset import Dataset
from cutis.errors import CutisError, nearest
from cutis.progress import Progress, silent
from cutis.train.run import find_split

NEIGHBOURS = 10
MOST_CLUSTERS = 8
EXEMPLARS = 12
PRESENT, ABSENT = "yes", "no"


@dataclass(frozen=True)
class Suspect:
    """Images whose answers rest on the same features. exemplars: image_ids, the most typical first. predicted: answer
    -> images. right: share of right answers. near: mean cosine of its behaviours with their mean; 1 is all alike.
    """

    cluster: int
    images: int
    predicted: dict[str, int]
    right: float
    near: float
    exemplars: tuple[str, ...]


@dataclass(frozen=True)
class Discovery:
    """suspects: the tightest cluster first. table: image_id, target, predicted, cluster. eigenvalues: of the graph, the
    smallest first; the gap that says how many clusters."""

    suspects: tuple[Suspect, ...]
    table: pl.DataFrame
    eigenvalues: tuple[float, ...]


def discover(
    bundle: Bundle,
    dataset: Dataset,
    *,
    part: str = "train",
    clusters: int | None = None,
    images: int = 2000,
    seed: int = 0,
    progress: Progress[Any] = silent,
) -> Discovery:
    """Clusters of up to `images` of a part's images, drawn by `seed`, by what the bundle's answers rest on.

    clusters: how many; None: as the eigenvalues say, 2 to 8. Raises CutisError for too few images, a bundle without
    weights or with a head that isn't linear, and an image that can't be read.
    """
    ids = find_split(dataset).table.filter(pl.col("part") == part)["image_id"]
    rows = dataset.usable().drop_nulls("target").filter(pl.col("image_id").is_in(ids.implode())).sort("image_id")
    drawn = np.random.default_rng(seed).permutation(len(rows))[:images]
    rows = rows[np.sort(drawn).tolist()]
    if len(rows) <= NEIGHBOURS:
        raise CutisError(f"{dataset.path}: part {part} has {len(rows)} labelled images; more than {NEIGHBOURS} needed.")
    paths = [dataset.path / file for file in rows["file"]]
    found = []
    for chunk in progress(stream(paths, bundle.runtime, bundle.card.preprocessing), -(-len(paths) // BATCH), "look"):
        for at, reason in chunk.reasons.items():
            raise CutisError(f"{paths[chunk.start + at]}: {reason}. Import the dataset again.")
        found.append((chunk.logits, chunk.features))
    logits, features = (np.concatenate([pair[k] for pair in found]) for k in (0, 1))
    answer = logits.argmax(1)
    which, eigenvalues = cluster(behaviour(features, head_weights(bundle), answer), clusters, seed)
    said = np.array(bundle.codes)[answer]
    table = rows.select("image_id", "target").with_columns(
        predicted=pl.Series(said.tolist()), cluster=pl.Series(which, dtype=pl.Int64)
    )
    return Discovery(suspects(behaviour(features, head_weights(bundle), answer), which, table), table, eigenvalues)


def head_weights(bundle: Bundle) -> np.ndarray:
    """(classes, d) of the linear head. Raises CutisError if the bundle holds none."""
    from safetensors.numpy import load_file

    path = bundle.path / WEIGHTS
    weights = load_file(path) if path.is_file() else {}
    if "head.weight" not in weights:
        raise CutisError(f"{bundle.path}: no weights of a linear head in it, so what an answer rests on can't be told.")
    return np.asarray(weights["head.weight"])


def behaviour(features: np.ndarray, weights: np.ndarray, answer: np.ndarray) -> np.ndarray:
    """(n, d) rows of length one: what each feature adds to the answer. features: (n, d). weights: (classes, d)."""
    adds = features * (weights - weights.mean(0))[answer]
    length = np.linalg.norm(adds, axis=1, keepdims=True)
    return np.asarray(adds / np.maximum(length, 1e-12))


def cluster(points: np.ndarray, count: int | None, seed: int) -> tuple[np.ndarray, tuple[float, ...]]:
    """((n,) cluster of each row, eigenvalues of the normalised Laplacian of its nearest neighbours, smallest first)."""
    from scipy.linalg import eigh
    from scipy.sparse.csgraph import laplacian
    from sklearn.cluster import KMeans
    from sklearn.neighbors import kneighbors_graph

    graph = kneighbors_graph(points, min(NEIGHBOURS, len(points) - 1), include_self=True)
    graph = 0.5 * (graph + graph.T)
    most = min(max(MOST_CLUSTERS, count or 0), len(points) - 1)
    values, vectors = eigh(laplacian(graph, normed=True).toarray(), subset_by_index=[0, most])
    if count is None:
        count = 2 + int(np.argmax(np.diff(values)[1:]))
    if not 2 <= count <= len(points) // 2:
        raise CutisError(f"clusters: {count} of {len(points)} images; expected 2 or more, at most half of the images.")
    rows = vectors[:, :count]
    rows /= np.maximum(np.linalg.norm(rows, axis=1, keepdims=True), 1e-12)  # Ng, Jordan & Weiss, NeurIPS 2001
    which = KMeans(count, n_init=10, random_state=seed).fit_predict(rows)
    return np.asarray(which), tuple(float(v) for v in values)


def suspects(points: np.ndarray, which: np.ndarray, table: pl.DataFrame) -> tuple[Suspect, ...]:
    """A suspect a cluster, the tightest first. points: (n, d) behaviours. which: (n,). table: as `Discovery.table`."""
    made = []
    for number in np.unique(which):
        here = np.flatnonzero(which == number)
        middle = points[here].mean(0)
        middle /= max(np.linalg.norm(middle), 1e-12)
        near = points[here] @ middle
        rows = table[here.tolist()]
        counts = rows["predicted"].value_counts(sort=True)
        typical = rows["image_id"].gather(np.argsort(-near, kind="stable")[:EXEMPLARS].tolist())
        right = float((rows["predicted"] == rows["target"]).to_numpy().mean())
        made.append(
            Suspect(int(number), len(here), dict(counts.iter_rows()), right, float(near.mean()), tuple(typical))
        )
    return tuple(sorted(made, key=lambda s: -s.near))


def mark(dataset: Dataset, name: str, present: Sequence[str], absent: Sequence[str]) -> Dataset:
    """The dataset with a column `name`, saved: "yes" for images that show the concept, "no" for those that don't,
    unknown for all others. A few dozen of each are enough. Raises CutisError for an image that isn't there, or is in
    both.
    """
    known = set(dataset.manifest["image_id"])
    for image in (*present, *absent):
        if image not in known:
            raise CutisError(f'concept {name}: image "{image}": {nearest(image, sorted(known))}')
    both = set(present) & set(absent)
    if both:
        raise CutisError(f'concept {name}: image "{min(both)}" is said to show it and not to show it.')
    values = [PRESENT] * len(present) + [ABSENT] * len(absent)
    return add_columns(dataset, pl.DataFrame({"image_id": [*present, *absent], name: values}))
