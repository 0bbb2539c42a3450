"""The search of similar confirmed cases: never the same patient or picture, one a lesion, each with its licence."""

from __future__ import annotations

import io
import shutil
import threading
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pytest
from PIL import Image

from cutis.bundle.load import load_bundle
from cutis.bundle.ood.knn import normalise_rows
from cutis.bundle.predict import Bundle
from cutis.data.dataset import Dataset
from cutis.image import hashing
from cutis.image.decode import read_square
from cutis.serve.inference.confirmed import build, file_name
from cutis.serve.intake.small import near_hash
from cutis.serve.kinds import Refused
from cutis.serve.similar import SAME_BITS, Similar


@pytest.fixture(scope="module")
def bundle(tiny_bundle: Path) -> Bundle:
    return load_bundle(tiny_bundle)


@pytest.fixture(scope="module")
def data(phantom_data: Dataset, tmp_path_factory: pytest.TempPathFactory) -> Dataset:
    """The drawn lesions, two of each lesion, two lesions a patient; some without a label, a licence of their own."""
    root = tmp_path_factory.mktemp("confirmed") / "data"
    shutil.copytree(phantom_data.path, root, ignore=shutil.ignore_patterns("splits", "masks"))
    n = len(phantom_data.manifest)
    rows = phantom_data.manifest.with_row_index("row").with_columns(
        pl.format("L{}", pl.col("row") // 2).alias("lesion_id"),
        pl.format("P{}", pl.col("row") // 4).alias("patient_id"),
        pl.when(pl.col("row") == n - 1).then(None).otherwise(pl.col("target")).alias("target"),
        pl.when(pl.col("row") % 2 == 0).then(pl.lit("CC0-1.0")).alias("copyright_license"),
        pl.when(pl.col("row") % 2 == 0).then(pl.lit("Clinic A")).alias("attribution"),
        pl.when(pl.col("row") % 3 == 0).then(pl.lit("histopathology")).alias("diagnosis_confirm_type"),
    )
    card = phantom_data.card.model_copy(update={"licence": "unknown", "attribution": "Drawn"})
    return Dataset(root, card, rows.drop("row")).save_into(root)


@pytest.fixture(scope="module")
def search(bundle: Bundle, data: Dataset, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Similar]:
    found = Similar(bundle, data.path, tmp_path_factory.mktemp("cache"))
    assert not found.built
    with pytest.raises(Refused, match="being looked through") as early:
        found.find(np.zeros(8, np.float32))
    assert early.value.status == 503
    found.wait(120)
    assert found.built, found.failed
    yield found
    found.close()


def features(bundle: Bundle, path: Path) -> np.ndarray:
    return normalise_rows(bundle.run(read_square(path, bundle.size)[None])[1])[0]


def first(data: Dataset) -> tuple[Path, dict[str, Any]]:
    row = data.manifest.row(0, named=True)
    return data.path / row["file"], row


def test_neighbours_are_the_nearest_one_a_lesion(search: Similar, bundle: Bundle, data: Dataset):
    path, row = first(data)
    query = features(bundle, path)
    near = search.find(query, most=10)
    assert near[0].image_id == row["image_id"]  # nothing was left out: the picture itself
    assert near[0].likeness == pytest.approx(1, abs=1e-5)
    likeness = {
        r["image_id"]: float(features(bundle, data.path / r["file"]) @ query)
        for r in data.manifest.iter_rows(named=True)
        if r["target"]
    }
    lesion = dict(data.manifest.select("image_id", "lesion_id").iter_rows())
    best: dict[str, float] = {}
    for image_id, value in likeness.items():
        best[lesion[image_id]] = max(value, best.get(lesion[image_id], -1.0))
    assert len({n.lesion_id for n in near}) == len(near) == 10
    assert [n.likeness for n in near] == pytest.approx(sorted(best.values(), reverse=True)[:10], abs=1e-4)
    unlabelled = data.manifest.filter(pl.col("target").is_null())["image_id"].item()
    assert unlabelled not in {n.image_id for n in search.find(query, most=1000)}


def test_never_the_same_patient_nor_the_same_picture(search: Similar, bundle: Bundle, data: Dataset):
    path, row = first(data)
    query = features(bundle, path)
    own = set(data.manifest.filter(patient_id=row["patient_id"])["image_id"])
    assert len(own) == 4
    small = Image.open(path)
    out = io.BytesIO()
    small.resize((110, 110)).rotate(90).save(out, "JPEG", quality=60)
    for asked in (
        {"patients": [row["patient_id"]]},
        {"digests": [row["sha256"]]},
        {"lesions": [row["lesion_id"]]},
        {"hashes": near_hash(path.read_bytes())},
        {"hashes": near_hash(out.getvalue())},  # smaller, turned, compressed again
    ):
        near = search.find(query, most=1000, **asked)  # type: ignore[arg-type]
        assert near
        assert not own & {n.image_id for n in near}, asked


def test_each_says_its_diagnosis_licence_and_source(search: Similar, bundle: Bundle, data: Dataset):
    rows = {r["image_id"]: r for r in data.manifest.iter_rows(named=True)}
    near = search.find(features(bundle, first(data)[0]), most=30)
    names = {c.code: c.name for c in data.card.classes}
    for one in near:
        row = rows[one.image_id]
        assert one.diagnosis == row["target"]
        assert one.name in {names[row["target"]], *(row[f"diagnosis_{k}"] for k in (3, 4, 5))}
        assert one.name not in (row["diagnosis_1"], row["diagnosis_2"])  # "Benign" names no diagnosis
        assert one.confirmed_by == row["diagnosis_confirm_type"]
        own = row["copyright_license"] is not None
        assert one.licence == ("CC0 1.0" if own else "licence not stated")
        assert one.attribution == ("Clinic A" if own else "Drawn")
    assert {n.licence for n in near} == {"CC0 1.0", "licence not stated"}


def test_images_by_id_only_and_inside_the_dataset(search: Similar, data: Dataset):
    path, row = first(data)
    name = search._name(row["image_id"])
    assert search.image(name).read_bytes() == path.read_bytes()
    assert row["image_id"] not in name
    for bad in ("../dataset.json", "", "nothing", row["file"], row["image_id"]):
        with pytest.raises(Refused) as refused:
            search.image(bad)
        assert refused.value.status == 404
    escaped = Similar.__new__(Similar)
    escaped.data = data
    escaped._files = {"name": "../../../../etc/hostname"}
    with pytest.raises(Refused):
        escaped.image("name")


def test_the_table_is_kept_and_used_again(search: Similar, bundle: Bundle, data: Dataset):
    file = search._file
    assert file.name == file_name(bundle.digest, data.card.digest)
    stamp = file.stat().st_mtime_ns
    again = Similar(bundle, data.path, file.parent)
    again.wait(30)
    assert again.built
    assert again._builder is None
    assert file.stat().st_mtime_ns == stamp
    again.close()
    assert file_name("other", data.card.digest) != file.name != file_name(bundle.digest, "other")


def test_what_is_built_and_what_cannot_be_read_is_left_out(bundle: Bundle, data: Dataset, tmp_path: Path):
    root = Path(shutil.copytree(data.path, tmp_path / "data"))
    path, row = first(data)
    (root / row["file"]).write_bytes(path.read_bytes()[:500])
    table = build(bundle, Dataset.load(root))
    assert row["image_id"] not in table["image_id"].to_list()
    assert len(table) == len(data.manifest) - 2  # that one, and the one without a label
    one = table.row(0, named=True)
    file = data.path / data.manifest.filter(image_id=one["image_id"])["file"].item()
    np.testing.assert_allclose(one["vector"], features(bundle, file), atol=1e-5)
    assert hashing.distance(np.array(one["hash"], np.uint64), near_hash(file.read_bytes())[0]) <= 4


def test_a_table_that_cannot_be_made_is_said(bundle: Bundle, data: Dataset, tmp_path: Path):
    """Its process ends with an error: here because the bundle's folder has gone."""
    gone = Similar(replace(bundle, path=tmp_path / "gone"), data.path, tmp_path / "cache")
    gone.wait(60)
    assert not gone.built
    assert gone.failed is not None
    with pytest.raises(Refused, match="could not be looked through"):
        gone.find(np.zeros(8, np.float32))
    gone.close()
    (tmp_path / "cache").mkdir(exist_ok=True)
    (tmp_path / "cache" / file_name(bundle.digest, data.card.digest)).write_bytes(b"PAR1 no more")
    damaged = Similar(bundle, data.path, tmp_path / "cache")
    damaged.wait(60)
    assert damaged.failed is not None
    assert "Remove it" in damaged.failed
    damaged.close()


def test_it_stops_at_once(bundle: Bundle, data: Dataset, tmp_path: Path):
    search = Similar(bundle, data.path, tmp_path)
    threading.Timer(20, lambda: None)
    search.close()
    assert search._builder is None or search._builder.returncode is not None
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("change", ["smaller", "flip", "turn", "dimmer"])
def test_near_hashes_hold_against_what_a_copy_goes_through(data: Dataset, change: str):
    path, _ = first(data)
    image = Image.open(path).convert("RGB")
    made: Callable[[], Image.Image] = {
        "smaller": lambda: image.resize((90, 90)),
        "flip": lambda: image.transpose(Image.Transpose.FLIP_LEFT_RIGHT),
        "turn": lambda: image.rotate(180),
        "dimmer": lambda: image.point(lambda v: round(v * 0.8)),
    }[change]
    out = io.BytesIO()
    made().save(out, "JPEG", quality=70)
    apart = hashing.distance(near_hash(path.read_bytes())[0], near_hash(out.getvalue()))
    assert apart.min() <= SAME_BITS
