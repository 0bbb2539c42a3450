"""Two predictions files: how they are joined or refused, paired differences, McNemar, and the command."""

from __future__ import annotations

import csv
import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import polars as pl
import pytest
from evaluate_world import predictions, random_world
from scipy.stats import binomtest

from cutis.cli import main
from cutis.errors import CutisError
from cutis.evaluate.compare import compare
from cutis.evaluate.measure import measure
from cutis.schema.comparison import Comparison, Paired
from cutis.schema.predictions import Predictions


def other(world: Predictions, seed: int, share: float = 0.3) -> Predictions:
    """The same images by another model: a share of the rows have their probabilities turned round."""
    rng = np.random.default_rng(seed)
    p = world.probabilities()
    turned = rng.random(len(p)) < share
    p[turned] = np.roll(p[turned], 1, axis=1)
    codes = world.codes
    columns = {f"p_{c}": p[:, k] for k, c in enumerate(codes)}
    return replace(
        world,
        table=world.table.with_columns(
            **{name: pl.Series(v) for name, v in columns.items()},
            predicted=pl.Series([codes[k] for k in p.argmax(1)]),
        ),
    )


def get(found: Comparison, metric: str, code: str | None = None, *group: str) -> Paired:
    paired = found.find(metric, code, *group)
    assert paired is not None, (metric, code, group)
    return paired


def test_differences_are_those_of_the_two_evaluations() -> None:
    one = random_world(0)
    two = other(one, 1)
    found = compare(one, two, resamples=60)
    before, after = measure(one, resamples=60), measure(two, resamples=60)
    assert (found.rows, found.units, found.unit) == (300, before.counts.units, "lesion")
    assert len(found.measured) > 100
    for m in found.measured:
        a = before.find(m.metric, m.class_code, m.attribute, m.group)
        b = after.find(m.metric, m.class_code, m.attribute, m.group)
        assert a is not None
        assert b is not None
        assert (m.first, m.second) == (a.value, b.value)
        if m.value is None:
            assert m.status == "not estimable"
            assert m.reason
        else:
            assert m.value == b.value - a.value  # type: ignore[operator]
            assert (m.low is None) == (m.high is None)
            assert m.low is not None or m.reason
    for m in found.fairness:
        a, b = before.find(m.metric, m.class_code, m.attribute), after.find(m.metric, m.class_code, m.attribute)
        assert a is not None
        assert b is not None
        assert (m.first, m.second) == (a.value, b.value)
    assert get(found, "eod", None, "sex").value is not None


def test_pairing_narrows_the_interval() -> None:
    """Two models that differ on a few rows: unpaired, the difference would be as uncertain as both together."""
    one = random_world(2, n=600, units=300)
    two = other(one, 3, share=0.05)
    paired = get(compare(one, two, by=[], resamples=200), "accuracy")
    alone = [measure(w, by=[], resamples=200).find("accuracy") for w in (one, two)]
    assert paired.low is not None
    assert paired.high is not None
    widths = [m.high - m.low for m in alone if m and m.high is not None and m.low is not None]
    assert paired.high - paired.low < 0.6 * np.hypot(*widths)
    assert paired.low <= paired.value <= paired.high  # type: ignore[operator]


def test_a_file_against_itself_differs_by_nothing() -> None:
    world = random_world(0)
    found = compare(world, world, by=["sex"], resamples=60)
    assert {m.value for m in [*found.measured, *found.fairness]} <= {0.0, None}
    assert {m.low for m in found.measured} == {None}
    assert "nearly all resamples give the same difference" in get(found, "accuracy").reason
    assert [(m.only_first, m.only_second, m.p) for m in found.mcnemar] == [(0, 0, 1.0)] * 3


def test_order_of_rows_and_of_classes_changes_nothing() -> None:
    one = random_world(0, n=120, units=60)
    two = other(one, 1)
    info = two.info.model_copy(update={"classes": two.info.classes[::-1]})
    shuffled = Predictions(two.table.sample(fraction=1, shuffle=True, seed=1), info)
    a, b = (compare(one, w, by=["sex"], resamples=60) for w in (two, shuffled))
    assert a.model_dump(exclude={"created"}) == b.model_dump(exclude={"created"})


