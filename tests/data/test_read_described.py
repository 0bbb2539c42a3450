"""What the readers of releases that no one here holds make of their miniatures, value by value."""

from __future__ import annotations

import io
import json
import zipfile
from collections.abc import Callable
from pathlib import Path
from types import ModuleType

import numpy as np
import polars as pl
import pytest
from PIL import Image

import cutis
from cutis.data.readers import derm7pt, itobos, ph2, scin
from cutis.errors import CutisError


@pytest.fixture
def read(tmp_path: Path, miniature: Callable[[str], ModuleType]) -> Callable[..., cutis.Dataset]:
    def make(name: str) -> cutis.Dataset:
        miniature(name).make(tmp_path / "src", np.random.default_rng(3))
        return cutis.import_dataset(tmp_path / "src", tmp_path / "data", reader=name)

    return make


def column(data: cutis.Dataset, name: str) -> list:
    return data.manifest[name].to_list()


def flat(cell: list[dict] | None) -> dict[str, float]:
    return {c["concept"]: c["value"] for c in cell or []}


def test_ddi_says_a_group_of_skin_types_and_never_one(read):
    data = read("ddi")
    assert column(data, "skin_tone_group") == ["V-VI", "I-II", "III-IV", "I-II"]
    assert column(data, "fitzpatrick_skin_type") == [None] * 4
    assert column(data, "target") == ["malignant", "benign", "benign", "malignant"]
    assert column(data, "diagnosis_3") == ["Melanoma in situ", None, None, "Basal cell carcinoma"]
    assert column(data, "diagnosis_1") == ["Malignant", "Benign", "Benign", "Malignant"]
    assert column(data, "disease")[1] == "eczema-spongiotic-dermatitis"


@pytest.mark.parametrize("code", ["1", "2", "3", "5"])
def test_ddi_refuses_another_coding_of_its_groups(code, tmp_path, miniature):
    miniature("ddi").make(tmp_path / "src", np.random.default_rng(3))
    table = tmp_path / "src" / "ddi_metadata.csv"
    table.write_text(table.read_text().replace("png,56,", f"png,{code},"))
    with pytest.raises(CutisError, match=rf'row 1: skin_tone "{code}": valid: 12, 34, 56 \(two'):
        cutis.import_dataset(tmp_path / "src", tmp_path / "data", reader="ddi")


def test_scin_keeps_cases_differentials_and_both_tone_scales(read):
    data = read("scin")
    assert column(data, "image_id") == ["-101_1", "-101_2", "-101_3", "202_1", "303_1", "303_2"]
    assert column(data, "case_id") == ["-101"] * 3 + ["202"] + ["303"] * 2
    assert column(data, "target") == ["eczema"] * 3 + ["tinea", None, None]
    first, unlabelled = column(data, "differential")[0], column(data, "differential")[4]
    assert [d["diagnosis"] for d in first] == ["Eczema", "Tinea"]
    assert [d["weight"] for d in first] == pytest.approx([0.8625, 0.1375])
    assert unlabelled is None
    assert column(data, "fitzpatrick_skin_type") == ["IV"] * 3 + [None] * 3  # what people said of themselves
    assert column(data, "dermatologist_fitzpatrick_skin_type_label_1")[:4] == ["FST3"] * 3 + ["FST2"]
    assert column(data, "monk_skin_tone") == [5, 5, 5, 3, None, None]
    assert column(data, "monk_skin_tone_label_india")[0] == 4.0
    assert column(data, "sex") == ["female"] * 3 + [None] + ["male"] * 2
    assert column(data, "shot_type")[:3] == ["CLOSE_UP", "AT_AN_ANGLE", "AT_DISTANCE"]
    assert column(data, "age_approx") == [None] * 6
    assert column(data, "sha256")[3] == column(data, "sha256")[5]  # one photograph under two cases
    assert any("byte for byte" in note for note in data.card.notes)


@pytest.mark.parametrize("cell", ["Eczema", "{'a': 'x'}", "{'a': -1}", "{'a': 0}", "[1, 2]", "{'a': 1e999}", "(" * 500])
def test_scin_names_a_differential_that_is_none(cell):
    with pytest.raises(CutisError, match=r"^t: row 9: weighted_skin_condition_label"):
        scin.differential(cell, "t: row 9")


