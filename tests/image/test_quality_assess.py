"""The whole set at once: reasons and advice, masks, thresholds, odd images, light imports, and real pictures."""

from __future__ import annotations

import subprocess
import sys

import cv2
import numpy as np
import pytest

from cutis.errors import CutisError
from cutis.image.artefacts import DETECTORS
from cutis.image.assess import assess
from cutis.image.decode import decode, read_bytes
from cutis.image.quality import MEASURES
from cutis.phantom import sample
from cutis.phantom.optics.table import TONES
from cutis.phantom.vocabulary import ARTEFACTS

CODES = {"too small", "no skin seen", "too dark", "too bright", "too blurred", "out of frame", "glare"}


@pytest.fixture(scope="module")
def photograph() -> np.ndarray:
    scene = sample(np.random.default_rng(1), "nv", TONES["II"]).without(*ARTEFACTS)
    return scene.replace(glare=0.0, gain=1.0, blur=0.0).render(200)[0]


def codes(image: np.ndarray, mask: np.ndarray | None = None) -> set[str]:
    return {reason.code for reason in assess(image, mask).reasons()}


def test_a_good_photograph_is_not_refused(photograph):
    found = assess(photograph)
    assert found.ok
    assert found.reasons() == []
    assert set(found.scores) == set(MEASURES)
    assert set(found.artefacts) == set(DETECTORS)
    assert set(found.row()) == {f"quality_{n}" for n in MEASURES} | {f"artefact_{n}" for n in DETECTORS}
    assert all(np.isfinite(v) for v in found.row().values())


def test_each_fault_has_its_reason(photograph):
    bright = np.clip(photograph.astype(int) * 3, 0, 255).astype(np.uint8)
    cut = np.zeros(photograph.shape[:2], bool)
    cut[80:120, :20] = True
    flash = photograph.copy()
    cv2.circle(flash, (60, 60), 45, (255, 255, 255), -1)
    assert "too blurred" in codes(cv2.GaussianBlur(photograph, (0, 0), 4))
    assert "too dark" in codes((photograph * 0.15).astype(np.uint8))
    assert "too bright" in codes(bright)
    assert "no skin seen" in codes(np.ascontiguousarray(photograph[..., [2, 1, 0]] // np.array([2, 1, 1], np.uint8)))
    assert "out of frame" in codes(photograph, cut)
    assert "glare" in codes(flash)
    assert "too small" in codes(photograph[::4, ::4].copy())
    assert {score.code for score in assess(photograph).scores.values()} == CODES | {""}


def test_a_reason_is_given_once_with_its_measures_and_advice(photograph):
    (reason,) = assess(cv2.GaussianBlur(photograph, (0, 0), 4)).reasons()
    assert reason.code == "too blurred"
    assert reason.measures == ("gradient", "wavelet")
    assert "steady" in reason.advice


def test_a_cast_advises_but_does_not_refuse(photograph):
    found = assess(photograph, thresholds={"colour_cast": 0.0})
    assert not found.scores["colour_cast"].ok
    assert found.ok


def test_thresholds_can_be_given(photograph):
    assert not assess(photograph, thresholds={"light": 101}).ok
    assert assess(photograph, thresholds={"hair": 0.0}).artefacts["hair"].present
    with pytest.raises(CutisError, match='threshold "ligth": did you mean "light"'):
        assess(photograph, thresholds={"ligth": 1})


@pytest.mark.parametrize(
    "shape", [(1, 1), (1, 5000), (5000, 1), (40, 6000), (3, 2), (17, 300), (256, 256), (1000, 700)], ids=str
)
@pytest.mark.parametrize("fill", ["black", "grey", "white", "noise"])
def test_odd_images_are_measured_not_crashed_on(shape, fill):
    value = {"black": 0, "grey": 128, "white": 255, "noise": 0}[fill]
    image = np.full((*shape, 3), value, np.uint8)
    if fill == "noise":
        image = np.random.default_rng(0).integers(0, 256, (*shape, 3), dtype=np.uint8)
    found = assess(image)
    assert not found.ok
    assert all(np.isfinite(v) for v in found.row().values())
    assert found.view.enlarge(found.artefacts["hair"].mask).shape == shape


def test_black_is_too_dark_and_white_too_bright():
    assert "too dark" in codes(np.zeros((200, 200, 3), np.uint8))
    assert "too bright" in codes(np.full((200, 200, 3), 255, np.uint8))


def test_size_hardly_matters(photograph):
    large = cv2.resize(photograph, (1200, 1200), interpolation=cv2.INTER_CUBIC)
    one, other = assess(photograph).row(), assess(large).row()
    for name in ("quality_light", "quality_headroom", "quality_colour_cast", "quality_skin"):
        assert one[name] == pytest.approx(other[name], rel=0.05, abs=0.3)


def test_the_same_image_gives_the_same_numbers_and_stays_as_it_is(photograph):
    before = photograph.copy()
    assert assess(photograph).row() == assess(photograph).row()
    assert np.array_equal(before, photograph)


def test_imports_are_light():
    script = "import cutis.image.assess, sys; print(' '.join({m.partition('.')[0] for m in sys.modules}))"
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    assert not set(done.stdout.split()) & {"torch", "polars", "scipy", "sklearn", "PIL", "skimage", "pydantic"}


def test_real_dermoscopy_is_accepted(ham_sample):
    files = sorted((ham_sample / "images").iterdir())
    refused = [f.name for f in files if not assess(decode(read_bytes(f), f.name)).ok]
    assert len(refused) <= 0.02 * len(files), refused


def test_real_pictures_of_other_things_are_refused(shared_data):
    for folder, pattern, least in (("bccd/images", "*.jpg", 0.75), ("dsb2018_nuclei/images", "*.png", 1.0)):
        files = sorted((shared_data / folder).rglob(pattern))[:40]
        assert files
        seen = [assess(decode(read_bytes(f), f.name)).scores["skin"].ok for f in files]
        assert np.mean(seen) <= 1 - least, folder
