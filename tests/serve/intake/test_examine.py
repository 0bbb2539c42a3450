"""What one upload becomes, without any process: every format, de-identified, seen as the bundle sees it."""

from __future__ import annotations

import io
import json
import shutil
import subprocess
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from cutis.bundle.load import load_bundle
from cutis.data.deidentify.attributes import new_uid
from cutis.data.pseudonym import pseudonym
from cutis.image.decode import decode, read_square
from cutis.serve.cases import CaseForm
from cutis.serve.cases.facts import header_facts, kind_of
from cutis.serve.intake.dicom import Named, named
from cutis.serve.intake.examine import examine
from cutis.serve.kinds import Refused, Taken

MOST = 3_000_000
KEY = b"a key of thirty-two bytes, fixed"


def kept(data: bytes, looks) -> Taken:
    return examine(data, looks, keep=True, key=KEY, max_pixels=MOST)


def quick(data: bytes, looks) -> Taken:
    return examine(data, looks, keep=False, max_pixels=MOST)


def test_every_format_is_taken_both_ways(every_format, looks):
    for name, data in every_format.items():
        one, other = kept(data, looks), quick(data, looks)
        turned = name == "turned jpeg"
        assert (one.width, one.height) == ((90, 120) if turned else (120, 90)), name
        assert (other.width, other.height) == (one.width, one.height), name
        assert one.media_type == ("image/jpeg" if data.startswith(b"\xff\xd8") else "image/png"), name
        assert decode(one.data, "x").shape == (one.height, one.width, 3), name
        assert (other.data, other.quality, other.tone, other.original) == (b"", {}, {}, None), name
        assert set(one.seen) == set(other.seen) == {"gated", "plain"}, name
        for digest, look in looks.items():
            same = np.array_equal(one.seen[digest].square, other.seen[digest].square)
            assert same or turned, name  # a turned JPEG has to be coded again
            assert one.seen[digest].square.shape == (look.size, look.size, 3)
        json.dumps([one.quality, one.tone, one.dicom], allow_nan=False)  # columns of the store


def test_what_is_kept_is_what_was_seen(every_format, looks):
    for name, data in every_format.items():
        taken = kept(data, looks)
        for digest, look in looks.items():
            square, faults = look.see(taken.data)
            assert np.array_equal(square, taken.seen[digest].square), name
            assert faults == taken.seen[digest].faults, name


def test_quick_is_what_the_bundle_predicts(tiny_bundle, photographs, picture, encoded, tmp_path: Path):
    bundle = load_bundle(tiny_bundle)
    look = {bundle.digest: bundle.look()}
    files = [
        *photographs[:4],
        encoded(picture(700, 500), quality=85),
        encoded(np.zeros((300, 300, 3), np.uint8), "PNG"),
    ]
    paths = [tmp_path / f"{n}.img" for n in range(len(files))]
    for path, data in zip(paths, files, strict=True):
        path.write_bytes(data)
    said = bundle.predict(paths, progress=False).table
    refused = 0
    for row, data, path in zip(said.iter_rows(named=True), files, paths, strict=True):
        seen = quick(data, look).seen[bundle.digest]
        assert np.array_equal(
            seen.square, read_square(path, bundle.size, constancy=bundle.card.preprocessing.constancy)
        )
        assert (row["reason"] or "").startswith("; ".join(seen.faults))
        told = bundle.told(seen.square[None], [seen.faults], [row["image_id"]])[0]
        assert (told.status, told.reason, told.predicted) == (row["status"], row["reason"], row["predicted"])
        refused += bool(seen.faults)
    assert refused >= 1  # the black picture


def test_nothing_planted_is_left(planted, picture, looks):
    pixels = picture(120, 90)
    for make in ("jpeg", "png", "tiff", "webp", "gif", "bmp", "jpeg2000", "avif", "dicom"):
        marks = planted.Marks()
        data = getattr(planted, make)(pixels, marks)
        assert planted.left(data, marks.made), make
        taken = kept(data, looks)
        for held in (taken.data, taken.original or b"", json.dumps([taken.dicom, taken.quality, taken.tone]).encode()):
            assert planted.left(held, marks.made) == [], make
        assert taken.quality["removed"] or make == "bmp", make  # trailing bytes of a BMP aren't counted


def test_exiftool_finds_nothing(planted, picture, looks, tmp_path: Path):
    if shutil.which("exiftool") is None:
        pytest.skip("exiftool is not installed")
    for orientation in (1, 6):
        data = planted.jpeg(picture(120, 90), planted.Marks(), orientation=orientation)
        path = tmp_path / "x.jpg"
        path.write_bytes(data)
        assert "GPSPosition" in tags_of(path)
        path.write_bytes(kept(data, looks).data)
        left = tags_of(path)
        assert not {t for t in left if "GPS" in t or ("Date" in t and not t.startswith("File"))}, left
        assert not {"Make", "Model", "Artist", "Copyright", "SerialNumber", "ThumbnailImage", "Orientation"} & set(left)


def tags_of(path: Path) -> dict[str, object]:
    done = subprocess.run(["exiftool", "-json", str(path)], capture_output=True, text=True, check=True)
    return json.loads(done.stdout)[0]


