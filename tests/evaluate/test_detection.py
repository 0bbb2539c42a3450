"""Boxes: worked by hand, by property, and against pycocotools where it is installed."""

from __future__ import annotations

import contextlib
import io

import numpy as np
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cutis.errors import CutisError
from cutis.evaluate.detection import (
    FALSE_POSITIVES,
    Boxes,
    average_precision,
    froc,
    iou,
    make_boxes,
    match,
    true_boxes,
)
from cutis.evaluate.resampled import Resampling
from cutis.schema.evidence import Measured

FEW = Resampling(resamples=40)


def value(measured: list[Measured], metric: str, label: str | None = None) -> float | None:
    (found,) = [m for m in measured if (m.metric, m.class_code) == (metric, label)]
    return found.value


def one(box: list[list[float]], score: list[float] | None = None, label: str = "lesion") -> Boxes:
    return make_boxes(box, [label] * len(box), score)


A, B, FAR = [10.0, 10.0, 40.0, 40.0], [100.0, 100.0, 40.0, 40.0], [300.0, 300.0, 40.0, 40.0]


def test_iou_by_hand():
    """Two 10 x 10 squares that share a 5 x 10 strip: 50 of 150; of the first one alone: 50 of 100."""
    a, b = np.array([[0.0, 0, 10, 10]]), np.array([[5.0, 0, 10, 10], [10.0, 0, 10, 10]])
    assert iou(a, b).tolist() == [[50 / 150, 0.0]]
    assert iou(a, b, np.array([True, False])).tolist() == [[0.5, 0.0]]


def test_average_precision_by_hand():
    """Ten images of two true boxes each. In each the surest box is right, the second wrong, the third right: of all
    30 in order of score, 10 right, 10 wrong, 10 right. Precision is 1 up to recall 0.5 and 2/3 after it, and of the
    101 recalls 51 are at most 0.5."""
    truth = [one([A, B])] * 10
    predicted = [one([A, FAR, B], [0.9, 0.5, 0.1])] * 10
    found = average_precision(truth, predicted, resampling=FEW)
    for name in ("ap", "ap50", "ap75", "ap_medium"):
        assert value(found, name) == pytest.approx((51 + 50 * 2 / 3) / 101)
    small = next(m for m in found if m.metric == "ap_small")
    assert (small.value, small.status, small.n) == (None, "not estimable", 0)
    assert "0 images with a small true box" in small.reason


def test_the_threshold_decides():
    """A box that overlaps by 0.6 is right at 0.50, 0.55 and 0.60, and wrong at the seven others."""
    narrow = [10.0, 10.0, 40.0, 24.0]
    found = average_precision([one([A])] * 6, [one([narrow], [0.5])] * 6, resampling=FEW)
    assert (value(found, "ap50"), value(found, "ap75")) == (1.0, 0.0)
    assert value(found, "ap") == pytest.approx(0.3)


def test_a_second_box_on_a_lesion_is_wrong_for_ap_but_not_for_froc():
    truth, predicted = [one([A])] * 6, [one([A, A], [0.9, 0.8])] * 6
    assert match(truth[0], predicted[0], 0, 1e10)[0][0].tolist() == [True, False]
    assert value(average_precision(truth, predicted, resampling=FEW), "ap") == 1.0  # recall 1 comes before the errors
    found = froc(truth, predicted, resampling=FEW)
    assert all(value(found, f"sensitivity_at_{rate:g}_fp") == 1.0 for rate in FALSE_POSITIVES)


def test_crowds_do_not_count():
    crowd = make_boxes([A, B], ["lesion"] * 2, crowd=[False, True])
    inside = [[100.0, 100.0, 20.0, 20.0], [120.0, 120.0, 20.0, 20.0]]
    predicted = one([*inside, A], [0.9, 0.8, 0.7])
    assert value(average_precision([crowd] * 6, [predicted] * 6, resampling=FEW), "ap") == 1.0
    assert value(froc([crowd] * 6, [predicted] * 6, resampling=FEW), "sensitivity_at_0.125_fp") == 1.0


