"""--set reaches the structure that has the setting, and the method otherwise."""

from __future__ import annotations

from pathlib import Path

import pytest
from driving import in_process

from cutis.cli.train_ import _of_structure
from cutis.phantom.dataset import make_dataset


def test_the_structure_takes_its_settings_and_leaves_the_others():
    settings: dict[str, float | str] = {"members": 2.0, "tau": 0.5}
    assert _of_structure("ensemble", settings) == {"members": 2.0}
    assert settings == {"tau": 0.5}
    assert _of_structure(None, settings) == {}


def test_an_unknown_structure_is_said_before_anything_is_trained(capsys, tmp_path: Path):
    make_dataset(tmp_path / "data", 12, size=32, seed=0)
    code, _, err = in_process(
        capsys, "train", tmp_path / "data", "--out", tmp_path / "run", "--structure", "ensembl", "--set", "members=2"
    )
    assert code == 2
    assert 'structure "ensembl" is not known: did you mean "ensemble"' in err
    assert not (tmp_path / "run").exists()


@pytest.mark.parametrize("value", ["many", "1.5"])
def test_a_setting_of_the_wrong_kind_is_one_line(value, capsys, tmp_path: Path):
    from cutis.data.split import split

    split(make_dataset(tmp_path / "data", 60, size=32, seed=0), test=0.2, val=0.2, seed=0)
    arguments = ("--structure", "ensemble", "--set", f"members={value}", "--size", "32", "--epochs", "1")
    code, _, err = in_process(capsys, "train", tmp_path / "data", "--out", tmp_path / "run", *arguments)
    assert code == 2
    assert "members" in err
    assert "Traceback" not in err
    assert not (tmp_path / "run").exists()
