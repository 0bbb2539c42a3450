"""The predictions table: what a model said of each image, frozen; anything that can write it can be audited."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, replace
from hashlib import sha256
from pathlib import Path
from typing import Any, Literal

import numpy as np
import polars as pl
from pydantic import BaseModel, ConfigDict, FieldSerializationInfo, ValidationError, field_serializer

from cutis.errors import CutisError, nearest
from cutis.files import atomic_file, canonical_json, reference, resolved
from cutis.schema.classes import ClassInfo
from cutis.schema.identity import IDENTITY, tidy_identity
from cutis.schema.remarks import Remark
from cutis.schema.values import read_column
from cutis.tables import as_text, read_parquet

FORMAT = 1
Task = Literal["multi-class", "multi-label", "one-against-rest"]
STATUSES = ("ok", "refused", "error")
# Attributes that an audit groups by, where present.
ATTRIBUTES = (
    "sex",
    "age_band",
    "anatom_site_1",
    "fitzpatrick_skin_type",
    "image_type",
    "diagnosis_confirm_type",
    "corruption",  # of changed copies (cutis corrupt): how, and how much
    "severity",
)
AGE_BANDS = ("<30", "30-49", "50-69", ">=70")  # of `age_band`, in years
_SUM_TOLERANCE = 1e-3
_AT_ONCE = 100_000  # rows put into one text


class PredictionsInfo(BaseModel):
    """What travels in the file's metadata: who said it, about what.

    classes: in column order. bundle: digest of the bundle ("" if none). dataset: name and content digest.
    split: the split's proof (`cutis.data.split.Proof` as a dict), {} if none. part: which part was predicted.
    coverage: what the sets were calibrated to (0.9), None if there are no sets. operating_points: as in the bundle.
    licence: the composed answer. trained: training evidence (time, epochs, sizes...). images: folder that `file` is
    relative to, for thumbnails; a file holds the way to it from the file's own folder, or "" where there is none that
    tells nothing of this machine (`cutis.files.reference`). limits: sentences a reader must know. precision: of the
    computation. calibrated_on: the dataset whose validation part fitted the sets ("" if not recorded). measured: what
    was measured of the bundle before these predictions, in sentences. task: "multi-class" (rows sum to one, one class
    is true), "multi-label" (each class its own yes or no; the truth is the list column `labels`) or "one-against-rest"
    (one class is true, but scores are each their own and don't sum to one, as challenge submissions may). notes: how
    the table came to be what it is (read from another system's file, photographs put together). remarks: those notes
    that programs branch on. digest: SHA-256 of what was saved (`saved_digest`), in the file only; compared when it is
    read. Files of earlier versions have none.
    """

    model_config = ConfigDict(frozen=True)
    format: int = FORMAT
    classes: tuple[ClassInfo, ...]
    bundle: str = ""
    dataset: str = ""
    dataset_digest: str = ""
    split: dict[str, Any] = {}
    part: str = ""
    coverage: float | None = None
    ood_threshold: float | None = None
    operating_points: dict[str, Any] = {}
    licence: dict[str, Any] = {}
    trained: dict[str, Any] = {}
    images: str = ""
    limits: tuple[str, ...] = ()
    precision: str = "fp32"
    calibrated_on: str = ""
    measured: tuple[str, ...] = ()
    task: Task = "multi-class"
    notes: tuple[str, ...] = ()
    remarks: tuple[Remark, ...] = ()
    digest: str = ""

    @field_serializer("images", when_used="json")
    def _away_from_here(self, images: str, told: FieldSerializationInfo) -> str:
        """context["beside"]: the folder of the file that is written; without it, none."""
        beside = (told.context or {}).get("beside")
        return reference(images, beside) if images and beside is not None else ""


@dataclass(frozen=True)
class Predictions:
    """A table of predictions and its metadata.

    table columns: image_id, lesion_id, patient_id, source, target, predicted (class codes), p_<code> (probabilities,
    rows sum to one), set (list of codes), ood (score, higher is stranger), status ("ok", "refused", "error"), reason,
    then attributes, `file`, and logit_<code>. Rows with status "error" have null probabilities.
    """

    table: pl.DataFrame
    info: PredictionsInfo

    @property
    def codes(self) -> list[str]:
        return [c.code for c in self.info.classes]

    @property
    def answered(self) -> Predictions:
        """Only the rows that hold probabilities ("ok" and "refused")."""
        return replace(self, table=self.table.filter(pl.col("status") != "error"))

    def probabilities(self) -> np.ndarray:
        """(rows, classes) float64, for tables without "error" rows."""
        return self.table.select([f"p_{c}" for c in self.codes]).to_numpy().astype(np.float64)

    def attributes(self) -> list[str]:
        """The attribute columns to group by that hold at least one value."""
        found = [c for c in (*ATTRIBUTES, "source") if c in self.table.columns]
        return [c for c in found if self.table[c].null_count() < len(self.table)]

    def save(self, path: Path | str, *, fresh: bool = False) -> Path:
        """Write Parquet (zstd), atomically; the metadata is under the key "cutis".

        fresh: raises CutisError if `path` exists, also if another process made it a moment ago.
        """
        import pyarrow.parquet as pq

        path = Path(path)
        arrow = self.table.to_arrow()
        content = json.loads(self.info.model_dump_json(context={"beside": path.parent}))
        content["digest"] = saved_digest(self.table, content)
        arrow = arrow.replace_schema_metadata({b"cutis": json.dumps(content).encode()})
        with atomic_file(path, fresh=fresh) as partial:
            pq.write_table(arrow, partial, compression="zstd")
        return path

    @classmethod
    def load(cls, path: Path | str) -> Predictions:
        """Read and check a predictions file. Raises CutisError naming the row and column at fault."""
        import pyarrow as pa
        import pyarrow.parquet as pq

        path = Path(path)
        if path.exists() and not path.is_file():
            raise CutisError(
                f"{path}: {'a folder; name the predictions file in it' if path.is_dir() else 'not a file'}."
            )
        if not path.is_file():
            raise CutisError(f"{path}: no such predictions file. Make one with: cutis predict BUNDLE DATA --out {path}")
        try:
            metadata = pq.read_schema(path.absolute()).metadata or {}
            table = read_parquet(path)  # at a third of the memory that pyarrow takes
        except (pa.ArrowInvalid, pl.exceptions.PolarsError, OSError):
            raise CutisError(f"{path}: not a Parquet file, or damaged. Make it again with cutis predict.") from None
        raw = metadata.get(b"cutis")
        if raw is None:
            raise CutisError(f"{path}: a Parquet file without Cutis metadata. Make it with: cutis predict BUNDLE DATA")
        try:
            content = json.loads(raw)
            if not isinstance(content, dict):
                raise ValueError
            if content.get("format", 0) > FORMAT:
                raise CutisError(
                    f"{path}: format {content['format']} is newer than this Cutis reads ({FORMAT}). Upgrade Cutis."
                )
            info = PredictionsInfo.model_validate(content)
            info = info.model_copy(update={"images": resolved(info.images, path.parent)})
        except (TypeError, ValueError, RecursionError, ValidationError):
            raise CutisError(
                f"{path}: its Cutis metadata is damaged. Make the file again with cutis predict."
            ) from None
        if info.digest and info.digest != saved_digest(table, content):
            raise CutisError(
                f"{path}: not what was saved: cells or metadata were changed since. Make it again with cutis predict; "
                "a table of your own is read as CSV, without Cutis's metadata."
            )
        info = info.model_copy(update={"digest": ""})  # it is the file's, and what is in memory may be changed
        return cls(check_predictions(table, info, str(path)), info)


def saved_digest(table: pl.DataFrame, content: Mapping[str, Any]) -> str:
    """SHA-256 of a table's columns, by name, kind and values, of the order of its rows, and of its metadata."""
    digest = sha256(canonical_json({k: v for k, v in content.items() if k != "digest"}).encode())
    digest.update(str(len(table)).encode())
    for name in sorted(table.columns):
        digest.update(f"\n{name}\t".encode())
        for start in range(0, len(table), _AT_ONCE):
            digest.update(_cells(table[name].slice(start, _AT_ONCE)))
    return digest.hexdigest()


def _cells(column: pl.Series) -> bytes:
    """Values and nulls of a column, as bytes that tell them apart."""
    if column.dtype.is_numeric() or column.dtype == pl.Boolean:
        known = column.is_null().cast(pl.UInt8).to_numpy().tobytes()
        return known + column.cast(pl.Float64).fill_null(0.0).to_numpy().astype("<f8").tobytes()
    if column.dtype == pl.List(pl.String):
        text = column.list.join("\x1e")
    elif column.dtype.is_nested():
        text = pl.Series([None if v is None else str(v) for v in column.to_list()], dtype=pl.String)
    else:
        text = column.cast(pl.String)
    joined: str = text.fill_null("\x00").str.join("\x1f").item()
    return joined.encode()


def check_predictions(table: pl.DataFrame, info: PredictionsInfo, where: str) -> pl.DataFrame:
    """Return `table`, typed, if it can be audited; raises CutisError naming row, column and remedy if not.

    Refused: missing columns, unknown classes in `target`, `predicted` or `set`, NaN, infinite or out-of-range
    probabilities, rows that don't sum to one within 1e-3, repeated image_id, a lesion under two patients.
    """
    codes = [c.code for c in info.classes]
    needed = [*IDENTITY, "target", "predicted", *(f"p_{c}" for c in codes), "set", "ood", "status", "reason"]
    needed += ["labels"] if info.task == "multi-label" else []
    for column in needed:
        if column not in table.columns:
            raise CutisError(f"{where}: no column {column}: {nearest(column, table.columns)}")
    types: dict[str, pl.DataType] = dict.fromkeys([*IDENTITY, "target", "predicted", "status"], pl.String())
    types |= dict.fromkeys([f"p_{c}" for c in codes], pl.Float64()) | {"set": pl.List(pl.String())}
    types |= {"labels": pl.List(pl.String())} if info.task == "multi-label" else {}
    for column, dtype in types.items():
        try:
            named = dtype == pl.String() and table[column].dtype.is_float()  # 7.0 of a column of ids is "7"
            table = table.with_columns(as_text(table[column]) if named else pl.col(column).cast(dtype))
        except pl.exceptions.PolarsError:
            raise CutisError(f"{where}: column {column} is {table[column].dtype}; expected {dtype}.") from None
    table = tidy_identity(table, where)
    numbered = table.with_row_index("row", offset=1)
    for column, valid in (("target", codes), ("predicted", codes), ("status", STATUSES)):
        bad = numbered.filter(pl.col(column).is_not_null() & ~pl.col(column).is_in(list(valid)))
        if len(bad):
            row = bad.row(0, named=True)
            raise CutisError(f'{where}: row {row["row"]}: {column} "{row[column]}": {nearest(row[column], valid)}')
    for column in ("set", "labels") if info.task == "multi-label" else ("set",):
        members = numbered.select("row", pl.col(column)).explode(column)
        stray = members.filter(pl.col(column).is_not_null() & ~pl.col(column).is_in(codes))
        if len(stray):
            row = stray.row(0, named=True)
            stray_code = row[column]
            raise CutisError(f'{where}: row {row["row"]}: {column} holds "{stray_code}": {nearest(stray_code, codes)}')
    answered = numbered.filter(pl.col("status") != "error")
    p = answered.select([f"p_{c}" for c in codes]).to_numpy().astype(np.float64)
    wrong = ~np.isfinite(p) | (p < 0) | (p > 1 + _SUM_TOLERANCE)
    if wrong.any():
        i, k = np.argwhere(wrong)[0]
        raise CutisError(
            f"{where}: row {answered['row'][int(i)]}: p_{codes[k]} is {p[i, k]}; "
            "probabilities are numbers in 0..1. Write softmax outputs, and null only where status is error."
        )
    off = np.abs(p.sum(1) - 1) > _SUM_TOLERANCE
    if info.task == "multi-class" and off.any():
        i = int(np.flatnonzero(off)[0])
        raise CutisError(
            f"{where}: row {answered['row'][i]}: probabilities sum to {p[i].sum():.4f}, not 1. "
            "Write softmax outputs (one column a class), not logits or one-against-rest scores."
        )
    return table


def refusals(table: pl.DataFrame) -> dict[str, int]:
    """For what images were refused, and how many, the commonest first; an image refused for two things counts twice.

    table: of Predictions. A code is what stands before the colon of each reason: "too blurred".
    """
    reasons = table.filter(pl.col("status") == "refused")["reason"].drop_nulls().str.split("; ").explode()
    codes = reasons.str.split(":").list.first().alias("code")
    return dict(codes.value_counts(name="n").sort("n", "code", descending=[True, False]).rows())


def with_age_band(table: pl.DataFrame) -> pl.DataFrame:
    """The table with `age_band` made from `age_approx`, if it has only that; no band for what is no age (`values`)."""
    if "age_band" in table.columns or "age_approx" not in table.columns:
        return table
    table = table.with_columns(read_column("age_approx", table["age_approx"])[0])
    age = pl.col("age_approx")
    band = (
        pl.when(age < 30).then(pl.lit("<30"))
        .when(age < 50).then(pl.lit("30-49"))
        .when(age < 70).then(pl.lit("50-69"))
        .when(age >= 70).then(pl.lit(">=70"))
    )  # fmt: skip
    return table.with_columns(band.alias("age_band"))
