"""Data that claims change before training, and numbers of their own: what is in which part, and by hand."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import polars as pl
import pytest

from cutis.data.split import load_split, split
from cutis.image.corruptions import CORRUPTIONS, SUITES, generator
from cutis.papers.claim import Made
from cutis.papers.claims.breast_efficientnet import KINDS
from cutis.papers.claims.lymphoma_slice_classifier import leaky
from cutis.papers.claims.robustness_index import INDEX
from cutis.papers.claims.yolo_deit_brain import PER_UNIT
from cutis.papers.derived import derived, with_parts
from cutis.papers.looks import _STRANGE, SEVERITY, _changed
from cutis.phantom.dataset import make_dataset


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Made:
    folder = tmp_path_factory.mktemp("world")
    train = make_dataset(folder / "train", 120, size=48, seed=0)
    split(train, test=0.35, val=0.1, seed=0)
    return Made(train, train, "test", None, {"epochs": 10}, folder)


def test_a_leaky_training_set_is_as_large_and_holds_other_pictures_of_test_lesions(made: Made) -> None:
    settings, data = leaky(made, {}, 0)
    assert settings == {}
    before, after = with_parts(made.train), with_parts(data)
    count = {name: dict(t.group_by("part").len().iter_rows()) for name, t in (("before", before), ("after", after))}
    assert count["after"]["train"] == count["before"]["train"]
    assert count["after"]["val"] == count["before"]["val"]
    tested, learned = (after.filter(part=p) for p in ("test", "train"))
    assert tested["lesion_id"].n_unique() == len(tested)  # one a lesion
    crossing = set(tested["lesion_id"]) & set(learned["lesion_id"])
    assert len(crossing) > 0
    was = before.filter(part="test").group_by("lesion_id").len().filter(pl.col("len") > 1)
    assert crossing == set(was["lesion_id"])
    assert load_split(data).proof.unit == "image"
    assert leaky(made, {}, 1)[1].path == data.path  # made once


def test_two_classes_keep_their_parts(made: Made) -> None:
    kind = {c.code: KINDS[int(bool(c.malignant))].code for c in made.train.card.classes}
    rows = with_parts(made.train).with_columns(target=pl.col("target").replace_strict(kind))
    data = derived(made, "coarse", rows, classes=KINDS)
    assert data.codes == ["benign", "malignant"]
    held = with_parts(data).sort("image_id").select("image_id", "part")
    assert held.equals(with_parts(made.train).sort("image_id").select("image_id", "part"))
    assert (data.path / data.manifest["file"][0]).is_file()
    assert Path(data.path / "images").is_symlink()


def test_the_index_is_so_over_so_and_os() -> None:
    table = pl.DataFrame({"so": [3.0, 1.0], "os": [1.0, 3.0]})
    value = INDEX.statistic(table)(np.array([[1.0, 2.0], [1.0, 0.0]]))
    assert value.tolist() == [0.5, 0.75]


def test_a_patient_is_judged_by_the_most_suspect_picture() -> None:
    table = pl.DataFrame(
        {
            "unit": [7, 7, 3, 3, 5],
            "p_malignant": [0.1, 0.8, 0.3, 0.2, 0.5],
            "malignant": [False, True, False, False, True],
        }
    )
    statistic = PER_UNIT.statistic(table)
    assert statistic(np.ones((5, 1))).tolist() == [1.0]  # 0.8 and 0.5 are sick, 0.3 is not
    worse = table.with_columns(p_malignant=pl.Series([0.1, 0.8, 0.6, 0.2, 0.5]))
    assert PER_UNIT.statistic(worse)(np.ones((5, 1))).tolist() == [0.5]


def test_strange_pictures_are_not_the_ones_they_are_made_of() -> None:
    pixels = np.random.default_rng(0).integers(0, 256, (3, 8, 8, 3), np.uint8)
    made = {name: make(pixels, np.roll(pixels, 1, axis=0)) for name, make in _STRANGE.items()}
    assert np.array_equal(made["clean"], pixels)
    assert all(one.shape == pixels.shape and one.dtype == np.uint8 for one in made.values())
    assert not any(np.array_equal(made[name], pixels) for name in ("blue", "negative", "two"))


def test_changed_pictures_are_made_once(tmp_path: Path) -> None:
    pixels = np.random.default_rng(0).integers(0, 256, (2, 32, 32, 3), np.uint8)
    first = _changed(tmp_path / "looks" / "a.npy", "medmnistc", pixels, ["a", "b"])
    assert first.shape == (len(SUITES["medmnistc"]), 2, 32, 32, 3)
    name = SUITES["medmnistc"][3]
    assert np.array_equal(first[3, 1], CORRUPTIONS[name].apply(pixels[1], SEVERITY, generator(0, "b", name)))
    again = _changed(tmp_path / "looks" / "a.npy", "medmnistc", np.zeros_like(pixels), ["a", "b"])
    assert np.array_equal(first, again)
