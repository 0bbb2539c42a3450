"""How fast the whole set of quality measures and artefact detectors is, and against its peers.

    python benchmarks/quality.py [--n 2000] [--repeats 3] [--out NAME]

ISIC 2017 photographs at 256 pixels on the longer side, in memory; one core (OpenCV's threads off); best of `repeats`.
  * `assess`, all nine measures and six detectors: images/s.
  * What scikit-image and CleanVision measure too, on the same pictures: blur (skimage's blur_effect;
    CleanVision's edge filter), exposure (skimage's is_low_contrast; CleanVision's brightness percentiles, bright and
    dark), size.
A peer that isn't installed is left out, and said; a peer gets a tenth of the pictures, at least 20. The last line is
`quality ratio=X.XX`: the time of the faster peer over that of our five measures.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Callable
from typing import Any

import cv2
import numpy as np

from common import record, stamp, table
from cutis.image.assess import assess
from cutis.image.quality import gradient, headroom, light, resolution, wavelet
from cutis.image.working import SIDE, Working
from quality_data import isic2017


def ours(image: np.ndarray) -> None:
    """Blur twice, exposure twice, resolution: what the peers measure."""
    view = Working(image)
    for measure in (gradient, wavelet, light, headroom, resolution):
        measure(view)


def peers() -> dict[str, Callable[[np.ndarray], Any]]:
    """The same by each peer that is installed."""
    found: dict[str, Callable[[np.ndarray], Any]] = {}
    try:
        from skimage.exposure import is_low_contrast
        from skimage.measure import blur_effect

        found["scikit-image"] = lambda p: (blur_effect(p, channel_axis=-1), is_low_contrast(p))
    except ImportError:
        print("scikit-image is not installed: left out")
    try:
        from cleanvision.issue_managers.image_property import (
            BlurrinessProperty,
            BrightnessProperty,
            SizeProperty,
        )
        from PIL import Image

        bright, dark = BrightnessProperty("light"), BrightnessProperty("dark")
        blurry, size = BlurrinessProperty(), SizeProperty()

        def cleanvision(pixels: np.ndarray) -> None:
            image = Image.fromarray(pixels)
            for measure in (bright, dark, blurry, size):
                measure.calculate(image)

        found["cleanvision"] = cleanvision
    except ImportError:
        print("cleanvision is not installed: left out")
    return found


def seconds(run: Callable[[np.ndarray], Any], images: list[np.ndarray]) -> float:
    began = time.perf_counter()
    for image in images:
        run(image)
    return time.perf_counter() - began


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--n", type=int, default=2000)
    parser.add_argument("--repeats", type=int, default=3)
    parser.add_argument("--out", default="quality", help="name of the CSV in results/")
    asked = parser.parse_args()
    cv2.setNumThreads(1)
    images = []
    for part in ("train", "test"):
        for pixels in isic2017(asked.n - len(images), part):
            scale = SIDE / max(pixels.shape)
            size = (round(pixels.shape[1] * scale), round(pixels.shape[0] * scale))
            images.append(cv2.resize(pixels, size, interpolation=cv2.INTER_AREA))
    sides: dict[str, Callable[[np.ndarray], Any]] = {"cutis, whole set": assess, "cutis, as the peers": ours, **peers()}
    best = dict.fromkeys(sides, float("inf"))
    for name, run in sides.items():
        seconds(run, images[:5])  # warm
        few = images if name.startswith("cutis") else images[: max(20, len(images) // 10)]
        for _ in range(asked.repeats):
            best[name] = min(best[name], seconds(run, few) / len(few))
    theirs = [value for name, value in best.items() if not name.startswith("cutis")]
    rows = [
        {
            "side": name,
            "images": len(images),
            "images_a_second": f"{1 / value:.0f}",
            "ms_an_image": f"{1000 * value:.2f}",
            **stamp("opencv-python-headless", "numpy"),
        }
        for name, value in best.items()
    ]
    record(asked.out, rows)
    print(table(rows, ["side", "images", "images_a_second", "ms_an_image"]))
    if theirs:
        print(f"quality ratio={min(theirs) / best['cutis, as the peers']:.2f}")


if __name__ == "__main__":
    main()
