"""Leaks: what is on both sides of a line that should separate it.

Inside a dataset the line is its split, and the source's own split. Between a dataset and those it is held `against` the
datasets themselves are the line: one to learn from, one to measure on. Everything is a join of tables; no image is
opened, so tables without images can be compared too. Near-duplicates are those recorded in duplicates.parquet.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import polars as pl

from cutis.data.dataset import Dataset
from cutis.data.duplicates import RECORDED, duplicates_path, read_duplicates, with_clusters
from cutis.data.split import SOURCE_PARTS, load_split
from cutis.errors import CutisError
from cutis.schema.finding import SEVERITIES, Finding, Severity
from cutis.schema.identity import UNITS, tidy_identity
from cutis.schema.spelling import Doubt, SameIds, as_one, check_same_ids, doubts, folded_ids
from cutis.tables import as_text, scan_parquet

TWO_SPELLINGS = "by two spellings"  # ends the name of the checks of ids that may be one
SHOWN = 100  # examples of one check that become findings of their own; one more says how many there are
_COLUMNS = ("image_id", "lesion_id", "patient_id", "source", "source_split", "sha256")
# Endings that releases add to an ISIC id without it being another photograph.
_COPY_ENDINGS = r"(?i)(_downsampled|_resized|_crop|_cropped)+$"
_ISIC_ID = r"(?i)^isic_\d{7}$"


@dataclass(frozen=True)
class Listed:
    """What lint needs of a dataset: its name, rows (`_COLUMNS`), parts (image_id, part), and recorded duplicates.

    doubts: ids that may be one though they are spelled otherwise, unless it was said that they are different.
    """

    name: str
    rows: pl.DataFrame
    parts: pl.DataFrame | None
    duplicates: pl.DataFrame
    notes: tuple[Finding, ...] = ()
    doubts: tuple[Doubt, ...] = ()


def lint(
    datasets: Sequence[Dataset | Path | str],
    against: Sequence[Dataset | Path | str] = (),
    *,
    same_ids: SameIds | None = None,
) -> list[Finding]:
    """Leaks inside each dataset and between each of `datasets` and each of `against`, the gravest first.

    A dataset may be a `Dataset`, its folder, or a manifest .parquet file. Every check gives at most `SHOWN` findings
    with an image each, then one without whose `score` counts the rest. Severity "leak": a patient, lesion,
    near-duplicate, photograph (by id) or file (by bytes) in two parts, or in a dataset and one it is held against.
    "warning": the same patient or lesion id where the two name different sources, so that it may be a coincidence of
    numbering; and what two of `datasets` have in common, which leaks only if one is learned from and one measured on.
    Patients and lesions whose ids may be one though they are spelled otherwise ("P7" and "p7") count as one, and are a
    warning by themselves; of images they are a warning only, since two files were seen. same_ids: "keep" says that all
    such ids are different, "fold" that they are one; None: what each dataset's card and split say, else a question.
    Raises CutisError for something that is none of these, or a damaged one.
    """
    check_same_ids(same_ids or "ask")
    ours = [_listed(d, same_ids) for d in datasets]
    theirs = [_listed(d, same_ids) for d in against]
    found: list[Finding] = []
    for i, one in enumerate(ours):
        found += one.notes
        found += _inside(one)
        for other in theirs:
            found += _between(one, other, "leak", same_ids)
        for other in ours[i + 1 :]:
            found += _between(one, other, "warning", same_ids)
    for other in theirs:
        found += other.notes
    return sorted(found, key=lambda f: SEVERITIES.index(f.severity))


def leaks(findings: Iterable[Finding]) -> int:
    """How many leaks there are, those that were only counted too."""
    return sum(group.count for (severity, *_), group in total(findings).items() if severity == "leak")


@dataclass
class Total:
    """How many findings of one check between the same datasets, and the first messages."""

    count: int = 0
    examples: tuple[str, ...] = ()


def total(findings: Iterable[Finding], examples: int = 3) -> dict[tuple[str, str, str, str | None], Total]:
    """(severity, check, dataset, other dataset) -> `Total`, in the order of `findings`."""
    found: dict[tuple[str, str, str, str | None], Total] = {}
    for f in findings:
        group = found.setdefault((f.severity, f.check, f.dataset, f.other_dataset), Total())
        if f.image_id is None and f.score is not None:  # the finding that counts the rest
            group.count += int(f.score)
            continue
        group.count += 1
        if len(group.examples) < examples:
            group.examples += (f.message,)
    return found


def photograph(ids: pl.Expr) -> pl.Expr:
    """Which photograph an id names: endings that say "a copy of" are dropped, and ISIC's spelling is folded."""
    plain = ids.str.replace(_COPY_ENDINGS, "")
    return pl.when(plain.str.contains(_ISIC_ID)).then(plain.str.to_uppercase()).otherwise(plain)


