# ruff: noqa: E501 - rows of the tables on the page
"""Counts the leaks in public skin data and writes docs/explanation/leaks.md.

    python benchmarks/leaks.py [--keep FOLDER]

Everything on the page is counted here, from the tables and images beside the repository; what can't be is cited, and
said to be. --keep: where the imported images stay for the next run (a temporary folder otherwise).
"""

from __future__ import annotations

import argparse
import tempfile
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl

from common import ROOT, SHARED
from cutis.data.dataset import Dataset
from cutis.data.duplicates import with_clusters
from cutis.data.importing import import_dataset
from cutis.data.lint import lint, photograph, total
from cutis.data.near_duplicates import THRESHOLD, find_duplicates

PAGE = ROOT / "docs" / "explanation" / "leaks.md"
TABLES = SHARED / "tables"
SURE = 0.8  # score from which every pair that was looked at by eye was one lesion
DRAWS = 200


def imported(folder: Path, name: str) -> Dataset:
    if not (folder / name).exists():
        import_dataset(SHARED / name, folder / name, reader=name)
    return Dataset.load(folder / name)


def between(one: pl.Series, other: pl.Series) -> int:
    """Photographs that both columns of ids name."""
    first, second = (pl.DataFrame({"id": s}).select(photograph(pl.col("id"))).to_series() for s in (one, other))
    return len(set(first) & set(second))


def by_look(pairs: pl.DataFrame, one: Dataset, other: Dataset, known: pl.DataFrame) -> dict[str, int]:
    """Pairs between two datasets (or in one), and those that the ids don't know of. known: image_id, unit."""
    names = {one.card.name, other.card.name}
    mine = pairs.filter(
        pl.col("dataset").is_in(list(names))
        & pl.col("other_dataset").is_in(list(names))
        & ((pl.col("dataset") != pl.col("other_dataset")) if len(names) == 2 else pl.lit(True))
    )
    ends = mine.join(known, on="image_id", how="left").join(
        known.rename({"image_id": "other_id"}), on="other_id", how="left", suffix="_other"
    )
    new = ends.filter((pl.col("unit") != pl.col("unit_other")).fill_null(True))
    return {
        "bytes": mine.filter(pl.col("kind") == "same bytes").height,
        "pixels": mine.filter(pl.col("kind") == "same pixels").height,
        "look": mine.height,
        "known": mine.height - new.height,
        "new": new.height,
        "sure": new.filter(pl.col("score") >= SURE).height,
    }


def random_split(lesions: pl.Series, shares: tuple[float, float, float] = (0.7, 0.1, 0.2)) -> dict[str, float]:
    """What dealing images without looking at lesions does: means over `DRAWS` splits."""
    codes = lesions.rank("dense").to_numpy() - 1
    n, rng = len(codes), np.random.default_rng(0)
    ends = np.cumsum([round(share * n) for share in shares[:-1]])
    both, images = [], []
    for _ in range(DRAWS):
        train, _, test = np.split(codes[rng.permutation(n)], ends)
        shared = np.isin(test, train)
        both.append(len(np.unique(test[shared])))
        images.append(shared.mean())
    return {"lesions": float(np.mean(both)), "share": float(np.mean(images)), "test": n - int(ends[-1])}


