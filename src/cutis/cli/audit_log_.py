from __future__ import annotations

from pathlib import Path
from typing import Literal

from cutis.cli import say
from cutis.errors import CutisError


def audit_log_(
    what: Literal["verify", "export"],
    *,
    folder: Path = Path("workbench"),
    store: str | None = None,
    file: Path | None = None,
    noted: str | None = None,
    out: Path | None = None,
) -> int:
    """Check that the workbench's audit trail is whole, or write it as JSON lines; exit 1 if a link is broken.

    Parameters
    ----------
    what
        verify, or export.
    folder
        The folder that cutis serve was given.
    store
        The database that cutis serve was given, if not the file in FOLDER.
    file
        An exported trail (.jsonl) to verify, instead of a store.
    noted
        A digest that an earlier verify printed: the trail must still hold it. Without one, a trail that was cut off at
        its end looks whole.
    out
        Where export writes: a .jsonl file.
    """
    from cutis.extras import require

    require("serve")
    where = store or f"sqlite:///{folder / 'cutis.db'}"
    if what == "export":
        return _export(where, out)
    if store is not None and file is not None:
        raise CutisError("verify: give --store or --file, not both.")
    return _verify(where, file, noted)


def _verify(store: str, file: Path | None, noted: str | None) -> int:
    from cutis.serve import trail
    from cutis.serve.store.engine import Store

    if file is not None:
        verdict, where = trail.verify(trail.read_lines(file), noted), str(file)
    else:
        opened = Store.open(store, create=False)
        try:
            with opened.reading() as session:
                verdict = trail.verify(trail.links(session), noted)
                if verdict.broken is None and (changed := trail.changed_readings(session)) is not None:
                    verdict = trail.Verdict(verdict.entries, verdict.head, changed)
        finally:
            opened.close()
        where = opened.name
    if verdict.broken is not None:
        say(f"BROKEN: {where}: {verdict.broken}. {verdict.entries:,} entries before it hold.")
        return 1
    say(f"whole: {where}: {verdict.entries:,} entries, the last sealed by {verdict.head}")
    return 0


def _export(store: str, out: Path | None) -> int:
    from cutis.files import refuse_existing
    from cutis.serve import trail
    from cutis.serve.store.engine import Store

    if out is None:
        raise CutisError("export: where to? Give --out TRAIL.jsonl.")
    refuse_existing(out)
    opened = Store.open(store, create=False)
    try:
        with opened.reading() as session:
            n = trail.write_lines(trail.links(session), out)
    finally:
        opened.close()
    say(f"{out}: {n:,} entries")
    return 0
