"""Challenges' own scores, by the conventions of their scorers, as further metrics named "<protocol>:<metric>"."""

from __future__ import annotations

from cutis.errors import CutisError, nearest
from cutis.evaluate.protocols import isic2017, isic2018, isic2019, isic2020, isic2024, medmnist
from cutis.evaluate.protocols.base import ChallengeScore

PROTOCOLS: dict[str, ChallengeScore] = {
    p.name: p
    for p in (
        isic2017.PROTOCOL,
        isic2018.PROTOCOL,
        isic2019.PROTOCOL,
        isic2020.PROTOCOL,
        isic2024.PROTOCOL,
        medmnist.PROTOCOL,
    )
}


def find_protocol(name: str) -> ChallengeScore:
    """The protocol of that name; raises CutisError, with the nearest, for one that isn't known."""
    if name not in PROTOCOLS:
        raise CutisError(f'--protocol "{name}": {nearest(name, PROTOCOLS)}')
    return PROTOCOLS[name]
