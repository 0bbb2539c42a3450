"""The report's figures, drawn by hand as SVG: 420 units wide, so that two stand side by side and one fits a phone.

Orange means malignant and is always said in words or by a triangle too; blue is everything else.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise

from cutis.files import sha256_text
from cutis.report import svg, words
from cutis.report.axis import HOT, WIDTH, Axis, sideways, tick_text
from cutis.report.decision import decision_curve
from cutis.report.svg import Figure, circle, group, line, rect, text
from cutis.schema.classes import ClassInfo
from cutis.schema.estimate import Estimate
from cutis.schema.evidence import Evidence, Measured, ReliabilityBin, RocCurve

FEW = 10  # a reliability bin with fewer images is drawn hollow
PLOT = 172.0  # where a forest's marks begin
DotRow = tuple[str, str, "Estimate | Measured | None"]  # heading, name, number


def _square(x: Axis, y: Axis, step: float, percent: bool = True) -> str:
    """Grid, frame and tick labels of a 0..1 by 0..1 plot."""
    out = []
    for k in range(round(1 / step) + 1):
        v = k * step
        shown = f"{100 * v:.0f}" if percent else f"{v:g}"
        out.append(line(x(v), y(0), x(v), y(1), "grid") + line(x(0), y(v), x(1), y(v), "grid"))
        out.append(text(x(v), y(0) + 16, shown, "m s mid") + text(x(0) - 7, y(v) + 4, shown, "m s end"))
    return "".join(out) + line(x(0), y(0), x(1), y(0), "axis") + line(x(0), y(0), x(0), y(1), "axis")


def roc_malignant(evidence: Evidence, curve: RocCurve) -> Figure:
    """ROC of malignant against benign, with the two fixed points that were measured and their intervals."""
    x, y = Axis(0, 1, 50, 406), Axis(0, 1, 356, 14)
    body = [_square(x, y, 0.2), svg.path([(x(0), y(0)), (x(1), y(1))], "ref")]
    body.append(svg.path([(x(f), y(t)) for f, t in zip(curve.fpr, curve.tpr, strict=True)], "curve hot bold"))
    body += [_roc_point(x, y, *point) for point in roc_points(evidence)]
    area = evidence.find("auroc", "malignant")
    if area is not None:
        body.append(text(x(0.97), y(0.16), f"AUROC {words.estimate_text(area, 'decimal')}"[:60], "o b end"))
        body.append(text(x(0.97), y(0.10), "dashed: a coin toss", "m s end"))
    body.append(text((x(0) + x(1)) / 2, 392, "Benign images flagged in error, %", "m mid"))
    body.append(sideways(14, (y(0) + y(1)) / 2, "Malignant images flagged, %"))
    label = "ROC curve of malignant against benign" + (
        f": AUROC {words.estimate_text(area, 'decimal')}" if area is not None else ""
    )
    return Figure("roc-malignant", label, WIDTH, 400, "".join(body))


def roc_points(evidence: Evidence) -> list[tuple[str, Measured | float, Measured | float]]:
    """(name, sensitivity, specificity) of the bundle's operating points or, without any, of two fixed points: 0.90."""
    found: list[tuple[str, Measured | float, Measured | float]] = []
    for name in evidence.info.operating_points:
        sensitivity = evidence.find(f"sensitivity_at_point_{name}", "malignant")
        specificity = evidence.find(f"specificity_at_point_{name}", "malignant")
        if sensitivity is not None and specificity is not None:
            found.append((words.label(name), sensitivity, specificity))
    if not found:
        for this, other in (("sensitivity", "specificity"), ("specificity", "sensitivity")):
            m = evidence.find(f"{this}_at_{other}_0.90", "malignant")
            if m is not None:
                found.append((f"{other} 0.90", m, 0.9) if this == "sensitivity" else (f"{other} 0.90", 0.9, m))
    return found


def _roc_point(x: Axis, y: Axis, name: str, sensitivity: Measured | float, specificity: Measured | float) -> str:
    """A dot with a whisker for each rate that was measured; "" if one of them could not be."""
    t = sensitivity if isinstance(sensitivity, float) else sensitivity.value
    s = specificity if isinstance(specificity, float) else specificity.value
    if t is None or s is None:
        return ""
    drawn = ""
    if isinstance(sensitivity, Measured) and sensitivity.low is not None and sensitivity.high is not None:
        drawn += line(x(1 - s), y(sensitivity.low), x(1 - s), y(sensitivity.high), "whisk hot")
    if isinstance(specificity, Measured) and specificity.low is not None and specificity.high is not None:
        drawn += line(x(1 - specificity.high), y(t), x(1 - specificity.low), y(t), "whisk hot")
    drawn += circle(x(1 - s), y(t), 4.5, "dot hot")
    left = s > 0.45  # room for the name to the right of the dot
    drawn += text(x(1 - s) + (9 if left else -9), y(t) + 18, svg.fit(name, 160, 11), "m s" if left else "m s end")
    return group(drawn, f"{name}: sensitivity {100 * t:.1f} %, specificity {100 * s:.1f} %")


