"""STOW-RS: what a sender sends, what it is answered, and the cases that are there then."""

from __future__ import annotations

import asyncio
import importlib
import io
from collections.abc import AsyncIterator, Callable
from typing import Any

import numpy as np
import pytest
from sqlalchemy import func, select

from cutis.serve.intake.related import Part, parts_of
from cutis.serve.kinds import Refused
from cutis.serve.store.tables import Case, Photograph

pydicom = pytest.importorskip("pydicom")
RELATED = 'multipart/related; type="application/dicom"; boundary="aB3"'
PHOTOGRAPH = "1.2.840.10008.5.1.4.1.1.77.1.4"
DERMOSCOPY = "1.2.840.10008.5.1.4.1.1.77.1.7"


@pytest.fixture
def instance(picture: Callable[..., np.ndarray]) -> Callable[..., bytes]:
    """instance(number, seed, **tags): a DICOM file."""
    world = importlib.import_module("data.dicom_world")

    def made(number: int, seed: int | None = None, **tags: Any) -> bytes:
        pixels = picture(90, 60, number if seed is None else seed)
        dataset = world.tags_of(pixels, number=number, **tags)
        dataset.file_meta.MediaStorageSOPClassUID = dataset.SOPClassUID
        dataset.preamble = bytes(128)
        out = io.BytesIO()
        dataset.save_as(out, enforce_file_format=True)
        return out.getvalue()

    return made


def body(*parts: bytes, kind: str = "application/dicom") -> bytes:
    each = b"".join(b"\r\n--aB3\r\nContent-Type: " + kind.encode() + b"\r\n\r\n" + part for part in parts)
    return each[2:] + b"\r\n--aB3--\r\n"


def store(client: Any, *parts: bytes, study: str = "", kind: str = "application/dicom") -> Any:
    path = f"/dicomweb/studies/{study}" if study else "/dicomweb/studies"
    return client.post(path, content=body(*parts, kind=kind), headers={"Content-Type": RELATED})


def count(client: Any) -> int:
    with client.app.state.workbench.store.reading() as session:
        return session.scalar(select(func.count()).select_from(Case)) or 0


def uids(answer: Any, sequence: str) -> list[str]:
    items = answer.json().get(sequence, {}).get("Value", [])
    return [item["00081155"]["Value"][0] for item in items if "00081155" in item]


def reasons(answer: Any, sequence: str = "00081198") -> list[int]:
    return [item["00081197"]["Value"][0] for item in answer.json().get(sequence, {}).get("Value", [])]


def test_a_study_becomes_a_case(bench, instance):
    before = count(bench)
    answer = store(
        bench,
        instance(1, StudyInstanceUID="1.9.1", PatientID="p1", PatientAge="044Y", PatientSex="F"),
        instance(2, StudyInstanceUID="1.9.1", PatientID="p1", SOPClassUID=DERMOSCOPY),
    )
    assert answer.status_code == 200, answer.text
    assert answer.headers["content-type"].startswith("application/dicom+json")
    assert uids(answer, "00081199") == ["1.2.3.1", "1.2.3.2"]
    assert "00081198" not in answer.json()
    said = pydicom.Dataset.from_json(answer.json())
    assert [i.ReferencedSOPClassUID for i in said.ReferencedSOPSequence] == [PHOTOGRAPH, DERMOSCOPY]
    assert [i.WarningReason for i in said.ReferencedSOPSequence] == [0xB000, 0xB000]
    assert count(bench) == before + 1
    link = answer.headers["link"]
    case = bench.get(link[link.index("<") + 1 : link.index(">")])
    assert case.status_code == 200, case.text
    with bench.app.state.workbench.store.reading() as session:
        held = session.scalars(select(Case).order_by(Case.received_at.desc()).limit(1)).one()
        assert (held.age, held.sex) == (44, "female")
        assert [p.kind for p in held.photographs] == ["close-up", "dermoscopy"]
        assert held.patient
        assert held.patient != "p1"
        files = [p.dicom["file"] for p in held.photographs if p.dicom]
        texts = str([p.dicom for p in held.photographs])
    for uid in ("1.9.1", "1.2.3.1", "1.2.3.2"):
        assert f"'{uid}'" not in texts
    clean = [pydicom.dcmread(io.BytesIO(bench.app.state.workbench.pictures.read(file))) for file in files]
    assert {str(tags.PatientID) for tags in clean} == {held.patient}


