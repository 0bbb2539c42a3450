"""Download, against a server in this process that misbehaves in every way a script asks it to."""

from __future__ import annotations

import hashlib
import io
import json
import threading
import time
import zipfile
from collections.abc import Callable, Iterator
from email.utils import formatdate
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from cutis.data import fetch as fetch_module
from cutis.data.download import download, files_of
from cutis.data.fetch import Line, fetch
from cutis.data.readers import READERS
from cutis.data.remote import REMOTE, RemoteFile
from cutis.errors import CutisError

DATA = bytes(range(256)) * 400  # 102,400 bytes
ETAG = '"one"'
Step = Callable[["Handler"], None]


class Handler(BaseHTTPRequestHandler):
    """Answers each request with the next step of `server.script`; the last one repeats."""

    def do_GET(self) -> None:
        server = self.server
        server.seen.append(dict(self.headers.items()))
        step = server.script.pop(0) if len(server.script) > 1 else server.script[0]
        step(self)

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002
        pass

    def head(self, status: int, **headers: object) -> None:
        self.send_response(status)
        for name, value in headers.items():
            self.send_header(name.replace("_", "-"), str(value))
        self.end_headers()


class Server(ThreadingHTTPServer):
    daemon_threads = True
    script: list[Step]
    seen: list[dict[str, str]]

    def handle_error(self, request: object, client_address: object) -> None:
        pass  # the client hanging up is part of the tests

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_address[1]}"


@pytest.fixture
def server() -> Iterator[Server]:
    made = Server(("127.0.0.1", 0), Handler)
    made.seen, made.script = [], [good]
    thread = threading.Thread(target=made.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True)
    thread.start()
    yield made
    made.shutdown()
    made.server_close()
    thread.join()


def good(h: Handler, data: bytes = DATA, etag: str = ETAG) -> None:
    """A server that does everything right: ranges, If-Range, 416."""
    asked = h.headers.get("Range")
    if asked and h.headers.get("If-Range", etag) == etag:
        start = int(asked.removeprefix("bytes=").rstrip("-"))
        if start >= len(data):
            h.head(416, Content_Range=f"bytes */{len(data)}", Content_Length=0)
            return
        span = f"bytes {start}-{len(data) - 1}/{len(data)}"
        h.head(206, Content_Length=len(data) - start, Content_Range=span, ETag=etag)
        h.wfile.write(data[start:])
        return
    h.head(200, Content_Length=len(data), ETag=etag)
    h.wfile.write(data)


def cut(at: int, etag: str = ETAG, **headers: object) -> Step:
    """Promises everything and hangs up after `at` bytes more."""

    def step(h: Handler) -> None:
        start = int((h.headers.get("Range") or "bytes=0-")[6:-1])
        if start:
            span = f"bytes {start}-{len(DATA) - 1}/{len(DATA)}"
            h.head(206, Content_Length=len(DATA) - start, Content_Range=span, ETag=etag, **headers)
        else:
            h.head(200, Content_Length=len(DATA), **({"ETag": etag} if etag else {}), **headers)
        h.wfile.write(DATA[start : start + at])
        h.close_connection = True

    return step


def answer(status: int, **headers: object) -> Step:
    return lambda h: h.head(status, Content_Length=0, **headers)


def sends(data: bytes, **headers: object) -> Step:
    def step(h: Handler) -> None:
        h.head(200, **headers)
        h.wfile.write(data)
        h.close_connection = True

    return step


class Waits(list):
    """A sleep that doesn't: it keeps what it was asked for."""

    def line(self, **more: object) -> Line:
        return Line(**{"sleep": self.append, "jitter": lambda: 1.0, "timeout": 5.0, **more})


def remote(server: Server, *, size: int | None = None, name: str = "x.bin") -> RemoteFile:
    return RemoteFile(name, f"{server.url}/{name}", size, f"sha256:{hashlib.sha256(DATA).hexdigest()}")


def bare(server: Server, name: str = "x.bin", size: int | None = None) -> RemoteFile:
    return RemoteFile(name, f"{server.url}/{name}", size)


def left(folder: Path) -> list[str]:
    return sorted(p.name for p in folder.iterdir())


def test_a_good_server(server: Server, tmp_path: Path) -> None:
    told: list[tuple[int, int | None]] = []
    line = Waits().line(report=lambda done, total: told.append((done, total)))
    path = fetch(remote(server, size=len(DATA)), tmp_path / "new" / "x.bin", line)
    assert path.read_bytes() == DATA
    assert left(tmp_path / "new") == ["x.bin"]
    assert told[-1] == (len(DATA), len(DATA))
    assert server.seen[0]["Accept-Encoding"] == "identity"
    assert "Range" not in server.seen[0]


