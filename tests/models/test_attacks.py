"""Attacks against what is known in closed form, against other packages, and against what they may never do."""

from __future__ import annotations

import warnings
from collections.abc import Iterator
from itertools import pairwise
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.optimize import minimize
from torch import nn

from cutis.errors import CutisError
from cutis.models.attacks import ATTACKS, answers, deepfool, fgsm, find_attack, pgd, segmented
from cutis.models.attacks.base import length, loss_of
from cutis.models.attacks.project import project

SIDE = 6
PIXELS = 3 * SIDE * SIDE


class Small(nn.Module):
    """Two convolutions and a head; the normalisation of the pixels is inside. Smooth, so gradients are everywhere."""

    def __init__(self, classes: int = 4, seed: int = 0) -> None:
        super().__init__()
        with torch.random.fork_rng():
            torch.manual_seed(seed)
            self.body = nn.Sequential(nn.Conv2d(3, 8, 3, padding=1), nn.SiLU(), nn.Conv2d(8, 8, 3), nn.SiLU())
            self.head = nn.Linear(8 * (SIDE - 2) ** 2, classes)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return 4 * self.head(self.body((x - 0.5) / 0.2).flatten(1))


class Linear(nn.Module):
    def __init__(self, classes: int, seed: int = 0) -> None:
        super().__init__()
        rng = np.random.default_rng(seed)
        self.w = torch.from_numpy(rng.normal(size=(classes, PIXELS)))
        self.b = torch.from_numpy(rng.normal(size=classes))

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return x.flatten(1) @ self.w.T.to(x) + self.b.to(x)


def batch(n: int, seed: int = 0, low: float = 0.0, high: float = 1.0, dtype: Any = torch.float32) -> torch.Tensor:
    return torch.from_numpy(np.random.default_rng(seed).uniform(low, high, (n, 3, SIDE, SIDE))).to(dtype)


@pytest.fixture(scope="module")
def small() -> Small:
    return Small().eval().requires_grad_(False)


@pytest.fixture(scope="module", autouse=True)
def one_thread() -> Iterator[None]:
    """The networks here are too small for several, which would wait for each other."""
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


# --- a linear model, where the answer is known -----------------------------------------------------------------------


def test_fgsm_finds_the_optimum_of_two_linear_classes():
    """The worst change of size epsilon lowers the margin by epsilon |w1 - w0|_1, if no pixel meets 0 or 1."""
    model, x = Linear(2), batch(5, 1, 0.3, 0.7, torch.float64)
    target = model(x).argmax(1)
    w = model.w[1] - model.w[0]
    margin = lambda z: (model(z)[:, 1] - model(z)[:, 0]) * (2 * target - 1)  # noqa: E731
    for attacked in (
        fgsm(model, x, target, 0.1),
        pgd(model, x, target, 0.1, np.random.default_rng(0)),
    ):
        assert torch.allclose(margin(x) - margin(attacked), 0.1 * w.abs().sum().expand(5), atol=1e-9)


def test_pgd_l2_finds_the_optimum_of_two_linear_classes():
    """The worst change of length epsilon is along w, and lowers the margin by epsilon |w|_2."""
    model, x = Linear(2), batch(5, 1, 0.4, 0.6, torch.float64)
    target = model(x).argmax(1)
    w = model.w[1] - model.w[0]
    best = 0.2 * w.norm()
    for rng, near in ((None, 1.0), (np.random.default_rng(0), 0.95)):  # a random start is mostly orthogonal to w
        attacked = pgd(model, x, target, 0.2, rng, norm="2")
        lost = (model(x) - model(attacked)) @ torch.tensor([-1.0, 1.0], dtype=torch.float64) * (2 * target - 1)
        assert (lost <= best * (1 + 1e-9)).all()
        assert (lost >= near * best * (1 - 1e-9)).all()


