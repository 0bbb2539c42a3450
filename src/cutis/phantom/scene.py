"""A scene: all that a phantom photograph shows, as plain numbers drawn by chance from what each class may look like.

Classes overlap on purpose, in colour, size and shape: what tells them apart is structure (network, veil, horn cysts,
vessels, nests), and that is often missing or shared.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass, fields, replace
from typing import Any

import numpy as np

from cutis.errors import CutisError, nearest
from cutis.schema.classes import ClassInfo
from cutis.schema.vocabulary import FITZPATRICK

_NEVUS = "Benign:Benign melanocytic proliferations:Nevus"
_MELANOMA = "Malignant:Malignant melanocytic proliferations (Melanoma)"
_KERATOSIS = "Benign:Benign epidermal proliferations:Seborrheic keratosis"
_CARCINOMA = "Malignant:Malignant adnexal epithelial proliferations - Follicular:Basal cell carcinoma"
CLASSES = (
    ClassInfo(code="nv", name="Nevus", diagnosis=_NEVUS, malignant=False),
    ClassInfo(code="mel", name="Melanoma", diagnosis=_MELANOMA, malignant=True),
    ClassInfo(code="bkl", name="Seborrhoeic keratosis", diagnosis=_KERATOSIS, malignant=False),
    ClassInfo(code="bcc", name="Basal cell carcinoma", diagnosis=_CARCINOMA, malignant=True),
)
CODES = tuple(c.code for c in CLASSES)
TONES = FITZPATRICK  # names of a design input here, not a measurement of anyone
# CIE L*a*b* (D65) of each tone's plain skin; ITA = atan2(L* - 50, b*) falls: 60, 48, 35, 20, -12, -49 degrees.
SKIN_LAB = {
    "I": (76.0, 10.0, 15.0),
    "II": (70.0, 11.5, 18.0),
    "III": (64.0, 12.5, 20.0),
    "IV": (57.5, 13.5, 21.0),
    "V": (46.0, 14.0, 19.5),
    "VI": (35.0, 11.5, 13.0),
}
HARMONICS = 8


@dataclass(frozen=True, slots=True, kw_only=True)
class Scene:
    """One photograph of one lesion, as data. Lengths are in image widths, angles in radians, unless said otherwise.

    diagnosis: a code of `CODES`. tone: I..VI. skin_shift: added to the tone's L*, a*, b*.
    seed: of the lesion's and skin's fine structure. photo_seed: of hairs and sensor noise.
    Lesion: radius (0 draws plain skin); bumps, phases: its outline is r(t) = radius * (1 + sum_k bumps[k-1] *
    cos(k t + phases[k-1])); edge: softness, in radii; melanin, blood, keratin: optical densities; mottle, network,
    ridges: depth of their variation, 0..1; network_period, network_disorder; blotch: an off-centre dark area, 0..1;
    veil: blue-white cover, 0..1; globules, nests, milia, vessels: how many.
    Photograph: x, y of the lesion's centre; angle; zoom; hairs, hair_width, hair_colour (sRGB 0..255); gain, warmth,
    slope, slope_angle of the light; vignette 0..1; aperture: radius of the round field in half widths; blur in
    image widths; noise: standard deviation in grey levels.
    """

    diagnosis: str
    tone: str
    skin_shift: tuple[float, float, float]
    seed: int
    photo_seed: int
    radius: float
    bumps: tuple[float, ...]
    phases: tuple[float, ...]
    edge: float
    melanin: float
    blood: float
    keratin: float
    mottle: float
    network: float
    network_period: float
    network_disorder: float
    ridges: float
    blotch: float
    veil: float
    globules: int
    nests: int
    milia: int
    vessels: int
    x: float
    y: float
    angle: float
    zoom: float
    hairs: int
    hair_width: float
    hair_colour: tuple[int, int, int]
    gain: float
    warmth: float
    slope: float
    slope_angle: float
    vignette: float
    aperture: float
    blur: float
    noise: float

    def __post_init__(self) -> None:
        check_codes([self.diagnosis], CODES, "diagnosis")
        check_codes([self.tone], TONES, "tone")

    def replace(self, **changes: Any) -> Scene:
        """A copy with some fields changed. Raises CutisError for a field, diagnosis or tone that doesn't exist."""
        check_codes(list(changes), [f.name for f in fields(self)], "field")
        return replace(self, **changes)

    def to_dict(self) -> dict[str, Any]:
        """Plain data for JSON; `Scene.from_dict` gives the same scene back."""
        return asdict(self)

    @classmethod
    def from_dict(cls, content: dict[str, Any]) -> Scene:
        """The scene that `to_dict` described. Raises CutisError for an unknown or missing field."""
        names = [f.name for f in fields(cls)]
        check_codes(list(content), names, "field")
        missing = [n for n in names if n not in content]
        if missing:
            raise CutisError(f"scene: field {missing[0]} is missing. Write scenes with Scene.to_dict.")
        plain: dict[str, Any] = {k: tuple(v) if isinstance(v, list) else v for k, v in content.items()}
        return cls(**plain)