def _listed(given: Dataset | Path | str, same_ids: SameIds | None) -> Listed:
    if not isinstance(given, Dataset):
        path = Path(given)
        if path.suffix == ".parquet" and not path.is_dir():
            return _manifest(path, same_ids)
        given = Dataset.load(path)
    notes: tuple[Finding, ...] = ()
    parts = None
    name, same = given.card.name, given.card.same_ids
    if (given.path / "splits" / "default.json").is_file():
        try:
            made = load_split(given)
            parts = made.table.drop_nulls("part").select("image_id", "part")
            same = made.proof.same_ids or same
        except CutisError as error:
            notes = (Finding("split", "error", str(error), name),)
    if not duplicates_path(given).is_file() and (given.manifest["status"] == "ok").any():
        words = "near-duplicates were never looked for: cutis lint DATASET --look"
        notes += (Finding("near-duplicates", "note", words, name),)
    rows = given.manifest.select(_COLUMNS)
    return _asked(Listed(name, rows, parts, read_duplicates(given), notes), same_ids or same)


def _asked(one: Listed, same: SameIds) -> Listed:
    """`one` with its doubts, which are findings too where nobody has said what they are."""
    if same == "keep":
        return one
    found = doubts(one.rows, (*(f"{unit}_id" for unit in (*UNITS, "image")), "source"))
    notes: list[Finding] = []
    for column in dict.fromkeys(d.column for d in found if same == "ask"):
        own, what = [d for d in found if d.column == column], column.removesuffix("_id")
        check = f"{what} {TWO_SPELLINGS}"
        for doubt in own[:SHOWN]:
            words = f"{what} {doubt.words}: one, or different? Say --same-ids fold or keep (cutis split, import, lint)"
            notes.append(Finding(check, "warning", words, one.name, doubt.images[0], one.name, doubt.images[1]))
        notes += _rest(check, "warning", f"{what}s that may be spelled in several ways", len(own), one.name, one.name)
    return replace(one, notes=(*one.notes, *notes), doubts=tuple(found))


def _manifest(path: Path, same_ids: SameIds | None) -> Listed:
    try:
        lazy = scan_parquet(path)
        held = lazy.collect_schema().names()
        rows = lazy.select(c for c in _COLUMNS if c in held).collect()
    except FileNotFoundError:
        raise CutisError(f"{path}: no such file.") from None
    except (OSError, pl.exceptions.PolarsError):
        raise CutisError(
            f"{path}: not a Parquet manifest, or damaged. Name a dataset folder or its manifest."
        ) from None
    rows = rows.with_columns(as_text(column) for column in rows)
    rows = tidy_identity(rows, str(path))
    rows = rows.with_columns(pl.lit(None, pl.String).alias(c) for c in _COLUMNS if c not in held).select(_COLUMNS)
    name = path.stem if path.stem != "manifest" else path.parent.name
    return _asked(Listed(name, rows, None, pl.DataFrame(schema=RECORDED)), same_ids or "ask")


# ---- inside one dataset


def _inside(one: Listed) -> Iterator[Finding]:
    if one.parts is not None:
        yield from _across_parts(one, one.parts, "the split")
    theirs = one.rows.select(
        "image_id",
        part=pl.col("source_split").str.strip_chars().str.to_lowercase().replace(SOURCE_PARTS),
    ).drop_nulls("part")
    if theirs["part"].n_unique() > 1:
        yield from _across_parts(one, theirs, "the source's split")


