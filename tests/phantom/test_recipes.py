"""Recipes: data that is checked, classes that overlap as in life, naevi that share a style."""

from __future__ import annotations

import math
import re
import time
import tomllib
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import balanced_accuracy_score
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from cutis.errors import CutisError
from cutis.phantom.classes import CODES, GENERIC
from cutis.phantom.lesion import recipes as module
from cutis.phantom.lesion.recipes import RECIPES, load_recipes, sample_lesion, sample_style
from cutis.phantom.parts import Camera, Lesion, Skin
from cutis.phantom.scene import Scene
from cutis.phantom.vocabulary import STRUCTURES

ALL = (*CODES, GENERIC)


def drawn(code: str, n: int, seed: int = 0) -> list[Lesion]:
    rng = np.random.default_rng(seed)
    return [sample_lesion(rng, code) for _ in range(n)]


@given(st.sampled_from(ALL), st.integers(0, 2**32 - 1), st.booleans())
@settings(max_examples=150, deadline=None)
def test_any_drawn_lesion_is_a_valid_scene(code: str, seed: int, styled: bool) -> None:
    rng = np.random.default_rng(seed)
    style = sample_style(rng) if styled else None
    lesion = sample_lesion(rng, code, style=style)
    scene = Scene(skin=Skin(melanin=0.02), lesions=(lesion,), camera=Camera())  # checks every range
    assert Scene.from_dict(scene.to_dict()) == scene
    assert lesion.diagnosis == code
    kinds = [s.kind for s in lesion.structures]
    assert len(set(kinds)) == len(kinds)
    assert all(s.strength > 0 for s in lesion.structures)


def test_the_same_generator_draws_the_same_lesion() -> None:
    for code in ALL:
        assert drawn(code, 3, seed=7) == drawn(code, 3, seed=7) != drawn(code, 3, seed=8)


@pytest.mark.parametrize(
    ("code", "kind", "published"),  # of the whole class, where the class is one entity or all its entities are known
    [("df", "pigment_network", 0.718), ("df", "central_white_patch", 0.57), ("df", "dotted_vessels", 0.306)],
)
def test_structures_are_as_frequent_as_published(code: str, kind: str, published: float) -> None:
    n = 1500
    found = sum(kind in {s.kind for s in one.structures} for one in drawn(code, n)) / n
    assert abs(found - published) < 4 * math.sqrt(published * (1 - published) / n)


def test_entities_are_drawn_by_their_shares_and_within_their_ranges() -> None:
    first, second = RECIPES["mel"][0], RECIPES["mel"][1]
    small = replace(first, share=3, radius=(1, 1.5), structures=())
    large = replace(second, share=1, radius=(4, 5), structures=())
    rng = np.random.default_rng(0)
    radii = np.array([sample_lesion(rng, "mel", {"mel": (small, large)}).radius for _ in range(2000)])
    assert ((radii >= 1) & (radii <= 1.5) | (radii >= 4) & (radii <= 5)).all()
    assert abs((radii < 2).mean() - 0.75) < 0.04


def test_abrupt_edges_lie_side_by_side() -> None:
    entity = replace(RECIPES["nv"][0], abrupt=(0.5, 0.5), edge=(0.6, 0.6), radius=(3, 3))
    lesion = sample_lesion(np.random.default_rng(3), "nv", {"nv": (entity,)})
    abrupt = [edge <= 0.2 for edge in lesion.edges]
    assert sum(abrupt) == 4
    assert sum(a != b for a, b in zip(abrupt, abrupt[1:] + abrupt[:1], strict=True)) == 2


def test_every_structure_can_be_drawn_and_every_probability_names_its_source() -> None:
    assert {feature.kind for entity in RECIPES[GENERIC] for feature in entity.structures} == set(STRUCTURES)
    text = Path(module.__file__).with_name("recipes.toml").read_text(encoding="utf-8")
    known = set(re.findall(r"^# ([a-z]+\d{4}|balagula) ", text, re.MULTILINE)) | {"guess"}
    used = {f.source for entities in RECIPES.values() for e in entities for f in e.structures}
    assert used == known


