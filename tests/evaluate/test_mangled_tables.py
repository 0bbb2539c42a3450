"""Tables with any cells and headings: read as something that can be audited, or refused in one line."""

from __future__ import annotations

import csv
import tempfile
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cutis.errors import CutisError
from cutis.evaluate.groups import find_groups
from cutis.evaluate.reading import read_predictions
from cutis.schema.predictions import AGE_BANDS, check_predictions
from cutis.schema.vocabulary import FITZPATRICK, SEXES

HEADS = [
    "target", "p_mel", "p_nv", "score", "p_benign", "prob_nv", "benign", "malignant", "melanoma", "logit_mel",
    "age", "age_band", "sex", "fitzpatrick", "site", "lesion_id", "patient_id", "score_weight", "labels",
    "predicted",
]  # fmt: skip
CELLS = [
    "0", "1", "0.5", "0,5", "50%", "53.4", "-1e-17", "1.0000000001", "nan", "inf", "-1", "999", "1975", "mel",
    "nv", "benign", "malignant", "unknown", "none", "true", "85+", "45Y", "018M", "60-65", "F", "W", "III-IV",
    "back", "Rücken", "im1", "im1.jpg", "mel;nv", "[1]", "1e400", "0x1", "١", "½", "'", ";", '"', "", "MEL ",
    "Type III", "\u200b",
]  # fmt: skip


@st.composite
def tables(draw: st.DrawFn) -> list[list[str]]:
    n = draw(st.integers(1, 6))
    heads = draw(st.lists(st.sampled_from(HEADS), min_size=1, max_size=7, unique=True))
    p = np.round(np.random.default_rng(n).random(n), 2)
    plain = {"target": ["mel", "nv"], "p_mel": p, "p_nv": np.round(1 - p, 2), "score": p, "benign": [0, 1]}
    rows = [[f"im{i}", *(str(plain[h][i % len(plain[h])]) if h in plain else "" for h in heads)] for i in range(n)]
    for _ in range(draw(st.integers(0, 8))):
        i, k = draw(st.integers(0, n - 1)), draw(st.integers(0, len(heads)))
        rows[i][k] = draw(st.sampled_from(CELLS) | st.text(max_size=6))
    return [["image_id", *heads], *rows]


def check(table: list[list[str]], stand_alone: bool) -> None:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "p.csv"
        with path.open("w", newline="", encoding="utf-8") as f:
            csv.writer(f).writerows(table)
        try:
            made = read_predictions(path, stand_alone=stand_alone)
        except CutisError as error:
            refused = str(error)
        else:
            refused = ""
        if refused:
            assert "\n" not in refused
            assert refused.startswith(str(path))
            return
    check_predictions(made.table, made.info, "made")
    p = made.probabilities()
    assert ((p >= 0) & (p <= 1)).all()
    for column, valid in (("sex", SEXES), ("fitzpatrick_skin_type", FITZPATRICK)):
        if column in made.table.columns:
            assert set(made.table[column].drop_nulls()) <= set(valid)
    if "age_approx" in made.table.columns and "age_band" not in made.table.columns:
        groups, _ = find_groups(made.table, ["age_band"], "made")
        assert {g.name for g in groups} <= {*AGE_BANDS, "unknown"}
    if "score_weight" in made.table.columns:
        assert (made.table["score_weight"].drop_nulls() >= 0).all()


@given(tables(), st.booleans())
@settings(max_examples=40, deadline=None)
def test_a_mangled_table_is_read_or_refused(table: list[list[str]], stand_alone: bool) -> None:
    check(table, stand_alone)


@pytest.mark.long
@pytest.mark.timeout(3600)
@given(tables(), st.booleans())
@settings(max_examples=3000, deadline=None)
def test_three_thousand_mangled_tables_are_read_or_refused(table: list[list[str]], stand_alone: bool) -> None:
    check(table, stand_alone)
