"""Sentences that programs must understand too: written from a template of a code, and read back as code and numbers.

So that a reason kept as one line of English (a cell of a table, an older record) is told in any language, and nobody
branches on its words.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from string import Formatter

_NUMBER = r"-?\d+(?:\.\d+)?"


@dataclass(frozen=True)
class Said:
    """A sentence that was understood. values: the numbers in it, by their name in the template; percents are shares."""

    code: str
    values: Mapping[str, float] = field(default_factory=dict)


class Templates:
    """Code -> template: `{share:.0%}` is a number as it is written, `{what!s}` words, which are not read back."""

    def __init__(self, templates: Mapping[str, str]) -> None:
        self._templates = dict(templates)
        self._patterns = {code: re.compile(_pattern(text)) for code, text in templates.items()}

    @property
    def codes(self) -> tuple[str, ...]:
        return tuple(self._templates)

    def say(self, code: str, **values: object) -> str:
        """The sentence of a code. Raises KeyError for a code or value that is missing."""
        return self._templates[code].format_map(values)

    def read(self, text: str) -> Said | None:
        """The code and numbers of a sentence that `say` wrote; None for any other."""
        for code, pattern in self._patterns.items():
            found = pattern.fullmatch(text)
            if found is not None:
                shares = {name for _, name, form, _ in Formatter().parse(self._templates[code]) if form and "%" in form}
                values = {n: float(v) / (100 if n in shares else 1) for n, v in found.groupdict().items()}
                return Said(code, values)
        return None


def _pattern(template: str) -> str:
    parts = []
    for literal, name, form, conversion in Formatter().parse(template):
        parts.append(re.escape(literal))
        if name is not None:
            parts.append(".+?" if conversion else f"(?P<{name}>{_NUMBER})" + ("%" if form and "%" in form else ""))
    return "".join(parts)
