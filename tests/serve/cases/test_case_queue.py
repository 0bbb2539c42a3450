"""The queue against a plain sort in Python, and its cost at ten thousand cases."""

from __future__ import annotations

import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import settings as examples
from hypothesis import strategies as st
from sqlalchemy import insert

from cutis.serve.cases import Filter, counts, earlier, find, neighbours, photograph, queue
from cutis.serve.cases.forms import patient_pseudonym
from cutis.serve.kinds import Refused, Who
from cutis.serve.store.engine import Store
from cutis.serve.store.tables import STATES, Account, Answer, Case, Photograph

WHO = Who(1, "reader", "reader", "clinic")
OTHER = Who(2, "stranger", "admin", "elsewhere")
OPENLY: Any = SimpleNamespace(blind=False)
BLIND: Any = SimpleNamespace(blind=True)
START = datetime(2026, 1, 1, tzinfo=UTC)
SITES = ("Trunk", "Trunk:Posterior trunk", "Trunk_", "Head and neck:Head:Face", None)
REASONS = ("bleeding", "only_malignant", "refused", "new_spot")


def fill(store: Store, n: int, seed: int = 0) -> list[dict[str, Any]]:
    """`n` cases of two teams, many of equal priority and time, each with a photograph and an answer."""
    rng = np.random.default_rng(seed)
    rows = [
        {
            "id": f"case{i:06}",
            "team": "elsewhere" if i % 10 == 9 else "clinic",
            "opened_by": 1,
            "received_at": START + timedelta(minutes=int(rng.integers(n // 4 + 1))),
            "state": str(rng.choice(STATES, p=(0.6, 0.1, 0.3))),
            "priority": int(rng.integers(0, 5)),
            "reasons": [str(r) for r in rng.choice(REASONS, rng.integers(3), replace=False)],
            "history_priority": int(rng.integers(0, 5)),
            "history_reasons": [str(r) for r in rng.choice(REASONS[::3], rng.integers(2), replace=False)],
            "site": SITES[int(rng.integers(len(SITES)))],
            "note": f'100% of them say "it grew", no. {i}',
            "patient": patient_pseudonym(str(i // 7)),
            "lesion": "L",
            "visit_day": int(rng.integers(3)) * 30,
            "symptoms": {},
        }
        for i in range(n)
    ]
    with store.begin() as session:
        session.add_all([Account(name="reader", role="reader"), Account(name="stranger", role="admin")])
        session.flush()
        session.execute(insert(Case), rows)
        digest = "0" * 64
        pictures = [
            {"id": f"p{i:06}", "case_id": row["id"], "kind": "dermoscopy", "digest": digest, "media_type": "image/jpeg"}
            | {"width": 600, "height": 450, "place": 0, "quality": {}, "tone": {}}
            for i, row in enumerate(rows)
        ]
        session.execute(insert(Photograph), pictures)
        said = {"bundle": digest, "status": "ok", "answer_set": ["nv"], "probabilities": {"nv": 0.9, "mel": 0.1}}
        session.execute(insert(Answer), [{"photograph_id": p["id"], **said} for p in pictures])
    return rows


def in_order(rows: list[dict[str, Any]], who: Who = WHO, by: str = "priority") -> list[str]:
    mine = [r for r in rows if r["team"] == who.team]
    return [r["id"] for r in sorted(mine, key=lambda r: (-r[by], r["received_at"], r["id"]))]


def walk(store: Store, chosen: Filter, limit: int, who: Who = WHO, settings: Any = OPENLY) -> list[str]:
    """Ids of all pages, one after the other."""
    ids: list[str] = []
    cursor = None
    while True:
        with store.reading() as session:
            page = queue(session, who, settings, chosen, cursor, limit)
        assert len(page.cases) <= limit
        ids += [case.id for case in page.cases]
        if page.following is None:
            return ids
        cursor = page.following


@pytest.fixture(scope="module")
def small(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Store, list[dict[str, Any]]]]:
    store = Store.open(f"sqlite:///{tmp_path_factory.mktemp('queue') / 'c.db'}")
    yield store, fill(store, 200)
    store.close()


def test_pages_are_the_sorted_list(store: Store) -> None:
    rows = fill(store, 120)
    assert walk(store, Filter("all"), 17) == in_order(rows)
    assert walk(store, Filter("all"), 17, OTHER) == in_order(rows, OTHER)
    assert walk(store, Filter(), 200) == in_order([r for r in rows if r["state"] != "signed"])
    assert walk(store, Filter("all", reason="bleeding"), 9) == in_order([r for r in rows if "bleeding" in r["reasons"]])
    trunk = [r for r in rows if (r["site"] or "").split(":")[0] == "Trunk"]
    assert walk(store, Filter("all", site="Trunk"), 9) == in_order(trunk)
    assert walk(store, Filter("all", text="Case00001"), 9) == (
        [] if store.name.startswith("post") else in_order(rows[10:20])
    )
    assert walk(store, Filter("all", text="IT GREW"), 50) == in_order(rows)
    assert walk(store, Filter("all", text="100_ of"), 9) == []
    assert walk(store, Filter("all", text="3"), 50)  # a note's number, and patient 3
    with store.reading() as session:
        assert sum(counts(session, WHO).values()) == sum(r["team"] == "clinic" for r in rows)


@given(
    st.builds(
        Filter,
        st.sampled_from(["open", "all", *STATES]),
        st.sampled_from(["", *REASONS]),
        st.sampled_from(["", "Trunk", "Trunk:Posterior trunk", "Head and neck"]),
    ),
    st.integers(1, 60),
)
@examples(max_examples=25, deadline=None)
def test_every_filter_and_page_length(small: tuple[Store, list[dict[str, Any]]], chosen: Filter, limit: int) -> None:
    store, rows = small
    kept = [
        r
        for r in rows
        if (chosen.state == "all" or r["state"] == chosen.state or (chosen.state == "open" and r["state"] != "signed"))
        and (not chosen.reason or chosen.reason in r["reasons"])
        and (not chosen.site or r["site"] == chosen.site or (r["site"] or "").startswith(chosen.site + ":"))
    ]
    assert walk(store, chosen, limit) == in_order(kept)


def test_a_blind_server_knows_the_history_only(store: Store) -> None:
    rows = fill(store, 120)
    ids = in_order(rows, by="history_priority")
    assert ids != in_order(rows)
    assert walk(store, Filter("all"), 7, settings=BLIND) == ids
    for reason in REASONS:
        kept = [r for r in rows if reason in r["history_reasons"]]
        assert walk(store, Filter("all", reason=reason), 9, settings=BLIND) == in_order(kept, by="history_priority")
    with store.reading() as session:
        for place in (1, 40):
            around = (ids[place - 1], ids[place + 1])
            assert neighbours(session, WHO, BLIND, Filter("all"), ids[place]) == around


def test_neighbours_are_those_of_the_list(small: tuple[Store, list[dict[str, Any]]]) -> None:
    store, rows = small
    ids = in_order(rows)
    with store.reading() as session:
        for place in (0, 1, 57, len(ids) - 1):
            around = (ids[place - 1] if place else None, ids[place + 1] if place + 1 < len(ids) else None)
            assert neighbours(session, WHO, OPENLY, Filter("all"), ids[place]) == around
        # One that is not in the filter itself has its place all the same: the next after a case was signed.
        waiting = {r["id"] for r in rows if r["state"] == "waiting"}
        signed = next(i for i in ids[20:] if i not in waiting)
        before = [i for i in ids[: ids.index(signed)] if i in waiting]
        after = [i for i in ids[ids.index(signed) :] if i in waiting]
        assert neighbours(session, WHO, OPENLY, Filter("waiting"), signed) == (before[-1], after[0])
        with pytest.raises(Refused, match="No such case"):
            neighbours(session, OTHER, OPENLY, Filter("all"), ids[0])


def test_a_new_case_shifts_nobody(store: Store) -> None:
    rows = fill(store, 60)
    with store.begin() as session:
        first = queue(session, WHO, OPENLY, Filter("all"), None, 20)
        session.add(Case(id="urgent", team="clinic", opened_by=1, priority=99, received_at=START))
        session.flush()
        second = queue(session, WHO, OPENLY, Filter("all"), first.following, 200)
    assert [c.id for c in [*first.cases, *second.cases]] == in_order(rows)


@pytest.mark.parametrize(
    "cursor",
    [
        "",
        "x",
        "é",
        "W10",
        "bnVsbA",
        "WzEsMiwzXQ",
        "WzFlOTk5LCIyMDI2IiwiYSJd",
        "A" * 500,
        "WzEsIjIwMjYtMDEtMDEiLCJcdWQ4MDAiXQ",
    ],
)
def test_a_cursor_of_elsewhere(small: tuple[Store, list[dict[str, Any]]], cursor: str) -> None:
    with small[0].reading() as session, pytest.raises(Refused, match="cursor") as told:
        queue(session, WHO, OPENLY, Filter("all"), cursor)
    assert told.value.status == 422


@pytest.mark.parametrize("text", ["'; DROP TABLE cases; --", "%", "_", "\\", "\0", "\ud800", '"', "x" * 3000])
def test_text_is_only_text(store: Store, text: str) -> None:
    fill(store, 20)
    for chosen in (Filter("all", text=text), Filter("all", reason=text), Filter("all", site=text)):
        found = walk(store, chosen, 50)
        assert found == [] or text in ("%", '"', "\0", "\ud800")
    assert len(walk(store, Filter("all"), 50)) == 18
    with store.reading() as session, pytest.raises(Refused, match="state"):
        queue(session, WHO, OPENLY, Filter(state=text))


def test_another_teams_case_is_not_there(small: tuple[Store, list[dict[str, Any]]]) -> None:
    store, _ = small
    with store.reading() as session:
        assert find(session, WHO, "case000000").photographs[0].answers[0].answer_set == ["nv"]
        assert photograph(session, WHO, "p000000").case.id == "case000000"
        for look, name in ((find, "case000000"), (photograph, "p000000")):
            with pytest.raises(Refused) as told:
                look(session, OTHER, name)
            assert told.value.status == 404


def test_earlier_visits_are_of_the_same_lesion(store: Store) -> None:
    visits = {"a": (0, 0), "b": (90, 0), "c": (90, 1), "d": (200, 0)}  # visit day, hour
    other = {"patient": {"patient": "Q"}, "lesion": {"lesion": "M"}, "team": {"team": "elsewhere"}}
    with store.begin() as session:
        session.add(Account(name="reader", role="reader"))
        session.flush()
        same = {"team": "clinic", "opened_by": 1, "patient": "P", "lesion": "L"}
        for name, (day, hour) in visits.items():
            session.add(Case(id=name, **same, visit_day=day, received_at=START + timedelta(hours=hour)))
        for name, changed in other.items():
            session.add(Case(id=name, **(same | changed), visit_day=0, received_at=START))
        session.add(Case(id="unknown", team="clinic", opened_by=1, visit_day=300))
    with store.reading() as session:
        for name, before in {"a": [], "b": ["a"], "c": ["b", "a"], "d": ["c", "b", "a"], "unknown": []}.items():
            assert [case.id for case in earlier(session, WHO, find(session, WHO, name))] == before


@pytest.mark.parametrize("settings", [OPENLY, BLIND], ids=["openly", "blind"])
def test_ten_thousand_cases_are_quick(tmp_path: Path, settings: Any) -> None:
    """Generous limits: the pages' own are measured in a browser."""
    store = Store.open(f"sqlite:///{tmp_path / 'c.db'}")
    rows = fill(store, 10_000)
    ids = in_order(rows, by="history_priority" if settings.blind else "priority")
    times = []
    with store.reading() as session:
        for chosen in (Filter(), Filter("all"), Filter("all", reason="bleeding"), Filter("all", text="no. 99")):
            start = time.process_time()
            page = queue(session, WHO, settings, chosen, None, 50)
            around = neighbours(session, WHO, settings, Filter("all"), ids[4567])
            times.append(time.process_time() - start)
            assert len(page.cases) == 50
            assert around == (ids[4566], ids[4568])
    store.close()
    assert max(times) < 0.3, times
