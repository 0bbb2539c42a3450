"""A model's answers to the same images before and after each change."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np

from cutis.audit.counterfactual.changes import Change
from cutis.evaluate.arrays import Bools, Floats, Ints
from cutis.evaluate.malignancy import is_two_way
from cutis.image.decode import Picture
from cutis.schema.classes import ClassInfo
from cutis.schema.dossier import World


class Model(Protocol):
    """What is asked of a model here; `cutis.bundle.predict.Bundle` is one."""

    @property
    def classes(self) -> tuple[ClassInfo, ...]: ...

    @property
    def size(self) -> int:
        """Pixels on a side of what it looks at."""
        ...

    def answer(self, pictures: Sequence[Picture]) -> np.ndarray:
        """(n, classes) probabilities."""
        ...


@dataclass(frozen=True)
class Answers:
    """n images of one world, and the answers to them.

    before: (n, classes) probabilities. after: (changes, n, classes), NaN where the change would leave the range it can
    be trusted in. unit: (n,) numbers 0.. of independent units, called unit_name. target: true class codes, None where
    unknown. notes: what a reader must know.
    """

    world: World
    classes: tuple[ClassInfo, ...]
    changes: tuple[Change, ...]
    ids: list[str]
    unit: Ints
    unit_name: str
    target: list[str | None]
    before: Floats
    after: Floats
    notes: tuple[str, ...] = ()

    @property
    def measure(self) -> str:
        """What is followed: p(malignant); or the probability of the class first answered, where no class is malignant
        and another benign."""
        return "p(malignant)" if is_two_way(self.classes) else "the probability of the first answer"

    def followed(self, p: Floats) -> Floats:
        """(n,) the measure in (n, classes) probabilities."""
        if is_two_way(self.classes):
            sick = np.array([c.malignant is True for c in self.classes])
            return np.asarray(p[:, sick].sum(1))
        return np.asarray(p[np.arange(len(p)), self.before.argmax(1)])

    def groups(self) -> dict[str, Bools]:
        """ "all", then each class: the images of that true class or, where it is unknown, of that first answer."""
        first = self.before.argmax(1)
        codes = [c.code for c in self.classes]
        group = [t if t in codes else codes[k] for t, k in zip(self.target, first, strict=True)]
        of = np.array(group, object)
        return {"all": np.ones(len(self.ids), bool)} | {code: np.asarray(of == code, bool) for code in codes}