def check_codes(values: list[str], valid: list[str] | tuple[str, ...], what: str) -> None:
    """Raise CutisError for the first of `values` that isn't valid."""
    for value in values:
        if value not in valid:
            raise CutisError(f'phantom: {what} "{value}": {nearest(value, valid)}')


# What a lesion of each class may look like: (low, high) uniform, or (chance, low, high): 0 except by that chance.
_LOOKS: dict[str, dict[str, tuple[float, ...]]] = {
    "nv": {
        "radius": (0.13, 0.30), "irregular": (0.02, 0.09), "edge": (0.15, 0.45), "melanin": (0.45, 1.3),
        "blood": (0.05, 0.35), "keratin": (0.2, 0.0, 0.3), "mottle": (0.10, 0.35), "network": (0.85, 0.25, 0.7),
        "network_disorder": (0.1, 0.7), "ridges": (0.06, 0.1, 0.4), "blotch": (0.2, 0.2, 0.6),
        "veil": (0.07, 0.2, 0.6), "globules": (0.5, 4, 26), "nests": (0.03, 1, 3), "milia": (0.06, 2, 7),
        "vessels": (0.05, 1, 2),
    },
    "mel": {
        "radius": (0.18, 0.36), "irregular": (0.06, 0.22), "edge": (0.10, 0.40), "melanin": (0.7, 2.0),
        "blood": (0.05, 0.5), "keratin": (0.15, 0.0, 0.3), "mottle": (0.25, 0.65), "network": (0.75, 0.25, 0.8),
        "network_disorder": (0.5, 1.4), "ridges": (0.08, 0.1, 0.4), "blotch": (0.75, 0.35, 1.0),
        "veil": (0.65, 0.3, 0.85), "globules": (0.55, 4, 24), "nests": (0.08, 1, 4), "milia": (0.08, 2, 8),
        "vessels": (0.12, 1, 2),
    },
    "bkl": {
        "radius": (0.16, 0.34), "irregular": (0.03, 0.14), "edge": (0.05, 0.25), "melanin": (0.4, 1.5),
        "blood": (0.05, 0.35), "keratin": (0.8, 0.2, 0.9), "mottle": (0.15, 0.5), "network": (0.2, 0.1, 0.35),
        "network_disorder": (0.3, 1.2), "ridges": (0.65, 0.3, 0.9), "blotch": (0.25, 0.2, 0.7),
        "veil": (0.10, 0.2, 0.5), "globules": (0.2, 3, 14), "nests": (0.04, 1, 3), "milia": (0.8, 6, 24),
        "vessels": (0.06, 1, 2),
    },
    "bcc": {
        "radius": (0.14, 0.33), "irregular": (0.03, 0.15), "edge": (0.15, 0.50), "melanin": (0.08, 0.7),
        "blood": (0.25, 0.75), "keratin": (0.2, 0.0, 0.3), "mottle": (0.15, 0.5), "network": (0.08, 0.1, 0.3),
        "network_disorder": (0.3, 1.2), "ridges": (0.05, 0.1, 0.4), "blotch": (0.2, 0.2, 0.6),
        "veil": (0.25, 0.15, 0.5), "globules": (0.15, 3, 12), "nests": (0.6, 2, 8), "milia": (0.10, 2, 7),
        "vessels": (0.85, 2, 4),
    },
}  # fmt: skip
_COUNTS = ("globules", "nests", "milia", "vessels")


