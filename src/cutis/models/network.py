"""A network: a backbone that turns images into features, and a linear head that turns features into logits."""

from __future__ import annotations

import math
from pathlib import Path

import torch
from torch import nn

from cutis.errors import CutisError, nearest
from cutis.models.compact import COMPACT, CompactResNet


class Network(nn.Module):
    """Backbone + head. Input: float (n, 3, h, w), normalised. `forward` gives logits (n, classes), float32.

    `forward_features` gives the pooled penultimate features (n, num_features) that out-of-distribution scores,
    embeddings and extra losses use; `classify` turns them into logits. Networks of another shape
    (`cutis.models.structures`) bring their own head, and say in `answers` how it is used.
    """

    def __init__(
        self, backbone: nn.Module, num_features: int, classes: int, dropout: float = 0.0, head: nn.Module | None = None
    ) -> None:
        super().__init__()
        self.backbone = backbone
        self.num_features = num_features
        self.classes = classes
        self.dropout = nn.Dropout(dropout)
        self.head = linear_head(num_features, classes) if head is None else head

    def forward_features(self, images: torch.Tensor) -> torch.Tensor:
        features: torch.Tensor = self.backbone(images)
        return features.float()

    def answers(self, features: torch.Tensor) -> torch.Tensor:
        """(members, n, classes) logits of each member, of which each learns by its own loss; a plain network is one."""
        logits: torch.Tensor = self.head(self.dropout(features))
        return logits.float()[None]

    def classify(self, features: torch.Tensor) -> torch.Tensor:
        return pooled(self.answers(features))

    def forward(self, images: torch.Tensor) -> torch.Tensor:
        return self.classify(self.forward_features(images))


def linear_head(num_features: int, classes: int) -> nn.Linear:
    head = nn.Linear(num_features, classes)
    nn.init.zeros_(head.bias)
    return head


def pooled(answers: torch.Tensor) -> torch.Tensor:
    """(members, n, classes) -> (n, classes) logits whose softmax is the members' mean; of one member, its own."""
    if len(answers) == 1:
        return answers[0]
    return answers.log_softmax(2).logsumexp(0) - math.log(len(answers))


def build(name: str, classes: int, *, dropout: float = 0.0, pretrained: bool = False) -> Network:
    """A network with the backbone called `name`: one of `COMPACT`, or any timm model. Raises CutisError.

    pretrained: take the backbone's weights from the hub; a CutisError names the remedy where it can't be reached.
    """
    if name in COMPACT:
        if pretrained:
            raise CutisError(f"{name} has no pretrained weights; drop --pretrained, or choose a timm backbone.")
        compact = CompactResNet(**COMPACT[name])
        return Network(compact, compact.num_features, classes, dropout)
    import timm

    if not timm.is_model(name.split(".")[0]):
        raise CutisError(f'backbone "{name}" is not known: {nearest(name, [*COMPACT, *timm.list_models()])}')
    try:
        backbone = timm.create_model(name, pretrained=pretrained, num_classes=0)
    except (OSError, RuntimeError, ValueError) as error:
        if not pretrained:
            raise
        reason = str(error).splitlines()[0][:120]
        raise CutisError(
            f"the weights of {name} could not be fetched ({reason}). "
            "Give a local file with --weights PATH.safetensors, or train from scratch without --pretrained."
        ) from None
    return Network(backbone, int(backbone.num_features), classes, dropout)  # type: ignore[arg-type]


def weights_licence(name: str, pretrained: bool) -> str | None:
    """Licence id of the backbone's pretrained weights as timm's card states it; None where none are used."""
    if not pretrained:
        return None
    import timm

    cfg = timm.get_pretrained_cfg(name)
    stated = (cfg.license or "") if cfg else ""
    return {"apache-2.0": "Apache-2.0", "mit": "MIT", "cc-by-nc-4.0": "CC-BY-NC-4.0"}.get(stated.lower(), "unknown")


def load_weights(network: Network, path: Path | str) -> list[str]:
    """Copy tensors of a local safetensors file into `network` where name and shape agree; returns what was left out.

    Names may be the network's own ("backbone.stem...", "head...") or a bare backbone's, as timm stores them. A head of
    another size is left at its start. Raises CutisError if the file can't be read or nothing in it fits.
    """
    from safetensors import SafetensorError
    from safetensors.torch import load_file

    path = Path(path)
    if not path.is_file():
        raise CutisError(f"--weights {path}: no such file.")
    try:
        given = load_file(path)
    except (SafetensorError, OSError):
        raise CutisError(f"--weights {path}: not a safetensors file. Pickled checkpoints are not loaded.") from None
    own = network.state_dict()
    if not any(name.startswith("backbone.") for name in given):
        given = {f"backbone.{name}": tensor for name, tensor in given.items()}
    fitting = {k: v for k, v in given.items() if k in own and own[k].shape == v.shape}
    if not any(k.startswith("backbone.") for k in fitting):
        raise CutisError(
            f"--weights {path}: none of its {len(given)} tensors fits this backbone. Is it another model's?"
        )
    network.load_state_dict(fitting, strict=False)
    return sorted(set(own) - set(fitting))