def features(lesions: list[Lesion], kind: str = "") -> list[list[float]]:
    rows = []
    for one in lesions:
        there = {s.kind: (s.strength, s.irregularity) for s in one.structures}
        more = there.get(kind, (0.0, 0.0)) if kind else ()
        rows.append([one.pigment, one.redness, one.depth, math.log(one.radius), *more])
    return rows


@pytest.fixture(scope="module")
def classes() -> tuple[dict[str, list[Lesion]], dict[str, list[Lesion]]]:
    return {c: drawn(c, 400, seed=1) for c in CODES}, {c: drawn(c, 400, seed=2) for c in CODES}


def accuracy(classes: tuple[dict[str, list[Lesion]], dict[str, list[Lesion]]], kind: str = "") -> float:
    model = make_pipeline(StandardScaler(), LogisticRegression(max_iter=500))
    (x, y), (test_x, test_y) = (
        (
            np.array([row for code in CODES for row in features(part[code], kind)]),
            np.repeat(np.arange(len(CODES)), [len(part[code]) for code in CODES]),
        )
        for part in classes
    )
    return float(balanced_accuracy_score(test_y, model.fit(x, y).predict(test_x)))


def test_mean_colour_and_size_do_not_tell_the_classes(classes: tuple) -> None:
    assert accuracy(classes) < 0.45


@pytest.mark.parametrize(
    "kind", ["pigment_network", "lacunae", "scale", "strawberry_pattern", "arborising_vessels", "central_white_patch"]
)
def test_nor_does_any_one_structure_beside_them(classes: tuple, kind: str) -> None:
    assert accuracy(classes, kind) < 0.55


def test_no_structure_belongs_to_one_class_alone_but_those_that_name_it() -> None:
    owners: dict[str, set[str]] = {kind: set() for kind in STRUCTURES}
    for code in CODES:
        for entity in RECIPES[code]:
            for feature in entity.structures:
                owners[feature.kind].add(code)
    alone = {kind for kind, codes in owners.items() if len(codes) == 1}
    assert alone == {"lacunae", "ovoid_nests", "leaf_like_areas", "central_white_patch"}
    assert all(owners.values())


def test_naevi_of_one_style_resemble_each_other() -> None:
    """Spread of look and of structures within persons is well below that between them; other classes don't care."""

    def spread(code: str) -> tuple[float, float]:
        rng = np.random.default_rng(5)
        pigments, networks = [], []
        for _ in range(40):
            style = sample_style(rng)
            mine = [sample_lesion(rng, code, style=style) for _ in range(8)]
            pigments.append([one.pigment for one in mine])
            networks.append(["pigment_network" in {s.kind for s in one.structures} for one in mine])
        return tuple(
            float(np.mean(np.var(table, axis=1)) / np.var(table)) for table in (np.array(pigments), np.array(networks))
        )  # type: ignore[return-value]

    pigment, network = spread("nv")
    assert pigment < 0.45
    assert network < 0.6
    pigment, network = spread("mel")
    assert pigment > 0.75
    assert network > 0.75


def test_sampling_is_fast() -> None:
    rng = np.random.default_rng(0)
    best = math.inf
    for _ in range(5):
        began = time.process_time()
        for _ in range(100):
            sample_lesion(rng, "mel")
        best = min(best, (time.process_time() - began) / 100)
    assert best < 0.3e-3


# ---- files -----------------------------------------------------------------------------------------------------------


