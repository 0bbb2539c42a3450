"""What stands around the application: who is let near, how much may come in, and what a browser is told to allow."""

from __future__ import annotations

from anyio import CapacityLimiter
from fastapi import FastAPI

from cutis.serve.accounts.passwords import TURNS
from cutis.serve.guard.gate import Gate
from cutis.serve.guard.headers import SafeHeaders
from cutis.serve.guard.limits import Bodies
from cutis.serve.guard.logs import Access
from cutis.serve.guard.rates import Tries
from cutis.serve.guard.share import AtOnce
from cutis.serve.guard.sites import Sites
from cutis.serve.settings import Settings


def guard(app: FastAPI, settings: Settings) -> None:
    """Put the guards around `app`; a request passes them in this order, and meets the routes last.

    Headers, access log (and the answer to a failure of ours), how many at once, Host and origin, account, size and pace
    of the body.
    Without accounts only loopback names are answered: a test client needs base_url="http://127.0.0.1".
    """
    for inner in (Bodies, Gate, Sites):  # the last one added is the outermost
        app.add_middleware(inner, settings=settings)
    app.add_middleware(AtOnce)
    app.add_middleware(Access)
    app.add_middleware(SafeHeaders, settings=settings)
    app.state.password_tries = Tries()
    app.state.password_threads = CapacityLimiter(TURNS.at_once + TURNS.most + 8)  # the last hear that too many wait
