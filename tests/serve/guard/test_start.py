"""What a server must have before it listens."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

import pytest

from cutis.errors import CutisError
from cutis.serve.guard.start import check, is_loopback
from cutis.serve.store.engine import Store
from serve.guard.small import people, settings_in

MAKE = "openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -days 2 -subj /CN=localhost"


@pytest.fixture(scope="session")
def pair(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    if shutil.which("openssl") is None:
        pytest.skip("openssl is not installed; it makes the certificate of this test")
    folder = tmp_path_factory.mktemp("tls")
    certificate, key = folder / "a.crt", folder / "a.key"
    subprocess.run(
        [*MAKE.split(), "-keyout", str(key), "-out", str(certificate)],
        check=True,
        capture_output=True,
    )
    return certificate, key


def test_loopback_needs_nothing(tmp_path: Path) -> None:
    for host in ("127.0.0.1", "::1", "localhost", "127.8.9.1"):
        assert is_loopback(host)
        check(settings_in(tmp_path, host=host))
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("host", ["0.0.0.0", "::", "192.168.1.4", "clinic.example"])
def test_beyond_loopback_needs_accounts_and_tls(tmp_path: Path, store: Store, host: str) -> None:
    people(store)
    with pytest.raises(CutisError, match=r"need no login\. Add --accounts"):
        check(settings_in(tmp_path, host=host))
    with pytest.raises(CutisError, match=r"in the clear\. Add --certificate"):
        check(settings_in(tmp_path, host=host, accounts=True))
    check(settings_in(tmp_path, host=host, accounts=True, proxy=True))


def test_a_proxy_without_accounts_opens_the_door(tmp_path: Path) -> None:
    with pytest.raises(CutisError, match="--behind-proxy lets others in"):
        check(settings_in(tmp_path, proxy=True))


def test_tls_files_are_tried(tmp_path: Path, store: Store, pair: tuple[Path, Path]) -> None:
    people(store)
    certificate, _ = pair
    check(settings_in(tmp_path, host="0.0.0.0", accounts=True, tls=pair))
    with pytest.raises(CutisError, match="no such file"):
        check(settings_in(tmp_path, tls=(certificate, tmp_path / "none.key")))
    damaged = tmp_path / "damaged.key"
    damaged.write_text("nothing")
    with pytest.raises(CutisError, match="not a PEM certificate and its own key"):
        check(settings_in(tmp_path, tls=(certificate, damaged)))
    with pytest.raises(CutisError, match="not a PEM certificate and its own key"):
        check(settings_in(tmp_path, tls=(certificate, certificate)))


def test_somebody_must_be_able_to_log_in(tmp_path: Path, store: Store) -> None:
    with pytest.raises(CutisError, match="cutis account add NAME --role admin"):
        check(settings_in(tmp_path, accounts=True))
    people(store)
    check(settings_in(tmp_path, accounts=True))


def test_a_refused_start_leaves_no_store(tmp_path: Path) -> None:
    with pytest.raises(CutisError, match="nobody could log in"):
        check(settings_in(tmp_path / "new", accounts=True))
    assert list(tmp_path.iterdir()) == []