def test_derm7pt_keeps_both_photographs_the_split_and_the_checklist(read):
    data = read("derm7pt")
    assert column(data, "image_type") == ["clinical: close-up", "dermoscopic"] * 4
    assert column(data, "lesion_id") == [n for n in "1234" for _ in range(2)]
    assert column(data, "target")[::2] == ["nv", "mel", "bcc", "misc"]
    assert column(data, "source_split")[::2] == ["train", "valid", "train", "test"]
    assert column(data, "diagnosis_3")[2] == "Melanoma Invasive"
    assert column(data, "anatom_site_1")[::2] == ["Trunk", "Lower extremity", "Head and neck", None]
    assert column(data, "location")[6] == "genital areas"
    melanoma = flat(column(data, "concepts")[3])
    assert {c for c, on in melanoma.items() if on} == {
        "pigment_network: atypical",
        "streaks: irregular",
        "pigmentation: diffuse irregular",
        "dots_and_globules: irregular",
        "vascular_structures: dotted",
    }
    assert len(melanoma) == sum(map(len, derm7pt.CRITERIA.values())) == 21


def test_derm7pt_refuses_a_case_in_two_parts(tmp_path, miniature):
    miniature("derm7pt").make(tmp_path / "src", np.random.default_rng(3))
    meta = tmp_path / "src" / "release_v0" / "meta"
    (meta / "valid_indexes.csv").write_text("indexes\n1\n2\n")
    with pytest.raises(CutisError, match=r"valid_indexes\.csv: row 2: 2 is in train_indexes\.csv too"):
        cutis.import_dataset(tmp_path / "src", tmp_path / "data", reader="derm7pt")
    (meta / "valid_indexes.csv").write_text("indexes\n4\n")
    with pytest.raises(CutisError, match=r'"4" is no row of meta\.csv \(0 to 3\)'):
        cutis.import_dataset(tmp_path / "src", tmp_path / "data", reader="derm7pt")


def test_dermacon_in(read):
    data = read("dermacon_in")
    assert column(data, "patient_id") == ["S1", "S1", "S2", "S3"]
    assert column(data, "source_split") == ["train", "train", "test", None]
    assert column(data, "fitzpatrick_skin_type") == ["IV", "IV", "V", "VI"]
    assert column(data, "monk_skin_tone") == [5, 6, 7, None]
    assert column(data, "age_approx") == [None, None, 44, None]
    assert column(data, "Age") == ["21-30", "21-30", "44", "N/A"]
    assert flat(column(data, "concepts")[0]) == {"Papule": 1.0, "Scale": 1.0}
    assert column(data, "diagnosis_2")[2:] == ["Inflammatory or infectious diseases", None]
    assert column(data, "Disease_label")[3] == "Seborrheic keratosis"


def test_skincap(read):
    data = read("skincap")
    assert column(data, "caption")[0] == "Plaques with scale, on the elbow."
    assert column(data, "source") == ["fitzpatrick17k", "ddi", "fitzpatrick17k"]
    assert column(data, "fitzpatrick_skin_type") == [None, None, "V"]
    assert column(data, "skin_tone_group") == [None, "III-IV", None]
    assert flat(column(data, "concepts")[0]) == {"Papule": 0.0, "Plaque": 1.0, "Dome-shaped": 0.0}
    assert column(data, "concepts")[2] is None
    assert column(data, "ori_file_path")[1] == "000002.png"


def test_ph2_with_masks(read):
    data = read("ph2")
    assert column(data, "target") == ["common_nevus", "atypical_nevus", "mel"]
    assert column(data, "diagnosis_confirm_type") == [None, None, "histopathology"]
    for mask in column(data, "mask"):
        assert (data.path / mask).is_file()
    melanoma, common = flat(column(data, "concepts")[2]), flat(column(data, "concepts")[0])
    assert melanoma["blue-whitish veil: present"] == melanoma["colour: white"] == melanoma["colour: blue-gray"] == 1
    assert melanoma["colour: black"] == common["streaks: present"] == 0
    assert common["pigment network: typical"] == 1
    assert len(common) == 2 + 2 + 1 + 1 + 1 + 6


