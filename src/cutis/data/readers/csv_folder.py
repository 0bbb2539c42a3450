"""A CSV and a folder of images, with the ISIC Archive's column names or ones that the user maps.

The class is the column named with `label`, else `target` (or label, class), else `diagnosis` (or dx). Values in a
diagnosis column must be in the ISIC vocabulary; a column named with `label` may hold anything.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path, PurePosixPath
from typing import Any

from cutis.data.dataset import DatasetCard
from cutis.data.files_in import Tree, is_image_name
from cutis.data.readers import values
from cutis.data.readers.base import Found, Options, Reader, Record
from cutis.data.readers.ham10000 import CONFIRMED
from cutis.data.readers.json_rows import LISTS, from_cell
from cutis.data.readers.own_columns import own_columns
from cutis.errors import CutisError, nearest
from cutis.schema.classes import ClassInfo
from cutis.schema.licence import licence
from cutis.schema.manifest import OPTIONAL
from cutis.schema.vocabulary import DIAGNOSIS_COLUMNS, SITE_COLUMNS
from cutis.tables import Row, read_table

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


def _table(src: Path) -> Path | None:
    if src.is_file():
        return src if src.suffix.casefold() in (".csv", ".tsv") else None
    tables = sorted(p for p in src.glob("*.csv") if not p.name.startswith("."))
    return src / "metadata.csv" if src / "metadata.csv" in tables else tables[0] if len(tables) == 1 else None


def recognises(src: Path) -> bool:
    return _table(src) is not None


def read(src: Path, options: Options) -> Found:
    table = _table(src)
    if table is None:
        raise CutisError(f"{src}: expected one CSV file, or metadata.csv, in it. Name the CSV itself as the source.")
    columns, rows = read_table(table)
    mapping = _mapping(columns, options, table)
    if "image_id" not in mapping and "file" not in mapping:
        raise _ask("image_id", "the image's id or file", columns, table)
    unlabelled = options.columns.get("target") == ""
    target = mapping.pop("target", None)
    label = options.label or target or (None if unlabelled else mapping.get("diagnosis"))
    if label is None and not unlabelled:
        raise _ask("target", "its class", columns, table, " (or --column target= to import it unlabelled)")
    if mapping.get("diagnosis") == label and options.label:
        del mapping["diagnosis"]  # asked for as free labels: not held against the vocabulary
    images = options.images or (src if src.is_dir() else src.parent)
    if not images.is_dir():
        raise CutisError(f"{images}: no such folder of images. Name it with --images.")
    tree = Tree(images)
    classes = _classes(rows, label, table)
    records = [_record(row, number, table, tree, mapping, label, classes) for number, row in enumerate(rows, 1)]
    missing = [(number, r) for number, r in enumerate(records, 1) if r.image is None]
    if missing and not options.table_only and (not options.allow_missing or len(missing) == len(records)):
        number, first = missing[0]
        tree.close()
        raise CutisError(
            f"{table}: row {number}: {first.reason} ({len(missing)} of {len(records)} images are missing in {images}). "
            "Name the folder with --images, or keep such rows as errors with --allow-missing."
        )
    distinct = {c.code: c for c in classes.values()}
    # "not in the vocabulary" is worth a note only where names were meant as diagnoses
    unknown = [c.code for c in distinct.values() if c.diagnosis is None and not c.note]
    notes = (
        [f'"{label}" is the class']
        + ([f"not in the ISIC vocabulary, kept as labels: {', '.join(unknown)}"] if unknown else [])
        if label
        else ["no class column: unlabelled"]
    )
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
    folded = {c.casefold(): c for c in reversed(columns)}
    taken = set(options.columns.values())
    mapping = {}
    for field, names in ALIASES.items():
        found = next((folded[n] for n in names if n in folded and folded[n] not in taken), None)
        chosen = options.columns.get(field, found)
        if chosen:
            mapping[field] = chosen
    return mapping


def _classes(rows: Sequence[Row], label: str | None, table: Path) -> dict[str, ClassInfo]:
    """Label as written -> class. Spellings with one code are one class."""
    written = sorted({cell for row in rows if label and (cell := values.known(row[label]))})
    classes = {cell: values.class_info(cell) for cell in written}
    by_code = {c.code: c for c in reversed(classes.values())}
    if label and len(by_code) > max(50, len(rows) // 2):
        raise CutisError(
            f'{table}: column "{label}" holds {len(by_code)} different values in {len(rows)} rows; that is no class. '
            "Name the class column with --label."
        )
    return {cell: by_code[c.code] for cell, c in classes.items()}


def _record(
    row: Row,
    number: int,
    table: Path,
    tree: Tree,
    mapping: Mapping[str, str],
    label: str | None,
    classes: Mapping[str, ClassInfo],
) -> Record:
    where = f"{table.name}: row {number}"

    def cell(field: str) -> str | None:
        return values.known(row[mapping[field]]) if field in mapping else None

    image_id, file = cell("image_id"), cell("file")
    if image_id and is_image_name(image_id):
        file, image_id = file or image_id, PurePosixPath(image_id).stem
    if image_id is None and file:
        image_id = PurePosixPath(file.replace("\\", "/")).stem
    if file:
        image = tree.find(file) or (tree.find(f"images/{file}") if "/" not in file else None)
    else:
        image = tree.find_image(image_id) if image_id else None
    written = cell("mask")
    target = classes.get(values.known(row[label]) or "") if label else None
    found: dict[str, Any] = {"image_id": image_id, "target": target.code if target else None}
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
        reason="" if image else f'image "{file or image_id}" is missing',
        mask=tree.find(written) if written else None,
    )


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


READER = Reader("csv", "a CSV and a folder (or zips) of images", recognises, read, takes_file=True)
