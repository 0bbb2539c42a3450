"""A realistic predictions file of seven HAM10000 classes, made from numpy, and the evidence measured on it."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path

import numpy as np
import polars as pl
import pytest

from cutis.data.split import Count, Proof
from cutis.evaluate.measure import measure
from cutis.schema.classes import ClassInfo
from cutis.schema.evidence import Evidence
from cutis.schema.licence import compose
from cutis.schema.predictions import Predictions, PredictionsInfo

CLASSES = (
    ClassInfo(
        code="akiec",
        name="Actinic keratosis / intraepithelial carcinoma",
        note="akiec merges an indeterminate and a malignant diagnosis, so it is left out of the two-way numbers.",
    ),
    ClassInfo(
        code="bcc",
        name="Basal cell carcinoma",
        malignant=True,
        diagnosis="Malignant:Malignant adnexal epithelial proliferations - Follicular:Basal cell carcinoma",
    ),
    ClassInfo(code="bkl", name="Benign keratosis-like lesion", malignant=False, diagnosis="Benign"),
    ClassInfo(
        code="df",
        name="Dermatofibroma",
        malignant=False,
        diagnosis="Benign:Benign soft tissue proliferations - Fibro-histiocytic:Dermatofibroma",
    ),
    ClassInfo(
        code="mel",
        name="Melanoma",
        malignant=True,
        diagnosis="Malignant:Malignant melanocytic proliferations (Melanoma)",
    ),
    ClassInfo(
        code="nv",
        name="Melanocytic nevus",
        malignant=False,
        diagnosis="Benign:Benign melanocytic proliferations:Nevus",
    ),
    ClassInfo(
        code="vasc",
        name="Vascular lesion",
        malignant=False,
        diagnosis="Benign:Benign soft tissue proliferations - Vascular",
    ),
)
_SHARE = np.array([0.033, 0.051, 0.110, 0.011, 0.111, 0.670, 0.014])
_SITES = ["Trunk", "Lower extremity", "Upper extremity", "Head and neck", "Anogenital region", None]
_TONES = ["II", "III", "V", None]


def make_proof(codes: list[str]) -> Proof:
    parts = {"train": 1.0, "val": 0.14, "test": 0.285}

    def count(images: float) -> Count:
        return Count(images=int(images), groups=int(0.75 * images))

    return Proof(
        unit="lesion",
        scheme="stratified by target, closed over lesions",
        seed=0,
        groups=7470,
        shared_groups=0,
        parts={p: count(7011 * share) for p, share in parts.items()},
        classes={
            c: {p: count(7011 * s * share) for p, share in parts.items()} for c, s in zip(codes, _SHARE, strict=True)
        },
        digest="58ac03f7" * 8,
        dataset="HAM10000",
        dataset_digest="b71e09d2" * 8,
    )


def make_predictions(n: int = 900, seed: int = 7, skill: float = 2.0) -> Predictions:
    """Scores with `skill` logits of signal on the true class, some refusals, errors and unlabelled rows."""
    rng = np.random.default_rng(seed)
    codes = [c.code for c in CLASSES]
    lesion = np.sort(rng.integers(0, int(0.75 * n), n))
    of_lesion = rng.choice(7, size=n, p=_SHARE / _SHARE.sum())
    target = of_lesion[lesion]
    logits = 0.9 * rng.normal(size=(n, 7)) + 0.6 * np.log(_SHARE) + rng.normal(size=(n, 1))
    logits[np.arange(n), target] += rng.gamma(2.0, skill / 2.0, n)
    logits[target == 4, 5] += 0.9  # melanomas look like nevi
    p = np.exp(logits - logits.max(1, keepdims=True))
    p /= p.sum(1, keepdims=True)
    threshold = np.quantile(p[np.arange(n), target], 0.10)
    predicted = p.argmax(1)
    status = np.where(rng.random(n) < 0.04, "refused", "ok").astype(object)
    table = pl.DataFrame(
        {
            "image_id": [f"ISIC_{24306 + i:07d}" for i in range(n)],
            "lesion_id": [f"HAM_{v:07d}" for v in lesion],
            "patient_id": pl.Series([None] * n, dtype=pl.String),
            "source": [["vidir_modern", "rosendahl", "vienna_dias"][v % 3] for v in lesion],
            "target": [codes[k] for k in target],
            "predicted": [codes[k] for k in predicted],
            **{f"p_{c}": p[:, k] for k, c in enumerate(codes)},
            "set": [[c for k, c in enumerate(codes) if p[i, k] >= threshold] for i in range(n)],
            "ood": rng.random(n),
            "status": status.tolist(),
            "reason": ["far from the training images" if s == "refused" else None for s in status],
            "sex": [["male", "female", "male", None][v % 4] for v in lesion],
            "age_band": [["<30", "30-49", "50-69", ">=70"][v * 7 % 4] for v in lesion],
            "anatom_site_1": [_SITES[0 if v % 97 == 0 else v % 4] if v % 300 else _SITES[4] for v in lesion],
            "fitzpatrick_skin_type": [_TONES[2] if v % 200 == 0 else _TONES[v % 2] for v in lesion],
            "file": [f"images/ISIC_{24306 + i:07d}.jpg" for i in range(n)],
        }
    )
    licence = compose({"HAM10000 images": "CC-BY-NC-4.0", "weights": "Apache-2.0", "Cutis": "Apache-2.0"}, ["ViDIR"])
    info = PredictionsInfo(
        classes=CLASSES,
        bundle="3f9a12c4" * 8,
        dataset="HAM10000",
        dataset_digest="b71e09d2" * 8,
        split=make_proof(codes).model_dump(mode="json"),
        part="test",
        coverage=0.9,
        ood_threshold=1.234,
        operating_points={
            "sensitivity 0.95": {"threshold": 0.12, "sensitivity": 0.951, "specificity": 0.62, "n": 163},
        },
        licence=licence.model_dump(mode="json"),
        trained={
            "backbone": "resnet18",
            "epochs": 14,
            "minutes": 15.0,
            "images": 7011,
            "weights": "none (from scratch)",
        },
        limits=("Dermoscopy of mostly light skin; not tested on clinical photographs.",),
    )
    return Predictions(table, info)


@pytest.fixture(scope="session")
def predictions() -> Predictions:
    return make_predictions()


@pytest.fixture(scope="session")
def evidence(predictions: Predictions) -> Evidence:
    return measure(predictions, resamples=60, seed=0)


@pytest.fixture(scope="session")
def with_images(predictions: Predictions, tmp_path_factory: pytest.TempPathFactory) -> Callable[[], Predictions]:
    """Predictions whose images lie in a folder: a plain picture for each wrong answer."""
    from PIL import Image

    folder: Path = tmp_path_factory.mktemp("pictures and ünïcode")

    def make() -> Predictions:
        shutil.rmtree(folder, ignore_errors=True)
        (folder / "images").mkdir(parents=True)
        wrong = predictions.table.filter(pl.col("target") != pl.col("predicted"))
        for k, file in enumerate(wrong["file"]):
            Image.new("RGB", (600, 450), (200, 150 - k % 50, 120)).save(folder / file)
        return Predictions(predictions.table, predictions.info.model_copy(update={"images": str(folder)}))

    return make
