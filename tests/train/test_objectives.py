"""Each objective against its equation, worked by hand."""

from __future__ import annotations

import numpy as np
import polars as pl
import pytest
import torch
from torch.nn import functional as F

from cutis.errors import CutisError
from cutis.models.network import Network
from cutis.train.objectives import LOSSES, METHODS, objective
from cutis.train.objectives.base import Batch, Moment, TrainingData

TARGET = np.array([0, 0, 0, 0, 0, 0, 1, 1, 2])


class Fixed(torch.nn.Module):
    """A backbone whose features are the image's first pixel's three channels."""

    def forward(self, images: torch.Tensor) -> torch.Tensor:
        return images[:, :, 0, 0]


@pytest.fixture
def network() -> Network:
    made = Network(Fixed(), 3, 3)
    with torch.no_grad():
        made.head.weight.copy_(torch.eye(3))
    return made


@pytest.fixture
def data() -> TrainingData:
    table = pl.DataFrame({"image_id": [str(i) for i in range(9)]})
    return TrainingData(table, TARGET, ["a", "b", "c"], np.arange(9))


def batch_of(logits: torch.Tensor, target: list[int]) -> Batch:
    images = logits[:, :, None, None].expand(-1, -1, 4, 4)
    return Batch((images,), torch.tensor(target), torch.arange(len(target)))


def loss_of(name: str, settings: dict[str, float], network: Network, data: TrainingData, batch: Batch) -> float:
    made = objective(name, **settings)
    made.prepare(data, network)
    return sum(made.loss(network, batch, Moment(0, 0.0, 0, network)).values()).item()


LOGITS = torch.tensor([[2.0, -1.0, 0.5], [0.1, 0.2, 0.3]])


def test_cross_entropy_without_adjustment_is_torchs(network, data):
    ours = loss_of("cross-entropy", {"tau": 0}, network, data, batch_of(LOGITS, [0, 2]))
    assert ours == pytest.approx(F.cross_entropy(LOGITS, torch.tensor([0, 2])).item(), abs=1e-6)


def test_logit_adjustment_adds_tau_log_prior(network, data):
    prior = np.log(np.array([6, 2, 1]) / 9)
    shifted = LOGITS.numpy() + 1.5 * prior
    p = np.exp(shifted) / np.exp(shifted).sum(1, keepdims=True)
    by_hand = -(np.log(p[0, 1]) + np.log(p[1, 2])) / 2
    ours = loss_of("cross-entropy", {"tau": 1.5}, network, data, batch_of(LOGITS, [1, 2]))
    assert ours == pytest.approx(by_hand, abs=1e-5)


def test_mixup_blends_images_and_their_losses(network, data):
    made = objective("mixup", tau=0.0, a=0.4)
    made.prepare(data, network)
    logits = torch.randn(6, 3, generator=torch.Generator().manual_seed(0))
    batch = batch_of(logits, [0, 1, 2, 0, 1, 2])
    torch.manual_seed(5)
    share = torch.distributions.Beta(0.4, 0.4).sample((6,))
    other = torch.randperm(6)
    blended = share[:, None] * logits + (1 - share[:, None]) * logits[other]
    log_p = F.log_softmax(blended, 1)
    rows = torch.arange(6)
    by_hand = -(share * log_p[rows, batch.target] + (1 - share) * log_p[rows, batch.target[other]]).mean()
    torch.manual_seed(5)
    loss = made.loss(network, batch, Moment(0, 0.0, 0, network))["cross_entropy"]
    assert torch.allclose(loss, by_hand, atol=1e-6)
    with pytest.raises(CutisError, match="setting a = -1"):
        objective("mixup", a=-1)


def test_focal_is_the_papers_equation(network, data):
    p = torch.softmax(LOGITS, 1).numpy()
    alpha = 9 / (3 * np.array([6, 2, 1]))
    by_hand = -np.mean([alpha[k] * (1 - p[i, k]) ** 2 * np.log(p[i, k]) for i, k in enumerate([1, 2])])
    assert loss_of("focal", {}, network, data, batch_of(LOGITS, [1, 2])) == pytest.approx(by_hand, abs=1e-5)


def test_focal_at_gamma_zero_is_cross_entropy(network, data):
    settings = {"gamma": 0, "balanced": False}
    ours = loss_of("focal", settings, network, data, batch_of(LOGITS, [0, 2]))
    assert ours == pytest.approx(F.cross_entropy(LOGITS, torch.tensor([0, 2])).item(), abs=1e-6)


def test_focal_weights_average_one_over_images(network, data):
    made = LOSSES["focal"]()
    made.prepare(data, network)
    assert made.alpha[torch.from_numpy(TARGET)].mean().item() == pytest.approx(1)


# Parts that need a column, a teacher or layers have their own tests.
ALONE = [n for n in METHODS if n in LOSSES or n in ("adversarial", "cost-sensitive", "cutmix", "mixup")]


@pytest.mark.parametrize("name", ALONE)
def test_every_objective_lowers_its_own_loss(name, network, data):
    """Contract: named finite terms with gradients, and a gradient step goes downhill."""
    made = objective(name)
    made.prepare(data, network)
    batch = batch_of(LOGITS, [1, 2])
    params = [p for player in made.players(network) for p in player]
    optimiser = torch.optim.SGD(params, lr=0.1)
    values = []
    for step in range(5):
        torch.manual_seed(0)  # the same blends each time
        terms = made.loss(network, batch, Moment(step, step / 5, 0, network))
        assert made.name in (name, f"cross-entropy+{name}")
        assert terms
        assert all(term.ndim == 0 and torch.isfinite(term) for term in terms.values())
        loss = torch.stack(list(terms.values())).sum()
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()
        values.append(loss.item())
    assert values[-1] < values[0]


def test_unknown_names_say_the_nearest():
    with pytest.raises(CutisError, match='did you mean "focal"'):
        objective("focall")
    with pytest.raises(CutisError, match=r'setting tua of method cross-entropy: .*"tau"'):
        objective("cross-entropy", tua=1)
