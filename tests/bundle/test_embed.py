"""Features of a bundle as embeddings, and the search for near-duplicates that reads them."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from cutis.bundle.embed import embed
from cutis.bundle.load import load_bundle
from cutis.cli import main
from cutis.data.dataset import Dataset
from cutis.data.near_duplicates import near_duplicates
from cutis.image.decode import read_square


def test_rows_are_the_networks_features(frozen: Path, dataset: Dataset):
    bundle = load_bundle(frozen)
    table = embed(bundle, dataset)
    usable = dataset.usable().sort("image_id")
    assert table["image_id"].to_list() == usable["image_id"].to_list()
    vectors = table["vector"].to_numpy()
    assert np.linalg.norm(vectors, axis=1) == pytest.approx(1, abs=1e-5)
    picture = read_square(dataset.path / usable["file"][3], bundle.card.preprocessing.size)
    features = bundle.run(picture[None])[1][0]
    assert vectors[3] == pytest.approx(features / np.linalg.norm(features), abs=1e-4)


def test_the_search_takes_them(frozen: Path, dataset: Dataset):
    embeddings = {dataset.card.name: embed(load_bundle(frozen), dataset)}
    plain = near_duplicates([dataset]).select("image_id", "other_id").rows()
    more = near_duplicates([dataset], embeddings=embeddings).select("image_id", "other_id").rows()
    assert set(plain) <= set(more)


def test_embed_needs_look(frozen: Path, dataset: Dataset, capsys: pytest.CaptureFixture[str]):
    with pytest.raises(SystemExit) as stopped:
        main(["lint", str(dataset.path), "--embed", str(frozen)])
    assert stopped.value.code == 2
    assert "add --look" in capsys.readouterr().err
