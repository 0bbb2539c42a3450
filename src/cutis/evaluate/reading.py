"""Other systems' predictions, in the shapes in which people keep them, as a predictions table that can be audited.

Read: CSV (comma, semicolon or tab) and Parquet with one row an image and one column a class (named by the class, or
p_<class>, prob_<class>, score_<class>, logit_<class>), with one row for each image and class, or with a single score of
the positive class; ISIC challenge submissions with their ground truth in a file of its own. What can't be read is
refused with the column to add.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
import polars as pl

from cutis.errors import CutisError, nearest
from cutis.evaluate.arrays import Floats, Ints
from cutis.evaluate.class_names import finder, path_of
from cutis.evaluate.columns import (
    ANSWERS,
    FALSE,
    IDENTITY_ALIASES,
    TARGETS,
    TRUE,
    WEIGHTS,
    find_column,
    folded,
    with_known_names,
)
from cutis.evaluate.shapes import Scores, find_scores
from cutis.evaluate.tables import load_table
from cutis.evaluate.truth import Truth, as_truth
from cutis.schema.classes import ClassInfo
from cutis.schema.identity import IDENTITY, tidy_identity
from cutis.schema.predictions import Predictions, PredictionsInfo, Task
from cutis.schema.vocabulary import NO_COMMON_PATH, is_malignant

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

Find = Callable[[str], int | None]


def read_predictions(
    path: Path | str,
    *,
    truth: Path | str | None = None,
    score: str | None = None,
    stand_alone: bool = False,
) -> Predictions:
    """A predictions file: Cutis's own, or another system's CSV or Parquet.

    truth: a table with the true classes, by image, if they are in a file of their own. score: the column with the
    positive class's probability, where several could be it. stand_alone: accept class scores in 0..1 that don't sum to
    one, as challenges do (`PredictionsInfo.task` is then "one-against-rest"). Each row's answer is the largest score
    (of equals the first), or "score > 0.5"; a text column `predicted` beside one column a class takes precedence. How
    the table was read is in `PredictionsInfo.notes`.

    Raises CutisError, with file, row and column, and the column to add or the option to give.
    """
    path = Path(path)
    if is_cutis(path):
        if truth is not None or score is not None:
            flag = "--truth" if truth is not None else "--score"
            raise CutisError(
                f"{path}: a Cutis predictions file, which holds its own scores and truth. Leave out {flag}."
            )
        return Predictions.load(path)
    where = str(path)
    table = load_table(path)
    given = None if truth is None else _truth_table(Path(truth))
    table = with_known_names(table, () if score is None else (score,))
    if "image_id" not in table.columns:
        raise CutisError(
            f"{where}: no column says which image a row is (columns: {', '.join(table.columns[:8])}). "
            f"Add column image_id (also read: {', '.join(IDENTITY_ALIASES['image_id'][:6])})."
        )
    expected = _expected(table, given)
    scores = find_scores(table, where, score=score, expected=expected, has_truth=given is not None)
    notes = [f"Read from {path.name}: {scores.shape}."]
    table, values = scores.table, scores.values
    table = tidy_identity(table, where)
    if given is not None:
        table = _with_truth(table, given, where, notes)
    if scores.single:
        return _two_way(scores, table, values, where, notes)
    return _many(scores.codes, table, values, given, where, stand_alone, notes)


def is_cutis(path: Path) -> bool:
    """Whether `Predictions.load` is the one to read it, or to say what is wrong with it."""
    if not path.is_file():
        return True
    if path.suffix.casefold() not in (".parquet", ".pq"):
        return False
    import pyarrow as pa
    import pyarrow.parquet as pq

    try:
        return b"cutis" in (pq.read_schema(path).metadata or {})
    except (pa.ArrowInvalid, OSError):
        return True


def _truth_table(path: Path) -> Truth:
    table = with_known_names(load_table(path))
    if "image_id" not in table.columns:
        raise CutisError(f"{path}: no column says which image a row is. Add column image_id.")
    return as_truth(tidy_identity(table, str(path)), str(path))


def _expected(table: pl.DataFrame, truth: Truth | None) -> list[str]:
    """The class names that the truth uses, as far as it says."""
    if truth is not None:
        return list(truth.codes)
    column = find_column(table.columns, TARGETS)
    return [] if column is None else table[column].cast(pl.String).drop_nulls().unique().to_list()[:1000]


def _with_truth(table: pl.DataFrame, truth: Truth, where: str, notes: list[str]) -> pl.DataFrame:
    """The rows with their truth beside them. Raises CutisError if an image of the truth has no prediction."""
    lost = truth.table.join(table, on="image_id", how="anti")
    if len(lost):
        raise CutisError(
            f'{where}: image "{lost["image_id"][0]}" is in the truth but has no prediction ({len(lost)} such images). '
            "Predict them, or take them out of the truth file."
        )
    extra = table.join(truth.table, on="image_id", how="anti")
    if len(extra):
        notes.append(f"{len(extra)} predicted images are not in the truth file.")
    ours = [c for c in table.columns if c == "image_id" or c not in truth.table.columns]
    return table.select(ours).join(truth.table, on="image_id", how="left", maintain_order="left")


def _two_way(scores: Scores, table: pl.DataFrame, values: Floats, where: str, notes: list[str]) -> Predictions:
    """The table of a single score: one class is positive, the other is the rest."""
    target = find_column(table.columns, TARGETS)
    if target is None:
        raise CutisError(
            f"{where}: no column says what is true. Add column target with 0 or 1 (1 for malignant), or give "
            "--truth FILE."
        )
    said = table[target].cast(pl.String).str.strip_chars()
    labels = {v for v in said.drop_nulls().unique().to_list() if v}
    if {v.casefold() for v in labels} <= TRUE | FALSE:
        positive = {v for v in labels if v.casefold() in TRUE}
        classes = (
            ClassInfo(code="benign", name="Benign", diagnosis="Benign", malignant=False),
            ClassInfo(code="malignant", name="Malignant", diagnosis="Malignant", malignant=True),
        )
        notes.append(f"In column {target}, 1 (or true, malignant) is taken as malignant and 0 as benign.")
    else:
        positive = {v for v in labels if _malignant(v)}
        if not 0 < len(positive) < len(labels) or len(labels) > 2:
            raise CutisError(
                f"{where}: column {scores.column} is a single score, but column {target} holds "
                f"{', '.join(sorted(labels)[:6])}: which of them it is the score of is not known. Write 1 and 0 "
                "there, or one column a class (p_<class>)."
            )
        well = labels - positive
        classes = (class_info(min(well)), class_info(min(positive)))
    codes = [c.code for c in classes]
    p = np.column_stack([1 - values[:, 0], values[:, 0]])
    known = [None if v is None or v == "" else codes[v in positive] for v in said.to_list()]
    answer = (values[:, 0] > 0.5).astype(int)  # of equals the first, as with more classes
    table = table.drop(target)
    return _assemble(table, classes, p, known, answer, "multi-class", notes)


def _many(
    codes: Sequence[str],
    table: pl.DataFrame,
    values: Floats,
    truth: Truth | None,
    where: str,
    stand_alone: bool,
    notes: list[str],
) -> Predictions:
    """The table of one score a class."""
    classes = tuple(class_info(c) for c in codes)
    if truth is not None and truth.hot and not truth.several:
        unseen = [c for c in truth.codes if finder(classes)(c) is None]
        if [folded(c) for c in unseen] == ["unk"]:  # ISIC 2019: the submission may not answer it, but it is scored
            classes, values = (*classes, class_info(unseen[0])), np.column_stack([values, np.zeros(len(values))])
            notes.append("The predictions have no column UNK: its score is 0 throughout.")
    find = finder(classes)
    out = (values < 0) | (values > 1)
    if out.any():
        i, k = np.argwhere(out)[0]
        raise CutisError(
            f"{where}: row {i + 1}: the score of {classes[k].code} is {values[i, k]:g}; probabilities are in 0..1. "
            f"Call the columns logit_<class> if they are logits."
        )
    if "labels" in table.columns:
        labels = _label_lists(table["labels"], find, [c.code for c in classes], where)
        return _assemble(table.drop("labels"), classes, values, None, None, "multi-label", notes, labels)
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
        notes.append("The classes' scores don't sum to one, so each stands alone: calibration is not measured.")
    elif (off > 1e-3).any():
        notes.append(f"Rows sum to one within {off.max():.3f} only (rounded when written); each is divided by its sum.")
        values = values / sums[:, None]
    column = find_column(table.columns, TARGETS)
    if column is None:
        raise CutisError(
            f"{where}: no column says what is true. Add column target with one of {', '.join(codes[:8])}, or give "
            "--truth FILE."
        )
    known = _matched(table[column], find, [c.code for c in classes], where)
    given = find_column(table.columns, ANSWERS)
    top = values.max(1, keepdims=True)
    answer = values.argmax(1)
    tied = int(((values == top).sum(1) > 1).sum())
    if given is not None and table[given].dtype == pl.String and not given.startswith("p_"):
        named = _matched(table[given], find, [c.code for c in classes], where)
        place = {c.code: k for k, c in enumerate(classes)}
        answer = np.array([answer[i] if c is None else place[c] for i, c in enumerate(named)], np.int64)
        table = table.drop(given)
        notes.append(f"The answers are those of column {given}.")
    elif tied:
        notes.append(f"{tied} rows have no single largest score; their answer is the first of the classes that tie.")
    return _assemble(table.drop(column), classes, values, known, answer, task, notes)


def _matched(column: pl.Series, find: Find, codes: Sequence[str], where: str) -> list[str | None]:
    """Class code of each label, None where it is empty. Raises CutisError, naming row and column."""
    found: list[str | None] = []
    for row, label in enumerate(column.cast(pl.String).to_list(), 1):
        if label is None or not label.strip():
            found.append(None)
            continue
        k = find(label)
        if k is None:
            raise CutisError(
                f'{where}: row {row}: {column.name} "{label}" is none of the classes: {nearest(label, codes)}'
            )
        found.append(codes[k])
    return found


def _label_lists(column: pl.Series, find: Find, codes: Sequence[str], where: str) -> list[list[str] | None]:
    """Class codes of each row's labels, from lists or from text such as "mel;bcc".

    None where unknown (an empty cell), [] for "none".
    """
    if not column.dtype.is_nested():
        column = column.cast(pl.String).str.replace_all(r"[;|,]\s*", ";").str.split(";")
    found: list[list[str] | None] = []
    for row, labels in enumerate(column.to_list(), 1):
        if labels is None or labels == [""]:
            found.append(None)
            continue
        held = []
        for label in labels:
            if label is None or not label.strip() or label.strip().casefold() == "none":
                continue
            k = find(label)
            if k is None:
                raise CutisError(
                    f'{where}: row {row}: labels "{label}" is none of the classes: {nearest(label, codes)}'
                )
            held.append(codes[k])
        found.append(list(dict.fromkeys(held)))
    return found


def _assemble(
    table: pl.DataFrame,
    classes: tuple[ClassInfo, ...],
    p: Floats,
    target: list[str | None] | None,
    answer: Ints | None,
    task: Task,
    notes: list[str],
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
            columns[weight] = table[weight].cast(pl.Float64, strict=False)
    columns |= {c: table[c] for c in table.columns if c not in columns}
    two_way = {True, False} <= {c.malignant for c in classes}
    points = {_POINT: {"threshold": 0.5}} if two_way and task == "multi-class" else {}
    info = PredictionsInfo(classes=classes, task=task, notes=tuple(notes), operating_points=points)
    return Predictions(pl.DataFrame(columns), info)


def class_info(code: str) -> ClassInfo:
    """A class of another system's, with its place in the ISIC vocabulary as far as its name says."""
    folded_code = folded(code)
    path = path_of(code) or path_of(code.replace("_", " "))
    merged = folded_code in NO_COMMON_PATH
    return ClassInfo(
        code=code,
        name=_NAMES.get(folded_code, code.replace("_", " ")),
        diagnosis=":".join(path) or None,
        malignant=_malignant(code),
        note="merges an indeterminate and a malignant diagnosis, so it is left out of malignant against benign."
        if merged
        else "",
    )


def _malignant(label: str) -> bool | None:
    """Whether a label means a malignant diagnosis; None if the vocabulary doesn't say."""
    path = path_of(label) or path_of(label.replace("_", " "))
    return is_malignant((*path, *[None] * (5 - len(path)))) if path else None  # type: ignore[arg-type]
