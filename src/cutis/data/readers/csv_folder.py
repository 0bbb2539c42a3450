"""A CSV and a folder of images, with the ISIC Archive's column names or ones that the user maps.

The class is the column named with `label`, else `target` (or label, class), else `diagnosis` (or dx). Values in a
diagnosis column must be in the ISIC vocabulary; a column named with `label` may hold anything, and several columns of 0
and 1 named with it, separated by commas, are one class each.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path, PurePosixPath
from typing import Any

import polars as pl

from cutis.data import values
from cutis.data.dataset import DatasetCard
from cutis.data.files_in import Blob, Tree, file_at, is_image_name
from cutis.data.json_rows import LISTS, from_cell
from cutis.data.labels import UNLABELLED, class_code, classes_of, clean_label
from cutis.data.readers.base import Found, Options, Reader, Record
from cutis.data.readers.ham10000 import CONFIRMED
from cutis.data.readers.own_columns import own_columns, with_points
from cutis.errors import CutisError, nearest
from cutis.schema.classes import ClassInfo
from cutis.schema.licence import licence
from cutis.schema.manifest import OPTIONAL
from cutis.schema.vocabulary import DIAGNOSIS_COLUMNS, SITE_COLUMNS
from cutis.tables import Row, Rows, also_called, find_column, folded, read_table

# What a row can say -> the column names it goes by, the best first.
ALIASES: dict[str, tuple[str, ...]] = {
    "image_id": ("image_id", "isic_id", "image", "image_name", "img_id"),
    "file": ("file", "filename", "file_name", "path", "filepath", "image_path"),
    "mask": ("mask", "mask_path"),
    "lesion_id": ("lesion_id",),
    "patient_id": ("patient_id",),
    "source": ("source", "dataset"),
    "source_split": ("source_split", "split", "partition"),
    "target": ("target", "label", "class"),
    "diagnosis": ("diagnosis", "dx"),
    "diagnosis_confirm_type": ("diagnosis_confirm_type", "dx_type"),
    "anatom_site": ("anatom_site_general", "anatom_site_general_challenge", "localization", "site", "anatom_site"),
    "anatom_site_special": ("anatom_site_special",),
    "age_approx": ("age_approx", "age"),
    "sex": ("sex", "gender"),
    "fitzpatrick_skin_type": ("fitzpatrick_skin_type", "fitzpatrick"),
    "image_type": ("image_type",),
    "image_manipulation": ("image_manipulation",),
    "copyright_license": ("copyright_license", "license", "licence"),
    "attribution": ("attribution",),
    **{column: (column,) for column in (*DIAGNOSIS_COLUMNS, *SITE_COLUMNS, *OPTIONAL)},
}
_TEXT = ("lesion_id", "patient_id", "source", "source_split", "image_type", "image_manipulation", "attribution")


_BESIDE = (".csv", ".tsv", ".tab")  # tables that are found in a folder; others are named, or called metadata
_NAMED = (*_BESIDE, ".txt", ".jsonl", ".ndjson", ".parquet", ".pq", ".xlsx", ".xls", ".ods")  # the last are told of
_HOT = "(class)"  # a column made here


def tables_in(src: Path) -> list[Path]:
    """The tables that lie directly in a folder, by name."""
    visible = (p for p in src.iterdir() if not p.name.startswith("."))
    return sorted(p for p in visible if p.suffix.casefold() in _BESIDE and p.is_file())


def _table(src: Path) -> Path | None:
    if src.is_file():
        return src if src.suffix.casefold() in _NAMED else None
    for name in ("metadata.csv", "metadata.jsonl"):
        if (src / name).is_file():
            return src / name
    tables = tables_in(src)
    return tables[0] if len(tables) == 1 else None


def recognises(src: Path) -> bool:
    return _table(src) is not None


def read(src: Path, options: Options) -> Found:
    table = _table(src)
    if table is None:
        raise CutisError(f"{src}: expected one CSV file, or metadata.csv, in it. Name the CSV itself as the source.")
    columns, rows = read_table(table)
    options, columns, rows = _with_class(options, columns, rows, table)
    mapping = _mapping(columns, options, table)
    if "image_id" not in mapping and "file" not in mapping:
        raise _ask("image_id", "the image's id or file", columns, table)
    unlabelled = options.columns.get("target") == ""
    target = mapping.pop("target", None)
    label = options.label or target or (None if unlabelled else mapping.get("diagnosis"))
    if label is None and not unlabelled:
        hot = _hot_columns(rows, columns)
        more = f". Or --label {','.join(hot)} if these columns of 0 and 1 are the classes" if hot else ""
        raise _ask("target", "its class", columns, table, " (or --column target= to import it unlabelled)" + more)
    if mapping.get("diagnosis") == label and options.label:
        del mapping["diagnosis"]  # asked for as free labels: not held against the vocabulary
    untaken = _untaken(rows.frame, mapping, label, options, table)
    rows = with_points(rows, {*mapping.values(), label or ""})
    images = options.images or (src if src.is_dir() else src.parent)
    if not images.is_dir():
        raise CutisError(f"{images}: no such folder of images. Name it with --images.")
    classes, told = _classes(rows, label, table, options.same_labels)
    tree = Tree(images)
    look = None if options.table_only else tree
    try:
        if look:
            called = {_file_of(row, mapping) for row in rows}
            look.reserve(place for name in called for place in (name, f"images/{name}"))
        records = [_record(row, number, table, look, mapping, label, classes) for number, row in enumerate(rows, 1)]
    except CutisError:
        tree.close()
        raise
    missing = [(number, r) for number, r in enumerate(records, 1) if r.image is None]
    if missing and not options.table_only and (not options.allow_missing or len(missing) == len(records)):
        number, first = missing[0]
        near = tree.nearest(_file_of(rows[number - 1], mapping))
        tree.close()
        raise CutisError(
            f"{table}: row {number}: {first.reason} ({len(missing)} of {len(records)} images are missing in {images}; "
            f"{near}). Name the folder with --images, or keep such rows as errors with --allow-missing."
        )
    distinct = {c.code: c for c in classes.values()}
    # "not in the vocabulary" is worth a note only where names were meant as diagnoses
    unknown = [c.code for c in distinct.values() if c.diagnosis is None and not c.note]
    notes = (
        ([f'"{label}" is the class'] if label != _HOT else [])
        + told
        + ([f"not in the ISIC vocabulary, kept as labels: {', '.join(unknown)}"] if unknown else [])
        if label
        else ["no class column: unlabelled"]
    )
    notes += [*rows.notes, *untaken, *_contradictions(records, distinct)]
    if look and "mask" in mapping:
        named = [n for n, cell in enumerate(rows.frame[mapping["mask"]], 1) if values.known(cell)]
        lost = [n for n in named if records[n - 1].mask is None]
        notes += [f"{len(lost):,} masks named in the table are missing (first: row {lost[0]})"] if lost else []
    card = DatasetCard(
        name=values.slug(table.stem if src.is_file() else src.resolve().name) or "images",
        title=f"Images listed in {table.name}",
        classes=tuple(sorted(distinct.values(), key=lambda c: c.code)),
        notes=tuple(notes),
    )
    return Found(card, records, tree)


def _ask(field: str, what: str, columns: list[str], table: Path, more: str = "") -> CutisError:
    return CutisError(
        f"{table}: no column is known to hold {what} ({', '.join(ALIASES[field])}); found {', '.join(columns)}. "
        f"Say which one: --column {field}=NAME{more}."
    )


def _mapping(columns: list[str], options: Options, table: Path) -> dict[str, str]:
    """Field -> column of the CSV: the user's where given ("" leaves a field out), else by its usual names."""
    for field, column in options.columns.items():
        if field not in ALIASES:
            raise CutisError(f'--column {field}={column}: no field "{field}": {nearest(field, ALIASES)}')
        if column and column not in columns:
            raise CutisError(f'--column {field}={column}: {table} has no column "{column}": {nearest(column, columns)}')
    if options.label and options.label not in columns:
        raise CutisError(
            f'--label {options.label}: {table} has no column "{options.label}": {nearest(options.label, columns)}'
        )
    taken = set(options.columns.values())
    mapping = {}
    for field, names in ALIASES.items():
        found = find_column(columns, names, [c for c in taken if c])
        chosen = options.columns.get(field, found)
        if chosen:
            mapping[field] = chosen
    return mapping