def test_froc_by_hand():
    """Eight images with a lesion each, found at scores 0.9, 0.8 ... 0.2, and four false positives at 0.65, 0.45, 0.25,
    0.1. One eighth of a false positive an image is one in all: thresholds above 0.45 are within it, which find the
    lesions down to 0.5. At 1/4 it is two, so down to 0.3; at 1/2 all are found."""
    truth = [one([A])] * 8
    false = {0: 0.65, 1: 0.45, 2: 0.25, 3: 0.1}
    predicted = [
        one([A, FAR] if i in false else [A], [0.9 - 0.1 * i, *([false[i]] if i in false else [])]) for i in range(8)
    ]
    found = froc(truth, predicted, resampling=FEW)
    expected = [5 / 8, 7 / 8, 1.0, 1.0, 1.0, 1.0, 1.0]
    assert [value(found, f"sensitivity_at_{rate:g}_fp") for rate in FALSE_POSITIVES] == expected
    assert value(found, "froc_score") == pytest.approx(np.mean(expected))


def test_froc_takes_equal_scores_together():
    """All boxes have one score: either none or all, with a false positive in each image."""
    found = froc([one([A])] * 8, [one([A, FAR], [0.5, 0.5])] * 8, resampling=FEW)
    assert [value(found, f"sensitivity_at_{rate:g}_fp") for rate in FALSE_POSITIVES] == [0.0] * 3 + [1.0] * 4


def test_froc_by_distance_of_centres():
    """Moved by (30, 40) a box of 40 x 40 overlaps little, and its centre is 50 pixels away."""
    truth, predicted = [one([A])] * 8, [one([[40.0, 50.0, 40.0, 40.0]], [0.5])] * 8
    assert value(froc(truth, predicted, resampling=FEW), "sensitivity_at_8_fp") == 0.0
    assert value(froc(truth, predicted, distance=50, resampling=FEW), "sensitivity_at_0.125_fp") == 1.0
    assert value(froc(truth, predicted, distance=49.9, resampling=FEW), "sensitivity_at_8_fp") == 0.0


