"""What the history alone says of a case's priority; keys of requests; which store this is."""

from __future__ import annotations

import secrets
from datetime import UTC, datetime

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None

TIME = sa.DateTime(timezone=True)
# Reasons that a history gives, and their levels, as they were at this revision; the others are a model's.
LEVELS = {
    **dict.fromkeys(
        ("bleeding", "ulcer", "rapid_change", "large_and_changing", "nodule", "immunosuppressed_growth", "nail_change"),
        4,
    ),
    **dict.fromkeys(("change", "melanoma_before"), 2),
    **dict.fromkeys(("new_spot", "large", "symptom", "worried", "melanoma_family", "immunosuppressed"), 1),
}


def upgrade() -> None:
    op.add_column("cases", sa.Column("history_priority", sa.Integer, nullable=False, server_default="0"))
    op.add_column("cases", sa.Column("history_reasons", sa.JSON, nullable=False, server_default=sa.text("'[]'")))
    _fill()
    op.create_index("cases_blind_queue", "cases", ["team", "state", "history_priority", "received_at", "id"])
    op.create_table(
        "requests",
        sa.Column("account_id", sa.Integer, sa.ForeignKey("accounts.id", ondelete="CASCADE"), primary_key=True),
        sa.Column("key", sa.String(255), primary_key=True),
        sa.Column("content", sa.String(64), nullable=False),
        sa.Column("case_id", sa.String(16), sa.ForeignKey("cases.id", ondelete="CASCADE"), nullable=False, index=True),
        sa.Column("created_at", TIME, nullable=False, index=True),
    )
    identity = op.create_table(
        "identity", sa.Column("id", sa.String(16), primary_key=True), sa.Column("created_at", TIME, nullable=False)
    )
    op.bulk_insert(identity, [{"id": secrets.token_urlsafe(12), "created_at": _began()}])


def _began() -> datetime:
    """When the store's first entry was written; now, for a new one."""
    first = op.get_bind().execute(sa.text("SELECT min(at) FROM trail")).scalar()
    return datetime.fromisoformat(first) if first else datetime.now(UTC)


def _fill() -> None:
    cases = sa.table(
        "cases",
        sa.column("id", sa.String),
        sa.column("reasons", sa.JSON),
        sa.column("history_priority", sa.Integer),
        sa.column("history_reasons", sa.JSON),
    )
    connection = op.get_bind()
    rows = []
    for case_id, reasons in connection.execute(sa.select(cases.c.id, cases.c.reasons)):
        told = [code for code in reasons if code in LEVELS]
        levels = [LEVELS[code] for code in told]
        priority = 10 * max(levels) + min(len(levels) - 1, 9) if levels else 0
        rows.append({"case": case_id, "priority": priority, "told": told})
    if rows:
        change = sa.update(cases).where(cases.c.id == sa.bindparam("case"))
        connection.execute(
            change.values(history_priority=sa.bindparam("priority"), history_reasons=sa.bindparam("told")), rows
        )
