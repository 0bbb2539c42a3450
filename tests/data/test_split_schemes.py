"""Closing over near-duplicates, folds and sources: no split ever crosses a group, and what was not closed is said."""

from __future__ import annotations

import itertools
from pathlib import Path

import polars as pl
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from cutis.data.dataset import Dataset, DatasetCard
from cutis.data.duplicates import PAIRS, RECORDED, read_duplicates, write_duplicates
from cutis.data.split import Split, load_split, split
from cutis.errors import CutisError
from cutis.schema.classes import ClassInfo


def dataset(folder: Path, rows: list[dict[str, object]], name: str = "made up") -> Dataset:
    table = pl.DataFrame(rows, infer_schema_length=None).with_columns(status=pl.lit("ok"), file=pl.lit("images/x.jpg"))
    if "image_id" not in table.columns:
        table = table.with_columns(image_id=pl.Series([f"i{n:03}" for n in range(len(table))]))
    classes = tuple(ClassInfo(code=c, name=c) for c in "abc")
    folder.mkdir(parents=True, exist_ok=True)
    return Dataset(folder, DatasetCard(name=name, classes=classes), table).save_into(folder)


def record(made: Dataset, pairs: list[tuple[str, str]], other: str | None = None) -> None:
    name = made.card.name
    rows = [(name, a, other or name, b, "near", 0.9) for a, b in pairs]
    write_duplicates([made], pl.DataFrame(rows, schema=PAIRS, orient="row"))


def decide(made: Dataset, image_id: str, decision: str) -> None:
    path = made.path / "duplicates.parquet"
    table = read_duplicates(made)
    mine = pl.col("image_id") == image_id
    table.with_columns(decision=pl.when(mine).then(pl.lit(decision)).otherwise("decision")).write_parquet(path)


def simple(n: int = 20) -> list[dict[str, object]]:
    return [{"target": "ab"[i % 2], "lesion_id": f"L{i:03}", "source": "ABCD"[i % 4]} for i in range(n)]


def part_of(made: Split) -> dict[str, str | None]:
    return dict(made.table.select("image_id", "part").iter_rows())


def components(manifest: pl.DataFrame, pairs: list[tuple[str, str]]) -> dict[str, int]:
    """image_id -> group, by merging until nothing changes."""
    rows = manifest.select("image_id", "lesion_id", "patient_id").rows()
    group = {r[0]: i for i, r in enumerate(rows)}
    tied = [
        (a[0], b[0])
        for a, b in itertools.combinations(rows, 2)
        if (a[1] is not None and a[1] == b[1]) or (a[2] is not None and a[2] == b[2])
    ]
    while True:
        changed = False
        for a, b in [*tied, *pairs]:
            if group[a] != group[b]:
                group[a] = group[b] = min(group[a], group[b])
                changed = True
        if not changed:
            return group


images = st.lists(
    st.tuples(
        st.sampled_from("abc"), st.none() | st.integers(0, 12), st.none() | st.integers(0, 9), st.sampled_from("ABC")
    ),
    min_size=14,
    max_size=40,
)
pairs = st.lists(st.tuples(st.integers(0, 13), st.integers(0, 13)).filter(lambda p: p[0] != p[1]), max_size=8)
schemes = st.sampled_from(
    [{"scheme": "holdout"}, {"scheme": "kfold", "folds": 3}, {"folds": 4}, {"scheme": "leave-one-source-out"}]
)


