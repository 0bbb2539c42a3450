"""What a freeze holds: an export that equals torch, calibration from validation, licences, digests, words."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pytest
from safetensors.numpy import load_file

from cutis.bundle import freeze as freezing
from cutis.bundle.load import load_bundle
from cutis.bundle.predict import Bundle
from cutis.bundle.runtime import Runtime, available
from cutis.data.dataset import Dataset
from cutis.data.split import Split, split
from cutis.errors import CutisError
from cutis.files import sha256_file
from cutis.image.decode import read_square


@pytest.fixture
def same_export(monkeypatch: pytest.MonkeyPatch, frozen: Path) -> None:
    """Copies the tiny network's export instead of making it again (seconds each)."""
    monkeypatch.setattr(
        "cutis.bundle.export.export_onnx", lambda exported, path, size: shutil.copy(frozen / "model.onnx", path)
    )


def mirrored(network: Any, images: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Logits and features averaged over the four mirror images, worked out apart from the exporter."""
    import torch

    found = []
    for view in (images, images[:, :, ::-1], images[:, ::-1], images[:, ::-1, ::-1]):
        x = (view.transpose(0, 3, 1, 2) / 255 - np.reshape((0.6, 0.5, 0.4), (1, 3, 1, 1))) / 0.2
        with torch.inference_mode():
            features = network.forward_features(torch.tensor(x, dtype=torch.float32))
            found.append((network.classify(features).numpy(), features.numpy()))
    return np.mean([f[0] for f in found], 0), np.mean([f[1] for f in found], 0)


@pytest.mark.parametrize("name", available())
def test_runtimes_equal_torch(frozen: Path, tiny: Callable[..., Any], name: str):
    images = np.random.default_rng(0).integers(0, 256, (9, 24, 24, 3), np.uint8)
    logits, features = load_bundle(frozen, runtime=name).run(images, batch=4)
    expected = mirrored(tiny(), images)
    assert logits.dtype == features.dtype == np.float32
    np.testing.assert_allclose(logits, expected[0], atol=1e-4)
    np.testing.assert_allclose(features, expected[1], atol=1e-4)


def test_parity_is_recorded_at_batch_1_and_7(bundle: Bundle):
    found = {(row.runtime, row.batch) for row in bundle.card.parity}
    assert found == {(name, batch) for name in available() for batch in (1, 7)}
    assert all(0 <= row.max_delta_p <= row.tolerance == 1e-3 for row in bundle.card.parity)
    assert {row.images for row in bundle.card.parity} == {bundle.card.split["parts"]["val"]["images"]}


@pytest.mark.usefixtures("same_export")
def test_unfaithful_export_is_refused(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, dataset: Dataset, parts: Split, tiny: Any, freeze_with: Any
):
    run = Runtime.run
    monkeypatch.setattr(Runtime, "run", lambda self, x, batch=16: (run(self, x, batch)[0] + [0.1, 0, 0], None))
    with pytest.raises(CutisError, match=r"batch 1: probabilities differ from torch's by .* nothing was frozen"):
        freeze_with(tiny(), tmp_path / "b", dataset, parts)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.usefixtures("same_export")
def test_interrupted_freeze_leaves_nothing(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, dataset: Dataset, parts: Split, tiny: Any, freeze_with: Any
):
    def stop(card: object) -> str:
        raise KeyboardInterrupt

    monkeypatch.setattr(freezing, "model_card", stop)
    with pytest.raises(KeyboardInterrupt):
        freeze_with(tiny(), tmp_path / "b", dataset, parts)
    assert list(tmp_path.iterdir()) == []


class Killed(BaseException):
    """Stands for SIGKILL: nothing that cleans up runs."""


@pytest.mark.usefixtures("same_export")
@pytest.mark.parametrize("step", ["_save_weights", "see", "fit", "_parity", "model_card", "write_card", "rename"])
def test_killed_anywhere_it_freezes_again(
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
    dataset: Dataset,
    parts: Split,
    tiny: Any,
    freeze_with: Any,
    step: str,
):
    from cutis.files import aside

    def killed(*_: object, **__: object) -> None:
        raise Killed

    with monkeypatch.context() as during:
        during.setattr(aside, "_remove", lambda path: None)
        during.setattr(*((aside, "_rename") if step == "rename" else (freezing, step)), killed)
        with pytest.raises(Killed):
            freeze_with(tiny(), tmp_path / "b", dataset, parts)
        assert [p.name[:9] for p in tmp_path.iterdir()] == [".cutis-b-"]
    load_bundle(freeze_with(tiny(), tmp_path / "b", dataset, parts))
    assert [p.name for p in tmp_path.iterdir()] == ["b"]


def test_existing_output_is_refused(frozen: Path, dataset: Dataset, parts: Split, tiny: Any, freeze_with: Any):
    before = sha256_file(frozen / "bundle.json")
    with pytest.raises(CutisError, match="exists already"):
        freeze_with(tiny(), frozen, dataset, parts)
    assert sha256_file(frozen / "bundle.json") == before


def test_card_is_calibrated_on_all_images_of_the_lesions(bundle: Bundle, dataset: Dataset, parts: Split):
    """Quantile and thresholds, worked out again from the images."""
    card = bundle.card
    rows = dataset.usable().join(parts.table.filter(pl.col("part") == "val"), on="image_id").sort("image_id")
    images = np.stack([read_square(dataset.path / f, 24) for f in rows["file"]])
    z = bundle.run(images)[0].astype(float) / card.calibrator.temperature
    p = np.exp(z) / np.exp(z).sum(1, keepdims=True)
    scores = np.sort([1 - p[i, bundle.codes.index(t)] for i, t in enumerate(rows["target"])])
    sizes = rows["lesion_id"].value_counts()["count"].to_numpy()
    assert sizes.max() > 1
    c = card.conformal
    assert c is not None
    assert (c.n, c.n_units, c.unit, c.each) == (len(rows), len(sizes), "lesion", "image")
    assert c.effective_units == pytest.approx(len(rows) ** 2 / (sizes**2).sum(), abs=0.01)
    rank = int(np.ceil((len(rows) + (sizes**2).sum() / len(rows)) * 0.9))
    assert c.quantiles[""] == pytest.approx(scores[rank - 1], abs=1e-5)
    assert f"from {len(rows)} images of {len(sizes)} lesions" in c.words()
    assert [p.name for p in card.operating_points] == ["sensitivity 0.90", "sensitivity 0.95"]
    sick = np.sort(p[(rows["target"] == "mel").to_numpy(), bundle.codes.index("mel")])[::-1]
    assert card.operating_points[0].threshold == pytest.approx(sick[int(np.ceil(0.9 * len(sick))) - 1], abs=1e-5)
    assert all(
        point.sensitivity >= 0.9 and (point.n, point.n_units) == (len(rows), len(sizes))
        for point in card.operating_points
    )
    assert any("the largest knn score among them" in limit for limit in card.limits)
    assert dict(zip(card.limit_codes, card.limits, strict=True))["refusal-from-few"].startswith("The refusal threshold")


def test_files_and_licence(frozen: Path, bundle: Bundle):
    assert sorted(p.name for p in frozen.iterdir()) == [
        "bundle.json", "card.md", "model.onnx", "ood.safetensors", "weights.safetensors",
    ]  # fmt: skip
    assert bundle.card.licence.answer == "research only: tiny is CC BY-NC 4.0"
    assert bundle.card.licence.parts["Cutis code"] == "Apache-2.0"
    assert set(load_file(frozen / "weights.safetensors")) >= {"head.weight", "head.bias", "body.0.weight"}
    bank = load_file(frozen / "ood.safetensors")["features"]
    assert len(bank) == bundle.card.split["parts"]["train"]["images"]
    np.testing.assert_allclose(np.linalg.norm(bank.astype(float), axis=1), 1, atol=1e-6)
    page = (frozen / "card.md").read_text(encoding="utf-8")
    for words in ("research only: tiny", "Dermatofibroma", "lac at 90%", "not a medical device", "openvino"):
        assert words in page
    assert "quantile of validation's scores" in page  # not "as 1% of validation is": of few images, none is above it


def test_no_validation_part(tmp_path: Path, make_dataset: Any, tiny: Any, freeze_with: Any):
    made = make_dataset(tmp_path / "d", n=60)
    parts = split(made, test=0.3, val=0, seed=0)
    card = load_bundle(freeze_with(tiny(), tmp_path / "b", made, parts, flips=False)).card
    assert (card.calibrator.temperature, card.conformal, card.ood, card.operating_points) == (1.0, None, None, ())
    assert "no validation image" in card.limits[0]
    assert "ood.safetensors" not in card.files
    assert card.parity[0].images == card.split["parts"]["train"]["images"]  # from training's images instead
    predictions = load_bundle(tmp_path / "b").predict(made)
    assert predictions.table["set"].null_count() == predictions.table["ood"].null_count() == len(predictions.table)
    assert set(predictions.table["status"]) == {"ok"}


@pytest.mark.usefixtures("same_export")
def test_few_validation_images_and_no_positives(
    tmp_path: Path, dataset: Dataset, parts: Split, tiny: Any, freeze_with: Any
):
    benign = dataset.manifest.filter(pl.col("target") != "mel")["image_id"]
    few = parts.table.filter((pl.col("part") == "val") & pl.col("image_id").is_in(benign.to_list()))
    few = few.unique("group").sort("image_id").head(8)
    cut = Split(pl.concat([parts.table.filter(pl.col("part") == "train"), few]), parts.proof)
    card = load_bundle(freeze_with(tiny(), tmp_path / "b", dataset, cut)).card
    assert card.conformal is None
    assert card.operating_points == ()
    assert any("needs at least 9 validation lesions and there are 8" in limit for limit in card.limits)
    assert any("there are 0 and 8" in limit for limit in card.limits)


def test_one_class_and_no_malignant_grouping(
    tmp_path: Path, dataset: Dataset, parts: Split, tiny: Any, freeze_with: Any
):
    path = freeze_with(tiny(1), tmp_path / "b", dataset, parts, classes=dataset.card.classes[1:2])
    loaded = load_bundle(path)
    assert loaded.card.calibrator.temperature == 1.0
    assert loaded.card.operating_points == ()
    predictions = loaded.predict(dataset)
    assert set(predictions.table["p_nv"]) == {1.0}
    assert any('target "mel", a class this model does not know' in limit for limit in predictions.info.limits)
    assert set(predictions.table["target"]) == {"nv", None}


def test_digest_is_of_the_canonical_card(frozen: Path, bundle: Bundle):
    from cutis.files import canonical_json, sha256_text

    text = (frozen / "bundle.json").read_text(encoding="utf-8")
    content = json.loads(text)
    assert text == canonical_json(content)
    digest = content.pop("digest")
    assert bundle.digest == digest == sha256_text(canonical_json(content))
