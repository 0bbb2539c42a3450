"""Surface metrics side by side: HD95 and NSD of 512-pixel masks, by Cutis and by MONAI.

    python benchmarks/surface.py [--n 200] [--repeats 3] [--out NAME]

Real lesion masks of ISIC 2017, scaled to 512 x 512, are the truth; the predicted ones are made of them by a turn, a
shift and a change of scale, then by an opening, closing, erosion or dilation, so that they lie off as a model's do.
Both sides run in one process, in turn, on the same masks, each with the threads that it takes; MONAI gets tensors made
beforehand. HD95 (95th percentile, the larger direction) and NSD within 2 pixels must be equal to 1e-4 for every pair,
or nothing is written. The last line is `surface ratio=<MONAI's time / ours>`, of the medians.
"""

from __future__ import annotations

import argparse
import statistics
import sys
import time
import warnings
from typing import Any

import cv2
import numpy as np

from common import SHARED, record, stamp, table
from cutis.evaluate.surface import Mask, surface_distances
from cutis.image.mask import read_mask

SIZE = 512
TAU = 2.0
TOLERANCE = 1e-4


def make_pairs(n: int, seed: int) -> list[tuple[Mask, Mask]]:
    """(predicted, true) masks of `n` real lesions, neither of them empty."""
    files = sorted((SHARED / "isic2017" / "masks").glob("*.png"))
    if not files:
        sys.exit(f"no masks in {SHARED / 'isic2017'}: this benchmark is made from real ones")
    rng = np.random.default_rng(seed)
    pairs: list[tuple[Mask, Mask]] = []
    for file in (files[i] for i in rng.permutation(len(files))):
        small = read_mask(file).pixels.view(np.uint8)
        truth = cv2.resize(small, (SIZE, SIZE), interpolation=cv2.INTER_NEAREST)
        turn = cv2.getRotationMatrix2D((SIZE / 2, SIZE / 2), rng.uniform(-8, 8), rng.uniform(0.92, 1.08))
        turn[:, 2] += rng.uniform(-8, 8, 2)
        moved = cv2.warpAffine(truth, turn, (SIZE, SIZE), flags=cv2.INTER_NEAREST)
        width = 2 * int(rng.integers(1, 8)) + 1
        element = cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (width, width))
        how = (cv2.MORPH_OPEN, cv2.MORPH_CLOSE, cv2.MORPH_ERODE, cv2.MORPH_DILATE)[int(rng.integers(4))]
        predicted = cv2.morphologyEx(moved, how, element)
        if predicted.any() and truth.any():
            pairs.append((predicted, truth))
        if len(pairs) == n:
            return pairs
    sys.exit(f"only {len(pairs)} usable masks in {SHARED / 'isic2017'}; ask for at most as many with --n")


def ours(pairs: list[tuple[Mask, Mask]]) -> np.ndarray:
    """(n, 2) HD95 and NSD."""
    values = []
    for predicted, truth in pairs:
        found = surface_distances(predicted, truth)
        assert found is not None
        values.append((found.hd95()[0], found.nsd(TAU)))
    return np.array(values)


def peer(tensors: list[tuple[Any, Any]]) -> np.ndarray:
    """The same by MONAI."""
    from monai.metrics import compute_hausdorff_distance, compute_surface_dice

    return np.array(
        [
            (
                compute_hausdorff_distance(p, t, include_background=True, percentile=95).item(),
                compute_surface_dice(p, t, class_thresholds=[TAU], include_background=True).item(),
            )
            for p, t in tensors
        ]
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--n", type=int, default=200)
    parser.add_argument("--repeats", type=int, default=3)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--out", default="surface", help="name of the CSV in results/")
    asked = parser.parse_args()

    import torch

    warnings.filterwarnings("ignore", category=FutureWarning)  # MONAI's own, of its own functions
    pairs = make_pairs(asked.n, asked.seed)
    tensors = [(torch.from_numpy(p)[None, None].float(), torch.from_numpy(t)[None, None].float()) for p, t in pairs]
    ours(pairs[:2])
    peer(tensors[:2])  # both warm
    seconds: dict[str, list[float]] = {"cutis": [], "monai": []}
    for _ in range(asked.repeats):
        began = time.perf_counter()
        values = ours(pairs)
        between = time.perf_counter()
        theirs = peer(tensors)
        seconds["cutis"].append(between - began)
        seconds["monai"].append(time.perf_counter() - between)
        worst = np.abs(values - theirs).max(0)
        if not (worst <= TOLERANCE).all():
            sys.exit(f"not equal: HD95 differs by up to {worst[0]:.2g} px, NSD by up to {worst[1]:.2g}")
    median = {side: statistics.median(times) for side, times in seconds.items()}
    ratio = median["monai"] / median["cutis"]
    rows = [
        {
            "side": side,
            "pairs": len(pairs),
            "size": SIZE,
            "ms_a_pair": f"{1000 * median[side] / len(pairs):.3f}",
            "mean_hd95_px": f"{values[:, 0].mean():.4f}",
            "mean_nsd": f"{values[:, 1].mean():.4f}",
            "ratio": f"{ratio:.1f}",
            **stamp("monai", "torch"),
        }
        for side in seconds
    ]
    record(asked.out, rows)
    print(f"largest difference: HD95 {worst[0]:.2g} px, NSD {worst[1]:.2g}")
    print(table(rows, ["side", "pairs", "ms_a_pair", "mean_hd95_px", "mean_nsd"]))
    print(f"surface ratio={ratio:.1f}")


if __name__ == "__main__":
    main()
