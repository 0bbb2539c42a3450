"""The tutorial, executed as it is written: its commands by a shell's rules, its steps by a browser."""

from __future__ import annotations

import re
import shlex
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

TUTORIAL = Path(__file__).resolve().parents[3] / "docs" / "tutorial" / "workbench.md"
# What a step may ask for; everything else in it is explanation.
ACTION = re.compile(
    r"If you are asked “(?P<asked>[^”]+)”, type `(?P<reply>[^`]+)`"
    r"|(?:[Pp]ress|then) `(?P<key>[^`]+)`|[Cc]hoose `(?P<file>[^`]+)`"
    r"|[Tt]ype `(?P<text>[^`]+)` into “(?P<field>[^”]+)”"
    r"|[Tt]ick “(?P<tick>[^”]+)”|[Cc]lick “(?P<click>[^”]+)”|[Rr]ead “(?P<read>[^”]+)”"
)

pytestmark = [pytest.mark.browser, pytest.mark.slow]


def commands(text: str) -> list[list[str]]:
    """Each `cutis ...` of the shell blocks, as arguments."""
    lines = "\n".join(re.findall(r"```sh\n(.*?)```", text, re.DOTALL)).splitlines()
    return [shlex.split(line)[1:] for line in lines if line.startswith("cutis ")]


def do(page: Any, step: dict[str, str], folder: Path) -> None:
    if key := step.get("key"):
        page.wait_for_load_state()  # a page that is seen may still wait for the scripts that listen
        goes = page.evaluate(
            "key => [...document.querySelectorAll('a[data-key]')]"
            ".find((link) => link.dataset.key === key && link.checkVisibility())?.href",
            key,
        )
        page.keyboard.press(key)
        if goes:
            page.wait_for_url(goes)
    elif file := step.get("file"):
        page.locator("#choose").set_input_files(folder / file)
        page.wait_for_selector(".taken img")
    elif field := step.get("field"):
        page.get_by_label(field).fill(step["text"])
    elif tick := step.get("tick"):
        page.get_by_label(tick).check()
    elif click := step.get("click"):
        found = page.get_by_role("button", name=click).or_(page.get_by_role("radio", name=click))
        found.first.click(force=True)
    elif read := step.get("read"):
        page.get_by_text(read).first.wait_for()
    elif (asked := step.get("asked")) and page.get_by_label(asked).is_visible():
        page.get_by_label(asked).fill(step["reply"])


@pytest.mark.timeout(900)
def test_the_tutorial_ends_with_a_signed_case(
    tmp_path: Path, visit: Callable[..., Any], monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.chdir(tmp_path)
    text = TUTORIAL.read_text(encoding="utf-8")
    run = [sys.executable, "-m", "cutis"]
    *first, serve, verify = commands(text)
    assert (serve[0], verify[0]) == ("serve", "audit-log")
    for command in first:
        done = subprocess.run([*run, *command], capture_output=True, text=True, timeout=600)
        assert done.returncode == 0, (command, done.stderr)
    server = subprocess.Popen([*run, *serve, "--port", "0"], stdout=subprocess.PIPE, text=True, bufsize=1)
    try:
        assert server.stdout is not None
        page = visit(server.stdout.readline().split()[1])
        page.wait_for_selector(".empty")
        steps = re.findall(r"^\d+\. (.*)$", text, re.MULTILINE)
        assert len(steps) >= 10
        for step in steps:
            actions = [{k: v for k, v in found.groupdict().items() if v} for found in ACTION.finditer(step)]
            assert actions, step
            for action in actions:
                do(page, action, tmp_path)
        page.wait_for_selector("dialog[open]")  # the last step shows the keys
        assert page.locator(".row").count() == 0  # and the signed case waits no longer
    finally:
        server.send_signal(signal.SIGINT)
        server.wait(30)
        server.stdout.close()
    done = subprocess.run([*run, *verify], capture_output=True, text=True, timeout=60)
    assert done.returncode == 0, done.stderr
