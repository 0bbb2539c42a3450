"""Groups of skin tone: what a clinician is shown, who is in none of them, and what their bands are called after."""

from __future__ import annotations

import re
from html import unescape
from typing import Any

import dossier_world
import numpy as np
import polars as pl
import pytest
from test_report_page import Strict

from cutis.evaluate.measure import measure
from cutis.image.tone.thresholds import THRESHOLDS
from cutis.report import tones
from cutis.report.audited.by_group import by_tone, for_clinician
from cutis.report.checklists.fillers import FILLERS
from cutis.report.dossier import page
from cutis.report.dossier.drawing import draw
from cutis.report.figures import all_figures
from cutis.report.page import render
from cutis.schema.dossier import DossierEvidence, RefusalRow
from cutis.schema.evidence import Evidence
from cutis.schema.predictions import Predictions
from cutis.schema.tone import BANDS, is_tone, judged, method

LABELS = THRESHOLDS["chardon1991"].labels


def seen(predictions: Predictions, refused: dict[str, float], column: str = "tone_cutis") -> Evidence:
    """The evidence by a column of estimated tone that is unknown for that share of each class, "" for the rest."""
    rng = np.random.default_rng(1)
    target = predictions.table["target"].to_list()
    tone = [
        None if rng.random() < refused.get(t, refused[""]) else LABELS[int(k)]
        for t, k in zip(target, rng.integers(0, 3, len(target)), strict=True)
    ]
    table = predictions.table.with_columns(pl.Series(column, tone, pl.String))
    made = Predictions(table.drop("fitzpatrick_skin_type"), predictions.info)
    return measure(made, by=["sex", column], resamples=40, seed=0)


@pytest.fixture(scope="module")
def many(predictions: Predictions) -> Evidence:
    """As on HAM10000: 35 % have none, two thirds of the melanomas."""
    return seen(predictions, {"": 0.35, "mel": 0.66})


@pytest.fixture(scope="module")
def few(predictions: Predictions) -> Evidence:
    return seen(predictions, {"": 0.05})


def dossier(clean: Evidence, column: str = "tone_cutis") -> DossierEvidence:
    share = dossier_world.estimate(0.3)
    rows = [RefusalRow(column=column, group=g, reason="any", n=300, share=share) for g in LABELS[:2]]
    return dossier_world.full(clean).model_copy(update={"refusals": tuple(rows)})


def text(html: str) -> str:
    parser = Strict()
    parser.feed(re.sub(r"(?s)<style>.*?</style>", "", html))
    return " ".join(unescape(" ".join(parser.text)).replace("\N{NO-BREAK SPACE}", " ").split())


def test_of_whom_no_tone_is_known_is_counted(many: Evidence) -> None:
    found = {m.class_code: m for m in many.without}
    assert set(found) == {None, *(c.code for c in many.info.classes)}
    mel, every = found["mel"], found[None]
    assert mel.value is not None
    assert mel.low is not None
    assert mel.low < 0.66 < (mel.high or 0)
    assert every.value == pytest.approx(sum((m.value or 0) * m.n for c, m in found.items() if c) / every.n, abs=0.01)
    assert {m.attribute for m in many.without} == {"tone_cutis"}


def test_unknown_in_either_part_of_a_crossed_attribute(predictions: Predictions) -> None:
    e = measure(predictions, by=["sex*fitzpatrick_skin_type"], resamples=40, seed=0)
    missing = predictions.table.filter(pl.col("status") != "error")
    either = missing["sex"].is_null() | missing["fitzpatrick_skin_type"].is_null()
    whole = next(m for m in e.without if m.class_code is None)
    assert whole.value == pytest.approx(either.mean())


def test_a_clinician_is_not_shown_what_was_estimated_for_few(many: Evidence) -> None:
    d = dossier(many)
    assert "mel 6" in tones.why_not(many, "tone_cutis")
    shown = text(page.clinician(d, draw(d)))
    assert "left to the auditor's page, as its estimator can tell nothing of too many pictures: all 3" in shown
    assert "Of how well it does on dark skin nothing is known" in shown
    for band in LABELS:
        assert not re.search(rf"\b{band}[,:] \d", shown), band
    assert "very light" not in shown
    assert "coverage-by-tone" not in page.clinician(d, draw(d))
    assert for_clinician(d).refusals == ()
    assert for_clinician(dossier_world.empty()) == dossier_world.empty()
    # the auditor sees all, with the refusals of each class beside it
    auditor = text(page.auditor(d, draw(d), []))
    assert "very light" in auditor
    assert re.search(
        r"Skin tone as Cutis sees it is not known of 3\d\.\d % \([\d.]+–[\d.]+\) of \d+ images; by class: ", auditor
    )
    assert BANDS in auditor
    assert "by class: " in FILLERS["tone"].say(d)
    report = text(render(many, all_figures(many), {}))
    assert "by class: " in report
    assert BANDS in report


