"""Small pieces of SVG. Text is escaped here and nowhere else; colours are CSS classes, so figures follow the theme."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from html import escape
from importlib.resources import files
from pathlib import Path
from textwrap import wrap as wrap_words

# What XML 1.0 can't hold, even escaped.
_FORBIDDEN = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\x7f\ud800-\udfff\ufffe\uffff]")
_ADVANCE = 0.56  # a sign's mean width over its size, in the system's sans-serif faces


def clean(value: object) -> str:
    """`value` as text that any XML reader takes: control signs become U+FFFD."""
    return _FORBIDDEN.sub("\N{REPLACEMENT CHARACTER}", str(value))


def esc(value: object) -> str:
    return escape(clean(value), quote=True)


def attributes(values: dict[str, object]) -> str:
    """` x="1" stroke-width="2"`; floats are rounded to a tenth of a unit, None is left out."""
    parts = []
    for key, value in values.items():
        if value is None:
            continue
        shown = f"{value:.1f}".removesuffix(".0") if isinstance(value, float) else esc(value)
        parts.append(f' {key.rstrip("_").replace("_", "-")}="{shown}"')
    return "".join(parts)


def el(name: str, content: str = "", /, **values: object) -> str:
    """An element around `content`, which is markup already."""
    return f"<{name}{attributes(values)}>{content}</{name}>" if content else f"<{name}{attributes(values)}/>"


def text(x: float, y: float, content: object, css: str = "t", **values: object) -> str:
    return el("text", esc(content), x=float(x), y=float(y), class_=css, **values)


def line(x1: float, y1: float, x2: float, y2: float, css: str) -> str:
    return el("line", x1=float(x1), y1=float(y1), x2=float(x2), y2=float(y2), class_=css)


def rect(x: float, y: float, width: float, height: float, css: str, **values: object) -> str:
    shape = {"x": float(x), "y": float(y), "width": float(max(width, 0)), "height": float(max(height, 0))}
    return el("rect", class_=css, **shape, **values)


def circle(x: float, y: float, r: float, css: str) -> str:
    return el("circle", cx=float(x), cy=float(y), r=float(r), class_=css)


def group(content: str, title: str = "") -> str:
    """A group; `title` is what a pointer resting on it shows."""
    return el("g", (el("title", esc(title)) if title else "") + content)


def path(points: Iterable[tuple[float, float]], css: str) -> str:
    """A polyline without the points that wouldn't be seen: repeats, and the middles of straight runs."""
    kept: list[tuple[float, float]] = []
    for x, y in points:
        p = (round(x, 1), round(y, 1))
        if kept and p == kept[-1]:
            continue
        if len(kept) > 1:
            (ax, ay), (bx, by) = kept[-2], kept[-1]
            forward = (bx - ax) * (p[0] - bx) + (by - ay) * (p[1] - by) > 0
            if forward and abs((bx - ax) * (p[1] - ay) - (by - ay) * (p[0] - ax)) < 1e-6:
                kept.pop()
        kept.append(p)
    return el("path", d="M" + "L".join(f"{x:g} {y:g}" for x, y in kept), class_=css) if kept else ""


def fit(content: object, width: float, size: float) -> str:
    """`content` cut with an ellipsis to about `width` units at font size `size`."""
    shown, most = clean(content), max(int(width / (size * _ADVANCE)), 2)
    return shown if len(shown) <= most else shown[: most - 1].rstrip() + "…"


def lines(content: object, width: float, size: float) -> list[str]:
    """`content` broken into lines of about `width` units."""
    return wrap_words(clean(content), max(int(width / (size * _ADVANCE)), 4)) or [""]


def ticks(low: float, high: float, most: int = 6) -> list[float]:
    """Round numbers from low to high, at most `most` of them."""
    for step in (0.01, 0.02, 0.05, 0.1, 0.2, 0.25, 0.5, 1.0, 2.0, 5.0, 10.0, 20.0, 50.0):
        first = -int(-low / step + 1e-9) if low < 0 else int(low / step + 1 - 1e-9)
        last = int(high / step + 1e-9)
        if last - first + 1 <= most:
            return [k * step for k in range(first, last + 1)]
    return [low, high]


def template(name: str) -> str:
    """A file of `report/templates` as text."""
    return files("cutis.report").joinpath("templates", name).read_text(encoding="utf-8")


@dataclass(frozen=True)
class Figure:
    """A drawing: `body` is markup in a box of width x height units; `label` says in words what it shows."""

    name: str
    label: str
    width: float
    height: float
    body: str

    @property
    def inline(self) -> str:
        """For use inside the page, whose style sheet it shares."""
        return self._wrap("")

    @property
    def standalone(self) -> str:
        """A file of its own, with its style and background."""
        style = el("style", template("figures.css")) + el("title", esc(self.label))
        return '<?xml version="1.0" encoding="UTF-8"?>\n' + self._wrap(
            style + rect(0, 0, self.width, self.height, "bg")
        )

    def _wrap(self, before: str) -> str:
        box = f"0 0 {self.width:g} {self.height:g}"
        # A namespace is a name, never loaded.
        return (
            f'<svg xmlns="http://www.w3.org/2000/svg" class="fig" viewBox="{box}" width="{self.width:g}" '
            f'height="{self.height:g}" role="img" aria-label="{esc(self.label)}">{before}{self.body}</svg>\n'
        )


def save_all(figures: Sequence[Figure], folder: Path) -> None:
    """Write the standalone copies as folder/<name>.svg."""
    folder.mkdir(parents=True, exist_ok=True)
    for figure in figures:
        (folder / f"{figure.name}.svg").write_text(figure.standalone, encoding="utf-8")
