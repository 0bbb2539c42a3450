from __future__ import annotations

import polars as pl

from cutis.bundle.load import WEIGHTS
from cutis.data.dataset import Dataset
from cutis.papers import metrics
from cutis.papers.claim import Claim, Made, Settings, Trial
from cutis.papers.derived import derived, with_parts
from cutis.papers.trial import trained
from cutis.schema.classes import ClassInfo

FIRST = 0.4  # share of the budget that the two-class stage gets
KINDS = (
    ClassInfo(code="benign", name="Benign", malignant=False),
    ClassInfo(code="malignant", name="Malignant", malignant=True),
)


def staged(made: Made, settings: Settings, seed: int) -> tuple[Settings, Dataset]:
    """Learn malignant from benign first; both stages together spend what the baseline spends."""
    known = [c for c in made.train.card.classes if c.malignant is not None]
    kind = {c.code: KINDS[int(bool(c.malignant))].code for c in known}
    coarse = pl.col("target").replace_strict(kind, default=None, return_dtype=pl.String())
    binary = derived(made, "binary", with_parts(made.train).with_columns(target=coarse), classes=KINDS)
    whole = {**made.settings, **settings}
    first, second = dict(whole), dict(whole)
    if whole.get("minutes") is not None:
        first["minutes"], second["minutes"] = FIRST * whole["minutes"], (1 - FIRST) * whole["minutes"]
    else:
        first["epochs"] = max(1, round(FIRST * whole["epochs"]))
        second["epochs"] = max(1, whole["epochs"] - first["epochs"])
    second["weights"] = str(trained(made, binary, first, seed) / WEIGHTS)
    return second, made.train


CLAIM = Claim(
    id="breast-efficientnet",
    title="Staged transfer, two classes to many",
    citation='Behzadpour et al., "Breast tumor classification using EfficientNet deep learning model", '
    "arXiv:2411.17870.",
    claim="Weights learned for benign against malignant are a better start for telling all classes apart than none "
    "(95.04 % against 94.54 % there).",
    idea="The easier question has more images a class, so it is learned first, and what it taught is kept but for the "
    "head. (Its cost-sensitive learning is the mechanism cost-sensitive.)",
    equation="w_2 starts at argmin over w of L_binary(w), the head anew",
    differences="From scratch with a small network, where they start at ImageNet's EfficientNet; both stages together "
    "get the passes that the baseline gets alone.",
    where="models/network.py",
    use="cutis train BINARY --out FIRST, then cutis train DATA --out RUN --weights FIRST/bundle/weights.safetensors",
    notes={
        "phantom": "Worse: both stages share the baseline's ten passes, and what the binary stage takes is "
        "missed by the second; AUROC of malignant falls by 0.04. The paper's gain of half a "
        "percent, on top of ImageNet, couldn't be seen here.",
        "ham10000": "Nothing to tell apart in either direction: both stages share the baseline's ten passes. "
        "AUROC of malignant, which the first stage learns, is 0.01 higher, if anything.",
    },
    trials=tuple(
        Trial(world, metrics.BALANCED_ACCURACY, method={}, beside=(metrics.AUROC,), change=staged)
        for world in ("phantom", "ham10000")
    ),
)
