"""Licences compose; the strictest part decides."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cutis.errors import CutisError
from cutis.schema.licence import LICENCES, compose, licence

some = st.dictionaries(st.text("abc", min_size=1, max_size=3), st.sampled_from(sorted(LICENCES)), max_size=5)


@given(some)
def test_strictest_part_decides_whatever_the_order(parts: dict[str, str]) -> None:
    found = compose(parts)
    ids = set(parts.values())
    if any(LICENCES[i].commercial is False for i in ids):
        assert found.commercial is False
        assert found.answer.startswith("research only: ")
    elif "unknown" in ids:
        assert found.commercial is None
        assert found.answer.startswith("not cleared")
    else:
        assert found.commercial is True
    assert found.share_alike == any(LICENCES[i].share_alike for i in ids)
    back = compose(dict(reversed(parts.items())))
    assert (back.commercial, back.derivatives, back.share_alike) == (
        found.commercial,
        found.derivatives,
        found.share_alike,
    )


@given(some, st.sampled_from(sorted(LICENCES)))
def test_one_more_part_never_allows_more(parts: dict[str, str], extra: str) -> None:
    rank = {True: 2, None: 1, False: 0}
    before, after = compose(parts), compose({**parts, "extra": extra})
    assert rank[after.commercial] <= rank[before.commercial]
    assert rank[after.derivatives] <= rank[before.derivatives]


def test_ham10000_with_cutis() -> None:
    found = compose({"HAM10000 images": "CC BY-NC 4.0", "Cutis": "Apache-2.0"}, ["Tschandl", "", "Tschandl"])
    assert found.answer == "research only: HAM10000 images is CC BY-NC 4.0"
    assert found.parts == {"HAM10000 images": "CC-BY-NC-4.0", "Cutis": "Apache-2.0"}
    assert found.attribution == ("Tschandl",)


@pytest.mark.parametrize(
    ("spelling", "spdx"),
    [("CC-0", "CC0-1.0"), ("cc-by-nc", "CC-BY-NC-4.0"), (" CC-BY ", "CC-BY-4.0"), ("mit", "MIT"), (None, "unknown")],
)
def test_spellings(spelling: str | None, spdx: str) -> None:
    assert licence(spelling).id == spdx


def test_every_licence_is_found_by_its_id() -> None:
    for name, found in LICENCES.items():
        assert licence(name) is found
        assert licence(name.lower()) is found


def test_unknown_licence_gets_the_nearest() -> None:
    with pytest.raises(CutisError, match=r'licence "CC-BY-NC-4" is not known: did you mean "CC-BY-NC-4\.0"'):
        licence("CC-BY-NC-4")
