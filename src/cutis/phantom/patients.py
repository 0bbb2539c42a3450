"""People, and what is photographed of them: lesions that share a style, visits over months, regions, overviews.

A naevus of a patient resembles the patient's others (the "signature" naevus); one that doesn't is an ugly duckling
(Grob & Bonerandi, Arch Dermatol 134, 1998). Here both are known.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np

from cutis.phantom.artefacts import sample_artefacts
from cutis.phantom.classes import CODES, GENERIC
from cutis.phantom.lesion.recipes import RECIPES, Recipes, Style, sample_lesion, sample_style
from cutis.phantom.parts import Camera, Lesion
from cutis.phantom.photograph import sample_camera
from cutis.phantom.scene import Scene, check_codes
from cutis.phantom.skin.sampling import sample_skin
from cutis.schema.vocabulary import SEXES

# Site of the ISIC vocabulary -> (share of lesions, key of `bias.SITES`, kind of skin).
SITES: Mapping[str, tuple[float, str, str]] = {
    "back": (0.27, "trunk", "body"),
    "lower extremity": (0.21, "extremities", "body"),
    "abdomen": (0.12, "trunk", "body"),
    "upper extremity": (0.14, "extremities", "body"),
    "chest": (0.10, "trunk", "body"),
    "face": (0.09, "head", "face"),
    "scalp": (0.03, "head", "scalp"),
    "palms/soles": (0.04, "acral", "acral"),
}
_SHARES = np.array([share for share, _, _ in SITES.values()])
_AGES = {"nv": 42, "mel": 60, "bkl": 63, "bcc": 67, "akiec": 68, "df": 48, "vasc": 45}  # mean, HAM10000's roughly


@dataclass(frozen=True, slots=True)
class Person:
    """One patient: melanin of the epidermis, the style of the naevi, age in years, sex."""

    melanin: float
    style: Style
    age: int
    sex: str


def sample_person(rng: np.random.Generator, melanin: float, diagnosis: str) -> Person:
    """A patient who came for a lesion of this class."""
    age = int(np.clip(5 * round(rng.normal(_AGES.get(diagnosis, 55), 14) / 5), 15, 85))
    return Person(melanin, sample_style(rng), age, SEXES[rng.integers(2)])


def sample_site(rng: np.random.Generator) -> str:
    """A key of `SITES`, as often as lesions are there."""
    return list(SITES)[rng.choice(len(SITES), p=_SHARES / _SHARES.sum())]


def sample(
    rng: np.random.Generator,
    diagnosis: str | None = None,
    melanin: float | None = None,
    *,
    person: Person | None = None,
    site: str | None = None,
    duckling: bool = False,
    recipes: Recipes = RECIPES,
) -> Scene:
    """Draw a scene of one lesion; diagnosis (a code of `CODES` or "generic"), melanin and site where not given.

    person: whose lesion it is: the skin's tone and, unless `duckling`, the style of the naevi. site: a key of `SITES`.
    Raises CutisError, naming the nearest valid value, for an unknown diagnosis or site, or impossible melanin.
    """
    drawn = CODES[rng.integers(len(CODES))]
    diagnosis = diagnosis or drawn
    check_codes([diagnosis], (*CODES, GENERIC), "diagnosis")
    place = sample_site(rng)
    site = site or place
    check_codes([site], SITES, "site")
    skin = sample_skin(rng, person.melanin if person and melanin is None else melanin)
    skin = replace(skin, site=SITES[site][2])
    style = person.style if person and not duckling else None
    lesion = sample_lesion(rng, diagnosis, recipes, style=style)
    return Scene(skin=skin, lesions=(lesion,), camera=sample_camera(rng, lesion), artefacts=sample_artefacts(rng, skin))


def rephotograph(scene: Scene, rng: np.random.Generator) -> Scene:
    """The same lesion again: another pose, light, hair and noise."""
    return replace(scene, camera=sample_camera(rng, scene.lesion), artefacts=sample_artefacts(rng, scene.skin))


def overview(scene: Scene, rng: np.random.Generator, field: float = 70.0) -> Scene:
    """A clinical photograph of the same lesion from afar, `field` mm across."""
    camera = sample_camera(rng, scene.lesion)
    shifts = rng.uniform(-0.15, 0.15, 2) * field
    return replace(
        scene,
        camera=replace(
            camera,
            modality="clinical",
            polarised=False,
            field=field,
            look_x=float(shifts[0]),
            look_y=float(shifts[1]),
            aperture=2.0,
            bubbles=0,
            glare=float(rng.uniform(0, 0.3)),
        ),
        artefacts=tuple(a for a in scene.artefacts if a.kind == "hair"),
    )


def visits(scene: Scene, rng: np.random.Generator, months: Sequence[float], growth: float = 0.0) -> list[Scene]:
    """The lesion at later visits, `months` after this one: it grows by `growth` (share of its radius a year) and
    darkens a little; pose, light, hair and the skin's blood and tan differ each time.
    """
    made = []
    for month in months:
        larger, darker = 1 + growth * month / 12, 1 + 0.2 * max(growth, 0.0) * month / 12
        tan = float(rng.normal(0, 0.04))
        grown = [
            replace(one, radius=one.radius * larger, pigment=min(0.6, one.pigment * darker))
            for one in scene.lesions[:1]
        ]
        skin = replace(
            scene.skin,
            melanin=float(np.clip(scene.skin.melanin * (1 + tan), 0, 0.6)),
            blood=float(np.clip(scene.skin.blood * rng.uniform(0.8, 1.25), 0, 0.3)),
        )
        again = replace(scene, lesions=(*grown, *scene.lesions[1:]), skin=skin)
        made.append(rephotograph(again, rng))
    return made


def region(
    rng: np.random.Generator,
    person: Person,
    count: int,
    *,
    field: float = 140.0,
    ducklings: int = 0,
    recipes: Recipes = RECIPES,
) -> tuple[Scene, list[bool]]:
    """A tile of total-body photography, `field` mm across, with up to `count` naevi that keep apart; and which are
    ducklings.

    Ducklings are melanomas or naevi without the patient's style, in equal parts.
    """
    skin = sample_skin(rng, person.melanin)
    lesions: list[Lesion] = []
    odd: list[bool] = []
    for i in range(count):
        duckling = i < ducklings
        diagnosis = "mel" if duckling and rng.random() < 0.5 else "nv"
        lesion = sample_lesion(rng, diagnosis, recipes, style=None if duckling else person.style)
        for _ in range(30):  # tries for a free place
            left, top = (float(v) for v in rng.uniform(-0.45, 0.45, 2) * field)
            free = all(np.hypot(left - o.left, top - o.top) > 1.6 * (lesion.radius + o.radius) for o in lesions)
            if free:
                lesions.append(replace(lesion, left=left, top=top))
                odd.append(duckling)
                break
    camera = Camera(
        modality="clinical",
        polarised=bool(rng.random() < 0.5),
        field=field,
        gain=float(rng.uniform(0.9, 1.1)),
        slope=float(rng.uniform(0, 0.2)),
        slope_angle=float(rng.uniform(0, 2 * np.pi)),
        noise=float(rng.uniform(0.6, 2.0)),
        photo_seed=int(rng.integers(2**32)),
    )
    return Scene(skin=skin, lesions=tuple(lesions), camera=camera), odd


def plain(rng: np.random.Generator, melanin: float | None = None) -> Scene:
    """Skin without a lesion."""
    skin = sample_skin(rng, melanin)
    return Scene(skin=skin, lesions=(), camera=sample_camera(rng, None), artefacts=sample_artefacts(rng, skin))
