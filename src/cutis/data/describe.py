"""Datasets in numbers, for the data page: classes, people, and how images spread over what is known of them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime

import polars as pl

from cutis import __version__
from cutis.data.dataset import Dataset
from cutis.data.label_quality import PATHOLOGY
from cutis.data.picture_quality import artefact_counts
from cutis.schema.classes import ClassInfo
from cutis.schema.data_facts import Bar, ClassFacts, DataFacts, DatasetFacts, Distribution
from cutis.schema.identity import group_ids, unit_name
from cutis.schema.predictions import AGE_BANDS, with_age_band
from cutis.schema.vocabulary import FITZPATRICK, SEXES

_MOST_BARS = 12
# Column -> title, and the values in their order; () orders by frequency.
_ATTRIBUTES: dict[str, tuple[str, tuple[str, ...]]] = {
    "age_band": ("Age", AGE_BANDS),
    "sex": ("Sex", SEXES),
    "anatom_site_1": ("Body site", ()),
    "fitzpatrick_skin_type": ("Fitzpatrick skin type", FITZPATRICK),
    "monk_skin_tone": ("Monk skin tone", tuple(str(k) for k in range(1, 11))),
    "diagnosis_confirm_type": ("How diagnoses were confirmed", ()),
    "image_type": ("Image type", ()),
    "source": ("Source", ()),
    "source_split": ("The source's own split", ()),
    "size": ("Image size, pixels", ()),
}


def describe(datasets: Sequence[Dataset], looks: Mapping[str, pl.DataFrame] | None = None) -> DataFacts:
    """Everything that the data page counts. looks: by dataset's name, of `cutis.data.picture_quality.look_over`."""
    now, seen = datetime.now(UTC).isoformat(timespec="seconds"), looks or {}
    facts = tuple(describe_one(d, seen.get(d.card.name)) for d in datasets)
    return DataFacts(cutis=__version__, created=now, datasets=facts)


def describe_one(dataset: Dataset, looks: pl.DataFrame | None = None) -> DatasetFacts:
    card, groups = dataset.card, group_ids(dataset.manifest)
    table = with_age_band(dataset.manifest).with_columns(group=pl.Series(groups))
    size = pl.concat_str(pl.col("width", "height").cast(pl.String), separator=" x ")
    table = table.with_columns(size=size)
    licence = dataset.licence
    return DatasetFacts(
        name=card.name,
        title=card.title,
        version=card.version,
        source=card.source,
        modality=card.modality,
        licence=licence.answer,
        attribution=licence.attribution,
        digest=card.digest,
        counts={
            "images": len(table),
            "readable": table.filter(status="ok").height,
            "unreadable": table.filter(status="error").height,
            "labelled": len(table) - table["target"].null_count(),
            "patients": table["patient_id"].drop_nulls().n_unique(),
            "lesions": table["lesion_id"].drop_nulls().n_unique(),
        },
        unit=unit_name(dataset.manifest),
        groups=table["group"].n_unique(),
        classes=tuple(_class_facts(table.filter(target=c.code), c) for c in card.classes),
        distributions=tuple(
            _distribution(table[column], title, order)
            for column, (title, order) in _ATTRIBUTES.items()
            if column in table.columns and table[column].null_count() < len(table)
        ),
        artefacts=() if looks is None else artefact_counts(dataset, looks),
        notes=card.notes,
    )


def _class_facts(own: pl.DataFrame, info: ClassInfo) -> ClassFacts:
    by = own["diagnosis_confirm_type"]
    pathology = None
    if by.null_count() < len(own):
        pathology = int((by == PATHOLOGY).sum()) / len(own)
    return ClassFacts(info=info, images=len(own), groups=own["group"].n_unique(), pathology=pathology)


def _distribution(column: pl.Series, title: str, order: tuple[str, ...]) -> Distribution:
    """Values in their order, or the commonest first; beyond a dozen they are one bar."""
    counts = (
        column.drop_nulls().cast(pl.String).alias("v").value_counts(name="n").sort("n", "v", descending=[True, False])
    )
    found: dict[str, int] = dict(counts.rows())
    names = [*order, *(v for v in found if v not in order)]
    bars = [Bar(name=v, images=found.get(v, 0)) for v in names]
    if len(bars) > _MOST_BARS:
        rest = bars[_MOST_BARS - 1 :]
        bars = [*bars[: _MOST_BARS - 1], Bar(name=f"{len(rest)} other values", images=sum(b.images for b in rest))]
    return Distribution(title=title, bars=tuple(bars), unknown=column.null_count())
