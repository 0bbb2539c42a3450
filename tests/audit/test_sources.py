"""Two sources side by side: rows that say what was measured, and rows that say why something was not."""

from __future__ import annotations

import numpy as np
import polars as pl
import pytest

from cutis.audit.sources import Source, embedded, halves, source_shift
from cutis.errors import CutisError
from cutis.schema.embeddings import embeddings_table


def source(name: str, seed: int, shift: float = 0.0, n: int = 120, apart: float = 4, **other: object) -> Source:
    """Two diagnoses in two directions; `shift` moves the source in a third."""
    rng = np.random.default_rng(seed)
    label = rng.integers(0, 2, n)
    rows = rng.normal(0, 0.5, (n, 6))
    rows[:, 0] += apart * label
    rows[:, 1] += apart * (1 - label)
    rows[:, 2] += shift
    given = {"labels": [("mel", "nv")[k] for k in label], "units": [f"u{i // 2}" for i in range(n)]}
    return Source(name, rows, **(given | other))


def rows_of(a: Source, b: Source, seed: int = 0, **other: object) -> dict[tuple[str, str], object]:
    found = source_shift(a, b, what="embedding", rng=np.random.default_rng(seed), resamples=60, **other)
    return {(r.name, r.against): r for r in found}


def test_a_moved_source_is_farther_than_ones_own_half():
    near, far = (rows_of(source("a", 1), source("b", 2, shift)) for shift in (0.0, 6.0))
    own = "a, its other half"
    for name in ("Fréchet distance, embedding", "KID, embedding"):
        assert far[name, "b"].value > 20 * abs(far[name, own].value)
        assert abs(near[name, "b"].value) < 0.1 * far[name, "b"].value
        assert far[name, "b"].n_a == far[name, "b"].n_b == far[name, own].n_b == 60
    index = "Robustness Index, embedding"
    assert near[index, "b"].value > 0.9
    assert far[index, "b"].value is None  # four heaps: every neighbour is like in both, and so says nothing
    assert "no neighbour is of the same biology and another centre" in far[index, "b"].words
    mixed = rows_of(source("a", 1, apart=0.5), source("b", 2, 6.0, apart=0.5))
    assert mixed[index, "b"].value < 0.1
    assert "of mel, nv" in near[index, "b"].words or "of nv, mel" in near[index, "b"].words
    for name in ("a", "b"):
        assert far["intrinsic dimension (TwoNN), embedding", name].value > 2


def test_same_seed_same_rows():
    a, b = source("a", 1), source("b", 2)
    assert rows_of(a, b) == rows_of(a, b)
    assert rows_of(a, b) != rows_of(a, b, seed=1)


def test_halves_share_no_unit():
    units = [f"u{i // 7}" for i in range(100)]
    first, second = halves(units, np.random.default_rng(0))
    assert sorted([*first, *second]) == list(range(100))
    assert not {units[i] for i in first} & {units[i] for i in second}
    assert 40 <= len(first) <= 50


def test_named_features_are_scaled_by_the_first_source():
    a, b = source("a", 1), source("b", 2, 6.0)
    metres = [Source(s.name, s.features * [1, 1, 1000, 1, 1, 1], s.labels, s.units) for s in (a, b)]
    name = ("Fréchet distance, embedding", "b")
    assert rows_of(a, b, scale=True)[name].value == pytest.approx(rows_of(*metres, scale=True)[name].value)
    assert rows_of(*metres)[name].value > 1e6


def test_what_cant_be_measured_is_a_row_with_its_reason():
    few = rows_of(source("a", 1, n=10), source("b", 2, n=10))
    row = few["Fréchet distance, embedding", "b"]
    assert row.value is None
    assert "needs more rows than columns" in row.words
    other = source("b", 2)
    other = Source("b", other.features, ["bcc"] * 60 + ["df"] * 60)
    index = rows_of(source("a", 1), other)["Robustness Index, embedding", "b"]
    assert index.value is None
    assert "0 biologies are in all 2 centres" in index.words
    unlabelled = rows_of(Source("a", other.features), other)
    assert not any("Robustness" in name for name, _ in unlabelled)


def test_label_sharpness_where_there_are_pixels():
    rng = np.random.default_rng(0)
    pixels = rng.integers(0, 256, (120, 4, 4, 3)).astype(np.uint8)
    labels: list[str | None] = ["mel", "nv", None] * 40
    found = rows_of(source("a", 1, pixels=pixels, labels=labels), source("b", 2))
    row = found["label sharpness, pixels", "a"]
    assert row.n_a == 80
    assert "of 80 images of 4 x 4 x 3" in row.words
    assert ("label sharpness, pixels", "b") not in found


def test_embedded_takes_labels_and_units_of_the_manifest():
    table = embeddings_table(["i2", "i1"], np.eye(2))
    manifest = pl.DataFrame(
        {"image_id": ["i1", "i2", "i3"], "lesion_id": ["l", "l", "m"], "target": ["mel", "nv", "nv"]}
    )
    found = embedded("ham", table, manifest)
    assert found.labels == ["nv", "mel"]
    assert found.units is not None
    assert found.units[0] == found.units[1]
    assert found.features.shape == (2, 2)
    with pytest.raises(CutisError, match='image "i1" has an embedding'):
        embedded("ham", table, manifest.tail(2))
