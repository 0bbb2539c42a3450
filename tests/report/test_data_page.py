"""The data page: what it says, that it is complete or absent, and how it looks in a real browser."""

from __future__ import annotations

import io
import json
import re
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pytest
from PIL import Image

from cutis.errors import CutisError
from cutis.report.data_page import LISTED, PICTURED, Pictures, write_data_page
from cutis.schema.classes import ClassInfo
from cutis.schema.data_facts import Bar, ClassFacts, DataFacts, DatasetFacts, Distribution
from cutis.schema.finding import SCHEMA, Finding

NASTY = '<script>alert(1)</script> "&" \x07'


def dataset_facts(name: str) -> DatasetFacts:
    classes = [("mel", "Melanoma", True, 30, 0.8), ("nv", "Melanocytic nevus", False, 900, None)]
    return DatasetFacts(
        name=name,
        title="Images of everything " + NASTY,
        source="A citation",
        modality="dermoscopy",
        licence="research only: images are CC BY-NC 4.0",
        attribution=("Those who made it",),
        digest="ab" * 32,
        counts={"images": 940, "readable": 935, "unreadable": 5, "labelled": 930, "patients": 0, "lesions": 700},
        unit="lesion",
        groups=705,
        classes=tuple(
            ClassFacts(info=ClassInfo(code=c, name=n, malignant=m), images=k, groups=k, pathology=p)
            for c, n, m, k, p in classes
        ),
        distributions=(
            Distribution(title="Sex", bars=(Bar(name="male", images=500), Bar(name="female", images=0)), unknown=440),
            Distribution(
                title="Source", bars=tuple(Bar(name=f"{NASTY} {k}" * 3, images=k) for k in range(9)), unknown=0
            ),
        ),
        notes=("5 images could not be read",),
    )


def facts(*names: str) -> DataFacts:
    return DataFacts(cutis="0", created="2026-11-22T00:00:00+00:00", datasets=tuple(map(dataset_facts, names)))


def findings(name: str = "made") -> list[Finding]:
    doubt = 'labelled "nv", looks like "mel"'
    return [
        *(Finding("label doubt", "warning", f"{doubt} {k}", name, f"i{k}", score=k / 99) for k in range(40)),
        Finding("lesion with two diagnoses", "error", f"lesion_id {NASTY}: mel (1), nv (1)", name, "i1", name, "i2"),
        Finding("same bytes", "leak", "one file twice", name, "i1", name, "i2", 1.0),
        Finding("near-duplicate", "warning", "near: one image, or two? review", name, "i3", name, "gone", 0.7),
        Finding("skin type", "warning", "not estimable: skin tone is known of no image", name),
        Finding("a check of tomorrow", "note", "something new", name),
        *(Finding("metadata gap", "note", f"column {k} is unknown", name, score=0.5) for k in range(150)),
    ]  # fmt: skip


@pytest.fixture
def pictures(tmp_path: Path) -> dict[str, Pictures]:
    folder = tmp_path / "images"
    folder.mkdir()
    for k in range(40):
        pixels = np.full((30, 40, 3), 5 * k, np.uint8)
        out = io.BytesIO()
        Image.fromarray(pixels).save(out, "JPEG")
        (folder / f"{k}.jpg").write_bytes(out.getvalue())
    (tmp_path / "secret.jpg").write_bytes((folder / "0.jpg").read_bytes())
    (folder / "5.jpg").write_bytes(b"no picture")
    files = {f"i{k}": f"{k}.jpg" for k in range(40)} | {"i4": "../secret.jpg"}
    return {"made": Pictures(folder, files)}


def test_the_folder_and_what_the_page_says(tmp_path: Path, pictures: dict[str, Pictures]):
    out = write_data_page(facts("made"), findings(), pictures, tmp_path / "page")
    assert {p.name for p in out.iterdir()} == {"index.html", "findings.parquet", "data.json", "figures", "thumbs"}
    table = pl.read_parquet(out / "findings.parquet")
    assert table.schema == pl.Schema(SCHEMA)
    assert table["severity"].to_list()[:3] == ["leak", "error", "warning"]
    assert len(table) == len(findings())
    assert DataFacts.model_validate(json.loads((out / "data.json").read_text())) == facts("made")
    html = (out / "index.html").read_text(encoding="utf-8")
    assert "<script" not in html
    assert "\x07" not in html
    assert "&lt;script&gt;" in html
    text = re.sub(r"\s+", " ", re.sub(r"<[^>]+>", " ", html))
    assert text.index("Same bytes") < text.index("Lesion with two diagnoses") < text.index("Label doubt")
    assert "something new" in text
    assert f"The {PICTURED} most doubtful of 40 labels" in text
    blind = text[text.rindex("What this page can't see") if "can't" in text else text.rindex("can&#39;t see") :]
    assert "skin tone is known of no image" in blind
    assert "42 more in findings.parquet" in text  # of 150 notes, 8 are open and 100 folded
    assert html.count("<li>column") == LISTED + 100
    assert not re.search(r'(src|href)="(?!thumbs/|#|data:,|findings\.parquet|data\.json)', html)


