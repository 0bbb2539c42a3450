"""PS3.15's basic profile on DICOM files: made up, real and lying ones."""

from __future__ import annotations

import io
from pathlib import Path

import numpy as np
import planted_identity as planted
import pytest

from cutis.data.deidentify import profile
from cutis.data.deidentify.attributes import new_uid
from cutis.data.deidentify.codestream import bare_frame
from cutis.data.deidentify.dicom import NoPicture, clean_dicom, shown
from cutis.image.decode import BadImage

pydicom = pytest.importorskip("pydicom")

KEY = b"a key of thirty-two bytes, fixed"


def cleaned(data: bytes, tmp_path: Path) -> tuple[bytes, pydicom.Dataset]:
    path = tmp_path / "clean.dcm"
    clean_dicom(data, "x", KEY).write(path)
    return path.read_bytes(), pydicom.dcmread(path)


@pytest.mark.parametrize("compressed", [False, True])
def test_nothing_planted_is_left(compressed, picture, tmp_path: Path):
    marks = planted.Marks()
    data = planted.dicom(picture(), marks, compressed=compressed)
    assert len(planted.left(data, marks.made)) == len(marks.made)
    raw, tags = cleaned(data, tmp_path)
    assert planted.left(raw, marks.made) == []
    assert b"1.2.826.0.1.99999" not in raw
    assert b"1961" not in raw
    assert b"2024030" not in raw
    assert raw[:128] == bytes(128)
    assert np.array_equal(shown(data, "x"), shown(raw, "x"))
    assert tags.PatientIdentityRemoved == "YES"
    assert [(c.CodeValue, c.CodingSchemeDesignator) for c in tags.DeidentificationMethodCodeSequence] == [
        ("113100", "DCM")
    ]
    assert tags.LongitudinalTemporalInformationModified == "REMOVED"
    assert (tags.ImmersionMedia, tags.AnatomicRegionSequence[0].CodeMeaning) == ("ALCOHOL", "Skin")
    assert not any(e.tag.is_private or e.tag.group >> 8 in (0x50, 0x60) for e in tags)


def test_uids_are_the_same_wherever_they_stand(picture, tmp_path: Path):
    _, tags = cleaned(planted.dicom(picture(), planted.Marks()), tmp_path)
    nested = tags.AnatomicRegionSequence[0].AnatomicRegionModifierSequence[0]
    assert nested.ReferencedSOPInstanceUID == tags.SOPInstanceUID == tags.file_meta.MediaStorageSOPInstanceUID
    assert tags.SOPClassUID == "1.2.840.10008.5.1.4.1.1.77.1.7"
    assert tags.SourceImageSequence[0].ReferencedSOPClassUID == tags.SOPClassUID
    assert tags.SOPInstanceUID.is_valid
    assert new_uid(KEY, "1.2.3") == new_uid(KEY, "1.2.3") != new_uid(KEY + b"!", "1.2.3")
    assert tags.PatientID == tags.PatientName


def test_the_table_is_the_standards():
    actions = profile.actions()
    assert len(actions) == 617
    # Read off Table E.1-1 (2024b).
    for tag, action in (
        (0x00100010, "Z"), (0x00100020, "D"), (0x00100030, "Z"), (0x00101010, "X"), (0x00080018, "U"),
        (0x00080080, "D"), (0x00081140, "U"), (0x00080020, "Z"), (0x00080021, "D"), (0x00204000, "X"),
    ):  # fmt: skip
        assert actions[tag] == action, f"{tag:08x}"
    from pydicom.datadict import dictionary_VR, keyword_for_tag

    assert all(keyword_for_tag(tag) for tag in actions)
    assert {dictionary_VR(tag) for tag, action in actions.items() if action == "D"} <= {
        *profile.DUMMIES,
        "UI",
        "SQ",
        "UN",
    }


