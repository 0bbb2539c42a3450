"""Methods by name: a base loss, and parts to put beside it. To add one: a file beside these, and a line here."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from cutis.errors import CutisError, nearest
from cutis.models.settings import known_settings, made_with
from cutis.train.objectives.adversarial import Adversarial
from cutis.train.objectives.base import Objective
from cutis.train.objectives.circle import Circle, CircleGroups
from cutis.train.objectives.cost_sensitive import CostSensitive
from cutis.train.objectives.cross_entropy import CrossEntropy
from cutis.train.objectives.cutmix import CutMix
from cutis.train.objectives.disc import Disc
from cutis.train.objectives.distil import Distil
from cutis.train.objectives.error_bound import FairErrorBound
from cutis.train.objectives.fair_identity import FairIdentityHead
from cutis.train.objectives.fairdisco import FairDisCo
from cutis.train.objectives.focal import Focal
from cutis.train.objectives.group_dro import GroupDro
from cutis.train.objectives.inpaint import Inpaint
from cutis.train.objectives.mixoe import MixOE
from cutis.train.objectives.mixup import Mixup
from cutis.train.objectives.parts import Classification, Part
from cutis.train.objectives.reweighting import Resample, Reweight
from cutis.train.objectives.rewriting import Rewriting
from cutis.train.objectives.stop_learning import StopLearning
from cutis.train.objectives.unlearning import Lntl, Tabe

LOSSES: dict[str, Callable[..., Classification]] = {
    "cross-entropy": CrossEntropy,
    "focal": Focal,
}
PARTS: dict[str, Callable[..., Part]] = {
    "adversarial": Adversarial,
    "circle": Circle,
    "circle-groups": CircleGroups,
    "cost-sensitive": CostSensitive,
    "cutmix": CutMix,
    "disc": Disc,
    "distil": Distil,
    "fair-error-bound": FairErrorBound,
    "fair-identity": FairIdentityHead,
    "fairdisco": FairDisCo,
    "group-dro": GroupDro,
    "inpaint": Inpaint,
    "lntl": Lntl,
    "mixoe": MixOE,
    "mixup": Mixup,
    "resample": Resample,
    "reweight": Reweight,
    "rewriting": Rewriting,
    "stop-learning": StopLearning,
    "tabe": Tabe,
}
METHODS = (*LOSSES, *PARTS)


def objective(name: str, **settings: Any) -> Objective:
    """The method called `name`: a loss, parts, or several joined by "+", around cross-entropy unless another is named.

    settings: of any of them by name, or by "part.name" where two have the same. Raises CutisError for an unknown name
    or setting, one given twice, left out or of another kind, or parts that don't go together.
    """
    names = name.split("+")
    for one in names:
        if one not in LOSSES and one not in PARTS:
            raise CutisError(f'method "{one}" is not known: {nearest(one, METHODS)}')
    bases = [n for n in names if n in LOSSES]
    if len(bases) > 1 or len(set(names)) < len(names):
        raise CutisError(f'method "{name}": expected one of {", ".join(LOSSES)} at most, and each part once.')
    base, parts = (bases or ["cross-entropy"])[0], [n for n in names if n in PARTS]
    makers: dict[str, Callable[..., Any]] = {base: LOSSES[base], **{n: PARTS[n] for n in parts}}
    given = _dealt(makers, settings)
    beside = [made_with(PARTS[n], f"method {n}", given[n]) for n in parts]
    if base == "cross-entropy" and any(part.evens_classes for part in beside):
        given[base].setdefault("tau", 0.0)
    made = made_with(LOSSES[base], f"method {base}", given[base])
    return made.beside(beside) if beside else made


def _dealt(makers: Mapping[str, Callable[..., Any]], settings: Mapping[str, Any]) -> dict[str, dict[str, Any]]:
    """Which setting is whose."""
    knows = {name: known_settings(make) for name, make in makers.items()}
    given: dict[str, dict[str, Any]] = {name: {} for name in makers}
    for setting, value in settings.items():
        whose, dot, plain = setting.rpartition(".")
        owners = [n for n in makers if plain in knows[n] and (not dot or n == whose)]
        if not owners:
            every = [s for known in knows.values() for s in known]
            raise CutisError(f"setting {setting} of method {'+'.join(makers)}: {nearest(plain, every)}")
        if len(owners) > 1:
            raise CutisError(f"setting {setting}: both {' and '.join(owners)} have one; say {owners[0]}.{setting}.")
        given[owners[0]][plain] = value
    return given
