"""Pictures that no case refers to: what transactions left that failed after their files were written.

Looked for once a start, beside the server's work. A file is removed if no photograph has its digest and it was last put
more than an hour ago, longer than any upload takes. A folder that another store uses as well, or whose store was put
back from an older backup, is left as it is: what this store doesn't know may be somebody's.
"""

from __future__ import annotations

import json
import logging
import threading
import time
from collections.abc import Iterator, Sequence

from sqlalchemy import func, select

from cutis.errors import CutisError
from cutis.files import read_json
from cutis.serve.store.engine import Store
from cutis.serve.store.pictures import Pictures
from cutis.serve.store.tables import Entry, Identity, Photograph

AGE = 3600.0  # seconds
DELAY = 10.0  # seconds after the start, so that the first readers have the disk to themselves
STORES = ".stores.json"  # in the folder of pictures: which stores use it, and how long the trail of each was
_PAUSE, _AT_ONCE = 0.005, 500
_log = logging.getLogger("cutis.sweep")


class Sweeper:
    """One sweep, in a thread of its own."""

    def __init__(self, store: Store, pictures: Pictures) -> None:
        self._store, self._pictures = store, pictures
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run, name="sweep", daemon=True)

    def start(self) -> None:
        """Begin, after a while."""
        self._thread.start()

    def stop(self) -> None:
        """End, wherever it is."""
        self._stop.set()
        if self._thread.is_alive():
            self._thread.join()

    def _run(self) -> None:
        if self._stop.wait(DELAY):
            return
        try:
            if why := claim(self._store, self._pictures):
                _log.warning("pictures that no case refers to were not looked for: %s", why)
            elif n := sweep(self._store, self._pictures, self._stop):
                _log.info("%d pictures that no case refers to were removed", n)
            self._stop.wait()
            claim(self._store, self._pictures)  # how long the trail is in the end
        except (CutisError, OSError) as error:  # the next start tries again
            _log.warning("pictures that no case refers to were not all looked for (%s)", type(error).__name__)


def claim(store: Store, pictures: Pictures) -> str | None:
    """Note in the folder of pictures that this store uses it; why nothing may be removed from it, or None.

    A folder without a note that holds pictures older than the store is another's as well.
    """
    with store.reading() as session:
        mine = session.scalars(select(Identity)).one()
        entries = session.scalar(select(func.max(Entry.sequence))) or 0
    path = pictures.folder / STORES
    if path.exists():
        noted = read_json(path)
    else:
        noted = {"another": 0} if any(pictures.older(mine.created_at.timestamp() - AGE)) else {}
    before = noted.get(mine.id, 0)
    now = noted | {mine.id: max(before, entries)}
    if now != noted:
        pictures.note(STORES, json.dumps(now, indent=1))
    if len(now) > 1:
        return f"the folder is noted as that of {len(now)} stores, in {STORES}"
    return f"the store is older than {STORES} says, as one from a backup is" if entries < before else None


def sweep(store: Store, pictures: Pictures, stop: threading.Event | None = None, age: float = AGE) -> int:
    """Remove what no photograph refers to and was last put more than `age` seconds ago. Returns how many files went.

    Its cost is a look at each file's time and, for each 500 old ones, at the index of digests.
    """
    than = time.time() - age  # what was put before then has its row by now, unless its transaction failed
    removed = 0
    dicom: set[str] | None = None
    for found in pictures.older(than):
        left = set(_unknown(store, found))
        if left and dicom is None:
            dicom = _dicom_files(store)
        removed += sum(pictures.remove(digest, than) for digest in left - (dicom or set()))
        if stop is not None and stop.wait(_PAUSE):
            break
    return removed


def _unknown(store: Store, digests: Sequence[str]) -> Iterator[str]:
    """Those that no photograph has."""
    for i in range(0, len(digests), _AT_ONCE):
        some = digests[i : i + _AT_ONCE]
        with store.reading() as session:
            known = set(session.scalars(select(Photograph.digest).where(Photograph.digest.in_(some))))
        yield from (digest for digest in some if digest not in known)


def _dicom_files(store: Store) -> set[str]:
    """Digests of the DICOM files that are kept beside pictures."""
    file = Photograph.dicom["file"].as_string()
    with store.reading() as session:
        return set(session.scalars(select(file).where(file.is_not(None))))
