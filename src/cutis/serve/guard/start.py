"""What a server must have before it listens."""

from __future__ import annotations

import ipaddress
import ssl
from pathlib import Path

from sqlalchemy import make_url

from cutis.errors import CutisError
from cutis.serve.accounts.manage import has_admin
from cutis.serve.settings import LOOPBACK, Settings
from cutis.serve.store.engine import Store


def check(settings: Settings) -> None:
    """Raise CutisError, with the remedy, for settings that would open the workbench to people who have no business.

    Without accounts it listens on loopback only, and behind no proxy. With accounts, beyond loopback, it needs TLS or a
    proxy that does it, and an administrator who can log in.
    """
    beyond = not is_loopback(settings.host)
    if not settings.accounts:
        if beyond:
            raise CutisError(
                f"--host {settings.host} can be reached by others, who would need no login. Add --accounts, "
                "and --certificate or --behind-proxy; or leave --host out."
            )
        if settings.proxy:
            raise CutisError("--behind-proxy lets others in, who would need no login. Add --accounts, or leave it out.")
    if beyond and not settings.secure:
        raise CutisError(
            f"--host {settings.host} without TLS would send passwords and pictures in the clear. Add --certificate and "
            "--key, or --behind-proxy if a reverse proxy in front does TLS."
        )
    if settings.tls:
        _check_tls(settings)
    if settings.accounts:
        _check_admin(settings)


def is_loopback(host: str) -> bool:
    """Whether `host` can be reached from this machine only."""
    if host.casefold() in LOOPBACK:
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def _check_tls(settings: Settings) -> None:
    assert settings.tls
    certificate, key = settings.tls
    for path in settings.tls:
        if not path.is_file():
            raise CutisError(f"{path}: no such file. Give --certificate and --key, two PEM files.")
    try:
        ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER).load_cert_chain(certificate, key, password="")
    except (ssl.SSLError, OSError) as error:
        reason = error.reason or "unreadable" if isinstance(error, ssl.SSLError) else error.strerror
        raise CutisError(
            f"{certificate}, {key}: not a PEM certificate and its own key, unencrypted ({reason})."
        ) from None


def _check_admin(settings: Settings) -> None:
    if not _store_is_new(settings.store):
        store = Store.open(settings.store)
        try:
            if has_admin(store):
                return
        finally:
            store.close()
    raise CutisError(
        "nobody could log in: there is no administrator yet. Make one first: cutis account add NAME --role admin "
        "(with the same --folder and --store)"
    )


def _store_is_new(url: str) -> bool:
    """Whether it is a file that isn't there yet: a refused start should leave none."""
    where = make_url(url)
    return where.get_backend_name() == "sqlite" and not Path(where.database or "").is_file()