def test_a_file_changes_what_it_names_and_nothing_else(tmp_path: Path) -> None:
    path = tmp_path / "mine.toml"
    path.write_text(
        "[[vasc]]\nradius = [2, 3]\n[vasc.structures]\n"
        "lacunae = { probability = 1, strength = [1, 1], irregularity = [0, 0] }\n"
    )
    recipes = load_recipes(path)
    assert {code: recipes[code] for code in ALL if code != "vasc"} == {c: RECIPES[c] for c in ALL if c != "vasc"}
    (only,) = recipes["vasc"]
    assert (only.name, only.radius, [f.kind for f in only.structures]) == ("vasc", (2, 3), ["lacunae"])
    built = tomllib.loads(Path(module.__file__).with_name("recipes.toml").read_text(encoding="utf-8"))
    assert list(only.pigment) == built["lesion"]["pigment"]
    lesion = sample_lesion(np.random.default_rng(0), "vasc", recipes)
    assert [(s.kind, s.strength) for s in lesion.structures] == [("lacunae", 1.0)]
    path.write_text("[lesion]\nmottle = [1, 1]\n[structures]\nlacunae = { size = [2, 2] }\n")
    recipes = load_recipes(path)
    assert {
        s.size for s in sample_lesion(np.random.default_rng(1), "vasc", recipes).structures if s.kind == "lacunae"
    } <= {2.0}
    assert recipes["df"][0].mottle == (1, 1)


def test_the_phantoms_own_file_loads_as_a_file() -> None:
    assert load_recipes(Path(module.__file__).with_name("recipes.toml")) == RECIPES


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("[[mel]]\nradius = [7, 2]", r"mel \(mel\): radius is \[7, 2\]; expected \[least, most\] within 0.2..60"),
        ("[[mel]]\nradius = 3", "radius is 3; expected"),
        ("[[mel]]\nradius = [1, nan]", "radius is .* expected"),
        ("[[mel]]\nradus = [1, 2]", 'unknown key "radus": did you mean "radius"'),
        ("[[mell]]\nradius = [1, 2]", 'unknown key "mell": did you mean "mel"'),
        ("[mel]\nradius = [1, 2]", r"write \[\[mel\]\]"),
        ("mel = []", "expected one or more tables"),
        ("[[mel]]\nname = 3", "name is 3; expected text"),
        ("[[mel]]\nshare = -1", "share is -1; expected a number in 0..1"),
        ("[[mel]]\nshare = 0", "no entity has a share above 0"),
        ("[[mel]]\nstructures = 3", "structures is 3; expected a table"),
        ("[[mel]]\n[mel.structures]\nstreeks = {}", 'unknown key "streeks": did you mean "streaks"'),
        ("[[mel]]\n[mel.structures]\nstreaks = {}", "streaks: probability is missing"),
        ("[[mel]]\n[mel.structures]\nstreaks = { probability = 1.5 }", "probability is 1.5; expected a number in 0..1"),
        ("[structures]\nstreaks = { sise = [1, 2] }", 'streaks: unknown key "sise": did you mean "size"'),
        ("[lesion]\ncolour = [1, 2]", r"\[lesion\]: unknown key"),
        ("lesion = 3", "lesion is 3; expected a table"),
        ("[[mel", "not valid TOML"),
    ],
)
def test_bad_files_get_one_line(tmp_path: Path, text: str, says: str) -> None:
    path = tmp_path / "mine.toml"
    path.write_text(text)
    with pytest.raises(CutisError, match=says) as error:
        load_recipes(path)
    assert str(path) in str(error.value)
    assert "\n" not in str(error.value)


def test_bad_requests_get_one_line(tmp_path: Path) -> None:
    with pytest.raises(CutisError, match="can't be read"):
        load_recipes(tmp_path / "none.toml")
    with pytest.raises(CutisError, match="can't be read"):
        load_recipes(tmp_path)
    (tmp_path / "binary.toml").write_bytes(b"\xff\xfe\x00")
    with pytest.raises(CutisError, match="not valid TOML"):
        load_recipes(tmp_path / "binary.toml")
    with pytest.raises(CutisError, match='diagnosis "mell": did you mean "mel"'):
        sample_lesion(np.random.default_rng(0), "mell")
