"""What the server calls to take an upload: bounded here, read in another process."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from dataclasses import asdict
from typing import Any

import numpy as np

from cutis.bundle.look import Look
from cutis.data.dicom.part10 import is_dicom
from cutis.data.pseudonym import load_key
from cutis.serve.intake import worker
from cutis.serve.intake.dicom import Named
from cutis.serve.intake.frames import Message
from cutis.serve.intake.workers import Workers
from cutis.serve.kinds import Refused, Seen, Taken
from cutis.serve.settings import Settings

SECONDS = 60.0  # that one picture may take to be read by the clock on the wall; `worker` bounds processor time


class Intake:
    """The decoding processes of one server. looks: what to see of a picture, by bundle digest.

    seconds: after which a process that still reads the same picture is killed, and replaced. processor, per_megapixel:
    seconds of a processor that a picture may take, and for each million of its pixels.
    """

    def __init__(
        self,
        settings: Settings,
        looks: Mapping[str, Look],
        *,
        seconds: float = SECONDS,
        processor: float = worker.SECONDS,
        per_megapixel: float = worker.PER_MEGAPIXEL,
    ) -> None:
        self._settings, self._looks = settings, dict(looks)
        self.workers = Workers(
            settings.workers,
            {
                "looks": {digest: asdict(look) for digest, look in looks.items()},
                "max_pixels": settings.max_pixels,
                "seconds": processor,
                "per_megapixel": per_megapixel,
            },
            seconds=seconds,
            patience=settings.patience,
            most=settings.max_waiting,
            most_bytes=max(16 * settings.max_bytes, 2**28),
        )

    async def take(self, data: bytes, *, keep: bool, whose: str = "") -> Taken:
        """An upload as `Taken`. keep: else only `seen`, the width and the height are filled: see `examine`. whose: of
        those who ask at once, each has their turn.

        Raises Refused: 413 too large, 415 no picture, 422 damaged or not to be read in time, 429 too much is waiting,
        503 none of the processes came to it in `settings.patience` seconds, or the server stops.
        """
        return self._taken(await self._upload(data, keep=keep, whose=whose))

    async def take_instance(self, data: bytes, whose: str = "") -> tuple[Named, Taken | Refused]:
        """A DICOM file to be kept, or why not; and the UIDs by which its sender knows it."""
        try:
            answer = await self._upload(data, keep=True, named=True, whose=whose)
        except Refused as refused:
            return Named(), refused
        name = Named(*(str(uid) for uid in answer[0].get("named", ())))
        try:
            return name, self._taken(answer)
        except Refused as refused:
            return name, refused

    async def thumbnail(self, data: bytes, whose: str = "") -> bytes:
        """The JPEG of `small.thumbnail`. Raises Refused as `take` does."""
        return (await self._make("thumbnail", data, whose))[1][0]

    async def shrunk(self, data: bytes, whose: str = "") -> bytes:
        """The JPEG of `small.shrunk`. Raises Refused as `take` does."""
        return (await self._make("shrunk", data, whose))[1][0]

    async def near_hash(self, data: bytes, whose: str = "") -> tuple[int, ...]:
        """The hashes of `small.near_hash`. Raises Refused as `take` does."""
        return tuple(int(one) for one in (await self._make("near_hash", data, whose))[0]["hashes"])

    @property
    def ready(self) -> bool:
        """Whether a picture would be read at once: a process is warm."""
        return self.workers.ready > 0

    def close(self) -> None:
        """End the processes. What waits is refused."""
        self.workers.close()

    async def _make(self, what: str, data: bytes, whose: str) -> Message:
        """Of a picture that is kept."""
        answer = await asyncio.wrap_future(self.workers.ask({"do": what}, data, f"to see, {whose}"))
        _check(answer[0])
        return answer

    async def _upload(self, data: bytes, *, keep: bool, named: bool = False, whose: str) -> Message:
        if not data:
            raise Refused(422, "The file is empty (0 bytes). Choose a picture.", code="empty")
        if len(data) > self._settings.max_bytes:
            raise Refused(
                413,
                f"The file has {len(data) / 1e6:.1f} MB; at most {self._settings.max_bytes / 1e6:.0f} MB are taken. "
                "Scale it down first.",
                code="bytes",
            )
        key = load_key().hex() if keep and is_dicom(data) else ""
        fields = {"do": "take", "keep": keep, "named": named, "key": key}
        return await asyncio.wrap_future(self.workers.ask(fields, data, whose))

    def _taken(self, answer: Message) -> Taken:
        """The answer of a process, which is not trusted to be well formed."""
        fields, buffers = answer
        _check(fields)
        try:
            data, original, *squares = buffers
            seen = {}
            for (digest, look), square in zip(self._looks.items(), squares, strict=True):
                pixels = np.frombuffer(square, np.uint8).reshape(look.size, look.size, 3)
                seen[digest] = Seen(pixels, [str(fault) for fault in fields["faults"][digest]])
            scale = fields["mm_per_pixel"]
            return Taken(
                data,
                str(fields["media_type"]),
                int(fields["width"]),
                int(fields["height"]),
                seen,
                dict(fields["quality"]),
                dict(fields["tone"]),
                None if scale is None else float(scale),
                None if fields["dicom"] is None else dict(fields["dicom"]),
                original or None,
            )
        except (KeyError, TypeError, ValueError):
            words = "The picture could not be read. Export it as JPEG or PNG and send that."
            raise Refused(422, words, code="unreadable") from None


def _check(fields: dict[str, Any]) -> None:
    """Raise what a process refused a picture with."""
    if "refused" in fields:
        status, words, code = fields["refused"], str(fields.get("words"))[:400], str(fields.get("code", ""))[:40]
        raise Refused(status if status in (413, 415) else 422, words, code=code)