def test_ph2_as_a_spreadsheet_saves_it(tmp_path):
    columns = ["Name", "Histological Diagnosis", "Clinical Diagnosis", "Asymmetry", *ph2.CRITERIA, "Colors"]
    row = ["IMD1", "", "2", "0", "T", "A", "A", "A", "P", "4 5"]
    (tmp_path / "PH2_dataset.csv").write_text(",".join(columns) + "\n" + ",".join(row) + "\n")
    data = cutis.import_dataset(tmp_path, tmp_path / "data", table_only=True)
    assert column(data, "target") == ["mel"]


def test_msld2_counts_each_image_once_and_keeps_its_folds(read):
    data = read("msld2")
    rows = {r["image_id"]: r for r in data.manifest.rows(named=True)}
    assert rows["MKP_17_01"]["patient_id"] == rows["MKP_17_02"]["patient_id"] == "MKP_17"
    assert (rows["CHP_01_01"]["fold1"], rows["CHP_01_01"]["fold2"]) == ("train", "test")
    assert rows["CWP_01_01"]["source_split"] == "val"
    assert rows["HEALTHY_02_01"]["diagnosis_1"] is None


def test_msld2_refuses_an_image_twice_in_a_fold(tmp_path, miniature):
    miniature("msld2").make(tmp_path / "src", np.random.default_rng(3))
    fold = tmp_path / "src" / "Original Images" / "FOLDS" / "fold1"
    (fold / "Test" / "Monkeypox").mkdir(exist_ok=True)
    twin = fold / "Test" / "Chickenpox" / "CHP_01_01.jpg"
    twin.parent.mkdir()
    twin.write_bytes((fold / "Train" / "Chickenpox" / "CHP_01_01.jpg").read_bytes())
    with pytest.raises(CutisError, match='"CHP_01_01" is there twice in fold1'):
        cutis.import_dataset(tmp_path / "src", tmp_path / "data", reader="msld2")
    (fold / "Test" / "Chickenpox").rename(fold / "Test" / "Chikenpox")
    with pytest.raises(CutisError, match='class folder "Chikenpox": did you mean "chickenpox"'):
        cutis.import_dataset(tmp_path / "src", tmp_path / "data", reader="msld2")


def test_itobos_boxes_are_pixels_of_the_stored_image(read):
    data = read("itobos")
    rows = {r["image_id"]: r for r in data.manifest.rows(named=True)}
    assert rows["t1"]["boxes"] == [
        {"x": 16.0, "y": 6.0, "width": 8.0, "height": 8.0, "label": "lesion"},
        {"x": pytest.approx(2.0), "y": pytest.approx(4.0), "width": 4.0, "height": 2.0, "label": "lesion"},
    ]
    assert rows["t2"]["boxes"] == []  # looked at, and no lesion
    assert rows["u1"]["boxes"] is None  # not known
    assert rows["t1"]["sun_damage_score"] == 2
    assert [rows[i]["source_split"] for i in ("t3", "u1")] == ["train", "test"]


@pytest.mark.parametrize("line", ["0 0.5 0.5 0.1", "0 a b c d", "0 1.5 0.5 0.1 0.1", "0 nan 0 0 0"])
def test_itobos_names_a_bad_box(line):
    with pytest.raises(CutisError, match="t1: row 2"):
        itobos.boxes(f"0 0.5 0.5 0.1 0.1\n{line}\n", 10, 10, "t1")


def test_medmnist_is_lossless_and_numbered_as_in_the_file(read, miniature):
    data = read("medmnist")
    arrays = miniature("medmnist").arrays(np.random.default_rng(3))
    for split in ("train", "val", "test"):
        rows = data.manifest.filter(source_split=split)
        assert rows["target"].to_list() == [data.codes[k[0]] for k in arrays[f"{split}_labels"]]
        for i, file in enumerate(rows["file"]):
            assert np.array_equal(np.asarray(Image.open(data.path / file)), arrays[f"{split}_images"][i])
    assert data.card.name == "dermamnist"
    assert data.card.licence == "CC-BY-NC-4.0"


