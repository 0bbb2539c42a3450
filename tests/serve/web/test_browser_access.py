"""Every page for everybody: axe finds nothing, a phone scrolls one way only, paper takes one sheet."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest

pytestmark = pytest.mark.browser
PAGES = ("/", "/new", "/case", "/refused", "/report", "/trail", "/about", "/nothing-here")
DOORS = ("/login", "/accounts", "/account")


def address(bench: Any, page: str) -> str:
    """The pages' own addresses, and a case for those that are of one."""
    if page in ("/case", "/report", "/refused"):
        asked = {"text": "nothing" if page == "/refused" else ""}
        rows = bench.client.post("/api/search", json=asked).json()["cases"]
        return f"{bench.url}/cases/{rows[0]['id']}{'/report' if page == '/report' else ''}"
    return f"{bench.url}{page}"


def faults(page: Any) -> list[str]:
    """What axe finds against WCAG 2.2 AA and its own good practice."""
    axe = pytest.importorskip("axe_playwright_python.sync_playwright", reason="axe-playwright-python is not installed")
    found = axe.Axe().run(page).response["violations"]
    return [
        f"{v['id']}: {node['html'][:160]} {node.get('failureSummary', '')[:200]}" for v in found for node in v["nodes"]
    ]


def wide(page: Any) -> list[str]:
    """What makes a page wider than a phone."""
    found: list[str] = page.evaluate(
        """() => document.documentElement.scrollWidth <= 390 ? [] : [...document.querySelectorAll("body *")]
            .filter((e) => e.getBoundingClientRect().right > 391).map((e) => e.outerHTML.slice(0, 120))"""
    )
    return found


@pytest.mark.slow
@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("name", PAGES)
def test_axe_finds_nothing(visit: Callable[..., Any], bench_page: Any, name: str, scheme: str):
    page = visit(address(bench_page, name), color_scheme=scheme)
    page.wait_for_load_state("networkidle")
    for summary in page.locator("main details > summary").all():
        summary.click()
    if name == "/case":
        page.keyboard.press("m")
    assert faults(page) == []
    if name != "/nothing-here":
        page.keyboard.press("?")
        assert page.locator("dialog[open]").count() == 1
        assert faults(page) == []


@pytest.fixture(scope="module")
def locked(live: Any, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Any]:
    """A workbench with accounts, and one administrator."""
    from cutis.serve.accounts import manage
    from cutis.serve.store.engine import Store

    folder = tmp_path_factory.mktemp("locked")
    store = Store.open(f"sqlite:///{folder / 'cutis.db'}")
    manage.add(store, "test", "anna", "violet harbour ninety", "admin", "clinic")
    store.close()
    with live(folder, accounts=True) as found:
        yield found


@pytest.mark.slow
@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_the_doors_too(visit: Callable[..., Any], locked: Any, scheme: str):
    page = visit(f"{locked.url}/accounts", color_scheme=scheme)
    assert "/login?next=" in page.url
    assert faults(page) == []
    page.locator("#name").fill("anna")
    page.locator("#password").fill("violet harbour ninety")
    page.keyboard.press("Enter")
    page.wait_for_url(f"{locked.url}/accounts")  # where one wanted to go
    assert faults(page) == []
    page.goto(f"{locked.url}/account")
    assert faults(page) == []
    page.locator(".top form button").click()
    page.wait_for_url(re.compile("/login"))


