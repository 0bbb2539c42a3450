"""CSV + folder: names found or mapped, and each way a table can be wrong told with its remedy."""

from __future__ import annotations

from pathlib import Path

import pytest

import cutis
from cutis.errors import CutisError

HEADER = "isic_id,diagnosis,lesion_id,patient_id,age_approx,sex,anatom_site_general,fitzpatrick_skin_type,clinic_note"
ROWS = (
    "a,nevus,L1,P1,45.0,male,head/neck,III,x",
    "b,melanoma,L2,P1,85+,F,palms/soles,2,",
    "c,nevus,L3,P2,,unknown,,,y",
    "d,unknown,L4,,90,female,lower extremity,NA,",
)


@pytest.fixture
def table(tmp_path, picture, encoded):
    """Write images a..d and a CSV of the given text in a folder; returns the CSV's path."""

    def write(text: str | bytes = "\n".join((HEADER, *ROWS)), name: str = "meta.csv") -> Path:
        folder = tmp_path / "src data ü"
        (folder / "pics").mkdir(parents=True, exist_ok=True)
        for seed, image_id in enumerate("abcd"):
            (folder / "pics" / f"{image_id}.jpg").write_bytes(encoded(picture(seed=seed), "JPEG"))
        path = folder / name
        path.write_bytes(text.encode() if isinstance(text, str) else text)
        return path

    return write


def columns(made, *names):
    return made.manifest.sort("image_id").select(names).rows()


def test_isic_names_are_understood(table, tmp_path):
    made = cutis.import_dataset(table(), tmp_path / "data")
    assert made.codes == ["melanoma", "nevus"]
    assert columns(made, "target", "lesion_id", "patient_id", "age_approx", "sex", "fitzpatrick_skin_type") == [
        ("nevus", "L1", "P1", 45, "male", "III"),
        ("melanoma", "L2", "P1", 85, "female", "II"),
        ("nevus", "L3", "P2", None, None, None),
        (None, "L4", None, 85, "female", None),
    ]
    assert columns(made, "diagnosis_1", "anatom_site_1", "anatom_site_special", "clinic_note")[:2] == [
        ("Benign", "Head and neck", None, "x"),
        ("Malignant", None, "acral palms or soles", None),
    ]
    assert made.card.licence == "unknown"


@pytest.mark.parametrize("separator", [",", ";", "\t"])
@pytest.mark.parametrize("bom", [b"", b"\xef\xbb\xbf"])
def test_separators_and_byte_order_marks(separator, bom, table, tmp_path):
    text = "\r\n".join((HEADER, *ROWS)).replace(",", separator)
    made = cutis.import_dataset(table(bom + text.encode()), tmp_path / "data")
    assert made.manifest["target"].to_list() == ["nevus", "melanoma", "nevus", None]


def test_new_style_levels(table, tmp_path):
    text = (
        "isic_id,diagnosis_1,diagnosis_2,diagnosis_3,anatom_site_1,label\n"
        "a,Benign,Benign melanocytic proliferations,Nevus,Trunk,0\n"
        "b,Malignant,,,,1\nc,,,,,0\nd,Benign,,,,\n"
    )
    made = cutis.import_dataset(table(text), tmp_path / "data")
    assert columns(made, "diagnosis_3", "diagnosis_1", "anatom_site_1", "target") == [
        ("Nevus", "Benign", "Trunk", "0"),
        (None, "Malignant", None, "1"),
        (None, None, None, "0"),
        (None, "Benign", None, None),
    ]


def test_columns_can_be_mapped(table, tmp_path):
    text = "pic,kind,who\npics/a.jpg,mole,7\npics/b.jpg,wart,7\npics/c.jpg,mole,8\npics/d.jpg,NV,9\n"
    path = table(text)
    with pytest.raises(CutisError, match=r"found pic, kind, who. Say which one: --column image_id=NAME"):
        cutis.import_dataset(path, tmp_path / "data")
    with pytest.raises(CutisError, match="Say which one: --column target=NAME"):
        cutis.import_dataset(path, tmp_path / "data", columns={"file": "pic"})
    mapped = {"file": "pic", "target": "kind", "patient_id": "who"}
    made = cutis.import_dataset(path, tmp_path / "data", columns=mapped)
    assert made.codes == ["mole", "nv", "wart"]
    assert columns(made, "image_id", "patient_id", "diagnosis_1")[3] == ("d", "9", "Benign")
    assert "not in the ISIC vocabulary, kept as labels: mole, wart" in made.card.notes
    bare = cutis.import_dataset(path, tmp_path / "bare", columns={"file": "pic", "target": ""})
    assert bare.manifest["target"].null_count() == 4
    for wrong, words in (
        ({"fil": "pic"}, 'no field "fil": did you mean "file"'),
        ({"file": "pik"}, 'has no column "pik": did you mean "pic"'),
    ):
        with pytest.raises(CutisError, match=words):
            cutis.import_dataset(path, tmp_path / "no", columns=wrong)
    with pytest.raises(CutisError, match=r'--label knd: .* did you mean "kind"'):
        cutis.import_dataset(path, tmp_path / "no", columns={"file": "pic"}, label="knd")


def test_an_unknown_diagnosis_is_an_error_unless_it_is_only_a_label(table, tmp_path):
    path = table("image,diagnosis\na,nevus\nb,melanomma\nc,nevus\n")
    with pytest.raises(CutisError, match=r'row 2: diagnosis "melanomma".*did you mean "melanoma".*--label diagnosis'):
        cutis.import_dataset(path, tmp_path / "data")
    made = cutis.import_dataset(path, tmp_path / "data", label="diagnosis")
    assert columns(made, "target", "diagnosis_1") == [("nevus", "Benign"), ("melanomma", None), ("nevus", "Benign")]


