"""Work on many files with a few threads: in order, with bounded memory, and stopped at once by an error or Ctrl-C."""

from __future__ import annotations

import os
from collections import deque
from collections.abc import Callable, Generator, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from threading import Lock

_lock, _holders, _before = Lock(), 0, 0


def cpus() -> int:
    """CPU cores this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def ordered[A, B](work: Callable[[A], B], items: Iterable[A], threads: int | None = None) -> Generator[B, None, None]:
    """work(item) for each item, in order, by at least two threads; at most 32 results a thread wait to be taken."""
    threads = threads or max(2, cpus())
    waiting: deque[Future[B]] = deque()
    with one_thread_each():
        pool = ThreadPoolExecutor(threads)
        try:
            for item in items:
                waiting.append(pool.submit(work, item))
                if len(waiting) >= 32 * threads:
                    yield waiting.popleft().result()
            while waiting:
                yield waiting.popleft().result()
        finally:
            pool.shutdown(wait=True, cancel_futures=True)


@contextmanager
def one_thread_each() -> Iterator[None]:
    """Images are shared out among threads already; OpenCV's own would only get in their way.

    The setting is the process's: of several that hold it at once, the last to let go gives it back.
    """
    global _holders, _before
    import cv2

    with _lock:
        if not _holders:
            _before = cv2.getNumThreads()
            cv2.setNumThreads(1)
        _holders += 1
    try:
        yield
    finally:
        with _lock:
            _holders -= 1
            if not _holders:
                cv2.setNumThreads(_before)
