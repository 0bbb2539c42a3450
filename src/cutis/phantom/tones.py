"""How the skin tones of phantom patients are spread, as a value: "uniform", "ita:55..-30" or "dataset:PATH"."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np

from cutis.errors import CutisError, nearest
from cutis.phantom.optics.table import TONES, melanin_for_ita, skin_ita
from cutis.schema.vocabulary import FITZPATRICK
from cutis.tables import read_parquet

Tones = Callable[[np.random.Generator], float]  # a patient's epidermal melanin
WIDEST = (58.0, -50.0)  # ITA, degrees: what the optics' plain skin spans
# Rows of each Fitzpatrick type in Fitzpatrick17k (Groh et al., CVPR Workshops 2021), unknown ones left out.
_KNOWN = {"fitzpatrick17k": (2947, 4808, 3308, 2781, 1533, 635)}
_SCATTER = 3.0  # degrees of ITA that people of one design type differ by


def tones(spec: str = "uniform") -> Tones:
    """The spread that `spec` asks for: a function of a generator that gives a patient's melanin fraction.

    uniform: ITA evenly over 58..-50 degrees. ita:A..B: evenly between two angles. dataset:PATH: as in a dataset
    folder, by the ITA of its tone.parquet (`cutis tone`), else by its `fitzpatrick_skin_type`; or
    dataset:fitzpatrick17k, by that dataset's published counts. Raises CutisError for anything else.
    """
    kind, _, rest = spec.partition(":")
    if spec == "uniform":
        return _between(*WIDEST)
    if kind == "ita":
        ends = rest.split("..")
        try:
            first, last = (float(end) for end in ends)
        except ValueError:
            raise CutisError(f'phantom: tone "{spec}"; expected two angles, such as ita:55..-30.') from None
        low, high = min(WIDEST), max(WIDEST)
        for end in (first, last):
            if not low <= end <= high:
                raise CutisError(f"phantom: tone {spec}: ITA {end:g} is not in {low:g}..{high:g} degrees.")
        return _between(first, last)
    if kind == "dataset" and rest:
        return _like(rest)
    raise CutisError(f'phantom: tone "{spec}": {nearest(spec, ["uniform", "ita:55..-30", "dataset:PATH"])}')


def skin_type(melanin: float) -> str:
    """The Fitzpatrick-like design type I..VI whose ITA is nearest: a design input, no measurement of anyone."""
    ita = skin_ita(melanin)
    return min(TONES, key=lambda name: abs(skin_ita(TONES[name]) - ita))


def _between(first: float, last: float) -> Tones:
    return lambda rng: melanin_for_ita(float(rng.uniform(min(first, last), max(first, last))))


def _like(name: str) -> Tones:
    if name in _KNOWN:
        return _typed(np.array(_KNOWN[name], float))
    folder = Path(name)
    if not (folder / "manifest.parquet").is_file():
        raise CutisError(
            f'phantom: tone dataset "{name}" is neither a dataset folder nor one of {", ".join(_KNOWN)}. '
            "Make a dataset with: cutis import SRC DEST"
        )
    if (folder / "tone.parquet").is_file():
        table = read_parquet(folder / "tone.parquet")
        column = next(c for c in table.columns if c.startswith("ita"))
        found = table[column].drop_nulls().to_numpy()
        if len(found):
            angles = found.clip(min(WIDEST), max(WIDEST))
            return lambda rng: melanin_for_ita(float(angles[rng.integers(len(angles))]))
    types = read_parquet(folder / "manifest.parquet")["fitzpatrick_skin_type"]
    counts = np.array([(types == t).sum() for t in FITZPATRICK], float)
    if not counts.sum():
        raise CutisError(f"{folder}: no skin tone is known. Estimate it with: cutis tone {folder}")
    return _typed(counts)


def _typed(counts: np.ndarray) -> Tones:
    shares, middles = counts / counts.sum(), [skin_ita(TONES[t]) for t in FITZPATRICK]

    def draw(rng: np.random.Generator) -> float:
        ita = middles[rng.choice(len(shares), p=shares)] + float(rng.normal(0, _SCATTER))
        return melanin_for_ita(float(np.clip(ita, min(WIDEST), max(WIDEST))))

    return draw
