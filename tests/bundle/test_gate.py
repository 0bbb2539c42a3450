"""The gate: fitted so that good pictures pass, and bad ones refused for a reason that says what to do."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cutis.bundle.card import Gate, GateThreshold
from cutis.bundle.fit import Choice
from cutis.bundle.gate import MOST_REFUSED, VIEW, fit_gate, shipped, values
from cutis.bundle.load import content_digest, load_bundle
from cutis.bundle.predict import Bundle
from cutis.bundle.recalibrate import recalibrate
from cutis.cli import main
from cutis.data.dataset import Dataset
from cutis.data.split import Split
from cutis.errors import CutisError
from cutis.files import write_json
from cutis.image.assess import assess
from cutis.image.decode import decode, read_square, read_square_and_view
from cutis.image.quality import MEASURES
from cutis.schema.predictions import Predictions, refusals

LIMITS = np.array(list(shipped().values()))


def as_shipped(**changed: float) -> Gate:
    limits = shipped() | changed
    return Gate(
        thresholds={n: GateThreshold(value=v, source="shipped") for n, v in limits.items()}, images=1, refused=0
    )


def without_gate(frozen: Path, out: Path) -> Path:
    """The same bundle as an earlier Cutis wrote it."""
    shutil.copytree(frozen, out)
    content = json.loads((out / "bundle.json").read_text("utf-8"))
    del content["gate"], content["preprocessing"]["constancy"], content["digest"], content["limit_codes"]
    content["limits"] = [limit for limit in content["limits"] if "gate" not in limit]
    write_json(out / "bundle.json", {**content, "digest": content_digest(content)})
    return out


def test_only_measures_with_a_reason_are_in_it():
    grey = assess(np.full((64, 64, 3), 128, np.uint8))
    assert shipped() == {n: s.threshold for n, s in grey.scores.items() if s.code}
    assert "colour_cast" not in shipped()
    assert not any("; " in s.advice or ":" in s.code for s in grey.scores.values())  # they part reasons and codes


@settings(max_examples=60, deadline=None)
@given(st.integers(1, 300), st.integers(0, 2**32 - 1), st.floats(0, 1))
def test_it_never_refuses_more_than_two_percent_of_validation(n: int, seed: int, bad: float):
    rng = np.random.default_rng(seed)
    found = LIMITS + np.where(rng.random((n, len(LIMITS))) < bad, -1, 1) * rng.random((n, len(LIMITS)))
    gate = fit_gate(found)
    limits = np.array([t.value for t in gate.thresholds.values()])
    assert list(gate.thresholds) == list(shipped())
    assert gate.refused == (found < limits).any(1).mean() <= MOST_REFUSED
    assert (limits <= LIMITS).all()
    assert [t.source for t in gate.thresholds.values()] == [
        "shipped" if a == b else "validation" for a, b in zip(limits, LIMITS, strict=True)
    ]


def test_it_is_lowered_only_where_it_must_be():
    found = np.tile(LIMITS + 1, (100, 1))
    found[:2, 0] = LIMITS[0] - 1
    assert fit_gate(found).refused == 0.02
    assert {t.source for t in fit_gate(found).thresholds.values()} == {"shipped"}
    found[2, 0] = LIMITS[0] - 0.5  # a third image: this one passes, the worse two don't
    gate = fit_gate(found)
    assert gate.refused == 0.02
    assert [n for n, t in gate.thresholds.items() if t.source == "validation"] == [next(iter(shipped()))]
    assert next(iter(gate.thresholds.values())).value == LIMITS[0] - 0.5


def test_a_freeze_fits_it_on_the_validation_pictures(bundle: Bundle, dataset: Dataset, parts: Split):
    gate = bundle.card.gate
    assert gate is not None
    ids = parts.ids("val")
    files = dataset.manifest.filter(pl.col("image_id").is_in(list(ids)))["file"]
    pictures = [decode((dataset.path / f).read_bytes(), f) for f in files]
    limits = {name: t.value for name, t in gate.thresholds.items()}
    assert gate.images == len(pictures)
    assert gate.refused == np.mean([not assess(p, thresholds=limits).ok for p in pictures])
    assert gate.thresholds["resolution"] == GateThreshold(value=30, source="validation")  # all are 40 x 30
    assert any("gate is laxer" in limit for limit in bundle.card.limits)
    page = (bundle.path / "card.md").read_text("utf-8")
    assert "| resolution | 30 | validation |" in page


@pytest.fixture
def bad_pictures(tmp_path: Path, encoded: Callable[..., bytes], picture: Callable[..., np.ndarray]) -> Path:
    folder = tmp_path / "photos"
    folder.mkdir()
    rng = np.random.default_rng(0)
    made = {
        "black": np.zeros((150, 200, 3), np.uint8),
        "white": np.full((150, 200, 3), 255, np.uint8),
        "noise": rng.integers(0, 256, (150, 200, 3), np.uint8),
        "smooth": picture(200, 150, 1),
        "small": picture(40, 30, 1),
    }
    for name, pixels in made.items():
        (folder / f"{name}.png").write_bytes(encoded(pixels, "PNG"))
    (folder / "cut.png").write_bytes(encoded(picture(80, 60), "PNG")[:300])
    return folder


def test_bad_pictures_are_refused_with_advice(bundle: Bundle, bad_pictures: Path, tmp_path: Path):
    gated = replace(bundle, card=bundle.card.model_copy(update={"gate": as_shipped()}))
    predictions = gated.predict(bad_pictures, progress=False)
    rows = {row["image_id"]: row for row in predictions.table.iter_rows(named=True)}
    assert rows["cut"]["status"] == "error"
    for name in ("black", "white", "noise", "smooth", "small"):
        why = assess(decode((bad_pictures / f"{name}.png").read_bytes(), name)).reasons()
        said = [f"{r.code}: {r.advice}" for r in why]
        assert said
        assert rows[name]["status"] == "refused"
        assert rows[name]["reason"].split("; ")[: len(said)] == said  # before what the model itself has to say
        assert rows[name]["predicted"] is not None
    assert "too dark: " in rows["black"]["reason"]
    assert "too bright: " in rows["white"]["reason"]
    assert rows["noise"]["reason"].startswith("no skin seen: ")
    assert "too blurred: Hold the phone steady" in rows["smooth"]["reason"]
    assert rows["small"]["reason"].startswith("too small: ")

    counted = refusals(Predictions.load(predictions.save(tmp_path / "p.parquet")).table)
    assert counted["too small"] == 1
    assert list(counted.values()) == sorted(counted.values(), reverse=True)

    off = gated.predict(bad_pictures, gate=False, progress=False)
    assert not any(code in (r or "") for r in off.table["reason"] for code in ("too dark", "no skin", "too small"))
    numbers = ["p_mel", "p_nv", "p_df", "ood"]
    assert off.table.select(numbers).equals(predictions.table.select(numbers))
    assert "there was no gate" in off.info.limits[-1]
    assert not any("there was no gate" in limit for limit in predictions.info.limits)


def test_a_bundle_of_before_still_predicts_and_gets_a_gate_by_calibrating(
    frozen: Path, dataset: Dataset, bad_pictures: Path, tmp_path: Path
):
    old = load_bundle(without_gate(frozen, tmp_path / "old"))
    assert old.card.gate is None
    assert old.card.preprocessing.constancy == "none"
    before, now = old.predict(bad_pictures), load_bundle(frozen).predict(bad_pictures, gate=False)
    assert before.table.equals(now.table)
    made = load_bundle(recalibrate(old.path, dataset, tmp_path / "new", Choice())).card
    assert made.gate == load_bundle(frozen).card.gate
    assert sum("gate is laxer" in limit for limit in made.limits) == 1


def test_calibrating_elsewhere_keeps_the_gate(frozen: Path, make_dataset: Callable[..., Dataset], tmp_path: Path):
    from cutis.data.split import split

    other = make_dataset(tmp_path / "other", n=90)
    split(other, test=0.3, val=0.4, seed=0)
    made = load_bundle(recalibrate(frozen, other, tmp_path / "new", Choice())).card
    assert made.gate == load_bundle(frozen).card.gate
    assert sum("gate is laxer" in limit for limit in made.limits) == 1


def test_a_gate_of_a_later_cutis_is_refused(bundle: Bundle, bad_pictures: Path):
    strange = replace(bundle, card=bundle.card.model_copy(update={"gate": as_shipped(sharpnes=1.0)}))
    with pytest.raises(CutisError, match='gate asks for "sharpnes"'):
        strange.predict(bad_pictures)
    assert len(strange.predict(bad_pictures, gate=False).table) == 6


@pytest.mark.parametrize("extent", [(1000, 750), (310, 200), (60, 45), (1600, 200)])
@pytest.mark.parametrize("size", [24, 96])
def test_what_is_judged_is_large_enough_and_the_network_sees_the_same(
    extent: tuple[int, int], size: int, picture: Callable[..., np.ndarray], encoded: Callable[..., bytes]
):
    data = encoded(picture(*extent), quality=90)
    square, view = read_square_and_view(data, size, VIEW)
    assert np.array_equal(square, read_square(data, size))
    assert max(view.shape) >= min(VIEW, max(extent))
    assert min(view.shape[:2]) >= min(VIEW / 2, min(extent))
    whole = dict(zip(shipped(), values(decode(data, "whole")), strict=True))
    judged = dict(zip(shipped(), values(view), strict=True))
    for name in ("light", "headroom", "glare"):
        assert judged[name] == pytest.approx(whole[name], abs=1)
    assert MEASURES["resolution"](view).ok == MEASURES["resolution"](decode(data, "whole")).ok


def test_the_command_counts_reasons_and_can_leave_the_gate_out(
    frozen: Path, bad_pictures: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
):
    with pytest.raises(SystemExit, match="1"):
        main(["predict", str(frozen), str(bad_pictures), "--out", str(tmp_path / "a.parquet")])
    said = capsys.readouterr().out
    assert "refused: 1 too dark" in said
    with pytest.raises(SystemExit, match="1"):
        main(["predict", str(frozen), str(bad_pictures), "--out", str(tmp_path / "b.parquet"), "--no-gate"])
    assert "too dark" not in capsys.readouterr().out
