"""A lesion outlined in the viewer, by mouse, finger and keys: what it measures, and the files it becomes."""

from __future__ import annotations

import io
import math
import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import cv2
import httpx
import numpy as np
import pytest
from PIL import Image
from pydicom import dcmread

from serve.web.test_browser_access import faults

pytestmark = pytest.mark.browser

WIDTH, HEIGHT, MM = 240, 180, 0.05
# An L in pixels: 120 x 80 without its upper right 60 x 40. Its largest diameter goes from (60, 50) to (180, 130).
CORNERS = ((60, 50), (120, 50), (120, 90), (180, 90), (180, 130), (60, 130))
AREA, DIAMETER = 120 * 80 - 60 * 40, math.hypot(120, 80)
MEASURED = f"Area {AREA * MM**2:g} mm² · largest diameter {DIAMETER * MM:.1f} mm"


@pytest.fixture(scope="module")
def dicom_file() -> bytes:
    """A dermoscopic image of known scale, as another program writes it."""
    pytest.importorskip("highdicom", reason="highdicom is not installed")
    from cutis.data.dicom.uids import uid
    from cutis.data.dicom.write import encoded, image_object

    row = {
        "image_id": "a", "file": "a.jpg", "sha256": "0", "patient_id": None, "lesion_id": None, "source": None,
        "image_type": "dermoscopic", "dermoscopic_type": "contact polarized", "age_approx": 62, "sex": "female",
        "anatom_site_1": "Trunk", "anatom_site_2": "Posterior trunk",
    }  # fmt: skip
    tags = image_object(row, _skin(), uid("outline study"), uid("outline series"), 1)
    tags.PixelSpacing = [MM, MM]
    return encoded(tags, "test")


def _skin() -> bytes:
    """A dark blob on skin, JPEG."""
    y, x = np.mgrid[0:HEIGHT, 0:WIDTH]
    blob = np.exp(-(((x - 115) / 45) ** 2 + ((y - 92) / 34) ** 2))[..., None]
    noise = np.random.default_rng(5).normal(0, 3, (HEIGHT, WIDTH, 1))
    out = io.BytesIO()
    skin = np.array([214, 168, 146]) - np.array([120, 110, 100]) * blob + noise
    Image.fromarray(skin.clip(0, 255).astype(np.uint8)).save(out, "JPEG", quality=92)
    return out.getvalue()


@pytest.fixture(scope="module")
def cases(live: Any, tmp_path_factory: pytest.TempPathFactory, dicom_file: bytes, photographs: list[bytes]) -> Any:
    """A blind workbench with three cases, by name, and its address."""
    with live(tmp_path_factory.mktemp("outline"), blind=True) as bench:
        lesion = {"patient": "1", "lesion": "1"}
        bench.open_case(photographs[1], visit_day=0, **lesion)
        yield {
            "url": bench.url,
            "client": bench.client,
            "dicom": f"{bench.url}/cases/{bench.open_case(dicom_file)}",
            "jpeg": f"{bench.url}/cases/{bench.open_case(_skin(), visit_day=9, **lesion)}",
            "two": f"{bench.url}/cases/{bench.open_case(photographs[3], photographs[4])}",
        }


def opened(visit: Callable[..., Any], address: str, **options: Any) -> Any:
    page = visit(address, **options)
    page.wait_for_selector(".pane img[style]")
    return page


def spot(page: Any, corner: tuple[float, float]) -> tuple[float, float]:
    """Where the middle of a pixel is on the screen, by the photograph's own box, once a new layout is drawn."""
    left, top, width, natural = page.locator(".pane[data-pane=now] img").first.evaluate(
        """async i => {
            for (let n = 0; n < 2; n++) await new Promise(requestAnimationFrame);
            const b = i.getBoundingClientRect();
            return [b.left, b.top, b.width, i.naturalWidth];
        }"""
    )
    return left + (corner[0] + 0.5) * width / natural, top + (corner[1] + 0.5) * width / natural


def draw(page: Any, corners: tuple[tuple[float, float], ...] = CORNERS) -> None:
    """With the mouse; the first corner again closes."""
    page.keyboard.press("o")
    for corner in (*corners, corners[0]):
        page.mouse.click(*spot(page, corner))


def says(page: Any) -> str:
    return str(page.locator("[data-says]").inner_text())


def rasterised(corners: tuple[tuple[int, int], ...] = CORNERS, shape: tuple[int, int] = (HEIGHT, WIDTH)) -> Any:
    return cv2.fillPoly(np.zeros(shape, np.uint8), [np.array(corners, np.int32)], 1).astype(bool)


