"""What the report's figures share: their width, a linear scale, and how its ticks are written."""

from __future__ import annotations

from dataclasses import dataclass

from cutis.report.svg import text

WIDTH = 420.0
HOT = " \N{BLACK UP-POINTING SMALL TRIANGLE}"  # beside the name of a malignant class


@dataclass(frozen=True)
class Axis:
    """A linear scale from [low, high] to [start, end] units."""

    low: float
    high: float
    start: float
    end: float

    def __call__(self, value: float) -> float:
        share = (value - self.low) / ((self.high - self.low) or 1.0)
        return self.start + min(max(share, 0.0), 1.0) * (self.end - self.start)


def sideways(x: float, y: float, content: str) -> str:
    return text(x, y, content, "m mid", transform=f"rotate(-90 {x:g} {y:g})")


def tick_text(v: float, style: str) -> str:
    if style == "points":
        return f"{100 * v:+.0f}".replace("-", "\N{MINUS SIGN}").replace("+0", "0")
    return f"{100 * v:.0f}\N{NO-BREAK SPACE}%" if style == "percent" else f"{v:g}".replace("-", "\N{MINUS SIGN}")
