"""bundle.json: all that a model needs besides its network, and the digests that hold the folder together."""

from __future__ import annotations

from typing import Any, Literal

from pydantic import BaseModel, ConfigDict

from cutis.schema.calibration import Calibrator, Conformal
from cutis.schema.classes import ClassInfo
from cutis.schema.licence import ComposedLicence

FORMAT = 2


# What is done about the colour of the light: nothing, or one of `cutis.image.constancy.CONSTANCY`.
Constancy = Literal["none", "grey-world", "shades-of-grey", "max-rgb"]


class Preprocessing(BaseModel):
    """From a file to the network's input: decode (orientation applied, sRGB 8 bit), resize the whole image to
    size x size with Pillow's antialiased bilinear filter, uint8 RGB, then colour constancy. Mean and standard deviation
    are in the graph."""

    model_config = ConfigDict(frozen=True)
    size: int
    constancy: Constancy = "none"
    mean: tuple[float, float, float]  # of pixel / 255
    std: tuple[float, float, float]


class OperatingPoint(BaseModel):
    """A threshold on p(malignant), flagged at or above, and what it gave on validation; n counts units, one image
    each."""

    model_config = ConfigDict(frozen=True)
    name: str
    threshold: float
    sensitivity: float
    specificity: float
    n: int


OodMethod = Literal["knn", "msp", "maxlogit", "energy", "mahalanobis", "relative_mahalanobis", "vim"]
DEFAULT_OOD: OodMethod = "knn"


class Ood(BaseModel):
    """Which score of `cutis.bundle.ood.SCORES` refuses: an answer whose score is above `threshold`.

    threshold: the `quantile` of the score on validation units. k: which neighbour k-NN measures; temperature: of the
    energy. What a score needs of the training images lies in ood.safetensors.
    """

    model_config = ConfigDict(frozen=True)
    method: OodMethod = "knn"
    k: int
    temperature: float = 1.0
    threshold: float
    quantile: float


class GateThreshold(BaseModel):
    """An image whose measure is below `value` is refused. source: "shipped" with the measure
    (`cutis.image.quality`), or lower than that, for the sake of "validation" images."""

    model_config = ConfigDict(frozen=True)
    value: float
    source: Literal["shipped", "validation"]


class Gate(BaseModel):
    """Which pictures are not answered: a threshold a measure of `cutis.image.quality`, by its name.

    images, refused: validation images that were looked at, and the share of them that these thresholds refuse.
    """

    model_config = ConfigDict(frozen=True)
    thresholds: dict[str, GateThreshold]
    images: int
    refused: float


class ParityRow(BaseModel):
    """How far a runtime's probabilities are from torch's: max |p - p_torch| over `images` real images at a batch
    size."""

    model_config = ConfigDict(frozen=True)
    runtime: str
    precision: str = "fp32"
    batch: int
    images: int
    max_delta_p: float
    tolerance: float


class BundleCard(BaseModel):
    """bundle.json. `files`: SHA-256 of every other file. `digest`: SHA-256 of this card without `digest`."""

    model_config = ConfigDict(frozen=True)
    format: int = FORMAT
    cutis: str
    created: str
    backbone: str
    method: str  # objective's name
    structure: str = "plain"  # of `cutis.models.structures`
    structure_settings: dict[str, float | str] = {}
    classes: tuple[ClassInfo, ...]
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
    precision: str = "fp32"
    reduced: dict[str, Any] = {}  # precision -> its certificate and subgroup table
    limits: tuple[str, ...] = ()
    files: dict[str, str]
    digest: str = ""
