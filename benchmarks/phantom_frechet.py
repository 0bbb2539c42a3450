"""How far phantom photographs are from real ones in features that can be named: colour, texture and shape.

    python benchmarks/phantom_frechet.py [--images 1500] [--seed 0]

Frechet distance (Dowson & Landau, J. Multivariate Analysis 12, 1982) between Gaussians fitted to 29 features, each
scaled by HAM10000's own mean and deviation: colour of skin and lesion (CIELAB means and deviations, their difference),
texture (gradient and Laplacian energy at three scales, inside and outside), shape of the mask (area, elongation,
solidity, roundness). In the spirit of FRD (Konz et al., 2024), on interpretable instead of radiomic features.
HAM10000's halves among themselves are the floor, noise-textured ellipses the ceiling. Ends with `phantom_frechet
ratio=<ellipses / phantom>`.
"""

from __future__ import annotations

import argparse

import cv2
import numpy as np
from scipy.linalg import sqrtm

from common import record, stamp, table
from cutis.image.colour import lab
from phantom_realism import SIZE, ham10000, phantom


def features(image: np.ndarray, mask: np.ndarray) -> np.ndarray | None:
    """The 29 numbers of one picture; None where the mask leaves too little lesion or skin."""
    if not 0.01 < mask.mean() < 0.9:
        return None
    colours = lab(image)
    inside, outside = colours[mask], colours[~mask]
    found = [*inside.mean(0), *inside.std(0), *outside.mean(0), *outside.std(0)]
    found.append(float(np.linalg.norm(inside.mean(0) - outside.mean(0))))
    light = colours[..., 0].astype(np.float32)
    for sigma in (0.8, 1.6, 3.2):
        soft = cv2.GaussianBlur(light, (0, 0), sigma)
        slope = np.hypot(cv2.Sobel(soft, cv2.CV_32F, 1, 0), cv2.Sobel(soft, cv2.CV_32F, 0, 1))
        bend = np.abs(cv2.Laplacian(soft, cv2.CV_32F))
        found += [np.log(v[w].mean() + 1e-3) for v in (slope, bend) for w in (mask, ~mask)]
    outlines = cv2.findContours(mask.astype(np.uint8), cv2.RETR_EXTERNAL, cv2.CHAIN_APPROX_NONE)[0]
    outline = max(outlines, key=cv2.contourArea)
    area, length = cv2.contourArea(outline), cv2.arcLength(outline, True)
    if area < 20:
        return None
    (_, axes, _) = cv2.minAreaRect(outline)
    solid = area / max(cv2.contourArea(cv2.convexHull(outline)), 1)
    found += [np.sqrt(mask.mean()), min(axes) / max(axes), solid, 4 * np.pi * area / length**2]
    return np.array(found)


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


def frechet(a: np.ndarray, b: np.ndarray) -> float:
    mean, one, two = a.mean(0) - b.mean(0), np.cov(a.T), np.cov(b.T)
    return float(mean @ mean + np.trace(one + two - 2 * np.real(sqrtm(one @ two))))


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
        name: np.stack([f for i, m in zip(images, masks, strict=True) if (f := features(i, m)) is not None])
        for name, (images, masks) in sets.items()
    }
    real = numbers["ham10000"]
    middle, spread = real.mean(0), real.std(0)
    scaled = {name: (values - middle) / spread for name, values in numbers.items()}
    shuffled = rng.permutation(len(real))
    first, second = (scaled["ham10000"][half] for half in np.array_split(shuffled, 2))
    rows = [
        {"pair": pair, "distance": round(frechet(a, first), 2), "images": len(a), **stamp("numpy", "scipy")}
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
