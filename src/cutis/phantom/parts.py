"""What a scene is made of, as plain data: skin, lesions with their structures, camera, artefacts.

Lengths on the skin are in millimetres, angles in radians, shares and strengths in 0..1. A field's name is used once
among skin, lesion and camera, so `Scene.replace(melanin=0.35)` needs no path.
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class Skin:
    """Plain skin around the lesions.

    melanin: volume fraction of melanosomes in the epidermis, 0..0.6 (see `optics.table.TONES`). blood: volume fraction
    in the dermis, 0..0.3. oxygenation: of that blood. site: of `SITES`. texture: depth of furrows or ridges. freckles,
    sun_damage, pores, telangiectasia: how much of each. skin_seed: of all fine structure.
    """

    melanin: float
    blood: float = 0.02
    oxygenation: float = 0.7
    site: str = "body"
    texture: float = 0.5
    freckles: float = 0.0
    sun_damage: float = 0.0
    pores: float = 0.3
    telangiectasia: float = 0.0
    skin_seed: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Structure:
    """One dermoscopic structure of a lesion, of known strength and place.

    kind: of `STRUCTURES`. irregularity: 0 typical (even, regular), 1 atypical; from 0.5 on it counts as atypical in the
    checklists. x, y: centre, in lesion radii from the lesion's centre; extent: reach from there, in radii. size: of one
    element (network period, globule or cyst diameter, vessel width) in mm. count: of elements, where it has any.
    """

    kind: str
    strength: float
    irregularity: float = 0.0
    x: float = 0.0
    y: float = 0.0
    extent: float = 1.0
    size: float = 0.2
    count: int = 0
    seed: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Lesion:
    """One lesion: outline, pigment and structures.

    left, top: where its centre lies on the skin, in mm from the skin's origin. radius: mm. bumps, phases: the outline
    is r(t) = radius * (1 + sum_k bumps[k-1] * cos(k t + phases[k-1])). edges: softness of the border in mm in each of
    eight equal sectors, from angle 0 on (the eight of the ABCD rule). pigment: melanin fraction added at full cover;
    redness: blood fraction added; depth: dermal melanin 0..1 under all of it. mottle: how uneven the pigment is;
    lopsided: how much darker it is towards lopsided_angle. lesion_seed: of its fine structure.
    """

    diagnosis: str
    radius: float
    left: float = 0.0
    top: float = 0.0
    bumps: tuple[float, ...] = ()
    phases: tuple[float, ...] = ()
    edges: tuple[float, ...] = (0.4,) * 8
    pigment: float = 0.1
    redness: float = 0.0
    depth: float = 0.0
    mottle: float = 0.2
    lopsided: float = 0.0
    lopsided_angle: float = 0.0
    structures: tuple[Structure, ...] = ()
    lesion_seed: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Camera:
    """How it is photographed.

    modality: "dermoscopic" (contact, close) or "clinical" (from afar, relief shaded, glare). polarised: crossed
    filters, no surface shine, white lines seen. field: width of the picture on the skin, mm. look_x, look_y: the point
    of the skin in the middle, mm. angle: of the camera. illuminant: a name `optics.table.skin_table` knows. gain:
    exposure. warmth: a colour cast left over, -1..1. tint: another, towards magenta. slope, slope_angle: uneven light.
    vignette: 0..1. aperture: radius of a round field in half widths; 2 is none. glare: 0..1. bubbles: how many
    in the gel. blur: defocus, mm on the skin. noise: standard deviation in grey levels. jpeg: quality of the saved
    file, 1..100. photo_seed: of glare, bubbles and noise.
    """

    modality: str = "dermoscopic"
    polarised: bool = True
    field: float = 16.0
    look_x: float = 0.0
    look_y: float = 0.0
    angle: float = 0.0
    illuminant: str = "D65"
    gain: float = 1.0
    warmth: float = 0.0
    tint: float = 0.0
    slope: float = 0.0
    slope_angle: float = 0.0
    vignette: float = 0.0
    aperture: float = 2.0
    glare: float = 0.0
    bubbles: int = 0
    blur: float = 0.0
    noise: float = 1.0
    jpeg: int = 92
    photo_seed: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Artefact:
    """Something on the skin that isn't skin.

    kind: of `ARTEFACTS`. strength: how dark or opaque. x, y: place in image widths from the picture's centre, where it
    has one. angle: its direction. size: width of a hair or of a pen's stroke, of a sticker..., mm. count: of hairs,
    strokes... curl: bend of hairs 0..1. colour: sRGB 0..255.
    """

    kind: str
    strength: float = 1.0
    x: float = 0.0
    y: float = 0.0
    angle: float = 0.0
    size: float = 0.1
    count: int = 1
    curl: float = 0.2
    colour: tuple[int, int, int] = (40, 28, 20)
    seed: int = 0
