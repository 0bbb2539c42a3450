"""A folder is made whole or not at all, and never over another's."""

from __future__ import annotations

from pathlib import Path

import pytest

from cutis.errors import CutisError
from cutis.files import atomic_folder


def test_what_another_made_meanwhile_is_left_alone(tmp_path: Path) -> None:
    out = tmp_path / "out"

    def make() -> None:
        with atomic_folder(out) as partial:
            (partial / "mine").write_text("1")
            out.mkdir()
            (out / "theirs").write_text("2")

    with pytest.raises(CutisError, match="exists already"):
        make()
    assert [p.name for p in tmp_path.rglob("*")] == ["out", "theirs"]


def test_an_empty_folder_is_taken(tmp_path: Path) -> None:
    (tmp_path / "out").mkdir()
    with atomic_folder(tmp_path / "out") as partial:
        (partial / "mine").write_text("1")
    assert (tmp_path / "out" / "mine").read_text() == "1"
