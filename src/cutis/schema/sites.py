"""Names of the body's sites as people type and read them: the ISIC hierarchy in English and German, and synonyms.

A site that isn't known is never answered with a name that is spelled alike but lies elsewhere ("Rippe", a rib, is not
"Lippe", a lip): a suggestion is a slip of a letter within one region, or there is none.
"""

from __future__ import annotations

import re
import tomllib
import unicodedata
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from importlib.resources import files

from cutis.errors import CutisError, nearest

LANGUAGES = ("en", "de")
# Names that releases and older versions of the Archive write -> their place in the hierarchy.
OLD_SITES = {
    "anterior torso": "Trunk",
    "posterior torso": "Trunk",
    "lateral torso": "Trunk",
    "torso": "Trunk",
    "trunk": "Trunk",
    "abdomen": "Trunk:Anterior trunk",
    "chest": "Trunk:Anterior trunk",
    "back": "Trunk:Posterior trunk",
    "head/neck": "Head and neck",
    "head neck face": "Head and neck",  # MILK10k
    "face": "Head and neck:Head:Face",
    "scalp": "Head and neck:Head:Scalp",
    "ear": "Head and neck:Head:Ear",
    "neck": "Head and neck:Neck",
    "arm": "Upper extremity",
    "hand": "Upper extremity:Hand",
    "foot": "Lower extremity:Foot",
    "upper extremity": "Upper extremity",
    "lower extremity": "Lower extremity",
    "genital": "Anogenital region:Genital region",
}
# Old names that name no region (palms or soles are two limbs): they belong in anatom_site_special.
SPECIAL_SITES = {
    "acral": "acral NOS",
    "palms/soles": "acral palms or soles",
    "oral/genital": "oral or genital",
}
_SIDES = frozenset(
    (
        *("left", "right", "both", "bilateral", "l", "r", "lt", "rt"),
        *("links", "linke", "linker", "linkes", "linken", "linkem", "li"),
        *("rechts", "rechte", "rechter", "rechtes", "rechten", "rechtem", "re"),
        *("beide", "beider", "beidseits", "beidseitig", "bds"),
    )
)
_GERMAN = str.maketrans({"ä": "ae", "ö": "oe", "ü": "ue", "ß": "ss"})
_LEAST, _LONG = 4, 7  # letters of a word that may hold a slip, and of one in which a letter may be another


@dataclass(frozen=True)
class Site:
    """path: in the ISIC hierarchy, "" of a name that spans regions. special: that one, as the Archive writes it. side:
    whether the words named a side, which is no part of the path."""

    path: str
    special: str = ""
    side: bool = False


def paths() -> tuple[str, ...]:
    """Every node of the ISIC hierarchy, by its full path."""
    from isic_metadata.anatom_site_hierarchical import AnatomSiteEnum

    return tuple(str(m) for m in AnatomSiteEnum)


def site_name(path: str, language: str = "en") -> str:
    """What the last level of a path, or a name that spans regions, is called; in English the Archive's own name.

    A path that isn't known keeps its last word. Raises CutisError, naming the nearest, for an unknown language.
    """
    if language not in LANGUAGES:
        raise CutisError(f'language "{language}": {nearest(language, LANGUAGES)}')
    own = path.rpartition(":")[2]
    return own if language == "en" else _german().get(path, own)


def level_names(path: str, language: str = "en") -> list[str]:
    """What each level of a path is called, the coarsest first."""
    levels = path.split(":")
    return [site_name(":".join(levels[: k + 1]), language) for k in range(len(levels))] if path else []


def site_names(language: str = "en") -> tuple[str, ...]:
    """The name of every site, in the order of the alphabet, for a list to choose from."""
    return tuple(sorted((site_name(path, language) for path in (*paths(), *SPECIAL_SITES.values())), key=folded))


