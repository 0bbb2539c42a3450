"""Readers of ISIC's releases and their neighbours, on miniatures in each release's layout: what each is peculiar in."""

from __future__ import annotations

import json
import shutil
from collections import Counter
from pathlib import Path

import numpy as np
import polars as pl
import pytest

import cutis
from cutis.data.readers import READERS
from cutis.errors import CutisError

NAMES = (
    *("ham10000", "isic2016", "isic2017", "isic2018", "isic2019", "isic2020", "isic2024", "isic_archive", "bcn20000"),
    *("pad_ufes_20", "fitzpatrick17k", "milk10k", "derm12345", "skin3d"),
)


@pytest.fixture
def made_by(miniature, tmp_path):
    """made_by(name, **options) -> (the miniature's module, its folder, the imported dataset)."""

    def make(name: str, **options):
        folder = tmp_path / name
        folder.mkdir()
        module = miniature(name)
        module.make(folder, np.random.default_rng(0))
        return module, folder, cutis.import_dataset(folder, tmp_path / f"{name} data", reader=name, **options)

    return make


def cells(made: cutis.Dataset, image_id: str) -> dict:
    return made.manifest.row(by_predicate=pl.col("image_id") == image_id, named=True)


def rewrite(path: Path, *pairs: tuple[str, str]) -> None:
    text = path.read_text()
    for old, new in pairs:
        assert old in text
        text = text.replace(old, new)
    path.write_text(text)


@pytest.mark.parametrize("name", NAMES)
def test_a_miniature_gives_what_it_holds(name, made_by, tmp_path):
    module, folder, made = made_by(name)
    expected = module.EXPECTED
    counts = {key: expected[key] for key in ("images", "lesions", "patients")}
    assert made.card.counts == counts | {"ok": expected["images"]}
    assert dict(Counter(made.manifest["target"].drop_nulls())) == expected["classes"]
    assert set(made.codes) == set(expected["classes"])
    for image_id, wanted in expected["cells"].items():
        found = cells(made, image_id)
        assert {key: found[key] for key in wanted} == wanted
    assert next(n for n, r in READERS.items() if r.recognises(folder)) == name
    listed = cutis.import_dataset(folder / module.TABLE, tmp_path / "listed", reader=name, table_only=True)
    assert set(listed.manifest["status"]) == {"listed"}
    assert set(listed.manifest["image_id"]) <= set(made.manifest["image_id"])
    assert set(READERS[name].facts.quirks) <= set(made.card.notes)


@pytest.mark.parametrize("name", NAMES)
def test_every_class_is_a_node_of_the_vocabulary_or_none(name):
    for info in READERS[name].card.classes:
        levels = cutis.data.values.diagnosis(info.diagnosis)
        assert ":".join(v for v in levels.values() if v) == (info.diagnosis or "")
        if info.malignant is not None and not info.note:
            assert {"Benign": False, "Malignant": True, None: info.malignant}[levels["diagnosis_1"]] is info.malignant


def test_old_and_new_columns_of_the_archive_agree(miniature, made_by, tmp_path):
    module, _, new = made_by("isic_archive")
    (tmp_path / "old").mkdir()
    module.make_old(tmp_path / "old", np.random.default_rng(0))
    old = cutis.import_dataset(tmp_path / "old", tmp_path / "old data", reader="isic_archive")
    same = ["image_id", "target", "lesion_id", "patient_id", "sex", "age_approx", "anatom_site_1"]
    same += [
        "anatom_site_special",
        "fitzpatrick_skin_type",
        "copyright_license",
        "attribution",
        "sha256",
        "diagnosis_1",
    ]
    assert old.manifest.select(same).equals(new.manifest.select(same))
    assert new.licence.commercial is False  # one row is CC-BY-NC
    assert {"CC0-1.0", "CC-BY-4.0", "CC-BY-NC-4.0"} <= set(new.licence.parts.values())


