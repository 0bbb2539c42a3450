"""Folders and arrays of masks measured: who is compared with whom, what fails, what is told, and the command."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import polars as pl
import pytest
from PIL import Image
from test_segmentation import square

from cutis.cli import main
from cutis.data.dataset import Dataset
from cutis.errors import CutisError
from cutis.evaluate.mask_sides import mask_files
from cutis.evaluate.masks import evaluate_masks
from cutis.evaluate.segmentation import MaskSettings, overlap
from cutis.files import read_json
from cutis.image.mask import read_mask
from cutis.phantom.dataset import make_dataset


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
    found = evaluate_masks(predicted, truth, resamples=40, only_predicted=True)
    counts = found.evidence.counts
    assert (counts.images, counts.measured, counts.missing, counts.unusable, counts.unasked) == (24, 21, 1, 2, 1)
    assert counts.failed == 0
    reasons = dict(found.images.select("image_id", "reason").iter_rows())
    assert reasons["i03"] == "no predicted mask"
    assert "predicted mask: not an image" in reasons["i04"]
    assert "predicted mask: 20 x 10 pixels for 50 x 40, of other proportions" in reasons["i05"]
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
        "1 images have no predicted mask and are left out of every number (first: i03)",
        "2 pairs of masks can't be compared and are left out of every number (first: i04:",
        "1 predicted masks have no true one and are left out (first: other)",
        "1 predicted masks hold 0 and 1 only: 1 was taken as lesion (first: i08)",
        "1 predicted masks hold two values other than 0 and 255: the larger was taken as lesion (first: i09)",
        "1 predicted masks are not black, but nothing in them is above the middle of their range, so they count as "
        "empty (first: i07)",
        "No lesion or patient is known",
    ):
        assert words in notes


def test_a_missing_mask_is_a_failure(folders):
    """Dice is the mean over all 24 images, with 0 for the two that have no mask and the one that can't be read."""
    predicted, truth, masks = folders
    for gone in ("i03", "i05"):
        (predicted / f"{gone}.png").unlink()
    (predicted / "i04.png").write_bytes(b"not a picture")
    (truth / "i06_segmentation.png").write_bytes(b"not a picture")  # without a true mask there is nothing to fail
    found = evaluate_masks(predicted, truth, resamples=40)
    counts = found.evidence.counts
    assert (counts.images, counts.measured, counts.missing, counts.unusable, counts.failed) == (24, 23, 2, 2, 3)
    kept = {i: overlap(*pair).dice for i, pair in masks.items() if i not in ("i03", "i04", "i05", "i06")}
    dice = found.evidence.find("dice")
    assert dice is not None
    assert dice.value == pytest.approx(sum(kept.values()) / 23)
    distance = found.evidence.find("hd95_max")
    assert distance is not None
    assert "over 20 of 23 images (13.0 % fail, and are not in this mean)" in distance.reason
    assert "there is no distance in 3 with no predicted mask, which are failures" in distance.reason
    notes = "\n".join(found.evidence.notes)
    assert "2 images have no predicted mask and count as failures, 0 in every overlap (first: i03, i05)." in notes
    assert "1 pairs of masks can't be compared and count as failures, 0 in every overlap (first: i04:" in notes
    assert "1 pairs of masks can't be compared and are left out of every number (first: i06: true mask:" in notes
    rows = {r["image_id"]: r for r in found.images.iter_rows(named=True)}
    assert [rows[i]["dice"] for i in ("i03", "i04", "i06")] == [0.0, 0.0, None]
    alone = evaluate_masks(predicted, truth, resamples=40, only_predicted=True).evidence.find("dice")
    assert alone is not None
    assert alone.value == pytest.approx(sum(kept.values()) / 20)


