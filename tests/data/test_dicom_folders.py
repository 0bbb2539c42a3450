"""Folders of DICOM files as people have them: a disc's directory, copies, headers cut short, a whole study, bombs."""

from __future__ import annotations

import io
import struct
import subprocess
import sys
import tracemalloc
import zlib
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pytest

pytest.importorskip("pydicom")
import pydicom
from dicom_world import save, tags_of
from pydicom.encaps import encapsulate

import cutis
from cutis.data.deidentify import deidentify
from cutis.data.dicom import part10, segment, stored
from cutis.data.dicom.pixels import rgb
from cutis.data.dicom.whole_slide import overview
from cutis.errors import CutisError
from cutis.image.decode import BadImage

CLASSES = "1.2.840.10008.5.1.4.1.1."
SLIDE = CLASSES + "77.1.6"


@pytest.fixture(autouse=True)
def _key(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CUTIS_PSEUDONYM_KEY", "a key for tests only")


@pytest.fixture
def src(tmp_path: Path, picture) -> Path:
    """A folder with one good file."""
    save(tags_of(picture(12, 10), number=1), tmp_path / "src" / "a.dcm")
    return tmp_path / "src"


def read(src: Path, name: str = "data") -> cutis.Dataset:
    return cutis.import_dataset(src, src.parent / name, reader="dicom")


def notes(data: cutis.Dataset) -> str:
    return " | ".join(data.card.notes)


def of_class(number: int, sop_class: str, pixels: np.ndarray | None = None, **more: Any) -> Any:
    tags = tags_of(pixels, number=number, **more)
    tags.SOPClassUID = tags.file_meta.MediaStorageSOPClassUID = sop_class
    return tags


# --- what is in a folder ----------------------------------------------------------------------------------------------


def test_a_discs_directory_is_left_out_by_name(src: Path, tmp_path: Path):
    made = of_class(9, part10.DICOMDIR)
    del made.SOPInstanceUID, made.SOPClassUID  # both stand in the file's header only
    made.file_meta.MediaStorageSOPClassUID = part10.DICOMDIR
    save(made, src / "DICOMDIR")
    data = read(src)
    assert data.manifest["status"].to_list() == ["ok"]
    assert "left out: 1 DICOMDIR" in notes(data)
    report = deidentify(src, tmp_path / "out", b"k" * 32)
    assert report.complete
    assert [o.reason for o in report.of("left out")] == ["a DICOMDIR"]


def test_objects_without_a_picture_are_counted_by_name_not_as_failed(src: Path):
    kinds = {"88.33": "Comprehensive SR Storage", "11.1": "Grayscale Softcopy Presentation State Storage",
             "88.59": "Key Object Selection Document Storage", "104.1": "Encapsulated PDF Storage"}  # fmt: skip
    for n, end in enumerate(kinds):
        save(of_class(20 + n, CLASSES + end), src / f"{n}.dcm")
    save(of_class(30, CLASSES + "66.4", np.ones((10, 12), np.uint8), kind="MONOCHROME2"), src / "seg.dcm")
    data = read(src)
    assert data.manifest["status"].to_list() == ["ok"]
    for kind in (*kinds.values(), "Segmentation Storage"):
        assert f"1 {kind}" in notes(data)


def test_a_copy_is_a_row_with_its_reason(src: Path):
    """It used to stop the import of everything."""
    (src / "more").mkdir()
    (src / "more" / "b.dcm").write_bytes((src / "a.dcm").read_bytes())
    table = read(src).manifest
    assert sorted(table["status"]) == ["error", "ok"]
    kept, copy = table.filter(status="ok"), table.filter(status="error")
    assert copy["reason"].item() == f"a copy of the image {kept['image_id'].item()}"
    assert copy["image_id"].item() != kept["image_id"].item()


def test_a_copy_under_another_name_of_the_patient_is_a_copy(src: Path, picture):
    """As an archive writes it that put a header right: the same pixels, the same row."""
    tags = tags_of(picture(12, 10), number=1, PatientName="Mueller^Jane", StudyDescription="put right")
    save(tags, src / "b.dcm")
    assert sorted(read(src).manifest["reason"].drop_nulls().str.head(6)) == ["a copy"]


@pytest.mark.parametrize("change", [{"PatientID": "8"}, {"PatientAge": "044Y"}, {}])
def test_of_two_files_of_one_uid_that_differ_neither_is_taken(src: Path, picture, change):
    save(tags_of(picture(12, 10, 0 if change else 9), number=1, **change), src / "b.dcm")
    save(tags_of(picture(12, 10, 3), number=2), src / "c.dcm")
    table = read(src).manifest
    assert sorted(table["status"]) == ["error", "error", "ok"]
    bad = table.filter(status="error")
    assert set(bad["reason"]) == {"its SOPInstanceUID is that of 2 files with different content; keep the right one"}
    assert table["image_id"].n_unique() == 3


def test_two_exports_of_one_image_are_a_question_too(src: Path, tmp_path: Path, picture, encoded):
    """Cutis's own ids are taken as they are: a row that was corrected has another UID and the same image_id."""
    from cutis.data.export import export

    (tmp_path / "photos").mkdir()
    (tmp_path / "photos" / "a.jpg").write_bytes(encoded(picture()))
    for n, sex in enumerate(("female", "male")):
        (tmp_path / "photos" / "metadata.csv").write_text(f"image_id,target,sex\na,nv,{sex}\n")
        data = cutis.import_dataset(tmp_path / "photos", tmp_path / f"data{n}", reader="csv")
        export(data, tmp_path / f"out{n}", to="dicom")
        (made,) = (tmp_path / f"out{n}").rglob("*.dcm")
        made.rename(src / f"export{n}.dcm")
    table = read(src).manifest
    assert sorted(table["status"]) == ["error", "error", "ok"]
    assert set(table["reason"].drop_nulls()) == {"its image_id is that of other instances, too; keep the right one"}


def test_several_segmentations_of_one_picture_are_counted(src: Path):
    for n in (20, 21):
        instance, series = pydicom.Dataset(), pydicom.Dataset()
        instance.ReferencedSOPInstanceUID = "1.2.3.1"
        series.ReferencedInstanceSequence = [instance]
        made = np.full((10, 12), n % 2, np.uint8)
        save(
            of_class(n, CLASSES + "66.4", made, kind="MONOCHROME2", ReferencedSeriesSequence=[series]), src / f"{n}.dcm"
        )
    assert "1 further Segmentations of one picture" in notes(read(src))


# --- headers cut short ------------------------------------------------------------------------------------------------


def bare(tags: Any, path: Path, *, implicit: bool, little: bool = True) -> None:
    """A dataset alone, without preamble and meta header."""
    tags.Modality, tags.StudyDate = "XC", ""
    plain = pydicom.Dataset(tags)  # without its meta header, and free to be written in any way
    plain.save_as(path, implicit_vr=implicit, little_endian=little, enforce_file_format=False)


def test_files_without_preamble_or_header_are_read(src: Path, picture):
    """Each of them was "not DICOM"."""
    pixels = {n: picture(12, 10, n) for n in range(2, 7)}
    whole = save(tags_of(pixels[2], number=2), src / "with.dcm").read_bytes()
    (src / "with.dcm").write_bytes(whole[132:])  # begins with the meta header
    (src / "mark").write_bytes(save(tags_of(pixels[3], number=3), src / "mark").read_bytes()[128:])  # begins with DICM
    bare(tags_of(pixels[4], number=4), src / "implicit", implicit=True)
    bare(tags_of(pixels[5], number=5), src / "explicit", implicit=False)
    bare(tags_of(pixels[6], number=6, syntax="1.2.840.10008.1.2.2"), src / "big", implicit=False, little=False)
    data = read(src)
    assert data.manifest["status"].to_list() == ["ok"] * 6, data.manifest["reason"].to_list()
    assert data.manifest["sha256"].n_unique() == 6


def test_what_only_seems_dicom_is_not():
    rng = np.random.default_rng(0)
    for head in (b"\x08\0", b"\x02\0", b"\0\x08", b"\x08\0\x16\0UI", b"\x08\0\x05\0CS\x0a\0ISO_IR 100"):
        for _ in range(200):
            assert not part10.is_dicom(head + rng.bytes(300))
    for head in (b"", b"\x08\0", b"II*\0\x08\0\0\0", b"\x89PNG\r\n\x1a\n", b"RIFF", b"%PDF-1.4", bytes(4096)):
        assert not part10.is_dicom(head)


def test_an_instance_without_its_uid_is_known_by_the_files_header_or_its_content(src: Path, picture):
    tags = tags_of(picture(12, 10, 2), number=2)
    del tags.SOPInstanceUID
    save(tags, src / "b.dcm")
    nameless = tags_of(picture(12, 10, 3), number=3)
    del nameless.SOPInstanceUID
    bare(nameless, src / "c", implicit=True)
    table = read(src).manifest
    assert table["status"].to_list() == ["ok"] * 3
    again = cutis.import_dataset(src, src.parent / "again", reader="dicom").manifest
    assert again["image_id"].to_list() == table["image_id"].to_list()


def test_a_compressed_file_without_transfer_syntax_is_refused(picture):
    tags = tags_of(picture(12, 10), syntax="1.2.840.10008.1.2.4.50", PixelData=encapsulate([b"\xff\xd8" + bytes(30)]))
    out = io.BytesIO()
    tags.save_as(out, implicit_vr=False, little_endian=True, enforce_file_format=False)
    data = out.getvalue()
    found = part10.read(data[data.index(b"\x08\0\x16\0UI") :], "x")
    with pytest.raises(BadImage, match="no transfer syntax in its header"):
        rgb(found, "x")


def test_one_file_without_rows_does_not_end_an_import(src: Path, picture):
    """It ended with an AttributeError of `whole_slide`."""
    slide = of_class(5, SLIDE, picture(12, 10), ImageType=["ORIGINAL", "PRIMARY", "VOLUME"])
    slide.SOPInstanceUID = slide.file_meta.MediaStorageSOPInstanceUID = "1.2.3.5"
    photograph = tags_of(picture(12, 10), number=6)
    odd = of_class(7, SLIDE, picture(12, 10), ImageType=["ORIGINAL", "PRIMARY", "THUMBNAIL"], SeriesInstanceUID="1.2.9")
    for tags in (slide, photograph):
        del tags.Rows
    odd.add_new(0x00480007, "UL", [1, 2])  # two numbers where one belongs
    for n, tags in enumerate((slide, photograph, odd)):
        save(tags, src / f"{n}.dcm")
    table = read(src).manifest
    assert sorted(table["status"]) == ["error"] * 3 + ["ok"]
    reasons = sorted(table["reason"].drop_nulls())
    assert reasons[0].startswith(("damaged [", "its header is damaged"))
    assert reasons[1:] == ["its header says 12 x 0 pixels"] * 2


# --- bombs ------------------------------------------------------------------------------------------------------------


def deflated(zeros: int) -> bytes:
    """A file of which so many bytes are zeros, packed."""
    tags = tags_of(np.zeros((4, 4, 3), np.uint8), syntax="1.2.840.10008.1.2.1")
    out = io.BytesIO()
    tags.preamble = bytes(128)
    tags.save_as(out, enforce_file_format=True)
    whole = out.getvalue()
    start = whole.index(b"\x08\0\x16\0UI")
    head = whole[:start].replace(b"1.2.840.10008.1.2.1\0", b"1.2.840.10008.1.2.1.99")
    at = head.index(b"\x02\0\x10\0UI") + 6
    head = head[:at] + struct.pack("<H", 22) + head[at + 2 :]
    size = head.index(b"\x02\0\0\0UL") + 8
    head = head[:size] + struct.pack("<I", len(head) - size - 4) + head[size + 4 :]
    pack = zlib.compressobj(9, wbits=-15)
    body = pack.compress(whole[start:-60] + struct.pack("<HH2sHI", 0x7FE0, 0x10, b"OB", 0, zeros))
    for _ in range(0, zeros, 2**20):
        body += pack.compress(bytes(min(2**20, zeros)))
    return head + body + pack.flush()


def test_a_deflated_file_is_unpacked_no_further_than_a_file_may_be(src: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(part10, "MAX_BYTES", 2**22)
    bomb = deflated(2**25)
    assert len(bomb) < 2**16
    tracemalloc.start()
    try:
        with pytest.raises(BadImage, match="inflates to more than 4 MB"):
            part10.read(bomb, "x")
        assert tracemalloc.get_traced_memory()[1] < 3 * 2**22
    finally:
        tracemalloc.stop()
    (src / "bomb.dcm").write_bytes(bomb)
    table = read(src).manifest
    assert sorted(table["status"]) == ["error", "ok"]
    assert "inflates to more than 4 MB" in table["reason"].drop_nulls().item()
    with pytest.raises(BadImage, match="truncated"):
        part10.read(deflated(48)[:-9], "x")
    with pytest.raises(BadImage, match="can't be inflated"):
        part10.read(deflated(48)[:360] + b"\xff" * 90, "x")
    assert rgb(part10.read(deflated(48), "x"), "x").shape == (4, 4, 3)


@pytest.mark.long
def test_a_bomb_of_four_gigabytes_takes_no_more_than_one_and_a_half(tmp_path: Path):
    resource = pytest.importorskip("resource")
    (tmp_path / "bomb.dcm").write_bytes(deflated(4_000_000_000))
    code = f"""
import resource
from pathlib import Path
from cutis.data.dicom import part10
from cutis.image.decode import BadImage
try:
    part10.read(Path({str(tmp_path / "bomb.dcm")!r}), "x")
except BadImage as error:
    print(error.reason, resource.getrusage(resource.RUSAGE_SELF).ru_maxrss)
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert "inflates to more than" in done.stdout
    assert int(done.stdout.split()[-1]) < 1_500_000, done.stdout
    assert resource


def test_an_rle_frame_is_unpacked_no_further_than_its_plane():
    runs = b"\x81\x07" * 40_000  # each pair is 128 bytes
    frame = struct.pack("<II", 1, 64).ljust(64, b"\0") + runs
    tags = tags_of(
        np.zeros((8, 8), np.uint8), "MONOCHROME2", syntax="1.2.840.10008.1.2.5", PixelData=encapsulate([frame])
    )
    tracemalloc.start()
    try:
        with pytest.raises(BadImage, match="an RLE segment unpacks to more than its plane has"):
            rgb(tags, "x")
        assert tracemalloc.get_traced_memory()[1] < 2**21
    finally:
        tracemalloc.stop()


def test_sizes_are_looked_at_before_anything_is_decoded(monkeypatch: pytest.MonkeyPatch):
    """Rows times columns, samples and bits of a frame; tiles of a slide; frames of a mask."""
    for module in (stored,):
        monkeypatch.setattr(module, "_native", lambda *_: pytest.fail("decoded"))
        monkeypatch.setattr(module, "_decoded", lambda *_: pytest.fail("decoded"))
    small = np.zeros((4, 4), np.uint8)
    for more, words in (
        ({"Rows": 60_000, "Columns": 60_000}, "at most 100 million"),
        ({"Rows": 12_000, "Columns": 8_000, "BitsAllocated": 64, "BitsStored": 64}, "at most 537 MB"),
    ):
        with pytest.raises(BadImage, match=words):
            rgb(tags_of(small, "MONOCHROME2", **more), "x")
    frame = encapsulate([b"\xff\xd8\xff"] * 2)
    slide = tags_of(
        small, "MONOCHROME2", syntax="1.2.840.10008.1.2.4.50", PixelData=frame, Rows=9000, Columns=9000,
        NumberOfFrames=2000, TotalPixelMatrixRows=9000, TotalPixelMatrixColumns=9000,
    )  # fmt: skip
    place, group = pydicom.Dataset(), pydicom.Dataset()
    place.RowPositionInTotalImagePixelMatrix = place.ColumnPositionInTotalImagePixelMatrix = 1
    group.PlanePositionSlideSequence = [place]
    slide.PerFrameFunctionalGroupsSequence = [group] * 2000
    with pytest.raises(BadImage, match="2000 tiles of 9000 x 9000"):
        overview(slide, "x")


def test_a_mask_of_too_many_frames_is_refused(tmp_path: Path):
    frame = encapsulate([bytes(64)])
    tags = of_class(2, CLASSES + "66.4", np.zeros((4, 4), np.uint8), kind="MONOCHROME2", syntax="1.2.840.10008.1.2.5")
    tags.Rows = tags.Columns = 9000
    tags.NumberOfFrames, tags.PixelData = 60_000, frame
    tags["PixelData"].is_undefined_length = True
    with pytest.raises(BadImage, match="60000 frames of 9000 x 9000 pixels"):
        segment.mask_png(save(tags, tmp_path / "m.dcm"))


# --- a disc of a clinic -----------------------------------------------------------------------------------------------


@pytest.mark.slow
def test_a_disc_as_pydicom_brings_it(tmp_path: Path):
    """81 instances of four patients beside their DICOMDIR."""
    disc = Path(pydicom.__file__).parent / "data" / "test_files" / "dicomdirtests"
    if not (disc / "DICOMDIR").is_file():
        pytest.skip("this pydicom brings no disc")
    try:
        data = cutis.import_dataset(disc, tmp_path / "data", reader="dicom")
    except CutisError as error:
        pytest.fail(str(error))
    assert isinstance(data.manifest, pl.DataFrame)
    assert (data.manifest["status"] == "ok").sum() >= 30
    assert "DICOMDIR" in notes(data)
