"""Hair, rulers, ink, patches, stickers: masks that are exact, looks that obey their numbers."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from cutis.phantom.artefacts import RATES, sample_artefact, sample_artefacts
from cutis.phantom.optics.table import melanin_for_ita
from cutis.phantom.parts import Artefact, Camera, Skin
from cutis.phantom.render import render
from cutis.phantom.scene import Scene
from cutis.phantom.vocabulary import ARTEFACTS

EVEN = Camera(field=14.0, noise=0.0)
SIZE = 160


def scene(*artefacts: Artefact, skin: Skin | None = None, camera: Camera = EVEN) -> Scene:
    return Scene(skin=skin or Skin(melanin=0.05), lesions=(), camera=camera, artefacts=artefacts)


def overlap(one: np.ndarray, other: np.ndarray) -> float:
    return (one & other).sum() / max(1, (one | other).sum())


@pytest.mark.parametrize("kind", ARTEFACTS)
@pytest.mark.parametrize("angle", [55.0, -40.0])
def test_mask_is_where_the_picture_changed(kind: str, angle: float) -> None:
    rng = np.random.default_rng(1)
    skin = Skin(melanin=melanin_for_ita(angle), skin_seed=3)
    bare, none = render(scene(skin=skin), SIZE)
    assert kind not in none.masks
    for _ in range(6):
        image, truth = render(scene(sample_artefact(rng, kind, skin), skin=skin), SIZE)
        seen = (np.abs(image.astype(int) - bare) >= 2).any(2)
        assert overlap(truth.masks[kind], seen) >= 0.99
        assert seen.any()


@pytest.mark.parametrize("kind", ARTEFACTS)
@pytest.mark.parametrize("nothing", [{"strength": 0.0}, {"count": 0}])
def test_nothing_of_it_changes_nothing(kind: str, nothing: dict[str, float]) -> None:
    bare, _ = render(scene(), 64)
    one = replace(sample_artefact(np.random.default_rng(2), kind, Skin(melanin=0.05)), **nothing)
    image, truth = render(scene(one), 64)
    assert np.array_equal(image, bare)
    assert kind not in truth.masks


@pytest.mark.parametrize("kind", ARTEFACTS)
def test_the_mask_is_the_same_on_any_skin_and_in_any_light(kind: str) -> None:
    one = sample_artefact(np.random.default_rng(3), kind, Skin(melanin=0.05))
    masks = [
        render(scene(one, skin=Skin(melanin=melanin), camera=camera), SIZE)[1].masks[kind]
        for melanin in (0.02, 0.4)
        for camera in (EVEN, replace(EVEN, polarised=False, gain=1.5, vignette=0.8, noise=3.0, blur=0.1))
    ]
    assert all(np.array_equal(mask, masks[0]) for mask in masks)


@pytest.mark.parametrize("kind", ARTEFACTS)
def test_stronger_is_farther_from_the_skin(kind: str) -> None:
    one = sample_artefact(np.random.default_rng(4), kind, Skin(melanin=0.05))
    bare = render(scene(), SIZE)[0].astype(float)
    changes = [
        np.abs(render(scene(replace(one, strength=strength)), SIZE)[0] - bare).sum() for strength in (0.2, 0.5, 0.9)
    ]
    assert changes[0] < changes[1] < changes[2]


def test_more_hairs_are_the_same_hairs_and_more() -> None:
    few = Artefact(kind="hair", count=5, size=0.08, seed=5)
    masks = [render(scene(replace(few, count=count)), SIZE)[1].masks["hair"] for count in (5, 20, 60)]
    assert (masks[0] <= masks[1]).all()
    assert (masks[1] <= masks[2]).all()
    assert masks[0].sum() < masks[1].sum() < masks[2].sum()
    thick = render(scene(replace(few, size=0.16)), SIZE)[1].masks["hair"]
    assert thick.sum() > 1.25 * masks[0].sum()


def test_curly_hair_bends() -> None:
    """Reference: how much of a hair's mask lies off the straight line through it."""
    spread = []
    for curl in (0.0, 0.9):
        off = []
        for seed in range(8):
            mask = render(scene(Artefact(kind="hair", size=0.1, curl=curl, seed=seed)), SIZE)[1].masks.get("hair")
            if mask is None or mask.sum() < 40:
                continue
            places = np.argwhere(mask) - np.argwhere(mask).mean(0)
            off.append(np.sqrt(np.linalg.eigvalsh(np.cov(places.T))[0]))
        spread.append(np.mean(off))
    assert spread[1] > 2 * spread[0]


