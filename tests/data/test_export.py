"""Export, then import: the identity on everything that a layout can hold; and other programs read what is written."""

from __future__ import annotations

import csv
import io
import json
import math
import tarfile
from pathlib import Path

import numpy as np
import polars as pl
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from isic_metadata.metadata import MetadataBatch, MetadataRow
from PIL import Image

from cutis.data import rle
from cutis.data.dataset import Dataset, DatasetCard
from cutis.data.export import FORMATS, export
from cutis.data.exporting.isic import not_valid_together, valid_row
from cutis.data.importing import import_dataset
from cutis.data.json_rows import from_cell
from cutis.data.labels import class_info
from cutis.data.merge import merge
from cutis.errors import CutisError
from cutis.schema.manifest import MANIFEST, OPTIONAL, conform
from cutis.schema.vocabulary import DIAGNOSIS_COLUMNS, FITZPATRICK, SITE_COLUMNS, diagnosis_levels, site_levels

CLASSES = tuple(class_info(c) for c in ("mel", "nv", "bkl"))
# Text that a table's reader doesn't take for "unknown" and that needs no stripping.
words = st.text("abcXYZ ,;\"'\näé-0", min_size=1, max_size=8).map(lambda t: f"w{t}w")
numbers = st.floats(0, 1e6, allow_nan=False, width=32).map(float)


def nullable(values):
    return st.one_of(st.none(), values)


def levels(kind, names):
    columns = DIAGNOSIS_COLUMNS if kind == "diagnosis" else SITE_COLUMNS
    return dict(zip(columns, (diagnosis_levels if kind == "diagnosis" else site_levels)(names), strict=True))


rows = st.builds(
    lambda target, site, **rest: {
        **rest,
        "target": target,
        **levels("diagnosis", {"mel": "mel", "nv": "nv", "bkl": "bkl"}.get(target)),
        **levels("site", site),
    },
    target=nullable(st.sampled_from(["mel", "nv", "bkl"])),
    site=nullable(st.sampled_from(["face", "back", "hand"])),
    lesion_id=nullable(words),
    source=nullable(words),
    source_split=nullable(st.sampled_from(["train", "test"])),
    diagnosis_confirm_type=nullable(st.sampled_from(["histopathology", "single image expert consensus"])),
    age_approx=nullable(st.integers(0, 85)),
    sex=nullable(st.sampled_from(["male", "female"])),
    fitzpatrick_skin_type=nullable(st.sampled_from(FITZPATRICK)),
    image_type=nullable(st.sampled_from(["dermoscopic", "clinical: close-up"])),
    copyright_license=st.sampled_from(["CC-BY-4.0", "CC0-1.0"]),
    attribution=words,
    case_id=nullable(words),
    labels=nullable(st.lists(words, max_size=2)),
    labels_unknown=nullable(st.lists(words, max_size=2)),
    differential=nullable(st.lists(st.fixed_dictionaries({"diagnosis": words, "weight": numbers}), max_size=2)),
    concepts=nullable(st.lists(st.fixed_dictionaries({"concept": words, "value": nullable(numbers)}), max_size=2)),
    boxes=nullable(
        st.lists(
            st.fixed_dictionaries(dict.fromkeys(("x", "y", "width", "height"), numbers) | {"label": nullable(words)}),
            max_size=2,
        )
    ),
    caption=nullable(words),
    monk_skin_tone=nullable(st.integers(1, 10)),
    clinic_note=nullable(words),
    size_mm=nullable(numbers),
)


@pytest.fixture(scope="module")
def pictures(tmp_path_factory, picture, encoded) -> Path:
    """A dataset of four images (two with masks, one PNG), to hang generated rows on."""
    folder = tmp_path_factory.mktemp("src") / "pictures"
    folder.mkdir()
    mask = np.zeros((45, 60), np.uint8)
    mask[10:30, 5:50] = 255
    lines = ["image_id,target,mask"]
    for seed, name in enumerate(("a.1", "b%2", "ISIC_0000003", "d ü")):
        form, ending = ("PNG", "png") if seed == 3 else ("JPEG", "jpg")
        (folder / f"{name}.{ending}").write_bytes(encoded(picture(seed=seed), form))
        if seed < 2:
            (folder / f"m{seed}.png").write_bytes(encoded(mask, "PNG"))
        lines.append(f"{name},nv,{f'm{seed}.png' if seed < 2 else ''}")
    (folder / "metadata.csv").write_text("\n".join(lines))
    return import_dataset(folder, folder.parent / "data").path