def world(seed: int, images: int = 30, labels: tuple[str, ...] = ("a", "b")) -> tuple[list[Boxes], list[Boxes]]:
    """Random boxes of all sizes, predictions near them and elsewhere, tied scores, some crowds, some empty images."""
    rng = np.random.default_rng(seed)
    truth, predicted = [], []
    for _ in range(images):
        k = int(rng.integers(0, 6))
        size = 2 ** rng.uniform(3, 7.5, (k, 2))
        box = np.hstack([rng.uniform(0, 300, (k, 2)), size])
        name = [labels[i] for i in rng.integers(0, len(labels), k)]
        truth.append(make_boxes(box, name, crowd=rng.random(k) < 0.15))
        near = box + rng.normal(size=(k, 4)) * np.hstack([size, size]) * 0.12
        near[:, 2:] = np.maximum(near[:, 2:], 1)
        m = int(rng.integers(0, 4))
        wild = np.hstack([rng.uniform(0, 300, (m, 2)), 2 ** rng.uniform(3, 7.5, (m, 2))])
        twice = near[: k // 2] + 1.5
        every = np.vstack([near, wild, twice])
        names = [*name, *(labels[i] for i in rng.integers(0, len(labels), m)), *name[: k // 2]]
        predicted.append(make_boxes(every, names, np.round(rng.random(len(every)), 2)))
    return truth, predicted


@pytest.mark.parametrize("seed", [0, 1, 2])
def test_equal_to_pycocotools(seed: int):
    coco = pytest.importorskip("pycocotools.coco", reason="pycocotools is not installed")
    cocoeval = pytest.importorskip("pycocotools.cocoeval")
    labels = ("a", "b")
    truth, predicted = world(seed, labels=labels)
    annotations, results = [], []
    for i, (t, p) in enumerate(zip(truth, predicted, strict=True)):
        crowds = t.crowd if t.crowd is not None else np.zeros(len(t.box), bool)
        for box, label, crowd in zip(t.box.tolist(), t.label, crowds, strict=True):
            annotations.append(
                {"id": len(annotations) + 1, "image_id": i, "category_id": labels.index(label), "bbox": box}
                | {"area": box[2] * box[3], "iscrowd": int(crowd)}
            )
        assert p.score is not None
        for box, label, score in zip(p.box.tolist(), p.label, p.score.tolist(), strict=True):
            results.append({"image_id": i, "category_id": labels.index(label), "bbox": box, "score": score})
    with contextlib.redirect_stdout(io.StringIO()):
        gt = coco.COCO()
        gt.dataset = {
            "images": [{"id": i} for i in range(len(truth))],
            "categories": [{"id": k, "name": name} for k, name in enumerate(labels)],
            "annotations": annotations,
        }
        gt.createIndex()
        evaluation = cocoeval.COCOeval(gt, gt.loadRes(results), "bbox")
        evaluation.evaluate()
        evaluation.accumulate()
        evaluation.summarize()
    found = average_precision(truth, predicted, resampling=FEW)
    names = ("ap", "ap50", "ap75", "ap_small", "ap_medium", "ap_large")
    for name, theirs in zip(names, evaluation.stats[:6], strict=True):
        assert value(found, name) == pytest.approx(theirs, abs=1e-9), name
    assert 0.05 < evaluation.stats[0] < 0.95
    by_class = evaluation.eval["precision"][:, :, :, 0, -1].mean((0, 1))
    assert [value(found, "ap", label) for label in labels] == pytest.approx(by_class.tolist(), abs=1e-9)


def test_a_weighted_resample_is_the_table_with_images_repeated():
    """What the bootstrap relies on: weights 2, 0, 1 ... give what copies of the images give."""
    from cutis.evaluate.detection import _FrocBlock, _PrecisionBlock

    truth, predicted = world(5, images=20, labels=("a",))
    for boxes in predicted:  # distinct scores, as the order of copies with ties would be another
        assert boxes.score is not None
        boxes.score[:] += np.random.default_rng(int(1e6 * boxes.score.sum())).random(len(boxes.score)) * 1e-3
    weights = np.random.default_rng(0).integers(0, 3, 20)
    copies = np.repeat(np.arange(20), weights)
    twice = [truth[i] for i in copies], [predicted[i] for i in copies]
    units, own = np.arange(20), np.arange(len(copies))
    column, ones = weights[:, None].astype(float), np.ones((len(copies), 1))
    weighed = _PrecisionBlock(truth, predicted, "a", units, 100).compute(column)
    np.testing.assert_allclose(weighed, _PrecisionBlock(*twice, "a", own, 100).compute(ones), atol=1e-12)
    weighed = _FrocBlock(truth, predicted, "a", units, 0.5, None).compute(column)
    np.testing.assert_allclose(weighed, _FrocBlock(*twice, "a", own, 0.5, None).compute(ones), atol=1e-12)


@settings(max_examples=15, deadline=None)
@given(seed=st.integers(0, 2**32))
def test_properties(seed: int):
    truth, predicted = world(seed, images=12)
    found = average_precision(truth, predicted, resampling=FEW)
    found += froc(truth, predicted, resampling=FEW)
    assert all(m.value is None or 0 <= m.value <= 1 for m in found)
    curve = [value(found, f"sensitivity_at_{rate:g}_fp", "a") for rate in FALSE_POSITIVES]
    if None not in curve:
        assert curve == sorted(curve)
    # A rising function of the scores, and images in another order, change no value.
    other = [Boxes(p.box, p.label, 5 + 2 * p.score) for p in predicted if p.score is not None]
    again = average_precision(truth, other, resampling=FEW) + froc(truth, other, resampling=FEW)
    assert [m.value for m in again] == [m.value for m in found]


def test_intervals_are_by_unit_and_hold_the_value():
    truth, predicted = world(3, images=40, labels=("a",))
    doubled = [*truth, *truth], [*predicted, *predicted]
    groups = [f"p{i}" for i in (*range(40), *range(40))]
    once = average_precision(truth, predicted, resampling=Resampling(resamples=300))
    clustered = average_precision(*doubled, resampling=Resampling(resamples=300, groups=groups, unit="patient"))
    rowwise = average_precision(*doubled, resampling=Resampling(resamples=300))
    widths = []
    for found in (once, clustered, rowwise):
        ap = found[0]
        assert ap.low is not None
        assert ap.low < ap.value < ap.high
        widths.append(ap.high - ap.low)
    assert (clustered[0].unit, clustered[0].n) == ("patient", 2 * once[0].n)
    assert widths[1] == pytest.approx(widths[0], rel=0.25)
    assert widths[2] < 0.85 * widths[1]


def test_no_lesion_anywhere_is_not_estimable():
    nothing = [make_boxes([], [])] * 12
    predicted = [make_boxes([], [], [])] * 12
    for found in (average_precision(nothing, predicted), froc(nothing, predicted)):
        assert all(m.status == "not estimable" and m.value is None for m in found)
        assert "only 0 images with a true box" in next(m.reason for m in found if "small" not in m.metric)


def test_nothing_predicted_is_zero():
    truth, predicted = [one([A])] * 12, [make_boxes([], [], [])] * 12
    assert value(average_precision(truth, predicted, resampling=FEW), "ap") == 0.0
    missed = froc(truth, predicted, resampling=FEW)[0]
    assert (missed.value, missed.low) == (0.0, 0.0)
    assert missed.high == pytest.approx(1 - 0.025 ** (1 / 12))


def test_refused():
    good = one([A], [0.5])
    with pytest.raises(CutisError, match="sizes from 0"):
        make_boxes([[0, 0, -1, 5]], ["a"])
    with pytest.raises(CutisError, match="box 2 is"):
        make_boxes([A, [0, 0, np.nan, 5]], ["a", "a"])
    with pytest.raises(CutisError, match="1 boxes with 2 labels"):
        make_boxes([A], ["a", "b"])
    with pytest.raises(CutisError, match="score of box 1 is nan"):
        make_boxes([A], ["a"], [np.nan])
    with pytest.raises(CutisError, match="expected the same images"):
        average_precision([good], [good, good])
    with pytest.raises(CutisError, match="image 1 have no scores"):
        froc([good], [one([A])])
    with pytest.raises(CutisError, match='did you mean "lesion"'):
        average_precision([one([A])], [one([A], [0.5], "lesions")])
    with pytest.raises(CutisError, match="3 groups for 1 images"):
        froc([good], [good], resampling=Resampling(groups=["a", "b", "c"]))
    with pytest.raises(CutisError, match="overlap is 0"):
        froc([good], [good], overlap=0)
    with pytest.raises(CutisError, match="distance is -1"):
        froc([good], [good], distance=-1)
    with pytest.raises(CutisError, match="resamples is 1"):
        froc([good], [good], resampling=Resampling(resamples=1))


def test_labels_that_no_true_box_has_can_be_listed():
    truth, predicted = [one([A])] * 6, [one([FAR], [0.9], "nevus")] * 6
    found = average_precision(truth, predicted, labels=["lesion", "nevus"], resampling=FEW)
    assert (value(found, "ap"), value(found, "ap", "lesion"), value(found, "ap", "nevus")) == (0.0, 0.0, None)


def test_boxes_of_a_manifest():
    box = {"x": 1.0, "y": 2.0, "width": 3.0, "height": 4.0, "label": "lesion"}
    (first, second) = true_boxes(pl.DataFrame({"boxes": [[box], None]}))
    assert (first.box.tolist(), first.label, len(second.box)) == ([[1.0, 2.0, 3.0, 4.0]], ["lesion"], 0)
    with pytest.raises(CutisError, match="no column boxes"):
        true_boxes(pl.DataFrame({"image_id": ["a"]}))
