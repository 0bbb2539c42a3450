"""Licences compose; the strictest part decides."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cutis.errors import CutisError
from cutis.schema.licence import LICENCES, attribution_text, check_use, compose, licence, licence_text

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


@pytest.mark.parametrize(
    ("one", "other", "clash"),
    [
        # Creative Commons' own table of which works may be adapted into one
        ("CC-BY-SA-4.0", "CC-BY-NC-SA-4.0", True),
        ("CC-BY-SA-4.0", "CC-BY-NC-4.0", True),
        ("CC-BY-SA-4.0", "CC-BY-4.0", False),
        ("CC-BY-SA-4.0", "CC0-1.0", False),
        ("CC-BY-SA-4.0", "CC-BY-SA-4.0", False),
        ("CC-BY-NC-SA-4.0", "CC-BY-NC-4.0", False),
        ("CC-BY-NC-SA-4.0", "CC-BY-4.0", False),
        ("CC-BY-NC-4.0", "CC-BY-4.0", False),
    ],
)
def test_share_alike_licences_that_exclude_each_other(one: str, other: str, clash: bool) -> None:
    for a, b in ((one, other), (other, one)):
        found = compose({"a": a, "b": b})
        assert ("incompatible in one adapted work" in found.answer) is clash
        assert any("side by side" in c for c in found.conditions) is clash


def test_conditions() -> None:
    assert compose({"x": "CC-BY-4.0"}).conditions == ()
    found = compose({"x": "CC-BY-NC-ND-4.0", "y": "unknown", "z": "CC-BY-NC-SA-4.0"}).conditions
    assert "no derivatives: x may be shared only unchanged" in found
    assert "y: no licence is stated; ask whoever holds the rights" in found
    assert "share alike: what is adapted from z is shared under CC BY-NC-SA 4.0" in found


@given(some)
def test_only_what_is_all_cleared_may_be_sold(parts: dict[str, str]) -> None:
    found = compose(parts)
    check_use(found, "research")
    if found.commercial is True:
        check_use(found, "commercial")
        return
    with pytest.raises(CutisError, match="not cleared for commercial use") as error:
        check_use(found, "commercial", dict.fromkeys(parts, "7 images"))
    for what, name in parts.items():
        one = LICENCES[name]
        assert (f"{what} (7 images): {one.name}" in str(error.value)) == (one.commercial is not True)


def test_a_use_that_is_none() -> None:
    with pytest.raises(CutisError, match='use "comercial": did you mean "commercial"'):
        check_use(compose({}), "comercial")


def test_texts() -> None:
    found = compose({"x": "CC-BY-NC-4.0", "y": "MIT"}, ["Who made x"])
    text = licence_text("X and Y", found)
    assert "x: CC BY-NC 4.0, https://creativecommons.org/licenses/by-nc/4.0/" in text
    assert "y: MIT, https://spdx.org/licenses/MIT.html" in text
    assert "Who made x" in attribution_text("X and Y", found)
    assert "No attribution is known" in attribution_text("X", compose({"x": "unknown"}))
    assert LICENCES["CC0-1.0"].url == "https://creativecommons.org/publicdomain/zero/1.0/"
    assert LICENCES["research-only"].url == ""