def _draw(rng: np.random.Generator, span: tuple[float, ...]) -> float:
    chance, (low, high) = (1.0, span) if len(span) == 2 else (span[0], span[1:])
    value = float(rng.uniform(low, high))  # drawn in any case, so that one class's stream is as long as another's
    return value if rng.random() < chance else 0.0


def sample(rng: np.random.Generator, diagnosis: str | None = None, tone: str | None = None) -> Scene:
    """Draw a scene; `diagnosis` (a code of `CODES`) and `tone` (I..VI) are drawn evenly where not given.

    Raises CutisError, naming the nearest valid value, for an unknown diagnosis or tone.
    """
    drawn_diagnosis, drawn_tone = CODES[rng.integers(len(CODES))], TONES[rng.integers(len(TONES))]
    diagnosis, tone = diagnosis or drawn_diagnosis, tone or drawn_tone
    check_codes([diagnosis], CODES, "diagnosis")
    looks: dict[str, Any] = {name: _draw(rng, span) for name, span in _LOOKS[diagnosis].items()}
    irregular = looks.pop("irregular")
    falling = 1 / np.arange(1, HARMONICS + 1) ** 0.8
    bumps = irregular * falling * np.abs(rng.standard_normal(HARMONICS))
    bumps[1] += rng.uniform(0, 0.18)  # k = 2: longer than wide
    looks |= {name: round(looks[name]) for name in _COUNTS}
    return Scene(
        diagnosis=diagnosis,
        tone=tone,
        skin_shift=skin_shift(rng),
        seed=int(rng.integers(2**32)),
        bumps=tuple(float(b) for b in bumps * min(1.0, 0.6 / bumps.sum())),
        phases=tuple(float(p) for p in rng.uniform(0, 2 * np.pi, HARMONICS)),
        network_period=float(rng.uniform(0.038, 0.055)),
        **looks,
        **_photograph(rng, tone),
    )


def skin_shift(rng: np.random.Generator) -> tuple[float, float, float]:
    """How one person's skin differs from the tone's L*, a*, b*; tones stay in order of lightness."""
    low, high = (-2.0, -2.0, -2.0), (2.0, 3.0, 2.0)
    d_l, d_a, d_b = (float(v) for v in rng.uniform(low, high))
    return d_l, d_a, d_b


def rephotograph(scene: Scene, rng: np.random.Generator) -> Scene:
    """The same lesion photographed again: another pose, light, hair and noise."""
    return scene.replace(**_photograph(rng, scene.tone))


def _photograph(rng: np.random.Generator, tone: str) -> dict[str, Any]:
    hairs = int(rng.integers(2, 22)) if rng.random() < 0.4 else 0
    fair = tone in ("I", "II", "III") and rng.random() < 0.35
    low, high = ((115, 85, 55), (175, 145, 105)) if fair else ((14, 9, 7), (58, 40, 30))
    red, green, blue = (int(v) for v in np.array(low) + rng.random() * np.subtract(high, low))
    dark_rim, round_field = rng.random(2) < (0.5, 0.15)
    return {
        "photo_seed": int(rng.integers(2**32)),
        "x": float(np.clip(rng.normal(0.5, 0.04), 0.4, 0.6)),
        "y": float(np.clip(rng.normal(0.5, 0.04), 0.4, 0.6)),
        "angle": float(rng.uniform(0, 2 * np.pi)),
        "zoom": float(rng.uniform(0.88, 1.14)),
        "hairs": hairs,
        "hair_width": float(rng.uniform(0.005, 0.010)),
        "hair_colour": (red, green, blue),
        "gain": float(rng.uniform(0.88, 1.12)),
        "warmth": float(rng.uniform(-0.08, 0.08)),
        "slope": float(rng.uniform(0, 0.14)),
        "slope_angle": float(rng.uniform(0, 2 * np.pi)),
        "vignette": float(rng.uniform(0.1, 0.5)) * bool(dark_rim),
        "aperture": float(rng.uniform(1.05, 1.3)) if round_field else 2.0,
        "blur": float(rng.uniform(0, 0.004)),
        "noise": float(rng.uniform(0.6, 2.2)),
    }
