"""Figures of the data page: how many images have what, as bars."""

from __future__ import annotations

from cutis.report import svg
from cutis.report.axis import HOT, WIDTH
from cutis.report.svg import Figure, group, line, rect, text
from cutis.schema.data_facts import Bar, DatasetFacts, Distribution

_ROW = 24.0
_NAMES = (96.0, 216.0)  # least and most room for the bars' names
_COUNT = 46.0  # room for a count, and for a share


def bars(name: str, title: str, found: list[Bar], unknown: int, hot: frozenset[str] = frozenset()) -> Figure:
    """One bar a value, with images and share of all; what is unknown is a bar of its own, in italics."""
    rows = [(b.name, b.images, b.name in hot, False) for b in found]
    rows += [("unknown", unknown, False, True)] if unknown else []
    total, most = sum(n for _, n, _, _ in rows) or 1, max((n for _, n, _, _ in rows), default=0) or 1
    left = min(max([_NAMES[0], *(7.0 * len(called) + 26 for called, _, _, _ in rows)]), _NAMES[1])
    wide = WIDTH - left - 2 * _COUNT - 6
    body = []
    for k, (called, n, is_hot, is_unknown) in enumerate(rows):
        y, css = k * _ROW, " hot" if is_hot else ""
        share = f"{100 * n / total:.0f}" if n == 0 or n / total >= 0.005 else "<1"
        label = svg.fit(called, left - 20, 12) + (HOT if is_hot else "")
        marks = text(0, y + 16, label, "m it" if is_unknown else "o" if is_hot else "t")
        marks += rect(left, y + 4, wide * n / most, 16, "frame" if is_unknown else f"bar{css}")
        if n and not is_unknown:
            marks += line(left + wide * n / most, y + 3, left + wide * n / most, y + 21, f"edge{css}")
        marks += text(WIDTH - _COUNT, y + 16, f"{n:,}", "s end")
        marks += text(WIDTH - 2, y + 16, f"{share}\N{NO-BREAK SPACE}%", "s m end")
        body.append(group(marks, f"{called}: {n:,} images, {share} %"))
    body.append(line(left, 0, left, len(rows) * _ROW, "axis"))
    said = ", ".join(f"{called} {n:,}" for called, n, _, _ in rows)
    return Figure(name, f"{title}: {said}", WIDTH, max(len(rows), 1) * _ROW + 2, "".join(body))


def figures(dataset: DatasetFacts, prefix: str) -> list[tuple[str, Figure]]:
    """(title, figure) of the classes and of every distribution that varies; names start with `prefix`."""
    counts = [Bar(name=c.info.code, images=c.images) for c in dataset.classes]
    unlabelled = dataset.counts["images"] - dataset.counts["labelled"]
    malignant = frozenset(c.info.code for c in dataset.classes if c.info.malignant)
    made = [("Classes", bars(f"{prefix}-classes", "Classes", counts, unlabelled, malignant))]
    varied = [d for d in dataset.distributions if not uniform(d)]
    return made + [
        (d.title, bars(f"{prefix}-{k + 1:02d}", d.title, list(d.bars), d.unknown)) for k, d in enumerate(varied)
    ]


def uniform(found: Distribution) -> str:
    """The one value that all images have, or ""."""
    held = [b.name for b in found.bars if b.images]
    return held[0] if len(held) == 1 and not found.unknown else ""
