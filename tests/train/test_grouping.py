"""Groups from columns: how values become codes, and what is said where they can't."""

from __future__ import annotations

from dataclasses import replace
from types import SimpleNamespace

import numpy as np
import polars as pl
import pytest
import torch
from toys import toy_data

from cutis.errors import CutisError
from cutis.image.assess import defaults
from cutis.train.objectives import objective
from cutis.train.objectives.grouping import Groups, check_columns, mean_by_group, unseen_groups


def of(column: str, values: list, spec: str | None = None) -> Groups:
    data = replace(toy_data(n=len(values)), table=pl.DataFrame({column: values}, strict=False))
    return Groups.of(data, spec or column, "method x")


def test_words_and_yes_or_no_are_their_own_groups():
    found = of("tone", ["light", "dark", None, "dark", "light"])
    assert found.names == ("dark", "light")
    assert found.codes.tolist() == [1, 0, -1, 0, 1]
    assert found.counts.tolist() == [2, 2]
    assert of("shows_ruler", [True, False, True, False]).codes.tolist() == [1, 0, 1, 0]


def test_ita_is_cut_where_del_bino_ends_intermediate():
    found = of("ita_cutis", [60.0, 28.1, 28.0, -20.0, None, float("nan")])
    assert found.names == ("light", "dark")
    assert found.codes.tolist() == [0, 0, 1, 1, -1, -1]
    assert "28" in found.rule


def test_an_artefacts_score_is_cut_at_its_detectors_threshold():
    limit = defaults().artefacts["hair"].threshold
    found = of("artefact_hair", [0.0, limit - 1e-6, limit, limit + 1])
    assert found.names == ("absent", "present")
    assert found.codes.tolist() == [0, 0, 1, 1]


def test_other_numbers_are_cut_at_the_median_or_in_as_many_parts_as_asked():
    assert of("age_approx", [10, 20, 30, 40]).codes.tolist() == [0, 0, 1, 1]
    thirds = of("age_approx", [10, 20, 30, 40, 50, 60], "age_approx:3")
    assert thirds.codes.tolist() == [0, 0, 1, 1, 2, 2]
    assert len(thirds.names) == 3
    assert of("mark", [0, 1, 1, 0]).names == ("0", "1")


def test_what_cannot_be_grouped_says_why():
    with pytest.raises(CutisError, match=r"method x: column tone has one group .* \(all 3 are \"light\""):
        of("tone", ["light", "light", "light"])
    with pytest.raises(CutisError, match="column=ita_cutis:2"):
        of("ita_cutis", [50.0, 60.0, 55.0])
    with pytest.raises(CutisError, match=r'only 1 training image is "dark"'):
        of("tone", ["light", "light", "dark"])
    with pytest.raises(CutisError, match="at most 50"):
        of("name", [str(i // 2) for i in range(200)])
    with pytest.raises(CutisError, match='"1" parts'):
        of("age_approx", [1, 2, 3, 4], "age_approx:1")
    with pytest.raises(CutisError, match="words, not numbers"):
        of("tone", ["light", "dark"], "tone:2")
    with pytest.raises(CutisError, match="all are unknown"):
        of("tone", pl.Series([None, None], dtype=pl.String).to_list())


@pytest.mark.parametrize(
    ("column", "remedy"),
    [
        ("ita_cutis", "cutis tone D; cutis columns D D/tone.parquet"),
        ("artefact_ruler", "cutis check D --out R; cutis columns D R/quality.parquet"),
        ("ruler", "Then take column=artefact_ruler"),
        ("contrast", "Then take column=contrast_coco"),
        ("clinic_light", "a table of your own with image_id and clinic_light"),
    ],
)
def test_a_missing_column_says_how_to_make_it(column, remedy):
    with pytest.raises(CutisError, match="which isn't there") as error:
        check_columns((column,), ["image_id", "sex"], "method lntl", "D")
    assert remedy in str(error.value)


def test_a_misspelt_column_says_the_nearest():
    with pytest.raises(CutisError, match='did you mean "fitzpatrick_skin_type"'):
        check_columns(("fitzpatrik_skin_type",), ["sex", "fitzpatrick_skin_type"], "method lntl")


def test_a_group_that_training_lacks_is_noted():
    train, rest = pl.DataFrame({"t": ["a", "b"]}), pl.DataFrame({"t": ["a", "c", "c", None]})
    assert unseen_groups("t", train, rest) == [
        'Column t: no training image is "c", 2 of the others are: nothing was learned of that group.'
    ]
    assert unseen_groups("t", pl.DataFrame({"t": [1.0]}), pl.DataFrame({"t": [2.0]})) == []


def test_means_by_group_leave_unknown_out():
    means, counts = mean_by_group(torch.tensor([1.0, 3.0, 5.0, 9.0]), torch.tensor([0, 0, 2, -1]), 3)
    assert means.tolist() == [2.0, 0.0, 5.0]
    assert counts.tolist() == [2, 0, 1]


def test_a_blend_has_no_group():
    with pytest.raises(CutisError, match=r"mixup blends images, and of a blend group-dro can't tell the group"):
        objective("mixup+group-dro", column="tone")
    assert objective("inpaint+group-dro", column="tone").columns == ("tone",)


def test_a_method_without_its_column_says_so():
    with pytest.raises(CutisError, match="method lntl needs a setting column, such as --set column="):
        objective("lntl")


def test_views_that_are_alike_are_posed_alike():
    from concurrent.futures import ThreadPoolExecutor

    from cutis.train.augment import Augmentation
    from cutis.train.feed import Feed, Normalise

    images = np.random.default_rng(0).integers(0, 255, (6, 40, 40, 3), np.uint8)
    made = SimpleNamespace(
        columns=(),
        views=3,
        alike=frozenset({2}),
        order=lambda data, rng: np.arange(6),
        picture=lambda view, pixels, rows, rng: pixels,
    )
    normalise = Normalise([0.5] * 3, [0.2] * 3, torch.device("cpu"))
    feed = Feed(images, toy_data(n=6), made, normalise, size=32, batch_size=6, augmentation=Augmentation(), seed=1)
    with ThreadPoolExecutor(1):
        first, second, third = feed.batch(0).views
    feed.close()
    assert torch.equal(first, third)
    assert not torch.equal(first, second)
