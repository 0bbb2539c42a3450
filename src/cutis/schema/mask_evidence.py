"""The evidence on masks: what `cutis.evaluate.masks` measured, as one JSON file."""

from __future__ import annotations

from pathlib import Path

from pydantic import BaseModel

from cutis.files import write_json
from cutis.schema.evidence import Measured

FORMAT = 1


class MaskCounts(BaseModel):
    """Images: with a true mask; measured; without a predicted mask; with a pair that can't be read or compared; and
    predicted masks without a true one. units: independent ones among the measured. failed: measured as failures, as
    their predicted mask is missing or can't be used."""

    images: int
    measured: int
    missing: int
    unusable: int
    unasked: int
    units: int
    failed: int = 0


class MaskEvidence(BaseModel):
    """All that was measured on a set of predicted masks, and how.

    predicted, truth: names of the folders or the dataset. distances: "px" or "mm". spacing: mm a row and mm a column.
    tau, threshold, dilation: see `cutis.evaluate.segmentation.MaskSettings`.
    """

    format: int = FORMAT
    cutis: str
    created: str  # ISO 8601, UTC
    predicted: str
    truth: str
    dataset_digest: str = ""
    distances: str
    spacing: tuple[float, float] | None
    tau: float
    threshold: float
    dilation: float
    unit: str
    level: float  # of the intervals
    resamples: int
    seed: int
    counts: MaskCounts
    measured: list[Measured]
    notes: list[str] = []

    def find(self, metric: str, attribute: str | None = None, group: str | None = None) -> Measured | None:
        key = (metric, attribute, group)
        return next((m for m in self.measured if (m.metric, m.attribute, m.group) == key), None)

    def save(self, path: Path | str) -> Path:
        write_json(path, self.model_dump(mode="json"))
        return Path(path)
