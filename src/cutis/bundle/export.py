"""From a network to model.onnx: pixels in, logits and features out, with normalisation and mirror images in the
graph."""

from __future__ import annotations

import contextlib
import io
import logging
import warnings
from collections.abc import Sequence
from pathlib import Path

import torch
from google.protobuf.message import Message
from torch import nn

OPSET = 18


class Exported(nn.Module):
    """What a bundle computes: `image` uint8 (n, h, w, 3) -> `logits` (n, classes), `features` (n, d), float32.

    flips: both outputs are means over the image and its left-right, top-bottom and twice-mirrored copies. Skin lesions
    have no up or left, and a mean of logits keeps one softmax (a geometric mean of the four answers).
    """

    mean: torch.Tensor
    scale: torch.Tensor

    def __init__(self, network: nn.Module, mean: Sequence[float], std: Sequence[float], flips: bool) -> None:
        super().__init__()
        self.network = network
        for module in list(network.modules()):
            fold = getattr(module, "fold_stem", None)
            if fold is not None:
                fold()
        self.flips = flips
        self.register_buffer("mean", 255 * torch.tensor(mean, dtype=torch.float32).view(1, 3, 1, 1))
        self.register_buffer("scale", 1 / (255 * torch.tensor(std, dtype=torch.float32).view(1, 3, 1, 1)))

    def forward(self, image: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        if self.flips:  # while a pixel is still a byte
            image = torch.cat([image, image.flip(2), image.flip(1), image.flip((1, 2))])
        x = (image.permute(0, 3, 1, 2).to(torch.float32) - self.mean) * self.scale
        features = self.network.forward_features(x)  # type: ignore[operator]
        logits = self.network.classify(features)  # type: ignore[operator]
        if self.flips:
            logits = logits.reshape(4, -1, logits.shape[1]).mean(0)
            features = features.reshape(4, -1, features.shape[1]).mean(0)
        return logits.float(), features.float()


def export_onnx(exported: Exported, path: Path, size: int) -> None:
    """Write `exported` (in eval mode, on the CPU, fp32) as ONNX with a dynamic batch, opset 18.

    What the exporter notes of where each node came from, file paths of this machine among it, is left out.
    """
    example = torch.zeros((2, size, size, 3), dtype=torch.uint8)
    log = logging.getLogger("torch.onnx")
    level = log.level
    log.setLevel(logging.ERROR)
    try:
        # The exporter warns of, and prints, its own internals; what it made is checked by the parity certificate.
        with warnings.catch_warnings(), contextlib.redirect_stdout(io.StringIO()):
            warnings.simplefilter("ignore")
            made = torch.onnx.export(
                exported,
                (example,),
                input_names=["image"],
                output_names=["logits", "features"],
                dynamic_shapes=({0: torch.export.Dim("n")},),
                opset_version=OPSET,
                dynamo=True,
                external_data=False,
                verbose=False,
            )
    finally:
        log.setLevel(level)
    assert made is not None
    path.write_bytes(without_notes(made.model_proto).SerializeToString(deterministic=True))


def without_notes(message: Message) -> Message:
    """The ONNX message with no doc_string and no metadata_props at any depth, in place; what it computes stays."""
    for field, value in message.ListFields():
        if field.name in ("doc_string", "metadata_props"):
            message.ClearField(field.name)
        elif field.message_type is not None:
            for inner in [value] if isinstance(value, Message) else value:
                without_notes(inner)
    return message
