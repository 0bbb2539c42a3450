"""Bundles ranked by what a change takes from them, through Python and the command."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import polars as pl
import pytest
from driving import in_process

from cutis.audit.attack import attack_bundle
from cutis.audit.rank import rank_bundles
from cutis.bundle.predict import Bundle
from cutis.data.dataset import Dataset
from cutis.errors import CutisError
from cutis.evaluate.ranking import Ranked

pytest.importorskip("torch")

Bundles = tuple[Bundle, Bundle]


@pytest.fixture(scope="module")
def both(world: tuple[Bundle, Dataset], lesser: Bundle) -> Bundles:
    return world[0], lesser


def by_name(ranked: list[Ranked]) -> dict[str, Ranked]:
    return {r.name: r for r in ranked}


def test_numbers_are_the_audits(world: tuple[Bundle, Dataset], both: Bundles) -> None:
    """A bundle loses here what its own attack rows say, and is as accurate as its predictions file says."""
    made = rank_bundles([b.path for b in both], world[1], amount=0.02, images=20, margin=1.0, resamples=50)
    assert made.images == 20
    assert sorted(r.rank or 0 for r in made.ranked) == [1, 2]
    assert made.ranked[0].lost.value <= made.ranked[1].lost.value  # type: ignore[operator]
    for bundle in both:
        rows = attack_bundle(
            bundle, world[1], rng=np.random.default_rng(0), attacks=["pgd"], images=20, epsilons={"inf": (0.02,)},
            resamples=50,
        )  # fmt: skip
        clean, changed = (r.estimate.value for r in rows if r.metric == "balanced_accuracy")
        found = by_name(made.ranked)[str(bundle.path)]
        assert (found.clean.value, found.changed.value) == (clean, changed)
        assert found.lost.unit == "lesion"


def test_a_shift_is_the_suites(world: tuple[Bundle, Dataset], both: Bundles) -> None:
    paths = [b.path for b in both]
    mild, severe = (
        rank_bundles(paths, world[1], under="brightness_down", amount=s, margin=1.0, resamples=50) for s in (1, 5)
    )
    assert (mild.under, severe.under) == ("brightness_down, severity 1", "brightness_down, severity 5")
    one, other = by_name(mild.ranked), by_name(severe.ranked)
    assert {n: r.clean for n, r in one.items()} == {n: r.clean for n, r in other.items()}
    assert any(one[n].changed.value != other[n].changed.value for n in one)


def test_the_command_shows_and_writes_it(
    world: tuple[Bundle, Dataset], both: Bundles, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "rank.csv"
    code, said, wrong = in_process(
        capsys, "rank", both[0].path, both[1].path, "--data", world[1].path, "--images", 12, "--resamples", 50, "--out",
        out,
    )  # fmt: skip
    assert code == 0
    assert "12 images" in said
    assert "pgd, 0.0039" in said
    assert str(both[1].path) in said
    table = pl.read_csv(out)
    assert len(table) == 10
    assert set(table["bundle"]) == {str(b.path) for b in both}
    assert table.filter(pl.col("metric") == "balanced_accuracy_behind")["value"].min() == 0
    code, _, wrong = in_process(capsys, "rank", both[0].path, both[1].path, "--data", world[1].path, "--out", out)
    assert code == 2
    assert "exists" in wrong


@pytest.mark.parametrize(
    ("more", "words"),
    [
        ({"under": "pdg"}, 'under "pdg": did you mean "pgd"'),
        ({"under": "hair", "amount": 2.5}, "severity 2.5: expected whole numbers 1"),
        ({"amount": -1.0}, "-1.0 is given; expected numbers above 0"),
        ({"images": 0}, "0 images; expected 1 or more"),
    ],
)
def test_bad_requests(world: tuple[Bundle, Dataset], both: Bundles, more: dict[str, object], words: str) -> None:
    with pytest.raises(CutisError) as error:
        rank_bundles([b.path for b in both], world[1], **more)  # type: ignore[arg-type]
    assert words in str(error.value)
    assert "\n" not in str(error.value)


def test_one_bundle_twice_and_bundles_of_other_classes(
    world: tuple[Bundle, Dataset], both: Bundles, monkeypatch: pytest.MonkeyPatch
) -> None:
    with pytest.raises(CutisError, match="two or more bundles, each named once"):
        rank_bundles([both[0].path] * 2, world[1])
    monkeypatch.setattr(
        Bundle, "codes", property(lambda self: ["mel", "bkl"] if self.path == both[1].path else ["mel"])
    )
    with pytest.raises(CutisError, match="only bundles of the same classes can be ranked"):
        rank_bundles([b.path for b in both], world[1])
