"""Scores of masks: worked by hand, by property, against slow references, and against MONAI where it is installed."""

from __future__ import annotations

import warnings
from pathlib import Path

import numpy as np
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image
from scipy import ndimage

from cutis.cli import main
from cutis.data.dataset import Dataset
from cutis.errors import CutisError
from cutis.evaluate.masks import evaluate_masks, mask_files, read_mask
from cutis.evaluate.segmentation import DISTANCES, MaskSettings, binary, overlap, score_pair, thresholded
from cutis.evaluate.surface import boundary_iou, surface_distances
from cutis.files import read_json
from cutis.phantom.dataset import make_dataset

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


def test_binary():
    assert binary(np.array([[0, 255]], np.uint8))[1] == ""
    mask, kind = binary(np.array([[0, 128, 129, 255]], np.uint8))
    assert (mask.tolist(), kind) == ([[0, 0, 1, 1]], "grey")
    assert binary(np.array([[0, 1]], np.uint8)) == (pytest.approx(np.array([[0, 1]])), "0/1")
    mask, kind = binary(np.array([[0, 38]], np.uint8))
    assert (mask.any(), kind) == (False, "dim")
    assert binary(np.array([[True, False]]))[0].tolist() == [[1, 0]]
    for bad in (np.zeros((2, 2, 3), np.uint8), np.zeros((2, 2)), np.zeros((0, 3), bool)):
        with pytest.raises(CutisError, match="expected a mask of two dimensions"):
            binary(bad)


@pytest.mark.slow  # importing MONAI takes most of it
def test_equal_to_monai():
    pytest.importorskip("monai", reason="MONAI is not installed (uv pip install --no-deps monai)")
    torch = pytest.importorskip("torch")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        from monai.metrics import compute_average_surface_distance, compute_hausdorff_distance, compute_surface_dice

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
                average = compute_average_surface_distance(*pair, symmetric=True, **options).item()
                assert found.average() == pytest.approx(average, abs=1e-4)


@pytest.fixture
def folders(tmp_path: Path) -> tuple[Path, Path, dict[str, tuple[np.ndarray, np.ndarray]]]:
    """24 true masks and predictions of them."""
    rng = np.random.default_rng(3)
    masks = {}
    for i in range(24):
        truth = square(10, 10 + i % 5, 16, 18)
        predicted = np.roll(truth, tuple(rng.integers(-3, 4, 2)), (0, 1))
        masks[f"i{i:02}"] = predicted, truth
    for k, name in enumerate(("predicted", "truth")):
        (tmp_path / name).mkdir()
        for image_id, pair in masks.items():
            end = "_segmentation.png" if name == "truth" else ".png"
            Image.fromarray(pair[k] * np.uint8(255)).save(tmp_path / name / f"{image_id}{end}")
    return tmp_path / "predicted", tmp_path / "truth", masks


