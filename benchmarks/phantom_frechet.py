"""How far phantom photographs are from real ones in features that can be named: colour, texture and shape.

    python benchmarks/phantom_frechet.py [--images 1500] [--seed 0]

Frechet distance (`cutis.evaluate.distance`) between Gaussians fitted to the 29 features of `cutis.image.appearance`,
each scaled by HAM10000's own mean and deviation.
HAM10000's halves among themselves are the floor, noise-textured ellipses the ceiling. Ends with `phantom_frechet
ratio=<ellipses / phantom>`.
"""

from __future__ import annotations

import argparse

import cv2
import numpy as np

from common import record, stamp, table
from cutis.evaluate.distance import frechet_distance, standardised
from cutis.image.appearance import appearance
from phantom_realism import SIZE, ham10000, phantom


def ellipses(n: int, rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
    """Brown ellipses on pink, both with smooth and fine noise: what a first idea of a phantom looks like."""
    images, masks = [], []
    for _ in range(n):
        mask = np.zeros((SIZE, SIZE), np.uint8)
        axes = rng.uniform(0.15, 0.42, 2) * SIZE
        cv2.ellipse(mask, (SIZE // 2, SIZE // 2), axes.astype(int).tolist(), float(rng.uniform(0, 180)), 0, 360, 1, -1)
        skin, lesion = rng.normal((205, 160, 150), 15), rng.normal((125, 85, 70), 20)
        picture = np.where(mask[..., None] > 0, lesion, skin) + rng.normal(0, 6, (SIZE, SIZE, 3))
        picture += cv2.resize(rng.normal(0, 14, (9, 9)), (SIZE, SIZE), interpolation=cv2.INTER_CUBIC)[..., None]
        images.append(np.clip(picture, 0, 255).astype(np.uint8))
        masks.append(mask > 0)
    return np.stack(images), np.stack(masks)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--images", type=int, default=1500)
    parser.add_argument("--seed", type=int, default=0)
    arguments = parser.parse_args()
    rng = np.random.default_rng(arguments.seed)
    sets = {
        "ham10000": ham10000("train", 2 * arguments.images)[:2],
        "phantom": phantom(arguments.images, arguments.seed),
        "ellipses": ellipses(arguments.images, rng),
    }
    numbers = {
        name: np.stack([f for i, m in zip(images, masks, strict=True) if (f := appearance(i, m)) is not None])
        for name, (images, masks) in sets.items()
    }
    real = numbers["ham10000"]
    scaled = {name: standardised(real, values)[1] for name, values in numbers.items()}
    shuffled = rng.permutation(len(real))
    first, second = (scaled["ham10000"][half] for half in np.array_split(shuffled, 2))
    rows = [
        {"pair": pair, "distance": round(frechet_distance(a, first), 2), "images": len(a), **stamp("numpy", "scipy")}
        for pair, a in (
            ("ham10000 other half", second),
            ("phantom", scaled["phantom"]),
            ("noise-textured ellipses", scaled["ellipses"]),
        )
    ]
    print(table(record("phantom_frechet", rows), ["pair", "distance", "images"]))
    print(f"phantom_frechet ratio={rows[2]['distance'] / rows[1]['distance']:.2f}")


if __name__ == "__main__":
    main()
