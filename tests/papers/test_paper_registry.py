"""Contracts over every claim, and the page and table made of them."""

from __future__ import annotations

import shlex
from pathlib import Path

import pytest
from driving import in_process

import cutis
from cutis.errors import CutisError
from cutis.papers.claim import Claim
from cutis.papers.page import page
from cutis.papers.registry import every_claim, find_claim, verdict_of
from cutis.papers.results import (
    BESIDE_FIELDS,
    FIELDS,
    WORLD_FIELDS,
    beside_file,
    beside_row,
    read,
    record,
    steps,
    world_row,
    worlds_file,
)
from cutis.papers.trial import Effect, Mean
from cutis.papers.worlds import WORLDS
from cutis.train.config import TrainConfig
from cutis.train.objectives import objective

CLAIMS = list(every_claim().values())
NAMED = {
    "circle",
    "detecting-melanoma-fairly",
    "skin-deep-unlearning",
    "fairseg",
    "fairdomain",
    "ddi-coco",
    "disc",
    "rewriting-model-decision",
    "neatx",
    "robustness-index",
    "medmnist-c",
    "mixoe",
    "ladine",
    "adversarial-medical",
    "breast-efficientnet",
    "yolo-deit-brain",
    "lymphoma-slice-classifier",
    "cnn-stop-learning",
}


def test_every_named_system_is_here() -> None:
    assert set(every_claim()) >= NAMED


@pytest.mark.parametrize("claim", CLAIMS, ids=lambda c: c.id)
def test_a_claim_is_whole(claim: Claim) -> None:
    for words in (claim.title, claim.citation, claim.claim, claim.idea, claim.equation, claim.differences, claim.use):
        assert words.strip()
    assert (Path(cutis.__file__).parent / claim.where).exists(), claim.where
    assert claim.trials
    assert set(claim.notes) <= {t.world for t in claim.trials}
    assert len({t.world for t in claim.trials}) == len(claim.trials)
    assert shlex.split(claim.use)[0] in ("cutis", "python")


@pytest.mark.parametrize("claim", CLAIMS, ids=lambda c: c.id)
def test_its_arms_are_settings_that_training_knows(claim: Claim) -> None:
    for trial in claim.trials:
        assert trial.world in WORLDS
        for arm in (trial.baseline, trial.method):
            config = TrainConfig(**{"epochs": 1, **arm})
            assert objective(config.method, **config.method_settings)


def line(claim: Claim, **changed: str) -> dict[str, str]:
    values = dict.fromkeys(FIELDS, "1") | {"id": claim.id, "world": claim.trials[0].world, "verdict": "holds"}
    return values | {"metric": "m", "better": "higher", "date": "2026-01-01"} | changed


def test_results_replace_their_own_line_only(tmp_path: Path) -> None:
    file = tmp_path / "papers.csv"
    assert read(file) == []
    one, two = CLAIMS[:2]
    record(file, line(two))
    record(file, line(one))
    record(file, line(two, verdict="not shown"))
    assert [(r["id"], r["verdict"]) for r in read(file)] == [(one.id, "holds"), (two.id, "not shown")]
    assert verdict_of(two, read(file))[0][1] is not None
    file.write_text("a,b\n1,2\n")
    with pytest.raises(CutisError, match="not a file of results"):
        read(file)


def test_the_page_has_a_row_for_each_trial() -> None:
    told = page(CLAIMS, [line(CLAIMS[0], low="-0.5", high="0.25", effect="0.125")])
    assert "| **holds** |" in told
    assert "+0.125 [-0.500, 0.250]" in told
    assert told.count("not run yet") == sum(len(c.trials) for c in CLAIMS) - 1
    assert all(f"**{c.id}**" in told for c in CLAIMS)


def test_cost_is_of_a_step_where_one_was_timed(tmp_path: Path) -> None:
    results = tmp_path / "papers.csv"
    assert steps(results) == {}
    (tmp_path / "papers_overhead.csv").write_text("method,overhead\ncutmix,1.25\n")
    took = {"low": "", "seconds_before": "10", "seconds_after": "30"}
    lines = [line(find_claim(name), world="ham10000", **took) for name in ("cutmix", "deep-ensembles")]
    told = page(CLAIMS, lines, steps=steps(results))
    assert "| cutmix | CutMix | ham10000 |" in told
    assert told.count("| step x 1.25 |") == 1
    assert told.count("| training x 3.00 |") == 1