def table(n: int = 24) -> pl.DataFrame:
    return pl.DataFrame(
        {
            "image_id": [f"i{i:02}" for i in range(n)],
            "lesion_id": [f"l{i // 2}" for i in range(n)],
            "patient_id": pl.Series([None] * n, dtype=pl.String),
            "sex": ["male", "female"] * (n // 2),
        }
    )


def test_folders_and_arrays_give_the_same_numbers(folders):
    predicted, truth, masks = folders
    of_files = evaluate_masks(predicted, truth, table(), resamples=100)
    of_arrays = evaluate_masks((p for p, _ in masks.values()), (t for _, t in masks.values()), table(), resamples=100)
    assert of_files.measured == of_arrays.measured
    whole = of_files.evidence.find("jaccard")
    assert whole is not None
    assert whole.value == pytest.approx(np.mean([overlap(p, t).jaccard for p, t in masks.values()]))
    assert (whole.n, whole.n_units, whole.unit) == (24, 12, "lesion")
    assert whole.low is not None
    assert whole.low < whole.value < whole.high
    group = of_files.evidence.find("dice", "sex", "male")
    assert group is not None
    assert group.value == pytest.approx(np.mean([overlap(*m).dice for m in list(masks.values())[::2]]))
    assert any("Skin tone is not recorded" in note for note in of_files.evidence.notes)


def test_a_group_does_not_depend_on_the_others(folders):
    _, _, masks = folders
    everyone = evaluate_masks([p for p, _ in masks.values()], [t for _, t in masks.values()], table(), resamples=60)
    men = table().filter(sex="male")
    pairs = [masks[i] for i in men["image_id"]]
    alone = evaluate_masks([p for p, _ in pairs], [t for _, t in pairs], men, resamples=60)
    for m in alone.measured:
        if m.attribute == "sex" and m.group == "male":
            assert everyone.evidence.find(m.metric, "sex", "male") == m


def test_copies_of_an_image_do_not_narrow_the_interval(folders):
    """Eight copies of each mask, of one lesion: the same interval; taken as independent it would be narrower."""
    _, _, masks = folders
    several = [pair for pair in masks.values() for _ in range(8)]
    ids = pl.DataFrame({"image_id": [f"c{i:03}" for i in range(192)], "lesion_id": [f"l{i // 8}" for i in range(192)]})
    arrays = [p for p, _ in several], [t for _, t in several]
    by_lesion = evaluate_masks(*arrays, ids, resamples=400).evidence.find("jaccard")
    by_image = evaluate_masks(*arrays, ids, resamples=400, unit="image").evidence
    assert by_lesion is not None
    naive = by_image.find("jaccard")
    assert naive is not None
    assert by_lesion.n_units == 24
    assert by_lesion.high - by_lesion.low > 2 * (naive.high - naive.low)
    assert any("too narrow" in note for note in by_image.notes)


def test_what_cannot_be_measured_is_named(folders):
    predicted, truth, _ = folders
    (predicted / "i03.png").unlink()
    (predicted / "i04.png").write_bytes(b"not a picture")
    Image.new("L", (20, 10)).save(predicted / "i05.png")
    Image.new("L", (50, 40)).save(predicted / "i06.png")  # empty, so no distances
    Image.new("L", (50, 40), 100).save(predicted / "i07.png")
    Image.fromarray(square(10, 10, 10, 10)).save(predicted / "i08.png")
    Image.fromarray(square(10, 10, 10, 10) * np.uint8(200)).save(predicted / "i09.png")
    Image.new("L", (50, 40)).save(predicted / "other.png")
    Image.new("L", (50, 40)).save(predicted / ".hidden.png")
    found = evaluate_masks(predicted, truth, resamples=40)
    counts = found.evidence.counts
    assert (counts.images, counts.measured, counts.missing, counts.unusable, counts.unasked) == (24, 21, 1, 2, 1)
    reasons = dict(found.images.select("image_id", "reason").iter_rows())
    assert reasons["i03"] == "no predicted mask"
    assert "predicted mask: can't be read" in reasons["i04"]
    assert "predicted mask of 20 x 10, true mask of 50 x 40 pixels" in reasons["i05"]
    distance, empty = found.evidence.find("hd95_max"), found.evidence.find("one_mask_empty")
    assert distance is not None
    assert distance.n == 19
    said = "over 19 of 21 images (9.5 % fail, and are not in this mean): there is no distance in 2 with one empty mask"
    assert said in distance.reason
    assert empty is not None
    assert empty.value == pytest.approx(2 / 21)
    failures = found.evidence.find("failure_rate")
    assert failures is not None
    assert failures.value >= 4 / 21
    notes = "\n".join(found.evidence.notes)
    for words in (
        "1 images have no predicted mask and are left out (first: i03)",
        "2 pairs of masks are left out (first: i04:",
        "1 predicted masks have no true one and are left out (first: other)",
        "1 predicted masks hold 0 and 1 only: 1 was taken as lesion (first: i08)",
        "1 predicted masks are not black and white: what is above 128 was taken as lesion (first: i09)",
        "1 predicted masks are not black, but nothing in them is above 128, so they count as empty (first: i07)",
        "No lesion or patient is known",
    ):
        assert words in notes


def test_refused(tmp_path: Path, folders):
    predicted, truth, masks = folders
    p, t = ([pair[k] for pair in masks.values()] for k in (0, 1))
    with pytest.raises(CutisError, match="no such folder of masks"):
        evaluate_masks(tmp_path / "nowhere", truth)
    (tmp_path / "bare").mkdir()
    with pytest.raises(CutisError, match="no masks in it"):
        evaluate_masks(predicted, tmp_path / "bare")
    with pytest.raises(CutisError, match="give a folder of both, or arrays"):
        evaluate_masks(p, truth)
    with pytest.raises(CutisError, match="give a folder of both, or arrays"):
        evaluate_masks(predicted, t)
    with pytest.raises(CutisError, match="differ in number"):
        evaluate_masks(p, t[:-1])
    with pytest.raises(CutisError, match="the manifest has 22 rows"):
        evaluate_masks(p, t, table(22))
    with pytest.raises(CutisError, match="more rows than the 23 masks"):
        evaluate_masks(p[1:], t[1:], table())
    with pytest.raises(CutisError, match="no masks to evaluate"):
        evaluate_masks([], [])
    with pytest.raises(CutisError, match=r"none of 24 pairs can be compared.*20 x 20"):
        evaluate_masks([m[:20, :20] for m in p], t)
    with pytest.raises(CutisError, match="expected a mask of two dimensions"):
        evaluate_masks([m / 1.0 for m in p], t)
    with pytest.raises(CutisError, match="no column tone"):
        evaluate_masks(p, t, table(), by=["tone"])
    with pytest.raises(CutisError, match="resamples is 3"):
        evaluate_masks(p, t, resamples=3)
    for wrong in ({"tau": -1.0}, {"spacing": (0.0, 1.0)}, {"threshold": 2.0}, {"dilation": 0.0}):
        with pytest.raises(CutisError, match="expected"):
            MaskSettings(**wrong)
    (predicted / "i00_mask.png").write_bytes((predicted / "i00.png").read_bytes())
    with pytest.raises(CutisError, match='two masks of image "i00"'):
        mask_files(predicted)


@pytest.mark.parametrize("mode", ["1", "L", "RGB", "P", "I;16", "LA"])
def test_every_kind_of_file_reads_the_same(tmp_path: Path, mode: str):
    mask = square(3, 3, 9, 9)
    image = Image.fromarray(mask * np.uint8(255))
    image = Image.fromarray(mask.astype(np.uint16) * 65535) if mode == "I;16" else image.convert(mode)
    image.save(tmp_path / "m.png")
    found, kind = binary(read_mask(tmp_path / "m.png"))
    assert kind == ""
    np.testing.assert_array_equal(found, mask)


def test_perfect_and_few(folders):
    _, _, masks = folders
    truth = [t for _, t in masks.values()]
    perfect = evaluate_masks(truth, truth, resamples=40).evidence
    failures = perfect.find("failure_rate")
    assert failures is not None
    assert (failures.value, failures.low) == (0.0, 0.0)
    assert failures.high == pytest.approx(1 - 0.025 ** (1 / 24))  # not certainty: Clopper-Pearson
    few = evaluate_masks(truth[:3], truth[:3], resamples=40).evidence.find("dice")
    assert few is not None
    assert (few.value, few.status) == (None, "not estimable")
    assert "you need 2 more" in few.reason


def test_command_line_on_a_dataset(tmp_path: Path, capsys: pytest.CaptureFixture[str]):
    data = make_dataset(tmp_path / "data", 16, size=48, seed=0)
    predicted = tmp_path / "predicted"
    predicted.mkdir()
    for row in data.manifest.iter_rows(named=True):
        mask = read_mask(data.path / row["mask"])
        Image.fromarray(np.roll(mask, 1, 1)).save(predicted / f"{row['image_id']}.png")
    out = tmp_path / "out"
    with pytest.raises(SystemExit) as left:
        main(["evaluate-masks", str(predicted), str(data.path), "--out", str(out), "--resamples", "40", "--by", "sex"])
    assert left.value.code == 0
    said = capsys.readouterr().out
    assert "thresholded_jaccard" in said
    assert "jaccard, sex female" in said
    evidence = read_json(out / "evidence.json")
    assert (evidence["counts"]["measured"], evidence["distances"]) == (16, "px")
    assert evidence["dataset_digest"] == Dataset.load(data.path).card.digest
    assert len(pl.read_csv(out / "images.csv")) == 16
    assert set(pl.read_csv(out / "measured.csv")["metric"]) >= {"dice", "hd95_max", "hd95_mean", "failure_rate"}
    for arguments, words in (
        ([str(predicted), str(data.path), "--out", str(out)], "exists already"),
        ([str(predicted), str(data.path), "--out", str(tmp_path / "o"), "--part", "test"], "not split yet"),
        ([str(predicted), str(predicted), "--out", str(tmp_path / "o"), "--part", "test"], "not a dataset"),
        ([str(predicted), str(data.path), "--out", str(tmp_path / "o"), "--tau", "-1"], "tau is -1"),
    ):
        with pytest.raises(SystemExit) as left:
            main(["evaluate-masks", *arguments])
        assert left.value.code == 2
        error = capsys.readouterr().err
        assert words in error
        assert error.count("\n") == 1
    assert not (tmp_path / "o").exists()


def test_real_masks(shared_data: Path, tmp_path: Path):
    """A few real masks, each moved by 10 pixels, by folder: every number is there, and the moved edge is 10 away."""
    predicted, truth = tmp_path / "predicted", tmp_path / "truth"
    predicted.mkdir()
    truth.mkdir()
    for path in sorted((shared_data / "isic2017" / "masks").iterdir())[:12]:
        mask = binary(read_mask(path))[0] * np.uint8(255)
        Image.fromarray(mask).save(truth / f"{path.stem}.png")
        moved = np.zeros_like(mask)
        moved[:, 10:] = mask[:, :-10]
        Image.fromarray(moved).save(predicted / f"{path.stem}.png")
    found = evaluate_masks(predicted, truth, resamples=40).evidence
    assert found.counts.measured == 12
    distance = found.find("hd95_max")
    assert distance is not None
    assert 5 < distance.value <= 10.5
