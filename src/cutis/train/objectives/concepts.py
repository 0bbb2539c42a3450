"""Concepts as directions of the features, learned from a few exemplars with the concept and without it.

What tells them apart: the normal of a linear classifier (Kim et al., "Interpretability beyond feature attribution:
TCAV", ICML 2018). Here that classifier is the linear discriminant with a ridge, as it has a closed form:

    v = (S + r tr(S) / d I)^-1 (mean with - mean without),  S the covariance within the two

What laying it down changes: the shift of the mean, within each diagnosis, so that what goes with the diagnosis alone is
no part of it. (The first is a filter, the second a pattern: Haufe et al., NeuroImage 87, 2014; Pahde et al.,
arXiv:2202.03482.)

    u = mean over classes that have both of (mean with - mean without)
"""

from __future__ import annotations

import math

import numpy as np
import polars as pl
import torch

from cutis.errors import CutisError
from cutis.models.network import Network
from cutis.train.objectives.base import TrainingData
from cutis.train.objectives.grouping import FEWEST, check_columns, detector_threshold
from cutis.train.objectives.parts import Part, Step

RIDGE = 0.1
_ABSENT = {"none", "no", "false", "0", "0.0", "absent", ""}  # in a column of words; anything else is the concept


def concept_vector(features: torch.Tensor, present: torch.Tensor, ridge: float = RIDGE) -> torch.Tensor:
    """(d,) direction of length one, from without to with. features: (n, d). present: (n,) bool, some of each."""
    one, other = features[present].double(), features[~present].double()
    towards = one.mean(0) - other.mean(0)
    spread = torch.cat([one - one.mean(0), other - other.mean(0)])
    within = spread.T @ spread / len(spread)
    within += (ridge * within.diagonal().mean().clamp(min=1e-12)) * torch.eye(len(within), device=within.device)
    made: torch.Tensor = torch.linalg.solve(within, towards)
    direction: torch.Tensor = made / made.norm().clamp(min=1e-12)
    return direction.float()


def concept_shift(features: torch.Tensor, present: torch.Tensor, target: torch.Tensor) -> torch.Tensor:
    """(d,) what the concept adds to the features: u; over all classes at once if none has both. target: (n,)."""
    shifts = []
    for code in set(target[present].tolist()) & set(target[~present].tolist()):
        here = target == code
        shifts.append(features[here & present].mean(0) - features[here & ~present].mean(0))
    if not shifts:
        return features[present].mean(0) - features[~present].mean(0)
    return torch.stack(shifts).mean(0)


def present(table: pl.DataFrame, column: str, where: str) -> np.ndarray:
    """(n,) int64: 1 where the column says the concept is there, 0 where not, -1 where unknown.

    It is there where words are other than none, no, false or absent, and where numbers are above 0, or not below the
    threshold of the detector that they come from. Raises CutisError for a column that isn't there and for fewer than 2
    images with it or without.
    """
    check_columns((column,), table.columns, where)
    values = table[column]
    if values.dtype.is_numeric():
        least = detector_threshold(column)
        number = values.cast(pl.Float64).fill_nan(None)
        there = number > 0 if least is None else number >= least
    else:
        there = ~values.cast(pl.String).str.strip_chars().str.to_lowercase().is_in(list(_ABSENT))
    found = there.cast(pl.Int64).fill_null(-1).to_numpy().copy()
    for value, words in ((1, "with"), (0, "without")):
        if (found == value).sum() < FEWEST:
            raise CutisError(
                f"{where}: column {column}: {(found == value).sum()} training images {words} it; {FEWEST} or more are "
                "needed to learn what it looks like."
            )
    return found


class ConceptPart(Part):
    """A part that remembers the features of every training image, and looks for concepts in them.

    columns: each a concept; see `present`. Exemplars are all images whose column is known, or `exemplars` of each side.
    warmup: share of the schedule before the first look. It costs memory of 2 bytes a feature and image.
    """

    memory: torch.Tensor
    filled: torch.Tensor
    has: torch.Tensor
    shown: torch.Tensor
    target: torch.Tensor

    def __init__(self, columns: tuple[str, ...], warmup: float, exemplars: float = math.inf) -> None:
        super().__init__()
        self.columns, self.warmup, self.exemplars = columns, warmup, exemplars

    def prepare(self, data: TrainingData, network: Network) -> None:
        n = len(data.target)
        has = np.stack([present(data.table, c, f"method {self.name}") for c in self.columns], axis=1)
        shown = np.stack([_chosen(has[:, k], self.exemplars) for k in range(has.shape[1])], axis=1)
        self.register_buffer("has", torch.from_numpy(has), persistent=False)
        self.register_buffer("shown", torch.from_numpy(shown), persistent=False)
        self.register_buffer("target", torch.from_numpy(np.array(data.target)), persistent=False)
        self.register_buffer("memory", torch.zeros(n, network.num_features, dtype=torch.float16))
        self.register_buffer("filled", torch.zeros(n, dtype=torch.bool))

    def remember(self, step: Step, keep: torch.Tensor | None = None) -> None:
        """Take up the features of the batch. keep: (b,) bool, of images that are whole."""
        rows, features = step.batch.rows, step.features.detach()
        if keep is not None:
            rows, features = rows[keep], features[keep]
        self.memory[rows] = features.clamp(-6e4, 6e4).to(self.memory.dtype)
        self.filled[rows] = True

    def exemplars_of(self, k: int) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor] | None:
        """((n, d) features, (n,) bool, (n,) classes) of concept k's exemplars so far; None if there are too few."""
        rows = self.filled & self.shown[:, k]
        there = self.has[rows, k] == 1
        if int(there.sum()) < FEWEST or int((~there).sum()) < FEWEST:
            return None
        return self.memory[rows].float(), there, self.target[rows]


def _chosen(has: np.ndarray, exemplars: float) -> np.ndarray:
    """(n,) bool: the first `exemplars` rows with the concept and as many without, evenly spaced."""
    chosen = np.zeros(len(has), bool)
    for value in (0, 1):
        rows = np.flatnonzero(has == value)
        count = int(min(len(rows), exemplars))
        chosen[rows[np.linspace(0, len(rows) - 1, count).round().astype(int)]] = True
    return chosen


def concept_names(text: str, where: str) -> tuple[str, ...]:
    """ "ruler, ink" -> ("ruler", "ink"). Raises CutisError if it names none."""
    names = tuple(dict.fromkeys(part.strip() for part in text.split(",") if part.strip()))
    if not names:
        raise CutisError(f"{where}: name one or more columns that hold concepts, such as ruler,ink.")
    return names