def dressed(folder: Path, given_rows: list[dict], **card) -> Dataset:
    """The pictures with the values of `given_rows`."""
    base = Dataset.load(folder)
    keep = base.manifest.select("image_id", "file", "mask", "status", "width", "height", "sha256")
    table = pl.DataFrame(given_rows, schema_overrides=OPTIONAL, infer_schema_length=None)
    table = conform(pl.concat([keep.head(len(table)), table], how="horizontal"), "made")
    made = DatasetCard(name="made", title="Made", classes=CLASSES, **card)
    return Dataset(folder, made.model_copy(update={"counts": base.card.counts}), table)


def there_and_back(data: Dataset, to: str, folder: Path, **options) -> Dataset:
    reader = {"isic": "csv"}.get(to, to)
    done = export(data, folder / "out", to=to)
    assert (done.path / "LICENCE.txt").is_file()
    return import_dataset(folder / "out", folder / "back", reader, **options)


def same(back: pl.DataFrame, data: pl.DataFrame, columns: list[str]) -> None:
    for column in columns:
        a, b = (t.sort("image_id")[column].to_list() if column in t.columns else [None] * len(t) for t in (back, data))
        assert a == b, column


HELD = [c for c in [*MANIFEST, *OPTIONAL] if c not in ("file", "mask")]


@pytest.mark.parametrize("to", ["csv", "coco", "webdataset"])
@given(st.lists(rows, min_size=4, max_size=4))
@settings(max_examples=5, deadline=None, suppress_health_check=list(HealthCheck))
def test_export_then_import_is_the_identity(to, pictures, tmp_path_factory, given_rows) -> None:
    data = dressed(pictures, given_rows)
    back = there_and_back(data, to, tmp_path_factory.mktemp("x"))
    same(back.manifest, data.manifest, [*HELD, "clinic_note", "size_mm"])
    for row, was in zip(
        back.manifest.sort("image_id").iter_rows(named=True), data.manifest.sort("image_id").iter_rows(named=True),
        strict=True,
    ):  # fmt: skip
        assert (row["mask"] is None) == (was["mask"] is None)
        if row["mask"]:
            with Image.open(back.path / row["mask"]) as a, Image.open(pictures / was["mask"]) as b:
                assert (np.array(a) == np.array(b)).all()
    if to != "csv":
        assert back.card.classes == CLASSES
        assert (back.card.name, back.card.title) == ("made", "Made")


@given(st.lists(rows, min_size=4, max_size=4))
@settings(max_examples=5, deadline=None, suppress_health_check=list(HealthCheck))
def test_the_archives_columns_come_back_and_are_valid(pictures, tmp_path_factory, given_rows) -> None:
    data = dressed(pictures, given_rows)
    folder = tmp_path_factory.mktemp("x")
    back = there_and_back(data, "isic", folder, columns={"target": ""})
    held = [
        "image_id",
        "lesion_id",
        "diagnosis_confirm_type",
        "age_approx",
        "sex",
        "fitzpatrick_skin_type",
        "image_type",
    ]
    same(back.manifest, data.manifest, [*held, *DIAGNOSIS_COLUMNS, *SITE_COLUMNS, "copyright_license", "attribution"])
    with (folder / "out" / "metadata.csv").open(encoding="utf-8") as f:
        batch = []
        for row in csv.DictReader(f):
            for column in ("isic_id", "attribution", "copyright_license", "pixels_x", "pixels_y"):
                row.pop(column)
            batch.append(MetadataRow.model_validate(row | {"age": row.pop("age_approx")}))
    MetadataBatch(items=batch)
    assert not (folder / "out" / "not_valid.csv").exists()


