"""The application: its parts, its routes, what guards them, and how an error is said."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

from fastapi import Depends, FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse, Response
from fastapi.routing import iter_route_contexts
from fastapi.staticfiles import StaticFiles
from starlette.exceptions import HTTPException
from starlette.routing import Match

from cutis import __version__
from cutis.errors import CutisError
from cutis.serve import pages
from cutis.serve.accounts.who import token
from cutis.serve.api import accounts, cases, dicomweb, predict, reports, similar
from cutis.serve.guard import guard
from cutis.serve.kinds import Refused
from cutis.serve.settings import Settings
from cutis.serve.store.sweep import Sweeper
from cutis.serve.watch import Watcher
from cutis.serve.workbench import Workbench

STATIC = Path(__file__).parent / "web" / "static"
# Of any route; each says what else it may refuse.
REFUSALS: dict[int | str, dict[str, Any]] = {
    400: {"model": cases.Problem, "description": "Not what its Content-Type says"},
    401: {"model": cases.Problem, "description": "No login"},
    403: {"model": cases.Problem, "description": "Not allowed, or without the session's token"},
    422: {"model": cases.Problem, "description": "A field that is missing or wrong"},
    503: {"model": cases.Problem, "description": "Too busy; see Retry-After"},
}


def create_app(settings: Settings) -> FastAPI:
    """The ASGI application of one workbench. Its parts are opened as it starts and closed as it stops."""

    @asynccontextmanager
    async def life(app: FastAPI) -> AsyncIterator[None]:
        try:
            bench = app.state.workbench = Workbench.open(settings)
        except CutisError as error:
            app.state.refusal = error  # whoever runs the server says it
            raise
        watcher = Watcher(bench) if settings.watch else None
        sweeper = Sweeper(bench.store, bench.pictures)
        try:
            async with bench.models.serving(), bench.journal.writing():
                if watcher:
                    watcher.start()
                sweeper.start()
                yield
        finally:
            if watcher:
                await watcher.stop()
            sweeper.stop()
            bench.close()

    app = FastAPI(
        title="Cutis workbench",
        version=__version__,
        summary="Skin-image predictions that may refuse, cases, readings and reports.",
        lifespan=life,
        dependencies=[Depends(token)],
        responses=REFUSALS,
        docs_url=None,
        redoc_url=None,
    )
    for part in (predict, cases, similar, reports, dicomweb, accounts, pages):
        app.include_router(part.router)
    app.mount("/static", StaticFiles(directory=STATIC), name="static")
    app.add_exception_handler(CutisError, _say)
    app.add_exception_handler(RequestValidationError, _say_which_field)
    app.add_exception_handler(HTTPException, _say_status)
    guard(app, settings)
    return app


def _say_which_field(request: Request, error: Exception) -> Response:
    """The first field that is wrong. What was sent is not repeated: it may be a password."""
    assert isinstance(error, RequestValidationError)
    first = error.errors()[0]
    field = ".".join(str(part)[:40] for part in first["loc"][1:]) or "body"
    words = str(first["msg"]).removeprefix("Value error, ")
    if first["type"] == "missing":
        words = "missing; /openapi.json says what is asked for"
    return _say(request, Refused(422, f"{field}: {words[:1].lower()}{words[1:]}"))


def _say_status(request: Request, error: Exception) -> Response:
    """A page or method that isn't there, a body that can't be parsed."""
    assert isinstance(error, HTTPException)
    answer = _say(request, Refused(error.status_code, f"{error.detail}."))
    answer.headers.update(error.headers or {})
    if error.status_code == 405:  # the framework names those of the first route of the path only
        answer.headers["Allow"] = ", ".join(sorted(_methods(request)))
    return answer


def _methods(request: Request) -> set[str]:
    """What may be asked of this path."""
    every = iter_route_contexts(request.app.routes)
    found = [one for one in every if one.original_route.matches(request.scope)[0] != Match.NONE]
    return {method for one in found for method in one.methods or ()}


def _say(request: Request, error: Exception) -> Response:
    """One line, as JSON to programs and as a page to people."""
    status = error.status if isinstance(error, Refused) else 422
    headers = {"Retry-After": str(error.retry_after)} if isinstance(error, Refused) and error.retry_after else None
    person = "text/html" in request.headers.get("accept", "") and not request.url.path.startswith(("/api", "/predict"))
    if person or "hx-request" in request.headers:  # htmx accepts anything, and shows it to people
        return pages.error_page(request, status, str(error), headers)
    code = {"code": error.code} if isinstance(error, Refused) and error.code else {}
    return JSONResponse({"detail": str(error), **code}, status, headers)
