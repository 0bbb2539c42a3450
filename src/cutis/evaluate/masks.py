"""`evaluate_masks`: from predicted lesion masks to evidence. The metrics and their conventions: see `segmentation`."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Protocol, runtime_checkable

import numpy as np
import polars as pl
from numpy.typing import NDArray

from cutis import __version__
from cutis.errors import CutisError
from cutis.evaluate.bootstrap import check_resampling
from cutis.evaluate.columns import with_known_names
from cutis.evaluate.groups import find_groups
from cutis.evaluate.mask_sides import Side, Unusable, first, mask_files
from cutis.evaluate.notes import tone_notes, unit_notes
from cutis.evaluate.sample import renumber
from cutis.evaluate.segmentation import FAILED, SCORES, MaskSettings, measure_masks, score_pair, size_words
from cutis.files import atomic_folder, write_csv
from cutis.image.mask import fitted
from cutis.image.source import Unsupported
from cutis.progress import Progress, silent
from cutis.schema.evidence import Measured
from cutis.schema.identity import group_ids, tidy_identity, unit_name
from cutis.schema.mask_evidence import MaskCounts, MaskEvidence
from cutis.tables import as_text, load_table

_COLUMNS = {**dict.fromkeys(("image_id", "status", "reason"), pl.String), **dict.fromkeys(SCORES, pl.Float64)}


@runtime_checkable
class MaskedDataset(Protocol):
    """What is used of `cutis.data.dataset.Dataset`: its folder, and a manifest with column mask."""

    @property
    def path(self) -> Path: ...
    @property
    def manifest(self) -> pl.DataFrame: ...


Masks = Path | str | Iterable[NDArray[Any]]


@dataclass(frozen=True)
class MaskEvaluation:
    """`evidence`, and `images`: one row an image with image_id, status ("ok"; "missing", if it has no predicted mask;
    "unusable", if a mask of its pair is), reason and its scores by name, null where there are none."""

    evidence: MaskEvidence
    images: pl.DataFrame

    @property
    def measured(self) -> list[Measured]:
        return self.evidence.measured

    def save(self, out: Path | str) -> Path:
        """Make the folder `out` with evidence.json, measured.csv (every estimate) and images.csv (every image)."""
        out = Path(out)
        with atomic_folder(out) as folder:
            self.evidence.save(folder / "evidence.json")
            numbers = pl.DataFrame([m.model_dump() for m in self.measured], infer_schema_length=None)
            write_csv(folder / "measured.csv", numbers)
            write_csv(folder / "images.csv", self.images)
        return out


@dataclass
class _Pair:
    image_id: str
    predicted: Path | NDArray[Any] | None
    truth: Path | NDArray[Any]


def evaluate_masks(
    predicted: Masks,
    truth: Masks | MaskedDataset,
    manifest: pl.DataFrame | Path | str | None = None,
    *,
    by: Sequence[str] | None = None,
    settings: MaskSettings | None = None,
    resamples: int = 1000,
    seed: int = 0,
    level: float = 0.95,
    unit: str | None = None,
    label: int | None = None,
    true_label: int | None = None,
    only_predicted: bool = False,
    progress: Progress[Any] = silent,
) -> MaskEvaluation:
    """Measure predicted masks against true ones: every metric of `segmentation`, overall and by group, with intervals.

    predicted, truth: two folders of mask files, paired by name (image id, or id + "_segmentation" or "_mask"); or a
    folder and a Dataset with masks; or two iterables of 2-D arrays in the same order. Values: see `cutis.image.mask`.
    manifest: a table (or a CSV or Parquet file) with image_id, and lesion_id, patient_id and attributes as far as
    known, for folders and arrays (then in their order); a Dataset has its own. by, resamples, seed, level, unit: as in
    `measure.measure`. label, true_label: which label of predicted and of true label maps is the lesion.

    An image whose predicted mask is missing, can't be read or has other proportions is a failure: 0 in every overlap,
    counted and named in the notes. only_predicted: such images are left out instead. One whose true mask can't be used
    is left out always. Each is a row of `MaskEvaluation.images`. Raises CutisError if no pair can be compared, if
    arrays and ids differ in number, for label maps without a label, and for a table, a group or a setting that can't
    be.
    """
    settings = settings or MaskSettings()
    check_resampling(resamples, seed, level, unit)
    table, told = _identity(manifest)
    if isinstance(truth, MaskedDataset):
        if table is not None:
            raise CutisError("a dataset has its own manifest; leave the other out.")
        table = truth.manifest
    pairs, total, unasked = _pairs(predicted, truth, table)
    sides = (Side("predicted", "--label", label), Side("true", "--true-label", true_label))
    sizes: set[str] = set()
    rows = [_row(pair, settings, sides, sizes, only_predicted) for pair in progress(pairs, total, "masks")]
    for side in sides:
        side.check()
    images = pl.DataFrame(rows, schema=_COLUMNS).sort("image_id")
    if not (images["status"] == "ok").any():
        raise CutisError(_why_nothing(images, unasked))
    good = images.filter(pl.col("jaccard").is_not_null())
    attributes, units, known, stray = _who(good, table)
    if unit == "image":
        units = np.arange(len(good))
    resampled = unit or known
    groups, group_notes = find_groups(attributes, by, "masks")

    def measured(chosen: NDArray[np.bool_], attribute: str | None = None, group: str | None = None) -> list[Measured]:
        own = good.filter(pl.Series(chosen))
        return measure_masks(
            {name: own[name].fill_null(np.nan).to_numpy() for name in SCORES},
            own["image_id"].to_list(),
            renumber(units[chosen]),
            resampled,
            attribute=attribute,
            group=group,
            resamples=resamples,
            seed=seed,
            level=level,
            absent=int((own["status"] != "ok").sum()),
        )

    numbers = measured(np.ones(len(good), np.bool_))
    for g in groups:
        numbers += measured(g.rows, g.attribute, g.name)
    missing, unusable = images.filter(status="missing"), images.filter(status="unusable")
    notes = [
        *(f"{note}." for note in told),
        *_without(missing, unusable, unasked),
        *([f"{len(stray)} masks have no row in the manifest ({first(stray)})."] if stray else []),
        *(note for side in sides for note in side.notes()),
        *_size_note(sizes, settings),
        *unit_notes(unit, known),
        *tone_notes(attributes),
        *group_notes,
    ]
    evidence = MaskEvidence(
        cutis=__version__,
        created=datetime.now(UTC).isoformat(timespec="seconds"),
        predicted=Path(predicted).name if isinstance(predicted, str | Path) else "arrays",
        truth=_name(truth),
        dataset_digest=getattr(getattr(truth, "card", None), "digest", ""),
        distances=settings.unit,
        spacing=settings.spacing,
        tau=settings.tau,
        threshold=settings.threshold,
        dilation=settings.dilation,
        unit=resampled,
        level=level,
        resamples=resamples,
        seed=seed,
        counts=MaskCounts(
            images=len(images),
            measured=len(good),
            missing=len(missing),
            unusable=len(unusable),
            unasked=len(unasked),
            units=len(np.unique(units)),
            failed=int((good["status"] != "ok").sum()),
        ),
        measured=numbers,
        notes=notes,
    )
    return MaskEvaluation(evidence, images)


def _pairs(
    predicted: Masks, truth: Masks | MaskedDataset, table: pl.DataFrame | None
) -> tuple[Iterable[_Pair], int, list[str]]:
    """The pairs, how many there are (0: not known yet), and predicted masks without a true one."""
    if not isinstance(truth, MaskedDataset | str | Path):
        if isinstance(predicted, str | Path):
            raise CutisError("predicted masks are files but the true ones are not; give a folder of both, or arrays.")
        return _array_pairs(predicted, truth, table), 0, []
    if not isinstance(predicted, str | Path):
        raise CutisError("true masks are files but the predicted ones are not; give a folder of both, or arrays.")
    files = mask_files(Path(predicted))
    if isinstance(truth, MaskedDataset):
        given = {i: truth.path / m for i, m in truth.manifest.select("image_id", "mask").drop_nulls().iter_rows()}
        if not given:
            raise CutisError(f"{truth.path}: none of its {len(truth.manifest)} images has a mask.")
    else:
        given = mask_files(Path(truth))
    pairs = (_Pair(image_id, files.get(image_id), path) for image_id, path in given.items())
    return pairs, len(given), sorted(set(files) - set(given))


def _who(good: pl.DataFrame, table: pl.DataFrame | None) -> tuple[pl.DataFrame, NDArray[np.int64], str, list[str]]:
    """Of the measured images: their attributes, the number of each one's unit, what a unit is called, and those that
    the table doesn't know."""
    ids = good.select("image_id")
    if table is None:
        return ids, np.arange(len(good)), "image", []
    stray = sorted(set(good["image_id"]) - set(table["image_id"]))
    # Identity is read from the whole table: an image without a mask may link two that have one.
    whole = pl.concat([table, pl.DataFrame({"image_id": stray}, {"image_id": pl.String()})], how="diagonal")
    joined = ids.join(whole.with_columns(pl.Series("_unit", group_ids(whole))), on="image_id", maintain_order="left")
    return joined.drop("_unit"), joined["_unit"].to_numpy(), unit_name(whole), stray


