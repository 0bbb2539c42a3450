"""A multipart body, part by part as it comes: only the part that is being read is held (RFC 2046, 5.1; RFC 2387)."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import dataclass, field

from python_multipart.exceptions import FormParserError
from python_multipart.multipart import MultipartParser, parse_options_header

from cutis.serve.kinds import Refused

PARTS = 2000


@dataclass
class Part:
    """`kind`: its content type, in lower case without parameters. data: None where it is longer than a part may be."""

    kind: str = ""
    data: bytearray | None = field(default_factory=bytearray)


class _Reader:
    """Fed with chunks, gives the parts that they complete."""

    def __init__(self, boundary: bytes, most: int) -> None:
        self._most = most
        self._part = Part()
        self._name = self._value = b""
        self._done: list[Part] = []
        self.ended = False
        self._parser = MultipartParser(
            boundary,
            {
                "on_part_begin": self._begin,
                "on_header_field": self._header_name,
                "on_header_value": self._header_value,
                "on_header_end": self._header,
                "on_part_data": self._data,
                "on_part_end": self._end,
                "on_end": self._finish,
            },
        )

    def feed(self, chunk: bytes) -> list[Part]:
        """Raises Refused 400 for what is no multipart body."""
        try:
            self._parser.write(chunk)
        except FormParserError:
            raise _malformed() from None
        done, self._done = self._done, []
        return done

    def _begin(self) -> None:
        self._part = Part()

    def _header_name(self, data: bytes, start: int, end: int) -> None:
        self._name += data[start:end]

    def _header_value(self, data: bytes, start: int, end: int) -> None:
        self._value += data[start:end]

    def _header(self) -> None:
        if self._name.lower() == b"content-type":
            self._part.kind = self._value.partition(b";")[0].strip().decode("latin-1").lower()
        self._name = self._value = b""

    def _data(self, data: bytes, start: int, end: int) -> None:
        held = self._part.data
        if held is not None:
            if len(held) + end - start > self._most:
                self._part.data = None
            else:
                held += data[start:end]

    def _end(self) -> None:
        self._done.append(self._part)

    def _finish(self) -> None:
        self.ended = True


async def parts_of(stream: AsyncIterator[bytes], content_type: str, most: int) -> AsyncIterator[Part]:
    """The parts of a body whose Content-Type header is given. most: bytes that one may have.

    Raises Refused: 400 for a body that is not what its header says, or is cut off; 413 for more than `PARTS` parts.
    """
    boundary = parse_options_header(content_type)[1].get(b"boundary")
    if not boundary:
        raise Refused(400, "The Content-Type names no boundary of its parts. Send multipart/related; boundary=...")
    try:
        reader = _Reader(boundary, most)
    except FormParserError:
        raise Refused(400, "The boundary of the parts is longer than 70 characters (RFC 2046, 5.1.1).") from None
    count = 0
    async for chunk in stream:
        for part in reader.feed(chunk):
            count += 1
            if count > PARTS:
                raise Refused(413, f"More than {PARTS} parts in one request. Send fewer at once.")
            yield part
    if not reader.ended:
        raise _malformed()


def _malformed() -> Refused:
    return Refused(400, "The body is cut off or is not the multipart body that its Content-Type says. Send it again.")
