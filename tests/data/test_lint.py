"""Leaks inside and between datasets, planted and counted by hand."""

from __future__ import annotations

from pathlib import Path

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cutis.data.dataset import Dataset, DatasetCard
from cutis.data.duplicates import PAIRS, write_duplicates
from cutis.data.lint import SHOWN, leaks, lint, total
from cutis.data.split import split
from cutis.errors import CutisError
from cutis.schema.classes import ClassInfo


def dataset(folder: Path, rows: list[dict[str, object]], name: str = "one") -> Dataset:
    table = pl.DataFrame(rows, infer_schema_length=None).with_columns(status=pl.lit("ok"), file=pl.lit("images/x.jpg"))
    if "target" not in table.columns:
        table = table.with_columns(target=pl.Series(["ab"[i % 2] for i in range(len(table))]))
    folder.mkdir(parents=True, exist_ok=True)
    classes = tuple(ClassInfo(code=c, name=c) for c in "ab")
    return Dataset(folder, DatasetCard(name=name, classes=classes), table).save_into(folder)


def found(findings, severity="leak") -> dict[str, int]:
    """check -> how many."""
    return {check: group.count for (s, check, *_), group in total(findings).items() if s == severity}


def test_a_sound_dataset_has_no_leak(tmp_path):
    made = dataset(tmp_path, [{"image_id": f"i{n}", "lesion_id": f"L{n // 2}"} for n in range(40)])
    split(made)
    assert leaks(lint([made])) == 0
    assert found(lint([tmp_path]), "note") == {"near-duplicates": 1}  # nobody looked, and that is said


def test_a_split_that_did_not_close_is_caught(tmp_path):
    rows = [{"image_id": f"i{n:02}", "lesion_id": f"L{n // 2}", "patient_id": f"P{n // 4}"} for n in range(40)]
    made = dataset(tmp_path, rows)
    done = split(made, close=["image"])
    parts = dict(done.table.select("image_id", "part").iter_rows())
    lesions = sum(len({parts[f"i{2 * k:02}"], parts[f"i{2 * k + 1:02}"]}) > 1 for k in range(20))
    patients = sum(len({parts[f"i{4 * k + j:02}"] for j in range(4)}) > 1 for k in range(10))
    assert lesions > 0
    assert found(lint([made])) == {"patient in two parts": patients, "lesion in two parts": lesions}
    assert done.proof.leaks == {"patient": patients, "lesion": lesions}


def test_the_sources_own_split_is_looked_at(tmp_path):
    rows = [
        {"image_id": "ISIC_0000001", "source_split": "Train", "lesion_id": "L1", "sha256": "x"},
        {"image_id": "isic_0000001_downsampled", "source_split": "test", "lesion_id": None, "sha256": "y"},
        {"image_id": "ISIC_0000003", "source_split": "val", "lesion_id": "L1", "sha256": "z"},
        {"image_id": "ISIC_0000004", "source_split": "Testing", "lesion_id": None, "sha256": "x"},
        {"image_id": "ISIC_0000005", "source_split": None, "lesion_id": "L1", "sha256": "z"},
    ]
    assert found(lint([dataset(tmp_path, rows)])) == {
        "lesion in two parts": 1,
        "image bytes in two parts": 1,
        "photograph in two parts": 1,
    }


def test_near_duplicates_across_parts_count_unless_decided(tmp_path):
    rows = [{"image_id": f"i{n}", "source_split": "test" if n < 4 else "train"} for n in range(12)]
    made = dataset(tmp_path, rows)
    pairs = [("one", a, "one", b, "near", 0.9) for a, b in (("i0", "i9"), ("i1", "i2"), ("i5", "i3"))]
    write_duplicates([made], pl.DataFrame(pairs, schema=PAIRS, orient="row"))
    assert found(lint([made])) == {"near-duplicate in two parts": 2}
    path = tmp_path / "duplicates.parquet"
    table = pl.read_parquet(path)
    table.with_columns(decision=pl.when(pl.col("image_id") == "i0").then(pl.lit("different"))).write_parquet(path)
    assert found(lint([made])) == {"near-duplicate in two parts": 1}


