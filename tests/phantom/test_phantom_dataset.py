"""Phantom datasets: the same bytes again, true identities, and nothing half-made."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import polars as pl
import pytest
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import balanced_accuracy_score

from cutis.data.dataset import Dataset
from cutis.errors import CutisError
from cutis.files import sha256_file
from cutis.phantom.classes import CODES
from cutis.phantom.dataset import make_dataset
from cutis.phantom.render import render
from cutis.phantom.scene import Scene
from cutis.schema.manifest import conform


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Dataset:
    return make_dataset(tmp_path_factory.mktemp("phantom") / "made", 300, size=32, seed=3)


def _bytes(folder: Path) -> dict[str, bytes]:
    return {str(p.relative_to(folder)): p.read_bytes() for p in sorted(folder.rglob("*")) if p.is_file()}


def test_loads_as_a_dataset(made: Dataset) -> None:
    loaded = Dataset.load(made.path)
    assert loaded.card == made.card
    assert loaded.manifest.equals(made.manifest)
    assert conform(loaded.manifest, "manifest").equals(loaded.manifest)
    assert loaded.codes == list(CODES)
    assert loaded.licence.commercial is True
    assert loaded.card.counts["images"] == 300
    for row in loaded.manifest.sample(10, seed=0).iter_rows(named=True):
        assert sha256_file(loaded.path / row["file"]) == row["sha256"]
        image, mask = cv2.imread(str(loaded.path / row["file"])), cv2.imread(str(loaded.path / row["mask"]), 0)
        assert image.shape == (row["height"], row["width"], 3)
        assert set(np.unique(mask)) == {0, 255}


def test_a_row_renders_again_from_its_scene(made: Dataset) -> None:
    row = made.manifest.row(17, named=True)
    image, truth = render(Scene.from_dict(json.loads(row["phantom_scene"])), 32)
    stored = cv2.imread(str(made.path / row["file"]))[..., ::-1]
    assert np.abs(image.astype(int) - stored).mean() < 3  # JPEG
    assert np.array_equal(cv2.imread(str(made.path / row["mask"]), 0) > 0, truth.mask)


def test_identities_are_like_life(made: Dataset) -> None:
    table = made.manifest
    for unit, fixed in (
        ("lesion_id", ["patient_id", "target", "anatom_site_1"]),
        ("patient_id", ["sex", "age_approx", "fitzpatrick_skin_type"]),
    ):
        spread = table.group_by(unit).agg(pl.col(fixed).n_unique()).select(pl.col(fixed).max())
        assert set(spread.row(0)) == {1}
    photographs = table.group_by("lesion_id").len()["len"]
    assert set(photographs) == {1, 2}
    assert table.group_by("patient_id").agg(pl.col("lesion_id").n_unique())["lesion_id"].max() == 4
    counts = dict(table["target"].value_counts().rows())
    assert counts["nv"] > 2 * max(n for code, n in counts.items() if code != "nv")
    assert table["fitzpatrick_skin_type"].n_unique() == 6
    assert set(table["diagnosis_1"]) == {"Benign", "Malignant", None}  # akiec has no one path


def test_same_seed_same_bytes_and_image_i_ignores_n(tmp_path: Path) -> None:
    make_dataset(tmp_path / "a", 12, size=32, seed=1)
    make_dataset(tmp_path / "b", 12, size=32, seed=1)
    make_dataset(tmp_path / "short", 5, size=32, seed=1)
    make_dataset(tmp_path / "other", 12, size=32, seed=2)
    a, short, other = _bytes(tmp_path / "a"), _bytes(tmp_path / "short"), _bytes(tmp_path / "other")
    assert a == _bytes(tmp_path / "b")
    pictures = {name: content for name, content in short.items() if name.startswith(("images/", "masks/"))}
    assert len(pictures) == 10
    assert pictures.items() <= a.items()
    table = Dataset.load(tmp_path / "a").manifest
    assert table.head(5).equals(Dataset.load(tmp_path / "short").manifest)
    assert not set(a.values()) & {v for k, v in other.items() if k.startswith("images/")}


def test_classes_and_balance(tmp_path: Path) -> None:
    two = make_dataset(tmp_path / "two", 30, size=16, classes=["nv", "mel"], balance="equal")
    assert set(two.codes) == {"nv", "mel"}
    assert set(two.manifest["target"]) == {"nv", "mel"}
    mine = make_dataset(tmp_path / "mine", 12, size=16, balance={"bcc": 1})
    assert set(mine.manifest["target"]) == {"bcc"}


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ({"n": 0}, "n is 0"),
        ({"n": 2, "classes": ["nevus"]}, 'class "nevus"'),
        ({"n": 2, "balance": "lief"}, 'did you mean "life"'),
        ({"n": 2, "balance": {"mell": 1}}, 'did you mean "mel"'),
        ({"n": 2, "balance": {"nv": 0}}, "weights above 0"),
        ({"n": 2, "balance": {"nv": float("nan")}}, "weights above 0"),
        ({"n": 2, "classes": []}, "no share"),
        ({"n": 2, "size": 4}, "size 4"),
        ({"n": 2, "seed": -1}, "seed"),
        ({"n": 2, "visits": 0}, "visits is 0"),
        ({"n": 2, "bias": ["ruler:mel=2"]}, "not a share"),
        ({"n": 2, "tone": "ita:0"}, "two angles"),
    ],
)
def test_bad_requests_leave_nothing(tmp_path: Path, arguments: dict[str, object], words: str) -> None:
    with pytest.raises(CutisError, match=words):
        make_dataset(tmp_path / "new", **arguments)  # type: ignore[arg-type]
    assert not list(tmp_path.iterdir())


def test_refuses_an_existing_folder(tmp_path: Path) -> None:
    (tmp_path / "old").mkdir()
    (tmp_path / "old" / "mine.txt").write_text("keep")
    with pytest.raises(CutisError, match="exists already"):
        make_dataset(tmp_path / "old", 2, size=16)
    assert [p.name for p in (tmp_path / "old").iterdir()] == ["mine.txt"]


def test_an_interruption_leaves_nothing(tmp_path: Path) -> None:
    done: list[object] = []

    def interrupt(items: Iterable[Any], total: int, label: str) -> Iterator[Any]:
        for item in items:
            yield item
            done.append(item)
            if len(done) == 3:
                raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        make_dataset(tmp_path / "new", 9, size=16, progress=interrupt)
    assert len(done) == 3
    assert not list(tmp_path.iterdir())


def test_mean_colour_and_area_do_not_give_the_class_away(made: Dataset) -> None:
    """A network must look at structure: this baseline stays near chance (0.25) on other patients."""
    table = made.manifest
    colours = [cv2.imread(str(made.path / f)).reshape(-1, 3).mean(0) for f in table["file"]]
    areas = [cv2.imread(str(made.path / m), 0).mean() for m in table["mask"]]
    x = np.column_stack([colours, areas]) / 255
    y, patient = table["target"].to_numpy(), table["patient_id"].rank("dense").to_numpy()
    test = patient % 3 == 0
    model = LogisticRegression(class_weight="balanced", C=100, max_iter=2000).fit(x[~test], y[~test])
    assert balanced_accuracy_score(y[test], model.predict(x[test])) < 0.55


def test_visits_overviews_and_all_masks(tmp_path: Path) -> None:
    made = make_dataset(tmp_path / "made", 24, size=48, seed=2, visits=3, overview=True, truth=True)
    table = made.manifest
    assert set(table["months"]) == {0, 6, 12}
    assert set(table["image_type"]) == {"dermoscopic", "clinical: close-up"}
    of_lesion = table.group_by("lesion_id", maintain_order=True).len()["len"].to_list()
    assert set(of_lesion[:-1]) == {4}  # three visits and an overview; the last lesion may be cut off by n
    assert (tmp_path / "made" / "masks" / "lesion").is_dir()
    for row in table.iter_rows(named=True):
        for concept in row["concepts"]:
            mask = cv2.imread(str(made.path / "masks" / concept["concept"] / f"{row['image_id']}.png"), 0)
            assert mask.any()
    lines = (tmp_path / "made" / "questions.jsonl").read_text().splitlines()
    assert {json.loads(line)["image_id"] for line in lines} == set(table["image_id"])
    assert all("on" in c for c in table["caption"])


def test_bias_is_in_the_card_and_the_columns(tmp_path: Path) -> None:
    made = make_dataset(tmp_path / "made", 60, size=32, classes=["nv", "mel"], bias=["ruler:mel=1,nv=0"])
    assert "Planted: ruler in mel 100%, nv 0%." in made.card.notes
    by_class = {t: g["shows_ruler"] for (t,), g in made.manifest.group_by("target")}
    assert not by_class["nv"].any()
    assert by_class["mel"].mean() > 0.7  # a ruler may lie outside a round field