def _identity(manifest: pl.DataFrame | Path | str | None) -> tuple[pl.DataFrame | None, list[str]]:
    """(the table with ids as text, notes on how it was read)."""
    if manifest is None:
        return None, []
    where, told = "manifest", list[str]()
    if not isinstance(manifest, pl.DataFrame):
        where = str(manifest)
        manifest, told = load_table(manifest)
    manifest, remarks = with_known_names(manifest)
    told += [remark.words.removesuffix(".") for remark in remarks]
    ids = [as_text(manifest[c]) for c in ("image_id", "lesion_id", "patient_id") if c in manifest.columns]
    manifest = manifest.with_columns(ids)
    return tidy_identity(manifest, where), told


def _array_pairs(
    predicted: Iterable[NDArray[Any]], truth: Iterable[NDArray[Any]], table: pl.DataFrame | None
) -> Iterator[_Pair]:
    ids: Iterator[str] | None = iter(table["image_id"].to_list()) if table is not None else None
    n = 0
    try:
        for n, (p, t) in enumerate(zip(predicted, truth, strict=True), 1):
            image_id = f"{n:07}" if ids is None else next(ids, None)
            if image_id is None:
                raise CutisError(f"the manifest has {n - 1} rows, but there are more masks; expected one row a mask.")
            yield _Pair(image_id, np.asarray(p), np.asarray(t))
    except ValueError as error:
        if "zip()" not in str(error):
            raise
        raise CutisError(f"predicted and true masks differ in number: only one side has more than {n}.") from None
    if ids is not None and next(ids, None) is not None:
        raise CutisError(f"the manifest has more rows than the {n} masks; expected one row a mask.")