@pytest.mark.parametrize("classes", [2, 5])
def test_deepfool_finds_the_smallest_change_of_a_linear_model(classes):
    model, x = Linear(classes, 3), batch(20, 2, 0.45, 0.55, torch.float64)
    logits = model(x)
    target = logits.argmax(1)
    borders = []  # the nearest point of each border, by geometry
    for i, y in enumerate(target.tolist()):
        others = [k for k in range(classes) if k != y]
        borders.append(
            min(float(logits[i, y] - logits[i, k]) / float((model.w[k] - model.w[y]).norm()) for k in others)
        )
    found = deepfool(model, x, target, overshoot=0.02)
    inside = (found > 0).flatten(1).all(1) & (found < 1).flatten(1).all(1)
    assert inside.sum() >= 10
    assert torch.allclose(length(found - x, "2")[inside], 1.02 * torch.tensor(borders)[inside].double(), rtol=1e-6)
    assert (model(found)[inside].argmax(1) != target[inside]).all()


def test_deepfool_leaves_alone_what_is_answered_otherwise_and_says_what_it_needs(small):
    x = batch(6)
    wrong = (small(x).argmax(1) + 1) % 4
    assert torch.equal(deepfool(small, x, wrong), x)
    with pytest.raises(CutisError, match="2 classes or more"):
        deepfool(lambda z: z.flatten(1)[:, :1], x, wrong)


def test_a_model_without_slope_is_not_moved():
    flat = lambda z: z.sum((1, 2, 3))[:, None] * torch.zeros(2) + torch.tensor([1.0, 0.0])  # noqa: E731
    x, target = batch(3), torch.zeros(3, dtype=torch.long)
    assert torch.equal(fgsm(flat, x, target, 0.1), x)
    assert torch.equal(deepfool(flat, x, target, steps=3), x)
    assert torch.equal(pgd(flat, x, target, 0.1, None, norm="2", steps=2), x)


# --- other packages --------------------------------------------------------------------------------------------------


def foolbox_model(model: nn.Module) -> Any:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        foolbox = pytest.importorskip("foolbox")
        return foolbox, foolbox.PyTorchModel(model, bounds=(0, 1), device="cpu")


def test_fgsm_and_deepfool_equal_foolbox(small):
    foolbox, theirs = foolbox_model(small)
    x = batch(12, 4, 0.2, 0.8)
    target = small(x).argmax(1)
    fast = foolbox.attacks.LinfFastGradientAttack(random_start=False)
    assert torch.allclose(fgsm(small, x, target, 0.03), fast(theirs, x, target, epsilons=0.03)[1], atol=1e-6)
    fool = foolbox.attacks.L2DeepFoolAttack(steps=50, overshoot=0.02, candidates=10)
    near = fool(theirs, x, target, epsilons=None)[1]
    ours = deepfool(small, x, target)
    # foolbox adds 1e-4 to each step's length; the distances agree but for that
    assert torch.allclose(length(ours - x, "2"), length(near - x, "2"), rtol=0.02, atol=2e-3)


@pytest.mark.parametrize("norm", ["inf", "2"])
def test_pgd_equals_foolbox(small, norm):
    foolbox, theirs = foolbox_model(small)
    x = batch(8, 5, 0.35, 0.65)  # clear of 0 and 1, where both project alike
    target = small(x).argmax(1)
    kind = {
        "inf": foolbox.attacks.LinfProjectedGradientDescentAttack,
        "2": foolbox.attacks.L2ProjectedGradientDescentAttack,
    }
    epsilon = {"inf": 0.03, "2": 0.3}[norm]
    peer = kind[norm](abs_stepsize=epsilon / 4, steps=10, random_start=False)
    ours = pgd(small, x, target, epsilon, None, norm=norm, steps=10, step=epsilon / 4)
    assert torch.allclose(ours, peer(theirs, x, target, epsilons=epsilon)[1], atol=1e-5)


