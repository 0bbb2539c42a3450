"""`audit`: a bundle and a dataset in, a dossier out; taken up where it stopped if it was interrupted."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
from pydantic import BaseModel

from cutis import __version__
from cutis.audit.attributes import seen_attributes
from cutis.audit.classes import in_words_of
from cutis.audit.counterfactual import counterfactual
from cutis.audit.refusals import refusal_rows
from cutis.audit.shifts import shift_rows, shifted, squares
from cutis.audit.sources import embedded, source_shift
from cutis.audit.steps import Steps
from cutis.audit.suites import find_corruptions
from cutis.audit.unknown import Strange, ood_rows
from cutis.bundle.embed import embed
from cutis.bundle.load import load_bundle
from cutis.bundle.predict import Bundle
from cutis.bundle.sources import gather
from cutis.data.dataset import Dataset
from cutis.data.describe import describe_one
from cutis.errors import CutisError
from cutis.evaluate.bootstrap import check_resampling
from cutis.evaluate.measure import measure
from cutis.image.corruptions.base import Corruption
from cutis.progress import Progress, silent
from cutis.report import check_out
from cutis.report.dossier import CONTENT, MARK, write_dossier
from cutis.schema.dossier import (
    AttackRow,
    CounterfactualRow,
    DistanceRow,
    DossierEvidence,
    NotDone,
    OodRow,
)
from cutis.schema.evidence import Evidence
from cutis.schema.predictions import Predictions

_LEAST_WITH = 20  # images with and without an artefact that make it worth a group


class Plan(BaseModel):
    """What an audit does, and how much of it.

    suite: of `audit.suites.SUITES`. shift_images: at most so many images go through it. images, scenes: of the
    counterfactual audit. attack_images: 0 leaves the attacks out. attacks: of `cutis.models.attacks.ATTACKS`.
    strange_images, distance_images: of each strange set, and of each source.
    """

    part: str | None = None
    suite: str = "dermoscopy"
    shift_images: int = 500
    images: int = 200
    scenes: int = 200
    attack_images: int = 50
    attacks: tuple[str, ...] = ("fgsm", "pgd")
    strange_images: int = 500
    distance_images: int = 2000
    resamples: int = 1000
    seed: int = 0


class _Counterfactual(BaseModel):
    rows: tuple[CounterfactualRow, ...]
    notes: tuple[str, ...]


def audit(
    bundle: Path | str,
    dataset: Dataset | Path | str,
    out: Path | str,
    *,
    against: Sequence[Strange] = (),
    plan: Plan | None = None,
    overwrite: bool = False,
    progress: Progress[Any] = silent,
    say: Callable[[str], None] = lambda words: None,
) -> DossierEvidence:
    """Measure `bundle` on `dataset` in every way there is the data for, and write the dossier `out`.

    Answers on the images as they are (overall and by what was recorded, by estimated tone and by visible artefacts),
    under a suite of shifts, refusals, images it was never taught (`against`), the counterfactual audit, attacks (if
    torch is there), and how far away other sources (`against` of kind "other source") are. What can't be measured is
    listed with its reason. Finished steps are kept beside `out` until the dossier is written, so that an interrupted
    audit goes on where it was, if bundle, dataset, settings and versions are the same.

    say: told, in a line, what was resumed. Raises CutisError for a dataset without labels or whose classes are not the
    bundle's, for unknown names, and if `out` is taken.
    """
    plan = plan or Plan()
    out = Path(out)
    check_out(out, overwrite, CONTENT, MARK)
    check_resampling(plan.resamples, plan.seed, 0.95)
    chosen = find_corruptions(plan.suite)
    model = load_bundle(bundle)
    data, renamed = in_words_of(dataset if isinstance(dataset, Dataset) else Dataset.load(dataset), model.classes)
    source = gather(data, plan.part, model.card)
    if source.rows["target"].null_count() == len(source.rows):
        raise CutisError(f"{data.path}: part {source.part} has no labelled image; an audit needs the truth.")
    steps = Steps(out, _identity(model, data, against, plan))
    if steps.resumed:
        say(f"going on with an earlier audit: {', '.join(steps.resumed)} are done")

    rows = source.rows.join(data.manifest.select("image_id", "mask"), on="image_id", how="left", maintain_order="left")
    seen = steps.table("attributes", lambda: seen_attributes(rows, source.images, progress))
    own = _Audit(model, data, against, plan, steps, progress)
    predictions = own.clean(seen)
    by = [*predictions.attributes(), *_telling(seen)]
    clean = steps.model(
        "clean", Evidence, lambda: measure(predictions, by=by, resamples=plan.resamples, seed=plan.seed)
    )

    labelled = rows.filter(pl.col("target").is_not_null())
    order = np.random.default_rng(plan.seed).permutation(len(labelled))[: plan.shift_images]
    labelled = labelled[np.sort(order)]
    answers = own.shifts(labelled, source.images, chosen)
    shifts, shift_notes = shift_rows(answers, labelled, predictions.info, chosen, plan.resamples)

    ood = own.unknown()
    changed = steps.model("counterfactual", _Counterfactual, own.changed)
    attacks = own.attacked()
    here = replace(data, manifest=data.manifest.filter(pl.col("image_id").is_in(rows["image_id"].to_list())))
    distances = own.distances(here)
    evidence = DossierEvidence(
        cutis=__version__,
        created=datetime.now(UTC).isoformat(timespec="seconds"),
        bundle=model.card.model_dump(mode="json"),
        dataset=describe_one(data),
        clean=clean,
        shifts=tuple(shifts),
        ood=ood,
        counterfactual=changed.rows,
        attacks=attacks,
        refusals=tuple(refusal_rows(predictions, by, resamples=plan.resamples)),
        distances=distances,
        notes=(
            *renamed,
            f"Shifts: suite {plan.suite}, {len(labelled):,} images at 224 px.",
            *(f"Shifts: {note}" for note in shift_notes),
            *(f"The same lesion, changed: {note}" for note in changed.notes),
            "Tone, hair, ruler and the like as groups are what was seen in the pictures, not what was recorded.",
        ),
        not_done=tuple(own.not_done),
    )
    write_dossier(evidence, out, overwrite=overwrite)
    steps.done()
    return evidence


def _identity(model: Bundle, data: Dataset, against: Sequence[Strange], plan: Plan) -> dict[str, Any]:
    return {
        "cutis": __version__,
        "bundle": model.digest,
        "dataset": data.card.digest,
        "against": [[s.kind, s.name, sum(1 for _ in s.path.rglob("*"))] for s in against],
        "plan": plan.model_dump(mode="json"),
    }


@dataclass(frozen=True)
class _Audit:
    """What every part of an audit works on; parts that can't be made are added to `not_done`."""

    model: Bundle
    data: Dataset
    against: Sequence[Strange]
    plan: Plan
    steps: Steps
    progress: Progress[Any]
    not_done: list[NotDone] = field(default_factory=list)

    def clean(self, seen: pl.DataFrame) -> Predictions:
        """The answers to the images as they are, with what was seen in them."""
        path = self.steps.folder / "predictions.parquet"
        if not path.is_file():
            self.model.predict(self.data, part=self.plan.part, progress=self.progress is not silent).save(path)
        kept = Predictions.load(path)
        table = kept.table.join(seen, on="image_id", how="left", maintain_order="left")
        return Predictions(table, kept.info)

    def shifts(self, rows: pl.DataFrame, folder: Path, chosen: Sequence[Corruption]) -> pl.DataFrame:
        """The answers under each corruption, a step each; the images are read once, if any step is left."""
        ids = rows["image_id"].to_list()
        held: list[np.ndarray] = []

        def images() -> np.ndarray:
            if not held:
                held.append(squares(rows, folder, self.progress))
            return held[0]

        def made(one: Corruption | None) -> pl.DataFrame:
            name = "shift " + (one.name if one else "none")
            return self.steps.table(
                name, lambda: shifted(self.model, ids, images(), one, seed=self.plan.seed, progress=self.progress)
            )

        return pl.concat(made(one) for one in (None, *chosen))

    def unknown(self) -> tuple[OodRow, ...]:
        if not self.against:
            self.not_done.append(
                NotDone(
                    part="images it was never taught",
                    why="none were given; pass --against KIND=FOLDER",
                    code="unknown",
                )
            )
            return ()

        def make() -> list[OodRow]:
            return ood_rows(
                self.model,
                self.data,
                self.against,
                part=self.plan.part,
                images=self.plan.strange_images,
                resamples=self.plan.resamples,
                seed=self.plan.seed,
                progress=self.progress,
            )

        return self.steps.rows("unknown", OodRow, make)

    def changed(self) -> _Counterfactual:
        found = counterfactual(
            self.model,
            self.data,
            part=self.plan.part,
            images=self.plan.images,
            scenes=self.plan.scenes,
            resamples=self.plan.resamples,
            seed=self.plan.seed,
            progress=self.progress,
        )
        verdicts = tuple(verdict.words for verdict in found.verdicts)
        return _Counterfactual(rows=found.rows, notes=(*verdicts, *found.notes))

    def attacked(self) -> tuple[AttackRow, ...]:
        if not self.plan.attack_images:
            self.not_done.append(NotDone(part="attacks", why="left out as asked", code="attacks"))
            return ()
        from cutis.audit.attack import attack_bundle

        def make() -> list[AttackRow]:
            return attack_bundle(
                self.model,
                self.data,
                rng=np.random.default_rng(self.plan.seed),
                part=self.plan.part,
                attacks=self.plan.attacks,
                images=self.plan.attack_images,
                resamples=self.plan.resamples,
                progress=self.progress,
            )

        try:
            return self.steps.rows("attacks", AttackRow, make)
        except CutisError as error:  # torch isn't installed, or the network isn't one of Cutis's
            self.not_done.append(NotDone(part="attacks", why=str(error), code="attacks"))
            return ()

    def distances(self, data: Dataset) -> tuple[DistanceRow, ...]:
        others = [s for s in self.against if s.kind == "other source" and (s.path / "dataset.json").is_file()]
        if not others:
            why = "no dataset of another source was given; pass --against other-source=DATASET"
            self.not_done.append(NotDone(part="distance to other sources", why=why, code="distances"))
            return ()

        def make() -> list[DistanceRow]:
            rng = np.random.default_rng(self.plan.seed)
            mine = _some(data, self.plan)
            here = embedded(mine.card.name, embed(self.model, mine, progress=self.progress), mine.manifest)
            made = []
            for other in others:
                theirs, _ = in_words_of(Dataset.load(other.path), self.model.classes)
                theirs = _some(theirs, self.plan)
                there = embedded(theirs.card.name, embed(self.model, theirs, progress=self.progress), theirs.manifest)
                made += source_shift(here, there, what="embedding", rng=rng, resamples=self.plan.resamples)
            return made

        return self.steps.rows("distances", DistanceRow, make)


def _telling(seen: pl.DataFrame) -> list[str]:
    """The columns in which at least two groups have enough images to be looked at."""
    counts = {c: seen[c].drop_nulls().value_counts()["count"] for c in seen.columns if c != "image_id"}
    return [c for c, n in counts.items() if (n >= _LEAST_WITH).sum() > 1]


def _some(data: Dataset, plan: Plan) -> Dataset:
    """At most `distance_images` of its usable images, drawn by the seed."""
    rows = data.usable()
    return replace(data, manifest=rows.sample(min(len(rows), plan.distance_images), seed=plan.seed).sort("image_id"))
