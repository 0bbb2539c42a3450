"""Hand-worked cases at the edges: nothing is 0, 1 or NaN in disguise."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import polars as pl
import pytest
from evaluate_world import predictions, random_world

from cutis.errors import CutisError
from cutis.evaluate.measure import measure
from cutis.files import sha256_file
from cutis.schema.evidence import Evidence, Measured


def get(evidence: Evidence, metric: str, code: str | None = None, *group: str) -> Measured:
    found = evidence.find(metric, code, *group)
    assert found is not None, (metric, code, group)
    return found


def check_honest(evidence: Evidence) -> None:
    """What holds of every evidence whatever the table."""
    keys = [(m.metric, m.class_code, m.attribute, m.group) for m in evidence.measured]
    assert len(set(keys)) == len(keys)
    for m in evidence.measured:
        assert (m.low is None) == (m.high is None)
        assert (m.value is None) == (m.status == "not estimable")
        if m.value is None:
            assert m.low is None
            assert m.reason
        elif m.low is None:
            assert m.reason
        else:
            assert m.high is not None
            assert m.n_units >= 10
            assert m.low < m.high
            assert m.low >= 0 or m.metric.startswith("net_benefit_")
            assert m.low <= m.value <= m.high or m.metric != "accuracy"
        assert m.unit == evidence.unit
    json.dumps(evidence.model_dump(mode="json"), allow_nan=False)


@pytest.mark.parametrize("seed", range(6))
@pytest.mark.parametrize("n", [1, 4, 9, 12, 60])
def test_small_random_tables(seed: int, n: int) -> None:
    check_honest(measure(random_world(seed, n=n, units=max(1, n // 2)), resamples=40))


def test_one_row() -> None:
    found = measure(predictions([[0.7, 0.3]], ["nv"], ["nv", "mel"]), resamples=40)
    check_honest(found)
    assert all(m.value is None for m in found.measured)
    assert get(found, "accuracy").reason == "only 1 lesion; you need 4 more"
    assert found.confusion == [[1, 0], [0, 0]]
    assert found.roc == []


def test_no_rows() -> None:
    world = predictions(np.zeros((0, 2)), [], ["nv", "mel"])
    with pytest.raises(CutisError, match="nothing to evaluate: the table has no rows"):
        measure(world)


def test_no_targets() -> None:
    with pytest.raises(CutisError, match="nothing to evaluate: no row has a target"):
        measure(predictions(np.full((3, 2), 0.5), [None] * 3, ["nv", "mel"]))


def test_only_errors() -> None:
    world = predictions(np.full((2, 2), 0.5), ["nv", "mel"], ["nv", "mel"], status=["error"] * 2, predicted=[None] * 2)
    with pytest.raises(CutisError, match='nothing to evaluate: every labelled row has status "error"'):
        measure(world)


def test_one_class_only() -> None:
    """All rows are nevi: no ranking, and sensitivity to melanoma is unknown, not 0 or 1."""
    rng = np.random.default_rng(0)
    p = rng.dirichlet([4, 2], 50)
    found = measure(predictions(p, ["nv"] * 50, ["nv", "mel"], points={"a": 0.5}), resamples=100)
    check_honest(found)
    right = float((p[:, 0] > p[:, 1]).mean())
    assert get(found, "accuracy").value == pytest.approx(right)
    balanced = get(found, "balanced_accuracy")
    assert balanced.value == pytest.approx(right)
    assert balanced.reason == "over 1 of 2 classes (none of mel here)"
    for metric, code in [("macro_auroc", None), ("auroc", "nv"), ("auroc", "malignant"), ("sensitivity", "mel")]:
        assert get(found, metric, code).value is None
    assert get(found, "sensitivity", "mel").reason == "only 0 lesions of class mel; you need 5 more"
    assert get(found, "macro_auroc").reason == "all rows are of one class; you need rows of at least two"
    assert get(found, "sensitivity_at_point_a", "malignant").value is None
    assert get(found, "specificity_at_point_a", "malignant").value == pytest.approx(right, abs=0.03)
    assert any("No rows of mel" in note for note in found.notes)


def test_all_right_is_not_certainty() -> None:
    """12 of 12: the exact interval starts at 0.025^(1/12) = 0.735; a bootstrap would say 1 to 1."""
    p = np.array([[0.9, 0.1]] * 6 + [[0.2, 0.8]] * 6)
    found = measure(predictions(p, ["nv"] * 6 + ["mel"] * 6, ["nv", "mel"]), resamples=100)
    check_honest(found)
    accuracy = get(found, "accuracy")
    assert (accuracy.value, accuracy.high) == (1.0, 1.0)
    assert accuracy.low == pytest.approx(0.025 ** (1 / 12))
    auroc = get(found, "auroc", "mel")
    assert auroc.value == 1.0
    assert auroc.low is None
    assert found.mistakes == []


def test_all_wrong() -> None:
    p = np.array([[0.1, 0.9]] * 6 + [[0.8, 0.2]] * 6)
    found = measure(predictions(p, ["nv"] * 6 + ["mel"] * 6, ["nv", "mel"]), resamples=100)
    check_honest(found)
    accuracy = get(found, "accuracy")
    assert (accuracy.value, accuracy.low) == (0.0, 0.0)
    assert accuracy.high == pytest.approx(1 - 0.025 ** (1 / 12))
    assert get(found, "auroc", "mel").value == 0.0
    # sum over classes of (p - y)^2: 2 * 0.81 for six rows and 2 * 0.64 for six
    assert get(found, "brier").value == pytest.approx(0.81 + 0.64)
    assert get(found, "ece").value == pytest.approx(0.85)
    assert len(found.mistakes) == 12


def test_probabilities_of_exactly_0_and_1() -> None:
    """Certain and right 8 times, certain and wrong twice: Brier is 2 * 2 / 10, ECE 0.2, in the last bin."""
    p = np.array([[1.0, 0.0]] * 10)
    found = measure(predictions(p, ["nv"] * 8 + ["mel"] * 2, ["nv", "mel"]), resamples=100)
    check_honest(found)
    assert get(found, "brier").value == pytest.approx(0.4)
    assert get(found, "ece").value == pytest.approx(0.2)
    last = found.reliability[-1]
    assert (last.n, last.confidence, last.accuracy) == (10, 1.0, 0.8)
    assert all(b.n == 0 and b.confidence is None and b.accuracy is None for b in found.reliability[:-1])


def test_few_cases_say_how_many_are_missing() -> None:
    """4 melanomas among 40; the 5th and 6th image of one lesion do not make a 5th lesion."""
    rng = np.random.default_rng(0)
    lesion = [f"l{i}" for i in range(36)] + ["m0", "m0", "m0", "m1", "m2", "m3"]
    world = predictions(rng.dirichlet([2, 2], 42), ["nv"] * 36 + ["mel"] * 6, ["nv", "mel"], lesion=lesion)
    found = measure(world, resamples=100)
    check_honest(found)
    assert get(found, "auroc", "mel").reason == "only 4 lesions that are mel; you need 1 more"
    assert get(found, "sensitivity", "mel").reason == "only 4 lesions of class mel; you need 1 more"
    assert get(found, "specificity", "mel").value is not None
    assert get(found, "sensitivity", "mel").n == 6


def test_a_vanishing_class_takes_the_interval_and_is_named() -> None:
    """Two melanomas: balanced accuracy has a value but no interval."""
    rng = np.random.default_rng(0)
    world = predictions(rng.dirichlet([2, 2], 40), ["nv"] * 38 + ["mel"] * 2, ["nv", "mel"])
    balanced = get(measure(world, resamples=400), "balanced_accuracy")
    assert balanced.value is not None
    assert balanced.low is None
    assert balanced.reason == "only 2 lesions of class mel; for an interval you need 8 more"


def test_unlabelled_and_error_rows_are_left_out_and_said() -> None:
    world = random_world(3, n=100, units=50)
    table = world.table.with_row_index("row")
    error, unlabelled = pl.col("row") < 10, (pl.col("row") >= 10) & (pl.col("row") < 17)
    codes = [f"p_{c}" for c in world.codes]
    table = table.with_columns(
        pl.when(error).then(None).otherwise(pl.col(c)).alias(c) for c in [*codes, "predicted"]
    ).with_columns(
        pl.when(error).then(pl.lit("error")).otherwise(pl.col("status")).alias("status"),
        pl.when(unlabelled).then(None).otherwise(pl.col("target")).alias("target"),
    )
    found = measure(replace(world, table=table.drop("row")), resamples=100)
    rest = measure(replace(world, table=world.table[17:]), resamples=100)
    assert [m for m in found.measured if m.group is None] == [m for m in rest.measured if m.group is None]
    counts = found.counts
    assert (counts.rows, counts.labelled, counts.error) == (100, 93, 10)
    assert counts.ok + counts.refused == 90
    assert get(found, "accuracy").n == 83
    assert '10 rows with status "error" have no answer and are left out.' in found.notes
    assert "7 rows without a target are left out." in found.notes


def test_all_refused() -> None:
    world = random_world(4, n=60, units=30)
    world = replace(world, table=world.table.with_columns(status=pl.lit("refused")))
    found = measure(world, resamples=100)
    check_honest(found)
    assert get(found, "refused").value == 1.0
    assert get(found, "refused").low == pytest.approx(0.025 ** (1 / found.counts.units))
    assert get(found, "accuracy").value is not None
    kept = get(found, "accuracy_kept")
    assert (kept.value, kept.n) == (None, 0)
    assert "that were not refused" in kept.reason


def test_class_that_is_neither_malignant_nor_benign_is_left_out_of_that_question_only() -> None:
    world = random_world(0, codes=("nv", "mel", "akiec"))
    found = measure(world, resamples=60)
    without = world.table.filter(pl.col("target") != "akiec")
    assert get(found, "auroc", "malignant").n == len(without)
    assert get(found, "accuracy").n == 300
    assert any(f"akiec is neither: its {300 - len(without)} rows" in note for note in found.notes)


def test_classes_that_say_nothing_of_malignancy_have_no_malignant_numbers() -> None:
    found = measure(random_world(0, codes=("nv", "bkl")), resamples=60)
    assert not any(m.class_code == "malignant" for m in found.measured)
    assert any("Operating points are not measured" in note for note in found.notes)


def test_no_sets_no_coverage() -> None:
    found = measure(predictions(np.full((20, 2), 0.5), ["nv", "mel"] * 10, ["nv", "mel"]), resamples=60)
    assert found.find("coverage") is None
    assert found.find("set_size") is None


def test_sets_by_hand() -> None:
    """20 rows: 10 sets of both classes, 5 right singles, 3 wrong singles, 2 empty: coverage 15/20, size 28/20."""
    sets: list[list[str] | None] = [["nv", "mel"]] * 10 + [["nv"]] * 5 + [["mel"]] * 3 + [[]] * 2
    found = measure(predictions(np.full((20, 2), 0.5), ["nv"] * 20, ["nv", "mel"], sets=sets), resamples=60)
    assert get(found, "coverage").value == pytest.approx(0.75)
    assert get(found, "set_size").value == pytest.approx(1.4)
    assert get(found, "empty_sets").value == pytest.approx(0.1)


def test_worst_mistakes_come_once_a_lesion_and_most_confident_first() -> None:
    p = [[0.1, 0.9], [0.05, 0.95], [0.3, 0.7], [0.9, 0.1], [0.4, 0.6]]
    world = predictions(
        p, ["nv"] * 5, ["nv", "mel"], lesion=["a", "a", "b", "c", None], file=["x.jpg"] * 5, sets=[["mel"]] * 5
    )
    found = measure(world, resamples=40).mistakes
    assert [(m.image_id, m.p_predicted) for m in found] == [("i00001", 0.95), ("i00002", 0.7), ("i00004", 0.6)]
    assert (found[0].file, found[0].answer_set, found[0].p_target) == ("x.jpg", ["mel"], 0.05)
    many = predictions(np.tile([0.1, 0.9], (100, 1)), ["nv"] * 100, ["nv", "mel"])
    assert len(measure(many, resamples=40).mistakes) == 24


def test_predicted_is_taken_as_given() -> None:
    """A tie is the writer's affair, and so is an answer that isn't the largest probability."""
    world = predictions(np.full((20, 2), 0.5), ["mel"] * 20, ["nv", "mel"], predicted=["mel"] * 20)
    assert get(measure(world, resamples=40), "accuracy").value == 1.0


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"resamples": 10}, "resamples is 10"),
        ({"level": 1.0}, "level is 1.0"),
        ({"seed": -1}, "seed is -1"),
        ({"unit": "imge"}, 'did you mean "image"'),
        ({"by": ["sxe"]}, 'no column sxe to group by: did you mean "sex"'),
        ({"by": ["set"]}, "holds lists"),
        ({"by": ["image_id"]}, "image_id has 300 values"),
    ],
)
def test_impossible_requests(options: dict[str, object], words: str) -> None:
    with pytest.raises(CutisError, match=words) as caught:
        measure(random_world(0), **options)  # type: ignore[arg-type]
    assert "\n" not in str(caught.value)


def test_answered_row_without_answer_is_refused() -> None:
    world = predictions(np.full((2, 2), 0.5), ["nv", "mel"], ["nv", "mel"], predicted=["nv", None])
    with pytest.raises(CutisError, match='image "i00001" has probabilities but no predicted class'):
        measure(world)


def test_operating_point_without_threshold() -> None:
    world = predictions(np.full((2, 2), 0.5), ["nv", "mel"], ["nv", "mel"], points={"high": {"sensitivity": 0.9}})
    with pytest.raises(CutisError, match='operating point "high" has no threshold'):
        measure(world)


def test_checks_of_the_schema_apply_to_tables_in_memory() -> None:
    world = predictions(np.full((2, 2), 0.6), ["nv", "mel"], ["nv", "mel"])
    with pytest.raises(CutisError, match=r"sum to 1\.2"):
        measure(world)


def test_file_and_memory_agree_and_the_file_is_named_by_digest(tmp_path: Path) -> None:
    world = random_world(6)
    path = world.save(tmp_path / "preds.parquet")
    from_file, from_memory = measure(path, resamples=60), measure(world, resamples=60)
    assert from_file.measured == from_memory.measured
    assert from_file.predictions_file == "preds.parquet"
    assert from_file.predictions_sha256 == sha256_file(path)
    assert measure(str(path), resamples=60).measured == from_file.measured


def test_a_table_without_identity_says_so() -> None:
    world = predictions(np.full((20, 2), 0.5), ["nv", "mel"] * 10, ["nv", "mel"], lesion=[None] * 20)
    found = measure(world, resamples=60)
    assert found.unit == "image"
    assert any(note.startswith("Unit: image. No lesion or patient is known") for note in found.notes)


def test_patient_is_the_unit_where_known() -> None:
    world = predictions(
        np.full((40, 2), 0.5), ["nv", "mel"] * 20, ["nv", "mel"], patient=[f"p{i % 12}" for i in range(40)]
    )
    found = measure(world, resamples=60)
    assert (found.unit, found.counts.units) == ("patient", 12)


def test_an_unlabelled_row_still_links_two_labelled_ones() -> None:
    """i0 has a lesion, i2 a patient; i1, without label, has both: i0 and i2 are one unit."""
    world = predictions(
        np.full((3, 2), 0.5), ["nv", None, "nv"], ["nv", "mel"], lesion=["a", "a", None], patient=[None, "p", "p"]
    )
    assert measure(world, resamples=40).counts.units == 1
