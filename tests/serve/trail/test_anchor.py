"""An anchor, kept outside the database, shows what nothing inside can: an end cut off, a trail made anew."""

from __future__ import annotations

import json
import re
from dataclasses import asdict, replace
from pathlib import Path

import pytest
from driving import in_process
from sqlalchemy import delete, insert, text

from cutis.errors import CutisError
from cutis.serve import trail
from cutis.serve.store.engine import Store
from cutis.serve.store.tables import Entry
from cutis.serve.trail import Anchor, Link


def entries(store: Store, n: int) -> None:
    with store.begin() as session:
        trail.append_all(session, [trail.Item("reader", "something.done", f"s{i}", {"i": i}) for i in range(n)])


def chain(store: Store) -> list[Link]:
    with store.reading() as session:
        return list(trail.links(session))


def resealed(links: list[Link]) -> list[Link]:
    """The chain with digests that fit what is in it now."""
    made: list[Link] = []
    for number, link in enumerate(links, 1):
        changed = replace(link, sequence=number, previous=made[-1].digest if made else "0" * 64)
        made.append(replace(changed, digest=changed.sealed()))
    return made


def forge(store: Store, links: list[Link]) -> None:
    """Put another chain into the database, and its triggers back, as who owns it may."""
    with store.engine.begin() as connection:
        triggers = connection.execute(text("SELECT name, sql FROM sqlite_master WHERE type = 'trigger'")).all()
        for name, _ in triggers:
            connection.execute(text(f"DROP TRIGGER {name}"))
        connection.execute(delete(Entry))
        if links:
            connection.execute(insert(Entry), [asdict(link) for link in links])
        for _, sql in triggers:
            connection.execute(text(sql))


@pytest.fixture
def url(tmp_path: Path) -> str:
    return f"sqlite:///{tmp_path / 'cutis.db'}"


FORGERIES = {
    "the end is cut off": lambda links: links[:6],
    "an entry in the middle is left out": lambda links: resealed(links[:4] + links[5:]),
    "an entry is another": lambda links: resealed([replace(links[0], actor="x"), *links[1:]]),
    "all is made anew, and longer": lambda links: resealed([replace(link, actor="x") for link in links] * 2),
    "nothing is left": lambda links: [],
}


@pytest.mark.parametrize("how", FORGERIES)
def test_a_consistent_forgery_is_seen_by_an_anchor_only(
    url: str, tmp_path: Path, how: str, capsys: pytest.CaptureFixture[str]
) -> None:
    store, out = Store.open(url), tmp_path / "outside" / "anchors.jsonl"
    out.parent.mkdir()
    for n in (3, 4):
        entries(store, n)
        assert in_process(capsys, "audit-log", "anchor", "--store", url, "--out", out)[0] == 0
    entries(store, 2)
    code, said, _ = in_process(capsys, "audit-log", "verify", "--store", url, "--since", out)
    assert code == 0, said
    assert "it extends 2 anchors" in said
    forge(store, FORGERIES[how](chain(store)))
    store.close()
    code, said, _ = in_process(capsys, "audit-log", "verify", "--store", url)
    assert code == 0, said  # nothing inside tells, and it says so
    assert "without --since it can't be seen whether it was cut off" in said
    code, said, _ = in_process(capsys, "audit-log", "verify", "--store", url, "--since", out)
    assert code == 1
    assert "it does not extend the anchor of" in said
    before = out.read_text()
    assert in_process(capsys, "audit-log", "anchor", "--store", url, "--out", out)[0] == 1
    assert out.read_text() == before


def test_a_digest_noted_by_hand(url: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    store = Store.open(url)
    entries(store, 5)
    code, said, _ = in_process(capsys, "audit-log", "anchor", "--store", url)
    line = json.loads(said)
    assert code == 0
    assert (line["entries"], line["head"]) == (5, chain(store)[-1].digest)
    entries(store, 2)
    assert in_process(capsys, "audit-log", "verify", "--store", url, "--since", line["head"].upper())[0] == 0
    exported = tmp_path / "trail.jsonl"
    assert in_process(capsys, "audit-log", "export", "--store", url, "--out", exported)[0] == 0
    assert in_process(capsys, "audit-log", "verify", "--file", exported, "--since", line["head"])[0] == 0
    forge(store, chain(store)[:4])
    store.close()
    code, said, _ = in_process(capsys, "audit-log", "verify", "--store", url, "--since", line["head"])
    assert code == 1
    assert f"it does not extend the digest {line['head']}" in said


def test_the_head_must_be_after_as_many_entries(url: str) -> None:
    store = Store.open(url)
    entries(store, 5)
    links = chain(store)
    store.close()
    anchor = Anchor.of("s", 3, links[2].digest)
    assert trail.verify(links, [anchor]).broken is None
    assert trail.verify(links, [replace(anchor, entries=4)]).broken is not None
    assert trail.verify(links, [anchor, replace(anchor, entries=0, head="0" * 64)], "s").broken is None


def test_another_stores_anchor(url: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    store, out = Store.open(url), tmp_path / "anchors.jsonl"
    entries(store, 2)
    store.close()
    assert in_process(capsys, "audit-log", "anchor", "--store", url, "--out", out)[0] == 0
    other = f"sqlite:///{tmp_path / 'other.db'}"
    Store.open(other).close()
    code, said, _ = in_process(capsys, "audit-log", "verify", "--store", other, "--since", out)
    assert code == 1
    assert "is of another store" in said


def test_an_anchor_is_a_line_whole_or_none(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "anchors.jsonl"
    anchor = Anchor.of("s", 1, "a" * 64)
    trail.add_anchor(path, anchor)
    trail.add_anchor(path, replace(anchor, entries=2))
    assert [a.entries for a in trail.read_anchors(str(path))] == [1, 2]
    before = path.read_bytes()

    def full(_handle: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("os.fsync", full)
    with pytest.raises(CutisError, match="the disk is full"):
        trail.add_anchor(path, anchor)
    assert path.read_bytes() == before
    with pytest.raises(CutisError, match="the disk is full"):
        trail.add_anchor(tmp_path / "new.jsonl", anchor)
    assert not (tmp_path / "new.jsonl").exists()


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (None, "neither a file of anchors nor a digest"),
        (b"", "holds no anchor"),
        (b"{}\n", "line 1: not an anchor"),
        (b"\xff\xfe\n", "not a file of anchors"),
        (b'{"at":"","entries":true,"head":"' + b"a" * 64 + b'","store":""}\n', "line 1: not an anchor"),
        (b'{"at":"","entries":1,"head":"a","store":""}\n', "line 1: not an anchor"),
    ],
)
def test_what_is_no_anchor(
    url: str, tmp_path: Path, content: bytes | None, words: str, capsys: pytest.CaptureFixture[str]
) -> None:
    Store.open(url).close()
    path = tmp_path / "anchors.jsonl"
    if content is not None:
        path.write_bytes(content)
    code, _, said = in_process(capsys, "audit-log", "verify", "--store", url, "--since", path)
    assert code == 2
    assert re.search(words, said)