def test_the_page_in_the_docs_is_what_the_command_writes() -> None:
    root = Path(__file__).resolve().parents[2]
    file = root / "benchmarks" / "results" / "papers.csv"
    worlds, beside = read(worlds_file(file), WORLD_FIELDS), read(beside_file(file), BESIDE_FIELDS)
    told = page(CLAIMS, read(file), worlds, beside, steps(file))
    assert (root / "docs" / "papers.md").read_text(encoding="utf-8") == told


def test_worlds_are_told_on_the_page(tmp_path: Path) -> None:
    file = worlds_file(tmp_path / "papers.csv")
    assert file == tmp_path / "papers_worlds.csv"
    record(file, world_row("phantom-patch", "baseline", Mean(0.5, 0.25, 0.75, (0.4, 0.6)), "scale=1.0"))
    record(file, world_row("phantom-patch", "oracle", Mean(0.0, None, None, (0.0,)), "scale=1.0"))
    record(file, world_row("phantom-patch", "baseline", Mean(0.625, 0.5, 0.75, (0.5, 0.75)), "scale=1.0"))
    told = page(CLAIMS, [], read(file, WORLD_FIELDS))
    assert "| phantom-patch | +0.625 [0.500, 0.750] | +0.000 | 2 |" in told
    assert "planted worlds" not in page(CLAIMS, [])


def test_groups_of_photographs_are_told_on_the_page(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    results = tmp_path / "papers.csv"
    file = beside_file(results)
    assert file == tmp_path / "papers_beside.csv"

    def put(claim: str, world: str, metric: str, value: float) -> None:
        seen = Effect(value, value - 0.25, value + 0.25, (value,), metric, 0.5, 0.5 + value, 9)
        record(file, beside_row(claim, world, "lower", seen, range(3), "scale=1.0"), keys=3)

    put("circle", "ham10000", "auroc_gap[tone]", 0.5)
    put("circle", "ham10000", "auroc_gap[tone]", -0.125)  # run again
    put("circle", "ham10000", "balanced_accuracy", 0.0)
    put("mixup", "ham10000", "balanced_accuracy", 0.0)  # no groups beside it
    put("disc", "phantom-patch", "auroc_gap[tone]", 0.0)  # no photographs
    told = page(CLAIMS, [], (), read(file, BESIDE_FIELDS))
    assert "| 0.500 -> 0.375, -0.125 [-0.375, 0.125] |" in told
    section = told.split("## Groups of photographs")[1].split("## ")[0]
    assert "| circle |" in section
    assert "| mixup |" not in section
    assert "| disc |" not in section
    assert "Groups of photographs" not in page(CLAIMS, [])
    _, out, _ = in_process(capsys, "papers", "show", "circle", "--results", results)
    assert "auroc_gap[tone] 0.5000 -> 0.3750, -0.1250 [-0.3750, 0.1250]" in out


def test_as_a_user(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    none = ("--results", tmp_path / "none.csv")
    code, out, _ = in_process(capsys, "papers", *none)
    assert code == 0
    assert all(c.id in out for c in CLAIMS)
    _, out, _ = in_process(capsys, "papers", "show", "circle", *none)
    assert "not run yet" in out
    assert "equation" in out
    code, _, err = in_process(capsys, "papers", "show", "cirkle")
    assert (code, "circle" in err) == (2, True)
    code, _, err = in_process(capsys, "papers", "run")
    assert (code, "which?" in err) == (2, True)
    for wrong in (("--world", "mars"), ("--seeds", "0"), ("--scale", "2")):
        assert in_process(capsys, "papers", "run", "circle", *wrong)[0] == 2
    code, out, _ = in_process(capsys, "papers", "page", *none, "--out", tmp_path / "papers.md")
    assert (code, (tmp_path / "papers.md").is_file()) == (0, True)


def test_an_unknown_name_says_the_nearest() -> None:
    with pytest.raises(CutisError, match="did you mean"):
        find_claim("medmnist")
