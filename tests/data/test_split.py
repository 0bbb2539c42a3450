"""Splits: no patient or lesion crosses, classes keep their shares, and the proof says so."""

from __future__ import annotations

import csv
from pathlib import Path

import numpy as np
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import cutis
from cutis.data.dataset import Dataset, DatasetCard
from cutis.data.split import Proof, load_split, split
from cutis.errors import CutisError
from cutis.schema.classes import ClassInfo


def dataset(folder: Path, rows: list[dict[str, object]]) -> Dataset:
    """A dataset of these rows (image_id, target, lesion_id...), without image files."""
    table = pl.DataFrame(rows, infer_schema_length=None).with_columns(status=pl.lit("ok"), file=pl.lit("images/x.jpg"))
    if "image_id" not in table.columns:
        table = table.with_columns(image_id=pl.Series([f"i{n:05}" for n in range(len(table))]))
    codes = sorted(table["target"].drop_nulls().unique())
    card = DatasetCard(name="made up", classes=tuple(ClassInfo(code=c, name=c) for c in codes))
    folder.mkdir(parents=True, exist_ok=True)
    return Dataset(folder, card, table).save_into(folder)


def lesions(counts: dict[str, int], each: int = 2) -> list[dict[str, object]]:
    return [
        {"target": code, "lesion_id": f"{code}{lesion}"}
        for code, n in counts.items()
        for lesion in range(n)
        for _ in range(each)
    ]


def crossing(made: Dataset, table: pl.DataFrame, column: str = "part") -> int:
    """Patients and lesions in more than one part, counted straight from the manifest."""
    joined = made.manifest.join(table.select("image_id", pl.col(column).alias("where")), on="image_id")
    return sum(
        joined.drop_nulls(unit).group_by(unit).agg(pl.col("where").n_unique()).filter(pl.col("where") > 1).height
        for unit in ("lesion_id", "patient_id")
    )


# Lesions have one patient (or an unknown one), as the schema demands; anything else goes.
graphs = st.lists(
    st.tuples(st.sampled_from("abc"), st.integers(0, 25), st.booleans(), st.booleans(), st.integers(0, 8)),
    min_size=12,
    max_size=80,
)


@settings(max_examples=40, deadline=None)
@given(graph=graphs, seed=st.integers(0, 5), folds=st.sampled_from([None, 3]))
def test_no_patient_or_lesion_ever_crosses(graph, seed, folds, tmp_path_factory):
    rows = [
        {
            "target": target,
            "lesion_id": f"L{lesion}" if knows_lesion else None,
            "patient_id": f"P{lesion % 9 if knows_lesion else patient}" if knows_patient else None,
        }
        for target, lesion, knows_lesion, knows_patient, patient in graph
    ]
    made = dataset(tmp_path_factory.mktemp("graph"), rows)
    try:
        done = split(made, seed=seed, folds=folds)
    except CutisError as error:
        assert "one class only" in str(error) or "cannot fill" in str(error)  # noqa: PT017
        return
    assert crossing(made, done.table) == done.proof.shared_groups == 0
    assert set(done.table["part"]) == {"train", "val", "test"}
    assert sorted(done.table["image_id"]) == sorted(made.manifest["image_id"])
    if folds:
        assert crossing(made, done.table, "fold") == 0
        assert set(done.table["fold"]) == {0, 1, 2}


def test_the_order_of_rows_does_not_matter_and_the_seed_does(tmp_path):
    rows = [{"image_id": f"i{n}"} | r for n, r in enumerate(lesions({"a": 40, "b": 30}))]
    one = split(dataset(tmp_path / "one", rows), seed=1)
    two = split(dataset(tmp_path / "two", rows[::-1]), seed=1)
    assert one.table.equals(two.table)
    assert one.proof == two.proof
    assert split(dataset(tmp_path / "three", rows), seed=2).proof.digest != one.proof.digest


