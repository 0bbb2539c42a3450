"""A real PACS sends a whole study: Orthanc, by its DICOMweb plug-in, to `cutis serve`, each in a process of its own."""

from __future__ import annotations

import importlib
import io
import json
import shutil
import socket
import subprocess
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import httpx
import numpy as np
import pytest

pytest.importorskip("pydicom")

pytestmark = pytest.mark.long
PLUGINS = [Path(folder) / "libOrthancDicomWeb.so" for folder in ("/usr/share/orthanc/plugins", "/usr/lib/orthanc")]


@pytest.fixture
def closing() -> Iterator[Callable[[httpx.Client], httpx.Client]]:
    clients: list[httpx.Client] = []

    def keep(client: httpx.Client) -> httpx.Client:
        clients.append(client)
        return client

    yield keep
    for client in clients:
        client.close()


def free_port() -> int:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        return int(free.getsockname()[1])


@pytest.fixture
def orthanc(tmp_path: Path) -> Iterator[Callable[[str], httpx.Client]]:
    """orthanc(url): a client of an Orthanc that knows the workbench at `url` as "cutis"."""
    program = shutil.which("Orthanc") or (Path("/usr/sbin/Orthanc") if Path("/usr/sbin/Orthanc").is_file() else None)
    plugin = next((path for path in PLUGINS if path.is_file()), None)
    if program is None or plugin is None:
        pytest.skip("Orthanc and its DICOMweb plug-in are not installed (Debian: orthanc, orthanc-dicomweb)")
    running: list[subprocess.Popen[bytes]] = []
    clients: list[httpx.Client] = []

    def start(url: str) -> httpx.Client:
        port = free_port()
        settings = {
            "Name": "test",
            "HttpPort": port,
            "RemoteAccessAllowed": False,
            "DicomServerEnabled": False,
            "StorageDirectory": str(tmp_path / "orthanc"),
            "IndexDirectory": str(tmp_path / "orthanc"),
            "Plugins": [str(plugin)],
            "DicomWeb": {"Enable": True, "Root": "/dicom-web/", "Servers": {"cutis": [f"{url}/dicomweb/"]}},
        }
        (tmp_path / "orthanc.json").write_text(json.dumps(settings))
        running.append(
            subprocess.Popen([program, tmp_path / "orthanc.json"], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        )
        client = httpx.Client(base_url=f"http://127.0.0.1:{port}", timeout=120)
        clients.append(client)
        for _ in range(300):
            try:
                if client.get("/system").status_code == 200:
                    return client
            except httpx.TransportError:
                time.sleep(0.2)
            assert running[-1].poll() is None, "Orthanc stopped"
        raise AssertionError("Orthanc did not come up in a minute")

    yield start
    for client in clients:
        client.close()
    for process in running:
        process.terminate()
        process.wait(30)


def study(folder: Path, picture: Callable[..., np.ndarray]) -> tuple[list[bytes], int]:
    """(the files of one patient's study as Cutis exports it: two photographs, their masks and reports; photographs)."""
    import polars as pl
    from PIL import Image

    import cutis
    from cutis.data.export import export
    from cutis.schema.classes import ClassInfo
    from cutis.schema.predictions import Predictions, PredictionsInfo

    source = folder / "source"
    (source / "masks").mkdir(parents=True)
    for n in range(2):
        Image.fromarray(picture(90, 60, n)).save(source / f"p{n}.jpg")
        Image.fromarray(np.pad(np.full((20, 30), 255, np.uint8), ((20, 20), (30, 30)))).save(
            source / "masks" / f"p{n}.png"
        )
    rows = "".join(
        f"p{n},p{n}.jpg,masks/p{n}.png,nv,L1,P1,{('dermoscopic', 'clinical: close-up')[n]}\n" for n in range(2)
    )
    (source / "metadata.csv").write_text(f"image_id,file,mask,target,lesion_id,patient_id,image_type\n{rows}")
    data = cutis.import_dataset(source, folder / "data", reader="csv", licence="CC0-1.0")
    table = pl.DataFrame({
        "image_id": ["p0", "p1"], "lesion_id": ["L1"] * 2, "patient_id": ["P1"] * 2, "source": [None, None],
        "target": ["nv"] * 2, "predicted": ["nv"] * 2, "p_mel": [0.25] * 2, "p_nv": [0.75] * 2, "set": [["nv"]] * 2,
        "ood": [0.0] * 2, "status": ["ok"] * 2, "reason": ["", ""],
    }, schema_overrides={"source": pl.String})  # fmt: skip
    info = PredictionsInfo(classes=(ClassInfo(code="mel", name="Melanoma"), ClassInfo(code="nv", name="Nevus")))
    Predictions(table, info).save(folder / "answers.parquet")
    export(data, folder / "out", to="dicom", results=folder / "answers.parquet")
    files = sorted((folder / "out").rglob("*.dcm"))
    assert len(files) == 6
    return [path.read_bytes() for path in files], 2


def test_orthanc_sends_a_whole_study(server, orthanc, closing, tmp_path: Path, picture: Callable[..., np.ndarray]):
    """Orthanc gives a job up when a single instance is not among the stored ones of an answer."""
    files, photographs = study(tmp_path, picture)
    bench = server()
    client = closing(bench.start())
    pacs = orthanc(bench.url)
    for data in files:
        answer = pacs.post("/instances", content=data)
        assert answer.status_code == 200, answer.text
    studies = pacs.get("/studies").json()
    sent: dict[str, Any] = pacs.post(
        "/dicom-web/servers/cutis/stow", json={"Resources": studies, "Synchronous": True}
    ).json()
    assert "HttpError" not in sent, sent
    cases = client.get("/api/cases").json()
    held = cases["cases"] if isinstance(cases, dict) else cases
    assert held, cases
    assert sum(len(client.get(f"/api/cases/{case['id']}").json()["photographs"]) for case in held) == photographs
    again = pacs.post("/dicom-web/servers/cutis/stow", json={"Resources": studies, "Synchronous": True}).json()
    assert "HttpError" not in again, again


def test_orthanc_is_told_of_what_is_damaged(
    server, orthanc, closing, tmp_path: Path, picture: Callable[..., np.ndarray]
):
    """A photograph that can't be read is a failure, and the job says so."""
    world = importlib.import_module("data.dicom_world")
    tags = world.tags_of(picture(90, 60), Rows=61)
    tags.preamble = bytes(128)
    out = io.BytesIO()
    tags.save_as(out, enforce_file_format=True)
    bench = server()
    closing(bench.start())
    pacs = orthanc(bench.url)
    assert pacs.post("/instances", content=out.getvalue()).status_code == 200
    sent = pacs.post(
        "/dicom-web/servers/cutis/stow", json={"Resources": pacs.get("/studies").json(), "Synchronous": True}
    )
    assert sent.status_code != 200 or "HttpError" in sent.json()
