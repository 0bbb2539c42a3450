"""A name hidden where nobody looks: in any cell, header, attribute, code, frame or file name. After, it is nowhere."""

from __future__ import annotations

import csv
import io
import shutil
import struct
import subprocess
from functools import cache
from itertools import product
from pathlib import Path

import numpy as np
import planted_identity as planted
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

pytest.importorskip("pydicom")
import pydicom

from cutis.data.deidentify import deidentify
from cutis.data.deidentify.codestream import bare_frame
from cutis.data.deidentify.columns import column_of
from cutis.data.deidentify.dicom import clean_dicom, shown
from cutis.data.deidentify.words import VOCABULARIES, is_plain_header
from cutis.data.readers.csv_folder import ALIASES
from cutis.image.decode import BadImage

KEY = b"a key of thirty-two bytes, fixed"
NAME = "Zqjane"  # no word holds it
quick = settings(max_examples=25, deadline=None, suppress_health_check=list(HealthCheck))


def seen_in(data: bytes) -> bool:
    """Whether the name stands there, in any letters and any coding that files use."""
    low = data.lower()
    codes = ("ascii", "utf-16-le", "utf-16-be", "utf-32-le", "utf-32-be")
    return any(word.lower().encode(code) in low for word in (NAME, NAME[::-1]) for code in codes)


def everything_in(folder: Path) -> bytes:
    files = (path for path in sorted(folder.rglob("*")) if path.is_file())
    return b"".join(str(path.relative_to(folder)).encode() + b"\n" + path.read_bytes() for path in files)


def test_the_search_finds_it():
    for code in ("ascii", "utf-16-le", "utf-32-be"):
        assert seen_in(b"x" + NAME.upper().encode(code))
    assert not seen_in(b"Jane")


# --- tables -----------------------------------------------------------------------------------------------------------

HEADERS = [
    *sorted({name for names in ALIASES.values() for name in names} | VOCABULARIES.keys()),
    *("Patient ID", "MRN", "visit_date", "age_at_visit", "scanner_id", "score", "lesion size (mm)", "comment", "séx"),
    *(NAME, f"{NAME}_id", f"age {NAME}", f"sex {NAME}", f"sex\u200b{NAME}", f"image_id ({NAME})", f"date of {NAME}"),
]
CELLS = [
    *(NAME, f"Dr. {NAME}", NAME.upper(), f"f {NAME}", f"nv ({NAME})", f"melanoma; {NAME}", f"45 {NAME}", f"{NAME}+"),
    *(f'["nv", "{NAME}"]', f'["{NAME}"', f"{NAME}@ward.org", f"back\u00a0{NAME}", NAME[::-1], f"CC0 {NAME}"),
    *("f", "nv", "back", "45", "histopathology", "2024-03-05", "3.5", "", "unknown", '["nv"]', "I", "dermoscopic"),
    f"2024-03-05 {NAME}",
]


@quick
@given(
    headers=st.lists(st.sampled_from(HEADERS), min_size=1, max_size=5, unique=True),
    rows=st.lists(st.lists(st.sampled_from(CELLS), min_size=5, max_size=5), min_size=1, max_size=4),
    stem=st.sampled_from(["table", NAME]),
)
def test_no_cell_and_no_header_of_a_table(tmp_path_factory, headers, rows, stem):
    folder = tmp_path_factory.mktemp("t")
    (folder / "in" / f"of {NAME}").mkdir(parents=True)
    lines = [headers, *(["x", *row][-len(headers) :] for row in rows)]
    with (folder / "in" / f"of {NAME}" / f"{stem}.csv").open("w", newline="", encoding="utf-8") as f:
        csv.writer(f).writerows(lines)
    deidentify(folder / "in", folder / "out", KEY)
    assert not seen_in(everything_in(folder / "out"))


@pytest.mark.parametrize("meaning", sorted(VOCABULARIES))
def test_each_known_column_refuses_names(meaning):
    for cell in (
        "Jane",
        "Jane Mueller",
        "MUELLER, J.",
        "j.mueller@ward.org",
        "Mueller 1961",
        "Dr. May",
        "0041 44 255 11 11",
    ):
        column = column_of(meaning, [cell])
        assert column.action in ("words", "drop", "days", "pseudonym", "age")
        if column.action == "words":
            assert not VOCABULARIES[meaning](cell), cell


def test_headers_are_words_or_go():
    for name in (
        "isic_id",
        "clin_size_long_diam_mm",
        "age_approx",
        "lesion size (mm)",
        "diameter_1",
        "itch",
        "visitDate",
    ):
        assert is_plain_header(name), name
    for name in ("Mueller", "Jane", "mueller_id", "Station 7 Mueller", "Großmann", "x\u200by", "12.5"):
        assert not is_plain_header(name), name


