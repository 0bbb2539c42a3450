"""The one inference path: columns, sets, refusals, bad images as rows, and what a reader is told."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pytest

from cutis.bundle.predict import Bundle
from cutis.bundle.runtime import Runtime
from cutis.data.dataset import Dataset
from cutis.data.split import Split, split
from cutis.errors import CutisError
from cutis.image.decode import read_square
from cutis.schema.predictions import Predictions

HEAD = ["image_id", "lesion_id", "patient_id", "source", "target", "predicted", "p_mel", "p_nv", "p_df"]


def test_dataset_round_trip(bundle: Bundle, dataset: Dataset, parts: Split, tmp_path: Path):
    predictions = bundle.predict(dataset.path)
    table = predictions.table
    assert table["image_id"].to_list() == [i for i in dataset.manifest["image_id"] if i in set(parts.ids("test"))]
    assert table.columns[:13] == [*HEAD, "set", "ood", "status", "reason"]
    attributes = ["age_approx", "sex", "age_band", "anatom_site_1", "fitzpatrick_skin_type"]
    assert table.columns[13:18] == attributes
    assert table.columns[-4] == "file"
    assert table.columns[-3:] == ["logit_mel", "logit_nv", "logit_df"]
    assert predictions.info.part == "test"
    assert predictions.info.split["digest"] == parts.proof.digest
    assert predictions.info.bundle == bundle.digest
    assert predictions.info.coverage == 0.9
    again = Predictions.load(predictions.save(tmp_path / "p.parquet"))
    assert again.table.equals(table)
    assert again.info == predictions.info


def test_numbers_are_those_of_the_network(bundle: Bundle, dataset: Dataset):
    table = bundle.predict(dataset, part="all").table
    images = np.stack([read_square(dataset.path / f, 24) for f in table["file"]])
    logits, features = bundle.run(images)
    np.testing.assert_allclose(table.select("logit_mel", "logit_nv", "logit_df").to_numpy(), logits, atol=1e-4)
    z = np.exp(logits.astype(float) / bundle.card.calibrator.temperature)
    p = z / z.sum(1, keepdims=True)
    np.testing.assert_allclose(table.select("p_mel", "p_nv", "p_df").to_numpy(), p, atol=1e-5)
    assert table["predicted"].to_list() == [bundle.codes[i] for i in p.argmax(1)]
    unit = features / np.linalg.norm(features, axis=1, keepdims=True)
    assert bundle.card.ood is not None
    bank = bundle.known.given("features")
    distance = np.sort(np.linalg.norm(unit[:, None] - bank[None], axis=2), axis=1)[:, bundle.card.ood.k - 1]
    np.testing.assert_allclose(table["ood"].to_numpy(), distance, atol=2e-3)


def test_sets_and_refusals_are_consistent(bundle: Bundle, dataset: Dataset):
    assert bundle.card.conformal is not None
    assert bundle.card.ood is not None
    strict = bundle.card.conformal.model_copy(update={"quantiles": {"": 0.55}})
    near = bundle.card.ood.model_copy(update={"threshold": float(np.median(bundle.predict(dataset).table["ood"]))})
    card = bundle.card.model_copy(update={"conformal": strict, "ood": near})
    table = replace(bundle, card=card).predict(dataset, part="all", gate=False).table
    kinds = set()
    for row in table.iter_rows(named=True):
        p = {c: row[f"p_{c}"] for c in bundle.codes}
        expected = sorted((c for c in p if 1 - p[c] <= 0.55), key=lambda c: -p[c])
        assert row["set"] == expected
        strange = row["ood"] > near.threshold
        assert row["status"] == ("refused" if strange or not expected else "ok")
        assert (row["reason"] is None) == (row["status"] == "ok")
        assert ("unlike the training images" in (row["reason"] or "")) == strange
        assert ("no class is likely enough" in (row["reason"] or "")) == (not expected)
        kinds.add((strange, not expected))
    assert len(kinds) > 1


@pytest.mark.parametrize("batch", [1, 3, 64])
def test_batch_size_does_not_matter(bundle: Bundle, dataset: Dataset, batch: int):
    one, other = bundle.predict(dataset).table, bundle.predict(dataset, batch=batch).table
    exact = [c for c in one.columns if not c.startswith(("p_", "logit_", "ood"))]
    assert one.select(exact).equals(other.select(exact))
    close = ["p_mel", "p_nv", "p_df", "ood"]
    np.testing.assert_allclose(one.select(close).to_numpy(), other.select(close).to_numpy(), atol=1e-3)


def test_bad_images_are_rows(
    bundle: Bundle, tmp_path: Path, encoded: Callable[..., bytes], picture: Callable[..., np.ndarray]
):
    folder = tmp_path / "Fötos von heute" / "señal 1"
    folder.mkdir(parents=True)
    good = encoded(picture(80, 60, 1), quality=90)
    (folder / "a.jpg").write_bytes(good)
    (folder / "a.png").write_bytes(encoded(picture(80, 60, 1), "PNG"))
    (folder / "empty.jpg").write_bytes(b"")
    (folder / "cut.jpg").write_bytes(good[: len(good) // 2])
    (folder / "text.jpg").write_bytes(b"this is no image at all, only renamed")
    (folder / "gone.jpg").symlink_to(tmp_path / "nowhere.jpg")
    (folder / "notes.txt").write_text("not looked at")
    (folder / "scan.dcm").write_bytes(bytes(128) + b"DICM")
    (folder / "ä b.jpeg").write_bytes(encoded(picture(33, 44, 2)))
    predictions = bundle.predict(folder.parent)
    rows = {row["image_id"]: row for row in predictions.table.iter_rows(named=True)}
    inside = "señal 1/"
    assert (
        list(rows)
        == sorted(rows)
        == [f"{inside}{n}" for n in ("a.jpg", "a.png", "cut", "empty", "gone", "scan", "text", "ä b")]
    )
    reasons = {"empty": "0 bytes", "cut": "truncated", "text": "not an image", "gone": "no such file", "scan": "DICOM"}
    for name, words in reasons.items():
        row = rows[inside + name]
        assert row["status"] == "error"
        assert words in row["reason"]
        assert [row[c] for c in ("predicted", "p_mel", "p_nv", "p_df", "set", "ood", "logit_mel")] == [None] * 7
    for name in ("a.jpg", "a.png", "ä b"):
        assert rows[inside + name]["status"] != "error"
        assert sum(rows[inside + name][f"p_{c}"] for c in bundle.codes) == pytest.approx(1)
    again = Predictions.load(predictions.save(tmp_path / "out.parquet"))
    assert len(again.answered.table) == 3
    assert Path(again.info.images, rows[inside + "ä b"]["file"]).is_file()


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="this system has no named pipes")
@pytest.mark.timeout(120)
def test_what_is_not_a_file_is_a_row_with_its_reason(bundle: Bundle, tmp_path: Path, picture, encoded):
    for k in range(3):
        (tmp_path / f"a{k}.jpg").write_bytes(encoded(picture(60, 45, k), "JPEG"))
    os.mkfifo(tmp_path / "b.jpg")
    (tmp_path / "c.jpg").symlink_to("/dev/zero")
    (tmp_path / "d.jpg").symlink_to("/nowhere/at/all.jpg")
    table = bundle.predict(tmp_path, progress=False).table
    reasons = dict(table.filter(status="error").select("image_id", "reason").iter_rows())
    assert reasons == {"b": "a pipe, not a file", "c": "a device, not a file", "d": "no such file or directory"}
    assert table.filter(status="error")["p_mel"].null_count() == 3
    assert len(table) == 6
    with pytest.raises(CutisError, match="no such file or folder"):
        bundle.predict(tmp_path / "b.jpg", progress=False)


def test_only_bad_images(bundle: Bundle, tmp_path: Path):
    (tmp_path / "x.jpg").write_bytes(b"")
    table = bundle.predict([tmp_path / "x.jpg"]).table
    assert table["status"].to_list() == ["error"]


def test_one_image_and_lists(bundle: Bundle, dataset: Dataset):
    files = [dataset.path / f for f in dataset.manifest["file"].head(3)]
    single = bundle.predict(files[1]).table
    table = bundle.predict([str(f) for f in files]).table
    assert table["image_id"].to_list() == ["I000", "I001", "I002"]
    assert single["p_mel"].item() == pytest.approx(table["p_mel"][1], abs=1e-5)
    assert single["image_id"].to_list() == ["I001"]


def test_impossible_sources(bundle: Bundle, dataset: Dataset, tmp_path: Path):
    file = dataset.path / dataset.manifest["file"][0]
    for source, part, words in (
        (tmp_path, None, "no image in this folder"),
        (tmp_path / "none", None, "no such file or folder"),
        ([], None, "list is empty"),
        ([file, file], None, "given more than once"),
        (file, "test", "only a dataset has parts"),
        (dataset, "tset", 'did you mean "test"'),
    ):
        with pytest.raises(CutisError, match=words):
            bundle.predict(source, part=part)
    with pytest.raises(CutisError, match="batch 0"):
        bundle.predict(file, batch=0)


def test_what_the_reader_is_told(bundle: Bundle, dataset: Dataset, tmp_path: Path, make_dataset: Any):
    def told(source: Dataset, part: str | None = None) -> str:
        return " ".join(bundle.predict(source, part=part).info.limits[len(bundle.card.limits) :])

    assert told(dataset) == ""
    assert "calibrated" in told(dataset, "val")
    assert "learned from images that are in this file" in told(dataset, "train")
    assert "learned from images that are in this file" in told(dataset, "all")
    assert bundle.predict(dataset, part="all").info.split == {}
    other = make_dataset(tmp_path / "other", n=30)
    assert "not on the dataset the model learned from (tiny)" in told(other)
    assert bundle.predict(other).info.part == "all"


def test_resplit_dataset_is_refused(bundle: Bundle, dataset: Dataset, tmp_path: Path):
    """Its new test part may hold what the model learned from."""
    copy = Dataset.load(shutil.copytree(dataset.path, tmp_path / "copy"))
    split(copy, test=0.3, val=0.3, seed=1, overwrite=True)
    with pytest.raises(CutisError, match="split again since this bundle was trained on it"):
        bundle.predict(copy)
    assert len(bundle.predict(copy, part="all").table) == len(dataset.manifest)


def test_unknown_targets_and_unreadable_rows(bundle: Bundle, dataset: Dataset, tmp_path: Path):
    from cutis.schema.classes import ClassInfo

    root = Path(shutil.copytree(dataset.path, tmp_path / "copy", ignore=shutil.ignore_patterns("splits")))
    manifest = dataset.manifest.with_columns(
        pl.when(pl.col("image_id") == "I000").then(pl.lit("bcc")).otherwise("target").alias("target"),
        pl.when(pl.col("image_id") == "I001").then(pl.lit("error")).otherwise("status").alias("status"),
    )
    card = dataset.card.model_copy(
        update={"classes": (*dataset.card.classes, ClassInfo(code="bcc", name="Basal cell carcinoma"))}
    )
    predictions = bundle.predict(Dataset(root, card, manifest).save_into(root))
    assert predictions.table.row(0, named=True)["target"] is None
    assert predictions.table["target"].null_count() == 1
    assert "I001" not in predictions.table["image_id"].to_list()
    limits = " ".join(predictions.info.limits)
    assert '1 images have target "bcc"' in limits
    assert "1 images of the dataset could not be read" in limits


def test_interrupted_predict_stops_and_leaves_no_file(
    bundle: Bundle, dataset: Dataset, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    import threading

    def stop(self: Runtime, images: np.ndarray) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(Runtime, "infer", stop)
    with pytest.raises(KeyboardInterrupt):
        bundle.predict(dataset).save(tmp_path / "p.parquet")
    assert list(tmp_path.iterdir()) == []
    assert not [t for t in threading.enumerate() if t.name.startswith("cutis-decode")]


def test_run_refuses_other_shapes(bundle: Bundle):
    for wrong in (np.zeros((0, 24, 24, 3), np.uint8), np.zeros((24, 24, 3), np.uint8), np.zeros((1, 24, 24, 3))):
        with pytest.raises(CutisError, match="expected uint8"):
            bundle.run(wrong)


class Senseless:
    """The bundle's runtime, but for the first picture of each batch: what it says there is no number."""

    def __init__(self, bundle: Bundle, value: float, of: str) -> None:
        self.runtime, self.value, self.of = bundle.runtime, value, of
        self.graph, self.precision, self.name = bundle.runtime.graph, "fp32", "senseless"

    def infer(self, images: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        logits, features = (np.array(found) for found in self.runtime.infer(images))
        (logits if self.of == "logits" else features)[0, 0] = self.value
        return logits, features


@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf])
def test_what_is_no_number_is_no_answer(bundle: Bundle, dataset: Dataset, value: float):
    """It was a row of status ok without probabilities."""
    odd = replace(bundle, runtime=Senseless(bundle, value, "logits"))  # type: ignore[arg-type]
    table = odd.predict(dataset, batch=4).table
    bad = table.filter(pl.col("status") == "error")
    assert len(bad) > 0
    assert set(bad["reason"]) == {"the network gives no number for this picture"}
    assert bad["p_mel"].null_count() == bad["predicted"].null_count() == bad["set"].null_count() == len(bad)
    rest = table.filter(pl.col("status") != "error")
    assert rest["p_mel"].null_count() == 0
    with pytest.raises(CutisError, match="no number for this picture"):
        odd.told(np.zeros((2, 24, 24, 3), np.uint8), [[], []])


def test_a_score_that_is_no_number_is_strange(bundle: Bundle, dataset: Dataset):
    odd = replace(bundle, runtime=Senseless(bundle, np.nan, "features"))  # type: ignore[arg-type]
    table = odd.predict(dataset, batch=4, gate=False).table
    strange = table.filter(pl.col("ood").is_null())
    assert len(strange) > 0
    assert set(strange["status"]) == {"refused"}
    assert strange["reason"].str.contains("unlike the training images").all()


def test_the_image_that_set_the_threshold_is_never_refused_for_noise(bundle: Bundle, dataset: Dataset):
    scores = bundle.predict(dataset, gate=False).table["ood"].drop_nulls().sort(descending=True)
    assert bundle.card.ood is not None
    for below, refused in ((1 - 1e-6, 0), (1 - 1e-3, 1)):
        ood = bundle.card.ood.model_copy(update={"threshold": scores[0] * below})
        odd = replace(bundle, card=bundle.card.model_copy(update={"ood": ood}))
        table = odd.predict(dataset, gate=False).table
        assert table["reason"].str.contains("unlike the training images").sum() == refused
