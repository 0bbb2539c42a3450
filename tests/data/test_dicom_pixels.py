"""DICOM pixels -> RGB: every colour model against hand-made references, Pillow, and DCMTK where it is installed."""

from __future__ import annotations

import io
import shutil
import subprocess
from pathlib import Path

import numpy as np
import pytest
from PIL import Image, ImageCms

pytest.importorskip("pydicom")
from dicom_world import lut_tags, save, tags_of
from pydicom import dcmread
from pydicom.encaps import encapsulate

from cutis.data.dicom.grey import windowed
from cutis.data.dicom.pixels import frame_index, passthrough, rgb
from cutis.data.dicom.stored import PHOTOMETRIC
from cutis.data.dicom.whole_slide import choose, overview
from cutis.image.decode import BadImage

JPEG, JPEG_2000 = "1.2.840.10008.1.2.4.50", "1.2.840.10008.1.2.4.91"


@pytest.fixture
def photo(picture) -> np.ndarray:
    return picture(24, 18, 3)


def ycc(pixels: np.ndarray) -> np.ndarray:
    """Full-range BT.601 (PS3.3 C.7.6.3.1.2), by its matrix."""
    m = np.array([[0.299, 0.587, 0.114], [-0.168736, -0.331264, 0.5], [0.5, -0.418688, -0.081312]])
    return np.rint(pixels @ m.T + [0, 128, 128]).clip(0, 255).astype(np.uint8)


def coded(pixels: np.ndarray, form: str = "JPEG", **options) -> bytes:
    out = io.BytesIO()
    Image.fromarray(pixels).save(out, form, **options)
    return out.getvalue()


def in_jpeg(data: bytes, shape: tuple[int, ...], kind: str, syntax: str = JPEG, **more):
    return tags_of(np.zeros(shape, np.uint8), kind, syntax=syntax, PixelData=encapsulate([data]), **more)


def near(one: np.ndarray, two: np.ndarray, most: int) -> bool:
    return one.shape == two.shape and int(np.abs(one.astype(int) - two).max()) <= most


def test_rgb_by_pixel_and_by_plane(photo):
    assert np.array_equal(rgb(tags_of(photo), "x"), photo)
    planes = np.ascontiguousarray(photo.transpose(2, 0, 1)).tobytes()
    assert np.array_equal(rgb(tags_of(photo, PlanarConfiguration=1, PixelData=planes), "x"), photo)
    assert not np.array_equal(rgb(tags_of(photo, PixelData=planes), "x"), photo)


def test_ybr_full(photo):
    assert near(rgb(tags_of(ycc(photo), "YBR_FULL"), "x"), photo, 2)


def test_ybr_full_422(photo):
    """Y1 Y2 Cb Cr for each pair of pixels: pairs of one colour come back whole."""
    photo[:, 1::2] = photo[:, ::2]
    y = ycc(photo)
    packed = np.stack([y[:, ::2, 0], y[:, 1::2, 0], y[:, ::2, 1], y[:, ::2, 2]], -1).tobytes()
    assert len(packed) == photo.size * 2 // 3
    assert near(rgb(tags_of(y, "YBR_FULL_422", PixelData=packed), "x"), photo, 2)


def test_ybr_full_422_that_holds_three_bytes_a_pixel_is_rgb(photo):
    """OHIF/Viewers issue 2934: what ISIC 2020's files looked like to a viewer."""
    assert np.array_equal(rgb(tags_of(photo, "YBR_FULL_422"), "x"), photo)


@pytest.mark.parametrize("bits", [8, 16])
def test_palette(photo, bits):
    table = np.random.default_rng(0).integers(0, 256, (256, 3))
    index = photo[..., 0]
    wide = table if bits == 8 else table * 256  # the upper byte, as most writers have it
    assert np.array_equal(rgb(tags_of(index, "PALETTE COLOR", **lut_tags(wide, bits)), "x"), table[index])


