"""The workbench in a real browser: how soon the queue of 10,000 cases is seen, and the next case on a key.

    python benchmarks/serve_pages.py measure --bundle BUNDLE
    python benchmarks/serve_pages.py pictures --bundle BUNDLE --cases PHANTOM --confirmed PHANTOM

`measure` fills a store, opens it in Chromium and records results/serve_pages.csv. `pictures` makes the documentation's
screenshots from drawn skin: CASES of `cutis phantom --visits 2 --overview`, CONFIRMED any dataset.
"""

from __future__ import annotations

import argparse
import contextlib
import io
import shutil
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import cv2
import httpx
import numpy as np
import polars as pl
import uvicorn
from PIL import Image

from common import ROOT, record, stamp, table
from cutis.data.dataset import Dataset
from cutis.image.decode import decode
from cutis.phantom.dataset import make_dataset
from cutis.serve.run import configuration, take_port
from cutis.serve.settings import Settings
from cutis.serve.store.tables import Account, Answer, Case, Photograph

PICTURES = ROOT / "docs" / "pictures" / "workbench"
SITES = ("Trunk:Posterior trunk", "Trunk:Anterior trunk", "Upper extremity:Forearm", "Lower extremity:Lower leg")


@contextlib.contextmanager
def served(folder: Path, bundle: Path, **changes: Any) -> Iterator[tuple[str, Any]]:
    """A workbench that listens: its address, and its parts."""
    settings = Settings((bundle,), f"sqlite:///{folder / 'cutis.db'}", folder / "pictures", **changes)
    configured = configuration(settings)
    server, taken = uvicorn.Server(configured), take_port("127.0.0.1", 0)
    thread = threading.Thread(target=server.run, kwargs={"sockets": [taken]})
    thread.start()
    try:
        while not server.started:
            if not thread.is_alive():
                sys.exit("the server did not start")
            time.sleep(0.02)
        yield f"http://127.0.0.1:{taken.getsockname()[1]}", configured.app.state.workbench  # type: ignore[union-attr]
    finally:
        server.should_exit = True
        thread.join(30)
        taken.close()


@contextlib.contextmanager
def browser() -> Iterator[Any]:
    from playwright.sync_api import sync_playwright

    found = shutil.which("chromium") or sys.exit("no chromium is installed")
    with sync_playwright() as play:
        started = play.chromium.launch(executable_path=found, args=["--no-sandbox"])
        yield started
        started.close()


def fill(bench: Any, n: int, rng: np.random.Generator, folder: Path) -> None:
    """`n` waiting cases with the pictures of twenty drawn lesions, as if each had been uploaded and answered."""
    drawn = make_dataset(folder / "drawn", 20, size=640, balance="equal", seed=1)
    digests = [bench.pictures.put((drawn.path / name).read_bytes()) for name in drawn.manifest["file"]]
    codes = bench.models.first.codes
    start = datetime.now(UTC) - timedelta(days=30)
    with bench.store.begin() as session:
        account = session.query(Account).first()
        for i in range(n):
            p = rng.dirichlet(np.full(len(codes), 0.3))
            order = [codes[k] for k in np.argsort(-p)]
            answer = Answer(
                bundle=bench.models.first.digest,
                status="ok",
                predicted=order[0],
                answer_set=order[: int(rng.integers(1, 4))],
                probabilities=dict(zip(codes, p.tolist(), strict=True)),
            )
            photo = Photograph(
                kind="dermoscopy",
                digest=digests[i % len(digests)],
                media_type="image/jpeg",
                width=640,
                height=640,
                answers=[answer],
            )
            case = Case(
                team=account.team,
                opened_by=account.id,
                received_at=start + timedelta(minutes=4 * i),
                age=int(rng.integers(18, 86)),
                sex=str(rng.choice(["male", "female"])),
                site=SITES[i % len(SITES)],
                priority=int(rng.choice([0, 10, 20, 30, 40])),
                reasons=["malignant_possible"] if i % 3 else ["bleeding"],
                photographs=[photo],
            )
            session.add(case)


