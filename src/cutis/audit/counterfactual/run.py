"""Both worlds at once: a bundle on a dataset's photographs and on the phantom."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from threadpoolctl import threadpool_limits

from cutis.audit.counterfactual.answers import Answers
from cutis.audit.counterfactual.changes import ARTEFACTS, TONES
from cutis.audit.counterfactual.effects import effects
from cutis.audit.counterfactual.on_phantom import answers_on_phantom, melanins
from cutis.audit.counterfactual.on_photographs import answers_on_photographs
from cutis.audit.counterfactual.verdicts import Tolerance, Verdict, judge
from cutis.bundle.predict import Bundle
from cutis.bundle.sources import gather
from cutis.data.dataset import Dataset
from cutis.evaluate.bootstrap import check_resampling
from cutis.progress import Progress, silent
from cutis.schema.dossier import CounterfactualRow


@dataclass(frozen=True)
class Counterfactual:
    """rows: of every change and group, photographs first. verdicts: one a change, on all images. notes: sentences."""

    rows: tuple[CounterfactualRow, ...]
    verdicts: tuple[Verdict, ...]
    notes: tuple[str, ...]


def counterfactual(
    bundle: Bundle,
    dataset: Dataset | Path | str,
    *,
    part: str | None = None,
    tones: Sequence[float] = TONES,
    artefacts: Sequence[str] = tuple(ARTEFACTS),
    images: int = 200,
    scenes: int = 200,
    resamples: int = 1000,
    seed: int = 0,
    level: float = 0.95,
    tolerance: Tolerance | None = None,
    progress: Progress[Any] = silent,
) -> Counterfactual:
    """The same lesions on other skin and with hair, ruler and ink: what the answers do, on `images` photographs of the
    dataset and `scenes` of the phantom.

    part: of the dataset, as in `cutis.bundle.sources.gather`. Same seed, same numbers. Raises CutisError as `gather`,
    `answers_on_photographs` and `answers_on_phantom` do.
    """
    check_resampling(resamples, seed, level)
    melanins(tones)  # refused now, not when the photographs are done
    tolerance = tolerance or Tolerance()
    data = dataset if isinstance(dataset, Dataset) else Dataset.load(dataset)
    source = gather(data, part, bundle.card)
    rows = source.rows.join(data.manifest.select("image_id", "mask"), on="image_id", how="left")
    with threadpool_limits(1, user_api="blas"):
        worlds = (
            answers_on_photographs(
                bundle,
                rows,
                source.images,
                tones=tones,
                artefacts=artefacts,
                images=images,
                seed=seed,
                progress=progress,
            ),
            answers_on_phantom(bundle, tones=tones, artefacts=artefacts, scenes=scenes, seed=seed, progress=progress),
        )
    made: list[CounterfactualRow] = []
    verdicts: list[Verdict] = []
    notes = [*source.limits]
    for answers in worlds:
        found = effects(answers, resamples=resamples, seed=seed, level=level)
        made += found
        verdicts += [judge(row, tolerance, answers.measure) for row in found if row.group == "all"]
        notes += [*answers.notes, *_right(answers)]
    return Counterfactual(tuple(made), tuple(verdicts), (*notes, tolerance.words))


def _right(answers: Answers) -> list[str]:
    """How good the answers are before any change: what moves them matters less where they are no good anyway."""
    codes = [c.code for c in answers.classes]
    pairs = [
        (codes[k], target)
        for k, target in zip(answers.before.argmax(1), answers.target, strict=True)
        if target in codes
    ]
    if not pairs:
        return []
    share = sum(first == target for first, target in pairs) / len(pairs)
    where = "Photographs" if answers.world == "real" else "Phantom"
    return [f"{where}: before any change the first answer is the true class of {share:.0%} of {len(pairs):,} images."]
