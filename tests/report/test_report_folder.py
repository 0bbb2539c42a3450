"""The report folder: complete or absent, never over somebody's files, and without what images carry."""

from __future__ import annotations

import csv
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from xml.etree import ElementTree

import pytest
from PIL import Image

import cutis.report
from cutis.errors import CutisError
from cutis.report import evaluate, write_report
from cutis.report.thumbs import make_thumbs
from cutis.schema.evidence import Evidence, Mistake
from cutis.schema.predictions import Predictions

FILES = {"index.html", "evidence.json", "measured.csv", "figures"}


def test_evaluate_writes_the_folder(predictions: Predictions, tmp_path: Path) -> None:
    file = predictions.save(tmp_path / "préds mit Leerzeichen.parquet")
    out = tmp_path / "new" / "rapport à lire"
    evidence = evaluate(file, out, resamples=40, by=["sex"])
    assert {p.name for p in out.iterdir()} == FILES
    assert Evidence.load(out / "evidence.json") == evidence
    assert evidence.predictions_file == file.name
    assert evidence.predictions_sha256 in (out / "index.html").read_text(encoding="utf-8")
    with (out / "measured.csv").open(newline="", encoding="utf-8") as f:
        rows = list(csv.DictReader(f))
    assert len(rows) == len(evidence.measured) + len(evidence.fairness[0].measured)
    assert float(rows[0]["value"]) == evidence.measured[0].value
    assert {r["group"] for r in rows} == {"", "male", "female", "unknown"}
    for figure in (out / "figures").iterdir():
        ElementTree.parse(figure)
    assert not [p.name for p in out.parent.iterdir() if p != out]


