"""Synthetic skin with known truth, from optics: `cutis.phantom.sample(rng, diagnosis="mel").render(256)`."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

_HOME = {
    "Scene": "cutis.phantom.scene",
    "Truth": "cutis.phantom.truth",
    "contact_sheet": "cutis.phantom.sheet",
    "make_dataset": "cutis.phantom.dataset",
    "overview": "cutis.phantom.patients",
    "region": "cutis.phantom.patients",
    "rephotograph": "cutis.phantom.patients",
    "sample": "cutis.phantom.patients",
    "visits": "cutis.phantom.patients",
}
__all__ = [
    "Scene",
    "Truth",
    "contact_sheet",
    "make_dataset",
    "overview",
    "region",
    "rephotograph",
    "sample",
    "visits",
]

if TYPE_CHECKING:
    from cutis.phantom.dataset import make_dataset
    from cutis.phantom.patients import overview, region, rephotograph, sample, visits
    from cutis.phantom.scene import Scene
    from cutis.phantom.sheet import contact_sheet
    from cutis.phantom.truth import Truth


def __getattr__(name: str) -> Any:
    if name in _HOME:
        return getattr(import_module(_HOME[name]), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
