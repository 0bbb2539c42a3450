"""`cutis check` looks at the pictures: what is measured, what is said of it, and what the page shows."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import cv2
import numpy as np
import polars as pl
import pytest

from cutis.cli import main
from cutis.data import picture_quality
from cutis.data.checks import check
from cutis.data.dataset import Dataset, DatasetCard
from cutis.data.describe import describe
from cutis.data.picture_quality import artefact_counts, look_over, quality_findings
from cutis.image.assess import assess
from cutis.image.decode import decode
from cutis.image.quality import colour_cast
from cutis.schema.classes import ClassInfo


@pytest.fixture
def photos(tmp_path: Path, picture: Callable[..., np.ndarray], encoded: Callable[..., bytes]) -> Dataset:
    """Eight textured pictures of two classes; in class b each has a ring; one is dark, one small, one tinted, one
    file is gone."""
    root = tmp_path / "data"
    (root / "images").mkdir(parents=True)
    rng = np.random.default_rng(0)
    y, x = np.mgrid[0:150, 0:200]
    corners = np.hypot(y - 75, x - 100) > 105
    for i in range(8):
        pixels = (picture(200, 150, i) + rng.normal(0, 9, (150, 200, 1))).clip(0, 255).astype(np.uint8)
        if i >= 4:
            pixels[corners] = 0
        if i == 1:
            pixels = pixels // 10
        if i == 2:
            pixels = cv2.resize(pixels, (80, 60), interpolation=cv2.INTER_AREA)
        if i == 3:
            pixels = np.ascontiguousarray(pixels[..., ::-1])
        (root / "images" / f"p{i}.png").write_bytes(encoded(pixels, "PNG"))
    manifest = pl.DataFrame(
        {
            "image_id": [f"p{i}" for i in range(8)],
            "source": ["made"] * 8,
            "file": [f"images/p{i}.png" for i in range(8)],
            "status": ["ok"] * 8,
            "target": ["a"] * 4 + ["b"] * 4,
        }
    )
    classes = (ClassInfo(code="a", name="A"), ClassInfo(code="b", name="B"))
    made = Dataset(root, DatasetCard(name="photos", classes=classes), manifest).save_into(root)
    (root / "images" / "p7.png").unlink()
    return made


def command(*arguments: object) -> object:
    with pytest.raises(SystemExit) as ended:
        main([str(a) for a in arguments])
    return ended.value.code


def test_numbers_are_those_of_assess(photos: Dataset):
    looks = look_over(photos)
    assert looks["image_id"].to_list() == photos.manifest["image_id"].to_list()
    for row in looks.head(7).iter_rows(named=True):
        seen = assess(decode((photos.path / "images" / f"{row['image_id']}.png").read_bytes(), ""))
        assert row["refused"] == [r.code for r in seen.reasons()]
        assert row["found"] == [name for name, a in seen.artefacts.items() if a.present]
        assert {k: v for k, v in row.items() if k.startswith(("quality_", "artefact_"))} == pytest.approx(seen.row())
    gone = looks.row(7, named=True)
    assert gone["unreadable"]
    assert gone["refused"] == gone["found"] == []
    assert gone["quality_light"] is None


def test_findings_give_the_worst_first_with_advice_and_count_the_rest(photos: Dataset, monkeypatch: pytest.MonkeyPatch):
    looks = look_over(photos)
    found = quality_findings(photos, looks)
    assert [f.image_id for f in found if f.check == "unreadable image"] == ["p7"]
    dark = [f for f in found if f.message.startswith("too dark: light is ")]
    assert [f.image_id for f in dark] == ["p1"]
    assert dark[0].severity == "warning"
    assert dark[0].message.endswith("Turn on more light or go to a window, and keep your own shadow off the spot.")
    assert "p2" in [f.image_id for f in found if f.message.startswith("too small: resolution is 60, below 100")]
    blue = [f for f in found if f.message.startswith("colour cast: ")]
    tinted = looks.filter(pl.col("quality_colour_cast") < colour_cast(np.zeros((9, 9, 3), np.uint8)).threshold)
    assert [f.image_id for f in blue] == tinted.sort("quality_colour_cast")["image_id"].to_list() != []
    assert {f.severity for f in blue} == {"note"}
    assert set(found) <= set(check([photos], looks={"photos": looks}))

    monkeypatch.setattr(picture_quality, "TOLD", 1)
    many = pl.concat(
        [
            looks.filter(image_id="p1").with_columns(image_id=pl.lit(k), quality_light=pl.lit(v))
            for k, v in (("x", 3.0), ("y", 1.0), ("z", 2.0))
        ]
    )
    told = [f for f in quality_findings(photos, many) if f.message.startswith("too dark")]
    assert [(f.image_id, f.score) for f in told] == [("y", 1.0), (None, 2.0)]
    assert "2 more" in told[1].message


def test_artefacts_are_counted_by_class(photos: Dataset):
    looks = look_over(photos)
    looked, *kinds = artefact_counts(photos, looks)
    assert (looked.images, looked.classes) == (7, {"a": 4, "b": 3})
    corners = next(k for k in kinds if k.name == "dark_corners")
    assert corners.classes == {"a": 0, "b": 3}
    assert describe([photos], {"photos": looks}).datasets[0].artefacts == (looked, *kinds)
    assert describe([photos]).datasets[0].artefacts == ()


def test_the_page_shows_them_unless_told_not_to_look(photos: Dataset, tmp_path: Path):
    out = tmp_path / "page"
    assert command("check", photos.path, "--out", out) == 0
    html = (out / "index.html").read_text("utf-8")
    assert "Pictures to take again" in html
    assert "Too dark: light is" in html
    assert "Dark corners" in html
    assert html.count("Skin image p1: too dark") == 1
    assert list((out / "thumbs").glob("*.jpg"))
    table = pl.read_parquet(out / "quality.parquet")
    assert table.drop("dataset").equals(look_over(photos))
    assert table["dataset"].unique().to_list() == ["photos"]
    assert json.loads((out / "data.json").read_text("utf-8"))["datasets"][0]["artefacts"][0]["images"] == 7

    assert command("check", photos.path, "--out", out, "--no-pixels", "--overwrite") == 0
    html = (out / "index.html").read_text("utf-8")
    assert "Pictures to take again" not in html
    assert "the pictures were not looked at" in html
    assert not (out / "quality.parquet").exists()