def measure(bundle: Path, n: int, presses: int) -> None:
    rng = np.random.default_rng(0)
    with (
        tempfile.TemporaryDirectory() as name,
        served(Path(name), bundle) as (url, bench),
        browser() as chromium,
    ):
        httpx.get(f"{url}/api/cases", timeout=60)  # makes the local account
        fill(bench, n, rng, Path(name))
        paints = [_first_paint(chromium, url) for _ in range(5)]
        page = chromium.new_page(viewport={"width": 1280, "height": 800})
        page.goto(url)
        moves = [_key(page, "j", ".row:focus") for _ in range(presses)]
        page.keyboard.press("Enter")
        page.wait_for_selector("[data-case]")
        nexts = []
        for _ in range(presses):
            page.wait_for_timeout(800)  # a reader looks, at least so long
            nexts.append(_key(page, "n", "[data-case]"))
    rows = [
        {"what": what, "cases": n, "p50 ms": round(float(np.median(v))), "p95 ms": round(float(np.quantile(v, 0.95)))}
        for what, v in (
            ("first paint of the queue", paints),
            ("next row on a key", moves),
            ("next case on a key", nexts),
        )
    ]
    everything = record("serve_pages", [row | stamp("fastapi", "playwright") for row in rows])
    print(table(everything, ["what", "cases", "p50 ms", "p95 ms", "machine"]))
    print(f"queue first_paint_ms={rows[0]['p50 ms']} (target < 1000) next_case_ms={rows[2]['p50 ms']} (target < 150)")


def _first_paint(chromium: Any, url: str) -> float:
    """ms until something of the queue is painted, in a new browser context with nothing cached."""
    context = chromium.new_context(viewport={"width": 1280, "height": 800})
    page = context.new_page()
    page.goto(url)
    page.wait_for_selector(".row")
    paint = page.evaluate("performance.getEntriesByName('first-contentful-paint')[0].startTime")
    context.close()
    return float(paint)


def _key(page: Any, key: str, what: str) -> float:
    """ms from a key press to the frame after `what` matches another element, and its photograph is decoded."""
    return float(
        page.evaluate(
            """async ([key, what]) => {
                const now = () => document.querySelector(what)?.id || document.querySelector(what)?.dataset.case;
                const before = now(), start = performance.now();
                const pressed = new KeyboardEvent("keydown", { key, bubbles: true, cancelable: true });
                document.activeElement.dispatchEvent(pressed);
                while (now() === before) await new Promise(requestAnimationFrame);
                await document.querySelector(".pane img")?.decode();
                await new Promise((done) => requestAnimationFrame(() => setTimeout(done)));
                return performance.now() - start;
            }""",
            [key, what],
        )
    )


# The documentation's screenshots.


def pictures(bundle: Path, cases: Path, confirmed: Path) -> None:
    PICTURES.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory() as name, browser() as chromium:
        with served(Path(name) / "open", bundle, data=confirmed) as (url, bench):
            told = _open_cases(url, Dataset.load(cases))
            while not bench.similar.built and not bench.similar.failed:
                time.sleep(0.5)
            signed = _sign(url, told["signed"])
            for page, shot in _pages(chromium, url):
                shot("queue", "/")
                shot("case", f"/cases/{told['case']}")
                shot("refusal", f"/cases/{told['refused']}")
                shot("report", f"/cases/{signed}/report")
                shot("new", "/new")
                page.context.close()
        with served(Path(name) / "blind", bundle, blind=True) as (url, _):
            told = _open_cases(url, Dataset.load(cases))
            for page, shot in _pages(chromium, url):
                shot("blind", f"/cases/{told['case']}")
                page.context.close()


def _pages(chromium: Any, url: str) -> Iterator[tuple[Any, Any]]:
    """A page of each size and theme, and a function that takes a picture of an address."""
    for width, height, ratio in ((1280, 860, 1), (390, 844, 2)):
        for theme in ("light", "dark"):
            context = chromium.new_context(
                viewport={"width": width, "height": height},
                color_scheme=theme,
                device_scale_factor=ratio,
                has_touch=width < 500,
                is_mobile=width < 500,
            )
            page = context.new_page()

            def shot(name: str, path: str, page: Any = page, end: str = f"{width}-{theme}") -> None:
                page.goto(url + path)
                page.wait_for_load_state("networkidle")
                page.wait_for_timeout(300)
                image = Image.open(io.BytesIO(page.screenshot()))
                image.convert("RGB").save(PICTURES / f"{name}-{end}.jpg", quality=80, optimize=True, progressive=True)

            yield page, shot


