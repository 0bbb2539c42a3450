"""Colour constancy is a setting of a run: the training cache, the bundle and predict all do the same."""

from __future__ import annotations

from pathlib import Path
from typing import get_args

import numpy as np
import pytest

import cutis
from cutis.bundle.card import Constancy
from cutis.data.cache import open_cache
from cutis.data.dataset import Dataset
from cutis.errors import CutisError
from cutis.image.constancy import CONSTANCY
from cutis.image.decode import read_square


def test_every_name_is_one_of_image_constancy():
    assert get_args(Constancy) == ("none", *CONSTANCY)


@pytest.mark.parametrize("name", list(CONSTANCY))
def test_the_square_is_corrected_and_cached_apart(skin: Dataset, tmp_path: Path, name: str):
    rows = skin.manifest.head(3)
    ids = rows["image_id"].to_list()
    plain = open_cache(skin, ids, 24, root=tmp_path)
    made = open_cache(skin, ids, 24, constancy=name, root=tmp_path)
    assert made.path != plain.path
    for image_id, file in rows.select("image_id", "file").rows():
        expected = CONSTANCY[name](read_square(skin.path / file, 24))
        assert np.array_equal(made.images[made.index[image_id]], expected)
    assert not np.array_equal(made.images, plain.images)


def test_a_run_predicts_on_the_colours_it_learned_from(skin: Dataset, tmp_path: Path):
    settings = {"size": 32, "batch_size": 32, "flips": False, "precision": "32-true", "epochs": 1}
    bundle = cutis.load_bundle(cutis.train(skin, tmp_path / "run", constancy="grey-world", **settings))
    card = bundle.card
    assert card.preprocessing.constancy == "grey-world"
    assert np.ptp(card.preprocessing.mean) < 0.05  # what it learned from was grey on average
    table = bundle.predict(skin, part="test").table
    images = np.stack([read_square(skin.path / f, 32, constancy="grey-world") for f in table["file"]])
    logits = table.select(f"logit_{c}" for c in bundle.codes).to_numpy()
    np.testing.assert_allclose(logits, bundle.run(images)[0], atol=1e-4)
    assert "corrected by grey world" in (bundle.path / "card.md").read_text("utf-8")


def test_an_unknown_name_is_one_line(skin: Dataset, tmp_path: Path):
    with pytest.raises(CutisError, match=r"constancy = gray.*grey-world"):
        cutis.train(skin, tmp_path / "run", constancy="gray")
