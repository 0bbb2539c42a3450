"""A lesion's outline and its truth mask, against the formula, geometry, and the picture itself."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cutis.phantom.layers import Layers
from cutis.phantom.lesion.draw import draw_lesion
from cutis.phantom.lesion.outline import border, outline, softness
from cutis.phantom.optics.table import skin_table
from cutis.phantom.parts import Camera, Lesion, Skin, Structure
from cutis.phantom.view import Ground

LESION = Lesion(
    diagnosis="nv", radius=4.0, bumps=(0.0, 0.12, 0.05), phases=(0.0, 0.4, 1.0), edges=(0.2, 0.9) * 4, pigment=0.12
)
CAMERA = Camera(field=14)
SKIN = Skin(melanin=0.02)


def drawn(lesion: Lesion, size: int = 160, camera: Camera = CAMERA, skin: Skin = SKIN) -> Layers:
    layers = Layers.plain(size, skin.melanin, skin.blood)
    layers.masks["lesion"] = np.zeros((size, size), bool)
    draw_lesion(camera, size, lesion, layers)
    return layers


def grey_levels(layers: Layers) -> np.ndarray:
    light = layers.paint(skin_table().linear_rgb(layers.melanin, layers.blood, layers.deep)).clip(0, 1)
    return 255 * np.where(light <= 0.0031308, 12.92 * light, 1.055 * light ** (1 / 2.4) - 0.055)


def overlap(one: np.ndarray, two: np.ndarray) -> float:
    return (one & two).sum() / (one | two).sum()


def test_border_is_the_stated_sum_of_cosines() -> None:
    at = border(replace(LESION, bumps=(0.0, 0.2), phases=(0.0, np.pi)), np.array([0.0, np.pi / 4, np.pi / 2]))
    assert at == pytest.approx([4 * 0.8, 4.0, 4 * 1.2])


def test_each_sector_has_its_own_softness() -> None:
    lesion = replace(LESION, edges=tuple(0.1 * (i + 1) for i in range(8)))
    middles = (np.arange(8) + 0.5) * np.pi / 4
    assert softness(lesion, middles) == pytest.approx(lesion.edges)
    assert softness(lesion, middles - 2 * np.pi) == pytest.approx(lesion.edges)
    assert softness(lesion, np.array([0.0])) == pytest.approx([0.45])  # midway between the last and the first


def test_cover_is_one_inside_and_exactly_none_outside_the_mask() -> None:
    ground = Ground(CAMERA, 200, LESION)
    cover, mask = outline(ground, np.random.default_rng(0))
    assert cover.dtype == np.float32
    assert mask.dtype == bool
    assert ((cover > 0) == mask).all()
    assert cover.max() <= 1 + 1e-6
    assert cover[ground.distance < 0.5] == pytest.approx(1)
    assert not mask[ground.distance > 1.6].any()


@pytest.mark.parametrize("edge", [0.2, 1.0])
def test_half_of_a_discs_border_lies_outside_its_radius(edge: float) -> None:
    lesion = replace(LESION, bumps=(), phases=(), edges=(edge,) * 8)
    ground = Ground(CAMERA, 256, lesion)
    areas = [outline(ground, np.random.default_rng(seed))[1].sum() * ground.mm**2 for seed in range(8)]
    outer = 4.0 + edge / 2 * 0.78  # the cover's first step is at 0.11 of the border's width
    assert np.mean(areas) == pytest.approx(np.pi * outer**2, rel=0.03)


def test_soft_sectors_fade_over_more_of_the_skin_than_abrupt_ones() -> None:
    ground = Ground(CAMERA, 256, replace(LESION, bumps=(), phases=(), edges=(0.2,) * 4 + (1.2,) * 4))
    cover, _ = outline(ground, np.random.default_rng(1))
    fading = (cover > 0) & (cover < 0.95)
    assert fading[ground.angle > np.pi].sum() > 3 * fading[ground.angle < np.pi].sum()


STRUCTURES = (
    Structure(kind="pigment_network", strength=0.8, irregularity=0.6, size=0.5),
    Structure(kind="streaks", strength=0.7, irregularity=0.8, size=0.12, seed=3),
    Structure(kind="regression", strength=0.6, x=0.3, extent=0.4, seed=4),
    Structure(kind="blue_whitish_veil", strength=0.8, x=-0.3, extent=0.5, seed=5),
)


@pytest.mark.parametrize("melanin", [0.01, 0.03, 0.09, 0.2])
@pytest.mark.parametrize(
    "lesion",
    [
        LESION,
        replace(LESION, edges=(1.4,) * 8, mottle=0.8, lopsided=0.9, lesion_seed=3),
        replace(LESION, pigment=0.04, redness=0.08, lesion_seed=4),
        replace(LESION, radius=3.5, mottle=0.6, structures=STRUCTURES, pigment=0.2, lesion_seed=5),
    ],
    ids=["plain", "soft and uneven", "red", "structured"],
)
def test_the_mask_is_where_the_picture_changes(lesion: Lesion, melanin: float) -> None:
    """To 0.99 IoU at a change of one grey level of 255, and of half of one on the darkest skin."""
    skin = Skin(melanin=melanin)
    layers = drawn(lesion, 224, skin=skin)
    bare = Layers.plain(224, skin.melanin, skin.blood)
    change = np.abs(grey_levels(layers) - grey_levels(bare)).max(axis=-1)
    assert overlap(layers.masks["lesion"], change >= (1.0 if melanin < 0.1 else 0.5)) >= 0.99


def test_the_same_lesion_at_another_size_and_turned() -> None:
    small, large = (drawn(LESION, size).masks["lesion"] for size in (128, 384))
    assert overlap(small, large[1::3, 1::3]) > 0.97
    turned = drawn(LESION, 128, replace(CAMERA, angle=np.pi / 2)).masks["lesion"]
    assert max(overlap(np.rot90(small, k), turned) for k in (1, 3)) > 0.99
    assert overlap(small, turned) < 0.97


def test_the_box_is_the_masks() -> None:
    layers = Layers.plain(100, 0.02, 0.02)
    box = draw_lesion(CAMERA, 100, replace(LESION, left=1.0), layers)
    rows, columns = np.nonzero(layers.masks["lesion"])
    assert box == (columns.min(), rows.min(), columns.max() + 1, rows.max() + 1, "nv")


def test_out_of_the_picture_nothing_is_drawn() -> None:
    layers = Layers.plain(64, 0.02, 0.02)
    assert draw_lesion(CAMERA, 64, replace(LESION, left=30.0), layers) is None
    assert not layers.masks
    assert (layers.melanin == np.float32(0.02)).all()


def test_a_lesion_of_a_pixel_or_two_is_still_there() -> None:
    far = replace(CAMERA, modality="clinical", field=300)
    layers = Layers.plain(96, 0.02, 0.02)
    assert draw_lesion(far, 96, replace(LESION, radius=2.0), layers) is not None
    assert 1 <= layers.masks["lesion"].sum() <= 16


def test_seeds_make_the_bytes() -> None:
    one, again, other = (drawn(replace(LESION, lesion_seed=seed)) for seed in (1, 1, 2))
    assert one.melanin.tobytes() == again.melanin.tobytes()
    assert one.melanin.tobytes() != other.melanin.tobytes()


def test_more_pigment_redness_and_depth_add_more_of_each() -> None:
    for name, plane, values in (
        ("pigment", "melanin", (0.05, 0.1, 0.3)), ("redness", "blood", (0.0, 0.05, 0.1)),
        ("depth", "deep", (0.0, 0.2, 0.6)),
    ):  # fmt: skip
        planes = [getattr(drawn(replace(LESION, **{name: value})), plane) for value in values]
        assert (planes[0] <= planes[1]).all()
        assert (planes[1] <= planes[2]).all()
        assert planes[0].mean() < planes[1].mean() < planes[2].mean()


@settings(max_examples=40, deadline=None)
@given(
    radius=st.floats(0.2, 12),
    bumps=st.lists(st.floats(-0.15, 0.15), max_size=6),
    edges=st.tuples(*[st.floats(0.0, 3.0)] * 8),
    left=st.floats(-9, 9),
    angle=st.floats(-4, 4),
    field=st.floats(5, 60),
    mottle=st.floats(0, 1),
    seed=st.integers(0, 2**32),
)
def test_whatever_the_lesion_only_its_mask_changes(
    radius: float, bumps: list[float], edges: tuple, left: float, angle: float, field: float, mottle: float, seed: int
) -> None:
    lesion = Lesion(
        diagnosis="mel", radius=radius, bumps=tuple(bumps), phases=(0.5,) * len(bumps), edges=edges, left=left,
        pigment=0.1, mottle=mottle, lopsided=1.0, lesion_seed=seed,
    )  # fmt: skip
    layers = drawn(lesion, 64, Camera(field=field, angle=angle))
    changed = layers.melanin != np.float32(SKIN.melanin)
    assert np.isfinite(layers.melanin).all()
    assert (changed == layers.masks["lesion"]).all()
    assert (layers.melanin >= np.float32(SKIN.melanin)).all()
