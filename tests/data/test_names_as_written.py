"""Ids, paths and labels as other programs write them: found where it is plain which is meant, else told or asked."""

from __future__ import annotations

import io
import json
from pathlib import Path

import numpy as np
import polars as pl
import pytest
from PIL import Image

from cutis.data.columns import add_columns, read_columns, strangers
from cutis.data.dataset import Dataset
from cutis.data.files_in import Blob, Tree, file_at
from cutis.data.importing import import_dataset
from cutis.data.labels import classes_of
from cutis.errors import CutisError
from cutis.evaluate.masks import evaluate_masks
from cutis.evaluate.reading import read_predictions
from cutis.schema.predictions import Predictions
from cutis.tables import load_table, read_header


def png(k: int = 0, size: tuple[int, int] = (16, 12)) -> bytes:
    out = io.BytesIO()
    Image.fromarray(np.full((size[1], size[0], 3), 60 + 40 * k, np.uint8)).save(out, "PNG")
    return out.getvalue()


@pytest.fixture
def data(tmp_path: Path) -> Dataset:
    (tmp_path / "t.csv").write_text("image_id,dx\na,nv\nb,mel\n")
    return import_dataset(tmp_path / "t.csv", tmp_path / "data", table_only=True)


@pytest.mark.parametrize(
    "text",
    ["image_id,x\na.jpg,1\nb.PNG,2\n", "image_id,x\nimg/a.jpg,1\nC:\\img\\b.tif,2\n", "isic_id,x\na,1\nb,2\n"],
)
def test_columns_are_joined_by_the_names_of_files_and_of_ids(text: str, data: Dataset, tmp_path: Path) -> None:
    (tmp_path / "more.csv").write_text(text)
    table, _ = read_columns(tmp_path / "more.csv")
    assert add_columns(data, table).manifest["x"].to_list() == [1, 2]
    assert strangers(data, table) == (0, "")


def test_two_files_of_one_image_are_two_rows_of_it(data: Dataset) -> None:
    with pytest.raises(CutisError, match='image_id "a" is in rows 1, 2'):
        add_columns(data, pl.DataFrame({"image_id": ["a.jpg", "a.png"], "x": [1, 2]}))


@pytest.mark.parametrize(
    ("columns", "words"),
    [
        ({}, "there is none beside image_id"),
        ({"Target": ["mel", "nv"]}, "column Target is the manifest's own"),
        ({" SEX": ["f", "m"]}, "column  SEX is the manifest's own"),
    ],
)
def test_columns_that_add_nothing_or_shadow_the_manifests_are_refused(columns, words: str, data: Dataset) -> None:
    with pytest.raises(CutisError, match=words):
        add_columns(data, pl.DataFrame({"image_id": ["a", "b"], **columns}))


@pytest.mark.parametrize(
    "name",
    [
        "my%20photos/%C3%84%20b.png",
        "my photos/Ä b.png",
        "https://example.org/my%20photos/%C3%84%20b.png?size=1",
        "Ä%20b",
    ],
)
def test_paths_of_addresses_are_found(name: str, tmp_path: Path) -> None:
    (tmp_path / "my photos").mkdir()
    (tmp_path / "my photos/Ä b.png").write_bytes(png())
    found = Tree(tmp_path).find_image(name)
    assert found is not None
    assert found.name == "my photos/Ä b.png"
    assert Tree(tmp_path).find_image("..%2Fx.png") is None


def test_a_name_with_a_percent_sign_is_that_name_first(tmp_path: Path) -> None:
    for name, k in (("a%20b.png", 0), ("a b.png", 1)):
        (tmp_path / name).write_bytes(png(k))
    found = Tree(tmp_path).find_image("a%20b.png")
    assert found is not None
    assert found.name == "a%20b.png"


def test_masks_beside_the_table_are_found_though_images_lie_elsewhere(tmp_path: Path) -> None:
    for folder in ("img", "mask"):
        (tmp_path / folder).mkdir()
    (tmp_path / "img/a.png").write_bytes(png(3))
    mask = np.zeros((12, 16), np.uint8)
    mask[3:9, 4:12] = 255
    Image.fromarray(mask).save(tmp_path / "mask/a.png")
    (tmp_path / "t.csv").write_text("image_id,dx,mask\na,nv,mask/a.png\n")
    made = import_dataset(tmp_path / "t.csv", tmp_path / "data", images=tmp_path / "img")
    with Image.open(made.path / made.manifest["mask"][0]) as opened:
        assert (np.array(opened) > 0).sum() == 48
    (tmp_path / "img/t.csv").write_text("image_id,dx,mask\na,nv,../mask/a.png\n")  # never outside of the table's folder
    left = import_dataset(tmp_path / "img/t.csv", tmp_path / "more")
    assert left.manifest["mask"].to_list() == [None]  # nor the picture of that name itself
    assert "1 masks named in the table are missing (first: row 1)" in left.card.notes


