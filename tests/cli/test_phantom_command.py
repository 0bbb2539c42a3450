"""`cutis phantom`, as a user types it."""

from __future__ import annotations

from pathlib import Path

import cv2
import pytest
from driving import in_process

from cutis.data.dataset import Dataset


def phantom(capsys: pytest.CaptureFixture[str], *arguments: object) -> tuple[int, str, str]:
    return in_process(capsys, "phantom", *arguments)


def test_a_dataset_with_a_planted_ruler(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    out = tmp_path / "made"
    asked = ("--n", 12, "--size", 48, "--bias", "ruler:mel=0.9,nv=0.1", "--tone", "ita:55..-30")
    code, said, _ = phantom(capsys, "--out", out, *asked)
    assert code == 0
    assert "12 images" in said
    assert "Planted: ruler in mel 90%, nv 10%." in said
    made = Dataset.load(out)
    assert len(made.manifest) == 12
    assert made.manifest["phantom_ita"].is_between(-31, 56).all()


def test_a_contact_sheet(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert phantom(capsys, "--show", tmp_path / "sheet.png", "--size", 32, "--classes", "mel,nv")[0] == 0
    assert cv2.imread(str(tmp_path / "sheet.png")).shape[0] > 64
    assert phantom(capsys, "--show", tmp_path / "sheet.png")[0] == 2  # exists already


def test_recipes_of_ones_own(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    recipes = tmp_path / "mine.toml"
    recipes.write_text("[lesion]\nradius = [2.0, 2.1]\n")
    assert phantom(capsys, "--n", 3, "--out", tmp_path / "made", "--size", 32, "--config", recipes)[0] == 0
    assert phantom(capsys, "--n", 3, "--out", tmp_path / "other", "--config", tmp_path / "nowhere.toml")[0] == 2


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ([], "say what to make"),
        (["--tone", "ita:99..0"], "ITA 99"),
        (["--classes", "mel,nevus"], 'class "nevus"'),
        (["--size", "0"], "size 0"),
        (["--bias", "ruler:mel=2"], "not a share"),
        (["--bias", "rular:mel=1"], 'did you mean "ruler"'),
        (["--balance", "lief"], 'did you mean "life"'),
    ],
)
def test_bad_requests_are_one_line(
    arguments: list[str], words: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    given = ["--out", str(tmp_path / "made"), "--n", "3", *arguments] if arguments else []
    code, _, said = phantom(capsys, *given)
    said = said.strip()
    assert code == 2
    assert words in said
    assert len(said.splitlines()) == 1
    assert not list(tmp_path.iterdir())
