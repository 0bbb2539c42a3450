"""The page says what was measured, nothing else, and is sound HTML whatever the evidence holds."""

from __future__ import annotations

import re
from html import unescape
from html.parser import HTMLParser
from itertools import pairwise
from xml.etree import ElementTree

import numpy as np
import polars as pl
import pytest

from cutis.evaluate.measure import measure
from cutis.report import words
from cutis.report.figures import all_figures
from cutis.report.headline import headline
from cutis.report.page import render
from cutis.schema.classes import ClassInfo
from cutis.schema.estimate import Estimate
from cutis.schema.evidence import Evidence, Measured
from cutis.schema.predictions import Predictions, PredictionsInfo

VOID = {"meta", "link", "img", "br", "hr", "input"}
HOSTILE = "<script>alert('x')</script>&\"\x00"


class Strict(HTMLParser):
    """Fails on an element that isn't closed in order; gathers elements, what they load, ids and visible text."""

    def __init__(self) -> None:
        super().__init__()
        self.open: list[str] = []
        self.seen: list[str] = []
        self.loads: list[str] = []
        self.ids: list[str] = []
        self.text: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.seen.append(tag)
        values = dict(attrs)
        self.ids += [values["id"] or ""] if "id" in values else []
        for key, value in attrs:
            assert not key.startswith("on"), f"handler {key}"
            if key in ("src", "href", "srcset", "data", "action", "poster"):
                self.loads.append(value or "")
        if tag not in VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.handle_starttag(tag, attrs)
        if tag not in VOID:
            self.handle_endtag(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self.open, f"</{tag}> closes nothing"
        assert self.open[-1] == tag, f"</{tag}> closes {self.open[-1]}"
        self.open.pop()

    def handle_data(self, data: str) -> None:
        if "style" not in self.open:
            self.text.append(data)


def parse(html: str) -> Strict:
    parser = Strict()
    parser.feed(html)
    parser.close()
    assert parser.open == []
    assert len(parser.ids) == len(set(parser.ids))
    for load in parser.loads:
        assert re.fullmatch(r"#[a-z]+|thumbs/\d+\.jpg|data:,|evidence\.json|measured\.csv", load), load
    assert "script" not in parser.seen
    assert "@import" not in html
    assert "url(" not in html
    return parser


def page(evidence: Evidence) -> Strict:
    figures = all_figures(evidence)
    for figure in figures.values():
        ElementTree.fromstring(figure.standalone)  # raises where it isn't well-formed
    return parse(render(evidence, figures, {}))


def said(parser: Strict) -> str:
    return " ".join(" ".join(parser.text).split())


def test_every_estimate_is_on_the_page(evidence: Evidence) -> None:
    text = said(page(evidence))
    text = text.replace("\xa0", " ")
    for m in evidence.measured:
        style = words.metric(m.metric).style
        shown = words.number(m.value, style) if m.value is not None else "not estimable"
        if m.low is not None:
            shown += f" ({words.interval(m, style)})"
        assert shown.replace("\xa0", " ") in text, m
        assert m.reason in text or words.sentence(m.reason) in text, m


def test_every_disparity_is_on_the_page_with_the_worst_group_and_who_was_left_out(evidence: Evidence) -> None:
    text = said(page(evidence)).replace("\xa0", " ")
    assert {f.attribute for f in evidence.fairness} >= {"sex", "fitzpatrick_skin_type", "anatom_site_1"}
    for f in evidence.fairness:
        for m in f.measured:
            style = words.metric(m.metric).style
            shown = words.number(m.value, style) if m.value is not None else "not estimable"
            assert shown.replace("\xa0", " ") in text, m
            assert m.reason in text or "in % of the resamples" in m.reason, m
        for why in f.left_out:
            assert why in text
    worst = evidence.find("worst_balanced_accuracy", None, "sex")
    assert worst is not None
    assert worst.value is not None
    shown = f"Worst group: {worst.worst}, balanced accuracy {words.number(worst.value, 'percent')}"  # type: ignore[attr-defined]
    assert shown.replace("\xa0", " ") in text


def test_page_says_who_what_when_and_under_which_licence(evidence: Evidence) -> None:
    text = said(page(evidence))
    for part in (
        "Not a diagnosis.",
        "not a medical device",
        "Research only: HAM10000 images is CC BY-NC 4.0",
        "How well this model reads HAM10000, test part",
        "resnet18 3f9a12c43f9a",
        "900 labelled images of",
        "Of 7,470 lesions, 0 are in more than one part",
        "58ac03f7" * 8,
        evidence.info.dataset_digest,
        "60 resamples of lesions (seed 0)",
        *(c.name for c in evidence.info.classes),
        *evidence.notes,
        *evidence.info.limits,
        "ViDIR",
        "The images were not at hand",
    ):
        assert part in text
    assert set(all_figures(evidence)) >= {"roc-malignant", "roc-classes", "reliability", "confusion", "sensitivity"}


def test_headings_and_figures_are_accessible(evidence: Evidence) -> None:
    html = render(evidence, all_figures(evidence), {})
    levels = [int(h) for h in re.findall(r"<h([1-6])", html)]
    assert levels.count(1) == 1
    assert all(b - a <= 1 for a, b in pairwise(levels))
    assert html.count("<table") == html.count("<caption") > 5
    assert html.count("<svg") == html.count('role="img" aria-label="') > 5
    assert '<html lang="en">' in html


def test_headline_is_three_and_falls_back(evidence: Evidence) -> None:
    assert [label for label, _ in headline(evidence)] == [
        "Balanced accuracy",
        "Malignant or benign (AUROC)",
        "Coverage of the answer sets",
    ]
    measured = {(m.metric, m.class_code, m.attribute): m for m in evidence.measured}
    assert headline(evidence)[1][1] == measured["auroc", "malignant", None].estimate
    fewer = [m for m in evidence.measured if m.class_code != "malignant" and m.metric not in ("coverage", "ece")]
    labels = dict(headline(evidence.model_copy(update={"measured": fewer})))
    assert list(labels) == ["Balanced accuracy", "Macro AUROC", "Calibration error (ECE)"]
    ece = labels["Calibration error (ECE)"]
    assert ece == Estimate.missing("it was not measured", n=900, n_units=evidence.counts.units, unit="lesion")


def test_hostile_text_is_escaped_everywhere(predictions: Predictions) -> None:
    info = predictions.info
    classes = tuple(c.model_copy(update={"name": HOSTILE, "note": HOSTILE, "diagnosis": HOSTILE}) for c in info.classes)
    hostile = info.model_copy(
        update={
            "classes": classes,
            "dataset": HOSTILE,
            "part": HOSTILE,
            "limits": (HOSTILE,),
            "split": {"unit": HOSTILE, HOSTILE: HOSTILE, "shared_groups": 0},
            "operating_points": {HOSTILE: 0.3},
            "licence": {"answer": HOSTILE, "parts": {HOSTILE: HOSTILE}, "attribution": [HOSTILE]},
            "trained": {"backbone": HOSTILE, HOSTILE: [HOSTILE]},
        }
    )
    table = predictions.table.with_columns(
        image_id=pl.concat_str(pl.lit(HOSTILE), pl.col("image_id")), source=pl.lit(HOSTILE)
    )
    evidence = measure(Predictions(table, hostile), resamples=40, by=["source"])
    parser = page(evidence)
    assert "alert('x')" in said(parser)  # shown as text
    html = render(evidence, all_figures(evidence), {})
    assert "<script" not in html
    assert "\x00" not in html
    code = evidence.model_copy(
        update={
            "info": evidence.info.model_copy(
                update={"classes": tuple(ClassInfo(code=f"{HOSTILE}{k}", name="x") for k in range(7))}
            )
        }
    )
    assert "<script" not in render(code, all_figures(code), {})
    page(code)


def test_no_sets_no_malignant_grouping_no_groups(predictions: Predictions) -> None:
    classes = tuple(c.model_copy(update={"malignant": None}) for c in predictions.info.classes)
    info = predictions.info.model_copy(
        update={
            "classes": classes,
            "coverage": None,
            "operating_points": {},
            "split": {},
            "licence": {},
            "trained": {},
            "limits": (),
            "bundle": "",
        }
    )
    table = predictions.table.with_columns(set=pl.lit(None, pl.List(pl.String)))
    evidence = measure(Predictions(table, info), resamples=40, by=[])
    figures = all_figures(evidence)
    assert not {"roc-malignant", "coverage"} & set(figures)
    text = said(page(evidence))
    assert "This file holds no answer sets" in text
    assert "Macro AUROC" in text
    assert "Not provided: this file does not say how its images were kept apart" in text
    assert "Not provided: the predictions file has no attribute to group by" in text
    assert "Model not provided" in text
    assert "Licence not provided" in text
    assert "makers say of its limits: not provided" in text


def test_one_class_without_positives(predictions: Predictions) -> None:
    table = predictions.table.filter(pl.col("target") != "vasc")
    evidence = measure(Predictions(table, predictions.info), resamples=40)
    assert evidence.find("auroc", "vasc").value is None  # type: ignore[union-attr]
    text = said(page(evidence))
    assert "only 0 lesions" in text
    assert "AUROC" in text
    assert "nan" not in text.lower().split()


def test_zero_mistakes(predictions: Predictions) -> None:
    right = predictions.table.with_columns(predicted=pl.col("target"))
    text = said(page(measure(Predictions(right, predictions.info), resamples=40, by=["sex"])))
    assert "None: every labelled image was answered right." in text


def test_nothing_estimable(evidence: Evidence) -> None:
    lost = [
        m.model_copy(update={"value": None, "low": None, "high": None, "status": "not estimable", "reason": "too few"})
        for m in evidence.measured
    ]
    none = [b.model_copy(update={"confidence": None, "accuracy": None, "n": 0}) for b in evidence.reliability]
    empty = evidence.model_copy(
        update={"measured": lost, "roc": [], "reliability": none, "confusion": [[0] * 7] * 7, "mistakes": []}
    )
    text = said(page(empty))
    assert text.count("Not estimable") >= 3
    assert "Why: too few." in text
    assert "No ROC curve can be drawn" in text


@pytest.mark.parametrize("k", [2, 30])
def test_few_and_many_classes(k: int) -> None:
    rng = np.random.default_rng(k)
    classes = tuple(ClassInfo(code=f"class_{i}", name=f"A class with quite a long name, number {i}") for i in range(k))
    p = rng.dirichlet(np.ones(k), 120)
    codes = [c.code for c in classes]
    table = pl.DataFrame(
        {
            "image_id": [str(i) for i in range(120)],
            "lesion_id": pl.Series([None] * 120, dtype=pl.String),
            "patient_id": pl.Series([None] * 120, dtype=pl.String),
            "source": pl.Series([None] * 120, dtype=pl.String),
            "target": [codes[i % k] for i in range(120)],
            "predicted": [codes[i] for i in p.argmax(1)],
            **{f"p_{c}": p[:, i] for i, c in enumerate(codes)},
            "set": pl.Series([None] * 120, dtype=pl.List(pl.String)),
            "ood": [0.0] * 120,
            "status": ["ok"] * 120,
            "reason": pl.Series([None] * 120, dtype=pl.String),
        }
    )
    evidence = measure(Predictions(table, PredictionsInfo(classes=classes)), resamples=40)
    assert f"{k} classes" in all_figures(evidence)["confusion"].label
    page(evidence)


def test_split_verdicts(evidence: Evidence) -> None:
    from cutis.report.split_proof import proof

    split = evidence.info.split
    assert proof(split, "test").kind == "held"
    assert proof(split, "test").rows[-1][0] == "all"
    assert proof(split, "train").kind == proof(split, "val").kind == "broken"
    broken = proof({**split, "shared_groups": 3}, "test")
    assert broken.kind == "broken"
    assert "3 lesions are in more than one part" in broken.verdict
    assert proof({}, "test").kind == proof({"seed": 1}, "test").kind == "unknown"


def test_forest_keeps_groups_that_a_metric_lacks(evidence: Evidence) -> None:
    shown = unescape(all_figures(evidence)["subgroups-auroc-malignant"].inline)
    for m in evidence.measured:
        if m.attribute is not None:
            assert f"{words.upper(words.attribute(m.attribute))} {m.group}: " in shown
    assert "not estimable: " in shown


def test_words() -> None:
    m = Measured(metric="x", value=0.5, low=None, high=None, n=1, n_units=1, unit="image", reason="few")
    assert words.estimate_text(m, "percent") == "50.0\xa0% (no interval)"
    assert words.of_100(m) == "50 of 100 (no interval)"
    assert words.metric("sensitivity_at_specificity_0.90").label == "Sensitivity at specificity 0.90"
    assert words.metric("specificity_at_point_high_sens").label == "Specificity at “high sens”"
    assert words.metric("new_metric").label == "New metric"
    assert words.day("2026-11-22T01:00:00+00:00") == "22 November 2026"
    assert words.day("") == "not provided"
    assert words.flatten({"a_b": [1, 2.5, None, True]}) == "a b 1, 2.5, not provided, yes"