def test_a_missing_file_is_an_error_or_an_error_row(table, tmp_path):
    path = table("image,dx\na,nv\nzz,mel\nb,mel\n")
    with pytest.raises(CutisError, match=r'row 2: image "zz" is missing.*\(1 of 3 images are missing.*--allow-miss'):
        cutis.import_dataset(path, tmp_path / "data")
    made = cutis.import_dataset(path, tmp_path / "data", allow_missing=True)
    assert columns(made, "status", "reason")[2] == ("error", 'image "zz" is missing')
    with pytest.raises(CutisError, match="no such folder of images"):
        cutis.import_dataset(path, tmp_path / "more", images=tmp_path / "absent")
    (tmp_path / "empty").mkdir()
    with pytest.raises(CutisError, match=r"row 1: .*\(3 of 3 images are missing"):
        cutis.import_dataset(path, tmp_path / "more", images=tmp_path / "empty", allow_missing=True)


def test_a_path_never_leaves_the_image_folder(table, tmp_path):
    outside = tmp_path / "outside.jpg"
    path = table("file,dx\npics/a.jpg,nv\n../outside.jpg,mel\n")
    outside.write_bytes((path.parent / "pics/a.jpg").read_bytes())
    with pytest.raises(CutisError, match=r'row 2: image "../outside.jpg" is missing'):
        cutis.import_dataset(path, tmp_path / "data")


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("image,dx\na,nv\na,mel\n", 'image_id "a" is in rows 1, 2'),
        ("image,dx,lesion_id,patient_id\na,nv,L1,P1\nb,mel,L1,P2\n", 'lesion_id "L1" belongs to 2 patients'),
        ("image,dx\n,nv\nb,mel\n", "row 1: image"),
        ("image,dx\nx/a,nv\nb,mel\n", "missing|cannot name a file"),
        ("image,dx,license\na,nv,CC-BB\n", "row 1: licence"),
        ("image,dx\na,nv\nb,mel,extra\n", r"row 2 has 3 cells, the header 2 \(separator: comma\)"),
        ("image,image\na,b\n", 'column "image" appears twice'),
        ("image,dx\n", "a header line but no rows"),
        ("", "empty"),
        ("image,dx\na,näv\n".encode("utf-16")[:-1], "not UTF-8 text"),
        (b"PK\x03\x04\x00\x00", r"a workbook .*Save the sheet as CSV UTF-8"),
        (b"\x00\x01\x02\x03", "binary data"),
    ],
)
def test_wrong_tables_are_told(text, words, table, tmp_path):
    with pytest.raises(CutisError, match=words) as caught:
        cutis.import_dataset(table(text), tmp_path / "data", reader="csv")
    assert "\n" not in str(caught.value)
    assert not (tmp_path / "data").exists()


@pytest.mark.parametrize(
    ("column", "cells", "field", "read", "told"),
    [
        (
            "age",
            ["85+", "999", '"45,5"'],
            "age_approx",
            [85, None, 45],
            "1 of 3 cells could not be read as years (9",
        ),
        ("age", ["018M", "1975", "-1"], "age_approx", [1, None, None], "2 of 3 cells could not be read as years"),
        ("sex", ["W", "mail", "M"], "sex", ["female", None, "male"], "1 of 3 cells could not be read as male or f"),
        ("fitzpatrick", ["Type III", "4.0", "III-IV"], "fitzpatrick_skin_type", ["III", "IV", None], "(III-IV): unk"),
        ("monk_skin_tone", ["MST 3", "", "11"], "monk_skin_tone", [3, None, None], "1 of 3 cells could not be read"),
        ("site", ["back", "bakc", "n/a"], "anatom_site_1", ["Trunk", None, None], "anatom_site: 1 of 3 cells could n"),
    ],
)
@pytest.mark.parametrize("table_only", [False, True])
def test_what_cannot_be_read_of_a_person_is_unknown_and_told(
    column, cells, field, read, told, table_only, table, tmp_path
):
    rows = "".join(f"{name},nv,{cell}\n" for name, cell in zip("abc", cells, strict=True))
    made = cutis.import_dataset(table(f"image,dx,{column}\n{rows}"), tmp_path / "data", table_only=table_only)
    assert made.manifest[field].to_list() == read
    assert [note for note in made.card.notes if told in note]
    assert made.card.notes == cutis.Dataset.load(tmp_path / "data").card.notes


def test_a_column_of_names_is_no_class(table, tmp_path):
    rows = "\n".join(f"a{i},text {i}" for i in range(60))
    with pytest.raises(CutisError, match="60 different values in 60 rows; that is no class"):
        cutis.import_dataset(table(f"image,label\n{rows}\n"), tmp_path / "data")


def test_own_columns_travel_along_and_never_overwrite(table, tmp_path):
    path = table("image,dx,target,width,score,status\na,nv,1,9,0.5,seen\nb,mel,0,9,,\nc,nv,1,,2,\n")
    made = cutis.import_dataset(path, tmp_path / "data", label="dx")
    assert columns(made, "target", "source_target", "width", "source_width", "score", "status", "source_status") == [
        ("nv", 1, 60, 9, 0.5, "ok", "seen"),
        ("mel", 0, 60, 9, None, "ok", None),
        ("nv", 1, 60, None, 2.0, "ok", None),
    ]


def test_several_tables_must_be_chosen_from(table, tmp_path):
    path = table("image,dx\na,nv\nb,mel\n")
    (path.parent / "other.csv").write_text("x,y\n1,2\n")
    with pytest.raises(CutisError, match="expected one CSV file"):
        cutis.import_dataset(path.parent, tmp_path / "data", reader="csv")
    assert len(cutis.import_dataset(path, tmp_path / "data").manifest) == 2
