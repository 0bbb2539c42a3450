"""A few processes that read uploads, each with a thread that talks to it; watched, and replaced when stuck or dead."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import sys
import threading
import time
from collections import OrderedDict, deque
from collections.abc import Collection
from concurrent.futures import Future
from dataclasses import dataclass, field
from typing import IO, Any

from cutis.serve.intake.frames import Message, receive, send
from cutis.serve.intake.worker import MOST
from cutis.serve.kinds import Refused

_COMMAND = [sys.executable, "-P", "-m", "cutis.serve.intake.worker"]
# All that a worker is told of the server's surroundings, which may hold passwords.
_TOLD = ("PATH", "HOME", "LANG", "LC_ALL", "PYTHONPATH", "PYTHONHOME", "LD_LIBRARY_PATH", "TMPDIR", "SYSTEMROOT")
_ONE_THREAD = {"OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1", "MKL_NUM_THREADS": "1", "POLARS_MAX_THREADS": "1"}
_STARTING = 60.0  # seconds that a process may take to be ready
_PAUSE = 1.0  # seconds before another is tried, where one could not start
_TICK = 0.1  # seconds between two looks of the watch
_PIPE = 2**20  # bytes


@dataclass(eq=False)
class _Job:
    """whose: of those who ask, each has their turn."""

    fields: dict[str, Any]
    data: bytes
    whose: str
    since: float
    done: Future[Message] = field(default_factory=Future)


@dataclass(eq=False)
class _Worker:
    """One process at a time. deadline: when what it does now has to be done. late: whether it was killed for that."""

    process: subprocess.Popen[bytes] | None = None
    ready: bool = False
    deadline: float | None = None
    late: bool = False


class Workers:
    """`count` processes. hello: what each is told first. seconds: that one job may take by the clock on the wall.

    patience: seconds that a job waits for a process. most, most_bytes: that may wait, beyond which jobs are refused;
    and of one who asks three quarters of it. Those who ask have their turns: who sends many waits behind nobody's few.
    """

    def __init__(
        self, count: int, hello: dict[str, Any], *, seconds: float, patience: float, most: int, most_bytes: int
    ) -> None:
        self._hello, self._seconds, self._patience = hello, seconds, patience
        self._most, self._most_bytes = most, most_bytes
        self._waiting: OrderedDict[str, deque[_Job]] = OrderedDict()  # by whose; the next one's first
        self._change = threading.Condition()  # of what waits; only workers' threads wait for it
        self._over = threading.Event()
        self._workers = [_Worker() for _ in range(max(1, count))]
        self._threads = [
            threading.Thread(target=self._run, args=(worker,), name=f"intake-{n}", daemon=True)
            for n, worker in enumerate(self._workers)
        ]
        self._threads.append(threading.Thread(target=self._watch, name="intake-watch", daemon=True))
        for thread in self._threads:
            thread.start()

    def ask(self, fields: dict[str, Any], data: bytes, whose: str = "") -> Future[Message]:
        """The answer to a job, to come; a job that is cancelled before its turn is left out.

        Raises Refused 429 where too much waits, 503 after `close`.
        """
        with self._change:
            if self._over.is_set():
                raise _stopping()
            every = [job for jobs in self._waiting.values() for job in jobs]
            mine = self._waiting.get(whose, ())
            others = len(mine) < len(every)
            if _too_much(every, data, self._most, self._most_bytes) or (
                others and _too_much(mine, data, 3 * self._most // 4, 3 * self._most_bytes // 4)
            ):
                raise Refused(429, "Too many pictures are waiting. Try again in a few seconds.", retry_after=2)
            job = _Job(fields, data, whose, time.monotonic())
            self._waiting.setdefault(whose, deque()).append(job)
            self._change.notify()
        return job.done

    @property
    def ready(self) -> int:
        """How many processes are warm."""
        return sum(w.ready for w in self._workers)

    @property
    def pids(self) -> list[int]:
        """Of the processes that run now."""
        with self._change:
            return [w.process.pid for w in self._workers if w.process is not None and w.process.poll() is None]

    def close(self) -> None:
        """Kill the processes and refuse what waits."""
        with self._change:
            self._over.set()
            jobs = [job for waiting in self._waiting.values() for job in waiting]
            self._waiting.clear()
            for worker in self._workers:
                if worker.process is not None:
                    worker.process.kill()
            self._change.notify_all()
        for job in jobs:
            if job.done.set_running_or_notify_cancel():
                job.done.set_exception(_stopping())
        for thread in self._threads:
            thread.join(5)

    def _run(self, worker: _Worker) -> None:
        """A thread: start a process, hand it jobs until it ends, start another."""
        while not self._over.is_set():
            try:
                self._start(worker)
            except (OSError, EOFError, ValueError):
                self._over.wait(_PAUSE)
            else:
                while (job := self._next(worker)) is not None and self._do(worker, job):
                    pass
            self._end(worker)

    def _start(self, worker: _Worker) -> None:
        environment = {name: os.environ[name] for name in _TOLD if name in os.environ} | _ONE_THREAD
        process = subprocess.Popen(
            _COMMAND,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            env=environment,
            start_new_session=True,  # Ctrl-C is the server's: it ends them
        )
        with self._change:
            worker.process, worker.late = process, False
            worker.deadline = time.monotonic() + _STARTING
            if self._over.is_set():
                process.kill()
        assert process.stdin is not None
        assert process.stdout is not None
        _widen(process.stdin)
        _widen(process.stdout)
        send(process.stdin, self._hello)
        if receive(process.stdout, 0) is None:
            raise EOFError
        with self._change:
            worker.deadline, worker.ready = None, True

    def _next(self, worker: _Worker) -> _Job | None:
        """The next job, or None if the process has ended or all is closed."""
        with self._change:
            while not self._over.is_set():
                assert worker.process is not None
                if worker.process.poll() is not None or worker.late:
                    return None
                while self._waiting:
                    job = self._first()
                    if job.done.set_running_or_notify_cancel():
                        worker.deadline = time.monotonic() + self._seconds
                        return job
                self._change.wait(_PAUSE)
        return None

    def _first(self) -> _Job:
        """The next one's first job; after it they are the last."""
        whose, jobs = next(iter(self._waiting.items()))
        job = jobs.popleft()
        self._waiting.move_to_end(whose)
        if not jobs:
            del self._waiting[whose]
        return job

    def _do(self, worker: _Worker, job: _Job) -> bool:
        """Have a job done; whether the process is fit for another."""
        process = worker.process
        assert process is not None
        assert process.stdin is not None
        assert process.stdout is not None
        answer: Message | None = None
        with contextlib.suppress(OSError, EOFError, ValueError):
            send(process.stdin, job.fields, job.data)
            answer = receive(process.stdout, MOST)
        with self._change:
            worker.deadline = None
            fit = answer is not None and not worker.late
        if answer is not None:
            job.done.set_result(answer)
        else:
            job.done.set_exception(self._why(worker))
        return fit

    def _why(self, worker: _Worker) -> Refused:
        if self._over.is_set():
            return _stopping()
        if worker.late or _out_of_time(worker.process):
            words = "The picture took too long to read and was given up. Scale it down, or export it as JPEG or PNG."
            return Refused(422, words, code="too_slow")
        words = "The picture ended the process that read it, which was replaced. Export it as JPEG or PNG first."
        return Refused(422, words, code="ended")

    def _end(self, worker: _Worker) -> None:
        with self._change:
            process, worker.process = worker.process, None
            worker.deadline, worker.ready = None, False
        if process is None:
            return
        process.kill()
        process.wait()
        for pipe in (process.stdin, process.stdout):
            with contextlib.suppress(OSError):
                pipe.close() if pipe else None

    def _watch(self) -> None:
        """A thread: kill what takes too long, refuse what has waited too long."""
        while not self._over.wait(_TICK):
            expired = []
            with self._change:
                now = time.monotonic()
                for worker in self._workers:
                    if worker.deadline is not None and now > worker.deadline and worker.process is not None:
                        worker.late, worker.deadline = True, None
                        worker.process.kill()
                for whose, jobs in list(self._waiting.items()):
                    while jobs and now - jobs[0].since > self._patience:
                        expired.append(jobs.popleft())
                    if not jobs:
                        del self._waiting[whose]
            for job in expired:
                if job.done.set_running_or_notify_cancel():
                    job.done.set_exception(
                        Refused(503, "All are busy reading other pictures. Try again soon.", retry_after=5)
                    )


def _too_much(waiting: Collection[_Job], data: bytes, most: int, most_bytes: int) -> bool:
    held = sum(len(job.data) for job in waiting)
    return len(waiting) >= most or (held > 0 and held + len(data) > most_bytes)


def _out_of_time(process: subprocess.Popen[bytes] | None) -> bool:
    """Whether the kernel ended a process that used up its processor time."""
    if process is None or not hasattr(signal, "SIGPROF"):
        return False
    with contextlib.suppress(subprocess.TimeoutExpired):
        return process.wait(_PAUSE) == -signal.SIGPROF
    return False


def _widen(pipe: IO[bytes]) -> None:
    """Let a pipe hold a picture, where the system allows it, so that neither side waits for the other."""
    with contextlib.suppress(ImportError, AttributeError, OSError):
        import fcntl

        fcntl.fcntl(pipe, fcntl.F_SETPIPE_SZ, _PIPE)


def _stopping() -> Refused:
    return Refused(503, "The workbench is stopping. Try again when it is back.", retry_after=10)
