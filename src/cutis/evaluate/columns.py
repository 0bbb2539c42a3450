"""What other systems call the columns that Cutis knows, and how they write their values."""

from __future__ import annotations

from collections.abc import Sequence

import polars as pl

from cutis.errors import CutisError
from cutis.schema.predictions import AGE_BANDS
from cutis.schema.remarks import Remark
from cutis.schema.values import READ, read_column, read_sites
from cutis.tables import also_called, as_text, find_column, folded, numbers

IMAGE_FILE = r"(?i)\.(jpe?g|png|tiff?|bmp|webp|dcm)$"

# Cutis's column -> what else it is called, in order of preference; compared without case, "-" and " " read as "_".
IDENTITY_ALIASES: dict[str, tuple[str, ...]] = {
    "image_id": (
        "image",
        "isic_id",
        "image_name",
        "img_id",
        "imageid",
        "id",
        "filename",
        "filenames",
        "file_name",
        "file",
        "path",
        "image_path",
        "ddi_file",
        "name",
    ),
    "lesion_id": ("lesion", "lesionid"),
    "patient_id": ("patient", "patientid", "subject_id", "subject"),
    "case_id": ("case", "caseid"),
    "source": ("dataset", "clinic", "centre", "center", "hospital"),
}
TARGETS = (
    "target",
    "label",
    "y_true",
    "true_label",
    "true_class",
    "truth",
    "true",
    "ground_truth",
    "groundtruth",
    "gt",
    "actual",
    "benign_malignant",
    "diagnosis",
    "dx",
    "diagnostic",
    "class",
)
ANSWERS = ("predicted", "predicted_label", "predicted_class", "pred_label", "pred_class", "prediction", "y_pred")
ATTRIBUTE_ALIASES: dict[str, tuple[str, ...]] = {
    "sex": ("gender", "geschlecht"),
    "age_approx": ("age", "alter"),
    "anatom_site_1": ("anatom_site_general", "anatom_site", "site", "localization", "location", "region"),
    "fitzpatrick_skin_type": ("fitzpatrick", "fitzpatrick_scale", "fitspatrick", "skin_type", "fst"),
    "monk_skin_tone": ("monk", "mst", "monk_tone"),
}
WEIGHTS = ("score_weight", "validation_weight")
RESERVED = ("set", "ood", "status", "reason")  # columns of a predictions file that another system may use otherwise
SITE_1 = "anatom_site_1"


def with_known_names(table: pl.DataFrame, leave: Sequence[str] = ()) -> tuple[pl.DataFrame, list[Remark]]:
    """The table with identity and attribute columns called as Cutis calls them, and their values written so; remarks on
    what could not be read of the attributes (`schema.values`). A site keeps its own column too, as it may say more.
    """
    renames: dict[str, str] = {}
    for ours, others in {**IDENTITY_ALIASES, **ATTRIBUTE_ALIASES}.items():
        found = find_column(table.columns, (ours, *others), (*leave, *renames))
        if found is None or found == ours:
            continue
        if ours == SITE_1:
            table = table.with_columns(pl.col(found).alias(SITE_1))
        else:
            renames[found] = ours
    table = table.rename({**renames, **{c: f"{c}_given" for c in RESERVED if c in table.columns and c not in leave}})
    text = [c for c in IDENTITY_ALIASES if c in table.columns]
    table = table.with_columns(as_text(table[c]).str.strip_chars().replace("", None) for c in text)
    if "image_id" in table.columns:
        table = table.with_columns(pl.col("image_id").str.replace(IMAGE_FILE, ""))
    unread: list[str] = []
    for column in (c for c in READ if c in table.columns and c not in leave):
        read, lost = read_column(column, table[column])
        table = table.with_columns(read)
        unread += [] if lost is None else [lost.words()]
    if "age_band" in table.columns and "age_band" not in leave:
        table = table.with_columns(_bands(table["age_band"]))
    if SITE_1 in table.columns and SITE_1 not in leave:
        table, said = _with_region(table)
        unread += said
    return table, [Remark(code="unread", about="attributes", words=words) for words in unread]


def other_columns(table: pl.DataFrame, where: str) -> list[str]:
    """Notes on columns of a table of others that could be what another is taken as, and say something else.

    Raises CutisError where two have one name, but for case.
    """
    notes = []
    for ours, aliases in {**IDENTITY_ALIASES, **ATTRIBUTE_ALIASES}.items():
        taken = find_column(table.columns, (ours, *aliases))
        if taken is not None:
            names = (
                () if ours in IDENTITY_ALIASES else (ours, *aliases)
            )  # of a row's names all may be given, and differ
            notes += _taken_as(table, names, taken, ours, where)
    return notes


def other_truths(table: pl.DataFrame, taken: str, where: str) -> list[str]:
    """The same of columns that could be the truth. taken: the one that is."""
    return _taken_as(table, TARGETS, taken, "the truth", where)


def _taken_as(table: pl.DataFrame, names: Sequence[str], taken: str, what: str, where: str) -> list[str]:
    others = also_called(table, names, taken, where)
    if not others:
        return []
    say = "says" if len(others) == 1 else "say"
    return [f"Column {taken} is taken as {what}, and not {' or '.join(others)}, which {say} something else."]


def _bands(cells: pl.Series) -> pl.Series:
    """Bands of age, spelt as AGE_BANDS where they are one of those ("30 – 49", "70+"); other bands are their own."""
    text = cells.cast(pl.String).str.strip_chars().replace("", None)
    plain = text.str.replace_all(r"[\u2010-\u2015\u2212]", "-").str.replace_all(r"\s", "").str.replace("≥", ">=")
    plain = plain.str.replace(r"^(\d+)\+$", ">=$1")
    return pl.select(pl.when(plain.is_in(AGE_BANDS)).then(plain).otherwise(text).alias(cells.name)).to_series()


def _with_region(table: pl.DataFrame) -> tuple[pl.DataFrame, list[str]]:
    """The table with its sites as the first level of the vocabulary, and what of them is unknown."""
    sites, lost = read_sites(table[SITE_1])
    spans = sites["anatom_site_special"].drop_nulls()
    unread = [] if lost is None else [lost.words()]
    if len(spans):
        some = ", ".join(spans.unique().sort().to_list()[:3])
        unread.append(f"{SITE_1}: {len(spans):,} of {len(table):,} cells name no one region ({some}): unknown.")
    return table.with_columns(sites[SITE_1]), unread


def keyed(table: pl.DataFrame, notes: list[str]) -> pl.DataFrame:
    """The table with an image_id, which is the lesion's where rows are lesions, as in MILK10k's challenge files."""
    if "image_id" in table.columns or "lesion_id" not in table.columns:
        return table
    notes.append("No column says which image a row is: rows are told apart by lesion_id.")
    return table.with_columns(pl.col("lesion_id").str.replace(IMAGE_FILE, "").alias("image_id"))


def weighed(table: pl.DataFrame, where: str) -> pl.DataFrame:
    """The table with its columns of WEIGHTS as numbers. Raises CutisError for one that isn't finite and 0 or more."""
    for column in (c for c in table.columns if folded(c) in WEIGHTS):
        found = numbers(table[column])
        wrong = (~(found.is_finite() & (found >= 0))).fill_null(True)
        if wrong.any():
            i = int(wrong.arg_true()[0])
            said = table[column][i]
            shown = "is empty" if said is None or said == "" else f'is "{said}"'
            raise CutisError(
                f"{where}: row {i + 1}: {column} {shown}; expected a number from 0, and 0 leaves the image out."
            )
        table = table.with_columns(found.alias(column))
    return table
