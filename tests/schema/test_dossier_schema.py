"""The dossier's evidence goes to disk and comes back the same; what isn't one is refused in a line."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from pydantic import ValidationError

from cutis.errors import CutisError
from cutis.schema.data_facts import DatasetFacts
from cutis.schema.dossier import AttackRow, CounterfactualRow, DossierEvidence, OodRow, RefusalRow, ShiftRow
from cutis.schema.estimate import Estimate
from cutis.schema.evidence import Counts, Evidence
from cutis.schema.predictions import PredictionsInfo

KNOWN = Estimate(value=0.5, low=0.25, high=0.75, n=8, n_units=4, unit="lesion")
MISSING = Estimate.missing("no images", n=0, n_units=0, unit="lesion")


def evidence(**more: Any) -> DossierEvidence:
    clean = Evidence(
        cutis="0",
        created="2026-01-01",
        predictions_file="",
        predictions_sha256="",
        info=PredictionsInfo(classes=()),
        unit="image",
        level=0.95,
        resamples=10,
        seed=0,
        counts=Counts(rows=0, labelled=0, ok=0, refused=0, error=0, units=0),
        measured=[],
        roc=[],
        reliability=[],
        confusion=[],
        mistakes=[],
    )
    facts = DatasetFacts(name="d", licence="", counts={}, unit="image", groups=0, classes=(), distributions=())
    return DossierEvidence(cutis="0", created="2026-01-01", bundle={}, dataset=facts, clean=clean, **more)


def rows() -> dict[str, Any]:
    shift = ShiftRow(suite="skin", shift="hair", severity=2, metric="accuracy", estimate=KNOWN, change=MISSING)
    whole = ShiftRow(suite="medmnistc", shift="blur", severity=None, metric="be", estimate=KNOWN, change=MISSING)
    ood = OodRow(
        score="knn",
        against="bccd",
        kind="other modality",
        positive="known",
        n_in=8,
        n_out=3,
        auroc=KNOWN,
        aupr=KNOWN,
        fpr95=MISSING,
    )
    changed = CounterfactualRow(
        world="real", change="hair added", group="all", n=8, shift=KNOWN, distance=KNOWN, flips=MISSING
    )
    return {
        "shifts": (shift, whole),
        "ood": (ood,),
        "counterfactual": (changed,),
        "attacks": (AttackRow(attack="pgd", norm="inf", epsilon=1 / 255, metric="accuracy", estimate=KNOWN),),
        "refusals": (RefusalRow(column="", group="all", reason="any", n=8, share=KNOWN),),
    }


def test_it_comes_back_the_same(tmp_path: Path) -> None:
    first = evidence(**rows())
    file = first.save(tmp_path / "evidence.json")
    again = DossierEvidence.load(file)
    assert again == first
    assert isinstance(again.shifts[0].estimate, Estimate)
    assert again.shifts[0].change.status == "not estimable"
    assert again.save(tmp_path / "again.json").read_bytes() == file.read_bytes()


def test_rows_are_frozen_and_know_their_fields() -> None:
    row = rows()["shifts"][0]
    with pytest.raises(ValidationError):
        row.severity = 3
    with pytest.raises(ValidationError, match="severty"):
        ShiftRow(**{**row.model_dump(), "severty": 3})
    with pytest.raises(ValidationError, match="world"):
        CounterfactualRow(**{**rows()["counterfactual"][0].model_dump(), "world": "imagined"})


@pytest.mark.parametrize(
    ("damage", "said"),
    [
        ({"format": 99}, "format 99 is newer"),
        ({"shifts": [{"suite": "skin"}]}, "shifts.0"),
        ({"clean": None}, "clean"),
    ],
)
def test_what_is_not_a_dossier_is_refused(tmp_path: Path, damage: dict[str, Any], said: str) -> None:
    file = evidence().save(tmp_path / "evidence.json")
    file.write_text(json.dumps(json.loads(file.read_text()) | damage))
    with pytest.raises(CutisError, match=said) as caught:
        DossierEvidence.load(file)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("content", ["[]", "{}", "3", "not json"])
def test_other_json_is_refused(tmp_path: Path, content: str) -> None:
    (tmp_path / "evidence.json").write_text(content)
    with pytest.raises(CutisError, match=r"evidence\.json"):
        DossierEvidence.load(tmp_path / "evidence.json")
