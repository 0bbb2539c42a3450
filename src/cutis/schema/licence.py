"""Licences are data, and they compose: images + weights + code give one answer."""

from __future__ import annotations

from collections.abc import Iterable

from pydantic import BaseModel, ConfigDict

from cutis.errors import CutisError, nearest


class Licence(BaseModel):
    """What one licence allows. `id` is SPDX's where it has one."""

    model_config = ConfigDict(frozen=True)
    id: str
    name: str
    commercial: bool | None  # None: not known
    derivatives: bool | None = True
    share_alike: bool = False
    attribution: bool = True


def _licence(
    id: str,  # noqa: A002
    name: str,
    commercial: bool | None,
    *,
    derivatives: bool | None = True,
    share_alike: bool = False,
    attribution: bool = True,
) -> Licence:
    return Licence(
        id=id,
        name=name,
        commercial=commercial,
        derivatives=derivatives,
        share_alike=share_alike,
        attribution=attribution,
    )


LICENCES = {
    licence.id: licence
    for licence in (
        _licence("CC0-1.0", "CC0 1.0", True, attribution=False),
        _licence("CC-BY-4.0", "CC BY 4.0", True),
        _licence("CC-BY-SA-4.0", "CC BY-SA 4.0", True, share_alike=True),
        _licence("CC-BY-NC-4.0", "CC BY-NC 4.0", False),
        _licence("CC-BY-NC-SA-4.0", "CC BY-NC-SA 4.0", False, share_alike=True),
        _licence("CC-BY-NC-ND-4.0", "CC BY-NC-ND 4.0", False, derivatives=False),
        _licence("Apache-2.0", "Apache-2.0", True),
        _licence("MIT", "MIT", True),
        _licence("BSD-3-Clause", "BSD 3-Clause", True),
        _licence("research-only", "research use only", False),
        _licence("unknown", "licence not stated", None, derivatives=None),
    )
}
# How the ISIC Archive and common releases spell them.
_SPELLINGS = {
    "cc-0": "CC0-1.0",
    "cc0": "CC0-1.0",
    "cc-by": "CC-BY-4.0",
    "cc by 4.0": "CC-BY-4.0",
    "cc-by-sa": "CC-BY-SA-4.0",
    "cc-by-nc": "CC-BY-NC-4.0",
    "cc by-nc 4.0": "CC-BY-NC-4.0",
    "cc by-nc-sa 4.0": "CC-BY-NC-SA-4.0",
}


def licence(name: str | None) -> Licence:
    """The licence called `name` (SPDX id, or the ISIC Archive's spelling); None is "unknown". Raises CutisError."""
    if name is None:
        return LICENCES["unknown"]
    folded = name.strip().casefold()
    found = {k.casefold(): v for k, v in LICENCES.items()}.get(folded) or LICENCES.get(_SPELLINGS.get(folded, ""))
    if found is None:
        raise CutisError(f'licence "{name}" is not known: {nearest(name, LICENCES)}')
    return found


class ComposedLicence(BaseModel):
    """The one answer for a thing made from several: `commercial` is True, False or None (not known)."""

    model_config = ConfigDict(frozen=True)
    commercial: bool | None
    derivatives: bool | None
    share_alike: bool
    answer: str
    parts: dict[str, str]  # what -> licence id
    attribution: tuple[str, ...] = ()


def compose(parts: dict[str, str], attribution: Iterable[str] = ()) -> ComposedLicence:
    """Compose the licences of `parts` (what it is -> licence id) into one answer; the strictest part decides.

    >>> compose({"HAM10000 images": "CC-BY-NC-4.0", "Cutis": "Apache-2.0"}).answer
    'research only: HAM10000 images is CC BY-NC 4.0'
    """
    found = {what: licence(name) for what, name in parts.items()}

    def strictest(values: list[bool | None]) -> bool | None:
        return False if False in values else None if None in values else True

    commercial = strictest([p.commercial for p in found.values()])
    blocking = [f"{w} is {p.name}" for w, p in found.items() if p.commercial is False]
    unstated = [f"{w}: {p.name}" for w, p in found.items() if p.commercial is None]
    if commercial is False:
        answer = "research only: " + ", ".join(blocking)
    elif commercial is None:
        answer = "not cleared for any use beyond your own evaluation: " + ", ".join(unstated)
    else:
        answer = "commercial use allowed: " + (", ".join(f"{w} is {p.name}" for w, p in found.items()) or "no parts")
    return ComposedLicence(
        commercial=commercial,
        derivatives=strictest([p.derivatives for p in found.values()]),
        share_alike=any(p.share_alike for p in found.values()),
        answer=answer,
        parts={what: p.id for what, p in found.items()},
        attribution=tuple(dict.fromkeys(a for a in attribution if a)),
    )
