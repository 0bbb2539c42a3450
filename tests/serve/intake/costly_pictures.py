"""Small files that take long to read."""

from __future__ import annotations

import io

import numpy as np
from PIL import Image


def many_scans(side: int, scans: int) -> bytes:
    """A JPEG each of whose scans walks over all of its pixels, and says nothing new."""
    out = io.BytesIO()
    Image.fromarray(np.full((side, side), 128, np.uint8)).save(out, "JPEG", progressive=True)
    data = out.getvalue()
    last = data.rindex(b"\xff\xda")
    return data[:-2] + (scans - data.count(b"\xff\xda")) * data[last:-2] + b"\xff\xd9"
