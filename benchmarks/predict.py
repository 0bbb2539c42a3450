"""Prediction side by side: a Cutis bundle against what a user would write with torch, torchvision and Pillow.

    python benchmarks/predict.py [--bundle PATH] [--repeats 3] [--photos 2000] [--large 200] [--memory]

The same network and weights, the same JPEGs (real dermoscopy images, enlarged, with a sensor's noise so that their
entropy is a photograph's), the same mirror images if the bundle has them. The peer: Pillow, torchvision's Resize,
ToTensor and Normalize in a DataLoader of two workers, torch eager in inference mode, batches of 32, warmed up. Both run
in turn, and the medians are compared. A bundle that holds a bf16 certificate (cutis certify) is timed in bf16 too, in a
row of its own. The last line is `predict ratio=<peer's time / ours>` on 600x450.
"""

from __future__ import annotations

import argparse
import os
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import numpy as np

from common import SHARED, record, stamp, table

MEMORY_IMAGES = 20_000


def make_photos(folder: Path, n: int, width: int, height: int, seed: int) -> list[Path]:
    """`n` JPEGs (quality 90, 4:2:0) of real images: a random crop of each, enlarged by cubic interpolation, with
    noise."""
    import cv2

    sources = sorted((SHARED / "isic2017" / "images").glob("*.jpg"))
    if not sources:
        sys.exit(f"no images in {SHARED / 'isic2017'}: this benchmark is made from real ones")
    folder.mkdir(parents=True)
    rng = np.random.default_rng(seed)
    noise = rng.normal(0, 2.5, (height + 64, width + 64, 1)).astype(np.float32)
    made = []
    for i in range(n):
        image = cv2.imread(str(sources[i % len(sources)]))
        h, w = image.shape[:2]
        ch = int(h * rng.uniform(0.7, 0.95))
        cw = min(w, int(ch * width / height))
        y, x = rng.integers(0, h - ch + 1), rng.integers(0, w - cw + 1)
        large = cv2.resize(image[y : y + ch, x : x + cw], (width, height), interpolation=cv2.INTER_CUBIC)
        dy, dx = rng.integers(0, 64, 2)
        large = np.clip(large + noise[dy : dy + height, dx : dx + width], 0, 255).astype(np.uint8)
        made.append(folder / f"photo_{i:05}.jpg")
        cv2.imwrite(str(made[-1]), large, [cv2.IMWRITE_JPEG_QUALITY, 90])
    return made


def default_bundle(folder: Path) -> Path:
    """An untrained default network, frozen on the 140 real images of HAM10000's sample."""
    import torch

    import cutis
    from cutis.bundle.freeze import freeze
    from cutis.models.network import build
    from cutis.train.config import TrainConfig

    default = TrainConfig(epochs=1)
    dataset = cutis.import_dataset(SHARED / "ham10000" / "sample", folder / "dataset", reader="ham10000")
    parts = cutis.split(dataset, test=0.2, val=0.3, seed=0)
    torch.manual_seed(0)
    network = build(default.backbone, len(dataset.codes)).eval()
    for norm in (m for m in network.modules() if isinstance(m, torch.nn.BatchNorm2d)):
        torch.nn.init.uniform_(norm.weight, 0.5, 1.5)  # so that no branch is zero, as in a trained network
    torch.nn.init.normal_(network.head.weight, 0, 0.5)
    return freeze(
        network,
        folder / "bundle",
        dataset=dataset,
        split=parts,
        size=default.size,
        mean=(0.76, 0.55, 0.57),
        std=(0.14, 0.15, 0.17),
        flips=default.flips,
        backbone=default.backbone,
        method="untrained",
        trained={},
    )


def peer(bundle: Any, files: list[Path]) -> tuple[float, np.ndarray]:
    """(seconds, probabilities (n, classes)) of torch eager + torchvision + Pillow, of a network that is warm."""
    import torch
    from PIL import Image
    from safetensors.torch import load_file
    from torchvision import transforms

    from cutis.models.network import build

    card = bundle.card
    network = build(card.backbone, len(card.classes)).eval()
    network.load_state_dict(load_file(bundle.path / "weights.safetensors"))
    size = card.preprocessing.size
    transform = transforms.Compose(
        [
            transforms.Resize((size, size)),
            transforms.ToTensor(),
            transforms.Normalize(card.preprocessing.mean, card.preprocessing.std),
        ]
    )

    class Images(torch.utils.data.Dataset):  # type: ignore[type-arg]
        def __len__(self) -> int:
            return len(files)

        def __getitem__(self, i: int) -> Any:
            return transform(Image.open(files[i]).convert("RGB"))

    dims = [(), (3,), (2,), (2, 3)] if card.flips else [()]

    def infer(x: torch.Tensor) -> torch.Tensor:
        logits = sum(network(x.flip(d) if d else x) for d in dims) / len(dims)
        return torch.softmax(logits / card.calibrator.temperature, 1)

    with torch.inference_mode():
        infer(torch.zeros(32, 3, size, size))
        began = time.perf_counter()
        loader = torch.utils.data.DataLoader(Images(), batch_size=32, num_workers=2)
        p = torch.cat([infer(x) for x in loader]).numpy()
        return time.perf_counter() - began, p


