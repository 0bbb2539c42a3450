"""People: naevi that resemble each other, ducklings that don't, visits, overviews and regions."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from cutis.phantom.patients import SITES, overview, region, sample, sample_person, visits
from cutis.phantom.render import render


def test_a_patients_naevi_resemble_each_other_and_a_duckling_does_not() -> None:
    rng = np.random.default_rng(0)

    def spread(duckling: bool) -> float:
        apart = []
        for _ in range(40):
            person = sample_person(rng, 0.05, "nv")
            own = [sample(rng, "nv", person=person).lesions[0].pigment for _ in range(4)]
            other = sample(rng, "nv", person=person, duckling=duckling).lesions[0].pigment
            apart.append(abs(np.log(other) - np.mean(np.log(own))))
        return float(np.median(apart))

    assert spread(duckling=True) > 1.5 * spread(duckling=False)


def test_a_growing_lesion_grows_and_others_do_not() -> None:
    rng = np.random.default_rng(1)
    scene = sample(rng, "mel", 0.03)
    later = visits(scene, rng, [6, 12, 24], growth=0.4)
    assert [one.lesions[0].radius / scene.lesions[0].radius for one in later] == pytest.approx([1.2, 1.4, 1.8])
    still = visits(scene, rng, [12])[0]
    assert still.lesions[0].radius == scene.lesions[0].radius
    assert still.camera != scene.camera
    assert still.skin.blood != scene.skin.blood
    area = [render(replace(s, camera=scene.camera), 128)[1].mask.mean() for s in (scene, *later)]
    assert area == sorted(area)


def test_an_overview_shows_the_same_lesion_smaller() -> None:
    rng = np.random.default_rng(2)
    scene = sample(rng, "nv", 0.05)
    far = overview(scene, rng)
    assert far.lesions == scene.lesions
    assert far.camera.modality == "clinical"
    assert 0 < render(far, 128)[1].mask.mean() < 0.25 * render(scene, 128)[1].mask.mean()


def test_a_region_has_a_box_around_each_lesion() -> None:
    rng = np.random.default_rng(3)
    scene, odd = region(rng, sample_person(rng, 0.05, "nv"), 25, ducklings=2)
    assert 10 <= len(scene.lesions) == len(odd) <= 25
    assert sum(odd) == 2
    image, truth = render(scene, 512)
    assert image.shape == (512, 512, 3)
    assert len(truth.boxes) == len(scene.lesions)
    inside = np.zeros((512, 512), bool)
    for left, top, right, bottom, _ in truth.boxes:
        assert truth.mask[top:bottom, left:right].any()
        inside[top:bottom, left:right] = True
    assert not (truth.mask & ~inside).any()


def test_sites_bring_their_skin() -> None:
    rng = np.random.default_rng(4)
    assert {sample(rng, "nv", site=site).skin.site for site in SITES} == {"body", "face", "scalp", "acral"}
    assert sum(share for share, _, _ in SITES.values()) == pytest.approx(1)
