"""Every method keeps the contract of the trainer: what it asks for, what it gives, and that it can be stopped."""

from __future__ import annotations

import inspect

import numpy as np
import polars as pl
import pytest

torch = pytest.importorskip("torch")

from cutis.models.network import Network, build  # noqa: E402
from cutis.models.structures import structured  # noqa: E402
from cutis.train.augment import Augmentation  # noqa: E402
from cutis.train.feed import Feed, Normalise  # noqa: E402
from cutis.train.objectives import METHODS, PARTS, objective  # noqa: E402
from cutis.train.objectives.base import Moment, Objective, TrainingData  # noqa: E402

N, SIZE, BATCH = 24, 32, 12
TOLD = {"column": "tone", "concepts": "ruler", "rule": "not ruler"}
# Taught by a bundle: tests/train/test_distil.py.
ALONE = [name for name in METHODS if name != "distil"]


@pytest.fixture(scope="module")
def images() -> np.ndarray:
    rng = np.random.default_rng(0)
    return np.clip(rng.normal((190, 150, 130), 25, (N, 40, 40, 3)), 0, 255).astype(np.uint8)


@pytest.fixture(scope="module")
def data() -> TrainingData:
    k = np.arange(N)
    table = pl.DataFrame(
        {
            "image_id": [f"i{i:02d}" for i in k],
            "tone": np.where(k % 3 == 0, "dark", "light"),
            "ruler": np.where(k % 4 < 2, "ruler", "none"),
        }
    )
    return TrainingData(table, k % 3, ["bkl", "mel", "nv"], k)


class Run:
    """A method on a small network, a step at a time, as the trainer takes them."""

    def __init__(self, name: str, images: np.ndarray, data: TrainingData) -> None:
        torch.manual_seed(0)
        structure = {"name": "fair-identity", "groups": 2} if name == "fair-identity" else {"name": "plain"}
        self.network: Network = structured(make=lambda: build("compact_resnet_s", 3), **structure)
        settings = {k: v for k, v in TOLD.items() if name in PARTS and k in inspect.signature(PARTS[name]).parameters}
        self.method: Objective = objective(name, **settings)
        self.method.prepare(data, self.network)
        normalise = Normalise((0.5, 0.5, 0.5), (0.25, 0.25, 0.25), torch.device("cpu"))
        self.feed = Feed(
            images, data, self.method, normalise, size=SIZE, batch_size=BATCH, augmentation=Augmentation(), seed=0
        )
        self.players = [torch.optim.SGD(p, lr=0.01) for p in self.method.players(self.network)]

    def step(self, k: int) -> dict[str, float]:
        batch, now = self.feed.batch(k), Moment(k, 0.5, k // 2, self.network)
        for player in self.players:
            terms = self.method.loss(self.network, batch, now)
            player.zero_grad()
            torch.stack(list(terms.values())).sum().backward()
            player.step()
        self.method.after_step(self.network, batch, now)
        return {term: value.item() for term, value in terms.items()}


@pytest.mark.parametrize("name", ALONE)
def test_it_trains_and_goes_on_after_a_stop(name: str, images: np.ndarray, data: TrainingData) -> None:
    """Named finite terms that move the network, the same for the same seed; and nothing is kept outside the state that
    a checkpoint holds, but for what it draws anew."""
    one, same = Run(name, images, data), Run(name, images, data)
    before = [p.detach().clone() for p in one.network.parameters()]
    torch.manual_seed(1)
    first = [one.step(k) for k in range(2)]
    assert all(terms and np.isfinite(list(terms.values())).all() for terms in first)
    assert any((p != q).any() for p, q in zip(one.network.parameters(), before, strict=True))
    torch.manual_seed(1)
    assert [same.step(k) for k in range(2)] == first

    again = Run(name, images, data)
    again.network.load_state_dict(one.network.state_dict())
    again.method.load_state_dict(one.method.state_dict())
    torch.manual_seed(2)
    expected = one.step(2)
    torch.manual_seed(2)
    assert again.step(2) == pytest.approx(expected, rel=1e-5)
    assert one.method.enough() in (True, False)


@pytest.mark.parametrize("name", ALONE)
def test_it_asks_for_columns_that_exist_and_for_views_it_shows(
    name: str, images: np.ndarray, data: TrainingData
) -> None:
    run = Run(name, images, data)
    assert set(run.method.columns) <= set(data.table.columns)
    batch = run.feed.batch(0)
    assert len(batch.views) == run.method.views >= 1
    assert all(view.shape == (BATCH, 3, SIZE, SIZE) for view in batch.views)
    assert all(0 < v < run.method.views for v in run.method.alike)
