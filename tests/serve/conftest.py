"""A small real bundle, the workbench over it, a server in a process of its own, and the databases."""

from __future__ import annotations

import contextlib
import importlib
import os
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx
import numpy as np
import pytest
from fastapi.testclient import TestClient

from cutis.data.dataset import Dataset
from cutis.serve.settings import Settings
from cutis.serve.store.engine import Store

HOST = "http://127.0.0.1:8642"  # as whom a browser on this machine asks


@pytest.fixture(scope="session", autouse=True)
def _own_key() -> Iterator[None]:
    """Pseudonyms by a key of the tests' own: the user's is neither used nor made."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("CUTIS_PSEUDONYM_KEY", "of the tests of the workbench")
        yield


@pytest.fixture(scope="session", autouse=True)
def _no_sweeps() -> Iterator[None]:
    """Servers of this process leave their folders of pictures alone, as tests count what is in them."""
    from cutis.serve.store import sweep

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(sweep, "DELAY", 3600.0)
        yield


@pytest.fixture(scope="session")
def phantom_data(tmp_path_factory: pytest.TempPathFactory) -> Dataset:
    """70 drawn lesions of seven classes, 160 pixels, split."""
    from cutis.data.split import split
    from cutis.phantom.dataset import make_dataset

    made = make_dataset(tmp_path_factory.mktemp("serve") / "phantom", 70, size=160, balance="equal", seed=3)
    split(made, test=0.2, val=0.4, seed=0, close=["lesion"])  # by patient there are too few units for sets
    return made


@pytest.fixture(scope="session")
def tiny_bundle(tmp_path_factory: pytest.TempPathFactory, phantom_data: Dataset) -> Path:
    """A bundle of two untrained convolutions whose last layer was fitted on the drawn lesions: quick, and not blind."""
    import torch
    from sklearn.linear_model import LogisticRegression

    from cutis.bundle.freeze import freeze
    from cutis.data.split import load_split
    from cutis.image.decode import read_square

    classes = [c.code for c in phantom_data.card.classes]
    network = importlib.import_module("bundle.conftest").tiny_network(len(classes))
    mean, std = (0.6, 0.5, 0.4), (0.2, 0.2, 0.2)
    rows = phantom_data.manifest
    squares = np.stack([read_square((phantom_data.path / name).read_bytes(), 24) for name in rows["file"]])
    with torch.no_grad():
        scaled = (torch.from_numpy(squares).permute(0, 3, 1, 2) / 255 - torch.tensor(mean)[:, None, None]) / 0.2
        features = network.forward_features(scaled.float()).numpy()
        fitted = LogisticRegression(C=100, max_iter=5000).fit(features, [classes.index(t) for t in rows["target"]])
        network.head.weight.copy_(torch.from_numpy(fitted.coef_ / 6))
        network.head.bias.copy_(torch.from_numpy(fitted.intercept_ / 6))
    return freeze(
        network,
        tmp_path_factory.mktemp("bundles") / "tiny",
        dataset=phantom_data,
        split=load_split(phantom_data),
        size=24,
        mean=mean,
        std=std,
        flips=True,
        backbone="tiny",
        method="none",
        trained={"epochs": 0, "images": 70},
    )


@pytest.fixture(scope="session")
def photographs(phantom_data: Dataset) -> list[bytes]:
    """The drawn lesions' JPEG files."""
    return [(phantom_data.path / name).read_bytes() for name in phantom_data.manifest["file"]]


@pytest.fixture(scope="session")
def settings_in(tiny_bundle: Path) -> Callable[..., Settings]:
    """settings_in(folder, **changes): a workbench over the tiny bundle that keeps everything in `folder`."""

    def make(folder: Path, **changes: Any) -> Settings:
        kept: dict[str, Any] = {
            "bundles": (tiny_bundle,),
            "store": f"sqlite:///{folder / 'cutis.db'}",
            "files": folder / "pictures",
            "workers": 1,
        }
        return Settings(**(kept | changes))

    return make


@pytest.fixture(scope="session")
def opened(settings_in: Callable[..., Settings]) -> Callable[..., contextlib.AbstractContextManager[TestClient]]:
    """opened(folder, **changes): a context with a client of a running workbench."""
    from cutis.serve.app import create_app

    @contextlib.contextmanager
    def open_(folder: Path, **changes: Any) -> Iterator[TestClient]:
        with TestClient(create_app(settings_in(folder, **changes)), base_url=HOST) as client:
            yield client

    return open_


@pytest.fixture(scope="module")
def bench(opened: Callable[..., Any], tmp_path_factory: pytest.TempPathFactory) -> Iterator[TestClient]:
    """A client of one workbench without accounts, shared by a file's tests. Its parts: bench.app.state.workbench."""
    with opened(tmp_path_factory.mktemp("workbench")) as client:
        yield client


@pytest.fixture(scope="module")
def blind_bench(opened: Callable[..., Any], tmp_path_factory: pytest.TempPathFactory) -> Iterator[TestClient]:
    """The same, where the model's answer is hidden until a reading is committed."""
    with opened(tmp_path_factory.mktemp("blind"), blind=True) as client:
        yield client


