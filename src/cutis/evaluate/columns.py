"""What other systems call the columns that Cutis knows, and how they write their values."""

from __future__ import annotations

from collections.abc import Sequence

import polars as pl

from cutis.tables import as_text, find_column

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
    "sex": ("gender",),
    "age_approx": ("age",),
    "anatom_site_1": ("anatom_site_general", "anatom_site", "site", "localization", "location", "region"),
    "fitzpatrick_skin_type": ("fitzpatrick", "fitzpatrick_scale", "fitspatrick", "skin_type", "fst"),
}
WEIGHTS = ("score_weight", "validation_weight")
RESERVED = ("set", "ood", "status", "reason")  # columns of a predictions file that another system may use otherwise
ROMAN = dict(zip(("1", "2", "3", "4", "5", "6"), ("I", "II", "III", "IV", "V", "VI"), strict=True))
TRUE = {"1", "1.0", "true", "yes", "malignant", "positive", "pos"}
FALSE = {"0", "0.0", "false", "no", "benign", "negative", "neg"}


def with_known_names(table: pl.DataFrame, leave: Sequence[str] = ()) -> pl.DataFrame:
    """The table with identity and attribute columns called as Cutis calls them, and their values written so."""
    renames: dict[str, str] = {}
    for ours, others in {**IDENTITY_ALIASES, **ATTRIBUTE_ALIASES}.items():
        found = find_column(table.columns, (ours, *others), (*leave, *renames))
        if found is not None and found != ours:
            renames[found] = ours
    table = table.rename({**renames, **{c: f"{c}_given" for c in RESERVED if c in table.columns and c not in leave}})
    text = [c for c in IDENTITY_ALIASES if c in table.columns]
    table = table.with_columns(as_text(table[c]).str.strip_chars().replace("", None) for c in text)
    if "image_id" in table.columns:
        table = table.with_columns(pl.col("image_id").str.replace(IMAGE_FILE, ""))
    if "age_approx" in table.columns:
        table = table.with_columns(pl.col("age_approx").cast(pl.Float64, strict=False))
    if "sex" in table.columns:
        sex = pl.col("sex").cast(pl.String).str.strip_chars().str.to_lowercase()
        table = table.with_columns(sex.replace({"m": "male", "f": "female", "": None, "unknown": None}).alias("sex"))
    if "fitzpatrick_skin_type" in table.columns:
        tone = pl.col("fitzpatrick_skin_type").cast(pl.String).str.strip_chars().str.to_uppercase()
        tone = tone.str.replace(r"^(FST|TYPE)[ _-]*", "").str.replace(r"\.0$", "")
        # Fitzpatrick17k writes -1 where nobody could say.
        table = table.with_columns(tone.replace({**ROMAN, "": None, "-1": None}).alias("fitzpatrick_skin_type"))
    return table
