"""The counterfactual tone curve: what happens to the answers as the same lesions lie on darker and darker skin."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from cutis.report import svg, words
from cutis.report.audited.select import WORLDS, everyone, tones
from cutis.report.axis import WIDTH, Axis, sideways, tick_text
from cutis.report.svg import Figure, circle, group, line, text
from cutis.schema.dossier import CounterfactualRow
from cutis.schema.estimate import Estimate

_TALL = 130.0
_ASIDE = {"real": -2.5, "phantom": 2.5}  # so that the marks of both worlds are seen
Of = Callable[[CounterfactualRow], Estimate]


def tone_curve(rows: Sequence[CounterfactualRow]) -> Figure | None:
    """Mean change of p(malignant), and the share of answers that change, against ITA; None without two such points.

    Photographs are filled dots, drawn lesions hollow ones.
    """
    found = tones(everyone(rows))
    if len({r.value for r in found}) < 2:
        return None
    ita = [r.value or 0.0 for r in found]
    x = Axis(max(ita) + 4, min(ita) - 4, 58, 406)
    body = [_plot(found, lambda r: r.shift, "points", "p(malignant), points", x, 18.0)]
    body.append(_plot(found, lambda r: r.flips, "percent", "Answers changed", x, 18.0 + _TALL + 30))
    bottom = 18.0 + 2 * _TALL + 30
    ticks = {v: f"{v:g}".replace("-", "\N{MINUS SIGN}") for v in ita}
    body += [text(x(v), bottom + 16, shown, "m s mid") for v, shown in ticks.items()]
    body.append(text(x(max(ita)), bottom + 32, "lighter skin", "m s"))
    body.append(text(x(min(ita)), bottom + 32, "darker skin", "m s end"))
    body.append(text((x(max(ita)) + x(min(ita))) / 2, bottom + 32, "ITA, degrees", "m mid"))
    label = "Tone curve. " + "; ".join(
        f"{WORLDS[r.world]} at ITA {r.value:g}: {words.estimate_text(r.shift, 'points')} points, "
        f"{words.estimate_text(r.flips, 'percent')} change"
        for r in found
    )
    worlds = dict.fromkeys(r.world for r in found)
    legend = "; ".join(f"{'hollow' if w == 'phantom' else 'filled'}: {WORLDS[w]}" for w in worlds)
    body.append(text(WIDTH - 12, 10, legend, "m s end"))
    return Figure("tone-curve", label, WIDTH, bottom + 40, "".join(body))


def _plot(rows: Sequence[CounterfactualRow], of: Of, style: str, title: str, x: Axis, top: float) -> str:
    values = [v for r in rows for v in (of(r).low, of(r).value, of(r).high) if v is not None]
    least = -0.01 if style == "points" else 0.0
    low, high = min([*values, least]), max([*values, 0.02])
    air = 0.08 * (high - low)
    y = Axis(low - (air if low < 0 else 0), high + air, top + _TALL, top)
    left, right = 58.0, 406.0
    out = [sideways(14, top + _TALL / 2, title)]
    for v in svg.ticks(y.low, y.high, 5):
        out.append(line(left, y(v), right, y(v), "ref" if v == 0 and style == "points" else "grid"))
        out.append(text(left - 7, y(v) + 4, tick_text(v, style), "m s end"))
    out.append(line(left, y(y.low), right, y(y.low), "axis"))
    for world in dict.fromkeys(r.world for r in rows):
        own = [r for r in rows if r.world == world]
        out.append(
            svg.path(
                [(x(r.value or 0) + _ASIDE[world], y(of(r).value or 0)) for r in own if of(r).value is not None],
                "curve",
            )
        )
        out += [_mark(r, of(r), style, x(r.value or 0) + _ASIDE[world], y) for r in own]
    return "".join(out)


def _mark(r: CounterfactualRow, m: Estimate, style: str, x: float, y: Axis) -> str:
    if m.value is None:
        return group(text(x, y(y.low) - 4, "?", "m s mid"), f"ITA {r.value:g}: {words.estimate_text(m, style)}")
    marks = ""
    if m.low is not None and m.high is not None:
        marks += line(x, y(m.low), x, y(m.high), "whisk blue")
    marks += circle(x, y(m.value), 3.6, "dot few" if r.world == "phantom" else "dot")
    return group(marks, f"ITA {r.value:g}, {WORLDS[r.world]}, {r.n:,} images: {words.estimate_text(m, style)}")
