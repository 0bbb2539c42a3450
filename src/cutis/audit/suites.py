"""Every corruption by name, and the suites: those of the picture alone joined with those that are drawn on it."""

from __future__ import annotations

from collections.abc import Sequence

from cutis.errors import CutisError, nearest
from cutis.image.corruptions import CORRUPTIONS as OF_PICTURES
from cutis.image.corruptions import SEVERITIES
from cutis.image.corruptions import SUITES as PICTURE_SUITES
from cutis.image.corruptions.base import Corruption
from cutis.phantom.corruptions import CORRUPTIONS as DRAWN

CORRUPTIONS: dict[str, Corruption] = OF_PICTURES | DRAWN
# medmnistc: MedMNIST-C's fifteen for dermoscopy. skin: shifts of skin images, in measurable units. dermoscopy: both,
# with variants that grow with severity in the place of three of MedMNIST-C's that don't.
SUITES: dict[str, tuple[str, ...]] = {
    "medmnistc": PICTURE_SUITES["medmnistc"],
    "skin": (*DRAWN, *PICTURE_SUITES["skin"]),
    "dermoscopy": (*PICTURE_SUITES["dermoscopy"], *DRAWN),
}


def find_corruptions(suite: str, only: Sequence[str] | None = None) -> list[Corruption]:
    """The corruptions of a suite, in its order, or those of them that `only` names.

    Raises CutisError, naming the nearest, for a suite or corruption that isn't there.
    """
    if suite not in SUITES:
        raise CutisError(f'suite "{suite}": {nearest(suite, SUITES)}')
    names = SUITES[suite]
    for name in only or ():
        if name not in names:
            others = [s for s, held in SUITES.items() if name in held]
            where = f"it is in suite {others[0]}" if others else nearest(name, names, len(names))
            raise CutisError(f'corruption "{name}" is not in suite {suite}: {where}')
    return [CORRUPTIONS[name] for name in names if only is None or name in only]


def check_severities(severities: Sequence[float]) -> tuple[int, ...]:
    """The severities, sorted, each once. Raises CutisError for none, or one that isn't 1..5."""
    for severity in severities:
        if severity not in SEVERITIES:
            raise CutisError(f"severity {severity}: expected whole numbers 1 (mild) to 5 (severe), such as 1,3,5.")
    if not severities:
        raise CutisError("no severity given: expected whole numbers 1 (mild) to 5 (severe), such as 1,3,5.")
    return tuple(sorted({int(s) for s in severities}))
