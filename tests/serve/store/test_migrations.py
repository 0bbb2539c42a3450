"""A store that an earlier version wrote is brought up to this one, with all that was in it."""

from __future__ import annotations

import json
from datetime import UTC, datetime

import pytest
from alembic import command
from alembic.config import Config
from sqlalchemy import bindparam, inspect, select, text

from cutis.serve.clinical.triage import HISTORY, REASONS, priority
from cutis.serve.store import engine as engine_module
from cutis.serve.store.engine import Store
from cutis.serve.store.migrate import FOLDER, revision
from cutis.serve.store.tables import Case, Identity, Moment

MOMENT = bindparam("at", type_=Moment())
AT = "2026-03-04T05:06:07.000000+00:00"
# As a server that showed everything wrote them.
REASONED = {
    "plain": [],
    "flag": ["bleeding", "only_malignant", "change", "worried"],
    "model": ["malignant_first", "refused"],
    "both": ["malignant_possible", "melanoma_before", "new_spot"],
    "all": list(REASONS),
}


@pytest.fixture
def first(store_url: str) -> str:
    """The URL of a store of the first revision with a few cases and an entry."""
    engine = engine_module._engine(engine_module._where(store_url, True)[0])
    config = Config()
    config.set_main_option("script_location", str(FOLDER))
    config.set_main_option("path_separator", "os")
    with engine.begin() as connection:
        config.attributes["connection"] = connection
        command.upgrade(config, "0001")
    with engine.begin() as connection:
        connection.execute(
            text(
                "INSERT INTO accounts (id, name, role, team, created_at, disabled, failures) "
                "VALUES (1, 'reader', 'reader', 'clinic', :at, :no, 0)"
            ).bindparams(MOMENT),
            {"at": datetime.fromisoformat(AT), "no": False},
        )
        for name, reasons in REASONED.items():
            connection.execute(
                text(
                    "INSERT INTO cases (id, team, opened_by, received_at, symptoms, note, state, priority, reasons) "
                    "VALUES (:id, 'clinic', 1, :at, '{}', '', 'waiting', :priority, :reasons)"
                ).bindparams(MOMENT),
                {
                    "id": name,
                    "at": datetime.fromisoformat(AT),
                    "priority": priority(reasons),
                    "reasons": json.dumps(reasons),
                },
            )
        entry = {"at": AT, "zero": "0" * 64}
        connection.execute(
            text("INSERT INTO trail VALUES (1, :at, 'reader', 'case.opened', 'plain', '{}', :zero, :zero)"), entry
        )
    assert "identity" not in inspect(engine).get_table_names()
    engine.dispose()
    return store_url


def test_from_the_first_revision(first: str) -> None:
    store = Store.open(first)
    with store.reading() as session:
        cases = {case.id: case for case in session.scalars(select(Case))}
        for name, reasons in REASONED.items():
            told = [code for code in reasons if code in HISTORY]
            assert cases[name].reasons == reasons
            assert (cases[name].history_reasons, cases[name].history_priority) == (told, priority(told)), name
        mine = session.scalars(select(Identity)).one()
    assert mine.created_at == datetime.fromisoformat(AT)
    assert revision(store.engine) == "0002"
    store.close()
    again = Store.open(first)
    with again.reading() as session:
        assert session.scalars(select(Identity.id)).one() == mine.id
    again.close()


def test_each_new_store_is_another(store: Store, tmp_path) -> None:  # type: ignore[no-untyped-def]
    other = Store.open(f"sqlite:///{tmp_path / 'other.db'}")
    found = []
    for one in (store, other):
        with one.reading() as session:
            found.append(session.scalars(select(Identity)).one())
    other.close()
    assert found[0].id != found[1].id
    assert all(abs((datetime.now(UTC) - one.created_at).total_seconds()) < 600 for one in found)
