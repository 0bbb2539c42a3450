"""Merge: several datasets as one, on one level of the ISIC hierarchy, with what each row was before kept beside it.

A merged manifest holds, beside its own columns:

  labels             classes that are present            labels_unknown   classes that may be (null: any of them)
  source_dataset     the part a row comes from           source_image_id, source_lesion_id, source_patient_id,
  source_diagnosis   its path as the part had it         source_target, source_labels: as the part had them
  also_in            the same of other parts that hold the same image

Every class that is in neither list is absent. `unmerge` gives back each part's ids and labels, and checks them against
the part's digest.
"""

from __future__ import annotations

import os
import shutil
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import polars as pl

from cutis.data.dataset import Dataset, DatasetCard, Merged, MergedPart
from cutis.data.harmonise import (
    NOTHING,
    Paths,
    combine,
    deepest_common,
    known_paths,
    level_number,
    node_at,
    three_valued,
    vocabulary_version,
)
from cutis.data.labels import class_code
from cutis.data.one_identity import distinct_ids, one_name_each, own_space, same_images
from cutis.data.values import slug
from cutis.errors import CutisError
from cutis.files import atomic_folder, refuse_existing
from cutis.progress import Progress, silent
from cutis.schema.classes import ClassInfo
from cutis.schema.content import content_digest
from cutis.schema.licence import LICENCES, licence
from cutis.schema.manifest import MANIFEST
from cutis.schema.spelling import SameIds, answered, check_same_ids
from cutis.schema.vocabulary import DIAGNOSIS_COLUMNS, Levels, is_malignant

KEPT = ("image_id", "lesion_id", "patient_id", "target", "diagnosis", "labels", "status", "sha256")
ALSO_IN = pl.List(pl.Struct({**dict.fromkeys(("dataset", *KEPT), pl.String()), "labels": pl.List(pl.String())}))
SOURCES: dict[str, pl.DataType] = {
    **{f"source_{c}": pl.String() for c in ("dataset", *KEPT[:5])},
    "source_labels": pl.List(pl.String()),
    "also_in": ALSO_IN,
}


@dataclass(frozen=True)
class _Known:
    """What is known of one image: its diagnosis, and further ones where it has several labels."""

    diagnosis: Paths
    labels: tuple[Paths, ...] = ()

    @property
    def every(self) -> tuple[Paths, ...]:
        told = tuple(p for p in (self.diagnosis, *self.labels) if p != NOTHING)
        return told or (NOTHING,)


def merge(
    datasets: Sequence[Dataset | Path | str],
    dest: Path | str,
    *,
    level: str = "diagnosis_3",
    akiec: str = "unknown",
    name: str | None = None,
    same_ids: SameIds | None = None,
    progress: Progress[Any] = silent,
) -> Dataset:
    """Make the dataset folder `dest` of `datasets`, with the nodes at `level` (diagnosis_1 to diagnosis_5) as classes.

    `target` is the node where it is known, else null. akiec: what HAM10000's code for two diagnoses is taken for
    ("unknown", "malignant", "indeterminate"). name: of the new dataset; the folder's name if None.
    An image that is in two datasets (same bytes, or the same id of the ISIC Archive) is kept once, from the first that
    has the picture; what both know of its diagnosis, lesion and patient is put together. Image files are hard links
    where the disk allows them. Nothing is left at `dest` if it fails.
    same_ids: as in `cutis.data.importing.import_dataset`; None: what all the datasets' cards say, if they say the same.
    Raises CutisError: two datasets of one name, a dataset that is itself a merge, no image that has a node at `level`.
    """
    dest = Path(dest)
    number = level_number(level)
    refuse_existing(dest)
    parts = [d if isinstance(d, Dataset) else Dataset.load(d) for d in datasets]
    _check_parts(parts)
    said = {p.card.same_ids for p in parts}
    same = same_ids or (said.pop() if len(said) == 1 else "ask")
    check_same_ids(same)
    known_paths("", akiec=akiec)  # refuses a wrong word before any work
    rows, _, spelled = answered(_one_table(parts), same)
    own = _own_knowledge(rows, parts, akiec)
    groups = same_images(rows["_part"].to_list(), rows["image_id"].to_list(), rows["sha256"].to_list())
    status = rows["status"].to_list()
    groups = [sorted(g, key=lambda r: (status[r] != "ok", r)) if len(g) > 1 else g for g in groups]
    kept = [g[0] for g in groups]
    known, disagree = _put_together(own, groups)
    nodes = _nodes(known, number)
    if not nodes:
        raise CutisError(f"no image has a {level}: {_reach(known)}. Choose a level that is known.")
    classes = _classes(nodes)
    lesions, patients, joined = one_name_each(groups, rows["lesion_id"].to_list(), rows["patient_id"].to_list())
    table = rows.with_columns(
        lesion_id=pl.Series(lesions, dtype=pl.String), patient_id=pl.Series(patients, dtype=pl.String)
    )
    table = _with_copies(table, rows, groups)[kept]
    ids, prefixed = distinct_ids(table["source_dataset"].to_list(), table["image_id"].to_list())
    table = table.with_columns(pl.Series("image_id", ids))
    table = _with_labels(table, known, nodes, classes, number)
    notes = [
        *_notes(table, known, level, number, akiec),
        *_identity_notes(rows, groups, joined, prefixed),
        *spelled,
        *(
            [f"{disagree} images are labelled differently in two datasets: either label stays possible"]
            if disagree
            else []
        ),
    ]
    card = _card(parts, name or slug(dest.resolve().name) or "merged", classes, level, akiec, notes)
    card = card.model_copy(update={"same_ids": same})
    with atomic_folder(dest) as folder:
        table = _with_files(table, parts, folder, progress)
        saved = Dataset(folder, card, table.drop("_part")).save_into(folder)
    return Dataset(dest, saved.card, saved.manifest)


