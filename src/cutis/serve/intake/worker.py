"""The process that reads uploads: `python -m cutis.serve.intake.worker`, told what to do through its standard input.

It can do little: no files may be written, its memory and its time for a picture are bounded, it is the first that the
kernel ends when memory runs out, and it ends itself when the server is gone. What it prints goes nowhere, as decoders
quote what they find.
"""

from __future__ import annotations

import contextlib
import gc
import os
import signal
import sys
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import IO, Any

PER_PIXEL = 40  # bytes of memory that reading and cleaning may take a pixel; 24 were seen
SPARE = 2**29  # and beside them
MOST = 2**31  # bytes of one message's buffers
# Seconds of processor time that a picture may take, and for each million of the pixels that its header says; of the
# latter two thirds more for each bundle that looks at it. On a machine that others used as well, one of 60 megapixels
# took 4 (JPEG) to 9 (PNG) to be kept, one of 12 megapixels 1.7 to 2.7.
SECONDS, PER_MEGAPIXEL, PER_LOOK = 4.0, 0.15, 2 / 3


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
    seconds = float(hello[0]["seconds"]), float(hello[0]["per_megapixel"])
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
            _answer(outgoing, job[0], job[1][0], looks, max_pixels, seconds)


def _answer(
    outgoing: IO[bytes],
    job: dict[str, Any],
    data: bytes,
    looks: Mapping[str, Any],
    max_pixels: int,
    seconds: tuple[float, float],
) -> None:
    """seconds: of a processor, in any case and per megapixel."""
    from cutis.serve.intake.frames import send
    from cutis.serve.kinds import Refused

    said: dict[str, Any] = {}
    _allow(seconds[0])
    try:
        work = 1 + (PER_LOOK * len(looks) if job["do"] == "take" else 0)
        _allow(seconds[0] + seconds[1] * work * _megapixels(data, max_pixels))
        buffers = _DO[job["do"]](data, job, looks, max_pixels, said)
    except Refused as refused:
        said |= {"refused": refused.status, "words": str(refused), "code": refused.code}
        buffers = []
    except Exception as error:  # no picture may end the process if it can be helped; its words may quote the picture
        words = f"The picture can't be read [{type(error).__name__}]. Export it as JPEG or PNG and send that."
        said |= {"refused": 422, "words": words, "code": "unreadable"}
        buffers = []
    finally:
        _allow(0)
    send(outgoing, said, *buffers)


def _take(
    data: bytes, job: dict[str, Any], looks: Mapping[str, Any], max_pixels: int, said: dict[str, Any]
) -> list[bytes | memoryview]:
    from cutis.serve.intake.dicom import named
    from cutis.serve.intake.examine import examine

    if job["named"]:
        name = named(data)
        said["named"] = [name.sop_class, name.instance, name.study]
    taken = examine(data, looks, keep=job["keep"], key=bytes.fromhex(job["key"]), max_pixels=max_pixels)
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
    return [taken.data, taken.original or b"", *(memoryview(seen.square.reshape(-1)) for seen in taken.seen.values())]


def _small(how: str) -> Callable[..., list[bytes | memoryview]]:
    """A function of `cutis.serve.intake.small`."""

    def done(data: bytes, _job: object, _looks: object, max_pixels: int, said: dict[str, Any]) -> list[Any]:
        from cutis.image.decode import BadImage, probe
        from cutis.serve.intake import small
        from cutis.serve.intake.examine import check_size, refused

        try:
            header = probe(data, small.NAME, max_pixels=2**62)
            check_size(header.width, header.height, max_pixels)
            made = getattr(small, how)(data)
        except (BadImage, MemoryError) as error:
            raise refused(error) from None
        if how != "near_hash":
            return [made]
        said["hashes"] = [int(one) for one in made]
        return []

    return done


_DO = {"take": _take, **{how: _small(how) for how in ("thumbnail", "shrunk", "near_hash")}}


def _megapixels(data: bytes, max_pixels: int) -> float:
    """By the header; 0 where it doesn't say, which is soon refused then. A DICOM file may have what is taken."""
    from cutis.data.dicom.part10 import is_dicom
    from cutis.image.decode import BadImage, probe

    if is_dicom(data):
        return max_pixels / 1e6
    try:
        header = probe(data, "the picture", max_pixels=2**62)
    except (BadImage, MemoryError):
        return 0.0
    return min(header.width * header.height, max_pixels) / 1e6


def _allow(seconds: float) -> None:
    """So much processor time from now on, after which the kernel ends the process; 0: as much as it takes.

    Processor time, as the clock on the wall goes as fast for who has to wait for a core. Where the system can't count
    it, the server's own watch is the only one.
    """
    if hasattr(signal, "ITIMER_PROF"):
        signal.setitimer(signal.ITIMER_PROF, seconds)


def _warm(looks: Mapping[str, Any]) -> None:
    """What the first picture would otherwise wait for: imports, tables, caches."""
    import cv2
    import numpy as np
    import simplejpeg

    from cutis.serve.intake import small
    from cutis.serve.intake.examine import examine

    cv2.setNumThreads(1)  # there are as many of these processes as cores wanted
    grey = np.full((300, 400, 3), 150, np.uint8)
    coded = simplejpeg.encode_jpeg(grey, colorspace="RGB")
    for keep in (False, True):
        examine(coded, looks, keep=keep, max_pixels=grey.size)
    small.thumbnail(coded)


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
