"""Scores of masks: worked by hand, by property, against slow references, and against MONAI where it is installed."""

from __future__ import annotations

import warnings

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import ndimage

from cutis.evaluate.segmentation import DISTANCES, MaskSettings, overlap, score_pair, thresholded
from cutis.evaluate.surface import boundary_iou, surface_distances

PLAIN = MaskSettings()


def square(top: int, left: int, height: int, width: int, shape: tuple[int, int] = (40, 50)) -> np.ndarray:
    mask = np.zeros(shape, np.uint8)
    mask[top : top + height, left : left + width] = 1
    return mask


def blob(rng: np.random.Generator, shape: tuple[int, int] = (48, 64)) -> np.ndarray:
    """A smooth random mask, often of several pieces, often touching the edge."""
    noise = ndimage.gaussian_filter(rng.normal(size=shape), rng.uniform(1.5, 5))
    return (noise > np.quantile(noise, rng.uniform(0.4, 0.95))).astype(np.uint8)


def slow_distances(a: np.ndarray, b: np.ndarray, spacing: tuple[float, float]) -> tuple[np.ndarray, np.ndarray]:
    """Both directed surface distances over the whole picture, by scipy's erosion and distance transform."""
    edges = [m.astype(bool) & ~ndimage.binary_erosion(m) for m in (a, b)]
    away = [ndimage.distance_transform_edt(~e, sampling=spacing) for e in edges]
    return away[1][edges[0]], away[0][edges[1]]


def test_two_single_pixels():
    """(3, 4) and (6, 8): 3 down and 4 across, so 5 apart."""
    found = surface_distances(square(3, 4, 1, 1), square(6, 8, 1, 1))
    assert found is not None
    assert (found.hd95(), found.average()) == ((5.0, 5.0), 5.0)
    assert (found.nsd(4.99), found.nsd(5.0)) == (0.0, 1.0)
    in_mm = surface_distances(square(3, 4, 1, 1), square(6, 8, 1, 1), (0.5, 0.25))
    assert in_mm is not None
    assert in_mm.average() == pytest.approx(np.hypot(1.5, 1.0))


def test_a_square_inside_a_square():
    """A 5 x 5 ring of 16 pixels, 2 inside a 9 x 9 ring of 32. From the inner ring every pixel is 2 away. Of the outer
    ring, the 5 pixels of a side beside the inner ring are 2 away, then 1 and 2 steps further to a corner."""
    found = surface_distances(square(12, 12, 5, 5), square(10, 10, 9, 9))
    assert found is not None
    assert sorted(found.predicted) == [2.0] * 16
    assert sorted(found.truth) == pytest.approx(sorted([2.0] * 20 + [np.sqrt(5)] * 8 + [np.sqrt(8)] * 4))
    assert found.nsd(2.0) == 36 / 48
    # 32 distances: the 95th percentile lies at 0.95 * 31 = 29.45, among the four corners.
    assert found.hd95() == pytest.approx((np.sqrt(8), (2 + np.sqrt(8)) / 2))
    assert found.average() == pytest.approx((36 * 2 + 8 * np.sqrt(5) + 4 * np.sqrt(8)) / 48)


def test_a_mask_on_the_pictures_edge_has_its_surface_there():
    full = np.ones((6, 7), np.uint8)
    found = surface_distances(full, full)
    assert found is not None
    assert len(found.truth) == 2 * 7 + 2 * 4


def test_overlap_by_hand():
    """Truth 4 x 5 = 20 pixels; predicted 4 x 4 = 16, of which 12 are right. The picture has 2,000."""
    scores = score_pair(square(10, 12, 4, 4), square(10, 10, 4, 5), PLAIN)
    assert scores["jaccard"] == 12 / 24
    assert scores["dice"] == 24 / 36
    assert scores["sensitivity"] == 12 / 20
    assert scores["ppv"] == 12 / 16
    assert scores["specificity"] == 1976 / 1980
    assert (scores["thresholded_jaccard"], scores["failure_rate"], scores["one_mask_empty"]) == (0.0, 1.0, 0.0)


