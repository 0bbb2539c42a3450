"""The evidence: what `evaluate` measured, as one JSON file that reports and checklists are rendered from."""

from __future__ import annotations

from itertools import chain
from pathlib import Path
from typing import Any

from pydantic import BaseModel, ConfigDict, ValidationError, computed_field

from cutis.errors import CutisError
from cutis.files import read_json, resolved, write_json
from cutis.schema.estimate import Estimate, Status
from cutis.schema.predictions import PredictionsInfo
from cutis.schema.remarks import Remark, remarks

FORMAT = 1


class Measured(BaseModel):
    """One estimate and what it is of. `class_code`, `attribute` and `group` are None for the whole table."""

    model_config = ConfigDict(frozen=True)
    metric: str
    class_code: str | None = None
    attribute: str | None = None
    group: str | None = None
    value: float | None
    low: float | None
    high: float | None
    n: int
    n_units: int
    unit: str
    status: Status = "ok"
    reason: str = ""

    @property
    def estimate(self) -> Estimate:
        return Estimate(**self.model_dump(include=set(Estimate.__dataclass_fields__)))


class Disparity(Measured):
    """How far apart the groups of `attribute` are in one measure (`group` is None).

    worst, best: the groups at the ends, where they can be named (not where classes are averaged). some: of a worst
    group, whether it is over some of the classes or groups only; `reason` says which.
    """

    worst: str | None = None
    best: str | None = None
    some: bool = False


class GroupTest(BaseModel):
    """Whether two groups differ: difference is `group` minus `other`, with its interval.

    p: of "no difference"; p_holm, p_bh: adjusted for all pairs of this attribute and metric. None where the resamples
    don't vary, and `reason` says so.
    """

    model_config = ConfigDict(frozen=True)
    metric: str
    class_code: str | None = None
    group: str
    other: str
    difference: float
    low: float | None
    high: float | None
    p: float | None = None
    p_holm: float | None = None
    p_bh: float | None = None
    reason: str = ""


class Fairness(BaseModel):
    """The groups of one attribute beside each other.

    compared: those with enough units. left_out: the others, each with the reason, as sentences.
    """

    model_config = ConfigDict(frozen=True)
    attribute: str
    compared: list[str]
    left_out: list[str]
    measured: list[Disparity]
    tests: list[GroupTest]


class RocCurve(BaseModel):
    """One-against-rest ROC of a class (or "malignant"): points from (0, 0) to (1, 1)."""

    class_code: str
    fpr: list[float]
    tpr: list[float]


class ReliabilityBin(BaseModel):
    """Rows whose largest probability fell in [low, high) (the last bin closed): their mean confidence and accuracy."""

    low: float
    high: float
    confidence: float | None
    accuracy: float | None
    n: int


class Mistake(BaseModel):
    """A confident wrong answer; `file` is relative to `PredictionsInfo.images`."""

    image_id: str
    file: str | None
    target: str
    predicted: str
    p_predicted: float
    p_target: float
    answer_set: list[str]


class Counts(BaseModel):
    rows: int
    labelled: int
    ok: int
    refused: int
    error: int
    units: int


class Evidence(BaseModel):
    """All that was measured on one predictions file, and where it came from."""

    format: int = FORMAT
    cutis: str
    created: str  # ISO 8601, UTC
    predictions_file: str
    predictions_sha256: str
    info: PredictionsInfo
    unit: str
    level: float  # of the intervals
    resamples: int
    seed: int
    counts: Counts
    measured: list[Measured]
    fairness: list[Fairness] = []
    # metric "without": the share of images, overall and of each class, whose skin tone (`attribute`) nobody could tell
    without: list[Measured] = []
    roc: list[RocCurve]
    reliability: list[ReliabilityBin]
    confusion: list[list[int]]  # rows: target, columns: predicted, in class order
    mistakes: list[Mistake]
    notes: list[str] = []
    protocol: str = ""  # the challenge whose scores are among `measured`, as "<protocol>:<metric>"
    prevalence: float | None = None  # of malignancy, as stated for predictive values and decision curves

    @computed_field  # type: ignore[prop-decorator]
    @property
    def remarks(self) -> list[Remark]:
        """What a reader must know before all numbers, by code."""
        return remarks(self)

    def find(
        self, metric: str, class_code: str | None = None, attribute: str | None = None, group: str | None = None
    ) -> Measured | None:
        """The estimate of that name; a disparity between the groups of `attribute` is under group None."""
        key = (metric, class_code, attribute, group)
        every = chain(self.measured, *(f.measured for f in self.fairness))
        return next((m for m in every if (m.metric, m.class_code, m.attribute, m.group) == key), None)

    def save(self, path: Path | str) -> Path:
        write_json(path, self.model_dump(mode="json", context={"beside": Path(path).parent}))
        return Path(path)

    @classmethod
    def load(cls, path: Path | str) -> Evidence:
        content: Any = read_json(path)
        if isinstance(content, dict) and content.get("format", 0) > FORMAT:
            raise CutisError(
                f"{path}: format {content['format']} is newer than this Cutis reads ({FORMAT}). Upgrade Cutis."
            )
        try:
            found = cls.model_validate(content)
        except ValidationError as error:
            first = error.errors()[0]
            raise CutisError(
                f"{path}: not an evidence file ({'.'.join(map(str, first['loc']))}: {first['msg']})."
            ) from None
        images = resolved(found.info.images, Path(path).parent)
        return found.model_copy(update={"info": found.info.model_copy(update={"images": images})})