def _row(
    pair: _Pair, settings: MaskSettings, sides: tuple[Side, Side], sizes: set[str], only_predicted: bool
) -> dict[str, Any]:
    """One row of the table of images. What can't be compared is an answer, not an error."""
    predicted, true = sides
    row = {"image_id": pair.image_id}
    failed = row if only_predicted else row | _known(FAILED)
    try:
        truth = true.read(pair.truth, pair.image_id).pixels.view(np.uint8)
    except Unusable as why:
        return row | {"status": "unusable", "reason": str(why)}
    if pair.predicted is None:
        return failed | {"status": "missing", "reason": "no predicted mask"}
    height, width = truth.shape
    try:
        mask = predicted.read(pair.predicted, pair.image_id)
        same = fitted(mask, width, height)
    except (Unusable, Unsupported) as why:
        reason = str(why) if isinstance(why, Unusable) else f"predicted mask: {why}"
        return failed | {"status": "unusable", "reason": reason}
    if same is not mask:
        predicted.scaled.append(pair.image_id)
    sizes.add(size_words(truth))
    scores = score_pair(same.pixels.view(np.uint8), truth, settings)
    return row | {"status": "ok", "reason": "", **_known(scores)}


def _known(scores: dict[str, float]) -> dict[str, Any]:
    return {name: None if np.isnan(value) else value for name, value in scores.items()}


def _why_nothing(images: pl.DataFrame, unasked: Sequence[str]) -> str:
    if not len(images):
        return "there are no masks to evaluate."
    bad = images.filter(status="unusable")
    if not len(bad):
        return (
            f"none of the {len(images)} true masks has a predicted one. Name predicted masks by image id, as in "
            f"{images['image_id'][0]}.png" + (f"; the first here is called {unasked[0]}." if unasked else ".")
        )
    return f'none of {len(images)} pairs can be compared; the first, "{bad["image_id"][0]}": {bad["reason"][0]}'


def _without(missing: pl.DataFrame, unusable: pl.DataFrame, unasked: Sequence[str]) -> list[str]:
    """Notes on what has no mask, or none that can be used: counted as failures, or left out (without scores)."""
    notes = []
    for rows, what in ((missing, "images have no predicted mask"), (unusable, "pairs of masks can't be compared")):
        for failed, then in ((True, "count as failures, 0 in every overlap"), (False, "are left out of every number")):
            own = rows.filter(pl.col("jaccard").is_not_null() == failed)
            if len(own):
                image_id, reason = own.select("image_id", "reason").row(0)
                words = (
                    first(own["image_id"].to_list()) if what.startswith("images") else f"first: {image_id}: {reason}"
                )
                notes.append(f"{len(own)} {what} and {then} ({words.rstrip('.')}).")
    if unasked:
        notes.append(f"{len(unasked)} predicted masks have no true one and are left out ({first(unasked)}).")
    return notes


def _size_note(sizes: set[str], settings: MaskSettings) -> list[str]:
    if len(sizes) < 2 or settings.spacing is not None:
        return []
    return [
        f"The images have {len(sizes)} sizes (such as {' and '.join(sorted(sizes)[:2])}), and distances are in pixels "
        "of each: a mean over them favours small pictures."
    ]


def _name(truth: Masks | MaskedDataset) -> str:
    if isinstance(truth, MaskedDataset):
        return truth.path.name
    return Path(truth).name if isinstance(truth, str | Path) else "arrays"
