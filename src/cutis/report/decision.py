"""The decision curve as a figure: net benefit of the model beside that of flagging every lesion, and none."""

from __future__ import annotations

from itertools import groupby

from cutis.report import svg
from cutis.report.axis import WIDTH, Axis, sideways
from cutis.report.parts import NET_BENEFIT
from cutis.report.svg import Figure, circle, group, line, text
from cutis.schema.evidence import Evidence, Measured


def decision_curve(evidence: Evidence) -> Figure | None:
    """Net benefit by threshold with its intervals; None if none was measured. Drawn as far as all thresholds matter:
    to where neither the model nor flagging everybody does any good, at least to 0.2."""
    shown = [
        (float(m.metric.removeprefix(NET_BENEFIT)), m)
        for m in evidence.measured
        if m.metric.startswith(NET_BENEFIT) and m.value is not None
    ]
    share = evidence.prevalence
    if share is None:
        held = evidence.find("prevalence", "malignant")
        share = held.value if held is not None else None
    if len(shown) < 2 or share is None:
        return None
    useful = [t for t, m in shown if (m.high or m.value or 0) > 0]
    last = min(max([0.2, *useful]) + 0.05, shown[-1][0])
    shown = [(t, m) for t, m in shown if t <= last]
    top = max([share, *(m.high or m.value or 0 for _, m in shown)])
    x, y = Axis(0, last, 58, 406), Axis(-0.25 * top, 1.05 * top, 300, 14)
    body = [
        line(x(v), y(y.low), x(v), y(y.high), "grid") + text(x(v), 316, f"{100 * v:.0f}", "m s mid")
        for v in svg.ticks(0, last, 6)
    ]
    body += [
        line(x(0), y(v), x(last), y(v), "grid") + text(x(0) - 7, y(v) + 4, f"{v:g}", "m s end")
        for v in svg.ticks(y.low, y.high, 6)
    ]
    body.append(line(x(0), y(0), x(last), y(0), "axis"))
    body.append(text(x(last), y(0) + 13, "flag none", "m s end"))
    steps = [k * last / 80 for k in range(81)]
    every = [(t, benefit_of_all(t, share)) for t in steps]
    every = [(t, b) for t, b in every if b >= y.low]
    body.append(svg.path([(x(t), y(b)) for t, b in every], "ref"))
    body.append(text(x(every[-1][0]) - 4, y(y.low) - 5, "flag all", "m s end"))
    for inside, run in groupby(shown, key=lambda at: (at[1].value or 0) >= y.low):  # what is below is not drawn
        if inside:
            body.append(svg.path([(x(t), y(m.value or 0)) for t, m in run], "curve hot bold"))
    body += [_mark(x, y, t, m) for t, m in shown]
    body.append(text((x(0) + x(last)) / 2, 334, "Threshold: chance of malignancy at which to act, %", "m mid"))
    body.append(sideways(14, 157, "Net benefit"))
    best = max(shown, key=lambda at: (at[1].value or 0) - max(benefit_of_all(at[0], share or 0), 0))
    label = (
        f"Decision curve: net benefit at a threshold of {100 * best[0]:.0f} % is {best[1].value:.3f}, against "
        f"{max(benefit_of_all(best[0], share), 0):.3f} for the better of flagging all and none"
    )
    return Figure("decision-curve", label, WIDTH, 342, "".join(body))


def benefit_of_all(threshold: float, prevalence: float) -> float:
    """Net benefit of treating every lesion as malignant (Vickers & Elkin, 2006); that of treating none is 0."""
    return prevalence - (1 - prevalence) * threshold / (1 - threshold)


def _mark(x: Axis, y: Axis, threshold: float, m: Measured) -> str:
    value = m.value or 0.0
    if value < y.low:
        return ""
    marks = circle(x(threshold), y(value), 2.5, "dot hot")
    if m.low is not None and m.high is not None:
        marks = line(x(threshold), y(m.low), x(threshold), y(m.high), "whisk hot") + marks
    return group(marks, f"threshold {100 * threshold:.0f} %: net benefit {value:.3f}")
