"""The manifest: one row an image, columns named as the ISIC Archive names them."""

from __future__ import annotations

import polars as pl

from cutis.errors import CutisError, nearest
from cutis.schema.identity import tidy_identity
from cutis.schema.vocabulary import DIAGNOSIS_COLUMNS, FITZPATRICK, MAX_AGE, SEXES, SITE_COLUMNS

# Column -> type. Unknown is null, never a negative or a word. A manifest may hold more columns; they travel along.
MANIFEST: dict[str, pl.DataType] = {
    "image_id": pl.String(),
    "lesion_id": pl.String(),
    "patient_id": pl.String(),
    "source": pl.String(),  # dataset or clinic an image comes from
    "file": pl.String(),  # relative to the dataset folder, "/" between parts; null if status is not "ok"
    "mask": pl.String(),
    "status": pl.String(),  # one of STATUSES
    "reason": pl.String(),  # why not ok
    "target": pl.String(),  # class code a model is trained to answer; null is unlabelled
    "source_split": pl.String(),  # the source's own split, with its own values
    **dict.fromkeys(DIAGNOSIS_COLUMNS, pl.String()),
    "diagnosis_confirm_type": pl.String(),
    **dict.fromkeys(SITE_COLUMNS, pl.String()),
    "anatom_site_special": pl.String(),
    "age_approx": pl.Int16(),
    "sex": pl.String(),
    "fitzpatrick_skin_type": pl.String(),
    "image_type": pl.String(),
    "image_manipulation": pl.String(),
    "copyright_license": pl.String(),
    "attribution": pl.String(),
    "width": pl.Int32(),
    "height": pl.Int32(),
    "sha256": pl.String(),  # of the stored image file
}
REQUIRED = ("image_id", "file", "status", "target")
# Column -> type of what only some sources know; a manifest holds such a column only if its source does.
OPTIONAL: dict[str, pl.DataType] = {
    "case_id": pl.String(),  # one consultation: several photographs that are answered together
    "labels": pl.List(pl.String()),  # every label that is present, where one image has several
    "labels_unknown": pl.List(pl.String()),  # labels that may be present; null: any may. Of a merge: others are absent
    "differential": pl.List(pl.Struct({"diagnosis": pl.String(), "weight": pl.Float64()})),  # weights sum to 1
    "concepts": pl.List(pl.Struct({"concept": pl.String(), "value": pl.Float64()})),  # 1 present, 0 absent, or a score
    "boxes": pl.List(
        pl.Struct({**dict.fromkeys(("x", "y", "width", "height"), pl.Float64()), "label": pl.String()})
    ),  # pixels from the top left of the stored image
    "caption": pl.String(),
    "monk_skin_tone": pl.Int8(),  # 1..10
}
STATUSES = ("ok", "error", "listed")  # "listed": known from a table, without its image


def conform(table: pl.DataFrame, where: str) -> pl.DataFrame:
    """`table` with every manifest column, typed, in order, extras after; raises CutisError on what can't be true.

    Ids are made canonical (`cutis.schema.spelling`). Checked: identity (see `check_identity`), ages, sexes and skin
    types, and that each ok row has a file.
    """
    missing = [c for c in REQUIRED if c not in table.columns]
    if missing:
        raise CutisError(f"{where}: no column {missing[0]}; found {', '.join(table.columns)}.")
    for name, dtype in MANIFEST.items():
        if name not in table.columns:
            table = table.with_columns(pl.lit(None, dtype).alias(name))
        try:
            table = table.with_columns(pl.col(name).cast(dtype))
        except pl.exceptions.PolarsError:
            raise CutisError(f"{where}: column {name} holds values that are not {dtype}.") from None
    for name, dtype in OPTIONAL.items():
        if name in table.columns:
            try:
                table = table.with_columns(pl.col(name).cast(dtype))
            except pl.exceptions.PolarsError:
                raise CutisError(f"{where}: column {name} holds values that are not {dtype}.") from None
    table = tidy_identity(table, where)
    _check_values(table, "sex", SEXES, where)
    _check_values(table, "fitzpatrick_skin_type", FITZPATRICK, where)
    _check_values(table, "status", STATUSES, where)
    age = table["age_approx"].drop_nulls()
    if len(age) and (age.min() < 0 or age.max() > MAX_AGE):  # type: ignore[operator]
        row = (
            table.with_row_index("row")
            .filter((pl.col("age_approx") < 0) | (pl.col("age_approx") > MAX_AGE))
            .row(0, named=True)
        )
        raise CutisError(f"{where}: row {row['row'] + 1}: age_approx {row['age_approx']} is not in 0..{MAX_AGE}.")
    lost = table.filter((pl.col("status") == "ok") & pl.col("file").is_null())
    if len(lost):
        raise CutisError(f'{where}: image "{lost["image_id"][0]}" is ok but has no file.')
    extra = [c for c in table.columns if c not in MANIFEST]
    return table.select(*MANIFEST, *extra)


def _check_values(table: pl.DataFrame, column: str, valid: tuple[str, ...], where: str) -> None:
    bad = table.with_row_index("row").filter(pl.col(column).is_not_null() & ~pl.col(column).is_in(list(valid)))
    if len(bad):
        row = bad.row(0, named=True)
        raise CutisError(f'{where}: row {row["row"] + 1}: {column} "{row[column]}": {nearest(row[column], valid)}')
