"""What is changed, by itself."""

from __future__ import annotations

import numpy as np
import pytest

from cutis.audit.counterfactual.changes import ARTEFACTS, Change, changes, noisy, sample_visible
from cutis.phantom import sample
from cutis.phantom.parts import Skin
from cutis.phantom.vocabulary import ARTEFACTS as KINDS

SKIN = Skin(melanin=0.03)


@pytest.mark.parametrize("kind", list(ARTEFACTS))
def test_what_is_planted_on_the_phantom_is_seen(kind: str) -> None:
    """As sampled, one stroke of a pen may miss the picture, and two vellus hairs don't show."""
    for seed in range(8):
        rng = np.random.default_rng(seed)
        bare = sample(rng, "nv").without(*KINDS).replace(aperture=2.0)
        truth = bare.add(sample_visible(rng, kind, bare.skin)).render(64)[1]
        assert truth.masks[kind].mean() > 0.005, seed


def test_hairs_that_are_planted_can_be_seen() -> None:
    for seed in range(20):
        artefact = sample_visible(np.random.default_rng(seed), "hair", SKIN)
        assert artefact.count >= 12
        assert artefact.size >= 0.05


def test_the_control_is_noise_of_its_size() -> None:
    image = np.full((200, 200, 3), 128, np.uint8)
    grain = noisy(image, np.random.default_rng(1)).astype(float) - 128
    assert abs(grain.mean()) < 0.03
    assert grain.std() == pytest.approx(np.sqrt(2.0**2 + 1 / 12), rel=0.02)  # rounding adds its own


def test_changes_say_what_they_are() -> None:
    assert [c.words for c in changes([-12.0], ["hair", "ink"])] == [
        "tone to ITA -12",
        "hair added",
        "ink added",
        "control: noise of 2 grey levels",
    ]
    assert Change("ruler").unit == ""
