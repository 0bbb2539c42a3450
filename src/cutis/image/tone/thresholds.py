"""ITA's published classes, as data: where each set of authors cut the angle, and what they called the parts.

Grades as elsewhere in the project: read in the source (V), in a second source (V2), from memory (M).
"""

from __future__ import annotations

from dataclasses import dataclass

from cutis.errors import CutisError, nearest


@dataclass(frozen=True)
class Thresholds:
    """cuts: degrees, falling. labels: one more than cuts, the lightest first. inclusive: cuts that belong to the
    lighter class; any other cut belongs to the darker one."""

    name: str
    source: str
    cuts: tuple[float, ...]
    labels: tuple[str, ...]
    inclusive: tuple[float, ...] = ()

    def rank(self, ita: float) -> int:
        """0 for the lightest class, and so on. Raises CutisError for NaN."""
        if ita != ita:
            raise CutisError("ITA is not a number, so it has no class.")
        return sum(ita < cut or (ita == cut and cut not in self.inclusive) for cut in self.cuts)

    def label(self, ita: float) -> str:
        return self.labels[self.rank(ita)]


_TYPES = ("1", "2", "3", "4", "5", "6")
_ALL = (
    Thresholds(
        "chardon1991",
        "Chardon, Cretois & Hourseau, Int J Cosmet Sci 13:191, 1991; the dark class by Del Bino et al. 2006 (M, V2)",
        (55, 41, 28, 10, -30),
        ("very light", "light", "intermediate", "tan", "brown", "dark"),
    ),
    Thresholds(
        "kinyanjui2019",
        "Kinyanjui et al., arXiv 1910.13268, 2019, and MICCAI 2020: eight classes (V2: derm_ita)",
        (55, 48, 41, 34.5, 28, 19, 10),
        ("very light", "light 2", "light 1", "intermediate 2", "intermediate 1", "tan 2", "tan 1", "dark"),
    ),
    Thresholds(
        "kinyanjui_fst",
        "Kinyanjui's cuts as Groh et al. 2021 and Bevan & Atapour-Abarghouei 2022 map them to skin types 1-6 (V)",
        (55, 41, 28, 19, 10),
        _TYPES,
    ),
    Thresholds(
        "groh2021",
        "Groh et al., CVPR ISIC workshop 2021: cuts that fit Fitzpatrick 17k best (V2: derm_ita)",
        (40, 23, 12, 0, -25),
        _TYPES,
    ),
    Thresholds(
        "groh_notebook",
        "the cuts in the notebook that Groh et al. published, which aren't those of their paper (V)",
        (45, 28, 17, 5, -20),
        _TYPES,
        (45,),
    ),
    Thresholds(
        "krishnapriya2021",
        "Krishnapriya et al., arXiv 2104.14685, 2021, for faces: steps of 25 degrees (V2: derm_ita)",
        (50, 25, 0, -25, -50),
        _TYPES,
        (50, 25, 0, -25, -50),
    ),
)
THRESHOLDS: dict[str, Thresholds] = {t.name: t for t in _ALL}


def thresholds(name: str) -> Thresholds:
    """A set by name. Raises CutisError for an unknown one."""
    if name not in THRESHOLDS:
        raise CutisError(f'thresholds "{name}": {nearest(name, THRESHOLDS)}')
    return THRESHOLDS[name]
