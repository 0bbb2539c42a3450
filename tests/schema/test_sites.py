"""Body sites as people write them: every node has its German name, and no name leads elsewhere on the body."""

from __future__ import annotations

import tomllib
from importlib.resources import files

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cutis.errors import CutisError
from cutis.schema.sites import (
    OLD_SITES,
    SPECIAL_SITES,
    Site,
    find_site,
    folded,
    level_names,
    paths,
    site_name,
    site_names,
    suggest_site,
)
from cutis.schema.vocabulary import site_levels

FOLDER = files("cutis.schema")
GERMAN = tomllib.loads((FOLDER / "sites.de.toml").read_text(encoding="utf-8"))
SYNONYMS = tomllib.loads((FOLDER / "site_synonyms.toml").read_text(encoding="utf-8"))


def region(path: str) -> str:
    return path.partition(":")[0]


def test_every_site_has_one_german_name() -> None:
    assert set(GERMAN) == {*paths(), *SPECIAL_SITES.values()}
    names = [folded(name) for name in GERMAN.values()]
    assert len(names) == len(set(names))
    for path, name in GERMAN.items():
        assert name == name.strip() != "", path
        assert name[0].isupper(), path  # they stand alone in lists
        assert name != site_name(path) or name in ("Hand", "Anus", "Vulva", "Vagina", "Penis", "Iris"), path


@pytest.mark.parametrize("language", ["en", "de"])
def test_what_is_shown_is_understood(language: str) -> None:
    """Every name of the list to choose from leads back to its site."""
    for path in (*paths(), *SPECIAL_SITES.values()):
        found = find_site(site_name(path, language))
        assert found is not None, path
        assert (found.path or found.special) == path
    assert len(site_names(language)) == len(paths()) + len(SPECIAL_SITES)


def test_synonyms_mean_what_they_say_and_contradict_nothing() -> None:
    own = {folded(site_name(p)): p for p in paths()} | {folded(n): p for n, p in OLD_SITES.items()}
    own |= {folded(n): p for p, n in GERMAN.items()}
    seen: dict[str, str] = {}
    for language, names in SYNONYMS.items():
        for name, path in names.items():
            assert path in paths(), (language, name)
            assert folded(name) not in own, (language, name)
            assert seen.setdefault(folded(name), path) == path, (language, name)
            assert name == name.lower(), name


@pytest.mark.parametrize(
    ("typed", "path"),
    [
        ("Unterarm", "Upper extremity:Forearm"),
        ("UNTERARM ", "Upper extremity:Forearm"),
        ("Vorderarm", "Upper extremity:Forearm"),
        ("lower arm", "Upper extremity:Forearm"),
        ("Fore-arm", "Upper extremity:Forearm"),
        ("Rücken", "Trunk:Posterior trunk"),
        ("Ruecken", "Trunk:Posterior trunk"),
        ("Ru\u0308cken", "Trunk:Posterior trunk"),
        ("Gesäss", "Lower extremity:Buttock"),
        ("Fuß", "Lower extremity:Foot"),
        ("FUSS", "Lower extremity:Foot"),
        ("upper leg", "Lower extremity:Thigh"),
        ("Brust", "Trunk:Anterior trunk:Anterior chest"),
        ("Posterior trunk", "Trunk:Posterior trunk"),
        ("Trunk:Posterior trunk", "Trunk:Posterior trunk"),
    ],
)
def test_names(typed: str, path: str) -> None:
    assert find_site(typed) == Site(path)
    assert ":".join(filter(None, site_levels(typed))) == path  # in imports too


@pytest.mark.parametrize(
    "typed", ["linker Unterarm", "Unterarm links", "Unterarm, li.", "li. Unterarm", "left forearm", "Forearm (left)"]
)
def test_a_side_is_no_part_of_a_site(typed: str) -> None:
    assert find_site(typed, sides=True) == Site("Upper extremity:Forearm", side=True)
    assert find_site(typed) is None  # an import doesn't drop it without a word
    with pytest.raises(CutisError, match='did you mean "Forearm"'):
        site_levels(typed)


@pytest.mark.parametrize("typed", ["left", "links", "", " ", "l", "beidseits", "r l"])
def test_a_side_alone_is_no_site(typed: str) -> None:
    assert find_site(typed, sides=True) is None


@pytest.mark.parametrize(
    ("typed", "meant"),
    [
        ("Unterarn", "Unterarm"),
        ("forarm", "Forearm"),
        ("elbo", "Elbow"),
        ("uper arm", "Upper arm"),
        ("upper arn", None),  # in a short word another letter is another word
        ("lower extremty", "Lower extremity"),
        ("linker Unterarm", "Forearm"),
        ("Oberschenkle", "Oberschenkel"),
        # what is spelled alike and lies elsewhere, or isn't a slip
        ("Rippe", None),  # a rib is no lip
        ("avant-bras", None),
        ("Nabe", "Nabel"),
        ("lower lim", "lower limb"),
        ("Nagel", None),
        ("toe nail", None),
        ("xyz", None),
        ("ar", None),
    ],
)  # fmt: skip
def test_suggestions(typed: str, meant: str | None) -> None:
    if find_site(typed) is None:
        assert suggest_site(typed) == meant
    else:
        pytest.fail(f"{typed} is known")


@given(st.sampled_from(sorted({*GERMAN.values(), *map(site_name, paths())})), st.data())
def test_a_slip_never_leads_to_another_region(name: str, data: st.DataObject) -> None:
    """One letter left out, doubled, changed or swapped: the region meant, or no suggestion."""
    at = data.draw(st.integers(1, len(name) - 1))
    how = data.draw(st.sampled_from(["out", "twice", "swap", "other"]))
    other = data.draw(st.sampled_from("aeinrst"))
    wrong = {
        "out": name[:at] + name[at + 1 :],
        "twice": name[:at] + name[at] + name[at:],
        "swap": name[: at - 1] + name[at] + name[at - 1] + name[at + 1 :],
        "other": name[:at] + other + name[at + 1 :],
    }[how]
    found, true = find_site(wrong), find_site(name)
    assert true is not None
    if found is not None:
        return  # it is another name itself
    meant = suggest_site(wrong)
    if meant is not None:
        site = find_site(meant)
        assert site is not None
        assert region(site.path) == region(true.path), (wrong, meant)


def test_levels_and_languages() -> None:
    assert level_names("Upper extremity:Forearm", "de") == ["Arm", "Unterarm"]
    assert level_names("") == []
    assert site_name("Somewhere:Else", "de") == "Else"
    with pytest.raises(CutisError, match='language "fr"'):
        site_name("Trunk", "fr")


def test_names_that_span_regions() -> None:
    assert find_site("Akral") == Site("", "acral NOS")
    assert site_levels("acral") == (None,) * 5
    with pytest.raises(CutisError, match='did you mean "acral"'):  # an import knows them by their key
        site_levels("Akral")
