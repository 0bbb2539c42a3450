"""Names in tables lead to the one file that they can mean: exactly, or as another computer wrote them."""

from __future__ import annotations

import unicodedata
import zipfile
from collections.abc import Callable
from pathlib import Path

import pytest

import cutis
from cutis.data.files_in import Tree, is_mask_name
from cutis.errors import CutisError

NFC, NFD = "Müller", unicodedata.normalize("NFD", "Müller")


@pytest.fixture
def tree(tmp_path: Path) -> Callable[..., Tree]:
    """A tree of files, each holding its own path unless another content is given."""

    def make(*files: str, **same: str) -> Tree:
        for name in files:
            path = tmp_path / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(same.get(path.suffix[1:], name))
        return Tree(tmp_path)

    return make


@pytest.mark.parametrize(
    ("files", "name", "found"),
    [
        (("a/x.jpg", "b/x.jpg"), "b/x.jpg", "b/x.jpg"),
        (("x.jpg", "b/x.jpg"), "x.jpg", "x.jpg"),  # exactly there
        (("a/x.jpg", "b/y.jpg"), "x", "a/x.jpg"),  # an id
        (("a/x.jpg", "b/y.jpg"), "x.jpg", "a/x.jpg"),
        (("a/x.jpg", "b/x.jpg"), "/data/old/a/x.jpg", "a/x.jpg"),  # another root: the longest end in common
        (("1/a/x.jpg", "2/a/x.jpg"), "/old/2/a/x.jpg", "2/a/x.jpg"),
        (("a/x.jpg", "b/x.jpg"), r"C:\data\b\x.jpg", "b/x.jpg"),
        (("a/x.jpg", "b/x.jpg"), r"b\x.jpg", "b/x.jpg"),
        (("a/x.jpg", "b/x.jpg"), "./b/x.jpg", "b/x.jpg"),
        (("a/x.jpg", "b/x.jpg"), "https://host/b/x.jpg", "b/x.jpg"),
        (("a/x.jpg",), "../a/x.jpg", "a/x.jpg"),
        (("A/X.JPG",), "a/x.jpg", "A/X.JPG"),
        (("a/x.jpg", "a/X.jpg"), "X", "a/X.jpg"),  # to the letter, before the same but for case
        ((f"{NFD}.jpg",), NFC, f"{NFD}.jpg"),
        ((f"{NFC}/x.jpg", "b/x.jpg"), f"{NFD}/x.jpg", f"{NFC}/x.jpg"),
        (("x.png",), "x.jpg", "x.png"),  # converted meanwhile
        (("x.jpg", "x.png"), "x.png", "x.png"),
        (("1.10.jpg", "1.1.jpg"), "1.10", "1.10.jpg"),  # an id with a point is no name with an extension
        (("x.y.jpg", "x.jpg"), "x.y", "x.y.jpg"),
        (("x",), "x", "x"),  # a file without an extension
        (("unmasked/x.jpg", "masks/x.png"), "x", "unmasked/x.jpg"),
        (("p[1].jpg", "p1.jpg"), "p[1].jpg", "p[1].jpg"),
        (("p[1]/x.jpg", "p1/x.jpg"), "p[1]/x.jpg", "p[1]/x.jpg"),
        (("px.jpg", "py.jpg"), "p*.jpg", None),
        (("x.jpg",), "y", None),
        (("masks/x.png",), "x", None),
    ],
)
def test_the_one_image_that_a_name_can_mean(files: tuple[str, ...], name: str, found: str | None, tree) -> None:
    blob = tree(*files).find_image(name)
    assert (blob and blob.name) == found


@pytest.mark.parametrize(
    ("files", "name"),
    [
        (("s1.jpg", "s1.png"), "s1"),  # one stem, two extensions
        (("a/s1.jpg", "b/s1.jpg"), "s1"),  # two folders
        (("a/s1.jpg", "b/s1.jpg"), "s1.jpg"),
        (("a/s1.jpg", "b/s1.jpg"), "c/s1.jpg"),
        (("S1.jpg", "s1.JPG"), "s1.jpg"),
        (("b/s1.jpg", "a/S1.JPG"), "a/s1.jpg"),  # the right name, or the right folder
        (("1/a/x.jpg", "2/a/x.jpg"), "a/x.jpg"),
    ],
)
def test_a_name_that_can_mean_two_files_is_refused(files: tuple[str, ...], name: str, tree) -> None:
    with pytest.raises(CutisError, match=r"which differ. Write the path in the table") as refused:
        tree(*files).find_image(name)
    assert all(file in str(refused.value) for file in files)
    assert tree(*files, jpg="same", JPG="same", png="same").find_image(name)  # copies of one picture are one


