"""The audit trail: who did what, when, and on what evidence. It only grows, and each entry seals the one before it.

The rows lie in the database, whose triggers refuse to change or delete them. Whoever gets past those still breaks the
chain of digests, unless all that follows is forged as well: that is seen by who has noted a later digest elsewhere
(`cutis audit-log verify` prints the last one).
"""

from cutis.serve.trail.append import Item, append, append_all
from cutis.serve.trail.links import COLUMNS, Link, links, of_subject, read_lines, write_lines
from cutis.serve.trail.readings import changed_readings, kept
from cutis.serve.trail.verify import Verdict, verify

__all__ = [
    "COLUMNS",
    "Item",
    "Link",
    "Verdict",
    "append",
    "append_all",
    "changed_readings",
    "kept",
    "links",
    "of_subject",
    "read_lines",
    "verify",
    "write_lines",
]