def test_hair_has_a_shadow_in_the_open_only() -> None:
    hair = Artefact(kind="hair", count=12, size=0.1, seed=6)
    for modality, polarised, shaded in (("dermoscopic", True, False), ("clinical", True, True)):
        camera = replace(EVEN, modality=modality, polarised=polarised)
        bare = render(scene(camera=camera), SIZE)[0].astype(int)
        image, truth = render(scene(hair, camera=camera), SIZE)
        beside = np.abs(image - bare).max(2)[~truth.masks["hair"]]
        assert (beside.max() > 4) == shaded


def test_ruler_ticks_are_millimetres() -> None:
    """Half a millimetre beside the ruler's line each tick is crossed once: every millimetre, or every half."""
    size, field = 400, 16.0
    found = set()
    for seed in range(8):
        ruler = Artefact(kind="ruler", count=10, size=0.1, colour=(0, 0, 0), seed=seed)
        mask = render(scene(ruler, camera=replace(EVEN, field=field)), size)[1].masks["ruler"]
        row = mask[size // 2 - round(0.45 * size / field)]
        starts = np.flatnonzero(row[1:] & ~row[:-1])
        steps = np.diff(starts) * field / size
        assert len(starts) in (11, 21)
        assert np.allclose(steps, 10 / (len(starts) - 1), atol=1.5 * field / size)
        assert mask[size // 2 - round(2.2 * size / field)].any()  # a tenth tick
        assert not mask[size // 2 + 8 :].any()
        found.add(len(starts))
    assert 11 in found


def test_clinical_ruler_is_a_strip_of_paper() -> None:
    ruler = Artefact(kind="ruler", count=20, size=0.15, colour=(0, 0, 0))
    image, truth = render(scene(ruler, camera=replace(EVEN, modality="clinical", field=60.0)), SIZE)
    paper = image[truth.masks["ruler"]]
    assert truth.masks["ruler"].mean() > 0.03
    assert np.median(paper) > 200


def test_what_is_opaque_hides_what_lies_under() -> None:
    hair = Artefact(kind="hair", count=80, size=0.1, seed=7)
    patch = Artefact(kind="colour_patch", size=8.0, colour=(0, 0, 200), seed=1)
    masks = render(scene(hair, patch), SIZE)[1].masks
    assert not (masks["hair"] & masks["colour_patch"]).any()
    both = render(scene(patch, hair), SIZE)[1].masks
    assert (both["hair"] & both["colour_patch"]).any()
    faint = render(scene(hair, replace(patch, strength=0.5)), SIZE)[1].masks
    assert (faint["hair"] & faint["colour_patch"]).any()


@pytest.mark.parametrize("kind", ARTEFACTS)
def test_every_size_shows_the_same(kind: str) -> None:
    one = sample_artefact(np.random.default_rng(8), kind, Skin(melanin=0.05))
    if kind == "hair":
        one = replace(one, size=0.1)
    wide = replace(EVEN, field=10.0)
    large, small = (render(scene(one, camera=wide), size)[1].masks[kind].mean() for size in (400, 200))
    assert small == pytest.approx(
        large, rel=0.35, abs=0.01
    )  # every pixel that is touched counts: thin lines look fatter
    assert np.array_equal(render(scene(one), 64)[0], render(scene(one), 64)[0])


def test_sampling_keeps_its_rates() -> None:
    rng, skin = np.random.default_rng(9), Skin(melanin=0.05)
    drawn = [sample_artefacts(rng, skin) for _ in range(1500)]
    for kind, rate in RATES.items():
        share = np.mean([any(a.kind == kind for a in one) for one in drawn])
        assert share == pytest.approx(rate, abs=4 * np.sqrt(rate * (1 - rate) / 1500))
    for one in drawn[:100]:
        scene(*one)  # every value is possible
    hairs = [a for one in drawn for a in one if a.kind == "hair"]
    assert min(a.size for a in hairs) >= 0.03
    assert max(a.size for a in hairs) <= 0.12
    acral = [sample_artefacts(rng, Skin(melanin=0.05, site="acral"), {"hair": 1.0}) for _ in range(20)]
    assert not any(acral)
    assert [a.kind for a in sample_artefacts(rng, skin, dict.fromkeys(RATES, 1.0))] == list(RATES)
    same = [
        sample_artefacts(np.random.default_rng(10), skin, rates) for rates in ({"ruler": 1.0}, RATES | {"ruler": 1.0})
    ]
    assert same[0][0] in same[1]


def test_dark_skin_has_dark_or_white_hair() -> None:
    rng = np.random.default_rng(11)
    for _ in range(100):
        colour = sample_artefact(rng, "hair", Skin(melanin=0.35)).colour
        assert max(colour) < 70 or min(colour) > 150
