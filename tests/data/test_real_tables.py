"""Real tables of public releases, each read whole: the counts that their papers and notes give are reproduced.

Where a number differs from what is published (PAD-UFES-20's lesions), the test says why.
"""

from __future__ import annotations

import csv
from collections import Counter
from pathlib import Path

import polars as pl
import pytest

import cutis
from cutis.data.readers import derm12345, fitzpatrick17k
from cutis.tables import read_table


@pytest.fixture
def listed(shared_data, tmp_path):
    """listed(reader, table) -> the dataset of a real table, without images, as `cutis import --table-only` makes it."""
    return lambda reader, table: cutis.import_dataset(
        shared_data / "tables" / table, tmp_path / "data", reader=reader, table_only=True
    )


def counts(made: cutis.Dataset, column: str = "target") -> dict:
    return dict(Counter(made.manifest[column]))


def test_isic_2018(listed):
    made = listed("isic2018", "isic2018_task3_test_labels.csv")
    assert counts(made) == {"nv": 909, "bkl": 217, "mel": 171, "bcc": 93, "df": 44, "akiec": 43, "vasc": 35}
    assert len(made.manifest) == 1512
    assert made.manifest.filter(pl.col("diagnosis_1").is_null())["target"].unique().to_list() == ["akiec"]


def test_isic_2019(listed):
    made = listed("isic2019", "isic2019_train_labels_metadata.csv")
    assert counts(made) == {
        **{"nv": 11267, "mel": 4208, "bcc": 3238, "bkl": 2320},
        **{"ak": 839, "scc": 600, "vasc": 229, "df": 219},
    }
    m = made.manifest
    assert (len(m), made.card.counts["lesions"], m["lesion_id"].null_count()) == (22920, 10356, 1639)
    assert counts(made, "source") == {"BCN20000": 12413, "HAM10000": 8199, "MSK": 669, "isic2019": 1639}
    suffixed = m.filter(pl.col("image_id") != pl.col("isic_id"))
    assert len(suffixed) == 1480
    assert suffixed["image_id"].str.ends_with("_downsampled").all()
    assert m["isic_id"].str.contains(r"^ISIC_\d{7}$").all()
    assert (m["sex"].null_count(), m["age_approx"].null_count()) == (350, 383)
    special = m["anatom_site_special"].drop_nulls().value_counts().sort("anatom_site_special")
    assert special.rows() == [("acral palms or soles", 394), ("oral or genital", 59)]
    assert m["anatom_site_1"].null_count() == 2118 + 394 + 59


def test_isic_2020(listed):
    made = listed("isic2020", "isic2020_train_labels_metadata.csv")
    assert made.card.counts == {"images": 33126, "ok": 0, "lesions": 32701, "patients": 2056}
    assert counts(made) == {"benign": 32542, "malignant": 584}
    m = made.manifest
    unknown = m.filter(pl.col("diagnosis_2").is_null())
    assert len(unknown) == 27124  # "unknown" says benign, and no more
    assert unknown["diagnosis_1"].unique().to_list() == ["Benign"]
    assert m["diagnosis_3"].drop_nulls().value_counts().sort("count", descending=True).rows()[0] == ("Nevus", 5193)
    assert len(m.filter(pl.col("diagnosis_1") == "Indeterminate")) == 1
    pairs = m.drop_nulls("duplicate_of")
    assert len(pairs) == 425  # the published list, which lies beside the table
    assert pairs["duplicate_of"].is_in(m["image_id"].implode()).all()


