"""`cutis info` knows a dossier from a report."""

from __future__ import annotations

from pathlib import Path

import dossier_world
import pytest

from cutis.cli import main
from cutis.report.dossier import write_dossier
from cutis.schema.evidence import Evidence


def test_info_of_a_dossier(evidence: Evidence, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    out = write_dossier(dossier_world.full(evidence), tmp_path / "dossier")
    for path in (out, out / "evidence.json"):
        with pytest.raises(SystemExit) as stopped:
            main(["info", str(path)])
        said = capsys.readouterr().out
        assert not stopped.value.code
        assert said.startswith("dossier on compact_resnet_s and HAM10000")
        assert "24 changes" in said
        assert "DeepFool (it needs torch, which is not installed)" in said
        assert "auditor.html" in said


def test_info_of_a_damaged_dossier(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    out = write_dossier(dossier_world.empty(), tmp_path / "dossier")
    (out / "evidence.json").write_text('{"clean": 3}')
    with pytest.raises(SystemExit) as stopped:
        main(["info", str(out)])
    said = capsys.readouterr()
    assert stopped.value.code == 2
    assert said.err.count("\n") == 1
    assert "evidence.json" in said.err
