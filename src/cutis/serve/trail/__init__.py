"""The audit trail: who did what, when, and on what evidence. It only grows, and each entry seals the one before it.

The rows lie in the database, whose triggers refuse to change or delete them. Whoever gets past those

* breaks the chain of digests by changing an entry: `verify`;
* or leaves the rows and files that the entries tell of different from what they tell: `compare`, `changed_pictures`;
* or makes the whole anew, entries, rows and files together, which nothing inside can show: only an `Anchor`, a head
  that was written down outside the database before.
"""

from cutis.serve.trail.anchor import Anchor, add_anchor, read_anchors
from cutis.serve.trail.append import Item, append, append_all
from cutis.serve.trail.compare import Compared, compare
from cutis.serve.trail.facts import of_account, of_answer, of_case, of_password, of_photograph, of_reading
from cutis.serve.trail.links import COLUMNS, Link, links, of_subject, read_lines, write_lines
from cutis.serve.trail.pictures import changed_pictures
from cutis.serve.trail.verify import Verdict, verify

__all__ = [
    "COLUMNS",
    "Anchor",
    "Compared",
    "Item",
    "Link",
    "Verdict",
    "add_anchor",
    "append",
    "append_all",
    "changed_pictures",
    "compare",
    "links",
    "of_account",
    "of_answer",
    "of_case",
    "of_password",
    "of_photograph",
    "of_reading",
    "of_subject",
    "read_anchors",
    "read_lines",
    "verify",
    "write_lines",
]
