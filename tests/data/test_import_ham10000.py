"""HAM10000 in both layouts, zipped and not."""

from __future__ import annotations

import csv
import shutil
import zipfile
from pathlib import Path

import pytest

import cutis
from cutis.data.readers import READERS
from cutis.errors import CutisError


@pytest.fixture(scope="module")
def sample_dataset(ham_sample, tmp_path_factory):
    return cutis.import_dataset(ham_sample, tmp_path_factory.mktemp("ham") / "data")


def rows_of(ham_sample: Path) -> list[dict[str, str]]:
    with (ham_sample / "metadata.csv").open(newline="") as f:
        return list(csv.DictReader(f))


def write_table(path: Path, rows: list[dict[str, str]]) -> None:
    with path.open("w", newline="") as f:
        writer = csv.DictWriter(f, list(rows[0]))
        writer.writeheader()
        writer.writerows(rows)


def test_the_sample_imports(sample_dataset, ham_sample):
    made, rows = sample_dataset, rows_of(ham_sample)
    assert made.codes == ["akiec", "bcc", "bkl", "df", "mel", "nv", "vasc"]
    assert {c.code for c in made.card.classes if c.malignant} == {"akiec", "bcc", "mel"}
    assert made.licence.answer.startswith("research only")
    assert made.card.counts["ok"] == len(rows) == 140
    assert made.manifest["image_id"].to_list() == [r["image_id"] for r in rows]
    assert made.manifest["target"].to_list() == [r["diagnosis"] for r in rows]
    assert made.manifest["source_split"].to_list() == [r["split"] for r in rows]
    assert made.manifest["mask_fraction"].to_list() == [float(r["mask_fraction"]) for r in rows]
    first = made.manifest.row(0, named=True)
    assert first["diagnosis_confirm_type"] == "serial imaging showing no change"
    assert (first["anatom_site_1"], first["age_approx"], first["image_type"]) == ("Trunk", 45, "dermoscopic")
    assert (made.path / first["mask"]).is_file()
    akiec = made.manifest.filter(made.manifest["target"] == "akiec")
    assert akiec["diagnosis_1"].null_count() == len(akiec)  # two nodes of the vocabulary: neither is claimed


def test_zips_give_what_folders_give_and_missing_members_are_error_rows(sample_dataset, ham_sample, tmp_path):
    src = tmp_path / "zipped"
    src.mkdir()
    shutil.copy(ham_sample / "metadata.csv", src)
    lost = "ISIC_0024306"
    for kind in ("images", "masks"):
        with zipfile.ZipFile(src / f"{kind}.zip", "w") as z:
            for path in sorted((ham_sample / kind).iterdir()):
                if path.stem != lost:
                    z.write(path, f"{kind}/{path.name}")
            z.writestr("../../evil.jpg", b"never unpacked")
    made = cutis.import_dataset(src, tmp_path / "data", reader="ham10000")
    assert not (tmp_path.parent / "evil.jpg").exists()
    rows = {r["image_id"]: r for r in made.manifest.rows(named=True)}
    assert rows[lost]["status"] == "error"
    assert rows[lost]["reason"] == f"image is missing: images/{lost}.jpg"
    same = sample_dataset.manifest.filter(sample_dataset.manifest["image_id"] != lost)
    assert made.manifest.filter(made.manifest["image_id"] != lost).equals(same)


def test_the_public_layout(sample_dataset, ham_sample, tmp_path):
    src = tmp_path / "public"
    (src / "HAM10000_images_part_1").mkdir(parents=True)
    rows = rows_of(ham_sample)
    half = len(rows) // 2
    for r in rows[:half]:
        shutil.copy(ham_sample / r["file"], src / "HAM10000_images_part_1")
    with zipfile.ZipFile(src / "HAM10000_images_part_2.zip", "w") as z:
        for r in rows[half:]:
            z.write(ham_sample / r["file"], f"{r['image_id']}.jpg")
    with zipfile.ZipFile(src / "HAM10000_segmentations_lesion_tschandl.zip", "w") as z:
        for r in rows:
            z.write(ham_sample / r["mask"], f"HAM10000_segmentations_lesion_tschandl/{r['image_id']}_segmentation.png")
    public = [
        {
            "lesion_id": r["lesion_id"],
            "image_id": r["image_id"],
            "dx": r["diagnosis"],
            "dx_type": r["dx_type"],
            "age": r["age"],
            "sex": r["sex"],
            "localization": r["site"],
            "dataset": "vidir_modern",
        }
        for r in rows
    ]
    write_table(src / "HAM10000_metadata", public)
    made = cutis.import_dataset(src, tmp_path / "data")
    same = ["image_id", "lesion_id", "target", "file", "mask", "sha256", "age_approx", "sex", "diagnosis_3"]
    assert made.manifest.select(same).equals(sample_dataset.manifest.select(same))
    assert made.manifest["source"].unique().to_list() == ["vidir_modern"]
    assert made.manifest["source_split"].null_count() == len(rows)


def test_any_split_values_are_kept_and_the_wrong_is_told(ham_sample, tmp_path):
    rows = [
        r | {"split": f"acceptance {i % 2}", "age": "", "sex": "unknown"} for i, r in enumerate(rows_of(ham_sample))
    ]
    src = tmp_path / "src"
    src.mkdir()
    shutil.copytree(ham_sample / "images", src / "images")
    write_table(src / "metadata.csv", rows)
    made = cutis.import_dataset(src, tmp_path / "data", reader="ham10000")
    assert set(made.manifest["source_split"]) == {"acceptance 0", "acceptance 1"}
    assert made.manifest["sex"].null_count() == made.manifest["age_approx"].null_count() == len(rows)
    rows[3]["diagnosis"] = "mell"
    write_table(src / "metadata.csv", rows)
    with pytest.raises(CutisError, match='row 4: diagnosis "mell": did you mean "mel"'):
        cutis.import_dataset(src, tmp_path / "more")
    write_table(src / "metadata.csv", [{k: v for k, v in r.items() if k != "lesion_id"} for r in rows])
    with pytest.raises(CutisError, match="no column lesion_id: valid: image_id"):
        cutis.import_dataset(src, tmp_path / "more", reader="ham10000")
    with pytest.raises(CutisError, match="knows its columns"):
        cutis.import_dataset(src, tmp_path / "more", reader="ham10000", label="x")
    shutil.rmtree(src / "images")
    write_table(src / "metadata.csv", rows[:3])
    with pytest.raises(CutisError, match="none of the 3 images"):
        cutis.import_dataset(src, tmp_path / "more", reader="ham10000")


def test_readers_recognise_their_own(ham_sample, class_folders):
    assert next(n for n, r in READERS.items() if r.recognises(ham_sample)) == "ham10000"
    assert [n for n, r in READERS.items() if r.recognises(class_folders)] == ["folder"]