def find_site(typed: str, *, sides: bool = False) -> Site | None:
    """The site that was meant: a path, a name or a synonym in any language, whatever its case, dashes and umlauts.

    sides: whether the words may also name a side ("linker Unterarm", "forearm (left)"). None if it isn't known.
    """
    word = folded(typed)
    found = _index().get(word)
    if found is not None or not sides:
        return found
    kept = [part for part in word.split() if part not in _SIDES]
    found = _index().get(" ".join(kept)) if 0 < len(kept) < len(word.split()) else None
    return None if found is None else Site(found.path, found.special, side=True)


def suggest_site(typed: str) -> str | None:
    """The name of a site that was probably meant: that without its side, or the one that is a slip of a letter away.
    None if there is none, or they lie in several regions."""
    meant = find_site(typed, sides=True)
    if meant is not None:
        return site_name(meant.path or meant.special)
    word = folded(typed)
    near = sorted(name for name in _index() if ":" not in name and _slip(word, name))
    if len({_index()[name].path.partition(":")[0] for name in near}) != 1:  # spelled alike, and elsewhere
        return None
    return _spelled()[near[0]]


def folded(text: str) -> str:
    """`text` as names are compared: case, dashes, brackets, dots and commas don't count, "ue" is "ü"."""
    plain = unicodedata.normalize("NFC", text).casefold().translate(_GERMAN)
    plain = "".join(c for c in unicodedata.normalize("NFKD", plain) if not unicodedata.combining(c))
    return " ".join(re.sub(r"[-/(),.;\s]+", " ", plain).split())


@cache
def _german() -> Mapping[str, str]:
    text = (files("cutis.schema") / "sites.de.toml").read_text(encoding="utf-8")
    return tomllib.loads(text)


@cache
def _index() -> Mapping[str, Site]:
    """Folded name -> its site. A name of the Archive's comes before a synonym, and a synonym before a translation."""
    text = (files("cutis.schema") / "site_synonyms.toml").read_text(encoding="utf-8")
    every = paths()
    index = {folded(name): Site(path) if path in every else Site("", path) for path, name in _german().items()}
    index |= {folded(special): Site("", special) for special in SPECIAL_SITES.values()}
    index |= {folded(name): Site(path) for own in tomllib.loads(text).values() for name, path in own.items()}
    index |= {folded(path.rpartition(":")[2]): Site(path) for path in sorted(every, key=lambda p: p.count(":"))}
    index |= {folded(name): Site(path) for name, path in OLD_SITES.items() if path in every}
    index |= {folded(name): Site("", special) for name, special in SPECIAL_SITES.items()}
    index |= {folded(path): Site(path) for path in every}
    return index


@cache
def _spelled() -> Mapping[str, str]:
    """Folded name -> as it is written."""
    text = (files("cutis.schema") / "site_synonyms.toml").read_text(encoding="utf-8")
    names = [
        *OLD_SITES,
        *SPECIAL_SITES,
        *SPECIAL_SITES.values(),
        *(n for own in tomllib.loads(text).values() for n in own),
    ]
    names += [*_german().values(), *(path.rpartition(":")[2] for path in paths())]
    return {folded(name): name for name in names}


def _slip(typed: str, name: str) -> bool:
    """Whether `typed` is `name` but for one letter: left out, put in or swapped with its neighbour, or in a long word
    another one. The first letter of a word is never a slip, and in a short word another letter is another word."""
    pairs = [(a, b) for a, b in zip(typed.split(), name.split(), strict=False) if a != b]
    if len(typed.split()) != len(name.split()) or len(pairs) != 1:
        return False
    a, b = pairs[0]
    if a[0] != b[0] or max(len(a), len(b)) < _LEAST:
        return False
    if len(a) == len(b):
        at = [i for i, (x, y) in enumerate(zip(a, b, strict=True)) if x != y]
        swapped = len(at) == 2 and at[1] == at[0] + 1 and (a[at[0]], a[at[1]]) == (b[at[1]], b[at[0]])
        return swapped or (len(at) == 1 and len(a) >= _LONG)
    long, short = (a, b) if len(a) > len(b) else (b, a)
    return len(long) == len(short) + 1 and any(long[:i] + long[i + 1 :] == short for i in range(1, len(long)))
