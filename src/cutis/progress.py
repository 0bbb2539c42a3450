"""A progress bar with rate and time left, on a terminal; silent otherwise."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager

# What long work takes as `progress`: (iterable, total, label) -> the same items.
type Progress[T] = Callable[[Iterable[T], int, str], Iterable[T]]


def track[T](items: Iterable[T], total: int, label: str) -> Iterator[T]:
    """Yield `items`; on a terminal, show on standard error how many of `total` are done, the rate and the time left."""
    if not sys.stderr.isatty():
        yield from items
        return
    from rich import progress as rich_progress
    from rich.console import Console
    from rich.text import Text

    class Rate(rich_progress.ProgressColumn):
        def render(self, task: rich_progress.Task) -> Text:
            speed = task.finished_speed or task.speed
            return Text(f"{speed:,.0f}/s" if speed and speed >= 10 else f"{speed:.2f}/s" if speed else "", "dim")

    columns = (
        rich_progress.TextColumn("{task.description}"),
        rich_progress.BarColumn(),
        rich_progress.MofNCompleteColumn(),
        Rate(),
        rich_progress.TimeRemainingColumn(),
    )
    with rich_progress.Progress(*columns, console=Console(stderr=True)) as bar:
        task = bar.add_task(label, total=total)
        for item in items:
            yield item
            bar.advance(task)


def silent[T](items: Iterable[T], total: int, label: str) -> Iterable[T]:
    """The `Progress` that shows nothing."""
    return items


@contextmanager
def meter(label: str) -> Iterator[Callable[[float, str], None]]:
    """For work that has no items: yields a function to call with the share done (0..1) and a few words."""
    if not sys.stderr.isatty():
        yield lambda share, words: None
        return
    from rich import progress as rich_progress
    from rich.console import Console

    columns = (
        rich_progress.TextColumn("{task.description}"),
        rich_progress.BarColumn(),
        rich_progress.TimeElapsedColumn(),
        rich_progress.TimeRemainingColumn(),
        rich_progress.TextColumn("{task.fields[words]}"),
    )
    with rich_progress.Progress(*columns, console=Console(stderr=True)) as bar:
        task = bar.add_task(label, total=1.0, words="")
        yield lambda share, words: bar.update(task, completed=share, words=words)
