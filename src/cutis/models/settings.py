"""Settings of mechanisms, which come from the command line as numbers or words, held against what they may be."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping
from typing import Any

from cutis.errors import CutisError, nearest

EXAMPLES = {
    "column": "fitzpatrick_skin_type",
    "concepts": "ruler,ink",
    "rule": '"not ruler"',
    "groups": "2",
    "teacher": "runs/teacher/bundle",
}


def known_settings(make: Callable[..., Any], skip: int = 0) -> dict[str, inspect.Parameter]:
    """What `make` can be set, by name; its first `skip` arguments are no settings."""
    found = list(inspect.signature(make).parameters.items())[skip:]
    return {name: p for name, p in found if p.kind not in (p.VAR_POSITIONAL, p.VAR_KEYWORD)}


def made_with[T](make: Callable[..., T], where: str, settings: Mapping[str, float | str], *first: Any) -> T:
    """make(*first, **settings). where: "method circle", for messages. Raises CutisError for a setting that isn't known,
    one that is missing, a word where a number is expected, and the other way round."""
    known = known_settings(make, len(first))
    for name, value in settings.items():
        if name not in known:
            raise CutisError(f"setting {name} of {where}: {nearest(name, known) if known else 'it has none.'}")
        number = isinstance(value, int | float)
        wanted = str(known[name].annotation)
        if wanted in ("float", "str") and number != (wanted == "float"):
            raise CutisError(f"setting {name} = {value}: expected a {'word' if number else 'number'}.")
    left = next((n for n, p in known.items() if p.default is p.empty and n not in settings), None)
    if left is not None:
        raise CutisError(f"{where} needs a setting {left}, such as --set {left}={EXAMPLES.get(left, '...')}")
    return make(*first, **settings)
