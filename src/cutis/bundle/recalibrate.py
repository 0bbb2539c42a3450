"""Another calibrator, other sets: fitted anew on a dataset's validation part, without training anything."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import get_args

import polars as pl

from cutis.bundle.card import BundleCard
from cutis.bundle.fit import Choice, Fitted, add_gate, fit_answers, see
from cutis.bundle.freeze import write_card
from cutis.bundle.load import PAGE, load_bundle
from cutis.bundle.model_card import model_card
from cutis.data.dataset import Dataset
from cutis.data.split import load_split
from cutis.errors import CutisError
from cutis.files import atomic_folder, refuse_existing, sha256_file
from cutis.schema.calibration import CalibratorMethod


def recalibrate(bundle: Path | str, dataset: Dataset | Path | str, out: Path | str, choice: Choice) -> Path:
    """Write a copy of `bundle` to `out` whose probabilities, sets and operating points come from the validation part
    of `dataset` by `choice`; network, refusal statistics and parity stay. A bundle that has no gate gets one, from the
    same images. Returns `out`.

    The dataset must be split; where it is the one that the bundle learned from, by the split it learned from.
    Raises CutisError if `out` exists, there is no labelled validation image, or `choice` asks for a column that isn't
    there.
    """
    out = Path(out)
    refuse_existing(out)
    loaded = load_bundle(bundle)
    data = dataset if isinstance(dataset, Dataset) else Dataset.load(dataset)
    parts = load_split(data)
    card = loaded.card
    if data.card.digest == card.dataset_digest and parts.proof.digest != card.split.get("digest"):
        raise CutisError(
            f"{data.path}: split anew since {bundle} learned from it, so its validation part may hold images that the "
            "bundle has seen. Calibrate on other data, or train again."
        )
    rows = data.usable().join(parts.table.select("image_id", "group", "part"), on="image_id").sort("image_id")
    val = rows.filter(pl.col("part") == "val")
    seen = see(data, val, loaded.runtime, card.preprocessing, "calibrate", look=card.gate is None)
    fitted = Fitted(gate=card.gate)
    if len(seen.rows):
        add_gate(fitted, seen)
        fit_answers(fitted, seen, card.classes, unit=parts.proof.unit, choice=choice)
    if fitted.conformal is None:
        why = next((limit for limit in fitted.limits if limit.startswith("No ")), "No validation image can be read.")
        raise CutisError(f"{data.path}: nothing to calibrate on. {why}")
    with atomic_folder(out) as folder:
        for name in card.files:
            shutil.copyfile(Path(bundle) / name, folder / name)
        fresh = card.model_copy(
            update={
                "calibrator": fitted.calibrator,
                "conformal": fitted.conformal,
                "gate": fitted.gate,
                "operating_points": fitted.operating_points,
                "reduced": {},  # certificates were of other probabilities
                "limits": (*fitted.limits, f"Calibrated on {data.card.name}.", *_kept(card)),
            }
        )
        (folder / PAGE).write_text(model_card(fresh), encoding="utf-8")
        write_card(fresh.model_copy(update={"files": {**card.files, PAGE: sha256_file(folder / PAGE)}}), folder)
    return out


def _kept(card: BundleCard) -> tuple[str, ...]:
    """The limits that a new calibration doesn't lift."""
    nothing = "There was no validation image"
    lifted = (
        *("No sets:", "No operating points", "No validation image", "Too few validation", "Calibrated on", nothing),
        *(f"The {method} has no best value" for method in get_args(CalibratorMethod)),
    )
    kept = [limit for limit in card.limits if not limit.startswith(lifted)]
    if any(limit.startswith(nothing) for limit in card.limits):
        kept.append("Nothing is refused for being unlike the training images.")  # what else that limit said
    return tuple(kept)
