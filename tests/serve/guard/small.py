"""A small application behind the real guards and accounts: quick to start, with a route of each kind."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace
from typing import Annotated

from fastapi import Depends, FastAPI, Request
from fastapi.responses import HTMLResponse, JSONResponse, Response
from fastapi.testclient import TestClient

from cutis.errors import CutisError
from cutis.serve.accounts.manage import add
from cutis.serve.accounts.who import Asking, needs, token
from cutis.serve.api import accounts
from cutis.serve.guard import guard
from cutis.serve.guard.rates import Rate, Tries
from cutis.serve.kinds import Refused, Who
from cutis.serve.settings import Settings
from cutis.serve.store.engine import Store

HERE = "http://127.0.0.1:8642"
SECRETS = {
    "boss": "violet harbour ninety",
    "reader-a": "ten quiet ferries south",
    "reader-b": "seven paper lanterns up",
    "keeper": "old maps of the estuary",
}
ROLES = {"boss": "admin", "reader-a": "reader", "reader-b": "reader", "keeper": "curator"}
TEAMS = {"boss": "clinic", "reader-a": "clinic", "reader-b": "elsewhere", "keeper": "clinic"}


def settings_in(folder: Path, **changes: object) -> Settings:
    given = {"bundles": (), "store": f"sqlite:///{folder / 'cutis.db'}", "files": folder / "pictures", **changes}
    return Settings(**given)  # type: ignore[arg-type]


def people(store: Store) -> None:
    for name, secret in SECRETS.items():
        add(store, "test", name, secret, ROLES[name], TEAMS[name])


def small(settings: Settings, store: Store) -> FastAPI:
    app = FastAPI(dependencies=[Depends(token)])
    app.include_router(accounts.router)

    @app.get("/", response_class=HTMLResponse)
    def page(who: Asking) -> str:
        return f"<p>{who.name}"

    @app.get("/login", response_class=HTMLResponse)
    def login_page() -> str:
        return "<form>"

    @app.get("/health")
    def health() -> str:
        return "ok"

    @app.post("/api/things")
    def thing(given: dict, who: Asking) -> dict:  # type: ignore[type-arg]
        return {"by": who.name, **given}

    @app.get("/api/things/{thing_id}")
    def one(thing_id: str, who: Asking) -> str:
        return thing_id

    @app.get("/api/kept")
    def kept(who: Annotated[Who, Depends(needs("curator"))]) -> str:
        return who.name

    @app.post("/api/upload")
    async def upload(request: Request, who: Asking) -> dict[str, int]:
        return {"bytes": len(await request.body())}

    @app.post("/api/form")
    async def form(request: Request, who: Asking) -> list[str]:
        async with request.form() as fields:
            return sorted(fields)

    @app.get("/api/fails")
    def fails(note: str, who: Asking) -> str:
        raise ValueError(f"could not store {note}")

    @app.get("/api/large")
    def large(who: Asking) -> Response:
        return Response(bytes(8_000_000), headers={"Cache-Control": "private, max-age=60"})

    @app.exception_handler(CutisError)
    def say(request: Request, error: CutisError) -> Response:
        status = error.status if isinstance(error, Refused) else 422
        wait = {"Retry-After": str(error.retry_after)} if isinstance(error, Refused) and error.retry_after else None
        return JSONResponse({"detail": str(error)}, status, wait)

    guard(app, settings)
    app.state.workbench = SimpleNamespace(settings=settings, store=store)
    return app


def endless_tries() -> Tries:
    """For who may try as often as they like."""
    return Tries(Rate(burst=10_000, every=0.001), Rate(burst=10_000, every=0.001))


def browser(app: FastAPI, **more: object) -> TestClient:
    """A client that follows no redirect and raises nothing of the server's."""
    given = {"base_url": HERE, "follow_redirects": False, "raise_server_exceptions": False, **more}
    return TestClient(app, **given)  # type: ignore[arg-type]


def log_in(client: TestClient, name: str, secret: str | None = None, **more: str) -> Response:
    """The answer of the login; the client has the cookie, and the token in its headers."""
    answer = client.post("/login", data={"name": name, "password": secret or SECRETS[name], **more})
    if answer.status_code == 200:
        client.headers["X-CSRF-Token"] = answer.json()["csrf"]
    return answer  # type: ignore[return-value]