def _untaken(
    frame: pl.DataFrame, mapping: Mapping[str, str], label: str | None, options: Options, table: Path
) -> list[str]:
    """Notes on columns that could be what another was taken as, and say something else; none where the user said it."""
    notes = []
    said = {"target": None if options.label else label, **mapping}
    for field, column in said.items():
        if column is None or field in options.columns or column == _HOT:
            continue
        used = {*mapping.values(), label} - {column}
        names = ALIASES["diagnosis" if field == "target" and folded(column) in ALIASES["diagnosis"] else field]
        asked = [c for c in (options.label, *options.columns.values()) if c in frame.columns and c != column]
        others = [c for c in also_called(frame.drop(asked), names, column, str(table)) if c not in used]
        notes += [f'"{column}" is taken as {field}, and not "{c}", which says something else' for c in others]
    return list(dict.fromkeys(notes))


def _contradictions(records: list[Record], classes: Mapping[str, ClassInfo]) -> list[str]:
    """A note on rows whose class and whose diagnosis, of columns of their own, can't both be right."""
    rows = []
    for number, record in enumerate(records, 1):
        found = classes.get(record.values.get("target") or "")
        levels = [v for c in DIAGNOSIS_COLUMNS if (v := record.values.get(c))]
        named = found.diagnosis.split(":") if found is not None and found.diagnosis else []
        if any(one != other for one, other in zip(named, levels, strict=False)):
            rows.append((number, found.code if found else "", levels[-1]))
    if not rows:
        return []
    number, code, level = rows[0]
    return [f"in {len(rows):,} rows class and diagnosis contradict each other (first: row {number}: {code}, {level})"]