def test_what_the_archive_refuses_is_left_out_and_listed(pictures: Path, tmp_path: Path) -> None:
    rows_ = [
        {"target": "nv", **levels("diagnosis", "nv"), "image_type": "phone", "mel_thick_mm": 1.5, "sex": "male"},
        {"target": "mel", **levels("diagnosis", "mel"), "image_type": "dermoscopic", "mel_thick_mm": 0.8, "sex": None},
    ]
    data = dressed(pictures, rows_, licence="CC-BY-NC-SA-4.0")
    done = export(data, tmp_path / "out", to="isic")
    listed = pl.read_csv(tmp_path / "out" / "not_valid.csv")
    assert set(listed.select("isic_id", "field").rows()) == {
        ("a.1", "copyright_license"), ("a.1", "image_type"), ("a.1", "mel_thick_mm"), ("b%2", "copyright_license"),
    }  # fmt: skip
    table = pl.read_csv(tmp_path / "out" / "metadata.csv")
    assert table.select("isic_id", "image_type", "mel_thick_mm", "sex").rows() == [
        ("a.1", None, None, "male"), ("b%2", "dermoscopic", 0.8, None),
    ]  # fmt: skip
    assert any("4 values are not valid" in n for n in done.notes)
    assert any("2 image ids are not the Archive's" in n for n in done.notes)


def batch_of(table: Path) -> MetadataBatch:
    """What is uploaded, checked by the Archive's own rules, row by row and together. Raises ValidationError."""
    with table.open(encoding="utf-8") as f:
        rows = list(csv.DictReader(f))
    for row in rows:
        for column in ("isic_id", "attribution", "copyright_license", "pixels_x", "pixels_y"):
            row.pop(column)
        row["age"] = row.pop("age_approx")
    return MetadataBatch(items=[MetadataRow.model_validate(row) for row in rows])


def test_what_is_not_valid_together_is_left_out_and_listed(pictures: Path, tmp_path: Path) -> None:
    """A batch has rules of its own: one lesion of a confocal case, and one macroscopic image."""
    rcm = {"target": "nv", "image_type": "RCM: macroscopic"}
    rows_ = [
        {**rcm, "lesion_id": "L1", "rcm_case_id": "C1"}, {**rcm, "lesion_id": "L1", "rcm_case_id": "C1"},
        {**rcm, "lesion_id": "L1", "rcm_case_id": "C2", "image_type": "RCM: tile"},
        {**rcm, "lesion_id": "L2", "rcm_case_id": "C2", "image_type": "RCM: mosaic"},
    ]  # fmt: skip
    data = dressed(pictures, rows_)
    with pytest.raises(ValueError, match="RCM cases"):
        MetadataBatch(items=[MetadataRow.model_validate({k: v for k, v in r.items() if k != "target"}) for r in rows_])
    export(data, tmp_path / "out", to="isic")
    assert len(batch_of(tmp_path / "out" / "metadata.csv").items) == 4
    listed = pl.read_csv(tmp_path / "out" / "not_valid.csv")
    assert sorted(listed.select("field", "value", "reason").rows()) == [
        *[("rcm_case_id", "C1", "this case has several macroscopic images")] * 2,
        *[("rcm_case_id", "C2", "this case has images of several lesions")] * 2,
    ]


def test_a_lesion_of_two_patients_is_not_valid_together() -> None:
    table = pl.DataFrame({"lesion_id": ["L1", " L1", "L2", None], "patient_id": ["P1", "P2", "P1", "P3"]})
    assert not_valid_together(table) == {("lesion_id", "L1"): "this lesion has several patients"}
    assert not_valid_together(table.head(1)) == {}


def test_a_valid_row_is_left_alone() -> None:
    cells = dict.fromkeys(("isic_id", "copyright_license", "age_approx", *DIAGNOSIS_COLUMNS, *SITE_COLUMNS, "sex"))
    cells |= {"isic_id": "ISIC_0000001", "copyright_license": "CC-BY-4.0", "age_approx": 85}
    valid, wrong = valid_row(cells)
    assert wrong == []
    assert valid == cells | {"copyright_license": "CC-BY"}


