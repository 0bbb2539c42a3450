"""Models that answer by skin or by a ruler are caught on light skin alone; one that answers by the lesion passes."""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path

import cv2
import numpy as np
import polars as pl
import pytest

from cutis.audit.counterfactual import (
    Answers,
    Tolerance,
    answers_on_phantom,
    answers_on_photographs,
    effects,
    judge,
)
from cutis.errors import CutisError
from cutis.image.decode import Picture
from cutis.phantom import sample
from cutis.phantom.optics.table import melanin_for_ita
from cutis.schema.classes import ClassInfo

CLASSES = (
    ClassInfo(code="mel", name="Melanoma", malignant=True),
    ClassInfo(code="nv", name="Nevus", malignant=False),
)
TONES = (47.0, -12.0)
SIZE = 96
CONTROL = "control: noise of 2 grey levels"
N = 24


def edge(light: np.ndarray) -> np.ndarray:
    found = np.ones(light.shape, bool)
    found[SIZE // 6 : -SIZE // 6, SIZE // 6 : -SIZE // 6] = False
    return light[found]


def by_skin(light: np.ndarray) -> float:
    """p(malignant) by how dark the border is, and nothing else."""
    return float(1 / (1 + np.exp((np.median(edge(light)) - 140) / 10)))


def by_ruler(light: np.ndarray) -> float:
    """By thin lines near the border that are dark against what is around them."""
    lines = cv2.morphologyEx(light, cv2.MORPH_BLACKHAT, np.ones((7, 7), np.uint8))
    return float(min(0.05 + 30 * (edge(lines) > 0.25 * np.median(edge(light))).mean(), 0.95))


def by_lesion(light: np.ndarray) -> float:
    """By how much of the middle is nearer in darkness to the lesion's core than to skin, however dark the skin is."""
    y, x = np.mgrid[:SIZE, :SIZE]
    middle = np.hypot(y - SIZE / 2 + 0.5, x - SIZE / 2 + 0.5) < 0.42 * SIZE
    density = -np.log(cv2.medianBlur(light, 9)[middle] + 1.0)
    skin, core = np.quantile(density, [0.05, 0.95])
    return float(0.3 + 0.5 * (density > (skin + core) / 2).mean())


RULES: tuple[Callable[[np.ndarray], float], ...] = (by_skin, by_ruler, by_lesion)


class Rules:
    """One model a rule of this test, side by side, so that the pictures are made once: (n, 2 * rules)."""

    classes = CLASSES
    size = SIZE

    def answer(self, pictures: Sequence[Picture]) -> np.ndarray:
        lights = [cv2.cvtColor(p.square(SIZE), cv2.COLOR_RGB2GRAY) for p in pictures]
        sick = np.array([[rule(light) for rule in RULES] for light in lights])
        return np.stack([sick, 1 - sick], axis=2).reshape(len(lights), -1)


def of(answers: Answers, rule: Callable[[np.ndarray], float]) -> Answers:
    """The answers of one rule."""
    k = 2 * RULES.index(rule)
    return replace(answers, before=answers.before[:, k : k + 2], after=answers.after[..., k : k + 2])


@pytest.fixture(scope="module")
def photographs(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, pl.DataFrame]:
    """JPEGs with masks, of light skin only, and their rows."""
    root = tmp_path_factory.mktemp("counterfactual")
    rows = []
    for i in range(N):
        rng = np.random.default_rng(i)
        code = CLASSES[i % 2].code
        scene = sample(rng, code, melanin_for_ita(float(rng.uniform(45, 56))), site="back").without("ink", "sticker")
        # Neutral light: a cast would be refused, and these photographs should be measurable.
        image, truth = scene.replace(warmth=0.0, tint=0.0, gain=1.2, aperture=2.0).render(2 * SIZE)
        name = f"i{i:02}"
        cv2.imwrite(str(root / f"{name}.jpg"), image[..., ::-1])
        cv2.imwrite(str(root / f"{name}.png"), truth.mask.astype(np.uint8) * 255)
        rows.append((name, f"L{i}", None, code, f"{name}.jpg", f"{name}.png"))
    columns = ["image_id", "lesion_id", "patient_id", "target", "file", "mask"]
    return root, pl.DataFrame(rows, schema=dict.fromkeys(columns, pl.String), orient="row")


@pytest.fixture(scope="module")
def on_photographs(photographs: tuple[Path, pl.DataFrame]) -> Answers:
    folder, rows = photographs
    return answers_on_photographs(Rules(), rows, folder, tones=TONES)


@pytest.fixture(scope="module")
def on_phantom() -> Answers:
    return answers_on_phantom(Rules(), tones=TONES, scenes=N)


@pytest.fixture(params=["real", "phantom"])
def world(request: pytest.FixtureRequest) -> Answers:
    return request.getfixturevalue("on_photographs" if request.param == "real" else "on_phantom")


def verdicts(answers: Answers) -> dict[str, str]:
    tolerated = Tolerance(p=0.15, flips=0.25)  # none of 24 may still be 14 %
    return {r.change: judge(r, tolerated).answers for r in effects(answers, resamples=200) if r.group == "all"}


def test_a_model_that_answers_by_skin_is_caught_without_dark_skin_in_the_data(world: Answers) -> None:
    answers = of(world, by_skin)
    found = verdicts(answers)
    assert found["tone to ITA -12"] == "change"
    assert found["ruler added"] == found[CONTROL] == "hold"
    dark = next(r for r in effects(answers, resamples=200) if r.value == -12 and r.group == "all")
    assert dark.shift.low is not None
    assert dark.shift.low > 0.3
    assert "the answers change with skin tone" in judge(dark).words


def test_a_model_that_answers_by_a_ruler_is_caught(world: Answers) -> None:
    found = verdicts(of(world, by_ruler))
    assert found["ruler added"] == "change"
    assert found[CONTROL] == "hold"
    assert "change" not in [answer for change, answer in found.items() if change.startswith("tone")]


def test_a_model_that_answers_by_the_lesion_passes(world: Answers) -> None:
    found = verdicts(of(world, by_lesion))
    assert set(found) == {"tone to ITA 47", "tone to ITA -12", "hair added", "ruler added", "ink added", CONTROL}
    assert "change" not in found.values()
    assert list(found.values()).count("hold") >= 5  # of 24 lesions, a few flips by chance leave one in doubt


def test_what_cannot_be_trusted_is_counted_and_left_out(photographs: tuple[Path, pl.DataFrame], tmp_path: Path) -> None:
    """A picture of one lilac colour has no skin tone: it is asked about rulers, but never about tone."""
    folder, rows = photographs
    lilac = np.full((60, 80, 3), (200, 160, 230), np.uint8)
    cv2.imwrite(str(tmp_path / "lilac.png"), lilac[..., ::-1])
    row = {"image_id": "lilac", "lesion_id": "L", "patient_id": None, "target": None, "mask": None}
    here = os.path.relpath(tmp_path / "lilac.png", folder)
    table = pl.concat([rows.head(3), pl.DataFrame([row | {"file": here}], schema=rows.schema)])
    answers = answers_on_photographs(Rules(), table, folder, tones=[-12.0], artefacts=["ruler"])
    tone, ruler, control = (r for r in effects(of(answers, by_skin), resamples=40) if r.group == "all")
    assert (tone.n, tone.outside_trust) == (3, 1)
    assert (ruler.n, ruler.outside_trust) == (4, 0)
    assert control.n == 4
    assert judge(tone).words.endswith("Left out, as the change can't be trusted there: 1.")
    assert tone.shift.value is None  # 3 lesions are too few to say
    assert answers.notes == ("Without a lesion mask, so that the border was taken for skin: 1 of 4.",)


def test_unreadable_images_are_left_out_and_said(photographs: tuple[Path, pl.DataFrame]) -> None:
    folder, rows = photographs
    (folder / "broken.jpg").write_bytes(b"\xff\xd8\xff no picture")
    bad = rows.head(1).with_columns(pl.lit("bad").alias("image_id"), pl.lit("broken.jpg").alias("file"))
    answers = answers_on_photographs(Rules(), pl.concat([rows.head(2), bad]), folder, tones=[], artefacts=[])
    assert answers.ids == ["i00", "i01"]
    assert answers.notes[0].startswith("Left out, as the image or its mask can't be read: 1. The first: bad: ")
    with pytest.raises(CutisError, match="no image could be read; the first: bad"):
        answers_on_photographs(Rules(), bad, folder)


def test_same_seed_same_answers_and_changes_are_independent(photographs: tuple[Path, pl.DataFrame]) -> None:
    """The ruler that an image gets depends neither on other changes nor on other images."""
    folder, rows = photographs
    both = answers_on_photographs(Rules(), rows.head(4), folder, tones=[], artefacts=["hair", "ruler"], seed=5)
    alone = answers_on_photographs(Rules(), rows.head(2), folder, tones=[], artefacts=["ruler"], seed=5)
    other = answers_on_photographs(Rules(), rows.head(2), folder, tones=[], artefacts=["ruler"], seed=6)
    np.testing.assert_array_equal(both.after[1, :2], alone.after[0])
    assert (alone.after[0] != other.after[0]).any()
    again = answers_on_phantom(Rules(), tones=[19.0], artefacts=["ink"], scenes=3, seed=5)
    np.testing.assert_array_equal(
        again.after, answers_on_phantom(Rules(), tones=[19.0], artefacts=["ink"], scenes=3, seed=5).after
    )


def test_the_phantom_draws_one_photograph_of_each_patient(on_phantom: Answers) -> None:
    assert len(set(on_phantom.ids)) == N
    assert on_phantom.unit_name == "patient"
    assert set(on_phantom.target) == {"mel", "nv"}


@pytest.mark.parametrize(
    ("asked", "expected"),
    [
        ({"artefacts": ["rular"]}, 'did you mean "ruler"'),
        ({"scenes": 0}, "expected 1 or more"),
        ({"tones": [90.0]}, "ITA of 90 degrees"),
        ({"tones": [120.0]}, r"expected degrees in -90\.\.90"),
    ],
)
def test_what_the_phantom_cannot_do_is_refused(asked: dict[str, object], expected: str) -> None:
    with pytest.raises(CutisError, match=expected):
        answers_on_phantom(Rules(), **asked)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("asked", "expected"),
    [
        ({"artefacts": ["inc"]}, 'did you mean "ink"'),
        ({"images": 0}, "expected 1 or more"),
        ({"tones": [120.0]}, r"expected degrees in -90\.\.90"),
    ],
)
def test_what_photographs_cannot_be_is_refused(
    photographs: tuple[Path, pl.DataFrame], asked: dict[str, object], expected: str
) -> None:
    folder, rows = photographs
    with pytest.raises(CutisError, match=expected):
        answers_on_photographs(Rules(), rows, folder, **asked)  # type: ignore[arg-type]
