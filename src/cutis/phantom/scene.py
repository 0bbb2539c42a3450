"""A scene: all that a phantom photograph shows; made, checked, changed, and kept as JSON."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass, fields, replace
from typing import TYPE_CHECKING, Any

from cutis.errors import CutisError, nearest
from cutis.phantom.classes import CODES, GENERIC
from cutis.phantom.parts import Artefact, Camera, Lesion, Skin, Structure
from cutis.phantom.vocabulary import ARTEFACTS, SITES, STRUCTURES

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from cutis.phantom.truth import Truth


@dataclass(frozen=True, slots=True, kw_only=True)
class Scene:
    """Skin, lesions (the first is the one the photograph is of; none is plain skin), camera and artefacts."""

    skin: Skin
    lesions: tuple[Lesion, ...]
    camera: Camera
    artefacts: tuple[Artefact, ...] = ()

    def __post_init__(self) -> None:
        check_scene(self)

    @property
    def lesion(self) -> Lesion | None:
        return self.lesions[0] if self.lesions else None

    @property
    def diagnosis(self) -> str | None:
        """Code of the first lesion; None for plain skin."""
        return self.lesions[0].diagnosis if self.lesions else None

    def render(self, size: int = 256) -> tuple[NDArray[np.uint8], Truth]:
        """Photograph it: see `cutis.phantom.render.render`."""
        from cutis.phantom.render import render

        return render(self, size)

    def replace(self, **changes: Any) -> Scene:
        """A copy with fields changed, of any part: `replace(melanin=0.35)`, `replace(pigment=0.2, blur=0.1)`.

        A lesion's field changes the first lesion. Raises CutisError for an unknown field or a value that can't be.
        """
        valid = [*_OWNER, "skin", "lesions", "camera", "artefacts"]
        check_codes(list(changes), valid, "field")
        whole = {k: v for k, v in changes.items() if k not in _OWNER}
        scene = replace(self, **whole) if whole else self
        for part in ("skin", "camera", "lesion"):
            mine = {k: v for k, v in changes.items() if _OWNER.get(k) == part}
            if not mine:
                continue
            if part == "lesion":
                if not scene.lesions:
                    raise CutisError(f'scene: "{next(iter(mine))}" is a lesion\'s, and this scene shows plain skin.')
                scene = replace(scene, lesions=(replace(scene.lesions[0], **mine), *scene.lesions[1:]))
            else:
                scene = replace(scene, **{part: replace(getattr(scene, part), **mine)})
        return scene

    def without(self, *kinds: str) -> Scene:
        """A copy without these kinds of artefact or structure ("hair", "ruler", "streaks"...), or any "lesion"."""
        check_codes(list(kinds), [*ARTEFACTS, *STRUCTURES, "lesion"], "kind")
        lesions = tuple(
            replace(one, structures=tuple(s for s in one.structures if s.kind not in kinds)) for one in self.lesions
        )
        return replace(
            self,
            lesions=() if "lesion" in kinds else lesions,
            artefacts=tuple(a for a in self.artefacts if a.kind not in kinds),
        )

    def add(self, *parts: Structure | Artefact) -> Scene:
        """A copy with these artefacts laid on it, and these structures in its first lesion."""
        structures = tuple(p for p in parts if isinstance(p, Structure))
        scene = replace(self, artefacts=(*self.artefacts, *(p for p in parts if isinstance(p, Artefact))))
        if not structures:
            return scene
        if not self.lesions:
            raise CutisError(f'scene: "{structures[0].kind}" needs a lesion, and this scene shows plain skin.')
        first = replace(self.lesions[0], structures=(*self.lesions[0].structures, *structures))
        return replace(scene, lesions=(first, *scene.lesions[1:]))

    def to_dict(self) -> dict[str, Any]:
        """Plain data for JSON; `Scene.from_dict` gives the same scene back."""
        return asdict(self)

    @classmethod
    def from_dict(cls, content: Mapping[str, Any]) -> Scene:
        """The scene that `to_dict` described. Raises CutisError for an unknown or missing field."""
        _check_fields(cls, content, "scene")
        lesions = []
        for lesion in content["lesions"]:
            _check_fields(Lesion, lesion, "lesion")
            structures = tuple(_read(Structure, s, "structure") for s in lesion.get("structures", ()))
            lesions.append(_read(Lesion, {**lesion, "structures": structures}, "lesion"))
        return cls(
            skin=_read(Skin, content["skin"], "skin"),
            lesions=tuple(lesions),
            camera=_read(Camera, content["camera"], "camera"),
            artefacts=tuple(_read(Artefact, a, "artefact") for a in content.get("artefacts", ())),
        )


_OWNER = {
    **{f.name: "skin" for f in fields(Skin)},
    **{f.name: "camera" for f in fields(Camera)},
    **{f.name: "lesion" for f in fields(Lesion)},
}

# What each number may be. Beyond these the optics or the drawing has no meaning.
RANGES: dict[str, tuple[float, float]] = {
    "melanin": (0, 0.6), "blood": (0, 0.3), "oxygenation": (0, 1), "texture": (0, 1), "freckles": (0, 1),
    "sun_damage": (0, 1), "pores": (0, 1), "telangiectasia": (0, 1), "radius": (0.2, 60), "pigment": (0, 0.6),
    "redness": (0, 0.3), "depth": (0, 1), "mottle": (0, 1), "lopsided": (0, 1), "field": (2, 1000), "gain": (0.05, 5),
    "warmth": (-1, 1), "tint": (-1, 1),
    "slope": (0, 1), "vignette": (0, 1), "aperture": (0.2, 2), "glare": (0, 1), "bubbles": (0, 500),
    "blur": (0, 20), "noise": (0, 64), "jpeg": (1, 100), "strength": (0, 1), "irregularity": (0, 1),
    "extent": (0, 3), "size": (0, 60), "count": (0, 2000), "curl": (0, 1),
}  # fmt: skip


def check_scene(scene: Scene) -> None:
    """Raise CutisError, naming the field and its range, for the first value that can't be."""
    parts: tuple[Any, ...] = (scene.skin, scene.camera, *scene.lesions, *scene.artefacts, *_structures(scene))
    for part in parts:
        what = type(part).__name__.lower()
        for field in fields(part):
            value = getattr(part, field.name)
            if field.name in RANGES:
                low, high = RANGES[field.name]
                if not (isinstance(value, int | float) and math.isfinite(value) and low <= value <= high):
                    raise CutisError(
                        f"scene: {what}'s {field.name} is {value}; expected a number in {low:g}..{high:g}."
                    )
    check_codes([scene.skin.site], SITES, "site")
    check_codes([scene.camera.modality], ("dermoscopic", "clinical"), "modality")
    check_codes([one.diagnosis for one in scene.lesions], (*CODES, GENERIC), "diagnosis")
    check_codes([a.kind for a in scene.artefacts], ARTEFACTS, "artefact")
    check_codes([s.kind for s in _structures(scene)], STRUCTURES, "structure")
    for one in scene.lesions:
        if len(one.bumps) != len(one.phases) or len(one.edges) != 8 or sum(map(abs, one.bumps)) >= 0.95:
            raise CutisError(
                "scene: a lesion needs as many bumps as phases, bumps that sum to under 0.95, and eight edges."
            )


def _structures(scene: Scene) -> Iterable[Structure]:
    return (s for one in scene.lesions for s in one.structures)


def check_codes(values: Iterable[str], valid: Iterable[str], what: str) -> None:
    """Raise CutisError, naming the nearest valid one, for the first of `values` that isn't valid."""
    known = list(valid)
    for value in values:
        if value not in known:
            raise CutisError(f'phantom: {what} "{value}": {nearest(value, known)}')


def _check_fields(cls: type, content: Mapping[str, Any], what: str) -> None:
    names = [f.name for f in fields(cls)]
    check_codes(content, names, f"{what}'s field")
    needed = [n for n in ("skin", "lesions", "camera", "melanin", "diagnosis", "radius", "kind") if n in names]
    for name in needed:
        if name not in content:
            raise CutisError(f"{what}: field {name} is missing. Write scenes with Scene.to_dict.")


def _read[Part: (Skin, Lesion, Camera, Structure, Artefact)](
    cls: type[Part], content: Mapping[str, Any], what: str
) -> Part:
    _check_fields(cls, content, what)
    plain: dict[str, Any] = {k: tuple(v) if isinstance(v, list) else v for k, v in content.items()}
    return cls(**plain)