@settings(max_examples=50, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(images=images, pairs=pairs, scheme=schemes, seed=st.integers(0, 3))
def test_no_split_ever_crosses_a_group(images, pairs, scheme, seed, tmp_path_factory):
    rows = [
        {
            "target": target,
            "lesion_id": None if lesion is None else f"L{lesion}",
            # A lesion has one patient, as the schema demands.
            "patient_id": f"P{lesion % 5}" if lesion is not None and lesion % 2 else None if patient is None
            else f"Q{patient}" if lesion is None else None,
            "source": source,
        }
        for target, lesion, patient, source in images
    ]  # fmt: skip
    made = dataset(tmp_path_factory.mktemp("graph"), rows)
    named = [(f"i{a:03}", f"i{b:03}") for a, b in pairs]
    record(made, named)
    try:
        done = split(made, seed=seed, **scheme)
    except CutisError as error:
        assert any(w in str(error) for w in ("one class only", "cannot fill", "one source only"))  # noqa: PT017
        return
    group = components(made.manifest, named)
    assert done.proof.shared_groups == 0
    assert done.proof.leaks == {}
    folds = range(done.proof.folds) if done.proof.folds else [None]
    tested: list[str] = []
    for k in folds:
        fold = done if k is None else done.fold(k)
        places: dict[int, set[str]] = {}
        for image_id, part in part_of(fold).items():
            if part is not None:
                places.setdefault(group[image_id], set()).add(part)
        assert all(len(parts) == 1 for parts in places.values())
        tested += fold.ids("test")
    if done.proof.folds:
        assert sorted(tested) == sorted(made.manifest["image_id"])
    assert load_split(made).table.equals(done.table)


def test_near_duplicates_close_groups_until_they_are_decided_different(tmp_path):
    made = dataset(tmp_path, simple())
    record(made, [("i000", "i007"), ("i007", "i013"), ("i002", "i003")])
    done = split(made)
    part = part_of(done)
    assert part["i000"] == part["i007"] == part["i013"]
    assert part["i002"] == part["i003"]
    assert done.proof.unit == "lesion or near-duplicate"
    assert done.proof.groups == 17
    decide(made, "i007", "different")
    assert split(made, overwrite=True).proof.groups == 18
    decide(made, "i000", "same")
    assert split(made, overwrite=True).proof.groups == 18
    for image_id in ("i000", "i002"):
        decide(made, image_id, "different")
    again = split(made, overwrite=True)
    assert again.proof.groups == 20
    assert again.proof.unit == "lesion"


def test_two_copies_of_an_image_elsewhere_are_tied(tmp_path):
    made = dataset(tmp_path, simple())
    record(made, [("i000", "theirs"), ("i009", "theirs")], other="another dataset")
    part = part_of(split(made))
    assert part["i000"] == part["i009"]


def test_decisions_outlive_a_new_search(tmp_path):
    made = dataset(tmp_path, simple())
    record(made, [("i000", "i001"), ("i002", "i003"), ("i004", "i005")])
    decide(made, "i000", "different")
    decide(made, "i002", "same")
    record(made, [("i001", "i000"), ("i006", "i007")])  # found the other way round; i002 and i004 not found again
    table = read_duplicates(made)
    assert {(a, b): d for a, b, d in table.select("image_id", "other_id", "decision").rows()} == {
        ("i000", "i001"): "different",
        ("i002", "i003"): "same",
        ("i006", "i007"): None,
    }
    assert dict(table.schema) == RECORDED
    clusters = dict(table.select("image_id", "cluster").rows())
    assert clusters["i000"] is None
    assert clusters["i002"] != clusters["i006"]


def test_what_is_known_but_not_closed_is_stamped(tmp_path):
    rows = [{"target": "ab"[i % 2], "lesion_id": f"L{i // 4}", "patient_id": f"P{i // 8}"} for i in range(48)]
    made = dataset(tmp_path, rows)
    by_image = split(made, close=["image"])
    assert by_image.proof.unit == "image"
    assert by_image.proof.leaks["patient"] > 0
    assert by_image.proof.leaks["lesion"] > 0
    assert "LEAK, as asked" in by_image.proof.format()
    assert "LEAK, as asked" in by_image.proof.summary()
    by_lesion = split(made, close=["lesion"], overwrite=True)
    assert by_lesion.proof.unit == "lesion"
    assert "patient" in by_lesion.proof.leaks
    assert "lesion" not in by_lesion.proof.leaks
    assert load_split(made).proof.leaks == by_lesion.proof.leaks
    assert split(made, overwrite=True).proof.leaks == {}


def test_leave_one_source_out(tmp_path):
    made = dataset(tmp_path, simple(80))
    done = split(made, scheme="leave-one-source-out", val=0.2)
    assert done.proof.fold_names == ("A", "B", "C", "D")
    for k, name in enumerate("ABCD"):
        fold = done.fold(k)
        source = dict(made.manifest.select("image_id", "source").iter_rows())
        assert {source[i] for i in fold.ids("test")} == {name}
        assert len(fold.ids("test")) == 20
        assert name not in {source[i] for part in ("train", "val") for i in fold.ids(part)}
        assert 8 <= len(fold.ids("val")) <= 16
    assert "fold 2 tests C" in done.proof.format()


def test_a_group_of_two_sources_never_trains_against_itself(tmp_path):
    rows = simple(40)
    rows[0]["lesion_id"] = rows[1]["lesion_id"] = "shared"  # sources A and B
    made = dataset(tmp_path, rows)
    done = split(made, scheme="leave-one-source-out", val=0)
    assert part_of(done.fold(0))["i000"] == "test"
    assert part_of(done.fold(0))["i001"] is None
    assert part_of(done.fold(1))["i000"] is None
    assert part_of(done.fold(1))["i001"] == "test"
    assert part_of(done.fold(2))["i000"] == part_of(done.fold(2))["i001"] == "train"
    assert any("1 groups reach over several sources (the first: i000, A and B)" in w for w in done.proof.warnings)
    nameless = Dataset(
        tmp_path, made.card,
        made.manifest.with_columns(source=pl.when(pl.col("image_id") != "i005").then("source")),
    ).save_into(tmp_path)  # fmt: skip
    assert split(nameless, scheme="leave-one-source-out", overwrite=True).proof.excluded == {"without a source": 1}


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"scheme": "k-fold"}, 'did you mean "kfold"'),
        ({"scheme": "holdout", "folds": 3}, "drop --folds or say --scheme kfold"),
        ({"scheme": "holdout", "source": True}, "no scheme"),
        ({"close": ["lesions"]}, 'did you mean "lesion"'),
        ({"close": ["image", "lesion"]}, "say it alone"),
        ({"close": []}, "names nothing"),
        ({"close": ["near-duplicate"]}, "never looked for .* cutis lint .* --look"),
        ({"scheme": "leave-one-source-out"}, r'one source only \("A"\)'),
        ({"scheme": "leave-one-source-out", "val": 1.0}, "one source only"),
    ],
)
def test_impossible_requests_are_refused(options, words, tmp_path):
    made = dataset(tmp_path, [r | {"source": "A"} for r in simple()])
    with pytest.raises(CutisError, match=words):
        split(made, **options)
    assert not (tmp_path / "splits").exists()


