"""Another calibrator, other sets, another score that refuses: fitted anew on a dataset, without training anything."""

from __future__ import annotations

import shutil
from pathlib import Path

import polars as pl

from cutis.bundle.card import BundleCard
from cutis.bundle.fit import (
    MOST_TRAINING,
    Choice,
    Fitted,
    add_gate,
    add_ood,
    add_statistics,
    drawn,
    fit_answers,
    see,
)
from cutis.bundle.freeze import write_card
from cutis.bundle.limits import OF_ANSWERS, OF_REFUSAL, OF_STATISTICS, Limit, fields_of, limits_of
from cutis.bundle.load import OOD, PAGE, load_bundle
from cutis.bundle.model_card import model_card
from cutis.bundle.ood import SCORES, Settings, available
from cutis.bundle.predict import Bundle
from cutis.data.dataset import Dataset
from cutis.data.split import load_split
from cutis.errors import CutisError
from cutis.files import atomic_folder, refuse_existing, sha256_file


def recalibrate(bundle: Path | str, dataset: Dataset | Path | str, out: Path | str, choice: Choice) -> Path:
    """Write a copy of `bundle` to `out` whose probabilities, sets and operating points come from the validation part
    of `dataset` by `choice`; network and parity stay. A bundle that has no gate gets one, from the same images. Returns
    `out`.

    What refuses strange images stays too unless `choice.ood` names a score: then its threshold comes from the
    validation part, and statistics that the bundle lacks (an earlier Cutis kept k-NN's only) from the training part,
    if this is the dataset that the bundle learned from.

    The dataset must be split; where it is the one that the bundle learned from, by the split it learned from.
    Raises CutisError if `out` exists, there is no labelled validation image, or `choice` asks for a column, a score or
    a calibrator that isn't to be had.
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
    fitted = Fitted(gate=card.gate, ood=None if choice.ood else card.ood, known=loaded.known)
    if len(seen.rows):
        add_gate(fitted, seen)
        fit_answers(fitted, seen, card.classes, unit=parts.proof.unit, choice=choice)
    if fitted.conformal is None:
        needed = ("no-labels", "no-sets")
        why = next((x.words for x in fitted.limits if x.code in needed), "No validation image can be read.")
        raise CutisError(f"{data.path}: nothing to calibrate on. {why}")
    if fitted.calibrator.method != choice.calibrator:
        why = next(x.words for x in fitted.limits if x.code == "no-best-calibrator").partition(":")[0]
        raise CutisError(f"{data.path}: nothing was calibrated. {why}. Calibrate by temperature.")
    if choice.ood is not None:
        if data.card.digest == card.dataset_digest and len(available(loaded.known)) < len(SCORES):
            train = drawn(rows.filter(pl.col("part") == "train"), MOST_TRAINING)
            add_statistics(fitted, see(data, train, loaded.runtime, card.preprocessing, "features"), card.classes)
        settings = Settings(card.ood.k, card.ood.temperature) if card.ood else Settings()
        add_ood(fitted, seen, choice.ood, settings)
        if fitted.ood is None:
            raise CutisError(f"{bundle}: no score {choice.ood}. {_why_not(fitted, choice.ood, loaded, data)}")
    new = fitted.known is not loaded.known
    kept = _kept(card, ood=choice.ood is not None, statistics=new)
    with atomic_folder(out) as folder:
        for name in card.files:
            shutil.copyfile(Path(bundle) / name, folder / name)
        files = {**card.files}
        if new:
            fitted.known.save(folder / OOD)
            files[OOD] = sha256_file(folder / OOD)
        fresh = card.model_copy(
            update={
                "calibrator": fitted.calibrator,
                "conformal": fitted.conformal,
                "calibrated_on": data.card.name,
                "gate": fitted.gate,
                "ood": fitted.ood,
                "operating_points": fitted.operating_points,
                "reduced": {},  # certificates were of other probabilities
                **fields_of((*fitted.limits, Limit("calibrated-on", f"Calibrated on {data.card.name}."), *kept)),
            }
        )
        (folder / PAGE).write_text(model_card(fresh), encoding="utf-8")
        write_card(fresh.model_copy(update={"files": {**files, PAGE: sha256_file(folder / PAGE)}}), folder)
    return out


def _why_not(fitted: Fitted, method: str, bundle: Bundle, data: Dataset) -> str:
    if data.card.digest == bundle.card.dataset_digest:
        return " ".join(limit.words for limit in fitted.limits if limit.code in OF_STATISTICS)
    missing = fitted.known.lacks(SCORES[method].needs)[0]
    return (
        f"The bundle holds no {missing} of its training images: give the dataset that it learned from, "
        f"{bundle.card.dataset}, not {data.path}."
    )


def _kept(card: BundleCard, *, ood: bool = False, statistics: bool = False) -> tuple[Limit, ...]:
    """The limits that a new calibration doesn't lift. ood, statistics: whether these are new too."""
    every = limits_of(card.limits, card.limit_codes)
    lifted = OF_ANSWERS | (OF_REFUSAL if ood else set()) | (OF_STATISTICS if statistics else set())
    kept = [limit for limit in every if limit.code not in lifted]
    if not ood and any(limit.code == "no-validation" for limit in every):  # what else that limit said
        kept.append(Limit("refuses-nothing", "Nothing is refused for being unlike the training images."))
    return tuple(kept)
