"""Structures of melanocytic lesions: their truth masks, what they do to the planes, how they answer parameters."""

from __future__ import annotations

from dataclasses import replace

import cv2
import numpy as np
import pytest

from cutis.phantom.layers import Layers
from cutis.phantom.lesion import areas, melanocytic
from cutis.phantom.lesion.draw import DRAWERS, draw_lesion
from cutis.phantom.lesion.outline import outline
from cutis.phantom.parts import Camera, Lesion, Skin, Structure
from cutis.phantom.view import Ground
from cutis.phantom.vocabulary import STRUCTURES

KINDS = [*melanocytic.DRAWERS, *areas.DRAWERS]
LESION = Lesion(diagnosis="mel", radius=3.5, pigment=0.12, mottle=0.0, lesion_seed=1)
CAMERA = Camera(field=10)
SKIN = Skin(melanin=0.03)
SIZE = {
    "dots": 0.1,
    "streaks": 0.12,
    "globules": 0.25,
    "pigment_network": 0.5,
    "negative_network": 0.5,
    "shiny_white_lines": 0.7,
}


def structure(kind: str, **changes) -> Structure:
    given = {"kind": kind, "strength": 0.8, "size": SIZE.get(kind, 0.5), "seed": 7, "extent": 0.8, **changes}
    return Structure(**given)


def planes(*structures: Structure, size: int = 160, camera: Camera = CAMERA, lesion: Lesion = LESION) -> Layers:
    layers = Layers.plain(size, SKIN.melanin, SKIN.blood)
    draw_lesion(camera, size, replace(lesion, structures=structures), layers)
    return layers


def opacity(layers: Layers) -> np.ndarray:
    whole = np.zeros_like(layers.melanin)
    for part, much, _ in layers.covers:
        whole[part] = np.maximum(whole[part], much)
    return whole


def change(layers: Layers, bare: Layers) -> np.ndarray:
    """Of all planes together, in about equal units."""
    return (
        np.abs(layers.melanin - bare.melanin) + np.abs(layers.blood - bare.blood) + np.abs(layers.deep - bare.deep)
        + opacity(layers)
    )  # fmt: skip


def test_every_structure_has_a_drawer() -> None:
    assert set(DRAWERS) == set(STRUCTURES)


@pytest.mark.parametrize("kind", KINDS)
def test_without_strength_nothing_changes(kind: str) -> None:
    layers, bare = planes(structure(kind, strength=0.0)), planes()
    assert not layers.masks[kind].any()
    assert change(layers, bare).max() < 1e-6


@pytest.mark.parametrize("irregularity", [0.0, 1.0])
@pytest.mark.parametrize("kind", KINDS)
def test_strength_acts_monotonically_and_where_the_mask_is(kind: str, irregularity: float) -> None:
    bare = planes()
    made = [planes(structure(kind, strength=s, irregularity=irregularity)) for s in (0.05, 0.4, 1.0)]
    changes = [change(layers, bare) for layers in made]
    assert (changes[0] <= changes[1] + 1e-6).all()
    assert (changes[1] <= changes[2] + 1e-6).all()
    masks = [layers.masks[kind] for layers in made]
    assert masks[0].any()
    assert (masks[0] == masks[2]).all()
    assert changes[2][masks[2]].mean() > 4 * changes[2][~masks[2]].mean()
    assert (masks[2] & ~made[2].masks["lesion"]).sum() == 0
    assert changes[2][~made[2].masks["lesion"]].max() == 0


@pytest.mark.parametrize("kind", KINDS)
def test_seeds_make_the_bytes(kind: str) -> None:
    one, again, other = (planes(structure(kind, seed=seed)) for seed in (1, 1, 2))
    assert change(one, planes()).tobytes() == change(again, planes()).tobytes()
    assert (change(one, planes()) != change(other, planes())).any()


@pytest.mark.parametrize("kind", KINDS)
def test_a_structure_is_the_same_at_every_size(kind: str) -> None:
    small, large = (planes(structure(kind), size=size).masks[kind] for size in (160, 480))
    large = cv2.resize(large.astype(np.float32), (160, 160), interpolation=cv2.INTER_AREA) > 0.5
    least = {"dots": 0.35, "shiny_white_lines": 0.35, "streaks": 0.7}.get(kind, 0.8)  # elements of a pixel or two
    assert (small & large).sum() / (small | large).sum() > least


@pytest.mark.parametrize("kind", KINDS)
def test_a_structure_lies_where_it_was_put(kind: str) -> None:
    mask = planes(structure(kind, x=0.5, y=0.0, extent=0.45)).masks[kind]
    assert np.nonzero(mask)[1].mean() > 80 + 0.25 * 3.5 * 16  # columns: 16 pixels a millimetre from the middle, 80


@pytest.mark.parametrize("kind", KINDS)
def test_seen_from_afar_structures_leave_finite_planes(kind: str) -> None:
    layers = planes(structure(kind), camera=Camera(field=250, modality="clinical"), size=128)
    assert all(np.isfinite(plane).all() for plane in (layers.melanin, layers.blood, layers.deep))
    assert layers.melanin.max() < 0.6


