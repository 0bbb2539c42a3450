"""Requests that another site makes a browser send: by a foreign name for this host, or from a foreign page."""

from __future__ import annotations

import re

from starlette.datastructures import Headers
from starlette.types import ASGIApp, Receive, Scope, Send

from cutis.serve.answer import SAFE, refuse
from cutis.serve.kinds import Refused
from cutis.serve.settings import LOOPBACK, Settings

_HOST = re.compile(r"(?:\[([0-9a-f:.]+)\]|([a-z0-9_.-]+))(?::\d{1,5})?", re.IGNORECASE)


class Sites:
    """ASGI: answers only to its own names (against DNS rebinding), and only to its own pages.

    A program that is no browser sends neither Sec-Fetch-Site nor Origin, and carries no one's cookie by itself: it is
    let through here.
    """

    def __init__(self, app: ASGIApp, settings: Settings) -> None:
        self.app = app
        self.settings = settings

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            return await self.app(scope, receive, send)
        headers = Headers(scope=scope)
        refused = self._name(headers) or self._page(scope["method"], headers)
        if refused:
            return await refuse(scope, receive, send, refused)
        return await self.app(scope, receive, send)

    def _name(self, headers: Headers) -> Refused | None:
        name = host_name(headers.get("host", ""))
        if name is None or len(headers.getlist("host")) > 1:
            return Refused(400, "the request's Host header names no host. Use the address that the server printed.")
        allowed = LOOPBACK | {n.casefold() for n in self.settings.names}
        anyone = self.settings.accounts and not self.settings.names
        if anyone or name in allowed:
            return None
        return Refused(
            421,
            f'this server is not called "{name}". Use one of its names: {", ".join(sorted(allowed))}; or add --name.',
        )

    def _page(self, method: str, headers: Headers) -> Refused | None:
        site = headers.get("sec-fetch-site")
        if site in ("same-origin", "none"):
            return None
        foreign = Refused(
            403, "this request came from a page of another site. Open the workbench itself and try there."
        )
        if site is not None:
            # A link on another page may lead here; nothing else of ours is for other sites.
            link = method in SAFE and headers.get("sec-fetch-mode") == "navigate"
            return None if link else foreign
        origin = headers.get("origin")
        if origin is None or (method in SAFE and origin != "null"):
            return None
        schemes = ("https",) if self.settings.secure else ("http", "https")
        ours = {f"{scheme}://{headers['host']}".casefold() for scheme in schemes}
        return None if origin.casefold() in ours else foreign


def host_name(host: str) -> str | None:
    """The name in a Host header, lower case, without port and brackets; None if it is malformed.

    >>> host_name("LocalHost:8642"), host_name("[::1]:8642"), host_name("a@b")
    ('localhost', '::1', None)
    """
    found = _HOST.fullmatch(host)
    return (found[1] or found[2]).casefold() if found else None
