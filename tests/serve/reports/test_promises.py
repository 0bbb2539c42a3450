"""What a list promises: on what it was calibrated, where it was measured, and what nobody knows of this picture."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from cutis.bundle.card import BundleCard
from cutis.schema.evidence import Measured
from cutis.schema.performance import Performance
from cutis.schema.remark import Remark
from cutis.serve.pages import about
from cutis.serve.promises import Promise, estimate, performance, promise
from cutis.serve.reports.fhir import fhir_bundle
from cutis.serve.reports.material import Material
from cutis.serve.reports.page import report
from cutis.serve.words import LANGUAGES, Words

EN, DE = Words.of("en"), Words.of("de")
BUNDLE = "b" * 64


def measured(metric: str, value: float | None, low: float | None = None, high: float | None = None) -> Measured:
    return Measured(metric=metric, value=value, low=low, high=high, n=900, n_units=700, unit="lesion", reason="few")


def once(dataset: str = "HAM10000", part: str = "test", *, own: bool = True, **more: Any) -> Performance:
    ends = more.pop("coverage", (0.866, 0.84, 0.89))
    numbers = (measured("balanced_accuracy", 0.62, 0.58, 0.66), measured("coverage", *ends))
    kept: dict[str, Any] = {
        "dataset": dataset, "dataset_digest": dataset, "part": part, "own": own, "cutis": "0", "target": 0.9,
        "measured": "2026-03-02T09:00:00+00:00", "predictions_sha256": "", "unit": "lesion", "n": 900, "n_units": 700,
        "level": 0.95, "numbers": numbers,
    }  # fmt: skip
    return Performance(**(kept | more))


def told(card: BundleCard, *found: Performance, words: Words = EN, kind: str | None = "dermoscopy") -> Promise:
    return promise(words, card, found, kind)


def test_never_measured(card: BundleCard) -> None:
    said = told(card).whole
    assert "never measured on pictures that the model hadn't learned from" in said
    assert "On which photographs it was calibrated isn't recorded." in said
    known = told(card.model_copy(update={"calibrated_on": "Drawn skin"})).whole
    assert "Calibrated on photographs of 80 lesions of Drawn skin." in known


def test_measured_on_its_own_test_part_and_elsewhere(card: BundleCard) -> None:
    elsewhere = once("ISIC 2017", "all", own=False, coverage=(0.75, 0.73, 0.77))
    said = told(card, elsewhere, once()).said
    assert said[1:] == [
        "Measured on HAM10000 (test part): 87 of 100 lists held the answer (84 to 89). That is less than it was made "
        "for.",
        "Measured on ISIC 2017: 75 of 100 lists held the answer (73 to 77). That is less than it was made for.",
    ]
    assert told(card, once(coverage=(0.9, 0.88, 0.92))).said[1].endswith("(88 to 92).")


def test_a_missing_interval_is_no_kept_promise(card: BundleCard) -> None:
    assert told(card, once(coverage=(0.5,))).said[1] == (
        "Measured on HAM10000 (test part): 50 of 100 lists held the answer, of too few pictures for an interval."
    )
    assert told(card, once(coverage=(None,))).said[1] == (
        "Measured on HAM10000 (test part): too few pictures to say how often a list holds the answer."
    )
    assert estimate(EN, measured("auroc", None)) == "too few pictures to say"
    assert estimate(EN, measured("auroc", 0.6)) == "0.60, of too few pictures for an interval"


def test_nobody_knows_whether_this_picture_is_like_those(card: BundleCard) -> None:
    basis = " ".join(told(card, once()).basis)
    assert "Whether this picture is like those isn't known" in basis
    assert "no score that would tell strange pictures" in basis  # this card has none
    dermoscopic = once(image_types={"dermoscopic": 900})
    other = " ".join(told(card, dermoscopic, kind="close-up").basis)
    assert "measured on pictures of another kind: dermoscopy. This one is close-up." in other
    for kind, types in (("dermoscopy", {"dermoscopic": 9}), ("close-up", {"dermoscopic": 9, "unknown": 2}), (None, {})):
        assert "another kind" not in " ".join(told(card, once(image_types=types), kind=kind).basis)


def test_a_model_no_better_than_chance_is_called_so(card: BundleCard) -> None:
    chance = Remark(code="at-chance", metric="auroc", words="")
    short = Remark(code="coverage-below-target", metric="coverage", words="")
    assert told(card, once(remarks=(chance, chance, short))).doubts == [
        "On HAM10000 (test part) this model was no better than chance, as far as those pictures tell."
    ]
    assert told(card, once()).doubts == []
    unknown = Remark(code="chance-unknown", metric="balanced_accuracy", words="")
    (said,) = told(card, once(remarks=(chance, unknown))).doubts  # the graver, once
    assert "no better than chance" in said
    (said,) = told(card, once(remarks=(unknown,))).doubts
    assert "too few pictures to say whether this model is better than chance" in said
    area = (measured("balanced_accuracy", 0.3), measured("auroc", 0.8, 0.7, 0.9), measured("macro_auroc", 0.7))
    assert told(card, once(remarks=(unknown,), numbers=area)).doubts == []  # AUROC was above it


def test_a_bundle_without_sets_promises_nothing(card: BundleCard) -> None:
    for one in (None, card.model_copy(update={"conformal": None})):
        assert promise(EN, one, [once()]).said == [EN.t("answer.no_coverage")]


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize("unit", ["image", "lesion", "patient", "patient or lesion"])
def test_every_number_has_words_in_every_language(card: BundleCard, language: str, unit: str) -> None:
    words = Words.of(language)
    every = ("balanced_accuracy", "auroc", "macro_auroc", "coverage", "coverage_per_lesion", "refused")
    one = once(unit=unit, numbers=tuple(measured(m, 0.5, 0.4, 0.6) for m in every))
    line = performance(words, one)
    assert line.count("50") >= 4
    assert "HAM10000" in line
    rule = card.conformal
    assert rule is not None
    by = card.model_copy(update={"conformal": rule.model_copy(update={"unit": unit}), "calibrated_on": "X"})
    assert "X" in told(by, one, words=words).whole


def test_page_fhir_and_language(a_case: Callable[..., Any], material: Callable[..., Material]) -> None:
    made = material(a_case(), "de")
    made = Material(made.case, made.cards, made.words, made.made, {BUNDLE: (once(),)})
    page = report(made)
    (answer,) = page.model
    assert page.promises == [*answer.promise.said, *answer.promise.basis]  # type: ignore[union-attr]
    assert answer.promise is not None
    kept = "Gemessen an HAM10000 (Testteil): 87 von 100 Listen enthielten die Antwort (84 bis 89)."
    assert kept in answer.promise.said[1]
    every = [entry["resource"] for entry in fhir_bundle(made)["entry"]]
    assert {resource["language"] for resource in every} == {"de"}
    texts = str(every)
    assert kept in texts
    assert "Balancierte Genauigkeit" in texts
    (found,) = [r for r in every if r["resourceType"] == "DiagnosticReport"]
    assert found["code"]["text"] == made.words.t("report.title")
    sites = [r["bodySite"] for r in every if "bodySite" in r]
    assert sites
    assert {s["text"] for s in sites} == {"Rücken"}
    assert "Posterior trunk" in {c["display"] for s in sites for c in s["coding"]}


def test_about(card: BundleCard, tmp_path: Path) -> None:
    class Opened:
        def __init__(self, *found: Performance) -> None:
            self.card, self.digest, self.classes, self.measured = card, BUNDLE, card.classes, found

    never = about._bundle(EN, Opened())  # type: ignore[arg-type]
    assert never["measured"] == []
    elsewhere = once("ISIC 2017", "all", own=False)
    ((where, rows), (there, others)) = about._bundle(EN, Opened(once(), elsewhere))["measured"]  # type: ignore[arg-type]
    assert (where, there) == ("HAM10000 (test part)", "ISIC 2017")
    assert ("Lists that hold the answer", "87 % (84 % to 89 %)") in [
        (n, v.replace("\N{NO-BREAK SPACE}", " ")) for n, v in rows
    ]
    assert ("Pictures", "900 of 700 lesions") in rows
    assert "Another dataset" in others[-1][1]