def _across_parts(one: Listed, parts: pl.DataFrame, line: str) -> Iterator[Finding]:
    rows = as_one(one.rows, one.doubts).join(parts, on="image_id")
    for unit, column in (("patient", "patient_id"), ("lesion", "lesion_id"), ("image bytes", "sha256")):
        called = {d.spellings[0]: f"{d.words}, perhaps one," for d in one.doubts if d.column == column}
        found = rows.select("image_id", "part", value=column)
        yield from _in_two_parts(one, found, f"{unit} in two parts", line, called)
    rows = rows.with_columns(value=photograph(pl.col("image_id")))
    yield from _in_two_parts(one, rows.select("image_id", "part", "value"), "photograph in two parts", line, {})
    clustered = with_clusters(one.duplicates).drop_nulls("cluster")
    if len(clustered):
        members = pl.concat(
            [
                clustered.filter(pl.col("dataset") == one.name).select("image_id", value="cluster"),
                clustered.filter(pl.col("other_dataset") == one.name).select(image_id="other_id", value="cluster"),
            ]
        ).unique()
        joined = members.join(parts, on="image_id").select("image_id", "part", "value")
        yield from _in_two_parts(one, joined, "near-duplicate in two parts", line, {})


def _in_two_parts(
    one: Listed, rows: pl.DataFrame, check: str, line: str, named: Mapping[str, str]
) -> Iterator[Finding]:
    """rows: image_id, part, value; a leak for each value that is in several parts. named: value -> what to call it."""
    rows = rows.drop_nulls("value")
    several = rows.group_by("value").agg(pl.col("part").n_unique()).filter(pl.col("part") > 1).select("value")
    if not len(several):
        return
    first = (
        rows.join(several, on="value", how="semi")
        .sort("value", "part", "image_id")
        .group_by("value", "part", maintain_order=True)
        .agg(pl.col("image_id").first())
        .group_by("value", maintain_order=True)
        .agg("image_id", "part")
        .sort("value")
    )
    unit = check.split(" in ")[0]
    for value, ids, where in first.head(SHOWN).iter_rows():
        called = f" {named.get(value, value)}" if unit in ("patient", "lesion") else ""
        places = ", ".join(f"{i} in {p}" for i, p in zip(ids, where, strict=True))
        yield Finding(
            check, "leak", f"{line} has {unit}{called} on both sides: {places}", one.name, ids[0], one.name, ids[1]
        )
    yield from _rest(check, "leak", f"{line}: {unit}", len(first), one.name, one.name)


# ---- between two


def _between(one: Listed, other: Listed, severity: Severity, same_ids: SameIds | None) -> Iterator[Finding]:
    ours, theirs = (d.rows.with_columns(photograph=photograph(pl.col("image_id"))) for d in (one, other))
    yield from _shared(one, other, ours, theirs, "photograph", "same image id", "photograph", severity)
    yield from _shared(one, other, ours, theirs, "sha256", "same image bytes", "file", severity)
    yield from _shared(one, other, ours, theirs, "lesion_id", "same lesion id", "lesion", severity)
    yield from _shared(one, other, ours, theirs, "patient_id", "same patient id", "patient", severity)
    if same_ids != "keep":
        for column, what in (("image_id", "photograph"), ("lesion_id", "lesion"), ("patient_id", "patient")):
            yield from _alike(one, other, column, what, "warning" if column == "image_id" else severity)
    yield from _near(one, other, severity)


def _shared(
    one: Listed,
    other: Listed,
    ours: pl.DataFrame,
    theirs: pl.DataFrame,
    column: str,
    check: str,
    what: str,
    grave: Severity,
) -> Iterator[Finding]:
    """Values of a column that both hold. An id that only two sources' numbering has in common is a warning."""

    def first(rows: pl.DataFrame) -> pl.DataFrame:
        keyed = rows.lazy().drop_nulls(column).group_by(column)
        return keyed.agg(pl.col("image_id").min(), pl.col("source").unique().drop_nulls()).collect()

    # Only what both have is grouped: a join of the bare columns is cheap, grouping a million strings is not.
    ours = ours.select(column, "image_id", "source").join(theirs.select(column), on=column, how="semi")
    if not len(ours):
        return
    theirs = theirs.select(column, "image_id", "source").join(ours.select(column), on=column, how="semi")
    both = first(ours).join(first(theirs), on=column, suffix="_other").sort(column)
    apart = pl.lit(False)
    if what in ("lesion", "patient"):
        known = (pl.col("source").list.len() > 0) & (pl.col("source_other").list.len() > 0)
        apart = known & (pl.col("source").list.set_intersection("source_other").list.len() == 0)
    both = both.with_columns(apart=apart)
    severities: tuple[tuple[bool, Severity], ...] = ((False, grave), (True, "warning"))
    for is_apart, severity in severities:
        rows = both.filter(pl.col("apart") == is_apart)
        why = "" if not is_apart else " (but from different sources: the same number may mean another)"
        for row in rows.head(SHOWN).iter_rows(named=True):
            words = f"{what} {row[column]} is in {one.name} and {other.name}{why}"
            if what == "file":
                words = f"{row['image_id']} of {one.name} and {row['image_id_other']} of {other.name} are the same file"
            yield Finding(check, severity, words, one.name, row["image_id"], other.name, row["image_id_other"])
        yield from _rest(
            check, severity, f"{what}s in {one.name} and {other.name}{why}", len(rows), one.name, other.name
        )


