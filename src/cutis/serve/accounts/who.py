"""What a route asks: who is it, may they, and did the page of this browser really send it."""

from __future__ import annotations

import secrets
from collections.abc import Awaitable, Callable
from typing import Annotated

from fastapi import Depends, Request

from cutis.serve.answer import SAFE
from cutis.serve.kinds import Refused, Who
from cutis.serve.store.tables import ROLES

HEADER = "X-CSRF-Token"
FIELD = "csrf"


async def who(request: Request) -> Who:
    """The account behind a request, found by the gate before anything of the request was read.

    Asynchronous, though it waits for nothing: FastAPI runs plain functions in threads, which costs more than they do.
    """
    found: Who | None = getattr(request.state, "who", None)
    if found is None:
        raise Refused(401, "log in first, at /login.")
    return found


Asking = Annotated[Who, Depends(who)]


def needs(role: str) -> Callable[[Request], Awaitable[Who]]:
    """A dependency like `who` that refuses with 403 those who are less than `role`: Depends(needs("curator"))."""
    least = ROLES.index(role)

    async def able(request: Request) -> Who:
        found = await who(request)
        if ROLES.index(found.role) < least:
            raise Refused(403, f"this needs the role {role}; the account {found.name} is a {found.role}. Ask an admin.")
        return found

    return able


async def token(request: Request) -> None:
    """Of every route: an unsafe request of a session carries its token, in the header or as a form's field `csrf`.

    Where there is no session there is nothing to forge with, and a login replaces the one there is; the origin was
    compared in any case.
    """
    found: Who | None = getattr(request.state, "who", None)
    if request.method in SAFE or found is None or not found.csrf or request.url.path == "/login":
        return
    given = request.headers.get(HEADER)
    if given is None:
        field = (await request.form(max_files=32)).get(FIELD)
        given = field if isinstance(field, str) else ""
    if not secrets.compare_digest(given.encode(), found.csrf.encode()):
        await request.close()
        raise Refused(
            403, "this form is older than your session, or came from elsewhere. Load the page again, then send."
        )
