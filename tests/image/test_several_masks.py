"""A file that holds several masks, or a channel that nothing explains, is refused: the first may be empty."""

from __future__ import annotations

import io
import struct

import numpy as np
import pytest
from PIL import Image

from cutis.image.mask import read_mask
from cutis.image.source import BadImage

M = np.zeros((24, 32), np.uint8)
M[6:16, 8:20] = 255


def pages(form: str, **options: object) -> bytes:
    out = io.BytesIO()
    Image.fromarray(0 * M).save(out, form, save_all=True, append_images=[Image.fromarray(M)], **options)
    return out.getvalue()


def unnamed(*channels: np.ndarray) -> bytes:
    """A TIFF whose last channel is of the kind 0, not said."""
    out = io.BytesIO()
    mode = {2: "LA", 4: "RGBA"}[len(channels)]
    Image.merge(mode, [Image.fromarray(c) for c in channels]).save(out, "TIFF")
    entry = struct.pack("<HHI", 338, 3, 1)
    data = out.getvalue()
    assert data.count(entry + b"\2\0") == 1
    return data.replace(entry + b"\2\0", entry + b"\0\0")


@pytest.mark.parametrize("form", ["TIFF", "GIF", "PNG", "WEBP"])
def test_of_several_pages_none_is_taken(form: str) -> None:
    with pytest.raises(BadImage, match="several pages or frames"):
        read_mask(pages(form), "m")


@pytest.mark.parametrize("channels", [(255 - M, M), (0 * M, M), (0 * M, 0 * M, 0 * M, M)])
def test_a_channel_that_nothing_explains_is_not_left_out(channels: tuple[np.ndarray, ...]) -> None:
    with pytest.raises(BadImage, match="nothing says what it is"):
        read_mask(unnamed(*channels), "m")
