"""Cutis: skin-image AI whose behaviour is known.

    import cutis

    cutis.import_dataset("photos/", "data/mine")
    cutis.split("data/mine", test=0.2, val=0.1, seed=0)
    cutis.train("data/mine", "runs/mine", minutes=15)
    cutis.load_bundle("runs/mine/bundle").predict("data/mine", part="test").save("preds.parquet")
    cutis.evaluate("preds.parquet", "report/")

Names are loaded when first used, so `import cutis` costs nothing and pulls in no deep-learning package.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

__version__ = "0.1.0"

_HOME = {
    "CutisError": "cutis.errors",
    "Estimate": "cutis.schema.estimate",
    "Dataset": "cutis.data.dataset",
    "Predictions": "cutis.schema.predictions",
    "import_dataset": "cutis.data.importing",
    "split": "cutis.data.split",
    "load_bundle": "cutis.bundle.load",
}
_ROOMS = ("evaluate", "phantom", "train")  # evaluate and train can be called: see cutis.calls
__all__ = [
    "CutisError",
    "Dataset",
    "Estimate",
    "Predictions",
    "__version__",
    "evaluate",
    "import_dataset",
    "load_bundle",
    "phantom",
    "split",
    "train",
]

if TYPE_CHECKING:
    from cutis import phantom
    from cutis.bundle.load import load_bundle
    from cutis.data.dataset import Dataset
    from cutis.data.importing import import_dataset
    from cutis.data.split import split
    from cutis.errors import CutisError
    from cutis.report import evaluate
    from cutis.schema.estimate import Estimate
    from cutis.schema.predictions import Predictions
    from cutis.train.run import train


def __getattr__(name: str) -> Any:
    if name in _ROOMS:
        return import_module(f"cutis.{name}")
    if name in _HOME:
        return getattr(import_module(_HOME[name]), name)
    raise AttributeError(f"module 'cutis' has no attribute {name!r}")


def __dir__() -> list[str]:
    return __all__