def test_an_admin_keeps_accounts_by_keyboard_on_a_phone(visit: Callable[..., Any], locked: Any, expect: Any):
    page = visit(f"{locked.url}/login?next=/accounts")
    page.set_viewport_size({"width": 390, "height": 844})

    def fill(selector: str, text: str, *keys: str) -> None:
        page.locator(selector).focus()
        page.keyboard.press("Control+a")
        page.keyboard.type(text)
        for key in keys:
            page.keyboard.press(key)

    def said(words: str) -> None:
        expect(page.locator("[role=status].lead")).to_have_text(words)
        expect(page.locator("[role=status].lead")).to_be_focused()

    def opened(name: str) -> Any:
        row = page.locator(f"#account-{name}")
        row.locator("summary").focus()
        page.keyboard.press("Enter")
        expect(row.locator("details")).to_have_attribute("open", "")
        return row

    fill("#name", "anna")
    fill("#password", "violet harbour ninety", "Enter")
    page.wait_for_url(f"{locked.url}/accounts")
    fill("#name", "ben")
    fill("#password", "ten quiet ferries south", "Enter")
    said("ben can log in now.")

    row = opened("ben")
    assert faults(page) == []
    assert wide(page) == []
    row.locator("select").focus()
    page.keyboard.press("ArrowDown")
    page.keyboard.press("Tab")
    page.keyboard.press("Enter")
    said("ben is changed, and logged out everywhere.")
    expect(row).to_contain_text("curator")

    opened("ben")
    fill("#password-ben", "benbenbenbenben", "Enter")  # long enough for the browser, too easy for the server
    expect(row.locator(".problem:not(:empty)")).to_have_text(re.compile("^the password is easy to guess"))
    fill("#password-ben", "nine green umbrellas wait", "Enter")
    said("ben is changed, and logged out everywhere.")
    with httpx.Client(base_url=locked.url) as ben:
        login = {"name": "ben", "password": "nine green umbrellas wait"}
        assert ben.post("/login", data=login).status_code == 200
        opened("ben")
        row.get_by_role("button", name="Disable").focus()
        page.keyboard.press("Enter")
        expect(row.locator(".tag")).to_have_text("disabled")
        assert ben.get("/api/account").status_code == 401  # at once
        assert ben.post("/login", data=login).status_code == 401
        opened("ben")
        row.get_by_role("button", name="Enable").focus()
        page.keyboard.press("Enter")
        said("ben is changed, and logged out everywhere.")
        assert ben.post("/login", data=login).status_code == 200

    own = opened("anna")
    own.get_by_role("button", name="Disable").focus()
    page.keyboard.press("Enter")
    expect(page.locator(".lead")).to_have_text('"anna" is the only administrator left. Make another one first.')
    page.goto(f"{locked.url}/trail")
    assert page.locator("td b", has_text="account.changed").count() == 4


@pytest.mark.slow
@pytest.mark.parametrize("name", PAGES)
def test_a_phone_scrolls_down_only(visit: Callable[..., Any], bench_page: Any, name: str):
    page = visit("about:blank")
    page.set_viewport_size({"width": 390, "height": 844})
    page.goto(address(bench_page, name))
    page.wait_for_load_state("networkidle")
    for summary in page.locator("main details > summary").all():
        summary.click()
    assert wide(page) == []
    # Targets of a thumb: WCAG 2.5.8 asks for 24 pixels.
    small = page.evaluate(
        """() => [...document.querySelectorAll("button, select, a.button, summary, .choice span")]
            .filter((e) => e.checkVisibility() && e.getBoundingClientRect().height < 24).map((e) => e.outerHTML)"""
    )
    assert small == []


def test_the_report_takes_one_sheet(visit: Callable[..., Any], bench_page: Any, tmp_path: Path):
    page = visit(address(bench_page, "/report"), color_scheme="dark")
    page.wait_for_load_state("networkidle")
    pdf = page.pdf(path=tmp_path / "report.pdf", prefer_css_page_size=True)
    assert len(re.findall(rb"/Type\s*/Page\b", pdf)) == 1
    width, height = (float(v) for v in re.search(rb"/MediaBox\s*\[0 0 ([\d.]+) ([\d.]+)\]", pdf).groups())
    assert (round(width), round(height)) == (595, 842)  # A4
    assert page.evaluate("getComputedStyle(document.querySelector('.sheet')).backgroundColor") == "rgb(255, 255, 255)"


def test_single_keys_can_be_turned_off(visit: Callable[..., Any], bench_page: Any):
    page = visit(bench_page.url)
    page.keyboard.press("?")
    page.locator("[data-single-keys]").uncheck()
    page.keyboard.press("Escape")
    page.keyboard.press("c")
    page.wait_for_timeout(200)
    assert page.url.rstrip("/") == bench_page.url
    page.keyboard.press("?")
    assert page.locator("dialog[open]").count() == 1


def test_the_theme_is_chosen_and_kept(visit: Callable[..., Any], bench_page: Any):
    page = visit(bench_page.url, color_scheme="light")
    ground = "getComputedStyle(document.body).backgroundColor"
    light = page.evaluate(ground)
    page.locator("[data-theme-toggle]").click()
    dark = page.evaluate(ground)
    page.goto(f"{bench_page.url}/about")
    assert light != dark == page.evaluate(ground)


@pytest.mark.parametrize("language", ["de"])
def test_another_language_fills_every_page(
    visit: Callable[..., Any], live: Any, tmp_path: Path, photographs: list[bytes], language: str
):
    with live(tmp_path, language=language) as bench:
        case = bench.open_case(photographs[0], age=54, sex="female", symptoms=["bleeding"])
        page = visit(bench.url)
        assert page.locator("html").get_attribute("lang") == language
        for path in ("/new", "/trail", "/about", f"/cases/{case}", f"/cases/{case}/report"):
            page.goto(f"{bench.url}{path}")
            assert page.locator("h1").count() == 1, path
