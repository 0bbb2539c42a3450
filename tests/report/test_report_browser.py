"""The page in a real browser: nothing scrolls sideways, nothing is complained of, light and dark differ."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from cutis.report import evaluate
from cutis.schema.predictions import Predictions

pytestmark = pytest.mark.browser


@pytest.fixture(scope="module")
def report(with_images: Callable[[], Predictions], tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("report")
    evaluate(with_images(), out, resamples=40)
    return out / "index.html"


def visit(browser: Any, report: Path, width: int, scheme: str) -> dict[str, Any]:
    context = browser.new_context(viewport={"width": width, "height": 900}, color_scheme=scheme)
    page = context.new_page()
    said: list[str] = []
    asked: list[str] = []
    page.on("console", lambda message: said.append(message.text))
    page.on("pageerror", lambda error: said.append(str(error)))
    page.on("requestfailed", lambda request: said.append(request.url))
    page.on("request", lambda request: asked.append(request.url))
    page.goto(report.as_uri())
    page.evaluate("document.querySelectorAll('details').forEach(d => d.open = true)")
    page.evaluate("document.querySelectorAll('img').forEach(i => i.loading = 'eager')")
    page.wait_for_function("[...document.images].every(i => i.complete)")
    seen: dict[str, Any] = page.evaluate(
        """() => ({
            width: document.documentElement.scrollWidth,
            background: getComputedStyle(document.body).backgroundColor,
            color: getComputedStyle(document.body).color,
            broken: [...document.images].filter(i => !i.naturalWidth).length,
            images: document.images.length,
            cut: [...document.querySelectorAll('svg.fig')].filter(s => {
                const box = s.viewBox.baseVal;
                return [...s.querySelectorAll('text')].some(t => {
                    const b = t.getBBox(), m = t.getCTM(), c = s.getCTM();
                    if (Math.abs(m.b) > 1e-6) return false;
                    return b.x < -2 || b.x + b.width > box.width + 4 || b.y + b.height > box.height + 4;
                });
            }).map(s => s.getAttribute('aria-label')),
        })"""
    )
    context.close()
    return seen | {"said": said, "outside": [u for u in asked if not u.startswith(("file:", "data:"))]}


@pytest.mark.parametrize("width", [390, 1280])
def test_nothing_overflows_and_nothing_is_complained_of(browser: Any, report: Path, width: int) -> None:
    seen = {scheme: visit(browser, report, width, scheme) for scheme in ("light", "dark")}
    for found in seen.values():
        assert found["width"] <= width
        assert found["said"] == []
        assert found["outside"] == []
        assert found["broken"] == 0
        assert found["images"] > 0
        assert found["cut"] == []
    assert seen["light"]["background"] != seen["dark"]["background"]
    assert seen["light"]["color"] != seen["dark"]["color"]
