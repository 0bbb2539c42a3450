"""Templates and what every page is filled with."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from functools import cache
from typing import Any

from fastapi import Request
from fastapi.responses import HTMLResponse, PlainTextResponse, Response
from jinja2 import Environment, PackageLoader, StrictUndefined

from cutis import __version__
from cutis.serve.kinds import Who
from cutis.serve.workbench import Workbench


@cache
def environment() -> Environment:
    """Templates of `serve/web/templates`: everything escaped, nothing undefined let through."""
    made = Environment(
        loader=PackageLoader("cutis.serve", "web/templates"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    made.filters |= {"moment": moment, "ago": ago}
    return made


def bench_of(request: Request) -> Workbench:
    """The opened parts behind a request."""
    bench: Workbench = request.app.state.workbench
    return bench


def page(request: Request, template: str, who: Who | None, status: int = 200, /, **values: Any) -> HTMLResponse:
    """`template` filled, in the workbench's language. who: None on pages that are seen before a login."""
    bench = bench_of(request)
    text = (
        environment()
        .get_template(template)
        .render(
            t=bench.words.t,
            words=bench.words,
            language=bench.settings.language,
            who=who,
            settings=bench.settings,
            version=__version__,
            path=request.url.path,
            **values,
        )
    )
    return HTMLResponse(text, status)


def error_page(request: Request, status: int, words: str, headers: Mapping[str, str] | None = None) -> Response:
    """An error as a page; as a bare line where htmx asked, which shows it where it was asked for."""
    answer: Response
    if request.headers.get("hx-request"):
        answer = PlainTextResponse(words, status)
    else:
        answer = page(request, "error.html", getattr(request.state, "who", None), status, number=status, said=words)
    answer.headers.update(headers or {})
    return answer


def moment(when: datetime | str) -> str:
    """2026-11-22 13:45, UTC."""
    at = datetime.fromisoformat(when) if isinstance(when, str) else when
    return at.astimezone(UTC).strftime("%Y-%m-%d %H:%M")


def ago(when: datetime) -> tuple[str, int]:
    """How long since: the key of the words (`time.minutes`...) and how many."""
    minutes = max(0, int((datetime.now(UTC) - when).total_seconds() // 60))
    for unit, size in (("days", 1440), ("hours", 60)):
        if minutes >= size:
            return f"time.{unit}", minutes // size
    return ("time.minutes", minutes) if minutes else ("time.just_now", 0)
