"""Licences are data, and they compose: images + weights + code give one answer."""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Literal, get_args

from pydantic import BaseModel, ConfigDict

from cutis.errors import CutisError, nearest

Use = Literal["research", "commercial"]


class Licence(BaseModel):
    """What one licence allows. `id` is SPDX's where it has one; `url` is where its text is, if it has one."""

    model_config = ConfigDict(frozen=True)
    id: str
    name: str
    commercial: bool | None  # None: not known
    derivatives: bool | None = True
    share_alike: bool = False
    attribution: bool = True

    @property
    def url(self) -> str:
        creative = re.fullmatch(r"CC-(BY[A-Z-]*)-([\d.]+)", self.id)
        if creative:
            return f"https://creativecommons.org/licenses/{creative[1].lower()}/{creative[2]}/"
        return {"CC0-1.0": "https://creativecommons.org/publicdomain/zero/1.0/"}.get(
            self.id, f"https://spdx.org/licenses/{self.id}.html" if self.id in _SPDX else ""
        )


_SPDX = frozenset({"Apache-2.0", "MIT", "BSD-3-Clause"})


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
        _licence("CC-BY-ND-4.0", "CC BY-ND 4.0", True, derivatives=False),
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
    """The one answer for a thing made from several: `commercial` is True, False or None (not known).

    parts: what -> licence id. attribution: whom to name, each once. conditions: what sharing it asks for beyond that:
    share-alike, share-alike licences that exclude each other (also said in `answer`), parts that may only be shared
    unchanged, parts without a stated licence.
    """

    model_config = ConfigDict(frozen=True)
    commercial: bool | None
    derivatives: bool | None
    share_alike: bool
    answer: str
    parts: dict[str, str]
    attribution: tuple[str, ...] = ()
    conditions: tuple[str, ...] = ()


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
    conflict = _conflict(found)
    return ComposedLicence(
        commercial=commercial,
        derivatives=strictest([p.derivatives for p in found.values()]),
        share_alike=any(p.share_alike for p in found.values()),
        answer=f"{answer}; {conflict}" if conflict else answer,
        parts={what: p.id for what, p in found.items()},
        attribution=tuple(dict.fromkeys(a for a in attribution if a)),
        conditions=tuple(c for c in (*_conditions(found), conflict) if c),
    )


def _conditions(found: dict[str, Licence]) -> list[str]:
    alike = {p.name: w for w, p in found.items() if p.share_alike}
    return [
        *(f"share alike: what is adapted from {what} is shared under {name}" for name, what in alike.items()),
        *(f"no derivatives: {w} may be shared only unchanged" for w, p in found.items() if p.derivatives is False),
        *(f"{w}: no licence is stated; ask whoever holds the rights" for w, p in found.items() if p.id == "unknown"),
    ]


def _conflict(found: dict[str, Licence]) -> str:
    """Why no single adapted work can be shared from these parts, or "".

    A share-alike licence asks that the whole adaptation carry it, and so excludes every other share-alike licence; one
    that allows commercial use also excludes parts that forbid it, since their terms could not be passed on.
    """
    clashes = [
        (a, b)
        for a, pa in found.items()
        for b, pb in found.items()
        if pa.share_alike
        and pa.id != pb.id
        and ((pb.share_alike and a < b) or (not pb.share_alike and pa.commercial is True and pb.commercial is False))
    ]
    if not clashes:
        return ""
    a, b = clashes[0]
    more = f" (and {len(clashes) - 1} more pairs)" if len(clashes) > 1 else ""
    return (
        f"{a} ({found[a].name}) and {b} ({found[b].name}){more} are incompatible in one adapted work: "
        "share them side by side, each under its own licence"
    )


def check_use(composed: ComposedLicence, use: str, counts: dict[str, str] | None = None) -> None:
    """Raise CutisError unless `composed` allows `use` ("research" or "commercial").

    Research is always allowed here: the answer says what it rests on. counts: what -> words on how much of it there is
    ("120 images, first x1"), for the message.
    """
    if use not in get_args(Use):
        raise CutisError(f'use "{use}": {nearest(use, get_args(Use))}')
    if use == "research" or composed.commercial is True:
        return
    at_fault = []
    for what, name in composed.parts.items():
        if (one := LICENCES[name]).commercial is not True:
            how_many = f" ({counts[what]})" if counts and what in counts else ""
            at_fault.append(f"{what}{how_many}: {one.name}")
    raise CutisError(
        f"not cleared for commercial use: {'; '.join(at_fault)}. Leave these out, get their owners' leave and import "
        "again with --licence, or use --use research."
    )


def licence_text(title: str, composed: ComposedLicence) -> str:
    """LICENCE.txt for `title`: the answer, the conditions, and each part's licence with the address of its text."""
    lines = [title, "", composed.answer + ".", ""]
    lines += [f"* {c}." for c in composed.conditions]
    lines += [""] * bool(composed.conditions)
    for what, name in composed.parts.items():
        one = LICENCES[name]
        lines.append(f"{what}: {one.name}{f', {one.url}' if one.url else ''}")
    return "\n".join(lines) + "\n"


def attribution_text(title: str, composed: ComposedLicence) -> str:
    """ATTRIBUTION.txt for `title`: whom to name, one a line, or that nobody is known."""
    who = composed.attribution or ("No attribution is known: see LICENCE.txt for the parts it was made from.",)
    return "\n".join([f"{title} holds material of:", "", *who]) + "\n"