@pytest.mark.parametrize("k", [1, 7, 31])
def test_tj_counts_at_065_exactly(k: int):
    """13k of 20k pixels is 0.65 and counts; one pixel less doesn't."""
    truth = square(0, 0, 20, k, (20, 40))
    right = square(0, 0, 13, k, (20, 40))
    assert overlap(right, truth).jaccard == 0.65
    scores = score_pair(right, truth, PLAIN)
    assert (scores["thresholded_jaccard"], scores["failure_rate"]) == (0.65, 0.0)
    right[12, 0] = 0
    scores = score_pair(right, truth, PLAIN)
    assert (scores["thresholded_jaccard"], scores["failure_rate"]) == (0.0, 1.0)
    assert thresholded(0.7, 0.8) == 0.0


def test_empty_masks():
    empty, some, full = np.zeros((40, 50), np.uint8), square(5, 5, 8, 8), np.ones((40, 50), np.uint8)
    both = score_pair(empty, empty, PLAIN)
    assert [both[m] for m in ("jaccard", "thresholded_jaccard", "dice", "boundary_iou", "nsd")] == [1.0] * 5
    assert [both[m] for m in ("sensitivity", "specificity", "ppv")] == [1.0] * 3
    assert [both["failure_rate"], both["one_mask_empty"]] == [0.0, 0.0]
    nothing_said = score_pair(empty, some, PLAIN)
    assert [nothing_said[m] for m in ("jaccard", "dice", "boundary_iou", "nsd", "sensitivity")] == [0.0] * 5
    assert (nothing_said["ppv"], nothing_said["specificity"]) == (1.0, 1.0)
    invented = score_pair(some, empty, PLAIN)
    assert [invented[m] for m in ("jaccard", "dice", "boundary_iou", "nsd", "ppv")] == [0.0] * 5
    assert invented["sensitivity"] == 1.0
    for scores in (nothing_said, invented):
        assert (scores["failure_rate"], scores["one_mask_empty"]) == (1.0, 1.0)
    for scores in (both, nothing_said, invented):
        assert all(np.isnan(scores[m]) for m in DISTANCES)
    assert score_pair(full, full, PLAIN)["specificity"] == 1.0


def test_boundary_iou_by_hand():
    """With d = 1 the rims are rings: of a 10 x 10 square 36 pixels. Moved by one to the right, the rings share the two
    long sides but for a pixel at each end (2 x 9), as the columns no longer meet: 18 / (72 - 18)."""
    a, b = square(10, 10, 10, 10), square(10, 11, 10, 10)
    assert boundary_iou(a, b, 1e-6) == 18 / 54
    # So thick a rim that it is the whole mask: the Jaccard index.
    assert boundary_iou(a, b, 0.5) == overlap(a, b).jaccard == 90 / 110


@settings(max_examples=60, deadline=None)
@given(seed=st.integers(0, 2**32), spacing=st.sampled_from([(1.0, 1.0), (0.3, 0.3), (0.7, 0.2), (1.5, 2.0)]))
def test_distances_are_those_of_a_distance_transform(seed: int, spacing: tuple[float, float]):
    rng = np.random.default_rng(seed)
    a, b = blob(rng), blob(rng)
    found, slow = surface_distances(a, b, spacing), slow_distances(a, b, spacing)
    assert found is not None
    np.testing.assert_allclose(found.predicted, slow[0], atol=1e-6)
    np.testing.assert_allclose(found.truth, slow[1], atol=1e-6)
    assert found.hd95()[0] == pytest.approx(max(np.percentile(d, 95) for d in slow), abs=1e-6)


@pytest.mark.parametrize("spacing", [(1.0, 1.0), (0.7, 0.2)])
def test_masks_of_noise_are_measured_too(spacing: tuple[float, float]):
    """So many surface pixels that the distance transform takes over."""
    a, b = (np.random.default_rng(s).integers(0, 2, (160, 160)).astype(np.uint8) for s in (0, 1))
    found = surface_distances(a, b, spacing)
    assert found is not None
    for ours, theirs in zip((found.predicted, found.truth), slow_distances(a, b, spacing), strict=True):
        np.testing.assert_allclose(ours, theirs, atol=1e-6)


