"""Small predictions tables with known content, for the tests of `evaluate`."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import polars as pl

from cutis.schema.classes import ClassInfo
from cutis.schema.predictions import Predictions, PredictionsInfo

MALIGNANT = {"mel": True, "bcc": True, "akiec": None}


def predictions(
    p: np.ndarray,
    target: Sequence[str | None],
    codes: Sequence[str],
    *,
    lesion: Sequence[str | None] | None = None,
    patient: Sequence[str | None] | None = None,
    sets: list[list[str] | None] | None = None,
    ids: Sequence[str] | None = None,
    status: Sequence[str] | None = None,
    predicted: Sequence[str | None] | None = None,
    points: dict[str, Any] | None = None,
    **columns: Any,
) -> Predictions:
    """A table with these probabilities (n, classes); the first answer is the largest probability."""
    n = len(target)
    p = np.asarray(p, float).reshape(n, len(codes))
    data: dict[str, Any] = {
        "image_id": list(ids) if ids is not None else [f"i{i:05}" for i in range(n)],
        "lesion_id": pl.Series(lesion if lesion is not None else [f"l{i:05}" for i in range(n)], dtype=pl.String),
        "patient_id": pl.Series(patient if patient is not None else [None] * n, dtype=pl.String),
        "source": ["here"] * n,
        "target": pl.Series(list(target), dtype=pl.String),
        "predicted": pl.Series(
            list(predicted) if predicted is not None else [codes[i] for i in p.argmax(1)], dtype=pl.String
        ),
        **{f"p_{c}": p[:, k] for k, c in enumerate(codes)},
        "set": pl.Series(sets if sets is not None else [None] * n, dtype=pl.List(pl.String)),
        "ood": np.zeros(n),
        "status": list(status) if status is not None else ["ok"] * n,
        "reason": [""] * n,
        **columns,
    }
    if status is not None and "error" in status:
        gone = np.array(status) == "error"
        for c in codes:
            data[f"p_{c}"] = pl.Series([None if g else v for g, v in zip(gone, data[f"p_{c}"], strict=True)])
    classes = tuple(ClassInfo(code=c, name=c.upper(), malignant=MALIGNANT.get(c, False)) for c in codes)
    return Predictions(pl.DataFrame(data), PredictionsInfo(classes=classes, operating_points=points or {}))


def random_world(seed: int, n: int = 300, units: int = 120, codes: Sequence[str] = ("nv", "mel", "bkl")) -> Predictions:
    """Rows in units that share a class, with scores that know something, ties, sets, refusals and two attributes."""
    rng = np.random.default_rng(seed)
    unit = rng.integers(0, units, n)
    true = rng.integers(0, len(codes), units)[unit]
    z = rng.normal(size=(n, len(codes))) + rng.normal(size=(units, len(codes)))[unit]
    z[np.arange(n), true] += 1
    p = np.exp(z) / np.exp(z).sum(1, keepdims=True)
    p = np.round(p * 20) + 0.5  # many ties
    p /= p.sum(1, keepdims=True)
    tones = ["I", "II", "VI", None]
    return predictions(
        p,
        [codes[k] for k in true],
        codes,
        lesion=[f"l{u}" for u in unit],
        sets=[[codes[k] for k in np.flatnonzero(row > 0.3)] for row in p],
        status=rng.choice(["ok", "refused"], n, p=[0.9, 0.1]).tolist(),
        points={"sensitivity 0.95": {"threshold": 0.3}},
        sex=rng.choice(["male", "female"], n).tolist(),
        fitzpatrick_skin_type=[tones[i] for i in rng.integers(0, 4, n)],
    )