def test_every_dummy_is_valid(tmp_path: Path):
    """Each attribute of the table, in one file: it is written, read and holds none of its old value."""
    from pydicom.datadict import dictionary_VR

    tags = pydicom.dcmread(io.BytesIO(planted.dicom(np.zeros((4, 4, 3), np.uint8), planted.Marks())))
    values = {"DA": "20240305", "TM": "101112", "DT": "20240305101112", "AS": "033Y", "DS": "5", "IS": "5", "US": 5,
              "UI": "1.2.3.4", "OB": b"Jane", "UN": b"Jane", "CS": "JANE"}  # fmt: skip
    for tag in profile.actions():
        form = dictionary_VR(tag)
        if form != "SQ" and tag >> 16 > 2:
            tags.add_new(tag, form, values.get(form, "Jane"))
    out = io.BytesIO()
    tags.save_as(out, enforce_file_format=True)
    raw, again = cleaned(out.getvalue(), tmp_path)
    assert b"Jane" not in raw
    assert b"JANE" not in raw
    assert b"1.2.3.4\0" not in raw
    for element in again:
        assert element.value is None or element.value is not NotImplemented  # converted without an error


def test_text_found_is_recorded(picture, tmp_path: Path):
    clean = clean_dicom(planted.dicom(picture(), planted.Marks()), "x", KEY)
    clean.say_burned_in()
    clean.write(tmp_path / "x.dcm")
    assert pydicom.dcmread(tmp_path / "x.dcm").BurnedInAnnotation == "YES"


def test_compressed_frames_lose_their_comments(picture, encoded):
    comment = planted.segment(0xFE, b"Jane")
    jpeg = encoded(picture(), "JPEG")
    assert bare_frame(jpeg[:2] + comment + jpeg[2:] + b"Jane").endswith(b"\xff\xd9")
    assert b"Jane" not in bare_frame(jpeg[:2] + comment + jpeg[2:] + b"Jane")
    j2k = encoded(picture(), "JPEG2000", no_jp2=True, comment="Jane")
    assert b"Jane" in j2k
    bare = bare_frame(j2k)
    assert b"Jane" not in bare
    from PIL import Image

    assert np.array_equal(np.asarray(Image.open(io.BytesIO(bare))), np.asarray(Image.open(io.BytesIO(j2k))))
    assert bare_frame(b"RLE or anything") == b"RLE or anything"


def test_files_without_a_picture_or_with_a_label_are_refused(picture):
    tags = pydicom.dcmread(io.BytesIO(planted.dicom(picture(), planted.Marks())))

    def again() -> bytes:
        out = io.BytesIO()
        tags.save_as(out, enforce_file_format=True)
        return out.getvalue()

    whole = again()
    for cut in (140, 400, len(whole) - 50):
        with pytest.raises(BadImage):
            clean_dicom(whole[:cut], "x", KEY)
    tags.ImageType = ["ORIGINAL", "PRIMARY", "LABEL", "NONE"]
    with pytest.raises(BadImage, match="slide's label"):
        clean_dicom(again(), "x", KEY)
    del tags.ImageType
    del tags.PixelData
    with pytest.raises(BadImage, match="image without its pixels"):
        clean_dicom(again(), "x", KEY)
    tags.SOPClassUID = tags.file_meta.MediaStorageSOPClassUID = "1.2.840.10008.5.1.4.1.1.88.33"
    with pytest.raises(NoPicture, match="without a picture: Comprehensive SR Storage"):
        clean_dicom(again(), "x", KEY)
    with pytest.raises(BadImage, match="no DICOM file"):
        clean_dicom(b"Jane", "x", KEY)


def test_real_files(shared_data: Path, tmp_path: Path):
    """Names and ids of the samples' headers are nowhere in what is written; US1_UNCR's burned-in text is found."""
    from cutis.data.deidentify.burned_text import letters_in

    folder = shared_data / "dicom_samples" / "pydicom_data"
    for name in ("US1_UNCR.dcm", "SC_rgb.dcm", "MR2_J2KI.dcm", "OBXXXX1A.dcm"):
        data = (folder / name).read_bytes()
        old = pydicom.dcmread(io.BytesIO(data))
        clean = clean_dicom(data, name, KEY)
        clean.write(tmp_path / name)
        raw = (tmp_path / name).read_bytes()
        assert np.array_equal(shown(data, name), shown(raw, name))
        for word in (old.PatientName, old.PatientID, old.StudyInstanceUID, old.SOPInstanceUID, old.StudyDate):
            assert not str(word) or str(word).encode() not in raw, f"{name}: {word}"
        if name == "US1_UNCR.dcm":
            assert letters_in(clean.pixels) > 50
