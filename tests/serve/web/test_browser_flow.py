"""A reader's day by keyboard: queue, case, blind reading, refusal, signature, next."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

pytestmark = pytest.mark.browser


def press(page: Any, *keys: str) -> None:
    page.wait_for_load_state()  # a page that is seen may still wait for the script that listens
    for key in keys:
        page.keyboard.press(key)


def test_from_the_queue_to_a_signature_without_a_mouse(
    visit: Callable[..., Any], live: Any, tmp_path: Path, photographs: list[bytes]
):
    with live(tmp_path) as bench:
        first = bench.open_case(photographs[5], symptoms=["bleeding"])  # the most urgent
        second = bench.open_case(photographs[6])
        page = visit(bench.url)
        press(page, "j")
        assert page.evaluate("document.activeElement.id") == f"case-{first}"
        press(page, "j", "k", "Enter")
        page.wait_for_url(re.compile(f"/cases/{first}"))
        assert page.locator("#answer .set li").count() >= 1
        press(page, "d")
        assert page.evaluate("document.activeElement.name") == "diagnosis"
        outside = page.locator("form#reading").get_attribute("data-set").split()
        choices = page.locator("input[name=diagnosis]")
        codes = [choices.nth(i).get_attribute("value") for i in range(choices.count())]
        target = next(code for code in codes if code and code not in outside)
        press(page, "Space")
        for _ in range(codes.index(target)):
            press(page, "ArrowDown")
        assert page.locator("#override").is_visible()  # it isn't in the model's list, so a reason is asked for
        page.locator("#override").focus()
        page.keyboard.type("Atypical network at the edge")
        press(page, "Escape", "s")
        page.wait_for_selector(".readings")
        assert "Atypical network" in page.locator(".readings").inner_text()
        press(page, "n")
        page.wait_for_url(re.compile(f"/cases/{second}"))
        page.wait_for_selector(f"[data-case='{second}']")
        press(page, "u")
        page.wait_for_selector(".row")
        assert page.locator(".row").count() == 1  # the signed one no longer waits
        shown = bench.client.get(f"/api/cases/{first}").json()
        assert (shown["state"], shown["readings"][0]["diagnosis"]) == ("signed", target)
        assert shown["readings"][0]["override"] == "Atypical network at the edge"


def test_a_blind_reading_comes_before_the_answer(
    visit: Callable[..., Any], live: Any, tmp_path: Path, photographs: list[bytes]
):
    with live(tmp_path, blind=True) as bench:
        case = bench.open_case(photographs[7], age=50)
        names = {c["name"] for c in bench.client.get("/api/bundles").json()[0]["card"]["classes"]}
        page = visit(bench.url)
        assert not names & set(page.locator(".row .says").inner_text().split("\n"))
        page.locator(".row").click()
        page.wait_for_selector(".covered")
        assert page.locator(".set, .bars, [data-do=saliency]").count() == 0
        assert bench.client.get(f"/cases/{case}/report").status_code == 403
        page.locator("input[name=diagnosis]").first.check(force=True)
        page.locator("input[name=confidence][value='4']").check(force=True)
        press(page, "s")
        page.wait_for_selector("#answer .set, #answer .refused")
        assert page.evaluate("document.activeElement.id") == "answer"
        assert page.locator("input[name=diagnosis]").first.is_checked()  # nothing is chosen twice
        if page.locator("#override").is_visible():
            page.locator("#override").fill("Seen first, and meant")
        press(page, "Escape", "s")
        page.wait_for_selector(".readings li:nth-child(2)")
        kinds = [r["kind"] for r in bench.client.get(f"/api/cases/{case}").json()["readings"]]
        assert kinds == ["blind", "signed"]


def test_a_refusal_says_why_and_what_helps(visit: Callable[..., Any], bench_page: Any):
    page = visit(bench_page.url)
    page.locator(".row", has_text="A picture of nothing").click()
    page.wait_for_selector(".said.refused")
    said = page.locator("#answer").inner_text()
    assert "The model doesn't answer" in said
    assert "That says nothing about the spot" in said
    assert page.locator("#answer .set").count() == 0
    assert page.locator("#answer .refused li").count() >= 1


def test_photographs_are_dropped_and_become_a_case(
    visit: Callable[..., Any], live: Any, tmp_path: Path, photographs: list[bytes]
):
    picture = tmp_path / "Jane Doe 1961.jpg"
    picture.write_bytes(photographs[8])
    with live(tmp_path / "bench") as bench:
        page = visit(f"{bench.url}/new")
        page.locator(".submit button").click()
        assert "at least one" in page.locator(".problem").inner_text()
        page.locator("#choose").set_input_files(picture)
        page.wait_for_selector(".taken img")
        page.locator(".taken select").select_option("close-up")
        page.locator("#age").fill("71")
        page.locator("#new-site").fill("Scalp")
        page.locator("input[value=bleeding]").check()
        page.locator(".submit button").click()
        page.wait_for_url(re.compile("/cases/"))
        assert page.locator(".flags li").count() == 1
        case = bench.client.get(f"/api/cases/{page.url.rpartition('/')[2]}").json()
        assert (case["age"], case["photographs"][0]["kind"], case["symptoms"]) == (71, "close-up", {"bleeding": True})
        held = b"".join(f.read_bytes() for f in (tmp_path / "bench").rglob("*") if f.is_file())
        assert b"Jane Doe" not in held  # a file's name stays in the browser


def test_filters_and_search_narrow_the_queue_and_stay(visit: Callable[..., Any], bench_page: Any, expect: Any):
    page = visit(bench_page.url)
    before = page.locator(".row").count()
    press(page, "/")
    page.keyboard.type("nothing")
    expect(page.locator(".row")).to_have_count(1)
    expect(page).to_have_url(re.compile(r"/\?search=[\w-]{12}$"))
    page.reload()
    assert page.locator(".row").count() == 1 < before
    assert page.locator("#search").input_value() == "nothing"
    page.locator("#search").fill("4711")  # a patient's number
    expect(page.locator(".row")).to_have_count(2)
    asked = []
    page.on("request", lambda request: asked.append(request.url))
    page.locator(".row").first.click()
    page.wait_for_url(re.compile("/cases/"))
    press(page, "n")
    page.wait_for_timeout(300)
    held = page.evaluate("JSON.stringify([{...localStorage}, {...sessionStorage}, document.referrer, location.href])")
    assert not any("4711" in url for url in [*asked, held])
    press(page, "u")
    page.wait_for_url(re.compile(r"/\?search="))
    page.locator("#search").fill("there-is-no-such-note")
    expect(page.locator(".empty")).to_be_visible()


def test_checklists_score_as_they_are_filled_in(visit: Callable[..., Any], bench_page: Any, expect: Any):
    page = visit(bench_page.url)
    page.locator(".row").first.click()
    page.wait_for_url(re.compile("/cases/"))  # loaded, so that what is ticked is heard
    list_ = page.locator("details.checklist").first
    list_.locator("summary").click()
    for name in ("atypical_network", "irregular_streaks"):  # 2 + 1
        list_.locator(f"input[name='checklist.seven_point.{name}'][value=yes]").check(force=True)
    expect(list_.locator("[data-total]")).to_have_text("3")
    assert "3 or more" in list_.locator(".score").inner_text()


def test_forms_work_without_scripts(visit: Callable[..., Any], live: Any, tmp_path: Path, photographs: list[bytes]):
    with live(tmp_path) as bench:
        case = bench.open_case(photographs[9])
        page = visit(f"{bench.url}/cases/{case}", java_script_enabled=False)
        code = page.locator("form#reading").get_attribute("data-set").split()[0]
        page.locator(f"input[name=diagnosis][value={code}]").check(force=True)
        page.locator("[data-commit]").click()
        assert page.locator(".readings").is_visible()
        assert bench.client.get(f"/api/cases/{case}").json()["state"] == "signed"


def test_a_refused_reading_is_said_where_it_was_made(
    visit: Callable[..., Any], live: Any, tmp_path: Path, photographs: list[bytes]
):
    with live(tmp_path) as bench:
        case = bench.open_case(photographs[9])
        page = visit(f"{bench.url}/cases/{case}")
        other = bench.client.get(f"/api/cases/{case}").json()["set"]
        page.locator("input[name=diagnosis][value='']").check(force=True)
        page.locator("#own").fill("Something else")
        page.locator("#override").evaluate("box => box.required = false")
        page.locator("[data-commit]").click()
        page.wait_for_selector("form#reading .problem:not(:empty)")
        assert "override" in page.locator("form#reading .problem").inner_text()
        assert page.locator("#own").input_value() == "Something else"  # what was typed is still there
        assert other
