"""Logging in and out, and the accounts: as JSON for programs, as forms for the pages."""

from __future__ import annotations

from datetime import datetime
from functools import partial
from typing import Annotated, Literal
from urllib.parse import urlencode

from anyio import to_thread
from fastapi import APIRouter, Depends, Form, Request, status
from fastapi.responses import JSONResponse, RedirectResponse, Response
from pydantic import BaseModel, ConfigDict, Field

from cutis.serve.accounts import manage, sessions
from cutis.serve.accounts.login import log_in
from cutis.serve.accounts.passwords import LONGEST, TURNS, right
from cutis.serve.accounts.who import Asking, needs
from cutis.serve.answer import wants_page
from cutis.serve.guard.gate import inside, presented
from cutis.serve.guard.rates import Tries, client
from cutis.serve.kinds import Refused, Who
from cutis.serve.store.tables import Account, now
from cutis.serve.trail import append
from cutis.serve.workbench import Workbench

router = APIRouter(tags=["accounts"])
Admin = Annotated[Who, Depends(needs("admin"))]
Role = Literal["reader", "curator", "admin"]
_FORGET = {"Clear-Site-Data": '"cache"'}  # pictures, on a computer that several people use


class Me(BaseModel):
    """The account behind the request."""

    model_config = ConfigDict(
        json_schema_extra={"examples": [{"name": "reader-1", "role": "reader", "team": "clinic"}]}
    )
    name: str
    role: Role
    team: str
    csrf: str = Field("", description="what every unsafe request carries in the header X-CSRF-Token")


class AccountOut(BaseModel):
    """An account, without its password."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [
                {
                    "name": "reader-1",
                    "role": "reader",
                    "team": "clinic",
                    "disabled": False,
                    "locked_until": None,
                    "created_at": "2026-11-22T13:45:00Z",
                }
            ]
        }
    )
    name: str
    role: Role
    team: str
    disabled: bool
    locked_until: datetime | None
    created_at: datetime


class NewAccount(BaseModel):
    """An account to make."""

    model_config = ConfigDict(
        extra="forbid",
        json_schema_extra={"examples": [{"name": "reader-1", "password": "violet harbour ninety", "role": "reader"}]},
    )
    name: str = Field(max_length=64)
    password: str = Field(max_length=LONGEST)
    role: Role = "reader"
    team: str = Field("clinic", max_length=64)


class Change(BaseModel):
    """What to change of an account; what is left out stays."""

    model_config = ConfigDict(extra="forbid", json_schema_extra={"examples": [{"role": "curator"}, {"disabled": True}]})
    role: Role | None = None
    team: str | None = Field(None, max_length=64)
    disabled: bool | None = None
    password: str | None = Field(None, max_length=LONGEST)


class NewPassword(BaseModel):
    """One's own new password."""

    model_config = ConfigDict(
        extra="forbid",
        json_schema_extra={"examples": [{"present": "violet harbour ninety", "new": "ten quiet ferries south"}]},
    )
    present: str = Field(max_length=LONGEST)
    new: str = Field(max_length=LONGEST)


def _bench(request: Request) -> Workbench:
    bench: Workbench = request.app.state.workbench
    return bench


def _count_try(request: Request, address: str, name: str) -> None:
    """Refused(429) for one who tries passwords faster than people do."""
    tries: Tries = request.app.state.password_tries
    tries.take(address, name)


@router.post(
    "/login",
    summary="Log in",
    response_model=Me,
    responses={401: {"description": "wrong, or locked"}, 429: {"description": "too many tries"}},
)
async def login(
    request: Request,
    name: Annotated[str, Form(max_length=64, examples=["reader-1"])],
    password: Annotated[str, Form(max_length=LONGEST, examples=["violet harbour ninety"])],
    after: Annotated[str, Form(alias="next", max_length=2000)] = "/",
) -> Response:
    """Opens a session: a cookie, and the token that unsafe requests carry. A browser is sent to the page `next`."""
    bench = _bench(request)
    if not bench.settings.accounts:
        raise Refused(404, "this server runs without accounts; there is nothing to log in to.")
    address = client(request)
    _count_try(request, address, name)
    try:
        replacing = presented(request.scope, bench.settings)
        # In threads of their own: who waits for a turn keeps none from other pages.
        work = partial(log_in, bench.store, name, password, replacing, address)
        opened = await to_thread.run_sync(work, limiter=request.app.state.password_threads)
    except Refused as refused:
        if refused.status != 401 or not wants_page(request.scope):
            raise
        return RedirectResponse(f"/login?{urlencode({'wrong': 1, 'next': inside(after)})}", status.HTTP_303_SEE_OTHER)
    answer: Response
    if wants_page(request.scope):
        answer = RedirectResponse(inside(after), status.HTTP_303_SEE_OTHER)
    else:
        answer = JSONResponse(_me(opened.who).model_dump())
    answer.set_cookie(
        sessions.cookie_name(bench.settings),
        opened.token,
        httponly=True,
        samesite="lax",
        secure=bench.settings.secure,
        path="/",
    )
    return answer


