"""Scenes are plain data with a known order of tones."""

from __future__ import annotations

import json
import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from cutis.errors import CutisError
from cutis.phantom.scene import CLASSES, CODES, SKIN_LAB, TONES, Scene, rephotograph, sample
from cutis.schema.vocabulary import diagnosis_levels, is_malignant


@given(st.integers(0, 2**63), st.sampled_from(CODES), st.sampled_from(TONES))
def test_json_gives_the_scene_back(seed: int, diagnosis: str, tone: str) -> None:
    scene = sample(np.random.default_rng(seed), diagnosis, tone)
    assert (scene.diagnosis, scene.tone) == (diagnosis, tone)
    assert Scene.from_dict(json.loads(json.dumps(scene.to_dict(), allow_nan=False))) == scene


@given(st.integers(0, 2**63))
def test_outline_stays_positive(seed: int) -> None:
    scene = sample(np.random.default_rng(seed))
    assert sum(scene.bumps) < 1  # else the outline r(t) could cross the centre
    assert scene.edge > 0


def test_same_generator_same_scene() -> None:
    assert sample(np.random.default_rng(4)) == sample(np.random.default_rng(4))
    assert sample(np.random.default_rng(4)) != sample(np.random.default_rng(5))


def test_ita_falls_from_one_class_of_del_bino_to_the_next() -> None:
    """Very light > 55, light > 41, intermediate > 28, tan > 10, brown > -30, dark (Del Bino & Bernerd 2013)."""
    ita = [math.degrees(math.atan2(SKIN_LAB[t][0] - 50, SKIN_LAB[t][2])) for t in TONES]
    bounds = [90, 55, 41, 28, 10, -30, -90]
    assert all(high > angle > low for high, angle, low in zip(bounds, ita, bounds[1:], strict=False))


def test_rephotograph_keeps_the_lesion_and_changes_the_photograph() -> None:
    rng = np.random.default_rng(0)
    first = sample(rng)
    again = rephotograph(first, rng)
    kept = ("diagnosis", "tone", "skin_shift", "seed", "radius", "bumps", "melanin", "milia")
    assert all(getattr(first, name) == getattr(again, name) for name in kept)
    assert first.photo_seed != again.photo_seed
    assert first.angle != again.angle


def test_classes_have_their_place_in_the_vocabulary() -> None:
    for known in CLASSES:
        assert is_malignant(diagnosis_levels(known.diagnosis)) is known.malignant


def test_bad_values_are_named() -> None:
    rng = np.random.default_rng(0)
    with pytest.raises(CutisError, match='diagnosis "mell": did you mean "mel"'):
        sample(rng, "mell")
    with pytest.raises(CutisError, match='tone "VII"'):
        sample(rng, tone="VII")
    scene = sample(rng)
    with pytest.raises(CutisError, match='field "radios": did you mean "radius"'):
        scene.replace(radios=0.2)
    with pytest.raises(CutisError, match="field radius is missing"):
        Scene.from_dict({k: v for k, v in scene.to_dict().items() if k != "radius"})