@pytest.mark.parametrize("bits", [12, 16])
def test_deep_colours(bits):
    deep = np.random.default_rng(1).integers(0, 2**bits, (6, 5, 3)).astype(np.uint16)
    deep[0, 0], deep[0, 1] = 0, 2**bits - 1
    found = rgb(tags_of(deep, BitsStored=bits, HighBit=bits - 1), "x")
    assert np.array_equal(found, np.floor(deep.astype(float) * 255 / (2**bits - 1) + 0.5).astype(np.uint8))
    assert found[0, 0].tolist() == [0, 0, 0]
    assert found[0, 1].tolist() == [255] * 3


def test_grey_of_8_bits_stays_and_monochrome1_is_turned():
    grey = np.arange(40, 100, dtype=np.uint8).reshape(6, 10)
    assert np.array_equal(rgb(tags_of(grey, "MONOCHROME2"), "x"), np.repeat(grey[..., None], 3, 2))
    assert np.array_equal(rgb(tags_of(grey, "MONOCHROME1"), "x"), 255 - np.repeat(grey[..., None], 3, 2))


def test_12_bit_grey_is_windowed_or_stretched():
    grey = np.array([[0, 1000, 2000, 3000, 4095]], np.uint16).repeat(2, 0)
    seen = rgb(tags_of(grey, "MONOCHROME2", BitsStored=12, HighBit=11, WindowCenter="2000", WindowWidth="2001"), "x")
    assert seen[0, :, 0].tolist() == [0, 0, 128, 255, 255]
    turned = rgb(tags_of(grey, "MONOCHROME1", BitsStored=12, HighBit=11, WindowCenter="2000", WindowWidth="2001"), "x")
    assert turned[0, :, 0].tolist() == [255, 255, 127, 0, 0]
    own = rgb(tags_of(grey, "MONOCHROME2", BitsStored=12, HighBit=11), "x")
    assert own[0, :, 0].tolist() == [0, 62, 125, 187, 255]
    signed = rgb(tags_of(grey.astype(np.int16) - 1000, "MONOCHROME2", BitsStored=16, HighBit=15), "x")
    assert np.array_equal(signed, own)
    slope = tags_of(grey, "MONOCHROME2", BitsStored=12, HighBit=11, RescaleSlope="2", RescaleIntercept="-100")
    slope.WindowCenter, slope.WindowWidth = "3900", "4001"  # of rescaled values
    assert rgb(slope, "x")[0, :, 0].tolist() == [0, 0, 128, 255, 255]


def test_windows_by_hand():
    """PS3.3 C.11.2.1.2.1's own example: centre 2048, width 4096 takes 0..4095 to the whole range."""
    x = np.array([-1, 0, 2047.5, 4095, 4096])
    assert windowed(x, 2048, 4096, "LINEAR").tolist() == [0, 0, 0.5, 1, 1]
    assert windowed(np.array([0, 5, 10]), 5, 10, "LINEAR_EXACT").tolist() == [0, 0.5, 1]
    assert windowed(np.array([0, 1]), 1, 1, "LINEAR").tolist() == [0, 1]
    assert windowed(np.array([5.0, 1e6]), 5, 10, "SIGMOID").tolist() == [0.5, 1]


@pytest.mark.parametrize("subsampling", [0, 2])
@pytest.mark.parametrize("kind", ["YBR_FULL_422", "YBR_FULL", "RGB"])
def test_a_jpeg_says_itself_what_its_colours_are(photo, kind, subsampling):
    """Headers that call a JFIF stream RGB are common: taking them at their word turns skin green."""
    data = coded(photo, quality=95, subsampling=subsampling)
    tags = in_jpeg(data, photo.shape, kind)
    assert np.array_equal(rgb(tags, "x"), np.asarray(Image.open(io.BytesIO(data))))
    assert passthrough(tags, "x") == data


