"""How far apart two sources of images are, and how hard each is, as rows of the dossier."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial

import numpy as np
import polars as pl

from cutis.errors import CutisError
from cutis.evaluate import distance
from cutis.evaluate.arrays import Floats, Ints
from cutis.evaluate.resampled import Resampling
from cutis.schema.dossier import DistanceRow
from cutis.schema.estimate import Estimate
from cutis.schema.identity import group_ids

Measure = Callable[[], tuple[float | None, str]]


@dataclass(frozen=True)
class Source:
    """One source's images in numbers, a row an image.

    features: (n, d), embeddings or named features. labels: n diagnoses, None where unknown, in words that both sources
    use; without them what needs labels is not measured. units: n ids of patients or lesions; None: every image is its
    own. pixels: (n, h, w, 3) uint8, for label sharpness; None: it isn't measured.
    """

    name: str
    features: np.ndarray
    labels: Sequence[str | None] | None = None
    units: Sequence[str] | None = None
    pixels: np.ndarray | None = None


def embedded(name: str, embeddings: pl.DataFrame, manifest: pl.DataFrame) -> Source:
    """The source of an embeddings table (image_id, vector), with labels and units of its dataset's manifest.

    Raises CutisError if an image of the table isn't in the manifest.
    """
    known = manifest.select("image_id", "target", pl.Series("unit", group_ids(manifest)))
    rows = embeddings.join(known, on="image_id", how="left", maintain_order="left")
    lost = rows.filter(pl.col("unit").is_null())
    if len(lost):
        raise CutisError(f'{name}: image "{lost["image_id"][0]}" has an embedding but is not in the manifest.')
    units = [str(u) for u in rows["unit"].to_list()]
    return Source(name, rows["vector"].to_numpy(), rows["target"].to_list(), units)


def source_shift(
    a: Source, b: Source, *, what: str, rng: np.random.Generator, scale: bool = False, resamples: int = 1000
) -> list[DistanceRow]:
    """Distances from `a` to `b`, beside those between two halves of `a`; and what each source is like by itself.

    what: of which features, for the rows' names ("embedding"). scale: take features in units of a's mean and deviation,
    as named features of different units need. Halves are by unit, and the distances that are compared are of equally
    many images. Something that can't be measured is a row with value None, its reason in `words`.
    Raises CutisError for features that aren't finite numbers of the same columns.
    """
    one, two = np.asarray(a.features, np.float64), np.asarray(b.features, np.float64)
    if scale:
        one, two = distance.standardised(one, two)
    first, second = halves(_units(a), rng)
    n = min(len(first), len(second), len(two))
    here, rest = one[rng.choice(first, n, replace=False)], one[rng.choice(second, n, replace=False)]
    there = two[rng.choice(len(two), n, replace=False)]
    own_half = f"{a.name}, its other half"
    rows = [
        _row(f"Fréchet distance, {what}", against, n, n, partial(_frechet, here, other))
        for against, other in ((b.name, there), (own_half, rest))
    ]
    rows += [
        _row(f"KID, {what}", against, n, n, partial(_kid, here, other, rng))
        for against, other in ((b.name, there), (own_half, rest))
    ]
    for source, features in ((a, one), (b, two)):
        by = _resampling(_units(source), rng, resamples)
        for words, measure in (("Levina-Bickel", distance.levina_bickel), ("TwoNN", distance.two_nn)):
            name = f"intrinsic dimension ({words}), {what}"
            rows.append(_row(name, source.name, len(features), 0, partial(_dimension, measure, features, by)))
    if a.labels is not None and b.labels is not None:
        rows.append(_index_row(a, b, one, two, what, rng, resamples))
    rows += [
        _row("label sharpness, pixels", source.name, _labelled(source), 0, partial(_sharpness, source, rng))
        for source in (a, b)
        if source.pixels is not None and source.labels is not None
    ]
    return rows


def _row(name: str, against: str, n_a: int, n_b: int, measure: Measure) -> DistanceRow:
    try:
        value, words = measure()
    except CutisError as error:
        value, words = None, f"not measured: {error}"
    return DistanceRow(name=name, against=against, value=value, n_a=n_a, n_b=n_b, words=words)


def _frechet(a: Floats, b: Floats) -> tuple[float, str]:
    words = "squared, of fitted Gaussians; grows as images get fewer, so read it against the other half"
    return distance.frechet_distance(a, b), words


def _kid(a: Floats, b: Floats, rng: np.random.Generator) -> tuple[float, str]:
    found = distance.kid(a, b, rng)
    return found.value, f"mean of {found.subsets} subsets of {found.size}, deviation {found.deviation:.2g}; 0 is equal"


def _dimension(measure: Callable[..., Estimate], features: Floats, by: Resampling) -> tuple[float | None, str]:
    found = measure(features, resampling=by)
    return found.value, f"{found.format(1)}, by {found.unit}; too low where there are many directions"


def _sharpness(source: Source, rng: np.random.Generator) -> tuple[float, str]:
    assert source.pixels is not None
    assert source.labels is not None
    kept = [i for i, label in enumerate(source.labels) if label is not None]
    found = distance.label_sharpness(source.pixels[kept], [source.labels[i] for i in kept], rng)
    return found.value, f"of {found.n} images of {found.size}, values {found.low:.2g} to {found.high:.2g}"


def _index_row(
    a: Source, b: Source, one: Floats, two: Floats, what: str, rng: np.random.Generator, resamples: int
) -> DistanceRow:
    assert a.labels is not None
    assert b.labels is not None
    labels, centres = [*a.labels, *b.labels], [a.name] * len(one) + [b.name] * len(two)
    units = [*(f"a {u}" for u in _units(a)), *(f"b {u}" for u in _units(b))]
    name = f"Robustness Index, {what}"
    try:
        chosen = distance.balanced(labels, centres, rng)
        found = distance.robustness_index(
            np.concatenate([one, two])[chosen],
            [labels[i] for i in chosen],
            [centres[i] for i in chosen],
            resampling=_resampling([units[i] for i in chosen], rng, resamples),
        )
    except CutisError as error:
        why = f"not measured: {error}"
        return DistanceRow(name=name, against=b.name, value=None, n_a=len(one), n_b=len(two), words=why)
    shared = ", ".join(dict.fromkeys(str(labels[i]) for i in chosen))
    words = (
        f"{found.index.format(2)}, blindly {found.chance:.2f}; of {shared}, {found.k} neighbours, which tell them with "
        f"balanced accuracy {found.accuracy:.2f}; 1: diagnosis alone decides who is near, 0: the source"
    )
    n = int(sum(centres[i] == a.name for i in chosen))
    return DistanceRow(name=name, against=b.name, value=found.index.value, n_a=n, n_b=len(chosen) - n, words=words)


def _labelled(source: Source) -> int:
    return sum(label is not None for label in source.labels or ())


def _units(source: Source) -> list[str]:
    return [str(i) for i in range(len(source.features))] if source.units is None else [str(u) for u in source.units]


def _resampling(units: Sequence[str], rng: np.random.Generator, resamples: int) -> Resampling:
    return Resampling(resamples, int(rng.integers(2**31)), groups=units, unit="unit")


def halves(units: Sequence[str], rng: np.random.Generator) -> tuple[Ints, Ints]:
    """Row numbers of two halves that share no unit."""
    number = np.unique(units, return_inverse=True)[1]
    sizes = np.bincount(number)
    order = rng.permutation(len(sizes))
    early = np.zeros(len(sizes), bool)
    early[order[np.cumsum(sizes[order]) <= len(number) // 2]] = True
    inside = early[number]
    return np.flatnonzero(inside), np.flatnonzero(~inside)
