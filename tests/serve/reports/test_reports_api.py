"""Reports over HTTP, of real uploads; DICOM results held against dciodvfy and read again."""

from __future__ import annotations

import io
import shutil
import subprocess
from pathlib import Path
from typing import Any

import httpx
import numpy as np
import pytest
from fhir.resources.R4B.bundle import Bundle

from cutis.data.dataset import Dataset
from cutis.data.dicom.uids import uid
from cutis.data.dicom.write import encoded, image_object

FHIR, DICOM = "application/fhir+json", "application/dicom"
SIGNED = {"kind": "signed", "diagnosis": "nv", "confidence": 80, "override": "seen by eye"}


def send(client: httpx.Client, *files: tuple[str, bytes], **fields: str) -> dict[str, Any]:
    answer = client.post(
        "/api/cases",
        files=[("pictures", (f"{n}", data, kind)) for n, (kind, data) in enumerate(files)],
        data={"kind": ["dermoscopy"] * len(files), **fields},
    )
    assert answer.status_code == 201, answer.text
    found: dict[str, Any] = answer.json()
    return found


@pytest.fixture(scope="module")
def dicom_file(phantom_data: Dataset) -> bytes:
    """A drawn lesion as a dermoscopic DICOM image, with a name on it."""
    row = {
        "patient_id": None, "lesion_id": "L1", "source": None, "image_type": "dermoscopic", "age_approx": 62,
        "sex": "female", "anatom_site_1": "Trunk", "anatom_site_2": "Posterior trunk",
        "dermoscopic_type": "contact polarized", "sha256": "0",
    }  # fmt: skip
    first = phantom_data.manifest.row(0, named=True)
    data = (phantom_data.path / first["file"]).read_bytes()
    tags = image_object(first | row, data, uid("study"), uid("series"), 1)
    tags.PatientName, tags.PatientID, tags.IssuerOfPatientID = "Doe^Jane", "4711", "Clinic"
    tags.SOPInstanceUID = tags.file_meta.MediaStorageSOPInstanceUID = uid("someone else's image")
    return encoded(tags, "test")


@pytest.fixture(scope="module")
def from_dicom(bench: httpx.Client, dicom_file: bytes) -> dict[str, Any]:
    return send(bench, (DICOM, dicom_file))


def test_fhir(bench: httpx.Client, photographs: list[bytes]) -> None:
    case = send(bench, ("image/jpeg", photographs[0]), patient="Jane Doe", lesion="arm", symptoms="bleeding", age="62")
    signed = bench.post(f"/api/cases/{case['id']}/readings", json=SIGNED)
    assert signed.status_code in (200, 201), signed.text
    answer = bench.get(f"/api/cases/{case['id']}/report.json")
    assert answer.status_code == 200, answer.text
    assert answer.headers["content-type"] == FHIR
    assert "attachment" in answer.headers["content-disposition"]
    Bundle.model_validate_json(answer.content)
    said = answer.json()
    assert said["entry"][0]["resource"]["status"] == "final"
    assert "Jane" not in answer.text
    exported = [e for e in bench.get("/api/trail").json() if e["action"] == "report.exported"]
    assert exported[0]["subject"] == case["id"]


def test_a_blind_case_is_not_told(blind_bench: httpx.Client, photographs: list[bytes]) -> None:
    case = send(blind_bench, ("image/jpeg", photographs[1]))
    for path in ("report.json", "sr.dcm"):
        refused = blind_bench.get(f"/api/cases/{case['id']}/{path}")
        assert refused.status_code == 403
        assert "first" in refused.json()["detail"]
    blind = {"kind": "blind", "diagnosis": "nv"}
    assert blind_bench.post(f"/api/cases/{case['id']}/readings", json=blind).is_success
    assert blind_bench.get(f"/api/cases/{case['id']}/report.json").status_code == 200


def test_no_such_case(bench: httpx.Client) -> None:
    for path in ("report.json", "sr.dcm"):
        assert bench.get(f"/api/cases/nosuchcase/{path}").status_code == 404
    square = {"outline": [[0, 0], [9, 0], [9, 9]]}
    assert bench.post("/api/photographs/nosuchpicture/seg.dcm", json=square).status_code == 404


def test_what_came_as_jpeg_has_no_dicom(bench: httpx.Client, photographs: list[bytes]) -> None:
    case = send(bench, ("image/jpeg", photographs[2]))
    answer = bench.get(f"/api/cases/{case['id']}/sr.dcm")
    assert answer.status_code == 409
    assert "didn't come as DICOM" in answer.json()["detail"]


