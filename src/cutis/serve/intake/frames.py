"""Messages between the server and a decoding process: a JSON object, then any number of buffers, over a pipe.

JSON and bytes, never pickle: a decoder that a hostile picture has taken over can send nothing that runs here.
"""

from __future__ import annotations

import json
from typing import IO, Any

Message = tuple[dict[str, Any], list[bytes]]
_MOST_FIELDS = 2**24  # bytes of the JSON object
_SIZES = "sizes"


def send(stream: IO[bytes], fields: dict[str, Any], *buffers: bytes | memoryview) -> None:
    """Write one message and flush it. Raises OSError where nobody reads any more, ValueError for NaN in the fields."""
    sizes = [len(b) for b in buffers]
    head = json.dumps({**fields, _SIZES: sizes}, allow_nan=False, separators=(",", ":")).encode()
    stream.write(len(head).to_bytes(4) + head)
    for buffer in buffers:
        stream.write(buffer)
    stream.flush()


def receive(stream: IO[bytes], most: int) -> Message | None:
    """The next message, or None at the end. most: bytes that its buffers may have in all.

    Raises EOFError where it is cut off and ValueError where it isn't one.
    """
    length = stream.read(4)
    if not length:
        return None
    size = int.from_bytes(length)
    if size > _MOST_FIELDS:
        raise ValueError("a message with fields too long")
    fields = json.loads(_exactly(stream, size))
    if not isinstance(fields, dict) or not isinstance(sizes := fields.pop(_SIZES, None), list):
        raise ValueError("not a message")
    if not all(type(n) is int and n >= 0 for n in sizes) or sum(sizes) > most:
        raise ValueError("a message with buffers too long")
    return fields, [_exactly(stream, n) for n in sizes]


def _exactly(stream: IO[bytes], size: int) -> bytes:
    data = stream.read(size)
    if len(data) < size:
        raise EOFError
    return data
