"""A whole audit of a tiny bundle: all parts there, taken up after an interruption, and bad input in one line."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import polars as pl
import pytest
from driving import in_process

from cutis.audit import run
from cutis.audit.classes import in_words_of
from cutis.audit.refusals import refusal_rows
from cutis.audit.run import Plan, audit
from cutis.audit.unknown import Strange, parse_strange
from cutis.bundle.predict import Bundle
from cutis.data.dataset import Dataset
from cutis.errors import CutisError
from cutis.report.dossier import CONTENT
from cutis.schema.classes import ClassInfo
from cutis.schema.dossier import DossierEvidence

SMALL = Plan(suite="medmnistc", shift_images=8, images=4, scenes=4, attack_images=2, strange_images=9, resamples=40)


@pytest.fixture(scope="module")
def strange(tmp_path_factory: pytest.TempPathFactory, encoded, picture) -> Path:
    folder = tmp_path_factory.mktemp("strange") / "noise"
    folder.mkdir()
    for i in range(12):
        (folder / f"{i}.png").write_bytes(encoded(picture(40, 30, 900 + i)[:, ::-1].copy(), "PNG"))
    return folder


def test_every_part_is_in_the_dossier_and_the_work_is_cleared_away(
    bundle: Bundle, dataset: Dataset, strange: Path, tmp_path: Path
) -> None:
    out = tmp_path / "dossier"
    against = [Strange("not skin", strange), Strange("other source", dataset.path)]
    found = audit(bundle.path, dataset, out, against=against, plan=SMALL)
    assert [p.name for p in tmp_path.iterdir()] == ["dossier"]
    assert {p.name for p in out.iterdir()} == CONTENT
    assert DossierEvidence.load(out / "evidence.json").shifts == found.shifts
    assert found.clean.find("accuracy") is not None
    assert {(r.shift, r.severity) for r in found.shifts if r.severity is not None} == {
        (c.name, s) for c in run.find_corruptions("medmnistc") for s in range(1, 6)
    }
    assert {r.metric for r in found.shifts if r.severity is None} == {"be", "rbe"}
    assert {(r.against, r.kind) for r in found.ood} == {("noise", "not skin"), (dataset.path.name, "other source")}
    assert {r.n_out for r in found.ood} == {9}
    assert {r.world for r in found.counterfactual} == {"real", "phantom"}
    assert found.refusals[0].column == ""
    assert {r.against for r in found.distances} >= {dataset.card.name}
    assert [n.part for n in found.not_done] == ["attacks"]  # the tiny network is none that Cutis can rebuild


def test_an_interrupted_audit_goes_on_where_it_was(
    bundle: Bundle, dataset: Dataset, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    plan = SMALL.model_copy(update={"attack_images": 0})
    whole = audit(bundle.path, dataset, tmp_path / "whole", plan=plan)
    out, real = tmp_path / "dossier", run.shifted

    def until_blur(model, ids, images, corruption, **how):
        if corruption is not None and corruption.name == "defocus_blur":
            raise KeyboardInterrupt
        return real(model, ids, images, corruption, **how)

    monkeypatch.setattr(run, "shifted", until_blur)
    with pytest.raises(KeyboardInterrupt):
        audit(bundle.path, dataset, out, plan=plan)
    assert not out.exists()
    monkeypatch.setattr(run, "shifted", real)
    monkeypatch.setattr(run, "seen_attributes", lambda *_: pytest.fail("made again"))
    said: list[str] = []
    found = audit(bundle.path, dataset, out, plan=plan, say=said.append)
    assert "pixelate" in said[0]
    assert found.model_dump(exclude={"created", "clean"}) == whole.model_dump(exclude={"created", "clean"})
    assert found.clean.measured == whole.clean.measured


def test_what_was_kept_for_other_settings_is_not_used(bundle: Bundle, dataset: Dataset, tmp_path: Path) -> None:
    kept = run.Steps(tmp_path / "d", {"seed": 0})
    kept.table("a", lambda: pl.DataFrame({"x": [1]}))
    assert run.Steps(tmp_path / "d", {"seed": 0}).resumed == ["a"]
    assert run.Steps(tmp_path / "d", {"seed": 1}).resumed == []


def test_classes_of_other_names_are_read_by_the_hierarchy(dataset: Dataset) -> None:
    theirs = (
        ClassInfo(code="MEL", name="melanoma", malignant=True),
        ClassInfo(code="naevus", name="Nevus", malignant=False),
        ClassInfo(code="df", name="Dermatofibroma", malignant=False),
    )
    names = {"mel": "MEL", "nv": "naevus"}
    other = replace(
        dataset,
        card=dataset.card.model_copy(update={"classes": theirs}),
        manifest=dataset.manifest.with_columns(pl.col("target").replace(names)),
    )
    back, notes = in_words_of(other, dataset.card.classes)
    assert back.manifest["target"].to_list() == dataset.manifest["target"].to_list()
    assert back.card.classes == dataset.card.classes
    assert "MEL as mel, naevus as nv" in notes[0]
    assert in_words_of(dataset, dataset.card.classes) == (dataset, ())
    alien = (ClassInfo(code="cat", name="Cat"),)
    strangers = replace(
        dataset,
        card=dataset.card.model_copy(update={"classes": alien}),
        manifest=dataset.manifest.with_columns(pl.lit("cat").alias("target")),
    )
    with pytest.raises(CutisError, match=r"none of its classes \(cat\) is one that the bundle answers"):
        in_words_of(strangers, dataset.card.classes)


def test_refusals_by_group(bundle: Bundle, dataset: Dataset) -> None:
    said = bundle.predict(dataset, part="test", progress=False)
    n = len(said.table)
    reasons = ["too dark: More light." if i % 3 == 0 else None for i in range(n)]
    table = said.table.with_columns(
        pl.Series("reason", reasons),
        pl.Series("status", ["refused" if r else "ok" for r in reasons]),
        pl.Series("lamp", ["old" if i % 3 == 0 else "new" for i in range(n)]),
    )
    rows = refusal_rows(replace(said, table=table), ["lamp"], resamples=40)
    share = {(r.column, r.group, r.reason): r.share.value for r in rows}
    expected = pytest.approx(np.mean([i % 3 == 0 for i in range(n)]))
    assert share["", "all", "any"] == expected
    assert share["", "all", "too dark"] == expected
    assert (share["lamp", "old", "any"], share["lamp", "new", "any"]) == (1, 0)


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("bccd", "expected KIND=FOLDER"),
        ("not-skni=.", 'did you mean "not skin"'),
        ("not-skin=nowhere", "no such folder: nowhere"),
    ],
)
def test_strange_sets_are_named_in_full(text: str, words: str) -> None:
    with pytest.raises(CutisError, match=words):
        parse_strange(text)


def test_the_command(bundle: Bundle, dataset: Dataset, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    out = tmp_path / "dossier"
    small = ("--suite", "medmnistc", "--images", 4, "--changed", 3, "--attacked", 0, "--resamples", 40)
    code, said, wrong = in_process(capsys, "audit", bundle.path, dataset.path, "--out", out, *small)
    assert (code, wrong) == (0, "")
    assert "not done: attacks: left out as asked" in said
    assert f"open: {out / 'index.html'}" in said
    code, _, wrong = in_process(capsys, "audit", bundle.path, dataset.path, "--out", out, *small)
    assert (code, wrong.count("\n")) == (2, 1)
    assert "--overwrite" in wrong
    code, _, wrong = in_process(capsys, "audit", bundle.path, dataset.path, "--out", tmp_path / "x", "--suite", "skni")
    assert (code, wrong.count("\n")) == (2, 1)
    assert 'did you mean "skin"' in wrong
    assert [p.name for p in tmp_path.iterdir()] == ["dossier"]
