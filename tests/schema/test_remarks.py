"""Chance and promised coverage, by code: what is under, at, above, and what too few images can't tell."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import pytest

from cutis.report.page import context
from cutis.schema.classes import ClassInfo
from cutis.schema.evidence import Counts, Evidence, Measured
from cutis.schema.predictions import PredictionsInfo
from cutis.schema.remarks import chance


def measured(
    metric: str, value: float | None, low: float | None = None, high: float | None = None, **more: Any
) -> Measured:
    status: Any = "not estimable" if value is None else "ok"
    return Measured(
        metric=metric, value=value, low=low, high=high, n=90, n_units=60, unit="lesion", status=status, **more
    )


def evidence(found: Sequence[Measured], *, coverage: float | None = None, rows: Sequence[int] = (9, 9, 0)) -> Evidence:
    """Three classes, with so many images each."""
    return Evidence(
        cutis="0",
        created="",
        predictions_file="",
        predictions_sha256="",
        info=PredictionsInfo(classes=tuple(ClassInfo(code=c, name=c) for c in "abc"), coverage=coverage),
        unit="lesion",
        level=0.95,
        resamples=1000,
        seed=0,
        counts=Counts(rows=18, labelled=18, ok=18, refused=0, error=0, units=9),
        measured=list(found),
        roc=[],
        reliability=[],
        confusion=[[n, 0, 0] for n in rows],
        mistakes=[],
    )


def codes(e: Evidence) -> list[tuple[str, str]]:
    return [(r.code, r.about) for r in e.remarks]


@pytest.mark.parametrize(
    ("ends", "code", "said"),
    [
        ((0.51, 0.7), None, "Guessing gets 50 of 100"),
        ((0.5, 0.7), "at chance", "No better than chance, as far as these images tell: guessing gets 50 of 100"),
        ((0.3, 0.6), "at chance", "No better than chance"),
        ((0.3, 0.49), "below chance", "Worse than chance: guessing gets 50 of 100"),
        ((None, None), "chance unknown", "Too few images to say whether that is better than chance, 50 of 100"),
    ],
)
@pytest.mark.parametrize("metric", ["balanced_accuracy", "macro_auroc", "auroc"])
def test_chance(metric: str, ends: tuple[float | None, float | None], code: str | None, said: str) -> None:
    of = {"class_code": "malignant"} if metric == "auroc" else {}
    e = evidence([measured(metric, 0.5, *ends, reason="only 7 lesions" if ends[0] is None else "", **of)])
    assert codes(e) == ([] if code is None else [(code, metric)])
    told = context(e, {}, {})
    assert any(said in h["words"] for h in told["headline"])
    assert len(told["warnings"]) == (code is not None)
    if code == "chance unknown":
        assert "only 7 lesions" in told["warnings"][0]["words"]


def test_no_value_is_not_chance() -> None:
    e = evidence([measured("balanced_accuracy", None, reason="only 3 lesions; you need 2 more")])
    assert codes(e) == [("chance unknown", "balanced_accuracy")]
    assert "not estimable (only 3 lesions; you need 2 more)" in e.remarks[0].words


def test_chance_is_that_of_the_classes_there_are() -> None:
    """Always the same answer gets 1 of 2 classes right where the third has no image, though the model knows three."""
    m = measured("balanced_accuracy", 0.5, 0.4, 0.6)
    assert chance(evidence([m]), m) == 0.5
    assert chance(evidence([m], rows=(9, 9, 9)), m) == pytest.approx(1 / 3)
    assert chance(evidence([m], rows=(18, 0, 0)), m) == 1.0
    assert chance(evidence([m], rows=(0, 0, 0)), m) == pytest.approx(1 / 3)  # no confusion was counted
    assert codes(evidence([m])) == [("at chance", "balanced_accuracy")]
    assert codes(evidence([m], rows=(9, 9, 9))) == []


@pytest.mark.parametrize("ends", [(0.4, 0.6), (None, None)])
def test_images_of_one_class_say_nothing_of_chance(ends: tuple[float | None, float | None]) -> None:
    e = evidence([measured("balanced_accuracy", 0.5, *ends)], rows=(18, 0, 0))
    assert codes(e) == [("chance unknown", "balanced_accuracy")]
    assert "Images of one class only don't say whether it is better than chance" in e.remarks[0].words
    assert any("All images are of one class" in h["words"] for h in context(e, {}, {})["headline"])


@pytest.mark.parametrize(
    ("ends", "code", "warns"),
    [
        ((0.72, 0.77), "coverage below target", True),
        ((0.85, 0.899), "coverage below target", True),
        ((0.85, 0.9), None, False),
        ((0.91, 0.95), "coverage above target", False),
        ((None, None), "coverage unknown", False),
    ],
)
def test_coverage(ends: tuple[float | None, float | None], code: str | None, warns: bool) -> None:
    e = evidence([measured("coverage", 0.88, *ends)], coverage=0.9)
    assert codes(e) == ([] if code is None else [(code, "coverage")])
    told = context(e, {}, {})
    assert bool(told["warnings"]) == warns
    assert bool(told["of_sets"]) == (code is not None and not warns)
    assert codes(evidence([measured("coverage", 0.88, *ends)])) == []  # nothing was promised
    assert codes(evidence([measured("coverage_per_lesion", 0.5, 0.4, 0.6)], coverage=0.9)) == []  # nor of lesions


def test_they_are_in_the_file_and_in_no_way_of_it(tmp_path: Any) -> None:
    """evidence.json holds them for programs; reading it back, they are made anew."""
    import json

    e = evidence([measured("coverage", 0.75, 0.72, 0.77)], coverage=0.9)
    kept = json.loads(e.save(tmp_path / "evidence.json").read_text())
    assert [r["code"] for r in kept["remarks"]] == ["coverage below target"]
    (tmp_path / "evidence.json").write_text(json.dumps(kept | {"remarks": []}))
    assert Evidence.load(tmp_path / "evidence.json") == e
    assert codes(Evidence.load(tmp_path / "evidence.json")) == [("coverage below target", "coverage")]