def _classes(rows: Rows, label: str | None, table: Path, same: str) -> tuple[dict[str, ClassInfo], list[str]]:
    """(label as written -> class, what the user must know). Cells that say "not known" have none."""
    if label is None:
        return {}, []
    written = Counter(rows.frame[label].to_list())
    counts: Counter[str] = Counter()
    for cell, n in written.items():
        counts[clean_label(cell)] += n
    unknown = {cell: n for cell, n in counts.items() if cell and cell.casefold() in UNLABELLED}
    named = {cell: n for cell, n in counts.items() if cell and cell not in unknown}
    if (different := len({class_code(cell) for cell in named})) > max(50, len(rows) // 2):
        raise CutisError(
            f'{table}: column "{label}" holds {different} different values in {len(rows)} rows; that is no class. '
            "Name the class column with --label."
        )
    found, notes = classes_of(named, f'{table}: column "{label}"', same)
    notes += [f'"{cell}" ({n:,} rows) is read as unlabelled' for cell, n in sorted(unknown.items())]
    notes += [
        f'"{cell}" ({n:,} rows) is a class; leave such cells empty if they mean that it isn\'t known'
        for cell, n in named.items()
        if cell.casefold() == "none"
    ]
    return {cell: found[clean_label(cell)] for cell in written if clean_label(cell) in found}, notes


def _with_class(options: Options, columns: list[str], rows: Rows, table: Path) -> tuple[Options, list[str], Rows]:
    """The same, with one column for the class where --label names several columns of 0 and 1."""
    hot = [name.strip() for name in (options.label or "").split(",")]
    if len(hot) < 2 or options.label in columns:
        return options, columns, rows
    for name in hot:
        if name not in columns:
            raise CutisError(f'--label {options.label}: {table} has no column "{name}": {nearest(name, columns)}')
    marked = [values.one_hot(row, hot, f"{table.name}: row {number}") for number, row in enumerate(rows, 1)]
    frame = rows.frame.drop(hot).with_columns(pl.Series(_HOT, ["" if m is None else m for m in marked], pl.String))
    notes = [f"the class is the column of {', '.join(hot)} that holds 1"]
    return replace(options, label=_HOT), frame.columns, Rows(frame, (*rows.notes, *notes), rows.commas)


def _hot_columns(rows: Rows, columns: list[str]) -> list[str]:
    """Columns of 0 and 1 of which each row has one 1, if there are such."""
    hot = [c for c in columns if c and rows.frame[c].is_in(["0", "1", "0.0", "1.0"]).all()]
    if len(hot) < 2:
        return []
    ones = rows.frame.select(pl.sum_horizontal(pl.col(c).is_in(["1", "1.0"]) for c in hot)).to_series()
    return hot if (ones == 1).all() else []


def _cell(row: Row, mapping: Mapping[str, str], field: str) -> str | None:
    return values.known(row[mapping[field]]) if field in mapping else None


def _file_of(row: Row, mapping: Mapping[str, str]) -> str:
    """What a row calls its image: a file's name or path, else its id; "" if nothing. A file may be called "none"."""
    return next((row[mapping[field]] for field in ("file", "image_id") if field in mapping and row[mapping[field]]), "")


def _record(
    row: Row,
    number: int,
    table: Path,
    tree: Tree | None,
    mapping: Mapping[str, str],
    label: str | None,
    classes: Mapping[str, ClassInfo],
) -> Record:
    where = f"{table.name}: row {number}"

    def cell(field: str) -> str | None:
        return _cell(row, mapping, field)

    called, written = _file_of(row, mapping), cell("mask")
    image_id = row[mapping["image_id"]] if "image_id" in mapping else ""
    if not image_id or is_image_name(image_id):
        image_id = PurePosixPath((image_id or called).replace("\\", "/")).name
        image_id = PurePosixPath(image_id).stem if is_image_name(image_id) else image_id
    try:
        image = _image(tree, called) if tree and called else None
        mask = _mask(tree, table, written, image) if tree and written else None
    except CutisError as error:
        raise CutisError(f"{where}: {error}") from None
    target = classes.get(row[label]) if label else None
    found: dict[str, Any] = {"image_id": image_id or None, "target": target.code if target else None}
    found |= {field: cell(field) for field in _TEXT}
    found |= _diagnosis(row, where, mapping, target)
    found |= _optional(row, where, mapping)
    confirmed = cell("diagnosis_confirm_type")
    try:
        own_licence = licence(cell("copyright_license")).id if cell("copyright_license") else None
    except CutisError as error:
        raise CutisError(f"{where}: {error}") from None
    found |= {
        "diagnosis_confirm_type": CONFIRMED.get(confirmed, confirmed) if confirmed else None,
        "age_approx": cell("age_approx"),
        "sex": cell("sex"),
        "fitzpatrick_skin_type": cell("fitzpatrick_skin_type"),
        "anatom_site": ":".join(v for c in SITE_COLUMNS if (v := cell(c))) or cell("anatom_site"),
        "anatom_site_special": cell("anatom_site_special"),
        "copyright_license": own_licence,
    }
    found |= own_columns(row, {*mapping.values(), label or ""})
    return Record(
        values=found,
        image=image,
        reason="" if image else f'image "{called}" is missing',
        mask=mask,
    )


def _image(tree: Tree, called: str) -> Blob | None:
    beside = f"images/{called}"
    return tree.find_image(beside if is_image_name(called) and not tree.find(called) and tree.find(beside) else called)


def _mask(tree: Tree, table: Path, written: str, image: Blob | None) -> Blob | None:
    """The mask of that path, else of that name: beside the images or the table, and never the image itself."""
    exact = (tree.find(written) or file_at(table.parent, written)) if is_image_name(written) else None
    found = exact or tree.find_mask(written)
    return None if found is not None and image is not None and found.is_same(image) else found


def _diagnosis(row: Row, where: str, mapping: Mapping[str, str], target: ClassInfo | None) -> dict[str, str | None]:
    """From diagnosis_1..5, else the diagnosis column, else the class; an unknown name is an error."""
    given = [values.known(row[mapping[c]]) for c in DIAGNOSIS_COLUMNS if c in mapping]
    path = ":".join(v for v in given if v)
    column = mapping.get("diagnosis")
    text = path or (row[column] if column else "") or (target.diagnosis if target else None)
    try:
        return values.diagnosis(text)
    except CutisError as error:
        raise CutisError(
            f"{where}: {error} To keep such values as plain labels, use --label {column or 'COLUMN'}."
        ) from None


def _optional(row: Row, where: str, mapping: Mapping[str, str]) -> dict[str, Any]:
    """Lists (labels, boxes...) from JSON cells; caption, case and skin tone as they are."""
    cells = {field: row[mapping[field]] for field in OPTIONAL if mapping.get(field) and row[mapping[field]]}
    found: dict[str, Any] = {}
    for field, text in cells.items():
        if field in LISTS:
            try:
                found[field] = from_cell(text, field, where)
            except CutisError as error:
                raise CutisError(f"{error} To leave the column out, use --column {field}=") from None
        elif field in ("caption", "case_id", "monk_skin_tone"):
            found[field] = text
    return found


READER = Reader("csv", "a CSV and a folder (or zips) of images", recognises, read, takes_file=True, free_labels=True)