def unmerge(dataset: Dataset | Path | str) -> dict[str, pl.DataFrame]:
    """Each part's rows as they were before the merge: ids, target, diagnosis_1..5, labels, status, sha256.

    Sorted by image_id. Raises CutisError if the dataset is no merge, or a part is not what it was (its digest says so).
    """
    data = dataset if isinstance(dataset, Dataset) else Dataset.load(dataset)
    if data.card.merged is None:
        raise CutisError(f"{data.path}: not a merged dataset.")
    table = data.manifest
    own = {f"source_{c}": c for c in ("dataset", *KEPT[:6])}
    first = table.select(*(pl.col(s).alias(c) for s, c in own.items()), "status", "sha256")
    others = table.select(pl.col("also_in").explode(empty_as_null=True)).drop_nulls().unnest("also_in")
    rows = pl.concat([first, others.select(first.columns)])
    found = {}
    for part in data.card.merged.parts:
        of_part = rows.filter(dataset=part.name).drop("dataset").sort("image_id")
        if content_digest(of_part) != part.digest:
            raise CutisError(f"{data.path}: the rows of {part.name} are not what they were; merge the datasets again.")
        path = pl.col("diagnosis").str.split(":")
        levels = [path.list.get(i, null_on_oob=True).alias(c) for i, c in enumerate(DIAGNOSIS_COLUMNS)]
        found[part.name] = of_part.with_columns(levels).drop("diagnosis")
    return found


def losses(dataset: Dataset) -> pl.DataFrame:
    """What became of each part's classes: dataset, class, images, becomes (a class code or null), why (if null).

    Of a merged dataset; the largest losses first within each part.
    """
    assert dataset.card.merged is not None
    akiec = dataset.card.merged.akiec
    keys = ["source_dataset", "source_target", "source_diagnosis", "target"]
    counted = dataset.manifest.group_by(keys).len("images")
    of_class = _class_paths(dataset.card.merged.parts)

    def why(row: dict[str, Any]) -> str | None:
        if row["target"] is not None:
            return None
        code = row["source_target"]
        paths = known_paths(row["source_diagnosis"] or of_class.get((row["source_dataset"], code), ""), code, akiec)
        if paths == NOTHING:
            return "no place in the vocabulary" if code else "no diagnosis"
        if len(paths) > 1:
            return "one of " + " | ".join(sorted(p.rsplit(":", 1)[-1] for p in paths))
        return f'known only as "{next(iter(paths)).rsplit(":", 1)[-1]}"'

    words = [why(row) for row in counted.iter_rows(named=True)]
    return (
        counted.with_columns(pl.Series("why", words, dtype=pl.String))
        .rename({"source_dataset": "dataset", "source_target": "class", "target": "becomes"})
        .group_by("dataset", "class", "becomes", "why")
        .agg(pl.col("images").sum())
        .sort("dataset", pl.col("becomes").is_not_null(), -pl.col("images").cast(pl.Int64), "class", nulls_last=True)
        .select("dataset", "class", "images", "becomes", "why")
    )


