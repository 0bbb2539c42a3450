"""Label quality: confirmation as data, readers' doubts as soft targets, and planted label errors that are found."""

from __future__ import annotations

import importlib.util
from pathlib import Path

import numpy as np
import polars as pl
import pytest

import cutis
from cutis.data.dataset import Dataset, DatasetCard
from cutis.data.label_quality import (
    confirmation,
    label_doubts,
    label_issues,
    out_of_fold,
    soft_targets,
)
from cutis.errors import CutisError
from cutis.phantom.dataset import make_dataset
from cutis.schema.classes import ClassInfo
from cutis.schema.manifest import conform
from cutis.schema.predictions import Predictions, PredictionsInfo

needs_cleanlab = pytest.mark.skipif(importlib.util.find_spec("cleanlab") is None, reason="cleanlab is not installed")
CLASSES = (
    ClassInfo(code="mel", name="Melanoma", diagnosis="Malignant:Malignant melanocytic proliferations (Melanoma)"),
    ClassInfo(code="nv", name="Melanocytic nevus", diagnosis="Benign:Benign melanocytic proliferations:Nevus"),
    ClassInfo(code="other", name="Something else"),
)


def manifest(**columns: list[object]) -> pl.DataFrame:
    n = len(next(iter(columns.values())))
    table = {
        "image_id": [f"i{k}" for k in range(n)],
        "status": ["listed"] * n,
        "file": [None] * n,
        "target": [None] * n,
    }
    return conform(pl.DataFrame(table | columns, strict=False), "test")


def test_confirmation_counts_unknown_as_unknown():
    found = confirmation(
        manifest(
            target=["mel", "mel", "mel", "nv", None],
            diagnosis_confirm_type=["histopathology", "histopathology", None, None, "histopathology"],
        )
    )
    assert found.rows() == [
        ("mel", "histopathology", 2, 2 / 3),
        ("mel", "unknown", 1, 1 / 3),
        ("nv", "unknown", 1, 1.0),
    ]


def readers(*weights: tuple[str, float]) -> list[dict[str, object]]:
    return [{"diagnosis": d, "weight": w} for d, w in weights]


def test_soft_targets_by_hand():
    table = manifest(
        target=["mel", "nv", None, None, None, "mel"],
        differential=[
            readers(("Melanoma", 0.6), ("nv", 0.4)),  # by name and by code
            None,  # nobody's differential: one-hot
            readers(("Superficial spreading melanoma", 0.0), ("Blue nevus", 0.5), ("Psoriasis", 0.5)),
            None,  # nothing known
            readers(("no such thing", 1.0)),  # weight on no class
            [],
        ],
    )
    found = soft_targets(table, CLASSES)
    assert found.p[:2].tolist() == [[0.6, 0.4, 0.0], [0.0, 1.0, 0.0]]
    assert found.p[2].tolist() == [0.0, 1.0, 0.0]  # a blue nevus is a nevus: through the hierarchy
    assert found.kept[2] == pytest.approx(0.5)  # psoriasis is none of the classes
    assert found.known.tolist() == [True, True, True, False, False, True]
    assert np.isnan(found.p[3:5]).all()
    assert found.p[5].tolist() == [1.0, 0.0, 0.0]
    assert found.p[found.known].sum(1) == pytest.approx(1)


def test_soft_targets_need_no_differential_and_refuse_strange_targets():
    assert soft_targets(manifest(target=["nv", None]), CLASSES).known.tolist() == [True, False]
    with pytest.raises(CutisError, match='did you mean "mel"'):
        soft_targets(manifest(target=["mell"]), CLASSES)


def planted(n_groups: int = 300, per_group: int = 2, noise: float = 0.08, seed: int = 0):
    """Features of three separable classes, groups of two, labels of which `noise` are flipped."""
    rng = np.random.default_rng(seed)
    groups = np.repeat(np.arange(n_groups), per_group)
    truth = np.repeat(rng.integers(0, 3, n_groups), per_group)
    features = rng.normal(size=(len(groups), 8))
    features[np.arange(len(groups)), truth] += 3.0
    flipped = rng.random(len(groups)) < noise
    labels = np.where(flipped, (truth + rng.integers(1, 3, len(groups))) % 3, truth)
    return features, labels, groups, flipped


def test_no_group_is_in_training_and_test():
    """A feature that names the group gives its label away, if and only if a group crosses folds."""
    rng = np.random.default_rng(0)
    groups = np.repeat(np.arange(60), 4)
    labels = np.repeat(rng.integers(0, 2, 60), 4)
    names = np.eye(60)[groups]
    assert (out_of_fold(names, labels, groups).argmax(1) == labels).mean() < 0.7
    assert (out_of_fold(names, labels, np.arange(len(groups))).argmax(1) == labels).mean() > 0.95


def test_a_class_absent_from_training_has_no_probability():
    features, labels, groups, _ = planted(60)
    labels[:] = np.where(labels == 2, 1, labels)
    labels[groups == 0] = 2  # one group only: never in training while in test
    with pytest.warns(UserWarning, match="least populated class"):
        p = out_of_fold(features, labels, groups)
    assert (p[groups == 0, 2] == 0).all()
    assert p.sum(1) == pytest.approx(1)


@needs_cleanlab
def test_planted_flips_are_found():
    features, labels, groups, flipped = planted()
    p = out_of_fold(features, labels, groups)
    rows, quality = label_issues(labels, p)
    found = np.zeros(len(labels), bool)
    found[rows] = True
    recall, precision = found[flipped].mean(), flipped[found].mean()
    assert recall > 0.8
    assert precision > 0.6  # chance is the noise: 0.08
    assert (np.diff(quality[rows]) >= 0).all()  # the most doubtful first
    assert flipped[rows[:20]].mean() > 0.9
    clean = label_issues(np.where(flipped, p.argmax(1), labels), p)[0]
    assert len(clean) < len(rows)