def test_what_went_is_counted_in_the_log_and_named_at_the_terminal_only(tmp_path: Path):
    (tmp_path / "in").mkdir()
    (tmp_path / "in" / "t.csv").write_text(
        f"image_id,sex,dx,operator\na,f,nv,{NAME}\nb,{NAME},mel,{NAME}\nc,m,{NAME},{NAME}\n"
    )
    (table,) = deidentify(tmp_path / "in", tmp_path / "out", KEY).tables
    assert table.cells == {"image_id": (3, 0), "sex": (2, 1), "dx": (2, 1)}
    assert {column: dict(words) for column, words in table.strange.items()} == {"sex": {NAME: 1}, "dx": {NAME: 1}}
    assert list(table.dropped) == ["operator"]
    import json

    (said,) = json.loads((tmp_path / "out" / "deidentified.json").read_text())["tables"]
    assert said["kept"]["sex"] == {"cells": 2, "cells_dropped": 1}
    assert said["dropped"] == {"its name is none that is known": {"columns": 1, "cells": 3}}


# --- DICOM ------------------------------------------------------------------------------------------------------------


@cache
def tags_of_the_standard() -> list[int]:
    from pydicom._dicom_dict import DicomDictionary

    # Not what says how the pixels lie, and in what colours: spoilt, the file is refused.
    return sorted(tag for tag in DicomDictionary if tag >> 16 not in (0, 2, 0x0028, 0x7FE0) and tag != 0x00480105)


@cache
def picture_file() -> bytes:
    pixels = np.random.default_rng(0).integers(0, 256, (16, 12, 3), dtype=np.uint8)
    return planted.dicom(pixels, planted.Marks())


LONG = ("OB", "OD", "OF", "OL", "OV", "OW", "SQ", "SV", "UC", "UN", "UR", "UT", "UV")
FORMS = ("AE", "AS", "CS", "DS", "IS", "LO", "PN", "UI", "UN", "US", "OB")


def written(tag: int, form: str, value: bytes) -> bytes:
    """One element as it stands in a file, whether or not its value may be so (PS3.5 7.1.2)."""
    head = struct.pack("<HH2s", tag >> 16, tag & 0xFFFF, form.encode())
    size = struct.pack("<HI", 0, len(value)) if form in LONG else struct.pack("<H", len(value))
    return head + size + value


def file_of(elements: dict[int, bytes]) -> bytes:
    """A photograph with these elements beside its own."""
    from dicom_world import tags_of

    tags = tags_of(np.zeros((6, 8, 3), np.uint8), SOPClassUID="1.2.840.10008.5.1.4.1.1.77.1.4")
    out = io.BytesIO()
    tags.preamble = bytes(128)
    tags.save_as(out, enforce_file_format=True)
    whole = out.getvalue()
    start = whole.index(b"\x08\0\x16\0UI")
    own: dict[int, bytes] = {}
    for element in tags:
        plain = pydicom.Dataset({element.tag: element})
        body = io.BytesIO()
        plain.save_as(body, implicit_vr=False, little_endian=True, enforce_file_format=False)
        own[int(element.tag)] = body.getvalue()
    return whole[:start] + b"".join(e for _, e in sorted((elements | own).items()))


def after(data: bytes) -> bytes:
    clean = clean_dicom(data, "x", KEY)
    out = io.BytesIO()
    clean.tags.save_as(out, enforce_file_format=True)
    return out.getvalue()


@pytest.mark.parametrize(
    ("form", "nested"),
    [
        ("", False),
        ("LO", True),
        *(pytest.param(*of, marks=pytest.mark.slow) for of in product(("", "UN", "DS", "IS"), (False, True))),
    ],
)
def test_no_attribute_of_the_standard(form, nested):
    """All of them at once, each in its own representation or in another, also in the items of a sequence."""
    from pydicom.datadict import dictionary_VR

    elements = {}
    for tag in tags_of_the_standard():
        own = form or dictionary_VR(tag).split(" or ")[-1]
        if own != "SQ":
            value = NAME.encode() * 4 if own in ("FD", "UV", "SV", "OD", "OV", "FL", "UL", "SL") else NAME.encode()
            elements[tag] = written(tag, own, value)
    assert len(elements) > 2500
    if nested:
        item = b"".join(element for _, element in sorted(elements.items()))
        item = b"\xfe\xff\x00\xe0" + len(item).to_bytes(4, "little") + item
        elements = {0x00082218: written(0x00082218, "SQ", item)}
    data = file_of(elements)
    assert seen_in(data)
    assert not seen_in(after(data))


