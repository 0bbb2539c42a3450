from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from cutis.cli import say
from cutis.errors import CutisError

if TYPE_CHECKING:
    from sqlalchemy.orm import Session

    from cutis.serve.store.engine import Store
    from cutis.serve.trail import Anchor, Verdict


def audit_log_(
    what: Literal["verify", "anchor", "export"],
    *,
    folder: Path = Path("workbench"),
    store: str | None = None,
    file: Path | None = None,
    since: str | None = None,
    pictures: bool = True,
    out: Path | None = None,
) -> int:
    """Check that the workbench's cases, readings and pictures are as its audit trail tells; exit 1 if something isn't.

    Parameters
    ----------
    what
        verify: follow the trail's chain, and compare with it cases, photographs, answers, readings, accounts, triggers
        and the pictures' files. anchor: note how far the trail is, to be kept out of reach of whoever can write to the
        database. export: write it as JSON lines.
    folder
        The folder that cutis serve was given.
    store
        The database that cutis serve was given, if not the file in FOLDER.
    file
        An exported trail (.jsonl) to verify, instead of a store; then only its chain is looked at.
    since
        What anchor wrote or printed earlier, a file or the digest alone: the trail must extend it. Without one, a trail
        that was cut off at its end or made anew, with all that it tells of, looks whole.
    pictures
        Read the pictures' files too.
    out
        Where export writes, a .jsonl file; the file to which anchor adds a line (if not given, it is printed).
    """
    from cutis.extras import require

    require("serve")
    from cutis.serve.store.engine import store_in

    where = store or store_in(folder)
    if what == "export":
        return _export(where, out)
    from cutis.serve.trail import read_anchors

    if what == "anchor":
        return _anchor(where, out)
    anchors = read_anchors(since) if since is not None else []
    if file is None:
        return _verify(where, anchors, folder / "pictures" if pictures else None)
    if store is not None:
        raise CutisError("verify: give --store or --file, not both.")
    return _verify_file(file, anchors)


def _verify_file(file: Path, anchors: list[Anchor]) -> int:
    from cutis.serve import trail

    verdict = trail.verify(trail.read_lines(file), anchors)
    if verdict.broken is not None:
        return _broken(str(file), verdict)
    say(f"whole: {file}: {verdict.entries:,} entries, the last sealed by {verdict.head}")
    say("not looked at: whether cases, readings and pictures are as these entries tell (verify without --file does).")
    return _say_since(anchors)


def _verify(store: str, anchors: list[Anchor], pictures: Path | None) -> int:
    from cutis.serve import trail

    with _opened(store) as opened, opened.snapshot() as session:
        verdict = trail.verify(trail.links(session), anchors, _store_id(session))
        if verdict.broken is not None:
            return _broken(opened.name, verdict)
        found = trail.compare(session)
        for line in found.differences:
            say(f"DIFFERS: {line}")
        read, wrong = _pictures(session, pictures) if pictures and found.photographs else (0, 0)
    counted = (
        f"{found.cases:,} cases, {found.photographs:,} photographs, {found.answers:,} answers, {found.readings:,} "
        f"readings and {found.accounts:,} accounts"
    )
    files = f"{read:,} files of pictures" if pictures else "the pictures' files not looked at"
    if wrong or found.differences:
        n = wrong + len(found.differences)
        say(f"BROKEN: {opened.name}: {n:,} differences from the trail, of {counted}; {files}. The chain itself holds.")
        return 1
    say(f"whole: {opened.name}: {verdict.entries:,} entries, the last sealed by {verdict.head}")
    say(f"as the trail tells: {counted}; {files}")
    if found.older:
        say(f"not compared: what {found.older:,} entries of an earlier version did not note yet.")
    return _say_since(anchors)


def _pictures(session: Session, folder: Path) -> tuple[int, int]:
    """(how many files were read, how many of them are not as the trail tells)."""
    from cutis.serve import trail

    if not folder.is_dir():
        raise CutisError(f"{folder}: no such folder of pictures. Give the --folder of cutis serve, or --no-pictures.")
    read = wrong = 0
    for line in trail.changed_pictures(session, folder):
        read += 1
        if line is not None:
            wrong += 1
            say(f"DIFFERS: {line}")
    return read, wrong


def _anchor(store: str, out: Path | None) -> int:
    from cutis.serve import trail

    before = trail.read_anchors(str(out)) if out is not None and out.exists() and out.stat().st_size else []
    with _opened(store) as opened, opened.snapshot() as session:
        known = _store_id(session)
        verdict = trail.verify(trail.links(session), before, known)
    if verdict.broken is not None:
        return _broken(opened.name, verdict)
    anchor = trail.Anchor.of(known, verdict.entries, verdict.head)
    if out is None:
        say(anchor.line())
    else:
        trail.add_anchor(out, anchor)
        say(f"{out}: {verdict.entries:,} entries, the last sealed by {verdict.head}")
    return 0


@contextmanager
def _opened(store: str) -> Iterator[Store]:
    """Raises CutisError also for a store whose tables or texts are not those of a workbench."""
    from sqlalchemy.exc import DBAPIError

    from cutis.serve.store.engine import Store

    opened = Store.open(store, create=False)
    try:
        yield opened
    except DBAPIError as error:
        why = str(error.orig).partition("\n")[0]
        raise CutisError(
            f"{opened.name}: was changed so that it can't be read ({why}). Copy it back from your backup."
        ) from None
    finally:
        opened.close()


def _store_id(session: Session) -> str:
    from sqlalchemy import select

    from cutis.serve.store.tables import Identity

    return session.scalars(select(Identity.id)).first() or ""


def _broken(where: str, verdict: Verdict) -> int:
    say(f"BROKEN: {where}: {verdict.broken}. {verdict.entries:,} entries hold.")
    return 1


def _say_since(anchors: list[Anchor]) -> int:
    if anchors:
        say(f"it extends {len(anchors):,} anchors, the last: {anchors[-1].name}")
    else:
        say("without --since it can't be seen whether it was cut off at its end, or made anew with all that it tells.")
    return 0


def _export(store: str, out: Path | None) -> int:
    from cutis.files import refuse_existing
    from cutis.serve import trail

    if out is None:
        raise CutisError("export: where to? Give --out TRAIL.jsonl.")
    refuse_existing(out)
    with _opened(store) as opened, opened.reading() as session:
        n = trail.write_lines(trail.links(session), out)
    say(f"{out}: {n:,} entries")
    return 0
