"""`cutis lint` and `cutis split --close`, driven as a user drives them."""

from __future__ import annotations

from pathlib import Path

import polars as pl
import pytest
from driving import in_process as cutis

from cutis.phantom.dataset import make_dataset


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_dataset(tmp_path_factory.mktemp("lint") / "phantom", 40, size=64, seed=0).path


def test_split_look_lint(data: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]):
    code, out, err = cutis(capsys, "split", data, "--close", "patient,lesion,near-duplicate")
    assert code == 2
    assert "--look" in err
    code, out, err = cutis(capsys, "lint", data)
    assert code == 0, err
    assert "near-duplicates were never looked for" in out
    assert "no leak" in out
    code, out, err = cutis(capsys, "lint", data, "--look")
    assert "looked:" in out, err
    assert (data / "duplicates.parquet").is_file()
    code, out, err = cutis(capsys, "split", data, "--close", "patient,lesion,near-duplicate")
    assert code == 0, err
    assert "shared groups = 0" in out
    findings = tmp_path / "findings.parquet"
    code, out, err = cutis(capsys, "lint", data, "--against", data / "manifest.parquet", "--out", findings)
    assert code == 1
    assert "LEAKS" in out
    assert "same image id" in out
    assert (pl.read_parquet(findings)["severity"] == "leak").any()


def test_bad_requests_are_one_line(data: Path, capsys: pytest.CaptureFixture[str]):
    for arguments, words in (
        (["lint"], "no dataset to lint"),
        (["lint", data, "--out", "findings.csv"], "written as .parquet"),
        (["lint", data.parent / "absent"], "not a Cutis dataset"),
        (["split", data, "--close", "lesoin", "--overwrite"], 'did you mean "lesion"'),
        (["split", data, "--scheme", "loso", "--overwrite"], "valid: holdout, kfold, leave-one-source-out"),
    ):
        code, _, err = cutis(capsys, *arguments)
        assert code == 2
        assert words in err
        assert err.count("\n") == 1
