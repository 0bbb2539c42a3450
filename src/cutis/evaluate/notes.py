"""What a reader must know of the numbers, in sentences."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import polars as pl

from cutis.evaluate.malignancy import is_two_way
from cutis.evaluate.numbers import PLURALS
from cutis.evaluate.sample import Sample
from cutis.schema.spelling import doubt_words, doubts


def make_notes(
    table: pl.DataFrame, sample: Sample, unit: str | None, known: str, points: Mapping[str, float]
) -> list[str]:
    """Notes for a table and the sample of it that was measured. known: the unit that the table's ids allow."""
    notes = []
    errors = int((table["status"] == "error").sum())
    truth = table["target" if sample.labels is None else "labels"]
    unlabelled = int(((table["status"] != "error") & truth.is_null()).sum())
    refused = int(sample.refused.sum())
    if errors:
        notes.append(f'{errors} rows with status "error" have no answer and are left out.')
    if unlabelled:
        notes.append(f"{unlabelled} rows without a target are left out.")
    if refused:
        notes.append(f"{refused} refused rows are included in every number but accuracy_kept.")
    notes += unit_notes(unit, known)
    absent = [c.code for k, c in enumerate(sample.classes) if not sample.case(k).any()]
    if absent and sample.labels is None:
        notes.append(
            f"No rows of {', '.join(absent)}: balanced accuracy and macro AUROC are means over the other "
            f"{len(sample.classes) - len(absent)} of {len(sample.classes)} classes."
        )
    notes += [f"{c.name} ({c.code}): {c.note}" for c in sample.classes if c.note]
    if sample.labels is not None:
        notes.append("Each label is its own question: an image may have several, or none. Yes is p of 0.5 or more.")
    elif is_two_way(sample.classes):
        sides = {side: [c.code for c in sample.classes if c.malignant is side] for side in (True, False, None)}
        words = f"Malignant is {', '.join(sides[True])}; benign is {', '.join(sides[False])}."
        if sides[None]:
            out = int(np.isin(sample.target, [k for k, c in enumerate(sample.classes) if c.malignant is None]).sum())
            words += f" {', '.join(sides[None])} is neither: its {out} rows are left out of that question."
        notes.append(words + " Its score is the sum of the malignant classes' probabilities.")
    elif points:
        notes.append("Operating points are not measured: the classes don't say which are malignant and which benign.")
    notes += tone_notes(table)
    if sample.task == "multi-class":
        notes.append(
            "The resamples of ECE lie above its value (a small sample looks less calibrated than it is), so its "
            "interval is widened to hold the value, and leans high."
        )
    return notes


def unit_notes(unit: str | None, known: str) -> list[str]:
    """What to say where images are resampled. unit: as asked for; known: the unit that the table's ids allow."""
    if known == "image":
        return [
            "Unit: image. No lesion or patient is known; if some images show the same one, intervals are too narrow."
        ]
    if unit == "image":
        return [
            f"Unit: image, as asked. The table knows {PLURALS[known]}, and images of one are not independent: the "
            "intervals are too narrow."
        ]
    return []


def spelling_notes(table: pl.DataFrame) -> list[str]:
    """What to say of patients and lesions that may be one though their ids are spelled otherwise."""
    found = doubts(table, [c for c in ("patient_id", "lesion_id") if c in table.columns])
    counted = "Each spelling is counted as one of its own: if they are one, intervals are too narrow."
    return [f"{line[0].upper()}{line[1:]}. {counted}" for line in doubt_words(found)]


def tone_notes(table: pl.DataFrame) -> list[str]:
    """What to say where no row has a skin type."""
    if "fitzpatrick_skin_type" in table.columns and table["fitzpatrick_skin_type"].null_count() < len(table):
        return []
    return ["Skin tone is not recorded: nothing here says how the model does by tone."]