def tables() -> dict[str, Any]:
    """Counts that need no image."""
    nineteen = pl.read_csv(TABLES / "isic2019_train_labels_metadata.csv", infer_schema_length=None)
    twenty = pl.read_csv(TABLES / "isic2020_train_labels_metadata.csv", infer_schema_length=None)
    listed = pl.read_csv(TABLES / "isic2020_train_duplicates.csv")
    task3 = pl.read_csv(TABLES / "isic2018_task3_test_labels.csv")
    ham = pl.read_csv(SHARED / "ham10000" / "metadata.csv", infer_schema_length=None)
    seventeen = pl.read_csv(SHARED / "isic2017" / "metadata.csv", infer_schema_length=None)
    ids = {
        "HAM10000": ham["image_id"],
        "ISIC 2017": seventeen["image_id"],
        "ISIC 2018 task 3 test": task3["image"],
        "ISIC 2019": nineteen["image"],
        "ISIC 2020": twenty["image_name"],
    }
    ends = listed.join(twenty, left_on="image_name_1", right_on="image_name", how="inner").join(
        twenty, left_on="image_name_2", right_on="image_name", how="inner", suffix="_2"
    )
    kinds = nineteen.with_columns(kind=pl.col("lesion_id").str.extract(r"^([A-Za-z]+)")).drop_nulls("kind")
    lesions19 = nineteen.drop_nulls("lesion_id")
    shared = set(lesions19["lesion_id"]) & set(twenty["lesion_id"].drop_nulls())
    return {
        "ids": ids,
        "overlap": [(a, b, between(ids[a], ids[b])) for i, a in enumerate(ids) for b in list(ids)[i + 1 :]],
        "rows": {name: len(column) for name, column in ids.items()},
        "2019 lesions": lesions19["lesion_id"].n_unique(),
        "2019 with lesion": len(lesions19),
        "2019 of ham": kinds.filter(pl.col("kind") == "HAM").height,
        "2019 random": random_split(lesions19["lesion_id"]),
        "2019 downsampled": nineteen["image"].str.ends_with("_downsampled").sum(),
        "shared lesions": len(shared),
        "2020 patients": twenty["patient_id"].n_unique(),
        "2020 lesions": twenty["lesion_id"].n_unique(),
        "2020 random": random_split(twenty["patient_id"]),
        "listed": len(listed),
        "listed here": len(ends),
        "listed two patients": ends.filter(pl.col("patient_id") != pl.col("patient_id_2")).height,
        "listed two lesions": ends.filter(pl.col("lesion_id") != pl.col("lesion_id_2")).height,
        "listed two labels": ends.filter(pl.col("target") != pl.col("target_2")).height,
        "listed malignant": ends.filter((pl.col("target") == 1) | (pl.col("target_2") == 1)).height,
        "ham lesions": ham["lesion_id"].n_unique(),
        "ham several": ham["lesion_id"].value_counts().filter(pl.col("count") > 1).height,
        "ham random": random_split(ham["lesion_id"]),
    }


