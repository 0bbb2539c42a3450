"""Header tags <-> manifest columns, against DICOM's own lists of codes and by hand."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

pytest.importorskip("pydicom")
from dicom_world import save, tags_of
from isic_metadata.anatom_site_hierarchical import AnatomSiteEnum
from pydicom.dataset import Dataset as Tags
from pydicom.sr._concepts_dict import concepts
from pydicom.sr.codedict import codes

import cutis
from cutis.data.dicom import header
from cutis.data.dicom.quiet import quiet
from cutis.data.dicom.sites import CODES, region_of, site_of
from cutis.data.dicom.uids import DERMOSCOPIC, uid
from cutis.errors import CutisError
from cutis.schema.vocabulary import FITZPATRICK, SITE_COLUMNS, site_levels

KEY = b"a key for tests only"
PATHS = [str(member) for member in AnatomSiteEnum]


def site(path: str) -> dict[str, str | None]:
    return dict(zip(SITE_COLUMNS, site_levels(path), strict=True))


def holding(**given) -> Tags:
    quiet()  # of values that are no dates and no ages
    tags = Tags()
    for name, value in given.items():
        setattr(tags, name, value)
    return tags


@pytest.fixture(autouse=True)
def _key(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CUTIS_PSEUDONYM_KEY", KEY.decode())


def test_every_code_is_one_of_dicoms_and_means_what_it_says():
    known = {(s, v): m for s, of in concepts.items() for words in of.values() for v, (m, _) in words.items()}
    for path, (scheme, value, meaning) in CODES.items():
        assert path in PATHS, path
        assert meaning in {m for words in concepts[scheme].values() for v, (m, _) in words.items() if v == value}, path
        assert (scheme, value) in known
    assert len({(s, v) for s, v, _ in CODES.values()}) == len(CODES)


@pytest.mark.parametrize("path", PATHS)
def test_every_site_comes_back(path):
    tags = Tags()
    tags.AnatomicRegionSequence = [region_of(site(path))]
    assert {c: site_of(tags)[c] for c in SITE_COLUMNS} == site(path)
    region = tags.AnatomicRegionSequence[0]
    assert region.CodingSchemeDesignator in ("SCT", "DCM")  # any program understands the region itself


def test_a_special_site_comes_back():
    row = {**site("Upper extremity:Hand"), "anatom_site_special": "acral palms or soles"}
    tags = Tags()
    tags.AnatomicRegionSequence = [region_of(row)]
    assert site_of(tags) == row
    assert region_of(dict.fromkeys(SITE_COLUMNS)) is None


def test_sites_of_other_programs():
    """Another code of the same place is read by its name in DICOM's lists; what the file calls it isn't trusted."""

    def of(code, meaning="Secret^Ada") -> str | None:
        item = holding(CodeValue=code.value, CodingSchemeDesignator="SCT", CodeMeaning=meaning)
        return site_of(holding(AnatomicRegionSequence=[item]))["anatom_site_1"]

    assert of(codes.cid4031.Foot) == "Lower extremity"
    assert of(codes.cid4031.Abdomen) == "Trunk"
    assert of(codes.cid4031.Heart) is None
    assert site_of(holding(BodyPartExamined="BACK"))["anatom_site_2"] == "Posterior trunk"
    assert site_of(holding(BodyPartExamined="HEART")) == {**dict.fromkeys(SITE_COLUMNS), "anatom_site_special": None}


def test_skin_types_are_those_of_context_group_4401():
    for kind, keyword in zip(
        FITZPATRICK, sorted(codes.cid4401.dir(), key=lambda k: getattr(codes.cid4401, k).value), strict=True
    ):
        theirs = getattr(codes.cid4401, keyword)
        assert theirs.meaning == f"Fitzpatrick Skin Type {kind}"
        tags = Tags()
        header.fill(tags, {"image_id": "a", "fitzpatrick_skin_type": kind}, "1.2.3")
        coded = tags.AcquisitionContextSequence[0].ConceptCodeSequence[0]
        assert (coded.CodeValue, coded.CodeMeaning) == (theirs.value, theirs.meaning)
        assert header.values_of(tags, KEY)["fitzpatrick_skin_type"] == kind


def test_uids_are_valid_and_say_the_same_every_time():
    assert uid("a", None) == uid("a", "") != uid("a")
    assert uid("ab", "c") != uid("a", "bc")
    one = uid("image", "x")
    assert one.startswith("2.25.")
    assert len(one) <= 64
    assert int(one[5:]) < 2**128


def test_ids_are_taken_as_they_are_only_where_their_hash_says_so():
    row = {"image_id": "img", "patient_id": "p1", "lesion_id": "l1", "case_id": "c1", "source": "clinic"}
    tags = holding(SOPClassUID=DERMOSCOPIC)
    header.fill(tags, row, "1.2.3")
    read = header.values_of(tags, KEY)
    assert {c: read[c] for c in row} == row
    tags.PatientID = "MRN 4711"  # an archive puts the identity right
    read = header.values_of(tags, KEY)
    assert "MRN 4711" not in json.dumps(read)
    assert not {"img", "p1", "l1", "c1", "clinic"} & set(map(str, read.values()))


def test_dates_become_days_since_the_patients_first_image():
    rows = [
        header.values_of(holding(SOPInstanceUID=str(n), PatientID=patient, **dates), KEY)
        for n, (patient, dates) in enumerate(
            [
                ("1", {"StudyDate": "20240131"}),
                ("1", {"StudyDate": "20240101", "AcquisitionDateTime": "20240301120000.0"}),
                ("2", {"AcquisitionDate": "20230101"}),
                ("", {"StudyDate": "20240101"}),
                ("2", {"StudyDate": "20231301"}),
                ("2", {"StudyDate": "20200101", "LongitudinalTemporalOffsetFromEvent": 12.0}),
            ]
        )
    ]
    header.days(rows)
    assert [r.get("acquisition_day") for r in rows] == [0, 30, 1096, None, None, 12]
    assert "2024" not in json.dumps(rows)


def test_ages_and_sexes_as_archives_write_them_are_read_and_the_rest_is_told(tmp_path):
    quiet()
    said = [
        *(("045Y", "F", 45, "female"), ("45", "m", 45, "male"), ("45Y", "Female", 45, "female")),
        *(("18M", "MALE", 1, "male"), ("003D", "O", 0, None), ("999Y", "", None, None), ("", "W", None, "female")),
    ]
    for n, (age, sex, _, _) in enumerate(said, 1):
        pixels = np.full((8, 8, 3), 20 * n, np.uint8)
        save(tags_of(pixels, number=n, PatientAge=age, PatientSex=sex), tmp_path / "src" / f"{n}.dcm")
    data = cutis.import_dataset(tmp_path / "src", tmp_path / "data", reader="dicom")
    assert data.manifest.select("age_approx", "sex").rows() == [(age, sex) for _, _, age, sex in said]
    assert "age_approx: 1 of 7 cells could not be read as years (999Y): unknown." in data.card.notes
    assert "sex: 1 of 7 cells could not be read as male or female (O): unknown." in data.card.notes


@pytest.mark.parametrize(
    ("row", "words"),
    [
        ({"patient_id": "x" * 65}, r"patient_id \"x+\" can't be held by DICOM: at most 64 characters"),
        ({"lesion_id": "a\\b"}, "lesion_id"),
        ({"source": " clinic"}, "or spaces around it"),
        ({"laterality": "lef"}, 'laterality "lef": did you mean "left"'),
        ({"immersion_media": "OIL"}, 'immersion_media "OIL"'),
        ({"body_part_examined": "lower back"}, "up to 16 capitals"),
        ({"acquisition_day": "1.5"}, "whole number of days"),
        ({"acquisition_day": "soon"}, "whole number of days"),
    ],
)
def test_what_dicom_cant_hold_is_told(row, words):
    with pytest.raises(CutisError, match=words) as error:
        header.fill(holding(Laterality=""), {"image_id": "a7", **row}, "1.2.3")
    assert str(error.value).startswith('image "a7": ')


def test_nothing_of_the_person_gets_out(tmp_path: Path, picture):
    secrets = {
        "PatientName": "Secret^Ada", "PatientBirthDate": "19650102", "StudyDate": "20240203", "ImageComments": "Secret",
        "InstitutionName": "Secret clinic", "AdmissionID": "4711", "TrackingID": "Adas mole",
        "SeriesDescription": "Ada",
        "DeviceSerialNumber": "998877", "ReferringPhysicianName": "Secret^Bob",
    }  # fmt: skip
    save(tags_of(picture(8, 6), PatientAge="059Y", **secrets), tmp_path / "src" / "Secret_Ada.dcm")
    (tmp_path / "src" / "Secret_Eve.dcm").write_bytes(bytes(128) + b"DICM" + b"\x08\0\x05\0XX" + bytes(9))
    data = cutis.import_dataset(tmp_path / "src", tmp_path / "data", reader="dicom")
    everything = b"".join(p.read_bytes() for p in data.path.rglob("*") if p.is_file())
    everything += json.dumps(data.manifest.to_dicts()).encode()
    for secret in (*secrets.values(), "Secret", "Ada", "Eve"):
        assert secret.encode() not in everything, secret
    assert data.manifest["status"].to_list() == ["ok", "error"]
    assert data.manifest["age_approx"][0] == 59


def test_pixels_of_the_miniature_have_a_lesion_each(tmp_path: Path, picture):
    """Two images of one lesion of one patient share lesion_id; the same label of another patient doesn't."""
    for n, patient in enumerate(("1", "1", "2")):
        tags = tags_of(picture(8, 6, n), number=n, TrackingID="mole 1")
        tags.PatientID = patient
        save(tags, tmp_path / "src" / f"{n}.dcm")
    one, two, three = cutis.import_dataset(tmp_path / "src", tmp_path / "data").manifest["lesion_id"]
    assert one == two != three
    assert np.all([len(x) == 16 for x in (one, three)])