@pytest.mark.parametrize("size", [0.4, 0.6])
def test_a_networks_holes_are_its_size_apart(size: float) -> None:
    """A triangular lattice of holes L apart repeats with 2 / (sqrt(3) L): its rows are that far apart."""
    lesion = replace(LESION, radius=4.5, edges=(0.2,) * 8)
    layers = planes(structure("pigment_network", size=size, extent=2), lesion=lesion, size=256)
    inner = layers.melanin[68:188, 68:188] - layers.melanin[68:188, 68:188].mean()
    power = np.abs(np.fft.fft2(inner * np.outer(np.hanning(120), np.hanning(120)))) ** 2
    frequency = np.hypot(*np.meshgrid(*[np.fft.fftfreq(120, CAMERA.field / 256)] * 2))
    band = frequency > 1.0
    middle = (power * frequency * band)[frequency < 5].sum() / (power * band)[frequency < 5].sum()
    assert middle == pytest.approx(2 / (3**0.5 * size), rel=0.2)


def test_network_is_darker_lines_around_lighter_holes() -> None:
    lesion, bare = planes(structure("pigment_network")), planes()
    inside = lesion.masks["pigment_network"]
    difference = (lesion.melanin - bare.melanin)[inside]
    assert difference.max() > 0.03
    assert difference.min() < -0.005
    assert difference.mean() > 0


def test_negative_network_is_lighter_lines() -> None:
    lesion, bare = planes(structure("negative_network")), planes()
    assert (lesion.melanin - bare.melanin).min() < -0.05


def test_globules_are_as_many_as_stated_and_of_their_size() -> None:
    made = planes(structure("globules", count=20, size=0.3, extent=0.7), size=480)
    count, _, stats, _ = cv2.connectedComponentsWithStats(made.masks["globules"].astype(np.uint8))
    assert 17 <= count - 1 <= 20  # some may touch
    across = 2 * np.sqrt(np.median(stats[1:, cv2.CC_STAT_AREA]) / np.pi) * CAMERA.field / 480
    assert across == pytest.approx(0.3, rel=0.15)


def test_irregular_globules_are_more_unequal() -> None:
    def spread(irregularity: float) -> float:
        made = planes(structure("globules", count=25, size=0.25, irregularity=irregularity), size=400)
        stats = cv2.connectedComponentsWithStats(made.masks["globules"].astype(np.uint8))[2][1:, cv2.CC_STAT_AREA]
        return stats.std() / stats.mean()

    assert spread(1.0) > 1.5 * spread(0.0)


def test_streaks_pass_the_border_and_belong_to_the_lesion() -> None:
    without, made = planes(size=320), planes(structure("streaks", extent=1.2), size=320)
    beyond = made.masks["streaks"] & ~without.masks["lesion"]
    assert beyond.sum() > 30
    assert (made.masks["lesion"] == without.masks["lesion"] | made.masks["streaks"]).all()
    ground = Ground(CAMERA, 320, LESION)
    assert made.masks["streaks"][ground.part][ground.distance < 0.5].sum() == 0


def test_veil_is_deep_pigment_under_haze() -> None:
    made = planes(structure("blue_whitish_veil"))
    inside = made.masks["blue_whitish_veil"]
    assert made.deep[inside].mean() > 0.2
    assert 0.03 < opacity(made)[inside].mean() < 0.5


def test_regression_takes_pigment_away_and_peppers_blue() -> None:
    even, peppered = (planes(structure("regression", irregularity=i, extent=0.5)) for i in (0.0, 1.0))
    middle = even.masks["regression"]
    assert even.melanin[middle].mean() < 0.75 * planes().melanin[middle].mean()
    assert peppered.deep.max() > 2 * even.deep.max() > 0


def test_blotch_is_darker() -> None:
    made, bare = planes(structure("blotch", extent=0.4)), planes()
    assert (made.melanin >= bare.melanin).all()
    assert (made.melanin - bare.melanin)[80, 80] > 0.1


def test_shiny_white_lines_need_polarised_light() -> None:
    crossed = planes(structure("shiny_white_lines"))
    plain = planes(structure("shiny_white_lines"), camera=replace(CAMERA, polarised=False))
    assert crossed.masks["shiny_white_lines"].any()
    assert opacity(crossed).max() > 0.1
    assert not plain.masks["shiny_white_lines"].any()
    assert not plain.covers


def test_the_order_of_structures_does_not_matter() -> None:
    some = [structure(kind) for kind in ("regression", "globules", "blotch", "pigment_network")]
    one, other = planes(*some), planes(*reversed(some))
    assert one.melanin.tobytes() == other.melanin.tobytes()


def test_structures_of_a_fully_covered_ground_stay_within_it() -> None:
    ground = Ground(CAMERA, 160, LESION)
    cover, mask = outline(ground, np.random.default_rng(0))
    for kind, drawer in {**melanocytic.DRAWERS, **areas.DRAWERS}.items():
        layers = Layers.plain(160, 0.03, 0.02)
        where = drawer(ground, structure(kind, extent=3.0), cover, layers)
        assert where.shape == mask.shape
        assert kind == "streaks" or not (where & ~mask).any()