def test_one_instance_alone(bench, instance):
    data = instance(11, StudyInstanceUID="1.9.2")
    answer = bench.post("/dicomweb/studies", content=data, headers={"Content-Type": "application/dicom"})
    assert answer.status_code == 200, answer.text
    assert uids(answer, "00081199") == ["1.2.3.11"]


def test_sent_again_is_stored_once(bench, instance):
    files = [instance(21, StudyInstanceUID="1.9.3"), instance(22, StudyInstanceUID="1.9.3")]
    assert store(bench, *files, files[0]).status_code == 200
    before = count(bench)
    answer = store(bench, *files)
    assert answer.status_code == 200
    assert uids(answer, "00081199") == ["1.2.3.21", "1.2.3.22"]
    assert count(bench) == before
    with bench.app.state.workbench.store.reading() as session:
        latest = session.scalars(select(Case).order_by(Case.received_at.desc()).limit(1)).one()
        assert len(latest.photographs) == 2


def test_several_studies_and_lesions(bench, instance):
    before = count(bench)
    answer = store(
        bench,
        instance(31, StudyInstanceUID="1.9.4", TrackingID="a"),
        instance(32, StudyInstanceUID="1.9.4", TrackingID="b"),
        instance(33, StudyInstanceUID="1.9.5", TrackingID="a"),
        instance(34, StudyInstanceUID="1.9.4", TrackingID="a"),
    )
    assert answer.status_code == 200
    assert count(bench) == before + 3
    many = [instance(100 + n, StudyInstanceUID="1.9.6") for n in range(13)]
    assert store(bench, *many).status_code == 200
    assert count(bench) == before + 5  # a case holds twelve


def warnings_of(answer: Any) -> dict[str, int]:
    items = answer.json().get("00081199", {}).get("Value", [])
    return {item["00081155"]["Value"][0]: item["00081196"]["Value"][0] for item in items}


def test_failures_are_told_one_by_one(bench, instance):
    good = instance(41, StudyInstanceUID="1.9.7")
    damaged = instance(42, StudyInstanceUID="1.9.7")
    slide = instance(43, SOPClassUID="1.2.840.10008.5.1.4.1.1.77.1.6")
    answer = store(bench, good, damaged[:-3000], slide, b"no DICOM")
    assert answer.status_code == 202, answer.text
    assert uids(answer, "00081199") == ["1.2.3.41"]
    assert dict(zip(uids(answer, "00081198"), reasons(answer), strict=True)) == {"1.2.3.42": 0xC000, "1.2.3.43": 0x0122}
    assert reasons(answer, "0008119A") == [0x0122]
    assert "warning" not in answer.headers
    before = count(bench)
    none = store(bench, damaged[:-3000])
    assert (none.status_code, count(bench)) == (409, before)
    assert store(bench, instance(44), kind="text/plain").status_code == 409


