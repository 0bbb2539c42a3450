"""Realism by use: a small U-Net that has only seen the phantom, on real dermoscopy with real masks.

    python benchmarks/phantom_realism.py [--minutes 6] [--images 6000] [--arms otsu phantom real] [--seed 0]

otsu: dark side of Otsu's threshold on the blurred blue channel, its largest region. phantom: trained on `--images`
phantom photographs. real: the same network, steps by the clock and augmentation, on 500 of HAM10000's training images.
All are tested on HAM10000's test part and on ISIC 2017's images, at 128 x 128 pixels. Dice and Jaccard are means over
images with 95 % intervals by lesion (HAM10000) or image (ISIC 2017). The last line: `phantom_realism dice=<phantom,
HAM10000>`.
"""

from __future__ import annotations

import argparse
import tempfile
import time
import zipfile
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import polars as pl

from common import SHARED, record, stamp, table

SIZE, BATCH = 128, 32
COLUMNS = ["arm", "tested_on", "images", "dice", "dice_low", "dice_high", "jaccard", "jaccard_low", "jaccard_high"]


def read(image: bytes, mask: bytes) -> tuple[np.ndarray, np.ndarray]:
    picture = cv2.cvtColor(cv2.imdecode(np.frombuffer(image, np.uint8), cv2.IMREAD_COLOR), cv2.COLOR_BGR2RGB)
    truth = cv2.imdecode(np.frombuffer(mask, np.uint8), cv2.IMREAD_GRAYSCALE)
    return (
        cv2.resize(picture, (SIZE, SIZE), interpolation=cv2.INTER_AREA),
        cv2.resize(truth, (SIZE, SIZE), interpolation=cv2.INTER_AREA) > 127,
    )


def ham10000(part: str, limit: int | None = None) -> tuple[np.ndarray, np.ndarray, list[str]]:
    rows = pl.read_csv(SHARED / "ham10000" / "metadata.csv", infer_schema_length=None).filter(pl.col("split") == part)
    if limit is not None:
        rows = rows.sample(limit, seed=0)
    with (
        zipfile.ZipFile(SHARED / "ham10000" / "images.zip") as images,
        zipfile.ZipFile(SHARED / "ham10000" / "masks.zip") as masks,
    ):
        where = {Path(n).stem.split("_seg")[0]: n for n in masks.namelist() if not n.endswith("/")}
        files = {Path(n).stem: n for n in images.namelist() if not n.endswith("/")}
        pairs = [read(images.read(files[i]), masks.read(where[i])) for i in rows["image_id"]]
    return np.stack([p for p, _ in pairs]), np.stack([m for _, m in pairs]), rows["lesion_id"].to_list()


def isic2017() -> tuple[np.ndarray, np.ndarray, list[str]]:
    folder = SHARED / "isic2017"
    masks = {p.stem.split("_")[0] + "_" + p.stem.split("_")[1]: p for p in sorted((folder / "masks").rglob("*.png"))}
    pictures = [p for p in sorted((folder / "images").rglob("*.jpg")) if p.stem in masks]
    pairs = [read(p.read_bytes(), masks[p.stem].read_bytes()) for p in pictures]
    return np.stack([p for p, _ in pairs]), np.stack([m for _, m in pairs]), [p.stem for p in pictures]


def phantom(n: int, seed: int) -> tuple[np.ndarray, np.ndarray]:
    from cutis.phantom.dataset import make_dataset

    with tempfile.TemporaryDirectory() as folder:
        made = make_dataset(Path(folder) / "phantom", n, size=SIZE, seed=seed, balance="ham10000", tone="ita:58..10")
        pairs = [
            read((made.path / r["file"]).read_bytes(), (made.path / r["mask"]).read_bytes())
            for r in made.manifest.iter_rows(named=True)
        ]
    return np.stack([p for p, _ in pairs]), np.stack([m for _, m in pairs])