def test_mcnemar_by_hand() -> None:
    """10 rows only the first has right, 2 only the second: p = 2 P(X <= 2 | 12, 1/2) = 2 * 79 / 4096."""
    right, wrong = [0.8, 0.2], [0.3, 0.7]
    p_one = [right] * 10 + [wrong] * 2 + [right] * 18 + [wrong] * 10
    p_two = [wrong] * 10 + [right] * 2 + [right] * 18 + [wrong] * 10
    one, two = (predictions(p, ["nv"] * 40, ["nv", "mel"], sex=["male"] * 12 + ["female"] * 28) for p in (p_one, p_two))
    found = compare(one, two, by=["sex"], resamples=60)
    whole, male, female = found.mcnemar
    assert (whole.only_first, whole.only_second, whole.n) == (10, 2, 40)
    assert whole.p == pytest.approx(2 * 79 / 4096)
    assert (male.group, male.p) == ("male", pytest.approx(binomtest(2, 12).pvalue))
    assert (female.group, female.n, female.p) == ("female", 28, 1.0)
    assert get(found, "accuracy").value == pytest.approx(-8 / 40)
    assert not any("McNemar" in note for note in found.notes)
    assert any("McNemar" in note for note in compare(random_world(0), random_world(0), by=[], resamples=60).notes)


def test_what_is_in_one_file_only_is_left_out_and_said() -> None:
    world = random_world(0, n=100, units=50)
    table = world.table.sort("image_id")
    one, two = replace(world, table=table[:90]), replace(world, table=table[10:])
    found = compare(one, two, by=[], resamples=60)
    assert found.rows == 80
    assert found.notes[0].startswith("10 images are only in the first file and left out (i00000, i00001, i00002, ...)")
    assert found.notes[1].startswith("10 images are only in the second file")


def test_errors_and_missing_targets_of_either_are_left_out() -> None:
    world = random_world(0, n=60, units=30)
    codes = [f"p_{c}" for c in world.codes]
    table = world.table.with_row_index("row")
    broken = table.with_columns(
        pl.when(pl.col("row") < 4).then(None).otherwise(pl.col(c)).alias(c) for c in [*codes, "predicted"]
    ).with_columns(status=pl.when(pl.col("row") < 4).then(pl.lit("error")).otherwise(pl.col("status")))
    blank = table.with_columns(target=pl.when(pl.col("row") > 56).then(None).otherwise(pl.col("target")))
    found = compare(replace(world, table=broken.drop("row")), replace(world, table=blank.drop("row")), resamples=60)
    assert found.rows == 53
    assert '4 images have status "error" in one of the files and are left out.' in found.notes
    assert "3 images have no target and are left out." in found.notes


def test_identity_and_attributes_are_taken_from_either() -> None:
    world = random_world(0, n=60, units=30)
    bare = world.table.with_columns(lesion_id=pl.lit(None, pl.String)).drop("sex")
    for pair in ((world.table, bare), (bare, world.table)):
        found = compare(*(replace(world, table=t) for t in pair), by=["sex"], resamples=60)
        assert (found.unit, found.units) == ("lesion", measure(world, resamples=60).counts.units)
        assert found.find("accuracy", None, "sex", "male") is not None


def edit(**columns: pl.Expr) -> Callable[[Predictions], Predictions]:
    return lambda world: replace(world, table=world.table.with_columns(**columns))


