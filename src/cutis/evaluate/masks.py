"""`evaluate_masks`: from predicted lesion masks to evidence. The metrics and their conventions: see `segmentation`."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Protocol, runtime_checkable

import numpy as np
import polars as pl
from numpy.typing import NDArray

from cutis import __version__
from cutis.errors import CutisError
from cutis.evaluate.bootstrap import check_resampling
from cutis.evaluate.groups import find_groups
from cutis.evaluate.notes import tone_notes, unit_notes
from cutis.evaluate.sample import renumber
from cutis.evaluate.segmentation import SCORES, MaskSettings, binary, measure_masks, score_pair, size_words
from cutis.files import atomic_folder, write_csv
from cutis.progress import Progress, silent
from cutis.schema.evidence import Measured
from cutis.schema.identity import check_identity, group_ids, unit_name
from cutis.schema.mask_evidence import MaskCounts, MaskEvidence

EXTENSIONS = (".png", ".tif", ".tiff", ".bmp", ".gif", ".jpg", ".jpeg", ".webp")
SUFFIXES = ("_segmentation", "_mask")  # what a mask's file name may have after the image's id
_COLUMNS = {**dict.fromkeys(("image_id", "status", "reason"), pl.String), **dict.fromkeys(SCORES, pl.Float64)}
_NAMED = 3  # examples in a note


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
    """`evidence`, and `images`: one row an image with image_id, status ("ok", "missing" or "unusable"), reason and its
    scores by name, null where there are none."""

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


@dataclass
class _Oddities:
    """Which masks of one side have odd values: kind (see `segmentation.binary`) -> image ids."""

    side: str
    ids: dict[str, list[str]] = field(default_factory=dict)

    def notes(self) -> list[str]:
        words = {
            "0/1": "hold 0 and 1 only: 1 was taken as lesion",
            "grey": "are not black and white: what is above 128 was taken as lesion",
            "dim": "are not black, but nothing in them is above 128, so they count as empty",
        }
        return [
            f"{len(self.ids[kind])} {self.side} masks {said} ({first(self.ids[kind])})."
            for kind, said in words.items()
            if kind in self.ids
        ]


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
    progress: Progress[Any] = silent,
) -> MaskEvaluation:
    """Measure predicted masks against true ones: every metric of `segmentation`, overall and by group, with intervals.

    predicted, truth: two folders of mask files, paired by name (image id, or id + "_segmentation" or "_mask"); or a
    folder and a Dataset with masks; or two iterables of 2-D bool or uint8 arrays in the same order. manifest: a table
    (or a CSV or Parquet file) with image_id, and lesion_id, patient_id and attributes as far as known, for folders and
    arrays (then in their order); a Dataset has its own. by, resamples, seed, level, unit: as in `measure.measure`.

    An image without a predicted mask, or whose pair can't be read or differs in size, is left out of every number,
    counted, named in the notes, and a row of `MaskEvaluation.images`. Raises CutisError if no pair is left, if arrays
    and ids differ in number, and for a table, a group or a setting that can't be.
    """
    settings = settings or MaskSettings()
    check_resampling(resamples, seed, level, unit)
    table = _identity(manifest)
    if isinstance(truth, MaskedDataset):
        if table is not None:
            raise CutisError("a dataset has its own manifest; leave the other out.")
        table = truth.manifest
    pairs, total, unasked = _pairs(predicted, truth, table)
    oddities = (_Oddities("predicted"), _Oddities("true"))
    sizes: set[str] = set()
    rows = [_row(pair, settings, oddities, sizes) for pair in progress(pairs, total, "masks")]
    images = pl.DataFrame(rows, schema=_COLUMNS).sort("image_id")
    good = images.filter(status="ok")
    if not len(good):
        raise CutisError(_why_nothing(images))
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
        )

    numbers = measured(np.ones(len(good), np.bool_))
    for g in groups:
        numbers += measured(g.rows, g.attribute, g.name)
    missing, unusable = images.filter(status="missing"), images.filter(status="unusable")
    notes = [
        *_left_out(missing, unusable, unasked),
        *([f"{len(stray)} masks have no row in the manifest ({first(stray)})."] if stray else []),
        *(note for side in oddities for note in side.notes()),
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


def mask_files(folder: Path) -> dict[str, Path]:
    """Image id -> mask file, of every picture in `folder` and below. Raises CutisError if there is none, or two of one
    image."""
    if not folder.is_dir():
        raise CutisError(f"{folder}: no such folder of masks.")
    if (folder / "dataset.json").is_file():
        raise CutisError(f"{folder} is a dataset, not a folder of masks. Load it: Dataset.load({str(folder)!r}).")
    found: dict[str, Path] = {}
    for path in sorted(folder.rglob("*")):
        inside = path.relative_to(folder)
        if path.suffix.casefold() not in EXTENSIONS or any(part.startswith(".") for part in inside.parts):
            continue
        image_id = path.stem
        for suffix in SUFFIXES:
            if image_id.casefold().endswith(suffix):
                image_id = image_id[: -len(suffix)]
        if image_id in found:
            other = found[image_id].relative_to(folder)
            raise CutisError(
                f'{folder}: two masks of image "{image_id}": {other} and {inside}. Keep one, and keep masks apart from '
                "images."
            )
        found[image_id] = path
    if not found:
        raise CutisError(f"{folder}: no masks in it; expected files named by image id, such as ISIC_0000000.png.")
    return found


def read_mask(path: Path) -> NDArray[np.uint8]:
    """The grey values of a mask file, (height, width) uint8. Raises CutisError, without the file's name.

    1-bit is 0 and 255, 16-bit keeps its upper 8, and colours become their brightness.
    """
    from PIL import Image

    try:
        with Image.open(path) as opened:
            if opened.mode.startswith("I;16"):
                return (np.asarray(opened).astype(np.uint16) >> 8).astype(np.uint8)
            grey = opened if opened.mode == "L" else opened.convert("L")
            return np.asarray(grey)
    except FileNotFoundError:
        raise CutisError("no such file") from None
    except Exception as error:  # Pillow's parsers raise many kinds of error on damaged files
        raise CutisError(f"can't be read: {(str(error) or type(error).__name__).splitlines()[0][:120]}") from None


def first(names: Sequence[str]) -> str:
    """ "first: a, b, c": examples for a note."""
    return f"first: {', '.join(names[:_NAMED])}"


def _identity(manifest: pl.DataFrame | Path | str | None) -> pl.DataFrame | None:
    if manifest is None:
        return None
    where = "manifest"
    if not isinstance(manifest, pl.DataFrame):
        path = Path(manifest)
        where = str(path)
        try:
            if path.suffix == ".parquet":
                manifest = pl.read_parquet(path)
            else:
                manifest = pl.read_csv(path, infer_schema=False)
                if "age_approx" in manifest.columns:
                    manifest = manifest.with_columns(pl.col("age_approx").cast(pl.Float64))
        except (OSError, pl.exceptions.PolarsError) as error:
            raise CutisError(f"{path}: can't be read as a table ({str(error).splitlines()[0]}).") from None
    check_identity(manifest, where)
    return manifest.with_columns(pl.col("image_id").cast(pl.String))


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


def _row(pair: _Pair, settings: MaskSettings, oddities: Sequence[_Oddities], sizes: set[str]) -> dict[str, Any]:
    """One row of the table of images. What can't be compared is an answer, not an error."""
    if pair.predicted is None:
        return {"image_id": pair.image_id, "status": "missing", "reason": "no predicted mask"}
    masks = []
    kinds = []
    for given, side in ((pair.predicted, "predicted"), (pair.truth, "true")):
        try:
            mask, kind = binary(read_mask(given) if isinstance(given, Path) else given, "pixels")
        except CutisError as error:
            return {"image_id": pair.image_id, "status": "unusable", "reason": f"{side} mask: {error}"}
        masks.append(mask)
        kinds.append(kind)
    try:
        scores = score_pair(masks[0], masks[1], settings)
    except CutisError as error:
        return {"image_id": pair.image_id, "status": "unusable", "reason": str(error)}
    for kind, odd in zip(kinds, oddities, strict=True):
        if kind:
            odd.ids.setdefault(kind, []).append(pair.image_id)
    sizes.add(size_words(masks[1]))
    known = {name: None if np.isnan(value) else value for name, value in scores.items()}
    return {"image_id": pair.image_id, "status": "ok", "reason": "", **known}


def _why_nothing(images: pl.DataFrame) -> str:
    if not len(images):
        return "there are no masks to evaluate."
    bad = images.filter(status="unusable")
    if not len(bad):
        return (
            f"none of the {len(images)} true masks has a predicted one. Name predicted masks by image id, as in "
            f"{images['image_id'][0]}.png."
        )
    return f'none of {len(images)} pairs can be compared; the first, "{bad["image_id"][0]}": {bad["reason"][0]}'


def _left_out(missing: pl.DataFrame, unusable: pl.DataFrame, unasked: Sequence[str]) -> list[str]:
    notes = []
    if len(missing):
        ids = missing["image_id"].to_list()
        notes.append(f"{len(missing)} images have no predicted mask and are left out ({first(ids)}).")
    if len(unusable):
        image_id, reason = unusable.select("image_id", "reason").row(0)
        notes.append(f"{len(unusable)} pairs of masks are left out (first: {image_id}: {reason.rstrip('.')}).")
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
