"""Validation while training: one answer a lesion, what it is worth, and what `train` says of it."""

from __future__ import annotations

import numpy as np
import polars as pl
import pytest
import torch
from lightning.fabric import Fabric
from toys import identity_network

from cutis.data.dataset import Dataset
from cutis.data.split import load_split
from cutis.train.assemble import assemble, at_chance
from cutis.train.config import make_config
from cutis.train.feed import Normalise
from cutis.train.validate import Validation, score_units

PLAIN = Normalise((0.0, 0.0, 0.0), (1 / 255,) * 3, torch.device("cpu"))  # a level is a logit


def pictures(logits: list[list[int]]) -> np.ndarray:
    return np.array(logits, np.uint8)[:, None, None, :].repeat(2, 1).repeat(2, 2)


def rows(targets: list[str], lesions: list[str | None], patients: list[str | None] | None = None) -> pl.DataFrame:
    n = len(targets)
    return pl.DataFrame(
        {
            "image_id": [str(i) for i in range(n)],
            "lesion_id": pl.Series(lesions, dtype=pl.String),
            "patient_id": pl.Series(patients or [None] * n, dtype=pl.String),
            "target": targets,
        }
    )


def scores(table: pl.DataFrame, logits: list[list[int]]) -> dict[str, float]:
    target = np.array([["a", "b", "c"].index(t) for t in table["target"]])
    validation = Validation(pictures(logits), target, score_units(table), PLAIN)
    return validation.scores(identity_network().eval(), Fabric(accelerator="cpu"))


def test_patients_of_several_diagnoses_are_no_unit():
    """Every image is right. Averaged over each patient, with the first image's label for all, it was 0.5."""
    table = rows(["a", "b", "b", "c", "a"], ["1", "2", "2", "3", "4"], ["P", "P", "P", "Q", "Q"])
    logits = [[9, 0, 0], [0, 9, 0], [0, 9, 0], [0, 0, 9], [9, 0, 0]]
    found = scores(table, logits)
    assert found["balanced_accuracy"] == 1.0
    assert found["log_loss"] == pytest.approx(-np.log(np.exp(9) / (np.exp(9) + 2)))
    assert len(np.unique(score_units(table))) == 4


def test_a_lesion_is_answered_once_by_the_mean_of_its_images():
    """One image of lesion 1 is wrong and less sure: the lesion is right."""
    table = rows(["a", "a", "b"], ["1", "1", "2"])
    assert scores(table, [[9, 0, 0], [0, 1, 0], [0, 9, 0]])["balanced_accuracy"] == 1.0
    assert scores(table.with_columns(lesion_id=None), [[9, 0, 0], [0, 1, 0], [0, 9, 0]])["balanced_accuracy"] == 0.75


def test_units_by_hand():
    """A lesion whose images disagree is scored by image; so is an image of no known lesion."""
    table = rows(["a", "a", "a", "b", "c", "c"], ["1", "1", "2", "2", None, None])
    units = score_units(table)
    assert units[0] == units[1]
    assert len(np.unique(units)) == 5
    assert len(np.unique(score_units(rows(["a", "b"], [None, None], ["P", "P"])))) == 2


def test_images_of_a_unit_have_one_target():
    with pytest.raises(ValueError, match="several targets"):
        Validation(pictures([[1, 0, 0], [0, 1, 0]]), np.array([0, 1]), np.array([5, 5]), PLAIN)


def standing(answers: list[int], truth: list[int]) -> dict[str, float]:
    logits = [[9 * (k == a) for k in range(3)] for a in answers]
    made = Validation(pictures(logits), np.array(truth), np.arange(len(truth)), PLAIN)
    return made.standing(identity_network().eval(), Fabric(accelerator="cpu"), 0)


def test_what_a_score_is_worth():
    """Sixty right answers of three classes can't be chance; always the same class is it exactly; and six right answers
    of six, three a class, happen in one of twenty shuffles."""
    truth = [0, 1, 2] * 20
    right = standing(truth, truth)
    assert (right["balanced_accuracy"], right["units"], right["unit"]) == (1.0, 60, "image")
    assert right["chance"] == pytest.approx(1 / 3)
    assert right["p_chance"] == 1 / 1000
    assert right["above_chance"]
    assert at_chance(right) == ""
    same = standing([0] * 60, truth)
    assert (same["balanced_accuracy"], same["p_chance"]) == (pytest.approx(1 / 3), 1.0)
    assert "No better than chance: balanced accuracy 0.333 of 60 validation images" in at_chance(same)
    assert standing([1, 0] * 3, [0, 1] * 3)["p_chance"] == 1.0
    few = standing([0, 1] * 2, [0, 1] * 2)
    assert few["p_chance"] == pytest.approx(1 / 6, abs=0.04)  # two of two, of the six ways to deal four
    assert "Not told from chance: balanced accuracy 1.000 of 4 validation images" in at_chance(few)
    assert at_chance({}) == ""


def test_answers_that_know_nothing_are_rarely_called_better():
    """At 5 %, of 30 tries one or two; classes of different size, answers of their own frequency."""
    rng = np.random.default_rng(3)
    truth = np.repeat([0, 1, 2], [60, 25, 10])
    found = [standing(rng.choice(3, 95, p=[0.6, 0.3, 0.1]).tolist(), truth.tolist()) for _ in range(30)]
    assert sum(f["above_chance"] for f in found) <= 5


def test_a_run_validates_by_lesion(skin: Dataset):
    """Patients of the phantom have several lesions of several diagnoses."""
    parts = load_split(skin)
    mixed = skin.manifest.join(parts.table.filter(part="val"), on="image_id").group_by("patient_id")
    assert parts.proof.unit.startswith("patient")
    assert (mixed.agg(pl.col("target").n_unique())["target"] > 1).any()
    pieces = assemble(skin, parts, make_config({"epochs": 1, "size": 32, "batch_size": 32}))
    val = skin.manifest.join(parts.table.filter(part="val").select("image_id"), on="image_id")
    assert pieces.validation is not None
    assert len(pieces.validation.target) == val["lesion_id"].n_unique()
    pieces.feed.close()