def test_a_cut_line_is_gone_on_with(server: Server, tmp_path: Path) -> None:
    waits = Waits()
    server.script = [cut(1000), cut(2000), good]
    assert fetch(remote(server), tmp_path / "x.bin", waits.line()).read_bytes() == DATA
    assert [h.get("Range") for h in server.seen] == [None, "bytes=1000-", "bytes=3000-"]
    assert {h["If-Range"] for h in server.seen[1:]} == {ETAG}
    assert waits == [1.0, 1.0]  # each time more had arrived: no growing pause


def test_the_next_run_goes_on(server: Server, tmp_path: Path) -> None:
    server.script = [cut(5000), answer(500)]
    with pytest.raises(CutisError, match=r"answered 500 .*, 6 times in a row\. What has arrived is kept"):
        fetch(remote(server), tmp_path / "x.bin", Waits().line())
    assert left(tmp_path) == ["x.bin.partial", "x.bin.partial.json"]
    server.script = [good]
    assert fetch(remote(server), tmp_path / "x.bin", Waits().line()).read_bytes() == DATA
    assert server.seen[-1]["Range"] == "bytes=5000-"
    assert left(tmp_path) == ["x.bin"]


def test_pauses_double_with_jitter_and_end(server: Server, tmp_path: Path) -> None:
    server.script = [answer(503)]
    waits = Waits()
    with pytest.raises(CutisError, match="answered 503"):
        fetch(remote(server), tmp_path / "x.bin", waits.line(jitter=lambda: 0.0))
    assert waits == [0.5, 1.0, 2.0, 4.0, 8.0]
    assert len(server.seen) == 6


def test_a_changed_file_is_taken_from_the_start(server: Server, tmp_path: Path) -> None:
    """If-Range: another ETag, so the server sends all of the new file."""
    server.script = [cut(5000, etag='"old"'), good]
    assert fetch(bare(server), tmp_path / "x.bin", Waits().line()).read_bytes() == DATA
    assert server.seen[1]["If-Range"] == '"old"'


def test_a_server_that_ignores_ranges(server: Server, tmp_path: Path) -> None:
    server.script = [cut(5000), sends(DATA, Content_Length=len(DATA), ETag=ETAG)]
    assert fetch(remote(server), tmp_path / "x.bin", Waits().line()).read_bytes() == DATA


def test_without_etag_or_date_only_a_checksum_allows_going_on(server: Server, tmp_path: Path) -> None:
    server.script = [cut(5000, etag=""), good]
    fetch(bare(server), tmp_path / "a", Waits().line())
    assert "Range" not in server.seen[1]
    server.script, server.seen[:] = [cut(5000, etag=""), good], []
    fetch(remote(server), tmp_path / "b", Waits().line())
    assert server.seen[1]["Range"] == "bytes=5000-"
    assert "If-Range" not in server.seen[1]
    server.script, server.seen[:] = (
        [cut(5000, etag='W/"weak"', Last_Modified="Mon, 01 Jan 2024 00:00:00 GMT"), good],
        [],
    )
    fetch(bare(server), tmp_path / "c", Waits().line())
    assert server.seen[1]["If-Range"] == "Mon, 01 Jan 2024 00:00:00 GMT"  # a weak ETag is no proof of equal bytes


def test_another_part_than_asked_for(server: Server, tmp_path: Path) -> None:
    def elsewhere(h: Handler) -> None:
        h.head(206, Content_Length=10, Content_Range=f"bytes 0-9/{len(DATA)}", ETag=ETAG)
        h.wfile.write(DATA[:10])

    server.script = [cut(5000), elsewhere, good]
    assert fetch(remote(server), tmp_path / "x.bin", Waits().line()).read_bytes() == DATA
    assert "Range" not in server.seen[2]


def test_416(server: Server, tmp_path: Path) -> None:
    """All had arrived before: done. More had arrived than there is: from the start."""
    note = {"url": f"{server.url}/x.bin", "etag": ETAG, "modified": ""}
    (tmp_path / "x.bin.partial.json").write_text(json.dumps(note))
    (tmp_path / "x.bin.partial").write_bytes(DATA)
    assert fetch(remote(server), tmp_path / "x.bin", Waits().line()).read_bytes() == DATA
    (tmp_path / "x.bin").unlink()
    (tmp_path / "x.bin.partial.json").write_text(json.dumps(note))
    (tmp_path / "x.bin.partial").write_bytes(DATA + b"more")
    assert fetch(remote(server), tmp_path / "x.bin", Waits().line()).read_bytes() == DATA
    assert len(server.seen) == 3


