from __future__ import annotations

from pathlib import Path
from typing import Literal

from cutis.cli import say
from cutis.errors import CutisError


def merge_(
    *paths: Path,
    level: str = "diagnosis_3",
    akiec: str = "unknown",
    name: str | None = None,
    same_ids: Literal["ask", "fold", "keep"] | None = None,
) -> None:
    """Make one dataset of several, on one level of the ISIC hierarchy, and say what is lost.

    Each image gets the node at LEVEL as its class if its diagnosis reaches that deep; else it has no class, and every
    class of the merge is absent or unknown for it.

    Parameters
    ----------
    paths
        Dataset folders, then the dataset folder to make (must not exist).
    level
        diagnosis_1 (benign, indeterminate, malignant) to diagnosis_5 (the finest).
    akiec
        What HAM10000's code for actinic keratosis or Bowen's disease is taken for: unknown, malignant, indeterminate.
    name
        Name for the new dataset's card (the folder's name if not given).
    same_ids
        What patients and lesions are whose ids may be one, spelled otherwise: fold joins them, keep says they are
        different, ask leaves the question. By default what the datasets' cards say.
    """
    from cutis.data.merge import losses, merge
    from cutis.progress import track

    if len(paths) < 2:
        raise CutisError("name the datasets to merge and then the folder to make: cutis merge A B DEST")
    *datasets, dest = paths
    made = merge(datasets, dest, level=level, akiec=akiec, name=name, same_ids=same_ids, progress=track)
    table = losses(made)
    rows = [
        (row["dataset"], row["class"] or "(none)", f"{row['images']:,}", row["becomes"] or f"unknown: {row['why']}")
        for row in table.iter_rows(named=True)
    ]
    widths = [max(len(str(row[i])) for row in [("dataset", "class", "images"), *rows]) for i in range(3)]
    say(f"{'dataset':<{widths[0]}}  {'class':<{widths[1]}}  {'images':>{widths[2]}}  becomes")
    for row in rows:
        say(f"{row[0]:<{widths[0]}}  {row[1]:<{widths[1]}}  {row[2]:>{widths[2]}}  {row[3]}")
    for note in made.card.notes:
        say(f"note: {note}")
    for condition in made.licence.conditions:
        say(f"licence: {condition}")
    counts = made.card.counts
    say(f"{dest}: {counts['images']:,} images, {len(made.codes)} classes at {level}; {made.licence.answer}")
    say(f"next: cutis lint {dest}" if not counts["ok"] else f"next: cutis split {dest} --test 0.2 --val 0.1")