def otsu(images: np.ndarray) -> np.ndarray:
    found = []
    for image in images:
        blue = cv2.GaussianBlur(image[..., 2], (0, 0), SIZE / 64)
        _, dark = cv2.threshold(blue, 0, 1, cv2.THRESH_BINARY_INV | cv2.THRESH_OTSU)
        count, labels, stats, _ = cv2.connectedComponentsWithStats(dark)
        found.append(labels == 1 + int(np.argmax(stats[1:, cv2.CC_STAT_AREA])) if count > 1 else dark > 0)
    return np.stack(found)


def augment(x: Any, y: Any, torch: Any, g: Any) -> tuple[Any, Any]:
    """Turns and flips, a zoom and stretch, brightness, contrast and colour: the same for every arm."""
    k = int(torch.randint(0, 4, (1,), generator=g))
    x, y = torch.rot90(x, k, (2, 3)), torch.rot90(y, k, (2, 3))
    n = len(x)
    scale = torch.empty(n, 2).uniform_(0.75, 1.2, generator=g)
    flip = torch.where(torch.rand(n, generator=g) < 0.5, -1.0, 1.0)
    theta = torch.zeros(n, 2, 3)
    theta[:, 0, 0], theta[:, 1, 1] = scale[:, 0] * flip, scale[:, 1]
    theta[:, :, 2] = torch.empty(n, 2).uniform_(-0.15, 0.15, generator=g)
    grid = torch.nn.functional.affine_grid(theta, list(x.shape), align_corners=False)
    x = torch.nn.functional.grid_sample(x, grid, padding_mode="reflection", align_corners=False)
    y = torch.nn.functional.grid_sample(y, grid, padding_mode="reflection", align_corners=False)
    gain = torch.empty(n, 3, 1, 1).uniform_(0.85, 1.15, generator=g) * torch.empty(n, 1, 1, 1).uniform_(
        0.8, 1.2, generator=g
    )
    power = torch.empty(n, 1, 1, 1).uniform_(0.75, 1.33, generator=g)
    return (x.clamp(1e-3, 1) ** power * gain).clamp(0, 1), y


def train(images: np.ndarray, masks: np.ndarray, minutes: float, seed: int) -> tuple[Any, float]:
    """A U-Net (ResNet-18 encoder, no pretrained weights) trained for so long; and how many passes that was.

    masks: (n, size, size), or (n, kinds, size, size), one output each. Overlap is an image's own for one kind, which
    every image has; for several, which most images lack and which are thin, it is the batch's, and pixels that show
    one count more, by the root of how rare they are, or all would learn to see nothing.
    """
    import segmentation_models_pytorch as smp
    import torch

    torch.manual_seed(seed)
    masks = masks.reshape(len(masks), -1, SIZE, SIZE)
    kinds = masks.shape[1]
    net = smp.Unet("resnet18", encoder_weights=None, decoder_channels=(128, 64, 32, 16, 16), classes=kinds)
    net = net.to(memory_format=torch.channels_last)
    optimiser = torch.optim.AdamW(net.parameters(), 1e-3, weight_decay=1e-2)
    g, end, seen = torch.Generator().manual_seed(seed), time.monotonic() + 60 * minutes, 0
    started = time.monotonic()
    x_all, y_all = torch.from_numpy(images).permute(0, 3, 1, 2), torch.from_numpy(masks)
    share = y_all.mean((0, 2, 3), dtype=torch.float32).clamp(min=1e-4)
    rare = None if kinds == 1 else ((1 - share) / share).sqrt().view(-1, 1, 1)
    while time.monotonic() < end:
        done = (time.monotonic() - started) / (60 * minutes)
        for group in optimiser.param_groups:
            group["lr"] = 1e-3 * min(1.0, 20 * done + 0.05) * 0.5 * (1 + np.cos(np.pi * min(done, 1.0)))
        chosen = torch.randint(0, len(x_all), (BATCH,), generator=g)
        x, y = augment(x_all[chosen].float() / 255, y_all[chosen].float(), torch, g)
        with torch.autocast("cpu", torch.bfloat16):
            logit = net(((x - 0.6) / 0.25).contiguous(memory_format=torch.channels_last)).float()
        p = logit.sigmoid()
        over = (2, 3) if kinds == 1 else (0, 2, 3)
        dice = 1 - (2 * (p * y).sum(over) + 1) / (p.sum(over) + y.sum(over) + 1)
        loss = torch.nn.functional.binary_cross_entropy_with_logits(logit, y, pos_weight=rare) + dice.mean()
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()
        seen += BATCH
    return net.eval(), seen / len(images)


