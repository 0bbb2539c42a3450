"""Distillation: learn what a teacher says of each image as augmented, besides its label.

    soft: (1 - w) l(f(x), y) + w T^2 KL(softmax(t(x) / T) || softmax(f(x) / T))
    hard: (1 - w) l(f(x), y) + w H(f(x), argmax t(x))

Source: Touvron et al., "Training data-efficient image transformers & distillation through attention" (DeiT), ICML 2021,
arXiv:2012.12877, equations 2 and 3 (there w = 0.1 and T = 3 for soft, w = 0.5 for hard); soft is Hinton, Vinyals &
Dean, arXiv:1503.02531. A convolutional teacher of a ViT for brain tumours: Realism in Action, arXiv:2401.03302. What we
do differently: one head answers for label and teacher, where DeiT has a token for each; the loss is divided by 1 - w,
so that it stands beside other parts' terms. The teacher is a bundle, in fp32, without the mean over mirror images.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch
from torch.nn import functional as F

from cutis.errors import CutisError, nearest
from cutis.models.network import Network
from cutis.train.objectives.base import TrainingData
from cutis.train.objectives.parts import Part, Step

if TYPE_CHECKING:
    from cutis.bundle.export import Exported

KINDS = ("hard", "soft")


class Distil(Part):
    """teacher: folder of a bundle that knows all classes, made under the same colour constancy. kind: "hard" or "soft".
    weight: w, 0..1, both excluded. temperature: T of soft, above 0."""

    name = "distil"
    mean: torch.Tensor
    std: torch.Tensor

    def __init__(self, teacher: str, kind: str = "hard", weight: float = 0.5, temperature: float = 3.0) -> None:
        super().__init__()
        if kind not in KINDS:
            raise CutisError(f'setting kind = "{kind}": {nearest(kind, KINDS)}')
        if not 0 < weight < 1:
            raise CutisError(f"setting weight = {weight:g}: expected above 0 and below 1.")
        if temperature <= 0:
            raise CutisError(f"setting temperature = {temperature:g}: expected above 0.")
        self.teacher, self.kind, self.weight, self.temperature = teacher, kind, weight, temperature

    def prepare(self, data: TrainingData, network: Network) -> None:
        from cutis.bundle.load import load_bundle
        from cutis.bundle.rebuild import rebuild

        bundle = load_bundle(self.teacher)
        unknown = [code for code in data.codes if code not in bundle.codes]
        if unknown:
            raise CutisError(
                f"{self.teacher}: knows no class {unknown[0]}, so it can't teach it; it knows "
                f"{', '.join(bundle.codes)}."
            )
        self._teacher: tuple[Exported] = (rebuild(bundle),)  # in a tuple: neither trained nor in the checkpoint
        self._teacher[0].flips = False
        self._size = bundle.card.preprocessing.size
        self._order = [bundle.codes.index(code) for code in data.codes]
        self.register_buffer("mean", torch.tensor(data.mean, dtype=torch.float32).view(1, -1, 1, 1))
        self.register_buffer("std", torch.tensor(data.std, dtype=torch.float32).view(1, -1, 1, 1))

    def terms(self, step: Step) -> dict[str, torch.Tensor]:
        told = self.told(step.batch.images)
        if self.kind == "hard":
            term = F.cross_entropy(step.logits, told.argmax(1))
        else:
            t = self.temperature
            term = t**2 * F.kl_div(
                F.log_softmax(step.logits / t, 1), F.log_softmax(told / t, 1), reduction="batchmean", log_target=True
            )
        return {"distil": self.weight / (1 - self.weight) * term}

    @torch.no_grad()
    def told(self, images: torch.Tensor) -> torch.Tensor:
        """The teacher's logits (b, classes) of a batch's images (b, 3, s, s)."""
        plain = (255 * (images.float() * self.std + self.mean)).clamp(0, 255)
        if plain.shape[2] != self._size:
            plain = F.interpolate(plain, (self._size, self._size), mode="bilinear", antialias=True)
        with torch.autocast(plain.device.type, enabled=False):
            logits: torch.Tensor = self._teacher[0].to(plain.device)(plain.permute(0, 2, 3, 1))[0]
        return logits[:, self._order]
