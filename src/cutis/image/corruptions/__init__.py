"""Shifts that skin images meet, as pixel functions in five severities: uint8 RGB (height, width, 3) in and out."""

from __future__ import annotations

from cutis.image.corruptions.base import (
    SEVERITIES,
    Corruption,
    changed_share,
    check_image,
    distance,
    generator,
)
from cutis.image.corruptions.registry import CORRUPTIONS, SUITES

__all__ = [
    "CORRUPTIONS",
    "SEVERITIES",
    "SUITES",
    "Corruption",
    "changed_share",
    "check_image",
    "distance",
    "generator",
]