@settings(max_examples=25, deadline=None)
@given(st.dictionaries(st.integers(0x00080001, 0x7FDFFFFF), st.sampled_from(FORMS), min_size=1, max_size=8))
def test_no_attribute_that_nobody_knows(elements):
    made = {tag: written(tag, form, NAME.encode()) for tag, form in elements.items() if tag >> 16 not in (0x0028, 2)}
    try:
        clean = after(file_of(made))
    except BadImage as error:
        clean = str(error).encode()
    assert not seen_in(clean)


def test_no_code_of_a_scheme_of_ones_own():
    tags = pydicom.dcmread(io.BytesIO(picture_file()))
    region = tags.AnatomicRegionSequence[0]
    for value, scheme, meaning in ((NAME, "99WARD", NAME), ("39937001", "SCT", NAME), (NAME, "SCT", "Skin")):
        region.CodeValue, region.CodingSchemeDesignator, region.CodeMeaning = value, scheme, meaning
        region.CodingSchemeVersion = NAME
        out = io.BytesIO()
        tags.save_as(out, enforce_file_format=True)
        made = after(out.getvalue())
        assert not seen_in(made)
        kept = pydicom.dcmread(io.BytesIO(made)).AnatomicRegionSequence[0]
        expected = ("39937001", "SCT", "Skin") if value != NAME else ("NONE", "99CUTIS", "NONE")
        assert (kept.CodeValue, kept.CodingSchemeDesignator, kept.CodeMeaning) == expected


def test_a_file_whose_colour_profile_is_none_is_refused_without_its_words():
    tags = pydicom.dcmread(io.BytesIO(picture_file()))
    tags.ICCProfile = bytes(36) + b"acsp" + NAME.encode() + bytes(100)
    out = io.BytesIO()
    tags.save_as(out, enforce_file_format=True)
    with pytest.raises(BadImage, match="colour profile") as refused:
        clean_dicom(out.getvalue(), "x", KEY)
    assert not seen_in(refused.value.reason.encode())


# --- compressed frames ------------------------------------------------------------------------------------------------


def test_no_gap_of_a_jpeg_frame(picture, encoded):
    jpeg = encoded(picture(), "JPEG", progressive=True)
    scan = jpeg.rindex(b"\xff\xda")
    between = jpeg[:scan] + planted.segment(0xFE, NAME.encode()) + jpeg[scan:]
    behind = between + jpeg[:2] + planted.segment(0xE1, NAME.encode()) + jpeg[2:]  # a second picture behind the first
    assert not seen_in(bare_frame(behind))
    from PIL import Image

    assert np.array_equal(
        np.asarray(Image.open(io.BytesIO(bare_frame(behind)))), np.asarray(Image.open(io.BytesIO(jpeg)))
    )


def test_no_gap_of_a_jpeg_2000_frame(picture, encoded):
    code = encoded(picture(80, 60), "JPEG2000", no_jp2=True, tile_size=(32, 32))
    at = code.index(b"\xff\x90")
    said = int.from_bytes(code[at + 6 : at + 10])
    comment = planted.segment(0x64, b"\0\1" + NAME.encode())
    inside = code[: at + 6] + (said + len(comment)).to_bytes(4) + code[at + 10 : at + 12] + comment + code[at + 12 :]
    for frame in (inside, code + NAME.encode(), code[:-2] + b"\xff\xd9" + NAME.encode() + b"\xff\xd9"):
        bare = bare_frame(frame)
        assert seen_in(frame)
        assert not seen_in(bare)
        from PIL import Image

        assert np.array_equal(np.asarray(Image.open(io.BytesIO(bare))), np.asarray(Image.open(io.BytesIO(code))))


def test_no_gap_of_an_rle_frame():
    rows = np.arange(120, dtype=np.uint8).reshape(10, 12)
    runs = b"\x77" + rows.tobytes()  # 120 bytes as they are
    head = (1).to_bytes(4, "little") + (64).to_bytes(4, "little")
    frame = head + NAME.encode().ljust(56, b"\0") + runs + b"\x05" + NAME.encode()
    assert bare_frame(frame, 120) == head + bytes(56) + runs + bytes(1)
    with_gap = head[:4] + (64 + 10).to_bytes(4, "little") + bytes(56) + NAME.encode().ljust(10) + runs
    assert not seen_in(bare_frame(with_gap, 120))


