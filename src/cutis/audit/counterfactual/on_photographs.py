"""Real photographs, changed: tone by the counterfactual-tone transform, artefacts drawn by the phantom's drawers."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl

from cutis.audit.counterfactual.answers import Answers, Model
from cutis.audit.counterfactual.changes import ARTEFACTS, TONES, Change, changes, noisy
from cutis.data.threads import ordered
from cutis.data.tone import mask_at
from cutis.errors import CutisError
from cutis.image.corruptions.base import generator
from cutis.image.decode import BadImage, probe, read_bytes, read_picture
from cutis.image.pigments import retone
from cutis.phantom.corruptions import CORRUPTIONS
from cutis.progress import Progress, silent
from cutis.schema.identity import group_ids, unit_name

_Found = tuple[np.ndarray, np.ndarray]  # (classes,) before, (changes, classes) after


def answers_on_photographs(
    model: Model,
    rows: pl.DataFrame,
    folder: Path,
    *,
    tones: Sequence[float] = TONES,
    artefacts: Sequence[str] = tuple(ARTEFACTS),
    images: int = 200,
    seed: int = 0,
    progress: Progress[Any] = silent,
) -> Answers:
    """The model's answers to up to `images` of the rows, drawn by `seed`, as they are and after each change.

    rows: image_id, lesion_id, patient_id, target, file and, where masks are known, mask; files are relative to
    `folder`. tones: target ITA in degrees. An image that `cutis.image.pigments.retone` refuses at a target is NaN
    there. An image or mask that can't be read leaves the image out, and a note says so. Raises CutisError for a tone or
    artefact that can't be, and if no image is left.
    """
    what = changes(tones, artefacts)
    if images < 1:
        raise CutisError(f"counterfactual: {images} images; expected 1 or more.")
    rows = rows.sort("image_id")
    if "mask" not in rows.columns:
        rows = rows.with_columns(pl.lit(None, pl.String()).alias("mask"))
    drawn = np.random.default_rng(seed).permutation(len(rows))[:images]
    rows = rows[np.sort(drawn).tolist()]
    work = partial(_one, model, folder, what, seed)
    jobs = rows.select("image_id", "file", "mask").iter_rows()
    made = list(progress(ordered(work, jobs), len(rows), "change photographs"))
    found = [one for one in made if not isinstance(one, str)]
    reasons = [one for one in made if isinstance(one, str)]
    if not found:
        why = f"; the first: {reasons[0]}" if reasons else ""
        raise CutisError(f"counterfactual: {folder}: no image could be read{why}. Import the dataset again.")
    kept = rows.filter(pl.Series([not isinstance(one, str) for one in made]))
    notes = []
    if reasons:
        notes.append(f"Left out, as the image or its mask can't be read: {len(reasons)}. The first: {reasons[0]}.")
    if unmasked := kept["mask"].null_count():
        notes.append(f"Without a lesion mask, so that the border was taken for skin: {unmasked} of {len(kept):,}.")
    return Answers(
        world="real",
        classes=model.classes,
        changes=what,
        ids=kept["image_id"].to_list(),
        unit=group_ids(kept),
        unit_name=unit_name(kept),
        target=kept["target"].to_list(),
        before=np.stack([before for before, _ in found]),
        after=np.stack([after for _, after in found], axis=1),
        notes=tuple(notes),
    )


def _one(
    model: Model, folder: Path, what: Sequence[Change], seed: int, row: tuple[str, str, str | None]
) -> _Found | str:
    image_id, file, mask_file = row
    try:
        data = read_bytes(folder / file)
        picture = read_picture(data, model.size, image_id)
        pixels = picture.pixels
        mask = None
        if mask_file is not None:
            header = probe(data, image_id)
            mask = mask_at(read_bytes(folder / mask_file), image_id, (header.height, header.width), pixels.shape[:2])
    except BadImage as error:
        return f"{image_id}: {error.reason}"
    except CutisError as error:
        return f"{image_id}: {error}"
    made = _changed(pixels, mask, what, seed, image_id)
    p = model.answer([picture, *(replace(picture, pixels=image) for image in made.values())])
    after = np.full((len(what), p.shape[1]), np.nan)
    after[list(made)] = p[1:]
    return p[0], after


def _changed(
    pixels: np.ndarray, mask: np.ndarray | None, what: Sequence[Change], seed: int, image_id: str
) -> dict[int, np.ndarray]:
    """Number of the change -> the picture after it, for those that can be trusted."""
    made: dict[int, np.ndarray] = {}
    for i, change in enumerate(what):
        if change.kind == "tone":
            assert change.value is not None
            done = retone(pixels, change.value, mask)
            if done.image is not None:
                made[i] = done.image
            continue
        rng = generator(seed, image_id, change.kind)
        if change.kind == "noise":
            made[i] = noisy(pixels, rng)
        else:
            made[i] = CORRUPTIONS[change.kind].apply(pixels, ARTEFACTS[change.kind], rng)
    return made
