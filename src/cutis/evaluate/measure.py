"""`measure`: from a predictions file to the evidence.

Metric names, for `Evidence.find(metric, class_code, attribute, group)`. Overall: accuracy, accuracy_kept (of rows not
refused), refused, balanced_accuracy, macro_auroc, brier, ece; coverage (of images; also coverage_per_lesion, where one
has several), set_size and empty_sets if there are sets. For
each class code: auroc, sensitivity, specificity, sensitivity_at_specificity_0.90 and _0.95,
specificity_at_sensitivity_0.90 and _0.95, coverage. For class code "malignant", if the classes say which they are:
auroc, the four at fixed rates, and sensitivity_at_point_NAME and specificity_at_point_NAME for each operating point of
the bundle (for the whole table also ppv, npv and nnb, see `prevalence`), prevalence, net_benefit_at_T (`decision`). For
the whole table also: average_precision of each class, top_K_accuracy and reciprocal_rank, accuracy_level_L and
tree_distance (`hierarchy`), differential_... (`differential`), and a protocol's "<protocol>:<metric>" (`protocols`). Of
multi-label tables: see `multilabel`. By group: the overall ones, and malignant's auroc and operating points. How far
apart the groups of an attribute are: see `cutis.evaluate.fairness`.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
import polars as pl
import polars.selectors as cs

from cutis import __version__
from cutis.errors import CutisError
from cutis.evaluate.bootstrap import check_resampling
from cutis.evaluate.calibration import reliability
from cutis.evaluate.cases import How, Per, check_per, per_case
from cutis.evaluate.discrimination import MALIGNANT, roc_curve
from cutis.evaluate.fairness import compare_groups
from cutis.evaluate.groups import find_groups
from cutis.evaluate.malignancy import is_two_way, thresholds, two_way
from cutis.evaluate.notes import make_notes, spelling_notes
from cutis.evaluate.numbers import measure_sample
from cutis.evaluate.prevalence import check_prevalence
from cutis.evaluate.protocols import find_protocol
from cutis.evaluate.reading import read_predictions
from cutis.evaluate.sample import Sample, make_sample
from cutis.evaluate.without import without_tone
from cutis.files import sha256_file
from cutis.schema.content import check_folder
from cutis.schema.evidence import Counts, Evidence, Measured, Mistake, RocCurve
from cutis.schema.identity import group_ids, unit_name
from cutis.schema.predictions import Predictions, check_predictions

_MISTAKES = 24


def measure(
    predictions: Predictions | Path | str,
    *,
    by: Sequence[str] | None = None,
    resamples: int = 1000,
    seed: int = 0,
    level: float = 0.95,
    unit: str | None = None,
    protocol: str | None = None,
    per: Per | None = None,
    combine: How = "mean",
    prevalence: float | None = None,
    truth: Path | str | None = None,
    score: str | None = None,
    score_is: str | None = None,
) -> Evidence:
    """Measure a predictions file: every metric with its interval, overall and by group.

    Rows that are answered (status "ok" or "refused") and have a target count. `predicted` is taken as it is given.
    Intervals are percentile intervals of a cluster bootstrap (see `cutis.evaluate.bootstrap`); AUROCs of images without
    any identity have DeLong's instead, which their `reason` says. A number that rests on
    fewer than 5 units (for AUROC: 5 with the class and 5 without) is "not estimable"; below 10 it has no interval.

    by: columns to group by instead of the attributes present ("sex*age_band" crosses two). resamples: >= 40. level: of
    the intervals, in 0.5..0.999. unit: None resamples patients, else lesions, as far as they are known
    (`schema.identity.group_ids`); "image" takes every image as independent, and is stamped on the evidence.
    protocol: a challenge whose scores to add (`cutis.evaluate.protocols.PROTOCOLS`). per, combine: answer a "case",
    "lesion" or "patient" by all its photographs (`cases.per_case`). prevalence: of malignancy where the model would be
    used, 0..1, for predictive values and decision curves. truth, score, score_is: for other systems' files
    (`reading.read_predictions`).
    Raises CutisError for a file that can't be audited, or with no row to measure; also for a file of ours whose dataset
    is where it was, with labels or ids that were changed by hand.
    """
    check_resampling(resamples, seed, level, unit)
    check_prevalence(prevalence)
    check_per(per, combine)
    challenge = None if protocol is None else find_protocol(protocol)
    if isinstance(predictions, Predictions):
        name, digest, where = "", "", "predictions"
        if (truth, score, score_is) != (None, None, None):
            raise CutisError("truth, score and score_is are for another system's file; these hold their own.")
    else:
        path = Path(predictions)
        predictions = read_predictions(
            path, truth=truth, score=score, score_is=score_is, stand_alone=challenge is not None
        )
        now = check_folder(Path(predictions.info.images)) if predictions.info.images else ""
        if now and predictions.info.dataset_digest not in ("", now):
            stale = f"{predictions.info.dataset} holds other images, labels or ids now than when this was predicted."
            told = predictions.info.model_copy(update={"notes": (*predictions.info.notes, stale)})
            predictions = replace(predictions, info=told)
        name, digest, where = path.name, sha256_file(path), str(path)
    predictions = replace(predictions, table=check_predictions(predictions.table, predictions.info, where))
    if per is not None:
        predictions = per_case(predictions, per, combine)
    info = predictions.info
    # Identity is read from the whole table: an unlabelled row may link two labelled ones. The order of rows is dropped.
    table = predictions.table.drop(cs.starts_with("logit_")).sort("image_id")
    del predictions  # here and below: of millions of rows, what is done with is let go of
    labelled = table["labels" if info.task == "multi-label" else "target"].is_not_null()
    measurable = ((table["status"] != "error") & labelled).to_numpy()
    if not measurable.any():
        raise CutisError(f"{where}: nothing to evaluate: {_why_nothing(table, labelled)}")
    known = unit_name(table)
    units = np.arange(len(table)) if unit == "image" else group_ids(table)
    chosen = table.filter(pl.Series(measurable))
    sample = make_sample(Predictions(chosen, info), units[measurable], "image" if unit == "image" else known, where)
    points = thresholds(info.operating_points, where)
    groups, ungrouped = find_groups(chosen, by, where)
    several = sample.labels is not None  # then no row has one true class, and what rests on it is left out
    mistakes = [] if several else _mistakes(sample, chosen)
    counts = Counts(
        rows=len(table),
        labelled=int(labelled.sum()),
        ok=int((table["status"] == "ok").sum()),
        refused=int((table["status"] == "refused").sum()),
        error=int((table["status"] == "error").sum()),
        units=sample.n_units,
    )
    notes = [
        *info.notes,
        *(challenge.notes(sample) if challenge is not None else []),
        *make_notes(table, sample, unit, known, points),
        *(spelling_notes(table) if info.split.get("same_ids") != "keep" else []),
        *ungrouped,
    ]
    del table, chosen, units

    def measured(rows: Sample, attribute: str | None = None, group: str | None = None) -> list[Measured]:
        return measure_sample(
            rows,
            attribute=attribute,
            group=group,
            points=points,
            sets=bool(sample.has_set.any()),
            resamples=resamples,
            seed=seed,
            level=level,
            independent=known == "image",
            prevalence=prevalence,
            protocol=challenge,
        )

    numbers = measured(sample)
    for g in groups:
        numbers += measured(sample.subset(g.rows), g.attribute, g.name)
    compared = []
    if not several:
        compared = compare_groups(sample, groups, points=points, resamples=resamples, seed=seed, level=level)
    return Evidence(
        cutis=__version__,
        created=datetime.now(UTC).isoformat(timespec="seconds"),
        predictions_file=name,
        predictions_sha256=digest,
        info=info,
        unit=sample.unit_name,
        level=level,
        resamples=resamples,
        seed=seed,
        counts=counts,
        measured=numbers,
        fairness=[c.fairness for c in compared],
        without=without_tone(sample, groups, resamples=resamples, seed=seed, level=level),
        roc=_curves(sample),
        reliability=reliability(sample) if sample.task == "multi-class" else [],
        confusion=[] if several else _confusion(sample),
        mistakes=mistakes,
        notes=notes,
        protocol=protocol or "",
        prevalence=prevalence,
    )


def _confusion(sample: Sample) -> list[list[int]]:
    """(classes, classes) counts: rows are true classes, columns answers."""
    counts = np.zeros((len(sample.classes), len(sample.classes)), np.int64)
    np.add.at(counts, (sample.target, sample.predicted), 1)
    found: list[list[int]] = counts.tolist()
    return found


def _why_nothing(table: pl.DataFrame, labelled: pl.Series) -> str:
    if not len(table):
        return "the table has no rows."
    if not labelled.any():
        return "no row has a target. Predict on a labelled dataset, or fill the column."
    return 'every labelled row has status "error". See column reason, mend the images and predict again.'


def _curves(sample: Sample) -> list[RocCurve]:
    curves = [roc_curve(sample.p[:, k], sample.case(k), info.code) for k, info in enumerate(sample.classes)]
    if is_two_way(sample.classes) and sample.labels is None:
        question = two_way(sample)
        curves.append(roc_curve(question.score[question.rows], question.case[question.rows], MALIGNANT))
    return [c for c in curves if c is not None]


def _mistakes(sample: Sample, table: pl.DataFrame) -> list[Mistake]:
    """The wrong answers that were given with most confidence, at most one of each unit."""
    said = sample.p[np.arange(len(sample)), sample.predicted]
    found: list[Mistake] = []
    seen: set[int] = set()
    for i in np.argsort(-said, kind="stable").tolist():
        if sample.correct[i] or int(sample.unit[i]) in seen:
            continue
        seen.add(int(sample.unit[i]))
        row = table.row(i, named=True)
        found.append(
            Mistake(
                image_id=row["image_id"],
                file=row.get("file"),
                target=row["target"],
                predicted=row["predicted"],
                p_predicted=float(said[i]),
                p_target=float(sample.p[i, sample.target[i]]),
                answer_set=row["set"] or [],
            )
        )
        if len(found) == _MISTAKES:
            break
    return found
