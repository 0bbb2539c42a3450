"""`cutis corrupt` as a user types it; and what it writes is read by the commands that follow."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import pytest
from driving import in_process

from cutis.bundle.sources import gather
from cutis.data.dataset import Dataset
from cutis.phantom.dataset import make_dataset


@pytest.fixture(scope="module")
def skin(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_dataset(tmp_path_factory.mktemp("cli") / "skin", 4, size=32, seed=0).path


def test_corrupt_then_what_predict_reads(skin: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    out = tmp_path / "shifted"
    code, said, wrong = in_process(
        capsys, "corrupt", skin, out, "--suite", "skin", "--only", "hair,vignette", "--severity", "1,3", "--size", "24",
        "--limit", "3", "--seed", "2",
    )  # fmt: skip
    assert (code, wrong) == (0, "")
    assert "15 images: 3 unchanged, and under 2 corruptions" in said
    assert f"next: cutis predict BUNDLE {out}" in said
    assert "cutis evaluate shifted.parquet --by corruption,severity" in said
    data = Dataset.load(out)
    card = SimpleNamespace(dataset_digest="", dataset="another", classes=data.card.classes)
    rows = gather(data, None, cast(Any, card)).rows
    assert {"corruption", "severity"} <= set(rows.columns)  # evaluate groups by them
    assert rows["severity"].to_list().count(0) == 3


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["--suite", "dermascopy"], 'did you mean "dermoscopy"'),
        (["--only", "hiar"], 'did you mean "hair"'),
        (["--severity", "strong"], "expected whole numbers 1 to 5"),
        (["--severity", "6"], "severity 6"),
        (["--part", "tests"], 'did you mean "test"'),
        (["--size", "1"], "size 1 is not in"),
    ],
)
def test_bad_input_is_one_line_and_nothing_is_left(
    skin: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], arguments: list[str], words: str
) -> None:
    code, _, wrong = in_process(capsys, "corrupt", skin, tmp_path / "out", *arguments)
    assert code == 2
    assert wrong.count("\n") == 1
    assert words in wrong
    assert not list(tmp_path.iterdir())
