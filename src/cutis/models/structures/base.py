"""What structures share."""

from __future__ import annotations

from collections.abc import Callable

from cutis.errors import CutisError
from cutis.models.network import Network

Make = Callable[[], Network]  # a plain network, drawn anew at each call


def count(name: str, value: float, least: int, most: int) -> int:
    """A setting as the whole number that it must be. Raises CutisError outside least..most."""
    if value != int(value) or not least <= value <= most:
        raise CutisError(f"setting {name} = {value:g}: expected a whole number {least} to {most}.")
    return int(value)
