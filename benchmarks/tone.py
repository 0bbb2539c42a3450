"""Images a second on one core for every skin-tone estimator together, with intervals, Monk and contrast, at 256 px.

    python benchmarks/tone.py [--images 100]

The pictures are made up (skin of ten tones with a mole, hairs and shading) and held in memory: decoding isn't counted.
Target: 150 images/s a core. The last line is the rate over that target: `tone ratio=X.XX`, 1 or more meets it.
"""

from __future__ import annotations

import argparse
import time

import cv2
import numpy as np

from common import record, stamp, table
from cutis.image.tone import METHODS, Photo, estimate_tones
from cutis.image.tone.contrast import photo_contrast
from cutis.image.tone.monk import monk_rgb

SIZE = 256
TARGET = 150.0  # images a second


def picture(seed: int) -> tuple[np.ndarray, np.ndarray]:
    """uint8 RGB and the mask of its mole."""
    rng = np.random.default_rng(seed)
    y, x = np.mgrid[:SIZE, :SIZE]
    shade = 1 - 0.3 * np.hypot(y - rng.uniform(80, 176), x - rng.uniform(80, 176)) / SIZE
    image = (
        (monk_rgb()[2 + seed % 6] * shade[..., None] + rng.normal(0, 4, (SIZE, SIZE, 3))).clip(0, 255).astype(np.uint8)
    )
    mask = np.hypot(y - 128, x - 128) < rng.uniform(30, 90)
    image[mask] = image[mask] // 2
    for _ in range(int(rng.integers(0, 12))):
        one, other = (tuple(int(v) for v in rng.integers(0, SIZE, 2)) for _ in range(2))
        cv2.line(image, one, other, (40, 30, 25), 2)
    return image, mask


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--images", type=int, default=100)
    given = parser.parse_args()
    cv2.setNumThreads(1)
    pictures = [picture(seed) for seed in range(given.images)]

    def all_of(image: np.ndarray, mask: np.ndarray) -> None:
        photo = Photo(image, mask)
        estimate_tones(photo)
        photo_contrast(photo)

    all_of(*pictures[0])  # tables are built once
    # Processor seconds of this process: with one thread, those are seconds of one core whatever else runs.
    runs = []
    for _ in range(3):
        started = time.process_time()
        for image, mask in pictures:
            all_of(image, mask)
        runs.append(time.process_time() - started)
    rate = given.images / min(runs)
    row = {"estimators": len(METHODS), "size": SIZE, "images_a_second": round(rate, 1), "target": TARGET}
    print(table([row], list(row)))
    record("tone", [row | stamp("numpy", "opencv-python-headless")])
    print(f"tone ratio={rate / TARGET:.2f}")


if __name__ == "__main__":
    from threadpoolctl import threadpool_limits

    with threadpool_limits(1):
        main()