@settings(max_examples=40, deadline=None)
@given(seed=st.integers(0, 2**32), down=st.integers(0, 9), across=st.integers(0, 9))
def test_properties(seed: int, down: int, across: int):
    rng = np.random.default_rng(seed)
    a, b = (np.pad(blob(rng), 10) for _ in range(2))
    scores, swapped = score_pair(a, b, PLAIN), score_pair(b, a, PLAIN)
    for name in ("jaccard", "dice", "boundary_iou", "nsd", *DISTANCES):
        assert scores[name] == pytest.approx(swapped[name], abs=1e-9)
    assert (scores["sensitivity"], scores["ppv"]) == (swapped["ppv"], swapped["sensitivity"])
    moved = score_pair(*(np.roll(m, (down, across), (0, 1)) for m in (a, b)), PLAIN)
    assert moved == pytest.approx(scores)
    assert scores["dice"] == pytest.approx(2 * scores["jaccard"] / (1 + scores["jaccard"]))
    assert 0 <= scores["hd95_mean"] <= scores["hd95_max"]
    same = score_pair(a, a, PLAIN)
    assert [same[m] for m in ("jaccard", "boundary_iou", "nsd", "hd95_max")] == [1.0, 1.0, 1.0, 0.0]


@pytest.mark.parametrize("seed", range(3))
def test_equal_to_pycocotools(seed: int):
    oracle = pytest.importorskip("pycocotools.mask", reason="pycocotools is not installed")
    rng = np.random.default_rng(seed)
    for _ in range(20):
        a, b = blob(rng), blob(rng)
        packed = [oracle.encode(np.asfortranarray(m)) for m in (a, b)]
        assert overlap(a, b).jaccard == pytest.approx(oracle.iou([packed[0]], [packed[1]], [0])[0, 0])
        assert overlap(a, b).ppv == pytest.approx(
            oracle.iou([packed[0]], [packed[1]], [1])[0, 0]
        )  # "crowd": / predicted


@pytest.mark.slow  # importing MONAI takes most of it
def test_equal_to_monai():
    pytest.importorskip("monai", reason="MONAI is not installed (uv pip install --no-deps monai)")
    torch = pytest.importorskip("torch")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        from monai.metrics import (
            compute_average_surface_distance,
            compute_confusion_matrix_metric,
            compute_dice,
            compute_hausdorff_distance,
            compute_iou,
            compute_surface_dice,
            get_confusion_matrix,
        )

        rng = np.random.default_rng(0)
        for spacing in (None, (0.5, 0.5), (0.7, 0.2)):
            for _ in range(4):
                a, b = blob(rng, (512, 512)), blob(rng, (512, 512))
                found = surface_distances(a, b, spacing)
                assert found is not None
                pair = [torch.from_numpy(m)[None, None].float() for m in (a, b)]
                options = {"include_background": True, "spacing": spacing}
                hd95 = compute_hausdorff_distance(*pair, percentile=95, **options).item()
                assert found.hd95()[0] == pytest.approx(hd95, abs=1e-4)
                for tau in (0.0, 1.0, 2.0, 3.5):
                    nsd = compute_surface_dice(*pair, class_thresholds=[tau], **options).item()
                    assert found.nsd(tau) == pytest.approx(nsd, abs=1e-4)
                area = overlap(a, b)
                assert area.dice == pytest.approx(compute_dice(*pair).item(), abs=1e-6)
                assert area.jaccard == pytest.approx(compute_iou(*pair).item(), abs=1e-6)
                table_of = get_confusion_matrix(*pair)
                for name in ("sensitivity", "specificity", "precision"):
                    theirs = compute_confusion_matrix_metric(name, table_of).item()
                    assert getattr(area, {"precision": "ppv"}.get(name, name)) == pytest.approx(theirs, abs=1e-6)
                average = compute_average_surface_distance(*pair, symmetric=True, **options).item()
                assert found.average() == pytest.approx(average, abs=1e-4)