def test_a_jpeg_without_a_word_on_its_colours_is_what_the_header_says(photo):
    """RGB components, neither JFIF nor Adobe: their numbers 1, 2, 3 would make a decoder take them for YCbCr."""
    data = bytearray(coded(photo, quality=95, subsampling=0, keep_rgb=True))
    at = data.index(b"Adobe") - 4
    del data[at : at + 2 + int.from_bytes(data[at + 2 : at + 4])]
    for old, new in zip(b"RGB", (1, 2, 3), strict=True):
        for marker in (b"\xff\xc0", b"\xff\xda"):
            start = data.index(marker)
            data[data.index(bytes([old]), start + 5)] = new
    tags = in_jpeg(bytes(data), photo.shape, "RGB")
    assert passthrough(tags, "x") is None
    assert near(rgb(tags, "x"), photo, 30)
    assert np.abs(rgb(tags, "x").astype(int) - photo).mean() < 3


def test_an_exif_orientation_in_a_jpeg_does_not_turn_it(photo):
    exif = Image.Exif()
    exif[0x0112] = 6
    data = coded(photo, quality=95, exif=exif)
    tags = in_jpeg(data, photo.shape, "YBR_FULL_422")
    assert rgb(tags, "x").shape == photo.shape
    kept = passthrough(tags, "x")
    assert kept is not None
    assert b"Exif" not in kept
    assert Image.open(io.BytesIO(kept)).size == (photo.shape[1], photo.shape[0])


def test_a_grey_jpeg_is_kept_only_if_it_is_shown_as_it_is(photo):
    data = coded(photo[..., 0], quality=95)
    assert passthrough(in_jpeg(data, photo.shape[:2], "MONOCHROME2"), "x") == data
    for more in ({"WindowCenter": "50", "WindowWidth": "20"}, {"RescaleSlope": "2", "RescaleIntercept": "0"}):
        assert passthrough(in_jpeg(data, photo.shape[:2], "MONOCHROME2", **more), "x") is None
    turned = in_jpeg(data, photo.shape[:2], "MONOCHROME1")
    assert passthrough(turned, "x") is None
    assert np.array_equal(rgb(turned, "x")[..., 0], 255 - np.asarray(Image.open(io.BytesIO(data))))


@pytest.mark.parametrize("kind", ["YBR_RCT", "RGB"])
def test_jpeg_2000_lossless(photo, kind):
    data = coded(photo, "JPEG2000", irreversible=False, mct=int(kind == "YBR_RCT"), no_jp2=True)
    assert np.array_equal(rgb(in_jpeg(data, photo.shape, kind, "1.2.840.10008.1.2.4.90"), "x"), photo)


def test_jpeg_2000_lossy(photo):
    data = coded(photo, "JPEG2000", irreversible=True, quality_mode="dB", quality_layers=[50], no_jp2=True)
    assert near(rgb(in_jpeg(data, photo.shape, "YBR_ICT", JPEG_2000), "x"), photo, 8)


def test_a_colour_profile_that_is_not_srgb_is_converted(photo):
    """The profile's primaries are sRGB's with red and green exchanged, so conversion exchanges the two channels."""
    xyz = ImageCms.createProfile("sRGB")
    data = bytearray(ImageCms.ImageCmsProfile(xyz).tobytes())
    swapped = bytes(data).replace(b"rXYZ", b"?XYZ").replace(b"gXYZ", b"rXYZ").replace(b"?XYZ", b"gXYZ")
    swapped = swapped.replace("sRGB".encode("utf-16-be"), "wide".encode("utf-16-be"))
    found = rgb(tags_of(photo, ICCProfile=swapped), "x")
    assert near(found, photo[..., [1, 0, 2]], 2)
    assert np.array_equal(rgb(tags_of(photo, ICCProfile=bytes(data)), "x"), photo)
    jpeg = in_jpeg(coded(photo), photo.shape, "YBR_FULL_422", ICCProfile=swapped)
    assert passthrough(jpeg, "x") is None


