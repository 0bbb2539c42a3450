"""Every route of the workbench, as the application itself knows it, so that a new one is tested without being named."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any, NamedTuple

from fastapi import FastAPI
from fastapi.routing import iter_route_contexts

SAFE = {"GET", "HEAD", "OPTIONS"}
OPEN = {("GET", "/login"), ("POST", "/login"), ("GET", "/health"), ("GET", "/ready")}
_READING = {"kind": "signed", "diagnosis": "nv", "override": "as I see it"}
# What a request that would succeed holds, for each route that changes something of a case or photograph.
BODIES: dict[str, dict[str, Any]] = {
    "/api/cases/{}/readings": {"json": _READING},
    "/cases/{}/readings": {"data": _READING},
    "/cases/{}/checklists/{}": {"data": {}},
    "/api/photographs/{}/seg.dcm": {"json": {"outline": [[1, 1], [9, 1], [5, 9]]}},
}
# Routes under a case that look at what is sent and at no case.
STATELESS = {"/cases/{}/checklists/{}"}
# What stands in a path after these words, where it isn't a case or a photograph.
OTHERS = {"studies": "1.2.3.4", "accounts": "reader-a", "confirmed": "ISIC_0024310", "checklists": "seven_point"}
_PARAMETER = re.compile(r"\{[^}]*\}")


class Known(NamedTuple):
    """method, path: as declared. query: names of its parameters."""

    method: str
    path: str
    query: tuple[str, ...]

    @property
    def shape(self) -> str:
        """The path without the parameters' names."""
        return _PARAMETER.sub("{}", self.path)

    @property
    def about(self) -> set[str]:
        """The words before its parameters: "cases", "photographs"..."""
        parts = self.path.split("/")
        return {parts[i - 1] for i, part in enumerate(parts) if part.startswith("{")}

    def filled(self, ids: Mapping[str, str]) -> str:
        """The path with an id for each parameter, by the word before it; KeyError for an unknown word."""
        parts = self.path.split("/")
        known = {**OTHERS, **ids}
        return "/".join(known[parts[i - 1]] if part.startswith("{") else part for i, part in enumerate(parts))


def every(app: FastAPI) -> list[Known]:
    """All routes, once a method."""
    return list(_every(app))


def _every(app: FastAPI) -> Iterator[Known]:
    for route in iter_route_contexts(app.routes):
        if getattr(route, "dependant", None) is None:
            continue
        for method in sorted(route.methods or ()):
            yield Known(method, str(route.path), tuple(sorted(_queries(route.dependant))))


def _queries(dependant: Any) -> set[str]:
    found = {field.alias for field in dependant.query_params}
    return found.union(*(_queries(inner) for inner in dependant.dependencies))
