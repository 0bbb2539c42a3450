"""Damaged and hostile DICOM files by the hundred: each is read, or refused in one line; nothing else may happen."""

from __future__ import annotations

import random
from collections.abc import Callable
from pathlib import Path

import pytest

pytest.importorskip("pydicom")
import pydicom

import cutis
from cutis.data.deidentify.dicom import clean_dicom
from cutis.data.dicom import part10, whole_slide
from cutis.data.dicom.pixels import passthrough, rgb
from cutis.errors import CutisError
from cutis.image.decode import BadImage

KEY = b"a key of thirty-two bytes, fixed"
# Tags whose values decide how much is read: Rows, Columns, samples, bits, frames, planes, a slide's size, palettes.
DECIDING = [0x00280010, 0x00280011, 0x00280002, 0x00280100, 0x00280101, 0x00280102, 0x00280103, 0x00280006, 0x00280008,
            0x00480006, 0x00480007, 0x00281101, 0x00281050, 0x00281053]  # fmt: skip


@pytest.fixture(scope="module")
def files() -> list[bytes]:
    """Small files of many programs and codings."""
    folder = Path(pydicom.__file__).parent / "data" / "test_files"
    found = [path.read_bytes() for path in sorted(folder.rglob("*.dcm")) if path.stat().st_size < 200_000]
    if len(found) < 40:
        pytest.skip("this pydicom brings no test files")
    return found


def spoilt(data: bytes, rng: random.Random) -> bytes:
    """One of: bits flipped, a piece cut out, an end cut off, a piece repeated, a deciding number replaced."""
    made = bytearray(data)
    how = rng.randrange(6)
    if how == 0:
        for _ in range(rng.randrange(1, 30)):
            made[rng.randrange(len(made))] ^= 1 << rng.randrange(8)
    elif how == 1:
        at = rng.randrange(len(made))
        del made[at : at + rng.randrange(1, 200)]
    elif how == 2:
        del made[rng.randrange(130, len(made)) :]
    elif how == 3:
        at, size = rng.randrange(len(made)), rng.randrange(1, 400)
        made[at:at] = made[at : at + size] * rng.randrange(1, 4)
    else:
        for _ in range(rng.randrange(1, 4)):
            tag = rng.choice(DECIDING)
            head = (tag >> 16).to_bytes(2, "little") + (tag & 0xFFFF).to_bytes(2, "little")
            at = made.find(head)
            if at > 0:
                value = rng.choice([0, 1, 2, 3, 7, 8, 255, 4096, 32767, 65535])
                made[at + 8 : at + 10] = value.to_bytes(2, "little")
    return bytes(made)


def reason_of(read: Callable[[], object]) -> str:
    """Why a file is refused; "" if it is read."""
    try:
        read()
    except BadImage as error:
        return error.reason
    return ""


def attack(files: list[bytes], seed: int, n: int) -> None:
    resource = pytest.importorskip("resource")
    rng = random.Random(seed)
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    for number in range(n):
        data = spoilt(rng.choice(files), rng)
        for read in (
            lambda data=data: rgb(part10.read(data, "x"), "x"),
            lambda data=data: passthrough(part10.read(data, "x"), "x"),
            lambda data=data: whole_slide.overview(part10.read(data, "x"), "x"),
            lambda data=data: clean_dicom(data, "x", KEY),
        ):
            try:
                reason = reason_of(read)
            except Exception as error:
                pytest.fail(f"seed {seed}, file {number}: {type(error).__name__}: {error}")
            assert "\n" not in reason
            assert len(reason) < 300
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < 2_000_000  # kB


@pytest.mark.slow
def test_a_few_damaged_files(files):
    attack(files, 0, 12)


@pytest.mark.long
@pytest.mark.parametrize("seed", range(1, 9))
def test_hundreds_of_damaged_files(files, seed):
    attack(files, seed, 250)


@pytest.mark.long
def test_a_folder_of_damaged_files_is_imported_all_the_same(files, tmp_path, monkeypatch):
    """Each of 150 is a row, or left out by name; the import itself never ends."""
    monkeypatch.setenv("CUTIS_PSEUDONYM_KEY", "a key for tests only")
    rng = random.Random(0)
    folder = tmp_path / "src"
    folder.mkdir()
    good = next(data for data in files if data[128:132] == b"DICM" and rgb_of(data))
    (folder / "good.dcm").write_bytes(good)
    for n in range(150):
        (folder / f"{n:03}.dcm").write_bytes(spoilt(rng.choice(files), rng))
    try:
        table = cutis.import_dataset(folder, tmp_path / "data", reader="dicom").manifest
    except CutisError as error:
        pytest.fail(str(error))
    assert (table["status"] == "ok").any()
    assert table.filter(status="error")["reason"].is_not_null().all()


def rgb_of(data: bytes) -> bool:
    return not reason_of(lambda: rgb(part10.read(data, "x"), "x"))
