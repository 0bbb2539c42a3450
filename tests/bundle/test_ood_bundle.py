"""Scores of a bundle: what it keeps of the training images, which score refuses, and bundles that keep less."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pytest
from safetensors.numpy import load_file, save

from cutis.bundle.fit import Choice, see
from cutis.bundle.freeze import write_card
from cutis.bundle.load import load_bundle
from cutis.bundle.ood import SCORES, available
from cutis.bundle.ood.fit import fit_statistics
from cutis.bundle.predict import Bundle
from cutis.bundle.recalibrate import recalibrate
from cutis.cli import main
from cutis.data.dataset import Dataset
from cutis.data.split import Split, split
from cutis.errors import CutisError
from cutis.files import sha256_file
from cutis.schema.predictions import Predictions


@pytest.fixture(scope="module")
def earlier(frozen: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The bundle as an earlier Cutis froze it: k-NN's features and nothing else, no temperature in its card."""
    folder = Path(shutil.copytree(frozen, tmp_path_factory.mktemp("earlier") / "bundle"))
    file = folder / "ood.safetensors"
    file.write_bytes(save({"features": load_file(file)["features"]}))
    content = json.loads((folder / "bundle.json").read_text(encoding="utf-8"))
    card = load_bundle(frozen).card
    assert content["ood"].pop("temperature") == 1.0
    write_card(card.model_copy(update={"files": {**card.files, "ood.safetensors": sha256_file(file)}}), folder)
    return folder


@pytest.fixture(scope="module")
def all_scores(bundle: Bundle, dataset: Dataset) -> pl.DataFrame:
    return bundle.scores(dataset, part="all")


def test_statistics_are_of_all_training_images(bundle: Bundle, dataset: Dataset, parts: Split):
    train = dataset.usable().join(parts.table.filter(part="train"), on="image_id").sort("image_id")
    seen = see(dataset, train, bundle.runtime, bundle.card.preprocessing, "again")
    targets = np.array([bundle.codes.index(t) for t in seen.rows["target"]])
    again, without = fit_statistics(seen.features, seen.logits, targets, seen.features, len(bundle.codes))
    assert without == []
    assert bundle.known.given("counts").tolist() == np.bincount(targets).tolist()
    for name in ("means", "covariance", "shrinkage", "origin", "alpha"):
        assert bundle.known.given(name) == pytest.approx(again.given(name), rel=1e-2, abs=1e-4), name
    assert (bundle.path / "ood.safetensors").stat().st_size < 8 * len(train) * 8 + 8 * 8 * 8 + 2_000


def test_scores_are_a_column_each(bundle: Bundle, dataset: Dataset, all_scores: pl.DataFrame):
    assert all_scores.columns == ["image_id", *SCORES]
    table = bundle.predict(dataset, part="all", progress=False).table
    assert all_scores["image_id"].equals(table["image_id"])
    assert all_scores["knn"].to_numpy() == pytest.approx(table["ood"].to_numpy(), abs=1e-3)
    logits = table.select(f"logit_{c}" for c in bundle.codes).to_numpy().astype(float)
    assert all_scores["maxlogit"].to_numpy() == pytest.approx(-logits.max(1), abs=1e-4)
    assert all_scores.null_count().sum_horizontal().item() == 0
    some = bundle.scores(dataset, names=["vim", "msp"], part="test", batch=3)
    assert some.columns == ["image_id", "vim", "msp"]
    same = all_scores.join(some.select("image_id"), on="image_id", how="semi", maintain_order="left")
    for name in ("vim", "msp"):
        assert some[name].to_numpy() == pytest.approx(same[name].to_numpy(), abs=1e-3)


def test_an_unreadable_file_has_no_score(
    bundle: Bundle, tmp_path: Path, encoded: Callable[..., bytes], picture: Callable[..., np.ndarray]
):
    (tmp_path / "a.jpg").write_bytes(encoded(picture(40, 30, 1), quality=90))
    (tmp_path / "b.jpg").write_bytes(b"no image")
    (tmp_path / "c.jpg").write_bytes(encoded(picture(40, 30, 2), quality=90))
    table = bundle.scores(tmp_path)
    assert table["image_id"].to_list() == ["a", "b", "c"]
    for name in SCORES:
        assert table[name].is_null().to_list() == [False, True, False]


def test_a_score_that_is_not_known(bundle: Bundle, dataset: Dataset):
    with pytest.raises(CutisError, match='score "mahalanobi": did you mean "mahalanobis"'):
        bundle.scores(dataset, names=["mahalanobi"])