def _open_cases(url: str, drawn: Dataset) -> dict[str, str]:
    """Cases of drawn lesions with made-up histories; the ids of those that are shown."""
    rows = drawn.manifest.sort("lesion_id", "months")
    lesions = [group for _, group in rows.group_by("lesion_id", maintain_order=True)][:16]
    histories = (
        ["bleeding", "grew"],
        [],
        ["new"],
        ["itch"],
        ["worries"],
        ["changed_colour", "over_6_mm"],
        [],
        ["melanoma_family"],
    )
    told: dict[str, str] = {}
    with httpx.Client(base_url=url, timeout=120) as client:
        for i, lesion in enumerate(lesions):
            visits = lesion.partition_by("months", maintain_order=True)
            for place, visit in enumerate(visits if i % 4 == 1 else visits[:1]):
                told["case" if i == 1 else "signed" if i == 2 else "other"] = _post(
                    client, drawn, visit, i, place, histories[i % len(histories)]
                )
        shaken = decode((drawn.path / rows["file"][-1]).read_bytes(), "a drawn picture")
        dark = (0.25 * cv2.GaussianBlur(shaken, (0, 0), 14)).astype(np.uint8)
        told["refused"] = _send(client, [("close-up", _jpeg(dark))], {"age": 33, "sex": "male", "site": "Forearm"})
    return told


def _post(client: httpx.Client, drawn: Dataset, visit: pl.DataFrame, i: int, place: int, history: list[str]) -> str:
    kinds = {"dermoscopic": "dermoscopy"}
    shots = [
        (kinds.get(row["image_type"], "overview"), (drawn.path / row["file"]).read_bytes())
        for row in visit.sort("image_type").iter_rows(named=True)
    ]
    known: dict[str, Any] = {
        "age": 27 + (i * 17) % 58,
        "sex": ("female", "male")[i % 2],
        "site": SITES[i % len(SITES)].rpartition(":")[2],
        "symptoms": history,
        "patient": f"{4000 + i}",
        "lesion": "1",
        "visit_day": 182 * place,
    }
    if i == 1:
        known["note"] = "Noticed by a partner; no change known before."
    return _send(client, shots, known)


def _send(client: httpx.Client, shots: list[tuple[str, bytes]], known: dict[str, Any]) -> str:
    answer = client.post(
        "/api/cases",
        data={"kind": [kind for kind, _ in shots], **known},
        files=[("pictures", ("picture", data, "image/jpeg")) for _, data in shots],
    )
    if answer.status_code != 201:
        sys.exit(f"{answer.status_code}: {answer.text}")
    return str(answer.json()["id"])


def _sign(url: str, case: str) -> str:
    with httpx.Client(base_url=url, timeout=60) as client:
        inside = client.get(f"/api/cases/{case}").json()["set"] or ["nevus"]
        reading = {
            "kind": "signed",
            "diagnosis": inside[0],
            "confidence": 70,
            "management": "see again, with pictures",
            "checklists": {
                "three_point": {"asymmetry": False, "atypical_network": True, "blue_white_structures": False}
            },
        }
        answer = client.post(f"/api/cases/{case}/readings", json=reading)
        if answer.status_code != 201:
            sys.exit(answer.text)
    return case


def _jpeg(pixels: np.ndarray) -> bytes:
    out = io.BytesIO()
    Image.fromarray(pixels).save(out, "JPEG", quality=90)
    return out.getvalue()


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("what", choices=("measure", "pictures"))
    parser.add_argument("--bundle", type=Path, required=True)
    parser.add_argument("--n", type=int, default=10_000)
    parser.add_argument("--presses", type=int, default=30)
    parser.add_argument("--cases", type=Path)
    parser.add_argument("--confirmed", type=Path)
    asked = parser.parse_args()
    if asked.what == "measure":
        measure(asked.bundle, asked.n, asked.presses)
    elif asked.cases is None or asked.confirmed is None:
        parser.error("pictures needs --cases and --confirmed")
    else:
        pictures(asked.bundle, asked.cases, asked.confirmed)