@pytest.mark.filterwarnings("ignore::DeprecationWarning")  # pycocotools' own, under numpy 2
def test_coco_is_what_pycocotools_reads(pictures: Path, tmp_path: Path, capsys) -> None:
    coco = pytest.importorskip("pycocotools.coco", reason="pycocotools is not installed")
    box = {"x": 1.0, "y": 2.0, "width": 3.0, "height": 4.0, "label": None}
    data = dressed(pictures, [{"target": "nv", "boxes": [box]}, {"target": None, "boxes": None}])
    export(data, tmp_path / "out", to="coco")
    loaded = coco.COCO(str(tmp_path / "out" / "instances.json"))
    assert {c["name"] for c in loaded.loadCats(loaded.getCatIds())} == {"mel", "nv", "bkl", "lesion"}
    first, second = loaded.loadImgs(loaded.getImgIds())
    boxes = [a for a in loaded.loadAnns(loaded.getAnnIds(imgIds=first["id"])) if not a["segmentation"]]
    assert [a["bbox"] for a in boxes] == [[1.0, 2.0, 3.0, 4.0]]
    for image in (first, second):
        (shape,) = [a for a in loaded.loadAnns(loaded.getAnnIds(imgIds=image["id"])) if a["segmentation"]]
        mask = np.zeros((45, 60), bool)
        mask[10:30, 5:50] = True
        assert (loaded.annToMask(shape).astype(bool) == mask).all()
        assert shape["bbox"] == [5.0, 10.0, 45.0, 20.0]
        assert shape["area"] == 900


masks = st.tuples(st.integers(1, 7), st.integers(1, 7), st.integers(0, 2**49 - 1)).map(
    lambda t: np.array([(t[2] >> i) & 1 for i in range(t[0] * t[1])], bool).reshape(t[0], t[1])
)


@given(masks)
@settings(deadline=None)
def test_run_lengths(mask: np.ndarray) -> None:
    counts = rle.encode(mask)
    assert sum(counts) == mask.size
    assert (rle.decode(counts, *mask.shape) == mask).all()
    oracle = pytest.importorskip("pycocotools.mask", reason="pycocotools is not installed")
    packed = oracle.encode(np.asfortranarray(mask.astype(np.uint8)))
    assert rle.decompress(packed["counts"].decode()) == counts


def test_run_lengths_that_are_none() -> None:
    for counts in ([3], [-1, 5], [[4]]):
        with pytest.raises(ValueError, match="add up"):
            rle.decode(counts, 2, 2)
    for text in ("é", "o"):
        with pytest.raises(ValueError, match="run-length"):
            rle.decompress(text)


def test_anybodys_coco(tmp_path: Path, picture, encoded) -> None:
    """Polygons, several categories, no word of Cutis."""
    src = tmp_path / "src"
    src.mkdir()
    for name in ("a", "b"):
        (src / f"{name}.jpg").write_bytes(encoded(picture(), "JPEG"))
    square = [10, 10, 30, 10, 30, 20, 10, 20]
    content = {
        "images": [{"id": n, "file_name": f"{c}.jpg", "width": 60, "height": 45} for n, c in ((7, "a"), (9, "b"))],
        "categories": [{"id": 1, "name": "nevus"}, {"id": 4, "name": "Melanoma, NOS"}],
        "annotations": [
            {"id": 1, "image_id": 7, "category_id": 1, "bbox": [10, 10, 20, 10], "segmentation": [square]},
            {"id": 2, "image_id": 9, "category_id": 1, "bbox": [0, 0, 5, 5]},
            {"id": 3, "image_id": 9, "category_id": 4, "bbox": [6, 6, 5, 5]},
        ],
    }
    (src / "instances.json").write_text(json.dumps(content))
    data = import_dataset(src, tmp_path / "data")
    a, b = data.manifest.sort("image_id").rows(named=True)
    assert (a["target"], a["labels"], a["diagnosis_3"]) == ("nevus", None, "Nevus")
    assert (b["target"], b["labels"]) == (None, ["melanoma_nos", "nevus"])
    assert [box["label"] for box in b["boxes"]] == ["nevus", "melanoma_nos"]
    with Image.open(data.path / a["mask"]) as opened:
        mask = np.array(opened) > 0
    assert mask[10:20, 10:30].all()
    assert mask.sum() <= 21 * 11
    for change, words_ in (
        ({"images": []}, '"images" is empty'),
        ({"categories": None}, 'no list "categories"'),
        ({"annotations": [{"image_id": 8, "category_id": 1}]}, "annotation 1: image_id 8 is none"),
        ({"annotations": [{"image_id": 7, "category_id": 2}]}, "category_id 2 is none"),
        ({"annotations": [{"image_id": 7, "category_id": 1, "bbox": [1, 2]}]}, "is not four numbers"),
        ({"images": [{"id": 7}], "annotations": []}, 'no "file_name"'),
        ({"images": [{"id": 7, "file_name": "../c.jpg"}], "annotations": []}, 'image "../c.jpg" is missing'),
    ):
        (src / "instances.json").write_text(json.dumps(content | change))
        with pytest.raises(CutisError, match=words_.replace(".", r"\.")):
            import_dataset(src, tmp_path / "other", "coco")