@pytest.fixture(scope="module")
def phantom(tmp_path_factory: pytest.TempPathFactory) -> tuple[Dataset, list[str]]:
    """A phantom dataset of two classes whose look differs, with twelve labels swapped; and those images."""
    made = make_dataset(
        tmp_path_factory.mktemp("phantom") / "data", 200, size=48, seed=3, classes=["vasc", "nv"], balance="equal"
    )
    table = made.manifest
    swapped = table["image_id"].sample(12, seed=1).to_list()
    other = pl.when(pl.col("target") == "nv").then(pl.lit("vasc")).otherwise(pl.lit("nv"))
    table = table.with_columns(target=pl.when(pl.col("image_id").is_in(swapped)).then(other).otherwise("target"))
    return Dataset(made.path, made.card, table), swapped


@needs_cleanlab
def test_swapped_labels_of_real_files_are_doubted(phantom):
    dataset, swapped = phantom
    found = label_doubts(dataset)
    assert {f.check for f in found} == {"label doubt"}
    if found[0].score is None:  # an honest answer too, but then the phantom has changed
        pytest.fail(found[0].message)
    doubted = {f.image_id for f in found}
    chance = len(doubted) / len(dataset.manifest)
    assert len(doubted & set(swapped)) / len(swapped) > 2 * chance
    assert 'labelled "' in found[0].message
    assert [f.score for f in found] == sorted(f.score for f in found)


def predictions(dataset: Dataset, p: np.ndarray, ids: list[str]) -> Predictions:
    codes = [c.code for c in dataset.card.classes]
    n = len(ids)
    table = pl.DataFrame(
        {"image_id": ids, "lesion_id": [None] * n, "patient_id": [None] * n, "source": [None] * n, "target": [None] * n}
        | {"predicted": [codes[k] for k in p.argmax(1)]}
        | {f"p_{c}": p[:, k] for k, c in enumerate(codes)}
        | {"set": [[]] * n, "ood": [0.0] * n, "status": ["ok"] * n, "reason": [""] * n}
    )
    return Predictions(table, PredictionsInfo(classes=dataset.card.classes))


def listed(targets: list[str]) -> Dataset:
    table = manifest(target=targets).with_columns(status=pl.lit("ok"), file=pl.lit("images/gone.jpg"))
    return Dataset(Path("nowhere"), DatasetCard(name="made", classes=CLASSES), table)


@needs_cleanlab
def test_predictions_of_a_better_model_are_taken():
    truth = np.random.default_rng(0).integers(0, 2, 120)
    labels = truth.copy()
    labels[:6] = 1 - labels[:6]
    dataset = listed([CLASSES[k].code for k in labels])
    p = np.full((120, 3), 0.05)
    p[np.arange(120), truth] = 0.9
    order = np.random.default_rng(1).permutation(120)  # the file's order is not the manifest's
    ids = [f"i{k}" for k in order]
    found = label_doubts(dataset, predictions=predictions(dataset, p[order], ids))
    assert {f.image_id for f in found} == {f"i{k}" for k in range(6)}
    assert all("by the predictions given" in f.message for f in found)
    with pytest.raises(CutisError, match="none of the labelled images"):
        label_doubts(dataset, predictions=predictions(dataset, p, [f"other{k}" for k in range(120)]))


@needs_cleanlab
def test_what_cannot_be_doubted_says_why(tmp_path: Path):
    for targets, words in (([None] * 12, "no labelled image"), (["mel"] * 30, "fewer than two classes")):
        (found,) = label_doubts(listed(targets))
        assert (found.severity, found.score) == ("note", None)
        assert found.message.startswith("not estimable: ")
        assert words in found.message
    guess = np.full((40, 3), 1 / 3)
    dataset = listed(["mel", "nv"] * 20)
    (found,) = label_doubts(dataset, predictions=predictions(dataset, guess, [f"i{k}" for k in range(40)]))
    assert "no better than chance" in found.message


def test_without_cleanlab_the_remedy_is_said(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr("cutis.data.label_quality.missing", lambda extra: ["cleanlab"])
    (found,) = label_doubts(listed(["mel", "nv"] * 20))
    assert "pip install 'cutis[labels]'" in found.message


@needs_cleanlab
@pytest.mark.slow
def test_flips_planted_in_ham10000(shared_data: Path, tmp_path: Path):
    made = cutis.import_dataset(shared_data / "ham10000", tmp_path / "ham")
    rng = np.random.default_rng(0)
    flipped = rng.random(len(made.manifest)) < 0.05
    move = rng.integers(1, 7, len(made.manifest))
    codes = made.codes
    targets = [
        codes[(codes.index(t) + m) % 7] if f else t
        for t, f, m in zip(made.manifest["target"], flipped, move, strict=True)
    ]
    table = made.manifest.with_columns(target=pl.Series(targets))
    found = label_doubts(Dataset(made.path, made.card, table))
    wrong = set(table["image_id"].filter(pl.Series(flipped)))
    strong = [f.image_id for f in found if f.severity == "warning"]
    assert len(wrong & {f.image_id for f in found}) / len(wrong) > 0.8
    assert sum(i in wrong for i in strong) / len(strong) > 0.4  # chance: 0.05
    assert len(wrong & set(strong)) / len(wrong) > 0.5
