"""From a predictions file to evidence: every number with its interval, overall and by group. No deep learning here.

`cutis.evaluate.measure.measure` does it. `cutis.evaluate(...)` is `cutis.report.evaluate`, which also writes the
report.
"""

from cutis.calls import callable_package

callable_package(__name__, "cutis.report", "evaluate")