def iou(a: np.ndarray, b: np.ndarray) -> float:
    return float((a & b).sum() / (a | b).sum())


def taken(page: Any, folder: Path) -> Path:
    """The file behind the button that is shown."""
    with page.expect_download() as coming:
        page.locator("[data-outline=save]:visible").click()
    path = folder / coming.value.suggested_filename
    coming.value.save_as(path)
    return path


def test_a_dicom_photograph_gives_a_segmentation(visit: Callable[..., Any], cases: Any, tmp_path: Path, expect: Any):
    from highdicom.seg import segread

    page = opened(visit, cases["dicom"])
    assert page.locator(".covered").count() == 1  # before a blind read
    draw(page)
    assert says(page) == MEASURED
    assert page.locator("[data-outline=save]:visible").inner_text() == "Download DICOM SEG"
    path = taken(page, tmp_path)
    expect(page.locator("#live")).to_have_text(f"Downloaded: {path.name}")
    made = segread(path)
    assert made.SegmentSequence[0].SegmentAlgorithmType == "MANUAL"
    assert iou(made.pixel_array.reshape(HEIGHT, WIDTH).astype(bool), rasterised()) >= 0.98
    if program := shutil.which("dciodvfy"):
        told = subprocess.run([program, path], capture_output=True, text=True, check=False).stderr
        assert not [line for line in told.splitlines() if line.startswith("Error")], told
    case = cases["client"].get(cases["dicom"].replace("/cases/", "/api/cases/")).json()
    assert "outline" not in str(case)  # nothing of it is kept
    assert case["state"] == "waiting"


def test_another_photograph_gives_a_picture_of_the_mask(visit: Callable[..., Any], cases: Any, tmp_path: Path):
    slanted = ((60, 50), (133, 61), (182, 97), (150, 139), (71, 128), (48, 92))
    page = opened(visit, cases["jpeg"])
    draw(page, slanted)
    x, y = np.array(slanted, float).T
    area = abs(np.dot(x, np.roll(y, -1)) - np.dot(y, np.roll(x, -1))) / 2
    widest = max(math.dist(a, b) for a in slanted for b in slanted)
    assert says(page) == f"Area {area:,.0f} px² · largest diameter {round(widest)} px"
    assert page.locator("[data-outline=save]:visible").inner_text() == "Download mask (PNG)"
    path = taken(page, tmp_path)
    assert path.name.endswith(".mask.png")
    with Image.open(path) as image:
        pixels = np.asarray(image.convert("RGB"))
    assert set(np.unique(pixels)) == {0, 255}
    assert iou(pixels[..., 0] > 0, rasterised(slanted)) >= 0.98


def test_drawing_needs_no_mouse(visit: Callable[..., Any], cases: Any, tmp_path: Path, expect: Any):
    page = opened(visit, cases["dicom"])
    page.keyboard.press("o")
    assert page.evaluate("document.activeElement.matches('image-viewer')")
    drawn: list[tuple[int, int]] = []

    def mark(key: str, *moves: str) -> None:
        for move in moves:
            page.keyboard.press(move)
        drawn.append(tuple(page.evaluate("document.querySelector('image-viewer').outline.cross")))
        page.keyboard.press(key)

    page.keyboard.press("Shift+ArrowUp")
    mark("Enter", *["Shift+ArrowLeft"] * 4)
    expect(page.locator("#live")).to_have_text(f"Corner 1 at x {drawn[0][0]}, y {drawn[0][1]}")
    mark(" ", *["Shift+ArrowRight"] * 8)
    mark("Enter", *["Shift+ArrowDown"] * 5, *["ArrowLeft"] * 3)
    mark("Enter", *["Shift+ArrowUp"] * 2)
    page.keyboard.press("Backspace")
    expect(page.locator("#live")).to_have_text("Corners: 3")
    drawn.pop()
    mark("Enter", *["Shift+ArrowDown"] * 3, *["Shift+ArrowLeft"] * 7)
    page.keyboard.press("Enter")  # where the last corner is: closed
    step = page.evaluate("Math.max(1, Math.round(24 / document.querySelector('image-viewer').panes[0].scale))")
    assert drawn[0] == (120 - 4 * step, 90 - step)
    assert drawn[1] == (drawn[0][0] + 8 * step, drawn[0][1])
    area = cv2.contourArea(np.array(drawn, np.float32))
    assert says(page).startswith(f"Area {area * MM**2:.1f} mm²")
    expect(page.locator("#live")).to_have_text(says(page))
    # A corner is moved: the second from the first, held, put down.
    for key in ("PageDown", "PageDown", " ", "Shift+ArrowRight", "ArrowUp", " "):
        page.keyboard.press(key)
    small = page.evaluate("Math.max(1, Math.round(2 / document.querySelector('image-viewer').panes[0].scale))")
    at = page.evaluate("document.querySelector('image-viewer').outline.cross")
    corners = page.evaluate("document.querySelector('image-viewer').outline.outline.corners")
    near = min(corners, key=lambda c: math.dist(c, at))
    assert near == at
    moved = [list(c) for c in drawn]
    place = corners.index(at)
    moved[place] = [drawn[place][0] + step, drawn[place][1] - small]
    assert corners == moved
    page.locator("[data-outline=save]:visible").focus()
    with page.expect_download() as coming:
        page.keyboard.press("Enter")
    coming.value.save_as(tmp_path / "a.dcm")
    mask = dcmread(tmp_path / "a.dcm").pixel_array.reshape(HEIGHT, WIDTH).astype(bool)
    assert iou(mask, rasterised(tuple(map(tuple, moved)))) >= 0.98
    page.keyboard.press("Escape")
    assert page.locator("[data-extra=outline]").is_hidden()


