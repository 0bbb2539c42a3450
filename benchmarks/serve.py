"""`POST /predict` of the workbench, against the same network behind a plain FastAPI + torch eager endpoint.

    python benchmarks/serve.py [--bundle PATH] [--requests 2000] [--memory 20000] [--repeats 1]

600x450 JPEGs (quality 90, a photograph's entropy) are sent by 1, 8 and 32 clients at once, each with its own kept-alive
connection and one picture a request. Server and clients share the machine's cores. Ours decodes in processes, gates,
infers, calibrates, makes sets, scores strangeness and syncs a trail entry to the disk before each answer; the peer
decodes with Pillow and infers. The peer is written both ways that FastAPI has (`async def`, `def`), and the faster one
at 32 clients counts. The last lines are the warm start, p95 at 8 clients, memory over many requests, and
`serve ratio=<our requests/s / theirs>` at 32 clients.
"""

from __future__ import annotations

import argparse
import asyncio
import os
import signal
import socket
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from common import ROOT, record, stamp, table
from predict import default_bundle, make_photos

CLIENTS = (1, 8, 32)
BOUNDARY = b"----cutis-benchmark"
OURS = "cutis serve"
PEERS = {"async def": "async", "def": "threaded"}


def request(data: bytes) -> bytes:
    """A whole HTTP/1.1 request: one picture as a form's file, as a browser or `requests` sends it."""
    body = (
        b"--" + BOUNDARY + b'\r\nContent-Disposition: form-data; name="file"; filename="photo.jpg"\r\n'
        b"Content-Type: image/jpeg\r\n\r\n" + data + b"\r\n--" + BOUNDARY + b"--\r\n"
    )
    return (
        b"POST /predict HTTP/1.1\r\nHost: 127.0.0.1\r\nAccept: application/json\r\n"
        b"Content-Type: multipart/form-data; boundary=" + BOUNDARY + b"\r\n"
        b"Content-Length: " + str(len(body)).encode() + b"\r\n\r\n" + body
    )


async def load(port: int, clients: int, requests: list[bytes], total: int) -> tuple[list[float], float]:
    """Seconds of each of `total` requests, and of all: `clients` at once, each waiting for its answer."""
    left = iter(range(total))
    times: list[float] = []

    async def client() -> None:
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        for i in left:
            began = time.perf_counter()
            writer.write(requests[i % len(requests)])
            await writer.drain()
            head = await reader.readuntil(b"\r\n\r\n")
            length = next(int(h.split(b":")[1]) for h in head.split(b"\r\n") if h.lower().startswith(b"content-length"))
            body = await reader.readexactly(length)
            if b" 200 " not in head.split(b"\r\n", 1)[0]:
                raise RuntimeError(f"{head.decode()}{body.decode()[:300]}")
            times.append(time.perf_counter() - began)
        writer.close()

    began = time.perf_counter()
    async with asyncio.TaskGroup() as group:
        for _ in range(clients):
            group.create_task(client())
    return times, time.perf_counter() - began


def free_port() -> int:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        return int(taken.getsockname()[1])


@contextmanager
def serving(command: list[str], port: int) -> Iterator[tuple[int, float]]:
    """(process id, seconds from its start until it said that it is ready) of a server; ended with the block."""
    began = time.perf_counter()
    # As it is for a user: what was compiled once is kept.
    environment = {k: v for k, v in os.environ.items() if k != "PYTHONDONTWRITEBYTECODE"}
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, env=environment)
    try:
        while True:
            if process.poll() is not None:
                sys.exit(f"{' '.join(command)}: ended with {process.returncode}")
            try:
                with urllib.request.urlopen(f"http://127.0.0.1:{port}/ready", timeout=5) as answer:
                    if answer.status == 200:
                        break
            except (urllib.error.URLError, ConnectionError, TimeoutError):
                time.sleep(0.01)
        yield process.pid, time.perf_counter() - began
    finally:
        process.send_signal(signal.SIGINT)
        try:
            process.wait(20)
        except subprocess.TimeoutExpired:
            process.kill()


