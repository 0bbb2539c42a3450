"""A split and its proof: which image is in which part, and that no group is in two."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import polars as pl
from pydantic import BaseModel, ConfigDict

from cutis.data.dataset import PARTS
from cutis.errors import CutisError
from cutis.files import sha256_text
from cutis.schema.spelling import SameIds


class Count(BaseModel):
    model_config = ConfigDict(frozen=True)
    images: int
    groups: int


class Proof(BaseModel):
    """What was split and that nothing crosses.

    unit: what a group is ("patient", "lesion", "patient or lesion", "... or near-duplicate", "image"). parts: part ->
    its images and groups. classes: class -> part -> images and groups that hold the class. shared_groups: groups found
    in more than one part, counted on the written table: 0. leaks: what was known but not closed over, as asked by name:
    "patient" -> how many patients are in more than one part. doubts: unit -> how many ids may be spelled in several
    ways; same_ids: what was said of them (see `cutis.data.split.split`), None if there are none. excluded: images in no
    part, by reason. fold_names: of leave-one-source-out, the source that each fold tests. digest: SHA-256 of who is
    where.
    """

    model_config = ConfigDict(frozen=True)
    unit: str
    scheme: str
    seed: int | None
    folds: int | None = None
    fold_names: tuple[str, ...] = ()
    groups: int
    shared_groups: int
    leaks: dict[str, int] = {}
    parts: dict[str, Count]
    classes: dict[str, dict[str, Count]]
    excluded: dict[str, int] = {}
    doubts: dict[str, int] = {}
    same_ids: SameIds | None = None
    warnings: tuple[str, ...] = ()
    digest: str
    dataset: str
    dataset_digest: str

    def summary(self) -> str:
        """The proof in one line."""
        parts = ", ".join(f"{name} {count.images}" for name, count in self.parts.items())
        leaks = "".join(f"; LEAK, as asked: {n} {unit}s in more than one part" for unit, n in self.leaks.items())
        asked = {"ask": "kept together, nobody has said whether they are one", "keep": "said to be different"}
        doubts = "".join(
            f"; {n} {unit}s by spellings that may be one, {asked[self.same_ids]}"
            for unit, n in self.doubts.items()
            if self.same_ids in asked
        )
        return (
            f"{parts} images; {self.groups} groups by {self.unit}, shared groups = {self.shared_groups}{leaks}{doubts}"
        )

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
        lines += [f"LEAK, as asked: {n:,} known {unit}s are in more than one part" for unit, n in self.leaks.items()]
        if self.same_ids == "keep":
            lines += [
                f"{n:,} {unit}s by spellings that may be one, said to be different" for unit, n in self.doubts.items()
            ]
        lines += [f"fold {i} tests {name}" for i, name in enumerate(self.fold_names)]
        lines += [f"warning: {w}" for w in self.warnings]
        lines.append(f"digest {self.digest[:16]} on dataset {self.dataset_digest[:16]}")
        return "\n".join(lines)


@dataclass(frozen=True)
class Split:
    """table, sorted by image_id: image_id, group (int64), part, target, and for folds `fold` (int).

    part is "train", "val" or "test". Where the folds are sources it is null for an image whose group reaches into the
    source that is tested, and a column `held` says which groups of each source validate when it is not tested.
    """

    table: pl.DataFrame
    proof: Proof

    def ids(self, part: str) -> list[str]:
        """image_ids of a part, sorted. Raises CutisError if the split has no such part."""
        found: list[str] = self.table.filter(pl.col("part") == part)["image_id"].to_list()
        if not found:
            raise CutisError(f'the split has no part "{part}"; it has {", ".join(self.proof.parts)}.')
        return found

    def fold(self, index: int) -> Split:
        """The split whose test part is fold `index`.

        Of k folds the next one is the val part and the rest train; of sources see `table`.
        """
        k = self.proof.folds
        if k is None or not 0 <= index < k:
            raise CutisError(
                f"fold {index}: the split has {f'folds 0..{k - 1}' if k else 'no folds; make it with --folds'}."
            )
        table = self.table.with_columns(part=part_of_fold(index, k, "held" in self.table.columns))
        proof = self.proof.model_copy(
            update={
                "scheme": f"{self.proof.scheme.split(' (')[0]} (fold {index} is test)",
                "parts": count_parts(table),
                "classes": count_classes(table),
                "digest": split_digest(table),
            }
        )
        return Split(table, proof)


def part_of_fold(index: int, folds: int, by_source: bool) -> pl.Expr:
    """The part of each row when fold `index` is tested; see `Split.table`."""
    tested = pl.col("fold") == index
    if by_source:
        return (
            pl.when(tested)
            .then(pl.lit("test"))
            .when(tested.any().over("group"))
            .then(pl.lit(None, pl.String))
            .when("held")
            .then(pl.lit("val"))
            .otherwise(pl.lit("train"))
        )
    return (
        pl.when(tested)
        .then(pl.lit("test"))
        .when(pl.col("fold") == (index + 1) % folds)
        .then(pl.lit("val"))
        .otherwise(pl.lit("train"))
    )


def in_several_parts(table: pl.DataFrame, unit: str = "group") -> list[Any]:
    """The groups (or values of another column) that are in more than one part, sorted; nulls don't count."""
    per_unit = table.drop_nulls([unit, "part"]).group_by(unit).agg(pl.col("part").n_unique())
    found: list[Any] = per_unit.filter(pl.col("part") > 1)[unit].sort().to_list()
    return found


def count_parts(table: pl.DataFrame) -> dict[str, Count]:
    present = table["part"].unique().to_list()
    return {part: _count(table.filter(pl.col("part") == part)) for part in PARTS if part in present}


def count_classes(table: pl.DataFrame) -> dict[str, dict[str, Count]]:
    return {
        code: {
            part: _count(table.filter((pl.col("target") == code) & (pl.col("part") == part)))
            for part in count_parts(table)
        }
        for code in table["target"].unique().sort().to_list()
    }


def _count(table: pl.DataFrame) -> Count:
    return Count(images=len(table), groups=table["group"].n_unique())


def split_digest(table: pl.DataFrame) -> str:
    """SHA-256 of who is where."""
    columns = [c for c in ("image_id", "group", "part", "fold", "held") if c in table.columns]
    rows: list[tuple[Any, ...]] = table.sort("image_id").select(columns).rows()
    return sha256_text("\n".join("\t".join(map(str, row)) for row in rows))
