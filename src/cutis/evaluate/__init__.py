"""From a predictions file to evidence: every number with its interval, overall and by group. No deep learning here."""

from __future__ import annotations

from cutis.evaluate.measure import measure

__all__ = ["measur

`cutis.evaluate(...)` is `cutis.report.evaluate`: it measures and writes the report.
"""

from cutis.calls import callable_package

callable_package(__name__, "cutis.report", "evaluate")
