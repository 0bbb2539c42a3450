"""Splits that no patient, no lesion and no near-duplicate crosses, with a proof.

Groups are the closure of patients, lesions and recorded near-duplicates (`cutis.schema.identity.group_ids`), computed
on the whole manifest, so that an unlabelled or unreadable image still ties its patient's other images together. Whole
groups are dealt to the parts (`cutis.data.dealing`); what was dealt is written with its proof
(`cutis.data.split_proof`).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import polars as pl

from cutis.data.dataset import Dataset
from cutis.data.dealing import deal
from cutis.data.duplicates import duplicate_edges, duplicates_path
from cutis.data.split_files import load_split, save_split, split_file
from cutis.data.split_proof import (
    Count,
    Proof,
    Split,
    count_classes,
    count_parts,
    in_several_parts,
    part_of_fold,
    split_digest,
)
from cutis.errors import CutisError, nearest
from cutis.files import only_writer, read_json
from cutis.schema.identity import UNITS, group_ids, unit_name
from cutis.schema.spelling import Doubt, SameIds, as_one, check_same_ids, doubt_words, doubts

__all__ = ["CLOSINGS", "SCHEMES", "SOURCE_PARTS", "Count", "Proof", "Split", "load_split", "split"]

SOURCE_PARTS = {
    "train": "train",
    "training": "train",
    "val": "val",
    "valid": "val",
    "validation": "val",
    "test": "test",
    "testing": "test",
}
SCHEMES = ("holdout", "kfold", "leave-one-source-out")
CLOSINGS = (*UNITS, "near-duplicate", "image")
_FOLDS = 5


@dataclass(frozen=True)
class _Dealt:
    """What a scheme made: the table with `part` (and `fold`, `held`), and what the proof says of it."""

    table: pl.DataFrame
    scheme: str
    seed: int | None
    folds: int | None = None
    fold_names: tuple[str, ...] = ()
    excluded: dict[str, int] = field(default_factory=dict)
    warnings: tuple[str, ...] = ()


def split(
    dataset: Dataset | Path | str,
    *,
    test: float = 0.2,
    val: float = 0.1,
    seed: int = 0,
    folds: int | None = None,
    scheme: str | None = None,
    close: Sequence[str] | None = None,
    source: bool = False,
    same_ids: SameIds | None = None,
    overwrite: bool = False,
    name: str = "default",
) -> Split:
    """Split `dataset` by patient, lesion and near-duplicate, write splits/<name>.parquet and .json, return the split.

    scheme: "holdout" (the default) deals shares; "kfold" (meant by `folds`; 5 if not said) makes a `fold` column, parts
    are those of fold 0, see `Split.fold`; "leave-one-source-out" makes a fold of each `source`. There an image whose
    group reaches into the tested source is in no part of that fold, so that the test part is always the whole source.
    test, val: shares of each class's groups, 0..1, the rest is train. seed: the same seed and images give the same
    split, whatever the order of rows. source: adopt the source's own split (`source_split`), refused if groups cross.
    close: what ties images together, of `CLOSINGS`; None is patient, lesion, and near-duplicate if duplicates.parquet
    is there (pairs decided "different" tie nothing). "image" ties nothing. Ids that are known but not closed over are
    counted in the proof's `leaks`.
    same_ids: what ids are that may be one though they are spelled otherwise (`cutis.schema.spelling.doubts`). "ask"
    takes them as one, which can't leak, and warns; "fold" takes them as one; "keep" as different. None: what the
    dataset's card says, else "ask". A source's own split may put images of such ids on two sides, never patients or
    lesions.
    overwrite: replace a split of that name. Images without a label or with status "error" are in no part; the proof
    counts them. A class with fewer groups than parts is in train first, then test; the proof warns.
    Raises CutisError for impossible requests: shares that leave no train, one class only, fewer groups than parts,
    near-duplicates that were never looked for, fewer than two sources.
    """
    dataset = dataset if isinstance(dataset, Dataset) else Dataset.load(dataset)
    with only_writer(dataset.path, "cutis split"):
        path = split_file(dataset, name)
        if path.exists() and not overwrite:
            raise CutisError(f"{dataset.path} is split already ({path.name}). To replace that split: --overwrite.")
        if read_json(dataset.path / "dataset.json").get("digest") != dataset.card.digest:
            raise CutisError(f"{dataset.path}: changed since it was read. Run again.")
        made = _made(dataset, _scheme(scheme, folds, source), close, same_ids, (test, val), folds, seed, source=source)
        save_split(path, made)
    return made


def _made(
    dataset: Dataset,
    chosen: str,
    close: Sequence[str] | None,
    same_ids: SameIds | None,
    sizes: tuple[float, float],
    folds: int | None,
    seed: int,
    *,
    source: bool,
) -> Split:
    """The split, not written yet; the arguments are those of `split`."""
    closed, (test, val) = _closing(dataset, close), sizes
    check_same_ids(same_ids or "ask")
    if seed < 0:
        raise CutisError(f"seed is {seed}; expected a whole number from 0.")
    same = same_ids or dataset.card.same_ids
    manifest = dataset.manifest.sort("image_id")  # so that group numbers don't depend on the order of rows
    doubted = doubts(manifest)
    joined = manifest if same == "keep" else as_one(manifest, doubted)
    duplicates = duplicate_edges(dataset, manifest["image_id"])
    edges = duplicates if "near-duplicate" in closed else np.empty((0, 2), np.int64)
    if same != "keep" and not source and "image" not in closed:
        edges = np.concatenate([edges, _alike(manifest["image_id"], doubted)])
    groups = group_ids(joined, closed, edges)
    table, excluded = _usable(manifest.with_columns(group=pl.Series(groups)), dataset)
    unit = _unit(manifest, closed, duplicates)
    if source:
        dealt = _as_source(table, dataset, unit, doubted if same == "ask" else [])
    elif chosen == "kfold":
        dealt = _kfold(table, _FOLDS if folds is None else folds, seed)
    elif chosen == "leave-one-source-out":
        dealt = _leave_one_source_out(table, dataset, val, seed, same)
    else:
        shares = _shares(test, val)
        parts, warnings = deal(table, shares, seed)
        words = f"stratified by class, test {test:g}, val {val:g}"
        dealt = _Dealt(table.with_columns(pl.Series("part", parts)), words, seed, warnings=tuple(warnings))
    crossing = _crossing(dealt)
    if crossing:
        raise CutisError(f"{dataset.path}: {crossing} groups cross parts; nothing was written.")
    kept = dealt.table.select("image_id", "group", "part", *(c for c in ("fold", "held") if c in dealt.table), "target")
    proof = Proof(
        unit=unit,
        scheme=dealt.scheme,
        seed=dealt.seed,
        folds=dealt.folds,
        fold_names=dealt.fold_names,
        groups=kept["group"].n_unique(),
        shared_groups=crossing,
        leaks=_leaks(dealt, joined, duplicates),
        parts=count_parts(kept),
        classes=count_classes(kept),
        excluded=excluded | dealt.excluded,
        warnings=(*dealt.warnings, *(_asked(doubted, dataset) if same == "ask" else ())),
        same_ids=same if doubted else None,
        doubts={unit: n for unit in (*UNITS, "image") if (n := sum(d.column == f"{unit}_id" for d in doubted))},
        digest=split_digest(kept),
        dataset=dataset.card.name,
        dataset_digest=dataset.card.digest,
    )
    return Split(kept, proof)


def _alike(image_ids: pl.Series, doubted: Sequence[Doubt]) -> np.ndarray:
    """int64 (m, 2): pairs of rows whose image ids may be one."""
    ends = [(d.images[0], other) for d in doubted if d.column == "image_id" for other in d.images[1:]]
    if not ends:
        return np.empty((0, 2), np.int64)
    row = {image_id: n for n, image_id in enumerate(image_ids.to_list())}
    return np.array([(row[a], row[b]) for a, b in ends], np.int64)


def _asked(doubted: Sequence[Doubt], dataset: Dataset) -> list[str]:
    """The proof's warnings of what nobody has answered yet."""
    return [
        f"{line}: they count as one here. If they are, say so once: --same-ids fold; if not: cutis split "
        f"{dataset.path} --same-ids keep --overwrite"
        for line in doubt_words(doubted)
    ]


