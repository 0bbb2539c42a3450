"""A picture that costs too much, however it comes in: refused with its reason, and nobody else waits for it."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from cutis.serve.intake.intake import Intake
from cutis.serve.store.tables import Photograph
from image.costly import jpeg_of_scans

pytestmark = pytest.mark.slow


def test_wherever_it_comes_in(
    opened: Callable[..., Any], photographs: list[bytes], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    given = {**(Intake.__init__.__kwdefaults__ or {}), "processor": 0.2, "per_megapixel": 0.0}
    monkeypatch.setattr(Intake.__init__, "__kwdefaults__", given)
    costly, folder = jpeg_of_scans(4400, 4400, 95), tmp_path / "exports"
    folder.mkdir()
    with opened(tmp_path / "bench", watch=folder) as client:
        files = [("pictures", ("a.jpg", costly, "image/jpeg"))]
        refused = client.post("/api/cases", files=files, data={"kind": "dermoscopy"})
        assert (refused.status_code, refused.json()["code"]) == (422, "too_slow")
        refused = client.post("/predict", content=costly, headers={"Content-Type": "image/jpeg"})
        assert (refused.status_code, refused.json()["code"]) == (422, "too_slow")
        (folder / "scan.jpg").write_bytes(costly)
        reason = folder / "failed" / "scan.jpg.reason.txt"
        end = time.monotonic() + 60
        while not reason.exists():
            assert time.monotonic() < end
            time.sleep(0.1)
        assert "took too long to read" in reason.read_text()
        assert (folder / "failed" / "scan.jpg").read_bytes() == costly

        # One that an earlier version has kept: its small picture is given up, once, and the others are shown meanwhile.
        kept = []
        for data in photographs[:2]:
            files = [("pictures", ("a.jpg", data, "image/jpeg"))]
            answer = client.post("/api/cases", files=files, data={"kind": "dermoscopy"})
            assert answer.status_code == 201, answer.text
            kept.append(answer.json()["photographs"][0]["id"])
        bench = client.app.state.workbench
        with bench.store.begin() as session:
            session.get_one(Photograph, kept[0]).digest = bench.pictures.put(costly)
        looks: list[Any] = []
        looking = threading.Thread(target=lambda: looks.append(client.get(f"/photographs/{kept[0]}/thumbnail")))
        looking.start()
        assert client.get("/health").status_code == 200
        assert client.get(f"/photographs/{kept[1]}/thumbnail").status_code == 200
        looking.join()
        assert looks[0].status_code == 422
        pids = bench.intake.workers.pids
        assert client.get(f"/photographs/{kept[0]}/thumbnail").status_code == 422
        assert bench.intake.workers.pids == pids  # not tried again
