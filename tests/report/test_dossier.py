"""The dossier: complete or absent, the same bytes from the same evidence, and no sentence that the evidence lacks."""

from __future__ import annotations

import re
from html import unescape
from pathlib import Path
from xml.etree import ElementTree

import dossier_world
import polars as pl
import pytest
from test_report_page import Strict

from cutis.errors import CutisError
from cutis.report.audited.disturbs import topics
from cutis.report.audited.said import in_short, same_lesion, strange
from cutis.report.dossier import CONTENT, redraw, write_dossier
from cutis.report.dossier.drawing import draw
from cutis.report.dossier.tables import NAMES, tables
from cutis.schema.dossier import DossierEvidence, NotDone, OodRow, ShiftRow
from cutis.schema.estimate import Estimate
from cutis.schema.evidence import Evidence


@pytest.fixture(scope="module")
def full(evidence: Evidence) -> DossierEvidence:
    return dossier_world.full(evidence)


@pytest.fixture(scope="module")
def folder(full: DossierEvidence, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_dossier(full, tmp_path_factory.mktemp("audit") / "dossier of it")


@pytest.fixture(scope="module")
def bare(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_dossier(dossier_world.empty(), tmp_path_factory.mktemp("audit") / "empty")


def pages(folder: Path) -> list[Path]:
    return sorted(folder.rglob("*.html"))


def visible(page: Path) -> str:
    """The page's words without markup and style, blanks collapsed."""
    parser = Strict()
    parser.feed(re.sub(r"(?s)<style>.*?</style>", "", page.read_text(encoding="utf-8")))
    return " ".join(unescape(" ".join(parser.text)).split())


def test_the_folder_is_complete(folder: Path, full: DossierEvidence) -> None:
    assert {p.name for p in folder.iterdir()} == CONTENT
    assert {p.stem for p in (folder / "tables").iterdir()} == set(NAMES)
    assert {p.suffix for p in (folder / "tables").iterdir()} == {".csv", ".parquet"}
    assert len(pages(folder)) == 2 + 7
    for figure in (folder / "figures").iterdir():
        ElementTree.parse(figure)
    assert DossierEvidence.load(folder / "evidence.json") == full
    assert [p.name for p in folder.parent.iterdir()] == [folder.name]


@pytest.mark.parametrize("which", ["folder", "bare"])
def test_pages_are_sound_and_load_nothing(which: str, request: pytest.FixtureRequest) -> None:
    folder: Path = request.getfixturevalue(which)
    for page in pages(folder):
        parser = Strict()
        parser.feed(page.read_text(encoding="utf-8"))
        parser.close()
        assert parser.open == []
        assert "script" not in parser.seen
        assert len(parser.ids) == len(set(parser.ids)), page
        for target in parser.loads:
            path, _, anchor = target.partition("#")
            assert not re.match(r"[a-z]+:|//", path) or path.startswith("data:"), target
            if path.startswith("data:"):
                continue
            other = (page.parent / path) if path else page
            assert other.is_file(), (page.name, target)
            if anchor:
                assert f'id="{anchor}"' in other.read_text(encoding="utf-8"), (page.name, target)


def test_redrawn_from_its_evidence_alone_it_is_the_same(folder: Path, tmp_path: Path) -> None:
    (tmp_path / "copy").mkdir()
    (tmp_path / "copy" / "evidence.json").write_bytes((folder / "evidence.json").read_bytes())
    (tmp_path / "copy" / "auditor.html").write_text("lost")
    (tmp_path / "copy" / "index.html").write_text("lost")
    again = redraw(tmp_path / "copy")
    files = sorted(p.relative_to(folder) for p in folder.rglob("*") if p.is_file())
    assert files == sorted(p.relative_to(again) for p in again.rglob("*") if p.is_file())
    assert [f for f in files if (folder / f).read_bytes() != (again / f).read_bytes()] == []


def test_an_output_that_is_taken_is_left_alone(tmp_path: Path) -> None:
    d = dossier_world.empty()
    out = write_dossier(d, tmp_path / "dossier")
    with pytest.raises(CutisError, match="overwrite"):
        write_dossier(d, out)
    write_dossier(d.model_copy(update={"notes": ("newer",)}), out, overwrite=True)
    assert DossierEvidence.load(out / "evidence.json").notes == ("newer",)
    (out / "thesis.docx").write_text("years")
    with pytest.raises(CutisError, match=r"thesis\.docx"):
        write_dossier(d, out, overwrite=True)
    (tmp_path / "x").mkdir()
    (tmp_path / "x" / "evidence.json").write_text("{}")
    with pytest.raises(CutisError, match="not a dossier's evidence"):
        redraw(tmp_path / "x")


def test_every_number_of_every_row_is_in_the_tables(full: DossierEvidence, folder: Path) -> None:
    made = tables(full)
    for name in ("shifts", "ood", "counterfactual", "attacks", "refusals", "distances", "not_done"):
        assert len(made[name]) == len(getattr(full, name)), name
    shift = full.shifts[0]
    row = made["shifts"].row(0, named=True)
    assert (row["estimate_value"], row["change_low"], row["estimate_n_units"]) == (
        shift.estimate.value,
        shift.change.low,
        shift.estimate.n_units,
    )
    assert made["shifts"].filter(estimate_status="not estimable").height == 1
    read = pl.read_parquet(folder / "tables" / "measured.parquet")
    assert read.equals(made["measured"])
    assert read["value"].null_count() < len(read)
    for name, table in tables(dossier_world.empty()).items():
        assert table.height == 0
        assert table.schema == made[name].schema, name
    assert made["attacks"].schema["epsilon"] == pl.Float64()
    assert made["refusals"].schema["n"] == pl.Int64()


def test_the_auditors_page_has_every_number(full: DossierEvidence, folder: Path) -> None:
    text = visible(folder / "auditor.html")
    for shift in full.shifts:
        if shift.estimate.value is not None and shift.metric == "balanced_accuracy":
            assert f"{100 * shift.estimate.value:.1f}" in text
    for row in full.ood:
        assert f"{row.auroc.value:.3f}" in text if row.auroc.value is not None else row.auroc.reason in text
    for attack in full.attacks:
        assert f"{100 * (attack.estimate.value or 0):.1f}" in text
    assert full.not_done[0].part in text
    assert all(note in text for note in full.notes)


def test_the_clinicians_page_names_what_was_asked(folder: Path) -> None:
    text = visible(folder / "index.html")
    for asked in ("Hair", "A ruler", "Ink or writing", "Blur", "Another camera or clinic", "What is not known"):
        assert asked in text
    assert "Not a diagnosis." in text


def test_nothing_is_claimed_without_evidence(bare: Path) -> None:
    text = visible(bare / "index.html")
    assert text.count("Not estimable") == 3 + 1  # three headline numbers, and what the words mean
    assert "Not tested" in text
    assert "nothing is known of how well it does on dark skin" in text
    assert not re.search(r"\d+ of 100", text)
    assert "Not in this dossier." in visible(bare / "auditor.html")
    d = dossier_world.empty()
    assert in_short(d) == []
    assert same_lesion(d) == []
    assert strange(d) == []


def row(change: float, half: float, *, metric: str = "balanced_accuracy", name: str = "hair") -> ShiftRow:
    return ShiftRow(
        suite="skin",
        shift=name,
        severity=3,
        value=4.0,
        unit="pixels, radius",
        metric=metric,
        estimate=dossier_world.estimate(0.5 + change),
        change=dossier_world.estimate(change, half),
    )


@pytest.mark.parametrize(
    ("made", "said"),
    [
        (
            row(-0.1, 0.02),
            "Hair: at severity 3 (4 pixels), balanced accuracy falls from 50.0 % to 40.0 %: −10.0 (−12.0 to ",
        ),
        (row(-0.01, 0.02), "goes from 50.0 % to 49.0 %: −1.0 (−3.0 to +1.0) points (no difference shown)."),
        (row(0.1, 0.02, metric="balanced_error"), "balanced error rises from 50.0 % to 60.0 %"),
    ],
)
def test_a_change_is_said_with_its_sign_and_its_doubt(made: ShiftRow, said: str) -> None:
    d = dossier_world.empty().model_copy(update={"shifts": (made,)})
    told = dict(topics(d))
    assert said in told["Hair"].replace("\N{NO-BREAK SPACE}", " ")
    assert told["Blur"] == "Not tested."


def test_the_worst_is_the_worst_whichever_way_the_measure_runs() -> None:
    for metric, sign in (("balanced_accuracy", -1), ("balanced_error", 1)):
        mild, grave = row(0.01 * sign, 0.001, metric=metric), row(0.2 * sign, 0.01, metric=metric, name="defocus")
        better = row(-0.1 * sign, 0.01, metric=metric, name="zoom")
        d = dossier_world.empty().model_copy(update={"shifts": (mild, grave, better)})
        assert "disturbed most by defocus" in " ".join(in_short(d))
        figure = draw(d)["shift-costs"]
        assert figure.body.index("defocus") < figure.body.index("hair") < figure.body.index("zoom")
        helped = d.model_copy(update={"shifts": (better,)})
        no_harm = f"No change to the image that was tried is shown to make {metric.replace('_', ' ')} worse."
        assert in_short(helped) == [no_harm]


@pytest.mark.parametrize(
    ("positive", "said"),
    [
        ("known", "Set to accept 95 of 100 images like its own, kNN also accepts 40 of 100 (37–43) of these."),
        ("strange", "Set to catch 95 of 100 of these, kNN also refuses 40 of 100 (37–43) of its own kind."),
    ],
)
def test_fpr95_is_said_by_its_positive_side(positive: str, said: str) -> None:
    number = dossier_world.estimate(0.4)
    found = OodRow(
        score="knn",
        against="bccd",
        kind="other modality",
        positive=positive,  # type: ignore[arg-type]
        n_in=9,
        n_out=9,
        auroc=number,
        aupr=number,
        fpr95=number,
    )
    d = dossier_world.empty().model_copy(update={"ood": (found,)})
    assert strange(d)[0][1].endswith(said)


def test_predictions_of_another_bundle_are_told(full: DossierEvidence) -> None:
    other = full.model_copy(update={"bundle": {**full.bundle, "digest": "0" * 64}})
    assert "another bundle (3f9a12c43f9a)" in in_short(other)[0]
    assert "another bundle" not in " ".join(in_short(full))


def test_what_can_not_be_estimated_says_why(full: DossierEvidence) -> None:
    nothing = Estimate.missing("every image was refused", n=5, n_units=5, unit="image")
    made = full.shifts[0].model_copy(update={"shift": "hair", "estimate": nothing, "change": nothing})
    d = dossier_world.empty().model_copy(
        update={"shifts": (made,), "not_done": (NotDone(part="attacks", why="no torch"),)}
    )
    assert dict(topics(d))["Hair"] == "Not estimable: every image was refused."
    assert "every image was refused" in "".join(f.body for f in draw(d).values())


def test_figures_of_every_section_are_drawn(full: DossierEvidence) -> None:
    drawn = set(draw(full))
    assert {
        *("shift-costs", "corruption-error", "strange-auroc", "strange-fpr95", "tone-curve", "flips"),
        *("flips-by-class-real", "flips-by-class-phantom", "attacks-accuracy", "refused-by-group", "refused-for"),
        *("coverage", "coverage-by-tone", "shift-medmnistc-balanced_accuracy", "shift-skin-auroc-malignant"),
    } <= drawn
    assert draw(dossier_world.empty()) == {}