def test_a_zip_beside_what_was_in_it_is_no_question(tree, tmp_path: Path) -> None:
    with zipfile.ZipFile(tmp_path / "part_1.zip", "w") as packed:
        packed.writestr("part_1/x.jpg", "part_1/x.jpg")
        packed.writestr("part_1/y.jpg", "another")
    held = tree("part_1/x.jpg", "part_1/y.jpg")
    assert held.find_image("x").name == "part_1/x.jpg"
    with pytest.raises(CutisError, match=r"part_1/y.jpg or part_1.zip:part_1/y.jpg"):
        held.find_image("y")
    held.close()


def test_one_path_in_two_zips_is_a_question(tmp_path: Path) -> None:
    """The last of them was taken."""
    for number, content in ((1, "one"), (2, "two")):
        with zipfile.ZipFile(tmp_path / f"part_{number}.zip", "w") as packed:
            packed.writestr("x.jpg", content)
            packed.writestr("same.jpg", "same")
    held = Tree(tmp_path)
    assert held.find("same.jpg")
    assert held.find_image("same")
    for name in ("x.jpg", "x"):
        with pytest.raises(CutisError, match=r"part_1.zip:x.jpg or part_2.zip:x.jpg, which differ"):
            held.find_image(name)
    held.close()


def test_names_in_zips_are_utf_8_even_if_unsaid(tmp_path: Path) -> None:
    with zipfile.ZipFile(tmp_path / "a.zip", "w") as packed:
        packed.writestr("Mxxller.jpg", "1")
    data = (tmp_path / "a.zip").read_bytes()
    (tmp_path / "a.zip").write_bytes(data.replace(b"Mxxller", "Müller".encode()))
    held = Tree(tmp_path)
    assert held.find_image(NFD)
    held.close()


def test_one_file_is_not_found_for_two_names(tree) -> None:
    held = tree("c/x.jpg")
    assert held.find_image("a/x.jpg")
    assert held.find_image("a/x.jpg")  # the same name again
    with pytest.raises(CutisError, match=r'"a/x.jpg" and "b/x.jpg" both lead to c/x.jpg'):
        held.find_image("b/x.jpg")
    held = tree("c/x.jpg")
    held.reserve(["c/x.jpg", "b/x.jpg"])  # a row names it exactly: what another row means is missing
    assert held.find_image("b/x.jpg") is None
    assert held.find_image("c/x.jpg")


@pytest.mark.parametrize(
    "path",
    [
        *("masks/x.png", "Mask/x.png", "LesionMasks/x.png", "x_mask.png", "MASK.png", "a/lesion-mask 2/x.png"),
        *("HAM10000_segmentations_lesion.zip:x.png", "x_segmentation.png"),
    ],
)
def test_what_is_called_a_mask(path: str) -> None:
    assert is_mask_name(path)


@pytest.mark.parametrize(
    "path", ["unmasked/x.jpg", "masked/x.jpg", "damask.jpg", "maskless/x.jpg", "unsegmented/x.jpg", "x.jpg"]
)
def test_what_only_sounds_like_a_mask(path: str) -> None:
    assert not is_mask_name(path)


@pytest.mark.parametrize(
    ("files", "name", "found"),
    [
        (("x.jpg", "masks/x.png"), "x", "masks/x.png"),
        (("x.jpg", "masks/x_segmentation.png"), "x", "masks/x_segmentation.png"),
        (("x.jpg", "x_Mask.png"), "x", "x_Mask.png"),
        (("x.jpg", "masks/x_mask.png"), "/old/masks/x_mask.png", "masks/x_mask.png"),
        (("x.jpg", "truth/x.png"), "x.png", "truth/x.png"),  # a place of another name, but the file's own
        (("x.jpg", "truth/x.png"), "truth/x.png", "truth/x.png"),
        (("x.jpg",), "x", None),  # never the image itself
        (("x.jpg",), "masks/x.png", None),
    ],
)
def test_the_one_mask_that_a_name_can_mean(files: tuple[str, ...], name: str, found: str | None, tree) -> None:
    blob = tree(*files).find_mask(name)
    assert (blob and blob.name) == found


