"""Every knob of a training run, in one typed object that is saved with the run."""

from __future__ import annotations

from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from cutis.bundle.card import DEFAULT_OOD, Constancy, OodMethod
from cutis.errors import CutisError, nearest
from cutis.schema.licence import Use
from cutis.train.augment import Augmentation

DEFAULT_BACKBONE = "compact_resnet_s"


class TrainConfig(BaseModel):
    """What a run does. Defaults are those that measured best on 2 cores (docs/explanation/default-model.md).

    Exactly one of `minutes` (wall time of the whole command, freezing included) and `epochs` is set. size: side of the
    network's input in pixels. constancy: what is done about the colour of the light, here and whenever the bundle
    predicts. structure: the network's shape around the backbone (`cutis.models.structures`). learning_rate: AdamW's
    peak, after a warm-up of `warmup_steps` (a tenth of the run if that is less), falling as a cosine to 0. average:
    decay of the moving average of the weights, which is what is validated and frozen. patience: stop after this many
    validations without a better one, and keep the best (None: run to the end and keep the last). sharpness: rho of
    `cutis.train.sharpness`, 0 for none. augment_suite: half of the training images are under a corruption of this suite
    (`cutis.image.corruptions`). ood: the score by which the bundle refuses what is unlike its training images. use:
    what the model is for; "commercial" refuses images and pretrained weights whose licences don't allow it. precision:
    "auto" is what the processor can do (`cutis.train.precision`).
    """

    model_config = ConfigDict(frozen=True, extra="forbid")
    backbone: str = DEFAULT_BACKBONE
    pretrained: bool = False
    weights: str | None = None
    size: int = Field(96, ge=32, le=1024)
    constancy: Constancy = "none"
    use: Use = "research"
    method: str = "cross-entropy"
    method_settings: dict[str, float | str] = {}
    structure: str = "plain"
    structure_settings: dict[str, float | str] = {}
    minutes: float | None = Field(None, gt=0)
    epochs: int | None = Field(None, gt=0)
    batch_size: int = Field(128, ge=2)
    learning_rate: float = Field(2e-3, gt=0)
    weight_decay: float = Field(0.05, ge=0)
    warmup_steps: int = Field(100, ge=0)
    dropout: float = Field(0.0, ge=0, lt=1)
    clip: float = Field(2.0, gt=0)
    sharpness: float = Field(0.0, ge=0)
    average: float = Field(0.998, ge=0, lt=1)
    augmentation: Augmentation = Augmentation()
    augment_suite: Literal["none", "medmnistc", "skin", "dermoscopy"] = "none"
    flips: bool = True
    ood: OodMethod = DEFAULT_OOD
    patience: int | None = Field(None, gt=0)
    precision: Literal["auto", "32-true", "bf16-mixed"] = "auto"
    accelerator: str = "auto"
    checkpoint_seconds: float = Field(30.0, ge=0)
    seed: int = Field(0, ge=0)

    @model_validator(mode="after")
    def _one_budget(self) -> TrainConfig:
        if (self.minutes is None) == (self.epochs is None):
            raise CutisError("give a budget: either minutes or epochs, not both.")
        return self

    @property
    def cache_size(self) -> int:
        """Side of the decoded-once copy: a quarter more than the input, so that zooming in stays sharp."""
        return -(-self.size * 5 // 4 // 16) * 16


def make_config(settings: dict[str, Any]) -> TrainConfig:
    """A TrainConfig, or a CutisError that names the setting at fault."""
    given = {k: v for k, v in settings.items() if v is not None}
    if "minutes" not in given and "epochs" not in given:
        given["minutes"] = 15
    try:
        return TrainConfig(**given)
    except ValidationError as error:
        first = error.errors()[0]
        name = ".".join(map(str, first["loc"]))
        if first["type"] == "extra_forbidden":
            raise CutisError(f"setting {name} is not known: {nearest(name, TrainConfig.model_fields)}") from None
        raise CutisError(f"setting {name} = {first['input']}: {first['msg'].lower()}.") from None