def test_dicom_facts(dicom_file, picture, looks, monkeypatch):
    monkeypatch.setenv("CUTIS_PSEUDONYM_KEY", KEY.decode())
    data = dicom_file(
        picture(120, 90),
        PixelSpacing=[0.05, 0.05], PatientName="Doe^Jane", PatientAge="091Y", PatientSex="F", TrackingID="mole 3",
        PatientBirthDate="19330101", BodyPartExamined="BACK", StudyDate="20240305",
        LongitudinalTemporalOffsetFromEvent=12.0,
    )  # fmt: skip
    taken = kept(data, looks)
    assert taken.dicom is not None
    assert taken.original is not None
    assert taken.mm_per_pixel == pytest.approx(0.05)
    case = taken.dicom["case"]
    patient = pseudonym(KEY, "patient", "7")  # the same as for one typed in
    assert case == {
        "patient": patient,
        "lesion": pseudonym(KEY, "lesion", patient, "mole 3"),
        "visit_day": 12,
        "age": 85,
        "sex": "female",
        "site": case["site"],
        "kind": "close-up",
    }
    assert taken.dicom["study"] == new_uid(KEY, "1.2.4")
    assert taken.dicom["instance"] == new_uid(KEY, "1.2.3.1")
    assert taken.dicom["header"]["00100020"]["Value"] == [patient]
    assert "7FE00010" not in taken.dicom["header"]
    text = json.dumps(taken.dicom)
    assert not any(word in text for word in ("Doe", "1933", "20240305", "091Y", '"1.2.4"'))
    from pydicom import dcmread

    again = dcmread(io.BytesIO(taken.original))
    assert again.PatientIdentityRemoved == "YES"
    assert again.PatientID == patient
    facts = header_facts([taken, taken])
    assert facts == {name: case[name] for name in ("patient", "lesion", "visit_day", "age", "sex", "site")}
    CaseForm(**facts)
    assert kind_of(taken) == "close-up"
    assert named(data) == Named("1.2.840.10008.5.1.4.1.1.77.1.4", "1.2.3.1", "1.2.4")


def test_dicom_jpeg_is_kept_as_it_is(planted, picture, looks):
    """The JPEG in a DICOM file is what is kept and seen: its coded pixels, without its metadata."""
    data = planted.dicom(picture(120, 90), planted.Marks(), compressed=True)
    taken = kept(data, looks)
    assert taken.media_type == "image/jpeg"
    from pydicom import dcmread
    from pydicom.encaps import get_frame

    assert taken.original is not None
    frame = get_frame(dcmread(io.BytesIO(taken.original)).PixelData, 0, number_of_frames=1)
    assert np.array_equal(decode(taken.data, "x"), decode(frame, "x"))
    assert np.array_equal(taken.seen["gated"].square, quick(data, looks).seen["gated"].square)


@pytest.mark.parametrize("spacing", [None, [0.05, 0.2], [0, 0], [0.05], "odd"])
def test_a_scale_that_is_none(spacing, dicom_file, picture, looks):
    from pydicom import config

    tags = {} if spacing is None else {"PixelSpacing": spacing}
    if spacing == "odd":
        tags = {"PixelSpacing": []}
    assert config is not None
    assert kept(dicom_file(picture(60, 45), **tags), looks).mm_per_pixel is None


def test_pictures_of_several_patients_are_no_case(dicom_file, picture, looks):
    one, other = (kept(dicom_file(picture(60, 45), PatientID=i), looks) for i in ("1", "2"))
    with pytest.raises(Refused, match="several patients"):
        header_facts([one, other])
    older = kept(dicom_file(picture(60, 45), PatientID="1", PatientAge="050Y"), looks)
    younger = kept(dicom_file(picture(60, 45), PatientID="1", PatientAge="049Y"), looks)
    assert "age" not in header_facts([older, younger])
    assert header_facts([older, one])["age"] == 50


@pytest.mark.parametrize(
    ("name", "kind"),
    [
        ("a.jpg", "close-up"),
        ("7/Dermoscopy 1.jpg", "dermoscopy"),
        ("Overview.PNG", "overview"),
        ("thermal.jpg", "close-up"),
    ],
)
def test_kinds_by_name(name, kind, looks, picture, encoded):
    assert kind_of(quick(encoded(picture()), looks), name) == kind


def refusal(data: bytes, looks, keep: bool = True) -> tuple[int, str]:
    with pytest.raises(Refused) as caught:
        examine(data, looks, keep=keep, key=KEY, max_pixels=MOST)
    assert "\n" not in str(caught.value)
    return caught.value.status, str(caught.value)


def test_refusals(dicom_file, every_format, picture, encoded, looks):
    for keep in (True, False):
        assert refusal(b"<svg xmlns='http://www.w3.org/2000/svg'/>", looks, keep)[0] == 415
        assert refusal(b"PK\3\4" + bytes(200), looks, keep)[0] == 415
        assert refusal(b"\0\0\0\x18ftypheic" + bytes(200), looks, keep)[0] == 415
        for name in ("jpeg", "png", "tiff", "webp", "gif", "dicom", "jpeg2000"):
            status, words = refusal(every_format[name][: len(every_format[name]) // 2], looks, keep)
            assert status == 422, name
            assert "Send the camera's own file again." in words
        status, words = refusal(encoded(np.zeros((2001, 1500, 3), np.uint8)), looks, keep)
        assert (status, "1500 x 2001 pixels; at most 3 million" in words) == (413, True)
        assert refusal(dicom_file(None, SOPClassUID="1.2.840.10008.5.1.4.1.1.88.33"), looks, keep)[0] == 415
        segmentation = dicom_file(picture(8, 8), SOPClassUID="1.2.840.10008.5.1.4.1.1.66.4")
        assert refusal(segmentation, looks, keep)[0] == 415
        assert refusal(bytes(128) + b"DICM" + bytes(40), looks, keep)[0] in (415, 422)


def test_a_profile_of_another_colour_space_is_looked_at_in_srgb(planted, picture, looks):
    taken = kept(planted.jpeg(picture(120, 90), planted.Marks(), profile=True), looks)
    with Image.open(io.BytesIO(taken.data)) as image:
        assert "exif" not in image.info
    assert np.array_equal(looks["gated"].see(taken.data)[0], taken.seen["gated"].square)