def _check_parts(parts: Sequence[Dataset]) -> None:
    if not parts:
        raise CutisError("nothing to merge: name one dataset or more, then the folder to make.")
    for part in parts:
        if part.card.merged is not None:
            raise CutisError(f"{part.path}: itself a merge. Name the datasets it was made of instead.")
    names = Counter(p.card.name for p in parts)
    twice = next((n for n, count in names.items() if count > 1), None)
    if twice is not None:
        raise CutisError(f'two datasets are called "{twice}"; import one again under another name (--name).')


def _one_table(parts: Sequence[Dataset]) -> pl.DataFrame:
    """All rows, part after part, with the `source_` columns, `_part` (its number), and ids in their own spaces."""
    tables = []
    for number, part in enumerate(parts):
        table = part.manifest
        table = table.rename({c: f"own_{c}" for c in table.columns if c in SOURCES})
        name = part.card.name
        labels = pl.col("labels") if "labels" in table.columns else pl.lit(None, pl.List(pl.String()))
        path = pl.concat_str([pl.col(c) for c in DIAGNOSIS_COLUMNS], separator=":", ignore_nulls=True)
        table = table.with_columns(
            pl.lit(number, pl.Int32).alias("_part"),
            pl.lit(name).alias("source_dataset"),
            *(pl.col(c).alias(f"source_{c}") for c in KEPT[:4]),
            pl.when(path != "").then(path).alias("source_diagnosis"),
            labels.alias("source_labels"),
            pl.col("source").fill_null(name),
            pl.lit(None, ALSO_IN).alias("also_in"),
        )
        if len(parts) > 1:
            table = table.with_columns(
                pl.Series(c, own_space(name, table[c]), dtype=pl.String) for c in ("lesion_id", "patient_id")
            )
        if part.card.licence != "unknown":
            table = table.with_columns(pl.col("copyright_license").fill_null(licence(part.card.licence).id))
        if part.card.attribution:
            table = table.with_columns(pl.col("attribution").fill_null(part.card.attribution))
        tables.append(table)
    return pl.concat(_told_apart(tables, [p.card.name for p in parts]), how="diagonal_relaxed")


def _told_apart(tables: list[pl.DataFrame], names: list[str]) -> list[pl.DataFrame]:
    """Own columns of one name but of different kinds (text here, a number there) get their dataset's name."""
    kinds: dict[str, set[Any]] = {}
    for table in tables:
        for column, dtype in table.schema.items():
            if column not in MANIFEST:
                kinds.setdefault(column, set()).add("number" if dtype.is_numeric() else dtype)
    mixed = {c for c, found in kinds.items() if len(found) > 1}
    return [
        t.rename({c: f"{c}_{name}" for c in t.columns if c in mixed}) for t, name in zip(tables, names, strict=True)
    ]


def _class_paths(parts: Sequence[MergedPart]) -> dict[tuple[str, str], str]:
    """(dataset, class code) -> the class's path, for classes that have one."""
    return {(p.name, c.code): c.diagnosis for p in parts for c in p.classes if c.diagnosis}


def _own_knowledge(rows: pl.DataFrame, parts: Sequence[Dataset], akiec: str) -> list[_Known]:
    """What each row says by itself."""
    of_class = {(p.card.name, c.code): c.diagnosis or "" for p in parts for c in p.card.classes}
    made: dict[Any, _Known] = {}
    found = []
    columns = ("source_dataset", "source_target", "source_diagnosis", "source_labels")
    for dataset, code, path, labels in rows.select(columns).iter_rows():
        key = (dataset, code, path, tuple(labels or ()))
        if key not in made:
            further = (known_paths(of_class.get((dataset, c), ""), c, akiec) for c in labels or () if c != code)
            made[key] = _Known(known_paths(path or of_class.get((dataset, code), ""), code, akiec), tuple(further))
        found.append(made[key])
    return found


def _put_together(own: list[_Known], groups: list[list[int]]) -> tuple[list[_Known], int]:
    """What is known of each group's image, and of how many images two datasets say what can't both be true."""
    known, disagree = [], 0
    for group in groups:
        paths, agreed = own[group[0]].diagnosis, True
        for row in group[1:]:
            paths, ok = combine(paths, own[row].diagnosis)
            agreed &= ok
        labels = (
            own[group[0]].labels if len(group) == 1 else tuple(dict.fromkeys(p for r in group for p in own[r].labels))
        )
        known.append(_Known(paths, labels))
        disagree += not agreed
    return known, disagree