def test_webdataset_is_deterministic_bounded_and_readable(pictures: Path, tmp_path: Path) -> None:
    data = dressed(pictures, [{"target": "nv"}] * 4)
    for name in ("one", "two"):
        export(data, tmp_path / name, to="webdataset", shard_mb=0.02)
    shards = sorted(p.name for p in (tmp_path / "one").glob("*.tar"))
    assert len(shards) > 1
    for shard in shards:
        assert (tmp_path / "one" / shard).read_bytes() == (tmp_path / "two" / shard).read_bytes()
        assert (tmp_path / "one" / shard).stat().st_size <= 20_000
    names = []
    for shard in shards:
        with tarfile.open(tmp_path / "one" / shard) as tar:
            names += tar.getnames()
    assert names[0] == "ISIC_0000003.jpg"
    assert all(n.split("/")[-1].count(".") == 1 for n in names if ".mask." not in n)
    keys = {n.split(".", 1)[0] for n in names}
    assert keys == {"ISIC_0000003", "a%2E1", "b%252", "d ü"}


def add(tar: tarfile.TarFile, name: str, data: bytes) -> None:
    info = tarfile.TarInfo(name)
    info.size = len(data)
    tar.addfile(info, io.BytesIO(data))


def test_anybodys_webdataset(tmp_path: Path, picture, encoded) -> None:
    src = tmp_path / "src"
    src.mkdir()
    with tarfile.open(src / "x.tar", "w") as tar:
        add(tar, "a/0.jpg", encoded(picture(), "JPEG"))
        add(tar, "a/0.cls", b"melanoma")
        add(tar, "a/0.txt", b"a dark spot")
        add(tar, "../../evil.jpg", encoded(picture(seed=1), "JPEG"))
        add(tar, "../../evil.cls", b"nevus")
    data = import_dataset(src, tmp_path / "data")
    found = {row[0]: row[1:] for row in data.manifest.select("image_id", "target", "caption").rows()}
    assert found["a-0"] == ("melanoma", "a dark spot")
    assert len(found) == 1  # what lies outside the tar's own folder doesn't exist
    (src / "x.tar").write_bytes((src / "x.tar").read_bytes()[:700])
    with pytest.raises(CutisError, match=r"x\.tar: (cut off|not a readable)"):
        import_dataset(src, tmp_path / "other")


def test_the_licence_is_obeyed_and_travels(pictures: Path, tmp_path: Path) -> None:
    data = dressed(pictures, [{"target": "nv"}], licence="CC-BY-NC-4.0", attribution="Clinic of X")
    with pytest.raises(CutisError, match=r"not cleared for commercial use: made \(1 images, the first \S+\): CC BY-NC"):
        export(data, tmp_path / "out", to="csv", use="commercial")
    assert not (tmp_path / "out").exists()
    export(data, tmp_path / "out", to="csv")
    assert "https://creativecommons.org/licenses/by-nc/4.0/" in (tmp_path / "out" / "LICENCE.txt").read_text()
    assert "Clinic of X" in (tmp_path / "out" / "ATTRIBUTION.txt").read_text()
    back = import_dataset(tmp_path / "out", tmp_path / "back")
    assert back.licence.commercial is False
    assert back.licence.attribution == ("Clinic of X",)
    free = dressed(pictures, [{"target": "nv", "copyright_license": "CC0-1.0"}])
    export(free, tmp_path / "free", to="csv", use="commercial")