def valid(data: bytes, folder: Path) -> None:
    """By dicom3tools' checker, where it is installed."""
    program = shutil.which("dciodvfy")
    if program is None:
        return
    path = folder / "made.dcm"
    path.write_bytes(data)
    done = subprocess.run([program, str(path)], capture_output=True, text=True, check=False)
    errors = [line for line in (done.stdout + done.stderr).splitlines() if line.startswith("Error")]
    assert errors == []


def test_structured_report(bench: httpx.Client, from_dicom: dict[str, Any], tmp_path: Path) -> None:
    from highdicom.sr import srread
    from pydicom import dcmread

    answer = bench.get(f"/api/cases/{from_dicom['id']}/sr.dcm")
    assert answer.status_code == 200, answer.text
    assert answer.headers["content-type"] == DICOM
    made = srread(io.BytesIO(answer.content))
    assert made.VerificationFlag == "UNVERIFIED"
    photograph = from_dicom["photographs"][0]
    said = photograph["answers"][-1]
    (group,) = made.content.get_image_measurement_groups()
    found = {str(m.name.value): m.value for m in group.get_measurements()}
    assert found == pytest.approx(said["probabilities"], abs=1e-6)
    store = bench.app.state.workbench  # type: ignore[attr-defined]
    with store.store.reading() as session:
        from cutis.serve.store.tables import Photograph

        facts = session.get(Photograph, photograph["id"]).dicom
    image = dcmread(io.BytesIO(store.pictures.read(facts["file"])))
    assert made.StudyInstanceUID == image.StudyInstanceUID
    assert made.PatientID == image.PatientID != "4711"
    assert image.SOPInstanceUID in made.to_json()
    assert "Doe" not in made.to_json()
    assert "Not a diagnosis" in made.to_json()
    valid(answer.content, tmp_path)
    again = bench.get(f"/api/cases/{from_dicom['id']}/sr.dcm", params={"photograph": photograph["id"]})
    assert again.content == answer.content
    other = bench.get(f"/api/cases/{from_dicom['id']}/sr.dcm", params={"photograph": "another"})
    assert other.status_code == 404


def test_segmentation(bench: httpx.Client, from_dicom: dict[str, Any], tmp_path: Path) -> None:
    from highdicom.seg import segread

    photograph = from_dicom["photographs"][0]
    width, height = photograph["width"], photograph["height"]
    outline = {"outline": [[20, 30], [79, 30], [79, 89], [20, 89]]}
    answer = bench.post(f"/api/photographs/{photograph['id']}/seg.dcm", json=outline)
    assert answer.status_code == 200, answer.text
    made = segread(io.BytesIO(answer.content))
    mask = made.pixel_array.reshape(-1, height, width)[0]
    expected = np.zeros((height, width), bool)
    expected[30:90, 20:80] = True
    assert (mask.astype(bool) == expected).all()
    assert made.SegmentSequence[0].SegmentAlgorithmType == "MANUAL"
    valid(answer.content, tmp_path)


@pytest.mark.parametrize(
    ("outline", "words"),
    [
        ([[0, 0], [1, 1]], "outline"),
        ([[-50, -50], [-40, -50], [-40, -40]], "holds no pixel"),
        ([[0, 0], [1e9, 1], [5, 5]], "outline"),
    ],
)
def test_outlines_that_hold_nothing(
    bench: httpx.Client, from_dicom: dict[str, Any], outline: list[list[float]], words: str
) -> None:
    answer = bench.post(f"/api/photographs/{from_dicom['photographs'][0]['id']}/seg.dcm", json={"outline": outline})
    assert answer.status_code == 422
    assert words in answer.text


def test_fhir_of_dicom_names_the_study(bench: httpx.Client, from_dicom: dict[str, Any]) -> None:
    answer = bench.get(f"/api/cases/{from_dicom['id']}/report.json")
    Bundle.model_validate_json(answer.content)
    kinds = [entry["resource"]["resourceType"] for entry in answer.json()["entry"]]
    assert kinds.count("ImagingStudy") == 1


def test_a_checklist_that_cannot_be_is_not_kept(bench: httpx.Client, photographs: list[bytes]) -> None:
    case = send(bench, ("image/jpeg", photographs[3]))
    wrong = SIGNED | {"checklists": {"abcd": {"border": 9}}}
    answer = bench.post(f"/api/cases/{case['id']}/readings", json=wrong)
    assert answer.status_code == 422
    assert "0 to 8" in answer.text
