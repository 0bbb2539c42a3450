"""The bundles of a server: opened, warmed, and asked through one queue each."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import asynccontextmanager
from dataclasses import dataclass

import numpy as np
from threadpoolctl import threadpool_limits

from cutis.bundle.load import load_bundle, read_card
from cutis.bundle.look import Look
from cutis.bundle.predict import Bundle
from cutis.data.threads import cpus
from cutis.errors import CutisError, nearest
from cutis.serve.inference.batches import MOST, Batches
from cutis.serve.kinds import Refused, Said, Seen
from cutis.serve.settings import Settings


@dataclass
class Models:
    """Bundles by digest, in the order given; `first` reads cases. pool: the threads that infer, a core each."""

    by_digest: dict[str, Bundle]
    settings: Settings
    pool: ThreadPoolExecutor
    _batches: dict[str, Batches]

    @classmethod
    def open(cls, settings: Settings) -> Models:
        """Verify, load and warm every bundle. Raises CutisError for one that can't be served, or is given twice."""
        if not settings.bundles:
            raise CutisError("no bundle to serve. Make one with: cutis train DATASET --out RUN")
        by_digest: dict[str, Bundle] = {}
        for path in settings.bundles:
            bundle = load_bundle(path, runtime=settings.runtime)
            if bundle.digest in by_digest:
                raise CutisError(f"{path}: the same bundle as {by_digest[bundle.digest].path}. Give each once.")
            by_digest[bundle.digest] = bundle
        for bundle in by_digest.values():
            for n in (1, MOST):
                bundle.told(np.zeros((n, bundle.size, bundle.size, 3), np.uint8), [[]] * n)
        return cls(by_digest, settings, ThreadPoolExecutor(cpus(), "infer"), {})

    @property
    def first(self) -> Bundle:
        return next(iter(self.by_digest.values()))

    def bundle(self, digest: str | None = None) -> Bundle:
        """The bundle of that digest; None is the first. Raises Refused, 404."""
        if digest is None:
            return self.first
        if digest not in self.by_digest:
            raise Refused(404, f'no bundle "{digest[:80]}" is served here: {nearest(digest, self.by_digest)}')
        return self.by_digest[digest]

    @staticmethod
    def looks(settings: Settings) -> dict[str, Look]:
        """What a decoding process must know of each bundle, by digest; from the cards alone, before anything is loaded.

        Raises CutisError for a folder that is no bundle.
        """
        return {card.digest: Look.of(card) for card in map(read_card, settings.bundles)}

    @property
    def ready(self) -> bool:
        """Whether every bundle's queue is served."""
        return bool(self._batches) and all(b.alive for b in self._batches.values())

    @asynccontextmanager
    async def serving(self) -> AsyncIterator[None]:
        """Within it pictures are answered. Its little linear algebra is done in the thread that asks: BLAS's own
        threads would take cores from decoding."""
        s = self.settings
        self._batches = {
            digest: Batches(bundle, self.pool, most_waiting=s.max_waiting, patience=s.patience)
            for digest, bundle in self.by_digest.items()
        }
        with threadpool_limits(1, user_api="blas"):
            for batches in self._batches.values():
                batches.start()
            try:
                yield
            finally:
                await asyncio.gather(*(batches.stop() for batches in self._batches.values()))
                self._batches = {}

    async def answer(self, seen: Seen, digest: str | None = None) -> Said:
        """What a bundle says of a picture; None is the first bundle. Raises Refused: 404, 429, 500 or 503.

        Whoever is cancelled while it waits has left the queue.
        """
        bundle = self.bundle(digest)
        batches = self._batches.get(bundle.digest)
        if batches is None:
            raise Refused(503, "the server is starting or stopping. Try again in a minute.", retry_after=60)
        told = await batches.ask(seen)
        return Said(
            bundle.digest,
            told.status,
            told.reason,
            told.predicted,
            told.answer_set,
            told.probabilities,
            told.ood,
            told.features,
        )

    async def probabilities(self, squares: np.ndarray, digest: str | None = None) -> np.ndarray:
        """Calibrated probabilities, (n, classes), of uint8 (n, size, size, 3); a batch at a time, between those of
        requests."""
        bundle, loop = self.bundle(digest), asyncio.get_running_loop()
        parts = [
            await loop.run_in_executor(self.pool, bundle.probabilities, squares[i : i + MOST])
            for i in range(0, len(squares), MOST)
        ]
        return np.concatenate(parts)

    def close(self) -> None:
        self.pool.shutdown(wait=False, cancel_futures=True)