def test_between_datasets(tmp_path):
    mine = dataset(
        tmp_path / "mine",
        [
            {"image_id": "ISIC_0000001", "lesion_id": "L1", "patient_id": "1", "source": "HAM", "sha256": "a"},
            {"image_id": "ISIC_0000002", "lesion_id": "L2", "patient_id": "2", "source": "HAM", "sha256": "b"},
            {"image_id": "mine3", "lesion_id": "L3", "patient_id": "3", "source": "Rome", "sha256": "c"},
            {"image_id": "mine4", "lesion_id": None, "patient_id": None, "source": None, "sha256": None},
        ],
        "mine",
    )
    other = dataset(
        tmp_path / "other",
        [
            {"image_id": "isic_0000001_downsampled", "lesion_id": "L9", "source": "HAM", "sha256": "A"},
            {"image_id": "x2", "lesion_id": "L2", "patient_id": "77", "source": None, "sha256": "c"},
            {"image_id": "x3", "lesion_id": "L3", "patient_id": "3", "source": "Turin", "sha256": "d"},
            {"image_id": "x4", "lesion_id": None, "patient_id": None, "source": None, "sha256": None},
        ],
        "other",
    )  # fmt: skip
    write_duplicates([other], pl.DataFrame([("other", "x4", "mine", "mine4", "near", 0.8)], schema=PAIRS, orient="row"))
    findings = lint([mine], [other])
    assert found(findings) == {
        "same image id": 1,
        "same image bytes": 1,
        "same lesion id": 1,  # L2: one of the two doesn't say its source
        "near-duplicate in both": 1,
    }
    assert found(findings, "warning") == {"same lesion id": 1, "same patient id": 1}  # Rome's 3 and Turin's 3
    assert any(f.image_id == "mine4" and f.other_id == "x4" and f.score == 0.8 for f in findings)
    assert found(lint([other], [mine])) == found(findings)
    together = lint([mine, other])  # to be merged, perhaps: not a leak yet
    assert found(together) == {}
    assert found(together, "warning")["same image id"] == 1
    manifests = lint([tmp_path / "mine" / "manifest.parquet"], [tmp_path / "other" / "manifest.parquet"])
    assert found(manifests) == {k: v for k, v in found(findings).items() if "near" not in k}


def test_more_than_can_be_shown_are_still_counted(tmp_path):
    one = dataset(tmp_path / "a", [{"image_id": f"i{n}"} for n in range(SHOWN + 7)], "a")
    two = dataset(tmp_path / "b", [{"image_id": f"i{n}"} for n in range(SHOWN + 7)], "b")
    findings = [f for f in lint([one], [two]) if f.severity == "leak"]
    assert len(findings) == SHOWN + 1
    assert leaks(findings) == SHOWN + 7
    assert "7 more, 107 in all" in findings[-1].message


ids = st.lists(st.tuples(st.integers(0, 12), st.integers(0, 5)), min_size=1, max_size=15, unique_by=lambda t: t[0])


@settings(max_examples=25, deadline=None)
@given(ours=ids, theirs=ids)
def test_counts_are_those_of_plain_sets(ours, theirs, tmp_path_factory):
    folder = tmp_path_factory.mktemp("sets")
    for name, rows in (("a", ours), ("b", theirs)):
        pl.DataFrame(
            {"image_id": [f"i{i}" for i, _ in rows], "lesion_id": [f"L{j}" for _, j in rows]}
        ).write_parquet(folder / f"{name}.parquet")  # fmt: skip
    expected = {
        "same image id": len({i for i, _ in ours} & {i for i, _ in theirs}),
        "same lesion id": len({j for _, j in ours} & {j for _, j in theirs}),
    }
    assert found(lint([folder / "a.parquet"], [folder / "b.parquet"])) == {k: n for k, n in expected.items() if n}


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (None, "no such file"),
        (b"no table", "not a Parquet manifest"),
        (pl.DataFrame({"id": ["a"]}), "no column image_id"),
        (pl.DataFrame({"image_id": ["a", "a"]}), 'image_id "a" is in rows 1, 2'),
    ],
)
def test_what_is_no_manifest_is_refused(content, words, tmp_path):
    path = tmp_path / "m.parquet"
    if isinstance(content, bytes):
        path.write_bytes(content)
    elif content is not None:
        content.write_parquet(path)
    with pytest.raises(CutisError, match=words):
        lint([path])
    with pytest.raises(CutisError, match="not a Cutis dataset"):
        lint([tmp_path])


def test_a_stale_split_is_an_error_not_a_crash(tmp_path):
    made = dataset(tmp_path, [{"image_id": f"i{n}"} for n in range(20)])
    split(made)
    changed = made.manifest.with_columns(lesion_id=pl.lit("L"))
    Dataset(tmp_path, made.card, changed).save_into(tmp_path)
    findings = lint([tmp_path])
    assert found(findings, "error") == {"split": 1}
    assert "Split again" in findings[0].message
