"""The dossier's evidence: all that an audit of a bundle measured, as one JSON file its pages are drawn from."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Literal, Self

from pydantic import BaseModel, ConfigDict, ValidationError

from cutis.errors import CutisError
from cutis.files import read_json, write_json
from cutis.schema.data_facts import DatasetFacts
from cutis.schema.estimate import Estimate
from cutis.schema.evidence import Evidence

FORMAT = 1

OodKind = Literal["near", "other modality", "not skin", "other source"]
World = Literal["real", "phantom"]


class Row(BaseModel):
    """One line of a dossier's table."""

    model_config = ConfigDict(frozen=True, extra="forbid")


class ShiftRow(Row):
    """One measure of the answers to changed images.

    suite: "medmnistc", "skin" or another's. shift: the corruption's name. severity: 0 (unchanged) to 5. value, unit:
    how much, where it can be measured ("px", "kelvin"), else None and "". metric, class_code: as in `Measured`
    ("auroc" of "malignant"). change: changed minus unchanged, on the same images and the same resamples. A measure
    over all severities, such as "be" and "rbe", has severity None, and no change ("not estimable").
    """

    suite: str
    shift: str
    severity: int | None
    value: float | None = None
    unit: str = ""
    metric: str
    class_code: str | None = None
    estimate: Estimate
    change: Estimate


class OodRow(Row):
    """How well one score tells strange images from the known.

    score: "msp", "energy", "knn"... against: what the strange images are ("bccd"). positive: which side the metrics
    count as found. n_in, n_out: images on each side.
    """

    score: str
    against: str
    kind: OodKind
    positive: Literal["strange", "known"]
    n_in: int
    n_out: int
    auroc: Estimate
    aupr: Estimate
    fpr95: Estimate


class CounterfactualRow(Row):
    """What the answers do where only one thing of an image is changed.

    change: in words ("tone to ITA -30", "hair added"). value, unit: how much (-30, "ITA"). group: a class code or
    "all". n: images; outside_trust: those left out since the change would leave the range it can be trusted in. shift,
    distance: mean change of p(malignant), and of its size; flips: share whose predicted class changes.
    """

    world: World
    change: str
    value: float | None = None
    unit: str = ""
    group: str
    n: int
    outside_trust: int = 0
    shift: Estimate
    distance: Estimate
    flips: Estimate


class AttackRow(Row):
    """One measure under an attack. norm: "inf" or "2"; epsilon: its size, of pixels in 0..1; 0 is no attack."""

    attack: str
    norm: str
    epsilon: float
    metric: str
    class_code: str | None = None
    estimate: Estimate


class RefusalRow(Row):
    """The share of a group's n images that were refused for `reason` ("any" for all). column "": every image."""

    column: str
    group: str
    reason: str
    n: int
    share: Estimate


class DistanceRow(Row):
    """How far apart two sources are. words: what the number means, in a line."""

    name: str
    against: str
    value: float | None
    n_a: int
    n_b: int
    words: str = ""


NotDoneCode = Literal["", "shifts", "unknown", "counterfactual", "attacks", "refusals", "distances"]


class NotDone(Row):
    """A part of the audit that was not made, and why. code: which part; "" of one that has no table here."""

    part: str
    why: str
    code: NotDoneCode = ""


class DossierEvidence(BaseModel):
    """All that an audit found. bundle: the bundle's card, as bundle.json has it. created: ISO 8601, UTC."""

    model_config = ConfigDict(frozen=True)

    format: int = FORMAT
    cutis: str
    created: str
    bundle: dict[str, Any]
    dataset: DatasetFacts
    clean: Evidence
    shifts: tuple[ShiftRow, ...] = ()
    ood: tuple[OodRow, ...] = ()
    counterfactual: tuple[CounterfactualRow, ...] = ()
    attacks: tuple[AttackRow, ...] = ()
    refusals: tuple[RefusalRow, ...] = ()
    distances: tuple[DistanceRow, ...] = ()
    notes: tuple[str, ...] = ()
    not_done: tuple[NotDone, ...] = ()

    def save(self, path: Path | str) -> Path:
        write_json(path, self.model_dump(mode="json"))
        return Path(path)

    @classmethod
    def load(cls, path: Path | str) -> Self:
        """Read and check it; raises CutisError if the file is not a dossier's evidence or is of a newer format."""
        content: Any = read_json(path)
        if isinstance(content, dict) and isinstance(content.get("format"), int) and content["format"] > FORMAT:
            raise CutisError(
                f"{path}: format {content['format']} is newer than this Cutis reads ({FORMAT}). Upgrade Cutis."
            )
        try:
            return cls.model_validate(content)
        except ValidationError as error:
            first = error.errors()[0]
            where = ".".join(map(str, first["loc"])) or "the whole"
            raise CutisError(f"{path}: not a dossier's evidence ({where}: {first['msg']}).") from None
