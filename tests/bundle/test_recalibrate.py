"""Other calibrators and sets on the same network, as a new bundle."""

from __future__ import annotations

import re
import shutil
from pathlib import Path

import numpy as np
import polars as pl
import pytest

from cutis.bundle.fit import Choice
from cutis.bundle.limits import CODES, Limit, fields_of
from cutis.bundle.load import load_bundle
from cutis.bundle.recalibrate import _kept, recalibrate
from cutis.cli import main
from cutis.data.dataset import Dataset
from cutis.data.split import split
from cutis.errors import CutisError
from cutis.evaluate import calibrators
from cutis.files import sha256_file


@pytest.mark.parametrize("method", ["temperature", "vector", "isotonic"])
@pytest.mark.parametrize(("sets", "by"), [("lac", ""), ("aps", "sex"), ("raps", "class")])
def test_any_choice_makes_a_bundle_that_predicts_by_it(
    frozen: Path, dataset: Dataset, tmp_path: Path, method: str, sets: str, by: str, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(calibrators, "LEAST_UNITS", 5)  # the validation part is small
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
    assert held.mean() >= 0.75  # it was fitted on these images; those of unknown sex have the larger bound
    assert (card.conformal.n, card.conformal.each) == (len(val), "image")
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
        main([*given, "--sets", "raps", "--coverage", "0.8"])
    said = capsys.readouterr().out
    assert stop.value.code == 0
    assert re.search(r"temperature 1\.000; sets: raps at 80% from \d+ images of \d+ lesions", said)


@pytest.mark.parametrize("method", ["temperature", "vector", "isotonic"])
def test_what_a_new_calibration_settles_is_no_limit_any_more(frozen: Path, method: str):
    left = f"The {method} has no best value on the validation images and was left at 1."
    before = {"limits": (left, "No sets: too few.", "Trained for 1 minute."), "limit_codes": ()}
    card = load_bundle(frozen).card.model_copy(update=before)
    assert [limit.words for limit in _kept(card)] == ["Trained for 1 minute."]
    blind = card.model_copy(update={"limits": ("There was no validation image to calibrate on: ...",)})
    assert [limit.words for limit in _kept(blind)] == ["Nothing is refused for being unlike the training images."]


def test_limits_are_known_by_their_codes(frozen: Path):
    """Whatever the words say."""
    every = [Limit(code, f"Words {n}.") for n, code in enumerate(CODES)]
    card = load_bundle(frozen).card.model_copy(update=fields_of(every))
    kept = {limit.code for limit in _kept(card, ood=True, statistics=True)}
    assert kept == {"gate-lowered", "at-chance", "one-dataset"}
    assert {limit.code for limit in _kept(card)} == kept | {"no-statistics", "refuses-nothing", "refusal-from-few"}


@pytest.mark.parametrize("method", ["vector", "isotonic"])
def test_a_class_without_validation_images_is_left_alone_and_told(
    frozen: Path, dataset: Dataset, tmp_path: Path, method: str, monkeypatch: pytest.MonkeyPatch
):
    """Its probabilities are those of the temperature; the limits, by their codes, name it."""
    monkeypatch.setattr(calibrators, "LEAST_UNITS", 5)
    blind = dataset.manifest.with_columns(target=pl.col("target").replace({"df": None}))
    there = Dataset(tmp_path / "d", dataset.card, blind)
    shutil.copytree(dataset.path / "images", tmp_path / "d" / "images")
    there = there.save_into(tmp_path / "d")
    split(there, test=0.2, val=0.5, seed=1)
    made = load_bundle(recalibrate(frozen, there, tmp_path / "new", Choice(method, by="class")))  # type: ignore[arg-type]
    assert made.card.calibrator.alone == (made.codes.index("df"),)
    told = dict(zip(made.card.limit_codes, made.card.limits, strict=True))
    assert f"df (0): the {method} scaling leaves such a class alone" in told["class-left-alone"]
    assert "No validation image is of df" in told["class-not-calibrated"]
    assert "coverage of df: such a class is in every set" in told["open-sets"]
    table = made.predict(dataset, part="all").table
    logits = table.select(f"logit_{c}" for c in made.codes).to_numpy()
    temperature = calibrators.softmax(logits, made.card.calibrator.temperature)
    assert table["p_df"].to_numpy() == pytest.approx(temperature[:, made.codes.index("df")], abs=1e-6)
    assert table["set"].list.contains("df").all()


def test_a_calibrator_that_can_not_be_fitted_is_refused(frozen: Path, dataset: Dataset, tmp_path: Path):
    with pytest.raises(CutisError, match=r"nothing was calibrated\. The vector scaling could not be fitted") as caught:
        recalibrate(frozen, dataset, tmp_path / "new", Choice("vector"))
    assert "\n" not in str(caught.value)
    assert not (tmp_path / "new").exists()
