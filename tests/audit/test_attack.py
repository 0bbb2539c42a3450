"""A bundle under attack: rows for the dossier, on the images and by the answers that the bundle itself gives."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import polars as pl
import pytest

from cutis.audit.attack import EPSILONS, accuracies, attack_bundle
from cutis.bundle.freeze import freeze
from cutis.bundle.load import load_bundle
from cutis.bundle.predict import Bundle
from cutis.data.dataset import Dataset, DatasetCard
from cutis.data.split import load_split, split
from cutis.errors import CutisError
from cutis.schema.classes import ClassInfo

torch = pytest.importorskip("torch")

CLASSES = (
    ClassInfo(code="mel", name="Melanoma", malignant=True),
    ClassInfo(code="nv", name="Nevus", malignant=False),
)
SIZE, N = 32, 64


def write(root: Path, encoded: Callable[..., bytes]) -> Dataset:
    """Two images a lesion; melanomas are redder, by an amount that a network learns in seconds."""
    (root / "images").mkdir(parents=True)
    rng = np.random.default_rng(5)
    codes = [CLASSES[(i // 2) % 2].code for i in range(N)]
    for i, code in enumerate(codes):
        pixels = rng.normal((164 if code == "mel" else 136, 120, 110), 20, (SIZE, SIZE, 3))
        (root / "images" / f"I{i:03}.png").write_bytes(encoded(pixels.clip(0, 255).astype(np.uint8), "PNG"))
    manifest = pl.DataFrame(
        {
            "image_id": [f"I{i:03}" for i in range(N)],
            "lesion_id": [f"L{i // 2}" for i in range(N)],
            "source": ["made"] * N,
            "file": [f"images/I{i:03}.png" for i in range(N)],
            "status": ["ok"] * N,
            "target": codes,
        }
    )
    made = Dataset(root, DatasetCard(name="made", licence="CC0-1.0", classes=CLASSES), manifest).save_into(root)
    split(made, test=0.5, val=0.2, seed=0)
    return made


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory, encoded: Callable[..., bytes]) -> tuple[Bundle, Dataset]:
    from cutis.image.decode import read_square
    from cutis.models.network import build

    root = tmp_path_factory.mktemp("attacked")
    data = write(root / "data", encoded)
    parts = load_split(data)
    train = data.manifest.join(parts.table.filter(pl.col("part") == "train").select("image_id"), on="image_id")
    pixels = np.stack([read_square(data.path / f, SIZE) for f in train["file"]])
    x = (torch.from_numpy(pixels).permute(0, 3, 1, 2).float() / 255 - 0.5) / 0.2
    y = torch.tensor([["mel", "nv"].index(t) for t in train["target"]])
    with torch.random.fork_rng():
        torch.manual_seed(0)
        network = build("compact_resnet_s", 2)
        optimiser = torch.optim.AdamW(network.parameters(), 3e-3)
        for _ in range(15):
            loss = torch.nn.functional.cross_entropy(network(x), y)
            optimiser.zero_grad()
            loss.backward()
            optimiser.step()
    out = freeze(
        network.eval(), root / "bundle", dataset=data, split=parts, size=SIZE, mean=(0.5,) * 3, std=(0.2,) * 3,
        flips=True, backbone="compact_resnet_s", method="none", trained={},
    )  # fmt: skip
    return load_bundle(out), data


@pytest.mark.slow
def test_rows_fall_from_the_bundles_own_accuracy(world):
    bundle, data = world
    rows = attack_bundle(
        bundle, data, rng=np.random.default_rng(0), attacks=("fgsm", "pgd", "deepfool"), resamples=60,
        epsilons={"inf": (0.01, 0.1), "2": (0.5, 10.0)},
    )  # fmt: skip
    told = bundle.predict(data, part="test", progress=False).table
    clean = (told["predicted"] == told["target"]).mean()
    assert clean > 0.8
    assert len(rows) == 3 * 3 * 2
    assert {r.metric for r in rows} == {"accuracy", "balanced_accuracy"}
    for name, norm in (("fgsm", "inf"), ("pgd", "inf"), ("deepfool", "2")):
        line = [r for r in rows if r.attack == name and r.metric == "accuracy"]
        values = [r.estimate.value for r in line]
        assert {r.norm for r in line} == {norm}
        assert line[0].epsilon == 0
        assert values[0] == pytest.approx(clean)
        assert values[0] > values[-1]
        assert values == sorted(values, reverse=True)
        assert line[0].estimate.n == len(told)
        assert line[0].estimate.n_units == told["lesion_id"].n_unique()
        assert line[0].estimate.unit == "lesion"


def test_the_same_seed_gives_the_same_rows_and_few_images_are_few(world):
    bundle, data = world
    one, again = (
        attack_bundle(bundle, data, rng=np.random.default_rng(3), attacks=["pgd"], images=6, resamples=40)
        for _ in range(2)
    )
    assert one == again
    assert {r.estimate.n for r in one} == {6}
    assert [r.epsilon for r in one[::2]] == [0.0, *EPSILONS["inf"]]


def test_bad_requests_are_one_line(world, tmp_path, monkeypatch):
    bundle, data = world
    stray = data.manifest.with_columns(pl.lit(None, pl.String).alias("target"))
    bare = Dataset(data.path, data.card, stray)
    cases = {
        'did you mean "pgd"': {"attacks": ["pg"]},
        "0 images": {"images": 0},
        "-1 is given": {"epsilons": {"inf": (-1,), "2": (1,)}},
        'norm "2": none are given': {"attacks": ["deepfool"], "epsilons": {"inf": (0.1,)}},
        "resamples is 3": {"resamples": 3},
        "has no image with a target": {"dataset": bare, "part": "all"},
        "no such|not a": {"dataset": tmp_path / "nothing"},
    }
    for words, other in cases.items():
        given = {"dataset": data, "rng": np.random.default_rng(0)} | other
        with pytest.raises(CutisError, match=words) as caught:
            attack_bundle(bundle, given.pop("dataset"), **given)
        assert "\n" not in str(caught.value)
    monkeypatch.setattr("cutis.bundle.rebuild.find_spec", lambda name: None)
    with pytest.raises(CutisError, match=r"torch, which is not installed: pip install 'cutis\[train\]'"):
        attack_bundle(bundle, data, rng=np.random.default_rng(0))


def test_accuracies_count_units_as_evaluate_does():
    target = np.array([0] * 20 + [1] * 10)
    said = np.array([0] * 15 + [1] * 5 + [1] * 10)
    ids = pl.Series([f"i{i}" for i in range(30)])
    found = accuracies(CLASSES, ids, target, said, np.arange(30) // 2, "lesion", resamples=200)
    assert found["accuracy"].value == pytest.approx(25 / 30)
    assert found["balanced_accuracy"].value == pytest.approx((15 / 20 + 1) / 2)
    assert found["accuracy"].n_units == 15
    perfect = accuracies(CLASSES, ids, target, target, np.arange(30), "image")["accuracy"]
    assert (perfect.value, perfect.high) == (1.0, 1.0)
    assert perfect.low == pytest.approx(0.025 ** (1 / 30))
