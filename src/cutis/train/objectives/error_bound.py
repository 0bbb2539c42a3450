"""Fair error-bound scaling: the group with the largest training error weighs most.

Tian et al., "FairSeg: A large-scale medical image segmentation dataset for fairness learning using Segment Anything
Model with fair error-bound scaling", ICLR 2024, arXiv:2311.02189. Idea: with D_g the loss of identity group g in the
batch, taken for the upper bound of its error, predicted masks of group g are scaled by (min_k D_k / D_g)^beta before
the Dice loss, so groups with a larger error lose more.

    here:  w_g = (D_g / min_k D_k)^beta,  L = mean over images of w_g l / mean of w

What we do differently: labels have no mask to scale, so the loss itself gets the inverse weight, which also suits the
per-image losses of masks (`error_bound_weights`); D_g is a moving average over batches, as a batch may hold one image
of a group or none; and weights are 1 on average, so that the learning rate keeps its meaning. (Their published code
also puts the scale through tanh, and so shrinks every mask; we leave that out.)
"""

from __future__ import annotations

import torch

from cutis.models.network import Network
from cutis.train.objectives.base import TrainingData
from cutis.train.objectives.grouping import Grouped, check_settings, mean_by_group
from cutis.train.objectives.parts import Step

_LEAST = 1e-6  # a bound below it is taken for it


class FairErrorBound(Grouped):
    """column: the identity groups. beta: 0 (no scaling) or more. momentum: of the bounds, 0..1; 0 takes the batch's."""

    name = "fair-error-bound"
    bounds: torch.Tensor
    seen: torch.Tensor

    def __init__(self, column: str, beta: float = 1.0, momentum: float = 0.9) -> None:
        super().__init__(column)
        check_settings(self.name, beta=(beta, 0, 10), momentum=(momentum, 0, 0.9999))
        self.beta, self.momentum = beta, momentum

    def prepare(self, data: TrainingData, network: Network) -> None:
        super().prepare(data, network)
        self.register_buffer("bounds", torch.ones(len(self.groups.names)))
        self.register_buffer("seen", torch.zeros(len(self.groups.names), dtype=torch.bool))

    def weigh(self, step: Step) -> torch.Tensor:
        group = self.group(step.batch)
        losses, counts = mean_by_group(step.losses.detach().float(), group, len(self.bounds))
        keep = torch.where(self.seen, self.momentum, 0.0)
        self.bounds.copy_(torch.where(counts > 0, keep * self.bounds + (1 - keep) * losses, self.bounds))
        self.seen |= counts > 0
        return error_bound_weights(self.bounds, group, self.beta, self.seen)


def error_bound_weights(
    bounds: torch.Tensor, group: torch.Tensor, beta: float, seen: torch.Tensor | None = None
) -> torch.Tensor:
    """(b,) weights of per-image losses, of labels or of masks, 1 on average.

    bounds: (groups,) error of each, 0 or more. group: (b,) codes; -1, unknown, weighs as the mean does. seen: (groups,)
    bool, whose bound is known; None for all.
    """
    least = bounds.clamp(min=_LEAST)
    smallest = least.min() if seen is None else least[seen].min() if seen.any() else least.min()
    each = ((least / smallest) ** beta)[group.clamp(min=0)]
    known = group >= 0
    if not known.any():
        return torch.ones_like(each)
    return torch.where(known, each / each[known].mean(), torch.ones_like(each))
