"""From a predictions file to evidence: every number with its interval, overall and by group. No deep learning here.

`measure` does it; `cutis.evaluate(...)` is `cutis.report.evaluate`, which also writes the report.
"""

from __future__ import annotations

from cutis.calls import callable_package
from cutis.evaluate.measure import measure

__all__ = ["measure"]

callable_package(__name__, "cutis.report", "evaluate")
