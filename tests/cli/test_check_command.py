"""`cutis check`, driven as a user drives it."""

from __future__ import annotations

from pathlib import Path

import polars as pl
from driving import typed as cutis

from cutis.data.dataset import Dataset
from cutis.phantom.dataset import make_dataset


def test_check_writes_the_page_and_says_what_is_grave(tmp_path: Path):
    made = make_dataset(tmp_path / "data", 80, size=48, seed=0)
    out = tmp_path / "page"
    done = cutis("check", made.path, "--out", out)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "0 leaks, 0 errors" in done.stdout
    assert (out / "index.html").stat().st_size > 5000
    again = cutis("check", made.path, "--out", out)
    assert again.returncode == 2
    assert again.stderr.count("\n") == 1
    assert "overwrite" in again.stderr

    # Two of a lesion's images with two diagnoses: what can't be true is exit code 1.
    other = made.codes[1] if made.manifest["target"][0] == made.codes[0] else made.codes[0]
    first = pl.col("image_id") == made.manifest["image_id"][0]
    twin = made.manifest.head(1).with_columns(image_id=pl.lit("twin"), target=pl.lit(other), lesion_id=pl.lit("one"))
    table = made.manifest.with_columns(lesion_id=pl.when(first).then(pl.lit("one")).otherwise("lesion_id"))
    owner = table.filter(first)["patient_id"][0]
    table = pl.concat([table, twin.with_columns(patient_id=pl.lit(owner, pl.String))])
    Dataset(made.path, made.card, table).save_into(made.path)
    done = cutis("check", made.path, "--out", out, "--overwrite")
    assert done.returncode == 1, done.stdout + done.stderr
    assert "error: lesion with two diagnoses: lesion_id one" in done.stdout
    found = pl.read_parquet(out / "findings.parquet")
    assert {"same bytes", "lesion with two diagnoses"} <= set(found.filter(severity="error")["check"])


def test_bad_input_is_one_line(tmp_path: Path):
    for arguments, words in (
        ((tmp_path, "--out", tmp_path / "page"), "not a Cutis dataset"),
        (("--out", tmp_path / "page"), "no dataset"),
    ):
        done = cutis("check", *arguments)
        assert done.returncode == 2
        assert done.stderr.count("\n") == 1
        assert words in done.stderr
        assert "Traceback" not in done.stderr
    assert not (tmp_path / "page").exists()
