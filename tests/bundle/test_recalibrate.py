"""Other calibrators and sets on the same network, as a new bundle."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import polars as pl
import pytest

from cutis.bundle.fit import Choice
from cutis.bundle.load import load_bundle
from cutis.bundle.recalibrate import _kept, recalibrate
from cutis.cli import main
from cutis.data.dataset import Dataset
from cutis.errors import CutisError
from cutis.files import sha256_file


@pytest.mark.parametrize("method", ["temperature", "vector", "isotonic"])
@pytest.mark.parametrize(("sets", "by"), [("lac", ""), ("aps", "sex"), ("raps", "class")])
def test_any_choice_makes_a_bundle_that_predicts_by_it(
    frozen: Path, dataset: Dataset, tmp_path: Path, method: str, sets: str, by: str
):
    choice = Choice(method, sets, by, 0.8)  # type: ignore[arg-type]
    before, made = load_bundle(frozen), load_bundle(recalibrate(frozen, dataset, tmp_path / "new", choice))
    card = made.card
    assert card.calibrator.method == method
    assert card.conformal is not None
    assert (card.conformal.method, card.conformal.by, card.conformal.coverage) == (sets, by, 0.8)
    assert made.digest != before.digest
    assert card.files["model.onnx"] == before.card.files["model.onnx"]
    assert sha256_file(tmp_path / "new" / "card.md") == card.files["card.md"]
    old, new = before.predict(dataset, part="all"), made.predict(dataset, part="all")
    logits = [c for c in old.table.columns if c.startswith("logit_")]
    assert old.table.select(logits).equals(new.table.select(logits))
    assert np.allclose(new.probabilities().sum(1), 1)
    val = made.predict(dataset, part="val").table
    held = val.select(pl.col("set").list.contains(pl.col("target")))["set"]
    assert held.mean() >= 0.7  # it was fitted on one image of each of these lesions
    if by == "class":
        assert set(card.conformal.quantiles) == {"", *made.codes}
    if by == "sex":
        assert set(card.conformal.quantiles) == {"", "female", "male"}


def test_bad_requests_leave_nothing(frozen: Path, dataset: Dataset, tmp_path: Path):
    with pytest.raises(CutisError, match='sets "apps": did you mean "aps"'):
        Choice(sets="apps")  # type: ignore[arg-type]
    with pytest.raises(CutisError, match=r"coverage 1\.5"):
        Choice(coverage=1.5)
    with pytest.raises(CutisError, match='sets by sexx: did you mean "sex"'):
        recalibrate(frozen, dataset, tmp_path / "new", Choice(by="sexx"))
    with pytest.raises(CutisError, match="needs at least 999"):
        recalibrate(frozen, dataset, tmp_path / "new", Choice(coverage=0.999))
    assert not (tmp_path / "new").exists()
    with pytest.raises(CutisError, match="exists already"):
        recalibrate(frozen, dataset, frozen, Choice())


def test_the_command_says_what_it_fitted(frozen: Path, dataset: Dataset, tmp_path: Path, capsys):
    given = ["calibrate", str(frozen), str(dataset.path), "--out", str(tmp_path / "new")]
    with pytest.raises(SystemExit) as stop:
        main([*given, "--calibrator", "vector", "--sets", "raps", "--coverage", "0.8"])
    said = capsys.readouterr().out
    assert stop.value.code == 0
    assert "vector scaling; sets: raps at 80%" in said


@pytest.mark.parametrize("method", ["temperature", "vector", "isotonic"])
def test_what_a_new_calibration_settles_is_no_limit_any_more(frozen: Path, method: str):
    left = f"The {method} has no best value on the validation images and was left at 1."
    card = load_bundle(frozen).card.model_copy(update={"limits": (left, "No sets: too few.", "Trained for 1 minute.")})
    assert _kept(card) == ("Trained for 1 minute.",)
    blind = card.model_copy(update={"limits": ("There was no validation image to calibrate on: ...",)})
    assert _kept(blind) == ("Nothing is refused for being unlike the training images.",)
