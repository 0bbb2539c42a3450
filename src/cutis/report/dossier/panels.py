"""Small multiples: the same curve for many things, three in a row."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from cutis.report import svg, words
from cutis.report.axis import WIDTH, Axis, tick_text
from cutis.report.svg import Figure, circle, group, line, text
from cutis.schema.estimate import Estimate

_LEFT, _GAP, _TALL = 30.0, 15.0, 84.0
_SIDE = (WIDTH - _LEFT - 2 * _GAP) / 3


@dataclass(frozen=True)
class Panel:
    """One curve: points are (what stands below it, its number); clean: the dashed line, if it is known."""

    title: str
    subtitle: str
    points: Sequence[tuple[str, Estimate]]
    clean: float | None


def panels(name: str, label: str, shown: Sequence[Panel], style: str, below: str) -> Figure:
    """All panels on one scale. below: what the numbers under the curves are."""
    axis = _axis(shown, style)
    titles = [_title(p.title) for p in shown]
    head = 36.0 + 14 * (max(map(len, titles), default=1) - 1)
    each = head + _TALL + 32
    body = [
        _panel(p, title, head, k % 3, (k // 3) * each, axis, style)
        for k, (p, title) in enumerate(zip(shown, titles, strict=True))
    ]
    height = ((len(shown) + 2) // 3) * each
    body.append(text(_LEFT, height + 8, below, "m s"))
    return Figure(name, label, WIDTH, height + 16, "".join(body))


def _axis(shown: Sequence[Panel], style: str) -> tuple[float, float]:
    estimates = [m for p in shown for _, m in p.points]
    values = [v for m in estimates for v in (m.low, m.value, m.high) if v is not None]
    values += [p.clean for p in shown if p.clean is not None]
    low, high = (min(values), max(values)) if values else (0.0, 1.0)
    air = max(0.05 * (high - low), 0.02)
    if style in ("percent", "decimal") and low >= 0 and high <= 1:
        return max(low - air, 0.0), min(high + air, 1.0)
    return low - air, high + air


def _title(title: str) -> list[str]:
    """One line, or two."""
    parts = svg.lines(title, _SIDE + 4, 12.5)
    return parts if len(parts) < 2 else [parts[0], svg.fit(" ".join(parts[1:]), _SIDE + 4, 12.5)]


def _panel(
    p: Panel, title: Sequence[str], head: float, column: int, up: float, axis: tuple[float, float], style: str
) -> str:
    """The panel in that column whose top is at `up`; its plot starts `head` below."""
    left = _LEFT + column * (_SIDE + _GAP)
    y = Axis(*axis, up + head + _TALL, up + head)
    xs = [left + 10 + (j + 0.5) * (_SIDE - 14) / max(len(p.points), 1) for j in range(len(p.points))]
    out = [text(left, up + 14 + 14 * j, part, "b") for j, part in enumerate(title)]
    out.append(text(left, up + 14 + 14 * len(title), svg.fit(p.subtitle, _SIDE + 12, 11), "m s"))
    for v in svg.ticks(*axis, 4):
        out.append(line(left, y(v), left + _SIDE, y(v), "grid"))
        if column == 0:
            tick = tick_text(v, style).removesuffix("\N{NO-BREAK SPACE}%")
            out.append(text(left - 4, y(v) + 3, tick, "xs end"))
    if p.clean is not None:
        out.append(line(left, y(p.clean), left + _SIDE, y(p.clean), "ref"))
    found = [(x, m) for x, (_, m) in zip(xs, p.points, strict=True) if m.value is not None]
    out.append(svg.path([(x, y(m.value or 0.0)) for x, m in found], "curve"))
    for x, (at, m) in zip(xs, p.points, strict=True):
        mark = text(x, y(axis[0]) + 12, svg.fit(at, _SIDE / max(len(p.points), 1) + 4, 9.5), "xs mid")
        if m.value is None:
            mark += text(x, y(axis[0]) - 4, "?", "m s mid")
        else:
            if m.low is not None and m.high is not None:
                mark += line(x, y(m.low), x, y(m.high), "whisk blue")
            mark += circle(x, y(m.value), 2.8, "dot")
        out.append(group(mark, f"{p.title} {at}: {words.estimate_text(m, style)}"))
    out.append(line(left, y(axis[0]), left + _SIDE, y(axis[0]), "axis"))
    return "".join(out)
