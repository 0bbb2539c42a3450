"""A dataset in the words of a bundle: its classes mapped onto the bundle's through the ISIC hierarchy."""

from __future__ import annotations

from dataclasses import replace

import polars as pl

from cutis.data.dataset import Dataset
from cutis.errors import CutisError
from cutis.evaluate.class_names import finder
from cutis.schema.classes import ClassInfo


def in_words_of(dataset: Dataset, classes: tuple[ClassInfo, ...]) -> tuple[Dataset, tuple[str, ...]]:
    """The dataset with each target that means one of `classes` called by its code, and notes on what was renamed.

    A class is matched by code, name or ISIC node (`evaluate.class_names.finder`); a target that means none of them
    stays, and `Bundle.predict` leaves it empty and says so. Raises CutisError if no target means any.
    """
    find = finder(classes)
    known = {c.code for c in classes}
    words: dict[str, str] = {}
    for info in dataset.card.classes:
        labels = (info.code, info.name, *([info.diagnosis] if info.diagnosis else []))
        found = next((k for k in map(find, labels) if k is not None), None)
        if info.code not in known and found is not None:
            words[info.code] = classes[found].code
    targets = set(dataset.manifest["target"].drop_nulls().unique().to_list())
    if targets and not targets & (known | set(words)):
        raise CutisError(
            f"{dataset.path}: none of its classes ({', '.join(sorted(targets))}) is one that the bundle answers "
            f"({', '.join(sorted(known))}), nor lies under one in the ISIC hierarchy. Audit it on a dataset with its "
            "own classes, or import this one with other labels (cutis import --label)."
        )
    used = {old: new for old, new in words.items() if old in targets}
    if not used:
        return dataset, ()
    manifest = dataset.manifest.with_columns(pl.col("target").replace(used))
    own = {c.code: c for c in classes}
    infos = {used.get(c.code, c.code): own.get(used.get(c.code, ""), c) for c in dataset.card.classes}
    card = dataset.card.model_copy(update={"classes": tuple(infos.values())})
    said = ", ".join(f"{old} as {new}" for old, new in sorted(used.items()))
    note = f"Classes of {dataset.card.name} read as the model's own: {said}."
    return replace(dataset, card=card, manifest=manifest), (note,)
