"""The photograph viewer: zoom, measure, compare, explain, with keys and without."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

import pytest

pytestmark = pytest.mark.browser


def scale(page: Any, pane: str = ".pane") -> float:
    found = re.search(r"scale\(([\d.]+)\)", page.locator(f"{pane} img").first.get_attribute("style"))
    assert found
    return float(found[1])


@pytest.fixture
def second_visit(visit: Callable[..., Any], bench_page: Any) -> Any:
    """The case of a lesion that was seen before."""
    rows = bench_page.client.get("/api/cases").json()["cases"]
    cases = [bench_page.client.get(f"/api/cases/{row['id']}").json() for row in rows]
    case = next(c for c in cases if c["visit_day"] == 180)
    page = visit(f"{bench_page.url}/cases/{case['id']}")
    page.wait_for_selector(".pane img[style]")
    return page


def test_keys_zoom_fit_and_pan(second_visit: Any):
    page, start = second_visit, scale(second_visit)
    page.keyboard.press("+")
    page.keyboard.press("+")
    assert scale(page) == pytest.approx(start * 1.35**2, rel=1e-3)
    before = page.locator(".pane img").first.get_attribute("style")
    page.keyboard.press("Shift+ArrowRight")
    assert page.locator(".pane img").first.get_attribute("style") != before
    page.keyboard.press("0")
    assert scale(page) == pytest.approx(start)


def test_the_wheel_zooms_to_what_is_under_the_pointer(second_visit: Any, expect: Any):
    page = second_visit
    box = page.locator(".pane").bounding_box()
    spot = (
        round(box["x"] + box["width"] / 2) + 60,
        round(box["y"] + box["height"] / 2) + 40,
    )  # a mouse has whole pixels
    under = "([x, y]) => { const v = document.querySelector('image-viewer'); return v.panes[0].at(x, y); }"
    before = page.evaluate(under, list(spot))
    page.mouse.move(*spot)
    page.mouse.wheel(0, -400)
    expect(page.locator("[data-level]")).not_to_have_text("100 %")
    after = page.evaluate(under, list(spot))
    assert after == pytest.approx(before, abs=1e-6)


def test_lengths_are_pixels_until_a_scale_is_given(second_visit: Any):
    page = second_visit
    page.keyboard.press("m")
    box = page.locator(".pane").bounding_box()
    x, y = box["x"] + box["width"] / 2, box["y"] + box["height"] / 2
    page.mouse.move(x - 80, y)
    page.mouse.down()
    page.mouse.move(x + 80, y)
    page.mouse.up()
    measured = re.fullmatch(r"(\d+) px", page.locator("[data-length]").inner_text())
    assert measured
    assert abs(int(measured[1]) - 160 / scale(page)) <= 1
    page.locator("#known").fill("8")
    page.locator("[data-calibrate] button").click()
    assert page.locator("[data-length]").inner_text() == "8 mm"
    assert page.locator(".label.scale").is_visible()


def test_measuring_needs_no_mouse(second_visit: Any):
    page = second_visit
    page.locator("image-viewer").focus()
    page.keyboard.press("+")  # a key, so that the focus is shown, and the cross with it
    page.keyboard.press("m")
    page.keyboard.press("Enter")
    for _ in range(5):
        page.keyboard.press("Shift+ArrowRight")
    page.keyboard.press("Enter")
    measured = re.fullmatch(r"(\d+) px", page.locator("[data-length]").inner_text())
    assert measured
    assert abs(int(measured[1]) - 120 / scale(page)) <= 1
    page.keyboard.press("Escape")
    assert page.locator("[data-length]").is_hidden()


def test_an_earlier_visit_stands_beside_and_zooms_along(second_visit: Any):
    page = second_visit
    page.keyboard.press("e")
    assert page.locator(".pane").count() == 2
    page.wait_for_selector(".pane:nth-child(1) img[style]")
    ratio = scale(page, ".pane:nth-child(1)") / scale(page, ".pane:nth-child(2)")
    page.keyboard.press("+")
    assert scale(page, ".pane:nth-child(1)") / scale(page, ".pane:nth-child(2)") == pytest.approx(ratio)
    page.keyboard.press("e")
    assert page.locator(".pane").count() == 1


def test_what_the_answer_depends_on_is_laid_over(second_visit: Any):
    page = second_visit
    page.keyboard.press("a")
    page.wait_for_selector(".pane img:nth-of-type(2)")
    page.locator("#opacity").fill("20")
    assert page.locator(".pane img:nth-of-type(2)").evaluate("layer => layer.style.opacity") == "0.2"
    page.keyboard.press("a")
    assert page.locator(".pane img").count() == 1


def test_number_keys_choose_the_photograph(visit: Callable[..., Any], bench_page: Any):
    rows = bench_page.client.get("/api/cases").json()["cases"]
    case = next(row["id"] for row in rows if row["photographs"] == 2)
    page = visit(f"{bench_page.url}/cases/{case}")
    page.keyboard.press("2")
    assert page.locator(".label.kind").inner_text() == "Dermoscopy"
    assert page.locator(".film [aria-pressed=true]").inner_text() == "Dermoscopy"
