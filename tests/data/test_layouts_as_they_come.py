"""Public layouts as a user has them after the download: read, or told in one line what to do."""

from __future__ import annotations

import io
import json
import tarfile
import zipfile
from collections.abc import Callable
from pathlib import Path

import polars as pl
import pytest

import cutis
from cutis.data.dataset import Dataset
from cutis.errors import CutisError


@pytest.fixture
def put(tmp_path: Path, picture, encoded) -> Callable[..., Path]:
    """put(name, content=None): a file in the source's folder, a picture of its own if there is no content."""
    made = iter(range(1000))

    def write(name: str, content: str | bytes | None = None) -> Path:
        path = tmp_path / "src" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        data = encoded(picture(24, 20, seed=next(made)), "JPEG") if content is None else content
        path.write_bytes(data.encode() if isinstance(data, str) else data)
        return path

    return write


@pytest.fixture
def read(tmp_path: Path) -> Callable[..., Dataset]:
    return lambda src=None, **options: cutis.import_dataset(src or tmp_path / "src", tmp_path / "data", **options)


@pytest.fixture
def told(read, tmp_path: Path) -> Callable[..., str]:
    """The one line with which a source is refused."""

    def ask(src: Path | None = None, **options: object) -> str:
        with pytest.raises(CutisError) as refused:
            read(src, **options)
        assert "\n" not in str(refused.value)
        assert not (tmp_path / "data").exists()
        return str(refused.value)

    return ask


def zipped(*members: tuple[str, bytes]) -> bytes:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as packed:
        for name, data in members:
            packed.writestr(name, data)
    return out.getvalue()


def coco(*images: tuple[str, str], **more: object) -> str:
    """COCO of (file name, category) pairs."""
    names = sorted({category for _, category in images})
    return json.dumps(
        {
            "images": [{"id": k, "file_name": name} for k, (name, _) in enumerate(images)],
            "categories": [{"id": k, "name": name} for k, name in enumerate(names)],
            "annotations": [{"image_id": k, "category_id": names.index(c)} for k, (_, c) in enumerate(images)],
            **more,
        }
    )


def test_ham10000_as_dataverse_gives_it(put, read) -> None:
    """Its CSV became a .tab with quotes; images and masks stay in their zips."""
    put(
        "HAM10000_metadata.tab",
        "lesion_id\timage_id\tdx\tdx_type\tage\tsex\tlocalization\tdataset\n"
        '"HAM_1"\t"ISIC_0027419"\t"bkl"\t"histo"\t80.0\t"male"\t"scalp"\t"vidir_modern"\n'
        '"HAM_2"\t"ISIC_0027420"\t"nv"\t"histo"\t\t"female"\t"back"\t"vidir_modern"\n',
    )
    for part, image in ((1, "ISIC_0027419"), (2, "ISIC_0027420")):
        put(f"HAM10000_images_part_{part}.zip", zipped((f"{image}.jpg", put("x.jpg").read_bytes())))
    data = read()
    assert data.card.name == "ham10000"
    assert data.manifest.sort("image_id").select("target", "age_approx", "status").rows() == [
        ("bkl", 80, "ok"),
        ("nv", None, "ok"),
    ]


def test_a_release_in_windows_1252_is_told(put, read) -> None:
    header = "image_id,lesion_id,dx,dx_type,age,sex,localization,remark"
    put("HAM10000_metadata.csv", f"{header}\na,L,nv,histo,30,male,back,naßforsch\n".encode("cp1252"))
    put("a.jpg")
    data = read()
    assert data.manifest["remark"].to_list() == ["naßforsch"]
    assert any("read as Windows-1252, with the letters ß" in note for note in data.card.notes)
    assert not any("forsch" in note for note in data.card.notes)  # a cell may be a name


def test_two_tables_of_one_release_are_a_question(put, told) -> None:
    for year in ("a", "b"):
        put(f"skincap_{year}.csv", "skincap_file_path,disease,caption_zh_polish_en\n1.png,acne,text\n")
    assert "skincap_a.csv and skincap_b.csv can both be the table" in told(reader="skincap")


def test_a_zip_is_told_to_be_unpacked(put, told) -> None:
    packed = put("ISIC-images.zip", zipped(("metadata.csv", b"isic_id\nISIC_0000001\n")))
    assert "unzip ISIC-images.zip -d ISIC-images" in told(packed)
    assert "holds no table, but ISIC-images.zip. If the table is in it, unpack it" in told()


def test_roboflow_as_coco(put, read) -> None:
    for part in ("train", "valid", "test"):
        for k in range(2):
            put(f"{part}/{part}{k}.jpg")
        put(f"{part}/_annotations.coco.json", coco((f"{part}0.jpg", "mel"), (f"{part}1.jpg", "nv")))
    put("README.roboflow.txt", "Exported")
    data = read().manifest.sort("image_id")
    assert data["source_split"].to_list() == ["test"] * 2 + ["train"] * 2 + ["valid"] * 2
    assert data["target"].to_list() == ["mel", "nv"] * 3
    assert data["status"].to_list() == ["ok"] * 6


