"""What turns logits into probabilities and answer sets, as data that a bundle carries."""

from __future__ import annotations

from typing import Literal

from pydantic import BaseModel, ConfigDict

CalibratorMethod = Literal["temperature", "vector", "isotonic"]
SetMethod = Literal["lac", "aps", "raps"]
CLASS = "class"  # stands for the true class in `Conformal.by`


class Calibrator(BaseModel):
    """From logits z to probabilities.

    temperature: softmax(z / temperature). vector: softmax(scale * z + bias), one number a class (both: Guo et al., ICML
    2017, 4.2). isotonic: softmax(z), then for each class the line through its knots (x, y), then rows to sum one
    (Zadrozny & Elkan, KDD 2002).
    """

    model_config = ConfigDict(frozen=True)
    method: CalibratorMethod = "temperature"
    temperature: float = 1.0
    scale: tuple[float, ...] = ()
    bias: tuple[float, ...] = ()
    knots: tuple[tuple[tuple[float, ...], tuple[float, ...]], ...] = ()

    def words(self) -> str:
        return f"temperature {self.temperature:.3f}" if self.method == "temperature" else f"{self.method} scaling"


class Conformal(BaseModel):
    """Split-conformal sets: the classes whose score is at or below a quantile (see `cutis.evaluate.conformal`).

    by: "" for one quantile; "class" for one a class; a column of the manifest for one a group. quantiles: class code or
    group -> quantile, "" is the one for all; None lets every class in, where too few units were there to fit one.
    penalty, free: RAPS's lambda and k_reg. n: labelled validation images. n_units: scores that the quantile for all is
    of: one a unit (its image of the lowest image_id), since several images of a lesion are not exchangeable with a new
    one.
    """

    model_config = ConfigDict(frozen=True)
    method: SetMethod = "lac"
    coverage: float
    by: str = ""
    quantiles: dict[str, float | None]
    penalty: float = 0.0
    free: int = 0
    n: int
    n_units: int
    unit: str

    def words(self) -> str:
        each = f", one quantile a {self.by}" if self.by else ""
        return f"{self.method} at {self.coverage:.0%} from {self.n_units} {self.unit}s{each}"
