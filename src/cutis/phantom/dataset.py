"""A Dataset folder of phantom photographs: patients with several lesions, lesions with one or two photographs."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
from numpy.typing import NDArray

from cutis.data.dataset import Dataset, DatasetCard
from cutis.errors import CutisError
from cutis.files import atomic_folder, refuse_existing
from cutis.phantom.render import render
from cutis.phantom.scene import CLASSES, CODES, TONES, Scene, check_codes, rephotograph, sample, skin_shift
from cutis.schema.vocabulary import DIAGNOSIS_COLUMNS, SEXES, SITE_COLUMNS, diagnosis_levels, site_levels

QUALITY = 92  # of the JPEGs
# Shares of lesions. "life" is what a pigmented-lesion clinic sees, roughly: mostly naevi.
BALANCES: dict[str, dict[str, float]] = {
    "life": {"nv": 0.55, "mel": 0.16, "bkl": 0.17, "bcc": 0.12},
    "equal": dict.fromkeys(CODES, 1.0),
}
_TONE_SHARES = (0.20, 0.24, 0.20, 0.15, 0.12, 0.09)
_AGES = {"nv": 42, "mel": 60, "bkl": 63, "bcc": 67}  # mean of the patient whose first lesion it is
_SITES = ("back", "lower extremity", "abdomen", "upper extremity", "chest", "face", "neck")
_SITE_SHARES = (0.28, 0.22, 0.12, 0.14, 0.08, 0.11, 0.05)
_MADE = "Drawn by cutis.phantom; shows nobody."


def make_dataset(
    dest: Path | str,
    n: int,
    *,
    size: int = 128,
    seed: int = 0,
    classes: Sequence[str] | None = None,
    balance: str | Mapping[str, float] = "life",
    progress: Callable[[int], object] | None = None,
) -> Dataset:
    """Make a Dataset folder of `n` square phantom photographs of `size` pixels, with masks; same seed, same bytes.

    A patient has 1-4 lesions (one tone, age and sex), a lesion 1-2 photographs. Photograph i depends on `seed`, `size`,
    `classes` and `balance`, not on `n`. Column `phantom_scene` holds each `Scene` as JSON: `render` makes it again.

    classes: codes to draw, all of `scene.CODES` if None. balance: shares of lesions, "life" (mostly naevi), "equal", or
    a mapping code -> weight. progress: called with 1 after each photograph. Raises CutisError if `dest` exists, or for
    a class, balance or number that can't be; nothing is left behind then, nor after an interruption.
    """
    import simplejpeg

    dest = Path(dest)
    refuse_existing(dest)
    if n < 1:
        raise CutisError(f"phantom: n is {n}; expected at least 1 image.")
    if seed < 0:
        raise CutisError(f"phantom: seed is {seed}; expected 0 or more.")
    chosen = list(CODES) if classes is None else list(dict.fromkeys(classes))
    shares = _shares(chosen, balance)
    rows: list[dict[str, Any]] = []
    with atomic_folder(dest) as folder:
        (folder / "images").mkdir()
        (folder / "masks").mkdir()
        for i, (scene, identity) in zip(range(n), _photographs(seed, chosen, shares), strict=False):
            image, truth = render(scene, size)
            name = f"phantom_{i:06d}"
            jpeg = simplejpeg.encode_jpeg(image, quality=QUALITY, colorspace="RGB", colorsubsampling="444")
            (folder / "images" / f"{name}.jpg").write_bytes(jpeg)
            (folder / "masks" / f"{name}.png").write_bytes(_png(truth.mask))
            rows.append({"image_id": name, **identity, **_row(scene, name, size, jpeg)})
            if progress is not None:
                progress(1)
        card = DatasetCard(
            name="phantom",
            title="Synthetic dermoscopy of skin that nobody has",
            source=f"cutis.phantom, seed {seed}",
            licence="CC0-1.0",
            modality="dermoscopy",
            classes=tuple(c for c in CLASSES if c.code in chosen),
            notes=(
                "Synthetic images: good for trying Cutis and testing methods, no evidence about patients.",
                "Skin types are a design input, drawn apart from the diagnosis.",
            ),
        )
        made = Dataset(folder, card, pl.DataFrame(rows, infer_schema_length=None)).save_into(folder)
    return Dataset(dest, made.card, made.manifest)


def _shares(chosen: list[str], balance: str | Mapping[str, float]) -> NDArray[np.float64]:
    check_codes(chosen, CODES, "class")
    if isinstance(balance, str):
        check_codes([balance], list(BALANCES), "balance")
        balance = BALANCES[balance]
    check_codes(list(balance), CODES, "class in balance")
    weights: NDArray[np.float64] = np.array([balance.get(c, 0.0) for c in chosen], float)
    if not chosen or not np.isfinite(weights).all() or (weights < 0).any() or weights.sum() == 0:
        raise CutisError(f"phantom: balance {dict(balance)} gives {chosen} no share; expected weights above 0.")
    return weights / float(weights.sum())


def _photographs(
    seed: int, codes: list[str], shares: NDArray[np.float64]
) -> Iterator[tuple[Scene, dict[str, str | int | None]]]:
    """Endless photographs, patient by patient; each has a generator of its own, so none depends on how many follow."""
    patient = 0
    while True:
        rng = np.random.default_rng(np.random.SeedSequence(seed, spawn_key=(patient,)))
        tone = TONES[rng.choice(len(TONES), p=_TONE_SHARES)]
        shift = skin_shift(rng)
        diagnoses = [codes[k] for k in rng.choice(len(codes), size=rng.integers(1, 5), p=shares)]
        person: dict[str, str | int | None] = {
            "patient_id": f"phantom_p{patient:05d}",
            "age_approx": int(np.clip(5 * round(rng.normal(_AGES[diagnoses[0]], 14) / 5), 15, 85)),
            "sex": SEXES[rng.integers(2)],
        }
        for k, diagnosis in enumerate(diagnoses):
            scene = sample(rng, diagnosis, tone).replace(skin_shift=shift)
            site = site_levels(_SITES[rng.choice(len(_SITES), p=_SITE_SHARES)])
            lesion = {
                **person,
                "lesion_id": f"phantom_p{patient:05d}_l{k}",
                **dict(zip(SITE_COLUMNS, site, strict=True)),
            }
            yield scene, lesion
            if rng.random() < 0.3:
                yield rephotograph(scene, rng), lesion
        patient += 1


def _row(scene: Scene, name: str, size: int, jpeg: bytes) -> dict[str, Any]:
    path = next(c.diagnosis for c in CLASSES if c.code == scene.diagnosis)
    return {
        "source": "phantom",
        "file": f"images/{name}.jpg",
        "mask": f"masks/{name}.png",
        "status": "ok",
        "target": scene.diagnosis,
        **dict(zip(DIAGNOSIS_COLUMNS, diagnosis_levels(path), strict=True)),
        "fitzpatrick_skin_type": scene.tone,
        "image_type": "dermoscopic",
        "image_manipulation": "synthetic",
        "copyright_license": "CC0-1.0",
        "attribution": _MADE,
        "width": size,
        "height": size,
        "sha256": hashlib.sha256(jpeg).hexdigest(),
        "phantom_scene": json.dumps(scene.to_dict(), separators=(",", ":")),
    }


def _png(mask: NDArray[np.bool_]) -> bytes:
    import cv2

    return cv2.imencode(".png", mask.astype(np.uint8) * 255)[1].tobytes()
