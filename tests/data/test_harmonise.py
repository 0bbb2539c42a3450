"""Three-valued labels: against a brute-force reading of the definition, and the choices that are stated."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from isic_metadata.diagnosis_hierarchical import DiagnosisEnum

from cutis.data.harmonise import (
    MERGED_CODES,
    combine,
    deepest_common,
    known_paths,
    level_number,
    node_at,
    three_valued,
)
from cutis.data.labels import class_code
from cutis.errors import CutisError

PATHS = sorted(str(p) for p in DiagnosisEnum)
LEAVES = [p for p in PATHS if not any(q.startswith(f"{p}:") for q in PATHS)]
NEVUS = "Benign:Benign melanocytic proliferations:Nevus"
MELANOMA = "Malignant:Malignant melanocytic proliferations (Melanoma)"
paths = st.sampled_from([*PATHS, ""])


@settings(deadline=None)
@given(st.frozensets(paths, min_size=1, max_size=3), st.integers(1, 5))
def test_present_absent_unknown_are_what_the_true_diagnosis_may_still_be(known: frozenset[str], level: int) -> None:
    """Oracle: the finest diagnoses that may be true; a class is present if all lie in it, absent if none does."""
    if any(" NOS" in p for p in known):
        return  # "not otherwise specified" has a rule of its own, tested below
    nodes = sorted({node for p in PATHS if (node := node_at(p, level))})
    present, unknown = three_valued(known, nodes)
    finest = {leaf for leaf in LEAVES for p in known if not p or leaf == p or leaf.startswith(p + ":")}
    for node in nodes:
        inside = {leaf for leaf in finest if leaf == node or leaf.startswith(node + ":")}
        if not inside:
            assert node not in present
            assert node not in unknown
        elif node in present:
            assert inside == finest
        else:
            assert node in unknown
    assert len(present) <= 1


def test_a_shallow_diagnosis_is_unknown_below_and_absent_elsewhere() -> None:
    nodes = [NEVUS, f"{MELANOMA}:Melanoma in situ", f"{MELANOMA}:Melanoma Invasive"]
    assert three_valued(frozenset({MELANOMA}), nodes) == ([], nodes[1:])
    assert three_valued(frozenset({NEVUS + ":Nevus, Atypical"}), nodes) == ([NEVUS], [])
    assert three_valued(frozenset({""}), nodes) == ([], nodes)


def test_not_otherwise_specified_leaves_its_kinds_open() -> None:
    nodes = [f"{MELANOMA}:{n}" for n in ("Melanoma in situ", "Melanoma, NOS")] + [NEVUS]
    assert three_valued(frozenset({nodes[1]}), nodes) == ([nodes[1]], [nodes[0]])
    assert three_valued(frozenset({nodes[0]}), nodes) == ([nodes[0]], [])
    epidermal = "Malignant:Malignant epidermal proliferations"
    squamous = frozenset({f"{epidermal}:Squamous cell carcinoma, NOS"})
    others = [f"{epidermal}:Bowenoid papulosis", f"{epidermal}:Squamous cell carcinoma in situ"]
    assert three_valued(squamous, others) == ([], others[1:])  # no kind of squamous cell carcinoma: absent


def test_akiec_is_a_stated_choice() -> None:
    first = ["Benign", "Indeterminate", "Malignant"]
    assert three_valued(known_paths("", "akiec"), first) == ([], first[1:])
    assert three_valued(known_paths("", "akiec", "malignant"), first) == (["Malignant"], [])
    assert three_valued(known_paths("", "akiec", "indeterminate"), first) == (["Indeterminate"], [])
    keratosis = "Indeterminate:Indeterminate epidermal proliferations:Solar or actinic keratosis"
    assert known_paths(keratosis, "akiec") == {keratosis}  # a row that says more than its code is believed
    with pytest.raises(CutisError, match=r'akiec "benign": valid: unknown, malignant, indeterminate'):
        known_paths("", "akiec", "benign")


def test_bkl_is_one_of_three_and_no_nevus() -> None:
    known = known_paths("Benign", "bkl")
    assert deepest_common(known) == "Benign:Benign epidermal proliferations"
    present, unknown = three_valued(known, [NEVUS, "Benign:Benign epidermal proliferations:Solar lentigo"])
    assert (present, unknown) == ([], ["Benign:Benign epidermal proliferations:Solar lentigo"])
    assert known_paths("Benign", None) == {"Benign"}


def test_merged_codes_are_in_the_vocabulary() -> None:
    assert {p for found in MERGED_CODES.values() for p in found} <= set(PATHS)


@settings(deadline=None)
@given(st.frozensets(paths, min_size=1, max_size=2), st.frozensets(paths, min_size=1, max_size=2))
def test_what_two_sources_say_is_put_together(one: frozenset[str], other: frozenset[str]) -> None:
    known, agreed = combine(one, other)
    assert (known, agreed) == combine(other, one)
    assert known <= one | other
    if not agreed:
        assert known == one | other
    assert combine(one, frozenset({""})) == (one, True)


def test_levels_and_codes() -> None:
    assert [level_number(f"diagnosis_{i}") for i in range(1, 6)] == [1, 2, 3, 4, 5]
    with pytest.raises(CutisError, match='did you mean "diagnosis_3"'):
        level_number("diagnosis3")
    for level in range(1, 6):  # no two nodes of a level share a class code
        nodes = {node for p in PATHS if (node := node_at(p, level))}
        assert len({class_code(n.rsplit(":", 1)[-1]) for n in nodes}) == len(nodes)