def _scheme(scheme: str | None, folds: int | None, source: bool) -> str:
    if scheme is not None and scheme not in SCHEMES:
        raise CutisError(f'--scheme "{scheme}": {nearest(scheme, SCHEMES)}')
    if source and folds is not None:
        raise CutisError("the source's own split has no folds: drop --folds or --source.")
    if source and scheme is not None:
        raise CutisError("the source's own split has no scheme: drop --scheme or --source.")
    if folds is not None and scheme not in (None, "kfold"):
        raise CutisError(f"--folds {folds} makes a k-fold split, not {scheme}: drop --folds or say --scheme kfold.")
    return "kfold" if folds is not None else scheme or "holdout"


def _closing(dataset: Dataset, close: Sequence[str] | None) -> tuple[str, ...]:
    found = duplicates_path(dataset).is_file()
    if close is None:
        return (*UNITS, "near-duplicate") if found else UNITS
    for name in close:
        if name not in CLOSINGS:
            raise CutisError(f'--close "{name}": {nearest(name, CLOSINGS)}')
    if "image" in close and len(close) > 1:
        raise CutisError('--close "image" ties nothing together: say it alone or drop it.')
    if not close:
        raise CutisError(f"--close names nothing; valid: {', '.join(CLOSINGS)}.")
    if "near-duplicate" in close and not found:
        raise CutisError(
            f"{dataset.path}: near-duplicates were never looked for (no {duplicates_path(dataset).name}). "
            f"Look first: cutis lint {dataset.path} --look"
        )
    return tuple(close)


