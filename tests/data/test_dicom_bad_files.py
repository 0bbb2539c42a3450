"""Damaged, lying and odd DICOM files: each a row with its reason, or one clear line; the good ones are read."""

from __future__ import annotations

import contextlib
import io
from pathlib import Path

import numpy as np
import polars as pl
import pytest
from PIL import Image

pytest.importorskip("pydicom")
from dicom_world import save, tags_of
from pydicom.encaps import encapsulate

import cutis
from cutis.errors import CutisError

SEGMENTATION = "1.2.840.10008.5.1.4.1.1.66.4"


@pytest.fixture(autouse=True)
def _key(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CUTIS_PSEUDONYM_KEY", "a key for tests only")


@pytest.fixture
def src(tmp_path: Path, picture) -> Path:
    """A folder with one good file."""
    save(tags_of(picture(12, 10), number=1), tmp_path / "src" / "a.dcm")
    return tmp_path / "src"


def read(src: Path) -> pl.DataFrame:
    return cutis.import_dataset(src, src.parent / "data", reader="dicom").manifest


def jpeg(pixels: np.ndarray) -> bytes:
    out = io.BytesIO()
    Image.fromarray(pixels).save(out, "JPEG")
    return out.getvalue()


def test_each_bad_file_is_a_row_with_its_reason(src: Path, picture):
    good = picture(12, 10, 5)
    deep = np.arange(120, dtype=np.uint16).reshape(10, 12) * 30
    cases = {
        "no-pixels": (tags_of(good, number=2), "no PixelData"),
        "too-short": (tags_of(good, number=3, PixelData=good.tobytes()[:100]), "truncated: 100 bytes"),
        "unknown-syntax": (tags_of(good, number=4, syntax="1.2.3.4"), 'transfer syntax "1.2.3.4"'),
        "video": (
            tags_of(good, number=5, syntax="1.2.840.10008.1.2.4.102", PixelData=encapsulate([b"mpeg"])),
            "compressed as MPEG-4",
        ),
        "lying-size": (
            tags_of(good, number=6, syntax="1.2.840.10008.1.2.4.50", Rows=99, PixelData=encapsulate([jpeg(good)])),
            "its JPEG has 12 x 10 pixels, its header says 12 x 99",
        ),
        "no-jpeg": (
            tags_of(good, number=7, syntax="1.2.840.10008.1.2.4.50", PixelData=encapsulate([bytes(40)])),
            "damaged: no JPEG marker",
        ),
        "no-fragments": (
            tags_of(good, number=8, syntax="1.2.840.10008.1.2.4.50", PixelData=b"\xfe\xff\x00\xe0" + bytes(4)),
            "truncated: the file ends in its header",
        ),
        "colour-space": (tags_of(good, "HSV", number=9), 'photometric interpretation "HSV" is not read'),
        "bits": (tags_of(deep, "MONOCHROME2", number=10, BitsStored=12, HighBit=11), ""),
        "planar": (tags_of(good, number=11, PlanarConfiguration=1), ""),
        "white-is-0": (tags_of(good[..., 0], "MONOCHROME1", number=12), ""),
        "frames": (tags_of(np.stack([good, good]), number=13), ""),
    }
    del cases["no-pixels"][0].PixelData
    expected = {}
    for name, (tags, reason) in cases.items():
        save(tags, src / f"{name}.dcm")
        expected[int(tags.SOPInstanceUID.rpartition(".")[2])] = reason
    table = read(src)
    assert len(table) == len(cases) + 1
    for reason in filter(None, expected.values()):
        assert table["reason"].drop_nulls().str.contains(reason, literal=True).sum() == 1, reason
    assert (table["status"] == "ok").sum() == 1 + sum(not r for r in expected.values())
    assert not table["reason"].drop_nulls().str.contains("\n").any()


@pytest.mark.parametrize("share", [0.2, 0.5, 0.9, 0.999])
def test_a_truncated_file_is_a_row_with_its_reason(src: Path, picture, share):
    whole = save(tags_of(picture(60, 45), number=2), src / "b.dcm").read_bytes()
    (src / "b.dcm").write_bytes(whole[: int(share * len(whole))])
    table = read(src)
    assert sorted(table["status"]) == ["error", "ok"]
    assert table["reason"].drop_nulls().item()


@pytest.mark.parametrize("cut", range(133, 420, 41))
def test_a_file_cut_in_its_header_is_a_row_with_its_reason(src: Path, picture, cut):
    whole = save(tags_of(picture(60, 45), number=2), src / "b.dcm").read_bytes()
    (src / "b.dcm").write_bytes(whole[:cut])
    table = read(src)
    assert len(table) <= 2
    assert (table["status"] == "ok").sum() == 1


def test_noise_after_the_magic_is_a_row_or_left_out(src: Path):
    rng = np.random.default_rng(0)
    for n in range(20):
        (src / f"noise-{n}.dcm").write_bytes(bytes(128) + b"DICM" + rng.bytes(int(rng.integers(1, 400))))
    table = read(src)
    assert (table["status"] == "ok").sum() == 1


def test_flipped_bytes_are_rows_or_one_line(src: Path, picture):
    whole = bytearray(save(tags_of(picture(12, 10), number=2), src / "b.dcm").read_bytes())
    (src / "b.dcm").unlink()
    rng = np.random.default_rng(1)
    for n in range(30):
        spoiled = bytearray(whole)
        for at in rng.integers(132, len(whole) - 360, 3):
            spoiled[at] = int(rng.integers(256))
        folder = src.parent / f"try-{n}"
        folder.mkdir()
        (folder / "b.dcm").write_bytes(spoiled)
        with contextlib.suppress(CutisError):  # anything else fails this test
            cutis.import_dataset(folder, src.parent / f"data-{n}", reader="dicom")


def test_not_dicom_at_all(tmp_path: Path, src: Path):
    (tmp_path / "x.dcm").write_bytes(b"GIF89a and so on")
    for what in (tmp_path / "x.dcm", tmp_path / "empty"):
        if what.name == "empty":
            what.mkdir()
        with pytest.raises(CutisError, match="no DICOM file with a picture in it"):
            cutis.import_dataset(what, tmp_path / "data", reader="dicom")
    (tmp_path / "empty" / "a.dcm").write_bytes(bytes(128) + b"DICM" + b"cut")
    with pytest.raises(CutisError, match=r"no DICOM file with a picture in it \(1 damaged or in dispute\)"):
        cutis.import_dataset(tmp_path / "empty", tmp_path / "data", reader="dicom")
    (src / "b.dcm").write_bytes(b"")
    assert len(read(src)) == 1


def test_a_mask_of_a_picture_that_is_not_here_is_left_out(src: Path, picture):
    from pydicom.dataset import Dataset

    def mask(number: int, of: str, pixels: np.ndarray) -> None:
        instance, series = Dataset(), Dataset()
        instance.ReferencedSOPInstanceUID = of
        series.ReferencedInstanceSequence = [instance]
        tags = tags_of(pixels, "MONOCHROME2", number=number, ReferencedSeriesSequence=[series])
        tags.SOPClassUID = tags.file_meta.MediaStorageSOPClassUID = SEGMENTATION
        save(tags, src / f"mask-{number}.dcm")

    full = np.ones((10, 12), np.uint8)
    mask(20, "1.2.3.99", full)
    mask(21, "1.2.3.1", np.ones((4, 4), np.uint8))
    data = cutis.import_dataset(src, src.parent / "none", reader="dicom")
    assert data.manifest["mask"].to_list() == [None]
    assert any("2 Segmentation Storage" in note for note in data.card.notes)
    half = full.copy()
    half[:, :6] = 0
    mask(22, "1.2.3.1", np.stack([half * 0, half]))  # two segments: what either covers
    table = read(src)
    stored = np.asarray(Image.open(src.parent / "data" / table["mask"].item()))
    assert np.array_equal(stored, 255 * half)


def test_every_sample_is_read_or_refused_with_a_reason(shared_data: Path, tmp_path: Path):
    data = cutis.import_dataset(shared_data / "dicom_samples", tmp_path / "data", reader="dicom")
    assert len(data.manifest) == 18
    bad = data.manifest.filter(status="error")
    assert bad["reason"].str.starts_with("compressed as").all()  # a codec that isn't installed
    assert data.card.counts["ok"] >= 16
    notes = " ".join(data.card.notes)
    left = {"Segmentation Storage": 11, "Label Map Segmentation Storage": 2, "Comprehensive 3D SR Storage": 2}
    masks = data.manifest["mask"].drop_nulls().len()
    left["Segmentation Storage"] -= masks
    assert masks == 1
    for what, n in (left | {"labels, overviews and higher levels of whole slides": 2}).items():
        assert f"{n} {what}" in notes, what
    slides = data.manifest.filter(modality="SM")
    assert set(zip(slides["width"], slides["height"], strict=True)) == {(50, 50)}
