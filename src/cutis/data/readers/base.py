"""What a reader of a source layout is, and what it finds."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

import polars as pl

from cutis.data.dataset import DatasetCard
from cutis.data.files_in import Blob, Tree

# The first quirk of a release that no one here holds.
UNTESTED = "written from the release's description, not tried on its real files: report what differs"


@dataclass(frozen=True)
class Options:
    """What the user said about the source; a reader refuses what it has no use for.

    label: column that holds the class. columns: manifest column -> column of the source. images: where images lie.
    allow_missing: rows whose image is missing become "error" rows. table_only: images aren't wanted; don't look.
    same_labels: what labels of one code are, see `labels.classes_of`.
    """

    label: str | None = None
    columns: Mapping[str, str] = field(default_factory=dict)
    images: Path | None = None
    allow_missing: bool = False
    table_only: bool = False
    same_labels: str = "ask"


@dataclass(frozen=True, slots=True)
class Record:
    """One row found: manifest values, the image (None if missing, with the reason why) and its mask.

    Ages, sexes, skin types and tones may be the source's own cells, and `anatom_site` whatever names a site: the
    importer reads them (`schema.values`), and counts what can't be read. sides: width and height of the picture that
    its boxes are meant for, where the source says so.
    """

    values: dict[str, Any]
    image: Blob | None
    reason: str = ""
    mask: Blob | None = None
    sides: tuple[int, int] | None = None


@dataclass(frozen=True)
class Found:
    """All that a reader found; `card` without counts and digest. `tree` is closed by the importer.

    own: the source's own columns, a row a record, where they aren't among the records' values: a wide table of many
    rows stays in columns.
    """

    card: DatasetCard
    records: list[Record]
    tree: Tree
    own: pl.DataFrame | None = None


@dataclass(frozen=True)
class Facts:
    """What `cutis datasets` says of a public release before anyone has it.

    images: how many it holds. labels: what they are, in words. identity: which ids tie images together. access: "open"
    (a plain download), "account" (free registration), "form" (a request that someone answers). address: its home page.
    quirks: what a user must know before trusting it.
    """

    images: int
    labels: str
    identity: Literal["patient and lesion", "patient", "lesion", "case", "none"]
    access: Literal["open", "account", "form"]
    address: str
    quirks: tuple[str, ...] = ()


@dataclass(frozen=True)
class Reader:
    """A layout that can be imported. `recognises` must be cheap: it looks at names and one header, not at images.

    card, facts: of a public release; None where the layout is anybody's own. takes_file: whether SRC may be the table.
    free_labels: whether classes are what the source calls them, so that two labels may be spellings of one.
    """

    name: str
    layout: str  # in words, for messages and `cutis import --help`
    recognises: Callable[[Path], bool]
    read: Callable[[Path, Options], Found]
    card: DatasetCard | None = None
    facts: Facts | None = None
    takes_file: bool = False
    free_labels: bool = False
