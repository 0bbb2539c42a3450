"""The calibration part of a freeze: run the exported model as it will be served, and fit what the card holds."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import get_args

import numpy as np
import polars as pl

from cutis.bundle.calibrate import operating_point
from cutis.bundle.card import DEFAULT_OOD, Gate, Ood, OodMethod, OperatingPoint, Preprocessing
from cutis.bundle.gate import fit_gate, values
from cutis.bundle.limits import Limit
from cutis.bundle.ood import NEIGHBOURS, SCORES, Settings, available
from cutis.bundle.ood.fit import fit_statistics
from cutis.bundle.ood.statistics import Statistics
from cutis.bundle.runtime import Runtime
from cutis.bundle.stream import Chunk, stream
from cutis.data.dataset import Dataset
from cutis.errors import CutisError, nearest
from cutis.evaluate import calibrators
from cutis.evaluate.conformal import effective_units, fit_conformal, least_units
from cutis.files import sha256_text
from cutis.progress import track
from cutis.schema.calibration import CLASS, Calibrator, CalibratorMethod, Conformal, SetMethod
from cutis.schema.classes import ClassInfo

MOST_TRAINING = 20_000  # training images that are run again for the scores' statistics; it bounds a freeze's time
MOST_FEATURES = 2_000  # of them kept whole, for k-NN: Sun et al. find 1 % of ImageNet as good as all
OOD_QUANTILE = 0.99
SENSITIVITIES = (0.90, 0.95)
LEAST_PER_SIDE = 5  # malignant and benign units that an operating point needs


@dataclass(frozen=True)
class Seen:
    """Rows that could be read (image_id, group, target...), with the model's outputs on them.

    looks: (n, measures) by `cutis.bundle.gate.values`, if the pictures were looked at.
    """

    rows: pl.DataFrame
    logits: np.ndarray
    features: np.ndarray
    looks: np.ndarray | None = None


@dataclass(frozen=True)
class Choice:
    """How answers are made of logits: which calibrator, which sets, one quantile for all (by "") or one a class
    ("class") or a group (a manifest column), and their coverage. ood: which score refuses; None is the bundle's own,
    with its threshold, or k-NN where there is no bundle yet."""

    calibrator: CalibratorMethod = "temperature"
    sets: SetMethod = "lac"
    by: str = ""
    coverage: float = 0.9
    ood: OodMethod | None = None

    def __post_init__(self) -> None:
        for name, value, known in (
            ("calibrator", self.calibrator, get_args(CalibratorMethod)),
            ("sets", self.sets, get_args(SetMethod)),
            ("ood", self.ood, get_args(OodMethod)),
        ):
            if value is not None and value not in known:
                raise CutisError(f'{name} "{value}": {nearest(value, known)}')
        if not 0 < self.coverage < 1:
            raise CutisError(f"coverage {self.coverage}: expected a share between 0 and 1, such as 0.9.")


@dataclass
class Fitted:
    calibrator: Calibrator = field(default_factory=Calibrator)
    conformal: Conformal | None = None
    ood: Ood | None = None
    gate: Gate | None = None
    known: Statistics = field(default_factory=Statistics)
    operating_points: tuple[OperatingPoint, ...] = ()
    limits: list[Limit] = field(default_factory=list)

    def limit(self, code: str, words: str) -> None:
        self.limits.append(Limit(code, words))


def see(
    dataset: Dataset,
    rows: pl.DataFrame,
    runtime: Runtime,
    preprocessing: Preprocessing,
    label: str,
    *,
    look: bool = False,
) -> Seen:
    """Decode and run the images of `rows` (of `dataset`), exactly as predict does; unreadable files are left out.

    look: also measure the pictures, for the gate.
    """
    paths = [dataset.path / name for name in rows["file"].to_list()]
    logits: list[np.ndarray] = []
    features: list[np.ndarray] = []
    looks: list[np.ndarray] = []
    keep = np.ones(len(paths), bool)
    found = stream(paths, runtime, preprocessing, look=values if look else None)
    chunks = (c for c in found for _ in _collect(c, logits, features, looks, keep))
    for _ in track(chunks, len(paths), label):
        pass
    if not logits:
        return Seen(rows, np.empty((0, 0), np.float32), np.empty((0, 0), np.float32))
    return Seen(
        rows.filter(pl.Series(keep)),
        np.concatenate(logits)[keep],
        np.concatenate(features)[keep],
        np.stack(looks) if looks else None,
    )


def _collect(
    chunk: Chunk, logits: list[np.ndarray], features: list[np.ndarray], looks: list[np.ndarray], keep: np.ndarray
) -> range:
    logits.append(chunk.logits)
    features.append(chunk.features)
    looks.extend(look for _, look in sorted(chunk.looks.items()))
    for place in chunk.reasons:
        keep[chunk.start + place] = False
    return range(len(chunk.logits))


def drawn(rows: pl.DataFrame, most: int) -> pl.DataFrame:
    """At most `most` rows, the same whatever their order: those whose image_id has the smallest SHA-256."""
    return rows[first_by_digest(rows, most)].sort("image_id")


def first_by_digest(rows: pl.DataFrame, most: int) -> np.ndarray:
    """The numbers of the `most` rows whose image_id has the smallest SHA-256."""
    order = np.argsort([sha256_text(image_id) for image_id in rows["image_id"].to_list()], kind="stable")
    return order[:most]


def fit(validation: Seen, training: Seen, classes: Sequence[ClassInfo], *, unit: str, choice: Choice) -> Fitted:
    """Calibrator, sets, OOD statistics and threshold, gate, operating points; what can't be fitted is a limit.

    rows of both: image_id, group, target; training: training images, seen by the same runtime.
    """
    out = Fitted()
    if len(validation.rows) == 0:
        out.limit(
            "no-validation",
            "There was no validation image to calibrate on: probabilities are the network's own (temperature 1), "
            "there are no sets, no refusals and no operating points.",
        )
        return out
    add_statistics(out, training, classes)
    add_ood(out, validation, choice.ood or DEFAULT_OOD, Settings())
    add_gate(out, validation)
    fit_answers(out, validation, classes, unit=unit, choice=choice)
    return out


def fit_answers(out: Fitted, seen: Seen, classes: Sequence[ClassInfo], *, unit: str, choice: Choice) -> None:
    """Calibrator, sets and operating points from the labelled rows that were seen, into `out`."""
    codes = {c.code: i for i, c in enumerate(classes)}
    at = np.flatnonzero(seen.rows["target"].is_in(list(codes)).fill_null(False).to_numpy())
    rows, logits = seen.rows[at.tolist()], seen.logits[at]
    if len(rows) == 0:
        out.limit(
            "no-labels", "No validation image is labelled: probabilities are not calibrated and there are no sets."
        )
        return
    targets = rows["target"].replace_strict(codes, return_dtype=pl.Int64).to_numpy()
    units = rows["group"].to_numpy()
    out.calibrator = _fit_calibrator(out, logits, targets, units, list(codes), unit, choice.calibrator)
    p = calibrators.apply(out.calibrator, logits)
    _fit_sets(out, p, targets, rows, list(codes), unit, choice)
    _fit_points(out, p, targets, units, classes, unit)


def _fit_calibrator(
    out: Fitted,
    logits: np.ndarray,
    targets: np.ndarray,
    units: np.ndarray,
    codes: list[str],
    unit: str,
    method: CalibratorMethod,
) -> Calibrator:
    """The calibrator, each unit counting once; and what it says nothing of, as limits."""
    weights = 1 / np.unique(units, return_counts=True)[1][np.unique(units, return_inverse=True)[1]]
    found = calibrators.fit(method, logits, targets, weights, units)
    if found is None and method != "temperature":
        out.limit(
            "no-best-calibrator",
            f"The {method} scaling could not be fitted, which needs two classes of {calibrators.LEAST_UNITS} "
            f"validation {unit}s each: probabilities are calibrated by temperature.",
        )
        found = calibrators.fit("temperature", logits, targets, weights)
    if found is None:
        out.limit(
            "no-best-calibrator",
            "The temperature has no best value on the validation images and was left at 1.",
        )
        found = Calibrator()
    counted = {code: len(np.unique(units[targets == k])) for k, code in enumerate(codes)}
    if found.alone:
        few = ", ".join(f"{codes[k]} ({counted[codes[k]]})" for k in found.alone)
        out.limit(
            "class-left-alone",
            f"Fewer than {calibrators.LEAST_UNITS} validation {unit}s are of {few}: the {method} scaling leaves such a "
            "class alone. Its probability is the network's at the fitted temperature, and the others share the rest.",
        )
    absent = [code for code, n in counted.items() if n == 0]
    if absent and len(codes) > 1:
        out.limit(
            "class-not-calibrated",
            f"No validation image is of {', '.join(absent)}: how far its probabilities can be trusted, and how often "
            "the sets hold it, is not known.",
        )
    return found


def add_gate(out: Fitted, seen: Seen) -> None:
    """The gate, from the pictures that were looked at, into `out`."""
    if seen.looks is None:
        return
    out.gate = fit_gate(seen.looks)
    lowered = [name for name, limit in out.gate.thresholds.items() if limit.source == "validation"]
    if lowered:
        out.limit(
            "gate-lowered",
            f"The gate is laxer than Cutis's own ({', '.join(lowered)}): that would refuse more than 2 % of validation "
            "images.",
        )


def add_statistics(out: Fitted, training: Seen, classes: Sequence[ClassInfo]) -> None:
    """What out-of-distribution scores know of the training images that were seen, into `out`."""
    n = len(training.rows)
    if n <= NEIGHBOURS:
        out.limit(
            "no-statistics", f"No scores of unlikeness but those of the logits: there are only {n} training images."
        )
        return
    number = {c.code: i for i, c in enumerate(classes)}
    targets = training.rows["target"].replace_strict(number, default=-1, return_dtype=pl.Int64).to_numpy()
    bank = training.features[first_by_digest(training.rows, MOST_FEATURES)]
    out.known, without = fit_statistics(training.features, training.logits, targets, bank, len(classes))
    out.limits += [Limit("no-statistics", words) for words in without]


def add_ood(out: Fitted, validation: Seen, method: OodMethod, settings: Settings) -> None:
    """The score that refuses and its threshold, by the statistics in `out`, from the validation images seen."""
    if method not in available(out.known):
        out.limit(
            "refuses-nothing",
            f"Nothing is refused for being unlike the training images: there is no {method} score.",
        )
        return
    scores = SCORES[method].compute(validation.logits, validation.features, out.known, settings)
    threshold = float(np.quantile(scores, OOD_QUANTILE, method="higher"))
    out.ood = Ood(
        method=method, k=settings.k, temperature=settings.temperature, threshold=threshold, quantile=OOD_QUANTILE
    )
    if len(scores) < 1 / (1 - OOD_QUANTILE):
        out.limit(
            "refusal-from-few",
            f"The refusal threshold comes from {len(scores)} validation images: it is simply the largest {method} "
            "score among them.",
        )


def _fit_sets(
    out: Fitted,
    p: np.ndarray,
    targets: np.ndarray,
    rows: pl.DataFrame,
    codes: list[str],
    unit: str,
    choice: Choice,
) -> None:
    column = "" if choice.by == CLASS else choice.by
    if column and column not in rows.columns:
        raise CutisError(f"sets by {column}: {nearest(column, [CLASS, *rows.columns])}")
    units = rows["group"].to_numpy()
    out.conformal = fit_conformal(
        p,
        targets,
        rows["image_id"].to_list(),
        codes,
        coverage=choice.coverage,
        unit=unit,
        units=units,
        method=choice.sets,
        by=choice.by,
        groups=rows[column].cast(pl.String).to_list() if column else (),
    )
    if out.conformal is None:
        least, found, worth = least_units(choice.coverage), len(np.unique(units)), effective_units(units)
        counted = "" if worth > found - 0.5 else f", which count as {worth:.1f}, as some have most of the images"
        out.limit(
            "no-sets",
            f"No sets: {choice.coverage:.0%} coverage needs at least {least} validation {unit}s and there are "
            f"{found}{counted}.",
        )
        return
    open_to_all = [name for name, value in out.conformal.quantiles.items() if value is None]
    if open_to_all:
        out.limit(
            "open-sets",
            f"Too few validation {unit}s for {choice.coverage:.0%} coverage of {', '.join(open_to_all)}: "
            + ("such a class is in every set." if choice.by == CLASS else "there every class is in the set."),
        )


def _fit_points(
    out: Fitted, p: np.ndarray, targets: np.ndarray, units: np.ndarray, classes: Sequence[ClassInfo], unit: str
) -> None:
    sick = np.array([c.malignant is True for c in classes])
    well = np.array([c.malignant is False for c in classes])
    if not sick.any() or not well.any():
        out.limit("no-operating-points", "No operating points: the classes are not marked as malignant and benign.")
        return
    rows = sick[targets] | well[targets]  # classes that are neither stay out
    malignant, of = sick[targets][rows], units[rows]
    found = len(np.unique(of[malignant])), len(np.unique(of[~malignant]))
    if min(found) < LEAST_PER_SIDE:
        out.limit(
            "no-operating-points",
            f"No operating points: they need {LEAST_PER_SIDE} malignant and {LEAST_PER_SIDE} benign validation "
            f"{unit}s; there are {found[0]} and {found[1]}.",
        )
        return
    score, n_units = p[rows][:, sick].sum(1), len(np.unique(of))
    out.operating_points = tuple(operating_point(score, malignant, s, n_units) for s in SENSITIVITIES)