@pytest.mark.parametrize(
    ("one", "two", "words"),
    [
        ("1", "1.0", 'the ".0" that a spreadsheet'),
        ("-2.00", "-2", 'the ".0" that a spreadsheet'),
        ("mel\u200banoma", "melanoma", "characters that can't be seen"),
        ("mel\u00adanoma", "melanoma", "characters that can't be seen"),
    ],
)
def test_labels_that_a_program_made_two_of_are_asked_of(one: str, two: str, words: str) -> None:
    with pytest.raises(CutisError, match=f"differ only in {words}") as caught:
        classes_of({one: 2, two: 3}, "t.csv")
    assert str(caught.value).isprintable()
    folded, _ = classes_of({one: 2, two: 3}, "t.csv", "fold")
    assert len({c.code for c in folded.values()}) == 1
    kept, _ = classes_of({one: 2, two: 3}, "t.csv", "keep")
    assert len({c.code for c in kept.values()}) == 2


@pytest.mark.parametrize("pair", [("mel", "m\u0435l"), ("mel", "ｍｅｌ")])
def test_labels_that_look_alike_are_told(pair: tuple[str, str]) -> None:
    classes, notes = classes_of(dict.fromkeys(pair, 2), "t.csv")
    assert len({c.code for c in classes.values()}) == 2
    assert [n for n in notes if "look alike and are classes of their own" in n]
    assert not classes_of({"BRAF+": 1, "BRAF-": 1, "nv": 1}, "t.csv")[1]


def test_an_id_of_the_truth_that_is_written_otherwise_is_shown(tmp_path: Path) -> None:
    (tmp_path / "p.csv").write_text("image_id,p_mel,p_nv\nim7,0.9,0.1\n")
    (tmp_path / "t.csv").write_text("image_id,target\nIM007,mel\n")
    with pytest.raises(CutisError, match=r'"IM007" is in the truth but has no prediction .* Here is "im7": write ids'):
        read_predictions(tmp_path / "p.csv", truth=tmp_path / "t.csv")


def test_a_folder_is_not_called_missing(tmp_path: Path) -> None:
    with pytest.raises(CutisError, match="a folder; name the predictions file in it"):
        Predictions.load(tmp_path)


@pytest.mark.parametrize("text", ['[{"image_id": "a"}]', '{"image_id": "a"}\n{"image_id": "b"}\n', "[\n  {\n", "{\n"])
def test_json_is_called_json(text: str, tmp_path: Path) -> None:
    (tmp_path / "p.json").write_text(text)
    with pytest.raises(CutisError, match=r"p\.json: JSON\. Write it as CSV, or an object per line"):
        load_table(tmp_path / "p.json")
    assert read_header(tmp_path / "p.json") == []
    (tmp_path / "p.jsonl").write_text(json.dumps({"image_id": "a", "x": 1}) + "\n")
    assert load_table(tmp_path / "p.jsonl")[0].rows() == [("a", "1")]


def test_one_file_is_itself_however_it_was_found(tmp_path: Path) -> None:
    (tmp_path / "a.png").write_bytes(png())
    one, two = Tree(tmp_path).find_image("a.png"), file_at(tmp_path.parent, f"{tmp_path.name}/a.png")
    assert one is not None
    assert two is not None
    assert one.is_same(two)
    assert one.name != two.name
    assert not one.is_same(Blob("a.png", 1, make=png))


def test_masks_of_other_names_are_named(tmp_path: Path) -> None:
    for place in ("true/s1.png", "predicted/pred_S1.png"):
        (tmp_path / place).parent.mkdir()
        Image.fromarray(np.eye(12, dtype=np.uint8) * 255).save(tmp_path / place)
    with pytest.raises(CutisError, match=r"as in s1\.png; the first here is called pred_S1\."):
        evaluate_masks(tmp_path / "predicted", tmp_path / "true")
