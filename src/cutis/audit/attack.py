"""How a bundle's answers hold against changes that are sought to break them: accuracy at epsilon, for the dossier."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import polars as pl

from cutis.bundle.load import load_bundle
from cutis.bundle.predict import Bundle
from cutis.bundle.rebuild import check_rebuilt, rebuild
from cutis.bundle.sources import Source, gather
from cutis.data.dataset import Dataset
from cutis.errors import CutisError
from cutis.evaluate import calibrators
from cutis.evaluate.arrays import Ints
from cutis.evaluate.bootstrap import check_resampling
from cutis.evaluate.classification import add_accuracy, add_balanced_accuracy
from cutis.evaluate.numbers import as_measured, values_of
from cutis.evaluate.quantities import SumBlock
from cutis.evaluate.sample import Sample, renumber
from cutis.image.decode import BadImage, read_square
from cutis.progress import Progress, silent
from cutis.schema.classes import ClassInfo
from cutis.schema.dossier import AttackRow
from cutis.schema.estimate import Estimate
from cutis.schema.identity import group_ids, unit_name

if TYPE_CHECKING:
    from cutis.bundle.export import Exported
    from cutis.models.attacks import Attack

# Of images in 0..1, a norm: one, two and four grey levels; or the Euclidean length of the whole change.
EPSILONS: dict[str, tuple[float, ...]] = {"inf": (1 / 255, 2 / 255, 4 / 255), "2": (0.25, 0.5, 1.0)}
DEFAULT = ("fgsm", "pgd", "deepfool")
METRICS = ("accuracy", "balanced_accuracy")
IMAGES = 100
_BATCH = 20
_CHECKED = 8  # images on which the rebuilt network is held against the runtime


def attack_bundle(
    bundle: Bundle | Path | str,
    dataset: Dataset | Path | str,
    *,
    rng: np.random.Generator,
    part: str | None = None,
    attacks: Sequence[str] = DEFAULT,
    epsilons: Mapping[str, Sequence[float]] = EPSILONS,
    images: int = IMAGES,
    resamples: int = 1000,
    level: float = 0.95,
    progress: Progress[Any] = silent,
) -> list[AttackRow]:
    """Accuracy and balanced accuracy of `bundle` on labelled images of `dataset`, unharmed and under each attack.

    The network is rebuilt in torch from the bundle, mirror images included, and held against its runtime first.
    The answer is the calibrated one, as `Bundle.predict` gives it; refusals by gate or strangeness are not asked for.
    Attacked images stay floats: one saved with 8 bits is a little weaker.

    rng: draws the images, and where attacks start. part: of the dataset, as in `Bundle.predict`. attacks: names of
    `cutis.models.attacks.ATTACKS`. epsilons: norm ("inf", "2") -> sizes above 0, of images in 0..1; 0 is added. images:
    at most so many. Rows: attack by attack, epsilon rising, with intervals by patient or lesion as far as known; all
    of them are of the same images and resamples.
    Raises CutisError if torch is missing, an attack or size can't be, no image is labelled with a class of the bundle,
    or the rebuilt network answers otherwise than the runtime.
    """
    check_resampling(resamples, 0, level)
    bundle = bundle if isinstance(bundle, Bundle) else load_bundle(bundle)
    data = dataset if isinstance(dataset, Dataset) else Dataset.load(dataset)
    served = rebuild(bundle)  # before anything slow: says what is missing
    from cutis.models.attacks import find_attack

    chosen = [(find_attack(name), attack_sizes(find_attack(name), epsilons)) for name in attacks]
    rows, source = drawn(bundle, data, part, images, rng)
    squares = as_taken(bundle, rows, source.images)
    target = np.array([bundle.codes.index(code) for code in rows["target"]])
    found = []
    said = attacked(bundle, served, squares, target, chosen, rng, progress)
    for (attack, sizes), every in zip(chosen, said, strict=True):
        for epsilon, predicted in zip(sizes, every, strict=True):
            estimates = accuracies(
                bundle.card.classes,
                rows["image_id"],
                target,
                predicted,
                rows["unit"].to_numpy(),
                unit_name(data.manifest),
                resamples=resamples,
                level=level,
            )
            found += [
                AttackRow(attack=attack.name, norm=attack.norm, epsilon=epsilon, metric=metric, estimate=estimate)
                for metric, estimate in estimates.items()
            ]
    return found


def attacked(
    bundle: Bundle,
    served: Exported,
    squares: np.ndarray,
    target: Ints,
    chosen: Sequence[tuple[Attack, Sequence[float]]],
    rng: np.random.Generator,
    progress: Progress[Any] = silent,
) -> Iterator[np.ndarray]:
    """For each attack with its sizes (rising, from 0, which is none): (sizes, n) class numbers answered.

    served: `rebuild(bundle)`. squares: (n, s, s, 3) uint8 as the bundle takes them. target: (n,) true class numbers.
    Raises CutisError if the rebuilt network answers otherwise than the runtime.
    """
    import torch

    from cutis.models.attacks import answers

    check_rebuilt(served, bundle, squares[:_CHECKED])
    pixels, truth = torch.from_numpy(squares).permute(0, 3, 1, 2).float() / 255, torch.from_numpy(target)

    def model(x: torch.Tensor) -> torch.Tensor:
        logits: torch.Tensor = served(255 * x.permute(0, 2, 3, 1))[0]
        return logits

    def decide(logits: torch.Tensor) -> torch.Tensor:
        return torch.from_numpy(calibrators.apply(bundle.card.calibrator, logits.numpy()).argmax(1))

    for attack, sizes in chosen:
        starts = range(0, len(pixels), _BATCH)
        parts = [
            answers(model, pixels[i : i + _BATCH], truth[i : i + _BATCH], attack, sizes, rng, decide=decide)
            for i in progress(starts, len(starts), f"attack {attack.name}")
        ]
        yield np.concatenate(parts, axis=1)


def accuracies(
    classes: Sequence[ClassInfo],
    ids: pl.Series,
    target: Ints,
    predicted: Ints,
    unit: Ints,
    unit_name: str,
    *,
    resamples: int = 1000,
    seed: int = 0,
    level: float = 0.95,
) -> dict[str, Estimate]:
    """Accuracy and balanced accuracy, with bootstrap intervals over units, of (n,) class numbers said and true.

    ids: of the images; with `seed` they decide the draws. unit: (n,) any integers, one a patient or lesion.
    """
    n, k = len(ids), len(classes)
    no, none = np.zeros(n, bool), np.zeros(n)
    sample = Sample(
        tuple(classes), ids, unit_name, renumber(unit), target, predicted, np.zeros((n, k)), no, no, none, no
    )
    block = SumBlock(sample)
    add_accuracy(block)
    add_balanced_accuracy(block)
    point, draws = values_of([block], len(block.quantities), sample.ids, sample.n_units, resamples, seed)
    return {
        q.metric: as_measured(q, point[i, 0], draws[i], unit_name, level, None, None).estimate
        for i, q in enumerate(block.quantities)
        if q.metric in METRICS
    }


def attack_sizes(attack: Attack, epsilons: Mapping[str, Sequence[float]]) -> tuple[float, ...]:
    """The sizes given for the attack's norm, rising, after 0. Raises CutisError if there are none or they can't be."""
    sizes = tuple(epsilons.get(attack.norm, ()))
    bad = next((e for e in sizes if not 0 < e < np.inf), None)
    if bad is not None or not sizes:
        what = "none are given" if bad is None else f"{bad} is given"
        raise CutisError(
            f'attack {attack.name}: sizes for norm "{attack.norm}": {what}; expected numbers above 0, such as 0.0078.'
        )
    return (0.0, *sorted(set(sizes)))


def drawn(
    bundle: Bundle, data: Dataset, part: str | None, images: int, rng: np.random.Generator
) -> tuple[pl.DataFrame, Source]:
    """At most `images` labelled rows drawn at random, by image_id, with `unit`, a number of the patient or lesion; and
    where they are from."""
    if images < 1:
        raise CutisError(f"attack: {images} images; expected 1 or more.")
    source = gather(data, part, bundle.card)
    units = data.manifest.select("image_id", unit=pl.Series(group_ids(data.manifest)))
    rows = source.rows.drop_nulls("target").join(units, on="image_id", how="left").sort("image_id")
    if not len(rows):
        raise CutisError(
            f"{data.path}: part {source.part} has no image with a target that the bundle knows: "
            f"{', '.join(bundle.codes)}."
        )
    return rows[np.sort(rng.permutation(len(rows))[:images])], source


def as_taken(bundle: Bundle, rows: pl.DataFrame, folder: Path) -> np.ndarray:
    """The pixels of the rows' `file`s in `folder` as the bundle takes them, (n, s, s, 3) uint8."""
    how, squares = bundle.card.preprocessing, []
    for name in rows["file"].to_list():
        try:
            squares.append(read_square(folder / name, how.size, constancy=how.constancy))
        except BadImage as error:
            raise CutisError(f"{folder / name}: {error.reason}. Import the dataset again.") from None
    return np.stack(squares)