def roc_classes(evidence: Evidence, curves: Sequence[RocCurve]) -> Figure:
    """One small ROC a class, against all others, each labelled with its AUROC."""
    known = {c.code: c for c in evidence.info.classes}
    side, gap, top, each = 124.0, 24.0, 36.0, 176.0
    body = []
    for k, curve in enumerate(curves):
        left, up = (k % 3) * (side + gap), (k // 3) * each
        x, y = Axis(0, 1, left + 0.5, left + side), Axis(0, 1, up + top + side, up + top)
        hot = known[curve.class_code].malignant is True if curve.class_code in known else False
        area = evidence.find("auroc", curve.class_code)
        name = svg.fit(curve.class_code, side - 20, 12) + (HOT if hot else "")
        panel = [rect(x(0), y(1), side, side, "frame")]
        panel += [line(x(0.5), y(0), x(0.5), y(1), "grid"), line(x(0), y(0.5), x(1), y(0.5), "grid")]
        panel += [svg.path([(x(0), y(0)), (x(1), y(1))], "ref")]
        points = [(x(f), y(t)) for f, t in zip(curve.fpr, curve.tpr, strict=True)]
        panel.append(svg.path(points, "curve hot" if hot else "curve"))
        panel.append(text(left, up + 14, name, "b o" if hot else "b"))
        shown = "no AUROC" if area is None or area.value is None else words.estimate_text(area, "decimal", 2)
        shown = svg.fit(shown, side + gap, 11)
        panel.append(text(left, up + 29, shown, "m s"))
        title = known[curve.class_code].name if curve.class_code in known else curve.class_code
        body.append(group("".join(panel), f"{title}: AUROC {words.estimate_text(area, 'decimal')}" if area else title))
    height = ((len(curves) + 2) // 3) * each - 8
    names = ", ".join(c.class_code for c in curves)
    return Figure("roc-classes", f"ROC curves, each class against all others: {names}", WIDTH, height, "".join(body))


def reliability(bins: Sequence[ReliabilityBin]) -> Figure:
    """Accuracy against confidence, bin by bin, over the number of images in each bin."""
    x, y = Axis(0, 1, 50, 406), Axis(0, 1, 300, 14)
    most = max((b.n for b in bins), default=0) or 1
    h = Axis(0, most, 0, 48)
    base = 400.0
    body = [_square(x, y, 0.2), svg.path([(x(0), y(0)), (x(1), y(1))], "ref")]
    body.append(text(x(0.04), y(0.93), "above the line: more often right than it claims", "m s"))
    body.append(text(x(0.97), y(0.05), "below: overconfident", "m s end"))
    seen = [b for b in bins if b.n and b.confidence is not None and b.accuracy is not None]
    body.append(svg.path([(x(b.confidence or 0), y(b.accuracy or 0)) for b in seen if b.n >= FEW], "curve"))
    for b in bins:
        left, wide = x(b.low), x(b.high) - x(b.low)
        bar = rect(left + 1, base - h(b.n), wide - 2, h(b.n), "bar")
        count = text(left + wide / 2, base - h(b.n) - 3, f"{b.n:,}", "xs mid") if b.n else ""
        dot, title = "", f"confidence {b.low:.2f}–{b.high:.2f}: no images"
        if b.confidence is not None and b.accuracy is not None:
            claim, got = x(b.confidence), y(b.accuracy)
            dot = line(claim, y(b.confidence), claim, got, "whisk blue") + circle(
                claim, got, 4, "dot" if b.n >= FEW else "dot few"
            )
            title = (
                f"confidence {b.low:.2f}–{b.high:.2f}: {b.n:,} images, mean confidence {100 * b.confidence:.1f} %, "
                f"right in {100 * b.accuracy:.1f} %"
            )
        body.append(group(bar + count + dot, title))
    body.append(line(x(0), base, x(1), base, "axis"))
    body.append(text(x(0.5), base + 17, "Confidence in the first answer, %  (bars: images per bin)", "m mid"))
    body.append(sideways(14, (y(0) + y(1)) / 2, "How often it was right, %"))
    return Figure("reliability", _reliability_words(seen), WIDTH, 425, "".join(body))


def _reliability_words(bins: Sequence[ReliabilityBin]) -> str:
    parts = [f"{100 * (b.confidence or 0):.0f} % sure, {100 * (b.accuracy or 0):.0f} % right" for b in bins]
    return "Reliability diagram. " + ("; ".join(parts) if parts else "No images to draw.")


def confusion(evidence: Evidence) -> Figure:
    """Counts of true class (rows) by first answer (columns), shaded by share of the row."""
    classes, counts = evidence.info.classes, evidence.confusion
    k = max(len(classes), 1)
    left, top = 74.0, 46.0
    cell = max((WIDTH - left - 2) / k, 34.0)
    tall = min(max(cell, 34.0), 46.0)
    width, height = left + k * cell + 2, top + k * tall + 4
    body = [text(left + k * cell / 2, 14, "First answer", "m mid"), sideways(12, top + k * tall / 2, "True class")]
    for j, c in enumerate(classes):
        name = svg.fit(c.code, cell - 14, 12) + (HOT if c.malignant else "")
        body.append(text(left + (j + 0.5) * cell, top - 9, name, "b mid o" if c.malignant else "b mid"))
    for i, c in enumerate(classes):
        row = counts[i] if i < len(counts) else [0] * k
        total = sum(row)
        y = top + i * tall
        name = svg.fit(c.code, 38, 12) + (HOT if c.malignant else "")
        body.append(text(left - 8, y + tall / 2 - 1, name, "b end o" if c.malignant else "b end"))
        body.append(text(left - 8, y + tall / 2 + 12, f"{total:,}", "xs end"))
        for j, (n, answer) in enumerate(zip(row, classes, strict=True)):
            share = n / total if total else 0.0
            x = left + j * cell
            on = " on" if share > 0.55 else " in"
            marks = rect(x + 1, y + 1, cell - 2, tall - 2, "frame", rx=2)
            if n:
                marks += rect(x + 1, y + 1, cell - 2, tall - 2, "cell", rx=2, fill_opacity=f"{share:.2f}")
                marks += text(x + cell / 2, y + tall / 2 + (0 if share >= 0.005 else 4), f"{n:,}", f"mid{on}")
                if share >= 0.005:
                    marks += text(
                        x + cell / 2, y + tall / 2 + 12, f"{100 * share:.0f}\N{NO-BREAK SPACE}%", f"xs mid{on}"
                    )
            else:
                marks += text(x + cell / 2, y + tall / 2 + 4, "·", "m mid")
            if i == j:
                marks += rect(x + 1.7, y + 1.7, cell - 3.4, tall - 3.4, "diag", rx=2)
            body.append(group(marks, f"{c.name} answered as {answer.name}: {n:,} of {total:,}"))
    right = sum(row[i] for i, row in enumerate(counts) if i < len(row))
    label = f"Confusion matrix of {k} classes: {right:,} of {sum(map(sum, counts)):,} images on the diagonal"
    return Figure("confusion", label, width, height, "".join(body))


def class_bars(
    name: str, label: str, classes: Sequence[ClassInfo], found: Sequence[Measured | None], target: float | None = None
) -> Figure:
    """A share a class with its interval, as bars; a class that has none says why. `target` is a dashed line."""
    x = Axis(0, 1, 0.5, WIDTH - 10)
    body, y = [], 4.0
    for c, m in zip(classes, found, strict=True):
        hot = " hot" if c.malignant else ""
        value = (
            "not measured" if m is None else "not estimable" if m.value is None else words.estimate_text(m, "percent")
        )
        count = "" if m is None else f"  n {m.n:,}"
        mark = HOT if c.malignant else ""
        head = text(0, y + 12, svg.fit(c.name, 236, 12) + mark, "o" if c.malignant else "t")
        head += text(WIDTH - 8, y + 12, value + count, "s m end")
        row = line(x(0), y + 28, x(1), y + 28, "grid")
        if m is not None and m.value is not None:
            row += rect(x(0), y + 20, x(m.value) - x(0), 16, f"bar{hot}")
            row += line(x(m.value), y + 18, x(m.value), y + 38, f"edge{hot}")
            if m.low is not None and m.high is not None:
                row += line(x(m.low), y + 28, x(m.high), y + 28, "whisk")
            if target is not None:
                row += line(x(target), y + 16, x(target), y + 40, "ref")
        elif m is not None:
            for k, part in enumerate(svg.lines(m.reason, WIDTH - 8, 11)[:2]):
                row += text(0, y + 26 + 13 * k, part, "s m")
        body.append(
            group(head + row, f"{c.name}: {'not measured' if m is None else words.estimate_text(m, 'percent')}")
        )
        y += 46
    y -= 4
    for v in (0.0, 0.25, 0.5, 0.75, 1.0):
        css = "m s" if v == 0 else "m s end" if v == 1 else "m s mid"
        body.append(line(x(v), y - 2, x(v), y + 3, "axis") + text(x(v), y + 16, f"{100 * v:.0f}", css))
    body.append(line(x(0), y, x(1), y, "axis"))
    return Figure(name, label, WIDTH, y + 22, "".join(body))


def forest(evidence: Evidence, metric: str, class_code: str | None) -> Figure:
    """Each group's value and interval beside the whole's (dashed); what can't be estimated says why."""
    shown = words.metric(metric)
    whole = evidence.find(metric, class_code)
    groups = list(dict.fromkeys((m.attribute, m.group) for m in evidence.measured if m.attribute is not None))
    rows: list[DotRow] = [
        (words.upper(words.attribute(name)), group_name or "", evidence.find(metric, class_code, name, group_name))
        for name, group_name in groups
    ]
    title = shown.label + (f", {class_code}" if class_code else "")
    label = f"{title} by subgroup, with intervals: {len(rows)} groups; the same numbers are in the table below"
    name = "subgroups-" + "-".join(filter(None, (metric, class_code)))
    return dot_rows(safe_name(name), label, rows, shown.style, whole)


def dot_rows(
    name: str,
    label: str,
    rows: Sequence[DotRow],
    style: str,
    whole: Estimate | Measured | None = None,
    *,
    mark: tuple[float, str] | None = None,
) -> Figure:
    """A line a row: its name, n, dot, interval and number, under the headings the rows share. What can't be estimated
    says why. whole: a dashed line, "all". mark: another such line and its name, (0, "no change")."""
    found = [m for _, _, m in rows if m is not None]
    x = _range([*found, *([whole] if whole else [])], style, mark[0] if mark else None)
    body: list[str] = []
    y, last = 34.0, None
    for heading, row, m in rows:
        if heading != last:
            y += 8 if last is not None else 0
            for k, part in enumerate(svg.lines(heading, WIDTH, 12)[:2]):
                y += 16 if k else 0
                body.append(text(0, y + 4, part, "b"))
            last, y = heading, y + 22
        drawn, tall = _forest_row(row, m, x, y, style)
        full = f"{heading} {row}: "
        full += "not measured" if m is None else words.estimate_text(m, style)
        full += "" if m is None else f"; {m.n:,} images, {m.n_units:,} {words.plural(m.unit)}"
        body.append(group(drawn, full))
        y += tall
    bottom = y - 6
    under = []
    for v in svg.ticks(x.low, x.high, 4):
        under.append(line(x(v), 28, x(v), bottom, "grid"))
        under.append(text(x(v), bottom + 15, tick_text(v, style), "m s mid"))
    under.append(line(x(x.low), bottom, x(x.high), bottom, "axis"))
    body.append(text(PLOT - 12, 14, "n", "m s end"))
    if mark is not None:
        under.append(line(x(mark[0]), 20, x(mark[0]), bottom, "ref"))
        body.append(text(max(x(mark[0]), PLOT + 3.1 * len(mark[1])), 14, mark[1], "m s mid"))
    if whole is not None and whole.value is not None:
        under.append(line(x(whole.value), 20, x(whole.value), bottom, "ref"))
        body.append(text(x(whole.value), 14, "all", "m s mid"))
        body.append(text(WIDTH, 14, words.estimate_text(whole, style), "m s end"))
    return Figure(name, label, WIDTH, bottom + 24, "".join(under + body))


def safe_name(name: str) -> str:
    """`name` as a file's: letters, digits and "-_." are kept. Two names stay two, also where they differ in a sign."""
    safe = "".join(c if c.isalnum() or c in "-_." else "_" for c in name)
    return safe if safe == name else f"{safe}-{sha256_text(name)[:4]}"


def _range(rows: Sequence[Estimate | Measured], style: str, mark: float | None = None) -> Axis:
    """A scale that holds every interval, with some air; shares stay within 0..1."""
    values = [v for m in rows for v in (m.low, m.value, m.high) if v is not None]
    values += [] if mark is None else [mark]
    low, high = (min(values), max(values)) if values else (0.0, 1.0)
    air = max(0.06 * (high - low), 0.02)
    low, high = low - air, high + air
    if style in ("percent", "decimal"):
        low, high = max(low, 0.0), min(high, 1.0) if max(values, default=1.0) <= 1 else high
    return Axis(low, high, PLOT, 288 if style in ("points", "signed") else 306)


def _forest_row(name: str, m: Estimate | Measured | None, x: Axis, y: float, style: str) -> tuple[str, float]:
    """One group's marks and how tall they are."""
    named = svg.lines(name, 124, 12)
    named = [named[0], svg.fit(" ".join(named[1:]), 124, 12)] if len(named) > 1 else named
    out = "".join(text(8, y + 4 + 13 * k, part) for k, part in enumerate(named))
    least = 22.0 + 13 * (len(named) - 1)
    out += text(PLOT - 12, y + 4, "–" if m is None else f"{m.n:,}", "m s end")
    if m is None or m.value is None:
        why = "not measured" if m is None else f"not estimable: {m.reason or 'no reason given'}"
        told = svg.lines(why, WIDTH - PLOT, 11)[:4]
        out += rect(PLOT - 2, y - 8, WIDTH - PLOT + 2, 13 * len(told) + 3, "bg")
        out += "".join(text(PLOT, y + 4 + 13 * k, part, "m s it") for k, part in enumerate(told))
        return out, max(22.0 + 13 * (len(told) - 1), least)
    if m.low is not None and m.high is not None:
        out += line(x(m.low), y, x(m.high), y, "whisk blue")
        out += "".join(line(x(v), y - 4, x(v), y + 4, "whisk blue") for v in (m.low, m.high))
    return out + circle(x(m.value), y, 4.5, "dot") + text(WIDTH, y + 4, words.estimate_text(m, style), "s end"), least


def roc_is_drawable(curve: RocCurve) -> bool:
    """Whether a curve has points; a class without positives or negatives has none."""
    return len(curve.fpr) > 1 and any(a != b for a, b in pairwise(curve.fpr)) and len(curve.fpr) == len(curve.tpr)


def all_figures(evidence: Evidence) -> dict[str, Figure]:
    """Every figure that this evidence has the numbers for, by name."""
    curves = [c for c in evidence.roc if roc_is_drawable(c)]
    classes = evidence.info.classes
    made: list[Figure] = [roc_malignant(evidence, c) for c in curves if c.class_code == "malignant"]
    own = [c for c in curves if c.class_code in {k.code for k in classes}]
    made += [roc_classes(evidence, own)] if own else []
    benefit = decision_curve(evidence)
    made += [benefit] if benefit is not None else []
    made += [reliability(evidence.reliability)] if evidence.reliability else []
    made += [confusion(evidence)] if evidence.confusion else []
    for name, metric, title, target in (
        ("sensitivity", "sensitivity", "Sensitivity of each class", None),
        ("coverage", "coverage", "Coverage of the answer sets, by true class", evidence.info.coverage),
    ):
        found = [evidence.find(metric, c.code) for c in classes]
        if any(found):
            said = [f"{c.code} {words.estimate_text(m, 'percent')}" for c, m in zip(classes, found, strict=True) if m]
            made.append(class_bars(name, f"{title}: " + "; ".join(said), classes, found, target))
    made += [forest(evidence, metric, code) for metric, code in forest_metrics(evidence)]
    return {f.name: f for f in made}


def forest_metrics(evidence: Evidence) -> list[tuple[str, str | None]]:
    """At most two metrics to draw by subgroup: of those measured there, the first in this order whose intervals are
    known for half of the estimable groups or more; if none are, the first that were measured."""
    wanted: list[tuple[str, str | None]] = [
        ("balanced_accuracy", None),
        ("auroc", "malignant"),
        ("coverage", None),
        ("macro_auroc", None),
        ("accuracy", None),
    ]
    told: dict[tuple[str, str | None], list[bool]] = {}
    for m in evidence.measured:
        if m.attribute is not None:
            known = told.setdefault((m.metric, m.class_code), [])
            known += [m.low is not None] if m.value is not None else []
    order = sorted((k for k in wanted if k in told), key=lambda k: 2 * sum(told[k]) < max(len(told[k]), 1))
    return order[:2] or sorted(told, key=str)[:1]
