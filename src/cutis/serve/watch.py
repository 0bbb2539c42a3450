"""A folder whose new files become cases: a case a file, or one a subfolder.

    <folder>/scan.jpg       becomes a case and is moved to     <folder>/done/scan.jpg
    <folder>/7/a.jpg b.dcm  become one case, moved to          <folder>/done/7/
    what can't be read      is moved, and why is said, to      <folder>/failed/scan.jpg, scan.jpg.reason.txt

A file is taken when it has not changed for `SETTLED` seconds. First it is moved to `.taking/<id of the case to be>/`,
so that after a crash at any moment the case is either there already or is opened then, under that id: never both, never
neither. What can't be done for now (the store is away, its disk is full) waits there and is tried again.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import os
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from starlette.concurrency import run_in_threadpool

from cutis.errors import CutisError
from cutis.files import atomic_file
from cutis.serve.accounts.manage import local_account
from cutis.serve.cases.facts import header_facts, kind_of
from cutis.serve.cases.forms import CaseForm, checked
from cutis.serve.cases.opening import MOST, answer_and_open
from cutis.serve.kinds import Refused, Taken, Who
from cutis.serve.store.tables import Case, new_id
from cutis.serve.workbench import Workbench

ACCOUNT = "watch folder"  # who opens these cases; no person can have a name with a space
DONE, FAILED, TAKING = "done", "failed", ".taking"
EVERY = 1.0  # seconds between two looks into the folder
SETTLED = 2.0  # seconds for which a file must stay as it is
LATER = 10.0  # seconds before what could not be done for now is tried again
_UNFINISHED = (".part", ".partial", ".tmp", ".temp", ".crdownload", ".filepart", ".download")
_LONGEST = 200  # bytes of a name, so that an id and an ending still fit
_FOR_NOW = (429, 503, 507)
_log = logging.getLogger("cutis.serve")

_State = tuple[tuple[str, int, int], ...]


@dataclass
class _Seen:
    """What a new entry looked like, and since when."""

    state: _State
    since: float


class Watcher:
    """Watches the folder of `bench.settings.watch` from `start` to `stop`."""

    def __init__(
        self, bench: Workbench, *, every: float = EVERY, settled: float = SETTLED, later: float = LATER
    ) -> None:
        assert bench.settings.watch is not None
        self._bench, self._folder = bench, bench.settings.watch.absolute()
        self._every, self._settled, self._later = every, settled, later
        self._seen: dict[str, _Seen] = {}
        self._lock: int | None = None
        self._task: asyncio.Task[None] | None = None

    def start(self) -> None:
        """Begin. Raises CutisError if the folder is missing, can't be written, or is watched by another server."""
        if not self._folder.is_dir():
            raise CutisError(f"--watch {self._folder}: no such folder. Make it, or name that of the clinic's export.")
        try:
            for name in (DONE, FAILED, TAKING):
                (self._folder / name).mkdir(exist_ok=True)
            self._lock = _locked(self._folder / TAKING / "lock")
        except OSError as error:
            why = (error.strerror or "error").lower()
            raise CutisError(f"--watch {self._folder}: can't be watched ({why}); files in it are moved.") from None
        self._task = asyncio.get_running_loop().create_task(self._run(), name="watch folder")

    async def stop(self) -> None:
        """End. What was being taken is taken by the next start."""
        if self._task is not None:
            self._task.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await self._task
        if self._lock is not None:
            os.close(self._lock)
            self._lock = None

    async def _run(self) -> None:
        who: Who | None = None
        while True:
            pause = self._every
            try:
                if who is None:
                    who = await run_in_threadpool(self._who)
                await run_in_threadpool(self._claim)
                for claimed in await run_in_threadpool(lambda: list(self._claimed())):
                    if not await self._bring(claimed, who):
                        pause = self._later
                        break
            except Exception as error:  # a folder or a store that is away for a while; whatever it is, watching goes on
                self._say(_brief(error))
                pause = self._later
            await asyncio.sleep(pause)

    def _say(self, what: str) -> None:
        _log.warning("watch folder: %s; trying again in %.0f s", what, self._later)

    def _who(self) -> Who:
        account = local_account(self._bench.store, ACCOUNT, "reader")
        return Who(account.id, account.name, account.role, account.team)

    def _claim(self) -> None:
        """Move what is complete to where a crash can't lose it."""
        now = time.monotonic()
        found: dict[str, _Seen] = {}
        for entry in _entries(self._folder):
            state = _state(entry)
            if state is None:
                continue
            before = self._seen.get(entry.name)
            seen = before if before is not None and before.state == state else _Seen(state, now)
            if now - seen.since < self._settled:
                found[entry.name] = seen
                continue
            place = self._folder / TAKING / new_id()
            place.mkdir()
            try:
                entry.rename(place / entry.name)
            except OSError as error:  # somebody else's file: the others can still be taken
                place.rmdir()
                found[entry.name] = _Seen(state, now + self._later)
                self._say(f"a file can't be moved ({_brief(error)})")
                continue
            _sync(place, place.parent, self._folder)
        self._seen = found

    def _claimed(self) -> Iterator[Path]:
        """What is being taken, each in a folder named by its case."""
        for place in sorted((self._folder / TAKING).iterdir()):
            if place.is_dir():
                entry = next(place.iterdir(), None)
                if entry is None:
                    place.rmdir()  # from a crash between making it and moving something there
                else:
                    yield entry

    async def _bring(self, claimed: Path, who: Who) -> bool:
        """Make it a case, unless it is one; whether it is done with, well or not."""
        case_id, why = claimed.parent.name, ""
        if not await run_in_threadpool(self._is_case, case_id):
            try:
                await self._open(claimed, case_id, who)
            except Refused as refused:
                if refused.status in _FOR_NOW:
                    self._say(str(refused))
                    return False
                why = str(refused)
            except OSError as error:
                why = f"It can't be read or kept ({_brief(error)}). Check its rights and put it back."
            except Exception as error:  # a defect of ours must not stop the others; its words may name somebody
                _log.error("watch folder: a file failed with %s", type(error).__name__)
                why = f"An unexpected error ({type(error).__name__}). Upload it by hand, and report this."
        await run_in_threadpool(self._put_away, claimed, why)
        return True

    def _is_case(self, case_id: str) -> bool:
        with self._bench.store.reading() as session:
            return session.get(Case, case_id) is not None

    async def _open(self, claimed: Path, case_id: str, who: Who) -> None:
        files = _files(claimed)
        looked: list[tuple[str, Taken]] = []
        strange = None
        for file in files:
            name = file.relative_to(claimed.parent).as_posix()
            try:
                taken = await self._bench.intake.take(
                    await run_in_threadpool(self._read, file), keep=True, whose=ACCOUNT
                )
            except Refused as refused:
                if refused.status == 415 and len(files) > 1:  # a table or a text beside the pictures
                    strange = refused
                    continue
                if len(files) == 1 or refused.status in _FOR_NOW:
                    raise
                raise Refused(refused.status, f"{name}: {refused}") from None
            looked.append((kind_of(taken, name), taken))
            if len(looked) > MOST:
                raise Refused(422, f"More than {MOST} pictures. Make a folder for each lesion and visit.")
        if not looked and strange is not None:
            raise strange
        await answer_and_open(
            self._bench, who, checked(CaseForm, header_facts([t for _, t in looked])), looked, case_id
        )

    def _read(self, file: Path) -> bytes:
        most = self._bench.settings.max_bytes
        with file.open("rb") as opened:
            return opened.read(most + 1)  # one byte more is enough to be refused

    def _put_away(self, claimed: Path, why: str) -> None:
        """To `done`, or to `failed` with the reason beside it."""
        folder, case_id = self._folder / (FAILED if why else DONE), claimed.parent.name
        target = folder / claimed.name
        if len(os.fsencode(claimed.name)) > _LONGEST:
            target = folder / f"{case_id}{claimed.suffix[:12]}"
        elif target.exists() or _reason(target).exists():
            target = folder / f"{claimed.stem}.{case_id}{claimed.suffix}"
        if why:
            with atomic_file(_reason(target)) as partial:
                partial.write_bytes(f"{why}\n".encode(errors="replace"))
        claimed.rename(target)
        _sync(folder, claimed.parent)
        claimed.parent.rmdir()


