"""A picture in memory is answered as its file is: one inference path."""

from __future__ import annotations

import numpy as np
import pytest

from cutis.audit.counterfactual import Model, counterfactual
from cutis.bundle.predict import Bundle
from cutis.data.dataset import Dataset
from cutis.image.decode import read_picture


def test_answers_are_those_of_predict(bundle: Bundle, dataset: Dataset) -> None:
    model: Model = bundle
    said = bundle.predict(dataset, part="test", progress=False)
    files = said.table["file"].to_list()
    found = model.answer([read_picture(dataset.path / f, model.size) for f in files])
    np.testing.assert_allclose(found, said.probabilities(), atol=1e-6)


def test_a_bundle_is_audited_on_photographs_and_phantom(bundle: Bundle, dataset: Dataset) -> None:
    told: list[tuple[str, int]] = []

    def progress(items, total, label):
        told.append((label, total))
        return items

    found = counterfactual(
        bundle, dataset, tones=[19.0], artefacts=["ruler"], images=12, scenes=12, resamples=40, progress=progress
    )
    changes = ["tone to ITA 19", "ruler added", "control: noise of 2 grey levels"]
    assert [(r.world, r.change) for r in found.rows if r.group == "all"] == [
        (world, change) for world in ("real", "phantom") for change in changes
    ]
    assert [r.group for r in found.rows[:4]] == ["all", *bundle.codes]
    assert all(r.n + r.outside_trust == 12 for r in found.rows if r.group == "all")
    assert [(v.world, v.change) for v in found.verdicts] == [(w, c) for w in ("real", "phantom") for c in changes]
    assert told == [("change photographs", 12), ("draw the phantom again", 12)]
    for start in ("Tolerated: ", "Photographs: before any change", "Phantom: before any change"):
        assert any(note.startswith(start) for note in found.notes)
    again = counterfactual(bundle, dataset, tones=[19.0], artefacts=["ruler"], images=12, scenes=12, resamples=40)
    assert again.rows == found.rows


@pytest.mark.parametrize("n", [1, 5])
def test_answers_do_not_depend_on_company(bundle: Bundle, dataset: Dataset, n: int) -> None:
    pictures = [read_picture(dataset.path / f, bundle.size) for f in dataset.usable()["file"].head(n)]
    together = bundle.answer(pictures)
    np.testing.assert_allclose(together[0], bundle.answer(pictures[:1])[0], atol=1e-6)
    np.testing.assert_allclose(together.sum(1), 1)
