"""One file over HTTP: resumed, checked, retried; under its own name only when all of it is there and right.

What has arrived lies in NAME.partial, and what is known of it (address, ETag or date, full size) in NAME.partial.json,
so that the next run goes on where this one stopped. If-Range makes the server say whether the file is still the same;
one that can't say is believed only where a checksum will tell.
"""

from __future__ import annotations

import hashlib
import http.client
import random
import re
import shutil
import ssl
import time
import urllib.error
import urllib.request
import zipfile
from collections.abc import Callable
from dataclasses import dataclass, field
from email.utils import parsedate_to_datetime
from pathlib import Path
from typing import Any
from urllib.parse import urljoin, urlsplit

from cutis import __version__
from cutis.data.remote import RemoteFile
from cutis.errors import CutisError
from cutis.files import disk_errors, read_json, write_json

ATTEMPTS = 6  # in a row without a new byte
TIMEOUT = 30.0  # seconds without a byte before a line counts as dead
LONGEST_WAIT = 300.0
RESERVE = 50 * 2**20  # bytes left free on the disk
_CHUNK = 2**18
_PASSING = {408, 425, 429, 500, 502, 503, 504}


@dataclass(frozen=True)
class Line:
    """How to wait: attempts in a row without progress, seconds of silence, and the sleep and jitter (0..1) to use."""

    attempts: int = ATTEMPTS
    timeout: float = TIMEOUT
    sleep: Callable[[float], object] = time.sleep
    jitter: Callable[[], float] = random.random
    report: Callable[[int, int | None], object] = field(default=lambda done, total: None)


class _Again(Exception):
    """Something that may pass; `wait` is what the server asked for, in seconds."""

    def __init__(self, reason: str, wait: float | None = None) -> None:
        super().__init__(reason)
        self.wait = wait


def fetch(file: RemoteFile, dest: Path, line: Line | None = None) -> Path:
    """Get `file` as `dest`. Raises CutisError: not there, refused, not what was published, disk too small, line dead.

    What has arrived is kept for the next run unless it is wrong.
    """
    line = line or Line()
    partial, note = _beside(dest)
    check_scheme(file.url)
    failed, most, restarted = 0, 0, False
    with disk_errors(dest):
        dest.parent.mkdir(parents=True, exist_ok=True)
        while True:
            resumed = partial.exists() and partial.stat().st_size > 0
            try:
                _receive(file, partial, note, line)
            except _Again as stop:
                here = partial.stat().st_size if partial.exists() else 0
                failed, most = (0, here) if here > most else (failed + 1, most)
                if failed >= line.attempts:
                    raise CutisError(
                        f"{file.url}: {stop}, {failed} times in a row. What has arrived is kept; run again to go on."
                    ) from None
                line.sleep(_pause(failed, stop.wait, line.jitter))
                continue
            wrong = fault(file, partial)
            if not wrong:
                partial.replace(dest)
                note.unlink(missing_ok=True)
                return dest
            partial.unlink(missing_ok=True)
            note.unlink(missing_ok=True)
            if not resumed or restarted:
                raise CutisError(f"{file.url}: {wrong}; it was not kept. The server may hold another file now.")
            restarted, most = True, 0  # old and new bytes may be of two files: once more from the start


def check_scheme(url: str) -> None:
    """Raise CutisError unless `url` is http or https."""
    if urlsplit(url).scheme not in ("http", "https") or not urlsplit(url).netloc:
        raise CutisError(f"{url}: not an http or https address.")


def fault(file: RemoteFile, path: Path) -> str:
    """What is wrong with the file at `path`, or ""."""
    size = path.stat().st_size
    if file.size is not None and size != file.size:
        return f"{size:,} bytes, but {file.size:,} are published"
    if file.checksum:
        method, _, expected = file.checksum.partition(":")
        with path.open("rb") as f:
            found = hashlib.file_digest(f, method).hexdigest()
        return "" if found == expected else f"its {method.upper()} is {found}, but {expected} is published"
    if file.name.endswith((".zip", ".npz")):
        return "" if zipfile.is_zipfile(path) else "not a whole zip file"
    with path.open("rb") as f:
        start = f.read(200).lstrip().lower()
    return "a web page, not a table" if start.startswith((b"<!doctype", b"<html")) else "" if size else "empty"


def _beside(dest: Path) -> tuple[Path, Path]:
    return dest.with_name(f"{dest.name}.partial"), dest.with_name(f"{dest.name}.partial.json")


def _pause(failed: int, wanted: float | None, jitter: Callable[[], float]) -> float:
    """Seconds: what the server asked for, else 1, 2, 4... with the second half of each left to chance."""
    if wanted is not None:
        return min(wanted, LONGEST_WAIT)
    return min(2.0 ** max(failed - 1, 0), LONGEST_WAIT) * (0.5 + 0.5 * jitter())


def _receive(file: RemoteFile, partial: Path, note: Path, line: Line) -> None:
    """One request; returns when the server has sent all it says there is. Raises _Again or CutisError."""
    have, known = _standing(file, partial, note)
    headers = {"User-Agent": f"cutis/{__version__}", "Accept-Encoding": "identity"}
    if have:
        headers["Range"] = f"bytes={have}-"
        if same := known.get("etag") or known.get("modified"):
            headers["If-Range"] = same
    try:
        with _opener().open(urllib.request.Request(file.url, headers=headers), timeout=line.timeout) as response:
            _store(response, file, partial, note, have, line)
    except urllib.error.HTTPError as error:
        with error:
            if error.code == 416 and have and _total(error.headers) == have:
                return
            if error.code == 416:
                partial.unlink(missing_ok=True)
                raise _Again("the server has less than arrived before") from None
            _refused(error, file)
    except urllib.error.URLError as error:
        if isinstance(error.reason, ssl.SSLCertVerificationError):
            raise CutisError(f"{file.url}: its certificate is not valid ({error.reason.verify_message}).") from None
        raise _Again(_words(error.reason, line)) from None
    except (http.client.HTTPException, TimeoutError, ConnectionError, ssl.SSLError) as error:
        raise _Again(_words(error, line)) from None


