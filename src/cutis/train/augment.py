"""Training augmentation: each image of a batch gets its own random pose and colour, drawn from a Generator.

OpenCV's warp and matrix transform stand in place of torchvision's v2 transforms, which draw one set of
parameters for a whole batch and were measured slower here (benchmarks/results/train_input.csv).
"""

from __future__ import annotations

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor

import cv2
import numpy as np
from pydantic import BaseModel, ConfigDict, Field

from cutis.image.corruptions import CORRUPTIONS, SEVERITIES, SUITES

_CORRUPTED = 0.5  # share of the images that a suite changes: the others keep the clean accuracy up
_CHUNK = 8  # images a task: handing over each alone costs as much as warping it


class Augmentation(BaseModel):
    """How much an image may change. 0 turns a change off.

    turn: any rotation and mirror image (skin has no upright). zoom, stretch: log-scale of size and aspect ratio.
    shift: share of the side. colour: contrast, brightness, saturation and the gain of each channel, as shares.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")
    turn: bool = True
    zoom: float = Field(0.25, ge=0, le=1)
    stretch: float = Field(0.15, ge=0, le=1)
    shift: float = Field(0.15, ge=0, le=0.5)
    colour: float = Field(0.2, ge=0, le=1)


def augment(
    images: Sequence[np.ndarray] | np.ndarray,
    size: int,
    settings: Augmentation,
    rng: np.random.Generator,
    pool: ThreadPoolExecutor,
    *,
    scale: np.ndarray | float = 1.0,
    shift: np.ndarray | float = 0.0,
    out: np.ndarray | None = None,
) -> np.ndarray:
    """b images (s, s, 3) uint8 -> (b, size, size, 3) float32, each value times `scale` plus `shift` (numbers or one a
    channel), so that colour and normalisation are one pass.

    What lies outside the image is its reflection. Colours may leave 0..255 before scaling; they are not clipped. out:
    memory to write to.
    """
    n = len(images)
    poses = _poses(n, images[0].shape[0], size, settings, rng)
    colours = _colours(n, settings, rng)
    colours *= np.broadcast_to(scale, 3)[:, None]
    colours[:, :, 3] += shift
    made = np.empty((n, size, size, 3), np.float32) if out is None else out

    def work(start: int) -> None:
        for i in range(start, min(start + _CHUNK, n)):
            warped = cv2.warpAffine(
                images[i],
                poses[i],
                (size, size),
                flags=cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP,
                borderMode=cv2.BORDER_REFLECT_101,
            )
            cv2.transform(warped.astype(np.float32), colours[i], dst=made[i])

    list(pool.map(work, range(0, n, _CHUNK)))
    return made


def corrupt_some(
    images: Sequence[np.ndarray], suite: str, rng: np.random.Generator, pool: ThreadPoolExecutor
) -> list[np.ndarray]:
    """b images, uint8 (s, s, 3), of which half are under a corruption of `suite`, each its own, at severity 1 to 5.

    suite: of `cutis.image.corruptions.SUITES`: what needs the picture alone. As MedMNIST-C trains with its suite (Di
    Salvo et al., arXiv 2406.17536), but for the share.
    """
    n, names = len(images), SUITES[suite]
    chosen = rng.random(n) < _CORRUPTED
    kinds, severities = rng.integers(0, len(names), n), rng.integers(SEVERITIES[0], SEVERITIES[-1] + 1, n)
    seeds = rng.integers(0, 2**63, n)

    def work(i: int) -> np.ndarray:
        if not chosen[i]:
            return images[i]
        return CORRUPTIONS[names[kinds[i]]].apply(images[i], int(severities[i]), np.random.default_rng(seeds[i]))

    return list(pool.map(work, range(n)))


def _poses(n: int, side: int, size: int, settings: Augmentation, rng: np.random.Generator) -> np.ndarray:
    """(n, 2, 3) matrices from output pixels to input pixels."""
    angle = rng.uniform(0, 2 * np.pi, n) if settings.turn else np.zeros(n)
    mirror = rng.choice([-1.0, 1.0], n) if settings.turn else np.ones(n)
    # A turned square reaches outside the image; looking a little closer (0.92) keeps most of the reflection out of it.
    scale = np.exp(rng.uniform(-settings.zoom, settings.zoom, n)) * (0.92 if settings.turn else 1.0) * side / size
    stretch = np.exp(rng.uniform(-settings.stretch, settings.stretch, n))
    shift = rng.uniform(-settings.shift, settings.shift, (n, 2)) * side / 2
    cos, sin = np.cos(angle), np.sin(angle)
    matrix = np.empty((n, 2, 3))
    matrix[:, 0, 0], matrix[:, 0, 1] = cos * scale * stretch * mirror, -sin * scale * stretch
    matrix[:, 1, 0], matrix[:, 1, 1] = sin * scale / stretch * mirror, cos * scale / stretch
    centre = (size - 1) / 2
    matrix[:, :, 2] = (side - 1) / 2 + shift - centre * (matrix[:, :, 0] + matrix[:, :, 1])
    return matrix


def _colours(n: int, settings: Augmentation, rng: np.random.Generator) -> np.ndarray:
    """(n, 3, 4) matrices from RGB1 to RGB: saturation, then contrast about mid-grey, then gains."""
    k = settings.colour
    saturation = 1 + rng.uniform(-k, k, (n, 1, 1))
    contrast = 1 + rng.uniform(-k, k, (n, 1, 1))
    gain = (1 + rng.uniform(-k / 2, k / 2, (n, 3, 1))) * (1 + rng.uniform(-k, k, (n, 1, 1)))
    matrix = np.empty((n, 3, 4))
    matrix[:, :, :3] = gain * contrast * (saturation * np.eye(3) + (1 - saturation) / 3)
    matrix[:, :, 3:] = gain * 127.5 * (1 - contrast)
    return matrix