def test_thumbnails_stay_inside_the_dataset(tmp_path: Path, pictures: dict[str, Pictures]):
    out = write_data_page(facts("made"), findings(), pictures, tmp_path / "page")
    html = (out / "index.html").read_text(encoding="utf-8")
    # i4 points outside, i5 is no picture, and nobody has "gone"
    assert html.count("image not at hand") == 3
    shown = set(re.findall(r'src="(thumbs/[^"]+)"', html))
    assert shown == {f"thumbs/{p.name}" for p in (out / "thumbs").iterdir()}


def test_it_is_written_whole_or_not_at_all(
    tmp_path: Path, pictures: dict[str, Pictures], monkeypatch: pytest.MonkeyPatch
):
    out = tmp_path / "page"
    write_data_page(facts("made"), findings(), pictures, out)
    before = (out / "index.html").read_bytes()
    with pytest.raises(CutisError, match="Pass overwrite"):
        write_data_page(facts("made"), findings(), pictures, out)
    write_data_page(facts("made"), [], pictures, out, overwrite=True)
    assert "Nothing is in doubt, of what could be checked" in (out / "index.html").read_text(encoding="utf-8")
    assert (out / "index.html").read_bytes() != before
    (out / "mine.txt").write_text("keep")
    with pytest.raises(CutisError, match=r"mine\.txt"):
        write_data_page(facts("made"), [], pictures, out, overwrite=True)
    monkeypatch.setattr("cutis.report.data_page.save_all", lambda *a: (_ for _ in ()).throw(RuntimeError("stop")))
    with pytest.raises(RuntimeError):
        write_data_page(facts("made"), [], pictures, tmp_path / "other")
    assert sorted(p.name for p in tmp_path.iterdir()) == ["images", "page", "secret.jpg"]


def test_a_pair_is_shown_once_where_it_is_gravest_and_counted_findings_count(
    tmp_path: Path, pictures: dict[str, Pictures]
):
    found = [
        Finding("near-duplicate", "warning", "near: not decided yet", "made", "i1", "made", "i2", 0.9),
        Finding("near-duplicate", "warning", "near: not decided yet", "made", "i3", "made", "i6", 0.8),
        Finding("near-duplicate in two parts", "leak", "on both sides", "made", "i2", "made", "i1"),
        Finding("near-duplicate in two parts", "leak", "the split: 1,234 more", "made", None, "made", None, 1234.0),
    ]
    html = (write_data_page(facts("made"), found, pictures, tmp_path / "page") / "index.html").read_text("utf-8")
    shown = html[html.index('<ol class="pairs">') :]
    assert "All 2 pairs." in html
    assert shown.index("On both sides.") < shown.index("Near: not decided yet.")
    assert '<p class="big hot">1,235</p>' in html


def test_several_datasets_are_named(tmp_path: Path, pictures: dict[str, Pictures]):
    both = [*findings("made"), Finding("same bytes", "warning", "one file twice", "made", "i1", "other", "i9")]
    out = write_data_page(facts("made", "other"), both, pictures, tmp_path / "page")
    html = (out / "index.html").read_text(encoding="utf-8")
    assert "How far made, other can be trusted" in html
    assert "What other is" in html
    assert "other i9" in html


@pytest.mark.browser
@pytest.mark.parametrize("width", [390, 1280])
def test_readable_in_a_browser(browser: Any, tmp_path: Path, pictures: dict[str, Pictures], width: int):
    out = write_data_page(facts("made", "other"), findings(), pictures, tmp_path / "page")
    grounds = set()
    for scheme in ("light", "dark"):
        context = browser.new_context(viewport={"width": width, "height": 900}, color_scheme=scheme)
        page = context.new_page()
        said: list[str] = []
        page.on("console", lambda message, said=said: said.append(message.text))
        page.on("requestfailed", lambda request, said=said: said.append(request.url))
        page.goto((out / "index.html").as_uri())
        page.evaluate("document.querySelectorAll('details').forEach(d => d.open = true)")
        page.evaluate("document.querySelectorAll('img').forEach(i => i.loading = 'eager')")
        page.wait_for_function("[...document.images].every(i => i.complete)")
        seen = page.evaluate(
            """() => ({
                width: document.documentElement.scrollWidth,
                ground: getComputedStyle(document.body).backgroundColor,
                broken: [...document.images].filter(i => !i.naturalWidth).length,
                images: document.images.length,
                cut: [...document.querySelectorAll('svg.fig')].filter(s => {
                    const box = s.viewBox.baseVal;
                    return [...s.querySelectorAll('text')].some(t => {
                        const b = t.getBBox();
                        return b.x < -2 || b.x + b.width > box.width + 4 || b.y + b.height > box.height + 4;
                    });
                }).length,
            })"""
        )
        context.close()
        grounds.add(seen["ground"])
        assert seen["width"] <= width
        assert seen["broken"] == 0
        assert seen["images"] > 10
        assert seen["cut"] == 0
        assert said == []
    assert len(grounds) == 2