def _unit(manifest: pl.DataFrame, closed: Sequence[str], edges: np.ndarray) -> str:
    unit = unit_name(manifest, closed)
    if "near-duplicate" in closed and len(edges):
        return "near-duplicate" if unit == "image" else f"{unit} or near-duplicate"
    return unit


def _leaks(dealt: _Dealt, manifest: pl.DataFrame, edges: np.ndarray) -> dict[str, int]:
    """Patients, lesions and near-duplicate clusters in more than one part: none but those that weren't closed over."""
    clusters = group_ids(manifest, (), edges)
    units = manifest.select(
        "image_id", patient="patient_id", lesion="lesion_id", **{"near-duplicate": pl.Series(clusters)}
    )
    found: dict[str, int] = {}
    for table in _every_fold(dealt):
        joined = table.select("image_id", "part").join(units, on="image_id", how="left")
        for unit in (*UNITS, "near-duplicate"):
            found[unit] = max(found.get(unit, 0), len(in_several_parts(joined, unit)))
    return {unit: n for unit, n in found.items() if n}


def _every_fold(dealt: _Dealt) -> list[pl.DataFrame]:
    """The table, once for each fold that can be the test part."""
    if dealt.folds is None:
        return [dealt.table]
    by_source = "held" in dealt.table.columns
    return [dealt.table.with_columns(part=part_of_fold(index, dealt.folds, by_source)) for index in range(dealt.folds)]


def _crossing(dealt: _Dealt) -> int:
    return max(len(in_several_parts(table)) for table in _every_fold(dealt))


def _shares(test: float, val: float) -> dict[str, float]:
    if not (0 <= test < 1 and 0 <= val < 1 and test + val < 1):
        raise CutisError(f"test {test:g} and val {val:g} leave no train part: both in 0..1, together below 1.")
    shares = {"train": 1 - test - val, "val": val, "test": test}
    shares = {part: share for part, share in shares.items() if share > 0}
    if len(shares) == 1:
        raise CutisError("test 0 and val 0: nothing to split. Ask for a share, such as test 0.2.")
    return shares


