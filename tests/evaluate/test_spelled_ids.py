"""Ids in other people's tables: one spelling in, whatever was written."""

from __future__ import annotations

import numpy as np
import polars as pl
import pytest
from PIL import Image

from cutis.bundle.sources import gather
from cutis.data.pseudonym import pseudonym
from cutis.errors import CutisError
from cutis.evaluate.masks import mask_files
from cutis.evaluate.measure import measure
from cutis.evaluate.reading import read_predictions
from cutis.schema.predictions import Predictions

ROWS = (
    "image_id,patient_id,target,p_mel,p_nv\n"
    "a\u0301,7,mel,0.8,0.2\nb\u200b,7.0,nv,0.3,0.7\n c ,\uff17,nv,0.4,0.6\nd,n/a,mel,0.6,0.4\ne,N/A,nv,0.1,0.9\n"
)


def test_a_foreign_table(tmp_path):
    (tmp_path / "p.csv").write_text(ROWS, encoding="utf-8")
    table = read_predictions(tmp_path / "p.csv").table
    assert table["image_id"].to_list() == ["\u00e1", "b", "c", "d", "e"]
    assert table["patient_id"].to_list() == ["7", "7", "7", None, None]
    evidence = measure(tmp_path / "p.csv", resamples=40)
    assert evidence.counts.units == 3  # one person, and two of whom nothing is known


def test_truth_in_a_file_of_its_own(tmp_path):
    (tmp_path / "p.csv").write_text("image_id,p_mel,p_nv\na\u0301,0.8,0.2\n7.0,0.3,0.7\n", encoding="utf-8")
    (tmp_path / "t.csv").write_text("image_id,target\n7,nv\n\u00e1\u00a0,mel\n", encoding="utf-8")
    table = read_predictions(tmp_path / "p.csv", truth=tmp_path / "t.csv").table
    assert table["target"].to_list() == ["mel", "nv"]
    (tmp_path / "t.csv").write_text("image_id,target\n7,nv\n7.0,mel\n", encoding="utf-8")
    with pytest.raises(CutisError, match=r't\.csv: image_id "7" \(row 1\), "7\.0" \(row 2\) are one id'):
        read_predictions(tmp_path / "p.csv", truth=tmp_path / "t.csv")


def test_a_doubt_is_noted(tmp_path):
    ids = [f"i{k}" for k in range(40)]
    people = [f"{'Pp'[k % 2]}{k // 2}" for k in range(40)]
    table = pl.DataFrame({"image_id": ids, "patient_id": people, "target": ["mel", "nv"] * 20})
    table.with_columns(p_mel=0.4, p_nv=0.6).write_csv(tmp_path / "p.csv")
    notes = measure(tmp_path / "p.csv", resamples=40).notes
    told = [note for note in notes if note.startswith("20 patients may be spelled in several ways")]
    assert len(told) == 1
    assert told[0].endswith("Each spelling is counted as one of its own: if they are one, intervals are too narrow.")
    read = read_predictions(tmp_path / "p.csv")
    info = read.info.model_copy(update={"split": {"same_ids": "keep"}})
    assert not any("spelled" in note for note in measure(Predictions(read.table, info), resamples=40).notes)


def test_files_named_on_another_system(tmp_path):
    """macOS writes names decomposed."""
    for name in ("a\u0301.png", "b.png"):
        Image.fromarray(np.zeros((4, 4), np.uint8)).save(tmp_path / name)
    assert set(mask_files(tmp_path)) == {"\u00e1", "b"}
    found = gather(tmp_path, None, None)
    assert found.rows["image_id"].to_list() == ["\u00e1", "b"]
    assert all(path.is_file() for path in found.paths())


def test_one_person_has_one_pseudonym():
    key = b"0" * 32
    assert pseudonym(key, "patient", "", "7") == pseudonym(key, "patient", "", "7.0\u200b")
    assert pseudonym(key, "patient", "", "7") != pseudonym(key, "patient", "", "0007")
    assert pseudonym(key, "image", "a  b") != pseudonym(key, "image", "a b")  # files, not people