def test_no_gap_of_a_jpeg_ls_frame(tmp_path, picture):
    if shutil.which("dcmcjpls") is None:
        pytest.skip("dcmcjpls (Debian's dcmtk) is not installed")
    from dicom_world import save, tags_of
    from pydicom.encaps import encapsulate, get_frame

    path, made = save(tags_of(picture(20, 14)), tmp_path / "a.dcm"), tmp_path / "b.dcm"
    subprocess.run(["dcmcjpls", "+in", path, made], check=True, capture_output=True)  # three scans
    tags = pydicom.dcmread(made)
    frame = get_frame(tags.PixelData, 0, number_of_frames=1)
    last = frame.rindex(b"\xff\xda")
    comment = planted.segment(0xFE, NAME.encode())
    hidden = frame[:2] + comment + frame[2:last] + comment + frame[last:].rstrip(b"\0") + NAME.encode()
    assert not seen_in(bare_frame(hidden))
    tags.PixelData = encapsulate([bare_frame(hidden)])
    tags["PixelData"].is_undefined_length = True
    save(tags, made)
    assert np.array_equal(shown(made.read_bytes(), "x"), picture(20, 14))


# --- names of files, and what is left out -----------------------------------------------------------------------------


def test_no_name_of_a_file_or_folder_and_no_reason(tmp_path: Path, picture, encoded):
    root = tmp_path / NAME
    for n, (name, data) in enumerate(
        [
            (f"{NAME}.png", encoded(picture(), "PNG")), (f"{NAME}.jpg", b"\xff\xd8" + NAME.encode()),
            (f"{NAME}.dcm", bytes(128) + b"DICM" + NAME.encode()), (f"{NAME}.txt", NAME.encode()),
            (f"{NAME}.csv", f"{NAME},sex\n1,{NAME}\n".encode()), (f"{NAME}2.csv", f"{NAME},{NAME}\n1,2\n".encode()),
            ("scan.dcm", picture_file().replace(b"RGB ", b"ZQJA")),
        ]
    ):  # fmt: skip
        place = root / f"of {NAME} {n}"
        place.mkdir(parents=True)
        (place / name).write_bytes(data)
    deidentify(root, tmp_path / "out", KEY)
    data = everything_in(tmp_path / "out")
    assert not seen_in(data)
    assert b"ZQJA" not in data


@pytest.mark.slow
def test_objects_without_a_picture_are_left_out_by_name_and_segmentations_stay_valid(shared_data: Path, tmp_path: Path):
    folder = shared_data / "dicom_samples" / "highdicom"
    chosen = ["seg_image_ct_binary", "seg_image_sm_dots", "sr_document", "sm_annotations", "ct_image"]
    (tmp_path / "in").mkdir()
    for name in chosen:
        shutil.copy(folder / f"{name}.dcm", tmp_path / "in")
    report = deidentify(tmp_path / "in", tmp_path / "out", KEY)
    assert report.complete
    left = {o.source.stem: o.reason for o in report.of("left out")}
    assert left == {
        "sr_document": "a DICOM object without a picture: Comprehensive 3D SR Storage",
        "sm_annotations": "a DICOM object without a picture: Microscopy Bulk Simple Annotations Storage",
    }
    made = {o.source.stem: tmp_path / "out" / o.file for o in report.of("ok")}
    series = pydicom.dcmread(made["seg_image_ct_binary"]).ReferencedSeriesSequence[0]
    old = pydicom.dcmread(folder / "seg_image_ct_binary.dcm").ReferencedSeriesSequence[0]
    assert series.SeriesInstanceUID != old.SeriesInstanceUID
    assert series.SeriesInstanceUID.startswith("2.25.")
    if shutil.which("dciodvfy") is None:
        pytest.skip("dciodvfy (Debian's dicom3tools) is not installed")
    for stem, path in made.items():
        assert errors(path) <= errors(folder / f"{stem}.dcm"), stem


def errors(path: Path) -> set[str]:
    done = subprocess.run(["dciodvfy", path], check=False, capture_output=True, text=True)
    return {line for line in (done.stdout + done.stderr).splitlines() if line.startswith("Error")}


@pytest.mark.long
def test_every_sample_is_as_valid_after_as_before(shared_data: Path, tmp_path: Path):
    if shutil.which("dciodvfy") is None:
        pytest.skip("dciodvfy (Debian's dicom3tools) is not installed")
    report = deidentify(shared_data / "dicom_samples", tmp_path / "out", KEY)
    good = [o for o in report.of("ok") if o.container == "DICOM"]
    assert len(good) > 25
    for outcome in good:
        assert errors(tmp_path / "out" / outcome.file) <= errors(outcome.source), outcome.source
