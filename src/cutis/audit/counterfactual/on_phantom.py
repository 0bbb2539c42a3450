"""The phantom, drawn again: the same scene with another melanin, or with hair, a ruler or ink, and nothing else new."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from itertools import groupby, islice
from typing import Any

import numpy as np

from cutis.audit.counterfactual.answers import Answers, Model
from cutis.audit.counterfactual.changes import ARTEFACTS, TONES, Change, changes, noisy, sample_visible
from cutis.data.threads import ordered
from cutis.errors import CutisError
from cutis.image.corruptions.base import generator
from cutis.image.decode import Picture
from cutis.phantom.classes import CODES
from cutis.phantom.dataset import Plan, photographs
from cutis.phantom.lesion.recipes import RECIPES
from cutis.phantom.optics.table import melanin_for_ita
from cutis.phantom.scene import Scene
from cutis.phantom.vocabulary import ARTEFACTS as KINDS
from cutis.progress import Progress, silent

REFERENCE = 55.0  # ITA that every scene starts from: about that of most public dermoscopy
_LARGE = 256  # pixels: scenes are drawn at twice the model's size, as photographs are larger than it, but not over this


def answers_on_phantom(
    model: Model,
    *,
    tones: Sequence[float] = TONES,
    artefacts: Sequence[str] = tuple(ARTEFACTS),
    scenes: int = 200,
    reference: float = REFERENCE,
    seed: int = 0,
    progress: Progress[Any] = silent,
) -> Answers:
    """The model's answers to `scenes` phantom photographs on skin of ITA `reference`, and to each drawn again.

    Each is the first photograph of another patient. Classes come equally often: those of the phantom's that the model
    knows, or all of them if it knows none. What lies on the skin is taken away first. tones: ITA in degrees of skin
    with 2 % blood, as everywhere in the phantom. Raises CutisError for a tone or artefact that can't be.
    """
    what = changes(tones, artefacts)
    if scenes < 1:
        raise CutisError(f"counterfactual: {scenes} scenes; expected 1 or more.")
    melanin = melanins((reference, *tones))
    known = [c.code for c in model.classes]
    drawn = [code for code in CODES if code in known] or list(CODES)
    plan = Plan(dict.fromkeys(drawn, 1 / len(drawn)), lambda rng: melanin[reference], RECIPES)
    people = groupby(photographs(seed, plan), key=lambda pair: pair[1]["patient_id"])
    pairs = [next(theirs) for _, theirs in islice(people, scenes)]
    size = max(model.size, min(2 * model.size, _LARGE))
    work = partial(_one, model, what, melanin, size, seed)
    made = list(progress(ordered(work, pairs), scenes, "draw the phantom again"))
    notes = [f"Phantom: every scene starts on skin of ITA {reference:g} with nothing lying on it."]
    if missing := [code for code in CODES if code not in known]:
        notes.append(f"Phantom: classes {', '.join(missing)} are unknown to the model.")
    return Answers(
        world="phantom",
        classes=model.classes,
        changes=what,
        ids=[identity["patient_id"] for _, identity in pairs],
        unit=np.arange(scenes),
        unit_name="patient",
        target=[scene.diagnosis for scene, _ in pairs],
        before=np.stack([before for before, _ in made]),
        after=np.stack([after for _, after in made], axis=1),
        notes=tuple(notes),
    )


def melanins(tones: Sequence[float]) -> dict[float, float]:
    """ITA -> epidermal melanin of phantom skin. Raises CutisError, with the range, for an ITA that it can't have."""
    return {float(ita): melanin_for_ita(ita) for ita in tones}


def _one(
    model: Model,
    what: Sequence[Change],
    melanin: dict[float, float],
    size: int,
    seed: int,
    job: tuple[Scene, dict[str, Any]],
) -> tuple[np.ndarray, np.ndarray]:
    scene, identity = job
    bare = scene.without(*KINDS)
    before = bare.render(size)[0]
    pictures = [before]
    for change in what:
        rng = generator(seed, identity["patient_id"], change.kind)
        if change.kind == "tone":
            assert change.value is not None
            pictures.append(bare.replace(melanin=melanin[change.value]).render(size)[0])
        elif change.kind == "noise":
            pictures.append(noisy(before, rng))
        else:
            pictures.append(bare.add(sample_visible(rng, change.kind, bare.skin)).render(size)[0])
    p = model.answer([Picture.whole(image) for image in pictures])
    return p[0], p[1:]