def images(folder: Path) -> dict[str, Any]:
    """Counts that need the pictures."""
    ham, seventeen = imported(folder, "ham10000"), imported(folder, "isic2017")
    pairs = find_duplicates([ham, seventeen])
    groups = pl.read_csv(SHARED / "isic2017" / "metadata.csv").select("image_id", unit="group_id")
    known = pl.concat([ham.manifest.select("image_id", unit="lesion_id"), groups])
    lesion_pairs = ham.manifest.group_by("lesion_id").len().select((pl.col("len") * (pl.col("len") - 1) // 2).sum())
    clusters = with_clusters(pairs)
    found = {}
    for name, data in (("ham10000", ham), ("isic2017", seventeen)):
        leaks = {k[1]: v.count for k, v in total(lint([data])).items() if k[0] == "leak"}
        found[name] = by_look(pairs, data, data, known) | {"lint": leaks}
    return {
        **found,
        "between": by_look(pairs, ham, seventeen, known),
        "clusters": clusters["cluster"].n_unique(),
        "lesion pairs": lesion_pairs.item(),
    }


def page(t: dict[str, Any], i: dict[str, Any]) -> str:
    rows = "\n".join(f"| {a} | {b} | {n:,} |" for a, b, n in t["overlap"])
    sizes = ", ".join(f"{name} {n:,}" for name, n in t["rows"].items())

    def line(name: str, c: dict[str, Any]) -> str:
        return (
            f"| {name} | {c['bytes']} | {c['pixels']} | {c['look']:,} | {c['known']:,} | {c['new']:,} | {c['sure']:,} |"
        )

    def lint_words(name: str) -> str:
        leaks = i[name]["lint"]
        return ", ".join(f"{n} {check}" for check, n in leaks.items()) or "none"

    ham, r19, r20 = t["ham random"], t["2019 random"], t["2020 random"]
    return f"""# Leaks in public skin data

Counted by `python benchmarks/leaks.py` on {datetime.now(UTC):%Y-%m-%d}, which writes this page. The tables and images are those in
`../shared/data`: parts of the public sets ({sizes} rows;
each set's README says what was left out), so the whole sets hold more of everything below.

## The same photograph in two datasets, by id

An ISIC id names one photograph, whatever a release adds to it (`_downsampled`, on {t["2019 downsampled"]:,} ids of ISIC 2019).

| one | other | photographs in both |
|---|---|---:|
{rows}

Whoever trains on ISIC 2019 and tests on HAM10000 or ISIC 2017 tests on images that were learned from. By `lesion_id`, ISIC 2019
and 2020 share {t["shared lesions"]:,} lesions; the two number them differently (`HAM_`, `BCN_`, `MSK4` against `IL_`), so this says little.
By patient nothing can be said: the ISIC 2019 table has no patient.

## One lesion, several photographs

| set | images | units | what a split by image does (70/10/20, mean of {DRAWS} draws) |
|---|---:|---:|---|
| HAM10000 | {t["rows"]["HAM10000"]:,} | {t["ham lesions"]:,} lesions, {t["ham several"]:,} with several images | {ham["lesions"]:.0f} lesions in train and test; {100 * ham["share"]:.1f} % of {ham["test"]:,} test images have their lesion in train |
| ISIC 2019 with a lesion id | {t["2019 with lesion"]:,} | {t["2019 lesions"]:,} lesions | {r19["lesions"]:.0f} lesions; {100 * r19["share"]:.1f} % of {r19["test"]:,} |
| ISIC 2020 | {t["rows"]["ISIC 2020"]:,} | {t["2020 patients"]:,} patients | {r20["lesions"]:.0f} patients; {100 * r20["share"]:.1f} % of {r20["test"]:,} |

DermaMNIST was split from HAM10000 in this way: 641 lesions are in both its train and test parts, and 693 of its 2,005 test images
have their lesion in train (Abhishek et al., Scientific Data 12:196, 2025, and a recount of their script). Its file holds no ids, so
this was not recounted here; the first row above is what such a split is expected to do.

## ISIC 2020's own list of duplicates

Of the {t["listed"]} pairs published with ISIC 2020 {t["listed here"]} have both images in the table. {t["listed two patients"]} of these are under two patient ids
(a split by patient parts those) and {t["listed two lesions"]} under two lesion ids (a split by lesion alone parts those); {t["listed two labels"]} have two
different labels, {t["listed malignant"]} involve a melanoma. Whoever splits by image parts them all.

## By hash and by look

`cutis lint --look` on the images of HAM10000 ({t["rows"]["HAM10000"]:,} of 200 x 150 pixels) and ISIC 2017 ({t["rows"]["ISIC 2017"]:,} of up to 512 x 512): pairs
that can be laid on one another so that their fine detail correlates by {THRESHOLD} or more. "Known" pairs have one lesion id (HAM10000)
or one near-duplicate group (ISIC 2017, as published with the copy here). On 2026-11-22 all the others were looked at by eye: each of
{SURE} or more was one lesion under two ids; of those below, all but about ten were.

| | same bytes | same pixels | by look | known | not known | of {SURE} or more |
|---|---:|---:|---:|---:|---:|---:|
{line("inside HAM10000", i["ham10000"])}
{line("inside ISIC 2017", i["isic2017"])}
{line("between them", i["between"])}

The pairs form {i["clusters"]:,} clusters. In HAM10000, {i["ham10000"]["known"]:,} of the {i["lesion pairs"]:,} pairs of images of one lesion are found by look: the others were
taken apart in time, angle or scale, which is what `lesion_id` is for.

Leaks by the sets' own splits as they are stored here (near-duplicates undecided): HAM10000 {lint_words("ham10000")}; ISIC 2017
{lint_words("isic2017")}. `cutis split` keeps them together by default once `cutis lint --look` has recorded them.
"""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--keep", type=Path, help="folder for the imported datasets")
    given = parser.parse_args()
    with tempfile.TemporaryDirectory() as temporary:
        text = page(tables(), images(given.keep or Path(temporary)))
    PAGE.write_text(text, encoding="utf-8")
    print(text)


if __name__ == "__main__":
    main()