def _alike(one: Listed, other: Listed, column: str, what: str, grave: Severity) -> Iterator[Finding]:
    """Ids of the one that fold to an id of the other, and are not in it as they are; see `_shared` on sources."""
    named = photograph(pl.col(column)) if column == "image_id" else pl.col(column)

    def first(rows: pl.DataFrame, others: pl.DataFrame) -> pl.DataFrame:
        mine = rows.select("image_id", "source", id=named).drop_nulls("id")
        mine = mine.join(others.select(id=named), on="id", how="anti")
        keyed = mine.group_by("id").agg(pl.col("image_id").min(), pl.col("source").unique().drop_nulls())
        return keyed.with_columns(key=folded_ids(keyed["id"]))

    both = first(one.rows, other.rows).join(first(other.rows, one.rows), on="key", suffix="_other").sort("id")
    known = (pl.col("source").list.len() > 0) & (pl.col("source_other").list.len() > 0)
    apart = known & (pl.col("source").list.set_intersection("source_other").list.len() == 0)
    both = both.with_columns(apart=apart if column != "image_id" else pl.lit(False))
    for is_apart, severity in ((False, grave), (True, "warning")):
        rows = both.filter(pl.col("apart") == is_apart)
        why = " (but from different sources)" if is_apart else ""
        for row in rows.head(SHOWN).iter_rows(named=True):
            words = (
                f'{what} "{row["id"]}" of {one.name} and "{row["id_other"]}" of {other.name} may be one{why}; if not: '
                "--same-ids keep"
            )
            check = f"same {what} id, spelled otherwise"
            yield Finding(check, severity, words, one.name, row["image_id"], other.name, row["image_id_other"])
        words = f"{what}s of {one.name} and {other.name}{why}"
        yield from _rest(f"same {what} id, spelled otherwise", severity, words, len(rows), one.name, other.name)


def _near(one: Listed, other: Listed, severity: Severity) -> Iterator[Finding]:
    ends = ["dataset", "image_id", "other_dataset", "other_id"]
    turned = other.duplicates.rename(dict(zip(ends, ends[2:] + ends[:2], strict=True)))
    pairs = pl.concat([one.duplicates, turned.select(*RECORDED)]).filter(
        (pl.col("dataset") == one.name)
        & (pl.col("other_dataset") == other.name)
        & (pl.col("decision").is_null() | (pl.col("decision") != "different"))
    )
    pairs = pairs.unique(ends, keep="first", maintain_order=True).sort("score", *ends, descending=[True] + [False] * 4)
    for row in pairs.head(SHOWN).iter_rows(named=True):
        words = f"{row['image_id']} of {one.name} and {row['other_id']} of {other.name} look like one photograph"
        yield Finding(
            "near-duplicate in both",
            severity,
            words,
            one.name,
            row["image_id"],
            other.name,
            row["other_id"],
            row["score"],
        )
    yield from _rest(
        "near-duplicate in both", severity, f"{one.name} and {other.name}", len(pairs), one.name, other.name
    )


def _rest(check: str, severity: Severity, words: str, n: int, name: str, other: str) -> Iterator[Finding]:
    if n > SHOWN:
        yield Finding(check, severity, f"{words}: {n - SHOWN:,} more, {n:,} in all", name, None, other, None, n - SHOWN)