def test_of_several_frames_the_representative_else_the_first(photo):
    frames = np.stack([photo, photo[::-1], 255 - photo])
    assert np.array_equal(rgb(tags_of(frames), "x"), photo)
    tags = tags_of(frames, RepresentativeFrameNumber=3)
    assert frame_index(tags) == 2
    assert np.array_equal(rgb(tags, "x"), 255 - photo)
    assert frame_index(tags_of(frames, RepresentativeFrameNumber=4)) == 0


def test_bytes_beyond_the_pixels_are_no_frames(photo):
    assert np.array_equal(rgb(tags_of(photo, PixelData=photo.tobytes() + bytes(photo.size)), "x"), photo)


def bad(tags) -> str:
    with pytest.raises(BadImage) as error:
        rgb(tags, "x")
    with pytest.raises(BadImage) as same:
        passthrough(tags, "x")
    assert same.value.reason == error.value.reason
    assert "\n" not in error.value.reason
    return error.value.reason


def test_what_is_refused_says_why(photo):
    assert bad(tags_of(None)) == "no PixelData: the file is a header only"
    assert bad(tags_of(photo, PixelData=photo.tobytes()[:-10])).startswith("truncated: 1286 bytes of pixels where")
    assert bad(tags_of(photo, syntax="1.2.3.4")) == 'transfer syntax "1.2.3.4" is not one of DICOM\'s'
    assert "is not read; RGB, YBR_FULL" in bad(tags_of(photo, "CMYK"))
    assert bad(tags_of(photo, Rows=60000, Columns=60000)) == "60000 x 60000 pixels; at most 100 million"
    assert bad(tags_of(photo, Rows=0)) == "its header says 24 x 0 pixels"
    video = tags_of(photo, syntax="1.2.840.10008.1.2.4.102")
    assert bad(video).startswith("compressed as MPEG-4")
    lying = in_jpeg(coded(photo), (9, 9, 3), "YBR_FULL_422")
    assert bad(lying) == "its JPEG has 24 x 18 pixels, its header says 9 x 9"
    data = coded(photo)
    assert "truncated" in bad(in_jpeg(data[: len(data) // 2], photo.shape, "YBR_FULL_422"))


def test_a_codec_that_is_not_here(photo, monkeypatch):
    from pydicom.pixels.decoders.base import Decoder

    monkeypatch.setattr(Decoder, "is_available", property(lambda self: False))
    reason = bad(in_jpeg(coded(photo, "JPEG2000"), photo.shape, "RGB", JPEG_2000))
    assert reason == (
        "compressed as JPEG 2000 Image Compression, for which no codec is installed: pip install 'cutis[dicom]'"
    )


# --- whole slides -----------------------------------------------------------------------------------------------------


def slide(kind: str, rows: int, columns: int, series: str = "1.2.5", **more):
    return tags_of(
        None, ImageType=["ORIGINAL", "PRIMARY", kind], TotalPixelMatrixRows=rows, TotalPixelMatrixColumns=columns,
        SeriesInstanceUID=series, **more,
    )  # fmt: skip


def test_of_a_slide_the_thumbnail_else_the_lowest_level_and_never_the_label():
    slides = [
        *(slide("VOLUME", 800, 600), slide("VOLUME", 80, 60), slide("LABEL", 10, 10), slide("OVERVIEW", 20, 20)),
        *(slide("VOLUME", 8, 6, "1.9"), slide("THUMBNAIL", 90, 90, "1.9"), slide("LABEL", 3, 3, "1.10")),
    ]
    assert choose(slides) == {1, 5}


def test_tiles_lie_where_they_belong(picture):
    from pydicom.dataset import Dataset

    whole = picture(25, 18, 1)
    padded = np.full((20, 30, 3), 7, np.uint8)
    padded[:18, :25] = whole
    tiles = np.stack([padded[y : y + 10, x : x + 10] for y in (0, 10) for x in (0, 10, 20)])
    full = tags_of(tiles, TotalPixelMatrixRows=18, TotalPixelMatrixColumns=25)
    assert np.array_equal(overview(full, "x"), whole)
    order = np.random.default_rng(0).permutation(6)
    sparse = tags_of(tiles[order], TotalPixelMatrixRows=18, TotalPixelMatrixColumns=25)
    sparse.PerFrameFunctionalGroupsSequence = []
    for tile in order:
        place, group = Dataset(), Dataset()
        place.RowPositionInTotalImagePixelMatrix = int(tile // 3) * 10 + 1
        place.ColumnPositionInTotalImagePixelMatrix = int(tile % 3) * 10 + 1
        group.PlanePositionSlideSequence = [place]
        sparse.PerFrameFunctionalGroupsSequence.append(group)
    assert np.array_equal(overview(sparse, "x"), whole)
    place.RowPositionInTotalImagePixelMatrix = 99
    with pytest.raises(BadImage, match="tile 6 lies outside the slide"):
        overview(sparse, "x")


def test_a_grey_slide_is_stretched_as_a_whole():
    tiles = np.arange(6, dtype=np.uint16)[:, None, None].repeat(4, 1).repeat(4, 2)
    found = overview(tags_of(tiles, "MONOCHROME2", TotalPixelMatrixRows=8, TotalPixelMatrixColumns=12), "x")
    assert found[::4, ::4, 0].tolist() == [[0, 51, 102], [153, 204, 255]]


# --- real files, and another reader -----------------------------------------------------------------------------------


def test_real_slides_lie_as_highdicom_lays_them(shared_data):
    import highdicom

    paths = sorted((shared_data / "dicom_samples" / "highdicom").glob("sm_image*.dcm"))
    assert len(paths) == 8
    for path in paths:
        theirs = highdicom.imread(path).get_total_pixel_matrix()
        if theirs.ndim == 2:
            theirs = np.rint(theirs * 255 / theirs.max())[..., None].repeat(3, 2)
        assert np.array_equal(overview(dcmread(path), path.name), theirs), path


def dcmtk(path: Path, folder: Path) -> np.ndarray:
    """The first frame as DCMTK renders it, 8 bits."""
    program = shutil.which("dcmj2pnm")
    if program is None:
        pytest.skip("dcmj2pnm (Debian's dcmtk) is not installed")
    out = folder / "frame.ppm"
    subprocess.run([program, "+on", "+cl", "+Wi", "1", path, out], check=False, capture_output=True)
    if not out.is_file():
        subprocess.run([program, "+on", path, out], check=True, capture_output=True)
    return np.asarray(Image.open(out).convert("RGB"))


@pytest.mark.parametrize(
    ("name", "most"),
    [("SC_rgb", 0), ("US1_UNCR", 0), ("color-pl", 0), ("OBXXXX1A", 0), ("JPGLosslessP14SV1_1s_1f_8b", 1), ("dx", 2)],
)
def test_real_files_look_as_dcmtk_shows_them(shared_data, tmp_path, name, most):
    folder = shared_data / "dicom_samples"
    path = folder / "highdicom" / "dx_image.dcm" if name == "dx" else folder / "pydicom_data" / f"{name}.dcm"
    assert near(rgb(dcmread(path), name), dcmtk(path, tmp_path), most)


@pytest.mark.parametrize("kind", ["RGB", "YBR_FULL", "PALETTE COLOR", "MONOCHROME1"])
def test_made_files_look_as_dcmtk_shows_them(photo, tmp_path, kind):
    table = lut_tags(np.random.default_rng(0).integers(0, 256, (256, 3)), 8) if kind == "PALETTE COLOR" else {}
    pixels = photo if kind in ("RGB", "YBR_FULL") else photo[..., 0]
    path = save(tags_of(pixels, kind, **table), tmp_path / "a.dcm")
    assert near(rgb(dcmread(path), "x"), dcmtk(path, tmp_path), 2)


def test_the_list_of_what_is_read_is_whole():
    assert len(PHOTOMETRIC) == 8