def _node(paths: Paths, level: int) -> str | None:
    """The one node at `level` that all of `paths` lie in, or None."""
    found = {node_at(p, level) for p in paths}
    return found.pop() if len(found) == 1 else None


def _nodes(known: list[_Known], level: int) -> list[str]:
    every = {p for k in set(known) for p in k.every}
    return sorted({node for paths in every if (node := _node(paths, level))})


def _classes(nodes: list[str]) -> dict[str, ClassInfo]:
    """Node -> class."""
    made = {}
    for node in nodes:
        name = node.rsplit(":", 1)[-1]
        levels: Levels = (node.split(":")[0], None, None, None, None)
        made[node] = ClassInfo(code=class_code(name), name=name, diagnosis=node, malignant=is_malignant(levels))
    return made


def _with_labels(
    table: pl.DataFrame, known: list[_Known], nodes: list[str], classes: dict[str, ClassInfo], level: int
) -> pl.DataFrame:
    """`table` with target, labels, labels_unknown and diagnosis_1..5 as they are known now."""
    made: dict[_Known, tuple[str | None, list[str], list[str] | None, list[str | None]]] = {}
    for k in set(known):
        node = _node(k.diagnosis, level)
        present, unknown = set[str](), set[str]()
        for paths in k.every:
            yes, maybe = three_valued(paths, nodes)
            present |= set(yes)
            unknown |= set(maybe)
        names: list[str | None] = list(deepest_common(k.diagnosis).split(":")) if deepest_common(k.diagnosis) else []
        made[k] = (
            classes[node].code if node else None,
            [classes[n].code for n in nodes if n in present],
            None if len(unknown) == len(nodes) else [classes[n].code for n in nodes if n in unknown - present],
            names + [None] * (5 - len(names)),
        )
    rows = [made[k] for k in known]
    text = pl.List(pl.String())
    return table.with_columns(
        pl.Series("target", [r[0] for r in rows], dtype=pl.String),
        pl.Series("labels", [r[1] for r in rows], dtype=text),
        pl.Series("labels_unknown", [r[2] for r in rows], dtype=text),
        *(pl.Series(c, [r[3][i] for r in rows], dtype=pl.String) for i, c in enumerate(DIAGNOSIS_COLUMNS)),
    )


def _with_copies(table: pl.DataFrame, rows: pl.DataFrame, groups: list[list[int]]) -> pl.DataFrame:
    """`table` with `also_in`: of each kept row, the rows of other datasets that are the same image."""
    several = [g for g in groups if len(g) > 1]
    if not several:
        return table
    columns = ["source_dataset", *(f"source_{c}" for c in KEPT[:6]), "status", "sha256"]
    names = ("dataset", *KEPT)
    dropped = [r for g in several for r in g[1:]]
    told = iter(rows[dropped].select(columns).iter_rows())
    copies: list[list[dict[str, Any]] | None] = [None] * len(table)
    for group in several:
        copies[group[0]] = [dict(zip(names, next(told), strict=True)) for _ in group[1:]]
    return table.with_columns(pl.Series("also_in", copies, dtype=ALSO_IN))


def _reach(known: list[_Known]) -> str:
    """How many images have a node at each level."""
    deep = [sum(_node(k.diagnosis, level) is not None for k in known) for level in range(1, 6)]
    return ", ".join(f"{c} is known of {n:,}" for c, n in zip(DIAGNOSIS_COLUMNS, deep, strict=True))