@pytest.mark.parametrize(
    ("name", "table", "change", "words"),
    [
        ("isic_archive", None, ("Nevus,", "Nevuss,"), r'row 1: diagnosis ".*Nevuss" is not in the ISIC vocabulary'),
        ("isic_archive", None, ("CC-0", "CC-X"), 'row 1: licence "CC-X" is not known'),
        ("isic2016", None, ("malignant", "malign"), 'row 2: label "malign": did you mean "malignant"'),
        ("isic2017", None, ("1.0,0.0", "1.0,1.0"), "row 2: both melanoma and seborrheic_keratosis are 1"),
        ("isic2018", None, ("1.0,0.0", "0.5,0.0"), 'row 1: NV "0.5"'),
        ("isic2019", None, (",SCC", ",SCQ"), 'no column SCC or diagnosis: did you mean "SCQ"'),
        ("isic2019", "ISIC_2019_Test_Metadata.csv", ("age_approx", "age"), "Test_Metadata.csv: no column age_approx"),
        ("isic2020", None, ("nevus", "nevis"), 'row 4: diagnosis "nevis".*did you mean "Nevus"'),
        ("isic2024", None, (",1,IP_3537591", ",2,IP_3537591"), 'row 3: target "2"'),
        ("bcn20000", None, (",AK,", ",AKK,"), 'row 4: diagnosis "AKK": did you mean "AK"'),
        ("pad_ufes_20", None, ("UNK,False,UNK", "UNK,False,maybe"), 'row 4: changed "maybe"'),
        ("pad_ufes_20", None, ("fitspatrick", "fitz"), "no column fitspatrick or fitzpatrick"),
        ("fitzpatrick17k", None, ("psoriasis", "psoriassis"), 'row 4: label "psoriassis": did you mean "psoriasis"'),
        ("fitzpatrick17k", None, (",6,5,psoriasis", ",6,7,psoriasis"), 'row 4: fitzpatrick_centaur "7"'),
        ("milk10k", None, ("0.1667", "much"), 'row 1: MONET_ulceration_crust "much" is not a number'),
        ("milk10k", "MILK10k_Training_Supplement.csv", ("Basal cell", "Basal cel"), "row 1: diagnosis .*did you mean"),
        ("derm12345", None, (",acb,", ",acx,"), 'row 1: label "acx": did you mean'),
        ("skin3d", None, ("12,5,3,3", "12,5,0,3"), "row 2: a box needs x, y, w and h in pixels"),
        (
            "skin3d",
            "skin3d_scans.csv",
            ("002-m-a,2,", "002-m-a,7,"),
            'row 6: scan_id "002" is not in the table of scans',
        ),
    ],
)
def test_what_is_wrong_is_told_with_its_row(name, table, change, words, miniature, tmp_path):
    folder = tmp_path / "src"
    folder.mkdir()
    module = miniature(name)
    module.make(folder, np.random.default_rng(0))
    rewrite(folder / (table or module.TABLE), change)
    with pytest.raises(CutisError, match=words) as caught:
        cutis.import_dataset(folder, tmp_path / "data", reader=name)
    assert "\n" not in str(caught.value)
    assert not (tmp_path / "data").exists()


def test_both_spellings_of_fitzpatrick(made_by, tmp_path):
    module, folder, made = made_by("pad_ufes_20")
    rewrite(folder / module.TABLE, ("fitspatrick", "fitzpatrick"))
    assert cutis.import_dataset(folder, tmp_path / "two", reader="pad_ufes_20").manifest.equals(made.manifest)
    module, folder, made = made_by("fitzpatrick17k")
    rewrite(folder / module.TABLE, ("fitzpatrick_scale", "fitzpatrick"))
    assert cutis.import_dataset(folder, tmp_path / "four", reader="fitzpatrick17k").manifest.equals(made.manifest)


def test_three_values_stay_three(made_by):
    _, _, made = made_by("pad_ufes_20")
    assert made.manifest["grew"].dtype == made.manifest["smoke"].dtype == pl.Boolean
    assert made.manifest["grew"].to_list() == [False, True, True, None]


