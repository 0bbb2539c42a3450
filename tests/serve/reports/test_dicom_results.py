"""DICOM results from a photograph's kept header: read again, and held against dciodvfy."""

from __future__ import annotations

import io
import shutil
import subprocess
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from cutis.data.dicom.uids import uid
from cutis.data.dicom.write import encoded, image_object
from cutis.serve.intake.dicom import clean, opened
from cutis.serve.kinds import Refused
from cutis.serve.reports.dicom import segmentation, structured_report
from cutis.serve.reports.material import Material
from cutis.serve.store.tables import Photograph
from serve.reports.conftest import BUNDLE, answered, pictured

WIDTH, HEIGHT = 96, 72


@pytest.fixture(scope="module")
def dicom_file() -> bytes:
    """Another program's dermoscopic image, with a name on it."""
    rng = np.random.default_rng(4)
    out = io.BytesIO()
    Image.fromarray(rng.integers(90, 220, (HEIGHT, WIDTH, 3), np.uint8)).save(out, "JPEG", quality=90)
    row = {
        "image_id": "a", "file": "a.jpg", "sha256": "0", "patient_id": None, "lesion_id": "L1", "source": None,
        "image_type": "dermoscopic", "dermoscopic_type": "contact polarized", "age_approx": 62, "sex": "female",
        "anatom_site_1": "Trunk", "anatom_site_2": "Posterior trunk",
    }  # fmt: skip
    tags = image_object(row, out.getvalue(), uid("study"), uid("series"), 1)
    tags.PatientName, tags.PatientID = "Doe^Jane", "4711"
    tags.SOPInstanceUID = tags.file_meta.MediaStorageSOPInstanceUID = uid("someone else's image")
    return encoded(tags, "test")


@pytest.fixture
def photograph(dicom_file: bytes) -> Photograph:
    facts = clean(dicom_file, opened(dicom_file, "x"), "x", b"a key of sixteen").facts
    return pictured(0, answered(), dicom=facts, width=WIDTH, height=HEIGHT)


def valid(data: bytes, folder: Path) -> None:
    """By dicom3tools' checker, where it is installed."""
    program = shutil.which("dciodvfy")
    if program is None:
        return
    path = folder / "made.dcm"
    path.write_bytes(data)
    said = subprocess.run([program, path], capture_output=True, text=True, check=False).stderr
    assert not [line for line in said.splitlines() if line.startswith("Error")], said
    assert "SR" in said or "Segmentation" in said


def same_study(made: Any, photograph: Photograph) -> None:
    """Beside the de-identified image: its study and pseudonyms, and nobody's name."""
    header = photograph.dicom["header"]
    assert made.StudyInstanceUID == photograph.dicom["study"]
    assert made.PatientID == header["00100020"]["Value"][0] != "4711"
    assert str(made.PatientName) == header["00100010"]["Value"][0]["Alphabetic"]
    assert photograph.dicom["instance"] in made.to_json()
    assert "Doe" not in made.to_json()


def test_structured_report(photograph: Photograph, a_case, material, tmp_path: Path) -> None:
    from highdicom.sr import srread

    made_of = material(a_case([photograph]))
    data = structured_report(made_of, photograph)
    report = srread(io.BytesIO(data))
    same_study(report, photograph)
    assert report.VerificationFlag == "UNVERIFIED"
    assert report.ContentDate == "20260302"
    (group,) = report.content.get_image_measurement_groups()
    assert {str(m.name.value): m.value for m in group.get_measurements()} == {"nv": 0.7, "mel": 0.2, "akiec": 0.1}
    said = report.to_json()
    assert '"answer-ok"' in said
    assert said.count("Member of the answer set") == 2
    assert BUNDLE in said
    assert "calibrated to hold the truth in 90% of cases like those" in said
    assert "whether this picture is like those is not known" in said
    assert "never measured on pictures that the model hadn't learned from" in said
    assert "Not a diagnosis" in said
    assert data == structured_report(made_of, photograph)
    valid(data, tmp_path)


def test_a_refusal_is_reported_as_one(photograph: Photograph, a_case, material, tmp_path: Path) -> None:
    photograph.answers = [answered("refused", "too blurred: Hold it steady.", inside=())]
    data = structured_report(material(a_case([photograph])), photograph)
    valid(data, tmp_path)
    assert b"answer-refused" in data
    assert b"too blurred: Hold it steady." in data
    assert b"Member of the answer set" not in data


