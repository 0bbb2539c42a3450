"""What turns logits into probabilities and answer sets, as data that a bundle carries."""

from __future__ import annotations

from itertools import pairwise
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, field_validator

CalibratorMethod = Literal["temperature", "vector", "isotonic"]
SetMethod = Literal["lac", "aps", "raps"]
_FROZEN = ConfigDict(frozen=True, allow_inf_nan=False)
Count = Annotated[int, Field(ge=0)]
CLASS = "class"  # stands for the true class in `Conformal.by`


class Calibrator(BaseModel):
    """From logits z to probabilities.

    temperature: softmax(z / temperature). vector: softmax(scale * z + bias), one number a class (both: Guo et al., ICML
    2017, 4.2). isotonic: softmax(z), then for each class the line through its knots (x, y), then rows to sum one
    (Zadrozny & Elkan, KDD 2002).

    alone: numbers of the classes that vector or isotonic scaling could not be fitted for, and leaves alone: theirs is
    softmax(z / temperature), and the others share what is left as their own scaling deals it among them. There `scale`
    and `bias` hold 1 / temperature and 0, and `knots` an empty line.
    """

    model_config = _FROZEN
    method: CalibratorMethod = "temperature"
    temperature: float = Field(1.0, gt=0)
    scale: tuple[float, ...] = ()
    bias: tuple[float, ...] = ()
    knots: tuple[tuple[tuple[float, ...], tuple[float, ...]], ...] = ()
    alone: tuple[int, ...] = ()

    def unfit(self, classes: int) -> str:
        """Why this is no calibrator of so many classes, or ""."""
        if self.method == "vector" and (len(self.scale), len(self.bias)) != (classes, classes):
            return f"{len(self.scale)} scales and {len(self.bias)} biases for {classes} classes"
        if self.method == "isotonic":
            if len(self.knots) != classes:
                return f"{len(self.knots)} lines for {classes} classes"
            for x, y in self.knots:
                if not x or len(x) != len(y) or any(b < a for a, b in pairwise(x)) or min(y) < 0 or max(y) > 1:
                    return "a line that is none: its x shall rise and its y lie in 0..1"
        if len(set(self.alone)) < len(self.alone) or not set(self.alone) <= set(range(classes)):
            return f"leaves classes alone that are not among {classes}"
        return ""

    def words(self) -> str:
        return f"temperature {self.temperature:.3f}" if self.method == "temperature" else f"{self.method} scaling"


class Conformal(BaseModel):
    """Split-conformal sets: the classes whose score is at or below a quantile (see `cutis.evaluate.conformal`).

    by: "" for one quantile; "class" for one a class; a column of the manifest for one a group. quantiles: class code or
    group -> quantile, "" is the one for all; None lets every class in, where too few units were there to fit one.
    penalty, free: RAPS's lambda and k_reg. n: labelled validation images, n_units: units (`unit`: lesions, patients)
    they are of. each: what gave a score: "image", all of them, so that the coverage is a share of images; or, in
    bundles made before, "unit", its image of the lowest image_id. effective_units: how many units of one size those
    are worth (`cutis.evaluate.conformal.effective_units`).
    """

    model_config = _FROZEN
    method: SetMethod = "lac"
    coverage: float = Field(gt=0, lt=1)
    by: str = ""
    quantiles: dict[str, float | None]
    penalty: float = Field(0.0, ge=0)
    free: Count = 0
    n: Count
    n_units: Count
    unit: str
    each: Literal["unit", "image"] = "unit"
    effective_units: float | None = None

    @field_validator("quantiles")
    @classmethod
    def _has_one_for_all(cls, quantiles: dict[str, float | None]) -> dict[str, float | None]:
        if "" not in quantiles:
            raise ValueError('has no quantile for all, ""')
        return quantiles

    def words(self) -> str:
        each = f", one quantile a {self.by}" if self.by else ""
        images = f"{self.n} images of " if self.each == "image" and self.unit != "image" else ""
        return f"{self.method} at {self.coverage:.0%} from {images}{self.n_units} {self.unit}s{each}"