def test_pad_ufes_20(listed):
    made = listed("pad_ufes_20", "pad_ufes_20_metadata.csv")
    m = made.manifest
    assert (len(m), made.card.counts["patients"]) == (2298, 1373)
    assert counts(made) == {"bcc": 845, "ack": 730, "nev": 244, "sek": 235, "scc": 192, "mel": 52}
    # 1,641 published lesion ids; 250 of them are two patients' (of different age, site and diagnosis): 1,891 lesions.
    assert m["source_lesion_id"].n_unique() == 1641
    shared = m.group_by("source_lesion_id").agg(pl.col("patient_id").n_unique())
    assert (len(shared.filter(pl.col("patient_id") == 2)), shared["patient_id"].max()) == (250, 2)
    assert made.card.counts["lesions"] == 1891
    types = {"I": 153, "II": 876, "III": 392, "IV": 62, "V": 10, "VI": 1, None: 804}
    assert counts(made, "fitzpatrick_skin_type") == types
    assert counts(made, "grew") == {True: 925, False: 971, None: 402}
    assert counts(made, "smoke") == {True: 202, False: 1292, None: 804}
    assert counts(made, "sex") == {"female": 753, "male": 741, None: 804}
    assert m["anatom_site_1"].null_count() == 0
    assert counts(made, "diagnosis_confirm_type") == {"histopathology": 1342, None: 956}
    malignant = m.filter(pl.col("target").is_in(["bcc", "scc", "mel"]))
    assert malignant["biopsed"].all()


def test_fitzpatrick17k(listed):
    made = listed("fitzpatrick17k", "fitzpatrick17k_labels.csv")
    m = made.manifest
    assert (len(m), len(made.codes), m["target"].null_count()) == (16577, 114, 0)
    assert counts(made, "nine_partition_label") == {
        **{"inflammatory": 10886, "malignant epidermal": 1352, "genodermatoses": 1194, "benign dermal": 1067},
        **{"benign epidermal": 931, "malignant melanoma": 573, "benign melanocyte": 236},
        **{"malignant cutaneous lymphoma": 182, "malignant dermal": 156},
    }
    assert counts(made, "three_partition_label") == {"non-neoplastic": 12080, "malignant": 2263, "benign": 2234}
    first = {"I": 2947, "II": 4808, "III": 3308, "IV": 2781, "V": 1533, "VI": 635, None: 565}
    second = {"I": 5561, "II": 3180, "III": 2934, "IV": 1974, "V": 1293, "VI": 562, None: 1073}
    assert counts(made, "fitzpatrick_skin_type") == first
    assert counts(made, "fitzpatrick_centaur") == second
    assert m["qc"].null_count() == 16577 - 504
    assert len(m.filter(pl.col("qc") == "3 Wrongly labelled")) == 17
    # what the card says of each class is what the table's own groups say
    nine = dict(m.select("target", "nine_partition_label").unique().rows())
    three = dict(m.select("target", "three_partition_label").unique().rows())
    for group, (_, malignant, conditions) in fitzpatrick17k.PARTITION.items():
        for entry in conditions.split("|"):
            code = cutis.data.values.slug(entry.partition("=")[0])
            assert nine.pop(code) == group
            assert (three.pop(code) == "malignant") is malignant
    assert not nine


def test_milk10k(listed):
    made = listed("milk10k", "milk10k_train_labels_metadata.csv")
    m = made.manifest
    assert (len(m), made.card.counts["lesions"], len(made.codes)) == (10480, 5240, 11)
    assert counts(made) == {
        **{"bcc": 5044, "nv": 1492, "bkl": 1088, "sccka": 946, "mel": 900, "akiec": 606},
        **{"df": 104, "inf": 100, "vasc": 94, "ben_oth": 88, "mal_oth": 18},
    }
    pairs = m.group_by("case_id").agg(pl.col("image_type").sort())
    assert set(map(tuple, pairs["image_type"].to_list())) == {("clinical: close-up", "dermoscopic")}
    assert counts(made, "skin_tone_class") == {3: 6348, 4: 2132, 2: 1012, 5: 766, 1: 210, 0: 12}
    assert m["fitzpatrick_skin_type"].null_count() == len(m)
    assert m["concepts"].list.len().unique().to_list() == [7]
    assert m["concepts"][0][0] == {"concept": "ulceration_crust", "value": 0.1667}
    akiec = m.filter(pl.col("target") == "akiec")
    assert dict(Counter(akiec["diagnosis_1"])) == {"Malignant": 360, "Indeterminate": 246}  # the akiec trap, parted
    # every class of the card is true of all of its rows, at the level it claims
    for info in made.card.classes:
        for level, value in enumerate((info.diagnosis or "").split(":") if info.diagnosis else (), 1):
            found = m.filter(pl.col("target") == info.code)[f"diagnosis_{level}"].unique().to_list()
            assert found == [value]


