"""Networks of another shape than backbone and head, by name: what `cutis train --structure` builds.

A structure is a function of `make`, which builds one plain network anew at each call, and of its own settings; it gives
a `Network` whose `forward_features` and `answers` work as any other's. What it draws at random is drawn when it is
built and kept in its buffers, so that it exports to ONNX as a function of the image alone. Its name and settings stand
in the bundle's card, from which `cutis.bundle.rebuild` builds it again. To add one: a file beside these, a line here.
"""

from __future__ import annotations

from collections.abc import Callable

from cutis.errors import CutisError, nearest
from cutis.models.network import Network
from cutis.models.settings import known_settings, made_with
from cutis.models.structures.base import Make
from cutis.models.structures.ensemble import Ensemble
from cutis.models.structures.fair_identity import FairIdentity
from cutis.models.structures.ladine import Ladine
from cutis.models.structures.mc_dropout import McDropout

__all__ = ["STRUCTURES", "Make", "settings_of", "structured"]


def plain(make: Make) -> Network:
    """Backbone and head."""
    return make()


STRUCTURES: dict[str, Callable[..., Network]] = {
    "plain": plain,
    "ensemble": Ensemble,
    "mc-dropout": McDropout,
    "fair-identity": FairIdentity,
    "ladine": Ladine,
}


def structured(name: str, make: Make, **settings: float | str) -> Network:
    """The structure called `name` of networks that `make` builds. Raises CutisError for an unknown name or setting."""
    return made_with(_find(name), f"structure {name}", settings, make)


def settings_of(name: str) -> tuple[str, ...]:
    """Names of the settings that the structure has. Raises CutisError for an unknown structure."""
    return tuple(known_settings(_find(name), 1))


def _find(name: str) -> Callable[..., Network]:
    if name not in STRUCTURES:
        raise CutisError(f'structure "{name}" is not known: {nearest(name, STRUCTURES)}')
    return STRUCTURES[name]