@pytest.mark.parametrize(
    ("headers", "wait"),
    [({"Retry_After": "7"}, 7.0), ({"Retry_After": "99999"}, 300.0), ({"Retry_After": "soon"}, 1.0)],
)
def test_429_waits_as_asked(headers: dict[str, str], wait: float, server: Server, tmp_path: Path) -> None:
    server.script = [answer(429, **headers), good]
    waits = Waits()
    fetch(remote(server), tmp_path / "x.bin", waits.line())
    assert waits == [wait]


def test_a_date_in_retry_after(server: Server, tmp_path: Path) -> None:
    server.script = [answer(503, Retry_After=formatdate(time.time() + 100, usegmt=True)), good]
    waits = Waits()
    fetch(remote(server), tmp_path / "x.bin", waits.line())
    assert 90 <= waits[0] <= 100


def test_a_stall_is_a_cut_line(server: Server, tmp_path: Path) -> None:
    hold = threading.Event()

    def stall(h: Handler) -> None:
        h.head(200, Content_Length=len(DATA), ETag=ETAG)
        h.wfile.write(DATA[:4000])
        h.wfile.flush()
        hold.wait(20)
        h.close_connection = True

    server.script = [stall, good]
    try:
        assert fetch(remote(server), tmp_path / "x.bin", Waits().line(timeout=0.3)).read_bytes() == DATA
        assert server.seen[1]["Range"] == "bytes=4000-"
        server.script = [stall]
        (tmp_path / "x.bin").unlink()
        with pytest.raises(CutisError, match=r"no byte came for 0\.3 s"):
            fetch(remote(server), tmp_path / "x.bin", Waits().line(timeout=0.3, attempts=1))
    finally:
        hold.set()


def test_a_length_that_lies(server: Server, tmp_path: Path) -> None:
    # too long: the line ends early, however often
    server.script = [sends(DATA, Content_Length=len(DATA) + 50)]
    with pytest.raises(CutisError, match="the line was cut after 102,400 of 102,450 bytes, 2 times in a row"):
        fetch(bare(server), tmp_path / "long", Waits().line(attempts=2))
    # too short: the rest is never sent, and the checksum tells
    server.script = [sends(DATA, Content_Length=5000)]
    with pytest.raises(CutisError, match=r"its SHA256 is .* is published; it was not kept"):
        fetch(remote(server), tmp_path / "short", Waits().line())
    # against what is published
    server.script = [sends(DATA, Content_Length=5000)]
    with pytest.raises(CutisError, match="offers 5,000 bytes, but 102,400 are published"):
        fetch(bare(server, size=len(DATA)), tmp_path / "published", Waits().line())
    # no length at all, and more than is published
    server.script = [sends(DATA * 2)]
    with pytest.raises(CutisError, match="more than the 102,400 bytes that are published"):
        fetch(bare(server, size=len(DATA)), tmp_path / "more", Waits().line())
    assert not [n for n in left(tmp_path) if not n.endswith((".partial", ".partial.json"))]


def test_a_wrong_file_is_not_kept(server: Server, tmp_path: Path) -> None:
    server.script = [sends(b"something else", Content_Length=14)]
    with pytest.raises(CutisError, match="its SHA256 is"):
        fetch(remote(server), tmp_path / "x.bin", Waits().line())
    page = b"  <!DOCTYPE html><html>please log in</html>"
    server.script = [sends(page, Content_Length=len(page))]
    with pytest.raises(CutisError, match="not a whole zip file"):
        fetch(bare(server, "x.zip"), tmp_path / "x.zip", Waits().line())
    with pytest.raises(CutisError, match="a web page, not a table"):
        fetch(bare(server, "x.csv"), tmp_path / "x.csv", Waits().line())
    server.script = [answer(200)]
    with pytest.raises(CutisError, match="empty"):
        fetch(bare(server, "x.csv"), tmp_path / "x.csv", Waits().line())
    assert left(tmp_path) == []


def test_a_wrong_beginning_is_thrown_away_once(server: Server, tmp_path: Path) -> None:
    """What arrived in an earlier run is of another file, and the server didn't notice."""
    (tmp_path / "x.bin.partial").write_bytes(b"z" * 1000)
    note = {"url": f"{server.url}/x.bin", "etag": ETAG, "modified": ""}
    (tmp_path / "x.bin.partial.json").write_text(json.dumps(note))
    assert fetch(remote(server), tmp_path / "x.bin", Waits().line()).read_bytes() == DATA
    assert len(server.seen) == 2


