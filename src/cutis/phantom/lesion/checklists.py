"""Dermoscopic checklists, scored from a scene's data: the truth by construction, not a reading of the picture.

A structure counts if its strength isn't 0, and as irregular (atypical) from irregularity 0.5 on. What a rule needs
beyond that is stated where it is applied. Melanin fractions below are those of skin and lesion together, since that is
what is seen: the same lesion has darker colours on darker skin.
"""

from __future__ import annotations

import math

from cutis.phantom.lesion.amounts import PIGMENTED, added, pigment_range
from cutis.phantom.lesion.asymmetry import IRREGULAR, Asymmetry, asymmetry, axes
from cutis.phantom.parts import Lesion, Skin, Structure
from cutis.schema.dermoscopy import score, total_dermoscopy_score

ABRUPT = 0.3  # mm: a border this soft at most ends abruptly
BROWN, BLACK = 0.11, 0.27  # melanin from which brown is dark brown (L* about 43), and from which black (about 27)
_TINGE = 0.015  # melanin that must be added for a brown to be the lesion's
_RED = 0.04  # blood fraction added
_BLUE = 0.1  # dermal melanin, under
_CLEAR = 0.15  # at most this much melanin, above which it can't be seen
_OFF_CENTRE = 0.35  # radii
_TENTH = 0.1**0.5  # radii: extent of a tenth of the area
_FULL = 0.9**0.5  # radii: extent that leaves less than a tenth


def scores(lesion: Lesion, skin: Skin) -> dict[str, float]:
    """Points of `lesion` on `skin`: seven_point, tds with abcd_a, abcd_b, abcd_c, abcd_d, menzies, three_point."""
    off = asymmetry(lesion)
    a, b = axes(off.outline | off.colour | off.structure), sum(edge <= ABRUPT for edge in lesion.edges)
    c, d = len(colours(lesion, skin)), len(components(lesion))
    points = {
        "seven_point": seven_point(lesion),
        "tds": total_dermoscopy_score(a, b, c, d),
        "abcd_a": a,
        "abcd_b": b,
        "abcd_c": c,
        "abcd_d": d,
        "menzies": menzies(lesion, skin, off),
        "three_point": three_point(lesion, off),
    }
    return {name: float(value) for name, value in points.items()}


def seven_point(lesion: Lesion) -> int:
    """0..10 (Argenziano et al., Arch Dermatol 134, 1998): 3 or more suggests melanoma.

    Two points each: atypical network, blue-whitish veil, atypical vessels (linear irregular or dotted). One each:
    irregular streaks, irregular dots or globules, irregular pigmentation (a blotch, irregular or more than 0.35 radii
    off the centre), regression.
    """
    blotches = _found(lesion, "blotch")
    found = {
        "atypical_network": _irregular(lesion, "pigment_network"),
        "blue_whitish_veil": _has(lesion, "blue_whitish_veil"),
        "atypical_vessels": _has(lesion, "irregular_vessels", "dotted_vessels"),
        "irregular_streaks": _irregular(lesion, "streaks"),
        "irregular_dots_globules": _irregular(lesion, "dots", "globules"),
        "irregular_pigmentation": any(
            s.irregularity >= IRREGULAR or math.hypot(s.x, s.y) > _OFF_CENTRE for s in blotches
        ),
        "regression": _has(lesion, "regression"),
    }
    return int(score("seven_point", found).total)


def three_point(lesion: Lesion, off: Asymmetry) -> int:
    """0..3 (Soyer et al., Dermatology 208, 2004): 2 or more asks for a biopsy.

    Asymmetry of colour or structure over one or two axes, atypical network, blue-white structures (veil or regression).
    """
    found = {
        "asymmetry": axes(off.colour | off.structure) > 0,
        "atypical_network": _irregular(lesion, "pigment_network"),
        "blue_white_structures": _has(lesion, "blue_whitish_veil", "regression"),
    }
    return int(score("three_point", found).total)


def menzies(lesion: Lesion, skin: Skin, off: Asymmetry) -> int:
    """1 if melanoma by Menzies' method, else 0 (Menzies et al., Arch Dermatol 132, 1996).

    Neither negative feature: pattern (colour and structure) symmetric over all axes; a single colour. And one or more
    of nine positive ones: blue-white veil; multiple (3 or more) brown dots; pseudopods and radial streaming (streaks;
    irregular ones are pseudopods); scar-like depigmentation and multiple blue-grey dots (regression, with irregular
    pepper); black dots or globules at the border (irregular, or around a point off the centre); five or six colours
    (black, grey, blue, red, dark and light brown; white is none); broadened (irregular) network.
    """
    seen = menzies_colours(lesion, skin)
    found = {
        "symmetric_pattern": not bool((off.colour | off.structure).any()),
        "single_colour": len(seen) <= 1,
        "blue_white_veil": _has(lesion, "blue_whitish_veil"),
        "multiple_brown_dots": _several_dots(lesion),
        "pseudopods": _irregular(lesion, "streaks"),
        "radial_streaming": _has(lesion, "streaks"),
        "scar_like_depigmentation": _has(lesion, "regression"),
        "peripheral_black_dots": any(_black_at_border(s, lesion, skin) for s in _found(lesion, "dots", "globules")),
        "five_or_six_colours": len(seen) >= 5,
        "multiple_blue_grey_dots": _irregular(lesion, "regression"),
        "broadened_network": _irregular(lesion, "pigment_network"),
    }
    return int(score("menzies", found).verdict == "melanoma")


