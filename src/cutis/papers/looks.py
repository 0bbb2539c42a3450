"""Ways of looking at a bundle that its predictions of the test images don't show: under change, attack, among strange.

Each gives one row a look at a picture; `unit` is the test picture's own, so that all looks at one patient are drawn
together. Where a picture is looked at in several ways, column `seen` says how: "clean" or what was done to it.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import partial
from pathlib import Path

import numpy as np
import polars as pl

from cutis.bundle.load import load_bundle
from cutis.bundle.predict import Bundle
from cutis.bundle.sources import gather
from cutis.data.dataset import Dataset
from cutis.evaluate import calibrators
from cutis.evaluate.distance.robustness_index import robustness_index
from cutis.evaluate.distance.rows import neighbours
from cutis.evaluate.resampled import Resampling
from cutis.files import atomic_file
from cutis.image.corruptions import CORRUPTIONS, SUITES, generator
from cutis.image.decode import read_square
from cutis.papers.claim import Examine, Made
from cutis.schema.identity import group_ids

IMAGES = 300  # at most, of the test part: they are looked at many times
SEVERITY = 3
ATTACKED = 200
PGD_STEPS = 10


def under_corruption(*suites: str) -> Examine:
    """Clean, and under each corruption of the suites at the middle severity; `seen` is "clean" or the suite's name."""
    return partial(_corrupted, suites=suites)


def under_attack(epsilon: float) -> Examine:
    """Clean, and under PGD of that size (of images in 0..1); `seen` is "clean" or "attacked"."""
    return partial(_attacked, epsilon=epsilon)


def among_strange(bundle: Path, made: Made) -> pl.DataFrame:
    """Test pictures, and three pictures of no class made of each: `strange` (bool) says which, `doubt` is one less the
    largest probability, `ood` the score by which the bundle refuses."""
    opened = load_bundle(bundle)
    rows, pixels = _drawn(opened, made, IMAGES)
    other = np.roll(pixels, 1, axis=0)
    tables = []
    for name, make in _STRANGE.items():
        told = opened.told(make(pixels, other), [()] * len(pixels))
        tables.append(
            rows.select("image_id", "unit").with_columns(
                strange=pl.lit(name != "clean"),
                seen=pl.lit(name),
                doubt=pl.Series([1 - max(one.probabilities.values()) for one in told]),
                ood=pl.Series([one.ood for one in told], dtype=pl.Float64()),
            )
        )
    return pl.concat(tables)


# Unlike those that `mixoe` makes up: colours that skin can't have, and two lesions in one picture.
_STRANGE: Mapping[str, Callable[[np.ndarray, np.ndarray], np.ndarray]] = {
    "clean": lambda pixels, other: pixels,
    "blue": lambda pixels, other: pixels[..., ::-1],
    "negative": lambda pixels, other: 255 - pixels,
    "two": lambda pixels, other: np.concatenate([pixels[:, :, ::2], other[:, :, 1::2]], axis=2),
}


def near_others(column: str) -> Examine:
    """The terms of the Robustness Index with diagnosis as biology and `column` as centre: `so` and `os`, neighbours of
    the same diagnosis elsewhere, and of another one in the same place, of each test picture at the k that tells
    diagnosis best. Pictures of unknown place are left out."""
    return partial(_neighbours, column=column)


def _neighbours(bundle: Path, made: Made, column: str) -> pl.DataFrame:
    opened = load_bundle(bundle)
    rows = _rows(opened, made).drop_nulls(column)
    features = opened.run(_pixels(opened, made.test, rows))[1].astype(np.float64)
    kinds, places = rows["target"].to_list(), rows[column].cast(pl.String).to_list()
    unit = rows["unit"].to_numpy()
    held = Resampling(resamples=40, groups=unit.tolist())
    k = robustness_index(features, kinds, places, resampling=held).k
    who = neighbours(features / np.linalg.norm(features, axis=1, keepdims=True), k, unit)[1]
    kind, place = (np.unique(v, return_inverse=True)[1] for v in (kinds, places))
    same, there = kind[who] == kind[:, None], place[who] == place[:, None]
    return rows.select("image_id", "unit", "target").with_columns(
        so=pl.Series((same & ~there).sum(1).astype(float)), os=pl.Series((~same & there).sum(1).astype(float))
    )


