"""In a folder of class folders a mask beside its image is its mask, and a folder of masks is no class."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from cutis.data.importing import import_dataset
from cutis.errors import CutisError


def put(src: Path, *names: str) -> Path:
    for k, name in enumerate(names):
        pixels = np.full((12, 16, 3), 40 + 10 * k, np.uint8)
        if "mask" in name.casefold() or "segmentation" in name.casefold():
            pixels[:] = 0
            pixels[3:9, 4:12] = 255
        (src / name).parent.mkdir(parents=True, exist_ok=True)
        Image.fromarray(pixels).save(src / name)
    return src


@pytest.mark.parametrize("mask", ["a (1)_mask.png", "a (1)_Segmentation.PNG", "A (1) mask.bmp"])
def test_a_mask_beside_its_image_is_its_mask(mask: str, tmp_path: Path) -> None:
    made = import_dataset(put(tmp_path / "src", "nv/a (1).png", f"nv/{mask}", "mel/b.png"), tmp_path / "data")
    rows = made.manifest.sort("target").select("image_id", "target", "mask").rows()
    assert rows == [("b", "mel", None), ("a (1)", "nv", "masks/a (1).png")]
    with Image.open(made.path / "masks/a (1).png") as opened:
        assert (np.array(opened) > 0).sum() == 48
    assert "1 files are masks of the image beside them, by their names" in made.card.notes


def test_several_masks_of_one_image_are_left_out_and_told(tmp_path: Path) -> None:
    src = put(tmp_path / "src", "nv/a.png", "nv/a_mask.png", "nv/a_mask_1.png", "mel/b.png")
    made = import_dataset(src, tmp_path / "data")
    assert sorted(made.manifest["image_id"]) == ["a", "b"]
    assert made.manifest["mask"].null_count() == 2
    assert [n for n in made.card.notes if n.startswith("2 files are called masks, and it isn't said of which image")]


def test_a_name_that_is_nobodys_mask_is_an_image(tmp_path: Path) -> None:
    made = import_dataset(put(tmp_path / "src", "nv/face_mask.png", "nv/unmasked.png", "mel/b.png"), tmp_path / "data")
    assert sorted(made.manifest["image_id"]) == ["b", "face_mask", "unmasked"]


def test_a_folder_of_masks_is_no_class(tmp_path: Path) -> None:
    with pytest.raises(CutisError, match='folder "Masks" holds masks, by its name, and is no class'):
        import_dataset(put(tmp_path / "src", "images/a.png", "Masks/a.png"), tmp_path / "data")
