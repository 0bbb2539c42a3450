"""Similar cases and saliency over HTTP: kept back before a blind reading, never of another team's case."""

from __future__ import annotations

import io
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from fastapi.testclient import TestClient
from PIL import Image

from cutis.data.dataset import Dataset
from cutis.explain.layer import LONGER
from cutis.serve.api.similar import SimilarCases
from cutis.serve.store.sweep import claim


@pytest.fixture(scope="module")
def attached(
    opened: Callable[..., Any], phantom_data: Dataset, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[TestClient]:
    """A workbench with the drawn lesions attached as confirmed cases."""
    with opened(tmp_path_factory.mktemp("attached"), data=phantom_data.path) as client:
        client.app.state.workbench.similar.wait(120)
        yield client


def open_case(client: TestClient, *pictures: bytes, **fields: str) -> dict[str, Any]:
    files = [("pictures", ("x.jpg", data, "image/jpeg")) for data in pictures]
    answer = client.post("/api/cases", files=files, data={"kind": ["dermoscopy"] * len(pictures), **fields})
    assert answer.status_code in (200, 201), answer.text
    found: dict[str, Any] = answer.json()
    return found


def test_similar_cases_of_a_case(attached: TestClient, photographs: list[bytes], phantom_data: Dataset):
    case = open_case(attached, photographs[0])
    answer = attached.get(f"/api/cases/{case['id']}/similar", params={"most": 4})
    assert answer.status_code == 200, answer.text
    said = SimilarCases.model_validate(answer.json())
    assert said.state == "ready"
    assert len(said.near) == 4
    row = phantom_data.manifest.row(0, named=True)
    own = {row["image_id"], *phantom_data.manifest.filter(lesion_id=row["lesion_id"])["image_id"]}
    assert not own & {n.image_id for n in said.near}  # the picture itself is in the dataset
    assert [n.likeness for n in said.near] == sorted((n.likeness for n in said.near), reverse=True)
    image = attached.get(f"/api/confirmed/{said.near[0].image}/image")
    assert not any(str(row) in str(image.request.url) for row in phantom_data.manifest["image_id"])
    assert image.headers["content-type"] == "image/jpeg"
    assert Image.open(io.BytesIO(image.content)).size == (160, 160)
    again = attached.get(image.request.url.path, headers={"if-none-match": image.headers["etag"]})
    assert (again.status_code, again.content) == (304, b"")


def test_what_is_not_there(attached: TestClient, bench: TestClient, photographs: list[bytes]):
    case = open_case(bench, photographs[0])
    assert bench.get(f"/api/cases/{case['id']}/similar").json()["state"] == "none"
    for client, path, status in (
        (bench, "/api/confirmed/x/image", 404),
        (attached, "/api/confirmed/../../dataset.json/image", 404),
        (attached, "/api/confirmed/%2e%2e%2fdataset.json/image", 404),
        (attached, f"/api/cases/{case['id']}/similar", 404),
        (attached, "/api/photographs/nothing/saliency", 404),
        (bench, f"/api/cases/{case['id']}/similar?photograph=other", 404),
    ):
        answer = client.get(path)
        assert answer.status_code == status, (path, answer.text)
        assert set(answer.json()) == {"detail"}


def test_saliency_is_a_layer_over_the_picture(bench: TestClient, photographs: list[bytes]):
    wide = io.BytesIO()
    Image.open(io.BytesIO(photographs[3])).resize((300, 200)).save(wide, "JPEG")
    case = open_case(bench, wide.getvalue())
    place = f"/api/photographs/{case['photographs'][0]['id']}/saliency"
    answer = bench.get(place)
    assert answer.status_code == 200, answer.text
    layer = Image.open(io.BytesIO(answer.content))
    assert (layer.mode, layer.size) == ("RGBA", (LONGER, round(LONGER * 200 / 300)))
    again = bench.get(place, headers={"if-none-match": answer.headers["etag"]})
    assert again.status_code == 304
    assert bench.get(place).content == answer.content
    codes = bench.app.state.workbench.models.first.codes  # type: ignore[attr-defined]
    others = [np.asarray(Image.open(io.BytesIO(bench.get(place, params={"code": c}).content))) for c in codes]
    assert any((one != np.asarray(layer)).any() for one in others)
    assert any((one == np.asarray(layer)).all() for one in others)
    wrong = bench.get(place, params={"code": "nonsense"})
    assert wrong.status_code == 422
    assert codes[0] in wrong.json()["detail"]


def test_all_of_it_is_hidden_before_a_blind_reading(
    opened: Callable[..., Any], phantom_data: Dataset, photographs: list[bytes], tmp_path: Path
):
    with opened(tmp_path, data=phantom_data.path, blind=True) as client:
        client.app.state.workbench.similar.wait(120)
        case = open_case(client, photographs[0])
        similar = f"/api/cases/{case['id']}/similar"
        saliency = f"/api/photographs/{case['photographs'][0]['id']}/saliency"
        for path in (similar, saliency):
            kept_back = client.get(path)
            assert kept_back.status_code == 403
            assert "near" not in kept_back.json()
        read = client.post(f"/api/cases/{case['id']}/readings", json={"kind": "blind", "diagnosis": "nv"})
        assert read.status_code in (200, 201), read.text
        assert client.get(similar).json()["state"] == "ready"
        assert client.get(saliency).headers["content-type"] == "image/png"


def test_everything_the_workbench_keeps_is_its_owners_only(attached: TestClient, photographs: list[bytes]):
    open_case(attached, photographs[5])
    bench = attached.app.state.workbench
    claim(bench.store, bench.pictures)
    folder = bench.settings.files.parent
    kept = {path.relative_to(folder): path.stat().st_mode & 0o777 for path in folder.rglob("*")}
    assert {name.name.partition(".")[2] for name in kept} >= {"db", "db-wal", "stores.json", "parquet"}
    assert {
        name: oct(mode) for name, mode in kept.items() if mode != (0o700 if (folder / name).is_dir() else 0o600)
    } == {}
