"""Adversarial training: some images of each batch are the worst that a small change can make of them.

    min over w of E[ max over |d|_inf <= epsilon of l(f_w(x + d), y) ]

Source: Madry et al., "Towards deep learning models resistant to adversarial attacks", ICLR 2018, arXiv:1706.06083,
equation 2.1, the maximum sought by PGD; mixed with clean images as in Kurakin, Goodfellow & Bengio, "Adversarial
machine learning at scale", ICLR 2017, arXiv:1611.01236. The measure that calls for it: Paschali et al.,
"Generalizability vs. robustness", MICCAI 2018, arXiv:1804.00504 (`cutis audit`'s attacks, `cutis rank`). What
we do differently: the change is sought with the network in evaluation mode, of the batch as augmented, whose colours
are first brought into 0..1. A step costs about 1 + share * steps.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import torch

from cutis.errors import CutisError
from cutis.models.attacks import pgd
from cutis.models.network import Network
from cutis.train.objectives.base import Batch, Moment, TrainingData
from cutis.train.objectives.parts import Part


class Adversarial(Part):
    """epsilon: largest change of a value, of images in 0..1, 0..1 (2/255 = 0.0078). steps: of PGD, 1 to 100. share: of
    the images that are attacked, above 0, at most 1."""

    name = "adversarial"
    mean: torch.Tensor
    std: torch.Tensor

    def __init__(self, epsilon: float = 2 / 255, steps: float = 3, share: float = 0.5) -> None:
        super().__init__()
        if not 0 < epsilon < 1:
            raise CutisError(f"setting epsilon = {epsilon:g}: expected above 0 and below 1, such as 0.0078 (2/255).")
        if steps != int(steps) or not 1 <= steps <= 100:
            raise CutisError(f"setting steps = {steps:g}: expected a whole number 1 to 100.")
        if not 0 < share <= 1:
            raise CutisError(f"setting share = {share:g}: expected above 0, at most 1.")
        self.epsilon, self.steps, self.share = epsilon, int(steps), share

    def prepare(self, data: TrainingData, network: Network) -> None:
        self._network = (network,)  # in a tuple, so that it isn't taken for a module of this part's own
        self.register_buffer("mean", torch.tensor(data.mean, dtype=torch.float32).view(1, -1, 1, 1))
        self.register_buffer("std", torch.tensor(data.std, dtype=torch.float32).view(1, -1, 1, 1))

    def change(self, batch: Batch, now: Moment) -> Batch:
        n = len(batch.target)
        chosen = torch.randperm(n, device=batch.images.device)[: max(1, round(self.share * n))]
        target = batch.target if batch.shares is None else batch.shares.argmax(1)
        plain = (batch.images[chosen].float() * self.std + self.mean).clamp(0, 1)
        images = batch.images.clone()
        images[chosen] = ((self._worst(plain, target[chosen]) - self.mean) / self.std).to(images)
        return replace(batch, views=(images, *batch.views[1:]))

    def _worst(self, plain: torch.Tensor, target: torch.Tensor) -> torch.Tensor:
        (network,) = self._network
        rng = np.random.default_rng(int(torch.randint(2**31, ())))

        def model(images: torch.Tensor) -> torch.Tensor:
            logits: torch.Tensor = network((images - self.mean) / self.std)
            return logits

        training = network.training
        network.eval()
        try:
            return pgd(model, plain, target, self.epsilon, rng, steps=self.steps)
        finally:
            network.train(training)
