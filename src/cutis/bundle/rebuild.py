"""A bundle's network in torch again, for what needs gradients; to predict, nothing of this is needed."""

from __future__ import annotations

import hashlib
from importlib.util import find_spec
from typing import TYPE_CHECKING

import numpy as np

from cutis.bundle.load import WEIGHTS
from cutis.bundle.predict import Bundle
from cutis.errors import CutisError
from cutis.evaluate import calibrators

if TYPE_CHECKING:
    from cutis.bundle.export import Exported

TOLERANCE = 1e-3  # of max |p - p_runtime|, as for the certificates of parity


def rebuild(bundle: Bundle) -> Exported:
    """What model.onnx was exported from, made of the card and weights.safetensors, in eval mode, weights frozen.

    uint8 or float (n, size, size, 3) images of 0..255 -> logits, features; normalisation and mirror images inside.
    Raises CutisError if torch is not installed, or the bundle has no weights or they don't fit its backbone.
    """
    if not find_spec("torch"):
        raise CutisError("this needs gradients, and so torch, which is not installed: pip install 'cutis[train]'")
    from safetensors.torch import load

    from cutis.bundle.export import Exported
    from cutis.models.network import build
    from cutis.models.structures import structured

    card, path = bundle.card, bundle.path / WEIGHTS
    if WEIGHTS not in card.files:
        raise CutisError(f"{bundle.path}: holds no {WEIGHTS}, so its network can't be rebuilt. Freeze it again.")
    content = path.read_bytes()
    if hashlib.sha256(content).hexdigest() != card.files[WEIGHTS]:
        raise CutisError(f"{path}: changed since it was frozen (its SHA-256 differs). Copy the bundle again.")
    network = structured(card.structure, lambda: build(card.backbone, len(card.classes)), **card.structure_settings)
    try:
        network.load_state_dict(load(content))
    except RuntimeError:
        raise CutisError(
            f"{path}: does not hold the weights of {card.backbone} with {len(card.classes)} classes. "
            "Rebuild with the Cutis that froze it."
        ) from None
    exported = Exported(network, card.preprocessing.mean, card.preprocessing.std, card.flips).eval()
    return exported.requires_grad_(False)


def check_rebuilt(rebuilt: Exported, bundle: Bundle, images: np.ndarray) -> float:
    """The largest difference of a probability between `rebuilt` and the bundle's runtime on uint8 `images`.

    Raises CutisError if it is above 1e-3: then what is studied is not what is served.
    """
    import torch

    with torch.inference_mode():
        logits = rebuilt(torch.from_numpy(images))[0].numpy()
    served = bundle.run(images)[0]
    calibrator = bundle.card.calibrator
    delta = float(np.abs(calibrators.apply(calibrator, logits) - calibrators.apply(calibrator, served)).max())
    if not delta <= TOLERANCE:  # NaN fails too
        raise CutisError(
            f"{bundle.path}: rebuilt in torch, its probabilities differ from the runtime's by {delta:.2g}; at most "
            f"{TOLERANCE:g} is accepted. Rebuild with the Cutis that froze it, and in fp32."
        )
    return delta
