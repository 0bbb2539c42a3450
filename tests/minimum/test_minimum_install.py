"""Run in an environment with the core alone (no extras): evaluation and reports work, the rest says what to install.

In the developers' environment the same checks run, less those that need something to be absent.
"""

from __future__ import annotations

import importlib.util
from pathlib import Path

import numpy as np
import polars as pl
import pytest

import cutis
from cutis.schema.classes import ClassInfo
from cutis.schema.predictions import Predictions, PredictionsInfo

BARE = importlib.util.find_spec("torch") is None


def test_evaluate_and_report_without_extras(tmp_path: Path):
    rng = np.random.default_rng(0)
    n, codes = 120, ["mel", "nv"]
    p = rng.dirichlet([1, 1], n)
    target = [codes[int(rng.random() > row[0])] for row in p]
    table = pl.DataFrame(
        {
            "image_id": [f"i{k}" for k in range(n)],
            "lesion_id": [f"l{k // 2}" for k in range(n)],
            "patient_id": pl.Series([None] * n, dtype=pl.String),
            "source": ["here"] * n,
            "target": target,
            "predicted": [codes[int(row.argmax())] for row in p],
            "p_mel": p[:, 0],
            "p_nv": p[:, 1],
            "set": [codes] * n,
            "ood": np.zeros(n),
            "status": ["ok"] * n,
            "reason": pl.Series([None] * n, dtype=pl.String),
            "sex": ["male", "female"] * (n // 2),
        }
    )
    classes = (
        ClassInfo(code="mel", name="melanoma", malignant=True),
        ClassInfo(code="nv", name="nevus", malignant=False),
    )
    file = Predictions(table, PredictionsInfo(classes=classes, coverage=0.9)).save(tmp_path / "p.parquet")
    evidence = cutis.evaluate(file, tmp_path / "report", resamples=50)
    assert evidence.unit == "lesion"
    assert (tmp_path / "report" / "index.html").is_file()


def test_every_core_module_imports():
    import pkgutil

    for room in ("schema", "data", "image", "evaluate", "report", "phantom", "cli"):
        package = importlib.import_module(f"cutis.{room}")
        for module in pkgutil.walk_packages(package.__path__, f"cutis.{room}."):
            importlib.import_module(module.name)


@pytest.mark.skipif(not BARE, reason="torch is installed here; the minimum-install job has none")
def test_training_without_the_extra_says_what_to_install(tmp_path: Path):
    from cutis.phantom.dataset import make_dataset

    data = make_dataset(tmp_path / "data", 24, size=32, seed=0)
    cutis.split(data.path, test=0.3, val=0.2)
    with pytest.raises(cutis.CutisError, match=r"cutis\[train\]"):
        cutis.train(data.path, tmp_path / "run", epochs=1)
