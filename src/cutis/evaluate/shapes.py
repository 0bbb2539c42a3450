"""The shapes in which other systems write their scores, and how each becomes one probability a class."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import polars as pl

from cutis import tables
from cutis.errors import CutisError, nearest
from cutis.evaluate.arrays import Floats
from cutis.evaluate.class_names import path_of
from cutis.evaluate.columns import ATTRIBUTE_ALIASES, IDENTITY_ALIASES, TARGETS, WEIGHTS
from cutis.evaluate.sides import COUNTED, LOGITS, PREFIXES, class_word, is_class
from cutis.tables import find_column, folded

_SCORES = ("score", "prob", "proba", "probability", "p", "pred", "prediction", "predictions", "confidence", "y_score")
_CLASS = ("class", "class_name", "class_code", "category", "label", "diagnosis", "predicted_class")
_VALUE = ("probability", "prob", "proba", "p", "score", "confidence", "value")
ROUNDING = 1e-6  # how far sums of floats may put a probability outside of 0..1
_NO_CLASS = {"unk", "unknown", "other", "others", "none"}


@dataclass(frozen=True)
class Scores:
    """One probability (or, if `single`, the score of the positive class alone) a row and class.

    table: the rows without the score columns, one an image. codes: classes in column order; () if `single`. values:
    (n, classes) or (n, 1). shape: in words. column: of the single score.
    """

    table: pl.DataFrame
    codes: tuple[str, ...]
    values: Floats
    shape: str
    single: bool = False
    column: str = ""


def find_scores(
    table: pl.DataFrame, where: str, *, score: str | None, expected: Sequence[str], has_truth: bool
) -> Scores:
    """The scores of a table of another system, whichever of the usual shapes it has.

    score: the column to take as the positive class's score. expected: class names that the truth uses. has_truth:
    whether the truth comes in a file of its own (then a column `target` may be the score, as in ISIC's submissions).
    Raises CutisError, with the column to add, where no shape fits.
    """
    if score is not None:
        if score not in table.columns:
            raise CutisError(f"{where}: no column {score} to take as the score: {nearest(score, table.columns)}")
        return _single(table, score, where)
    long = _long(table, where)
    if long is not None:
        return long
    for prefix in (*PREFIXES, *LOGITS):
        columns = [
            c
            for c in table.columns
            if folded(c).startswith(prefix) and len(c) > len(prefix) and folded(c) not in WEIGHTS
        ]
        if len(columns) == 1:
            return _single(table, columns[0], where)
        if columns:
            codes = _numbered([c.strip()[len(prefix) :] for c in columns], expected)
            return _wide(table, columns, codes, where, logits=prefix in LOGITS)
    counted = [c for c in table.columns if COUNTED.fullmatch(folded(c)) and _holds_numbers(table[c])]
    if len(counted) > 1:
        return _wide(table, counted, _numbered(counted, expected), where, logits=False)
    named = _named(table, expected)
    if len(named) == 1:
        return _single(table, next(iter(named)), where)
    if named:
        logits = all("logit" in folded(c) for c in named)
        return _wide(table, list(named), tuple(named.values()), where, logits=logits)
    wanted = {folded(e) for e in expected}
    taken = {a for names in (*IDENTITY_ALIASES.values(), *ATTRIBUTE_ALIASES.values()) for a in names} | set(TARGETS)
    columns = [
        c
        for c in table.columns
        if folded(c) not in taken and (folded(c) in wanted | _NO_CLASS or path_of(c)) and _holds_some(table[c])
    ]
    if len(columns) > 1:
        return _wide(table, columns, tuple(c.strip() for c in columns), where, logits=False)
    return _single(table, _only_score(table, where, expected, has_truth), where)


def _numbered(codes: Sequence[str], expected: Sequence[str]) -> tuple[str, ...]:
    """class_0, class_1, ... as 0, 1, ..., unless the truth writes class_0 too."""
    found = [COUNTED.fullmatch(folded(c)) for c in codes]
    if any(match is None for match in found) or {folded(e) for e in expected} & {folded(c) for c in codes}:
        return tuple(c.strip() for c in codes)
    return tuple(match[1] for match in found if match)


def _named(table: pl.DataFrame, expected: Sequence[str]) -> dict[str, str]:
    """Columns such as benign_probability or "p(mel)" -> the class that they are of: the most that are written alike."""
    wanted = {folded(e) for e in expected}
    groups: dict[str, dict[str, str]] = {}
    for column in table.columns:
        word, name = class_word(column), folded(column)
        if name in WEIGHTS or name in (word, f"is_{word}") or not (word in wanted or is_class(word)):
            continue
        if _holds_some(table[column]):
            groups.setdefault(name.replace(word, ""), {})[column] = word
    best = max(groups.values(), key=len, default={})
    return best if len(best) > 1 or len(groups) == 1 else {}


def numbers(table: pl.DataFrame, columns: Sequence[str], where: str) -> Floats:
    """(n, columns) of the columns as finite numbers; raises CutisError naming the row and column of one that isn't."""
    found = np.stack([tables.numbers(table[c]).fill_null(np.nan).to_numpy() for c in columns], axis=1)
    wrong = ~np.isfinite(found)
    if wrong.any():
        i, k = np.argwhere(wrong)[0]
        said = table[columns[k]][int(i)]
        shown = "is empty" if said is None or said == "" else f'is "{said}"'
        remedy = " Divide percentages by 100, and leave the sign out." if str(said).strip().endswith("%") else ""
        raise CutisError(f"{where}: row {i + 1}: {columns[k]} {shown}; expected a finite number.{remedy}")
    return found


def probabilities(values: Floats, names: Sequence[str], where: str) -> Floats:
    """The values, with what rounding put just outside of 0..1 put back. names: what each column is, for the message.

    Raises CutisError, with its row, for a value further outside.
    """
    values = np.where((values < 0) & (values >= -ROUNDING), 0.0, values)
    values = np.where((values > 1) & (values <= 1 + ROUNDING), 1.0, values)
    out = (values < 0) | (values > 1)
    if out.any():
        i, k = np.argwhere(out)[0]
        percent = (values >= 0).all() and values.max() <= 100 + ROUNDING
        remedy = "Divide percentages by 100; if they are logits, call" if percent else "If they are logits, call"
        raise CutisError(
            f"{where}: row {i + 1}: {names[k]} is {values[i, k]:g}; expected a probability in 0..1. {remedy} "
            f"{'the column logit' if len(names) == 1 else 'the columns logit_<class>'}."
        )
    return values


def _wide(table: pl.DataFrame, columns: Sequence[str], codes: tuple[str, ...], where: str, *, logits: bool) -> Scores:
    alike = [c for c in codes if [folded(d) for d in codes].count(folded(c)) > 1]
    if alike:
        first, other = [c for c, code in zip(columns, codes, strict=True) if folded(code) == folded(alike[0])][:2]
        raise CutisError(
            f'{where}: columns "{first}" and "{other}" both give the score of class {alike[0]}, but for case, blanks '
            "and hyphens. Remove one, or rename one if they are two classes."
        )
    values = numbers(table, columns, where)
    said = f"one column a class ({', '.join(columns)})"
    if logits:
        values = np.exp(values - values.max(1, keepdims=True))
        values /= values.sum(1, keepdims=True)
        said += ", logits, of which the softmax was taken"
    return Scores(table.drop(columns), codes, values, said)


def _single(table: pl.DataFrame, column: str, where: str) -> Scores:
    values = numbers(table, [column], where)
    if "logit" in folded(column):
        values = 1 / (1 + np.exp(-values))
        return Scores(
            table.drop(column), (), values, f"logits in column {column}, of which the sigmoid was taken", True, column
        )
    values = probabilities(values, [column], where)
    return Scores(table.drop(column), (), values, f"one score, in column {column}", True, column)


def _only_score(table: pl.DataFrame, where: str, expected: Sequence[str], has_truth: bool) -> str:
    """The one column that can be the positive class's score."""
    found = [c for c in table.columns if folded(c) in (*_SCORES, "logit") or folded(c).startswith(("pred_", "score"))]
    found = [c for c in found if folded(c) not in WEIGHTS and _holds_numbers(table[c])]
    if not found and has_truth:
        target = find_column(table.columns, ("target",))
        found = [target] if target is not None else []
    if len(found) == 1:
        return found[0]
    if found:
        raise CutisError(
            f"{where}: columns {', '.join(found)} could each be the score. Choose one with --score {found[0]}"
        )
    shown = sorted(set(expected), key=str.casefold)[:3] or ["mel", "nv"]
    columns = ", ".join(f"p_{c}" for c in shown)
    raise CutisError(
        f"{where}: no probabilities in columns {', '.join(table.columns[:8])}. Add one column a class ({columns}, "
        "...), or a column score with the probability of the positive class."
    )


def _holds_numbers(cells: pl.Series) -> bool:
    """Whether more than half of the cells are numbers, percentages too, of which the reading says more."""
    return 2 * _numbers_or_percent(cells).null_count() < len(cells)


def _holds_some(cells: pl.Series) -> bool:
    """Whether a cell is a number or a percentage."""
    return _numbers_or_percent(cells).null_count() < len(cells)


def _numbers_or_percent(cells: pl.Series) -> pl.Series:
    return tables.numbers(cells.str.strip_chars().str.strip_suffix("%") if cells.dtype == pl.String else cells)


def _long(table: pl.DataFrame, where: str) -> Scores | None:
    """The scores of a table with a row for each image and class; None if it isn't one."""
    if "image_id" not in table.columns or not table["image_id"].is_duplicated().any():
        return None
    label, value = find_column(table.columns, _CLASS), find_column(table.columns, _VALUE)
    if label is None or value is None:
        return None
    values = numbers(table, [value], where)[:, 0]
    table = table.with_columns(tables.as_text(table[label]).str.strip_chars(), pl.Series("_value", values))
    lost = table[label].is_null() | (table[label] == "")
    if lost.any():
        raise CutisError(f"{where}: row {int(lost.arg_true()[0]) + 1} has no {label}. Each row needs its class.")
    twice = table.select("image_id", label).is_duplicated()
    if twice.any():
        image, code = table.filter(twice).select("image_id", label).row(0)
        raise CutisError(f'{where}: image "{image}" has class {code} in several rows. Remove the repeats.')
    codes = tuple(table[label].unique(maintain_order=True).to_list())
    short = table.group_by("image_id", maintain_order=True).len().filter(pl.col("len") != len(codes))
    if len(short):
        image = short["image_id"][0]
        held = set(table.filter(pl.col("image_id") == image)[label].to_list())
        missing = next(c for c in codes if c not in held)
        raise CutisError(
            f'{where}: image "{image}" has no row of class {missing}. Each image needs a row for each class.'
        )
    once = _once(table, label, where).drop(label, value, "_value", strict=False)
    row = {image: i for i, image in enumerate(once["image_id"].to_list())}
    place = {code: k for k, code in enumerate(codes)}
    spread = np.empty((len(once), len(codes)))
    spread[[row[i] for i in table["image_id"].to_list()], [place[c] for c in table[label].to_list()]] = values
    return Scores(once, codes, spread, f"a row for each image and class (columns {label} and {value})")


def _once(table: pl.DataFrame, label: str, where: str) -> pl.DataFrame:
    """The first row of each image of a long table, without columns that its rows differ in.

    A truth of 1 in the row of the true class and 0 in the others becomes that class. Raises CutisError for one that
    differs otherwise, and for an id, an attribute or a weight that does.
    """
    each = table.group_by("image_id", maintain_order=True)
    others = [c for c in table.columns if c not in ("image_id", label, "_value")]
    counts = each.agg(pl.col(others).n_unique())
    differ = [c for c in others if (counts[c] > 1).any()]
    target = find_column([c for c in table.columns if c != label], TARGETS)
    if target in differ:
        true = tables.numbers(table[target])
        ones = table.select("image_id", one=true).group_by("image_id", maintain_order=True).agg(pl.col("one").sum())
        if true.is_in([0.0, 1.0]).all() and true.null_count() == 0 and (ones["one"] == 1).all():
            named = table.filter(true == 1).select("image_id", pl.col(label).alias(target))
            table = table.drop(target).join(named, on="image_id", how="left", maintain_order="left")
            differ.remove(target)
    known = {target, *IDENTITY_ALIASES, *ATTRIBUTE_ALIASES, *WEIGHTS}
    bad = next((c for c in differ if c in known), None)
    if bad is not None:
        image = counts.filter(pl.col(bad) > 1)["image_id"][0]
        said = table.filter(pl.col("image_id") == image)[bad].unique(maintain_order=True).to_list()
        raise CutisError(
            f'{where}: image "{image}" has {bad} {" and ".join(f'"{v}"' for v in said[:3])} in its rows, one for each '
            "class. Write the same in all of them."
        )
    return table.drop(differ).unique("image_id", keep="first", maintain_order=True)
