"""Out-of-distribution scores against independent re-computations and pytorch-ood, and where they can't be fitted."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import get_args

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.special import softmax
from sklearn.covariance import ledoit_wolf
from sklearn.neighbors import NearestNeighbors

from cutis.bundle.card import OodMethod
from cutis.bundle.ood import SCORES, Settings, available
from cutis.bundle.ood.energy import energy
from cutis.bundle.ood.fit import fit_statistics, head
from cutis.bundle.ood.knn import knn_distance, normalise_rows
from cutis.bundle.ood.mahalanobis import mahalanobis
from cutis.bundle.ood.maxlogit import maxlogit
from cutis.bundle.ood.msp import msp
from cutis.bundle.ood.relative_mahalanobis import relative_mahalanobis
from cutis.bundle.ood.statistics import Statistics
from cutis.bundle.ood.vim import vim

N, D, CLASSES = 400, 12, 3


class World:
    """Features of three classes, of uneven spread, with a linear head; and images that are not of them."""

    def __init__(self, seed: int = 0) -> None:
        rng = np.random.default_rng(seed)
        self.weights, self.bias = rng.normal(size=(CLASSES, D)), rng.normal(size=CLASSES)
        self.targets = rng.integers(0, CLASSES, N)
        mix = rng.normal(size=(D, D)) * np.geomspace(1, 0.05, D)
        centres = 2 * rng.normal(size=(CLASSES, D))
        self.features = (centres[self.targets] + rng.normal(size=(N, D)) @ mix).astype(np.float32)
        self.new = (3 * rng.normal(size=(60, D))).astype(np.float32)
        self.logits, self.new_logits = self.say(self.features), self.say(self.new)
        self.known, self.without = fit_statistics(
            self.features, self.logits, self.targets, self.features[:100], CLASSES
        )

    def say(self, features: np.ndarray) -> np.ndarray:
        return (features @ self.weights.T + self.bias).astype(np.float32)


@pytest.fixture(scope="module")
def world() -> World:
    return World()


@settings(max_examples=25, deadline=None)
@given(seed=st.integers(0, 10_000), k=st.integers(1, 12), block=st.integers(1, 50))
def test_knn_is_sklearns(seed: int, k: int, block: int):
    rng = np.random.default_rng(seed)
    bank = normalise_rows(rng.normal(size=(30, 5)))
    rows = rng.normal(size=(41, 5)) * rng.uniform(0.1, 10, (41, 1))
    reference = NearestNeighbors(n_neighbors=k).fit(bank).kneighbors(normalise_rows(rows))[0][:, -1]
    assert knn_distance(rows, bank, k, block) == pytest.approx(reference, abs=2e-3)


def test_scores_of_logits_by_hand():
    """Of logits 0, log 3: probabilities 1/4 and 3/4; the energy is -log 4."""
    logits = np.array([[0, np.log(3)], [2, 2]])
    assert msp(logits) == pytest.approx([1 / 4, 1 / 2])
    assert maxlogit(logits) == pytest.approx([-np.log(3), -2])
    assert energy(logits) == pytest.approx([-np.log(4), -2 - np.log(2)])
    assert energy(logits, 2.0) == pytest.approx([-2 * np.log(1 + np.sqrt(3)), -2 - 2 * np.log(2)])


@settings(deadline=None, max_examples=40)
@given(
    st.lists(st.lists(st.floats(-50, 50, width=32), min_size=4, max_size=4), min_size=1, max_size=9), st.floats(-9, 9)
)
def test_what_a_shift_of_all_logits_changes(rows: list[list[float]], shift: float):
    logits = np.array(rows)
    assert msp(logits) == pytest.approx(1 - softmax(logits, axis=1).max(1), abs=1e-9)
    assert msp(logits + shift) == pytest.approx(msp(logits), abs=1e-9)
    assert energy(logits + shift) == pytest.approx(energy(logits) - shift, abs=1e-9)
    assert (energy(logits) <= maxlogit(logits) + 1e-9).all()  # the sum is no less than its largest part
    assert energy(logits, 1e-3) == pytest.approx(maxlogit(logits), abs=2e-3)


def test_a_sure_answer_keeps_its_digits():
    assert msp(np.array([[40.0, 0.0]]))[0] == pytest.approx(np.exp(-40), rel=1e-6)


def moments(world: World) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """Class means, the shared covariance, the mean and covariance of all; not shrunk."""
    z = world.features.astype(np.float64)
    means = np.stack([z[world.targets == c].mean(0) for c in range(CLASSES)])
    within = z - means[world.targets]
    return means, within.T @ within / N, z.mean(0), np.cov(z.T, bias=True)


def shrunk(covariance: np.ndarray, share: float) -> np.ndarray:
    return np.linalg.inv((1 - share) * covariance + share * np.trace(covariance) / D * np.eye(D))


def test_mahalanobis_is_the_definition(world: World):
    means, within, mean, total = moments(world)
    share = world.known.given("shrinkage").item()
    z = world.new.astype(np.float64)
    each = [np.einsum("nd,de,ne->n", z - m, shrunk(within, share), z - m) for m in means]
    assert mahalanobis(world.new, world.known) == pytest.approx(np.min(each, axis=0), rel=1e-9)
    background = np.einsum("nd,de,ne->n", z - mean, shrunk(total, share), z - mean)
    assert relative_mahalanobis(world.new, world.known) == pytest.approx(np.min(each, axis=0) - background, rel=1e-6)


def test_shrinkage_is_ledoit_and_wolfs(world: World):
    means, within, _, _ = moments(world)
    centred = world.features.astype(np.float64) - means[world.targets]
    reference = ledoit_wolf(centred, assume_centered=True)[1]
    assert world.known.given("shrinkage").item() == pytest.approx(reference, rel=1e-6)
    assert world.known.given("covariance") == pytest.approx(within, rel=1e-6)
    assert world.known.given("counts").tolist() == np.bincount(world.targets).tolist()


def test_mahalanobis_does_not_depend_on_the_axes(world: World):
    """Not shrunk, it stays the same under any linear map of the features."""
    turn = np.random.default_rng(1).normal(size=(D, D))
    turned = fit_statistics(world.features @ turn, world.logits, world.targets, world.features[:20], CLASSES)[0]
    plain, other = (replace(s, shrinkage=np.zeros(1)) for s in (world.known, turned))
    assert mahalanobis(world.new @ turn, other) == pytest.approx(mahalanobis(world.new, plain), rel=1e-3)
    assert relative_mahalanobis(world.new @ turn, other) == pytest.approx(
        relative_mahalanobis(world.new, plain), rel=1e-3, abs=1e-3
    )


def test_the_head_is_found_from_what_it_says(world: World):
    weights, bias, left = head(world.features.astype(float), world.logits.astype(float))
    assert weights == pytest.approx(world.weights, abs=1e-3)
    assert bias == pytest.approx(world.bias, abs=1e-2)
    assert left < 1e-5


def test_vim_is_the_definition(world: World):
    """By an SVD of the features about the true head's origin, not by the stored moments."""
    z = world.features.astype(np.float64)
    origin = -np.linalg.pinv(world.weights) @ world.bias
    outside = np.linalg.svd(z - origin, full_matrices=False)[2][D // 2 :]
    alpha = world.logits.max(1).mean() / np.linalg.norm((z - origin) @ outside.T, axis=1).mean()
    residual = np.linalg.norm((world.new - origin) @ outside.T, axis=1)
    expected = alpha * residual - np.log(np.exp(world.new_logits.astype(float)).sum(1))
    assert world.known.given("kept").item() == D // 2
    assert vim(world.new_logits, world.new, world.known) == pytest.approx(expected, rel=1e-3, abs=1e-3)


@pytest.mark.slow  # its import takes seconds
def test_scores_are_pytorch_oods(world: World):
    torch = pytest.importorskip("torch")
    detector = pytest.importorskip("pytorch_ood.detector")
    z, y, new = torch.tensor(world.features), torch.tensor(world.targets), torch.tensor(world.new)
    said, plain = torch.tensor(world.new_logits), replace(world.known, shrinkage=np.zeros(1))
    assert msp(world.new_logits) - 1 == pytest.approx(detector.MaxSoftmax.score(said).numpy(), abs=1e-6)
    assert maxlogit(world.new_logits) == pytest.approx(detector.MaxLogit.score(said).numpy(), abs=1e-5)
    assert energy(world.new_logits, 2.0) == pytest.approx(detector.EnergyBased.score(said, 2.0).numpy(), rel=1e-5)
    theirs = detector.KNN(None, k=10).fit_features(z[:100], y[:100]).predict_features(new).numpy()
    assert knn_distance(world.new, world.known.given("features"), 10) == pytest.approx(theirs, abs=2e-3)
    # Theirs divides neither covariance by the number of images, and halves Mahalanobis but not the relative one.
    theirs = detector.Mahalanobis(None).fit_features(z, y).predict_features(new).numpy()
    assert mahalanobis(world.new, plain) / N == pytest.approx(2 * theirs, rel=1e-3)
    theirs = detector.RMD(None).fit_features(z, y).predict_features(new).numpy()
    assert relative_mahalanobis(world.new, plain) / N == pytest.approx(theirs, rel=1e-3, abs=1e-3)
    weights, bias = torch.tensor(world.weights), torch.tensor(world.bias)
    theirs = detector.ViM(None, D // 2, weights, bias).fit_features(z, y).predict_features(new).numpy()
    assert vim(world.new_logits, world.new, world.known) == pytest.approx(theirs, rel=2e-3, abs=2e-3)


def test_all_are_there_and_higher_is_stranger(world: World):
    assert world.without == []
    assert available(world.known) == list(SCORES) == list(get_args(OodMethod))
    far = 30 * world.new
    for name in ("mahalanobis", "vim"):
        compute = SCORES[name].compute
        usual = compute(world.logits, world.features, world.known, Settings())
        assert usual.shape == (N,)
        assert usual.dtype == np.float64
        assert compute(0 * world.say(far), far, world.known, Settings()).min() > usual.max()


def test_a_file_holds_them(world: World, tmp_path: Path):
    world.known.save(tmp_path / "ood.safetensors")
    again = Statistics.load(tmp_path / "ood.safetensors")
    for score in SCORES.values():
        given = world.new_logits, world.new
        assert np.array_equal(score.compute(*given, again, Settings()), score.compute(*given, world.known, Settings()))


def test_rows_do_not_depend_on_each_other(world: World):
    for score in SCORES.values():
        whole = score.compute(world.new_logits, world.new, world.known, Settings())
        parts = [
            score.compute(world.new_logits[i : i + 7], world.new[i : i + 7], world.known, Settings())
            for i in range(0, 60, 7)
        ]
        assert np.concatenate(parts) == pytest.approx(whole, rel=1e-6, abs=1e-3)


def test_classes_and_images_that_say_nothing(world: World):
    """A class without images, images without a class, and a feature that is always 0."""
    padded = np.pad(world.features, ((0, 0), (0, 1)))
    targets = np.where(np.arange(N) < 350, world.targets, -1)
    logits = np.pad(world.logits, ((0, 0), (0, 1)), constant_values=-9)
    known, without = fit_statistics(padded, logits, targets, padded[:50], CLASSES + 1)
    assert without == []
    assert known.given("counts")[CLASSES] == 0
    alone = fit_statistics(world.features[:350], world.logits[:350], world.targets[:350], padded[:50], CLASSES)[0]
    new = np.pad(world.new, ((0, 0), (0, 1)))
    plain = (replace(s, shrinkage=np.full(1, 1e-6)) for s in (known, alone))
    assert mahalanobis(new, next(plain)) == pytest.approx(mahalanobis(world.new, next(plain)), rel=1e-2)
    awake = new + np.eye(D + 1, dtype=np.float32)[D]
    assert (mahalanobis(awake, known) > mahalanobis(new, known) + 10).all()
    assert (vim(np.pad(world.new_logits, ((0, 0), (0, 1))), awake, known) < np.inf).all()


@pytest.mark.parametrize(
    ("spoil", "words", "left"),
    [
        (lambda w: {"features": np.ones_like(w.features)}, "don't vary", {"knn"}),
        (lambda w: {"targets": np.full(N, -1)}, "No Mahalanobis scores and no ViM: 0 labelled", {"knn"}),
        (lambda w: {"logits": np.tanh(3 * w.logits)}, "not a linear function", {"knn", "mahalanobis"}),
        (lambda w: {"logits": w.features[:, :3] / 100 - 5}, "negative on average", {"knn"}),
        (lambda w: {"features": w.features[:, :1] * [[1, 2]], "logits": w.features[:, :1] * [[1, 2, 3]]},
         "one direction only", {"knn", "mahalanobis"}),
    ],
)  # fmt: skip
def test_what_cannot_be_fitted_is_said(world: World, spoil: object, words: str, left: set[str]):
    given = {"features": world.features, "logits": world.logits, "targets": world.targets}
    given |= spoil(world)  # type: ignore[operator]
    known, without = fit_statistics(**given, bank=world.features[:20], classes=CLASSES)
    assert len(without) == 1
    assert words in without[0]
    assert left <= set(available(known))
    assert "vim" not in available(known)
    assert {"msp", "maxlogit", "energy"} <= set(available(known))
