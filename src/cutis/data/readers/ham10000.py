"""HAM10000: the public release, and the layout with metadata.csv + images.zip + masks.zip (or unzipped).

Source: Tschandl, Rosendahl & Kittler, "The HAM10000 dataset, a large collection of multi-source dermatoscopic images of
common pigmented skin lesions", Scientific Data 5, 180161 (2018). Masks: Tschandl et al., Nature Medicine 26 (2020).
"""

from __future__ import annotations

from pathlib import Path

from cutis.data.dataset import DatasetCard
from cutis.data.files_in import Tree
from cutis.data.readers import values
from cutis.data.readers.base import Found, Options, Reader, Record
from cutis.data.readers.table import Row, own_columns, read_table
from cutis.errors import CutisError, nearest

CARD = DatasetCard(
    name="ham10000",
    title="HAM10000: dermoscopic images of common pigmented skin lesions",
    source="Tschandl P., Rosendahl C., Kittler H. Scientific Data 5, 180161 (2018), doi:10.1038/sdata.2018.161",
    licence="CC-BY-NC-4.0",
    attribution="HAM10000, ViDIR Group, Department of Dermatology, Medical University of Vienna; "
    "doi:10.1038/sdata.2018.161",
    modality="dermoscopy",
    classes=tuple(values.ISIC_2018.values()),
)
_TABLES = ("metadata.csv", "HAM10000_metadata.csv", "HAM10000_metadata")
# How HAM10000 says that a diagnosis was confirmed -> the ISIC Archive's term.
CONFIRMED = {
    "histo": "histopathology",
    "follow_up": "serial imaging showing no change",
    "consensus": "single image expert consensus",
    "confocal": "confocal microscopy with consensus dermoscopy",
}


def _table(src: Path) -> Path | None:
    return next((src / name for name in _TABLES if (src / name).is_file()), None)


def recognises(src: Path) -> bool:
    table = _table(src)
    if table is None:
        return False
    with table.open("rb") as f:
        header = set(f.readline(10_000).decode("utf-8", "replace").lstrip("\ufeff").strip().split(","))
    return {"image_id", "lesion_id", "dx_type"} <= header and bool({"dx", "diagnosis"} & header)


def read(src: Path, options: Options) -> Found:
    if options.label or options.columns:
        raise CutisError("reader ham10000 knows its columns; drop --label and --column, or import with --as csv.")
    table = _table(src)
    if table is None:
        raise CutisError(f"{src}: no metadata.csv or HAM10000_metadata.csv; is this HAM10000? Otherwise use --as csv.")
    columns, rows = read_table(table)
    dx = "dx" if "dx" in columns else "diagnosis"
    site = "localization" if "localization" in columns else "site"
    for column in ("image_id", "lesion_id", dx, "dx_type", "age", "sex", site):
        if column not in columns:
            raise CutisError(f"{table}: no column {column}; found {', '.join(columns)}.")
    used = {"image_id", "lesion_id", dx, "dx_type", "age", "sex", site, "file", "mask", "split", "dataset"}
    tree = Tree(options.images or src)
    records = [_record(row, f"{table.name}: row {number}", tree, dx, site, used) for number, row in enumerate(rows, 1)]
    if not any(r.image for r in records):
        tree.close()
        raise CutisError(
            f"{tree.root}: none of the {len(records)} images of {table.name} is here. "
            "Expected folders or zips such as images.zip, images/ or HAM10000_images_part_1/; name one with --images."
        )
    present = {r.values["target"] for r in records}
    absent = [c.code for c in CARD.classes if c.code not in present]
    card = CARD.model_copy(
        update={
            "classes": tuple(c for c in CARD.classes if c.code in present),
            "notes": (f"no images of {', '.join(absent)}",) if absent else (),
        }
    )
    return Found(card, records, tree)


def _record(row: Row, where: str, tree: Tree, dx: str, site: str, used: set[str]) -> Record:
    target = values.known(row[dx])
    if target is not None:
        target = target.casefold()
        if target not in values.ISIC_2018:
            raise CutisError(f'{where}: {dx} "{row[dx]}": {nearest(target, values.ISIC_2018)}')
    confirmed = values.known(row["dx_type"])
    image_id = row["image_id"]
    file = row.get("file", "")
    image = tree.find(file) if file else tree.find_image(image_id)
    mask = tree.find(row["mask"]) if row.get("mask") else tree.find_mask(image_id)
    return Record(
        values={
            "image_id": image_id or None,
            "lesion_id": values.known(row["lesion_id"]),
            "source": values.known(row.get("dataset")) or "HAM10000",
            "target": target,
            "source_split": values.known(row.get("split")),
            **values.diagnosis(target),
            "diagnosis_confirm_type": CONFIRMED.get(confirmed.casefold(), confirmed) if confirmed else None,
            **values.site(row[site], where),
            "age_approx": values.age(row["age"], where),
            "sex": values.sex(row["sex"], where),
            "image_type": "dermoscopic",
            "copyright_license": CARD.licence,
            "attribution": CARD.attribution,
            **own_columns(row, used),
        },
        image=image,
        reason="" if image else f"image is missing: {file or image_id}",
        mask=mask,
    )


READER = Reader("ham10000", "HAM10000: its metadata CSV beside image folders or zips", recognises, read)
