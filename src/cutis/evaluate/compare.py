"""`compare`: two predictions files of the same images, every difference with an interval from the same draws.

The draws of a set of rows depend on the seed and its image ids only (see `cutis.evaluate.bootstrap`), and both files
hold the same images here: resample r of the one is resample r of the other, and their difference is paired.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np

from cutis import __version__
from cutis.evaluate.arrays import Bools, Floats
from cutis.evaluate.blocks import class_blocks
from cutis.evaluate.bootstrap import check_resampling, interval
from cutis.evaluate.discrimination import MALIGNANT
from cutis.evaluate.fairness import compare_groups
from cutis.evaluate.groups import find_groups
from cutis.evaluate.malignancy import thresholds
from cutis.evaluate.multilabel import multilabel_blocks
from cutis.evaluate.notes import spelling_notes, unit_notes
from cutis.evaluate.numbers import BY_CLASS, PLURALS, as_measured, too_few, values_of
from cutis.evaluate.pairing import pair
from cutis.evaluate.quantities import Quantity
from cutis.evaluate.reading import is_cutis, read_predictions
from cutis.evaluate.sample import Sample, make_sample
from cutis.files import sha256_file
from cutis.schema.comparison import Compared, Comparison, McNemar, Paired
from cutis.schema.evidence import Measured
from cutis.schema.predictions import Predictions, check_predictions
from cutis.schema.remarks import CAUSES, COIN

SAME = "nearly all resamples give the same difference"


def compare(
    first: Predictions | Path | str,
    second: Predictions | Path | str,
    *,
    by: Sequence[str] | None = None,
    resamples: int = 1000,
    seed: int = 0,
    level: float = 0.95,
    unit: str | None = None,
    truth: Path | str | None = None,
    score: str | None = None,
    score_is: str | None = None,
) -> Comparison:
    """Differences, second minus first, of every default metric, overall and by group, and of the groups' disparities.

    Intervals are percentile intervals of a paired cluster bootstrap: a resample draws the same units for both files.
    For accuracy there is also McNemar's exact test. Options are those of `cutis.evaluate.measure.measure`; operating
    points are compared where both files have one of the same name, each at its own threshold. truth: the true classes,
    by image, for other systems' files that don't hold them; score, score_is: of such files
    (`reading.read_predictions`).
    Raises CutisError for files that can't be audited or don't hold the same truth (see `cutis.evaluate.pairing.pair`).
    """
    check_resampling(resamples, seed, level, unit)
    options = {"truth": truth, "score": score, "score_is": score_is}
    (a, one), (b, two) = _open(first, "the first file", options), _open(second, "the second file", options)
    names = (one.name, two.name) if one.name != two.name else (str(first), str(second))
    found = pair(a, b, names)
    where = f"{names[0]} and {names[1]}"
    units = np.arange(len(found.unit)) if unit == "image" else found.unit
    called = "image" if unit == "image" else found.known
    samples = [make_sample(p, units, called, n) for p, n in zip((found.first, found.second), names, strict=True)]
    points = _points(found.first, found.second, names)
    groups, notes = find_groups(found.first.table, by, where)

    measured = _differences(samples, points, None, None, resamples, seed, level)
    mcnemar = [] if samples[0].labels is not None else [_mcnemar(samples, np.ones(len(samples[0]), bool))]
    for g in groups:
        parts = [s.subset(g.rows) for s in samples]
        measured += _differences(parts, points, g.attribute, g.name, resamples, seed, level)
        if mcnemar and g.rows.any():
            mcnemar.append(_mcnemar(samples, g.rows, g.attribute, g.name))
    sides = [
        compare_groups(s, groups, points=p, resamples=resamples, seed=seed, level=level)
        for s, p in zip(samples, points, strict=True)
    ]
    fairness = []
    for before, after in zip(*sides, strict=True):
        later = {_key(m): (m, draws) for m, draws in zip(after.fairness.measured, after.draws, strict=True)}
        for m, draws in zip(before.fairness.measured, before.draws, strict=True):
            if _key(m) in later:
                other, redrawn = later[_key(m)]
                fairness.append(_paired(m, other, redrawn - draws, level, hold=True))
    read = [*a.info.notes, *b.info.notes]
    whole = [m for m in measured if m.attribute is None]
    chance = _below_chance(whole, names)
    return Comparison(
        cutis=__version__,
        created=datetime.now(UTC).isoformat(timespec="seconds"),
        first=one,
        second=two,
        rows=len(samples[0]),
        units=samples[0].n_units,
        unit=called,
        level=level,
        resamples=resamples,
        seed=seed,
        measured=measured,
        fairness=fairness,
        mcnemar=mcnemar,
        notes=[
            *chance,
            *read,
            *found.notes,
            *notes,
            *unit_notes(unit, found.known),
            *spelling_notes(found.first.table),
            *_dependence(samples[0]),
        ],
    )


def _open(source: Predictions | Path | str, name: str, options: Mapping[str, Any]) -> tuple[Predictions, Compared]:
    """A file's predictions. options: of other systems' files; Cutis's own need none."""
    digest = ""
    if not isinstance(source, Predictions):
        path = Path(source)
        source = read_predictions(path, **({} if is_cutis(path) else options))
        name, digest = path.name, sha256_file(path)
    found = Predictions(check_predictions(source.table, source.info, name), source.info)
    return found, Compared(name=name, sha256=digest, bundle=found.info.bundle, rows=len(found.table))