def answer_many(net: Any, images: np.ndarray) -> np.ndarray:
    """(n, kinds, size, size) bool, with four mirror images averaged."""
    import torch

    found = []
    with torch.inference_mode():
        for start in range(0, len(images), 64):
            x = torch.from_numpy(images[start : start + 64]).permute(0, 3, 1, 2).float() / 255
            views = [x, x.flip(2), x.flip(3), x.flip(2, 3)]
            back = [(), (2,), (3,), (2, 3)]
            logits = [
                net((v - 0.6) / 0.25).flip(b) if b else net((v - 0.6) / 0.25) for v, b in zip(views, back, strict=True)
            ]
            found.append((sum(logits) > 0).numpy())
    return np.concatenate(found)


def overlap(found: np.ndarray, truth: np.ndarray, unit: list[str]) -> dict[str, Any]:
    both, size = (found & truth).sum((1, 2)), found.sum((1, 2)) + truth.sum((1, 2))
    scores = {"dice": 2 * both / np.maximum(size, 1), "jaccard": both / np.maximum(size - both, 1)}
    _, number = np.unique(unit, return_inverse=True)
    rng, units = np.random.default_rng(0), number.max() + 1
    draws = np.stack([np.bincount(rng.integers(0, units, units), minlength=units)[number] for _ in range(1000)])
    row: dict[str, Any] = {"images": len(truth)}
    for name, score in scores.items():
        low, high = np.quantile(draws @ score / draws.sum(1), [0.025, 0.975])
        row |= {name: round(float(score.mean()), 3), f"{name}_low": round(low, 3), f"{name}_high": round(high, 3)}
    return row


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--minutes", type=float, default=6)
    parser.add_argument("--images", type=int, default=6000)
    parser.add_argument("--arms", nargs="+", default=["otsu", "phantom", "real"])
    parser.add_argument("--seed", type=int, default=0)
    arguments = parser.parse_args()
    tests = {"ham10000": ham10000("test"), "isic2017": isic2017()}
    rows = []
    for arm in arguments.arms:
        passes, net = 0.0, None
        if arm != "otsu":
            data = phantom(arguments.images, arguments.seed) if arm == "phantom" else ham10000("train", 500)[:2]
            net, passes = train(*data, arguments.minutes, arguments.seed)
        for name, (images, masks, unit) in tests.items():
            found = otsu(images) if net is None else answer_many(net, images)[:, 0]
            rows.append(
                {
                    "arm": arm,
                    "tested_on": name,
                    **overlap(found, masks, unit),
                    "minutes": 0 if net is None else arguments.minutes,
                    "passes": round(passes, 1),
                    "seed": arguments.seed,
                    **stamp("torch", "segmentation-models-pytorch"),
                }
            )
            print(table(rows[-1:], [*COLUMNS, "passes"]), flush=True)
    everything = record("phantom_realism", rows, key=("arm", "tested_on", "seed"))
    print(table(everything, [*COLUMNS, "minutes", "passes", "seed"]))
    dice = next(r["dice"] for r in everything if (r["arm"], r["tested_on"]) == ("phantom", "ham10000"))
    print(f"phantom_realism dice={dice}")


if __name__ == "__main__":
    main()