def resident(pid: int) -> float:
    """MB of a process and its children, shared pages counted once where the kernel says (PSS)."""
    pids, known = [pid], {pid}
    for place in Path("/proc").iterdir():
        if place.name.isdigit():
            try:
                parent = int((place / "stat").read_text().rsplit(")", 1)[1].split()[1])
            except (OSError, IndexError):
                continue
            if parent in known:
                pids.append(int(place.name))
    total = 0
    for one in pids:
        try:
            lines = Path(f"/proc/{one}/smaps_rollup").read_text().splitlines()
        except OSError:
            continue
        total += next(int(line.split()[1]) for line in lines if line.startswith("Pss:"))
    return total * 1024 / 1e6


def ours(bundle: Path, folder: Path, port: int) -> list[str]:
    return [sys.executable, "-m", "cutis", "serve", str(bundle), "--folder", str(folder), "--port", str(port)]


def peer(bundle: Path, port: int, way: str) -> list[str]:
    return [sys.executable, str(ROOT / "benchmarks" / "serve_peer.py"), str(bundle), str(port), PEERS[way]]


def measure(what: str, port: int, requests: list[bytes], total: int) -> list[dict[str, Any]]:
    asyncio.run(load(port, 8, requests, 200))  # warm
    rows = []
    for clients in CLIENTS:
        n = max(100, total // 4) if clients == 1 else total
        times, seconds = asyncio.run(load(port, clients, requests, n))
        times.sort()
        rows.append(
            {
                "what": what,
                "clients": clients,
                "requests": n,
                "requests_per_s": round(n / seconds, 1),
                "p50_ms": round(1e3 * times[n // 2], 1),
                "p95_ms": round(1e3 * times[int(n * 0.95)], 1),
            }
        )
        print(rows[-1], flush=True)
    return rows


def memory(pid: int, port: int, requests: list[bytes], total: int) -> dict[str, Any]:
    """MB after a tenth and after all of `total` requests by 32 clients, and the most between."""
    found = []
    for _ in range(10):
        asyncio.run(load(port, 32, requests, total // 10))
        found.append(resident(pid))
        print(f"{found[-1]:.0f} MB", flush=True)
    return {
        "what": "memory",
        "clients": 32,
        "requests": total,
        "mb_after_a_tenth": round(found[0], 1),
        "mb_after_all": round(found[-1], 1),
        "mb_most": round(max(found), 1),
    }


def main() -> None:
    arguments = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    arguments.add_argument("--bundle", type=Path, help="a frozen bundle; default: an untrained default network")
    arguments.add_argument("--requests", type=int, default=2_000)
    arguments.add_argument("--memory", type=int, default=0, help="requests after which memory is compared; 0: not")
    arguments.add_argument("--only", choices=("ours", "peer"), help="one side, without a ratio")
    given = arguments.parse_args()
    rows: list[dict[str, Any]] = []
    with tempfile.TemporaryDirectory() as temporary:
        work = Path(temporary)
        bundle = (given.bundle or default_bundle(work / "model")).resolve()
        requests = [request(p.read_bytes()) for p in make_photos(work / "photos", 200, 600, 450, 0)]
        if given.only != "peer":
            starts = []
            for i in range(3):
                port = free_port()
                with serving(ours(bundle, work / "bench", port), port) as (pid, seconds):
                    starts.append(seconds)
                    if i == 2:
                        rows += measure(OURS, port, requests, given.requests)
                        if given.memory:
                            rows.append(memory(pid, port, requests, given.memory))
            rows.append({"what": "warm start", "seconds": round(sorted(starts)[1], 2)})
        for way in PEERS if given.only != "ours" else ():
            port = free_port()
            with serving(peer(bundle, port, way), port):
                rows += measure(f"FastAPI + torch, {way}", port, requests, given.requests // 2)
    about = {
        "bundle": bundle.name if given.bundle else "untrained default",
        "load": round(os.getloadavg()[1], 1),
        **stamp("torch", "fastapi", "uvicorn", "openvino"),
    }
    print(table(rows, list(dict.fromkeys(key for row in rows for key in row))))
    if given.only:
        return
    record("serve", [row | about for row in rows])
    at = {(row["what"], row.get("clients")): row for row in rows}
    best = max(at[f"FastAPI + torch, {way}", 32]["requests_per_s"] for way in PEERS)
    print(f"warm start {at['warm start', None]['seconds']} s; p95 at 8 clients {at[OURS, 8]['p95_ms']} ms")
    print(f"serve ratio={at[OURS, 32]['requests_per_s'] / best:.2f}")


if __name__ == "__main__":
    main()