def write_npz(path: Path, **arrays: np.ndarray) -> None:
    np.savez_compressed(path, **arrays)


def test_medmnist_of_several_labels_and_of_grey(tmp_path):
    labels = np.array([[1, 0, 1], [0, 0, 0]], np.uint8)
    write_npz(tmp_path / "chestmnist.npz", train_images=np.full((2, 8, 8), 9, np.uint8), train_labels=labels)
    data = cutis.import_dataset(tmp_path / "chestmnist.npz", tmp_path / "data")
    assert column(data, "labels") == [["0", "2"], []]
    assert column(data, "target") == [None, None]
    assert data.card.licence == "CC-BY-4.0"


FLAT, ONES = np.zeros((2, 4, 4), np.uint8), np.zeros((2, 1), int)


@pytest.mark.parametrize(
    ("arrays", "words"),
    [
        ({"train_images": np.zeros((2, 4, 4, 4), np.uint8), "train_labels": ONES}, "not MedMNIST's volumes"),
        ({"train_images": FLAT.astype(np.float32), "train_labels": ONES}, "float32"),
        ({"train_images": FLAT, "train_labels": np.zeros((3, 1), int)}, "for 2 images"),
        ({"train_images": FLAT, "train_labels": np.array([[0], [7]])}, "train_labels.1.: label 7: valid: 0 to 6"),
        ({"train_images": FLAT}, "train_images without train_labels"),
        ({"x": np.zeros(3)}, "not a set of MedMNIST"),
        ({"train_images": np.array([{}, {}]), "train_labels": ONES}, "can't be read"),  # a pickle
    ],
)
def test_medmnist_that_is_none_is_told(arrays, words, tmp_path):
    write_npz(tmp_path / "dermamnist.npz", **arrays)
    with pytest.raises(CutisError, match=words):
        cutis.import_dataset(tmp_path / "dermamnist.npz", tmp_path / "data", reader="medmnist")
    assert not (tmp_path / "data").exists()