def test_a_clinician_is_shown_what_was_estimated_for_nearly_all(few: Evidence) -> None:
    assert tones.fit_for_clinician(few, "tone_cutis")
    shown = text(page.clinician(dossier(few), draw(dossier(few))))
    assert "very light, " in shown
    assert "by class: " in shown
    assert BANDS in shown
    assert "left to the auditor's page" not in shown


def test_who_gives_every_picture_a_tone_is_not_believed(predictions: Predictions) -> None:
    """Kinyanjui's way refuses nothing, and takes a shadow for dark skin."""
    e = seen(predictions, {"": 0.0}, "tone_kinyanjui2019")
    assert "whatever the light" in tones.why_not(e, "tone_kinyanjui2019")
    said = " ".join(by_tone(e))
    assert "Skin tone as kinyanjui2019 sees it: left to the auditor's page" in said


def test_one_class_alone_is_enough_to_leave_it_out(predictions: Predictions, few: Evidence) -> None:
    e = seen(predictions, {"": 0.02, "mel": 0.5})
    assert next(m for m in e.without if m.class_code is None).value < 0.2  # type: ignore[operator]
    assert tones.why_not(e, "tone_cutis").startswith("its estimator can tell nothing of too many pictures: mel 5")
    old = few.model_copy(update={"without": []})  # of an earlier Cutis
    assert "isn't recorded" in tones.why_not(old, "tone_cutis")


def test_a_class_of_a_few_images_decides_nothing(few: Evidence) -> None:
    lost = [m.model_copy(update={"value": 1.0, "n": 4}) if m.class_code == "df" else m for m in few.without]
    assert tones.fit_for_clinician(few.model_copy(update={"without": lost}), "tone_cutis")
    lost = [m.model_copy(update={"value": 1.0, "n": 10}) if m.class_code == "df" else m for m in few.without]
    assert not tones.fit_for_clinician(few.model_copy(update={"without": lost}), "tone_cutis")


def test_what_persons_judged_is_shown_with_what_it_lacks(evidence: Evidence) -> None:
    assert tones.fit_for_clinician(evidence, "fitzpatrick_skin_type")
    said = " ".join(by_tone(evidence))
    assert "By Fitzpatrick skin type" in said
    assert "Fitzpatrick skin type is not known of " in said
    assert BANDS not in said


def test_groups_of_unknown_origin_have_the_datas_own_names(predictions: Predictions) -> None:
    e = seen(predictions, {"": 0.0}, "tone")
    assert "who or what judged it isn't recorded" in tones.why_not(e, "tone")
    assert any("the data's own names" in s for s in tones.notes(e))


@pytest.mark.parametrize(
    ("name", "tone", "who", "how"),
    [
        ("fitzpatrick_skin_type", True, "person", ""),
        ("monk_skin_tone", True, "person", ""),
        ("sex*tone_cutis", True, "estimate", "cutis"),
        ("tone_kinyanjui2019", True, "estimate", "kinyanjui2019"),
        ("ita", True, "unknown", ""),
        ("skin_tone", True, "unknown", ""),
        ("age_band", False, "unknown", ""),
        ("italy", False, "unknown", ""),
    ],
)  # fmt: skip
def test_whose_judgement_a_column_is(name: str, tone: bool, who: str, how: str) -> None:
    assert (is_tone(name), judged(name), method(name)) == (tone, who, how)


def test_the_bands_are_the_published_ones() -> None:
    """The words are those of the thresholds that audits cut by."""
    cuts = THRESHOLDS["chardon1991"]
    ends = [f"{c:g}".replace("-", "\N{MINUS SIGN}") for c in cuts.cuts]
    said = ", ".join(f"{label} above {end}" for label, end in zip(cuts.labels, ends, strict=False))
    assert BANDS.startswith(
        f"Bands by the angle ITA, in degrees: {said}, {cuts.labels[-1]} below (Chardon et al., 1991"
    )


def test_halves_are_called_halves() -> None:
    """Of the groups that claims are looked at in: no half of a light-skinned set is "dark"."""
    import cutis.papers.nuisances as nuisances

    tone: Any = pl.DataFrame({"ita": [70.0, 60.0, 55.0, None]}).select(nuisances.half_by(pl.col("ita"), 60.0))
    assert tone.to_series().to_list() == ["lighter half", "lighter half", "darker half", None]