def test_an_earlier_bundle_loads_and_says_what_it_lacks(
    earlier: Path, bundle: Bundle, dataset: Dataset, all_scores: pl.DataFrame
):
    loaded = load_bundle(earlier)
    assert available(loaded.known) == ["knn", "msp", "maxlogit", "energy"]
    table = loaded.scores(dataset, part="all")
    assert table.columns == ["image_id", "knn", "msp", "maxlogit", "energy"]
    assert table["knn"].to_numpy() == pytest.approx(all_scores["knn"].to_numpy(), abs=1e-3)
    assert loaded.predict(dataset).table["status"].equals(bundle.predict(dataset).table["status"])
    with pytest.raises(CutisError, match=r"no score vim, as the bundle holds no counts.*--out NEW --ood vim") as caught:
        loaded.scores(dataset, names=["vim"])
    assert "\n" not in str(caught.value)


def test_a_card_before_temperatures(earlier: Path, tmp_path: Path):
    folder = Path(shutil.copytree(earlier, tmp_path / "old"))
    from cutis.bundle.load import content_digest
    from cutis.files import write_json

    content = json.loads((folder / "bundle.json").read_text(encoding="utf-8"))
    del content["ood"]["temperature"]
    write_json(folder / "bundle.json", content | {"digest": content_digest(content)})
    assert load_bundle(folder).card.ood.temperature == 1.0  # type: ignore[union-attr]


@pytest.mark.parametrize("method", list(SCORES))
def test_any_score_can_refuse(earlier: Path, dataset: Dataset, parts: Split, tmp_path: Path, method: str):
    """What is missing is fitted from the training part; the threshold is the largest of the validation images."""
    made = load_bundle(recalibrate(earlier, dataset, tmp_path / "new", Choice(ood=method)))  # type: ignore[arg-type]
    ood = made.card.ood
    assert ood is not None
    assert (ood.method, ood.quantile) == (method, 0.99)
    assert available(made.known) == list(SCORES)
    val = dataset.usable().join(parts.table.filter(part="val"), on="image_id")
    scores = made.scores(dataset, part="val")[method]
    assert len(scores) == len(val) < 100
    assert ood.threshold == pytest.approx(scores.max(), abs=1e-3)
    table = made.predict(dataset, part="all", gate=False).table
    strange = table["reason"].fill_null("").str.contains("unlike the training images: ", literal=True)
    assert strange.equals(table["ood"] > ood.threshold)
    assert SCORES[method].words in (tmp_path / "new" / "card.md").read_text(encoding="utf-8")


def test_statistics_fitted_later_are_those_of_the_freeze(
    earlier: Path, bundle: Bundle, dataset: Dataset, tmp_path: Path
):
    made = load_bundle(recalibrate(earlier, dataset, tmp_path / "new", Choice(ood="knn")))
    for name in ("features", "counts", "means", "covariance", "origin", "alpha"):
        assert made.known.given(name) == pytest.approx(bundle.known.given(name), rel=1e-3, abs=1e-4), name


def test_refusal_stays_where_it_is_not_asked_for(frozen: Path, bundle: Bundle, dataset: Dataset, tmp_path: Path):
    made = load_bundle(recalibrate(frozen, dataset, tmp_path / "new", Choice(sets="aps")))
    assert made.card.ood == bundle.card.ood
    assert made.card.files["ood.safetensors"] == bundle.card.files["ood.safetensors"]
    threshold = "The refusal threshold comes from"
    assert any(limit.startswith(threshold) for limit in made.card.limits)
    energy = load_bundle(recalibrate(tmp_path / "new", dataset, tmp_path / "next", Choice(ood="energy"))).card
    assert sum(limit.startswith(threshold) for limit in energy.limits) == 1  # the new one's
    assert "largest energy score" in " ".join(energy.limits)
    assert energy.files["ood.safetensors"] == bundle.card.files["ood.safetensors"]


@pytest.fixture
def elsewhere(tmp_path: Path, make_dataset: Callable[..., Dataset]) -> Dataset:
    made = make_dataset(tmp_path / "other", n=90)
    split(made, test=0.3, val=0.4, seed=1)
    return made


