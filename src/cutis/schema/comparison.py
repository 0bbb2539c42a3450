"""The comparison: two predictions files of the same images beside each other, as one JSON file."""

from __future__ import annotations

from pathlib import Path

from pydantic import BaseModel, ConfigDict

from cutis.files import write_json
from cutis.schema.evidence import Measured

FORMAT = 1


class Paired(Measured):
    """One measure of both files. `value`, `low` and `high` are of the difference: second minus first."""

    first: float | None
    second: float | None


class McNemar(BaseModel):
    """Answers that only one file has right, and the exact p of "as often the one as the other".

    Images are counted as independent; where several are of one lesion or patient, the difference's interval is the
    honest one. `attribute` and `group` are None for the whole table.
    """

    model_config = ConfigDict(frozen=True)
    attribute: str | None = None
    group: str | None = None
    only_first: int
    only_second: int
    n: int
    p: float


class Compared(BaseModel):
    """One of the two files."""

    model_config = ConfigDict(frozen=True)
    name: str
    sha256: str = ""
    bundle: str = ""
    rows: int


class Comparison(BaseModel):
    """All that was compared. fairness: how far apart groups are (`group` is None), before and after."""

    format: int = FORMAT
    cutis: str
    created: str  # ISO 8601, UTC
    first: Compared
    second: Compared
    rows: int  # images that both answered and that have a target
    units: int
    unit: str
    level: float
    resamples: int
    seed: int
    measured: list[Paired]
    fairness: list[Paired]
    mcnemar: list[McNemar]
    notes: list[str] = []

    def find(
        self, metric: str, class_code: str | None = None, attribute: str | None = None, group: str | None = None
    ) -> Paired | None:
        key = (metric, class_code, attribute, group)
        every = (*self.measured, *self.fairness)
        return next((m for m in every if (m.metric, m.class_code, m.attribute, m.group) == key), None)

    def save(self, path: Path | str) -> Path:
        write_json(path, self.model_dump(mode="json"))
        return Path(path)
