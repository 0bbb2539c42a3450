"""Lossless JPEG of more than 8 bits, decoded in a process of its own: GDCM, the one codec for it, may end its process.

On some damaged frames it calls abort(): no exception, no row with a reason, and whoever decoded is gone.
"""

from __future__ import annotations

import json
import subprocess
import sys

import numpy as np

SECONDS = 60  # that one frame may take


class Failed(ValueError):
    """The frame can't be decoded; the message says no more than that."""


def decoded(frame: bytes, rows: int, columns: int, samples: int, bits: int) -> np.ndarray:
    """uint16 (rows, columns), or (rows, columns, 3), of a frame of so many bits per sample. Raises Failed."""
    asked = json.dumps({"rows": rows, "columns": columns, "samples": samples, "bits": bits}).encode()
    code = "from cutis.data.dicom.apart import main; main()"
    try:
        done = subprocess.run(
            [sys.executable, "-c", code], input=asked + b"\n" + frame, capture_output=True, timeout=SECONDS, check=False
        )
    except subprocess.TimeoutExpired:
        raise Failed(f"took more than {SECONDS} s") from None
    if done.returncode or len(done.stdout) != 2 * rows * columns * samples:
        raise Failed("truncated or damaged")
    return np.frombuffer(done.stdout, "<u2").reshape((rows, columns, samples)[: 2 + (samples > 1)]).copy()


def main() -> None:
    """What the process does: a line of JSON and a frame come in, its values go out."""
    from typing import Any

    from pydicom.encaps import encapsulate
    from pydicom.pixels.decoders.base import get_decoder
    from pydicom.uid import JPEGLossless

    asked = json.loads(sys.stdin.buffer.readline())
    decoder: Any = get_decoder(JPEGLossless)
    pixels = decoder.as_array(
        encapsulate([sys.stdin.buffer.read()]),
        index=0,
        raw=True,
        decoding_plugin="gdcm",
        rows=asked["rows"],
        columns=asked["columns"],
        samples_per_pixel=asked["samples"],
        photometric_interpretation="RGB" if asked["samples"] > 1 else "MONOCHROME2",
        planar_configuration=0,
        bits_allocated=8 if asked["bits"] <= 8 else 16,
        bits_stored=asked["bits"],
        pixel_representation=0,
        number_of_frames=1,
        pixel_keyword="PixelData",
    )[0]
    sys.stdout.buffer.write(pixels.astype("<u2").tobytes())
