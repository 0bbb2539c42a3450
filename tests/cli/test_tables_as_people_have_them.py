"""Whole commands on tables and names that people really have: ids stay text, a name is a name, nothing is guessed."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import polars as pl
import pytest
from driving import in_process

from cutis.data.dataset import Dataset

IDS = ("0007", "0012", "12", "1e3", "1.10", "1.1", "123456789012345678901", "123456789012345678902", "0x1F")


@pytest.fixture
def cutis(capsys: pytest.CaptureFixture[str]) -> Callable[..., tuple[int, str, str]]:
    return lambda *arguments: in_process(capsys, *arguments)


@pytest.fixture
def images(tmp_path: Path, picture, encoded) -> Path:
    """A folder of images called as `IDS`, and its cases.csv."""
    folder = tmp_path / "img"
    folder.mkdir()
    for seed, name in enumerate(IDS):
        (folder / f"{name}.png").write_bytes(encoded(picture(24, 20, seed=seed), "PNG"))
    rows = "".join(f"{i},{i},{i},{('nv', 'mel')[k % 2]}\n" for k, i in enumerate(IDS))
    (folder / "cases.csv").write_text(f"image_id,patient_id,lesion_id,dx\n{rows}")
    return folder


@pytest.mark.parametrize("separator", [",", ";", "\t"])
def test_ids_are_text_for_every_command(separator: str, images: Path, tmp_path: Path, cutis) -> None:
    assert cutis("import", images, tmp_path / "data")[0] == 0
    assert sorted(Dataset.load(tmp_path / "data").manifest["image_id"]) == sorted(IDS)
    digits = [i for i in IDS if i.isdigit()]  # of which a guess would make numbers
    rows = "".join(f"{i}{separator}cam{k}{separator}00{k}{separator}{k}{separator}\r\n" for k, i in enumerate(digits))
    head = separator.join(("image_id", "camera", "serial", "shot", ""))
    (tmp_path / "more.csv").write_bytes(f"\ufeff{head}\r\n{rows}".encode())
    code, out, _ = cutis("columns", tmp_path / "data", tmp_path / "more.csv")
    assert code == 0
    assert f"camera: {len(digits)} of {len(IDS)} images" in out
    made = Dataset.load(tmp_path / "data").manifest.filter(pl.col("camera").is_not_null())
    wanted = [(i, f"cam{k}", f"00{k}", k) for k, i in enumerate(digits)]
    assert sorted(made.select("image_id", "camera", "serial", "shot").rows()) == sorted(wanted)


def test_rows_of_images_that_are_not_there_are_told(images: Path, tmp_path: Path, cutis) -> None:
    cutis("import", images, tmp_path / "data")
    (tmp_path / "more.csv").write_text("Image ID,camera\n0007,a\n0013,b\n")
    code, out, _ = cutis("columns", tmp_path / "data", tmp_path / "more.csv")
    assert code == 0
    assert (
        f'1 of the table\'s 2 rows are of no image in {tmp_path / "data"} (the first: "0013"; did you mean "0012"?)'
        in out
    )
    (tmp_path / "more.csv").write_bytes("image_id,camera\n0007,große\n".encode("cp1252"))
    assert (
        "note: more.csv is not UTF-8; read as Windows-1252"
        in cutis("columns", tmp_path / "data", tmp_path / "more.csv")[1]
    )


def test_decimal_commas_are_numbers_where_they_can_only_be_that(images: Path, tmp_path: Path, cutis) -> None:
    rows = "".join(f"{i};0,{k}5;{k},{k};0012\n" for k, i in enumerate(IDS))
    (images / "cases.csv").write_text(f"image_id;dx;depth;\n{''.join(f'{i};nv;1,5;\n' for i in IDS)}")
    out = cutis("import", images, tmp_path / "data")[1]
    assert "note: column depth: 1,5 is read as 1.5" in out
    (tmp_path / "more.csv").write_text(f"image_id;score;seen by;lot\n{rows}")
    out = cutis("columns", tmp_path / "data", tmp_path / "more.csv")[1]
    assert "note: column score: 0,05 is read as 0.05" in out
    (tmp_path / "pairs.csv").write_text("image_id,pair\n" + "".join(f'{i},"1,2"\n' for i in IDS))
    assert "is read as" not in cutis("columns", tmp_path / "data", tmp_path / "pairs.csv")[1]  # commas part the cells
    made = Dataset.load(tmp_path / "data").manifest.sort("score")
    assert made["depth"].to_list() == [1.5] * len(IDS)
    assert made["score"].to_list()[:2] == [0.05, 0.15]
    assert made["lot"].unique().to_list() == ["0012"]
    assert made["pair"].unique().to_list() == ["1,2"]


@pytest.mark.parametrize("name", ["a[1]", "a*", "a=1"])
def test_a_dataset_is_where_its_name_says(name: str, images: Path, tmp_path: Path, cutis, monkeypatch) -> None:
    """Never in a folder that the name would match as a pattern."""
    monkeypatch.chdir(tmp_path)
    (images / "other.csv").write_text("image_id,dx\n0007,mel\n0012,nv\n")
    assert cutis("import", images / "other.csv", "a1")[0] == 0  # what a pattern would find
    assert cutis("import", images / "cases.csv", name)[0] == 0
    data = Dataset.load(name)
    assert len(data.manifest) == len(IDS)
    assert cutis("split", name, "--test", "0.3", "--val", "0.2")[0] == 0
    (tmp_path / f"{name}.csv").write_text("image_id,camera\n0007,right\n")
    (tmp_path / "a1.csv").write_text("image_id,camera\n0007,wrong\n")
    assert cutis("columns", name, f"{name}.csv")[0] == 0
    assert Dataset.load(name).manifest["camera"].drop_nulls().to_list() == ["right"]
    assert cutis("info", name)[0] == 0
    code, out, err = cutis("lint", f"{name}/manifest.parquet")
    assert code in (0, 1), err
    assert "damaged" not in out + err


def test_labels_that_differ_in_case_are_asked_of(images: Path, tmp_path: Path, cutis) -> None:
    (images / "t.csv").write_text("image_id,label\n0007,grade II\n0012,grade ii\n12,other\n")
    code, _, err = cutis("import", images / "t.csv", tmp_path / "data")
    assert code == 2
    assert 'labels "grade II" (1 rows) and "grade ii" (1 rows) differ only in case' in err
    code, out, _ = cutis("import", images / "t.csv", tmp_path / "data", "--same-labels", "fold")
    assert code == 0
    assert "are one class, grade_ii" in out


def test_rows_that_are_not_measured_are_told(tmp_path: Path, cutis) -> None:
    rows = [f"i{k},{('mel', 'nv', '')[k % 3]},0.{k % 9 + 1},0.{9 - k % 9}" for k in range(60)]
    (tmp_path / "p.csv").write_text("image_id,target,mel,nv\n" + "\n".join(rows) + "\n")
    code, out, _ = cutis("evaluate", tmp_path / "p.csv", "--out", tmp_path / "report", "--resamples", "40")
    assert code == 0
    assert "measured on 60 rows less 20 without a known truth and 0 unreadable" in out