def test_a_merge_is_exported_with_its_labels(pictures: Path, tmp_path: Path) -> None:
    made = merge([Dataset.load(pictures)], tmp_path / "merged")
    for to in ("csv", "coco", "webdataset"):
        export(made, tmp_path / to, to=to)
        back = import_dataset(tmp_path / to, tmp_path / f"{to}-back", to)
        same(back.manifest, made.manifest, ["target", "labels", "labels_unknown", "source_target"])


def test_rows_without_an_image_stay_rows(pictures: Path, tmp_path: Path) -> None:
    data = dressed(pictures, [{"target": "nv"}] * 4)
    lost = data.manifest.with_columns(
        file=pl.when(pl.col("image_id") == "a.1").then(None).otherwise("file"),
        status=pl.when(pl.col("image_id") == "a.1").then(pl.lit("error")).otherwise("status"),
    )
    for to in [f for f in FORMATS if f != "dicom"]:  # a row without pixels is no DICOM image
        done = export(Dataset(data.path, data.card, lost), tmp_path / to, to=to)
        assert any("1 rows have no image" in n for n in done.notes)
        if to != "isic":
            with pytest.raises(CutisError, match="--allow-missing"):
                import_dataset(tmp_path / to, tmp_path / "no", to)
            back = import_dataset(tmp_path / to, tmp_path / f"{to}-back", to, allow_missing=True)
            assert back.manifest.filter(status="error")["image_id"].to_list() == ["a.1"]


@pytest.mark.parametrize(
    ("cell", "column", "words_"),
    [
        ("nevus", "labels", 'expected a JSON list of texts, as in \\["a", "b"\\]'),
        ("[1]", "labels", "list of texts"),
        ('[{"x": 1}, 2]', "boxes", '"label": text'),
        ('[{"x": "1"}]', "boxes", "expected a JSON list"),
        ('[{"diagnosis": "a", "weigth": 1}]', "differential", '"weight": number'),
    ],
)
def test_a_cell_that_holds_no_list(cell: str, column: str, words_: str) -> None:
    with pytest.raises(CutisError, match=f"row 3: {column} .*{words_}"):
        from_cell(cell, column, "row 3")


def test_refusals(pictures: Path, tmp_path: Path) -> None:
    data = dressed(pictures, [{"target": "nv"}])
    for options, words_ in (
        ({"to": "cocos"}, 'did you mean "coco"'),
        ({"to": "csv", "use": "profit"}, 'use "profit"'),
        ({"to": "csv", "shard_mb": 3}, "webdataset only"),
        ({"to": "webdataset", "shard_mb": 0}, "above 0"),
    ):
        with pytest.raises(CutisError, match=words_):
            export(data, tmp_path / "out", **options)
    (tmp_path / "full").mkdir()
    (tmp_path / "full" / "x").touch()
    with pytest.raises(CutisError, match="exists already"):
        export(data, tmp_path / "full", to="csv")
    bad = dressed(pictures, [{"target": "nv", "concepts": [{"concept": "blue", "value": math.nan}]}])
    for to in ("csv", "coco", "webdataset"):
        with pytest.raises(CutisError, match=r'image "a\.1": concepts: holds NaN'):
            export(bad, tmp_path / "out", to=to)
    gone = Dataset(data.path, data.card, data.manifest.with_columns(file=pl.lit("images/none.jpg")))
    for to in FORMATS:
        with pytest.raises(CutisError, match=r"none\.jpg is missing"):
            export(gone, tmp_path / "out", to=to)
    assert sorted(p.name for p in tmp_path.iterdir()) == ["full"]