def colours(lesion: Lesion, skin: Skin) -> set[str]:
    """The ABCD rule's colours of the lesion, one at least: white, red, light brown, dark brown, blue-grey, black.

    White: regression or a central white patch. Red: blood fraction of 0.04 or more added, lacunae, strawberry pattern
    or ulceration. Blue-grey: veil, ovoid nests, leaf-like areas, irregular (peppered) regression, or dermal melanin of
    0.1 or more where the epidermis is clear enough to show it. Browns and black by melanin, of the lightest and darkest
    pigment and of each pigmented structure: light brown below 0.11, dark brown below 0.27.
    """
    found = _browns(lesion, skin)
    if _has(lesion, "regression", "central_white_patch"):
        found.add("white")
    if lesion.redness >= _RED or _has(lesion, "lacunae", "strawberry_pattern", "ulceration"):
        found.add("red")
    if _blue(lesion, skin) or _grey(lesion):
        found.add("blue-grey")
    return found or {"light brown"}


def menzies_colours(lesion: Lesion, skin: Skin) -> set[str]:
    """Menzies' colours: as `colours`, but white is none, and blue and grey (leaf-like areas, pepper) are two."""
    found = colours(lesion, skin) - {"white", "blue-grey"}
    return found | ({"blue"} if _blue(lesion, skin) else set()) | ({"grey"} if _grey(lesion) else set())


def components(lesion: Lesion) -> set[str]:
    """The ABCD rule's structural components, one at least: network, structureless, streaks, dots, globules.

    Structureless: a blotch, veil or regression on a tenth of the area or more, or a tenth that no net, dots or globules
    fill (a stated count of dots or globules fills nothing). Dots and globules: three or more, two or more.
    """
    found = set()
    if _has(lesion, "pigment_network", "negative_network"):
        found.add("network")
    if _has(lesion, "streaks"):
        found.add("streaks")
    if _several_dots(lesion):
        found.add("dots")
    if any(s.count != 1 for s in _found(lesion, "globules")):
        found.add("globules")
    plain = any(s.extent >= _TENTH for s in _found(lesion, "blotch", "blue_whitish_veil", "regression"))
    filling = _found(lesion, "pigment_network", "negative_network", "dots", "globules")
    if plain or not any(s.extent >= _FULL and s.count == 0 for s in filling):
        found.add("structureless")
    return found


def _browns(lesion: Lesion, skin: Skin) -> set[str]:
    lightest, darkest = pigment_range(lesion)
    amounts = [lightest, darkest]
    amounts += [darkest + s.strength * added(s.kind, lesion) for s in _found(lesion, *PIGMENTED)]
    return {_brown(skin.melanin + amount) for amount in amounts if amount >= _TINGE}


def _brown(melanin: float) -> str:
    return "light brown" if melanin < BROWN else "dark brown" if melanin < BLACK else "black"


def _blue(lesion: Lesion, skin: Skin) -> bool:
    shows = lesion.depth >= _BLUE and skin.melanin + pigment_range(lesion)[0] <= _CLEAR
    return shows or _has(lesion, "blue_whitish_veil", "ovoid_nests")


def _grey(lesion: Lesion) -> bool:
    return _has(lesion, "leaf_like_areas") or _irregular(lesion, "regression")


def _black_at_border(one: Structure, lesion: Lesion, skin: Skin) -> bool:
    off = math.hypot(one.x, one.y)
    placed = off + one.extent >= 0.8 and (off > _OFF_CENTRE or one.irregularity >= IRREGULAR)
    amount = skin.melanin + pigment_range(lesion)[1] + one.strength * added(one.kind, lesion)
    return placed and _brown(amount) == "black"


def _several_dots(lesion: Lesion) -> bool:
    return any(s.count == 0 or s.count >= 3 for s in _found(lesion, "dots"))  # 0: as many as fill it


def _found(lesion: Lesion, *kinds: str) -> list[Structure]:
    return [s for s in lesion.structures if s.kind in kinds and s.strength > 0]


def _has(lesion: Lesion, *kinds: str) -> bool:
    return bool(_found(lesion, *kinds))


def _irregular(lesion: Lesion, *kinds: str) -> bool:
    return any(s.irregularity >= IRREGULAR for s in _found(lesion, *kinds))
