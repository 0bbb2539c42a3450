"""bundle.json: all that a model needs besides its network, and the digests that hold the folder together."""

from __future__ import annotations

import re
from pathlib import PurePath, PureWindowsPath
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, field_validator, model_validator

from cutis.data.split_proof import Proof
from cutis.schema.calibration import CLASS, Calibrator, Conformal, Count
from cutis.schema.classes import ClassInfo
from cutis.schema.licence import ComposedLicence

FORMAT = 2
MOST_SIDE = 4096  # pixels; 150 MB for a picture alone
_FROZEN = ConfigDict(frozen=True, allow_inf_nan=False)

Share = Annotated[float, Field(ge=0, le=1)]
Positive = Annotated[float, Field(gt=0)]

# What is done about the colour of the light: nothing, or one of `cutis.image.constancy.CONSTANCY`.
Constancy = Literal["none", "grey-world", "shades-of-grey", "max-rgb"]


class Preprocessing(BaseModel):
    """From a file to the network's input: decode (orientation applied, sRGB 8 bit), resize the whole image to
    size x size with Pillow's antialiased bilinear filter, uint8 RGB, then colour constancy. Mean and standard deviation
    are in the graph."""

    model_config = _FROZEN
    size: int = Field(ge=1, le=MOST_SIDE)
    constancy: Constancy = "none"
    mean: tuple[float, float, float]  # of pixel / 255
    std: tuple[Positive, Positive, Positive]


class OperatingPoint(BaseModel):
    """A threshold on p(malignant), flagged at or above, and what it gave on n validation images of n_units units; in
    bundles made before, n_units is None and n counts units, one image each."""

    model_config = _FROZEN
    name: str
    threshold: float
    sensitivity: Share
    specificity: Share
    n: Count
    n_units: Count | None = None


OodMethod = Literal["knn", "msp", "maxlogit", "energy", "mahalanobis", "relative_mahalanobis", "vim"]
DEFAULT_OOD: OodMethod = "knn"


class Ood(BaseModel):
    """Which score of `cutis.bundle.ood.SCORES` refuses: an answer whose score is above `threshold`.

    threshold: the `quantile` of the score on validation images. k: which neighbour k-NN measures; temperature: of the
    energy. What a score needs of the training images lies in ood.safetensors.
    """

    model_config = _FROZEN
    method: OodMethod = "knn"
    k: int = Field(ge=1)
    temperature: Positive = 1.0
    threshold: float
    quantile: Share


class GateThreshold(BaseModel):
    """An image whose measure is below `value` is refused. source: "shipped" with the measure
    (`cutis.image.quality`), or lower than that, for the sake of "validation" images."""

    model_config = _FROZEN
    value: float
    source: Literal["shipped", "validation"]


class Gate(BaseModel):
    """Which pictures are not answered: a threshold a measure of `cutis.image.quality`, by its name.

    images, refused: validation images that were looked at, and the share of them that these thresholds refuse.
    """

    model_config = _FROZEN
    thresholds: dict[str, GateThreshold]
    images: Count
    refused: Share


class ParityRow(BaseModel):
    """How far a runtime's probabilities are from torch's: max |p - p_torch| over `images` real images at a batch
    size."""

    model_config = _FROZEN
    runtime: str
    precision: str = "fp32"
    batch: Count
    images: Count
    max_delta_p: float
    tolerance: float


class BundleCard(BaseModel):
    """bundle.json. `files`: SHA-256 of every other file. `digest`: SHA-256 of this card without `digest`."""

    model_config = _FROZEN
    format: int = Field(FORMAT, ge=1, le=FORMAT)
    cutis: str
    created: str
    backbone: str
    method: str  # objective's name
    structure: str = "plain"  # of `cutis.models.structures`
    structure_settings: dict[str, float | str] = {}
    classes: tuple[ClassInfo, ...] = Field(min_length=1)
    preprocessing: Preprocessing
    flips: bool  # whether the graph averages the image and its mirror images
    calibrator: Calibrator
    conformal: Conformal | None
    ood: Ood | None
    gate: Gate | None = None
    operating_points: tuple[OperatingPoint, ...] = ()
    licence: ComposedLicence
    dataset: str
    dataset_digest: str
    calibrated_on: str = (
        ""  # the dataset whose validation part fitted probabilities and sets; "" in bundles made before
    )
    split: dict[str, Any]
    trained: dict[str, Any]
    parity: tuple[ParityRow, ...]
    precision: Literal["fp32", "bf16"] = "fp32"
    reduced: dict[str, dict[str, Any]] = {}  # precision -> its certificate and subgroup table
    limits: tuple[str, ...] = ()
    limit_codes: tuple[str, ...] = ()  # of `cutis.bundle.limits.CODES`, one each; none in bundles made before
    files: dict[str, str]
    digest: str = ""

    @field_validator("split")
    @classmethod
    def _is_a_proof(cls, split: dict[str, Any]) -> dict[str, Any]:
        if split:
            Proof.model_validate(split)
        return split

    @field_validator("files")
    @classmethod
    def _are_plain_files(cls, files: dict[str, str]) -> dict[str, str]:
        for name, digest in files.items():
            plain = name not in ("", ".", "..") and PurePath(name).name == PureWindowsPath(name).name == name
            if not plain or "\0" in name:
                raise ValueError(f'names "{name}", which is not a plain file name')
            if not re.fullmatch("[0-9a-f]{64}", digest):
                raise ValueError(f'"{name}" has no SHA-256')
        return files

    @model_validator(mode="after")
    def _fits_its_classes(self) -> BundleCard:
        codes = [c.code for c in self.classes]
        if len(set(codes)) < len(codes) or "" in codes:
            raise ValueError("classes: each needs a code of its own")
        points = [point.name for point in self.operating_points]
        if len(set(points)) < len(points):
            raise ValueError("operating_points: each needs a name of its own")
        if self.limit_codes and len(self.limit_codes) != len(self.limits):
            raise ValueError("limit_codes: not one for each limit")
        if why := self.calibrator.unfit(len(codes)):
            raise ValueError(f"calibrator: {why}")
        if self.conformal and self.conformal.by == CLASS:
            strange = next((c for c in self.conformal.quantiles if c not in ("", *codes)), None)
            if strange is not None:
                raise ValueError(f'conformal: has a quantile for "{strange}", which is no class')
        return self