def test_all_equal_torchattacks(small):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        torchattacks = pytest.importorskip("torchattacks")
    x = batch(8, 6, 0.3, 0.7)
    target = small(x).argmax(1)
    learn = Small().eval()  # torchattacks asks for a model with a parameter's device
    assert torch.allclose(fgsm(small, x, target, 0.02), torchattacks.FGSM(learn, eps=0.02)(x, target), atol=1e-6)
    peer = torchattacks.PGD(learn, eps=0.02, alpha=0.005, steps=8, random_start=False)
    assert torch.allclose(pgd(small, x, target, 0.02, None, steps=8, step=0.005), peer(x, target), atol=1e-6)
    near = torchattacks.DeepFool(learn, steps=50, overshoot=0.02)(x, target)
    # theirs overshoots at every step, ours once, as the paper's algorithm does: equal where one step is enough
    ours = deepfool(small, x, target)
    assert torch.allclose(length(ours - x, "2"), length(near - x, "2"), rtol=0.05)


# --- what must always hold -------------------------------------------------------------------------------------------


@settings(max_examples=16, deadline=None)
@given(
    name=st.sampled_from(sorted(ATTACKS)),
    epsilon=st.sampled_from([0.0, 1 / 255, 0.05, 0.5, 3.0, 100.0]),
    seed=st.integers(0, 5),
    edge=st.booleans(),
)
def test_no_attack_goes_farther_than_epsilon_or_leaves_the_image_range(name, epsilon, seed, edge):
    model = Small(seed=seed).eval().requires_grad_(False)
    x = batch(2, seed)
    x = x.round() if edge else x  # black and white: every pixel at the edge of the range
    target = model(x).argmax(1)
    attack = ATTACKS[name]
    found = attack.run(model, x, target, epsilon, np.random.default_rng(seed))
    assert found.shape == x.shape
    assert found.dtype == x.dtype
    assert found.min() >= 0
    assert found.max() <= 1
    assert (length(found - x, attack.norm) <= epsilon + 1e-6).all()


@settings(max_examples=30, deadline=None)
@given(seed=st.integers(0, 10**6), epsilon=st.floats(0.01, 3))
def test_the_l2_projection_is_the_nearest_allowed_point(seed, epsilon):
    rng = np.random.default_rng(seed)
    x, y = rng.uniform(0, 1, (1, 4)), rng.normal(0.5, 1.5, (1, 4))
    found = project(torch.from_numpy(x), torch.from_numpy(y), epsilon, "2").numpy()
    best = minimize(
        lambda z: ((z - y[0]) ** 2).sum(),
        x[0],
        jac=lambda z: 2 * (z - y[0]),
        bounds=[(0, 1)] * 4,
        constraints={
            "type": "ineq",
            "fun": lambda z: epsilon**2 - ((z - x[0]) ** 2).sum(),
            "jac": lambda z: -2 * (z - x[0]),
        },
        options={"ftol": 1e-14, "maxiter": 500},
    )
    assert np.linalg.norm(found - x) <= epsilon + 1e-9
    assert ((found - y) ** 2).sum() <= best.fun + 1e-5


def test_the_same_seed_gives_the_same_bytes_and_another_does_not(small):
    x = batch(4)
    target = small(x).argmax(1)
    one, again, other = (pgd(small, x, target, 0.1, np.random.default_rng(s), steps=2) for s in (1, 1, 2))
    assert torch.equal(one, again)
    assert not torch.equal(one, other)


def test_more_steps_and_projection_beat_one_step(small):
    x = batch(20, 8)
    target = small(x).argmax(1)
    rng = np.random.default_rng(0)
    loss = {
        name: loss_of(small(ATTACKS[name].run(small, x, target, 0.02, rng)), target).mean() for name in ("fgsm", "pgd")
    }
    assert loss["pgd"] > loss["fgsm"] > loss_of(small(x), target).mean()


