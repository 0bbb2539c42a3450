"""Of whom a skin tone is not known: the share of all images and of each class, which its groups say nothing of."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from cutis.evaluate.arrays import Bools, Floats
from cutis.evaluate.groups import UNKNOWN, Group
from cutis.evaluate.resampled import Resampling, Statistic, estimated
from cutis.evaluate.sample import Sample
from cutis.schema.evidence import Measured
from cutis.schema.tone import is_tone


def without_tone(sample: Sample, groups: Sequence[Group], *, resamples: int, seed: int, level: float) -> list[Measured]:
    """Metric "without" of each attribute of skin tone: overall, then of each class that has rows.

    An estimator that refuses many melanomas leaves groups that look like groups of all images, and aren't.
    """
    made = []
    how = Resampling(resamples, seed, level, sample.unit.tolist(), sample.unit_name)
    everyone = np.ones(len(sample), bool)
    for attribute in dict.fromkeys(g.attribute for g in groups if is_tone(g.attribute)):
        unknown = _unknown(sample, [g for g in groups if g.attribute == attribute])
        asked: list[tuple[str | None, Bools]] = [(None, everyone)]
        asked += [(c.code, sample.case(k)) for k, c in enumerate(sample.classes)]
        for code, inside in asked:
            if inside.any():
                found = estimated(_share(unknown[inside]), inside, how, "", share=True)
                fields = {"metric": "without", "class_code": code, "attribute": attribute}
                made.append(Measured(**fields, **found.to_dict()))
    return made


def _unknown(sample: Sample, groups: Sequence[Group]) -> Bools:
    """The rows of groups that are unknown, in whole or in part of a crossed attribute."""
    inside = np.zeros(len(sample), bool)
    for group in groups:
        if UNKNOWN in group.name.split(", "):
            inside |= group.rows
    return inside


def _share(event: Bools) -> Statistic:
    hit = event.astype(np.float64)

    def value(weights: Floats) -> Floats:
        found: Floats = hit @ weights / weights.sum(0)
        return found

    return value
