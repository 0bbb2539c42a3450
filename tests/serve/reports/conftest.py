"""Cases in memory, as the store gives them, and the card of a bundle that answered them."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from cutis.bundle.card import BundleCard, Preprocessing
from cutis.schema.calibration import Calibrator, Conformal
from cutis.schema.classes import ClassInfo
from cutis.schema.licence import compose
from cutis.serve.reports.material import Material
from cutis.serve.store.tables import Account, Answer, Case, Photograph, Reading
from cutis.serve.words import Words

BUNDLE = "b" * 64
WHEN = datetime(2026, 3, 2, 9, 30, tzinfo=UTC)
CLASSES = (
    ClassInfo(
        code="mel", name="Melanoma", malignant=True,
        diagnosis="Malignant:Malignant melanocytic proliferations (Melanoma)",
    ),
    ClassInfo(code="nv", name="Nevus", malignant=False, diagnosis="Benign:Benign melanocytic proliferations:Nevus"),
    ClassInfo(code="akiec", name="Actinic keratosis or Bowen's disease"),
)  # fmt: skip
TONE = {"method": "cutis", "status": "ok", "ita": 31.4, "low": 24.0, "high": 39.2, "monk": 4, "reason": ""}


@pytest.fixture(scope="session")
def card() -> BundleCard:
    return BundleCard(
        cutis="0", created="2026-01-01", backbone="small", method="ce", classes=CLASSES,
        preprocessing=Preprocessing(size=24, mean=(0, 0, 0), std=(1, 1, 1)), flips=False, calibrator=Calibrator(),
        conformal=Conformal(coverage=0.9, quantiles={"": 0.5}, n=90, n_units=80, unit="lesion"), ood=None,
        licence=compose({"images": "CC-BY-NC-4.0"}), dataset="Drawn skin", dataset_digest="d", split={}, trained={},
        parity=(), limits=("Only drawn skin was seen.",), files={}, digest=BUNDLE,
    )  # fmt: skip


def answered(status: str = "ok", reason: str | None = None, inside: tuple[str, ...] = ("nv", "mel")) -> Answer:
    return Answer(
        id=1, bundle=BUNDLE, created_at=WHEN, status=status, reason=reason, predicted="nv",
        answer_set=list(inside) if status != "error" else None,
        probabilities={"nv": 0.7, "mel": 0.2, "akiec": 0.1} if status != "error" else None, ood=0.2,
    )  # fmt: skip


def pictured(n: int = 0, answer: Answer | None = None, **more: Any) -> Photograph:
    kept: dict[str, Any] = {
        "id": f"picture{n}", "place": n, "kind": "dermoscopy", "digest": f"{n}" * 64, "media_type": "image/jpeg",
        "width": 600, "height": 450, "quality": {}, "tone": TONE, "dicom": None,
    }  # fmt: skip
    return Photograph(**(kept | more), answers=[] if answer is None else [answer])


def read(kind: str = "signed", **more: Any) -> Reading:
    kept: dict[str, Any] = {
        "diagnosis": "nv", "confidence": 80, "management": "see again, with pictures", "override": "", "checklists": {},
        "created_at": WHEN + timedelta(hours=1), "account_id": 7, "account": Account(id=7, name="dr-a", role="reader"),
    }  # fmt: skip
    return Reading(kind=kind, **(kept | more))


@pytest.fixture(scope="session")
def a_case() -> Callable[..., Case]:
    """a_case(photographs, readings, **changes)."""

    def make(photographs: list[Photograph] | None = None, readings: list[Reading] | None = None, **more: Any) -> Case:
        kept: dict[str, Any] = {
            "id": "case-1", "team": "clinic", "opened_by": 7, "received_at": WHEN, "patient": "0123456789abcdef",
            "lesion": "fedcba9876543210", "visit_day": 30, "age": 62, "sex": "female", "site": "Trunk:Posterior trunk",
            "symptoms": {"grew": True, "itch": False}, "note": "seen before", "state": "waiting", "priority": 20,
            "reasons": ["change"],
        }  # fmt: skip
        photos = [pictured(0, answered())] if photographs is None else photographs
        return Case(**(kept | more), photographs=photos, readings=readings or [])

    return make


@pytest.fixture(scope="session")
def material(card: BundleCard) -> Callable[..., Material]:
    """material(case, language="en")."""

    def make(case: Case, language: str = "en") -> Material:
        return Material(case, {BUNDLE: card}, Words.of(language), WHEN + timedelta(days=1))

    return make
