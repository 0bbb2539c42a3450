"""Masks of every encoding, imported: stored as 0 and 255, told, and the same for all that reads them afterwards."""

from __future__ import annotations

import csv
from collections.abc import Callable
from pathlib import Path

import numpy as np
import polars as pl
import pytest
from PIL import Image

from cutis.data.dataset import Dataset
from cutis.data.export import export
from cutis.data.importing import import_dataset
from cutis.data.tone import mask_at
from cutis.evaluate.masks import evaluate_masks
from cutis.files import read_json
from cutis.image.mask import read_mask

MASK = np.zeros((45, 60), np.uint8)
MASK[10:30, 20:40] = 255
Save = Callable[[Path, np.ndarray], None]


@pytest.fixture
def imported(tmp_path: Path, picture, encoded) -> Callable[..., Dataset]:
    def make(*masks: tuple[np.ndarray, dict[str, object]]) -> Dataset:
        """A dataset of one image a mask, each saved with its options of Pillow (`name` is the file's)."""
        with (tmp_path / "cases.csv").open("w", newline="") as f:
            out = csv.writer(f)
            out.writerow(["file", "dx", "mask"])
            for k, (mask, options) in enumerate(masks):
                name = f"annot/s{k}{options.pop('ending', '.png')}"
                (tmp_path / "annot").mkdir(exist_ok=True)
                Image.fromarray(mask).save(tmp_path / name, **options)
                (tmp_path / f"s{k}.jpg").write_bytes(encoded(picture(60, 45, k), "JPEG", quality=95))
                out.writerow([f"s{k}.jpg", ["nv", "mel"][k % 2], name])
        return import_dataset(tmp_path / "cases.csv", tmp_path / "data", "csv")

    return make


def test_jpeg_masks_are_the_same_everywhere(imported, tmp_path: Path):
    """Compression noise round the edge is above 0, but not above 128: 400 pixels for import, COCO and evaluation."""
    jpegs = [(MASK, {"ending": ".jpg", "quality": q}) for q in (95, 75, 50, 30)]
    data = imported(*jpegs, (MASK, {}))
    for name in data.manifest["mask"]:
        stored = np.asarray(Image.open(data.path / name))
        assert np.array_equal(stored, MASK)
        assert np.array_equal(mask_at((data.path / name).read_bytes(), "m", (45, 60), (45, 60)), MASK > 0)
    assert any("4 masks are not black and white: what is above 128" in note for note in data.card.notes)
    export(data, tmp_path / "coco", to="coco")
    shapes = read_json(tmp_path / "coco" / "instances.json")["annotations"]
    assert {(s["area"], tuple(s["bbox"])) for s in shapes} == {(400, (20.0, 10.0, 20.0, 20.0))}
    dice = evaluate_masks(tmp_path / "annot", data, resamples=40).evidence.find("dice")
    assert dice is not None
    assert dice.value == 1.0


def test_grey_masks_of_an_older_dataset_are_thresholded_on_the_way_out(imported, tmp_path: Path):
    data = imported((MASK, {}), (MASK, {}))
    Image.fromarray(MASK).save(tmp_path / "noisy.jpg", quality=30)
    noisy = np.asarray(Image.open(tmp_path / "noisy.jpg"))
    assert ((noisy > 0) != (noisy > 128)).any()
    Image.fromarray(noisy).save(data.path / data.manifest["mask"][0])
    notes = export(data, tmp_path / "coco", to="coco").notes
    assert read_json(tmp_path / "coco" / "instances.json")["annotations"][0]["area"] == 400
    assert any("1 masks are not black and white" in note for note in notes)


@pytest.mark.parametrize(
    ("mask", "options", "note"),
    [
        ((MASK // 255).astype(np.uint16), {}, "1 masks hold 0 and 1 only: 1 was taken as lesion (first: s0)"),
        (np.where(MASK > 0, 0.8, 0.1).astype(np.float32), {"ending": ".tif"}, "1 masks hold numbers between 0 and 1"),
        (np.dstack([0 * MASK + 255] * 3 + [MASK]), {}, "1 masks are transparent: what is opaque was taken as lesion"),
        (np.kron(MASK, np.ones((2, 2), np.uint8)), {}, "1 masks were scaled to their image's size"),
    ],
)
def test_what_is_understood_is_told(imported, mask: np.ndarray, options: dict[str, object], note: str):
    data = imported((mask, options), (MASK, {}))
    assert np.array_equal(read_mask(data.path / data.manifest["mask"][0]).pixels, MASK > 0)
    assert any(note in told for told in data.card.notes)


def test_an_inverted_mask_is_told(imported):
    notes = imported((255 - MASK, {}), (MASK, {})).card.notes
    assert any("1 masks cover most of the picture's border" in note for note in notes)


def test_masks_that_cannot_be_used_are_left_out_with_their_reason(imported):
    turned = imported((MASK.T.copy(), {}), (MASK, {}))
    assert turned.manifest["mask"].null_count() == 1
    assert any("turned by 90 degrees" in note for note in turned.card.notes)


def test_among_label_maps_one_small_number_is_a_question(imported):
    """s0 has labels 1 and 2, s1 only 1, s2 only 2: each of the last two alone would be a mask, of another label."""
    both = MASK // 255
    both[35:40, 5:10] = 2
    data = imported((both, {}), (both * (both == 1), {}), (both * (both == 2), {}), (MASK, {}))
    kept = data.manifest.filter(pl.col("mask").is_not_null())["image_id"].to_list()
    assert kept == ["s3"]
    assert [p.name for p in (data.path / "masks").iterdir()] == ["s3.png"]
    assert any("3 masks were left out (first: s0, 3 values (0, 1, 2): a label map" in note for note in data.card.notes)