def test_on_another_dataset_only_what_the_bundle_keeps(earlier: Path, elsewhere: Dataset, tmp_path: Path):
    made = load_bundle(recalibrate(earlier, elsewhere, tmp_path / "new", Choice(ood="msp"))).card
    assert made.ood is not None
    assert made.ood.method == "msp"
    with pytest.raises(
        CutisError, match=r"no score vim\. The bundle holds no counts of its training images: give the "
    ):
        recalibrate(earlier, elsewhere, tmp_path / "vim", Choice(ood="vim"))
    assert not (tmp_path / "vim").exists()


def test_a_choice_that_is_not_known():
    with pytest.raises(CutisError, match='ood "mahalanobi": did you mean "mahalanobis"'):
        Choice(ood="mahalanobi")  # type: ignore[arg-type]


def test_a_bundle_without_what_it_refuses_by_is_refused(earlier: Path, tmp_path: Path):
    folder = Path(shutil.copytree(earlier, tmp_path / "copy"))
    card = load_bundle(folder).card
    assert card.ood is not None
    write_card(card.model_copy(update={"ood": card.ood.model_copy(update={"method": "vim"})}), folder)
    with pytest.raises(CutisError, match=r"ood\.safetensors: lacks counts, by which vim refuses"):
        load_bundle(folder)


def test_a_network_that_was_frozen_to_refuse_by_another_score(
    tmp_path: Path, dataset: Dataset, parts: Split, tiny: Any, freeze_with: Any, monkeypatch: Any, frozen: Path
):
    monkeypatch.setattr(
        "cutis.bundle.export.export_onnx", lambda exported, path, size: shutil.copy(frozen / "model.onnx", path)
    )
    path = freeze_with(tiny(), tmp_path / "b", dataset, parts, choice=Choice(ood="relative_mahalanobis"))
    assert load_bundle(path).card.ood.method == "relative_mahalanobis"  # type: ignore[union-attr]


def test_few_training_images(
    tmp_path: Path, dataset: Dataset, parts: Split, tiny: Any, freeze_with: Any, monkeypatch: Any, frozen: Path
):
    """Ten images have no tenth neighbour that isn't one of them: k-NN refuses nothing, and it is said."""
    monkeypatch.setattr(
        "cutis.bundle.export.export_onnx", lambda exported, path, size: shutil.copy(frozen / "model.onnx", path)
    )
    few = pl.concat([parts.table.filter(part="train").head(10), parts.table.filter(part="val")])
    loaded = load_bundle(freeze_with(tiny(), tmp_path / "b", dataset, Split(few, parts.proof)))
    assert loaded.card.ood is None
    assert "ood.safetensors" not in loaded.card.files
    assert any("there are only 10 training images" in limit for limit in loaded.card.limits)
    assert any("there is no knn score" in limit for limit in loaded.card.limits)
    assert loaded.scores(dataset).columns == ["image_id", "msp", "maxlogit", "energy"]
    assert replace(loaded).predict(dataset).table["ood"].null_count() > 0


def test_the_command(earlier: Path, dataset: Dataset, tmp_path: Path, capsys: pytest.CaptureFixture[str]):
    def run(*words: str) -> tuple[object, str]:
        with pytest.raises(SystemExit) as stop:
            main(list(words))
        said = capsys.readouterr()
        return stop.value.code, said.out + said.err

    new = str(tmp_path / "new")
    code, said = run("calibrate", str(earlier), str(dataset.path), "--out", new, "--ood", "mahalanobis")
    assert code == 0
    assert "refuses: mahalanobis above " in said
    code, said = run("info", new)
    assert code == 0
    assert "mahalanobis above " in said
    code, said = run("predict", new, str(dataset.path), "--out", str(tmp_path / "p.parquet"))
    assert code == 0
    assert Predictions.load(tmp_path / "p.parquet").info.ood_threshold == load_bundle(new).card.ood.threshold  # type: ignore[union-attr]
    code, said = run("calibrate", new, str(dataset.path), "--out", str(tmp_path / "x"), "--ood", "energi")
    assert code == 2
    assert 'did you mean "energy"?' in said


def test_every_score_without_torch(frozen: Path, dataset: Dataset):
    code = """
import sys
for name in ("torch", "sklearn"):
    sys.modules[name] = None
import cutis
print(cutis.load_bundle(sys.argv[1]).scores(sys.argv[2]).width)
"""
    command = [sys.executable, "-W", "error", "-c", code, str(frozen), str(dataset.path)]
    run = subprocess.run(command, capture_output=True, text=True, timeout=200, check=False)
    assert run.returncode == 0, run.stderr
    assert int(run.stdout) == 1 + len(SCORES)