def _corrupted(bundle: Path, made: Made, suites: tuple[str, ...]) -> pl.DataFrame:
    opened = load_bundle(bundle)
    rows, pixels = _drawn(opened, made, IMAGES)
    tables = [_told(opened, rows, pixels, "clean")]
    for suite in suites:
        how = opened.card.preprocessing
        kept = made.folder / "looks" / f"{suite}-{how.size}-{how.constancy}-{len(rows)}.npy"
        every = _changed(kept, suite, pixels, rows["image_id"].to_list())
        tables += [_told(opened, rows, changed, suite) for changed in every]
    return pl.concat(tables)


def _changed(kept: Path, suite: str, pixels: np.ndarray, ids: list[str]) -> np.ndarray:
    """(corruptions, n, s, s, 3): the pictures under each corruption of the suite. kept: the file in which they are, or
    will be, as all runs of a world look at the same."""
    if not kept.is_file():
        every = [
            [CORRUPTIONS[name].apply(one, SEVERITY, generator(0, i, name)) for one, i in zip(pixels, ids, strict=True)]
            for name in SUITES[suite]
        ]
        with atomic_file(kept) as partial, partial.open("wb") as file:
            np.save(file, np.array(every))
    found: np.ndarray = np.load(kept)
    return found


def _attacked(bundle: Path, made: Made, epsilon: float) -> pl.DataFrame:
    import torch

    from cutis.bundle.rebuild import rebuild
    from cutis.models.attacks import pgd

    opened = load_bundle(bundle)
    rows, pixels = _drawn(opened, made, ATTACKED)
    served = rebuild(opened)

    def model(images: torch.Tensor) -> torch.Tensor:
        logits: torch.Tensor = served(255 * images.permute(0, 2, 3, 1))[0]
        return logits

    images = torch.from_numpy(pixels).permute(0, 3, 1, 2).float() / 255
    target = torch.tensor([opened.codes.index(code) for code in rows["target"]])
    rng = np.random.default_rng(0)
    changed = [
        pgd(model, images[i : i + 50], target[i : i + 50], epsilon, rng, steps=PGD_STEPS)
        for i in range(0, len(images), 50)
    ]
    with torch.inference_mode():
        logits = torch.cat([model(one) for one in changed]).numpy()
    attacked = _answers(opened, rows, calibrators.apply(opened.card.calibrator, logits), "attacked")
    return pl.concat([_told(opened, rows, pixels, "clean"), attacked])


def _told(opened: Bundle, rows: pl.DataFrame, pixels: np.ndarray, seen: str) -> pl.DataFrame:
    return _answers(opened, rows, opened.probabilities(np.ascontiguousarray(pixels)), seen)


def _answers(opened: Bundle, rows: pl.DataFrame, p: np.ndarray, seen: str) -> pl.DataFrame:
    codes = np.array(opened.codes)
    return rows.select("image_id", "unit", "target").with_columns(
        pl.lit(seen).alias("seen"),
        pl.Series("predicted", codes[p.argmax(1)].tolist()),
        *(pl.Series(f"p_{code}", p[:, i]) for i, code in enumerate(codes)),
    )


def _drawn(opened: Bundle, made: Made, most: int) -> tuple[pl.DataFrame, np.ndarray]:
    """At most so many labelled test pictures with their `unit`, the same for every bundle, and their pixels."""
    rows = _rows(opened, made)
    rows = rows[np.sort(np.random.default_rng(0).permutation(len(rows))[:most])]
    return rows, _pixels(opened, made.test, rows)


def _rows(opened: Bundle, made: Made) -> pl.DataFrame:
    found = gather(made.test, made.part, opened.card).rows.select("image_id")
    manifest = made.test.manifest.with_columns(pl.Series("unit", group_ids(made.test.manifest)))
    return manifest.join(found, on="image_id", how="semi").drop_nulls("target").sort("image_id")


def _pixels(opened: Bundle, data: Dataset, rows: pl.DataFrame) -> np.ndarray:
    how = opened.card.preprocessing
    return np.stack([read_square(data.path / name, how.size, constancy=how.constancy) for name in rows["file"]])
