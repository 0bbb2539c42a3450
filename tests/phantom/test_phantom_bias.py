"""Planted correlations and spreads of tone are as strong as they say."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import polars as pl
import pytest

from cutis.errors import CutisError
from cutis.phantom.bias import read_bias
from cutis.phantom.classes import CODES
from cutis.phantom.dataset import Plan, make_dataset, photographs
from cutis.phantom.lesion.recipes import RECIPES
from cutis.phantom.optics.table import TONES, skin_ita
from cutis.phantom.tones import skin_type, tones


def drawn(n: int, *bias: str, seed: int = 0) -> pl.DataFrame:
    plan = Plan(dict.fromkeys(CODES, 1 / len(CODES)), tones("uniform"), RECIPES, tuple(read_bias(b) for b in bias))
    rows = []
    for _, (scene, who) in zip(range(n), photographs(seed, plan), strict=False):
        rows.append(
            {
                "target": scene.diagnosis,
                "ruler": any(a.kind == "ruler" for a in scene.artefacts),
                "corner": scene.camera.aperture < 1.5,
                "warm": scene.camera.warmth > 0.05,
                "ita": skin_ita(scene.skin.melanin),
                "patient": who["patient_id"],
            }
        )
    return pl.DataFrame(rows)


def test_a_planted_ruler_is_as_frequent_as_asked() -> None:
    table = drawn(1500, "ruler:mel=0.9,nv=0.1", "dark_corner:bcc=1,nv=0", "warm_device:mel=1,nv=0")
    share = {t: float(g["ruler"].mean()) for (t,), g in table.group_by("target")}  # type: ignore[arg-type]
    assert share["mel"] == pytest.approx(0.9, abs=0.08)
    assert share["nv"] == pytest.approx(0.1, abs=0.08)
    assert share["bkl"] < 0.3  # as drawn
    assert table.filter(target="bcc")["corner"].all()
    assert not table.filter(target="nv")["corner"].any()
    assert table.filter(target="mel")["warm"].all()
    assert not table.filter(target="nv")["warm"].any()


def test_dark_skin_is_a_patients() -> None:
    table = drawn(600, "dark_skin:mel=1,nv=0")
    first = table.group_by("patient", maintain_order=True).first()
    assert (first.filter(target="mel")["ita"] <= 6).all()
    assert (first.filter(target="nv")["ita"] >= 19).all()
    assert table.group_by("patient").agg((pl.col("ita").max() - pl.col("ita").min()).alias("d"))["d"].max() < 12  # type: ignore[operator]


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("ruler", "expected THING:KEY=SHARE"),
        ("rular:mel=1", 'did you mean "ruler"'),
        ("ruler:mell=1", 'did you mean "mel"'),
        ("ruler:mel=1.2", "not a share"),
        ("ruler:mel=x", "expected THING"),
    ],
)
def test_bad_biases_are_named(text: str, words: str) -> None:
    with pytest.raises(CutisError, match=words):
        read_bias(text)


def test_spreads_of_tone(tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    light_ones = tones("ita:55..41")
    light = [skin_ita(light_ones(rng)) for _ in range(200)]
    assert 40.5 < min(light) < 43
    assert 53 < max(light) < 55.5
    groh = tones("dataset:fitzpatrick17k")
    known = [skin_type(groh(rng)) for _ in range(1500)]
    assert np.mean([k in ("I", "II") for k in known]) == pytest.approx((2947 + 4808) / 16012, abs=0.06)
    assert [skin_type(m) for m in TONES.values()] == list(TONES)
    made = make_dataset(tmp_path / "dark", 40, size=16, tone="ita:-20..-45")
    like = tones(f"dataset:{tmp_path / 'dark'}")
    assert set(made.manifest["fitzpatrick_skin_type"]) <= {"V", "VI"}
    assert max(skin_ita(like(rng)) for _ in range(50)) < 10


@pytest.mark.parametrize(
    ("spec", "words"),
    [
        ("unifrom", 'did you mean "uniform"'),
        ("ita:55", "two angles"),
        ("ita:99..0", "ITA 99"),
        ("dataset:nowhere", "neither a dataset"),
    ],
)
def test_bad_spreads_are_named(spec: str, words: str) -> None:
    with pytest.raises(CutisError, match=words):
        tones(spec)