def _standing(file: RemoteFile, partial: Path, note: Path) -> tuple[int, dict[str, Any]]:
    """How much has arrived that can be gone on with, and what is known of it."""
    have = partial.stat().st_size if partial.exists() else 0
    if not have:
        return 0, {}
    try:
        known = read_json(note)
    except CutisError:
        known = None
    if not isinstance(known, dict) or known.get("url") != file.url:
        return 0, {}
    return (have, known) if known.get("etag") or known.get("modified") or file.checksum else (0, {})


def _store(response: Any, file: RemoteFile, partial: Path, note: Path, have: int, line: Line) -> None:
    if response.headers.get("Content-Encoding", "identity") != "identity":
        raise CutisError(f"{file.url}: sent as {response.headers['Content-Encoding']}, which was not asked for.")
    if response.status == 206:
        begin = re.match(r"bytes (\d+)-", response.headers.get("Content-Range", ""))
        if begin is None or int(begin[1]) != have:
            partial.unlink(missing_ok=True)
            raise _Again("the server sent another part than was asked for")
        total = _total(response.headers)
    elif response.status == 200:
        have = 0
        length = response.headers.get("Content-Length", "")
        total = int(length) if length.isdecimal() else None
    else:
        raise CutisError(f"{file.url}: the server answered {response.status} {response.reason}.")
    if file.size is not None and total is not None and total != file.size:
        raise CutisError(
            f"{file.url}: the server offers {total:,} bytes, but {file.size:,} are published: not the same file."
        )
    total = total if total is not None else file.size
    check_disk(partial, (total or 0) - have)
    etag = response.headers.get("ETag", "")
    write_json(
        note,
        {
            "url": file.url,
            "etag": "" if etag.startswith("W/") else etag,
            "modified": response.headers.get("Last-Modified", ""),
        },
    )
    with partial.open("r+b" if have else "wb") as f:
        f.seek(have)
        while data := response.read1(_CHUNK):  # what there is: `read` would drop it if the line dies
            f.write(data)
            have += len(data)
            line.report(have, total)
            if file.size is not None and have > file.size:
                raise CutisError(f"{file.url}: more than the {file.size:,} bytes that are published; stopped.")
    if total is not None and have < total:
        raise _Again(f"the line was cut after {have:,} of {total:,} bytes")


def check_disk(path: Path, needed: int) -> None:
    """Raise CutisError if `needed` bytes more don't fit on the disk of `path`."""
    free = shutil.disk_usage(path.absolute().parent).free
    if needed + RESERVE > free:
        raise CutisError(
            f"{path.parent}: {needed / 1e6:,.0f} MB are still to come and {free / 1e6:,.0f} MB are free on the disk. "
            "Free some space or choose another place."
        )


def _total(headers: Any) -> int | None:
    found = re.search(r"/(\d+)$", headers.get("Content-Range", ""))
    return int(found[1]) if found else None


def _refused(error: urllib.error.HTTPError, file: RemoteFile) -> None:
    """Raise what an HTTP error means."""
    if error.code in _PASSING:
        raise _Again(f"the server answered {error.code} {error.reason}", _retry_after(error.headers))
    if error.code in (404, 410):
        raise CutisError(f"{file.url}: not there ({error.code}). It may have moved: see cutis datasets for its page.")
    if error.code in (401, 403):
        raise CutisError(f"{file.url}: refused ({error.code}). It may ask for an account now: see cutis datasets.")
    if 300 <= error.code < 400:
        raise CutisError(f"{file.url}: sends elsewhere, to what is not an http or https address; not followed.")
    raise CutisError(f"{file.url}: the server answered {error.code} {error.reason}.")


def _retry_after(headers: Any) -> float | None:
    """Seconds from a Retry-After header: a number, or a date."""
    text = headers.get("Retry-After", "").strip()
    if text.isdecimal():
        return float(text)
    try:
        return max(0.0, parsedate_to_datetime(text).timestamp() - time.time())
    except ValueError:
        return None


def _words(reason: object, line: Line) -> str:
    if isinstance(reason, TimeoutError):
        return f"no byte came for {line.timeout:g} s"
    return f"the line failed ({str(reason) or type(reason).__name__})"


class _Redirects(urllib.request.HTTPRedirectHandler):
    """Follows redirects to http and https only, and never from https to http."""

    def redirect_request(self, req: Any, fp: Any, code: int, msg: str, headers: Any, newurl: str) -> Any:
        target = urljoin(req.full_url, newurl)
        new, old = urlsplit(target).scheme, urlsplit(req.full_url).scheme
        if new not in ("http", "https") or (old == "https" and new != "https"):
            fp.close()
            raise CutisError(f"{req.full_url}: sends elsewhere ({target[:100]}), which is not as safe; not followed.")
        return super().redirect_request(req, fp, code, msg, headers, newurl)


def _opener() -> urllib.request.OpenerDirector:
    """HTTP and HTTPS only (`build_opener` would also read files and FTP); the environment's proxies are used."""
    opener = urllib.request.OpenerDirector()
    for handler in (
        urllib.request.ProxyHandler(),
        urllib.request.HTTPHandler(),
        urllib.request.HTTPSHandler(),
        urllib.request.HTTPDefaultErrorHandler(),
        urllib.request.HTTPErrorProcessor(),
        _Redirects(),
    ):
        opener.add_handler(handler)
    return opener