def test_each_class_keeps_its_share(tmp_path):
    done = split(dataset(tmp_path, lesions({"common": 200, "rare": 10, "three": 3})), test=0.2, val=0.1)
    got = {code: [row[p].groups for p in ("train", "val", "test")] for code, row in done.proof.classes.items()}
    assert got == {"common": [140, 20, 40], "rare": [7, 1, 2], "three": [1, 1, 1]}
    assert done.proof.warnings == ()
    assert done.proof.parts["train"].images == 2 * 148


def test_rare_classes_go_to_train_first_and_the_proof_warns(tmp_path):
    done = split(dataset(tmp_path, lesions({"a": 30, "one": 1, "two": 2})))
    table = {code: {p: c.groups for p, c in row.items()} for code, row in done.proof.classes.items()}
    assert table["one"] == {"train": 1, "val": 0, "test": 0}
    assert table["two"] == {"train": 1, "val": 0, "test": 1}
    assert any('class "one" has 1 group: not in every part' in w for w in done.proof.warnings)
    assert "warning: " in done.proof.format()


def test_unlabelled_and_broken_images_are_left_out_but_still_tie(tmp_path):
    # a-lesion A and b-lesion B share patient P only through an image without label.
    rows = [{"target": c, "lesion_id": f"{c}{n}", "patient_id": None} for c in "ab" for n in range(10)]
    rows += [
        {"target": None, "lesion_id": "a0", "patient_id": "P"},
        {"target": None, "lesion_id": "b0", "patient_id": "P"},
    ]
    made = dataset(tmp_path, rows)
    done = split(made)
    parts = dict(done.table.select("image_id", "part").iter_rows())
    assert done.proof.excluded == {"without a label": 2}
    assert parts["i00000"] == parts["i00010"]
    assert done.proof.groups == 19
    broken = made.manifest.with_columns(
        status=pl.when(pl.col("image_id") == "i00003").then(pl.lit("error")).otherwise("status")
    )
    again = split(Dataset(tmp_path, made.card, broken).save_into(tmp_path), overwrite=True)
    assert again.proof.excluded == {"not readable": 1, "without a label": 2}


@pytest.mark.parametrize(
    ("rows", "options", "words"),
    [
        (lesions({"a": 9, "b": 9}), {"test": 0.8, "val": 0.2}, "leave no train part"),
        (lesions({"a": 9, "b": 9}), {"test": -0.1}, "leave no train part"),
        (lesions({"a": 9, "b": 9}), {"test": float("nan")}, "leave no train part"),
        (lesions({"a": 9, "b": 9}), {"test": 0, "val": 0}, "nothing to split"),
        (lesions({"a": 9, "b": 9}), {"folds": 2}, "expected 3 or more"),
        (lesions({"a": 9, "b": 9}), {"folds": 30}, "18 groups .* cannot fill 30 parts"),
        (lesions({"a": 9}), {}, 'one class only \\("a"\\)'),
        (lesions({"a": 1, "b": 1}), {}, "2 groups .* cannot fill 3 parts"),
        ([{"target": c, "patient_id": "P"} for c in "abab"], {}, "1 groups .* cannot fill"),
        ([{"target": None, "lesion_id": "x"}], {}, "no labelled, readable image"),
        (lesions({"a": 9, "b": 9}), {"source": True}, r'source_split holds "\(empty\)" \(36\)'),
        (lesions({"a": 9, "b": 9}), {"source": True, "folds": 3}, "no folds"),
    ],
)
def test_impossible_requests_are_refused(rows, options, words, tmp_path):
    made = dataset(tmp_path, rows)
    with pytest.raises(CutisError, match=words):
        split(made, **options)
    assert not (tmp_path / "splits").exists()


