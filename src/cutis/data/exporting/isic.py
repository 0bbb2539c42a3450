"""isic: images/ and metadata.csv with the ISIC Archive's columns, every row valid by the Archive's own rules.

The rules are those of `isic_metadata.metadata`: of MetadataRow, which checks each row that is uploaded to the Archive,
and of MetadataBatch, which checks them together: a lesion has one patient, a case of confocal microscopy one lesion and
at most one macroscopic image. A value that breaks one is left out of metadata.csv and listed in not_valid.csv with the
reason.

Not held: masks, boxes, captions and other columns that the Archive lacks; classes that are no diagnosis; the source's
split and name.
"""

from __future__ import annotations

import csv
import re
from pathlib import Path
from typing import Any

import polars as pl

from cutis.data.dataset import Dataset
from cutis.data.export_files import copy_files, licensed_rows, without_image
from cutis.data.one_identity import GLOBAL_IMAGE
from cutis.progress import Progress
from cutis.schema.vocabulary import DIAGNOSIS_COLUMNS, SITE_COLUMNS

# The Archive's columns that a manifest has; the others below are written where the dataset holds them.
COLUMNS = (
    *("isic_id", "attribution", "copyright_license", "age_approx", *SITE_COLUMNS, "anatom_site_special"),
    *(*DIAGNOSIS_COLUMNS, "diagnosis_confirm_type", "fitzpatrick_skin_type", "image_manipulation", "image_type"),
    *("lesion_id", "patient_id", "pixels_x", "pixels_y", "sex"),
)
MORE = (
    *("acquisition_day", "clin_size_long_diam_mm", "concomitant_biopsy", "dermoscopic_type", "family_hx_mm"),
    *("mel_mitotic_index", "mel_thick_mm", "mel_ulcer", "melanocytic", "personal_hx_mm", "rcm_case_id"),
    "tbp_tile_type",
)
# The licences that the Archive knows, in its spelling.
LICENCES = {"CC0-1.0": "CC-0", "CC-BY-4.0": "CC-BY", "CC-BY-NC-4.0": "CC-BY-NC"}
_RENAMED = {"isic_id": "image_id", "pixels_x": "width", "pixels_y": "height"}


def write(dataset: Dataset, folder: Path, progress: Progress[Any]) -> list[str]:
    table = licensed_rows(dataset)
    columns = [*COLUMNS, *(c for c in MORE if c in table.columns)]
    faults: list[tuple[str, str, Any, str]] = []
    together = not_valid_together(table)
    with (folder / "metadata.csv").open("w", encoding="utf-8", newline="") as f:
        out = csv.writer(f, lineterminator="\n")
        out.writerow(columns)
        for row in table.iter_rows(named=True):
            cells = {c: row.get(_RENAMED.get(c, c)) for c in columns}
            for field in ("lesion_id", "rcm_case_id"):
                if reason := together.get((field, str(cells.get(field) or "").strip())):
                    faults.append((row["image_id"], field, cells[field], reason))
                    cells[field] = None
            valid, wrong = valid_row(cells)
            faults += [(row["image_id"], *w) for w in wrong]
            out.writerow(valid[c] for c in columns)
    if faults:
        with (folder / "not_valid.csv").open("w", encoding="utf-8", newline="") as f:
            out = csv.writer(f, lineterminator="\n")
            out.writerows([("isic_id", "field", "value", "reason"), *faults])
    copy_files(dataset, table, folder, ("file",), progress)
    return [*_notes(dataset, columns, faults), *without_image(table)]


def not_valid_together(table: pl.DataFrame) -> dict[tuple[str, str], str]:
    """(field, value) -> why the Archive would refuse it beside the table's other rows."""
    found: dict[tuple[str, str], str] = {}
    one_patient, one_lesion = "this lesion has several patients", "this case has images of several lesions"
    for field, owner, reason in (("lesion_id", "patient_id", one_patient), ("rcm_case_id", "lesion_id", one_lesion)):
        if {field, owner} <= set(table.columns):
            ids = table.select(pl.col(field, owner).cast(pl.String).str.strip_chars().replace("", None)).drop_nulls()
            several = ids.group_by(field).agg(pl.col(owner).n_unique()).filter(pl.col(owner) > 1)
            found |= {(field, value): reason for value in several[field].sort()}
    if {"rcm_case_id", "image_type"} <= set(table.columns):
        whole = table.filter(pl.col("image_type").str.strip_chars() == "RCM: macroscopic")
        cases = whole["rcm_case_id"].cast(pl.String).str.strip_chars().replace("", None).drop_nulls()
        twice = cases.filter(cases.is_duplicated()).unique().sort().to_list()
        found |= {("rcm_case_id", value): "this case has several macroscopic images" for value in twice}
    return found


def valid_row(cells: dict[str, Any]) -> tuple[dict[str, Any], list[tuple[str, Any, str]]]:
    """The row with what the Archive would refuse set to None, and (field, value, reason) of each."""
    from isic_metadata.metadata import MetadataRow, convert_errors
    from pydantic import ValidationError

    cells, wrong = dict(cells), list[tuple[str, Any, str]]()
    if cells["copyright_license"] is not None:
        spelled = LICENCES.get(cells["copyright_license"])
        if spelled is None:
            reason = f"the Archive takes {', '.join(LICENCES.values())}"
            wrong.append(("copyright_license", cells["copyright_license"], reason))
        cells["copyright_license"] = spelled
    aside = ("isic_id", "attribution", "copyright_license", "pixels_x", "pixels_y", "age_approx")
    while True:
        given = {c: "" if v is None else v for c, v in cells.items() if c not in aside}
        try:
            MetadataRow.model_validate({**given, "age": cells["age_approx"]})
            return cells, wrong
        except ValidationError as error:
            fault = convert_errors(error)[0]
            where = fault.get("ctx", {}).get("field1") or (fault["loc"][0] if fault["loc"] else "")
            fields = {"diagnosis": DIAGNOSIS_COLUMNS, "anatom_site": SITE_COLUMNS, "age": ("age_approx",)}
            at_fault = fields.get(str(where), (str(where),))
            value = ":".join(str(cells[c]) for c in at_fault if cells.get(c) is not None)
            if not value:
                raise  # nothing of ours to leave out: not a fault of the data
            wrong.append((str(where), value, fault["msg"]))
            cells |= dict.fromkeys(at_fault)


def _notes(dataset: Dataset, columns: list[str], faults: list[Any]) -> list[str]:
    table = dataset.manifest
    foreign = sum(re.fullmatch(GLOBAL_IMAGE, i) is None for i in table["image_id"])
    held = {*columns, *_RENAMED.values(), "file", "status", "sha256"}
    left = [c for c in table.columns if c not in held and table[c].null_count() < len(table)]
    return [
        *([f"not held: {', '.join(left)}"] if left else []),
        *(
            [f"{len(faults)} values are not valid in the Archive and were left out: see not_valid.csv"]
            if faults
            else []
        ),
        *([f"{foreign} image ids are not the Archive's; it gives its own on upload"] if foreign else []),
    ]