def test_skin3d(listed):
    made = listed("skin3d", "skin3d_lesion_boxes.csv")
    m = made.manifest
    assert (len(m), made.card.counts["patients"]) == (218, 198)
    boxes = m.select(pl.col("boxes").explode()).unnest("boxes")
    assert len(boxes) == 26507
    labels = dict(Counter(boxes["label"]))
    assert labels == {"lesion": 17344, "lesion by A1": 4616, "lesion by A2": 2830, "lesion by A3": 1717}
    assert counts(made, "source_split") == {"train": 128, "valid": 40, "test": 40, "long": 10}
    assert boxes.select(pl.min_horizontal("width", "height").min()).item() > 0


def test_derm12345_taxonomy(shared_data):
    _, rows = read_table(shared_data / "tables" / "derm12345_taxonomy.csv")
    theirs = [(r["superclass"], r["main_class"], r["code"], r["subclass"]) for r in rows]
    ours = [
        (above, main, code, subclass)
        for above, mains in derm12345.TAXONOMY.items()
        for main, subclasses in mains.items()
        for code, (subclass, _) in subclasses.items()
    ]
    assert ours == theirs
    assert (len({t[0] for t in theirs}), len({t[:2] for t in theirs}), len(theirs)) == (5, 15, 40)
    assert len({c.name for c in derm12345.CARD.classes}) == 40


def test_isic_2017_with_images(shared_data, tmp_path):
    """The whole table; then 30 images with their masks, for real."""
    src = shared_data / "isic2017"
    made = cutis.import_dataset(src, tmp_path / "table", table_only=True)
    assert made.card.name == "isic2017"
    assert counts(made) == {"nv": 1443, "mel": 402, "sk": 296}
    splits = Counter(made.manifest.select("source_split", "target").rows())
    assert splits[("train", "mel")] == 372
    assert splits[("val", "sk")] == 42
    assert made.manifest["group_id"].n_unique() == 2134
    assert made.manifest["lesion_id"].null_count() == 2141  # a group of near-duplicates is no lesion
    assert (made.manifest["concepts"].null_count(), made.manifest["age_approx"].null_count()) == (227, 257)
    streaks = made.manifest.select(pl.col("concepts").explode()).unnest("concepts").filter(concept="streaks")
    assert streaks["value"].sum() == 84
    small = tmp_path / "small"
    small.mkdir()
    with (src / "metadata.csv").open() as f:
        rows = list(csv.DictReader(f))[::71]
    with (small / "metadata.csv").open("w", newline="") as f:
        writer = csv.DictWriter(f, list(rows[0]))
        writer.writeheader()
        writer.writerows(rows)
    for kind in ("images", "masks"):
        (small / kind).symlink_to(src / kind)
    real = cutis.import_dataset(small, tmp_path / "data", images=src)
    assert real.card.counts["ok"] == len(rows) == 31
    assert real.manifest["width"].to_list() == [int(r["width"]) for r in rows]
    assert all(Path(real.path / mask).is_file() for mask in real.manifest["mask"])


def test_the_command_line_takes_a_table(shared_data, tmp_path, capsys):
    from cutis.cli import main

    table = shared_data / "tables" / "pad_ufes_20_metadata.csv"
    with pytest.raises(SystemExit) as ended:
        main(["import", str(table), str(tmp_path / "data"), "--as", "pad_ufes_20", "--table-only"])
    assert ended.value.code == 0
    out = capsys.readouterr().out
    assert "2,298 images, 1,891 lesions, 1,373 patients; commercial use allowed" in out
