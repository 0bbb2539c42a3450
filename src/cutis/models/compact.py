"""Small residual networks shaped for training on a CPU in minutes.

Idea: an ordinary ResNet spends most of a CPU step in the weight gradients of wide layers on 2x2..4x4 maps, where matrix
units starve. These nets stop at 1/16 resolution (or 1/8) with at most 256 channels, take the first step down by
space-to-depth, and start each residual branch at zero. Measured in docs/explanation/default-model.md.

Source: basic blocks of He et al., "Deep residual learning" (CVPR 2016); average pooling in the shortcut and a last
scale that starts at zero, of He et al., "Bag of tricks" (CVPR 2019), sections 4.2 and 3.1.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch
from torch import nn
from torch.nn import functional as F

COMPACT: dict[str, dict[str, Any]] = {
    "compact_resnet_s": {"widths": (32, 64, 128, 256), "depths": (1, 1, 1, 1)},
    "compact_resnet_m": {"widths": (32, 64, 128, 256), "depths": (2, 2, 2, 2)},
}


class BasicBlock(nn.Module):
    def __init__(self, inputs: int, outputs: int, stride: int) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(inputs, outputs, 3, stride, 1, bias=False)
        self.norm1 = nn.BatchNorm2d(outputs)
        self.conv2 = nn.Conv2d(outputs, outputs, 3, 1, 1, bias=False)
        self.norm2 = nn.BatchNorm2d(outputs)
        nn.init.zeros_(self.norm2.weight)
        self.shortcut = nn.Sequential()
        if stride > 1:
            self.shortcut.append(nn.AvgPool2d(stride))
        if inputs != outputs:
            self.shortcut.append(nn.Conv2d(inputs, outputs, 1, bias=False))
            self.shortcut.append(nn.BatchNorm2d(outputs))

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        branch = F.relu(self.norm1(self.conv1(x)), inplace=True)
        branch = self.norm2(self.conv2(branch))
        return F.relu(branch + self.shortcut(x), inplace=True)


class CompactResNet(nn.Module):
    """(n, 3, h, w) -> (n, widths[-1]); h and w are multiples of 4 * 2 ** (len(widths) - 1)."""

    def __init__(self, widths: Sequence[int], depths: Sequence[int]) -> None:
        super().__init__()
        self.num_features = widths[-1]
        self.stem = nn.Sequential(
            nn.PixelUnshuffle(2),
            nn.Conv2d(12, widths[0], 3, 2, 1, bias=False),
            nn.BatchNorm2d(widths[0]),
            nn.ReLU(inplace=True),
        )
        blocks: list[nn.Module] = []
        self.sizes: list[int] = []  # channels after each block
        inputs = widths[0]
        for stage, (width, depth) in enumerate(zip(widths, depths, strict=True)):
            for i in range(depth):
                blocks.append(BasicBlock(inputs, width, 2 if stage > 0 and i == 0 else 1))
                inputs = width
                self.sizes.append(width)
        self.blocks = nn.Sequential(*blocks)
        for module in self.modules():
            if isinstance(module, nn.Conv2d):
                nn.init.kaiming_normal_(module.weight, mode="fan_out", nonlinearity="relu")

    @torch.no_grad()
    def fold_stem(self) -> None:
        """Write space-to-depth and the 3x3 convolution after it as the one 6x6 convolution that they are.

        The same function, without moving pixels about: faster to run, slower to train.
        """
        unshuffled = self.stem[1]
        assert isinstance(unshuffled, nn.Conv2d)
        folded = nn.Conv2d(3, unshuffled.out_channels, 6, 4, 2, bias=False)
        # Channel c * 4 + 2 * row + column of the unshuffled image is pixel (2 i + row, 2 j + column) of channel c.
        blocks = unshuffled.weight.view(-1, 3, 2, 2, 3, 3).permute(0, 1, 4, 2, 5, 3)
        folded.weight.copy_(blocks.reshape(folded.weight.shape))
        self.stem[0], self.stem[1] = nn.Identity(), folded

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        maps: torch.Tensor = self.blocks(self.stem(x))
        return maps.mean((2, 3))
