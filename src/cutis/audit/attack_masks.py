"""How a segmenter's masks hold against changes that are sought to break them: overlap at epsilon, for the dossier."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from cutis.audit.attack import EPSILONS, attack_sizes
from cutis.errors import CutisError
from cutis.evaluate.arrays import Floats, Ints
from cutis.evaluate.bootstrap import check_resampling
from cutis.evaluate.sample import renumber
from cutis.evaluate.segmentation import MaskSettings, measure_masks, score_pair
from cutis.progress import Progress, silent
from cutis.schema.dossier import AttackRow

if TYPE_CHECKING:
    from cutis.models.attacks.base import Model

DEFAULT = ("fgsm", "pgd")
METRICS = ("dice", "jaccard", "thresholded_jaccard")
_BATCH = 8


def attack_segmenter(
    model: Model,
    images: np.ndarray,
    masks: np.ndarray,
    *,
    ids: Sequence[str],
    unit: Ints,
    unit_name: str,
    rng: np.random.Generator,
    attacks: Sequence[str] = DEFAULT,
    epsilons: Mapping[str, Sequence[float]] = EPSILONS,
    resamples: int = 1000,
    level: float = 0.95,
    progress: Progress[Any] = silent,
) -> list[AttackRow]:
    """Mean Dice, Jaccard and thresholded Jaccard of a segmenter's lesion masks, unharmed and under each attack.

    model: torch; floats (n, 3, h, w) in 0..1 -> logits (n, 1, h, w), above 0 is lesion; normalisation inside. images:
    uint8 (n, h, w, 3). masks: bool (n, h, w), the truth. ids, unit: n names and numbers of the patients or lesions.
    attacks, epsilons: as in `attack.attack_bundle`, but those that work on segmenters. A mask that an attack makes
    worse stays so at every larger size, where that change is allowed too.
    Raises CutisError if shapes differ, or an attack or size can't be.
    """
    import torch

    from cutis.models.attacks import find_attack, segmented

    check_resampling(resamples, 0, level)
    n = len(images)
    if images.dtype != np.uint8 or images.shape != (*masks.shape, 3) or masks.dtype != bool or not n:
        raise CutisError(
            f"attack: images are {images.dtype} {images.shape} and masks {masks.dtype} {masks.shape}; expected uint8 "
            "(n, h, w, 3) and bool (n, h, w), n >= 1."
        )
    if not len(ids) == len(unit) == n:
        raise CutisError(f"attack: {len(ids)} ids and {len(unit)} units for {n} images; expected one of each an image.")
    chosen = [(find_attack(name), attack_sizes(find_attack(name), epsilons)) for name in attacks]
    pixels = torch.from_numpy(images).permute(0, 3, 1, 2).float() / 255
    truth = torch.from_numpy(masks).long()
    found = []
    for attack, sizes in chosen:
        starts = range(0, n, _BATCH)
        parts = [
            segmented(model, pixels[i : i + _BATCH], truth[i : i + _BATCH], attack, sizes, rng)
            for i in progress(starts, len(starts), f"attack {attack.name}")
        ]
        worst: dict[str, Floats] = {}
        for epsilon, answered in zip(sizes, np.concatenate(parts, axis=1).astype(np.uint8), strict=True):
            worst = _worse(worst, _scores(answered, masks.astype(np.uint8)))
            measured = measure_masks(worst, ids, renumber(unit), unit_name, resamples=resamples, level=level)
            found += [
                AttackRow(attack=attack.name, norm=attack.norm, epsilon=epsilon, metric=m.metric, estimate=m.estimate)
                for m in measured
                if m.metric in METRICS
            ]
    return found


def _scores(answered: np.ndarray, truth: np.ndarray) -> dict[str, Floats]:
    each = [score_pair(a, t, MaskSettings()) for a, t in zip(answered, truth, strict=True)]
    return {name: np.array([scores[name] for scores in each]) for name in each[0]}


def _worse(before: dict[str, Floats], now: dict[str, Floats]) -> dict[str, Floats]:
    """Of every image the scores of the answer with the smaller Jaccard index."""
    if not before:
        return now
    kept = before["jaccard"] < now["jaccard"]
    return {name: np.where(kept, before[name], now[name]) for name in now}