def _usable(manifest: pl.DataFrame, dataset: Dataset) -> tuple[pl.DataFrame, dict[str, int]]:
    """Labelled, readable rows; and how many rows are left out, by reason."""
    broken = pl.col("status") != "ok"
    unlabelled = ~broken & pl.col("target").is_null()
    excluded = {
        "not readable": manifest.filter(broken).height,
        "without a label": manifest.filter(unlabelled).height,
    }
    table = manifest.filter(~broken & ~unlabelled).select("image_id", "group", "target", "source", "source_split")
    found = table["target"].unique().sort().to_list()
    if len(found) < 2:
        what = f'one class only ("{found[0]}")' if found else "no labelled, readable image"
        raise CutisError(f"{dataset.path}: {what}; a split needs two classes or more. Import images of another class.")
    return table, {why: n for why, n in excluded.items() if n}


def _as_source(table: pl.DataFrame, dataset: Dataset, unit: str, doubted: Sequence[Doubt]) -> _Dealt:
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
    crossing = in_several_parts(mapped)
    if crossing:
        ids = mapped.filter(pl.col("group") == crossing[0]).select("image_id", "part").unique("part").sort("image_id")
        where = ", ".join(f"{image_id} in {part}" for image_id, part in ids.rows())
        asked = "".join(f" {line}; if not, say --same-ids keep." for line in doubt_words(doubted))
        raise CutisError(
            f"{dataset.path}: the source's split puts {len(crossing)} groups (by {unit}) in more than one part; "
            f"the first: {where}. Make a split that doesn't leak: drop --source.{asked}"
        )
    parts = mapped["part"].unique().sort().to_list()
    if "train" not in parts or len(parts) < 2:
        raise CutisError(f"{dataset.path}: source_split has only {', '.join(parts)}. Drop --source.")
    return _Dealt(mapped, "the source's own", None)


def _kfold(table: pl.DataFrame, folds: int, seed: int) -> _Dealt:
    if folds < 3:
        raise CutisError(f"--folds {folds}: expected 3 or more (one fold tests, one validates, the rest train).")
    parts, warnings = deal(table, {str(i): 1 / folds for i in range(folds)}, seed)
    table = table.with_columns(fold=pl.Series(parts).cast(pl.Int32))
    table = table.with_columns(part=part_of_fold(0, folds, by_source=False))
    return _Dealt(table, f"{folds}-fold, stratified by class", seed, folds, warnings=tuple(warnings))


def _leave_one_source_out(table: pl.DataFrame, dataset: Dataset, val: float, seed: int, same_ids: SameIds) -> _Dealt:
    nameless = table["source"].null_count()
    table = table.drop_nulls("source")
    warnings: list[str] = []
    if same_ids != "keep" and (spelled := doubts(table, ["source"])):
        table = as_one(table, spelled)
        warnings += [f"{line}: they count as one; if not: --same-ids keep" for line in doubt_words(spelled)]
    names = table["source"].unique().sort().to_list()
    if len(names) < 2:
        what = f'one source only ("{names[0]}")' if names else "no image names its source"
        raise CutisError(
            f"{dataset.path}: {what}; leaving one out needs two. Merge datasets first: cutis merge A B DEST"
        )
    if not 0 <= val < 1:
        raise CutisError(f"val {val:g}: expected a share in 0..1.")
    fold = pl.col("source").replace_strict(names, list(range(len(names))), return_dtype=pl.Int32)
    table = table.with_columns(fold=fold, held=pl.lit(False))
    if val > 0:
        parts, told = deal(table, {"train": 1 - val, "val": val}, seed)
        warnings += told
        table = table.with_columns(held=pl.Series(parts) == "val")
    table = table.with_columns(part=part_of_fold(0, len(names), by_source=True))
    several = table.group_by("group").agg(pl.col("source").unique().sort(), pl.col("image_id").min())
    several = several.filter(pl.col("source").list.len() > 1).sort("image_id")
    if len(several):
        first = several.row(0, named=True)
        warnings.append(
            f"{len(several):,} groups reach over several sources (the first: {first['image_id']}, "
            f"{' and '.join(first['source'])}): their images are in no part of a fold that tests another of them"
        )
    return _Dealt(
        table,
        f"leave one of {len(names)} sources out, val {val:g}",
        seed,
        len(names),
        tuple(names),
        {"without a source": nameless} if nameless else {},
        tuple(warnings),
    )
