"""A segmenter under attack: rows that start at its own overlap and fall."""

from __future__ import annotations

import numpy as np
import pytest

from cutis.audit.attack_masks import attack_segmenter
from cutis.errors import CutisError

torch = pytest.importorskip("torch")


def dark_is_lesion(x):
    """One logit: how much darker than mid-grey the mean of the channels is."""
    return 10 * (0.5 - x.mean(1, keepdim=True))


def world(n: int = 12) -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(0)
    masks = np.zeros((n, 12, 12), bool)
    for i in range(n):
        masks[i, 2 : 7 + i % 4, 3:9] = True
    grey = np.where(masks, 110, 145) + rng.normal(0, 6, masks.shape)
    return np.repeat(grey[..., None], 3, 3).clip(0, 255).astype(np.uint8), masks


def run(images: np.ndarray, masks: np.ndarray, **other: object):
    n = len(masks)
    given = {"ids": [f"i{i}" for i in range(n)], "unit": np.arange(n), "unit_name": "image"} | other
    return attack_segmenter(dark_is_lesion, images, masks, rng=np.random.default_rng(0), resamples=40, **given)


def test_overlap_falls_to_nothing():
    images, masks = world()
    sizes = {"inf": (4 / 255, 16 / 255, 0.3), "2": (0.05, 5.0)}
    rows = run(images, masks, attacks=("fgsm", "pgd", "pgd-l2"), epsilons=sizes)
    assert len(rows) == (4 + 4 + 3) * 3
    for attack in ("fgsm", "pgd", "pgd-l2"):
        values = [r.estimate.value for r in rows if (r.attack, r.metric) == (attack, "dice")]
        assert values[0] > 0.98
        assert values == sorted(values, reverse=True)
        assert values[-1] < 0.1
    # 17 grey levels between a lesion's mean and the border: with 4 most pixels hold, with 0.3 none does
    held = [r.estimate for r in rows if (r.attack, r.metric) == ("fgsm", "jaccard")]
    assert held[1].value > 0.9
    assert held[0].n == 12
    assert held[0].unit == "image"


def test_bad_input_is_one_line():
    images, masks = world(3)
    cases = {
        r"expected uint8 \(n, h, w, 3\)": lambda: run(images[:2], masks),
        "masks uint8": lambda: run(images, masks.astype(np.uint8)),
        "1 ids and 3 units": lambda: run(images, masks, ids=["a"]),
        "deepfool is for classifiers": lambda: run(images, masks, attacks=["deepfool"]),
    }
    for words, call in cases.items():
        with pytest.raises(CutisError, match=words) as caught:
            call()
        assert "\n" not in str(caught.value)
