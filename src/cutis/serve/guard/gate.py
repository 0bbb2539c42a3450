"""The gate: every request needs an account, but for a short list, and is asked before its body is read."""

from __future__ import annotations

import asyncio
import re
from typing import TYPE_CHECKING
from urllib.parse import quote

from starlette.concurrency import run_in_threadpool
from starlette.datastructures import Headers
from starlette.requests import cookie_parser
from starlette.responses import RedirectResponse
from starlette.types import ASGIApp, Receive, Scope, Send

from cutis.errors import CutisError
from cutis.serve.accounts.manage import local_account
from cutis.serve.accounts.sessions import cookie_name, find
from cutis.serve.answer import refuse, wants_page
from cutis.serve.kinds import Refused, Who
from cutis.serve.settings import Settings

if TYPE_CHECKING:
    from cutis.serve.workbench import Workbench

OPEN = frozenset({"/login", "/health", "/ready"})  # and /static/
_SITE = re.compile(r"^https?://[^/]*")
_NOBODY = frozenset({"/health", "/ready"})  # asked often, by machines


class Gate:
    """ASGI: puts `who` into the request's state, or answers 401 (a page goes to /login and comes back)."""

    def __init__(self, app: ASGIApp, settings: Settings) -> None:
        self.app = app
        self.settings = settings
        self._local: tuple[Workbench, Who] | None = None
        self._making = asyncio.Lock()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http" or scope["path"].startswith("/static/"):
            return await self.app(scope, receive, send)
        path = scope["path"]
        try:
            who = None if path in _NOBODY else await self._who(scope)
        except CutisError as error:
            return await refuse(scope, receive, send, error)
        scope.setdefault("state", {})["who"] = who
        if who is not None or path in OPEN:
            return await self.app(scope, receive, send)
        return await self._ask(scope, receive, send)

    async def _who(self, scope: Scope) -> Who | None:
        bench: Workbench = scope["app"].state.workbench
        if not self.settings.accounts:
            return await self._the_one(bench)
        token = presented(scope, self.settings)
        return await run_in_threadpool(find, bench.store, token) if token else None

    async def _the_one(self, bench: Workbench) -> Who:
        async with self._making:
            if self._local is None or self._local[0] is not bench:
                account = await run_in_threadpool(local_account, bench.store)
                self._local = (bench, Who(account.id, account.name, account.role, account.team))
            return self._local[1]

    async def _ask(self, scope: Scope, receive: Receive, send: Send) -> None:
        headers = Headers(scope=scope)
        if scope["method"] == "GET" and wants_page(scope):
            query = scope["query_string"].decode("latin-1")
            target = scope["path"] + (f"?{query}" if query else "")
            expired = presented(scope, self.settings) is not None
            return await RedirectResponse(to_login(target, expired), 303)(scope, receive, send)
        extra = {}
        if "hx-request" in headers:  # htmx: the whole page goes to the login
            shown = _SITE.sub("", headers.get("hx-current-url", "/"))
            extra["HX-Redirect"] = to_login(shown, expired=True)
        return await refuse(scope, receive, send, Refused(401, "log in first, at /login."), extra)


def presented(scope: Scope, settings: Settings) -> str | None:
    """The session's token in the request's cookies, if there is one; it may be over."""
    return cookie_parser(Headers(scope=scope).get("cookie", "")).get(cookie_name(settings)) or None


def to_login(target: str, expired: bool) -> str:
    """The login's address, with the page to come back to."""
    return f"/login?next={quote(inside(target), safe='')}" + ("&expired=1" if expired else "")


def inside(target: str) -> str:
    """`target` if it is a page of this server, else "/": after a login nobody is sent elsewhere."""
    ours = target.startswith("/") and not target.startswith("//") and "\\" not in target and target.isprintable()
    return target if ours else "/"
