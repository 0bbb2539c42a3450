"""The page's tables and figure of usefulness, lists, the tree, challenges and several labels."""

from __future__ import annotations

from xml.etree import ElementTree

import numpy as np
import polars as pl
import pytest

from cutis.evaluate.decision import THRESHOLDS
from cutis.evaluate.measure import measure
from cutis.report import words
from cutis.report.decision import benefit_of_all, decision_curve
from cutis.report.figures import all_figures
from cutis.report.page import render
from cutis.schema.evidence import Evidence
from cutis.schema.predictions import Predictions


@pytest.fixture(scope="module")
def scored(predictions: Predictions) -> Evidence:
    return measure(predictions, by=[], resamples=40, protocol="isic2018", prevalence=0.03)


def test_each_part_has_its_table(scored: Evidence) -> None:
    figures = all_figures(scored)
    html = render(scored, figures, {})
    for part in (
        "Scores of isic2018 by class",
        "ISIC 2018 balanced accuracy",
        "The answer as a list",
        "Top 2 accuracy",
        "How far off, on the ISIC tree of diagnoses",
        "Accuracy at level 1",
        "Net benefit at a prevalence of 3 %",
        "Number needed to biopsy at “sensitivity 0.95”, if 3\N{NO-BREAK SPACE}% were malignant",
    ):
        assert part in html, part
    assert "decision-curve" in figures
    ElementTree.fromstring(figures["decision-curve"].standalone)


def test_decision_curve_says_where_it_helps_most(scored: Evidence) -> None:
    figure = decision_curve(scored)
    assert figure is not None
    assert benefit_of_all(0.3, 0.3) == pytest.approx(0)  # at the prevalence, treating all is worth what none is
    assert figure.label.startswith("Decision curve: net benefit at a threshold of ")
    assert figure.body.count("<circle") >= sum(t <= 0.2 for t in THRESHOLDS) - 1
    without = scored.model_copy(update={"measured": [m for m in scored.measured if "net_benefit" not in m.metric]})
    assert decision_curve(without) is None


@pytest.mark.parametrize(
    ("name", "label", "style"),
    [
        ("ppv_at_point_p_0.5", "Positive predictive value at “p 0.5”", "percent"),
        ("isic2024:pauc", "ISIC 2024 pAUC above TPR 0.80 (perfect: 0.2)", "decimal"),
        ("medmnist:acc", "MedMNIST accuracy", "percent"),
        ("isic2019:macro_ap", "ISIC 2019 mean average precision", "decimal"),
        ("differential_recall_3", "Differential in the top 3", "percent"),
        ("differential_overlap_3", "Overlap with the differential, 3 deep", "decimal"),
    ],
)
def test_names(name: str, label: str, style: str) -> None:
    assert (words.metric(name).label, words.metric(name).style) == (label, style)


def test_page_of_several_labels(predictions: Predictions) -> None:
    codes = predictions.codes
    rng = np.random.default_rng(0)
    labels = [[codes[k] for k in np.flatnonzero(row)] for row in rng.random((900, 7)) < 0.3]
    table = predictions.table.with_columns(
        labels=pl.Series(labels, dtype=pl.List(pl.String)), target=pl.lit(None, pl.String)
    )
    info = predictions.info.model_copy(update={"task": "multi-label", "coverage": None})
    found = measure(Predictions(table, info), by=["sex"], resamples=40)
    html = render(found, all_figures(found), {})
    assert "Every label is right for" in html
    assert "Macro average precision" in html
    assert "Each label is its own question" in html
