"""Every coding of DICOM pixels against values worked out by hand, and against DCMTK where it is installed.

The rule: the right colours, or one line that says why not; never false ones.
"""

from __future__ import annotations

import io
import shutil
import subprocess
from pathlib import Path
from typing import Any

import dicom_matrix as matrix
import numpy as np
import pytest
from PIL import Image

pytest.importorskip("pydicom")
import pydicom
from dicom_world import save, tags_of
from pydicom.encaps import encapsulate

from cutis.data.dicom import part10
from cutis.data.dicom.pixels import passthrough, rgb
from cutis.image.decode import BadImage

JPEG, LOSSLESS, LS, J2K = (f"1.2.840.10008.1.2.4.{n}" for n in ("50", "70", "81", "90"))
RLE = "1.2.840.10008.1.2.5"


@pytest.fixture(scope="module")
def photo(picture) -> np.ndarray:
    return picture(matrix.COLUMNS, matrix.ROWS, 3)


def every(photo: np.ndarray) -> dict[str, matrix.Case]:
    return matrix.colours(photo) | matrix.grey_cases() | matrix.palettes(photo)


def off(one: np.ndarray, two: np.ndarray) -> int:
    assert one.shape == two.shape
    assert one.dtype == np.uint8
    return int(np.abs(one.astype(int) - two).max())


def bad(tags: Any) -> str:
    with pytest.raises(BadImage) as error:
        rgb(tags, "x")
    assert "\n" not in error.value.reason
    return error.value.reason


def test_uncompressed_pixels_are_what_the_standard_says(photo):
    cases = every(photo)
    assert len(cases) > 60
    far = {name: off(rgb(tags, name), seen) for name, (tags, seen) in cases.items()}
    assert {name: n for name, n in far.items() if n > (1 if "ybr" in name else 0)} == {}


def turned(way: str, names: tuple[str, ...], photo: np.ndarray, folder: Path) -> None:
    if shutil.which("dcmconv") is None:
        pytest.skip("dcmconv (Debian's dcmtk) is not installed")
    cases = every(photo)
    for name in names:
        path, made = save(cases[name][0], folder / "a.dcm"), folder / "b.dcm"
        subprocess.run(["dcmconv", way, path, made], check=True, capture_output=True)
        assert off(rgb(part10.read(made, name), name), cases[name][1]) <= 1, name


def test_in_big_endian_they_are_the_same(photo, tmp_path):
    """DCMTK turns them; tables of bytes lie in words there."""
    turned("+tb", ("rgb 12 in 16", "palette of an odd number of bytes", "segments, twice, 16 bits"), photo, tmp_path)


def test_deflated_they_are_the_same(photo, tmp_path):
    turned("+td", ("rgb", "MONOCHROME1 12 in 16 signed"), photo, tmp_path)


def test_big_endian_of_odd_depths_is_refused(photo):
    big = "1.2.840.10008.1.2.2"
    assert bad(tags_of(matrix.greys(32, 32), "MONOCHROME2", syntax=big)).startswith("32 bits in big endian")
    bits = tags_of(matrix.greys(8, 8), "MONOCHROME2", syntax=big, BitsAllocated=1, BitsStored=1, HighBit=0)
    assert bad(bits).startswith("1 bits in big endian")


@pytest.mark.parametrize(
    ("more", "words"),
    [
        ({"kind": "RGB", "SamplesPerPixel": 1}, 'its header says "RGB" and 1 samples per pixel'),
        ({"kind": "MONOCHROME2"}, 'its header says "MONOCHROME2" and 3 samples per pixel'),
        ({"PixelRepresentation": 1}, "its colours are signed numbers"),
        ({"BitsStored": 12}, "12 bits stored of 8 allocated"),
        ({"BitsAllocated": 12}, "8 bits stored of 12 allocated"),
        ({"HighBit": 3}, "the highest of 8 bits is bit 3"),
        ({"HighBit": 9}, "the highest of 8 bits is bit 9"),
        ({"kind": "YBR_RCT"}, "YBR_RCT without a JPEG 2000"),
        ({"BitsAllocated": 32, "BitsStored": 32, "HighBit": 31, "Rows": 9000, "Columns": 9000}, "at most 537 MB"),
    ],
)
def test_headers_that_contradict_themselves_are_refused(photo, more, words):
    more = dict(more)
    assert words in bad(tags_of(photo, more.pop("kind", "RGB"), **more))


