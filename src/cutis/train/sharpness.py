"""SAM, sharpness-aware minimisation: step by the gradient of a point uphill from here, so that minima are flat.

    e = rho g / |g|_2,  g = dL(w) / dw;  w <- optimiser's step from w by dL(w + e) / dw

Source: Foret, Kleiner, Mobahi & Neyshabur, "Sharpness-aware minimization for efficiently improving generalization",
ICLR 2021, arXiv:2010.01412, equations 2-3 and algorithm 1, with any optimiser in place of SGD. The second gradient is
of the same batch, with the same random draws (dropout, blends), and batch statistics learn from the first only. A step
costs two.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager

import torch
from torch import nn
from torch.nn.modules.batchnorm import _BatchNorm


@contextmanager
def uphill(network: nn.Module, params: Sequence[nn.Parameter], rho: float) -> Iterator[None]:
    """Inside, `params` stand rho uphill by the gradients that they hold, and normalisation keeps its statistics;
    afterwards all is as before, but for gradients that were computed inside."""
    held = [(p, p.grad) for p in params if p.grad is not None]
    places: list[torch.Tensor] = [p for p, _ in held]
    slopes: list[torch.Tensor] = [slope for _, slope in held]
    length = float(torch.linalg.vector_norm(torch.stack(torch._foreach_norm(slopes))))
    before = [p.detach().clone() for p in places]
    norms = [m for m in network.modules() if isinstance(m, _BatchNorm)]
    momenta = [m.momentum for m in norms]
    try:
        with torch.no_grad():
            torch._foreach_add_(places, slopes, alpha=rho / max(length, 1e-12))
        for norm in norms:
            norm.momentum = 0.0
        yield
    finally:
        with torch.no_grad():
            torch._foreach_copy_(places, before)
        for norm, momentum in zip(norms, momenta, strict=True):
            norm.momentum = momentum
