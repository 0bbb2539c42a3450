"""Every check on a table made to be wrong in one way, and on one that isn't."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import polars as pl
import pytest

from cutis.data import checks
from cutis.data.checks import check, worst
from cutis.data.dataset import Dataset, DatasetCard
from cutis.data.shortcuts import shortcuts
from cutis.errors import CutisError
from cutis.phantom.dataset import make_dataset
from cutis.schema.classes import ClassInfo
from cutis.schema.finding import SEVERITIES, Finding
from cutis.schema.manifest import conform

CLASSES = (ClassInfo(code="mel", name="Melanoma", malignant=True), ClassInfo(code="nv", name="Nevus", malignant=False))


def dataset(name: str = "made", licence: str = "CC-BY-4.0", path: Path | None = None, **columns: object) -> Dataset:
    n = next(len(v) for v in columns.values() if isinstance(v, list))
    table = {"image_id": [f"i{k}" for k in range(n)], "status": ["ok"] * n, "file": ["images/x.jpg"] * n}
    table |= {"target": [None] * n} | columns
    manifest = conform(pl.DataFrame(table, strict=False), name)
    return Dataset(path or Path("nowhere"), DatasetCard(name=name, licence=licence, classes=CLASSES), manifest)


def of(found: list[Finding], name: str) -> list[Finding]:
    return [f for f in found if f.check == name]


def test_identity_says_what_the_unit_is():
    (nobody,) = checks.identity(dataset(target=["mel", "nv"]))
    assert nobody.severity == "warning"
    assert "no patient and no lesion ids" in nobody.message
    some, no_patients = checks.identity(dataset(lesion_id=["a", None]))
    assert some.message.startswith("1 of 2 images")
    assert "no patient ids" in no_patients.message
    assert checks.identity(dataset(lesion_id=["a", "b"], patient_id=["p", "q"])) == []


def test_contradictions_name_both_images():
    found = checks.one_lesion_one_answer(
        dataset(
            lesion_id=["a", "a", "a", "b", "b", None, None],
            patient_id=["p", "p", "p", "q", "q", "q", None],
            target=["mel", "nv", "mel", "nv", None, "mel", "nv"],
            anatom_site_1=["Trunk", "Head and neck", None, "Trunk", "Trunk", None, None],
            sex=["male", "male", None, "female", None, "male", "female"],
        )
    )
    assert [(f.check, f.severity, f.image_id, f.other_id) for f in found] == [
        ("lesion with two diagnoses", "error", "i0", "i1"),
        ("lesion in two places", "warning", "i0", "i1"),
        ("patient with two sexes", "error", "i3", "i5"),
    ]
    assert found[0].message == "lesion_id a: mel (2), nv (1)"


def test_ages_go_down_only_where_the_order_is_known():
    who = ["p", "p", "p", "q", "q", "r"]
    old = [40, 35, 50, 20, 60, None]
    dated = checks.ages(dataset(patient_id=who, age_approx=old, acquisition_day=[1, 9, 20, 1, 2, 3]))
    assert [(f.check, f.severity, f.image_id, f.other_id) for f in dated] == [
        ("age goes down", "error", "i0", "i1"),
        ("ages far apart", "warning", "i3", None),
    ]
    assert "age 40, later 35" in dated[0].message
    assert "ages 20 to 60" in dated[1].message
    assert [f.check for f in checks.ages(dataset(patient_id=who, age_approx=old))] == ["ages far apart"]
    assert checks.ages(dataset(target=["mel"])) == []


def test_unreadable_and_absent_images():
    found = checks.unreadable(
        dataset(
            target=["mel"] * 3, status=["ok", "error", "listed"], file=["x", None, None], reason=[None, "cut", None]
        )
    )
    assert [(f.check, f.image_id) for f in found] == [("unreadable image", "i1"), ("images not here", None)]
    assert found[0].message == "cut"


def test_confirmation_by_class_and_unknown_is_not_estimable():
    found = checks.confirmed(
        dataset(
            target=["mel", "mel", "nv", "nv"],
            diagnosis_confirm_type=["histopathology", None, "single image expert consensus", "histopathology"],
        )
    )
    assert [(f.severity, f.score) for f in found] == [("warning", 0.5), ("note", 0.5)]
    assert found[0].message == "mel (malignant): 50 % histopathology, 50 % unknown"
    (unknown,) = checks.confirmed(dataset(target=["mel", "nv"]))
    assert (unknown.severity, unknown.score) == ("warning", None)
    assert unknown.message.startswith("not estimable")


def test_readers_disagree_by_their_first_diagnosis():
    sure, torn = [{"diagnosis": "mel", "weight": 0.9}], [{"diagnosis": d, "weight": 0.4} for d in ("mel", "nv")]
    (found,) = checks.readers_disagree(dataset(differential=[sure, torn, None, []], target=[None] * 4))
    assert (found.score, found.severity) == (0.5, "warning")
    assert checks.readers_disagree(dataset(target=["mel"])) == []


def test_gaps_and_balance_and_skin_types():
    n = 240
    made = dataset(target=["mel"] * 12 + ["nv"] * (n - 12), fitzpatrick_skin_type=["II"] * 40 + [None] * (n - 40))
    gaps = {f.message.split(" ")[0]: f.score for f in checks.gaps(made)}
    assert gaps["fitzpatrick_skin_type"] == pytest.approx(200 / 240)
    assert gaps["sex"] == 1.0
    assert "target" not in gaps
    assert "copyright_license" not in gaps  # the card speaks for all rows
    assert "copyright_license" in {
        f.message.split(" ")[0] for f in checks.gaps(dataset(licence="unknown", target=["nv"]))
    }
    (balance,) = checks.balance(made)
    assert (balance.check, balance.score) == ("class balance", 19.0)
    absent = checks.balance(dataset(target=["nv"] * 9 + [None]))
    assert [f.message for f in absent] == [
        "mel: no image; nothing about this class is estimable",
        "nv: 9 images of 9 images; too few to train on and measure with",
    ]
    (tone,) = checks.skin_types(made)
    assert "I (0), III (0), IV (0), V (0), VI (0)" in tone.message
    (unknown,) = checks.skin_types(dataset(target=["nv"]))
    assert unknown.message.startswith("not estimable")
    assert checks.skin_types(dataset(target=["nv"], monk_skin_tone=[4])) == []


def test_same_bytes():
    made = dataset(target=["mel", "nv", "nv", "nv", "nv", "nv"], sha256=["1", "1", "2", "2", "3", "3"])
    made = Dataset(
        made.path, made.card, made.manifest.with_columns(lesion_id=pl.Series([None, None, "l", "l", "m", None]))
    )
    found = checks.same_bytes(made)
    assert [(f.severity, f.image_id, f.other_id) for f in found] == [
        ("error", "i0", "i1"),  # one file, two labels
        ("note", "i2", "i3"),  # said to be one lesion
        ("warning", "i4", "i5"),
    ]
    assert "labelled mel and nv" in found[0].message
    assert checks.same_bytes(dataset(target=["mel", "nv"])) == []  # unknown digests are not equal


def test_recorded_near_duplicates_but_for_those_decided(tmp_path: Path):
    rows = [
        ("a", "i0", "a", "i1", "near", 0.9, 0, None),
        ("a", "i0", "a", "i2", "near", 0.8, 0, "different"),
        ("a", "i1", "a", "i3", "same pixels", 1.0, 0, "same"),
        ("a", "i1", "b", "i0", "near", 1.0, 0, "same"),  # between datasets: by lint
        ("a", "i2", "a", "i3", "same bytes", 1.0, 0, None),
    ]
    columns = ["dataset", "image_id", "other_dataset", "other_id", "kind", "score", "cluster", "decision"]
    pl.DataFrame(rows, columns, orient="row").write_parquet(tmp_path / "duplicates.parquet")
    made = dataset("a", path=tmp_path, target=["mel"] * 4)
    found = checks.near_duplicates(made)
    assert [(f.image_id, f.other_id, f.score) for f in found] == [("i0", "i1", 0.9), ("i1", "i3", 1.0)]
    assert checks.near_duplicates(dataset(target=["mel"])) == []
    (tmp_path / "duplicates.parquet").write_bytes(b"no table")
    with pytest.raises(CutisError, match="damaged"):
        checks.near_duplicates(made)


def test_licences_compose():
    a, b = dataset("a", licence="CC-BY-NC-4.0", target=["mel"]), dataset("b", licence="unknown", target=["mel"])
    found = checks.licences([a, b])
    assert [f.severity for f in found] == ["note", "warning", "note"]
    assert found[2].message.startswith("all together: research only: a is CC BY-NC 4.0")


def test_a_planted_shortcut_is_found_and_none_where_there_is_none():
    rng = np.random.default_rng(0)
    y = rng.integers(0, 2, 400)
    target = [CLASSES[k].code for k in y]
    told = np.where(rng.random(400) < 0.9, y, 1 - y)  # the size follows the class in nine of ten cases
    noise = rng.integers(0, 3, 400)
    found = shortcuts(
        dataset(target=target, width=(100 + told).tolist(), height=[50] * 400, source=[f"s{k}" for k in noise])
    )
    by = {f.message.split(" alone")[0]: f for f in found}
    assert by["image size"].severity == "warning"
    assert by["image size"].score == pytest.approx(0.9, abs=0.05)
    assert by["source"].severity == "note"
    assert by["source"].score == pytest.approx(0.5, abs=0.1)
    assert set(by) == {"image size", "source"}  # nothing to say of attributes with one value


def test_a_value_of_one_patient_is_no_shortcut():
    """Each patient has a size of their own: within a patient it gives everything away, across patients nothing."""
    target = np.repeat(["mel", "nv"], 60).tolist()
    patients = np.repeat(np.arange(20), 6)
    (found,) = shortcuts(
        dataset(target=target, patient_id=patients.astype(str).tolist(), width=patients.tolist(), height=[5] * 120)
    )
    assert found.score == pytest.approx(0.5, abs=0.05)


def test_shortcuts_of_few_groups_are_not_estimable():
    (found,) = shortcuts(dataset(target=["mel", "nv"] * 3, source=["a", "b"] * 3))
    assert (found.severity, found.score) == ("note", None)
    assert "not estimable" in found.message


def test_all_of_it_on_the_phantom(tmp_path: Path):
    made = make_dataset(tmp_path / "data", 80, size=48, seed=0)
    found = check([made])
    assert [SEVERITIES.index(f.severity) for f in found] == sorted(SEVERITIES.index(f.severity) for f in found)
    names = {f.check for f in found}
    assert {"confirmation", "licence", "near-duplicates", "label doubt"} <= names
    assert {f.dataset for f in found} == {made.card.name}
    assert not worst(of(found, "licence"))
    assert worst([Finding("x", "leak", "y")])
    split_file = made.manifest.with_columns(source_split=pl.Series(["train", "test"] * (len(made.manifest) // 2)))
    leaking = Dataset(made.path, made.card, split_file.with_columns(lesion_id=pl.lit("one"), patient_id=pl.lit("p")))
    assert worst(of(check([leaking]), "lesion in two parts"))  # what lint finds is among the findings
    with pytest.raises(CutisError, match="are both called"):
        check([made, made])
    with pytest.raises(CutisError, match="no dataset"):
        check([])


def test_ham10000_as_it_is(shared_data: Path, tmp_path: Path):
    """What is known of HAM10000: no lesion with two diagnoses, no patients, and follow-up only for nevi."""
    import cutis

    made = cutis.import_dataset(shared_data / "ham10000", tmp_path / "ham", table_only=True)
    assert checks.one_lesion_one_answer(made) == []
    assert [f.message for f in checks.identity(made)] == [
        "no patient ids: lesions of one patient count as independent, which they aren't"
    ]
    trust = {f.message.split(":")[0]: f.score for f in checks.confirmed(made)}
    assert trust["mel (malignant)"] == 1.0
    assert trust["nv"] == pytest.approx(2016 / 5485)
    (by_confirmation,) = [f for f in shortcuts(made) if f.message.startswith("how the diagnosis")]
    assert by_confirmation.severity == "warning"
    assert by_confirmation.score > 0.7