@pytest.mark.parametrize("others", [("66.4",), ("88.33",), ("11.1", "88.59", "104.1", "66.7", "30")])
def test_a_whole_study_is_taken_and_what_holds_no_photograph_is_left(bench, instance, others):
    """PS3.18 10.5.3: 202 where warnings exist. A PACS that sends a study counts what is not among the stored."""
    before = count(bench)
    study, first = f"1.9.7.{len(others)}.{others[0]}", 400 + 10 * len(others) + int(others[0][-1])
    photo = instance(first, StudyInstanceUID=study)
    objects = [
        instance(first + 1 + n, StudyInstanceUID=study, SOPClassUID=f"1.2.840.10008.5.1.4.1.1.{end}")
        for n, end in enumerate(others)
    ]
    answer = store(bench, photo, *objects, study=study)
    assert answer.status_code == 202, answer.text
    assert "00081198" not in answer.json()
    assert "0008119A" not in answer.json()
    assert warnings_of(answer) == {
        f"1.2.3.{first}": 0xB000,
        **{f"1.2.3.{first + 1 + n}": 0xB006 for n in range(len(others))},
    }
    assert answer.headers["warning"].startswith(f'299 cutis "{len(others)} objects hold no photograph')
    assert count(bench) == before + 1
    alone = store(bench, *objects)  # as a sender does that sends a series at a time
    assert (alone.status_code, count(bench)) == (202, before + 1)
    assert set(warnings_of(alone).values()) == {0xB006}
    elsewhere = store(bench, *objects, study="1.9.99")
    assert elsewhere.status_code == 409
    assert set(reasons(elsewhere)) == {0xA901}


def test_another_study_than_that_of_the_path(bench, instance):
    good, other = instance(51, StudyInstanceUID="1.9.8"), instance(52, StudyInstanceUID="1.9.9")
    answer = store(bench, good, other, study="1.9.8")
    assert answer.status_code == 202
    assert uids(answer, "00081199") == ["1.2.3.51"]
    assert (uids(answer, "00081198"), reasons(answer)) == (["1.2.3.52"], [0xA901])


def test_requests_that_are_none(bench, instance):
    def post(content: bytes, kind: str = RELATED, **headers: str) -> int:
        return bench.post("/dicomweb/studies", content=content, headers={"Content-Type": kind, **headers}).status_code

    data = body(instance(61))
    assert post(data, "application/dicom+json") == 415
    assert post(data, 'multipart/related; type="application/dicom"') == 400
    assert post(data, RELATED.replace("aB3", "other")) == 400
    assert post(data[:-20]) == 400
    assert post(b"") == 400
    assert post(b"--aB3--\r\n") == 400
    assert post(data, Accept="application/dicom+xml") == 406
    assert post(data, Accept="application/dicom+xml, application/dicom+json;q=0.5") == 200


def test_too_large_a_part_fails_alone(opened, instance, tmp_path):
    with opened(tmp_path, max_bytes=50_000) as client:
        answer = store(client, instance(71, StudyInstanceUID="1.9.10"), bytes(60_000))
        assert (answer.status_code, uids(answer, "00081199")) == (202, ["1.2.3.71"])
        assert reasons(answer, "0008119A") == [0xA700]


def test_nothing_of_the_senders_uids_is_kept(bench, instance):
    with bench.app.state.workbench.store.reading() as session:
        held = session.scalars(select(Photograph.dicom)).all()
    assert held
    assert not any("'1.9." in str(facts) or "'1.2.3." in str(facts) for facts in held)


async def chunked(data: bytes, size: int) -> AsyncIterator[bytes]:
    for at in range(0, len(data), size):
        yield data[at : at + size]


def parts(data: bytes, size: int, most: int = 100_000, kind: str = RELATED) -> list[Part]:
    async def read() -> list[Part]:
        return [part async for part in parts_of(chunked(data, size), kind, most)]

    return asyncio.run(read())


@pytest.mark.parametrize("size", [1, 2, 7, 64, 10**6])
def test_parts_whatever_the_chunks(size):
    rng = np.random.default_rng(0)
    contents = [rng.bytes(n) for n in (0, 1, 300, 3000)] + [b"\r\n--aB", b"--aB3", b"\r\n"]
    found = parts(body(*contents), size)
    assert [bytes(p.data) for p in found if p.data is not None] == contents
    assert {p.kind for p in found} == {"application/dicom"}
    long = parts(body(bytes(9), bytes(10), bytes(11)), size, 10)
    assert [None if p.data is None else len(p.data) for p in long] == [9, 10, None]


def test_parts_cut_off_anywhere():
    whole = body(b"one", b"two")
    for cut in range(len(whole) - 3):
        with pytest.raises(Refused) as caught:
            parts(whole[:cut], 5)
        assert caught.value.status == 400