@pytest.mark.parametrize("name", ["fgsm", "pgd", "pgd-l2", "deepfool"])
def test_accuracy_at_epsilon_starts_clean_never_rises_and_reaches_zero(small, name):
    x = batch(12, 9)
    target = small(x).argmax(1)
    target[:5] = (target[:5] + 1) % 4  # wrong from the start
    sizes = {"inf": [0, 0.002, 0.01, 0.05, 0.3], "2": [0, 0.02, 0.1, 0.5, 5.0]}[ATTACKS[name].norm]
    found = answers(small, x, target, ATTACKS[name], sizes, np.random.default_rng(0))
    right = (found == target.numpy()).mean(1)
    assert right[0] == 7 / 12
    assert (np.diff(right) <= 0).all()
    assert right[-1] < 0.2
    for earlier, later in pairwise(found):  # once wrong, the answer stays
        fooled = earlier != target.numpy()
        assert (later[fooled] == earlier[fooled]).all()


def test_answers_are_given_by_the_rule_that_is_passed(small):
    x = batch(6)
    always = lambda logits: torch.zeros(len(logits), dtype=torch.long)  # noqa: E731
    found = answers(
        small,
        x,
        torch.zeros(6, dtype=torch.long),
        find_attack("fgsm"),
        [0, 0.1],
        np.random.default_rng(0),
        decide=always,
    )
    assert (found == 0).all()


# --- segmenters ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("classes", [1, 3])
def test_segmenters_are_attacked_over_their_pixels(classes):
    model = nn.Conv2d(3, classes, 1)
    with torch.no_grad():
        model.weight.copy_(torch.from_numpy(np.random.default_rng(0).normal(size=(classes, 3, 1, 1))))
        model.bias.copy_(-model.weight.sum((1, 2, 3)) / 2)
    model.requires_grad_(False)
    x = batch(3, 1, 0.3, 0.7)
    clean = (model(x)[:, 0] > 0).long() if classes == 1 else model(x).argmax(1)
    for name in ("fgsm", "pgd", "pgd-l2"):
        found = segmented(model, x, clean, ATTACKS[name], [0.0, 0.05, 1.0], np.random.default_rng(0))
        assert found.shape == (3, 3, SIDE, SIDE)
        agree = (found == clean.numpy()).mean((1, 2, 3))
        assert agree[0] == 1 > agree[1] > agree[2]
    with pytest.raises(CutisError, match="deepfool is for classifiers"):
        segmented(model, x, clean, ATTACKS["deepfool"], [0.1], np.random.default_rng(0))


def test_the_loss_of_a_segmenter_is_the_mean_over_its_pixels():
    logits = torch.randn(2, 3, 4, 5, generator=torch.Generator().manual_seed(0))
    target = torch.randint(0, 3, (2, 4, 5), generator=torch.Generator().manual_seed(1))
    by_hand = [-logits[i].log_softmax(0).gather(0, target[i][None])[0].mean() for i in range(2)]
    assert torch.allclose(loss_of(logits, target), torch.stack(by_hand))


# --- bad input -------------------------------------------------------------------------------------------------------


def test_bad_input_is_one_line(small):
    x, target, rng = batch(2), torch.zeros(2, dtype=torch.long), np.random.default_rng(0)
    broken = x.clone()
    broken[0, 0, 0, 0] = torch.nan
    cases = {
        r"values 0..255; expected 0..1": lambda: fgsm(
            small, torch.tensor([0.0, 255.0]).repeat(2, 3, SIDE, SIDE // 2), target, 0.1
        ),
        "nan": lambda: pgd(small, broken, target, 0.1, rng),
        "torch.uint8": lambda: fgsm(small, (x * 255).byte(), target, 0.1),
        "epsilon is -0.1": lambda: pgd(small, x, target, -0.1, rng),
        "epsilon is nan": lambda: pgd(small, x, target, float("nan"), rng),
        "steps is 0": lambda: pgd(small, x, target, 0.1, rng, steps=0),
        "targets of shape": lambda: fgsm(small, x, target[:1], 0.1),
        'did you mean "pgd"': lambda: find_attack("pdg"),
        "expected them rising": lambda: answers(small, x, target, ATTACKS["fgsm"], [0.1, 0.0], rng),
    }
    for words, call in cases.items():
        with pytest.raises(CutisError, match=words) as caught:
            call()
        assert "\n" not in str(caught.value)
