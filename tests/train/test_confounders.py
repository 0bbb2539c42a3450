"""Suspects: answers that rest on the same thing lie together, and a person's marks become a column."""

from __future__ import annotations

import shutil

import numpy as np
import polars as pl
import pytest

from cutis.bundle.load import load_bundle
from cutis.data.dataset import Dataset
from cutis.errors import CutisError
from cutis.train.confounders import behaviour, cluster, discover, mark, suspects
from cutis.train.run import train


def planted(n: int = 90) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Features, head, and what each answer rests on: 0 the lesion (channels 0-1), 1 a ruler (2-3), 2 ink (4-5)."""
    rng = np.random.default_rng(0)
    rests = np.arange(n) % 3
    features = rng.normal(0, 0.1, (n, 6))
    for k in range(3):
        features[rests == k, 2 * k : 2 * k + 2] += rng.uniform(1, 3, (30, 1))
    return features, np.stack([np.ones(6), -np.ones(6)]), rests


def test_behaviour_is_what_each_feature_adds():
    found = behaviour(np.array([[1.0, 2.0], [3.0, 4.0]]), np.array([[1.0, 0.0], [0.0, 2.0]]), np.array([0, 1]))
    by_hand = np.array([[0.5 * 1, -1 * 2], [-0.5 * 3, 1 * 4]])
    assert found == pytest.approx(by_hand / np.linalg.norm(by_hand, axis=1, keepdims=True))


def test_what_rests_on_the_same_thing_is_a_cluster():
    features, head, rests = planted()
    points = behaviour(features, head, np.zeros(90, int))
    which, eigenvalues = cluster(points, None, 0)
    assert len(set(which)) == 3  # as the gap between eigenvalues says
    assert eigenvalues[2] < 0.05 < eigenvalues[3]
    for k in range(3):
        assert len(set(which[rests == k])) == 1
    with pytest.raises(CutisError, match="clusters: 1 of 90"):
        cluster(points, 1, 0)


def test_a_suspect_says_who_and_how_alike():
    features, head, rests = planted()
    points = behaviour(features, head, np.zeros(90, int))
    ids = [f"i{k:02}" for k in range(90)]
    target = np.where(rests == 1, "mel", "nv")
    table = pl.DataFrame({"image_id": ids, "target": target.tolist(), "predicted": ["mel"] * 90})
    found = suspects(points, rests, table)
    assert [s.images for s in found] == [30, 30, 30]
    ruler = next(s for s in found if s.cluster == 1)
    assert ruler.predicted == {"mel": 30}
    assert ruler.right == 1
    assert {int(i[1:]) % 3 for i in ruler.exemplars} == {1}
    assert [s.near for s in found] == sorted((s.near for s in found), reverse=True)


@pytest.mark.slow
def test_from_a_bundle_to_a_rule(skin, out):
    """As a person does it: train, look, mark, train again by the rule from the first one's weights."""
    settings = {"epochs": 1, "size": 32, "batch_size": 16, "precision": "32-true", "warmup_steps": 2}
    data = Dataset.load(shutil.copytree(skin.path, out.parent / "data"))  # the marks are for this test alone
    bundle = load_bundle(train(data, out, **settings))
    found = discover(bundle, data, clusters=3)
    assert found.table["cluster"].n_unique() == 3
    assert sum(s.images for s in found.suspects) == len(found.table)
    one, other = found.suspects[0].exemplars, found.suspects[1].exemplars
    marked = mark(data, "odd", one, other)
    column = dict(marked.manifest.select("image_id", "odd").rows())
    assert {column[i] for i in one} == {"yes"}
    assert marked.manifest["odd"].null_count() == len(marked.manifest) - len(one) - len(other)
    again = train(
        marked,
        out.parent / "again",
        method="rewriting",
        method_settings={"rule": "not odd", "warmup": 0.0},
        weights=str(bundle.path / "weights.safetensors"),
        **settings,
    )
    assert load_bundle(again).card.method == "rewriting"
    with pytest.raises(CutisError, match="is said to show it and not to show it"):
        mark(marked, "odd", one, one)
    with pytest.raises(CutisError, match='image "nobody"'):
        mark(marked, "odd", ["nobody"], other)