@dataclass
class Server:
    """`cutis serve` in a process of its own, which may be killed and started again over the same folder."""

    bundle: Path
    folder: Path
    options: tuple[str, ...] = ()
    before: str = ""  # Python that runs in the process first
    process: subprocess.Popen[str] | None = field(default=None, init=False)
    url: str = field(default="", init=False)

    def start(self) -> httpx.Client:
        """Returns a client of it once it is ready."""
        given = ["serve", str(self.bundle), "--folder", str(self.folder), "--port", "0", *self.options]
        code = f"{self.before}\nfrom cutis.cli import main\nmain({given!r})"
        self.process = subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE, text=True, bufsize=1)
        assert self.process.stdout is not None
        line = self.process.stdout.readline()
        assert line.startswith("workbench: http"), line
        self.url = line.split()[1].rstrip("/")
        client = httpx.Client(base_url=self.url, timeout=60, transport=httpx.HTTPTransport(retries=100))
        for _ in range(600):
            with contextlib.suppress(httpx.TransportError):
                if client.get("/ready").status_code == 200:
                    return client
            assert self.process.poll() is None, "the server stopped"
            threading.Event().wait(0.1)
        raise AssertionError("the server did not come up in a minute")

    def kill(self, how: signal.Signals = signal.SIGKILL) -> None:
        if self.process is not None:
            if self.process.poll() is None:
                self.process.send_signal(how)
            self.process.wait(30)
            assert self.process.stdout is not None
            self.process.stdout.close()
            self.process = None


@pytest.fixture
def server(tiny_bundle: Path, tmp_path: Path) -> Iterator[Callable[..., Server]]:
    """server(*options, before=""): not started yet; ended with the test."""
    made: list[Server] = []

    def make(*options: str, folder: Path | None = None, before: str = "") -> Server:
        made.append(Server(tiny_bundle, folder or tmp_path / "served", options, before))
        return made[-1]

    yield make
    for one in made:
        one.kill(signal.SIGTERM)


@dataclass
class Postgres:
    """A PostgreSQL server of the tests' own, by TCP on this machine."""

    programs: Path
    folder: Path
    port: int
    made: int = 0

    def _run(self, program: str, *arguments: str) -> None:
        # It refuses to be run by root, who becomes its packaged user.
        as_user = ["runuser", "-u", "postgres", "--"] if os.geteuid() == 0 else []
        command = [*as_user, str(self.programs / program), *arguments]
        done = subprocess.run(command, cwd="/", capture_output=True, text=True, timeout=120)
        assert done.returncode == 0, done.stdout + done.stderr

    def initialise(self) -> None:
        self._run("initdb", "-D", str(self.folder / "data"), "-A", "trust", "-U", "cutis", "--no-sync", "-E", "UTF8")
        self.start()

    def start(self) -> None:
        options = f"-p {self.port} -h 127.0.0.1 -k {self.folder} -c fsync=off"
        self._run(
            "pg_ctl", "-D", str(self.folder / "data"), "-o", options, "-l", str(self.folder / "log"), "-w", "start"
        )

    def stop(self) -> None:
        self._run("pg_ctl", "-D", str(self.folder / "data"), "-m", "fast", "-w", "stop")

    def url(self) -> str:
        """A new, empty database."""
        self.made += 1
        self._run("createdb", "-h", "127.0.0.1", "-p", str(self.port), "-U", "cutis", f"store{self.made}")
        return f"postgresql://cutis@127.0.0.1:{self.port}/store{self.made}"


@pytest.fixture(scope="session")
def postgres(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Postgres]:
    """A running PostgreSQL; skips, saying so, where it isn't installed."""
    programs = sorted(Path("/usr/lib/postgresql").glob("*/bin"))
    found = shutil.which("initdb")
    if found is None and not programs:
        pytest.skip("PostgreSQL is not installed (Debian: apt-get install postgresql)")
    if os.geteuid() == 0 and shutil.which("runuser") is None:
        pytest.skip("PostgreSQL can't be run by root, and there is no runuser")
    with tempfile.TemporaryDirectory(prefix="pg-", dir="/tmp") as name:  # short: a socket's path has 107 characters
        folder = Path(name)
        if os.geteuid() == 0:
            shutil.chown(folder, "postgres")
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            port = free.getsockname()[1]
        made = Postgres(programs[-1] if programs else Path(str(found)).resolve().parent, folder, port)
        made.initialise()
        try:
            yield made
        finally:
            made.stop()


@pytest.fixture(params=["sqlite", "postgresql"])
def store_url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """The URL of a new store, in each of the databases."""
    if request.param == "sqlite":
        return f"sqlite:///{tmp_path / 'store' / 'cutis.db'}"
    found: Postgres = request.getfixturevalue("postgres")
    return found.url()


@pytest.fixture
def store(store_url: str) -> Iterator[Store]:
    """A new, open store, in each of the databases."""
    made = Store.open(store_url)
    yield made
    made.close()
