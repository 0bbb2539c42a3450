"""Stop when the data that flow through the layers no longer change from epoch to epoch; no validation part is needed.

    a_n^t = standard deviation of all values that leave layer n at step t;  m_n^e = their mean over epoch e
    stop after epoch e if round(m_n^i, p) is the same for i = e - r + 1 .. e, in every layer n

Source: Ahmad, Trahan & Islam, "When do convolutional neural networks stop learning?", arXiv:2403.02473, section 3 (p =
2 and r = 5 in its code, which is older than the paper and was read for them). What we do differently: what leaves a
layer is taken where it enters the next convolution or linear layer, so after normalisation, activation and shortcut,
for any network; theirs are five places chosen by hand. The schedule isn't shortened: the learning rate stands where the
stop finds it, and what is kept is the moving average of the weights.
"""

from __future__ import annotations

import torch
from torch import nn
from torch.utils.hooks import RemovableHandle

from cutis.errors import CutisError
from cutis.models.network import Network
from cutis.train.objectives.base import Batch, Moment, TrainingData
from cutis.train.objectives.parts import Part, Step


class StopLearning(Part):
    """decimals: p, 0 to 6. epochs: r, 2 to 100."""

    name = "stop-learning"
    sums: torch.Tensor
    steps: torch.Tensor
    seen: torch.Tensor
    means: torch.Tensor

    def __init__(self, decimals: float = 2, epochs: float = 5) -> None:
        super().__init__()
        for name, value, least, most in (("decimals", decimals, 0, 6), ("epochs", epochs, 2, 100)):
            if value != int(value) or not least <= value <= most:
                raise CutisError(f"setting {name} = {value:g}: expected a whole number {least} to {most}.")
        self.decimals, self.epochs = int(decimals), int(epochs)

    def prepare(self, data: TrainingData, network: Network) -> None:
        layers = [m for m in network.modules() if isinstance(m, nn.Conv2d | nn.Linear)]
        if len(layers) < 2:
            raise CutisError("method stop-learning: the network has fewer than two convolutions or linear layers.")
        self._layers = layers[1:]  # what enters the first is the picture
        self._hooks: list[RemovableHandle] = []
        self.images = len(data.target)
        self.register_buffer("sums", torch.zeros(len(self._layers)))
        self.register_buffer("steps", torch.zeros(len(self._layers)))
        self.register_buffer("seen", torch.zeros((), dtype=torch.int64))
        self.register_buffer("means", torch.full((self.epochs, len(self._layers)), torch.nan))

    def change(self, batch: Batch, now: Moment) -> Batch:
        def told(number: int, layer: nn.Module, data: torch.Tensor) -> None:
            if layer.training:
                self.sums[number] += data.detach().float().std()
                self.steps[number] += 1

        for number, layer in enumerate(self._layers):
            hook = layer.register_forward_pre_hook(lambda module, given, i=number: told(i, module, given[0]))
            self._hooks.append(hook)
        return batch

    def weigh(self, step: Step) -> torch.Tensor | None:
        """Only here, because the network has run: no weights."""
        while self._hooks:
            self._hooks.pop().remove()
        return None

    def after_step(self, network: Network, batch: Batch, now: Moment) -> None:
        self.seen += len(batch.rows)
        if self.seen >= self.images - len(batch.rows) + 1:  # the last, short batch of an epoch is left out
            rounded = (self.sums / self.steps.clamp(min=1)).round(decimals=self.decimals)
            self.means = torch.cat([self.means[1:], rounded[None]])
            for counter in (self.sums, self.steps, self.seen):
                counter.zero_()

    def enough(self) -> bool:
        return bool((self.means == self.means[-1]).all())  # NaN, of an epoch that hasn't been, equals nothing
