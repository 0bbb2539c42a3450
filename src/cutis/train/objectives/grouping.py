"""Groups of training images by a column of the manifest: what fairness and shortcut mechanisms learn from.

A column that holds words or yes/no is taken as it is. Numbers are cut, by a rule that is kept with the groups: an angle
of skin tone (ITA) in two, at 28 degrees, between Del Bino's "intermediate" and "tan"; an artefact's score where its
detector says that it is there; any other number at its median, or, asked for as "age_approx:4", into so many equal
parts. Unknown is no group: its code is -1, and a mechanism leaves such images alone.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from difflib import get_close_matches

import numpy as np
import polars as pl
import torch

from cutis.errors import CutisError, nearest
from cutis.image.assess import defaults
from cutis.models.network import Network
from cutis.train.objectives.base import Batch, TrainingData
from cutis.train.objectives.parts import Part

ITA_LIGHT = 28.0  # degrees; Del Bino et al., Pigment Cell Res 19, 2006: above it very light, light and intermediate
FEWEST = 2  # images of a group
MOST = 50  # groups: more are names or numbers of something, not groups

_TONE = "cutis tone {data}; cutis columns {data} {data}/tone.parquet"
_CHECK = "cutis check {data} --out R; cutis columns {data} R/quality.parquet"
# Starts of a column's name -> how it comes into a manifest. The first that fits.
_MADE_BY = (
    (("ita_", "low_", "high_", "monk", "hue", "contrast_"), _TONE),
    (("artefact_", "quality_"), _CHECK),
    (("ita", "tone"), f"{_TONE}. Then take column=ita_cutis"),
    (("contrast",), f"{_TONE}. Then take column=contrast_coco"),
    (("hair", "ruler", "ink", "dark_corner", "bubbles"), f"{_CHECK}. Then take column=artefact_ruler, or another"),
    ((), "a table of your own with image_id and {column}: cutis columns {data} TABLE.csv"),
)


@dataclass(frozen=True)
class Groups:
    """names: of the groups, by code. codes: (n,) int64, -1 for unknown. rule: how values became groups, in words."""

    names: tuple[str, ...]
    codes: np.ndarray
    rule: str

    @classmethod
    def of(cls, data: TrainingData, column: str, where: str) -> Groups:
        """Groups by `column` of the training table; "column:parts" cuts numbers into so many equal parts.

        where: who asks, for messages ("method group-dro"). Raises CutisError for a column that isn't there (naming how
        to make it), one group only, a group of fewer than 2 images, or more than 50 groups.
        """
        name, parts = split_spec(column, where)
        check_columns((name,), data.table.columns, where)
        names, codes, rule = _coded(data.table[name], name, parts, where)
        counts = np.bincount(codes[codes >= 0], minlength=len(names))
        if (counts > 0).sum() < 2:
            held = f'all {counts.sum():,} are "{names[int(counts.argmax())]}"' if counts.sum() else "all are unknown"
            again = f" For two halves of the images: column={name}:2." if data.table[name].dtype.is_numeric() else ""
            raise CutisError(f"{where}: column {name} has one group of training images only ({held}; {rule}).{again}")
        if len(names) > MOST:
            raise CutisError(
                f"{where}: column {name} has {len(names):,} values, so it is no group; at most {MOST} are accepted."
            )
        few = int(counts.argmin())
        if counts[few] < FEWEST:
            raise CutisError(
                f'{where}: column {name}: only {counts[few]} training image is "{names[few]}"; {FEWEST} or more are '
                "needed. Join it with another value, or leave those images out."
            )
        return cls(names, codes, rule)

    @property
    def counts(self) -> np.ndarray:
        """(groups,) images of each."""
        return np.bincount(self.codes[self.codes >= 0], minlength=len(self.names))


def split_spec(column: str, where: str) -> tuple[str, int | None]:
    """ "age_approx:4" -> ("age_approx", 4); without parts, None. Raises CutisError for parts that aren't 2 or more."""
    name, colon, parts = column.rpartition(":")
    if not colon:
        return column, None
    if not parts.isdigit() or not 2 <= int(parts) <= MOST:
        raise CutisError(f'{where}: column={column}: "{parts}" parts; expected 2 to {MOST}, such as {name}:2.')
    return name, int(parts)


def check_columns(columns: Sequence[str], there: Sequence[str], where: str, data: str = "DATASET") -> None:
    """Raise CutisError for the first of `columns` that is not `there`, with how to make it. data: dataset's path."""
    missing = next((c for c in columns if c not in there), None)
    if missing is None:
        return
    close = get_close_matches(missing, there, 1)
    meant = f'did you mean "{close[0]}"? Else i' if close else "I"
    how = next(how for starts, how in _MADE_BY if missing.startswith(starts) or not starts)
    raise CutisError(
        f"{where} needs a manifest column {missing}, which isn't there. {meant}t comes of: "
        f"{how.format(data=data, column=missing)}"
    )


