"""Other systems' predictions, in the shapes in which people keep them, as a predictions table that can be audited.

Read: CSV (comma, semicolon or tab) and Parquet with one row an image and one column a class (named by the class, or
p_<class>, prob_<class>, score_<class>, logit_<class>), with one row for each image and class, or with a single score of
the positive class; ISIC challenge submissions with their ground truth in a file of its own. What can't be read is
refused with the column to add.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

import numpy as np
import polars as pl

from cutis.errors import CutisError
from cutis.evaluate.arrays import Floats, Ints
from cutis.evaluate.class_names import finder
from cutis.evaluate.columns import (
    ANSWERS,
    IDENTITY_ALIASES,
    TARGETS,
    WEIGHTS,
    keyed,
    other_columns,
    other_truths,
    weighed,
    with_known_names,
)
from cutis.evaluate.image_names import without_folders
from cutis.evaluate.labels import label_lists, matched, said_labels
from cutis.evaluate.shapes import Scores, find_scores, probabilities
from cutis.evaluate.sides import place, side_of
from cutis.evaluate.single_score import direction
from cutis.evaluate.truth import Truth, as_truth, truth_column, with_hot_truth
from cutis.schema.classes import ClassInfo
from cutis.schema.identity import IDENTITY, tidy_identity
from cutis.schema.predictions import Predictions, PredictionsInfo, Task
from cutis.schema.remarks import Remark
from cutis.schema.spelling import folded as folded_id
from cutis.schema.spelling import folded_ids
from cutis.schema.vocabulary import NO_COMMON_PATH
from cutis.tables import as_text, find_column, folded, load_table

_ROUNDED = 0.02  # rows that sum to one within this were rounded when written, and are divided by their sum
_NAMES = {
    "mel": "Melanoma",
    "nv": "Melanocytic nevus",
    "bkl": "Benign keratosis-like lesion",
    "bcc": "Basal cell carcinoma",
    "akiec": "Actinic keratosis / intraepithelial carcinoma",
    "ak": "Actinic keratosis",
    "df": "Dermatofibroma",
    "vasc": "Vascular lesion",
    "scc": "Squamous cell carcinoma",
    "unk": "None of the others",
}
_POINT = "p 0.5"


@dataclass
class Told:
    """What a reader must know of how a table was read."""

    notes: list[str] = field(default_factory=list)
    remarks: list[Remark] = field(default_factory=list)


def read_predictions(
    path: Path | str,
    *,
    truth: Path | str | None = None,
    score: str | None = None,
    score_is: str | None = None,
    stand_alone: bool = False,
) -> Predictions:
    """A predictions file: Cutis's own, or another system's CSV or Parquet.

    truth: a table with the true classes, by image, if they are in a file of their own. score: the column with the
    probability of one class, where several could be it. score_is: the class that a single score is of, where its name
    doesn't say it: a label of the truth, or "malignant" or "benign". stand_alone: accept class scores in 0..1 that
    don't sum to one, as challenges do (`PredictionsInfo.task` is then "one-against-rest"). Each row's answer is the
    largest score (of equals the first), or "score > 0.5"; a column `predicted` beside one column a class takes
    precedence. How the table was read, and what could not be read of its attributes, is in `PredictionsInfo.notes` and
    `.remarks`.

    Raises CutisError, with file, row and column, and the column to add or the option to give.
    """
    path = Path(path)
    if is_cutis(path):
        given_besides = {"--truth": truth, "--score": score, "--score-is": score_is}
        flag = next((flag for flag, value in given_besides.items() if value is not None), None)
        if flag is not None:
            raise CutisError(
                f"{path}: a Cutis predictions file, which holds its own scores and truth. Leave out {flag}."
            )
        return Predictions.load(path)
    where = str(path)
    told = Told()
    table = _known(path, told, () if score is None else (score,))
    given = None if truth is None else _truth_table(Path(truth), told)
    if "image_id" not in table.columns:
        raise CutisError(
            f"{where}: no column says which image a row is (columns: {', '.join(table.columns[:8])}). "
            f"Add column image_id (also read: {', '.join(IDENTITY_ALIASES['image_id'][:6])})."
        )
    if given is None:
        table = without_folders([table], told.notes)[0]
    else:
        table, known = without_folders([table, given.table], told.notes)
        given = replace(given, table=known)
    expected = _expected(table, given)
    scores = find_scores(table, where, score=score, expected=expected, has_truth=given is not None)
    told.notes.insert(0, f"Read from {path.name}: {scores.shape}.")
    table, values = scores.table, scores.values
    table = tidy_identity(table, where)
    if given is not None:
        table = _with_truth(table, given, where, told.notes)
    if scores.single:
        return _two_way(scores, table, values, given, where, told, score_is)
    if score_is is not None:
        raise CutisError(f"{where}: --score-is is for a single score; here is {scores.shape}. Leave it out.")
    return _many(scores.codes, table, values, given, where, stand_alone, told)


def _known(path: Path, told: Told, leave: Sequence[str] = ()) -> pl.DataFrame:
    """The table of a file, with the names that Cutis has for what it knows of."""
    table, notes = load_table(path)
    told.notes += [f"{note}." for note in notes]
    told.notes += other_columns(table, str(path))
    table, remarks = with_known_names(table, leave)
    told.remarks += remarks
    return weighed(keyed(table, told.notes), str(path))


def is_cutis(path: Path) -> bool:
    """Whether `Predictions.load` is the one to read it, or to say what is wrong with it."""
    if not path.is_file():
        return True
    if path.suffix.casefold() not in (".parquet", ".pq"):
        return False
    import pyarrow as pa
    import pyarrow.parquet as pq

    try:
        return b"cutis" in (pq.read_schema(path.absolute()).metadata or {})
    except (pa.ArrowInvalid, OSError):
        return True


def _truth_table(path: Path, told: Told) -> Truth:
    table = _known(path, told)
    if "image_id" not in table.columns:
        raise CutisError(f"{path}: no column says which image a row is. Add column image_id.")
    target = find_column(table.columns, TARGETS)
    told.notes += [] if target is None else other_truths(table, target, str(path))
    return as_truth(tidy_identity(table, str(path)), str(path))


def _expected(table: pl.DataFrame, truth: Truth | None) -> list[str]:
    """The class names that the truth uses, as far as it says."""
    if truth is not None:
        return list(truth.codes)
    column = find_column(table.columns, TARGETS)
    return [] if column is None else as_text(table[column]).drop_nulls().unique().to_list()[:1000]


def _with_truth(table: pl.DataFrame, truth: Truth, where: str, notes: list[str]) -> pl.DataFrame:
    """The rows with their truth beside them. Raises CutisError if an image of the truth has no prediction."""
    lost = truth.table.join(table, on="image_id", how="anti")
    if len(lost):
        first = str(lost["image_id"][0])
        like = table["image_id"].filter(folded_ids(table["image_id"]) == folded_id(first))
        remedy = "Predict them, or take them out of the truth file."
        raise CutisError(
            f'{where}: image "{first}" is in the truth but has no prediction ({len(lost)} such images). '
            + (f'Here is "{like[0]}": write ids alike in both files.' if len(like) else remedy)
        )
    extra = table.join(truth.table, on="image_id", how="anti")
    if len(extra):
        notes.append(f"{len(extra)} predicted images are not in the truth file.")
    own = find_column(table.columns, TARGETS)
    joined = table.select(c for c in table.columns if c == "image_id" or (c not in truth.table.columns and c != own))
    joined = joined.join(truth.table, on="image_id", how="left", maintain_order="left")
    if own is not None and "target" in joined.columns:
        differ = as_text(table[own]).str.strip_chars().replace("", None) != joined["target"]
        n = int(differ.fill_null(False).sum())
        notes += [f"{n:,} rows say another {own} than the truth file, which counts."] if n else []
    return joined


def _two_way(
    scores: Scores,
    table: pl.DataFrame,
    values: Floats,
    truth: Truth | None,
    where: str,
    told: Told,
    score_is: str | None,
) -> Predictions:
    """The table of a single score: one class is positive, the other is the rest."""
    if truth is not None and truth.several and len(truth.codes) == 1:  # a truth of 0 and 1, named after its class
        hot = pl.col("labels").list.len().cast(pl.String).alias(truth.codes[0])
        table = table.with_columns(hot).drop("labels")
    target = truth_column(table)
    if target is None:
        raise CutisError(
            f"{where}: no column says what is true. Add column target with 0 or 1 (1 for malignant), or give "
            "--truth FILE."
        )
    told.notes += other_truths(table, target, where)
    said, notes = said_labels(table[target])
    labels = sorted({label for label in said if label is not None})
    found = direction(labels, target, scores.column, where, score_is)
    classes = tuple(_side(name) or class_info(name) for name in found.names)
    codes = [c.code for c in classes]
    told.notes += notes
    if found.one is not None:
        yes, no = codes[found.one], codes[1 - found.one]
        told.notes.append(f"In column {target}, 1 (or true, {yes}) is taken as {yes} and 0 as {no}.")
    if found.scored == 0:
        how = "as asked with --score-is" if score_is is not None else "by its name"
        words = f"Column {scores.column} is the score of {codes[0]}, {how}: that of {codes[1]} is 1 minus it."
        told.remarks.append(Remark(code="turned", about=scores.column, words=words))
    p = np.column_stack([values[:, 0], 1 - values[:, 0]] if found.scored == 0 else [1 - values[:, 0], values[:, 0]])
    known = [None if label is None else codes[found.number[label]] for label in said]
    answer = p.argmax(1)  # of equals the first, as with more classes
    return _assemble(table.drop(target), classes, p, known, answer, "multi-class", told)


def _side(name: str) -> ClassInfo | None:
    malignant = {"malignant": True, "benign": False}.get(name)
    if malignant is None:
        return None
    return ClassInfo(code=name, name=name.capitalize(), diagnosis=name.capitalize(), malignant=malignant)


def _many(
    codes: Sequence[str],
    table: pl.DataFrame,
    values: Floats,
    truth: Truth | None,
    where: str,
    stand_alone: bool,
    told: Told,
) -> Predictions:
    """The table of one score a class."""
    classes = tuple(class_info(c) for c in codes)
    if truth is not None and truth.hot and not truth.several:
        unseen = [c for c in truth.codes if finder(classes)(c) is None]
        if [folded(c) for c in unseen] == ["unk"]:  # ISIC 2019: the submission may not answer it, but it is scored
            classes, values = (*classes, class_info(unseen[0])), np.column_stack([values, np.zeros(len(values))])
            told.notes.append("The predictions have no column UNK: its score is 0 throughout.")
    values = probabilities(values, [f"the score of {c.code}" for c in classes], where)
    if truth is None and find_column(table.columns, TARGETS) is None and "labels" not in table.columns:
        table = with_hot_truth(table, classes, where, told.notes)
    if "labels" in table.columns:
        labels = label_lists(table["labels"], classes, where)
        return _assemble(table.drop("labels"), classes, values, None, None, "multi-label", told, labels)
    task: Task = "multi-class"
    sums = values.sum(1)
    off = np.abs(sums - 1)
    if (off > _ROUNDED).any():
        i = int(np.argmax(off > _ROUNDED))
        if not stand_alone:
            raise CutisError(
                f"{where}: row {i + 1}: probabilities sum to {sums[i]:.4f}, not 1. Write softmax outputs; or call the "
                "columns logit_<class> if they are logits; or add a column labels if several classes may be true at "
                "once; or give --protocol, as challenges take scores that stand each alone."
            )
        task = "one-against-rest"
        told.notes.append("The classes' scores don't sum to one, so each stands alone: calibration is not measured.")
    elif (off > 1e-3).any() and stand_alone:  # divided, scores would tie otherwise, or pass 0.5, than in the scorer
        task = "one-against-rest"
        told.notes.append(
            f"Rows sum to one within {off.max():.3f} only (rounded when written), and a challenge takes scores as they "
            "are: calibration is not measured."
        )
    elif (off > 1e-3).any():
        told.notes.append(
            f"Rows sum to one within {off.max():.3f} only (rounded when written); each is divided by its sum."
        )
        values = values / sums[:, None]
    column = truth_column(table)
    if column is None:
        raise CutisError(
            f"{where}: no column says what is true. Add column target with one of {', '.join(codes[:8])}, or give "
            "--truth FILE."
        )
    told.notes += other_truths(table, column, where)
    known, notes = matched(table[column], classes, where)
    told.notes += notes
    given = find_column(table.columns, ANSWERS)
    top = values.max(1, keepdims=True)
    answer = values.argmax(1)
    tied = int(((values == top).sum(1) > 1).sum())
    if given is not None and not table[given].dtype.is_float() and not given.startswith("p_"):
        named, _ = matched(table[given], classes, where)
        said = len(named) - named.count(None)
        place = {c.code: k for k, c in enumerate(classes)}
        answer = np.array([answer[i] if c is None else place[c] for i, c in enumerate(named)], np.int64)
        table = table.drop(given)
        rest = "" if said == len(named) else f" where it says one ({said:,} of {len(named):,} rows)"
        told.notes += [f"The answers are those of column {given}{rest}."] if said else []
    elif tied:
        told.notes.append(
            f"{tied} rows have no single largest score; their answer is the first of the classes that tie."
        )
    return _assemble(table.drop(column), classes, values, known, answer, task, told)


def _assemble(
    table: pl.DataFrame,
    classes: tuple[ClassInfo, ...],
    p: Floats,
    target: list[str | None] | None,
    answer: Ints | None,
    task: Task,
    told: Told,
    labels: list[list[str] | None] | None = None,
) -> Predictions:
    """The predictions file: the columns that every one has, then what the table held besides."""
    n, codes = len(table), [c.code for c in classes]
    nothing = pl.Series([None] * n, dtype=pl.String)
    columns: dict[str, pl.Series] = {c: table[c] if c in table.columns else nothing for c in IDENTITY}
    columns["target"] = pl.Series([None] * n if target is None else target, dtype=pl.String)
    columns["predicted"] = nothing if answer is None else pl.Series([codes[k] for k in answer], dtype=pl.String)
    columns |= {f"p_{c}": pl.Series(p[:, k]) for k, c in enumerate(codes)}
    columns["set"] = pl.Series([None] * n, dtype=pl.List(pl.String))
    columns["ood"] = pl.Series([None] * n, dtype=pl.Float64)
    columns["status"] = pl.Series(["ok"] * n)
    columns["reason"] = nothing
    if labels is not None:
        columns["labels"] = pl.Series(labels, dtype=pl.List(pl.String))
    for weight in WEIGHTS:
        if weight in table.columns:
            columns[weight] = table[weight]
    columns |= {c: table[c] for c in table.columns if c not in columns}
    two_way = {True, False} <= {c.malignant for c in classes}
    points = {_POINT: {"threshold": 0.5}} if two_way and task == "multi-class" else {}
    notes = (*told.notes, *(remark.words for remark in told.remarks))
    info = PredictionsInfo(
        classes=classes, task=task, notes=notes, remarks=tuple(told.remarks), operating_points=points
    )
    return Predictions(pl.DataFrame(columns), info)


def class_info(code: str) -> ClassInfo:
    """A class of another system's, with its place in the ISIC vocabulary as far as its name says."""
    folded_code = folded(code)
    path = place(code)
    merged = folded_code in NO_COMMON_PATH
    return ClassInfo(
        code=code,
        name=_NAMES.get(folded_code, code.replace("_", " ")),
        diagnosis=":".join(path) or None,
        malignant=side_of(code),
        note="merges an indeterminate and a malignant diagnosis, so it is left out of malignant against benign."
        if merged
        else "",
    )