def _points(first: Predictions, second: Predictions, names: tuple[str, str]) -> list[dict[str, float]]:
    """Each file's thresholds, of the points that both have."""
    found = [thresholds(p.info.operating_points, n) for p, n in zip((first, second), names, strict=True)]
    shared = [name for name in found[0] if name in found[1]]
    return [{name: points[name] for name in shared} for points in found]


def _below_chance(measured: Sequence[Paired], names: tuple[str, str]) -> list[str]:
    """What to say of either file whose AUROC of malignancy (else macro AUROC) is below 0.5."""
    keys = [(m.metric, m.class_code) for m in measured]
    main = ("auroc", MALIGNANT) if ("auroc", MALIGNANT) in keys else ("macro_auroc", None)
    found = [m for m in measured if (m.metric, m.class_code) == main]
    what = f"AUROC of {MALIGNANT}" if main[0] == "auroc" else "macro AUROC"
    return [
        f"{name}: {what} is {value:.3f}, below chance ({COIN}). {CAUSES}"
        for m in found
        for name, value in zip(names, (m.first, m.second), strict=True)
        if value is not None and value < COIN
    ]


def _dependence(sample: Sample) -> list[str]:
    if sample.n_units == len(sample):
        return []
    several = f"{len(sample):,} images of {sample.n_units:,} {PLURALS[sample.unit_name]}"
    return [f"McNemar's test takes images as independent; here are {several}, so go by the interval of the difference."]


def _values(
    sample: Sample, whole: bool, points: Mapping[str, float], sets: bool, resamples: int, seed: int
) -> dict[tuple[str, str | None], tuple[Quantity, float, Floats]]:
    """Every metric's value and draws."""
    if sample.labels is not None:
        blocks = multilabel_blocks(sample, whole=whole)
    else:
        blocks = class_blocks(sample, whole=whole, points=points, sets=sets, prevalence=None, delong=None)
    quantities = [q for block in blocks for q in block.quantities]
    point, draws = values_of(blocks, len(quantities), sample.ids, sample.n_units, resamples, seed)
    return {
        (q.metric, q.class_code): (q, float(point[i, 0]), draws[i])
        for i, q in enumerate(quantities)
        if whole or q.metric not in BY_CLASS or q.class_code == MALIGNANT
    }


def _differences(
    samples: Sequence[Sample],
    points: Sequence[Mapping[str, float]],
    attribute: str | None,
    group: str | None,
    resamples: int,
    seed: int,
    level: float,
) -> list[Paired]:
    sets = all(s.has_set.any() for s in samples)
    one, two = (_values(s, group is None, p, sets, resamples, seed) for s, p in zip(samples, points, strict=True))
    made = []
    for key, (quantity, value, draws) in one.items():
        if key not in two:
            continue
        other, later, redrawn = two[key]
        unit = samples[0].unit_name
        before = as_measured(quantity, value, draws, unit, level, attribute, group)
        after = as_measured(other, later, redrawn, unit, level, attribute, group)
        few = too_few(quantity, unit) or too_few(other, unit)
        made.append(_paired(before, after, redrawn - draws, level, hold=quantity.biased, few=few))
    return made


def _key(m: Measured) -> tuple[str, str | None]:
    return m.metric, m.class_code


def _paired(before: Measured, after: Measured, draws: Floats, level: float, *, hold: bool, few: str = "") -> Paired:
    """The difference, or why there is none. hold: widen the interval to hold the value, where resamples are biased.
    few: why there can be no interval, if either value has too few units of something.
    """
    lacking = next((m for m in (before, after) if m.value is None), None)
    value = None if before.value is None or after.value is None else after.value - before.value
    low: float | None = None
    high: float | None = None
    reason = ""
    if lacking is not None:
        reason = lacking.reason
    elif few:
        reason = few
    elif value is not None:
        found = interval(draws, level)
        if isinstance(found, str):
            reason = found
        elif found[0] == found[1]:
            reason = SAME
        else:
            low, high = (min(found[0], value), max(found[1], value)) if hold else found
    return Paired(
        metric=before.metric,
        class_code=before.class_code,
        attribute=before.attribute,
        group=before.group,
        first=before.value,
        second=after.value,
        value=value,
        low=low,
        high=high,
        n=before.n,
        n_units=before.n_units,
        unit=before.unit,
        status="not estimable" if value is None else "ok",
        reason=reason,
    )


def _mcnemar(samples: Sequence[Sample], rows: Bools, attribute: str | None = None, group: str | None = None) -> McNemar:
    """Exact two-sided test on the discordant answers (McNemar, Psychometrika 12, 1947; binomial form)."""
    from scipy.stats import binomtest

    one, two = (s.correct[rows] for s in samples)
    b, c = int((one & ~two).sum()), int((~one & two).sum())
    p = float(binomtest(b, b + c, 0.5).pvalue) if b + c else 1.0
    return McNemar(attribute=attribute, group=group, only_first=b, only_second=c, n=len(one), p=p)
