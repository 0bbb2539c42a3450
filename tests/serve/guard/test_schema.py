"""schemathesis: requests made from the OpenAPI description, right and wrong ones, against a running server.

Each answer must be described there, in status, type and shape, what the description forbids must be refused, and no
request may fail the server. That what it allows is accepted can't be asked: made-up bytes are seldom a picture.
"""

from __future__ import annotations

import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
import requests
import schemathesis
import uvicorn
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis.errors import Unsatisfiable
from schemathesis import GenerationMode
from schemathesis.core.failures import FailureGroup
from schemathesis.specs.openapi.checks import positive_data_acceptance
from schemathesis.transport.requests import REQUESTS_TRANSPORT
from schemathesis.transport.serialization import serialize_binary

from cutis.serve.app import create_app
from cutis.serve.guard.server import Patient
from cutis.serve.settings import Settings
from serve.guard.small import SECRETS, people

# What ends the session in use, or may take its account away.
ENDS = {"/login", "/logout", "/api/account/password", "/api/accounts/{name}"}
DICOM = {"/dicomweb/studies", "/dicomweb/studies/{study}"}  # the tool can't write such bodies; the quick test does
ANY = list(HealthCheck)

for kind in ("application/dicom", "multipart/related"):  # bodies that are no text, sent as they were made up
    REQUESTS_TRANSPORT.serializer(kind)(lambda context, value: {"data": serialize_binary(value)})


@pytest.fixture(scope="module")
def served(settings_in: Callable[..., Settings], tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The address of a whole workbench with accounts."""
    app = create_app(settings_in(tmp_path_factory.mktemp("schema"), accounts=True))
    config = uvicorn.Config(app, port=0, http=Patient, ws="none", log_config=None, access_log=False)
    server = uvicorn.Server(config)
    thread = threading.Thread(target=server.run)
    thread.start()
    while not server.started:
        assert thread.is_alive()
        time.sleep(0.05)
    people(app.state.workbench.store)
    yield f"http://127.0.0.1:{server.servers[0].sockets[0].getsockname()[1]}"
    server.should_exit = True
    thread.join()


@pytest.fixture(scope="module")
def session(served: str) -> Iterator[requests.Session]:
    """A browser's session of an administrator."""
    with requests.Session() as made:
        answer = made.post(f"{served}/login", data={"name": "boss", "password": SECRETS["boss"]}, timeout=30)
        made.headers["X-CSRF-Token"] = answer.json()["csrf"]
        yield made


@pytest.mark.parametrize("mode", [GenerationMode.POSITIVE, GenerationMode.NEGATIVE])
def test_a_few_requests_to_each_route(served: str, session: requests.Session, mode: GenerationMode) -> None:
    schema = schemathesis.openapi.from_dict(session.get(f"{served}/openapi.json", timeout=30).json())
    schema.config.update(base_url=served)
    wrong: dict[str, str] = {}
    tried = 0
    for found in schema.get_all_operations():
        operation = found.ok()
        if operation.path in ENDS:
            continue

        @settings(max_examples=3, deadline=None, derandomize=True, phases=[Phase.generate], suppress_health_check=ANY)
        @given(case=operation.as_strategy(mode))
        def one(case: schemathesis.Case) -> None:
            nonlocal tried
            tried += 1
            case.call_and_validate(session=session, timeout=60, excluded_checks=[positive_data_acceptance])

        try:
            one()
        except Unsatisfiable:  # a route that takes nothing can't be asked wrongly
            continue
        except (Exception, FailureGroup) as error:
            wrong[operation.label] = str(error)[:1500]
    assert not wrong, "\n".join(f"{label}\n{words}" for label, words in wrong.items())
    assert tried > 30


@pytest.mark.long
@pytest.mark.timeout(600)
def test_many_requests_to_each_route(served: str, session: requests.Session, tmp_path: Path) -> None:
    """The tool itself, with every phase and check that it has."""
    cookies = "; ".join(f"{c.name}={c.value}" for c in session.cookies)
    command = [
        *(str(Path(sys.executable).with_name("schemathesis")), "run", f"{served}/openapi.json", "--no-color"),
        *("--header", f"Cookie: {cookies}", "--header", f"X-CSRF-Token: {session.headers['X-CSRF-Token']}"),
        *(part for path in sorted(ENDS | DICOM) for part in ("--exclude-path", path)),
        *("--max-examples", "60", "--generation-deterministic", "--request-timeout", "60", "--continue-on-failure"),
        *(
            "--exclude-checks",
            positive_data_acceptance.__name__,
            "--phases",
            "examples,coverage,fuzzing",
            "--max-time",
            "150",
        ),
    ]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, timeout=1500)
    assert done.returncode == 0, done.stdout[-20_000:]


def test_every_route_of_the_api_has_an_example_and_says_what_it_refuses(served: str, session: requests.Session) -> None:
    found = session.get(f"{served}/openapi.json", timeout=30).json()
    for path, operations in found["paths"].items():
        for method, operation in operations.items():
            assert operation.get("summary"), (method, path)
            assert {s for s in operation["responses"] if s.startswith("2")}, (method, path)