def test_two_masks_of_one_image_are_refused(tree) -> None:
    with pytest.raises(CutisError, match=r"masks/x.png or masks/x_segmentation.png, which differ. Keep one"):
        tree("masks/x.png", "masks/x_segmentation.png").find_mask("x")


def test_what_is_missing_says_what_is_nearest(tree, tmp_path: Path) -> None:
    assert tree("pics/IMG_0012.jpg", "pics/other.jpg").nearest("img_012") == 'did you mean "IMG_0012.jpg"?'
    assert tree("masks/x.png").nearest("x") == "masks/x.png is a mask, by its name"
    (tmp_path / "none").mkdir()
    assert Tree(tmp_path / "none").nearest("x").startswith("there is no image in")


# --- through import ---------------------------------------------------------------------------------------------------


@pytest.fixture
def source(tmp_path: Path, picture, encoded) -> Callable[..., Path]:
    """source(table, *files) -> the table, in a folder of pictures, each another."""

    def make(table: str, *files: str) -> Path:
        folder = tmp_path / "src"
        for seed, name in enumerate(files):
            (folder / name).parent.mkdir(parents=True, exist_ok=True)
            form = "PNG" if name.casefold().endswith("png") else "JPEG"
            (folder / name).write_bytes(encoded(picture(32, 24, seed=seed), form))
        (folder / "t.csv").write_text(table)
        return folder / "t.csv"

    return make


def test_an_ambiguous_row_is_named_and_nothing_is_made(source, tmp_path: Path) -> None:
    table = source("image_id,dx\ns2,mel\ns1,nv\n", "s1.jpg", "s1.png", "s2.png")
    with pytest.raises(CutisError, match=r't.csv: row 2: .*"s1" can be s1.jpg or s1.png, which differ'):
        cutis.import_dataset(table, tmp_path / "data")
    assert not (tmp_path / "data").exists()
    data = cutis.import_dataset(table, tmp_path / "data", table_only=True)  # no image is looked for
    assert data.manifest["status"].unique().to_list() == ["listed"]


def test_a_missing_row_says_what_is_nearest(source, tmp_path: Path) -> None:
    table = source("file,dx\npics/s01.jpg,nv\npics/s2.jpg,mel\n", "pics/s1.jpg", "pics/s2.jpg")
    with pytest.raises(CutisError, match=r'image "pics/s01.jpg" is missing .1 of 2 .*did you mean "s1.jpg"'):
        cutis.import_dataset(table, tmp_path / "data")


def test_tables_of_another_computer_find_their_images(source, tmp_path: Path) -> None:
    files = ("A/X.JPG", "b/x.jpg", f"c/{NFC}.jpg", "c/none.jpg")
    rows = ("D:\\study\\A\\X.JPG,nv", "/mnt/study/b/x.jpg,mel", f"{NFD}.jpg,nv", "none.jpg,mel")
    with pytest.raises(CutisError, match='image_id "X" and "x" differ only in case'):
        cutis.import_dataset(source("\n".join(("file,dx", *rows)), *files), tmp_path / "data")
    named = [f"{k},{row}" for k, row in zip(("1", "2", "3", "none"), rows, strict=True)]
    table = source("\n".join(("image_id,file,dx", *named)), *files)
    data = cutis.import_dataset(table, tmp_path / "data")
    assert data.manifest["status"].to_list() == ["ok"] * 4
    assert data.manifest["image_id"].to_list() == ["1", "2", "3", "none"]
    assert data.manifest["sha256"].n_unique() == 4


def test_masks_named_but_missing_are_told(source, tmp_path: Path) -> None:
    table = source("image_id,dx,mask\na,nv,masks/a.png\nb,mel,masks/b.png\n", "a.jpg", "b.jpg", "masks/b.png")
    data = cutis.import_dataset(table, tmp_path / "data")
    assert "1 masks named in the table are missing (first: row 1)" in data.card.notes
    assert data.manifest["mask"].null_count() == 1
