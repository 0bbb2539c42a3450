"""Phantom photographs a second on one core, truth and all, and whether memory stays flat.

    python benchmarks/phantom.py [--images 300]

Scenes of all classes and tones are drawn by chance beforehand; timed is `render` alone, on one thread: picture, every
mask, boxes, concepts and scores. The last line is the rate at 224 px over 20 images a second.
"""

from __future__ import annotations

import argparse
import resource
import time

import cv2
import numpy as np

from common import record, stamp, table
from cutis.phantom.patients import sample
from cutis.phantom.render import render

GOAL = 20.0


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--images", type=int, default=300)
    arguments = parser.parse_args()
    cv2.setNumThreads(1)
    rng = np.random.default_rng(0)
    scenes = [sample(rng) for _ in range(arguments.images)]
    rows = []
    for size in (224, 512):
        for scene in scenes[:20]:
            render(scene, size)
        before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
        started = time.process_time()
        for scene in scenes:
            render(scene, size)
        seconds = time.process_time() - started
        rows.append(
            {
                "size": size,
                "images": len(scenes),
                "images_per_s": round(len(scenes) / seconds, 1),
                "peak_gb": round(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1e6, 3),
                "grown_gb": round((resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) / 1e6, 3),
                **stamp("numpy", "opencv-python-headless"),
            }
        )
    print(table(record("phantom", rows), ["size", "images", "images_per_s", "peak_gb", "grown_gb"]))
    print(f"phantom ratio={rows[0]['images_per_s'] / GOAL:.2f}")


if __name__ == "__main__":
    main()