def test_422_of_odd_columns_is_refused(photo):
    short = tags_of(photo, "YBR_FULL_422", PixelData=photo.tobytes()[: photo.size * 2 // 3 + 1])
    assert bad(short) == f"YBR_FULL_422 of {matrix.COLUMNS} columns of 8 bits, which can't be"


@pytest.mark.parametrize(
    ("more", "words"),
    [
        ({"RedPaletteColorLookupTableDescriptor": None}, "without a red table"),
        ({"BluePaletteColorLookupTableData": b""}, "without a blue table"),
        ({"GreenPaletteColorLookupTableData": bytes(300)}, "a palette of 300 bytes for 256 colours"),
        ({"RedPaletteColorLookupTableDescriptor": [256, 0, 12]}, "a palette of 12 bits"),
    ],
)
def test_palettes_that_do_not_fit_are_refused(photo, more, words):
    tags = tags_of(photo[..., 0], "PALETTE COLOR", **(matrix.palette(np.zeros((256, 3), np.uint16), 16) | more))
    assert words in bad(tags)


@pytest.mark.parametrize("codes", [[1, 256, 9], [0, 255, 1], [0, 1, 1, 2, 9, 0, 0, 0, 0], [7, 1, 1], [0, 2, 1, 1]])
def test_segments_that_lead_nowhere_are_refused(photo, codes):
    """First a line from nothing, too few numbers, a loop, no such segment, too few colours."""
    codes = [c % 256 for c in codes]
    tags = tags_of(photo[..., 0], "PALETTE COLOR", **matrix.segmented(codes, 8, 256))
    assert "segmented palette" in bad(tags)


# --- a compressed frame decides over the header -----------------------------------------------------------------------


def j2k(pixels: np.ndarray, kind: str, *, mct: bool = True, bits: int = 8, syntax: str = J2K, **more: object) -> Any:
    utils = pytest.importorskip("openjpeg.utils")
    colour = pixels.ndim == 3
    code = utils.encode_array(
        np.ascontiguousarray(pixels),
        bits_stored=bits,
        photometric_interpretation=1 if colour else 2,
        **({"use_mct": mct} if colour else {}),
    )
    return tags_of(pixels, kind, syntax=syntax, PixelData=encapsulate([bytes(code)]), **more)


@pytest.mark.parametrize("kind", ["RGB", "YBR_RCT", "YBR_ICT", "YBR_FULL", "YBR_FULL_422"])
def test_jpeg_2000_is_transformed_back_if_its_own_marker_says_so(photo, kind):
    """COD's multiple component transformation; what the header calls the colours is not needed then."""
    assert off(rgb(j2k(photo, kind), "x"), photo) == 0
    assert off(rgb(j2k(photo, kind, syntax=JPEG), "x"), photo) == 0  # nor what it calls the coding


def test_jpeg_2000_without_a_transform_is_what_the_header_can_mean(photo):
    for kind in ("RGB", "YBR_RCT", "YBR_ICT"):
        assert off(rgb(j2k(photo, kind, mct=False), "x"), photo) == 0
    assert off(rgb(j2k(matrix.ycc(photo), "YBR_FULL", mct=False), "x"), photo) <= 2
    assert "which can't be: what its colours are is unknown" in bad(j2k(photo, "YBR_FULL_422", mct=False))


def test_colours_that_a_coding_can_not_hold_are_refused(photo):
    """As when a program decodes, codes anew and leaves the old word in the header."""
    from pydicom.pixels.encoders import RLELosslessEncoder

    tags = tags_of(photo)
    frame = RLELosslessEncoder.encode(tags, index=0, encoding_plugin="pydicom")
    for kind in ("YBR_RCT", "YBR_ICT", "YBR_FULL_422"):
        reason = bad(tags_of(photo, kind, syntax=RLE, PixelData=encapsulate([frame])))
        assert reason == f"RLE with the header's {kind}, which can't be: what its colours are is unknown"
    assert off(rgb(tags_of(photo, syntax=RLE, PixelData=encapsulate([frame])), "x"), photo) == 0


def test_the_depth_is_that_of_the_codestream(photo):
    deep = photo.astype(np.uint16) * 16 + photo // 16
    wide, narrow = {"BitsStored": 16, "HighBit": 15}, {"BitsAllocated": 8, "BitsStored": 8, "HighBit": 7}
    seen = np.rint(deep / 4095 * 255).astype(np.uint8)
    for header in (wide, narrow, {"BitsStored": 12, "HighBit": 11}):
        assert off(rgb(j2k(deep, "YBR_RCT", bits=12, **header), "x"), seen) == 0
    assert off(rgb(j2k(photo, "YBR_RCT", BitsAllocated=16, **wide), "x"), photo) == 0
    grey = matrix.greys(12, 16)
    for header in (wide, narrow):
        assert off(rgb(j2k(grey, "MONOCHROME2", bits=12, **header), "x"), matrix.stretched(grey)) == 0


def test_another_number_of_components_is_refused(photo):
    assert (
        bad(j2k(photo[..., 0], "RGB", SamplesPerPixel=3)) == 'its JPEG 2000 has 1 components, its header says "RGB" (3)'
    )
    assert "3 components" in bad(j2k(photo, "MONOCHROME2", SamplesPerPixel=1))
    for pixels, kind in ((photo[..., 0], "RGB"), (photo, "MONOCHROME2")):
        data = io.BytesIO()
        Image.fromarray(pixels).save(data, "JPEG")
        tags = tags_of(
            photo if kind == "RGB" else photo[..., 0], kind, syntax=JPEG, PixelData=encapsulate([data.getvalue()])
        )
        assert "components" in bad(tags)
        with pytest.raises(BadImage):
            passthrough(tags, "x")
    data = io.BytesIO()
    Image.fromarray(photo).convert("CMYK").save(data, "JPEG")
    assert "4 components" in bad(tags_of(photo, syntax=JPEG, PixelData=encapsulate([data.getvalue()])))


@pytest.mark.parametrize("syntax", [JPEG, LOSSLESS, LS, J2K, RLE])
def test_a_jpeg_is_read_as_one_whatever_the_transfer_syntax(photo, syntax):
    data = io.BytesIO()
    Image.fromarray(photo).save(data, "JPEG", quality=97)
    tags = tags_of(photo, syntax=syntax, PixelData=encapsulate([data.getvalue()]))
    assert off(rgb(tags, "x"), np.asarray(Image.open(data))) == 0


def test_half_sized_chroma_is_ybr_though_neither_marker_nor_header_says_so(photo):
    """No JFIF, no Adobe, "RGB" in the header: taken at its word, skin would be green."""
    data = io.BytesIO()
    Image.fromarray(photo).save(data, "JPEG", quality=97, subsampling=2)
    code = data.getvalue()
    at = code.index(b"\xff\xe0")
    bare = code[:at] + code[at + 2 + int.from_bytes(code[at + 2 : at + 4]) :]
    tags = tags_of(photo, syntax=JPEG, PixelData=encapsulate([bare]))
    assert off(rgb(tags, "x"), np.asarray(Image.open(data))) == 0


@pytest.mark.parametrize("name", ["SC_rgb_jls_lossy_line", "MR_small_jpeg_ls_lossless", "SC_rgb_jpeg_gdcm"])
def test_a_frame_without_its_end_is_refused_before_it_is_decoded(shared_pydicom, name, monkeypatch):
    """On some of them CharLS never came back."""
    from pydicom.encaps import get_frame

    from cutis.data.dicom import stored

    monkeypatch.setattr(stored, "_decoded", lambda *_: pytest.fail("decoded"))
    tags = part10.read(shared_pydicom / f"{name}.dcm", name)
    frame = get_frame(tags.PixelData, 0, number_of_frames=1)
    tags.PixelData = encapsulate([frame[: 2 * len(frame) // 3]])
    assert bad(tags).startswith("truncated: the file ends")


def test_a_lossy_jpeg_of_12_bits_is_refused(shared_pydicom):
    assert "a lossy JPEG of 12 bits" in bad(part10.read(shared_pydicom / "JPGExtended.dcm", "x"))


@pytest.fixture(scope="module")
def shared_pydicom() -> Path:
    """The files that pydicom brings for its own tests."""
    folder = Path(pydicom.__file__).parent / "data" / "test_files"
    if not (folder / "SC_rgb_jpeg_dcmtk.dcm").is_file():
        pytest.skip("this pydicom brings no test files")
    return folder


def read(path: Path) -> np.ndarray | str:
    """The pixels, or why there are none."""
    try:
        return rgb(part10.read(path, path.name), path.name)
    except BadImage as error:
        return error.reason


# --- DCMTK as the judge -----------------------------------------------------------------------------------------------


def options(name: str) -> tuple[str, ...]:
    """How DCMTK is asked to show grey: by the file's window, or from the lowest value to the highest."""
    if "window" in name:
        return "+Wi", "1"
    if "frames" in name:
        return "+F", "2"
    return ("+Wm",) if "MONOCHROME" in name or "bits" in name else ()


@pytest.mark.slow
@pytest.mark.parametrize(
    "name",
    ["SC_rgb_dcmtk_+eb+cr", "SC_rgb_dcmtk_+eb+cy+n1", "SC_rgb_dcmtk_+eb+cy+s2", "SC_rgb_jpeg_app14_dcmd",
     "SC_rgb_jpeg_gdcm", "SC_rgb_rle_32bit", "SC_rgb_small_odd_big_endian", "SC_ybr_full_422_uncompressed",
     "SC_jpeg_no_color_transform", "examples_palette", "image_dfl", "ExplVR_BigEnd"],
)  # fmt: skip
def test_files_of_many_programs_look_as_dcmtk_shows_them(shared_pydicom, tmp_path, name):
    path = shared_pydicom / f"{name}.dcm"
    assert off(rgb(part10.read(path, name), name), matrix.dcmtk(path, tmp_path)) <= 1


@pytest.mark.slow
def test_a_damaged_lossless_frame_does_not_end_the_process(picture, tmp_path):
    """GDCM calls abort() on this one: whole numbers of 16 bits, four bytes of them changed."""
    from pydicom.encaps import get_frame

    if shutil.which("dcmcjpeg") is None:
        pytest.skip("dcmcjpeg (Debian's dcmtk) is not installed")
    grey = picture(60, 45)[..., 0].astype(np.uint16) * 16
    path, made = save(tags_of(grey, "MONOCHROME2"), tmp_path / "a.dcm"), tmp_path / "b.dcm"
    subprocess.run(["dcmcjpeg", "+e1", path, made], check=True, capture_output=True)
    tags = part10.read(made, "x")
    assert off(rgb(tags, "x"), matrix.stretched(grey)) == 0
    frame = bytearray(get_frame(tags.PixelData, 0, number_of_frames=1))
    for at, value in ((11, 143), (1236, 164), (1466, 125), (1964, 248)):
        frame[at] = value
    tags.PixelData = encapsulate([bytes(frame)])
    tags["PixelData"].is_undefined_length = True
    assert bad(tags) == "its pixels can't be decoded (truncated or damaged)"


@pytest.mark.long
@pytest.mark.parametrize("part", range(6))
def test_the_whole_matrix_of_codings(photo, tmp_path, part):
    """Each kind of pixels through each of DCMTK's codings: without loss the same, with loss as DCMTK shows it."""
    for program in ("dcmconv", "dcmcrle", "dcmcjpeg", "dcmcjpls", "dcmdjpls"):
        if shutil.which(program) is None:
            pytest.skip(f"{program} (Debian's dcmtk) is not installed")
    exact = [["dcmconv", "+ti"], ["dcmconv", "+tb"], ["dcmconv", "+td"], ["dcmcrle"], ["dcmcjpeg", "+e1"],
             ["dcmcjpeg", "+el"], ["dcmcjpls", "+el"], ["dcmcjpls", "+is"], ["dcmcjpls", "+in"]]  # fmt: skip
    lossy = [["dcmcjpeg", "+eb"], ["dcmcjpeg", "+eb", "+cr"], ["dcmcjpeg", "+eb", "+s4"], ["dcmcjpeg", "+ee"],
             ["dcmcjpeg", "+e1", "+pl"], ["dcmcjpls", "+en"]]  # fmt: skip
    said = ("JPEG of 12 bits", "in big endian", "exceptions were raised")
    done = refused = 0
    for name, (tags, seen) in list(every(photo).items())[part::6]:
        path, made, plain = save(tags, tmp_path / "a.dcm"), tmp_path / "b.dcm", tmp_path / "c.dcm"
        for way in exact + lossy:
            made.unlink(missing_ok=True)
            run = subprocess.run([way[0], *way[1:], path, made], check=False, capture_output=True)
            if run.returncode or not made.is_file():
                continue  # DCMTK itself can't code these pixels so
            found = read(made)
            if isinstance(found, str):
                assert any(words in found for words in said), f"{name}, {way}: {found}"
                refused += 1
                continue
            done += 1
            if way in exact:
                assert off(found, seen) <= 2, (name, way)
            elif "palette" not in name and "segments" not in name:  # what its own tables show is another question
                if way[0] == "dcmcjpls":
                    subprocess.run(["dcmdjpls", made, plain], check=True, capture_output=True)
                    made.write_bytes(plain.read_bytes())
                assert off(found, matrix.dcmtk(made, tmp_path, *options(name))) <= 2, (name, way)
    assert done > 60
    assert refused < done / 5


@pytest.mark.long
def test_every_file_that_pydicom_brings(shared_pydicom, tmp_path):
    """All of them: read as DCMTK shows them, or refused in one line."""
    same = 0
    for path in sorted(shared_pydicom.rglob("*")):
        if not path.is_file() or not part10.looks(path) or path.stem in ("examples_overlay", "liver_1frame"):
            continue  # DCMTK draws overlays, and 1-bit pixels half as bright
        found = read(path)
        if isinstance(found, str):
            assert "\n" not in found
            continue
        tags = part10.read(path, path.name)
        syntax = str(tags.file_meta.TransferSyntaxUID)
        if syntax.startswith("1.2.840.10008.1.2.4.9") or path.stem == "SC_rgb_jpeg":
            continue  # DCMTK reads no JPEG 2000, and not this JPEG
        if syntax.startswith("1.2.840.10008.1.2.4.8"):
            subprocess.run(["dcmdjpls", path, tmp_path / "plain.dcm"], check=True, capture_output=True)
            path = tmp_path / "plain.dcm"
        grey = str(tags.PhotometricInterpretation).startswith("MONO")
        window = ("+Wi", "1") if tags.get("WindowCenter") else ("+Wm",) if int(tags.BitsStored) > 8 else ()
        assert off(found, matrix.dcmtk(path, tmp_path, *(window if grey else ()))) <= 1, path
        same += 1
    assert same > 60