def test_without_out_nothing_is_written(
    predictions: Predictions, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    assert evaluate(predictions, resamples=40, by=[]).counts.rows == 900
    assert list(tmp_path.iterdir()) == []


def test_same_evidence_gives_the_same_bytes(evidence: Evidence, tmp_path: Path) -> None:
    a, b = (write_report(evidence, tmp_path / name) for name in "ab")
    files = sorted(p.relative_to(a) for p in a.rglob("*") if p.is_file())
    assert files == sorted(p.relative_to(b) for p in b.rglob("*") if p.is_file())
    assert all((a / f).read_bytes() == (b / f).read_bytes() for f in files)


def test_taken_output_is_refused_before_measuring(
    predictions: Predictions, evidence: Evidence, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def never(*_: object, **__: object) -> None:
        raise AssertionError("measured")

    monkeypatch.setattr(sys.modules["cutis.evaluate.measure"], "measure", never)
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "thesis.docx").write_text("years")
    (tmp_path / "file").write_text("x")
    write_report(evidence, tmp_path / "report")
    for out, overwrite in (("mine", False), ("mine", True), ("file", True), ("report", False)):
        with pytest.raises(CutisError, match="nothing was changed"):
            evaluate(predictions, tmp_path / out, overwrite=overwrite)
    assert (tmp_path / "mine" / "thesis.docx").read_text() == "years"


def test_overwrite_replaces_a_report_but_nothing_else(evidence: Evidence, tmp_path: Path) -> None:
    out = write_report(evidence, tmp_path / "report")
    newer = evidence.model_copy(update={"seed": 99})
    write_report(newer, out, overwrite=True)
    assert Evidence.load(out / "evidence.json").seed == 99
    assert [p.name for p in tmp_path.iterdir()] == ["report"]
    (out / "my notes.txt").write_text("keep")
    with pytest.raises(CutisError, match=r'holds "my notes\.txt"'):
        write_report(evidence, out, overwrite=True)
    assert Evidence.load(out / "evidence.json").seed == 99


@pytest.mark.parametrize("overwrite", [False, True])
def test_failure_leaves_nothing_behind(
    evidence: Evidence, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, overwrite: bool
) -> None:
    before = {write_report(evidence, tmp_path / "report").name} if overwrite else set()

    def fail(*_: object) -> None:
        raise CutisError("no more")

    monkeypatch.setattr("cutis.report.table.write_measured", fail)
    with pytest.raises(CutisError, match="no more"):
        write_report(evidence, tmp_path / "report", overwrite=overwrite)
    assert {p.name for p in tmp_path.iterdir()} == before


def test_a_failed_swap_brings_the_old_report_back(
    evidence: Evidence, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    out = write_report(evidence, tmp_path / "report")
    whole = Path.rename

    def rename(self: Path, target: Path) -> Path:
        if Path(target) == out and self.name.startswith(".cutis-report-") and self.suffix != ".old":
            raise PermissionError(13, "no")
        return whole(self, target)

    monkeypatch.setattr(Path, "rename", rename)
    with pytest.raises(CutisError, match="no permission"):
        write_report(evidence, out, overwrite=True)
    assert [p.name for p in tmp_path.iterdir()] == ["report"]
    assert Evidence.load(out / "evidence.json") == evidence


def test_thumbnails(with_images: Callable[[], Predictions], tmp_path: Path) -> None:
    predictions = with_images()
    evidence = evaluate(predictions, tmp_path / "report", resamples=40, by=[])
    thumbs = sorted((tmp_path / "report" / "thumbs").iterdir())
    assert len(thumbs) == len(evidence.mistakes) > 0
    with Image.open(thumbs[0]) as image:
        assert image.size == (320, 240)
    html = (tmp_path / "report" / "index.html").read_text(encoding="utf-8")
    assert html.count('<img src="thumbs/') == len(thumbs)
    assert "not at hand" not in html
    assert predictions.info.images not in html


def test_thumbnails_hold_no_metadata_and_come_from_the_folder_only(tmp_path: Path) -> None:
    images = tmp_path / "images"
    images.mkdir()
    exif = Image.Exif()
    exif[0x0112] = 6  # lying on its side
    exif[0x010E] = "Jane Doe"
    Image.new("RGB", (64, 32), "red").save(images / "a.jpg", exif=exif)
    Image.new("CMYK", (64, 32)).save(images / "cmyk.jpg")
    Image.new("I;16", (64, 32)).save(images / "deep.png")
    Image.new("RGB", (64, 32), "red").save(tmp_path / "secret.jpg")
    (images / "text.jpg").write_text("not a picture")
    (images / "cut.jpg").write_bytes((images / "a.jpg").read_bytes()[:200])
    (images / "link.jpg").symlink_to(tmp_path / "secret.jpg")

    def mistake(file: str | None) -> Mistake:
        return Mistake(image_id="x", file=file, target="a", predicted="b", p_predicted=1, p_target=0, answer_set=["b"])

    files = [
        "a.jpg",
        "../secret.jpg",
        str(tmp_path / "secret.jpg"),
        "link.jpg",
        "text.jpg",
        "cut.jpg",
        "gone.jpg",
        None,
    ]
    made = make_thumbs([mistake(f) for f in [*files, "cmyk.jpg", "deep.png"]], images, tmp_path / "thumbs")
    assert made == {0: "01.jpg", 8: "09.jpg", 9: "10.jpg"}
    assert b"Jane Doe" not in (tmp_path / "thumbs" / "01.jpg").read_bytes()
    with Image.open(tmp_path / "thumbs" / "01.jpg") as image:
        assert image.size == (32, 64)
        assert not image.getexif()


def test_importing_the_report_is_light() -> None:
    code = (
        "import cutis.report, cutis.report.page, sys; print(sorted({'torch','matplotlib','jinja2'} & set(sys.modules)))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


def test_templates_are_beside_the_code() -> None:
    folder = Path(cutis.report.__file__).parent / "templates"
    held = {p.name for p in folder.iterdir()}
    pages = {"page", "data_page", "dossier_clinician", "dossier_auditor", "checklist", "macros"}
    styles = {"page", "data_page", "dossier", "figures"}
    assert held == {f"{p}.html.j2" for p in pages} | {f"{s}.css" for s in styles}
