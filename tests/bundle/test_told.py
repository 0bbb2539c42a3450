"""Pictures in memory are answered as `predict` answers their files: the same sets, refusals and numbers."""

from __future__ import annotations

import pickle
import re
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from cutis.bundle.card import Gate, GateThreshold
from cutis.bundle.gate import shipped
from cutis.bundle.predict import Bundle
from cutis.data.dataset import Dataset
from cutis.image.decode import BadImage, decode, read_square

NUMBER = re.compile(r"-?\d+\.\d+")


def strict(bundle: Bundle, seen: np.ndarray) -> Bundle:
    """A bundle that refuses for every reason there is, now and then."""
    assert bundle.card.conformal is not None
    assert bundle.card.ood is not None
    gate = Gate(
        thresholds={n: GateThreshold(value=2.0 if n == "glare" else v, source="shipped") for n, v in shipped().items()},
        images=1,
        refused=0,
    )
    return replace(
        bundle,
        card=bundle.card.model_copy(
            update={
                "conformal": bundle.card.conformal.model_copy(update={"quantiles": {"": 0.5}}),
                "ood": bundle.card.ood.model_copy(update={"threshold": float(np.median(seen))}),
                "gate": gate,
            }
        ),
    )


@pytest.mark.parametrize("gate", [True, False])
def test_told_is_what_predict_says(bundle: Bundle, dataset: Dataset, gate: bool):
    files = [dataset.path / f for f in dataset.manifest["file"].head(40)]
    asked = strict(bundle, bundle.predict(files, progress=False).table["ood"].to_numpy())
    rows = list(asked.predict(files, gate=gate, progress=False).table.iter_rows(named=True))
    look = asked.look(gate=gate)
    seen = [look.see(file.read_bytes()) for file in files]
    told = [one for i in range(0, 40, 7) for one in asked.told(*map(list, zip(*seen[i : i + 7], strict=True)))]
    kinds = set()
    for row, one in zip(rows, told, strict=True):
        assert (one.status, one.predicted, one.answer_set) == (row["status"], row["predicted"], row["set"])
        assert NUMBER.sub("#", one.reason or "") == NUMBER.sub("#", row["reason"] or "")
        assert one.ood == pytest.approx(row["ood"], abs=2e-3)
        assert list(one.probabilities) == bundle.codes
        assert list(one.probabilities.values()) == pytest.approx([row[f"p_{c}"] for c in bundle.codes], abs=1e-5)
        assert np.linalg.norm(one.features) == pytest.approx(1, abs=1e-5)
        kinds.add(one.status)
    assert "refused" in kinds
    assert not gate or all("glare: " in (one.reason or "") for one in told)


def test_a_set_drawn_by_chance_is_the_pictures_own(bundle: Bundle, dataset: Dataset):
    """Not its place in a batch decides; and with a file's name it is that of `predict`."""
    assert bundle.card.conformal is not None
    rule = bundle.card.conformal.model_copy(update={"method": "aps", "quantiles": {"": 0.6}})
    bundle = replace(bundle, card=bundle.card.model_copy(update={"conformal": rule}))
    files = [dataset.path / f for f in dataset.manifest["file"].head(30)]
    images = np.stack([read_square(f, bundle.size) for f in files])
    nothing: list[list[str]] = [[]] * len(files)
    table = bundle.predict(files, gate=False, progress=False).table
    named = bundle.told(images, nothing, table["image_id"].to_list())
    assert [one.answer_set for one in named] == table["set"].to_list()
    forwards, backwards = bundle.told(images, nothing), bundle.told(images[::-1], nothing)[::-1]
    assert [one.answer_set for one in forwards] == [one.answer_set for one in backwards]
    assert [one.answer_set for one in forwards] != [one.answer_set for one in named]


def test_a_look_travels_and_sees_files_and_pixels_alike(bundle: Bundle, dataset: Dataset, tmp_path: Path):
    look = pickle.loads(pickle.dumps(bundle.look()))  # noqa: S301
    assert look == bundle.look()
    assert bundle.look(gate=False).limits == {}
    file = dataset.path / dataset.manifest["file"][0]
    square, faults = look.see(file.read_bytes())
    np.testing.assert_array_equal(square, read_square(file, bundle.size))
    again, same = look.see_pixels(decode(file.read_bytes(), "x"))
    assert np.abs(again.astype(int) - square).max() <= 2
    assert same == faults
    assert bundle.look(gate=False).see(file.read_bytes())[1] == []
    with pytest.raises(BadImage, match="photo"):
        look.see(b"nothing", "photo")