def _notes(table: pl.DataFrame, known: list[_Known], level: str, number: int, akiec: str) -> list[str]:
    """What the merge loses, for the card."""
    notes = []
    for (name,), of_part in table.group_by("source_dataset", maintain_order=True):
        lost = of_part.filter(pl.col("target").is_null())
        if len(lost):
            classes = lost["source_target"].fill_null("(no class)").value_counts(sort=True, name="n").head(4).rows()
            words = ", ".join(f"{n:,} {c}" for c, n in classes)
            notes.append(f"{name}: {len(lost):,} of {len(of_part):,} images have no {level} ({words})")
    into = (
        table.drop_nulls(["target", "source_target"])
        .select("target", pl.concat_str("source_target", pl.lit(" of "), "source_dataset").alias("was"))
        .unique()
        .group_by("target")
        .agg(pl.col("was").sort())
        .filter(pl.col("was").list.len() > 1)
        .sort("target")
    )
    notes += [f"{target} now holds {', '.join(was)}" for target, was in into.rows()]
    if (table["source_target"] == "akiec").any():
        meant = {
            "unknown": "left as either of its diagnoses (actinic keratosis, indeterminate; Bowen's disease, malignant)",
            "malignant": "taken for Bowen's disease (malignant), which is wrong for its actinic keratoses",
            "indeterminate": "taken for actinic keratosis (indeterminate), which is wrong for its Bowen's disease",
        }[akiec]
        notes.append(f"akiec was {meant}")
    deep = [sum(_node(k.diagnosis, n) is not None for k in known) for n in range(1, 6)]
    if max(deep) > deep[number - 1]:
        notes.append("how deep the diagnoses go: " + _reach(known))
    return notes


def _identity_notes(rows: pl.DataFrame, groups: list[list[int]], joined: int, prefixed: int) -> list[str]:
    names = rows["source_dataset"].to_list()
    pairs = Counter((names[g[0]], names[r]) for g in groups for r in g[1:])
    notes = [
        f"{n:,} images of {dropped} are images of {kept} (same bytes or ISIC id): kept once"
        for (kept, dropped), n in pairs.items()
    ]
    if joined:
        notes.append(f"{joined:,} lesion or patient ids were second names of one already known, and became it")
    if prefixed:
        notes.append(
            f"{prefixed:,} image ids were in use for different images: the dataset's name now stands before them"
        )
    return notes


def _card(
    parts: Sequence[Dataset], name: str, classes: dict[str, ClassInfo], level: str, akiec: str, notes: list[str]
) -> DatasetCard:
    cards = [p.card for p in parts]
    # The strictest stands on the card; `Dataset.licence` composes all of them, row by row.
    strict = {False: 0, None: 1, True: 2}
    modalities = dict.fromkeys(c.modality for c in cards if c.modality)
    return DatasetCard(
        name=name,
        title=f"{' + '.join(c.name for c in cards)}, at {level}",
        source="; ".join(dict.fromkeys(c.source for c in cards if c.source)),
        licence=min((c.licence for c in cards), key=lambda one: strict[LICENCES[licence(one).id].commercial]),
        attribution="; ".join(dict.fromkeys(c.attribution for c in cards if c.attribution)),
        modality=", ".join(modalities),
        classes=tuple(classes.values()),
        notes=tuple(notes),
        merged=Merged(
            level=level,
            vocabulary=vocabulary_version(),
            akiec=akiec,
            parts=tuple(
                MergedPart(
                    name=p.card.name,
                    version=p.card.version,
                    digest=content_digest(p.manifest),
                    licence=p.card.licence,
                    attribution=p.card.attribution,
                    title=p.card.title,
                    images=len(p.manifest),
                    classes=p.card.classes,
                )
                for p in parts
            ),
        ),
    )


def _with_files(table: pl.DataFrame, parts: Sequence[Dataset], folder: Path, progress: Progress[Any]) -> pl.DataFrame:
    """Put every image and mask into `folder` under its id; returns the table with the new names."""
    new: dict[str, list[str | None]] = {"file": [], "mask": []}
    rows = table.select("_part", "image_id", "file", "mask").rows()
    for part, image_id, *files in progress(rows, len(rows), "merge"):
        for column, file in zip(("file", "mask"), files, strict=True):
            if file is None:
                new[column].append(None)
                continue
            name = f"{'images' if column == 'file' else 'masks'}/{image_id}{Path(file).suffix}"
            place(parts[part].path / file, folder / name)
            new[column].append(name)
    return table.with_columns(pl.Series(c, v, dtype=pl.String) for c, v in new.items())


def place(source: Path, dest: Path) -> None:
    """Hard-link `source` as `dest` where the disk allows it, else copy it. Raises CutisError if `source` is gone."""
    dest.parent.mkdir(exist_ok=True)
    try:
        os.link(source, dest)
    except FileNotFoundError:
        raise CutisError(f"{source} is missing; the dataset is incomplete. Import it again.") from None
    except OSError:
        shutil.copyfile(source, dest)
