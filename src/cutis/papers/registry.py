"""All claims, found by their files; and the page that is made of them and of their results."""

from __future__ import annotations

import pkgutil
from collections.abc import Mapping, Sequence
from functools import lru_cache
from importlib import import_module
from types import MappingProxyType

from cutis.errors import CutisError, nearest
from cutis.papers import claims
from cutis.papers.claim import Claim


@lru_cache(maxsize=1)
def every_claim() -> Mapping[str, Claim]:
    """id -> claim, by id."""
    modules = [import_module(f"cutis.papers.claims.{m.name}") for m in pkgutil.iter_modules(claims.__path__)]
    found = sorted((module.CLAIM for module in modules), key=lambda claim: claim.id)
    return MappingProxyType({claim.id: claim for claim in found})


def find_claim(name: str) -> Claim:
    """The claim called `name`. Raises CutisError, with the nearest name, if there is none."""
    known = every_claim()
    if name not in known:
        raise CutisError(f'paper "{name}" is not known: {nearest(name, known)}')
    return known[name]


def verdict_of(claim: Claim, results: Sequence[Mapping[str, str]]) -> list[tuple[str, Mapping[str, str] | None]]:
    """Each world of the claim, and its line of results if it was run."""
    by_world = {r["world"]: r for r in results if r["id"] == claim.id}
    return [(trial.world, by_world.get(trial.world)) for trial in claim.trials]
