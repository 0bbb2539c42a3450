"""A workbench that can't open says why in one line."""

from __future__ import annotations

from pathlib import Path

from driving import as_process


def test_a_folder_that_is_no_bundle(tmp_path: Path) -> None:
    done = as_process("serve", tmp_path / "nothing", "--folder", tmp_path / "bench", "--port", "0")
    assert done.returncode == 2
    assert "not a bundle (no bundle.json)" in done.stderr
    assert "Traceback" not in done.stderr