def test_roboflow_as_columns_of_zero_and_one(put, read, told) -> None:
    for part in ("train", "valid"):
        for k in range(2):
            put(f"{part}/{part}{k}.jpg")
        put(f"{part}/_classes.csv", f"filename, mel, nv\n{part}0.jpg, 0, 1\n{part}1.jpg, 1, 0\n")
    assert "holds no table itself, but train/_classes.csv, valid/_classes.csv" in told()
    table = put("train/_classes.csv", "filename, mel, nv\ntrain0.jpg, 0, 1\ntrain1.jpg, 1, 0\n")
    assert "Or --label mel,nv if these columns" in told(table)
    assert read(table, label="mel,nv").manifest["target"].to_list() == ["nv", "mel"]


def test_coco_of_several_files_is_one_dataset(put, read) -> None:
    """Only the first of them was read."""
    for part in ("train2017", "val2017"):
        put(f"{part}/{part}-1.jpg")
        put(f"annotations/instances_{part}.json", coco((f"{part}-1.jpg", "mel" if part == "val2017" else "nv")))
    data = read().manifest.sort("image_id")
    assert data.select("image_id", "source_split", "target").rows() == [
        ("train2017-1", "train2017", "nv"),
        ("val2017-1", "val2017", "mel"),
    ]


def test_label_studio(put, read, told) -> None:
    put("images/a.jpg")
    put("images/b.jpg")
    put("result.json", coco((r"images\/a.jpg".replace("\\", ""), "mel"), ("../data/upload/1/b.jpg", "nv"), info={}))
    assert read().manifest["target"].to_list() == ["mel", "nv"]
    tasks = put("other/project-1.json", json.dumps([{"id": 1, "annotations": [], "data": {"image": "x"}}]))
    words = "Label Studio's own JSON. Export it from there as COCO"
    with pytest.raises(CutisError, match=words):
        cutis.import_dataset(tasks, tasks.with_name("data"))
    put("other/result.json", json.dumps([1]))  # any program's name: COCO only if it is
    with pytest.raises(CutisError, match="other: no layout that is known"):
        cutis.import_dataset(tasks.parent, tasks.with_name("data"))


def test_a_category_id_of_two_names_is_refused(put, told) -> None:
    put("a.jpg")
    content = json.loads(coco(("a.jpg", "mel")))
    content["categories"].append({"id": 0, "name": "nv"})
    put("instances.json", json.dumps(content))
    assert 'category 0 is both "mel" and "nv"' in told()


def tarred(*members: str) -> bytes:
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w") as tar:
        for name in members:
            info = tarfile.TarInfo(name)
            info.size = 3
            tar.addfile(info, io.BytesIO(b"abc"))
    return out.getvalue()


def test_shards(put, told) -> None:
    packed = put("a.tar.gz", b"\x1f\x8b")
    assert "a.tar.gz: compressed" in told()
    assert "gunzip a.tar.gz" in told(packed)
    packed.unlink()
    shard = put("a.tar", tarred("x.jpg", "x.png", "x.cls"))
    assert 'sample "x" has .jpg and .png; expected one' in told(shard)
    put("a.tar", tarred("x.jpg", "x.jpg"))
    assert "x.jpg is in it twice" in told(shard)


def test_tables_of_other_kinds(put, read, told, tmp_path: Path) -> None:
    put("a.jpg")
    put("b.jpg")
    sheet = put("t.xlsx", b"PK\x03\x04...")
    assert "Save the sheet as CSV UTF-8" in told(sheet)
    assert "Save the sheet of t.xlsx as CSV UTF-8" in told()
    sheet.unlink()
    put("metadata.jsonl", '{"file_name": "a.jpg", "label": "x"}\n{"file_name": "b.jpg", "label": "y"}\n')
    assert read().codes == ["x", "y"]
    pl.DataFrame({"image_id": ["a", "b"], "label": [1.0, 2.0]}).write_parquet(tmp_path / "src" / "t.parquet")
    made = cutis.import_dataset(tmp_path / "src" / "t.parquet", tmp_path / "more")
    assert made.codes == ["1", "2"]


def test_several_tables_are_a_question(put, told) -> None:
    put("a.jpg")
    for name in ("train.csv", "test.tsv"):
        put(name, "image,dx\na,nv\n")
    assert "holds several tables (test.tsv, train.csv). Name the one that is meant" in told()
    for name in ("one.csv", "two.csv"):
        put(name, "image,label,split\na.jpg,nv,train\n")
    assert "one.csv and two.csv can both be the table" in told(reader="panderm")