def test_a_missing_part_is_just_not_there_but_a_broken_one_is_told(made_by, tmp_path):
    _, folder, made = made_by("isic2017")
    (folder / "ISIC-2017_Validation_Part3_GroundTruth.csv").unlink()
    less = cutis.import_dataset(folder, tmp_path / "less", reader="isic2017")
    assert set(made.manifest["source_split"]) - set(less.manifest["source_split"]) == {"val"}
    (folder / "ISIC-2017_Validation_Part3_GroundTruth.csv").write_text("image_id,melanoma\nISIC_0001769,0\n")
    with pytest.raises(CutisError, match=r"Validation_Part3_GroundTruth.csv: no column seborrheic_keratosis"):
        cutis.import_dataset(folder, tmp_path / "more", reader="isic2017")


def test_attributes_of_isic_2017_must_be_marks(made_by, tmp_path):
    _, folder, _ = made_by("isic2017")
    path = folder / "ISIC-2017_Training_Part2_GroundTruth" / "ISIC_0000000_features.json"
    for wrong in ("{", json.dumps([1]), json.dumps({"streaks": []}), json.dumps({"streaks": "x"})):
        path.write_text(wrong)
        with pytest.raises(CutisError, match=r"features.json: expected attributes with a 0 or 1"):
            cutis.import_dataset(folder, tmp_path / "more", reader="isic2017")


def test_tables_that_do_not_belong_together_are_told(made_by, tmp_path):
    _, folder, _ = made_by("skin3d")
    rewrite(folder / "skin3d_scans.csv", (",0,f", ",90,f"), (",1,f", ",91,f"), (",2,m", ",92,m"), (",3,m", ",93,m"))
    with pytest.raises(CutisError, match=r"none of its scan_id is a scan_id of skin3d_lesion_boxes.csv"):
        cutis.import_dataset(folder, tmp_path / "more", reader="skin3d")
    (folder / "skin3d_scans.csv").unlink()
    with pytest.raises(CutisError, match=r"is here but not skin3d_scans.csv or .*, which belongs to it"):
        cutis.import_dataset(folder, tmp_path / "more", reader="skin3d")


def test_rows_of_one_scan_must_agree(made_by, tmp_path):
    _, folder, _ = made_by("skin3d")
    rewrite(folder / "skin3d_scans.csv", ("001-f-u", "000-f-run"), ("000-001,000-f-run,1", "004-005,000-f-run,1"))
    with pytest.raises(
        CutisError, match='row 3: image "000-f-run" again, with patient_id "004-005" where it was "000-0'
    ):
        cutis.import_dataset(folder, tmp_path / "more", reader="skin3d")


def test_milk10k_without_ground_truth_says_what_to_add(made_by, tmp_path):
    _, folder, _ = made_by("milk10k")
    (folder / "MILK10k_Training_GroundTruth.csv").unlink()
    with pytest.raises(CutisError, match=r"row 1: no column diagnosis.*Put MILK10k_Training_GroundTruth.csv beside it"):
        cutis.import_dataset(folder, tmp_path / "more", reader="milk10k")


def test_a_table_of_the_same_columns_is_not_taken_for_a_release(tmp_path, encoded, picture):
    """`image,diagnosis` is ISIC 2018's test table, and anybody's own."""
    (tmp_path / "a.jpg").write_bytes(encoded(picture(), "JPEG"))
    (tmp_path / "mine.csv").write_text("image,diagnosis\na,nevus\n")
    assert cutis.import_dataset(tmp_path / "mine.csv", tmp_path / "data").card.name == "mine"
    shutil.copy(tmp_path / "mine.csv", tmp_path / "isic2018_test.csv")
    with pytest.raises(CutisError, match='diagnosis "nevus"'):
        cutis.import_dataset(tmp_path / "isic2018_test.csv", tmp_path / "more", images=tmp_path)