def reclass(**change: object) -> Callable[[Predictions], Predictions]:
    def changed(world: Predictions) -> Predictions:
        classes = tuple(c.model_copy(update=change) if c.code == "bkl" else c for c in world.info.classes)
        table = world.table.rename({"p_bkl": f"p_{change['code']}"}) if "code" in change else world.table
        if "code" in change:
            table = table.with_columns(
                pl.col("target", "predicted").replace("bkl", change["code"]),
                pl.col("set").list.eval(pl.element().replace("bkl", change["code"])),
            )
        return Predictions(table, world.info.model_copy(update={"classes": classes}))

    return changed


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (edit(target=pl.lit("nv")), r'image "i0000\d": target is "\w+" in the first file and "nv" in the second'),
        (edit(image_id=pl.col("image_id") + ".jpg"), r'no image_id is in both: the one has "i00000", .* "i00000.jpg"'),
        (edit(lesion_id=pl.lit("x") + pl.col("lesion_id")), r'lesion_id is "l\d+" in the first file and "xl\d+" in'),
        (reclass(code="bkk"), 'the second file: no class "bkl", which the first file has: did you mean "bkk"'),
        (reclass(malignant=True), 'class "bkl" is benign in the first file and malignant in the second file'),
    ],
)
def test_what_can_not_be_compared_is_refused(change: Callable[[Predictions], Predictions], words: str) -> None:
    world = random_world(0, n=40, units=20)
    with pytest.raises(CutisError, match=words) as caught:
        compare(world, change(world), resamples=60)
    assert "\n" not in str(caught.value)


def test_a_class_that_only_one_file_calls_malignant_is_said() -> None:
    world = random_world(0, n=40, units=20)
    found = compare(world, reclass(malignant=None)(world), by=[], resamples=60)
    assert any(n.startswith('Class "bkl" is benign in the first file and neither') for n in found.notes)


def test_another_systems_csv(tmp_path: Path) -> None:
    world = random_world(0)
    columns = ["image_id", "lesion_id", "target", "predicted", *(f"p_{c}" for c in world.codes)]
    world.table.select(columns).write_csv(tmp_path / "theirs.csv")
    found = compare(world, tmp_path / "theirs.csv", by=["sex"], resamples=60)
    assert found.second.name == "theirs.csv"
    assert get(found, "accuracy").value == 0
    assert get(found, "accuracy", None, "sex", "male").first is not None


def run(*arguments: object) -> int:
    with pytest.raises(SystemExit) as done:
        main([str(a) for a in arguments])
    return int(done.value.code or 0)


def test_the_command_prints_a_table_and_writes_both_files(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    world = random_world(0)
    before, after = world.save(tmp_path / "before.parquet"), other(world, 1).save(tmp_path / "after.parquet")
    out = tmp_path / "vergleich für alle"
    assert run("compare", before, after, "--by", "sex,sex*fitzpatrick_skin_type", "--out", out, "--resamples", 60) == 0
    said = capsys.readouterr().out
    for words in (
        "first:  before.parquet",
        "second: after.parquet",
        "accuracy by group",
        "sex male",
        "McNemar",
        "eod, sex",
    ):
        assert words in said
    assert {p.name for p in out.iterdir()} == {"compare.json", "compare.csv"}
    content = json.loads((out / "compare.json").read_text())
    made = Comparison.model_validate(content)
    with (out / "compare.csv").open(newline="", encoding="utf-8") as f:
        rows = list(csv.DictReader(f))
    assert len(rows) == len(made.measured) + len(made.fairness)
    accuracy = made.find("accuracy")
    assert accuracy is not None
    assert float(rows[0]["first"]) == accuracy.first
    assert f"{accuracy.value:+.3f}" in said
    assert run("compare", before, after, "--out", out) == 2
    assert "exists already" in capsys.readouterr().err


def test_the_command_refuses_in_one_line(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    world = random_world(0, n=40, units=20)
    before = world.save(tmp_path / "a.parquet")
    after = edit(target=pl.lit("nv"))(world).save(tmp_path / "b.parquet")
    assert run("compare", before, after, "--out", tmp_path / "out") == 2
    error = capsys.readouterr().err
    assert error.count("\n") == 1
    assert "b.parquet" in error
    assert not (tmp_path / "out").exists()
    assert run("compare", before, tmp_path / "gone.parquet") == 2
