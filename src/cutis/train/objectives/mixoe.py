"""MixOE: blends of images with pictures of no class, of which the network shall be as sure as they are images.

    l = l(f(x), y) + weight E[ H(f(x~), s y + (1 - s) / K) ],  x~ a blend of x with an outlier, s the share of x
    so that at best p_y(x~) = s + (1 - s) / K: confidence decays linearly, from 1 to chance

Source: Zhang, Inkawhich, Linderman, Chen & Li, "Mixture Outlier Exposure: Towards out-of-distribution detection in
fine-grained environments", WACV 2023, arXiv:2106.03917, equations 2-5; s ~ Beta(1, 1), weight 5, as there. What we do
differently: each image draws its own s, not each batch; the share s of the loss is the base loss that the method
stands beside (with its logit adjustment), the rest pulls plain logits to even probabilities; with tau=0 that is the
paper's. Outliers without a folder of them are made up (`outliers.py`), where they take WebVision. Twice a step's cost.
"""

from __future__ import annotations

import numpy as np
import torch

from cutis.errors import CutisError, nearest
from cutis.models.network import Network
from cutis.train.objectives.base import TrainingData
from cutis.train.objectives.cutmix import outside
from cutis.train.objectives.outliers import Outliers
from cutis.train.objectives.parts import Part, Step

BLENDS = ("linear", "cut")


class MixOE(Part):
    """weight: of the blends' loss, above 0. a: of the blend's Beta(a, a), above 0. blend: "linear" (as mixup) or "cut"
    (a rectangle of the outlier in the image). outliers: a folder of images, or "" for made-up ones.
    """

    name = "mixoe"
    views = 1

    def __init__(self, weight: float = 5.0, a: float = 1.0, blend: str = "linear", outliers: str = "") -> None:
        super().__init__()
        for name, value in (("weight", weight), ("a", a)):
            if value <= 0:
                raise CutisError(f"setting {name} = {value:g}: expected above 0.")
        if blend not in BLENDS:
            raise CutisError(f'setting blend = "{blend}": {nearest(blend, BLENDS)}')
        self.weight, self.a, self.blend = weight, a, blend
        self.outliers = Outliers(outliers)

    def prepare(self, data: TrainingData, network: Network) -> None:
        if len(data.codes) < 2:
            raise CutisError("method mixoe: one class only; two or more are needed.")

    def picture(
        self, view: int, pixels: list[np.ndarray], rows: np.ndarray, rng: np.random.Generator
    ) -> list[np.ndarray]:
        return self.outliers.beside(pixels, rng)

    def terms(self, step: Step) -> dict[str, torch.Tensor]:
        batch, (strange,) = step.batch, self.own(step.batch)
        share = torch.distributions.Beta(self.a, self.a).sample((len(strange),)).to(strange)
        if self.blend == "cut":
            kept = outside(share, *strange.shape[2:])
            share, mixed = kept.float().mean((1, 2, 3)), torch.where(kept, batch.images, strange)
        else:
            mixed = torch.lerp(strange, batch.images, share[:, None, None, None])
        logits, losses = step.base.judged(step.network, step.network.forward_features(mixed), batch)
        even = -logits.log_softmax(1).mean(1)
        return {"mixoe": self.weight * torch.lerp(even, losses, share).mean()}
