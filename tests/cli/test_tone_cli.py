"""`cutis tone`, driven as a user drives it."""

from __future__ import annotations

from pathlib import Path

import polars as pl
import pytest
from driving import in_process as cutis

from cutis.phantom.dataset import make_dataset


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_dataset(tmp_path_factory.mktemp("tone_cli") / "phantom", 30, size=96, seed=1).path


def test_two_methods_and_their_agreement(data: Path, capsys: pytest.CaptureFixture[str]):
    code, out, err = cutis(capsys, "tone", data, "--method", "bevan2022", "--method", "kinyanjui2019")
    assert code == 0, err
    assert "very light / light / intermediate / tan / brown / dark" in out
    assert "agreement by " in out
    pairs = [line.split()[:2] for line in out.splitlines() if line.startswith(("cutis  ", "bevan2022  "))]
    assert ["cutis", "bevan2022"] in pairs
    assert ["bevan2022", "kinyanjui2019"] in pairs
    table = pl.read_parquet(data / "tone.parquet")
    assert len(table) == 30
    assert {"ita_cutis", "low_bevan2022", "monk", "contrast_ciede2000", "status", "reason"} <= set(table.columns)


def test_one_method_says_no_agreement(data: Path, capsys: pytest.CaptureFixture[str]):
    code, out, _ = cutis(capsys, "tone", data, "--method", "cutis", "--classes", "groh2021")
    assert code == 0
    assert "agreement by" not in out
    assert "1 / 2 / 3 / 4 / 5 / 6" in out


def test_an_unreadable_image_is_exit_1(data: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]):
    import shutil

    shutil.copytree(data, tmp_path / "spoilt")
    file = pl.read_parquet(data / "manifest.parquet")["file"][0]
    (tmp_path / "spoilt" / file).write_bytes(b"nothing")
    code, out, _ = cutis(capsys, "tone", tmp_path / "spoilt", "--method", "cutis")
    assert code == 1
    assert "error, 1 of 30: " in out


def test_bad_requests_are_one_line(data: Path, capsys: pytest.CaptureFixture[str]):
    for arguments, words in (
        (["tone", data, "--method", "bevan2023"], 'did you mean "bevan2022"'),
        (["tone", data, "--classes", "chardon"], 'did you mean "chardon1991"'),
        (["tone", data.parent / "absent"], "not a Cutis dataset"),
    ):
        code, _, err = cutis(capsys, *arguments)
        assert code == 2
        assert words in err
        assert err.count("\n") == 1