def ours(path: Path, folder: Path, precision: str) -> tuple[float, np.ndarray]:
    """(seconds, probabilities) of `Bundle.predict`, of a bundle that is loaded and warm; sets, OOD and rows
    included."""
    from cutis.bundle.load import load_bundle

    bundle = load_bundle(path, precision=precision)
    bundle.run(np.zeros((16, *[bundle.card.preprocessing.size] * 2, 3), np.uint8))
    began = time.perf_counter()
    predictions = bundle.predict(folder, progress=False)
    return time.perf_counter() - began, predictions.probabilities()


def decode_floor(files: list[Path], size: int) -> float:
    """Seconds that two threads need to decode the files at predict's DCT scale, and nothing else."""
    from cutis.data.threads import ordered
    from cutis.image.decode import decode

    began = time.perf_counter()
    for _ in ordered(lambda f: decode(f.read_bytes(), f.name, least=size).shape, files, 2):
        pass
    return time.perf_counter() - began


def compare(path: Path, folder: Path, files: list[Path], repeats: int, precision: str = "fp32") -> dict[str, Any]:
    from cutis.bundle.load import load_bundle

    bundle = load_bundle(path)
    times: dict[str, list[float]] = {"ours": [], "peer": [], "floor": []}
    for _ in range(repeats):
        seconds, p = ours(path, folder, precision)
        times["ours"].append(seconds)
        seconds, q = peer(bundle, files)
        times["peer"].append(seconds)
        times["floor"].append(decode_floor(files, bundle.card.preprocessing.size))
    delta = np.abs(p - q)
    median = {k: statistics.median(v) for k, v in times.items()}
    return {
        "images": len(files),
        "ours_s": round(median["ours"], 3),
        "peer_s": round(median["peer"], 3),
        "ratio": round(median["peer"] / median["ours"], 2),
        "ours_images_per_s": round(len(files) / median["ours"], 1),
        "peer_images_per_s": round(len(files) / median["peer"], 1),
        "decode_floor_s": round(median["floor"], 3),
        "same_top1": round(float((p.argmax(1) == q.argmax(1)).mean()), 5),
        "max_delta_p": f"{delta.max():.2e}",
        "mean_delta_p": f"{delta.mean():.2e}",
        "repeats": repeats,
    }


def peak_memory(path: Path, files: list[Path], folder: Path) -> dict[str, Any]:
    """Peak resident memory of a process that predicts 20,000 images (hard links to `files`)."""
    folder.mkdir()
    for i in range(MEMORY_IMAGES):
        os.link(files[i % len(files)], folder / f"copy_{i:05}.jpg")
    code = (
        "import resource, sys, time, cutis; b = cutis.load_bundle(sys.argv[1]); t = time.perf_counter(); "
        "n = len(b.predict(sys.argv[2], progress=False).table); "
        "print(n, time.perf_counter() - t, resource.getrusage(resource.RUSAGE_SELF).ru_maxrss)"
    )
    said = subprocess.run([sys.executable, "-c", code, path, folder], capture_output=True, text=True, check=True).stdout
    n, seconds, kilobytes = said.split()
    return {
        "images": int(n),
        "ours_s": round(float(seconds), 2),
        "peak_memory_gb": round(int(kilobytes) * 1024 / 1e9, 3),
    }


def main() -> None:
    arguments = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    arguments.add_argument("--bundle", type=Path, help="a frozen bundle; default: an untrained default network")
    arguments.add_argument("--repeats", type=int, default=3)
    arguments.add_argument("--photos", type=int, default=2_000, help="JPEGs of 600x450")
    arguments.add_argument("--large", type=int, default=200, help="JPEGs of 4000x3000")
    arguments.add_argument("--memory", action="store_true", help="also peak memory over 20,000 images")
    given = arguments.parse_args()
    with tempfile.TemporaryDirectory() as temporary:
        work = Path(temporary)
        path = given.bundle or default_bundle(work / "model")
        small = make_photos(work / "small", given.photos, 600, 450, 0)
        large = make_photos(work / "large", given.large, 4000, 3000, 1)
        from cutis.bundle.load import load_bundle

        card = load_bundle(path).card
        rows = [
            {"what": "4000x3000", **compare(path, work / "large", large, given.repeats)},
            {"what": "600x450", **compare(path, work / "small", small, given.repeats)},
        ]
        rows += [
            {"what": f"600x450, {p}", **compare(path, work / "small", small, given.repeats, p)} for p in card.reduced
        ]
        if given.memory:
            rows.append({"what": "memory, 600x450", **peak_memory(path, small, work / "many")})
    about = {
        "backbone": card.backbone,
        "size": card.preprocessing.size,
        "flips": card.flips,
        "load": round(os.getloadavg()[1], 1),
        **stamp("torch", "torchvision", "pillow", "openvino", "simplejpeg"),
    }
    record("predict", [row | about for row in rows])
    print(table(rows, list(dict.fromkeys(key for row in rows for key in row))))
    by = {row["what"]: row for row in rows}
    big = by["4000x3000"]
    print(
        f"4000x3000: ratio={big['ratio']:.2f}; entropy decoding floor (simplejpeg alone, same DCT scale, 2 threads) "
        f"{big['decode_floor_s']:.2f} s of our {big['ours_s']:.2f} s"
    )
    print(f"predict ratio={by['600x450']['ratio']:.2f}")


if __name__ == "__main__":
    main()