def test_where_the_cross_is_is_said_when_it_rests(visit: Callable[..., Any], cases: Any, expect: Any):
    page = opened(visit, cases["dicom"])
    page.keyboard.press("o")
    page.evaluate(
        """() => { window.said = []; new MutationObserver(() => said.push(document.getElementById("live").textContent))
            .observe(document.getElementById("live"), { childList: true }); }"""
    )
    for _ in range(6):
        page.keyboard.press("ArrowRight")
    x, y = page.evaluate("document.querySelector('image-viewer').outline.cross")
    expect(page.locator("#live")).to_have_text(f"x {x}, y {y}")
    assert len([words for words in page.evaluate("said") if words.startswith("x ")]) == 1


def test_a_corner_is_dragged_and_the_rest_pans(visit: Callable[..., Any], cases: Any):
    page = opened(visit, cases["jpeg"])
    draw(page)
    page.keyboard.press("+")  # the outline follows: what is dragged is where the corner is now
    x, y = spot(page, (90, 110))
    page.mouse.move(x, y)
    page.mouse.down()
    page.mouse.move(x + 30, y + 20, steps=3)
    page.mouse.up()
    assert spot(page, (90, 110)) == pytest.approx((x + 30, y + 20))
    page.mouse.move(*spot(page, (120, 90)))
    page.mouse.down()
    page.mouse.move(*spot(page, (130, 80)), steps=4)
    page.mouse.up()
    # The notch is 50 x 30 and two slanted bits now.
    corners = [c if c != (120, 90) else (130, 80) for c in CORNERS]
    area = cv2.contourArea(np.array(corners, np.float32))
    assert says(page).startswith(f"Area {area:,.0f} px²")


def test_a_crossing_outline_measures_nothing(visit: Callable[..., Any], cases: Any):
    page = opened(visit, cases["jpeg"])
    draw(page, ((60, 50), (180, 130), (180, 50), (60, 130)))
    assert says(page) == "The outline crosses or touches itself. Move a corner."
    assert page.locator("[data-outline=save]:visible").count() == 0
    page.keyboard.press("Backspace")  # open again
    page.keyboard.press("Backspace")
    assert page.locator(".marks .corner").count() == 3
    page.keyboard.press("Enter")
    assert says(page).startswith("Area 4,800 px²")


def test_it_stays_with_its_photograph(visit: Callable[..., Any], cases: Any, bench_page: Any):
    page = opened(visit, cases["jpeg"])
    draw(page)
    told = says(page)
    page.keyboard.press("e")  # side by side
    assert page.locator(".pane").count() == 2
    assert says(page) == told
    page.keyboard.press("e")
    page.keyboard.press("Escape")
    assert page.locator(".marks .corner").count() == 0
    page.keyboard.press("m")
    page.keyboard.press("o")  # one draws at a time
    assert page.locator("[data-extra=measure]").is_hidden()
    assert says(page) == told
    page.goto(cases["two"])
    page.wait_for_selector(".pane img[style]")
    draw(page, ((20, 20), (80, 20), (50, 90)))
    page.keyboard.press("1")  # the one that is shown
    assert says(page).startswith("Area 2,100 px²")
    page.keyboard.press("2")
    assert page.locator(".marks .corner").count() == 0
    assert says(page).startswith("Set corners")

    rows = bench_page.client.get("/api/cases").json()["cases"]  # where there is a saliency
    case = next(row["id"] for row in rows if row["state"] == "waiting" and row["photographs"] == 1 and row["age"] == 62)
    page.goto(f"{bench_page.url}/cases/{case}")
    page.wait_for_selector(".pane img[style]")
    draw(page, ((20, 20), (80, 20), (50, 90)))
    page.keyboard.press("a")
    page.wait_for_selector(".pane img:nth-of-type(2)")
    page.keyboard.press("a")
    assert says(page).startswith("Area 2,100 px²")


