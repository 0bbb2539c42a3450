"""The process that reads uploads: `python -m cutis.serve.intake.worker`, told what to do through its standard input.

It can do little: no files may be written, its memory is bounded, it is the first that the kernel ends when memory runs
out, and it ends itself when the server is gone. What it prints goes nowhere, as decoders quote what they find.
"""

from __future__ import annotations

import contextlib
import gc
import os
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import IO, Any

PER_PIXEL = 40  # bytes of memory that reading and cleaning may take a pixel; 24 were seen
SPARE = 2**29  # and beside them
MOST = 2**31  # bytes of one message's buffers


def main() -> None:
    """Read what to look for, warm up, say so, then answer until the input ends."""
    incoming, outgoing = sys.stdin.buffer, os.fdopen(os.dup(1), "wb")
    os.dup2(2, 1)
    gc.disable()
    from cutis.serve.intake.frames import receive, send

    _be_the_first_to_go()
    hello = receive(incoming, 0)
    if hello is None:
        return
    from cutis.bundle.look import Look

    max_pixels = int(hello[0]["max_pixels"])
    looks = {digest: Look(**look) for digest, look in hello[0]["looks"].items()}
    _warm(looks)
    gc.freeze()  # what is there now stays: collections needn't look through it
    gc.enable()
    _limit(SPARE + PER_PIXEL * max_pixels)
    send(outgoing, {"ready": True})
    with Path(os.devnull).open("wb") as nowhere:
        os.dup2(nowhere.fileno(), 1)
        os.dup2(nowhere.fileno(), 2)
    with contextlib.suppress(BrokenPipeError):
        while (job := receive(incoming, MOST)) is not None:
            _answer(outgoing, job[0], job[1][0], looks, max_pixels)


def _answer(outgoing: IO[bytes], job: dict[str, Any], data: bytes, looks: Mapping[str, Any], max_pixels: int) -> None:
    from cutis.serve.intake.dicom import named
    from cutis.serve.intake.examine import examine
    from cutis.serve.intake.frames import send
    from cutis.serve.kinds import Refused

    said: dict[str, Any] = {}
    try:
        if job["named"]:
            name = named(data)
            said["named"] = [name.sop_class, name.instance, name.study]
        taken = examine(data, looks, keep=job["keep"], key=bytes.fromhex(job["key"]), max_pixels=max_pixels)
    except Refused as refused:
        send(outgoing, said | {"refused": refused.status, "words": str(refused)})
        return
    except Exception as error:  # no picture may end the process if it can be helped; its words may quote the picture
        words = f"The picture can't be read [{type(error).__name__}]. Export it as JPEG or PNG and send that."
        send(outgoing, said | {"refused": 422, "words": words})
        return
    squares = [memoryview(seen.square.reshape(-1)) for seen in taken.seen.values()]
    said |= {
        "media_type": taken.media_type,
        "width": taken.width,
        "height": taken.height,
        "faults": {digest: seen.faults for digest, seen in taken.seen.items()},
        "quality": taken.quality,
        "tone": taken.tone,
        "mm_per_pixel": taken.mm_per_pixel,
        "dicom": taken.dicom,
    }
    send(outgoing, said, taken.data, taken.original or b"", *squares)


def _warm(looks: Mapping[str, Any]) -> None:
    """What the first picture would otherwise wait for: imports, tables, caches."""
    import cv2
    import numpy as np
    import simplejpeg

    from cutis.serve.intake.examine import examine

    cv2.setNumThreads(1)  # there are as many of these processes as cores wanted
    grey = np.full((300, 400, 3), 150, np.uint8)
    coded = simplejpeg.encode_jpeg(grey, colorspace="RGB")
    for keep in (False, True):
        examine(coded, looks, keep=keep, max_pixels=grey.size)


def _limit(memory: int) -> None:
    """No more address space than now and `memory` bytes, no files, no core dumps; where the system can do that."""
    sys.dont_write_bytecode = True
    try:
        import resource
    except ImportError:
        return
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    resource.setrlimit(resource.RLIMIT_FSIZE, (0, 0))
    with contextlib.suppress(OSError, ValueError):
        now = int(Path("/proc/self/statm").read_text().split()[0]) * resource.getpagesize()
        resource.setrlimit(resource.RLIMIT_AS, (now + memory, now + memory))


def _be_the_first_to_go() -> None:
    with contextlib.suppress(OSError):
        Path("/proc/self/oom_score_adj").write_text("1000")


if __name__ == "__main__":
    main()
