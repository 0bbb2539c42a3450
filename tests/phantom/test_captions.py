"""Words are true of the picture."""

from __future__ import annotations

import numpy as np

from cutis.phantom.captions import caption, questions
from cutis.phantom.parts import Artefact, Structure
from cutis.phantom.patients import plain, sample
from cutis.phantom.vocabulary import STRUCTURES


def test_caption_names_what_shows_and_nothing_else() -> None:
    rng = np.random.default_rng(0)
    scene = sample(rng, "nv", 0.04).without("hair", "ruler", "ink", "sticker", "colour_patch", *STRUCTURES)
    image_truth = scene.render(96)[1]
    said = caption(scene, image_truth)
    assert "nevus" in said.lower() or "naevus" in said.lower()
    assert "No dermoscopic structure" in said
    assert "Also" not in said
    globules = Structure(kind="globules", strength=0.9, irregularity=0.8, count=20)
    more = scene.add(Artefact(kind="ruler", size=1.0), globules)
    said = caption(more, more.render(96)[1])
    assert "irregular globules" in said
    assert "ruler" in said


def test_answers_are_the_truth() -> None:
    rng = np.random.default_rng(1)
    for _ in range(5):
        scene = sample(rng)
        truth = scene.render(96)[1]
        answers = dict(questions(scene, truth))
        for kind, words in STRUCTURES.items():
            assert answers[f"Does the lesion show {words}?"] == ("yes" if kind in truth.masks else "no")
        assert answers["What is its 7-point score?"] == f"{truth.scores['seven_point']:.0f}"
    scene = plain(rng)
    assert dict(questions(scene, scene.render(64)[1]))["Is there a lesion?"] == "no"
