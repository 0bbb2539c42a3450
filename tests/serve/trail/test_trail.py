"""The trail: one chain however many write, and every way of tampering with it is found and named."""

from __future__ import annotations

import hashlib
import itertools
import json
import subprocess
import sys
import threading
from collections.abc import Callable
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

import pytest
from driving import in_process
from hypothesis import given
from hypothesis import settings as examples
from hypothesis import strategies as st
from sqlalchemy import select

from cutis.errors import CutisError
from cutis.serve import trail
from cutis.serve.store.engine import Store
from cutis.serve.store.tables import Case
from cutis.serve.trail import Item, Link

Content = dict[str, Any]


def write(store: Store, n: int, actor: str = "reader") -> None:
    for i in range(n):
        with store.begin() as session:
            trail.append(
                session, actor, "something.done", f"case{i}", {"i": i, "set": ["nv", "mel"], "ood": 0.25, "é": None}
            )


def chain(store: Store) -> list[Link]:
    with store.reading() as session:
        return list(trail.links(session))


@pytest.fixture(scope="module")
def ten(tmp_path_factory: pytest.TempPathFactory) -> list[Link]:
    store = Store.open(f"sqlite:///{tmp_path_factory.mktemp('trail') / 'c.db'}")
    write(store, 10)
    found = chain(store)
    store.close()
    return found


def test_each_entry_seals_the_one_before(store: Store) -> None:
    write(store, 5)
    found = chain(store)
    assert [link.sequence for link in found] == [1, 2, 3, 4, 5]
    assert found[0].previous == "0" * 64
    for before, link in itertools.pairwise(found):
        assert link.previous == before.digest
    # The digest as anyone can compute it, without this package.
    values = asdict(found[2])
    told = values.pop("digest")
    text = json.dumps(values, sort_keys=True, separators=(",", ":"))
    assert hashlib.sha256(text.encode("ascii")).hexdigest() == told
    assert json.loads(found[2].content) == {"i": 2, "set": ["nv", "mel"], "ood": 0.25, "é": None}
    verdict = trail.verify(found)
    assert (verdict.entries, verdict.head, verdict.broken) == (5, found[-1].digest, None)


def test_an_empty_trail_is_whole(store: Store) -> None:
    assert trail.verify(chain(store)) == trail.Verdict(0, "0" * 64)


def test_several_at_once_are_in_their_order(store: Store) -> None:
    write(store, 1)
    with store.begin() as session:
        trail.append_all(session, [Item("a", "predict", str(i), {"i": i}) for i in range(300)])
        trail.append_all(session, [])
        trail.append(session, "a", "predict", "last", {})
    assert [link.subject for link in chain(store)] == ["case0", *map(str, range(300)), "last"]
    assert [link.sequence for link in chain(store)] == list(range(1, 303))
    assert trail.verify(chain(store)).broken is None


def test_what_was_rolled_back_leaves_no_gap(store: Store) -> None:
    write(store, 1)

    def fails() -> None:
        with store.begin() as session:
            trail.append(session, "a", "b", "c", {})
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        fails()
    write(store, 1)
    assert trail.verify(chain(store)) == trail.Verdict(2, chain(store)[-1].digest)


def test_nan_is_no_content(store: Store) -> None:
    with pytest.raises(ValueError, match="JSON"), store.begin() as session:
        trail.append(session, "a", "b", "c", {"ood": float("nan")})


