"""Which of the page's tables an estimate belongs in, where it isn't one of the usual."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from cutis.report.table import Pivot, pivot
from cutis.schema.evidence import Evidence, Measured

NET_BENEFIT = "net_benefit_at_"
_LISTS = ("top_", "reciprocal_rank", "differential_")
_TREE = ("accuracy_level_", "tree_distance")
_USE = ("ppv_", "npv_", "nnb_", "accuracy_at_", "prevalence")


def part(m: Measured) -> str:
    """ "protocol", "benefit", "use", "lists" or "tree"; "" for what the usual tables hold."""
    if ":" in m.metric:
        return "protocol"
    if m.metric.startswith(NET_BENEFIT):
        return "benefit"
    if m.class_code == "malignant" and m.metric.startswith(_USE):
        return "use"
    if m.metric.startswith(_LISTS):
        return "lists"
    return "tree" if m.metric.startswith(_TREE) else ""


def parts(evidence: Evidence) -> Mapping[str, Any]:
    """The estimates of each part, and the protocol's by class as a pivot."""
    found: dict[str, Any] = {name: [] for name in ("protocol", "benefit", "use", "lists", "tree")}
    each: list[tuple[str, Measured]] = []
    for m in evidence.measured:
        name = part(m)
        if not name or m.attribute is not None:
            continue
        if name == "protocol" and m.class_code is not None:
            each.append((m.class_code, m))
        else:
            found[name].append(m)
    if len({code for code, _ in each}) == 1:  # one question, such as malignant against benign
        found["protocol"] += [m for _, m in each]
        each = []
    by_class: Pivot | None = pivot(each, max) if each else None
    return {**found, "protocol_by_class": by_class}


def by_class(evidence: Evidence) -> Pivot:
    """One row a class (and "malignant") with the images of it, one column a metric."""
    order = [c.code for c in evidence.info.classes]
    own = [m for m in evidence.measured if m.class_code is not None and m.attribute is None and not part(m)]
    own.sort(key=lambda m: order.index(m.class_code) if m.class_code in order else -1)
    return pivot([(m.class_code or "", m) for m in own], min)
