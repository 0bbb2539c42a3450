from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

from cyclopts import Parameter

from cutis.cli import on_interrupt, pairs, say
from cutis.extras import require

if TYPE_CHECKING:
    from cutis.bundle.card import BundleCard


def train_(
    dataset: Path,
    *,
    out: Path,
    minutes: float | None = None,
    epochs: int | None = None,
    backbone: str | None = None,
    size: int | None = None,
    constancy: str | None = None,
    method: str | None = None,
    structure: str | None = None,
    set_: Annotated[list[str] | None, Parameter(name="--set")] = None,
    pretrained: bool | None = None,
    weights: Path | None = None,
    batch_size: int | None = None,
    learning_rate: float | None = None,
    patience: int | None = None,
    sharpness: float | None = None,
    seed: int | None = None,
    augment_suite: str | None = None,
    ood: str | None = None,
    use: str | None = None,
    resume: bool = False,
) -> None:
    """Train on a dataset's split and freeze the result as a bundle.

    Parameters
    ----------
    dataset
        Dataset folder, split (cutis split) or with a split of its source's.
    out
        Run folder to make; the bundle will be OUT/bundle.
    minutes
        Wall time of the whole command (15 if neither minutes nor epochs is given).
    epochs
        Passes over the training images, instead of minutes.
    backbone
        compact_resnet_s, or any timm model's name.
    size
        Side of the network's input, in pixels.
    constancy
        What is done about the colour of the light, in training and prediction: none (the default), grey-world,
        shades-of-grey or max-rgb.
    method
        What is learned: cross-entropy or focal, and published mechanisms beside it, joined by "+" (circle,
        group-dro+mixup). `cutis papers` lists them.
    structure
        The network's shape around the backbone: plain (the default), ensemble, mc-dropout, ladine...
    set_
        NAME=VALUE, a setting of the method or structure (tau=1.0, members=3, column=fitzpatrick_skin_type); may be
        repeated.
    pretrained
        Start from the hub's weights.
    weights
        Start from a local safetensors file.
    batch_size
        Images a step.
    learning_rate
        Peak learning rate.
    patience
        Stop after this many validations without a better one.
    sharpness
        Radius of sharpness-aware minimisation (SAM), such as 0.05; 0, the default, is none. Steps take twice as long.
    seed
        Another seed, another run.
    augment_suite
        Put half of the training images under corruptions of this suite: medmnistc, skin or dermoscopy (none is the
        default). What hair, rulers, ink and bubbles do is not among them.
    ood
        Score that refuses images unlike the training images: knn (the default), msp, maxlogit, energy, mahalanobis,
        relative_mahalanobis or vim.
    use
        research (the default) or commercial, which refuses images and weights whose licences don't allow it.
    resume
        Go on with the run in OUT.
    """
    from cutis.bundle.load import read_card
    from cutis.data.dataset import Dataset
    from cutis.files import only_writer
    from cutis.train.run import train

    def to_go_on() -> str:
        if not (out / "config.json").is_file():
            return ""  # nothing was begun that could be resumed
        left = "from its last checkpoint" if (out / "checkpoint.pt").is_file() else "from its start"
        return f"interrupted; {out} is kept. To go on {left}: cutis train {dataset} --out {out} --resume"

    method_settings = {name: _number(value) for name, value in pairs(set_, "--set", "gamma=2").items()}
    structure_settings = _of_structure(structure, method_settings)
    data = Dataset.load(dataset)
    say(f"{data.card.name}: {data.card.counts['ok']:,} images; {data.licence.answer}")
    for condition in data.licence.conditions:
        say(f"licence: {condition}")
    if not pretrained and weights is None and not resume:
        say("no pretrained weights: training from scratch (--pretrained or --weights PATH to start from some)")
    with on_interrupt(to_go_on), only_writer(out, "cutis train", wait=0, beside=True):
        bundle = train(
            data,
            out,
            resume=resume,
            minutes=minutes,
            epochs=epochs,
            backbone=backbone,
            size=size,
            constancy=constancy,
            method=method,
            method_settings=method_settings or None,
            structure=structure,
            structure_settings=structure_settings or None,
            pretrained=pretrained,
            weights=str(weights) if weights else None,
            batch_size=batch_size,
            learning_rate=learning_rate,
            patience=patience,
            sharpness=sharpness,
            seed=seed,
            augment_suite=augment_suite,
            ood=ood,
            use=use,
        )
    for line in told(read_card(bundle)):
        say(line)
    say(f"bundle: {bundle}")
    say(f"next: cutis predict {bundle} {dataset} --out preds.parquet")


def told(card: BundleCard) -> list[str]:
    """What was done, how well it does on validation and what that is worth, and what a user must know of it."""
    from cutis.bundle.limits import limits_of

    did, scored = card.trained, card.trained.get("validation") or {}
    how = did.get("precision") or {}
    steps, epochs = did["steps"], did["epochs"]
    lines = [
        f"trained: {steps:,} step{'s' * (steps != 1)}, {epochs:g} epoch{'s' * (epochs != 1)}, {did['seconds']:,.0f} s"
    ]
    if how:
        lines[0] += f", in {how['precision']} ({how['why']})"
    if "chance" in scored:
        lines.append(
            f"validation: balanced accuracy {scored['balanced_accuracy']:.3f} of {scored['units']:,} "
            f"{scored['unit']}s; chance is {scored['chance']:.3f}"
        )
    else:
        lines.append("validation: there is no validation part, so nothing was measured")
    for code, words in limits_of(card.limits, card.limit_codes):
        if code != "one-dataset":  # true of every bundle
            lines.append(f"{'warning' if code == 'at-chance' else 'limit'}: {words}")
    if notes := did.get("notes"):
        lines.append(f"note: {notes}")
    return lines


def _of_structure(structure: str | None, settings: dict[str, float | str]) -> dict[str, float | str]:
    """The settings that are the structure's, taken out of all."""
    if structure is None:
        return {}
    require("train")
    from cutis.models.structures import settings_of

    return {name: settings.pop(name) for name in settings_of(structure) if name in settings}


def _number(text: str) -> float | str:
    try:
        return float(text)
    except ValueError:
        return text
