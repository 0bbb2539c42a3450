"""Splits that no patient and no lesion crosses, with a proof.

Groups are the closure of patients and lesions (`cutis.schema.identity.group_ids`), computed on the whole manifest, so
that an unlabelled or unreadable image still ties its patient's other images together. Whole groups are dealt to the
parts so that each class keeps its share (iterative stratification: Sechidis, Tsoumakas & Vlahavas, ECML 2011, on groups
instead of samples, rarest class first).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
from pydantic import BaseModel, ConfigDict, ValidationError

from cutis.data.dataset import PARTS, Dataset
from cutis.errors import CutisError
from cutis.files import atomic_file, read_json, sha256_text, write_json
from cutis.schema.identity import group_ids, unit_name

SOURCE_PARTS = {
    "train": "train",
    "training": "train",
    "val": "val",
    "valid": "val",
    "validation": "val",
    "test": "test",
    "testing": "test",
}


class Count(BaseModel):
    model_config = ConfigDict(frozen=True)
    images: int
    groups: int


class Proof(BaseModel):
    """What was split and that nothing crosses.

    unit: what a group is ("patient", "lesion", "patient or lesion", "image"). parts: part -> its images and groups.
    classes: class -> part -> images and groups that hold the class. shared_groups: groups found in more than one part,
    counted on the written table: 0. excluded: images in no part, by reason. digest: SHA-256 of who is where.
    """

    model_config = ConfigDict(frozen=True)
    unit: str
    scheme: str
    seed: int | None
    folds: int | None = None
    groups: int
    shared_groups: int
    parts: dict[str, Count]
    classes: dict[str, dict[str, Count]]
    excluded: dict[str, int] = {}
    warnings: tuple[str, ...] = ()
    digest: str
    dataset: str
    dataset_digest: str

    def summary(self) -> str:
        """The proof in one line."""
        parts = ", ".join(f"{name} {count.images}" for name, count in self.parts.items())
        return f"{parts} images; {self.groups} groups by {self.unit}, shared groups = {self.shared_groups}"

    def format(self) -> str:
        """The proof as text, for printing."""
        seed = "" if self.seed is None else f", seed {self.seed}"
        lines = [
            f"split of {self.dataset}: {self.scheme}{seed}",
            f"{self.groups} groups by {self.unit}, shared groups = {self.shared_groups}",
            "",
        ]
        width = max(len(c) for c in (*self.classes, "class"))
        lines.append(f"{'class':<{width}}" + "".join(f"{part:>18}" for part in self.parts))
        for code, row in self.classes.items():
            cells = "".join(f"{row[p].images:>9} ({row[p].groups:>6})" for p in self.parts)
            lines.append(f"{code:<{width}}{cells}")
        total = "".join(f"{c.images:>9} ({c.groups:>6})" for c in self.parts.values())
        lines += [f"{'all':<{width}}{total}", "images (groups)", ""]
        lines += [f"left out: {n} {why}" for why, n in self.excluded.items()]
        lines += [f"warning: {w}" for w in self.warnings]
        lines.append(f"digest {self.digest[:16]} on dataset {self.dataset_digest[:16]}")
        return "\n".join(lines)


@dataclass(frozen=True)
class Split:
    """table: image_id, group (int64), part ("train", "val", "test"), and fold (int) for k-fold; sorted by image_id."""

    table: pl.DataFrame
    proof: Proof

    def ids(self, part: str) -> list[str]:
        """image_ids of a part, sorted. Raises CutisError if the split has no such part."""
        found: list[str] = self.table.filter(pl.col("part") == part)["image_id"].to_list()
        if not found:
            raise CutisError(f'the split has no part "{part}"; it has {", ".join(self.proof.parts)}.')
        return found

    def fold(self, index: int) -> Split:
        """The split whose test part is fold `index`, its val part the next fold, and the rest train."""
        k = self.proof.folds
        if k is None or not 0 <= index < k:
            raise CutisError(
                f"fold {index}: the split has {f'folds 0..{k - 1}' if k else 'no folds; make it with --folds'}."
            )
        return _rotated(self, index, k)


def split(
    dataset: Dataset | Path | str,
    *,
    test: float = 0.2,
    val: float = 0.1,
    seed: int = 0,
    folds: int | None = None,
    source: bool = False,
    overwrite: bool = False,
    name: str = "default",
) -> Split:
    """Split `dataset` by patient or lesion, write splits/<name>.parquet and .json in its folder, and return the split.

    test, val: shares of each class's groups, 0..1, the rest is train. folds: k-fold instead (a `fold` column; parts are
    those of fold 0, see `Split.fold`). source: adopt the source's own split (`source_split`), refused if groups cross.
    seed: the same seed and images give the same split, whatever the order of rows. overwrite: replace a split of that
    name. Images without a label or with status "error" are in no part; the proof counts them.
    A class with fewer groups than parts is in train first, then test; the proof warns.
    Raises CutisError for impossible requests: shares that leave no train, one class only, fewer groups than parts.
    """
    dataset = dataset if isinstance(dataset, Dataset) else Dataset.load(dataset)
    path = dataset.path / "splits" / f"{name}.json"
    if path.exists() and not overwrite:
        raise CutisError(f"{dataset.path} is split already ({path.name}). To replace that split: --overwrite.")
    table, excluded = _grouped(dataset)
    warnings: list[str] = []
    if source:
        if folds is not None:
            raise CutisError("the source's own split has no folds: drop --folds or --source.")
        parts, scheme = _source_parts(table, dataset), "the source's own"
        made_with = None
    elif folds is not None:
        if folds < 3:
            raise CutisError(f"--folds {folds}: expected 3 or more (one fold tests, one validates, the rest train).")
        parts, warnings = _dealt(table, {str(i): 1 / folds for i in range(folds)}, seed)
        scheme, made_with = f"{folds}-fold, stratified by class", seed
    else:
        shares = _shares(test, val)
        parts, warnings = _dealt(table, shares, seed)
        scheme, made_with = f"stratified by class, test {test:g}, val {val:g}", seed
    table = table.with_columns(pl.Series("part", parts))
    if folds is not None:
        table = table.with_columns(fold=pl.col("part").cast(pl.Int32))
        table = table.with_columns(part=_part_of_fold(0, folds))
    made = _proven(table, dataset, scheme, made_with, folds, excluded, warnings)
    with atomic_file(path.with_suffix(".parquet")) as partial:
        made.table.write_parquet(partial)
    write_json(path, made.proof.model_dump(mode="json"))
    return made


def load_split(dataset: Dataset | Path | str, name: str = "default") -> Split:
    """Read a split. Raises CutisError if there is none, it was changed by hand, or the dataset has changed since."""
    dataset = dataset if isinstance(dataset, Dataset) else Dataset.load(dataset)
    path = dataset.path / "splits" / f"{name}.json"
    remedy = f"Split again: cutis split {dataset.path} --overwrite"
    if not path.is_file():
        raise CutisError(f"{dataset.path} is not split yet. Split it: cutis split {dataset.path}")
    try:
        proof = Proof.model_validate(read_json(path))
        table = pl.read_parquet(path.with_suffix(".parquet"))
        digest = _digest(table)
    except (ValidationError, OSError, pl.exceptions.PolarsError):
        raise CutisError(f"{path}: damaged. {remedy}") from None
    if digest != proof.digest:
        raise CutisError(f"{path.with_suffix('.parquet')}: not what its proof says; it was changed. {remedy}")
    if proof.dataset_digest != dataset.card.digest:
        raise CutisError(f"{path}: made for other images or labels than {dataset.path} now holds. {remedy}")
    return Split(table, proof)


def _shares(test: float, val: float) -> dict[str, float]:
    if not (0 <= test < 1 and 0 <= val < 1 and test + val < 1):
        raise CutisError(f"test {test:g} and val {val:g} leave no train part: both in 0..1, together below 1.")
    shares = {"train": 1 - test - val, "val": val, "test": test}
    shares = {part: share for part, share in shares.items() if share > 0}
    if len(shares) == 1:
        raise CutisError("test 0 and val 0: nothing to split. Ask for a share, such as test 0.2.")
    return shares


def _grouped(dataset: Dataset) -> tuple[pl.DataFrame, dict[str, int]]:
    """Usable rows sorted by image_id, with their group; and how many rows are left out, by reason."""
    manifest = dataset.manifest.sort("image_id")  # so that group numbers don't depend on the order of rows
    manifest = manifest.with_columns(group=pl.Series(group_ids(manifest)))
    broken = pl.col("status") != "ok"
    unlabelled = ~broken & pl.col("target").is_null()
    excluded = {
        "not readable": manifest.filter(broken).height,
        "without a label": manifest.filter(unlabelled).height,
    }
    table = manifest.filter(~broken & ~unlabelled).select("image_id", "group", "target", "source_split")
    found = table["target"].unique().sort().to_list()
    if len(found) < 2:
        what = f'one class only ("{found[0]}")' if found else "no labelled, readable image"
        raise CutisError(f"{dataset.path}: {what}; a split needs two classes or more. Import images of another class.")
    return table, {why: n for why, n in excluded.items() if n}


def _source_parts(table: pl.DataFrame, dataset: Dataset) -> list[str]:
    mapped = table.with_columns(
        part=pl.col("source_split").str.strip_chars().str.to_lowercase().replace_strict(SOURCE_PARTS, default=None)
    )
    strange = mapped.filter(pl.col("part").is_null())["source_split"].fill_null("(empty)").value_counts(sort=True)
    if len(strange):
        named = ", ".join(f'"{value}" ({n})' for value, n in strange.head(5).rows())
        raise CutisError(
            f"{dataset.path}: source_split holds {named}; known are {', '.join(SOURCE_PARTS)}. "
            "Make a split instead: drop --source."
        )
    crossing = _crossing(mapped)
    if len(crossing):
        ids = mapped.filter(pl.col("group") == crossing[0]).select("image_id", "part").unique("part").sort("image_id")
        where = ", ".join(f"{image_id} in {part}" for image_id, part in ids.rows())
        unit = unit_name(dataset.manifest)
        raise CutisError(
            f"{dataset.path}: the source's split puts {len(crossing)} groups (by {unit}) in more than one part; "
            f"the first: {where}. Make a split that doesn't leak: drop --source."
        )
    parts: list[str] = mapped["part"].to_list()
    if "train" not in parts or len(set(parts)) < 2:
        raise CutisError(f"{dataset.path}: source_split has only {', '.join(sorted(set(parts)))}. Drop --source.")
    return parts


def _crossing(table: pl.DataFrame) -> list[int]:
    """Groups found in more than one part."""
    column = "fold" if "fold" in table.columns else "part"
    per_group = table.group_by("group").agg(pl.col(column).n_unique())
    found: list[int] = per_group.filter(pl.col(column) > 1)["group"].sort().to_list()
    return found


def _dealt(table: pl.DataFrame, shares: Mapping[str, float], seed: int) -> tuple[list[str], list[str]]:
    """A part for each row, whole groups together, and warnings."""
    parts = list(shares)
    groups, inverse = np.unique(table["group"].to_numpy(), return_inverse=True)
    if len(groups) < len(parts):
        raise CutisError(
            f"{len(groups)} groups (patients or lesions) cannot fill {len(parts)} parts; each part needs one or more."
        )
    classes = sorted(table["target"].unique().to_list())
    code = table["target"].replace_strict(classes, list(range(len(classes))), return_dtype=pl.Int64).to_numpy()
    counts = np.zeros((len(groups), len(classes)), np.int64)  # images of each class in each group
    np.add.at(counts, (inverse, code), 1)
    holds = counts > 0
    want = np.stack([_targets(int(n), np.array(list(shares.values()))) for n in holds.sum(0)])  # classes x parts
    warnings = [
        f'class "{classes[c]}" has {int(n)} group{"s" if n > 1 else ""}: not in every part'
        for c, n in enumerate(holds.sum(0))
        if n < len(parts)
    ]
    rng = np.random.default_rng(seed)
    tie = rng.permutation(len(groups))
    # Larger groups first, so that images follow the shares as well as groups do.
    order = np.lexsort((tie, -counts.sum(1)))
    need = want.astype(float)
    part_of = np.full(len(groups), -1)
    # A group is dealt with its rarest class, the classes from rare to common.
    for c in np.argsort(holds.sum(0), kind="stable"):
        for g in order[holds[order, c] & (part_of[order] < 0)]:
            fill = need[c] / np.maximum(want[c], 1)
            rest = need[holds[g]].sum(0)
            p = int(np.lexsort((-rest, -fill))[0])
            part_of[g] = p
            need[holds[g], p] -= 1
    _fill_empty(part_of, len(parts), order)
    missing = [
        f'class "{classes[c]}" has no image in {parts[p]}'
        for c in range(len(classes))
        for p in range(len(parts))
        if holds[:, c].sum() >= len(parts) and not holds[part_of == p, c].any()
    ]
    return [parts[p] for p in part_of[inverse]], warnings + missing


def _targets(n: int, shares: np.ndarray) -> np.ndarray:
    """How many of a class's n groups each part should get: largest remainders, one at least in each if n allows.

    With fewer groups than parts the first part (train) is served first, then the last (test), then those between.
    """
    k = len(shares)
    if n < k:
        served = [0, k - 1, *range(1, k - 1)][:n]
        return np.isin(np.arange(k), served).astype(np.int64)
    exact = n * shares
    target = np.floor(exact + 1e-9).astype(np.int64)
    for p in np.argsort(-(exact - target), kind="stable")[: n - target.sum()]:
        target[p] += 1
    while (target == 0).any():
        target[target.argmax()] -= 1
        target[target.argmin()] += 1
    return target


def _fill_empty(part_of: np.ndarray, parts: int, order: np.ndarray) -> None:
    """Give each empty part the smallest group of the fullest part (few groups of mixed classes can leave one empty)."""
    sizes = np.bincount(part_of, minlength=parts)
    for p in np.flatnonzero(sizes == 0):
        donor = order[part_of[order] == sizes.argmax()][-1]
        sizes[part_of[donor]] -= 1
        part_of[donor] = p
        sizes[p] += 1


def _part_of_fold(index: int, folds: int) -> pl.Expr:
    return (
        pl.when(pl.col("fold") == index)
        .then(pl.lit("test"))
        .when(pl.col("fold") == (index + 1) % folds)
        .then(pl.lit("val"))
        .otherwise(pl.lit("train"))
    )


def _rotated(made: Split, index: int, folds: int) -> Split:
    table = made.table.with_columns(part=_part_of_fold(index, folds))
    proof = made.proof.model_copy(
        update={
            "scheme": f"{made.proof.scheme.split(' (')[0]} (fold {index} is test)",
            "parts": _parts(table),
            "classes": _class_table(table),
            "digest": _digest(table),
        }
    )
    return Split(table, proof)


def _proven(
    table: pl.DataFrame,
    dataset: Dataset,
    scheme: str,
    seed: int | None,
    folds: int | None,
    excluded: dict[str, int],
    warnings: list[str],
) -> Split:
    crossing = _crossing(table)
    if crossing:
        raise CutisError(f"{dataset.path}: {len(crossing)} groups cross parts; nothing was written.")
    columns = ["image_id", "group", "part", *(["fold"] if folds else []), "target"]
    table = table.select(columns)
    proof = Proof(
        unit=unit_name(dataset.manifest),
        scheme=scheme,
        seed=seed,
        folds=folds,
        groups=table["group"].n_unique(),
        shared_groups=len(crossing),
        parts=_parts(table),
        classes=_class_table(table),
        excluded=excluded,
        warnings=tuple(warnings),
        digest=_digest(table),
        dataset=dataset.card.name,
        dataset_digest=dataset.card.digest,
    )
    return Split(table, proof)


def _count(table: pl.DataFrame) -> Count:
    return Count(images=len(table), groups=table["group"].n_unique())


def _parts(table: pl.DataFrame) -> dict[str, Count]:
    present = table["part"].unique().to_list()
    return {part: _count(table.filter(pl.col("part") == part)) for part in PARTS if part in present}


def _class_table(table: pl.DataFrame) -> dict[str, dict[str, Count]]:
    return {
        code: {
            part: _count(table.filter((pl.col("target") == code) & (pl.col("part") == part))) for part in _parts(table)
        }
        for code in table["target"].unique().sort().to_list()
    }


def _digest(table: pl.DataFrame) -> str:
    columns = [c for c in ("image_id", "group", "part", "fold") if c in table.columns]
    rows: list[tuple[Any, ...]] = table.sort("image_id").select(columns).rows()
    return sha256_text("\n".join("\t".join(map(str, row)) for row in rows))