def test_a_bundle_that_is_gone(photograph: Photograph, a_case, material, tmp_path: Path) -> None:
    made = material(a_case([photograph], site=None, lesion=None))
    data = structured_report(Material(made.case, {}, made.words, made.made), photograph)
    valid(data, tmp_path)
    assert BUNDLE.encode() in data


def test_of_a_frame(photograph: Photograph, a_case, material, tmp_path: Path) -> None:
    """The report names the frame that was answered."""
    from highdicom.sr import srread

    photograph.dicom["header"]["00280008"] = {"vr": "IS", "Value": [3]}
    photograph.dicom["header"]["00080016"] = {"vr": "UI", "Value": ["1.2.840.10008.5.1.4.1.1.7.4"]}
    photograph.dicom["frame"] = 2
    data = structured_report(material(a_case([photograph])), photograph)
    assert "00081160" in srread(io.BytesIO(data)).to_json()  # ReferencedFrameNumber
    with pytest.raises(Refused, match="one frame"):
        segmentation(material(a_case([photograph])), photograph, [(0, 0), (9, 0), (9, 9)])


def test_segmentation(photograph: Photograph, a_case, material, tmp_path: Path) -> None:
    from highdicom.seg import segread

    corners = [(20.0, 30.0), (59.0, 30.0), (59.0, 49.4), (20.0, 49.4)]
    data = segmentation(material(a_case([photograph])), photograph, corners)
    made = segread(io.BytesIO(data))
    same_study(made, photograph)
    expected = np.zeros((HEIGHT, WIDTH), bool)
    expected[30:50, 20:60] = True
    assert (made.pixel_array.reshape(-1, HEIGHT, WIDTH)[0].astype(bool) == expected).all()
    assert made.SegmentSequence[0].SegmentAlgorithmType == "MANUAL"
    assert made.SegmentSequence[0].TrackingID == "fedcba9876543210"
    valid(data, tmp_path)


def test_an_image_of_known_scale_is_outlined_too(photograph: Photograph, a_case, material, tmp_path: Path) -> None:
    """A photograph has no thickness, without which its pixels' size may not stand in the segmentation."""
    from highdicom.seg import segread

    photograph.dicom["header"]["00280030"] = {"vr": "DS", "Value": [0.05, 0.05]}
    data = segmentation(material(a_case([photograph])), photograph, [(20, 30), (59, 30), (59, 49)])
    assert segread(io.BytesIO(data)).pixel_array.any()
    valid(data, tmp_path)


def test_what_lies_outside_is_cut_off(photograph: Photograph, a_case, material) -> None:
    from highdicom.seg import segread

    data = segmentation(
        material(a_case([photograph])), photograph, [(-500, -500), (5000, -500), (5000, 5000), (-500, 5000)]
    )
    assert segread(io.BytesIO(data)).pixel_array.all()


@pytest.mark.parametrize("corners", [[(0, 0), (5, 5)], [(-9, -9), (-5, -9), (-5, -5)]])
def test_an_outline_of_nothing(photograph: Photograph, a_case, material, corners: list[tuple[float, float]]) -> None:
    with pytest.raises(Refused, match="holds no pixel"):
        segmentation(material(a_case([photograph])), photograph, corners)


def test_what_did_not_come_as_dicom(a_case, material) -> None:
    plain = pictured(0, answered())
    for make in (lambda m: structured_report(m, plain), lambda m: segmentation(m, plain, [(0, 0), (9, 0), (9, 9)])):
        with pytest.raises(Refused, match="didn't come as DICOM"):
            make(material(a_case([plain])))


def test_without_an_answer(photograph: Photograph, a_case, material) -> None:
    photograph.answers = []
    with pytest.raises(Refused, match="nothing to report"):
        structured_report(material(a_case([photograph])), photograph)


def test_a_header_that_lacks_what_is_needed(photograph: Photograph, a_case, material) -> None:
    del photograph.dicom["header"]["0020000D"]
    with pytest.raises(Refused, match="can't be written beside"):
        structured_report(material(a_case([photograph])), photograph)
