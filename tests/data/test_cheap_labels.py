"""Cheap labels: a detector learned from noisy ones finds what was planted, and is judged on groups it never saw."""

from __future__ import annotations

import numpy as np
import pytest

from cutis.data.cheap_labels import spread_labels
from cutis.errors import CutisError


def planted(n: int = 400, shown: float = 2.0) -> tuple[list[str], np.ndarray, np.ndarray, np.ndarray]:
    rng = np.random.default_rng(0)
    truth = rng.random(n) < 0.4
    features = rng.normal(0, 1, (n, 8))
    features[:, 3] += shown * truth
    return [f"i{k}" for k in range(n)], features, np.arange(n) // 2, truth


def test_a_detector_is_learned_from_labels_that_are_often_wrong():
    ids, features, groups, truth = planted(shown=3.0)
    rng = np.random.default_rng(1)
    said = np.where(rng.random(400) < 0.15, ~truth, truth)  # 15 in 100 are wrong
    labels = dict(zip(ids[:160], said[:160].tolist(), strict=True))
    expert = dict(zip(ids, truth.tolist(), strict=True))
    found = spread_labels(labels, ids, features, groups, expert=expert)
    assert found.labels == 160
    assert found.table["image_id"].to_list() == ids
    assert found.expert_auroc > 0.9 > found.auroc > 0.6  # it is righter than those who taught it
    assert found.expert_kappa > 0.6
    yes = (found.table["value"] == "yes").to_numpy()
    assert np.array_equal(yes, found.table["p"].to_numpy() >= found.threshold)


def test_labels_that_mean_nothing_are_judged_as_chance():
    ids, features, groups, _ = planted(shown=0.0)
    labels = dict(zip(ids, (np.random.default_rng(3).random(400) < 0.5).tolist(), strict=True))
    found = spread_labels(labels, ids, features, groups)
    assert 0.38 < found.auroc < 0.62
    assert abs(found.kappa) < 0.2
    assert found.expert_auroc is None


def test_too_few_labels():
    ids, features, groups, truth = planted()
    with pytest.raises(CutisError, match="0 of the dataset's images are labelled with it"):
        spread_labels(dict.fromkeys(ids[:50], False), ids, features, groups)
    labels = dict(zip(ids[:60], truth[:60].tolist(), strict=True))
    with pytest.raises(CutisError, match="fewer than 5 patients or lesions"):
        spread_labels(labels, ids, features, np.zeros(400, int))