def test_medmnist_damaged_or_cut_short(tmp_path):
    out = io.BytesIO()
    np.savez_compressed(out, train_images=np.zeros((50, 9, 9), np.uint8), train_labels=np.zeros((50, 1), np.uint8))
    whole = out.getvalue()
    path = tmp_path / "dermamnist.npz"
    path.write_bytes(whole[: len(whole) // 2])
    with pytest.raises(CutisError, match="MedMNIST"):
        cutis.import_dataset(path, tmp_path / "data", reader="medmnist")
    with zipfile.ZipFile(path, "w") as z:
        z.writestr("train_images.npy", b"no array")
        z.writestr("train_labels.npy", b"no array")
    with pytest.raises(CutisError, match="array train_images can't be read"):
        cutis.import_dataset(path, tmp_path / "data", reader="medmnist")


def test_a_real_set_of_medmnist(shared_data, tmp_path):
    path = shared_data / "pneumoniamnist" / "pneumoniamnist.npz"
    data = cutis.import_dataset(path, tmp_path / "data", table_only=True)
    parts = dict(data.manifest["source_split"].value_counts().iter_rows())
    assert parts == {"train": 4708, "val": 524, "test": 624}
    test = data.manifest.filter(source_split="test")
    assert dict(test["target"].value_counts().iter_rows()) == {"0": 234, "1": 390}


def test_panderm_holds_its_split_to_three_words(tmp_path, miniature):
    miniature("panderm").make(tmp_path / "src", np.random.default_rng(3))
    data = cutis.import_dataset(tmp_path / "src", tmp_path / "data")
    assert column(data, "source_split") == ["train", "train", "val", "test"]
    assert column(data, "binary_label") == [0, 1, 0, 1]
    table = tmp_path / "src" / "pad.csv"
    table.write_text(table.read_text().replace("val", "vall"))
    with pytest.raises(CutisError, match='row 3: split "vall": did you mean "val"'):
        cutis.import_dataset(tmp_path / "src", tmp_path / "more", reader="panderm")


# --- DICOM ------------------------------------------------------------------------------------------------------------


@pytest.fixture
def key(monkeypatch: pytest.MonkeyPatch) -> None:
    pytest.importorskip("pydicom")
    monkeypatch.setenv("CUTIS_PSEUDONYM_KEY", "a key for tests only")


def test_dicom_keeps_the_useful_and_nothing_of_the_person(key, read):
    data = read("dicom")
    first, second, third = data.manifest.rows(named=True)
    assert first["patient_id"] == second["patient_id"] != third["patient_id"]
    assert first["case_id"] == second["case_id"] != third["case_id"]
    assert (first["age_approx"], first["sex"], first["anatom_site_2"]) == (59, "female", "Posterior trunk")
    assert (first["image_type"], first["dermoscopic_type"]) == ("dermoscopic", "contact polarized")
    assert third["image_type"] is None
    said = json.dumps(data.manifest.drop("sha256").to_dicts()) + (data.path / "dataset.json").read_text()
    everything = said.encode() + b"".join(p.read_bytes() for p in (data.path / "images").iterdir())
    for secret in (b"Secret", b"Ada", b"19650102", b"20240203", b"1.2.4.7", b"1.2.3.1"):
        assert secret not in everything, secret
    assert {"7", "8"}.isdisjoint(column(data, "patient_id"))
    assert any("1 Comprehensive 3D SR Storage" in note for note in data.card.notes)


def test_dicom_pixels_are_what_was_stored(key, read, tmp_path):
    import pydicom

    data = read("dicom")
    stored = [np.asarray(Image.open(data.path / file)) for file in column(data, "file")]
    for number, pixels in enumerate(stored, 1):
        source = pydicom.dcmread(tmp_path / "src" / "export" / f"{number}.dcm")
        assert np.array_equal(pixels, np.frombuffer(source.PixelData, np.uint8).reshape(pixels.shape))


def test_another_key_gives_other_pseudonyms_and_the_file_is_private(key, read, tmp_path, monkeypatch):
    one = read("dicom")
    monkeypatch.delenv("CUTIS_PSEUDONYM_KEY")
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "config"))
    two = cutis.import_dataset(tmp_path / "src", tmp_path / "two")
    three = cutis.import_dataset(tmp_path / "src", tmp_path / "three")
    assert column(two, "patient_id") == column(three, "patient_id")
    assert set(column(one, "patient_id")).isdisjoint(column(two, "patient_id"))
    kept = tmp_path / "config" / "cutis" / "pseudonym.key"
    assert kept.stat().st_mode & 0o077 == 0
    monkeypatch.setenv("CUTIS_PSEUDONYM_KEY", "short")
    with pytest.raises(CutisError, match="5 characters; a key needs at least 16"):
        cutis.import_dataset(tmp_path / "src", tmp_path / "four")


def test_dicom_files_without_pictures_are_told(key, tmp_path, miniature):
    make = miniature("dicom")
    make.write(tmp_path / "reports" / "a.dcm", 1, make.REPORT, "7", None)
    with pytest.raises(CutisError, match=r"no DICOM file with a picture.*1 Comprehensive 3D SR Storage"):
        cutis.import_dataset(tmp_path / "reports", tmp_path / "data", reader="dicom")


def test_real_dicom_files(key, shared_data, tmp_path):
    """18 of 37 samples are pictures or a slide's lowest level; reports and segmentations are left out by name."""
    data = cutis.import_dataset(shared_data / "dicom_samples", tmp_path / "data", reader="dicom")
    assert data.card.counts["images"] == 18
    bad = data.manifest.filter(status="error")
    assert bad["reason"].str.starts_with("compressed as").all()
    assert data.card.counts["ok"] == 18 - len(bad) >= 15
    assert any("10 Segmentation Storage" in note for note in data.card.notes)
    ok = data.manifest.filter(pl.col("status") == "ok")
    chest = ok.filter(modality="DX").row(0, named=True)
    assert (chest["width"], chest["height"], chest["sex"], chest["age_approx"]) == (211, 169, "female", 5)
    frames = ok.filter((pl.col("frames") > 1) & (pl.col("modality") == "MR"))
    assert len(frames) == 1