def test_a_spoilt_record_is_refused(tmp_path):
    made = dataset(tmp_path, simple())
    record(made, [("i000", "i001")])
    decide(made, "i000", "sama")
    with pytest.raises(CutisError, match=r'duplicates.parquet: row 1: decision "sama": did you mean "same"'):
        split(made)
    read = pl.read_parquet(tmp_path / "duplicates.parquet").drop("kind")
    read.write_parquet(tmp_path / "duplicates.parquet")
    with pytest.raises(CutisError, match="no column kind"):
        split(made)
    (tmp_path / "duplicates.parquet").write_bytes(b"no table")
    with pytest.raises(CutisError, match="damaged"):
        split(made)


def test_the_report_says_what_was_let_through(tmp_path):
    from cutis.report.split_proof import proof

    rows = [{"target": "ab"[i % 2], "lesion_id": f"L{i // 4}"} for i in range(48)]
    made = dataset(tmp_path, rows)
    text = proof(split(made, close=["image"]).proof.model_dump(mode="json"), "test")
    assert text.kind == "broken"
    assert "lesions" in text.verdict
    record(made, [("i000", "i007")])
    closed = proof(split(made, overwrite=True).proof.model_dump(mode="json"), "test")
    assert closed.kind == "held"
    assert "0 are in more than one part" in closed.verdict
    assert closed.unit == "lesions or near-duplicates"