@router.post("/logout", summary="Log out", status_code=204, response_class=Response)
def logout(request: Request, who: Asking) -> Response:
    """Ends this browser's session."""
    bench = _bench(request)
    if bench.settings.accounts:
        with bench.store.begin() as session:
            sessions.close(session, presented(request.scope, bench.settings))
            append(session, who.name, "account.logout", who.name, {})
    answer = RedirectResponse("/login?out=1", 303) if wants_page(request.scope) else Response(status_code=204)
    answer.headers.update(_FORGET)
    answer.delete_cookie(
        sessions.cookie_name(bench.settings), path="/", secure=bench.settings.secure, httponly=True, samesite="lax"
    )
    return answer


@router.get("/api/account", summary="Who am I")
def me(who: Asking) -> Me:
    """The account behind this request, and its token for unsafe requests."""
    return _me(who)


@router.post("/api/account/password", summary="Change one's own password", status_code=204, response_class=Response)
def change_password(request: Request, given: NewPassword, who: Asking) -> Response:
    """Ends all sessions of the account, this one too: log in again with the new password."""
    _change_own(request, who, given.present, given.new)
    return Response(status_code=204)


@router.get("/api/accounts", summary="List accounts")
def accounts(request: Request, who: Admin) -> list[AccountOut]:
    """Every account, by name. For administrators."""
    return [_out(a) for a in manage.everyone(_bench(request).store)]


@router.post(
    "/api/accounts", summary="Make an account", status_code=201, responses={409: {"description": "The name is taken"}}
)
def add(request: Request, given: NewAccount, who: Admin) -> AccountOut:
    """For administrators."""
    made = manage.add(_bench(request).store, who.name, given.name, given.password, given.role, given.team)
    return _out(made)


@router.patch("/api/accounts/{name}", summary="Change an account")
def change(request: Request, name: str, given: Change, who: Admin) -> AccountOut:
    """Role, team, password, or whether it is disabled; its sessions and a lock-out end. For administrators."""
    changed = manage.change(_bench(request).store, who.name, name, **given.model_dump())
    return _out(changed)


@router.post("/accounts", include_in_schema=False)
def add_by_form(
    request: Request,
    who: Admin,
    name: Annotated[str, Form(max_length=64)],
    password: Annotated[str, Form(max_length=LONGEST)],
    role: Annotated[str, Form(max_length=16)] = "reader",
    team: Annotated[str, Form(max_length=64)] = "clinic",
) -> Response:
    """`add` from the page."""
    made = manage.add(_bench(request).store, who.name, name, password, role, team)
    return RedirectResponse(f"/accounts?{urlencode({'added': made.name})}", status.HTTP_303_SEE_OTHER)


@router.post("/accounts/{name}", include_in_schema=False)
def change_by_form(
    request: Request,
    who: Admin,
    name: str,
    role: Annotated[str | None, Form(max_length=16)] = None,
    team: Annotated[str | None, Form(max_length=64)] = None,
    disabled: Annotated[bool | None, Form()] = None,
    password: Annotated[str | None, Form(max_length=LONGEST)] = None,
) -> Response:
    """`change` from the page; fields left empty stay as they are."""
    changed = manage.change(
        _bench(request).store,
        who.name,
        name,
        role=role or None,
        team=team or None,
        disabled=disabled,
        password=password or None,
    )
    own = changed.name == who.name  # whose session is over
    target = "/login?out=1" if own else f"/accounts?{urlencode({'changed': changed.name})}"
    return RedirectResponse(target, status.HTTP_303_SEE_OTHER)


@router.post("/account/password", include_in_schema=False)
def change_password_by_form(
    request: Request,
    who: Asking,
    present: Annotated[str, Form(max_length=LONGEST)],
    new: Annotated[str, Form(max_length=LONGEST)],
    again: Annotated[str, Form(max_length=LONGEST)],
) -> Response:
    """`change_password` from the page."""
    if new != again:
        raise Refused(422, "the two new passwords differ. Type the same one twice.")
    _change_own(request, who, present, new)
    return RedirectResponse("/login?out=1", status.HTTP_303_SEE_OTHER)


def _change_own(request: Request, who: Who, present: str, new: str) -> None:
    bench = _bench(request)
    if not bench.settings.accounts:
        raise Refused(404, "this server runs without accounts; there is no password to change.")
    key = f"account {who.account_id}"
    _count_try(request, key, who.name)
    with bench.store.reading() as session:
        account = session.get_one(Account, who.account_id)
    with TURNS.turn(key):
        same = right(present, account.password)
    if not same:
        raise Refused(403, "the present password is wrong; nothing was changed.")
    manage.change(bench.store, who.name, who.name, password=new)


def _me(who: Who) -> Me:
    return Me(name=who.name, role=who.role, team=who.team, csrf=who.csrf)


def _out(account: Account) -> AccountOut:
    locked = account.locked_until if account.locked_until and account.locked_until > now() else None
    return AccountOut(
        name=account.name,
        role=account.role,
        team=account.team,
        disabled=account.disabled,
        locked_until=locked,
        created_at=account.created_at,
    )
