"""The ISIC vocabularies and the older names."""

from __future__ import annotations

from collections import Counter
from functools import cache

import pytest
from hypothesis import given
from hypothesis import strategies as st
from isic_metadata.anatom_site_hierarchical import AnatomSiteEnum
from isic_metadata.diagnosis_hierarchical import DiagnosisEnum

from cutis.errors import CutisError
from cutis.schema.sites import OLD_SITES, SPECIAL_SITES
from cutis.schema.vocabulary import (
    _OLD_DIAGNOSES,
    NO_COMMON_PATH,
    UNKNOWN,
    diagnosis_levels,
    is_malignant,
    names,
    site_levels,
)

DIAGNOSES = [str(m) for m in DiagnosisEnum]
SITES = [str(m) for m in AnatomSiteEnum]


def path(levels: tuple[str | None, ...]) -> str:
    return ":".join(v for v in levels if v is not None)


def test_size_of_the_vocabularies() -> None:
    """Counted in isic-metadata 6, by level 1..5. Another count means another vocabulary: look at the old names."""
    assert len(DIAGNOSES) == 418
    assert len(SITES) == 206
    by_level = [Counter(p.count(":") for p in nodes) for nodes in (DIAGNOSES, SITES)]
    assert [by_level[0][i] for i in range(5)] == [3, 41, 200, 137, 37]
    assert [by_level[1][i] for i in range(5)] == [5, 19, 63, 72, 47]


@pytest.mark.parametrize(("nodes", "levels"), [(DIAGNOSES, diagnosis_levels), (SITES, site_levels)])
def test_every_node_is_found_by_path_and_by_last_word(nodes: list[str], levels) -> None:
    ends: dict[str, list[str]] = {}
    for node in nodes:
        assert path(levels(node)) == node
        assert path(levels(node.upper())) == node
        assert len(levels(node)) == 5
        ends.setdefault(node.rsplit(":", 1)[-1].casefold(), []).append(node)
    old = {*_OLD_DIAGNOSES, *OLD_SITES}
    for end, owners in ends.items():
        if end not in old:
            deepest = max(p.count(":") for p in owners)
            found = path(levels(end))
            assert found in owners
            assert found.count(":") == deepest


@pytest.mark.parametrize("old", sorted(_OLD_DIAGNOSES))
def test_every_old_diagnosis_resolves_to_a_node(old: str) -> None:
    found = path(diagnosis_levels(old))
    assert found == _OLD_DIAGNOSES[old]
    assert found in DIAGNOSES


@pytest.mark.parametrize("old", sorted(OLD_SITES))
def test_every_old_site_resolves_to_a_node(old: str) -> None:
    found = path(site_levels(old))
    assert found == OLD_SITES[old]
    assert found in SITES


@pytest.mark.parametrize("code", ["nv", "mel", "bcc", "bkl", "df", "vasc", "akiec"])
def test_codes_of_ham10000(code: str) -> None:
    expected = {"mel": True, "bcc": True, "akiec": None}.get(code, False)
    assert is_malignant(diagnosis_levels(code)) is expected


def test_akiec_has_no_common_path() -> None:
    """Its two parts are under different roots, so no level is true for both."""
    keratosis = diagnosis_levels("Solar or actinic keratosis")
    bowen = diagnosis_levels("Squamous cell carcinoma in situ, Bowens disease")
    assert (keratosis[0], bowen[0]) == ("Indeterminate", "Malignant")
    for name in NO_COMMON_PATH:
        assert diagnosis_levels(name) == UNKNOWN


@pytest.mark.parametrize("special", sorted(SPECIAL_SITES))
def test_special_sites_name_no_region(special: str) -> None:
    assert site_levels(special) == UNKNOWN
    assert special in names("anatom_site")


@pytest.mark.parametrize("value", [None, "", "  ", "unknown", "Unknown"])
def test_unknown_is_null(value: str | None) -> None:
    assert diagnosis_levels(value) == site_levels(value) == UNKNOWN


@pytest.mark.parametrize("kind", ["diagnosis", "anatom_site"])
def test_every_name_that_an_error_offers_is_accepted(kind: str) -> None:
    levels = diagnosis_levels if kind == "diagnosis" else site_levels
    for name in names(kind):
        levels(name)


def test_unknown_names_get_the_nearest() -> None:
    with pytest.raises(
        CutisError, match='diagnosis "melanomma" is not in the ISIC vocabulary: did you mean "melanoma"'
    ):
        diagnosis_levels("melanomma")
    with pytest.raises(CutisError, match='did you mean "Lower extremity"'):
        site_levels("lower extremty")


@cache
def accepted() -> frozenset[str]:
    return frozenset(n.casefold() for n in [*names("diagnosis"), *DIAGNOSES, "", "unknown"])


@given(st.text(max_size=30) | st.sampled_from([*DIAGNOSES, *names("diagnosis"), " NV "]))
def test_any_text_is_levels_or_one_clear_line(text: str) -> None:
    if text.strip().casefold() in accepted():
        assert path(diagnosis_levels(text)) in {"", *DIAGNOSES}
    else:
        with pytest.raises(CutisError, match="is not in the ISIC vocabulary"):
            diagnosis_levels(text)
