"""What the same wall time buys: Cutis's default against timm's ResNet-18 at 128 px, on real HAM10000, own split.

    python benchmarks/train_quality.py [--minutes 15] [--seeds 0 1 2] [--arms peer ours] [--again]

The peer: AdamW 1e-3, cross-entropy, flips, from scratch, float32, batch 32, a 2-worker DataLoader. Both arms are scored
by scikit-learn on the images of the lesion-disjoint test part. Rows go to results/train_quality.csv; arms and seeds
already there for these minutes are not run again without --again. cpu_s counts the workers; load is the machine's mean
load over the last 15 minutes. The last line is the ratio of errors (1 - balanced accuracy), ours over theirs, means.
"""

from __future__ import annotations

import argparse
import os
import tempfile
import time
from pathlib import Path
from typing import Any

import numpy as np

from common import SHARED, record, stamp, table

KEY = ("arm", "seed", "minutes")
COLUMNS = ["arm", "seed", "minutes", "wall_s", "cpu_s", "epochs", "balanced_accuracy", "macro_auroc", "load"]


def scores(target: np.ndarray, p: np.ndarray) -> dict[str, float]:
    from sklearn.metrics import balanced_accuracy_score, roc_auc_score

    return {
        "balanced_accuracy": round(float(balanced_accuracy_score(target, p.argmax(1))), 4),
        "macro_auroc": round(float(roc_auc_score(target, p, multi_class="ovr", average="macro")), 4),
    }


def run_peer(data: Any, minutes: float, seed: int, folder: Path) -> dict[str, float]:
    import timm
    import torch
    from PIL import Image
    from torch.utils.data import DataLoader
    from torch.utils.data import Dataset as TorchDataset
    from torchvision import transforms as T

    torch.manual_seed(seed)
    number = {code: i for i, code in enumerate(data.codes)}
    normalise = [T.ToTensor(), T.Normalize((0.485, 0.456, 0.406), (0.229, 0.224, 0.225))]
    training = T.Compose([T.Resize((128, 128)), T.RandomHorizontalFlip(), T.RandomVerticalFlip(), *normalise])
    testing = T.Compose([T.Resize((128, 128)), *normalise])

    class Images(TorchDataset):
        def __init__(self, part: str, transform: Any) -> None:
            rows = data.manifest.filter(data.manifest["source_split"] == part)
            self.files = [data.path / f for f in rows["file"]]
            self.target = [number[t] for t in rows["target"]]
            self.transform = transform

        def __len__(self) -> int:
            return len(self.files)

        def __getitem__(self, i: int) -> tuple[torch.Tensor, int]:
            return self.transform(Image.open(self.files[i]).convert("RGB")), self.target[i]

    train, test = Images("train", training), Images("test", testing)
    started = time.monotonic()
    network = timm.create_model("resnet18", num_classes=len(number))
    optimiser = torch.optim.AdamW(network.parameters(), lr=1e-3)
    loader = DataLoader(train, batch_size=32, shuffle=True, num_workers=2, drop_last=True, persistent_workers=True)
    network.train()
    seen = 0
    while time.monotonic() - started < minutes * 60:
        for images, target in loader:
            loss = torch.nn.functional.cross_entropy(network(images), target)
            optimiser.zero_grad()
            loss.backward()
            optimiser.step()
            seen += len(target)
            if time.monotonic() - started >= minutes * 60:
                break
    wall = time.monotonic() - started
    network.eval()
    with torch.inference_mode():
        p = torch.cat([network(x).softmax(1) for x, _ in DataLoader(test, batch_size=64, num_workers=2)]).numpy()
    return {"wall_s": round(wall), "epochs": round(seen / len(train), 1), **scores(np.array(test.target), p)}


def run_ours(data: Any, minutes: float, seed: int, folder: Path) -> dict[str, float]:
    import cutis
    from cutis.files import read_json

    started = time.monotonic()
    bundle = cutis.train(data, folder / "run", minutes=minutes, seed=seed)
    wall = time.monotonic() - started
    predictions = cutis.load_bundle(bundle).predict(data, part="test")
    number = {code: i for i, code in enumerate(predictions.codes)}
    target = np.array([number[t] for t in predictions.table["target"]])
    epochs = read_json(bundle / "bundle.json")["trained"]["epochs"]
    return {"wall_s": round(wall), "epochs": epochs, **scores(target, predictions.probabilities())}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--minutes", type=float, default=15)
    parser.add_argument("--seeds", type=int, nargs="+", default=[0, 1, 2])
    parser.add_argument("--arms", nargs="+", choices=["peer", "ours"], default=["peer", "ours"])
    parser.add_argument("--again", action="store_true")
    given = parser.parse_args()

    import cutis

    rows = record("train_quality", [], key=KEY)
    with tempfile.TemporaryDirectory() as temporary:
        data = cutis.import_dataset(SHARED / "ham10000", Path(temporary) / "ham10000", reader="ham10000")
        for seed in given.seeds:
            for arm in given.arms:
                key = (arm, str(seed), f"{given.minutes:g}")
                if not given.again and any(tuple(r[k] for k in KEY) == key for r in rows):
                    continue
                before = os.times()
                folder = Path(temporary) / f"{arm}-{seed}"
                result = (run_peer if arm == "peer" else run_ours)(data, given.minutes, seed, folder)
                row = {"arm": arm, "seed": seed, "minutes": f"{given.minutes:g}", **result}
                row |= {"cpu_s": round(sum(os.times()[:4]) - sum(before[:4])), "load": round(os.getloadavg()[2], 1)}
                rows = record("train_quality", [row | stamp("torch", "timm")], key=KEY)
    mine = [r for r in rows if r["minutes"] == f"{given.minutes:g}" and int(r["seed"]) in given.seeds]
    print(table(mine, COLUMNS))
    error = {}
    for arm in ("peer", "ours"):
        values = [[float(r[m]) for r in mine if r["arm"] == arm] for m in ("balanced_accuracy", "macro_auroc")]
        if not values[0]:
            print(f"no rows of {arm} yet: no ratio")
            return
        error[arm] = 1 - np.mean(values[0])
        means = [f"{np.mean(v):.3f}" for v in values]
        print(f"{arm}: balanced accuracy {means[0]}, macro AUROC {means[1]}, {len(values[0])} seeds")
    print(f"train_quality ratio={error['ours'] / error['peer']:.2f}")


if __name__ == "__main__":
    main()
