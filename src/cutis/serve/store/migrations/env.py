"""Run by Alembic: migrates on the connection that `cutis.serve.store.migrate` hands over, in its transaction."""

from __future__ import annotations

from alembic import context

from cutis.serve.store.tables import Base

context.configure(connection=context.config.attributes["connection"], target_metadata=Base.metadata)
with context.begin_transaction():
    context.run_migrations()
