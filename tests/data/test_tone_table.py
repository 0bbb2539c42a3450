"""tone.parquet: what it holds, what it never touches, and rows that can't be measured."""

from __future__ import annotations

import shutil
from pathlib import Path

import cv2
import numpy as np
import polars as pl
import pytest

from cutis.data.dataset import Dataset
from cutis.data.tone import estimate_dataset, measure, read_tone, tone_path, tone_schema
from cutis.errors import CutisError
from cutis.evaluate.agreement import cohen_kappa, mean_difference
from cutis.evaluate.resampled import Resampling
from cutis.evaluate.tone import tone_agreement
from cutis.image.decode import decode
from cutis.image.tone import METHODS, estimate_tone, thresholds
from cutis.phantom.dataset import make_dataset


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_dataset(tmp_path_factory.mktemp("tone") / "phantom", 14, size=128, seed=0).path


@pytest.fixture
def data(made: Path, tmp_path: Path) -> Dataset:
    """A copy that a test may spoil."""
    shutil.copytree(made, tmp_path / "phantom")
    return Dataset.load(tmp_path / "phantom")


def test_a_row_an_image_and_the_manifest_untouched(data: Dataset):
    before = (data.path / "manifest.parquet").read_bytes()
    table = estimate_dataset(data)
    assert table.schema == pl.Schema(tone_schema(list(METHODS)))
    assert table["image_id"].to_list() == data.usable()["image_id"].to_list()
    assert (data.path / "manifest.parquet").read_bytes() == before
    assert read_tone(data).equals(table)
    ok = table.filter(status="ok")
    assert len(ok) >= 10
    assert (ok["low_cutis"] <= ok["ita_cutis"]).all()
    assert (ok["ita_cutis"] <= ok["high_cutis"]).all()
    row = ok.row(0, named=True)
    files = dict(data.usable().select("image_id", "file").iter_rows())
    masks = dict(data.usable().select("image_id", "mask").iter_rows())
    image, mask = (decode((data.path / found[row["image_id"]]).read_bytes(), "one") for found in (files, masks))
    alone = estimate_tone(image, mask[..., 0] > 127)
    assert row["ita_cutis"] == pytest.approx(alone.ita)
    assert row["monk"] == alone.monk


def test_same_seed_same_bytes_and_one_image_alone_is_the_same(data: Dataset):
    estimate_dataset(data, ["cutis", "bevan2022"])
    first = tone_path(data).read_bytes()
    table = estimate_dataset(data, ["cutis", "bevan2022"])
    assert tone_path(data).read_bytes() == first
    row = data.usable().row(3, named=True)
    image, mask = ((data.path / row[what]).read_bytes() for what in ("file", "mask"))
    alone = measure(image, mask, row["image_id"], ["cutis", "bevan2022"])
    assert alone["low_cutis"] == table.row(3, named=True)["low_cutis"]


def test_what_cannot_be_measured_is_a_row(data: Dataset):
    rows = data.usable().rows(named=True)
    (data.path / rows[0]["file"]).write_bytes(b"not an image")
    cv2.imwrite(str(data.path / rows[1]["mask"]), np.zeros((20, 30), np.uint8))
    size = rows[2]["height"], rows[2]["width"]
    cv2.imwrite(str(data.path / rows[2]["mask"]), np.full(size, 255, np.uint8))
    table = estimate_dataset(data, ["cutis", "groh2021"])
    states = table["status"].to_list()
    assert states[:3] == ["error", "error", "refused"]
    assert "one size" in table["reason"][1]
    assert table["reason"][2].startswith("all lesion")
    assert table["ita_groh2021"][2] is not None  # it takes the whole picture, lesion and all


def test_bad_requests(data: Dataset):
    with pytest.raises(CutisError, match="cutis tone"):
        read_tone(data)
    with pytest.raises(CutisError, match='did you mean "bevan2022"'):
        estimate_dataset(data, ["bevan202"])
    tone_path(data).write_bytes(b"spoilt")
    with pytest.raises(CutisError, match="damaged"):
        read_tone(data)


def test_agreement_of_estimators():
    rng = np.random.default_rng(0)
    truth = rng.uniform(-40, 70, 200)
    table = pl.DataFrame({"ita_a": truth, "ita_b": truth + 5, "ita_c": rng.permutation(truth)}).with_columns(
        ita_b=pl.when(pl.int_range(pl.len()) < 10).then(None).otherwise("ita_b")
    )
    rank = thresholds("chardon1991").rank
    found = tone_agreement(table, ["a", "b", "c"], rank, resampling=Resampling(resamples=200))
    near, _, far = found
    assert (near.first, near.second) == ("a", "b")
    assert near.difference.value == pytest.approx(5)
    assert near.difference.n == 190
    same = np.mean([rank(v) == rank(v + 5) for v in truth[10:]])
    assert near.same.value == pytest.approx(same)
    assert near.kappa.value > 0.85
    assert far.kappa.low < 0.1
    # By lesions of ten images each the interval is wider than by image.
    groups = [i // 10 for i in range(200)]
    by_image = mean_difference(table["ita_a"], table["ita_c"], resampling=Resampling(resamples=200))
    tied = mean_difference(
        np.repeat(truth[:20], 10), np.repeat(truth[:20][::-1], 10), resampling=Resampling(resamples=200, groups=groups)
    )
    loose = mean_difference(
        np.repeat(truth[:20], 10), np.repeat(truth[:20][::-1], 10), resampling=Resampling(resamples=200)
    )
    assert tied.high - tied.low > 2 * (loose.high - loose.low)
    assert by_image.n_units == 200
    with pytest.raises(CutisError, match="no column ita_x"):
        tone_agreement(table, ["a", "x"], rank)


def test_a_class_that_nobody_was_put_in_counts_in_the_distance():
    """Classes 0, 1 and 3 of five: 1 and 3 are two apart, not one."""
    one, two = np.tile([0.0, 1, 3, 3], 10), np.tile([0.0, 3, 1, 3], 10)
    found = tone_agreement(pl.DataFrame({"ita_a": one, "ita_b": two}), ["a", "b"], int)[0].kappa
    assert found.value == pytest.approx(cohen_kappa(one, two, weights="quadratic", categories=range(5)).value)
    assert found.value != pytest.approx(cohen_kappa(one, two, weights="quadratic", categories=(0, 1, 3)).value)
