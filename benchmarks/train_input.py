"""Images a second that the trainer is fed, against a 2-worker torchvision + PIL DataLoader, on real HAM10000.

    python benchmarks/train_input.py [--seconds 8]

Both deliver float32 batches of 128 on the same images, normalised by the same numbers: ours a pose (turn, zoom,
stretch, shift) and a colour of its own an image, theirs RandomResizedCrop, two flips and ColorJitter. With
augmentation off the two must agree to within 4 of 255 levels on average. Ours reads the decoded-once cache; the time to
build it is a column. torchvision's v2 transforms on a whole batch (one set of parameters a batch) are another. The last
line is the worse of the two sizes' ratios.
"""

from __future__ import annotations

import argparse
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import torch
from PIL import Image
from torch.utils.data import DataLoader
from torch.utils.data import Dataset as TorchDataset
from torchvision import transforms as T
from torchvision.transforms import v2

from common import SHARED, record, stamp, table

BATCH = 128
MEAN, STD = (0.76, 0.54, 0.57), (0.14, 0.16, 0.17)


class Photographs(TorchDataset):
    def __init__(self, files: list[Path], transform: Any) -> None:
        self.files, self.transform = files, transform

    def __len__(self) -> int:
        return len(self.files)

    def __getitem__(self, i: int) -> torch.Tensor:
        return self.transform(Image.open(self.files[i]).convert("RGB"))


def rate(next_batch: Callable[[], torch.Tensor], seconds: float) -> float:
    """Images a second once running; the first three batches (start of workers, page cache) don't count."""
    for _ in range(3):
        next_batch()
    started, seen = time.monotonic(), 0
    while time.monotonic() - started < seconds:
        seen += len(next_batch())
    return seen / (time.monotonic() - started)


def peer(files: list[Path], size: int, seconds: float) -> float:
    transform = T.Compose(
        [
            T.RandomResizedCrop(size, scale=(0.6, 1.0)),
            T.RandomHorizontalFlip(),
            T.RandomVerticalFlip(),
            T.ColorJitter(0.2, 0.2, 0.2),
            T.ToTensor(),
            T.Normalize(MEAN, STD),
        ]
    )
    loader = DataLoader(
        Photographs(files, transform), BATCH, shuffle=True, num_workers=2, drop_last=True, persistent_workers=True
    )

    def forever() -> Any:
        while True:
            yield from loader

    batches = forever()
    return rate(lambda: next(batches), seconds)


def batch_transforms(images: np.ndarray, size: int, seconds: float) -> float:
    transform = v2.Compose(
        [
            v2.RandomResizedCrop(size, scale=(0.6, 1.0), antialias=True),
            v2.RandomHorizontalFlip(),
            v2.RandomVerticalFlip(),
            v2.ColorJitter(0.2, 0.2, 0.2),
            v2.ToDtype(torch.float32, scale=True),
            v2.Normalize(MEAN, STD),
        ]
    )
    rng = np.random.default_rng(0)
    return rate(
        lambda: transform(torch.from_numpy(images[rng.integers(0, len(images), BATCH)]).permute(0, 3, 1, 2)), seconds
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seconds", type=float, default=8)
    given = parser.parse_args()

    import cutis
    from cutis.data.cache import open_cache
    from cutis.train.augment import Augmentation
    from cutis.train.config import TrainConfig
    from cutis.train.feed import Feed, Normalise
    from cutis.train.objectives import objective
    from cutis.train.objectives.base import TrainingData

    off = Augmentation(turn=False, zoom=0, stretch=0, shift=0, colour=0)
    rows = []
    with tempfile.TemporaryDirectory() as temporary:
        data = cutis.import_dataset(SHARED / "ham10000", Path(temporary) / "ham10000", reader="ham10000")
        part = data.usable().filter(data.usable()["source_split"] == "train").sort("image_id")
        files = [data.path / f for f in part["file"]]
        training = TrainingData(part, np.zeros(len(part), np.int64), ["a", "b"], np.arange(len(part)))
        for size in (128, 224):
            started = time.monotonic()
            images = open_cache(data, part["image_id"].to_list(), TrainConfig(epochs=1, size=size).cache_size).images
            built = time.monotonic() - started

            def feed(augmentation: Augmentation, images: np.ndarray = images, size: int = size) -> Feed:
                normalise = Normalise(MEAN, STD, torch.device("cpu"))
                return Feed(
                    images,
                    training,
                    objective("cross-entropy"),
                    normalise,
                    size=size,
                    batch_size=BATCH,
                    augmentation=augmentation,
                    seed=0,
                )

            plain = feed(off).batch(0)
            resize = T.Compose([T.Resize((size, size)), T.ToTensor(), T.Normalize(MEAN, STD)])
            theirs = torch.stack([Photographs(files, resize)[int(i)] for i in plain.rows[:32]])
            levels = float(((plain.images[:32] - theirs).abs() * torch.tensor(STD).view(1, 3, 1, 1)).mean() * 255)
            assert levels < 4, f"the two feeds differ by {levels:.1f} levels"

            fed, steps = feed(Augmentation()), iter(range(10**9))
            ours = rate(lambda fed=fed, steps=steps: fed.batch(next(steps)).images, given.seconds)
            their_rate = peer(files, size, given.seconds)
            whole = batch_transforms(images, size, given.seconds)
            rows.append(
                {
                    "size": size,
                    "ours_per_s": round(ours),
                    "peer_per_s": round(their_rate),
                    "v2_on_batch_per_s": round(whole),
                    "ratio": round(ours / their_rate, 2),
                    "mean_difference_levels": round(levels, 2),
                    "cache_build_s": round(built, 1),
                    "images": len(part),
                }
            )
    print(table(rows, list(rows[0])))
    record("train_input", [row | stamp("torch", "torchvision", "pillow") for row in rows])
    print(f"train_input ratio={min(row['ratio'] for row in rows):.2f}")


if __name__ == "__main__":
    main()
