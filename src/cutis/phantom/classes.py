"""The classes that the phantom draws: HAM10000's seven, and a generic lesion of no class."""

from __future__ import annotations

from cutis.data import values

CLASSES = tuple(values.ISIC_2018.values())
CODES = tuple(c.code for c in CLASSES)
GENERIC = "generic"  # a lesion with structures of any class: drawn on request, never a label to learn
