"""Distillation against DeiT's equations, with a toy for a teacher; and from a bundle."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
import torch
from torch.nn import functional as F
from toys import at_start, flat, identity_network, toy_batch, toy_data

import cutis
from cutis.bundle.export import Exported
from cutis.bundle.load import load_bundle
from cutis.data.dataset import Dataset
from cutis.errors import CutisError
from cutis.train.objectives import objective
from cutis.train.objectives.distil import Distil

QUICK = {"size": 32, "batch_size": 32, "flips": False, "precision": "32-true", "epochs": 1, "warmup_steps": 1}
LOGITS = torch.tensor([[2.0, -1.0, 0.5], [0.1, 0.2, 0.3]])
TOLD = torch.tensor([[0.0, 1.0, 3.0], [2.0, 0.0, 0.0]])


def terms(monkeypatch: pytest.MonkeyPatch, **settings: float | str) -> dict[str, torch.Tensor]:
    network = identity_network()
    made = objective("distil", teacher="somewhere", tau=0.0, **settings)
    made.parts[0].told = lambda images: TOLD  # type: ignore[method-assign]
    monkeypatch.setattr(Distil, "prepare", lambda *_: None)
    made.prepare(toy_data(), network)
    return made.loss(network, toy_batch(LOGITS, [0, 2]), at_start(network))


def test_hard_is_half_label_and_half_the_teachers_answer(monkeypatch):
    found = terms(monkeypatch)
    label, answer = F.cross_entropy(LOGITS, torch.tensor([0, 2])), F.cross_entropy(LOGITS, torch.tensor([2, 0]))
    assert torch.allclose(found["cross_entropy"], label)
    assert torch.allclose(0.5 * (found["cross_entropy"] + found["distil"]), 0.5 * label + 0.5 * answer)


def test_soft_is_the_divergence_from_the_softened_teacher(monkeypatch):
    found = terms(monkeypatch, kind="soft", weight=0.1, temperature=3.0)
    t, s = (TOLD / 3).softmax(1), (LOGITS / 3).softmax(1)
    divergence = 9 * (t * (t / s).log()).sum(1).mean()
    whole = 0.9 * found["cross_entropy"] + 0.9 * found["distil"]
    assert torch.allclose(whole, 0.9 * F.cross_entropy(LOGITS, torch.tensor([0, 2])) + 0.1 * divergence, atol=1e-5)


def test_the_teacher_sees_the_students_pixels_and_its_classes_are_put_in_order():
    part = Distil("somewhere")
    teacher = Exported(identity_network(), (0.5, 0.5, 0.5), (0.25, 0.25, 0.25), flips=False).eval()
    part._teacher, part._size, part._order = (teacher,), 4, [2, 0, 1]
    mean, std = torch.tensor([0.6, 0.5, 0.4]), torch.tensor([0.2, 0.1, 0.25])
    part.register_buffer("mean", mean.view(1, 3, 1, 1))
    part.register_buffer("std", std.view(1, 3, 1, 1))
    pixels = torch.tensor([[0.2, 0.4, 0.9]])
    expected = (pixels - 0.5) / 0.25
    assert torch.allclose(part.told(flat((pixels - mean) / std)), expected[:, [2, 0, 1]], atol=1e-5)


def test_bad_settings():
    with pytest.raises(CutisError, match="method distil needs a setting teacher"):
        objective("distil")
    with pytest.raises(CutisError, match='kind = "sof": did you mean "soft"'):
        objective("distil", teacher="x", kind="sof")
    with pytest.raises(CutisError, match="weight = 1: expected above 0 and below 1"):
        objective("distil", teacher="x", weight=1)
    with pytest.raises(CutisError, match="expected a word"):
        objective("distil", teacher=3)


@pytest.mark.slow
def test_a_bundle_teaches_another_and_an_ensemble_comes_back_from_its_card(skin: Dataset, tmp_path: Path):
    """An ensemble's bundle, learned with SAM, teaches a plain network."""
    from cutis.bundle.rebuild import check_rebuilt, rebuild

    settings = {"structure": "ensemble", "structure_settings": {"members": 2}, "sharpness": 0.05}
    teacher = cutis.train(skin, tmp_path / "teacher", **QUICK, **settings)
    opened = load_bundle(teacher)
    assert opened.card.structure == "ensemble"
    assert opened.card.structure_settings == {"members": 2}
    images = torch.randint(0, 256, (3, 32, 32, 3), dtype=torch.uint8, generator=torch.Generator().manual_seed(0))
    assert check_rebuilt(rebuild(opened), opened, images.numpy()) < 1e-3

    part = Distil(str(teacher))
    data = replace(toy_data(), codes=list(opened.codes))
    part.prepare(data, identity_network())
    assert part.told(torch.randn(2, 3, 48, 48)).shape == (2, len(opened.codes))
    assert not list(part.parameters())
    assert set(part.state_dict()) == {"mean", "std"}  # the teacher is in no checkpoint
    with pytest.raises(CutisError, match="knows no class zebra"):
        part.prepare(replace(data, codes=["zebra", *opened.codes]), identity_network())
    student = cutis.train(
        skin, tmp_path / "student", **QUICK, method="distil+stop-learning", method_settings={"teacher": str(teacher)}
    )
    assert "distil" in load_bundle(student).card.trained["validation"]