def test_label_maps_are_refused_or_read_by_their_label(folders):
    predicted, truth, masks = folders
    path = predicted / "i03.png"
    Image.fromarray(masks["i03"][0] * np.uint8(2)).save(path)
    told = evaluate_masks(predicted, truth, resamples=40).evidence.notes
    assert (
        "1 predicted masks hold two values other than 0 and 255: the larger was taken as lesion (first: i03)." in told
    )
    labels = masks["i03"][0] * np.uint8(2)
    labels[0, 0] = 1
    Image.fromarray(labels).save(path)
    with pytest.raises(CutisError, match=r'predicted mask of "i03": 3 values \(0, 1, 2\).*with --label'):
        evaluate_masks(predicted, truth, resamples=40)
    for image_id, (mask, _) in masks.items():  # of each its own label: every file alone could be a mask
        Image.fromarray(mask * np.uint8(1 + int(image_id[1:]) % 2)).save(predicted / f"{image_id}.png")
    with pytest.raises(CutisError, match=r'predicted masks hold 1 in "i00" and 2 in "i01".*with --label'):
        evaluate_masks(predicted, truth, resamples=40)
    found = evaluate_masks(predicted, truth, resamples=40, label=2).evidence.find("dice")
    assert found is not None
    assert found.value == pytest.approx(np.mean([overlap(*m).dice for m in list(masks.values())[1::2]]) / 2)
    with pytest.raises(CutisError, match="--label 7: no predicted mask holds it"):
        evaluate_masks(predicted, truth, resamples=40, label=7)
    with pytest.raises(CutisError, match="--true-label 3: no true mask holds it"):
        evaluate_masks(predicted, truth, resamples=40, label=2, true_label=3)


def test_other_sizes_and_inverted_masks_are_told(folders):
    predicted, truth, masks = folders
    double = np.kron(masks["i00"][0], np.ones((2, 2), np.uint8)) * np.uint8(255)
    Image.fromarray(double).save(predicted / "i00.png")
    Image.fromarray(masks["i01"][0].T * np.uint8(255)).save(predicted / "i01.png")
    Image.fromarray(255 - masks["i02"][0] * np.uint8(255)).save(predicted / "i02.png")
    found = evaluate_masks(predicted, truth, resamples=40)
    rows = {r["image_id"]: r for r in found.images.iter_rows(named=True)}
    assert rows["i00"]["dice"] == pytest.approx(overlap(*masks["i00"]).dice)
    assert (
        rows["i01"]["reason"] == "predicted mask: 40 x 50 pixels for 50 x 40: it is turned by 90 degrees. Turn it back"
    )
    notes = "\n".join(found.evidence.notes)
    assert "1 predicted masks were scaled to the size of the true ones (nearest neighbour) (first: i00)." in notes
    assert (
        "1 predicted masks cover most of the picture's border: large lesions, or black is the lesion in them" in notes
    )
    assert "(first: i02)" in notes


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
    with pytest.raises(CutisError, match=r"none of 24 pairs can be compared.*expected two dimensions"):
        evaluate_masks([m[None, None] for m in p], t)
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
        mask = read_mask(data.path / row["mask"]).pixels
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
        mask = read_mask(path).pixels * np.uint8(255)
        Image.fromarray(mask).save(truth / f"{path.stem}.png")
        moved = np.zeros_like(mask)
        moved[:, 10:] = mask[:, :-10]
        Image.fromarray(moved).save(predicted / f"{path.stem}.png")
    found = evaluate_masks(predicted, truth, resamples=40).evidence
    assert found.counts.measured == 12
    distance = found.find("hd95_max")
    assert distance is not None
    assert 5 < distance.value <= 10.5


def test_a_mean_distance_never_stands_without_the_images_that_fail(
    tmp_path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Three of 15 predicted masks are empty: in no mean distance, which says so in its own line."""
    predicted, truth = tmp_path / "predicted", tmp_path / "truth"
    for folder in (predicted, truth):
        folder.mkdir()
    for i in range(15):
        Image.fromarray(square(5, 5 + i, 20, 20) * np.uint8(255)).save(truth / f"i{i:02}.png")
        empty = i < 3
        Image.fromarray(square(6, 5 + i, 0 if empty else 20, 20) * np.uint8(255)).save(predicted / f"i{i:02}.png")
    with pytest.raises(SystemExit) as end:
        main(["evaluate-masks", str(predicted), str(truth), "--out", str(tmp_path / "out"), "--resamples", "40"])
    assert end.value.code == 0
    lines = capsys.readouterr().out.splitlines()
    said = "over 12 of 15 images (20.0 % fail, and are not in this mean)"
    for name in ("hd95_max", "hd95_mean", "average_surface_distance"):
        assert said in next(line for line in lines if line.startswith(name))
    assert said not in next(line for line in lines if line.startswith("jaccard"))