def _reason(target: Path) -> Path:
    return target.with_name(f"{target.name}.reason.txt")


def _entries(folder: Path) -> list[Path]:
    """Files and subfolders that may be new, by name. Links are left alone: they may lead anywhere."""
    with os.scandir(folder) as found:
        names = [e.name for e in found if e.name not in (DONE, FAILED) and _is_visible(e.name) and not e.is_symlink()]
    return [folder / name for name in sorted(names)]


def _is_visible(name: str) -> bool:
    return not name.startswith(".") and not name.casefold().endswith(_UNFINISHED)


def _state(entry: Path) -> _State | None:
    """Names, sizes and times of an entry's files; None while it can't be complete: empty, or one of them unfinished."""
    try:
        files = _files(entry)
        if any(name.casefold().endswith(_UNFINISHED) for _, _, names in os.walk(entry) for name in names):
            return None
        state = tuple((str(f), (s := f.stat()).st_size, s.st_mtime_ns) for f in files)
    except FileNotFoundError:
        return None
    return state if state and all(size for _, size, _ in state) else None


def _files(entry: Path) -> list[Path]:
    """The entry itself, or all visible files in its depth."""
    if entry.is_file():
        return [entry]
    return sorted(
        Path(folder, name)
        for folder, _, names in os.walk(entry)
        for name in names
        if _is_visible(name) and not Path(folder, name).is_symlink() and Path(folder, name).is_file()
    )


def _sync(*folders: Path) -> None:
    """Have renames on the disk before what they mean is done."""
    if os.name != "posix":
        return
    for folder in folders:
        handle = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(handle)
        finally:
            os.close(handle)


def _locked(path: Path) -> int:
    """An open, locked file, freed when it is closed or the process ends."""
    handle = os.open(path, os.O_RDWR | os.O_CREAT, 0o600)
    try:
        import fcntl

        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except ImportError:
        pass
    except BlockingIOError:
        os.close(handle)
        raise CutisError(
            f"--watch {path.parent.parent}: another workbench watches it. Stop that one, or watch another."
        ) from None
    return handle


def _brief(error: Exception) -> str:
    return (
        str(error)
        if isinstance(error, Refused)
        else str(getattr(error, "strerror", "") or type(error).__name__).lower()
    )