def test_the_sources_split_is_adopted_or_refused(tmp_path):
    parts = ["Training", "valid", "TEST"]
    rows = [r | {"source_split": parts[n // 2 % 3]} for n, r in enumerate(lesions({"a": 9, "b": 9}))]
    done = split(dataset(tmp_path / "good", rows), source=True)
    assert done.proof.parts["val"].images == 12
    assert done.proof.seed is None
    leaky = [r | {"source_split": parts[n % 3]} for n, r in enumerate(lesions({"a": 9, "b": 9}))]
    with pytest.raises(
        CutisError, match=r"puts 18 groups \(by lesion\) in more than one part; the first: i00000 in train"
    ):
        split(dataset(tmp_path / "leaky", leaky), source=True)
    strange = [r | {"source_split": "holdout"} for r in rows]
    with pytest.raises(CutisError, match=r'source_split holds "holdout" \(36\); known are train'):
        split(dataset(tmp_path / "strange", strange), source=True)


def test_folds(tmp_path):
    made = dataset(tmp_path, lesions({"a": 50, "b": 20}))
    done = split(made, folds=5)
    assert load_split(made).proof == done.proof
    tested: list[str] = []
    for k in range(5):
        fold = done.fold(k)
        assert crossing(made, fold.table) == 0
        assert fold.proof.classes["b"]["test"].groups == 4
        tested += fold.ids("test")
        assert not set(fold.ids("val")) & set(fold.ids("test"))
    assert sorted(tested) == sorted(made.manifest["image_id"])
    assert done.fold(0).ids("test") == done.ids("test")
    with pytest.raises(CutisError, match=r"fold 5: the split has folds 0\.\.4"):
        done.fold(5)
    with pytest.raises(CutisError, match="no folds"):
        split(made, overwrite=True).fold(0)


def test_load_verifies(tmp_path):
    made = dataset(tmp_path, lesions({"a": 20, "b": 20}))
    with pytest.raises(CutisError, match="not split yet"):
        load_split(made)
    done = split(tmp_path)
    assert load_split(tmp_path).table.equals(done.table)
    assert Proof.model_validate(done.proof.model_dump(mode="json")) == done.proof
    with pytest.raises(CutisError, match="is split already"):
        split(made)
    assert split(made, seed=9, overwrite=True).proof.digest != done.proof.digest
    path = tmp_path / "splits" / "default.parquet"
    table = pl.read_parquet(path)
    table.with_columns(part=pl.lit("train")).write_parquet(path)
    with pytest.raises(CutisError, match=r"it was changed. Split again"):
        load_split(made)
    path.write_bytes(b"no parquet")
    with pytest.raises(CutisError, match=r"damaged. Split again"):
        load_split(made)
    table.write_parquet(path)
    changed = made.manifest.with_columns(target=pl.lit("a"))
    Dataset(tmp_path, made.card, changed).save_into(tmp_path)
    with pytest.raises(CutisError, match="made for other images or labels"):
        load_split(tmp_path)
    with pytest.raises(CutisError, match='no part "dev"; it has train, val, test'):
        done.ids("dev")


def test_real_ham10000(shared_data, tmp_path):
    with (shared_data / "ham10000" / "metadata.csv").open(newline="") as f:
        rows = [
            {k: r[c] for k, c in (("image_id", "image_id"), ("lesion_id", "lesion_id"), ("target", "diagnosis"),
                                  ("source_split", "split"))}
            for r in csv.DictReader(f)
        ]  # fmt: skip
    made = dataset(tmp_path, rows)
    own = split(made, source=True)
    assert own.proof.shared_groups == crossing(made, own.table) == 0
    assert own.proof.unit == "lesion"
    assert {p: c.images for p, c in own.proof.parts.items()} == {"train": 5727, "val": 991, "test": 1481}
    ours = cutis.split(tmp_path, test=0.2, val=0.1, overwrite=True)
    assert crossing(made, ours.table) == 0
    for row in ours.proof.classes.values():
        groups = sum(c.groups for c in row.values())
        for part, share in (("train", 0.7), ("val", 0.1), ("test", 0.2)):
            assert abs(row[part].groups - share * groups) <= 1
            images = sum(c.images for c in row.values())
            assert abs(row[part].images - share * images) <= max(3, 0.03 * images)
    text = ours.proof.format()
    assert "shared groups = 0" in text
    assert np.all([f"{code:<5}" in text for code in made.codes])