def test_threads_do_not_fork_it(store: Store) -> None:
    threads = [threading.Thread(target=write, args=(store, 10, f"thread{i}")) for i in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    found = chain(store)
    assert trail.verify(found).broken is None
    assert {name: sum(link.actor == name for link in found) for name in {link.actor for link in found}} == {
        f"thread{i}": 10 for i in range(8)
    }


_WRITER = """
import sys
from cutis.serve import trail
from cutis.serve.store.engine import Store
store = Store.open(sys.argv[1])
for i in range(15):
    with store.begin() as session:
        trail.append(session, sys.argv[2], "b", "c", {"i": i})
store.close()
"""


def test_processes_do_not_fork_it(store_url: str) -> None:
    Store.open(store_url).close()
    writers = [subprocess.Popen([sys.executable, "-c", _WRITER, store_url, f"p{i}"]) for i in range(3)]
    assert [writer.wait(120) for writer in writers] == [0, 0, 0]
    store = Store.open(store_url)
    verdict = trail.verify(chain(store))
    assert (verdict.entries, verdict.broken) == (45, None)
    store.close()


def resealed(link: Link, **changes: Any) -> Link:
    changed = replace(link, **changes)
    return replace(changed, digest=changed.sealed())


Tamper = Callable[[list[Link], int], list[Link]]
TAMPERING: dict[str, tuple[Tamper, str, int]] = {  # what is done to the entry at i; words; which entry is named, from i
    "content": (lambda c, i: [*c[:i], replace(c[i], content='{"set":["mel"]}'), *c[i + 1 :]], "was changed", 1),
    "actor": (lambda c, i: [*c[:i], replace(c[i], actor="nobody"), *c[i + 1 :]], "was changed", 1),
    "time": (lambda c, i: [*c[:i], replace(c[i], at="2020-01-01T00:00:00+00:00"), *c[i + 1 :]], "was changed", 1),
    "removed": (lambda c, i: [*c[:i], *c[i + 1 :]], "is missing", 2),
    "put in": (lambda c, i: [*c[: i + 1], c[i], *c[i + 1 :]], "out of order", 1),
    "exchanged": (lambda c, i: [*c[:i], c[i + 1], c[i], *c[i + 2 :]], "is missing", 2),
    "changed and sealed again": (lambda c, i: [*c[:i], resealed(c[i], actor="x"), *c[i + 1 :]], "does not seal", 2),
    "not JSON": (lambda c, i: [*c[:i], resealed(c[i], content="{"), *c[i + 1 :]], "no JSON object", 1),
}


@pytest.mark.parametrize("how", TAMPERING)
@pytest.mark.parametrize("place", [0, 4, 8])
def test_tampering_is_named(ten: list[Link], how: str, place: int) -> None:
    change, words, after = TAMPERING[how]
    verdict = trail.verify(change(list(ten), place))
    assert verdict.broken is not None
    assert words in verdict.broken
    assert f"entry {place + after}" in verdict.broken
    assert verdict.entries <= place + 1


@given(st.data())
@examples(max_examples=60, deadline=None)
def test_any_change_of_any_field_is_found(ten: list[Link], data: st.DataObject) -> None:
    place = data.draw(st.integers(0, 9))
    field = data.draw(st.sampled_from(["at", "actor", "action", "subject", "content", "previous", "digest"]))
    old = getattr(ten[place], field)
    new = data.draw(st.text(max_size=64).filter(lambda text: text != old))
    verdict = trail.verify([*ten[:place], replace(ten[place], **{field: new}), *ten[place + 1 :]])
    assert verdict.broken is not None
    assert verdict.entries <= place + 1


def test_export_is_the_chain(ten: list[Link], tmp_path: Path) -> None:
    assert trail.write_lines(ten, tmp_path / "t.jsonl") == 10
    assert list(trail.read_lines(tmp_path / "t.jsonl")) == ten
    lines = (tmp_path / "t.jsonl").read_text().splitlines()
    assert json.loads(lines[3])["subject"] == "case3"


@pytest.mark.parametrize(
    "line",
    [
        "",
        "{",
        "[]",
        '{"sequence":1}',
        '{"sequence":"1","at":"","actor":"","action":"","subject":"","content":"","previous":"","digest":""}',
    ],
)
def test_a_line_that_is_no_entry(ten: list[Link], tmp_path: Path, line: str) -> None:
    path = tmp_path / "t.jsonl"
    trail.write_lines(ten[:2], path)
    path.write_text(path.read_text() + line + "\n")
    with pytest.raises(CutisError, match="line 3: not an entry"):
        list(trail.read_lines(path))


# The command, as an auditor types it. What it says of rows and files is in test_compare.py, of anchors in
# test_anchor.py.


def test_verify_and_export(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    url = f"sqlite:///{tmp_path / 'cutis.db'}"
    store = Store.open(url)
    write(store, 3)
    store.close()
    code, said, _ = in_process(capsys, "audit-log", "verify", "--store", url)
    assert code == 0
    assert "3 entries" in said
    out = tmp_path / "trail.jsonl"
    assert in_process(capsys, "audit-log", "export", "--store", url, "--out", out)[0] == 0
    code, said, _ = in_process(capsys, "audit-log", "verify", "--file", out)
    assert code == 0
    assert "not looked at: whether cases, readings and pictures are as these entries tell" in said
    out.write_text(out.read_text().replace("case1", "case7"))
    code, said, _ = in_process(capsys, "audit-log", "verify", "--file", out)
    assert code == 1
    assert "BROKEN" in said
    assert "entry 2: was changed" in said
    assert in_process(capsys, "audit-log", "export", "--store", url, "--out", out)[0] == 2  # never over another


@pytest.mark.parametrize(
    ("given", "words"),
    [
        (("verify", "--store", "sqlite:///a.db", "--file", "a.jsonl"), "not both"),
        (("verify", "--folder", "nowhere"), "nowhere/cutis.db: no such store"),
        (("export",), "where to?"),
        (("verify", "--store", "sqlite:///nowhere/cutis.db"), "no such store"),
        (("verify", "--file", "nowhere.jsonl"), "no such file"),
    ],
)
def test_what_is_asked_wrongly(given: tuple[str, ...], words: str, capsys: pytest.CaptureFixture[str]) -> None:
    code, _, said = in_process(capsys, "audit-log", *given)
    assert code == 2
    assert words in said


def test_a_session_finds_a_cases_entries(store: Store) -> None:
    write(store, 4)
    with store.begin() as session:
        trail.append(session, "other", "reading.signed", "case2", {})
    with store.reading() as session:
        assert [(link.sequence, link.actor) for link in trail.of_subject(session, "case2")] == [
            (3, "reader"),
            (5, "other"),
        ]
        assert trail.of_subject(session, "case9") == []
        assert session.scalar(select(Case.id)) is None
