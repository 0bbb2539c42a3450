"""Scenes are plain data: what goes in comes out, and what can't be is refused in one line."""

from __future__ import annotations

import json

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import cutis
from cutis.errors import CutisError
from cutis.phantom.classes import CODES, GENERIC
from cutis.phantom.parts import Artefact, Structure
from cutis.phantom.patients import plain, rephotograph, sample
from cutis.phantom.scene import Scene


@settings(max_examples=40, deadline=None)
@given(st.integers(0, 2**63), st.sampled_from([*CODES, GENERIC]), st.floats(0.0, 0.6))
def test_json_gives_the_scene_back(seed: int, diagnosis: str, melanin: float) -> None:
    scene = sample(np.random.default_rng(seed), diagnosis, melanin)
    assert scene.diagnosis == diagnosis
    assert scene.skin.melanin == pytest.approx(melanin)
    assert Scene.from_dict(json.loads(json.dumps(scene.to_dict(), allow_nan=False))) == scene


def test_same_generator_same_scene() -> None:
    assert sample(np.random.default_rng(4)) == sample(np.random.default_rng(4))
    assert sample(np.random.default_rng(4)) != sample(np.random.default_rng(5))


def test_as_the_readme_types_it() -> None:
    scene = cutis.phantom.sample(np.random.default_rng(0), diagnosis="mel", melanin=0.12)
    image, truth = scene.render(size=64)
    assert image.shape == (64, 64, 3)
    assert truth.mask.shape == (64, 64)
    darker = scene.replace(melanin=0.35)
    assert darker.lesions == scene.lesions
    assert darker.render(64)[0].mean() < image.mean()


def test_replace_finds_the_part_that_a_field_belongs_to() -> None:
    scene = sample(np.random.default_rng(1), "nv")
    changed = scene.replace(melanin=0.3, pigment=0.2, blur=0.1)
    assert (changed.skin.melanin, changed.lesions[0].pigment, changed.camera.blur) == (0.3, 0.2, 0.1)
    assert changed.artefacts == scene.artefacts


def test_add_and_without_are_each_others_opposite() -> None:
    scene = sample(np.random.default_rng(2), "nv").without("ruler", "streaks")
    more = scene.add(Artefact(kind="ruler"), Structure(kind="streaks", strength=0.8))
    assert more.without("ruler", "streaks") == scene
    assert scene.without("lesion").lesions == ()


def test_rephotograph_keeps_the_lesion_and_changes_the_photograph() -> None:
    rng = np.random.default_rng(0)
    first = sample(rng)
    again = rephotograph(first, rng)
    assert (first.skin, first.lesions) == (again.skin, again.lesions)
    assert first.camera != again.camera


def test_bad_values_are_named() -> None:
    rng = np.random.default_rng(0)
    with pytest.raises(CutisError, match='diagnosis "mell": did you mean "mel"'):
        sample(rng, "mell")
    with pytest.raises(CutisError, match='site "bak": did you mean "back"'):
        sample(rng, site="bak")
    scene = sample(rng)
    with pytest.raises(CutisError, match=r"melanin is 2\.0; expected a number in 0\.\.0\.6"):
        sample(rng, melanin=2.0)
    with pytest.raises(CutisError, match="melanin is nan"):
        scene.replace(melanin=float("nan"))
    with pytest.raises(CutisError, match='field "radios": did you mean "radius"'):
        scene.replace(radios=0.2)
    with pytest.raises(CutisError, match='artefact "rular": did you mean "ruler"'):
        scene.add(Artefact(kind="rular"))
    with pytest.raises(CutisError, match='kind "hairs": did you mean "hair"'):
        scene.without("hairs")
    with pytest.raises(CutisError, match="plain skin"):
        plain(rng).replace(pigment=0.1)
    content = scene.to_dict()
    del content["skin"]["melanin"]
    with pytest.raises(CutisError, match="field melanin is missing"):
        Scene.from_dict(content)
    with pytest.raises(CutisError, match='skin\'s field "melanine"'):
        Scene.from_dict({**scene.to_dict(), "skin": {"melanine": 0.1}})