@pytest.mark.parametrize(
    ("step", "words"),
    [
        (answer(404), r"not there \(404\)"),
        (answer(403), r"refused \(403\)"),
        (answer(418), "answered 418"),
        (answer(204), "answered 204"),
        (answer(302, Location="file:///etc/passwd"), "not followed"),
        (answer(302, Location="ftp://127.0.0.1/x"), "not followed"),
        (sends(b"x", Content_Length=1, Content_Encoding="gzip"), "sent as gzip"),
    ],
)
def test_what_is_not_tried_again(step: Step, words: str, server: Server, tmp_path: Path) -> None:
    server.script = [step]
    with pytest.raises(CutisError, match=words):
        fetch(remote(server), tmp_path / "x.bin", Waits().line())
    assert len(server.seen) == 1
    assert "x.bin" not in left(tmp_path)


def test_a_redirect_is_followed(server: Server, tmp_path: Path) -> None:
    server.script = [answer(302, Location="/elsewhere"), good]
    assert fetch(remote(server), tmp_path / "x.bin", Waits().line()).read_bytes() == DATA


def test_https_is_never_left_for_http() -> None:
    import urllib.request

    request = urllib.request.Request("https://127.0.0.1/x")
    with pytest.raises(CutisError, match="not as safe"):
        fetch_module._Redirects().redirect_request(request, io.BytesIO(), 302, "", {}, "http://127.0.0.1/x")


def test_nobody_answers(tmp_path: Path) -> None:
    file = RemoteFile("x", "http://127.0.0.1:9/x")
    with pytest.raises(CutisError, match="the line failed"):
        fetch(file, tmp_path / "x", Waits().line(attempts=2))
    with pytest.raises(CutisError, match="not an http or https address"):
        fetch(RemoteFile("x", "file:///etc/passwd"), tmp_path / "x", Waits().line())


def test_the_disk_is_looked_at_first(server: Server, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(fetch_module, "RESERVE", 2**60)
    with pytest.raises(CutisError, match=r"MB are still to come and .* MB are free"):
        fetch(remote(server), tmp_path / "x.bin", Waits().line())
    assert left(tmp_path) == []


def as_zip(name: str) -> bytes:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as made:
        made.writestr(name, "x")
    return out.getvalue()


def test_a_release_from_a_mirror(server: Server, tmp_path: Path) -> None:
    def files(h: Handler) -> None:
        data = as_zip(h.path) if h.path.endswith(".zip") else b"image_id,lesion_id\na,b\n"
        good(h, data, etag=f'"{h.path}"')

    server.script = [files]
    told: list[tuple[float, str]] = []
    base = f"{server.url}/mirror/"
    found = download("ham10000", tmp_path / "ham", base=base, line=Waits().line(), report=lambda *a: told.append(a))
    assert [p.name for p in found] == [f.name for f in REMOTE["ham10000"]]
    assert left(tmp_path / "ham") == sorted(p.name for p in found)
    assert told[-1][0] == 1.0
    asked = len(server.seen)
    download("ham10000", tmp_path / "ham", base=base, line=Waits().line())
    assert len(server.seen) == asked  # all there: checked, not fetched
    (tmp_path / "ham" / "HAM10000_images_part_1.zip").write_bytes(b"no zip")
    with pytest.raises(CutisError, match=r"part_1\.zip: not a whole zip file\. Remove it"):
        download("ham10000", tmp_path / "ham", base=base, line=Waits().line())
    only = download("ham10000", tmp_path / "some", base=base, only=["*.csv"], line=Waits().line())
    assert left(tmp_path / "some") == [p.name for p in only] == ["HAM10000_metadata.csv"]


def test_what_cannot_be_downloaded_says_how_to_get_it() -> None:
    closed = [n for n, r in READERS.items() if r.facts and r.facts.access != "open" and n not in REMOTE]
    for name in closed:
        with pytest.raises(CutisError) as error:
            files_of(name)
        assert READERS[name].facts.address in str(error.value)
        assert f"--as {name}" in str(error.value)
    assert closed
    with pytest.raises(CutisError, match='did you mean "ham10000"'):
        files_of("ham1000")
    with pytest.raises(CutisError, match=r'--only "\*\.tar": medmnist has no such file'):
        files_of("medmnist", ["*.tar"])
    with pytest.raises(CutisError, match="not an http or https address"):
        files_of("medmnist", base="file:///tmp")


def test_the_table_of_files() -> None:
    for name, files in REMOTE.items():
        assert name in READERS, f"{name}: no reader of that name"
        assert len({f.name for f in files}) == len(files)
        for file in files:
            assert file.url.startswith("https://")
            if file.checksum:
                method, _, digest = file.checksum.partition(":")
                assert len(digest) == hashlib.new(method).digest_size * 2
