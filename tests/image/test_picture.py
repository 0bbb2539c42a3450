"""A picture in memory, unchanged, is squared as its file is."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from cutis.image.constancy import CONSTANCY
from cutis.image.decode import BadImage, Picture, read_picture, read_square


@pytest.mark.parametrize("constancy", ["none", *CONSTANCY])
@pytest.mark.parametrize(("width", "height"), [(60, 45), (601, 450), (450, 613)])
def test_an_upright_file_gives_the_same_pixels(
    encoded: Callable[..., bytes], picture: Callable[..., np.ndarray], width: int, height: int, constancy: str
) -> None:
    """Also where a JPEG is decoded at a part of its size that its rows and columns don't fill."""
    for form in ("JPEG", "PNG"):
        data = encoded(picture(width, height), form)
        for size in (24, 96):
            made = read_picture(data, size).square(size, constancy=constancy)
            np.testing.assert_array_equal(made, read_square(data, size, constancy=constancy))


@pytest.mark.parametrize("orientation", range(1, 9))
def test_any_orientation_is_the_same_but_for_rounding(
    encoded: Callable[..., bytes], picture: Callable[..., np.ndarray], orientation: int
) -> None:
    exif = Image.Exif()
    exif[274] = orientation
    data = encoded(picture(451, 613), "JPEG", exif=exif, quality=95)
    made, file = read_picture(data, 32), read_square(data, 32)
    assert np.abs(made.square(32).astype(int) - file).max() <= 1
    height, width = made.pixels.shape[:2]
    assert (height > width) == (orientation < 5)
    assert any(side % 1 for side in made.box), "decoded at a part of its size that it doesn't fill"


def test_a_whole_array_is_squared_whole(picture: Callable[..., np.ndarray]) -> None:
    pixels = picture(50, 40)
    expected = np.asarray(Image.fromarray(pixels).resize((16, 16), Image.Resampling.BILINEAR))
    np.testing.assert_array_equal(Picture.whole(pixels).square(16), expected)


def test_what_cannot_be_read_is_said(tmp_path: Path) -> None:
    (tmp_path / "a.jpg").write_bytes(b"nothing")
    with pytest.raises(BadImage, match=r"a\.jpg: not an image"):
        read_picture(tmp_path / "a.jpg", 32)
