"""Dossiers with every kind of row, made from a generator: what is not estimable, long and hostile names too."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import numpy as np

from cutis.schema.classes import ClassInfo
from cutis.schema.data_facts import ArtefactCount, Bar, ClassFacts, DatasetFacts, Distribution
from cutis.schema.dossier import (
    AttackRow,
    CounterfactualRow,
    DistanceRow,
    DossierEvidence,
    NotDone,
    OodRow,
    RefusalRow,
    ShiftRow,
)
from cutis.schema.estimate import Estimate
from cutis.schema.evidence import Counts, Evidence
from cutis.schema.predictions import PredictionsInfo

HOSTILE = "<script>alert('x')</script> & \"a name that goes on and on\""
MEDMNISTC = (
    *("pixelate", "jpeg_compression", "gaussian_noise", "speckle_noise", "impulse_noise", "shot_noise", "defocus_blur"),
    *("motion_blur", "zoom_blur", "brightness_up", "brightness_down", "contrast_up", "contrast_down", "black_corner"),
    "characters",
)
SKIN = {
    "hair": "hairs",
    "ruler": "mm of ticks",
    "ink": "strokes",
    "defocus": "pixels, radius, where the shorter side has 224",
    "colour_temperature_warm": "K",
    "colour_temperature_cool": "K",
    "messaging": "JPEG quality (and share of the sides)",
    "unpolarised": "of white light mirrored",
}


def estimate(value: float, half: float = 0.03, n: int = 1481) -> Estimate:
    return Estimate(value=value, low=value - half, high=value + half, n=n, n_units=int(0.75 * n), unit="lesion")


def missing(reason: str, n: int = 3) -> Estimate:
    return Estimate.missing(reason, n=n, n_units=n, unit="lesion")


def shifts(rng: np.random.Generator) -> Iterable[ShiftRow]:
    measures = (("balanced_accuracy", None, 0.62), ("auroc", "malignant", 0.88), ("coverage", None, 0.91))
    every = [("medmnistc", name, "") for name in MEDMNISTC] + [("skin", name, unit) for name, unit in SKIN.items()]
    for suite, name, unit in every:
        slope = float(rng.uniform(0.0, 0.07)) if name != "hair" else -0.002
        for severity in range(1, 6):
            for metric, code, clean in measures:
                lost = slope * severity * (1.0 if metric == "balanced_accuracy" else 0.5)
                yield ShiftRow(
                    suite=suite,
                    shift=name,
                    severity=severity,
                    value=2.0 * severity if unit else None,
                    unit=unit,
                    metric=metric,
                    class_code=code,
                    estimate=estimate(clean - lost),
                    change=estimate(-lost, 0.012),
                )
        if suite == "medmnistc":
            for metric in ("be", "rbe"):
                yield ShiftRow(
                    suite=suite,
                    shift=name,
                    severity=None,
                    metric=metric,
                    estimate=estimate(float(rng.uniform(0.6, 1.3)), 0.08),
                    change=missing("it is over all severities"),
                )
    yield ShiftRow(
        suite="skin",
        shift=HOSTILE,
        severity=1,
        metric="balanced_accuracy",
        estimate=missing("no images of class mel"),
        change=missing("no images of class mel"),
    )


def strange(rng: np.random.Generator) -> Iterable[OodRow]:
    against = (
        ("held-out vasc", "near", 21),
        ("bccd", "other modality", 300),
        ("dsb2018_nuclei", "other modality", 300),
        ("textures", "not skin", 200),
        ("isic2017", "other source", 600),
    )
    for name, kind, n_out in against:
        for score in ("msp", "energy", "mahalanobis", "knn", "vim"):
            few = name == "held-out vasc" and score == "vim"
            yield OodRow(
                score=score,
                against=name,
                kind=kind,  # type: ignore[arg-type]
                positive="known",
                n_in=1481,
                n_out=n_out,
                auroc=missing("fewer features than dimensions") if few else estimate(float(rng.uniform(0.55, 0.98))),
                aupr=missing("fewer features than dimensions") if few else estimate(float(rng.uniform(0.3, 0.9))),
                fpr95=missing("fewer features than dimensions") if few else estimate(float(rng.uniform(0.1, 0.8))),
            )


def changed(codes: list[str]) -> Iterable[CounterfactualRow]:
    for world in ("real", "phantom"):
        for group in ("all", *codes):
            n = 700 if group == "all" else 70
            for ita in (55, 41, 28, 10, -10, -30):
                bend = (55 - ita) / 85
                yield CounterfactualRow(
                    world=world,  # type: ignore[arg-type]
                    change=f"tone to ITA {ita}",
                    value=float(ita),
                    unit="ITA",
                    group=group,
                    n=n,
                    outside_trust=12 if world == "real" and ita < 0 else 0,
                    shift=estimate(0.11 * bend, 0.015, n),
                    distance=estimate(0.02 + 0.12 * bend, 0.015, n),
                    flips=estimate(0.04 + 0.2 * bend, 0.03, n),
                )
            for thing in ("hair added", "ruler added", "ink added"):
                yield CounterfactualRow(
                    world=world,  # type: ignore[arg-type]
                    change=thing,
                    group=group,
                    n=n,
                    shift=estimate(0.03, 0.02, n) if group != "df" else missing("2 images only", 2),
                    distance=estimate(0.06, 0.02, n) if group != "df" else missing("2 images only", 2),
                    flips=estimate(0.12, 0.04, n) if group != "df" else missing("2 images only", 2),
                )


def attacks() -> Iterable[AttackRow]:
    for attack, norm in (("fgsm", "inf"), ("pgd", "inf")):
        for steps in (0, 1, 2, 4, 8):
            lost = 0.09 * steps * (1.5 if attack == "pgd" else 1.0) ** 0.5
            yield AttackRow(
                attack=attack,
                norm=norm,
                epsilon=steps / 255,
                metric="accuracy",
                estimate=estimate(max(0.78 - lost, 0.02), 0.02, 256),
            )


def refusals() -> Iterable[RefusalRow]:
    groups = {"": ["all"], "sex": ["female", "male"], "fitzpatrick_skin_type": ["II", "III", "V"], "source": [HOSTILE]}
    for column, names in groups.items():
        for k, group in enumerate(names):
            for reason, share in (("any", 0.06), ("too blurred", 0.04), ("unlike the training images", 0.03)):
                few = group == "V"
                yield RefusalRow(
                    column=column,
                    group=group,
                    reason=reason,
                    n=8 if few else 700,
                    share=missing("8 images; at least 10 are needed", 8) if few else estimate(share + 0.02 * k, 0.02),
                )


def bundle(clean: Evidence) -> dict[str, Any]:
    return {
        "backbone": "compact_resnet_s",
        "method": "cross-entropy",
        "digest": "3f9a12c4" * 8,
        "created": "2026-11-22T01:52:21+00:00",
        "dataset": "HAM10000",
        "dataset_digest": "b71e09d2" * 8,
        "preprocessing": {"size": 96, "constancy": "shades-of-grey"},
        "flips": True,
        "conformal": {"method": "lac", "coverage": 0.9},
        "ood": {"method": "knn", "k": 10, "threshold": 0.55, "quantile": 0.99},
        "gate": {"thresholds": {"sharpness": {"value": 0.2, "source": "shipped"}}, "images": 991, "refused": 0.02},
        "licence": {"answer": "research only: HAM10000 is CC BY-NC 4.0", "attribution": ["ViDIR Group"]},
        "split": clean.info.split,
        "trained": {
            "epochs": 14.0,
            "images": 7011,
            "config": {"pretrained": False, "learning_rate": 0.002, "seed": 0},
            "validation": {"balanced_accuracy": 0.58, "step": 900},
        },
        "parity": [{"runtime": "onnxruntime", "max_delta_p": 1.4e-7}],
        "limits": ["Learned on HAM10000 only: elsewhere its behaviour is unknown until measured there."],
    }


def facts(classes: tuple[ClassInfo, ...]) -> DatasetFacts:
    return DatasetFacts(
        name="HAM10000",
        title="Human Against Machine with 10000 training images",
        version="1",
        source="doi:10.7910/DVN/DBW86T",
        modality="dermoscopic",
        licence="research only: CC BY-NC 4.0",
        attribution=("ViDIR Group",),
        digest="b71e09d2" * 8,
        counts={"images": 10015, "readable": 10015, "unreadable": 0, "labelled": 10015, "patients": 0, "lesions": 7470},
        unit="lesion",
        groups=7470,
        classes=tuple(
            ClassFacts(info=c, images=1000, groups=800, pathology=0.9 if c.malignant else 0.5) for c in classes
        ),
        distributions=(
            Distribution(
                title="Sex", bars=(Bar(name="male", images=5406), Bar(name="female", images=4552)), unknown=57
            ),
            Distribution(title="Age, years", bars=(Bar(name="<30", images=800),), unknown=57),
            Distribution(title="Body site", bars=(Bar(name="Trunk", images=5000),), unknown=234),
            Distribution(title="Diagnosis confirmed by", bars=(Bar(name="histopathology", images=5340),), unknown=0),
            Distribution(title="Image size, pixels", bars=(Bar(name="600 x 450", images=10015),), unknown=0),
            Distribution(title="Source", bars=(Bar(name=HOSTILE, images=10015),), unknown=0),
        ),
        artefacts=(
            ArtefactCount(name="", images=10015, classes={}),
            ArtefactCount(name="hair", images=2100, classes={}),
        ),
        notes=("Ages are rounded to five years.",),
    )


def full(clean: Evidence, seed: int = 3) -> DossierEvidence:
    """Every section filled."""
    rng = np.random.default_rng(seed)
    return DossierEvidence(
        cutis="0.1.0",
        created="2026-11-22T10:00:00+00:00",
        bundle=bundle(clean),
        dataset=facts(clean.info.classes),
        clean=clean,
        shifts=tuple(shifts(rng)),
        ood=tuple(strange(rng)),
        counterfactual=tuple(changed([c.code for c in clean.info.classes])),
        attacks=tuple(attacks()),
        refusals=tuple(refusals()),
        distances=(
            DistanceRow(name="KID", against="isic2017", value=0.0123, n_a=1481, n_b=600, words="0: the same images"),
            DistanceRow(name="FRD", against=HOSTILE, value=None, n_a=1481, n_b=3, words="too few images"),
        ),
        notes=("Shifts were measured on 500 of the images, drawn with seed 0.", HOSTILE),
        not_done=(NotDone(part="DeepFool", why="it needs torch, which is not installed"),),
    )


def empty() -> DossierEvidence:
    """An audit that found nothing at all: no images, no classes, no card."""
    clean = Evidence(
        cutis="0.1.0",
        created="",
        predictions_file="",
        predictions_sha256="",
        info=PredictionsInfo(classes=()),
        unit="image",
        level=0.95,
        resamples=0,
        seed=0,
        counts=Counts(rows=0, labelled=0, ok=0, refused=0, error=0, units=0),
        measured=[],
        roc=[],
        reliability=[],
        confusion=[],
        mistakes=[],
    )
    nothing = DatasetFacts(name="", licence="", counts={}, unit="image", groups=0, classes=(), distributions=())
    return DossierEvidence(cutis="0.1.0", created="2026-11-22T10:00:00+00:00", bundle={}, dataset=nothing, clean=clean)