def test_it_outlives_the_first_reading(visit: Callable[..., Any], cases: Any, photographs: list[bytes]):
    """Committing a blind reading shows the page anew."""
    with httpx.Client(base_url=cases["url"], timeout=60) as client:
        files = [("pictures", ("picture", photographs[7], "image/jpeg"))]
        case = client.post("/api/cases", data={"kind": ["dermoscopy"]}, files=files).json()["id"]
    page = opened(visit, f"{cases['url']}/cases/{case}")
    draw(page, ((20, 20), (80, 20), (50, 90)))
    page.locator("input[name=diagnosis]").first.check(force=True)
    page.locator("input[name=confidence][value='4']").check(force=True)
    page.keyboard.press("s")
    page.wait_for_selector("#answer .set, #answer .refused")
    page.keyboard.press("o")
    assert says(page).startswith("Area 2,100 px²")


def test_what_the_server_refuses_is_said(visit: Callable[..., Any], cases: Any):
    page = opened(visit, cases["dicom"])
    draw(page)
    page.route("**/seg.dcm", lambda route: route.fulfill(status=409, json={"detail": "Not this one. Try another."}))
    page.locator("[data-outline=save]:visible").click()
    page.wait_for_selector("[data-extra=outline] .problem:not(:empty)")
    assert page.locator("[data-extra=outline] .problem").inner_text() == "Not this one. Try another."


def test_a_finger_outlines(visit: Callable[..., Any], cases: Any):
    page = opened(visit, cases["jpeg"], has_touch=True)
    page.set_viewport_size({"width": 390, "height": 844})
    page.locator("[data-do=outline]").tap()
    for corner in (*CORNERS, (62, 51)):  # a finger isn't exact
        page.touchscreen.tap(*spot(page, corner))
    area = float(says(page).removeprefix("Area ").split(" px²")[0].replace(",", ""))
    assert area == pytest.approx(AREA, rel=0.03)
    assert page.evaluate("document.documentElement.scrollWidth") <= 390


def test_two_fingers_zoom_and_set_nothing(visit: Callable[..., Any], cases: Any):
    page = opened(visit, cases["jpeg"], has_touch=True)
    page.locator("[data-do=outline]").tap()
    x, y = spot(page, (120, 90))
    fingers = page.context.new_cdp_session(page)
    for kind, apart in (("Start", None), ("Start", 60), ("Move", 90), ("Move", 120), ("End", None)):
        points = [{"x": x, "y": y, "id": 0}] if kind != "End" else []
        if apart:
            points.append({"x": x + apart, "y": y, "id": 1})
        fingers.send("Input.dispatchTouchEvent", {"type": f"touch{kind}", "touchPoints": points})
    assert page.locator("[data-level]").inner_text() != "100 %"
    assert page.locator(".marks .corner").count() == 0
    page.touchscreen.tap(*spot(page, (110, 85)))
    assert page.evaluate("document.querySelector('image-viewer').outline.outline.corners") == [[110, 85]]


@pytest.mark.slow
@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", [1280, 390])
def test_axe_finds_nothing_while_it_is_drawn_and_after(visit: Callable[..., Any], cases: Any, scheme: str, width: int):
    # Of that size from the start: a page that is laid out anew moves what is to be clicked.
    page = opened(visit, cases["dicom"], color_scheme=scheme, viewport={"width": width, "height": 844})
    page.keyboard.press("o")
    assert faults(page) == []
    for corner in (*CORNERS, CORNERS[0]):
        page.mouse.click(*spot(page, corner))
    assert says(page) == MEASURED  # the first corner too, though the words below got shorter as it was set
    assert faults(page) == []
    assert page.evaluate("document.documentElement.scrollWidth") <= width
