"""The dossier's pages in a real browser: nothing scrolls sideways, nothing is cut off, light and dark differ."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import dossier_world
import pytest
from test_report_browser import visit

from cutis.report.dossier import write_dossier
from cutis.schema.evidence import Evidence

pytestmark = pytest.mark.browser


@pytest.fixture(scope="module")
def folder(evidence: Evidence, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_dossier(dossier_world.full(evidence), tmp_path_factory.mktemp("audit") / "dossier")


@pytest.mark.parametrize("width", [390, 1280])
@pytest.mark.parametrize("page", ["index.html", "auditor.html", "checklists/clear-derm.html"])
def test_pages_fit(browser: Any, folder: Path, page: str, width: int) -> None:
    seen = {scheme: visit(browser, folder / page, width, scheme) for scheme in ("light", "dark")}
    for found in seen.values():
        assert found["width"] <= width
        assert found["said"] == []
        assert found["outside"] == []
        assert found["cut"] == []
    assert seen["light"]["background"] != seen["dark"]["background"]
