"""The login, and the accounts' page for administrators. What their forms do is `cutis.serve.api.accounts`."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Depends, Query, Request
from fastapi.responses import HTMLResponse, RedirectResponse, Response

from cutis.serve.accounts import manage
from cutis.serve.accounts.passwords import SHORTEST
from cutis.serve.accounts.who import Asking, needs
from cutis.serve.guard.gate import inside
from cutis.serve.kinds import Refused, Who
from cutis.serve.pages.render import bench_of, page
from cutis.serve.store.tables import ROLES, now

router = APIRouter()


@router.get("/login")
def login(
    request: Request,
    wrong: bool = False,
    out: bool = False,
    expired: bool = False,
    target: Annotated[str, Query(alias="next", max_length=2000)] = "/",
) -> Response:
    if not bench_of(request).settings.accounts:
        return RedirectResponse("/", 303)
    t = bench_of(request).words.t
    return page(
        request,
        "login.html",
        None,
        target=inside(target),
        problem=t("login.wrong") if wrong else "",
        said=t("login.out") if out else t("login.expired") if expired else "",
    )


@router.get("/accounts")
def accounts(
    request: Request,
    who: Annotated[Who, Depends(needs("admin"))],
    added: Annotated[str, Query(max_length=64)] = "",
    changed: Annotated[str, Query(max_length=64)] = "",
) -> HTMLResponse:
    """added, changed: the account that was made or changed just now."""
    bench = bench_of(request)
    if not bench.settings.accounts:
        raise Refused(404, bench.words.t("app.local"))
    t, everyone = bench.words.t, manage.everyone(bench.store)
    names = {a.name for a in everyone}  # nothing else of an address is said on the page
    return page(
        request,
        "accounts.html",
        who,
        everyone=everyone,
        roles=ROLES,
        now=now(),
        shortest=SHORTEST,
        said=t("accounts.added", name=added)
        if added in names
        else t("accounts.changed", name=changed)
        if changed in names
        else "",
    )


@router.get("/account")
def account(request: Request, who: Asking) -> HTMLResponse:
    """One's own: the password."""
    bench = bench_of(request)
    if not bench.settings.accounts:
        raise Refused(404, bench.words.t("app.local"))
    return page(request, "account.html", who, shortest=SHORTEST)
