"""What every keratotic and vascular structure must do: exact masks, monotone strength, the same at all sizes, cheap."""

from __future__ import annotations

import math
import time

import cv2
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from lit import CAMERA, LESION, SIZES, light, planes, structure

from cutis.phantom.layers import Layers
from cutis.phantom.lesion import keratotic, vascular
from cutis.phantom.lesion.draw import DRAWERS
from cutis.phantom.lesion.outline import outline
from cutis.phantom.parts import Camera
from cutis.phantom.view import Ground

KINDS = [*keratotic.DRAWERS, *vascular.DRAWERS]


def test_these_are_all() -> None:
    assert set(KINDS) == set(SIZES)


@pytest.mark.parametrize("kind", KINDS)
def test_without_strength_nothing_changes(kind: str) -> None:
    made, bare = planes(structure(kind, strength=0.0)), planes()
    assert not made.masks[kind].any()
    assert np.abs(light(made) - light(bare)).max() < 1e-6


@pytest.mark.parametrize("irregularity", [0.0, 1.0])
@pytest.mark.parametrize("kind", KINDS)
def test_strength_acts_monotonically_and_where_the_mask_is(kind: str, irregularity: float) -> None:
    bare = light(planes())
    made = [planes(structure(kind, strength=s, irregularity=irregularity)) for s in (0.1, 0.5, 1.0)]
    seen = [np.abs(light(layers) - bare).sum(axis=-1) for layers in made]
    masks = [layers.masks[kind] for layers in made]
    assert masks[0].any()
    assert (masks[0] == masks[1]).all()
    assert (masks[1] == masks[2]).all()
    assert seen[0][masks[0]].mean() < seen[1][masks[1]].mean() < seen[2][masks[2]].mean()
    assert seen[2][masks[2]].mean() > 4 * seen[2][~masks[2]].mean()
    assert seen[2][~made[2].masks["lesion"]].max() < 1e-4
    assert not (masks[2] & ~made[2].masks["lesion"]).any()


@pytest.mark.parametrize("kind", KINDS)
def test_seeds_make_the_bytes(kind: str) -> None:
    one, again, other = (light(planes(structure(kind, seed=seed))) for seed in (1, 1, 2))
    assert one.tobytes() == again.tobytes() != other.tobytes()


@pytest.mark.parametrize("kind", KINDS)
def test_a_structure_is_the_same_at_every_size(kind: str) -> None:
    small, large = (planes(structure(kind), size=size).masks[kind] for size in (160, 480))
    large = cv2.resize(large.astype(np.float32), (160, 160), interpolation=cv2.INTER_AREA) > 0.5
    # elements of a pixel or two
    least = {"dotted_vessels": 0.3, "irregular_vessels": 0.3, "arborising_vessels": 0.4, "scale": 0.6}.get(kind, 0.7)
    assert (small & large).sum() / (small | large).sum() > least


@pytest.mark.parametrize("kind", KINDS)
def test_irregularity_changes_it(kind: str) -> None:
    even, uneven = (light(planes(structure(kind, irregularity=i))) for i in (0.0, 1.0))
    assert np.abs(even - uneven).max() > 0.01


@pytest.mark.parametrize("kind", [k for k in KINDS if k != "leaf_like_areas"])
def test_a_structure_lies_where_it_was_put(kind: str) -> None:
    mask = planes(structure(kind, x=0.5, y=0.0, extent=0.4, count=6)).masks[kind]
    assert np.nonzero(mask)[1].mean() > 80 + 0.25 * LESION.radius * 16  # columns: 16 pixels a millimetre from 80


@given(
    st.sampled_from(KINDS),
    st.integers(0, 2**32 - 1),
    st.floats(0.01, 2.0),
    st.integers(0, 2000),
    st.floats(0, 3),
    st.floats(0, 1),
)
@settings(max_examples=60, deadline=None)
def test_any_structure_leaves_finite_planes(
    kind: str, seed: int, size: float, count: int, extent: float, irregularity: float
) -> None:
    one = structure(kind, seed=seed, size=size, count=count, extent=extent, irregularity=irregularity)
    layers = planes(one, size=48)
    assert all(np.isfinite(p).all() for p in (layers.melanin, layers.blood, layers.deep, layers.relief))
    assert all(np.isfinite(o).all() and 0 <= o.min() <= o.max() <= 1 for _, o, _ in layers.covers)
    assert layers.melanin.min() >= 0
    assert 0 <= light(layers).min() <= light(layers).max() <= 1


@pytest.mark.parametrize("kind", KINDS)
def test_seen_from_afar_nothing_breaks(kind: str) -> None:
    assert np.isfinite(light(planes(structure(kind), camera=Camera(field=250, modality="clinical"), size=128))).all()


def test_structures_are_cheap() -> None:
    """Together under 14 x 3 ms of processor time at 224 pixels; a loop over pixels would take far longer."""
    ground = Ground(CAMERA, 224, LESION)
    cover, _ = outline(ground, np.random.default_rng(0))
    spent = 0.0
    for kind in KINDS:
        best = math.inf
        for _ in range(3):
            layers = Layers.plain(224, 0.03, 0.02)
            began = time.process_time()
            DRAWERS[kind](ground, structure(kind), cover, layers)
            best = min(best, time.process_time() - began)
        spent += best
    assert spent < 14 * 3e-3
