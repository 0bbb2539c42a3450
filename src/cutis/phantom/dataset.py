"""A Dataset folder of phantom photographs: patients with several lesions, lesions with one or more photographs."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
from numpy.typing import NDArray

from cutis.data.dataset import Dataset, DatasetCard
from cutis.data.threads import ordered
from cutis.errors import CutisError
from cutis.files import atomic_folder, refuse_existing
from cutis.phantom.bias import Bias, plant, planted_melanin, read_bias
from cutis.phantom.captions import caption, questions
from cutis.phantom.classes import CLASSES, CODES
from cutis.phantom.lesion.recipes import RECIPES, Recipes
from cutis.phantom.patients import SITES, overview, rephotograph, sample, sample_person, sample_site, visits
from cutis.phantom.render import render
from cutis.phantom.scene import Scene, check_codes
from cutis.phantom.tones import Tones, skin_type, tones
from cutis.phantom.truth import Truth
from cutis.phantom.vocabulary import ARTEFACTS
from cutis.progress import Progress, silent
from cutis.schema.vocabulary import DIAGNOSIS_COLUMNS, SITE_COLUMNS, diagnosis_levels, site_levels

# Shares of lesions. "life" is what a pigmented-lesion clinic sees, roughly: half of them naevi.
BALANCES: dict[str, dict[str, float]] = {
    "life": {"nv": 0.50, "mel": 0.15, "bkl": 0.14, "bcc": 0.09, "akiec": 0.06, "vasc": 0.03, "df": 0.03},
    "ham10000": {"nv": 6705, "mel": 1113, "bkl": 1099, "bcc": 514, "akiec": 327, "vasc": 142, "df": 115},  # images
    "equal": dict.fromkeys(CODES, 1.0),
}
_MADE = "Drawn by cutis.phantom; shows nobody."
_AGAIN = 0.3  # share of lesions photographed twice at the visit


@dataclass(frozen=True, slots=True)
class Plan:
    """What to draw. balance: shares of lesions by class code. visits: photographs of each lesion a half year apart, 1
    for none after the first. overview: also a clinical photograph from afar of each lesion. ducklings: share of
    patients of whom one naevus lacks their style.
    """

    shares: Mapping[str, float]
    tone: Tones
    recipes: Recipes
    bias: tuple[Bias, ...] = ()
    visits: int = 1
    overview: bool = False
    ducklings: float = 0.1


@dataclass(frozen=True, slots=True)
class _Made:
    row: dict[str, Any]
    jpeg: bytes
    truth: Truth
    questions: list[tuple[str, str]]


def make_dataset(
    dest: Path | str,
    n: int,
    *,
    size: int = 128,
    seed: int = 0,
    classes: Sequence[str] | None = None,
    balance: str | Mapping[str, float] = "life",
    tone: str = "uniform",
    bias: Sequence[str | Bias] = (),
    visits: int = 1,
    overview: bool = False,
    truth: bool = False,
    recipes: Recipes = RECIPES,
    progress: Progress[_Made] = silent,
) -> Dataset:
    """Make a Dataset folder of `n` square phantom photographs of `size` pixels, with masks; same seed, same bytes.

    A patient has 1-4 lesions (one tone, age, sex and naevus style), a lesion 1-2 photographs or `visits` of them.
    Photograph i depends on all arguments but `n`. Column `phantom_scene` holds each `Scene` as JSON: `render` makes it
    again. `questions.jsonl` holds questions and answers for each image.

    classes: codes to draw, all of `CODES` if None. balance: shares of lesions, "life" (half naevi), "ham10000",
    "equal", or a mapping code -> weight. tone: see `tones.tones`. bias: see `bias.read_bias`. truth: also write every
    structure's and artefact's mask, masks/<kind>/<image_id>.png. Raises CutisError if `dest` exists, or for a class,
    balance, bias, tone or number that can't be; nothing is left behind then, nor after an interruption.
    """
    dest = Path(dest)
    refuse_existing(dest)
    for name, value, least in (("n", n, 1), ("seed", seed, 0), ("visits", visits, 1)):
        if value < least:
            raise CutisError(f"phantom: {name} is {value}; expected {least} or more.")
    chosen = list(CODES) if classes is None else list(dict.fromkeys(classes))
    biases = tuple(b if isinstance(b, Bias) else read_bias(b) for b in bias)
    plan = Plan(_shares(chosen, balance), tones(tone), recipes, biases, visits, overview)
    rows: list[dict[str, Any]] = []
    with atomic_folder(dest) as folder:
        (folder / "images").mkdir()
        (folder / "masks").mkdir()
        jobs = zip(range(n), photographs(seed, plan), strict=False)
        with (folder / "questions.jsonl").open("w", encoding="utf-8") as asked:
            for made in progress(ordered(partial(_photograph, size=size), jobs), n, "draw"):
                (folder / made.row["file"]).write_bytes(made.jpeg)
                (folder / made.row["mask"]).write_bytes(_png(made.truth.mask))
                for kind, mask in made.truth.masks.items() if truth else ():
                    (folder / "masks" / kind).mkdir(exist_ok=True)
                    (folder / "masks" / kind / f"{made.row['image_id']}.png").write_bytes(_png(mask))
                for question, answer in made.questions:
                    line = {"image_id": made.row["image_id"], "question": question, "answer": answer}
                    asked.write(json.dumps(line) + "\n")
                rows.append(made.row)
        card = DatasetCard(
            name="phantom",
            title="Synthetic dermoscopy of skin that nobody has",
            source=f"cutis.phantom, seed {seed}",
            licence="CC0-1.0",
            modality="dermoscopy",
            classes=tuple(c for c in CLASSES if c.code in chosen),
            notes=(
                "Synthetic images: good for trying Cutis and testing methods, no evidence about patients.",
                f"Skin types are a design input ({tone}), drawn apart from the diagnosis unless a bias says otherwise.",
                *(b.words() for b in biases),
            ),
        )
        made_dataset = Dataset(folder, card, pl.DataFrame(rows, infer_schema_length=None)).save_into(folder)
    return Dataset(dest, made_dataset.card, made_dataset.manifest)


def _shares(chosen: list[str], balance: str | Mapping[str, float]) -> dict[str, float]:
    check_codes(chosen, CODES, "class")
    if isinstance(balance, str):
        check_codes([balance], list(BALANCES), "balance")
        balance = BALANCES[balance]
    check_codes(list(balance), CODES, "class in balance")
    weights = np.array([balance.get(c, 0.0) for c in chosen], float)
    if not chosen or not np.isfinite(weights).all() or (weights < 0).any() or weights.sum() == 0:
        raise CutisError(f"phantom: balance {dict(balance)} gives {chosen} no share; expected weights above 0.")
    return dict(zip(chosen, (weights / weights.sum()).tolist(), strict=True))


def photographs(seed: int, plan: Plan) -> Iterator[tuple[Scene, dict[str, Any]]]:
    """Endless photographs with their identity, patient by patient; each patient has a generator of its own, so that
    none depends on how many follow."""
    codes, shares = list(plan.shares), np.array(list(plan.shares.values()))
    patient = 0
    while True:
        rng = np.random.default_rng(np.random.SeedSequence(seed, spawn_key=(patient,)))
        diagnoses = [codes[k] for k in rng.choice(len(codes), size=rng.integers(1, 5), p=shares)]
        melanin = plan.tone(rng)
        for bias in plan.bias:
            share = bias.share(diagnoses[0])
            if bias.thing == "dark_skin" and share is not None:
                melanin = planted_melanin(bias, share, rng)
        person = sample_person(rng, melanin, diagnoses[0])
        odd = int(rng.integers(len(diagnoses))) if rng.random() < plan.ducklings else -1
        identity: dict[str, Any] = {
            "patient_id": f"phantom_p{patient:05d}",
            "age_approx": person.age,
            "sex": person.sex,
            "fitzpatrick_skin_type": skin_type(melanin),
        }
        for k, diagnosis in enumerate(diagnoses):
            site = sample_site(rng)
            first = sample(
                rng, diagnosis, person=person, site=site, duckling=k == odd or diagnosis != "nv", recipes=plan.recipes
            )
            lesion = {
                **identity,
                "lesion_id": f"phantom_p{patient:05d}_l{k}",
                "ugly_duckling": k == odd and diagnosis == "nv" and diagnoses.count("nv") > 1,
                **dict(zip(SITE_COLUMNS, site_levels(site), strict=True)),
            }
            keys = (diagnosis, str(identity["fitzpatrick_skin_type"]), SITES[site][1])
            for scene, months in _of_lesion(rng, first, plan):
                for bias in plan.bias:
                    share = bias.share(*keys)
                    if share is not None and bias.thing != "dark_skin":
                        scene = plant(scene, bias, share, rng)
                yield scene, {**lesion, "months": months}
        patient += 1


def _of_lesion(rng: np.random.Generator, first: Scene, plan: Plan) -> Iterator[tuple[Scene, int]]:
    """The photographs of one lesion, and the months after the first visit that each was taken."""
    yield first, 0
    again = rng.random() < _AGAIN
    if plan.visits > 1:
        growth = float(rng.uniform(0.15, 0.6)) if first.diagnosis == "mel" else float(rng.uniform(0, 0.05))
        months = [6 * v for v in range(1, plan.visits)]
        yield from zip(visits(first, rng, months, growth), months, strict=True)
    elif again:
        yield rephotograph(first, rng), 0
    if plan.overview:
        yield overview(first, rng), 0


def _photograph(job: tuple[int, tuple[Scene, dict[str, Any]]], size: int) -> _Made:
    import simplejpeg

    i, (scene, identity) = job
    image, truth = render(scene, size)
    jpeg = simplejpeg.encode_jpeg(image, quality=scene.camera.jpeg, colorspace="RGB", colorsubsampling="420")
    name = f"phantom_{i:06d}"
    path = next(c.diagnosis for c in CLASSES if c.code == scene.diagnosis)
    row = {
        "image_id": name,
        **identity,
        "source": "phantom",
        "file": f"images/{name}.jpg",
        "mask": f"masks/{name}.png",
        "status": "ok",
        "target": scene.diagnosis,
        **dict(zip(DIAGNOSIS_COLUMNS, diagnosis_levels(path or scene.diagnosis), strict=True)),
        "image_type": "dermoscopic" if scene.camera.modality == "dermoscopic" else "clinical: close-up",
        "image_manipulation": "synthetic",
        "copyright_license": "CC0-1.0",
        "attribution": _MADE,
        "width": size,
        "height": size,
        "sha256": hashlib.sha256(jpeg).hexdigest(),
        "concepts": [{"concept": kind, "value": value} for kind, value in sorted(truth.concepts.items())],
        "caption": caption(scene, truth),
        **{f"shows_{kind}": kind in truth.masks for kind in (*ARTEFACTS, "dark_corner", "bubbles")},
        "phantom_ita": truth.ita,
        **{f"phantom_{name}": value for name, value in truth.scores.items()},
        "phantom_scene": json.dumps(scene.to_dict(), separators=(",", ":")),
    }
    return _Made(row, jpeg, truth, questions(scene, truth))


def _png(mask: NDArray[np.bool_]) -> bytes:
    import cv2

    return cv2.imencode(".png", mask.astype(np.uint8) * 255)[1].tobytes()
