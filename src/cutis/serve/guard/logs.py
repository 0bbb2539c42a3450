"""Logs that say what the server did and to nobody whose it was: no address, name, id, query or message of an error."""

from __future__ import annotations

import logging
import secrets
import time
import traceback
from types import TracebackType
from typing import Any

from starlette.requests import ClientDisconnect
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from cutis.serve.answer import refuse
from cutis.serve.kinds import Refused

access = logging.getLogger("cutis.access")
failures = logging.getLogger("cutis.failures")


class Access:
    """ASGI: one line a request (method, route, status, time), and one answer to any failure of ours.

    The line has the route's pattern, such as /api/cases/{case_id}, not the path.
    """

    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            return await self.app(scope, receive, send)
        began = time.perf_counter()
        status = 0

        async def noted(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
            await send(message)

        try:
            await self.app(scope, receive, noted)
        except ClientDisconnect:
            status = status or 499
        except Exception:
            incident = secrets.token_hex(4)
            failures.exception("incident %s: %s %s failed", incident, scope["method"], route(scope))
            if status:
                raise
            words = f"something failed here; it was logged as incident {incident}. Tell whoever runs this server."
            await refuse(scope, receive, noted, Refused(500, words))
        finally:
            spent = 1000 * (time.perf_counter() - began)
            access.info("%s %s %d %.1f ms", scope["method"], route(scope), status, spent)
        return None


def route(scope: Scope) -> str:
    """The pattern of the route that was met; "-" where there was none."""
    return getattr(scope.get("route"), "path", None) or ("/static" if scope["path"].startswith("/static/") else "-")


class Discreet(logging.Formatter):
    """Says of an error its type and where it was raised, never its message: that may hold what a user typed."""

    def format(self, record: logging.LogRecord) -> str:
        told, record.exc_text = record.exc_text, None  # as another formatter, less discreet, may have told it
        try:
            return super().format(record)
        finally:
            record.exc_text = told

    def formatException(self, ei: Any) -> str:
        error: BaseException | None = ei[1]
        lines = []
        while error is not None:
            lines += [f"{type(error).__qualname__}", *_places(error.__traceback__)]
            error = error.__cause__ or (None if error.__suppress_context__ else error.__context__)
        return "\n".join(lines)


class Untold(logging.Filter):
    """Leaves out a start's traceback that ends in a CutisError, and that it failed: `cutis.serve.run` says that in one
    line."""

    def filter(self, record: logging.LogRecord) -> bool:
        text = record.getMessage()
        refused = text.startswith("Traceback") and "\ncutis.errors.CutisError: " in text
        return not refused and text != "Application startup failed. Exiting."


def _places(trace: TracebackType | None) -> list[str]:
    return [f"  {frame.filename}:{frame.lineno} in {frame.name}" for frame in traceback.extract_tb(trace)]


def log_config(level: str = "INFO") -> dict[str, Any]:
    """For uvicorn's `log_config` (logging.config.dictConfig): its own lines and ours, all through `Discreet`."""
    return {
        "version": 1,
        "disable_existing_loggers": False,
        "formatters": {"discreet": {"()": Discreet, "format": "%(asctime)s %(levelname)s %(name)s %(message)s"}},
        "filters": {"untold": {"()": Untold}},
        "handlers": {"stderr": {"class": "logging.StreamHandler", "formatter": "discreet", "filters": ["untold"]}},
        "loggers": {
            name: {"handlers": ["stderr"], "level": level, "propagate": False} for name in ("uvicorn", "cutis")
        },
    }