def _coded(column: pl.Series, name: str, parts: int | None, where: str) -> tuple[tuple[str, ...], np.ndarray, str]:
    """Names, codes (-1 for unknown), and the rule."""
    if column.dtype.is_numeric():
        values = column.cast(pl.Float64).fill_null(float("nan")).to_numpy()
        known = np.isfinite(values)
        if not known.any():
            return ("unknown",), np.full(len(values), -1), "no value is known"
        if parts is None and name.startswith("ita"):
            codes = np.where(known, (values <= ITA_LIGHT).astype(np.int64), -1)
            return ("light", "dark"), codes, f"dark at {ITA_LIGHT:g} degrees or less (Del Bino 2006)"
        score = detector_threshold(name)
        if parts is None and score is not None:
            codes = np.where(known, (values >= score).astype(np.int64), -1)
            return ("absent", "present"), codes, f"present from {score:g}, the detector's threshold"
        kinds = np.unique(values[known])
        if parts is None and len(kinds) == 2:
            codes = np.where(known, np.searchsorted(kinds, values), -1)
            return tuple(f"{v:g}" for v in kinds), codes, "its two values"
        cuts = np.unique(np.quantile(values[known], np.arange(1, parts or 2) / (parts or 2)))
        codes = np.where(known, np.searchsorted(cuts, values, side="left"), -1)  # a cut itself is below
        used = np.unique(codes[known])
        codes = np.where(known, np.searchsorted(used, codes), -1)
        ends = ["-inf", *(f"{c:g}" for c in cuts), "inf"]
        names = tuple(f"{name} in ({ends[k]}, {ends[k + 1]}]" for k in used)
        return names, codes, f"numbers cut at {', '.join(f'{c:g}' for c in cuts)}"
    if parts is not None:
        raise CutisError(f"{where}: column={name}:{parts}: {name} holds words, not numbers; leave out :{parts}.")
    text = column.cast(pl.String)
    kinds_said = text.drop_nulls().unique().sort().to_list()
    found = text.replace_strict(kinds_said, list(range(len(kinds_said))), default=-1, return_dtype=pl.Int64)
    return tuple(kinds_said) or ("unknown",), found.fill_null(-1).to_numpy().copy(), "its values"


def detector_threshold(column: str) -> float | None:
    """From which score on a detector's column ("artefact_ruler") says that it is there; None for another column."""
    found = defaults().artefacts.get(column.removeprefix("artefact_")) if column.startswith("artefact_") else None
    return None if found is None else found.threshold


def unseen_groups(column: str, train: pl.DataFrame, rest: pl.DataFrame) -> list[str]:
    """A note for each value of words that validation or test images have in `column` and no training image has."""
    if train[column].dtype.is_numeric():
        return []
    known = set(train[column].cast(pl.String).unique())
    counts = rest[column].cast(pl.String).drop_nulls().value_counts(name="images").sort(column)
    return [
        f'Column {column}: no training image is "{value}", {images:,} of the others are: nothing was learned of that '
        "group."
        for value, images in counts.iter_rows()
        if value not in known
    ]


class Grouped(Part):
    """A part that learns from groups by `column`: after `prepare`, `groups`, and `codes`, of every training row."""

    codes: torch.Tensor

    def __init__(self, column: str) -> None:
        super().__init__()
        self.column = column
        self.columns = (split_spec(column, f"method {self.name}")[0],)

    def prepare(self, data: TrainingData, network: Network) -> None:
        self.groups = Groups.of(data, self.column, f"method {self.name}")
        self.register_buffer("codes", torch.from_numpy(self.groups.codes), persistent=False)

    def group(self, batch: Batch) -> torch.Tensor:
        """(b,) int64 codes of the batch's groups, -1 for unknown."""
        return self.codes[batch.rows]


def mean_by_group(values: torch.Tensor, group: torch.Tensor, groups: int) -> tuple[torch.Tensor, torch.Tensor]:
    """((groups,) mean of `values` (b,), 0 where there are none; (groups,) how many). Group -1 is left out."""
    known = group >= 0
    counts = torch.zeros(groups, device=values.device).index_add_(0, group[known], torch.ones_like(values[known]))
    sums = torch.zeros(groups, device=values.device).index_add_(0, group[known], values[known])
    return sums / counts.clamp(min=1), counts


def check_settings(where: str, **limits: tuple[float, float, float]) -> None:
    """Raise CutisError for a setting outside its range; each is (value, least, most), both allowed."""
    for name, (value, least, most) in limits.items():
        if not least <= value <= most:
            high = "" if most == float("inf") else f" and at most {most:g}"
            raise CutisError(f"method {where}: setting {name} = {value:g}: expected {least:g} or more{high}.")


def check_choice(where: str, name: str, value: str, choices: tuple[str, ...]) -> None:
    """Raise CutisError for a setting that is none of its choices."""
    if value not in choices:
        raise CutisError(f'method {where}: setting {name} = "{value}": {nearest(str(value), choices)}')
