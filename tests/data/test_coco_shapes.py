"""COCO of others: polygons as COCO's own tools fill them, boxes at their picture's size, ids as they are written."""

from __future__ import annotations

import json
import math
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from cutis.data.importing import import_dataset
from cutis.data.polygon import filled
from cutis.errors import CutisError

OLD_NUMPY = pytest.mark.filterwarnings("ignore:__array__ implementation:DeprecationWarning")  # pycocotools'


def coco(src: Path, picture: bytes, name: str = "instances.json", **changes: Any) -> Path:
    """One picture of 60 x 45 with one annotation. changes: of the image or of the annotation."""
    src.mkdir(exist_ok=True)
    (src / "a.jpg").write_bytes(picture)
    image = {"id": 7, "file_name": "a.jpg", "width": 60, "height": 45}
    annotation = {"id": 1, "image_id": 7, "category_id": 1, "bbox": [10, 10, 20, 10]}
    for key, value in changes.items():
        (image if key in image else annotation)[key] = value
    annotation["image_id"] = changes.get("of", 7)
    content = {"images": [image], "categories": [{"id": 1, "name": "nevus"}], "annotations": [annotation]}
    (src / name).write_text(json.dumps(content))
    return src


@OLD_NUMPY
@pytest.mark.parametrize(
    ("corners", "pixels"),
    [
        ([5, 5, 15, 5, 15, 15, 5, 15], 100),
        ([5.5, 5.5, 15.5, 5.5, 15.5, 15.5, 5.5, 15.5], 100),
        ([-5, -5, 100, -5, 100, 100, -5, 100], 48 * 64),
        ([10, 10, 20, 15, 12, 25], 70),
        ([5, 5, 15, 5, 15, 5], 0),
    ],
)
def test_a_polygon_has_the_pixels_that_cocos_own_tools_give_it(corners: list[float], pixels: int) -> None:
    masks = pytest.importorskip("pycocotools.mask")
    own = filled(corners, 48, 64)
    theirs = masks.decode(masks.frPyObjects([corners], 48, 64))[:, :, 0]
    assert own.sum() == theirs.sum() == pixels


@OLD_NUMPY
def test_polygons_are_as_cocos_own_tools_fill_them_to_a_part_of_a_pixel() -> None:
    masks = pytest.importorskip("pycocotools.mask")
    rng = np.random.default_rng(0)
    for _ in range(40):
        angles, radii = np.sort(rng.uniform(0, 2 * math.pi, 9)), rng.uniform(4, 28, 9)
        corners = np.stack([40 + radii * np.cos(angles), 30 + radii * np.sin(angles)], 1)
        theirs = masks.decode(masks.frPyObjects([corners.ravel().tolist()], 60, 80))[:, :, 0] > 0
        rim = np.hypot(*(corners - np.roll(corners, 1, axis=0)).T).sum()
        assert (filled(corners.ravel().tolist(), 60, 80) != theirs).sum() < 0.2 * rim


@pytest.mark.parametrize("corners", [[1, 2, 3], [1, 2, 3, 4], [], [1, 2, 3, 4, float("nan"), 6]])
def test_what_is_no_polygon_is_refused(corners: list[float]) -> None:
    with pytest.raises(ValueError, match="coordinates"):
        filled(corners, 8, 8)


@pytest.mark.parametrize(
    ("sides", "box", "told"),
    [
        ({"width": 60, "height": 45}, [10, 10, 20, 10], None),
        ({"width": 120, "height": 90}, [5, 5, 10, 5], "boxes of 1 images were scaled"),
        ({"width": 45, "height": 60}, None, "boxes of 1 images were left out, as the source says other proportions"),
    ],
)
def test_boxes_are_at_their_pictures_size(tmp_path: Path, picture, encoded, sides, box, told) -> None:
    data = import_dataset(coco(tmp_path / "src", encoded(picture(), "JPEG"), **sides), tmp_path / "data")
    boxes = data.manifest["boxes"][0] if "boxes" in data.manifest.columns else None
    found = None if boxes is None else [boxes[0][k] for k in ("x", "y", "width", "height")]
    assert found == box
    notes = [n for n in data.card.notes if n.startswith("boxes")]
    assert notes == [] if told is None else notes[0].startswith(told)


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"bbox": [1, 2, math.nan, 4]}, "is not four numbers"),
        ({"bbox": [1, 2, -3, 4]}, "the last two from 0"),
        ({"of": "7"}, "image_id '7' is none of the images' ids, which are like 7"),
        ({"category_id": "1"}, "category_id '1' is none of the categories' ids, which are like 1"),
    ],
)
def test_what_cant_be_is_refused(tmp_path: Path, picture, encoded, change, words) -> None:
    src = coco(tmp_path / "src", encoded(picture(), "JPEG"), **change)
    with pytest.raises(CutisError, match=words):
        import_dataset(src, tmp_path / "data")


def test_a_coco_file_of_a_usual_name_is_found(tmp_path: Path, picture, encoded) -> None:
    src = coco(tmp_path / "src", encoded(picture(), "JPEG"), "annotations.json")
    assert import_dataset(src, tmp_path / "data").manifest["target"].to_list() == ["nevus"]
