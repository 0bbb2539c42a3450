"""Every doubt about a dataset, gathered: `check` runs the checks below, each a small function with one name.

A check says what can't be true ("error"), what breaks independence ("leak"), what to look at ("warning"), and what to
know ("note"). What can't be told from the data at hand says "not estimable" and why; it is never passed as fine.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

import polars as pl

from cutis.data import label_quality
from cutis.data.dataset import Dataset
from cutis.data.duplicates import read_duplicates
from cutis.data.label_quality import PATHOLOGY
from cutis.data.lint import lint
from cutis.data.picture_quality import quality_findings
from cutis.data.shortcuts import shortcuts
from cutis.errors import CutisError
from cutis.progress import Progress, silent
from cutis.schema.finding import SEVERITIES, Finding, Severity
from cutis.schema.identity import group_ids, unit_name
from cutis.schema.licence import compose
from cutis.schema.predictions import Predictions
from cutis.schema.vocabulary import FITZPATRICK

FEW_GROUPS = 10  # patients or lesions of a class, below which next to nothing can be measured of it
FEW_OF_A_TYPE = 30  # images of a skin type, likewise
IMBALANCE = 10.0  # images of the largest class for one of the smallest
AGES_APART = 20  # years between images of a patient that are worth a look where their order isn't known
DISAGREE = 0.5  # weight of the readers' first diagnosis, below which most of them thought of something else
GAPS = (
    "target",
    "lesion_id",
    "patient_id",
    "age_approx",
    "sex",
    "anatom_site_1",
    "fitzpatrick_skin_type",
    "image_type",
    "diagnosis_confirm_type",
    "copyright_license",
)


def check(
    datasets: Sequence[Dataset],
    *,
    predictions: Predictions | None = None,
    looks: Mapping[str, pl.DataFrame] | None = None,
    seed: int = 0,
    progress: Progress[Any] = silent,
) -> list[Finding]:
    """All findings about `datasets`, the gravest first; within a severity by check, in the order they are run.

    What `cutis lint` finds, in splits and between the datasets, is among them.

    predictions: of a model on the dataset's images, out of sample, for doubting labels (see `label_doubts`); for one
    dataset. looks: by dataset's name, what `cutis.data.picture_quality.look_over` saw, to doubt pictures with. seed:
    of the folds that shortcuts and labels are judged by. Raises CutisError if no dataset is given, or two have one
    name (findings are told apart by it).
    """
    if not datasets:
        raise CutisError("no dataset to check. Name one or more dataset folders.")
    names = [d.card.name for d in datasets]
    twice = next((n for n in names if names.count(n) > 1), None)
    if twice is not None:
        both = [str(d.path) for d in datasets if d.card.name == twice]
        raise CutisError(f'{both[0]} and {both[1]} are both called "{twice}". Import one with another --name.')
    if predictions is not None and len(datasets) > 1:
        raise CutisError("predictions are of one dataset; check one dataset at a time with them.")
    found: list[Finding] = []
    for dataset in datasets:
        for one in CHECKS:
            found += one(dataset)
        if looks is not None:
            found += quality_findings(dataset, looks[dataset.card.name])
        found += shortcuts(dataset, seed=seed)
        found += label_quality.label_doubts(dataset, predictions=predictions, seed=seed, progress=progress)
    found += [*lint(datasets), *licences(datasets)]
    return sorted(found, key=lambda f: SEVERITIES.index(f.severity))


def identity(dataset: Dataset) -> list[Finding]:
    """Whether images of one lesion, and of one patient, can be told to be so."""
    table, unit = dataset.manifest, unit_name(dataset.manifest)
    if unit == "image":
        words = (
            "no patient and no lesion ids: photographs of one lesion can't be kept together, and every interval is too "
            "narrow by an unknown amount"
        )
        return [Finding("identity", "warning", words, dataset.card.name)]
    nobody = table.filter(pl.col("patient_id").is_null() & pl.col("lesion_id").is_null()).height
    found = []
    if nobody:
        words = f"{nobody:,} of {len(table):,} images have neither a patient nor a lesion id; each counts as its own"
        found.append(Finding("identity", "warning", words, dataset.card.name))
    if "patient" not in unit:
        words = "no patient ids: lesions of one patient count as independent, which they aren't"
        found.append(Finding("identity", "note", words, dataset.card.name))
    return found


def one_lesion_one_answer(dataset: Dataset) -> list[Finding]:
    """A lesion has one diagnosis and lies in one place; a patient has one sex."""
    return [
        *_contradictions(dataset, "lesion_id", "target", "lesion with two diagnoses", "error"),
        *_contradictions(dataset, "lesion_id", "anatom_site_1", "lesion in two places", "warning"),
        *_contradictions(dataset, "patient_id", "sex", "patient with two sexes", "error"),
    ]


def _contradictions(dataset: Dataset, who: str, what: str, name: str, severity: Severity) -> list[Finding]:
    table = dataset.manifest.filter(pl.col(who).is_not_null() & pl.col(what).is_not_null())
    first = table.group_by(who, what, maintain_order=True).agg(pl.col("image_id").first(), n=pl.len())
    mixed = first.filter(pl.len().over(who) > 1).group_by(who, maintain_order=True).agg(what, "image_id", "n")
    return [
        Finding(
            name,
            severity,
            f"{who} {owner}: " + ", ".join(f"{v} ({k})" for v, k in zip(values, n, strict=True)),
            dataset.card.name,
            ids[0],
            dataset.card.name,
            ids[1],
        )
        for owner, values, ids, n in mixed.sort(who).rows()
    ]


def ages(dataset: Dataset) -> list[Finding]:
    """Nobody grows younger: by `acquisition_day` where the source has it, else ages of a patient far apart."""
    table = dataset.manifest.filter(pl.col("patient_id").is_not_null() & pl.col("age_approx").is_not_null())
    found = []
    if "acquisition_day" in table.columns and table["acquisition_day"].dtype.is_numeric():
        known = table.filter(pl.col("acquisition_day").is_not_null()).sort("patient_id", "acquisition_day")
        before = pl.col("age_approx", "image_id").shift().over("patient_id").name.prefix("before_")
        down = known.with_columns(before).filter(pl.col("age_approx") < pl.col("before_age_approx"))
        for row in down.iter_rows(named=True):
            words = f"patient {row['patient_id']}: age {row['before_age_approx']}, later {row['age_approx']}"
            name = dataset.card.name
            found.append(Finding("age goes down", "error", words, name, row["before_image_id"], name, row["image_id"]))
    age = pl.col("age_approx").cast(pl.Int32)
    apart = table.group_by("patient_id").agg(low=age.min(), high=age.max(), image_id=pl.col("image_id").first())
    for patient, low, high, image_id in (
        apart.filter(pl.col("high") - pl.col("low") > AGES_APART).sort("patient_id").rows()
    ):
        words = f"patient {patient}: ages {low} to {high}; one person over {high - low} years, or two people?"
        found.append(Finding("ages far apart", "warning", words, dataset.card.name, image_id))
    return found


def unreadable(dataset: Dataset) -> list[Finding]:
    """Images that couldn't be read, each with the reason; images that aren't here at all, counted."""
    name = dataset.card.name
    bad = dataset.manifest.filter(pl.col("status") == "error")
    found = [
        Finding("unreadable image", "warning", reason or "no reason given", name, image_id)
        for image_id, reason in bad.select("image_id", "reason").rows()
    ]
    listed = dataset.manifest.filter(pl.col("status") == "listed").height
    if listed:
        words = f"{listed:,} images are known from the table only; nothing was looked at"
        found.append(Finding("images not here", "note", words, name))
    return found


def confirmed(dataset: Dataset) -> list[Finding]:
    """How labels were confirmed: malignant ones by histopathology, or how many not."""
    name, table = dataset.card.name, label_quality.confirmation(dataset.manifest)
    if table.is_empty() or (table["confirmed_by"] == "unknown").all():
        words = "not estimable: the source doesn't say how any diagnosis was confirmed"
        return [Finding("confirmation", "warning", words, name)]
    found = []
    for info in dataset.card.classes:
        own = table.filter(target=info.code)
        total = int(own["images"].sum())
        if not total:
            continue
        shares = ", ".join(f"{100 * share:.0f} % {by}" for by, share in own.select("confirmed_by", "share").rows())
        pathology = int(own.filter(confirmed_by=PATHOLOGY)["images"].sum())
        severity: Severity = "warning" if info.malignant and pathology < total else "note"
        kind = " (malignant)" if info.malignant else ""
        words = f"{info.code}{kind}: {shares}"
        found.append(Finding("confirmation", severity, words, name, score=pathology / total))
    return found


def readers_disagree(dataset: Dataset) -> list[Finding]:
    """Rows whose readers gave their first diagnosis less than half of the weight."""
    if "differential" not in dataset.manifest.columns:
        return []
    top = pl.col("differential").list.eval(pl.element().struct.field("weight").max()).list.first()
    table = dataset.manifest.filter(pl.col("differential").list.len() > 0).with_columns(top=top)
    unsure = table.filter(pl.col("top") < DISAGREE)
    if table.is_empty():
        return []
    words = (
        f"for {len(unsure):,} of {len(table):,} images with a differential the first diagnosis has less than half of "
        "the weight: train and measure on soft targets (cutis.data.label_quality.soft_targets)"
    )
    share = len(unsure) / len(table)
    return [Finding("readers disagree", "warning" if share > 0.1 else "note", words, dataset.card.name, score=share)]


def gaps(dataset: Dataset) -> list[Finding]:
    """Share of images for which a column is unknown."""
    table, found = dataset.manifest, []
    for column in GAPS:
        share = table[column].null_count() / max(len(table), 1)
        if column == "copyright_license" and dataset.card.licence != "unknown":
            continue  # the card speaks for all rows
        if share > 0:
            words = (
                f"{column} is unknown for {table[column].null_count():,} of {len(table):,} images ({100 * share:.0f} %)"
            )
            found.append(Finding("metadata gap", "note", words, dataset.card.name, score=share))
    return found


def balance(dataset: Dataset) -> list[Finding]:
    """Classes that are absent, rare, or far fewer than the largest."""
    table = dataset.manifest.with_columns(group=pl.Series(group_ids(dataset.manifest)))
    table = table.filter(pl.col("target").is_not_null() & (pl.col("status") != "error"))
    counts = table.group_by("target").agg(images=pl.len(), groups=pl.col("group").n_unique())
    sizes: dict[str, tuple[int, int]] = {code: (n, g) for code, n, g in counts.rows()}
    unit = {"image": "images"}.get(unit_name(dataset.manifest), "patients or lesions")
    found = []
    for code in dataset.codes:
        images, groups = sizes.get(code, (0, 0))
        if groups < FEW_GROUPS:
            words = (
                f"{code}: {images:,} images of {groups:,} {unit}; too few to train on and measure with"
                if images
                else f"{code}: no image; nothing about this class is estimable"
            )
            found.append(Finding("rare class", "warning", words, dataset.card.name, score=float(groups)))
    if len(sizes) > 1:
        big, small = max(sizes, key=lambda c: sizes[c]), min(sizes, key=lambda c: sizes[c])
        ratio = sizes[big][0] / sizes[small][0]
        if ratio > IMBALANCE:
            words = f"{ratio:.0f} images of {big} for one of {small}: read per-class numbers, not accuracy"
            found.append(Finding("class balance", "note", words, dataset.card.name, score=ratio))
    return found


def skin_types(dataset: Dataset) -> list[Finding]:
    """Which Fitzpatrick types hold enough images to say anything of them."""
    name, table = dataset.card.name, dataset.manifest
    tone = table["fitzpatrick_skin_type"].drop_nulls()
    monk = table["monk_skin_tone"].drop_nulls() if "monk_skin_tone" in table.columns else tone.clear()
    if tone.is_empty() and monk.is_empty():
        words = "not estimable: skin tone is known of no image, so nothing can be said of fairness across skin tones"
        return [Finding("skin type", "warning", words, name)]
    if tone.is_empty():
        return []
    counts: dict[str, int] = dict(tone.value_counts().rows())
    few = [t for t in FITZPATRICK if counts.get(t, 0) < FEW_OF_A_TYPE]
    if not few:
        return []
    said = ", ".join(f"{t} ({counts.get(t, 0)})" for t in few)
    words = f"fewer than {FEW_OF_A_TYPE} images of Fitzpatrick type {said}"
    return [Finding("skin type", "warning", words, name, score=len(tone) / max(len(table), 1))]


def same_bytes(dataset: Dataset) -> list[Finding]:
    """Images that are one file, byte for byte: an error if their labels differ."""
    name, columns = dataset.card.name, ("image_id", "target", "lesion_id", "sha256")
    table = dataset.manifest.select(columns).filter(pl.col("sha256").is_not_null())
    twins = table.filter(pl.col("sha256").is_duplicated()).sort("sha256", "image_id")
    found = []
    for _, same in twins.group_by("sha256", maintain_order=True):
        first, *others = same.iter_rows(named=True)
        for other in others:
            labels = sorted({first["target"], other["target"]} - {None})
            known = first["lesion_id"] is not None and first["lesion_id"] == other["lesion_id"]
            severity: Severity = "error" if len(labels) > 1 else "note" if known else "warning"
            words = "one file twice" + (f", labelled {' and '.join(labels)}" if len(labels) > 1 else "")
            words += " (one lesion id)" if known else ""
            found.append(Finding("same bytes", severity, words, name, first["image_id"], name, other["image_id"], 1.0))
    return found


def near_duplicates(dataset: Dataset) -> list[Finding]:
    """The recorded proposals within the dataset, but for those decided to be different images.

    Those between datasets, and that none were looked for, are said by `cutis.data.lint`.
    """
    name = dataset.card.name
    pairs = read_duplicates(dataset).filter(
        (pl.col("dataset") == name)
        & (pl.col("other_dataset") == name)
        & (pl.col("kind") != "same bytes")  # said by `same_bytes`
        & pl.col("decision").ne_missing("different")
    )
    found = []
    for row in pairs.iter_rows(named=True):
        words = "decided to be one image" if row["decision"] == "same" else "one image, or two? not decided yet"
        ids = (name, row["image_id"], name, row["other_id"])
        found.append(Finding("near-duplicate", "warning", f"{row['kind']}: {words}", *ids, row["score"]))
    return found


CHECKS: tuple[Callable[[Dataset], list[Finding]], ...] = (
    identity,
    one_lesion_one_answer,
    ages,
    unreadable,
    same_bytes,
    near_duplicates,
    confirmed,
    readers_disagree,
    balance,
    skin_types,
    gaps,
)


def licences(datasets: Sequence[Dataset]) -> list[Finding]:
    """What may be done with each dataset, and with all of them together."""
    found = []
    for dataset in datasets:
        composed = dataset.licence
        severity: Severity = "warning" if composed.commercial is None else "note"
        found.append(Finding("licence", severity, composed.answer, dataset.card.name))
    if len(datasets) > 1:
        together = compose({what: name for d in datasets for what, name in d.licence.parts.items()})
        found.append(Finding("licence", "note", f"all together: {together.answer}"))
    return found


def worst(findings: Iterable[Finding]) -> bool:
    """Whether any finding is a leak or an error: what `cutis check` exits with 1 for."""
    return any(f.severity in ("leak", "error") for f in findings)
